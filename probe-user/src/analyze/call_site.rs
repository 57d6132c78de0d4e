//! What the code before a call says of its arguments, and the code after it of its result.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::{
    Function,
    instructions::{Jumps, bytes_read, writes},
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

/// Instructions after a call that are looked at: what is made of its result is right behind it.
const AFTER_CALL: usize = 64;
/// The registers that what copies is told its source in, by the compiler or for `runtime.typedmemmove` and
/// `runtime.convT`. In `rax`, where the result came, nothing takes it: there it is left over.
const SOURCES: [Register; 5] = [
    Register::RBX,
    Register::RCX,
    Register::RDI,
    Register::RSI,
    Register::R8,
];

/// Returns how many bytes the function reads right after `call`, an address in a call instruction of it, through the
/// pointer that the call returns, which is in `rax` (src/cmd/compile/abi-internal.md); `None` where that is not known:
/// the pointer is kept or passed on, to what copies as well.
pub(super) fn result_bytes_read(code: &[u8], function: &Function, call: VirtAddr) -> Option<u64> {
    let mut decoder = Decoder::with_ip(64, code, function.entry.0, DecoderOptions::NONE);
    decoder
        .iter()
        .find(|instruction| (instruction.ip()..instruction.next_ip()).contains(&call.0))
        .filter(|instruction| instruction.flow_control() == FlowControl::Call)?;
    let mut pointers = vec![Register::RAX];
    let mut bytes = 0_u64;
    for instruction in decoder.iter().take(AFTER_CALL) {
        let is_pointer = |register: Register| pointers.contains(&register.full_register());
        match instruction.flow_control() {
            FlowControl::Next => {}
            FlowControl::Return => return Some(bytes),
            FlowControl::ConditionalBranch => {
                // Backward from something read it is the loop of a copy. What follows otherwise may copy as well: bounds
                // and `runtime.writeBarrier` are looked at before that.
                if bytes > 0 && instruction.near_branch_target() <= instruction.ip() {
                    return None;
                }
                continue;
            }
            _ => return (!SOURCES.into_iter().any(is_pointer)).then_some(bytes),
        }
        let mnemonic = instruction.mnemonic();
        let is_stored = mnemonic == Mnemonic::Mov
            && instruction.op0_kind() == OpKind::Memory
            && is_pointer(instruction.op1_register());
        if is_stored || instruction.is_string_instruction() && is_pointer(Register::RSI) {
            return None;
        }
        let points_on = match mnemonic {
            Mnemonic::Mov => is_pointer(instruction.op1_register()),
            Mnemonic::Lea => is_pointer(instruction.memory_base()),
            Mnemonic::Add => is_pointer(instruction.op0_register()),
            _ => false,
        };
        // A test is whether the pointer is nil.
        if mnemonic != Mnemonic::Test {
            bytes = bytes.saturating_add(bytes_read(&instruction, is_pointer));
        }
        pointers.retain(|pointer| !writes(&instruction, *pointer));
        if points_on {
            pointers.push(instruction.op0_register().full_register());
        }
        if pointers.is_empty() {
            return Some(bytes);
        }
    }
    None
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

    fn read_after(after: &[u8]) -> Option<u64> {
        let function = Function {
            name: "main.f".to_owned(),
            entry: VirtAddr(0x1000),
            end: VirtAddr(0x1100),
        };
        let call = [0xe8, 0, 0, 0, 0];
        result_bytes_read(&[&call, after].concat(), &function, VirtAddr(0x1004))
    }

    #[test]
    fn who_asks_only_whether_there_is_something_reads_nothing() {
        // test bl,bl; je +0x10; call +0
        assert_eq!(
            read_after(&[0x84, 0xdb, 0x74, 0x10, 0xe8, 0, 0, 0, 0]),
            Some(0)
        );
        // mov eax,ebx; ret
        assert_eq!(read_after(&[0x89, 0xd8, 0xc3]), Some(0));
        // test [rax],al; movzx eax,bl; ret
        assert_eq!(read_after(&[0x84, 0x00, 0x0f, 0xb6, 0xc3, 0xc3]), Some(0));
    }

    #[test]
    fn a_field_is_as_long_as_it_is() {
        // mov rax,[rax+8]; ret
        assert_eq!(read_after(&[0x48, 0x8b, 0x40, 0x08, 0xc3]), Some(8));
        // lea rcx,[rax+16]; movups xmm0,[rcx]; xor eax,eax; xor ecx,ecx; ret
        let code = [
            0x48, 0x8d, 0x48, 0x10, 0x0f, 0x10, 0x01, 0x31, 0xc0, 0x31, 0xc9, 0xc3,
        ];
        assert_eq!(read_after(&code), Some(16));
    }

    #[test]
    fn what_is_copied_or_kept_is_not_known_by_its_length() {
        // mov rsi,rax; lea rdi,[rsp]; mov ecx,32; rep movsq
        let code = [
            0x48, 0x89, 0xc6, 0x48, 0x8d, 0x3c, 0x24, 0xb9, 32, 0, 0, 0, 0xf3, 0x48, 0xa5,
        ];
        assert_eq!(read_after(&code), None);
        // mov rsi,rax; call +0 (runtime.duffcopy)
        assert_eq!(read_after(&[0x48, 0x89, 0xc6, 0xe8, 0, 0, 0, 0]), None);
        // mov [rsp+8],rax; ret
        assert_eq!(read_after(&[0x48, 0x89, 0x44, 0x24, 0x08, 0xc3]), None);
        // movups xmm0,[rax]; add rax,16; dec rcx; jne -12
        let code = [
            0x0f, 0x10, 0x00, 0x48, 0x83, 0xc0, 0x10, 0x48, 0xff, 0xc9, 0x75, 0xf4,
        ];
        assert_eq!(read_after(&code), None);
        // cmp rcx,rdx; jae +16; mov rsi,rax; call +0 (runtime.duffcopy)
        let code = [
            0x48, 0x39, 0xd1, 0x73, 0x10, 0x48, 0x89, 0xc6, 0xe8, 0, 0, 0, 0,
        ];
        assert_eq!(read_after(&code), None);
    }
}
