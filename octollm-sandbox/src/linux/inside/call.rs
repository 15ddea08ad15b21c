//! System calls without a C library: its `errno` belongs to a thread, and its wrappers may lock or tell other threads.

use core::arch::asm;

/// `Err` is an `errno`.
pub(crate) type Sys<T> = Result<T, i32>;

/// Asks the kernel.
///
/// # Safety
/// As the call itself: what is passed as a pointer must be valid for what the kernel does with it.
#[cfg(target_arch = "x86_64")]
pub(crate) unsafe fn call(number: usize, words: [usize; 6]) -> Sys<usize> {
    let [a, b, c, d, e, f] = words;
    let result: isize;
    // SAFETY: the kernel's convention: it clobbers rcx and r11, and uses no stack of ours. The rest is the caller's promise.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    answer(result)
}

/// Asks the kernel.
///
/// # Safety
/// As the call itself: what is passed as a pointer must be valid for what the kernel does with it.
#[cfg(target_arch = "aarch64")]
pub(crate) unsafe fn call(number: usize, words: [usize; 6]) -> Sys<usize> {
    let [a, b, c, d, e, f] = words;
    let result: isize;
    // SAFETY: the kernel's convention: it clobbers nothing else, and uses no stack of ours. The rest is the caller's promise.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a as isize => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack),
        );
    }
    answer(result)
}

fn answer(result: isize) -> Sys<usize> {
    const MOST_ERRNO: isize = 4095;
    if (-MOST_ERRNO..0).contains(&result) { Err(-result as i32) } else { Ok(result as usize) }
}
