//! Builds this crate a second time, as a component, which the native crate carries inside.

fn main() {
    let is_the_component = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|architecture| architecture == "wasm32");
    if is_the_component {
        return;
    }
    println!("cargo::rerun-if-changed=src");
    let built = automation_kv_guest_build::build_guest(
        "automation-kv-test-wasi-plugin",
        "automation_kv_test_wasi_plugin",
        "TEST_WASI_PLUGIN",
    );
    if let Err(problem) = built {
        println!("cargo::error={problem}");
    }
}
