use std::collections::BTreeMap;

use rtprobe_tests::go::{Kind, NEWEST, VERSIONS};

use super::{Observed, answer};
use crate::support::{GoTarget, require_c, require_go, require_root};

type Counters = BTreeMap<String, u64>;

/// Between two of the program's own readings.
#[track_caller]
fn assert_between(name: &str, before: &Counters, found: Option<u64>, after: &Counters) {
    let found = found.unwrap_or_else(|| panic!("{name} was not read"));
    let (low, high) = (before[name], after[name]);
    assert!(
        (low..=high).contains(&found),
        "{name}: {found} is not in {low}..={high}"
    );
}

fn counters_are_the_programs(version: &'static str, kind: Kind) -> Option<()> {
    require_root()?;
    let go = require_go(version)?;
    let mut target = GoTarget::start(&go.build("census", kind), &[]);
    let observed = Observed::of(&target);
    let _done: Counters = answer(&mut target, "work keep 3000");
    let _done: Counters = answer(&mut target, "work collect 3");
    let before: Counters = answer(&mut target, "counters");
    let state = observed.read();
    let after: Counters = answer(&mut target, "counters");
    let found = state.counters;
    assert_eq!(state.unreadable, [""; 0], "go{version} {kind:?}");
    assert_eq!(state.gomaxprocs.map(u64::from), Some(before["gomaxprocs"]));
    for (name, found) in [
        ("goroutines", found.goroutines),
        ("gc_cycles", found.gc_cycles),
        ("forced_gc_cycles", found.forced_gc_cycles),
        ("gc_pause_ns", found.gc_pause_ns),
        ("gc_mark_cpu_ns", found.gc_mark_cpu_ns),
        ("gc_assist_cpu_ns", found.gc_assist_cpu_ns),
        ("allocated_objects", found.allocated_objects),
        ("allocated_bytes", found.allocated_bytes),
        ("cgo_calls", found.cgo_calls),
    ] {
        assert_between(name, &before, found, &after);
    }
    assert!(found.forced_gc_cycles >= Some(5), "{found:?}");
    // Live is what the last collection found and what was allocated since.
    assert!(found.heap_live_bytes >= Some(20_000_000), "{found:?}");
    Some(())
}

#[test]
fn counters_are_the_programs_own() {
    for version in VERSIONS {
        for kind in [Kind::Plain, Kind::Stripped] {
            counters_are_the_programs(version, kind);
        }
    }
    counters_are_the_programs(NEWEST, Kind::StrippedPie);
}

fn work_is_counted(version: &'static str) -> Option<()> {
    require_root()?;
    let go = require_go(version)?;
    let mut target = GoTarget::start(&go.build("census", Kind::Stripped), &[]);
    let observed = Observed::of(&target);
    let before = observed.read().counters;
    let _done: Counters = answer(&mut target, "work allocate 1000000");
    let _done: Counters = answer(&mut target, "work spawn 20000");
    let _done: Counters = answer(&mut target, "work timers 500");
    let after = observed.read().counters;
    let grown = |after: Option<u64>, before: Option<u64>| after.unwrap() - before.unwrap();
    let created = grown(after.goroutines_created, before.goroutines_created);
    // The runtime starts a few of its own.
    assert!(
        (20_000..20_100).contains(&created),
        "go{version}: {created} goroutines"
    );
    let allocated = grown(after.allocated_objects, before.allocated_objects);
    assert!(
        (1_000_000..1_200_000).contains(&allocated),
        "go{version}: {allocated} objects"
    );
    let bytes = grown(after.allocated_bytes, before.allocated_bytes);
    assert!(
        (48_000_000..60_000_000).contains(&bytes),
        "go{version}: {bytes} bytes"
    );
    let timers = grown(after.timers, before.timers);
    // The runtime sleeps between its own chores.
    assert!(
        (497..=503).contains(&timers),
        "go{version}: {timers} timers"
    );
    Some(())
}

#[test]
fn work_in_between_is_what_two_readings_differ_by() {
    for version in VERSIONS {
        work_is_counted(version);
    }
}

#[test]
fn calls_to_c_are_counted() {
    let Some(()) = require_root() else { return };
    let Some(()) = require_c() else { return };
    for version in VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        let mut target = GoTarget::start(&go.build("census", Kind::Cgo), &[]);
        let observed = Observed::of(&target);
        let before = observed.read().counters.cgo_calls.unwrap();
        let _done: Counters = answer(&mut target, "work call-c 12345");
        let own: Counters = answer(&mut target, "counters");
        let after = observed.read().counters.cgo_calls.unwrap();
        assert_eq!(after - before, 12_345, "go{version}");
        assert_eq!(after, own["cgo_calls"], "go{version}");
    }
}

fn settings_are_seen(version: &'static str) -> Option<()> {
    require_root()?;
    let go = require_go(version)?;
    let mut target = GoTarget::start(&go.build("census", Kind::Stripped), &[]);
    let observed = Observed::of(&target);
    let off = observed.read().settings;
    assert_eq!(off.cpu_profile_hz, Some(0), "go{version}");
    assert_eq!(off.cpu_profile, Some(0), "go{version}");
    assert_eq!(off.block_profile_rate_ns, Some(0), "go{version}");
    assert_eq!(off.mutex_profile_fraction, Some(0), "go{version}");
    assert_eq!(off.mem_profile_rate, Some(512 * 1024), "go{version}");
    assert_eq!(off.tracing, Some(false), "go{version}");
    assert_eq!(
        (off.gc_percent, off.memory_limit_bytes),
        (Some(100), None),
        "go{version}"
    );

    let switched = "settings block=10000 mutex=7 cpu=1 trace=1 gogc=250 limit=1000000000";
    let _own: BTreeMap<String, i64> = answer(&mut target, switched);
    let _done: Counters = answer(&mut target, "work procs 3");
    let state = observed.read();
    let on = state.settings;
    assert_eq!(state.gomaxprocs, Some(3), "go{version}");
    assert_eq!(on.cpu_profile_hz, Some(100), "go{version}");
    assert_eq!(on.mutex_profile_fraction, Some(7), "go{version}");
    assert_eq!(on.tracing, Some(true), "go{version}");
    assert_eq!(
        (on.gc_percent, on.memory_limit_bytes),
        (Some(250), Some(1_000_000_000))
    );
    let rate = on.block_profile_rate_ns.unwrap();
    // Two measurements of the same clock: the program's and ours.
    assert!((9_000..11_000).contains(&rate), "go{version}: {rate} ns");

    let _own: BTreeMap<String, i64> = answer(
        &mut target,
        "settings block=1 mutex=0 cpu=0 trace=0 gogc=-1",
    );
    let back = observed.read().settings;
    assert_eq!(back.block_profile_rate_ns, Some(1), "go{version}");
    assert_eq!(back.cpu_profile_hz, Some(0), "go{version}");
    assert_eq!(back.tracing, Some(false), "go{version}");
    assert_eq!(back.gc_percent, None, "go{version}");

    let _own: BTreeMap<String, i64> = answer(&mut target, "settings cpu=1");
    let again = observed.read().settings.cpu_profile;
    assert!(again > Some(0), "go{version}");
    assert_ne!(again, on.cpu_profile, "go{version}: another profile");
    Some(())
}

#[test]
fn settings_are_the_programs_own() {
    for version in VERSIONS {
        settings_are_seen(version);
    }
}
