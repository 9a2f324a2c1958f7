//! A plugin that is built with the standard library, so that it imports WASI, and tries out what there is. What it tries is
//! named by its input, a JSON string; it answers with what it found.

#[cfg(target_arch = "wasm32")]
mod component;

/// The component.
#[cfg(not(target_arch = "wasm32"))]
pub const COMPONENT: &[u8] = include_bytes!(env!("TEST_WASI_PLUGIN"));
