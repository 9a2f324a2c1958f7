//! The op engine: a WebAssembly component, one fresh instance for each session.
//!
//! A session is a pure function of the sealed state, the requests, the limits and the time. It runs
//! on the caller's thread and never waits: what it needs from the storage is there before it starts,
//! what it wants to save is handed back when it ends.

mod cache;
mod configuration;
mod functions;
mod imports;
mod operation_names;
pub mod plugin;
mod pool;
mod pools;
pub mod recording;
mod request;
mod session;
mod slots;
mod ticker;
mod transaction;

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{HasSelf, Linker};

use crate::threads;
use configuration::Compilation;
use generated::exports::automation::kv::engine::{Remembered, Terms};
use imports::SessionState;
use pools::Pools;
pub(crate) use pools::Purpose;
use ticker::Ticker;

pub use generated::automation::kv::types;
pub use session::{Input, Session};
pub use transaction::{Carried, Done, Observer, Refusal, Step, Transaction};

/// The engine component that this binary was built with.
pub const BUILT_IN_COMPONENT: &[u8] = include_bytes!(env!("ENGINE_COMPONENT"));

/// The WIT package that it is of.
pub const WIT_PACKAGE: &str = "automation:kv@1.0.0";

/// The SHA-256 of [`BUILT_IN_COMPONENT`], in hexadecimal digits.
pub fn built_in_sha256() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| sha256(BUILT_IN_COMPONENT));
    &HASH
}

/// The SHA-256 of a component, in hexadecimal digits.
pub(crate) fn sha256(component: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(component) {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[expect(missing_docs, reason = "generated from wit/, which documents everything")]
mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "op-engine",
        imports: { default: trappable },
        additional_derives: [PartialEq, Clone, serde::Serialize, serde::Deserialize],
    });
}

/// How the engine is run.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// Pools of instances for states of each usual size. Each thread keeps to one of them, so that an instance's memory stays in
    /// the caches of the processor that used it last.
    pub pools: u32,
    /// The most sessions at a time in one pool of a thread; as many for each of them in those for large states. Each keeps up to 4 MiB of memory resident when idle: what it used.
    pub max_sessions: u32,
    /// The longest that one call into the component may run.
    pub call_deadline: Duration,
}

/// A compiled component, ready for sessions. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    pools: Pools,
    call_deadline_ticks: u64,
    _ticker: Ticker,
}

/// Why a session ended without a result. None of it is the caller's fault.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The component does not compile, or is not of the world `op-engine`.
    #[error("the engine component cannot be used")]
    Component(#[source] wasmtime::Error),
    /// No instance could be made.
    #[error("no engine instance could be made")]
    Instance(#[source] wasmtime::Error),
    /// The sealed state does not open.
    #[error("the state cannot be decrypted: {0}")]
    Undecryptable(String),
    /// The opened state is not a document.
    #[error("the state is not a document that this engine reads: {0}")]
    Unreadable(String),
    /// A call ran past its deadline.
    #[error("the engine was stopped in `{call}`: it ran longer than its deadline")]
    Deadline {
        /// The function of the interface `engine`.
        call: &'static str,
    },
    /// The component crashed or broke its contract.
    #[error("the engine failed in `{call}`")]
    Trap {
        /// The function of the interface `engine`.
        call: &'static str,
        /// The backtrace within the component, for the log only.
        #[source]
        source: wasmtime::Error,
    },
}

impl Default for EngineOptions {
    fn default() -> Self {
        const MAX_POOLS: u32 = 8;
        const MIN_SESSIONS: u32 = 4;
        let threads = u32::try_from(threads::processors()).unwrap_or(u32::MAX);
        let pools = threads.min(MAX_POOLS);
        Self {
            pools,
            max_sessions: threads.saturating_mul(2).div_ceil(pools).clamp(MIN_SESSIONS, 64),
            call_deadline: Duration::from_secs(2),
        }
    }
}

impl EngineOptions {
    /// The same with room for plugins' sessions, which are longer: those of everything else need not wait for them.
    #[must_use]
    pub fn beside_plugins(self) -> Self {
        Self {
            max_sessions: self.max_sessions.saturating_add(plugin::max_calls()),
            ..self
        }
    }

    /// For one user's commands: one pool, of a few instances.
    pub fn small() -> Self {
        Self {
            pools: 1,
            max_sessions: 4,
            ..Self::default()
        }
    }
}

impl Engine {
    /// Compiles the component that this binary was built with.
    pub fn built_in(options: EngineOptions) -> Result<Self, EngineError> {
        Self::new(BUILT_IN_COMPONENT, options)
    }

    /// The same for a command, which should start at once: takes the code from the user's cache, or compiles it quickly.
    pub fn of_command() -> Result<Self, EngineError> {
        let compilation = Compilation::Quick(cache::of_user());
        Self::compile(BUILT_IN_COMPONENT, EngineOptions::small(), &compilation)
    }

    /// Compiles a component of the world `op-engine`.
    pub fn new(component: &[u8], options: EngineOptions) -> Result<Self, EngineError> {
        Self::compile(component, options, &Compilation::Thorough)
    }

    fn compile(component: &[u8], options: EngineOptions, compilation: &Compilation) -> Result<Self, EngineError> {
        let pools = Pools::compile(component, options, compilation).map_err(EngineError::Component)?;
        Ok(Self {
            shared: Arc::new(Shared {
                call_deadline_ticks: ticker::ticks(options.call_deadline),
                _ticker: Ticker::start(pools.engines(), || ticker::TICK),
                pools,
            }),
        })
    }
}

impl generated::OpEngine {
    fn link(linker: &mut Linker<SessionState>) -> wasmtime::Result<()> {
        Self::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
    }
}
