//! Which samples found the probes at work rather than the program.

use std::collections::HashSet;

use iced_x86::{Decoder, DecoderOptions, Instruction, OpKind};

use crate::{address::VirtAddr, analyze::GoBinary, plan::ProbePlan};

/// Length of `call rel32`, the only form that calls of the runtime by Go code have.
const CALL_LEN: u64 = 5;
const CALL_OPCODE: u8 = 0xe8;

/// Where a thread stands while the kernel handles a hit: at the site, or at the instruction that follows it.
///
/// Interrupts are off for a part of the trap; a tick that falls into it is delivered at the first
/// instruction afterwards, in user mode. That one instruction would have to be slower than a trap to be
/// the program's own time.
#[derive(Clone, Debug, Default)]
pub struct Probing {
    at: HashSet<VirtAddr>,
    /// Entries of functions that are probed at a `ret`: what follows it is behind the call.
    returning: HashSet<VirtAddr>,
}

impl Probing {
    /// Works out all such places of a plan.
    pub fn of(plan: &ProbePlan, binary: &GoBinary) -> Self {
        let mut probing = Self::default();
        for site in plan.sites() {
            let mut decoder = Decoder::with_ip(64, &site.bytes, site.vaddr.0, DecoderOptions::NONE);
            let instruction = decoder.decode();
            if is_return(&instruction) {
                let function = binary.function_at(site.vaddr);
                probing.returning.extend(function.map(|f| f.entry));
            }
            probing.at.extend([
                site.vaddr,
                VirtAddr(site.vaddr.0.wrapping_add(1)),
                VirtAddr(instruction.next_ip()),
            ]);
            probing.at.extend(branch_target(&instruction));
        }
        probing
    }

    /// Returns whether a thread that was interrupted at `address` was being probed.
    pub fn covers(&self, address: VirtAddr, binary: &GoBinary) -> bool {
        self.at.contains(&address)
            || !self.returning.is_empty()
                && called_before(address, binary)
                    .is_some_and(|function| self.returning.contains(&function))
    }
}

fn is_return(instruction: &Instruction) -> bool {
    instruction.code() == iced_x86::Code::Retnq
}

fn branch_target(instruction: &Instruction) -> Option<VirtAddr> {
    let is_near = instruction.op_count() == 1 && instruction.op0_kind() == OpKind::NearBranch64;
    is_near.then(|| VirtAddr(instruction.near_branch_target()))
}

/// Returns the function whose call returns to `address`.
fn called_before(address: VirtAddr, binary: &GoBinary) -> Option<VirtAddr> {
    let function = binary.function_at(address)?;
    let call = address.0.checked_sub(CALL_LEN)?;
    let offset = usize::try_from(call.checked_sub(function.entry.0)?).ok()?;
    let code = binary.code(&function).ok()?;
    let (&opcode, operand) = code.get(offset..)?.split_first()?;
    let distance = i32::from_le_bytes(*operand.first_chunk()?);
    (opcode == CALL_OPCODE).then(|| VirtAddr(address.0.wrapping_add_signed(i64::from(distance))))
}
