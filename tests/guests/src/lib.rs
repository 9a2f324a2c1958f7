//! A component of the world `op-engine` that misbehaves on demand. What it does is named by the key of the request's
//! first operation; see [`Misdeed`].

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(target_arch = "wasm32")]
#[path = "../../../guest/src/rt.rs"]
mod rt;

/// The component.
#[cfg(not(target_arch = "wasm32"))]
pub const MISBEHAVING: &[u8] = include_bytes!(env!("MISBEHAVING_COMPONENT"));

/// A key that makes the component do something wrong; every other key gets a good answer.
pub struct Misdeed;

impl Misdeed {
    /// Runs for ever.
    pub const LOOP: &'static str = "loop";
    /// Asks for memory until there is no more.
    pub const MEMORY: &'static str = "memory";
    /// Calls itself until the stack is used up.
    pub const RECURSION: &'static str = "recursion";
    /// Traps.
    pub const TRAP: &'static str = "trap";
}
