//! The page of each kind of problem: what it means, and what to do. They are the files of `docs/errors`.

use super::Code;

macro_rules! pages {
    ($($code:ident: $name:literal;)+) => {
        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// Its name, as callers see it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            /// Its page, as Markdown.
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$code => include_str!(concat!("../../../../docs/errors/", $name, ".md")),)+
                }
            }
        }
    };
}

pages! {
    Unauthenticated: "unauthenticated";
    Forbidden: "forbidden";
    NoRoute: "no_route";
    NoMethod: "no_method";
    InvalidId: "invalid_id";
    InvalidParameter: "invalid_parameter";
    InvalidJson: "invalid_json";
    BodyTooLarge: "body_too_large";
    InvalidOverlay: "invalid_overlay";
    NoTemplate: "no_template";
    InvalidTemplate: "invalid_template";
    NoTenant: "no_tenant";
    PreconditionFailed: "precondition_failed";
    Conflict: "conflict";
    BeingDeleted: "being_deleted";
    InvalidHold: "invalid_hold";
    InvalidWake: "invalid_wake";
    InvalidOverride: "invalid_override";
    NotRunning: "not_running";
    Pinned: "pinned";
    NoRelease: "no_release";
    NoRollout: "no_rollout";
    InvalidRollout: "invalid_rollout";
    RolloutRefused: "rollout_refused";
    Unavailable: "unavailable";
}

impl Code {
    /// The kind of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")
    }

    #[test]
    fn each_page_is_of_a_code_and_says_what_it_is() {
        let files = std::fs::read_dir(folder()).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let expected = Code::ALL.iter().map(|code| format!("{}.md", code.name()));
        let expected: BTreeSet<String> = expected.chain(["README.md".to_owned()]).collect();
        assert_eq!(files.collect::<BTreeSet<_>>(), expected);
        for code in Code::ALL {
            let (page, name) = (code.page(), code.name());
            let head = format!("# {}\n\n`{name}`, HTTP status {}\n\n", code.title(), code.status());
            assert!(page.starts_with(&head), "{name} begins with {head:?}");
            let (meaning, advice) = page.split_once("\n## What to do\n").expect(name);
            assert!(meaning.contains("## What it means"), "{name}");
            assert!(advice.trim().len() > 40, "{name} says what to do");
            assert_eq!(serde_json::to_value(code).unwrap(), name);
            assert_eq!(Code::of_name(name), Some(*code));
        }
        assert_eq!(Code::of_name("README"), None);
    }

    #[test]
    fn the_index_lists_every_page() {
        let index = std::fs::read_to_string(folder().join("README.md")).unwrap();
        let rows: BTreeSet<&str> = index.lines().filter(|line| line.starts_with("| [")).collect();
        let expected: Vec<String> = Code::ALL
            .iter()
            .map(|code| {
                format!(
                    "| [{0}]({0}.md) | {1} | {2} |",
                    code.name(),
                    code.status(),
                    code.title()
                )
            })
            .collect();
        assert_eq!(rows, expected.iter().map(String::as_str).collect());
    }
}
