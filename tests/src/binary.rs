//! The workspace's binaries, built as they are needed.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

/// Builds a binary of the workspace, in the profile that the tests run in, and says where it is.
///
/// `cargo test` builds the binaries of a package for that package's own tests only; a test that runs another package's
/// must see to it itself, or it runs what an earlier build left.
pub fn built(package: &str) -> PathBuf {
    static BUILD: Once = Once::new();
    BUILD.call_once(build);
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).expect("…/<profile>/deps/<test>");
    profile.join(package)
}

fn build() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut build = Command::new(cargo);
    // The whole workspace, so that crates have the features that `cargo test --workspace` has built them with.
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--manifest-path",
        manifest,
        "--workspace",
        "--bins",
        "--tests",
    ]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "the workspace does not build");
}
