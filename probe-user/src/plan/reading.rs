//! How the sites of a hook are read in this binary: flags, offsets, and the addresses they speak of.

use std::collections::HashMap;

use probe_ebpf::abi::{detail, flag};

use super::{
    Reading, SkipReason,
    hook::{Hook, Offsets},
    pick,
};
use crate::{
    address::VirtAddr,
    analyze::{Function, GoBinary},
};

/// Offset of `MapType.Elem` at Go 1.21 to 1.27 (src/internal/abi/type.go, map_swiss.go).
const MAP_ELEMENT: u16 = 56;
/// Bytes of the largest map element that does not count: Go stores larger ones by pointer
/// (`abi.MapMaxElemBytes`, src/internal/abi/map.go), and reads them by the generic functions.
const SMALL_ELEMENT: u16 = 128;

pub(super) fn of(
    binary: &GoBinary,
    hook: &Hook,
    functions: &HashMap<String, Vec<Function>>,
) -> Result<Reading, SkipReason> {
    let offsets = offsets(binary, hook.offsets, functions)?;
    let (range, flags) = if hook.detail == detail::CHANNEL {
        let data = binary.read_only_data();
        (data.map(|data| (data.start, data.end)), 0)
    } else if let Some(caller) = hook.only_calls_from {
        let range = envelope(&[caller], functions).ok_or_else(|| SkipReason::NotLinked {
            functions: vec![caller.to_owned()],
        })?;
        (Some(range), flag::ONLY_NESTED)
    } else {
        match envelope(hook.ignore_calls_from, functions) {
            Some(range) => (Some(range), flag::IGNORE_NESTED),
            None => (None, 0),
        }
    };
    Ok(Reading {
        flags: hook.flags | flags,
        detail: hook.detail,
        note: hook.note,
        key: hook.key,
        offsets,
        range,
    })
}

/// The smallest range that holds all of the functions: those of one package lie together.
fn envelope(
    names: &[&str],
    functions: &HashMap<String, Vec<Function>>,
) -> Option<(VirtAddr, VirtAddr)> {
    let found = || names.iter().filter_map(|&name| pick(functions.get(name)?));
    let low = found().map(|function| function.entry).min()?;
    let high = found().map(|function| function.end).max()?;
    Some((low, high))
}

fn offsets(
    binary: &GoBinary,
    wanted: Offsets,
    functions: &HashMap<String, Vec<Function>>,
) -> Result<[u16; 4], SkipReason> {
    let known = |offset: Option<u32>, field| {
        offset
            .and_then(|offset| u16::try_from(offset).ok())
            .ok_or(SkipReason::UnknownLayout { field })
    };
    let layout = binary.g_layout();
    Ok(match wanted {
        Offsets::None => [0; 4],
        Offsets::SchedBp => [known(layout.sched_bp, "runtime.g.sched.bp")?, 0, 0, 0],
        Offsets::GoStatement => [
            known(layout.startpc, "runtime.g.startpc")?,
            known(layout.gopc, "runtime.g.gopc")?,
            0,
            0,
        ],
        Offsets::WaitReason => [known(layout.waitreason, "runtime.g.waitreason")?, 0, 0, 0],
        Offsets::TimerArgument => {
            let offset = timer_argument(binary, functions.contains_key("time.startTimer"));
            [known(offset, "runtime.timer.arg")?, 0, 0, 0]
        }
        Offsets::MapElement => [MAP_ELEMENT, SMALL_ELEMENT, 0, 0],
    })
}

/// Offset of the data pointer of `arg` from what `time.stopTimer` gets: up to Go 1.22 a `runtime.timer`, later
/// a `timeTimer`, 16 bytes into which the timer lies (src/runtime/time.go; read from DWARF of each release).
fn timer_argument(binary: &GoBinary, is_started_by_time: bool) -> Option<u32> {
    if is_started_by_time {
        return Some(40);
    }
    let version = binary.go_version()?;
    match (version.major, version.minor) {
        (1, 23 | 24) => Some(16 + 48),
        (1, 25..=27) => Some(16 + 56),
        _ => None,
    }
}
