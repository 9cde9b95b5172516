//! The `berth` command as an operator types it.

use std::process::Stdio;

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

/// Every date and time as `<time>`: the world of a test begins now.
pub fn without_times(text: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00";
    let mut kept = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_time = rest.len() >= SHAPE.len()
            && rest.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                other => byte == *other,
            });
        if is_time {
            kept.push_str("<time>");
            rest = &rest[SHAPE.len()..];
        } else {
            kept.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    kept
}
