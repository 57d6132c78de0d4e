//! The names of the reasons for which goroutines wait, from the target itself: they change with every
//! release.

use super::memory::Memory;
use crate::{address::ProcAddr, analyze::GoBinary};

/// Go 1.27 has 42.
const MAX_REASONS: usize = 96;
const MAX_NAME: u64 = 64;

/// Returns the names by number; empty where they can't be read.
pub(super) fn read(memory: &Memory<'_>, binary: &GoBinary) -> Vec<String> {
    let Some(array) = binary.runtime_globals().wait_reasons else {
        return Vec::new();
    };
    let mut at = memory.address(array);
    let mut names = Vec::new();
    while names.len() < MAX_REASONS {
        let Some(name) = string(memory, at) else {
            break;
        };
        names.push(name);
        at = ProcAddr(at.0.wrapping_add(16));
    }
    names
}

/// Reads one string of the array; what lies behind the array is hardly ever one.
fn string(memory: &Memory<'_>, at: ProcAddr) -> Option<String> {
    let [text, len] = memory.words::<2>(at).ok()?;
    if len > MAX_NAME {
        return None;
    }
    let mut bytes = vec![0; len as usize];
    if len > 0 {
        memory.read(ProcAddr(text), &mut bytes).ok()?;
    }
    let name = String::from_utf8(bytes).ok()?;
    name.chars()
        .all(|c| c.is_ascii_graphic() || c == ' ')
        .then_some(name)
}
