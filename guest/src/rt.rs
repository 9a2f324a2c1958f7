//! What `std` would bring along, without the WASI imports that it would bring along too.

#![allow(unsafe_code, reason = "linking a C library is declared so")]

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

// The target's linker wants a C library for a few symbols such as `memcpy`.
#[link(name = "c")]
unsafe extern "C" {}

/// How the host gets memory to put lists and strings into (the canonical ABI's `realloc`).
///
/// # Safety
///
/// `old` is null, or came from here with `old_len` and `align`; `align` is a power of two.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cabi_realloc(old: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
    use alloc::alloc::{Layout, alloc, realloc};
    if new_len == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    // SAFETY: the caller's promise, and lengths within a 32-bit memory.
    let new = unsafe {
        if old_len == 0 {
            alloc(Layout::from_size_align_unchecked(new_len, align))
        } else {
            realloc(old, Layout::from_size_align_unchecked(old_len, align), new_len)
        }
    };
    if new.is_null() {
        core::arch::wasm32::unreachable();
    }
    new
}
