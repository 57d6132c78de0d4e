//! The site that stands for a call through a pointer: `call r/m64` can't be probed cheaply, the conditional
//! jump that decides on it can.

use iced_x86::{FlowControl, Instruction};

use super::{exit_cover::CoverSite, sites::Condition};
use crate::report::SiteCost;

/// Plain instructions between the jump and the call at most: the pointer is loaded and arguments are set.
const MAX_LOADS: usize = 8;

/// Returns the conditional jump whose other edge leads to the function's only indirect call and to nothing
/// else; `None` where the code is not of that form.
pub(super) fn site(instructions: &[Instruction], costs: &[Option<SiteCost>]) -> Option<CoverSite> {
    let mut calls = (0..instructions.len()).filter(|&at| {
        (instructions.get(at)).is_some_and(|i| i.flow_control() == FlowControl::IndirectCall)
    });
    let (call, None) = (calls.next()?, calls.next()) else {
        return None;
    };
    let plain = (0..call)
        .rev()
        .take(MAX_LOADS)
        .take_while(|&at| {
            (instructions.get(at)).is_some_and(|i| i.flow_control() == FlowControl::Next)
        })
        .count();
    let jump = call.checked_sub(plain)?.checked_sub(1)?;
    let decides = instructions.get(jump)?;
    let reachable = instructions.get(jump.checked_add(1)?..=call)?;
    let is_entered = instructions.iter().any(|i| {
        let target = i.near_branch_target();
        i.flow_control() != FlowControl::Next && reachable.iter().any(|r| r.ip() == target)
    });
    let is_cheap = costs.get(jump).copied().flatten() == Some(SiteCost::Emulated);
    if decides.flow_control() != FlowControl::ConditionalBranch || is_entered || !is_cheap {
        return None;
    }
    // iced numbers its condition codes from 1; bit 0 of an x86 condition code negates it.
    let taken = (decides.condition_code() as u8).checked_sub(1)?;
    Some(CoverSite {
        index: jump,
        condition: Condition::Code(taken ^ 1),
        frame_set_up: true,
    })
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions};

    use super::*;
    use crate::plan::sites::accepted;

    fn site_of(code: &[u8]) -> Option<(u64, Condition)> {
        let instructions: Vec<Instruction> = Decoder::with_ip(64, code, 0, DecoderOptions::NONE)
            .into_iter()
            .collect();
        let costs: Vec<_> = instructions
            .iter()
            .map(|i| accepted(i, &code[i.ip() as usize..i.next_ip() as usize]))
            .collect();
        site(&instructions, &costs).map(|found| (instructions[found.index].ip(), found.condition))
    }

    #[test]
    fn the_jump_around_the_call_counts_where_it_is_not_taken() {
        // 0 push rbp; 1 test rdx,rdx; 4 je 11; 6 mov rcx,[rdx]; 9 call rcx; 11 ret
        let code = [
            0x55, 0x48, 0x85, 0xd2, 0x74, 0x05, 0x48, 0x8b, 0x0a, 0xff, 0xd1, 0xc3,
        ];
        assert_eq!(site_of(&code), Some((4, Condition::Code(5))));
    }

    #[test]
    fn a_call_that_is_reached_by_another_way_has_no_site() {
        // 0 push rbp; 1 jmp 9; 3 nop; 4 je 11; 6 mov rcx,[rdx]; 9 call rcx; 11 ret
        let code = [
            0x55, 0xeb, 0x06, 0x90, 0x74, 0x05, 0x48, 0x8b, 0x0a, 0xff, 0xd1, 0xc3,
        ];
        assert_eq!(site_of(&code), None);
    }

    #[test]
    fn of_two_calls_none_is_chosen() {
        // je 7; mov rcx,[rdx]; call rcx; call rcx; ret
        let code = [0x74, 0x05, 0x48, 0x8b, 0x0a, 0xff, 0xd1, 0xff, 0xd1, 0xc3];
        assert_eq!(site_of(&code), None);
    }
}
