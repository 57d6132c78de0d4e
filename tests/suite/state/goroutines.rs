use std::collections::{BTreeMap, BTreeSet};

use probe_user::{observed::Census, report::GoroutineGroup};
use rtprobe_tests::go::{Kind, NEWEST, VERSIONS};

use super::{Observed, answers};
use crate::support::{GoTarget, require_go, require_root};

/// What goroutines have in common in a stack trace: wait reason or state, functions, who created them.
type Shape = (String, Vec<String>, String);

/// The program's own trace of all goroutines, `debug=2`.
fn own_trace(lines: &[String]) -> (BTreeMap<Shape, u64>, u64) {
    let mut shapes = BTreeMap::new();
    let mut locked = 0;
    for block in lines.join("\n").split("\n\n") {
        let mut lines = block.lines();
        let Some(header) = lines.next().filter(|line| line.starts_with("goroutine ")) else {
            continue;
        };
        let state = header.split_once('[').unwrap().1.trim_end_matches("]:");
        let mut parts = state.split(", ");
        let reason = parts.next().unwrap().to_owned();
        locked += u64::from(parts.any(|part| part == "locked to thread"));
        let (mut functions, mut creator) = (Vec::new(), String::new());
        for line in lines.filter(|line| !line.starts_with('\t')) {
            if let Some(created) = line.strip_prefix("created by ") {
                created
                    .split(" in ")
                    .next()
                    .unwrap()
                    .clone_into(&mut creator);
            } else if let Some((function, _)) = line.rsplit_once('(') {
                functions.push(function.to_owned());
            }
        }
        *shapes.entry((reason, functions, creator)).or_default() += 1;
    }
    (shapes, locked)
}

/// The trace when nobody is on the way to where it waits any more.
fn settled_trace(target: &mut GoTarget) -> (BTreeMap<Shape, u64>, u64) {
    let is_on_its_way = |shape: &Shape| shape.0 == "runnable" && !is_main(shape);
    let traces = std::iter::repeat_with(|| own_trace(&answers(target, "goroutines")));
    let mut settled = traces
        .take(100)
        .filter(|(own, _)| !own.keys().any(is_on_its_way));
    settled.next().expect("a goroutine never gets to run")
}

/// The same of a census: Go's traces leave out the runtime's frames and goroutines.
fn census(census: &Census) -> BTreeMap<Shape, u64> {
    let mut shapes = BTreeMap::new();
    for group in census.groups.iter().filter(|group| !group.system) {
        *shapes.entry(shape(group)).or_default() += group.count;
    }
    shapes
}

fn shape(group: &GoroutineGroup) -> Shape {
    let reason = group.wait_reason.as_ref().unwrap_or(&group.state).clone();
    let functions = group
        .stack
        .iter()
        .map(|frame| frame.function.to_string())
        .filter(|function| !function.starts_with("runtime."))
        .collect();
    let creator = group.created_by.as_ref();
    (
        reason,
        functions,
        creator.map_or_else(String::new, |creator| creator.function.clone()),
    )
}

/// Those that run while they are asked, or wait for the next question, are elsewhere by the time they are
/// looked at.
fn is_main((_, functions, _): &Shape) -> bool {
    functions
        .last()
        .is_some_and(|function| function == "main.main")
}

fn agrees(version: &'static str, kind: Kind) -> Option<()> {
    require_root()?;
    let go = require_go(version)?;
    let mut target = GoTarget::start(&go.build("census", kind), &[]);
    let (mut own, locked) = settled_trace(&mut target);
    let found = Observed::of(&target).read().census.unwrap();
    let mut seen = census(&found);
    own.retain(|shape, _| !is_main(shape));
    seen.retain(|shape, _| !is_main(shape));
    assert_eq!(seen, own, "go{version} {kind:?}");
    assert_eq!(found.torn, 0);
    let seen_locked: u64 = found.locked_to_thread.iter().map(|group| group.count).sum();
    assert_eq!((seen_locked, locked), (2, 2), "go{version} {kind:?}");
    let waits = found
        .groups
        .iter()
        .filter(|group| !group.system && group.state == "waiting");
    // The program has collected its garbage since they began to wait.
    assert!(waits.clone().all(|group| group.longest_wait_ns.is_some()));
    assert!(waits.count() >= 9);
    Some(())
}

#[test]
fn census_is_the_programs_own_trace() {
    for version in VERSIONS {
        for kind in [Kind::Plain, Kind::Stripped] {
            agrees(version, kind);
        }
    }
    for kind in [Kind::StrippedPie, Kind::Cgo] {
        agrees(NEWEST, kind);
    }
}

/// Every one of a crowd is counted once, and its lines are the same as its neighbours'.
#[test]
fn crowd_is_counted_whole() {
    let Some(()) = require_root() else { return };
    let Some(go) = require_go(NEWEST) else { return };
    let target = GoTarget::start(&go.build("census", Kind::Stripped), &["100000"]);
    let found = Observed::of(&target).read().census.unwrap();
    let crowd: Vec<_> = found
        .groups
        .iter()
        .filter(|group| {
            group
                .stack
                .iter()
                .any(|frame| &*frame.function == "main.inCrowd")
        })
        .collect();
    let counts: Vec<_> = crowd.iter().map(|group| group.count).collect();
    assert_eq!(counts, [50_000, 50_000]);
    let reasons: BTreeSet<_> = crowd
        .iter()
        .filter_map(|group| group.wait_reason.as_deref())
        .collect();
    assert_eq!(reasons, BTreeSet::from(["chan receive", "select"]));
}

/// Goroutines that come, run and go while they are read are counted or not, but never made up.
#[test]
fn busy_program_has_no_impossible_goroutines() {
    let Some(()) = require_root() else { return };
    let Some(go) = require_go(NEWEST) else { return };
    let mut target = GoTarget::start(&go.build("census", Kind::Stripped), &["2000"]);
    target.tell("work spawn 300000");
    let observed = Observed::of(&target);
    for _ in 0..20 {
        let found = observed.read().census.unwrap();
        for group in &found.groups {
            let functions = group.stack.iter().map(|frame| frame.function.as_ref());
            let unknown: Vec<_> = functions
                .filter(|name| name.starts_with("[unknown"))
                .collect();
            assert_eq!(unknown, [""; 0], "{group:?}");
            let outermost = group
                .stack
                .last()
                .map_or("", |frame| frame.function.as_ref());
            let whole = group.stack.is_empty()
                || group.system
                // One that has returned, and is about to end.
                || ["main.", "runtime.main", "runtime.goexit"]
                    .iter()
                    .any(|name| outermost.starts_with(name));
            assert!(whole, "{group:?}");
        }
        assert!((2_000..3_000).contains(&found.total), "{}", found.total);
    }
    target.wait_for("{\"done\"");
}
