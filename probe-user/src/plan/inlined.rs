//! The sites that stand for calls that were inlined into the user's code.
//!
//! `runtime.gcount` is a loop over the Ps at Go 1.21 to 1.27 (src/runtime/proc.go), which the compiler begins with
//! a jump to its condition: `xor i, i; jmp`. That jump runs once for each call.

use iced_x86::{Code, FlowControl, Instruction, Register};
use probe_ebpf::abi;

use super::{PlannedSite, ProbeName, Reading, SiteRole, SkipReason, exit_cover::CoverSite, sites};
use crate::{
    address::VirtAddr,
    analyze::{Function, GoBinary, InlinedCopies, writes},
};

/// Calls that are probed at most.
const MAX_COPIES: usize = 256;

/// Chooses a site for every copy of `callee` in the user's code, and for that in `whole`, a function without a frame.
pub(super) fn choose(
    binary: &GoBinary,
    callee: &'static str,
    whole: Option<&Function>,
    probe: ProbeName,
) -> Result<Vec<PlannedSite>, SkipReason> {
    let unreadable = |error: &dyn std::fmt::Display| SkipReason::Unreadable {
        function: callee.to_owned(),
        detail: error.to_string(),
    };
    let copies = (binary.inlined_copies(callee)).map_err(|error| unreadable(&error))?;
    let copies = copies
        .into_iter()
        .map(|copies| (copies, abi::flag::AT_SITE));
    // Its caller is that of its own frame, which it has none of.
    let whole = whole.map(|function| {
        let all = InlinedCopies {
            function: function.clone(),
            ranges: vec![function.entry..function.end],
        };
        (all, 0)
    });
    let mut chosen = Vec::new();
    for (InlinedCopies { function, ranges }, flags) in whole.into_iter().chain(copies) {
        let code = binary.code(&function).map_err(|error| unreadable(&error))?;
        let instructions = sites::decode(&code, function.entry);
        if flags == 0 && instructions.iter().any(moves_stack) {
            continue;
        }
        let reading = Reading {
            flags,
            ..Reading::default()
        };
        let inside = |at: VirtAddr| ranges.iter().any(|range| range.contains(&at));
        for index in loop_begins(&instructions, &inside) {
            let at = CoverSite::always(index);
            let decoded = sites::Decoded {
                function: &function,
                code: &code,
                instructions: &instructions,
            };
            chosen.push(sites::planned(
                binary,
                &decoded,
                probe,
                &at,
                SiteRole::Event,
                reading,
            )?);
            if chosen.len() == MAX_COPIES {
                return Ok(chosen);
            }
        }
    }
    if chosen.is_empty() {
        return Err(SkipReason::NotCalled { function: callee });
    }
    Ok(chosen)
}

/// Returns whether an instruction may leave the stack pointer elsewhere, but for the return.
fn moves_stack(instruction: &Instruction) -> bool {
    instruction.flow_control() != FlowControl::Return && writes(instruction, Register::RSP)
}

/// Returns the indices of the jumps that lead from the begin of a loop to its condition.
fn loop_begins(instructions: &[Instruction], inside: &dyn Fn(VirtAddr) -> bool) -> Vec<usize> {
    let is_zeroing = |i: &Instruction| {
        matches!(i.code(), Code::Xor_r32_rm32 | Code::Xor_rm32_r32)
            && i.op0_register() == i.op1_register()
    };
    let begins = |pair: &[Instruction]| {
        let [before, jump] = pair else { return false };
        is_zeroing(before)
            && jump.flow_control() == FlowControl::UnconditionalBranch
            && jump.near_branch_target() > jump.ip()
            && inside(VirtAddr(jump.ip()))
            && inside(VirtAddr(jump.near_branch_target()))
    };
    instructions
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| begins(pair))
        .map(|(index, _)| index + 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_jump_behind_the_zeroed_index_begins_the_loop() {
        // 0 xor eax,eax; 2 jmp 6; 4 inc eax; 6 cmp eax,esi; 8 jl 4; 10 jmp 12; 12 ret
        let code = [
            0x31, 0xc0, 0xeb, 0x02, 0xff, 0xc0, 0x39, 0xf0, 0x7c, 0xfa, 0xeb, 0x00, 0xc3,
        ];
        let instructions = sites::decode(&code, VirtAddr(0));
        assert_eq!(loop_begins(&instructions, &|_| true), [1]);
        // Elsewhere the same code is another loop.
        assert!(loop_begins(&instructions, &|at| at.0 > 8).is_empty());
    }
}
