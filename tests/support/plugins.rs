//! The plugins of `examples/plugins`, built by their languages' own toolchains.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

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
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["rate-limiter", "feed-merger", "weighted-picker"] {
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
        target.join("plugins").canonicalize().expect("a folder")
    })
}
