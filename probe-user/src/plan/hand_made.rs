//! Hand-assembled functions for the tests.

use iced_x86::{Decoder, DecoderOptions, Instruction};

use super::{exit_cover::Body, sites::accepted};
use crate::address::VirtAddr;

const BASE: u64 = 0x1000;

/// Decodes code whose entry site is its first instruction. A call of offset 0 is one of `unlock2`, of offset 1
/// one of work; behind that all is `throw`.
pub(super) fn with_body<T>(code: &[u8], check: impl FnOnce(&Body<'_>) -> T) -> T {
    let instructions: Vec<Instruction> = Decoder::with_ip(64, code, BASE, DecoderOptions::NONE)
        .into_iter()
        .collect();
    let costs: Vec<_> = instructions
        .iter()
        .map(|i| {
            let start = (i.ip() - BASE) as usize;
            accepted(i, &code[start..start + i.len()])
        })
        .collect();
    let name_of = |addr: VirtAddr| {
        Some(
            match addr.0 - BASE {
                0 => "runtime.unlock2",
                1 => "runtime.work",
                _ => "runtime.throw",
            }
            .to_owned(),
        )
    };
    check(&Body {
        instructions: &instructions,
        costs: &costs,
        entry: 0,
        name_of: &name_of,
    })
}

impl Body<'_> {
    /// Returns where an instruction lies in the code.
    pub(super) fn offset(&self, index: usize) -> u64 {
        self.instructions[index].ip() - BASE
    }
}
