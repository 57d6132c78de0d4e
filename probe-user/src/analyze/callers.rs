//! Which instructions call a function.

use std::io;

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

use super::{Function, reader::Reader};
use crate::address::VirtAddr;

/// Most calls of one function that are looked for.
const MAX_CALLS: usize = 256;
/// A near call: `e8` and the distance from its end.
const NEAR_CALL: u8 = 0xe8;
const NEAR_CALL_LEN: usize = 5;

/// Returns where in a file's text may be a near call to `callee`: the same bytes may as well be a part of other
/// instructions. The text begins at `text` and lies in the file at `start..end`.
pub(super) fn candidates(
    reader: &mut Reader<'_>,
    text: VirtAddr,
    (start, end): (u64, u64),
    callee: VirtAddr,
) -> io::Result<Vec<VirtAddr>> {
    let mut found = Vec::new();
    let mut window: Vec<u8> = Vec::new();
    let mut at = start;
    while at < end && found.len() < MAX_CALLS {
        let chunk = reader.chunk(at)?;
        let wanted = end.saturating_sub(at).min(chunk.len() as u64) as usize;
        let chunk = chunk.get(..wanted).unwrap_or(chunk);
        let first = (at.saturating_sub(start)).saturating_sub(window.len() as u64);
        window.extend_from_slice(chunk);
        let at_first = text.0.wrapping_add(first);
        found.extend(calls(&window, at_first, callee.0));
        at = at.saturating_add(wanted.max(1) as u64);
        window.drain(..window.len().saturating_sub(NEAR_CALL_LEN.saturating_sub(1)));
    }
    found.truncate(MAX_CALLS);
    Ok(found)
}

fn calls(bytes: &[u8], at: u64, callee: u64) -> impl Iterator<Item = VirtAddr> {
    bytes
        .windows(NEAR_CALL_LEN)
        .enumerate()
        .filter_map(move |(index, bytes)| {
            let [NEAR_CALL, distance @ ..] = bytes else {
                return None;
            };
            let distance = i32::from_le_bytes(distance.try_into().ok()?);
            let call = at.wrapping_add(index as u64);
            let end = call.wrapping_add(NEAR_CALL_LEN as u64);
            (end.wrapping_add_signed(i64::from(distance)) == callee).then_some(VirtAddr(call))
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

    #[test]
    fn calls_of_this_function_are_found_and_of_others_not() {
        let mut code = vec![0x90, 0x90];
        code.extend(call(0x1002));
        code.extend(call(0x1006));
        let found: Vec<_> = calls(&code, 0x1000, 0x2000).collect();
        assert_eq!(found, [VirtAddr(0x1002)]);
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
        assert_eq!(calls(&code, 0x1000, 0x2000).count(), 1);
        assert!(!is_call(&code, &function, VirtAddr(0x1002)));
        let code = [vec![0x90, 0x90], call(0x1002)].concat();
        assert!(is_call(&code, &function, VirtAddr(0x1002)));
    }
}
