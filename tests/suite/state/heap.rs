use std::collections::BTreeMap;

use probe_user::observed::HeapSite;
use rtprobe_tests::go::{Kind, VERSIONS};
use serde::Deserialize;

use super::{Observed, answer};
use crate::support::{GoTarget, require_go, require_root};

/// A record of `runtime.MemProfile`, unscaled.
#[derive(Debug, Deserialize)]
struct Record {
    functions: Vec<String>,
    allocated: u64,
    allocated_bytes: u64,
    live: u64,
    live_bytes: u64,
}

const RATE: f64 = 524_288.0;

/// Objects and bytes, allocated and live.
type Sums = [f64; 4];

/// As runtime/pprof scales them.
fn own(records: &[Record]) -> BTreeMap<Vec<String>, Sums> {
    let mut sums: BTreeMap<Vec<String>, Sums> = BTreeMap::new();
    for record in records.iter().filter(|record| record.allocated > 0) {
        let size = record.allocated_bytes as f64 / record.allocated as f64;
        let scale = 1.0 / (1.0 - (-size / RATE).exp());
        let found = [
            record.allocated,
            record.allocated_bytes,
            record.live,
            record.live_bytes,
        ];
        let sum = sums.entry(users(record.functions.iter())).or_default();
        for (sum, found) in sum.iter_mut().zip(found) {
            *sum += found as f64 * scale;
        }
    }
    sums
}

fn seen(sites: &[HeapSite]) -> BTreeMap<Vec<String>, Sums> {
    let mut sums: BTreeMap<Vec<String>, Sums> = BTreeMap::new();
    for site in sites {
        let functions = users(site.stack.iter().map(|frame| &frame.function));
        let found = [
            site.allocated_objects,
            site.allocated_bytes,
            site.live_objects,
            site.live_bytes,
        ];
        let sum = sums.entry(functions).or_default();
        for (sum, found) in sum.iter_mut().zip(found) {
            *sum += found as f64;
        }
    }
    sums
}

/// The runtime's own frames are in one and not in the other.
fn users<S: ToString>(functions: impl Iterator<Item = S>) -> Vec<String> {
    functions
        .map(|name| name.to_string())
        .filter(|name| !name.starts_with("runtime."))
        .collect()
}

fn profile_is_the_programs(version: &'static str, kind: Kind) -> Option<()> {
    require_root()?;
    let go = require_go(version)?;
    let mut target = GoTarget::start(&go.build("census", kind), &[]);
    let observed = Observed::of(&target);
    let _done: BTreeMap<String, u64> = answer(&mut target, "work keep 5000");
    let _done: BTreeMap<String, u64> = answer(&mut target, "work allocate 500000");
    let records: Vec<Record> = answer(&mut target, "heap");
    let (own, seen) = (own(&records), seen(&observed.read().heap_profile.unwrap()));
    for (functions, sums) in &own {
        // Taking the profile allocates too.
        if functions.iter().any(|name| name == "main.heap") {
            continue;
        }
        let found = seen
            .get(functions)
            .unwrap_or_else(|| panic!("{functions:?} is not seen"));
        for (own, found) in sums.iter().zip(found) {
            let off = (own - found).abs();
            assert!(
                off <= 2.0 + own * 0.001,
                "go{version} {kind:?} {functions:?}: {found} for {own}"
            );
        }
    }
    let kept = seen
        .iter()
        .filter(|(functions, _)| functions.first().is_some_and(|name| name == "main.keep"));
    let live: f64 = kept.map(|(_, sums)| sums[3]).sum();
    // 5 000 slices of the class of 8 192 bytes, and the slice of slices; sampled some 80 times.
    assert!(
        (20e6..80e6).contains(&live),
        "go{version} {kind:?}: {live} bytes are kept"
    );
    Some(())
}

#[test]
fn memory_profile_is_the_programs_own() {
    for version in VERSIONS {
        for kind in [Kind::Plain, Kind::Stripped] {
            profile_is_the_programs(version, kind);
        }
    }
}

/// A program that never asks for its memory profile does not link the profiler.
#[test]
fn program_without_the_profiler_says_so() {
    let Some(()) = require_root() else { return };
    let Some(go) = require_go(rtprobe_tests::go::NEWEST) else {
        return;
    };
    let target = GoTarget::start(&go.build("latency", Kind::Stripped), &["-wait"]);
    let state = Observed::of(&target).read();
    assert_eq!(state.settings.mem_profile_rate, Some(0));
    assert_eq!(state.heap_profile, None);
    assert!(
        state
            .unreadable
            .iter()
            .any(|note| note.contains("memory profiler")),
        "{:?}",
        state.unreadable
    );
}
