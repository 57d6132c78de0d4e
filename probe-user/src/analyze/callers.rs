//! Which instructions call a function.

use std::{collections::HashMap, io};

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

use super::{Function, reader::Reader};
use crate::address::VirtAddr;

/// Most calls of one function that are looked for.
const MAX_CALLS: usize = 256;
/// A near call: `e8` and the distance from its end.
const NEAR_CALL: u8 = 0xe8;
const NEAR_CALL_LEN: usize = 5;

/// Returns by callee where in a file's text may be near calls to it: the same bytes may as well be a part of other
/// instructions. The text begins at `text` and lies in the file at `start..end`.
pub(super) fn candidates(
    reader: &mut Reader<'_>,
    text: VirtAddr,
    (start, end): (u64, u64),
    callees: &[VirtAddr],
) -> io::Result<HashMap<VirtAddr, Vec<VirtAddr>>> {
    let mut found: HashMap<VirtAddr, Vec<VirtAddr>> = HashMap::new();
    reader.each_piece(start, end, NEAR_CALL_LEN, |offset, piece| {
        let at = text.0.wrapping_add(offset.saturating_sub(start));
        for (call, callee) in calls(piece, at).filter(|(_, callee)| callees.contains(callee)) {
            let calls = found.entry(callee).or_default();
            if calls.len() < MAX_CALLS {
                calls.push(call);
            }
        }
        false
    })?;
    Ok(found)
}

/// Returns where near calls may be in `bytes`, which begin at `at`, and what they call.
fn calls(bytes: &[u8], at: u64) -> impl Iterator<Item = (VirtAddr, VirtAddr)> {
    let near_calls = bytes.windows(NEAR_CALL_LEN).enumerate();
    near_calls.filter_map(move |(index, bytes)| {
        let [NEAR_CALL, distance @ ..] = bytes else {
            return None;
        };
        let distance = i32::from_le_bytes(distance.try_into().ok()?);
        let call = at.wrapping_add(index as u64);
        let end = call.wrapping_add(NEAR_CALL_LEN as u64);
        let callee = end.wrapping_add_signed(i64::from(distance));
        Some((VirtAddr(call), VirtAddr(callee)))
    })
}

/// Returns whether one of a function's instructions is a call and begins at `address`.
pub(super) fn is_call(code: &[u8], function: &Function, address: VirtAddr) -> bool {
    let is_it = |instruction: Instruction| {
        instruction.ip() == address.0 && instruction.flow_control() == FlowControl::Call
    };
    Decoder::with_ip(64, code, function.entry.0, DecoderOptions::NONE)
        .into_iter()
        .any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `call 0x2000` from `at`.
    fn call(at: u64) -> Vec<u8> {
        let end = (at as i32).wrapping_add(NEAR_CALL_LEN as i32);
        let mut code = vec![NEAR_CALL];
        code.extend(&0x2000_i32.wrapping_sub(end).to_le_bytes());
        code
    }

    /// Calls of 0x2000 in code at 0x1000.
    fn of_it(code: &[u8]) -> Vec<VirtAddr> {
        let calls = calls(code, 0x1000).filter(|(_, callee)| *callee == VirtAddr(0x2000));
        calls.map(|(call, _)| call).collect()
    }

    #[test]
    fn calls_of_this_function_are_found_and_of_others_not() {
        let mut code = vec![0x90, 0x90];
        code.extend(call(0x1002));
        code.extend(call(0x1006));
        assert_eq!(of_it(&code), [VirtAddr(0x1002)]);
    }

    #[test]
    fn bytes_inside_an_instruction_are_no_call() {
        // mov rax, imm64
        let mut code = vec![0x48, 0xb8];
        code.extend(call(0x1002));
        code.extend([0, 0, 0]);
        let function = Function {
            name: "main.f".to_owned(),
            entry: VirtAddr(0x1000),
            end: VirtAddr(0x100a),
        };
        assert_eq!(of_it(&code).len(), 1);
        assert!(!is_call(&code, &function, VirtAddr(0x1002)));
        let code = [vec![0x90, 0x90], call(0x1002)].concat();
        assert!(is_call(&code, &function, VirtAddr(0x1002)));
    }
}
