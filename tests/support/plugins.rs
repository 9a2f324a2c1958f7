//! The plugins of `examples/plugins`, built by their languages' own toolchains.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::service::command;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/plugins");

/// The component of an example.
pub fn example(name: &str) -> PathBuf {
    built().join(name).with_extension("wasm")
}

/// The folder of an example's sources.
pub fn sources(name: &str) -> PathBuf {
    Path::new(EXAMPLES).join(name)
}

/// A folder with the components of all examples, and nothing else.
pub fn folder() -> tempfile::TempDir {
    folder_of(&["rate-limiter", "feed-merger", "weighted-picker"])
}

/// A folder with the components of some examples, and nothing else.
pub fn folder_of(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in names {
        let component = example(name);
        std::fs::copy(&component, folder.path().join(component.file_name().expect("a name"))).expect("a copy");
    }
    folder
}

/// Where they are; builds what is not up to date.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let build = Path::new(EXAMPLES).join("build");
        let status = Command::new(&build).status().expect("a shell");
        assert!(status.success(), "{} failed", build.display());
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
            PathBuf::from,
        );
        let folder = target.join("plugins").canonicalize().expect("a folder");
        let components =
            ["rate-limiter", "feed-merger", "weighted-picker"].map(|name| folder.join(name).with_extension("wasm"));
        // Compiled once, and not by each of the services that start at the same time.
        let mut check = command(&["plugins", "check", "--output", "raw"]);
        let checked = check.args(components).output().expect("the binary runs");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        folder
    })
}
