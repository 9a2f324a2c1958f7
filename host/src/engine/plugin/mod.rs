//! Plugins: components of the world `plugin`, each call in an instance of its own.
//!
//! An instance can do two things: use the state on whose behalf it runs, through the session that the call gives it, and write
//! a few lines of log. Its time, its instructions, its memory, its operations and its lines are counted; whoever uses one of
//! them up is stopped, and the session goes back to where it was.

mod admission;
mod calling;
mod configuration;
mod description;
mod fault;
mod linking;
mod memory;
pub mod pace;
pub mod priority;
mod schema;
mod schema_parts;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Component;

use super::sha256;
use super::ticker::Ticker;
use generated::PluginPre;
use linking::{Linkers, PluginState};
use schema::Schema;

pub use admission::Inadmissible;
pub use calling::{CallError, CallReport};
pub use description::Description;
pub use fault::PluginFault;
pub use generated::automation::kv::log::Level;
pub use linking::Line;
pub use schema::Misfit;

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "plugin",
        imports: { default: trappable },
        with: { "automation:kv/types": crate::engine::types },
        additional_derives: [PartialEq, Clone],
    });
}

/// The most operations of one call, counted over all that it asks the state for at a time, of which each counts for one at
/// least.
pub const MAX_OPERATIONS: u32 = 1_000;

/// The most that one call may write to the log, in bytes.
pub const MAX_LOG_BYTES: usize = 64 << 10;

/// How many times as long as it may run a call may take, where others keep it from running. Its rests come on top.
pub const MAX_WAITING: u32 = 5;

/// The largest output of a call that is to be carried out only once, in bytes: it is remembered in the state.
pub const MAX_REMEMBERED_BYTES: usize = 64 << 10;

/// The largest output, in bytes.
pub const MAX_OUTPUT_BYTES: usize = 1 << 20;

/// How many calls may run at a time: two for each processor, and so many that a few plugins that run for ever do not keep all
/// others from running.
pub fn max_calls() -> u32 {
    const AT_LEAST: u32 = 8;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(processors)
        .unwrap_or(u32::MAX)
        .saturating_mul(2)
        .max(AT_LEAST)
}

/// How plugins are run.
#[derive(Debug, Clone)]
pub struct PluginOptions {
    /// The most processor time of one call. Waiting for it is limited too, to [`MAX_WAITING`] times as much.
    pub deadline: Duration,
    /// The most instructions of one call, roughly: wasmtime's fuel.
    pub fuel: u64,
    /// The most memory of one call, in bytes.
    pub memory_bytes: usize,
    /// Whether a plugin may import WASI. It gets a context in which there is nothing.
    pub allows_wasi: bool,
    /// Where compiled code is kept; the cache of the user unless given.
    pub cache: Option<PathBuf>,
}

impl Default for PluginOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(1),
            fuel: 1_000_000_000,
            memory_bytes: 128 << 20,
            allows_wasi: false,
            cache: None,
        }
    }
}

/// Compiles plugins and looks at what they are. Cheap to clone.
#[derive(Clone)]
pub struct PluginEngine {
    shared: Arc<Shared>,
}

struct Shared {
    engine: wasmtime::Engine,
    linkers: Linkers,
    options: PluginOptions,
    _ticker: Ticker,
}

/// A plugin that was admitted and compiled.
pub struct Plugin {
    description: Description,
    sha256: String,
    imports: Vec<String>,
    input: Schema,
    output: Schema,
    component: PluginPre<PluginState>,
    shared: Arc<Shared>,
}

impl PluginEngine {
    /// An engine for plugins.
    pub fn new(options: PluginOptions) -> Result<Self, Inadmissible> {
        let engine = configuration::engine(&options).map_err(Inadmissible::Engine)?;
        Ok(Self {
            shared: Arc::new(Shared {
                linkers: Linkers::new(&engine, options.allows_wasi).map_err(Inadmissible::Engine)?,
                _ticker: Ticker::start(std::iter::once(&engine), pace::tick),
                engine,
                options,
            }),
        })
    }

    /// Admits a component: it must import no more than it may, be of the world `plugin`, and describe itself.
    pub fn load(&self, component: &[u8]) -> Result<Plugin, Inadmissible> {
        let Shared {
            engine,
            linkers,
            options,
            ..
        } = &*self.shared;
        admission::check_form(component)?;
        let compiled = Component::new(engine, component).map_err(Inadmissible::Invalid)?;
        let imports = admission::imports(engine, &compiled);
        admission::check_imports(&imports, options.allows_wasi)?;
        let component_pre = linkers
            .of(&imports)
            .instantiate_pre(&compiled)
            .and_then(PluginPre::new)
            .map_err(Inadmissible::World)?;
        let description = calling::describe(&self.shared, &component_pre)?;
        let description = description::check(description)?;
        Ok(Plugin {
            input: Schema::new("input", &description.input_schema)?,
            output: Schema::new("output", &description.output_schema)?,
            sha256: sha256(component),
            description,
            imports,
            component: component_pre,
            shared: Arc::clone(&self.shared),
        })
    }
}

impl Plugin {
    /// What it says it is.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The SHA-256 of its component, in hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The interfaces that it imports.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Whether its input may be this JSON text; what is wrong with it if not.
    pub fn check_input(&self, input: &str) -> Result<(), Vec<Misfit>> {
        self.input.check(input)
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Description { name, version, .. } = &self.description;
        write!(f, "Plugin({name} {version})")
    }
}
