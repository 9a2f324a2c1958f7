//! Every fixed limit of the engine, in one place, with its unit in its name.

/// The longest key, in characters (not bytes).
pub const MAX_KEY_CHARS: usize = 255;

/// The deepest value: the value itself is level 1, every member or item one more.
pub const MAX_DEPTH_LEVELS: usize = 32;

/// The longest path.
pub const MAX_PATH_SEGMENTS: usize = 32;
