//! The sandbox's first process as a program: `src/linux/inside` and nothing else. `build.rs` builds it for the crate, which
//! carries it within itself; it is no target of Cargo's, since it has no standard library and no C library to begin with.
#![no_std]
#![no_main]
#![allow(dead_code, reason = "the crate uses some of it, this program the rest")]

#[path = "../src/layer.rs"]
mod layer;
#[path = "../src/level.rs"]
mod level;
#[path = "../src/linux/inside/mod.rs"]
mod inside;

use core::ffi::c_void;
use core::panic::PanicInfo;

use layer::Layer;
use level::Level;

/// Where the kernel begins, with a stack that is aligned as calls want it on entry, not after one.
#[unsafe(no_mangle)]
extern "C" fn begin() -> ! {
    inside::first()
}

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(".globl _start", "_start:", "xor ebp, ebp", "and rsp, -16", "call begin", "ud2");
#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(".globl _start", "_start:", "mov x29, #0", "mov x30, #0", "bl begin", "brk #1");

/// Nothing here panics; should it, the caller sees the channel close, and nothing has run.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    inside::sys::exit(101)
}

/// The core library was compiled for programs that unwind, and names what they do it with. This one does not.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

// What the compiler calls for copies and comparisons, usually the C library's. The loops go by volatile accesses, or the
// compiler would make each of them a call of itself.

/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    for index in 0..length {
        // SAFETY: the caller's promise.
        unsafe { to.add(index).write_volatile(from.add(index).read_volatile()) };
    }
    to
}

/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= length {
        // SAFETY: the caller's promise, and what is still to be read is not overwritten.
        return unsafe { memcpy(to, from, length) };
    }
    for index in (0..length).rev() {
        // SAFETY: the caller's promise.
        unsafe { to.add(index).write_volatile(from.add(index).read_volatile()) };
    }
    to
}

/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    for index in 0..length {
        // SAFETY: the caller's promise.
        unsafe { to.add(index).write_volatile(byte as u8) };
    }
    to
}

/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, length: usize) -> i32 {
    for index in 0..length {
        // SAFETY: the caller's promise.
        let (a, b) = unsafe { (one.add(index).read_volatile(), other.add(index).read_volatile()) };
        if a != b {
            return i32::from(a) - i32::from(b);
        }
    }
    0
}

/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const c_void, other: *const c_void, length: usize) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { memcmp(one.cast(), other.cast(), length) }
}

/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the caller's promise.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}
