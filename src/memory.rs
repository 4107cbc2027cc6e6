//! memcpy(3) and memmove(3) of the program that is linked with musl, on x86-64.
//!
//! musl's begin every copy with `rep movsq`, which takes longer than to copy a cell of a list: a third
//! of the user time of `list`. Must not loop over bytes, nor hold arrays: the compiler makes calls to
//! memcpy of these.
#![allow(
    unsafe_code,
    reason = "the compiler calls these functions with addresses"
)]

use core::arch::asm;
use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_storeu_si128};

/// memcpy(3).
///
/// # Safety
/// As the standard says.
#[cfg(not(test))]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe { copy(to, from, count) };
    to
}

/// memmove(3).
///
/// # Safety
/// As the standard says.
#[cfg(not(test))]
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller's.
    unsafe { copy(to, from, count) };
    to
}

/// Copies `count` bytes, which may overlap: everything is loaded before the first byte is stored,
/// but in long copies.
///
/// # Safety
/// `from` is valid for reads of `count` bytes, and `to` for writes.
#[inline(always)]
unsafe fn copy(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: each branch accesses bytes 0 to `count` only; the ends overlap in between.
    unsafe {
        match count {
            65.. if (to as usize).wrapping_sub(from as usize) < count => {
                copy_backward(to, from, count);
            }
            65.. => copy_forward(to, from, count),
            32.. => copy_two_at_each_end(to, from, count),
            16.. => copy_ends::<u128>(to, from, count),
            8.. => copy_ends::<u64>(to, from, count),
            4.. => copy_ends::<u32>(to, from, count),
            2.. => copy_ends::<u16>(to, from, count),
            1 => *to = *from,
            0 => {}
        }
    }
}

/// Copies the first and the last bytes, as many as a `T` has.
///
/// # Safety
/// As [`copy`], and `count` is at least the size of `T` and at most twice that.
#[inline(always)]
unsafe fn copy_ends<T: Copy>(to: *mut u8, from: *const u8, count: usize) {
    let last = count - size_of::<T>();
    // SAFETY: the caller's.
    unsafe {
        let first = from.cast::<T>().read_unaligned();
        let end = from.add(last).cast::<T>().read_unaligned();
        to.cast::<T>().write_unaligned(first);
        to.add(last).cast::<T>().write_unaligned(end);
    }
}

/// Copies the first and the last 32 bytes.
///
/// # Safety
/// As [`copy`], and `count` is from 32 to 64.
#[inline(always)]
unsafe fn copy_two_at_each_end(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: the caller's.
    unsafe {
        let (source, target) = (from.cast::<__m128i>(), to.cast::<__m128i>());
        let source_end = from.add(count - 32).cast::<__m128i>();
        let target_end = to.add(count - 32).cast::<__m128i>();
        let first = _mm_loadu_si128(source);
        let second = _mm_loadu_si128(source.add(1));
        let third = _mm_loadu_si128(source_end);
        let last = _mm_loadu_si128(source_end.add(1));
        _mm_storeu_si128(target, first);
        _mm_storeu_si128(target.add(1), second);
        _mm_storeu_si128(target_end, third);
        _mm_storeu_si128(target_end.add(1), last);
    }
}

/// Copies upward, eight bytes at a time.
///
/// # Safety
/// As [`copy`], `count` is at least 8, and `to` is not within what is read after it.
unsafe fn copy_forward(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: the caller's; the last bytes, of which eight at a time leave some, are loaded first.
    unsafe {
        let end = from.add(count - 8).cast::<u64>().read_unaligned();
        asm!(
            "rep movsq",
            inout("rcx") count / 8 => _,
            inout("rdi") to => _,
            inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
        to.add(count - 8).cast::<u64>().write_unaligned(end);
    }
}

/// Copies downward, eight bytes at a time: `to` is within what is read.
///
/// # Safety
/// As [`copy`], and `count` is at least 8.
unsafe fn copy_backward(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: the caller's; the first bytes, of which eight at a time leave some, are loaded first.
    unsafe {
        let first = from.cast::<u64>().read_unaligned();
        asm!(
            "std",
            "rep movsq",
            "cld",
            inout("rcx") count / 8 => _,
            inout("rdi") to.add(count - 8) => _,
            inout("rsi") from.add(count - 8) => _,
            options(nostack),
        );
        to.cast::<u64>().write_unaligned(first);
    }
}

#[cfg(test)]
mod tests {
    use super::copy;

    #[test]
    fn copies_of_every_length_and_overlap_move_exactly_their_bytes() {
        let before: Vec<u8> = (0..=255).cycle().take(1024).collect();
        for count in (0..160).chain([255, 256, 300, 303]) {
            for (from, to) in [(300, 640), (640, 300), (301, 300), (300, 301), (300, 300)]
                .into_iter()
                .chain((1..130).flat_map(|gap| [(300, 300 + gap), (300 + gap, 300)]))
            {
                let mut after = before.clone();
                let start = after.as_mut_ptr();
                // SAFETY: both ends are within `after`.
                unsafe { copy(start.add(to), start.add(from), count) };
                let mut expected = before.clone();
                expected[to..to + count].copy_from_slice(&before[from..from + count]);
                assert!(after == expected, "{count} bytes from {from} to {to}");
            }
        }
    }
}
