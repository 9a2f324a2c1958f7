//! The clock that stops calls which run too long.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use wasmtime::Engine;

/// The usual time between two ticks.
pub(super) const TICK: Duration = Duration::from_millis(10);

/// Raises the engines' epochs in a rhythm, on a thread of its own, until dropped.
pub(super) struct Ticker {
    _stop: Sender<()>,
}

impl Ticker {
    /// Starts it. The time to the next tick is asked for each time.
    pub(super) fn start<'a>(engines: impl Iterator<Item = &'a Engine>, pause: fn() -> Duration) -> Self {
        let (stop, stopped) = channel();
        let engines: Vec<_> = engines.map(Engine::weak).collect();
        let spawned = std::thread::Builder::new().name("epoch-ticker".into()).spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(pause()) {
                for engine in engines.iter().filter_map(wasmtime::EngineWeak::upgrade) {
                    engine.increment_epoch();
                }
            }
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for the epoch ticker: an engine call that hangs will not be stopped");
        }
        Self { _stop: stop }
    }
}

/// A duration in ticks, at least two: the next tick may be about to come.
pub(super) fn ticks(duration: Duration) -> u64 {
    let ticks = duration.as_millis().div_ceil(TICK.as_millis()) + 1;
    u64::try_from(ticks).unwrap_or(u64::MAX).max(2)
}
