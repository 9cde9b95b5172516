//! The script of the init container (`examples/delivery/deliver.sh`), run with bundles as Berth makes them and as it never
//! would, and with an `aws` that copies from a folder.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(
    clippy::disallowed_methods,
    reason = "which shell runs the script is the machine's affair"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use berth_core::template::Bundle;

/// A volume, a bucket, and the script between them.
struct Stand {
    root: PathBuf,
    shell: String,
}

/// What is on a volume: the content of files, and where links lead.
type Tree = BTreeMap<String, String>;

impl Stand {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deliver-{name}"));
        drop(fs::remove_dir_all(&root));
        for folder in ["bin", "bucket", "workspace"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        let aws = root.join("bin/aws");
        let copies =
            "#!/bin/sh\n[ \"$1 $2 $3\" = 's3 cp --only-show-errors' ] && exec cp \"$BUCKET/${4##*/}\" \"$5\"\n";
        fs::write(&aws, copies).unwrap();
        fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
        let shell = std::env::var("DELIVER_SHELL").unwrap_or_else(|_| "sh".to_owned());
        Self { root, shell }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A file of the tenant's own, or of nobody's.
    fn write(&self, path: &str, content: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), content).unwrap();
    }

    fn run(&self, variables: &[(&str, &str)]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/delivery/deliver.sh");
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap());
        Command::new(&self.shell)
            .arg(script)
            .env_clear()
            .env("PATH", path)
            .env("BUCKET", self.at("bucket"))
            .env("BERTH_CONFIG_DIR", self.at("workspace"))
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    }

    /// Delivers this archive under this digest.
    fn hand_over(&self, archive: &[u8], digest: &str) -> Output {
        fs::write(self.at("bucket/b.tar"), archive).unwrap();
        self.run(&[
            ("BERTH_BUNDLE", "s3://assets/bundles/b.tar"),
            ("BERTH_BUNDLE_SHA256", digest),
        ])
    }

    /// Delivers the bundle of these files, as Berth makes it.
    fn deliver(&self, files: &[(&str, &str)]) -> Output {
        let bundle = bundle(files);
        let digest = bundle.digest().to_string();
        self.hand_over(&bundle.into_bytes(), &digest)
    }

    /// Everything on the volume but what Berth notes there.
    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        walk(&self.at("workspace"), "", &mut tree);
        tree.retain(|path, _| !path.starts_with(".berth/"));
        tree
    }

    /// Fails, saying this, and changes nothing.
    fn refuses(&self, archive: &[u8], digest: &str, why: &str) {
        let before = self.tree();
        failed(&self.hand_over(archive, digest), why);
        assert_eq!(self.tree(), before, "{why}");
    }
}

