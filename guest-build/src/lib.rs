//! Builds a guest crate of this workspace into a WebAssembly component, from a build script.
//!
//! The nested cargo gets an environment and a target directory of its own: flags that it inherited
//! would silently change the component's bytes, and a shared directory would deadlock on its lock.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target whose linker makes components.
const TARGET: &str = "wasm32-wasip2";

/// Instances begin with all the memory that a session on a mebibyte needs, and with a stack that fits in it: what is there from
/// the start costs an instance nothing, and what it adds later has to be taken away again. Vectors of 128 bits are part of
/// WebAssembly 2.0, so every engine has them. The unit separator is cargo's.
const FLAGS: &str = "-Clink-args=-zstack-size=262144 --initial-memory=2621440\x1f-Ctarget-feature=+simd128";

/// The workspace profile for guests.
const PROFILE: &str = "guest";

/// Builds `package`, whose library file is `file_stem.wasm`, tells cargo what it depends on, and
/// gives the component to the crate as the path in the environment variable `variable`.
///
/// # Errors
///
/// Says in one line what is missing or which command failed.
pub fn build_guest(package: &str, file_stem: &str, variable: &str) -> Result<(), String> {
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: call this from a build script")?);
    let target_dir = out_dir.join("guest");
    ensure_target()?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--locked",
            "--package",
            package,
            "--profile",
            PROFILE,
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS)
        .env_remove("RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err(format!("building the guest `{package}` failed ({status})"));
    }
    let built = target_dir.join(TARGET).join(PROFILE);
    let component = built.join(file_stem).with_extension("wasm");
    watch(&built.join(file_stem).with_extension("d"))?;
    println!("cargo::rustc-env={variable}={}", component.display());
    Ok(())
}

/// Adds the wasm target to the toolchain where it is missing.
fn ensure_target() -> Result<(), String> {
    if target_is_installed() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!(
        "the target {TARGET} is missing; run: rustup target add {TARGET}"
    ))
}

fn target_is_installed() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output();
    output.is_ok_and(|output| {
        let libdir = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success() && Path::new(libdir.trim()).is_dir()
    })
}

/// Makes cargo run the build script again when a source of the guest changes.
fn watch(dependency_file: &Path) -> Result<(), String> {
    let listed = std::fs::read_to_string(dependency_file)
        .map_err(|error| format!("cannot read {}: {error}", dependency_file.display()))?;
    let sources = listed.split_once(": ").map_or("", |(_, sources)| sources);
    for source in sources.split_whitespace() {
        println!("cargo::rerun-if-changed={source}");
    }
    let root = env::var("CARGO_MANIFEST_DIR").map_err(|error| error.to_string())?;
    let workspace = Path::new(&root)
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file())
        .ok_or("no Cargo.lock above the crate")?;
    for file in ["wit", "Cargo.toml", "Cargo.lock", "guest/Cargo.toml", "guest/src"] {
        println!("cargo::rerun-if-changed={}", workspace.join(file).display());
    }
    Ok(())
}
