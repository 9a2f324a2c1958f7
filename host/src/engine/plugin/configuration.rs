//! wasmtime's settings for code that nobody has looked at.

use wasmtime::{Config, Engine};

use super::PluginOptions;
use crate::engine::cache;

/// The most stack of a plugin. Interpreters need more than other programs; whoever calls a plugin needs some more.
const STACK_BYTES: usize = 1 << 20;

/// An engine that counts instructions and can be interrupted. Instances are made on demand: plugins differ in size by three
/// orders of magnitude, so no pool fits them.
pub(super) fn engine(options: &PluginOptions) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.memory_init_cow(true);
    config.epoch_interruption(true);
    config.consume_fuel(true);
    config.concurrency_support(false);
    config.max_wasm_stack(STACK_BYTES);
    config.cache(match &options.cache {
        Some(folder) => {
            let cache = cache::open(folder);
            if cache.is_none() {
                tracing::warn!(
                    folder = %folder.display(),
                    "the folder for compiled plugins is not its owner's alone: plugins are compiled at each start"
                );
            }
            cache
        }
        None => cache::of_user(),
    });
    Engine::new(&config)
}
