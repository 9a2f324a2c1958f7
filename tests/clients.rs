//! The clients' own tests, with the binary and the engine of this build. `clients/setup` makes what they run with.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use automation_kv::engine::BUILT_IN_COMPONENT;

use support::plugins;
use support::service::BINARY;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn the_python_client_passes_its_tests() {
    let folder = client("python");
    let component = folder.join("src/automation_kv/engine.wasm");
    if std::fs::read(&component).ok().as_deref() != Some(BUILT_IN_COMPONENT) {
        std::fs::write(&component, BUILT_IN_COMPONENT).expect("a file");
    }
    let python = Path::new(ROOT).join("target/clients/venv/bin/python");
    run(Command::new(python).args(["-m", "pytest"]), &folder);
}

#[test]
fn the_typescript_client_passes_its_tests() {
    run(Command::new("npm").arg("test"), &client("typescript"));
}

fn client(name: &str) -> PathBuf {
    Path::new(ROOT).join("clients").join(name)
}

fn run(command: &mut Command, folder: &Path) {
    let plugins = plugins::folder_of(&["rate-limiter"]);
    let output = command
        .current_dir(folder)
        .env("AUTOMATION_KV_BINARY", BINARY)
        .env("AUTOMATION_KV_TEST_PLUGINS", plugins.path())
        .output();
    let output = output.expect("what `make setup` installs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
