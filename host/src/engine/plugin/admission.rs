//! Which components are plugins.

use wasmtime::component::Component;

use super::fault::PluginFault;

/// What a plugin may import.
const ALLOWED: [&str; 3] = [
    "automation:kv/kv@1.0.0",
    "automation:kv/log@1.0.0",
    "automation:kv/types@1.0.0",
];

/// What the names of WASI's interfaces begin with.
const WASI: &str = "wasi:";

/// How to build without WASI.
const WITHOUT_WASI: &str = "build it without WASI (Rust: `#![no_std]`, as `automation-kv plugins new --lang rust` sets it up; \
                            JavaScript: componentize-js with disableFeatures [\"random\", \"stdio\", \"clocks\", \"http\", \"fetch-event\"]; \
                            Python: componentize-py --stub-wasi), or admit it with --allow-wasi, which gives it nothing but \
                            the request's time and random numbers";

/// Why a component is no plugin. The texts are for its author.
#[derive(Debug, thiserror::Error)]
pub enum Inadmissible {
    /// It is no WebAssembly at all.
    #[error("it is not a WebAssembly component: it does not begin with the bytes of one")]
    NotWebAssembly,
    /// It is a module and no component.
    #[error(
        "it is a core module, not a component: build it for wasm32-wasip2 (Rust), or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// It does not compile.
    #[error("it is not a valid component: {0:#}")]
    Invalid(wasmtime::Error),
    /// It wants more than there is.
    #[error(
        "it imports {}; a plugin may import automation:kv/kv and automation:kv/log, and nothing else",
        .0.join(", ")
    )]
    Imports(Vec<String>),
    /// It wants WASI, which was not allowed.
    #[error("it imports WASI ({}): {WITHOUT_WASI}", .0.join(", "))]
    Wasi(Vec<String>),
    /// It has the right imports' names and other types, or does not export what it must.
    #[error("it is not of the world `plugin` of automation:kv@1.0.0: {0:#}")]
    World(wasmtime::Error),
    /// It cannot say what it is.
    #[error("its `describe` {0}")]
    Describe(PluginFault),
    /// What it says of itself breaks a rule.
    #[error("its description's {field} {problem}")]
    Description {
        /// The field of the WIT record.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// There can be no plugins on this machine.
    #[error("the engine of plugins cannot be made: {0:#}")]
    Engine(wasmtime::Error),
}

/// Looks at the first bytes, which tell more than the compiler does.
pub(super) fn check_form(component: &[u8]) -> Result<(), Inadmissible> {
    const MAGIC: &[u8] = b"\0asm";
    const CORE_MODULE: &[u8] = &[1, 0, 0, 0];
    match component.split_at_checked(MAGIC.len()) {
        Some((MAGIC, rest)) if rest.starts_with(CORE_MODULE) => Err(Inadmissible::CoreModule),
        Some((MAGIC, _)) => Ok(()),
        _ => Err(Inadmissible::NotWebAssembly),
    }
}

/// The names of what a component imports.
pub(super) fn imports(engine: &wasmtime::Engine, component: &Component) -> Vec<String> {
    let component_type = component.component_type();
    component_type
        .imports(engine)
        .map(|(name, _)| name.to_string())
        .collect()
}

/// Whether something imports WASI.
pub(super) fn use_wasi(imports: &[String]) -> bool {
    imports.iter().any(|name| name.starts_with(WASI))
}

/// Refuses everything that is not the world's.
pub(super) fn check_imports(imports: &[String], allows_wasi: bool) -> Result<(), Inadmissible> {
    let others = imports.iter().filter(|name| !ALLOWED.contains(&name.as_str()));
    let (wasi, foreign): (Vec<String>, Vec<String>) = others.cloned().partition(|name| name.starts_with(WASI));
    match (wasi, foreign) {
        (_, foreign) if !foreign.is_empty() => Err(Inadmissible::Imports(foreign)),
        (wasi, _) if !wasi.is_empty() && !allows_wasi => Err(Inadmissible::Wasi(wasi)),
        _ => Ok(()),
    }
}
