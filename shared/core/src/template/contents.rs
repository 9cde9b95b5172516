//! What a template may consist of.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::tenant::TemplateName;

/// The most files of a template. Each is read by a call of its own whenever a tenant is started.
pub const FILES_MOST: usize = 64;

/// The most bytes of one file.
pub const FILE_MOST: u64 = 256 * 1024;

/// The most bytes of all files of a template; reconcile holds them twice, in 128 MB.
pub const TOTAL_MOST: u64 = 1024 * 1024;

/// The longest path of a file below the template's prefix: what the name in a tar header holds without an extension.
pub const PATH_MOST: usize = 100;

/// The one file that every template has.
const CONFIG: &str = "config.yaml";

/// What every other file is below.
const PROMPTS: &str = "prompts";

/// What the keys of a template's objects begin with.
pub fn prefix(template: &TemplateName) -> String {
    format!("templates/{template}/")
}

/// The path of a file below the template's prefix: `config.yaml`, or one below `prompts/`.
///
/// Each of its parts is of the portable filename character set (POSIX, "Portable Filename Character Set") and neither `.`
/// nor `..`, so that it is the same file to whatever unpacks it, and never outside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePath(String);

impl FilePath {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders that it is in, the outermost first.
    fn folders(&self) -> impl Iterator<Item = &str> {
        let ends = self.0.match_indices('/').map(|(end, _)| end);
        ends.filter_map(|end| self.0.get(..end))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FilePath {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let refused = |why| InvalidTemplate::Path {
            path: text.to_owned(),
            why,
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if text.len() > PATH_MOST {
            return Err(refused("has more than 100 characters"));
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refused("has a part that is empty, . or .."));
        }
        if !text.split('/').all(|part| part.chars().all(legal)) {
            return Err(refused("has characters other than A-Z a-z 0-9 . _ - and /"));
        }
        let within = text.strip_prefix(PROMPTS).is_some_and(|rest| rest.starts_with('/'));
        if text != CONFIG && !within {
            return Err(refused("is neither config.yaml nor below prompts/"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// An object below a template's prefix, as a listing of the bucket shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key without the prefix.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// What tells its present content apart from any other: S3's `ETag`.
    pub etag: String,
}

/// A file of a template that is worth reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFile {
    /// Where it is below the prefix.
    pub path: FilePath,
    /// Its content when it was listed.
    pub etag: String,
}

/// Why objects are no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// There are none.
    #[error("there is no object below its prefix: upload config.yaml and prompts/ there")]
    Missing,
    /// It has files, and not the one that it must have.
    #[error("it has no config.yaml: upload one")]
    NoConfig,
    /// A file does not belong into a template.
    #[error("{path:?} {why}: rename or remove it")]
    Path {
        /// Its key without the prefix.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file has the name of a folder of another, which S3 can hold and no file system can.
    #[error("{path:?} is a file and a folder: rename one of the two")]
    FileAndFolder {
        /// The name.
        path: String,
    },
    /// It has too many files.
    #[error("it has more than {FILES_MOST} files: merge or remove some")]
    TooManyFiles,
    /// A file is too large.
    #[error("{path:?} has {size} bytes, and a file may have {FILE_MOST}: shorten or split it")]
    FileTooLarge {
        /// Which.
        path: String,
        /// In bytes.
        size: u64,
    },
    /// Its files are too large together.
    #[error("its files have {size} bytes together, and may have {TOTAL_MOST}: shorten or remove some")]
    TooLarge {
        /// In bytes.
        size: u64,
    },
}

/// The files of a template, of the objects below its prefix, in the order of their paths.
///
/// The empty objects that the S3 console makes for folders are passed over.
pub fn admit(listing: impl IntoIterator<Item = Listed>) -> Result<Vec<TemplateFile>, InvalidTemplate> {
    let (mut files, mut total) = (Vec::new(), 0_u64);
    for listed in listing {
        if is_folder(&listed) {
            continue;
        }
        let Listed { path, size, etag } = listed;
        if size > FILE_MOST {
            return Err(InvalidTemplate::FileTooLarge { path, size });
        }
        total += size;
        let path: FilePath = path.parse()?;
        files.push(TemplateFile { path, etag });
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    if files.is_empty() {
        return Err(InvalidTemplate::Missing);
    }
    if !files.iter().any(|file| file.path.as_str() == CONFIG) {
        return Err(InvalidTemplate::NoConfig);
    }
    if files.len() > FILES_MOST {
        return Err(InvalidTemplate::TooManyFiles);
    }
    if total > TOTAL_MOST {
        return Err(InvalidTemplate::TooLarge { size: total });
    }
    let folders: BTreeSet<&str> = files.iter().flat_map(|file| file.path.folders()).collect();
    match files.iter().find(|file| folders.contains(file.path.as_str())) {
        Some(both) => Err(InvalidTemplate::FileAndFolder {
            path: both.path.to_string(),
        }),
        None => Ok(files),
    }
}

fn is_folder(listed: &Listed) -> bool {
    listed.size == 0 && (listed.path.is_empty() || listed.path.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(path: &str, size: u64) -> Listed {
        Listed {
            path: path.to_owned(),
            size,
            etag: format!("\"{path}\""),
        }
    }

    fn config() -> Listed {
        listed("config.yaml", 1)
    }

    fn prompts(count: usize) -> impl Iterator<Item = Listed> {
        (0..count).map(|number| listed(&format!("prompts/{number}.md"), 1))
    }

    #[test]
    fn s7_a_template_is_config_yaml_and_what_is_below_prompts() {
        let listing = ["prompts/b/c.md", "prompts/a.md", "config.yaml"].map(|path| listed(path, 1));
        let files = admit(listing).unwrap();
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["config.yaml", "prompts/a.md", "prompts/b/c.md"]);
        assert_eq!(files[1].etag, "\"prompts/a.md\"");
        for other in [
            "readme.md",
            "config.yml",
            "prompts",
            "promptsx/a.md",
            "skills/config.yaml",
            ".env",
        ] {
            let error = admit([config(), listed(other, 1)]).unwrap_err();
            assert!(
                matches!(&error, InvalidTemplate::Path { path, .. } if path == other),
                "{error}"
            );
        }
    }

    #[test]
    fn s7_no_path_leads_elsewhere() {
        for path in [
            "prompts/../config.yaml",
            "prompts/..",
            "../config.yaml",
            "prompts//a.md",
            "prompts/./a.md",
            "/config.yaml",
            "/prompts/a.md",
            "prompts\\a.md",
            "prompts/..\\a.md",
            "prompts/a\0.md",
            "prompts/a\n.md",
            "prompts/\u{202e}dm.a",
            "prompts/a b.md",
            "prompts/a.md/",
        ] {
            let error = admit([config(), listed(path, 1)]).unwrap_err();
            assert!(matches!(error, InvalidTemplate::Path { .. }), "{path:?}: {error}");
        }
        assert!(
            admit([config(), listed("prompts/..a/...md", 1)]).is_ok(),
            "dots are no traversal by themselves"
        );
    }

    #[test]
    fn s7_a_path_has_at_most_a_hundred_characters() {
        let path = |length: usize| format!("prompts/{}", "a".repeat(length - "prompts/".len()));
        assert!(admit([config(), listed(&path(PATH_MOST), 1)]).is_ok());
        assert!(admit([config(), listed(&path(PATH_MOST + 1), 1)]).is_err());
    }

    #[test]
    fn s7_nothing_is_no_template_and_one_without_config_is_none_either() {
        assert_eq!(admit([]), Err(InvalidTemplate::Missing));
        assert_eq!(admit(prompts(1)), Err(InvalidTemplate::NoConfig));
    }

    #[test]
    fn s7_the_empty_objects_of_folders_are_passed_over() {
        let folders = ["", "prompts/", "prompts/a/"].map(|path| listed(path, 0));
        assert_eq!(admit(folders.clone()), Err(InvalidTemplate::Missing));
        assert_eq!(admit(folders.into_iter().chain([config()])).unwrap().len(), 1);
        assert!(
            admit([config(), listed("prompts/a/", 1)]).is_err(),
            "one that is not empty is a file"
        );
    }

    #[test]
    fn s7_a_template_is_not_oversize() {
        let files = |count: usize| admit(prompts(count - 1).chain([config()]));
        assert_eq!(files(FILES_MOST).unwrap().len(), FILES_MOST);
        assert_eq!(files(FILES_MOST + 1), Err(InvalidTemplate::TooManyFiles));

        let one = |size: u64| admit([listed("config.yaml", size)]);
        assert!(one(FILE_MOST).is_ok());
        let too_large = InvalidTemplate::FileTooLarge {
            path: "config.yaml".to_owned(),
            size: FILE_MOST + 1,
        };
        assert_eq!(one(FILE_MOST + 1), Err(too_large));

        let all = |rest: u64| {
            let full = (0..3).map(|number| listed(&format!("prompts/{number}.md"), FILE_MOST));
            admit(full.chain([listed("config.yaml", rest - 1), listed("prompts/rest.md", 1)]))
        };
        assert!(all(TOTAL_MOST - 3 * FILE_MOST).is_ok());
        let size = TOTAL_MOST + 1;
        assert_eq!(all(size - 3 * FILE_MOST), Err(InvalidTemplate::TooLarge { size }));
    }

    #[test]
    fn s7_nothing_is_a_file_and_a_folder() {
        let both = ["prompts/a/b.md", "prompts/a"].map(|path| listed(path, 1));
        let error = admit(both.into_iter().chain([config()])).unwrap_err();
        assert_eq!(
            error,
            InvalidTemplate::FileAndFolder {
                path: "prompts/a".to_owned()
            }
        );
        let beside = ["prompts/a/b.md", "prompts/a.md"].map(|path| listed(path, 1));
        assert!(admit(beside.into_iter().chain([config()])).is_ok());
    }
}
