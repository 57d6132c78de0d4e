//! Which functions a function calls.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

use super::Function;
use crate::address::VirtAddr;

/// A call out of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Callee {
    At(VirtAddr),
    /// Through a pointer.
    Unknown,
}

/// Returns the calls in a function's code, and the jumps out of it. What was inlined is no call.
pub(super) fn callees(code: &[u8], function: &Function) -> Vec<Callee> {
    let inside = function.entry.0..function.end.0;
    let callee = |instruction: Instruction| {
        let target = instruction.near_branch_target();
        match instruction.flow_control() {
            FlowControl::IndirectCall => Some(Callee::Unknown),
            FlowControl::Call => Some(Callee::At(VirtAddr(target))),
            FlowControl::UnconditionalBranch | FlowControl::ConditionalBranch
                if !inside.contains(&target) =>
            {
                Some(Callee::At(VirtAddr(target)))
            }
            _ => None,
        }
    };
    Decoder::with_ip(64, code, function.entry.0, DecoderOptions::NONE)
        .into_iter()
        .filter_map(callee)
        .collect()
}

/// Returns whether a function is one instruction with a name, or grows the stack: calling it is not doing anything.
pub(super) fn is_trifle(name: &str) -> bool {
    const TRIFLES: [&str; 4] = [
        "sync/atomic.",
        "internal/runtime/atomic.",
        "runtime/internal/atomic.",
        "runtime.morestack",
    ];
    TRIFLES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &[u8]) -> Vec<Callee> {
        let function = Function {
            name: "main.f".to_owned(),
            entry: VirtAddr(0x1000),
            end: VirtAddr(0x1010),
        };
        callees(code, &function)
    }

    #[test]
    fn an_addition_and_a_jump_inside_are_no_call() {
        // lock xadd [rcx],rdx; ret
        assert_eq!(of(&[0xf0, 0x48, 0x0f, 0xc1, 0x11, 0xc3]), []);
        // jmp +0; ret
        assert_eq!(of(&[0xeb, 0x00, 0xc3]), []);
    }

    #[test]
    fn calls_through_pointers_and_jumps_elsewhere_are() {
        // call +0; ret
        assert_eq!(
            of(&[0xe8, 0, 0, 0, 0, 0xc3]),
            [Callee::At(VirtAddr(0x1005))]
        );
        // call [rdx]; ret
        assert_eq!(of(&[0xff, 0x12, 0xc3]), [Callee::Unknown]);
        // jmp +0x100
        assert_eq!(of(&[0xe9, 0, 1, 0, 0]), [Callee::At(VirtAddr(0x1105))]);
    }

    #[test]
    fn atomics_that_were_not_inlined_are_trifles() {
        assert!(is_trifle("sync/atomic.(*Int64).Add"));
        assert!(is_trifle("runtime.morestack_noctxt"));
        assert!(!is_trifle("sync.(*Mutex).Lock"));
    }
}
