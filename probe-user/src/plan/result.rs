//! What a function returns, where the way to its return alone tells.
//!
//! Go's compiler makes a constant result right before the return: `mov eax, 1; …; ret`. Where `rax` holds the
//! same constant at the return on every way on from an exit site, the result is known at that site; where
//! nothing changes `rax` on any of them, it can be read there.

use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind, Register};
use probe_ebpf::abi::note;

use super::{
    exit_cover::{Body, CoverSite},
    sites::Condition,
};
use crate::analyze::writes;

/// Instructions that are looked at on all ways from a site to the returns.
const MAX_LOOK_AHEAD: usize = 96;

/// What is known at a site of `rax` at the return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It is what `rax` holds at the site.
    AtSite,
    Constant(u64),
}

/// Returns whether a note, of `probe_ebpf::abi::note`, is of the function's result.
pub(super) const fn is_of_result(note: u8) -> bool {
    matches!(note, note::AX_FALSE | note::AX_NEGATIVE)
}

impl Body<'_> {
    /// Returns the note to take at an exit site that is, at a return, `note`.
    pub(super) fn note_at(&self, site: &CoverSite, note: u8) -> u8 {
        let holds = match (note, self.result_behind(site)) {
            (note::AX_FALSE, Some(Told::Constant(result))) => result as u8 == 0,
            (note::AX_NEGATIVE, Some(Told::Constant(result))) => (result as i64) < 0,
            _ => return note,
        };
        if holds { note::ALWAYS } else { note::NEVER }
    }

    /// Returns what is known of `rax` at the returns behind an exit site, if it is the same on every way there.
    pub(super) fn result_behind(&self, site: &CoverSite) -> Option<Told> {
        let mut result = None;
        let mut open = vec![(self.goes_on_at(site)?, Some(Told::AtSite))];
        for _ in 0..MAX_LOOK_AHEAD {
            let Some((at, before)) = open.pop() else {
                return result;
            };
            let instruction = self.instructions.get(at)?;
            if instruction.flow_control() == FlowControl::Return {
                let told = before?;
                if *result.get_or_insert(told) != told {
                    return None;
                }
                continue;
            }
            let behind = result_after(instruction, before);
            open.extend(self.next(at)?.into_iter().map(|next| (next, behind)));
        }
        None
    }

    /// Where the function goes on when the site fires: with the site's own instruction, or behind its jump.
    fn goes_on_at(&self, site: &CoverSite) -> Option<usize> {
        if site.condition == Condition::Always {
            return Some(site.index);
        }
        let jump = self.instructions.get(site.index)?;
        if self.taken(site.index)? == site.condition {
            self.index_of(jump.near_branch_target())
        } else {
            site.index.checked_add(1)
        }
    }

    /// What may run after the instruction at `at`; `None` where that is not known.
    fn next(&self, at: usize) -> Option<Vec<usize>> {
        let instruction = self.instructions.get(at)?;
        let target = || self.index_of(instruction.near_branch_target());
        Some(match instruction.flow_control() {
            FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall => vec![at + 1],
            FlowControl::UnconditionalBranch => vec![target()?],
            FlowControl::ConditionalBranch => vec![at + 1, target()?],
            _ => return None,
        })
    }
}

/// Returns what is known of `rax` after the instruction.
fn result_after(instruction: &Instruction, before: Option<Told>) -> Option<Told> {
    let to_result = matches!(instruction.op0_register(), Register::EAX | Register::RAX);
    let is_constant = matches!(
        instruction.op1_kind(),
        OpKind::Immediate32 | OpKind::Immediate32to64 | OpKind::Immediate64
    );
    match instruction.mnemonic() {
        Mnemonic::Mov if to_result && is_constant => {
            instruction.try_immediate(1).ok().map(Told::Constant)
        }
        Mnemonic::Xor if to_result && instruction.op1_register() == instruction.op0_register() => {
            Some(Told::Constant(0))
        }
        _ if changes_result(instruction) => None,
        _ => before,
    }
}

/// Returns whether the instruction may write to `rax`.
pub(super) fn changes_result(instruction: &Instruction) -> bool {
    let calls = matches!(
        instruction.flow_control(),
        FlowControl::Call | FlowControl::IndirectCall
    );
    calls || writes(instruction, Register::RAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{exit_cover::cover, hand_made::with_body};

    /// Offsets of the exits whose result is needed, and how they note that it is false.
    fn exits(code: &[u8]) -> Vec<(u64, Condition, u8)> {
        with_body(code, |body| {
            cover(body, true)
                .iter()
                .map(|site| {
                    let note = body.note_at(site, note::AX_FALSE);
                    (body.offset(site.index), site.condition, note)
                })
                .collect()
        })
    }

    #[test]
    fn a_constant_result_is_known_at_the_site() {
        // 0 push rbp; 1 call BASE (unlock2); 6 mov eax,1; 11 pop rbp; 12 ret
        let mut code = vec![
            0x55, 0xe8, 0xfa, 0xff, 0xff, 0xff, 0xb8, 1, 0, 0, 0, 0x5d, 0xc3,
        ];
        assert_eq!(exits(&code), [(1, Condition::Always, note::NEVER)]);
        // 6 xor eax,eax; 8 mov ebx,eax; 10 mov eax,eax; …
        code.splice(6..11, [0x31, 0xc0, 0x89, 0xc3, 0x90]);
        code.swap(10, 11);
        assert_eq!(exits(&code), [(11, Condition::Always, note::AX_FALSE)]);
    }

    #[test]
    fn a_result_that_is_not_the_same_on_all_ways_is_read_where_it_is_made() {
        // 0 push rbp; 1 test ecx,ecx; 3 je 12; 5 mov eax,1; 10 pop rbp; 11 ret; 12 xor eax,eax; 14 pop rbp; 15 ret
        let apart = [
            0x55, 0x85, 0xc9, 0x74, 0x07, 0xb8, 1, 0, 0, 0, 0x5d, 0xc3, 0x31, 0xc0, 0x5d, 0xc3,
        ];
        assert_eq!(
            exits(&apart),
            [
                (3, Condition::Code(5), note::NEVER),
                (15, Condition::Always, note::AX_FALSE)
            ]
        );
        // 0 push rbp; 1 call BASE (unlock2); 6 mov eax,ecx; 8 pop rbp; 9 ret
        let computed = [0x55, 0xe8, 0xfa, 0xff, 0xff, 0xff, 0x89, 0xc8, 0x5d, 0xc3];
        assert_eq!(exits(&computed), [(9, Condition::Always, note::AX_FALSE)]);
    }
}
