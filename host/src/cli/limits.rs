//! The limits on sizes.

use clap::Args;

use super::knobs;

/// What a state and its values may hold at most.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct LimitKnobs {
    /// The largest single value, in bytes of compact JSON; 0 for no limit. Also the limit of a whole state, unless
    /// `--max-state-size` says otherwise.
    #[arg(long, env = "AUTOMATION_KV_MAX_VALUE_SIZE", default_value = "65536", value_name = "BYTES", allow_hyphen_values = true, value_parser = knobs::size_limit)]
    pub(super) max_value_size: u64,

    /// The largest state of one automation, in bytes of compact JSON, 16777216 at most; 0 for no limit. Unless given, the
    /// limit of a value. Every read and every write of a state costs time and memory in proportion to its size.
    #[arg(long, env = "AUTOMATION_KV_MAX_STATE_SIZE", value_name = "BYTES", allow_hyphen_values = true, value_parser = knobs::state_size_limit)]
    max_state_size: Option<u64>,
}

impl LimitKnobs {
    /// The largest state, in bytes; 0 for no limit.
    pub(super) fn max_state_bytes(self) -> u64 {
        self.max_state_size.unwrap_or(self.max_value_size)
    }
}
