//! The code that is probed: functions that do what a Go function does at its probe sites, and nothing else.
//!
//! `outer` calls `inner` as often as it is told, through one frame in between as the runtime has it
//! (`newobject` above `mallocgc`, `chansend1` above `chansend`). Frame pointers end there, as they do where a
//! goroutine begins. `r14` holds what a Go function finds there, a
//! goroutine. Each inner function has an instruction of the kinds that are probed: `push rbp` and a
//! conditional jump, which the kernel emulates, and a move, which it single-steps.

use std::arch::global_asm;

macro_rules! chain {
    ($outer:literal, $middle:literal, $inner:literal, $entry:literal, $stepped:literal, $exit:literal) => {
        global_asm!(
            ".pushsection .text",
            ".p2align 6",
            concat!(".globl ", $outer),
            concat!(".hidden ", $outer),
            concat!($outer, ":"),
            "push rbp",
            "xor ebp, ebp",
            "push r14",
            "push rbx",
            "mov r14, rdi",
            "mov rbx, rsi",
            "2:",
            concat!("call ", $middle),
            "dec rbx",
            "jnz 2b",
            "pop rbx",
            "pop r14",
            "pop rbp",
            "ret",
            ".p2align 6",
            concat!($middle, ":"),
            "push rbp",
            "mov rbp, rsp",
            concat!("call ", $inner),
            "pop rbp",
            "ret",
            ".p2align 6",
            concat!($inner, ":"),
            concat!(".globl ", $entry),
            concat!(".hidden ", $entry),
            concat!($entry, ":"),
            "push rbp",
            "mov rbp, rsp",
            concat!(".globl ", $stepped),
            concat!(".hidden ", $stepped),
            concat!($stepped, ":"),
            "mov rax, rbp",
            "test rsp, rsp",
            concat!(".globl ", $exit),
            concat!(".hidden ", $exit),
            concat!($exit, ":"),
            "jnz 3f",
            "nop",
            "3:",
            "pop rbp",
            "ret",
            ".popsection",
        );
    };
}

chain!(
    "rtprobe_calibrate_emulated",
    "rtprobe_calibrate_emulated_middle",
    "rtprobe_calibrate_emulated_inner",
    "rtprobe_calibrate_emulated_entry",
    "rtprobe_calibrate_emulated_stepped",
    "rtprobe_calibrate_emulated_exit"
);
chain!(
    "rtprobe_calibrate_stepped",
    "rtprobe_calibrate_stepped_middle",
    "rtprobe_calibrate_stepped_inner",
    "rtprobe_calibrate_stepped_entry",
    "rtprobe_calibrate_stepped_stepped",
    "rtprobe_calibrate_stepped_exit"
);
chain!(
    "rtprobe_calibrate_pair",
    "rtprobe_calibrate_pair_middle",
    "rtprobe_calibrate_pair_inner",
    "rtprobe_calibrate_pair_entry",
    "rtprobe_calibrate_pair_stepped",
    "rtprobe_calibrate_pair_exit"
);
chain!(
    "rtprobe_calibrate_stepped_pair",
    "rtprobe_calibrate_stepped_pair_middle",
    "rtprobe_calibrate_stepped_pair_inner",
    "rtprobe_calibrate_stepped_pair_entry",
    "rtprobe_calibrate_stepped_pair_stepped",
    "rtprobe_calibrate_stepped_pair_exit"
);

// Other code: jumps, one for each of so many lines of the instruction cache.
global_asm!(
    ".pushsection .text",
    ".p2align 6",
    ".globl rtprobe_calibrate_other_code",
    ".hidden rtprobe_calibrate_other_code",
    "rtprobe_calibrate_other_code:",
    ".rept 4096",
    "jmp 2f",
    ".p2align 6",
    "2:",
    ".endr",
    "ret",
    ".popsection",
);

/// What `r14` points to: the first field of `runtime.g`, its stack (src/runtime/runtime2.go, Go 1.21 to 1.27).
#[repr(C)]
pub(super) struct FakeG {
    pub(super) stack_low: u64,
    pub(super) stack_high: u64,
}

type Outer = unsafe extern "sysv64" fn(*const FakeG, u64);

unsafe extern "sysv64" {
    fn rtprobe_calibrate_other_code();
    fn rtprobe_calibrate_emulated(g: *const FakeG, n: u64);
    fn rtprobe_calibrate_emulated_entry();
    fn rtprobe_calibrate_stepped(g: *const FakeG, n: u64);
    fn rtprobe_calibrate_stepped_stepped();
    fn rtprobe_calibrate_pair(g: *const FakeG, n: u64);
    fn rtprobe_calibrate_pair_entry();
    fn rtprobe_calibrate_pair_exit();
    fn rtprobe_calibrate_stepped_pair(g: *const FakeG, n: u64);
    fn rtprobe_calibrate_stepped_pair_stepped();
    fn rtprobe_calibrate_stepped_pair_exit();
}

/// Runs 256 KiB of code that does nothing.
pub(super) fn run_other_code() {
    // SAFETY: the code changes no register and no memory.
    unsafe { rtprobe_calibrate_other_code() }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Subject {
    /// A hit of an emulated site: its program returns at once, or counts an operation without a duration.
    Emulated,
    /// A hit of a single-stepped site whose program returns at once.
    Stepped,
    /// A whole operation, from an emulated entry to an emulated exit.
    Pair,
    /// The same from a single-stepped entry.
    SteppedPair,
}

pub(super) const SUBJECTS: [Subject; 4] = [
    Subject::Emulated,
    Subject::Stepped,
    Subject::Pair,
    Subject::SteppedPair,
];

impl Subject {
    pub(super) fn outer(self) -> Outer {
        match self {
            Self::Emulated => rtprobe_calibrate_emulated,
            Self::Stepped => rtprobe_calibrate_stepped,
            Self::Pair => rtprobe_calibrate_pair,
            Self::SteppedPair => rtprobe_calibrate_stepped_pair,
        }
    }

    /// Addresses of the instructions to probe: where an operation begins, and where it ends.
    pub(super) fn sites(self) -> (u64, Option<u64>) {
        let address = |function: unsafe extern "sysv64" fn()| function as usize as u64;
        match self {
            Self::Emulated => (address(rtprobe_calibrate_emulated_entry), None),
            Self::Stepped => (address(rtprobe_calibrate_stepped_stepped), None),
            Self::Pair => (
                address(rtprobe_calibrate_pair_entry),
                Some(address(rtprobe_calibrate_pair_exit)),
            ),
            Self::SteppedPair => (
                address(rtprobe_calibrate_stepped_pair_stepped),
                Some(address(rtprobe_calibrate_stepped_pair_exit)),
            ),
        }
    }

    pub(super) fn begins_stepped(self) -> bool {
        matches!(self, Self::Stepped | Self::SteppedPair)
    }
}
