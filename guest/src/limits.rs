//! Every fixed limit of the engine, in one place, with its unit in its name.

/// The longest key, in characters (not bytes).
pub const MAX_KEY_CHARS: usize = 255;

/// The deepest value: the value itself is level 1, every member or item one more.
pub const MAX_DEPTH_LEVELS: usize = 32;

/// The longest path or pointer.
pub const MAX_PATH_SEGMENTS: usize = 32;

/// The latest time that can be told with four digits for the year, in milliseconds: the end of 9999-12-31.
pub const MAX_TIMESTAMP_MS: u64 = 253_402_300_799_999;

/// The most steps of one `edit`.
pub const MAX_STEPS: usize = 1_000;

/// What the `copy` steps of one `edit` may copy, all of them together: the largest state that an operator can allow.
/// Without an end to it, a few steps could make a value that no memory holds.
pub const MAX_COPIED_BYTES: usize = 16 * 1024 * 1024;

/// The longest name of the owner of a lease, in characters.
pub const MAX_OWNER_CHARS: usize = 255;

/// The longest `once.key`.
pub const MAX_ONCE_KEY_BYTES: usize = 255;

/// The longest `once.fingerprint`.
pub const MAX_FINGERPRINT_BYTES: usize = 64;

/// How long an accepted request is remembered.
pub const MAX_ONCE_AGE_MS: u64 = 24 * 60 * 60 * 1_000;

/// How many accepted requests are remembered.
pub const MAX_ONCE_REQUESTS: usize = 128;

/// How much of their replies is remembered, beside the latest one.
pub const MAX_ONCE_REPLIES_BYTES: usize = 64 * 1024;
