//! The `berth` command as an operator types it.

use std::process::Stdio;

use regex::Regex;
use tokio::process::Command;

use crate::binary::built;

/// What a command has said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// On standard output.
    pub out: String,
    /// On standard error.
    pub err: String,
    /// The exit code.
    pub code: i32,
}

impl Said {
    /// The first lines of both, with the code.
    pub fn all(&self) -> String {
        format!("{}{}exit code {}\n", self.out, self.err, self.code)
    }
}

/// Types words at a shell in which nothing but these variables is set.
pub async fn typed(words: &str, variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new(built("berth"));
    command.env_clear().envs(variables.iter().copied());
    let output = command.args(split(words)).stdin(Stdio::null()).output().await.unwrap();
    Said {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    }
}

/// Words at spaces; what is between single quotes is one word.
pub fn split(words: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for (index, part) in words.split('\'').enumerate() {
        let mut pieces = if index % 2 == 1 {
            vec![part]
        } else {
            part.split(' ').collect()
        }
        .into_iter();
        if let (Some(first), Some(last)) = (pieces.next(), all.last_mut()) {
            last.push_str(first);
        }
        all.extend(pieces.map(str::to_owned));
    }
    all.retain(|word| !word.is_empty());
    all
}

/// What is another in every run by its name: moments (the world of a test begins now), spans of time,
/// what ECS numbers, and who of equals is the canary.
pub fn steady(text: &str) -> String {
    let shapes = [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<time>"),
        (r"\b\d+ (s|min|h)( \d+ (s|min))?\b", "<span>"),
        (r"\b[0-9a-f]{32}\b", "<task>"),
        (r"ecs-svc/\d+", "ecs-svc/<n>"),
        (r"\b10\.0\.0\.\d+\b", "<ip>"),
        (r"\bt-\d\b", "t-<n>"),
    ];
    shapes.iter().fold(text.to_owned(), |text, (shape, name)| {
        Regex::new(shape).unwrap().replace_all(&text, *name).into_owned()
    })
}
