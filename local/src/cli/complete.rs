//! Completions for the shell.

use clap::{Args, Command};
use clap_complete::Shell;

use super::print;
use super::trouble::Trouble;

/// For which shell.
#[derive(Args, Clone, Copy, Debug)]
#[command(after_help = "\
Examples:
  berth completions bash > ~/.local/share/bash-completion/completions/berth
  berth completions zsh > \"${fpath[1]}/_berth\"
  berth completions fish > ~/.config/fish/completions/berth.fish")]
pub struct CompletionArgs {
    /// The shell; the one in `SHELL` if none is named.
    #[arg(value_enum)]
    shell: Option<Shell>,
}

impl CompletionArgs {
    /// Prints what the shell reads.
    pub fn print(self, command: &mut Command) -> Result<(), Trouble> {
        let shell = self.shell.or_else(Shell::from_env);
        let shell =
            shell.ok_or_else(|| Trouble::Usage("name the shell: bash, zsh, fish, elvish or powershell".to_owned()))?;
        let mut script = Vec::new();
        clap_complete::generate(shell, command, "berth", &mut script);
        Ok(print::out(&String::from_utf8_lossy(&script))?)
    }
}
