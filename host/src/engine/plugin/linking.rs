//! What a plugin may call: the interfaces `kv` and `log`, and, where that is allowed, a WASI in which there is nothing.

use std::time::Duration;

use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::admission;
use super::fault::PluginFault;
use super::generated::Plugin as Bindings;
use super::generated::automation::kv::{kv, log};
use super::memory::MemoryLimiter;
use super::{MAX_LOG_BYTES, MAX_OPERATIONS, PluginOptions};
use crate::engine::types::{self, Operation, Outcome, Rejection, Request, Scope};
use crate::engine::{EngineError, Session};
use crate::vault::TimestampMs;

/// The interface of WASI with which to wait.
const POLL: &str = "wasi:io/poll@0.2.12";

/// A line that a plugin wrote to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How much it matters.
    pub level: log::Level,
    /// What it says.
    pub message: String,
}

/// The host's side of one call.
pub(super) struct PluginState {
    /// The session of the caller's request; none while a plugin describes itself, and after the engine has failed.
    pub(super) session: Option<Session>,
    /// Why the engine has failed, if it has.
    pub(super) failure: Option<EngineError>,
    /// What the plugin did wrong, if a function of the host has noticed.
    pub(super) fault: Option<PluginFault>,
    /// What it wrote.
    pub(super) lines: Vec<Line>,
    /// How much memory it may take.
    pub(super) memory: MemoryLimiter,
    scope: Option<Scope>,
    now: TimestampMs,
    operations_left: u32,
    log_bytes_left: usize,
    /// Made when it is first used, which most never do.
    wasi: Option<WasiCtx>,
    resources: ResourceTable,
}

impl PluginState {
    /// For a call in a session; for a description without one.
    pub(super) fn new(session: Option<Session>, scope: Option<Scope>, options: &PluginOptions) -> Self {
        let now = session.as_ref().map_or(0, Session::now);
        Self {
            session,
            failure: None,
            fault: None,
            lines: Vec::new(),
            memory: MemoryLimiter::new(options.memory_bytes),
            scope,
            now,
            operations_left: MAX_OPERATIONS,
            log_bytes_left: MAX_LOG_BYTES,
            wasi: None,
            resources: ResourceTable::new(),
        }
    }

    fn stop<T>(&mut self, fault: PluginFault) -> wasmtime::Result<T> {
        self.fault = Some(fault);
        Err(wasmtime::Error::msg("the call is over"))
    }
}

impl kv::Host for PluginState {
    fn execute(&mut self, operations: Vec<Operation>) -> wasmtime::Result<Result<Vec<Outcome>, Rejection>> {
        let count = u32::try_from(operations.len()).unwrap_or(u32::MAX).max(1);
        match self.operations_left.checked_sub(count) {
            Some(left) => self.operations_left = left,
            None => return self.stop(PluginFault::Operations),
        }
        let Some(session) = &mut self.session else {
            return self.stop(PluginFault::NoState);
        };
        let request = Request {
            scope: self.scope.clone(),
            ..Request::of(operations)
        };
        match session.execute(&request) {
            Ok(answer) => Ok(answer.map(|reply| reply.outcomes)),
            Err(error) => {
                self.session = None;
                self.failure = Some(error);
                Err(wasmtime::Error::msg("the engine has failed"))
            }
        }
    }

    fn now(&mut self) -> wasmtime::Result<TimestampMs> {
        Ok(self.now)
    }
}

impl log::Host for PluginState {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        /// What a line takes beside its text.
        const LINE_BYTES: usize = 16;
        match self.log_bytes_left.checked_sub(message.len() + LINE_BYTES) {
            Some(left) => self.log_bytes_left = left,
            None => return self.stop(PluginFault::Log),
        }
        self.lines.push(Line { level, message });
        Ok(())
    }
}

impl types::Host for PluginState {}

impl WasiView for PluginState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: self.wasi.get_or_insert_with(|| nothing(self.now)),
            table: &mut self.resources,
        }
    }
}

/// What plugins are linked with.
pub(super) struct Linkers {
    /// The world's imports.
    plain: Linker<PluginState>,
    /// The same and WASI, if that is allowed.
    with_wasi: Option<Linker<PluginState>>,
}

impl Linkers {
    pub(super) fn new(engine: &wasmtime::Engine, allows_wasi: bool) -> wasmtime::Result<Self> {
        let mut plain = Linker::new(engine);
        Bindings::add_to_linker::<_, HasSelf<_>>(&mut plain, |state| state)?;
        let with_wasi = if allows_wasi { Some(with_wasi(&plain)?) } else { None };
        Ok(Self { plain, with_wasi })
    }

    /// The linker for a component with these imports.
    pub(super) fn of(&self, imports: &[String]) -> &Linker<PluginState> {
        match &self.with_wasi {
            Some(linker) if admission::use_wasi(imports) => linker,
            _ => &self.plain,
        }
    }
}

fn with_wasi(plain: &Linker<PluginState>) -> wasmtime::Result<Linker<PluginState>> {
    let mut linker = plain.clone();
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    // Who waits in the host for a time or for others is stopped by no deadline.
    linker.allow_shadowing(true);
    for function in ["poll", "[method]pollable.block"] {
        linker.instance(POLL)?.func_new(function, |_, _, _, _| {
            Err(wasmtime::Error::msg("a plugin cannot wait for anything"))
        })?;
    }
    Ok(linker)
}

/// A WASI without files, network, arguments, variables, input and output. Its clocks stand still at the time of the request.
fn nothing(now: TimestampMs) -> WasiCtx {
    let now = Standing(Duration::from_millis(now));
    WasiCtxBuilder::new()
        .wall_clock(now)
        .monotonic_clock(now)
        .allow_tcp(false)
        .allow_udp(false)
        .build()
}

/// A clock that stands still.
#[derive(Clone, Copy)]
struct Standing(Duration);

impl HostWallClock for Standing {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Standing {
    fn resolution(&self) -> u64 {
        u64::try_from(Duration::from_millis(1).as_nanos()).unwrap_or(u64::MAX)
    }

    fn now(&self) -> u64 {
        0
    }
}