fn walk(folder: &Path, prefix: &str, tree: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), tree);
        } else if kind.is_symlink() {
            let link = fs::read_link(entry.path()).unwrap();
            tree.insert(path, format!("-> {}", link.display()));
        } else {
            tree.insert(path, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn bundle(files: &[(&str, &str)]) -> Bundle {
    Bundle::of(
        files
            .iter()
            .map(|(path, content)| (path.parse().unwrap(), content.as_bytes().to_vec())),
    )
}

fn tree(files: &[(&str, &str)]) -> Tree {
    files
        .iter()
        .map(|(path, content)| ((*path).to_owned(), (*content).to_owned()))
        .collect()
}

fn done(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

fn failed(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("berth-config: ") && said.contains(why), "{said}");
}

const FIRST: [(&str, &str); 3] = [
    ("config.yaml", "model: small\n"),
    ("prompts/tone.md", "be brief\n"),
    ("prompts/old/long.md", "be long\n"),
];

#[test]
fn s7_the_templates_files_are_replaced_and_the_tenants_own_stay() {
    let stand = Stand::new("replaced");
    stand.write("workspace/notes.txt", "mine");
    stand.write("workspace/prompts/mine.md", "mine too");
    let own = [("notes.txt", "mine"), ("prompts/mine.md", "mine too")];
    done(&stand.deliver(&FIRST));
    assert_eq!(stand.tree(), tree(&[&own[..], &FIRST].concat()));

    stand.write("workspace/config.yaml", "changed by the tenant");
    let second = [("config.yaml", "model: large\n"), ("prompts/new.md", "be kind\n")];
    for _ in 0..2 {
        done(&stand.deliver(&second));
        assert_eq!(stand.tree(), tree(&[&own[..], &second].concat()));
    }
    assert!(
        !stand.at("workspace/prompts/old").exists(),
        "nor is an empty folder left"
    );
    assert!(!stand.at("workspace/.berth/staging").exists());
    done(&stand.run(&[]));
    assert_eq!(
        stand.tree(),
        tree(&own),
        "whoever has no template any more has none of its files"
    );
}

#[test]
fn s7_a_file_may_become_a_folder_and_a_folder_a_file() {
    let stand = Stand::new("become");
    for files in [
        [("config.yaml", "a"), ("prompts/a", "file")],
        [("config.yaml", "b"), ("prompts/a/b", "folder")],
        [("config.yaml", "c"), ("prompts/a", "file again")],
    ] {
        done(&stand.deliver(&files));
        assert_eq!(stand.tree(), tree(&files));
    }
}

#[test]
fn s7_what_stays_in_the_template_is_never_missing() {
    let stand = Stand::new("missing");
    let last = ("prompts/z.md", "z");
    done(&stand.deliver(&[("config.yaml", "a"), ("prompts/a/b", "b"), last]));
    stand.write("workspace/prompts/a/mine", "mine");
    failed(
        &stand.deliver(&[("config.yaml", "a"), ("prompts/a", "a file now"), last]),
        "still has files of the tenant's",
    );
    let left = [("config.yaml", "a"), ("prompts/a/mine", "mine"), last];
    assert_eq!(stand.tree(), tree(&left));
}

#[test]
fn s7_what_cannot_be_fetched_or_has_another_digest_changes_nothing() {
    let stand = Stand::new("digest");
    done(&stand.deliver(&FIRST));
    let other = bundle(&[("config.yaml", "x")]);
    let digest = bundle(&FIRST).digest().to_string();
    stand.refuses(&other.clone().into_bytes(), &digest, "has the digest");
    stand.refuses(b"", &digest, "has the digest");
    let before = stand.tree();
    let gone = [
        ("BERTH_BUNDLE", "s3://assets/bundles/gone.tar"),
        ("BERTH_BUNDLE_SHA256", digest.as_str()),
    ];
    failed(&stand.run(&gone), "could not be fetched");
    failed(
        &stand.run(&[("BERTH_BUNDLE", "s3://assets/bundles/b.tar")]),
        "BERTH_BUNDLE_SHA256 is not set",
    );
    assert_eq!(stand.tree(), before);
}

/// An archive made by `tar` with these arguments, of what was prepared in its folder, and its digest.
fn archive(stand: &Stand, arguments: &[&str]) -> (Vec<u8>, String) {
    let made = Command::new("tar")
        .current_dir(stand.at("forged"))
        .args(["-cPf", "-"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::write(stand.at("forged.tar"), &made.stdout).unwrap();
    let sum = Command::new("sha256sum").arg(stand.at("forged.tar")).output().unwrap();
    let digest = String::from_utf8(sum.stdout).unwrap();
    (made.stdout, digest.split(' ').next().unwrap().to_owned())
}

#[test]
fn s7_an_archive_with_anything_else_in_it_is_refused() {
    let stand = Stand::new("forged");
    done(&stand.deliver(&FIRST));
    stand.write("forged/config.yaml", "forged");
    stand.write("forged/run.sh", "forged");
    stand.write("forged/prompts/a.md", "forged");
    symlink("/etc/passwd", stand.at("forged/prompts/link.md")).unwrap();
    fs::hard_link(stand.at("forged/config.yaml"), stand.at("forged/prompts/hard.md")).unwrap();
    let regular = "no regular file";
    let path = "which no template may have";
    for (arguments, why) in [
        (vec!["config.yaml", "prompts/link.md"], regular),
        (vec!["config.yaml", "prompts/hard.md"], regular),
        (vec!["config.yaml", "prompts"], regular),
        (vec!["config.yaml", "run.sh"], path),
        (vec!["--transform=s,run,../run,", "config.yaml", "run.sh"], path),
        (
            vec!["--transform=s,a.md,../../../bin/aws,", "config.yaml", "prompts/a.md"],
            path,
        ),
        (
            vec!["--transform=s,^run.sh,/tmp/berth-forged,", "config.yaml", "run.sh"],
            path,
        ),
        (vec!["--transform=s,a.md,a b.md,", "config.yaml", "prompts/a.md"], path),
        (vec!["--transform=s,^config.yaml,./config.yaml,", "config.yaml"], path),
    ] {
        let (archive, digest) = archive(&stand, &arguments);
        stand.refuses(&archive, &digest, why);
    }
    let aws = fs::read_to_string(stand.at("bin/aws")).unwrap();
    assert!(!aws.contains("forged") && !Path::new("/tmp/berth-forged").exists());
    let (archive, digest) = archive(&stand, &["config.yaml", "prompts/a.md"]);
    done(&stand.hand_over(&archive, &digest));
}

#[test]
fn s7_links_of_the_tenants_lead_nowhere() {
    let stand = Stand::new("links");
    stand.write("elsewhere/config.yaml", "not yours");
    stand.write("elsewhere/tone.md", "not yours");
    symlink(stand.at("elsewhere/config.yaml"), stand.at("workspace/config.yaml")).unwrap();
    done(&stand.deliver(&FIRST));
    fs::remove_dir_all(stand.at("workspace/prompts")).unwrap();
    symlink(stand.at("elsewhere"), stand.at("workspace/prompts")).unwrap();
    let next = bundle(&[("config.yaml", "model: large\n"), FIRST[1]]);
    let (digest, bytes) = (next.digest().to_string(), next.into_bytes());
    stand.refuses(&bytes, &digest, "is no folder");
    done(&stand.run(&[]));
    fs::remove_file(stand.at("workspace/prompts")).unwrap();
    stand.write("workspace/prompts/tone.md/mine", "a folder of the tenant's");
    stand.refuses(&bytes, &digest, "is a folder");
    fs::remove_dir_all(stand.at("workspace/prompts")).unwrap();
    fs::remove_dir_all(stand.at("workspace/.berth")).unwrap();
    symlink(stand.at("elsewhere"), stand.at("workspace/.berth")).unwrap();
    done(&stand.deliver(&FIRST));
    assert_eq!(stand.tree(), tree(&FIRST));
    let mut elsewhere = Tree::new();
    walk(&stand.at("elsewhere"), "", &mut elsewhere);
    assert_eq!(
        elsewhere,
        tree(&[("config.yaml", "not yours"), ("tone.md", "not yours")])
    );
}

#[test]
fn s7_the_list_of_what_was_delivered_is_believed_no_further_than_a_template_goes() {
    let stand = Stand::new("list");
    done(&stand.deliver(&FIRST));
    stand.write("victim", "outside");
    stand.write("workspace/notes.txt", "mine");
    let list = "../victim\nprompts/../../victim\n/etc/hostname\nnotes.txt\nprompts\n\nprompts/old\nprompts/tone.md\n";
    stand.write("workspace/.berth/delivered", list);
    let left = [
        ("config.yaml", "b"),
        ("notes.txt", "mine"),
        ("prompts/old/long.md", "be long\n"),
    ];
    done(&stand.deliver(&left[..1]));
    assert_eq!(stand.tree(), tree(&left));
    assert!(stand.at("victim").exists());
}
