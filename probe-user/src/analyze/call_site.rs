//! What the code before a call says of its arguments.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, Register};

use super::{
    Function,
    instructions::{Jumps, writes},
};
use crate::address::VirtAddr;

/// Returns whether `call`, an address in a call instruction of the function, is always made with a third argument of
/// zero, which is in `rcx` (src/cmd/compile/abi-internal.md): whatever way leads there, it is cleared right before.
pub(super) fn clears_third_argument(code: &[u8], function: &Function, call: VirtAddr) -> bool {
    let instructions: Vec<Instruction> =
        Decoder::with_ip(64, code, function.entry.0, DecoderOptions::NONE)
            .into_iter()
            .collect();
    let jumps = Jumps::of(&instructions);
    if jumps.computed {
        return false;
    }
    let mut is_zero = false;
    for (at, instruction) in instructions.iter().enumerate() {
        is_zero &= !jumps.to.contains_key(&at);
        if (instruction.ip()..instruction.next_ip()).contains(&call.0) {
            return is_zero && instruction.flow_control() == FlowControl::Call;
        }
        let is_left = !matches!(
            instruction.flow_control(),
            FlowControl::Next | FlowControl::ConditionalBranch
        );
        if is_left {
            is_zero = false;
        } else if writes(instruction, Register::RCX) {
            is_zero = instruction.mnemonic() == Mnemonic::Xor
                && instruction.op0_register() == Register::ECX
                && instruction.op1_register() == Register::ECX;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &[u8], call: u64) -> bool {
        let function = Function {
            name: "main.f".to_owned(),
            entry: VirtAddr(0x1000),
            end: VirtAddr(0x1100),
        };
        clears_third_argument(code, &function, VirtAddr(call))
    }

    #[test]
    fn a_copy_of_a_slice_begins_with_no_capacity() {
        // xor eax,eax; xor ecx,ecx; mov rdi,rbx; call +0
        let code = [0x31, 0xc0, 0x31, 0xc9, 0x48, 0x89, 0xdf, 0xe8, 0, 0, 0, 0];
        assert!(of(&code, 0x100b));
    }

    #[test]
    fn a_capacity_from_elsewhere_is_not_nothing() {
        // xor ecx,ecx; mov rcx,rdx; call +0
        assert!(!of(
            &[0x31, 0xc9, 0x48, 0x89, 0xd1, 0xe8, 0, 0, 0, 0],
            0x1009
        ));
        // xor ecx,ecx; mov cl,1; call +0
        assert!(!of(&[0x31, 0xc9, 0xb1, 0x01, 0xe8, 0, 0, 0, 0], 0x1008));
    }

    #[test]
    fn what_was_cleared_before_a_loop_or_a_call_says_nothing() {
        // xor ecx,ecx; nop; call +0; jmp -7 (to the nop)
        let code = [0x31, 0xc9, 0x90, 0xe8, 0, 0, 0, 0, 0xeb, 0xf8];
        assert!(!of(&code, 0x1007));
        // xor ecx,ecx; call +0; call +0
        let code = [0x31, 0xc9, 0xe8, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0];
        assert!(of(&code, 0x1006));
        assert!(!of(&code, 0x100b));
    }
}
