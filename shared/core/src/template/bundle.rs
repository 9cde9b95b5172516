//! The archive of a template's files, and where it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::contents::FilePath;
use crate::definition::Fingerprint;
use crate::tenant::InvalidId;

/// The SHA-256 of a bundle's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BundleDigest(Fingerprint);

impl BundleDigest {
    /// The key of the bundle of this digest.
    pub fn key(self) -> String {
        format!("bundles/{self}.tar")
    }
}

impl fmt::Display for BundleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for BundleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for BundleDigest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self)
    }
}

/// The files of a template as one archive.
///
/// The same files make the same bytes, in whatever order they come and whenever they were written: POSIX `ustar`, sorted by
/// path, regular files only, owned by 0:0 with mode 0644 and dated 1970 (POSIX, `pax`, "ustar Interchange Format").
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    digest: BundleDigest,
    bytes: Vec<u8>,
}

impl Bundle {
    /// Of these files.
    pub fn of(files: impl IntoIterator<Item = (FilePath, Vec<u8>)>) -> Self {
        let mut files: Vec<(FilePath, Vec<u8>)> = files.into_iter().collect();
        files.sort_unstable();
        let mut bytes = Vec::new();
        for (path, content) in &files {
            bytes.extend_from_slice(&header(path, content.len()));
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        }
        bytes.resize(bytes.len() + 2 * BLOCK, 0);
        let digest = BundleDigest(Fingerprint::of(&bytes));
        Self { digest, bytes }
    }

    /// What it is named by.
    pub fn digest(&self) -> BundleDigest {
        self.digest
    }

    /// The archive.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A bundle's `Debug` names it and shows nothing of its content.
impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bundle({}, {} bytes)", self.digest, self.bytes.len())
    }
}

/// The block of a tar archive.
const BLOCK: usize = 512;

/// Where the checksum is in a header.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// The header of a regular file.
fn header(path: &FilePath, size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| {
        let field = header.get_mut(at..).into_iter().flatten();
        field.zip(text.bytes()).for_each(|(byte, new)| *byte = new);
    };
    put(0, path.as_str());
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    put(CHECKSUM.start, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    put(329, "0000000\0");
    put(337, "0000000\0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    let field = header.get_mut(CHECKSUM).into_iter().flatten();
    field.zip(sum.bytes()).for_each(|(byte, new)| *byte = new);
    header
}

/// Where a bundle is, as a definition names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleAt {
    bucket: String,
    digest: BundleDigest,
}

impl BundleAt {
    /// In this bucket.
    pub fn new(bucket: impl Into<String>, digest: BundleDigest) -> Self {
        let bucket = bucket.into();
        Self { bucket, digest }
    }

    /// As `s3://bucket/key`.
    pub fn uri(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.digest.key())
    }

    /// What it is named by.
    pub fn digest(&self) -> BundleDigest {
        self.digest
    }

    /// No bundle makes a definition longer than this one: a bucket's name has at most 63 characters (S3 User Guide, "General
    /// purpose bucket naming rules").
    pub(crate) fn longest() -> Self {
        Self::new("b".repeat(63), BundleDigest(Fingerprint::of(b"")))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    fn file(path: &str, content: &str) -> (FilePath, Vec<u8>) {
        (path.parse().unwrap(), content.as_bytes().to_vec())
    }

    fn bundle() -> Bundle {
        Bundle::of([
            file("prompts/deep/er.md", "be brief"),
            file("config.yaml", &"model: small\n".repeat(50)),
            file("prompts/empty.md", ""),
        ])
    }

    #[test]
    fn s7_the_same_files_are_the_same_bundle_and_others_another() {
        let again = Bundle::of([
            file("config.yaml", &"model: small\n".repeat(50)),
            file("prompts/empty.md", ""),
            file("prompts/deep/er.md", "be brief"),
        ]);
        assert_eq!(bundle(), again);
        let digest = "0a561a9b6ba30f7da485a7382f1d0b7ba7dd6d84718c525144c68af196a2a42b";
        assert_eq!(
            bundle().digest().to_string(),
            digest,
            "a new release of Berth changes no bundle"
        );
        let renamed = [file("config.yaml", "a"), file("prompts/a.md", "b")];
        let swapped = [file("config.yaml", "b"), file("prompts/a.md", "a")];
        assert_ne!(Bundle::of(renamed).digest(), Bundle::of(swapped).digest());
    }

    /// What `tar` makes of a bundle.
    fn tar(arguments: &[&str]) -> String {
        let mut child = Command::new("tar")
            .args(arguments)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bundle().into_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn s7_a_bundle_is_an_archive_of_regular_files_and_nothing_else() {
        let listing = tar(&["-tvf", "-"]);
        let lines: Vec<Vec<&str>> = listing.lines().map(|line| line.split_whitespace().collect()).collect();
        let told: Vec<(&str, &str, &str)> = lines
            .iter()
            .map(|words| (words[0], words[2], words[words.len() - 1]))
            .collect();
        let expected = [
            ("-rw-r--r--", "650", "config.yaml"),
            ("-rw-r--r--", "8", "prompts/deep/er.md"),
            ("-rw-r--r--", "0", "prompts/empty.md"),
        ];
        assert_eq!(told, expected, "{listing}");
        assert_eq!(tar(&["-xOf", "-", "prompts/deep/er.md"]), "be brief");
    }

    #[test]
    fn a_bundle_is_named_by_its_digest() {
        let digest = bundle().digest();
        let at = BundleAt::new("assets", digest);
        assert_eq!(at.uri(), format!("s3://assets/bundles/{digest}.tar"));
        assert_eq!(digest.to_string().parse(), Ok(digest));
    }
}
