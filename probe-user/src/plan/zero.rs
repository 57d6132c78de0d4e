//! Operations that end as they begin: allocations of no bytes.
//!
//! `runtime.mallocgc` returns a fixed address for them, by a jump right behind its entry (src/runtime/malloc.go,
//! Go 1.21 to 1.27). As an exit site that jump would cost every other allocation a trap, and what it tests is
//! known at the entry.

use iced_x86::{FlowControl, Instruction, Mnemonic, Register};

use super::{
    exit_cover::{Body, CoverSite},
    result::changes_result,
    sites::Condition,
};
use crate::analyze::Jumps;

/// Instructions between the entry and the jump at most, and on the way to a `throw`.
const MAX_LOOK_AHEAD: usize = 12;
/// `je` (Intel SDM volume 2, B.1.4).
const EQUAL: Condition = Condition::Code(4);

impl Body<'_> {
    /// Returns which of `exits` fires exactly when `rax` is 0 at the entry: the jump behind `test rax, rax` that
    /// everything comes to straight from the entry.
    pub(super) fn exit_at_zero(&self, exits: &[CoverSite]) -> Option<usize> {
        let jumps = Jumps::of(self.instructions);
        let mut is_tested = false;
        for at in (self.entry + 1..).take(MAX_LOOK_AHEAD) {
            let instruction = self.instructions.get(at)?;
            if jumps.computed || jumps.to.contains_key(&at) || changes_result(instruction) {
                return None;
            }
            match instruction.flow_control() {
                FlowControl::Next if instruction.mnemonic() == Mnemonic::Nop => {}
                FlowControl::Next => is_tested = tests_result(instruction),
                FlowControl::ConditionalBranch if is_tested => {
                    let is_it = |exit: &CoverSite| exit.index == at && exit.condition == EQUAL;
                    return exits.iter().position(is_it);
                }
                FlowControl::ConditionalBranch if self.throws(instruction) => {}
                _ => return None,
            }
        }
        None
    }

    /// Returns whether a jump leads to nothing but a fatal error.
    fn throws(&self, jump: &Instruction) -> bool {
        let Some(target) = self.index_of(jump.near_branch_target()) else {
            return false;
        };
        let behind = self.instructions.iter().skip(target).take(MAX_LOOK_AHEAD);
        let last = { behind }.find(|i| i.flow_control() != FlowControl::Next);
        last.is_some_and(|i| {
            i.flow_control() == FlowControl::Call
                && self.name(i.near_branch_target()).as_deref() == Some("runtime.throw")
        })
    }
}

fn tests_result(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Test
        && instruction.op0_register() == Register::RAX
        && instruction.op1_register() == Register::RAX
}

#[cfg(test)]
mod tests {
    use crate::plan::{exit_cover::cover, hand_made::with_body};

    /// Offset of the exit that is known at the entry.
    fn known(code: &[u8]) -> Option<u64> {
        with_body(code, |body| {
            let exits = cover(body, false);
            let position = body.exit_at_zero(&exits)?;
            Some(body.offset(exits[position].index))
        })
    }

    #[test]
    fn the_jump_on_a_size_of_zero_is_known_at_the_entry() {
        // 0 push rbp; 1 test ecx,ecx; 3 je 21; 5 test rax,rax; 8 je 18; 10 call BASE + 1 (work);
        // 15 nop; 16 pop rbp; 17 ret; 18 mov eax,ecx; 20 ret; 21 call BASE + 2 (throw)
        let mut code = [
            0x55, 0x85, 0xc9, 0x74, 0x10, 0x48, 0x85, 0xc0, 0x74, 0x08, 0xe8, 0xf2, 0xff, 0xff,
            0xff, 0x90, 0x5d, 0xc3, 0x89, 0xc8, 0xc3, 0xe8, 0xe8, 0xff, 0xff, 0xff,
        ];
        assert_eq!(known(&code), Some(8));
        // What the first jump leads to may return.
        code[22] -= 1;
        assert_eq!(known(&code), None);
        code[22] += 1;
        // Another register is tested; rax is not what it was at the entry.
        code[7] = 0xdb;
        assert_eq!(known(&code), None);
        code[7] = 0xc0;
        code[1] = 0x31;
        code[2] = 0xc0;
        assert_eq!(known(&code), None);
    }
}
