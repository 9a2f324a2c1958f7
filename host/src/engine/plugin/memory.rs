//! How much memory an instance of a plugin has taken, whatever it has taken it for.

use wasmtime::ResourceLimiter;

/// The most elements of all tables.
const MAX_TABLE_ELEMENTS: usize = 1 << 20;

/// The most core instances, memories and tables of one plugin. Interpreters come in some dozens of parts.
const MAX_PARTS: usize = 1_000;

/// The limits of one instance.
#[derive(Debug)]
pub(super) struct MemoryLimiter {
    bytes_left: usize,
    table_elements_left: usize,
    /// Whether more was asked for than there was.
    pub(super) is_exceeded: bool,
}

impl MemoryLimiter {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes_left: bytes,
            table_elements_left: MAX_TABLE_ELEMENTS,
            is_exceeded: false,
        }
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        match self.bytes_left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => {
                self.bytes_left = left;
                Ok(true)
            }
            None => {
                self.is_exceeded = true;
                // An allocator that is told no gives up in its own way; this way it is known why.
                Err(wasmtime::Error::msg("the plugin's memory is used up"))
            }
        }
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        match self.table_elements_left.checked_sub(desired.saturating_sub(current)) {
            Some(left) => {
                self.table_elements_left = left;
                Ok(true)
            }
            None => {
                self.is_exceeded = true;
                Err(wasmtime::Error::msg("the plugin's tables are too large"))
            }
        }
    }

    fn instances(&self) -> usize {
        MAX_PARTS
    }

    fn memories(&self) -> usize {
        MAX_PARTS
    }

    fn tables(&self) -> usize {
        MAX_PARTS
    }
}
