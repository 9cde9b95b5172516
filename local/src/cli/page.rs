//! `berth page`: the dashboard as files, for any web server in front of a deployed API.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::client::Endpoint;
use super::print;
use super::trouble::Trouble;
use crate::up::page::FILES;

/// Where the files go, and where the API is.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  berth page site                                  # page and API at one address, as behind CloudFront
  berth page site --api https://api.example.com    # the API allows the page's origin (CORS)
  aws s3 sync site s3://my-bucket --delete")]
pub struct PageArgs {
    /// A directory; it is made if it is not there.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Address of the API, if it is not the page's own.
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// How often the page asks the API what has changed, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(2..=3_600))]
    every: u32,
}

/// Where the policy goes: before anything is loaded.
const BEFORE: &str = "    <title>";

impl PageArgs {
    /// Writes the files.
    pub fn write(&self) -> Result<(), Trouble> {
        let api: Option<Endpoint> = self
            .api
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(Trouble::Usage)?;
        for file in FILES {
            let text = match file.path {
                "index.html" => file
                    .text
                    .replacen(BEFORE, &format!("    {}\n{BEFORE}", policy(api.as_ref())), 1),
                _ => file.text.to_owned(),
            };
            self.put(file.path, &text)?;
        }
        let address = api.as_ref().map(ToString::to_string).unwrap_or_default();
        let config = json!({ "api": address, "local": false, "everySeconds": self.every });
        self.put("config.json", &format!("{config:#}\n"))?;
        let told = format!(
            "The page is in {}: {} files.\n",
            self.directory.display(),
            FILES.len() + 1
        );
        Ok(print::out(&told)?)
    }

    fn put(&self, path: &str, text: &str) -> Result<(), Trouble> {
        let path = self.directory.join(path);
        let wrong = |error: std::io::Error| Trouble::Usage(format!("{} cannot be written: {error}", path.display()));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(wrong)?;
        }
        fs::write(&path, text).map_err(wrong)
    }
}

/// The policy that `berth up` sends as a header, for servers that send none; it may talk to the API as well.
fn policy(api: Option<&Endpoint>) -> String {
    let api = api.map(|api| format!(" {}", api.origin())).unwrap_or_default();
    format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self'; style-src 'self'; \
         img-src 'self'; connect-src 'self'{api}; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types lit-html\" />"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_talk_to_its_api_and_to_nobody_else() {
        let api: Endpoint = "https://abc.execute-api.eu-west-1.amazonaws.com/live".parse().unwrap();
        let policy = policy(Some(&api));
        assert!(
            policy.contains("connect-src 'self' https://abc.execute-api.eu-west-1.amazonaws.com;"),
            "{policy}"
        );
        assert!(
            FILES
                .iter()
                .any(|file| file.path == "index.html" && file.text.contains(BEFORE))
        );
    }
}
