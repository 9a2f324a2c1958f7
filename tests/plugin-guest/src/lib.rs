//! A component of the world `plugin` that does good and bad things on demand. What it does is named by its input, a JSON
//! string; see [`Deed`].

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod component;
#[cfg(target_arch = "wasm32")]
#[path = "../../../guest/src/rt.rs"]
mod rt;

/// The component.
#[cfg(not(target_arch = "wasm32"))]
const COMPONENT: &[u8] = include_bytes!(env!("TEST_PLUGIN"));

/// What tells the component how to describe itself; a host that wants another kind replaces the last byte.
const KIND: &[u8] = b"this plugin is of the kind 0";

/// How a plugin describes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As one that writes.
    Writing = 0,
    /// As one that does not write.
    Reading = 1,
    /// After using the state, which it may not do then.
    Using = 2,
    /// By a name that breaks the rules.
    Misnamed = 3,
    /// With a schema that is none.
    WithoutSchema = 4,
    /// Never: it runs for ever.
    Endless = 5,
}

/// The component, of a kind.
#[cfg(not(target_arch = "wasm32"))]
#[must_use]
pub fn component(kind: Kind) -> alloc::vec::Vec<u8> {
    let mut bytes = COMPONENT.to_vec();
    let places = bytes.windows(KIND.len()).enumerate();
    let places = places.filter(|(_, window)| *window == KIND).map(|(place, _)| place);
    for place in places.collect::<alloc::vec::Vec<_>>() {
        bytes[place + KIND.len() - 1] = b'0' + kind as u8;
    }
    bytes
}

/// What the plugin can be asked to do.
pub struct Deed;

impl Deed {
    /// Gives a text back.
    pub const NOTHING: &'static str = "nothing";
    /// Reads `a`, writes `b` and `c`.
    pub const THREE_OPERATIONS: &'static str = "three operations";
    /// Adds 1 to `n` and gives what it is.
    pub const COUNT: &'static str = "count";
    /// Reads `n`.
    pub const READ: &'static str = "read";
    /// Lists the keys.
    pub const LIST: &'static str = "list";
    /// Claims the lease `lease` and gives its fence.
    pub const CLAIM: &'static str = "claim";
    /// Gives the time.
    pub const NOW: &'static str = "now";
    /// Goes on after an operation was refused, and writes `after`.
    pub const GO_ON: &'static str = "go on";
    /// Writes, then passes a refusal on.
    pub const REJECTED: &'static str = "rejected";
    /// Writes, then gives up.
    pub const FAILED: &'static str = "failed";
    /// Writes, then cannot work with the state.
    pub const CONFLICT: &'static str = "conflict";
    /// Writes, then traps.
    pub const TRAP: &'static str = "trap";
    /// Writes, then runs for ever.
    pub const LOOP: &'static str = "loop";
    /// Writes, then asks for memory until there is no more.
    pub const MEMORY: &'static str = "memory";
    /// Writes, then calls itself until the stack is used up.
    pub const RECURSION: &'static str = "recursion";
    /// A million operations, one by one.
    pub const CALLS: &'static str = "calls";
    /// A million operations at once.
    pub const OPERATIONS: &'static str = "operations";
    /// As many operations as are allowed, each of which writes a large value.
    pub const HEAVY: &'static str = "heavy";
    /// Writes, then logs 100 MB in lines.
    pub const LOG: &'static str = "log";
    /// Writes, then logs 100 MB in one line.
    pub const LONG_LINE: &'static str = "long line";
    /// Logs a few lines.
    pub const FEW_LINES: &'static str = "few lines";
    /// Writes, then gives an output that is no JSON.
    pub const NO_JSON: &'static str = "no json";
    /// Writes, then gives an output that its schema does not allow.
    pub const MISFIT: &'static str = "misfit";
    /// Writes, then gives an output of 2 MiB.
    pub const LARGE_OUTPUT: &'static str = "large output";
    /// Adds 1 to `n` and gives an output of 100 KB.
    pub const MEDIUM_OUTPUT: &'static str = "medium output";
    /// Writes, then gives up with 1 MB of text.
    pub const LONG_ERROR: &'static str = "long error";
    /// Writes a value that is larger than the state may be, and passes the refusal on.
    pub const TOO_LARGE: &'static str = "too large";
}
