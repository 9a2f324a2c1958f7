//! What `std` would bring along, without the WASI that it would want too: an allocator, and a last word before a crash.

use alloc::alloc::{Layout, alloc, realloc};
use alloc::format;
use core::arch::wasm32::unreachable;
use core::panic::PanicInfo;

use crate::automation::kv::log;

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

// The C library has the functions that move memory.
#[link(name = "c")]
unsafe extern "C" {}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    log::write(log::Level::Error, &format!("{info}"));
    unreachable()
}

/// How the host gets memory for what it hands over (the canonical ABI's `realloc`).
///
/// # Safety
///
/// `old` is null, or came from here with `old_bytes` and `align`; `align` is a power of two.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cabi_realloc(old: *mut u8, old_bytes: usize, align: usize, bytes: usize) -> *mut u8 {
    if bytes == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    // SAFETY: the caller's promise.
    let new = unsafe {
        match old_bytes {
            0 => alloc(Layout::from_size_align_unchecked(bytes, align)),
            _ => realloc(old, Layout::from_size_align_unchecked(old_bytes, align), bytes),
        }
    };
    if new.is_null() {
        unreachable();
    }
    new
}
