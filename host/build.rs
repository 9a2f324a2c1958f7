//! Builds the op engine's component, which the binary carries inside.

fn main() {
    if let Err(problem) =
        automation_kv_guest_build::build_guest("automation-kv-engine", "automation_kv_engine", "ENGINE_COMPONENT")
    {
        println!("cargo::error={problem}");
    }
}
