//! What `std` would bring along, without the WASI imports that it would bring along too.

#![allow(unsafe_code, reason = "a global allocator, and linking a C library, are declared so")]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, unreachable};
use core::cell::{Cell, UnsafeCell};

use dlmalloc::Dlmalloc;

const PAGE_BYTES: usize = 64 * 1024;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator(UnsafeCell::new(Dlmalloc::new_with_allocator(Memory {
    is_begun: Cell::new(false),
})));

/// The allocator of the instance. An instance has one thread.
struct Allocator(UnsafeCell<Dlmalloc<Memory>>);

// SAFETY: a component instance has exactly one thread.
unsafe impl Sync for Allocator {}

// SAFETY: all of it is dlmalloc's, whose calls have the same contract; nothing here is entered twice at a time.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.0.get()).malloc(layout.size(), layout.align()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { (*self.0.get()).free(memory, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { (*self.0.get()).realloc(memory, layout.size(), layout.align(), bytes) }
    }
}

/// Where the allocator gets memory from: first what the instance starts with, since growing makes a host change the
/// protection of pages, which costs it more than a whole small session; then more pages.
struct Memory {
    is_begun: Cell<bool>,
}

unsafe extern "C" {
    /// The end of the data, set by the linker.
    static __heap_base: u8;
    /// The end of the initial memory, set by the linker.
    static __heap_end: u8;
}

// SAFETY: each piece of memory is given out once, and is nobody else's.
unsafe impl dlmalloc::Allocator for Memory {
    fn alloc(&self, bytes: usize) -> (*mut u8, usize, u32) {
        let (start, end) = (&raw const __heap_base, &raw const __heap_end);
        let initial = end.addr().saturating_sub(start.addr());
        if !self.is_begun.replace(true) && bytes <= initial {
            return (start.cast_mut(), initial, 0);
        }
        let pages = bytes.div_ceil(PAGE_BYTES);
        match memory_grow(0, pages) {
            usize::MAX => (core::ptr::null_mut(), 0, 0),
            page => (
                core::ptr::with_exposed_provenance_mut(page * PAGE_BYTES),
                pages * PAGE_BYTES,
                0,
            ),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        PAGE_BYTES
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unreachable()
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
    use alloc::alloc::{alloc, realloc};
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
        unreachable();
    }
    new
}
