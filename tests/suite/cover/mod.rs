//! The exit sites of a function count exactly what probes on its return instructions count.
//!
//! Both are attached to one process at the same time, by two loads of the kernel programs. Functions are told
//! apart by giving each of them a probe number of its own, so that a run looks at seven.

mod returns;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::Path,
};

use probe_user::{
    analyze::GoBinary,
    attach::Attachment,
    drain,
    plan::{self, Outcome, PROBE_NAMES, PlanRequest, PlannedProbe, PlannedSite, ProbePlan},
};
use returns::on_returns;
use rtprobe_tests::go::Kind;

use crate::support::{GoTarget, attached, require_c, require_go, require_root};

/// What is paired with itself: one function, or the two that begin and end a stop of the world, or a send and
/// the panic that ends it.
#[derive(Debug)]
struct Unit {
    name: String,
    sites: Vec<PlannedSite>,
}

/// Hits, completed, lost and noted operations, by call path.
type Counts = BTreeMap<Vec<u64>, [u64; 4]>;

/// Splits a plan into what is compared on its own.
fn units(plan: &ProbePlan) -> Vec<Unit> {
    let mut units = Vec::new();
    for probe in &plan.probes {
        let functions: BTreeSet<&str> = probe
            .sites()
            .iter()
            .map(|site| site.function.as_str())
            .collect();
        let apart = probe.name.as_str() == "alloc";
        for group in if apart {
            functions.iter().map(|&function| vec![function]).collect()
        } else {
            vec![functions.iter().copied().collect::<Vec<_>>()]
        } {
            let of_group = |site: &&PlannedSite| group.contains(&site.function.as_str());
            let sites: Vec<_> = probe.sites().iter().filter(of_group).cloned().collect();
            if !sites.is_empty() {
                units.push(Unit {
                    name: group.join(" and "),
                    sites,
                });
            }
        }
    }
    units
}

/// A plan with a probe of its own for each unit.
fn plan_of(units: &[Unit], sites_of: impl Fn(&Unit) -> Vec<PlannedSite>) -> ProbePlan {
    let probe = |(&name, unit): (&_, &Unit)| {
        let relabelled = |site| PlannedSite {
            probe: name,
            ..site
        };
        PlannedProbe {
            name,
            functions: vec![unit.name.clone()],
            outcome: Outcome::Planned(sites_of(unit).into_iter().map(relabelled).collect()),
        }
    };
    ProbePlan {
        probes: PROBE_NAMES.iter().zip(units).map(probe).collect(),
    }
}

/// Takes everything off and returns the counts of each probe.
fn counts(attachment: Attachment, n_units: usize) -> Vec<Counts> {
    let snapshot = drain::drain(&attachment.detach().maps, &|_| false).unwrap();
    let mut counts = vec![Counts::new(); n_units];
    for (row, path) in &snapshot.paths {
        let index = PROBE_NAMES
            .iter()
            .position(|name| name.as_str() == path.probe)
            .unwrap();
        let totals = snapshot.totals.get(row).copied().unwrap_or_default();
        let key = path
            .frames
            .iter()
            .copied()
            .chain([u64::from(path.reason)])
            .collect();
        let lost: u64 = totals.lost.iter().sum();
        let found = [totals.hits, totals.completed, lost, totals.noted];
        let sums = counts[index].entry(key).or_default();
        for (sum, found) in sums.iter_mut().zip(found) {
            *sum += found;
        }
    }
    counts
}

/// Compares all units of a program, and returns the names of those that were exercised.
fn compare(path: &Path, args: &[&str]) -> BTreeSet<String> {
    let exe = File::open(path).unwrap();
    let binary = GoBinary::open(Box::new(exe.try_clone().unwrap())).unwrap();
    // The runtime's own goroutines park at any time, also between the two attachments.
    let request = PlanRequest {
        skip: vec!["park".to_owned()],
        ..PlanRequest::default()
    };
    let units = units(&plan::plan(&binary, &request));
    let mut exercised = BTreeSet::new();
    for chunk in units.chunks(PROBE_NAMES.len()) {
        let covers = plan_of(chunk, |unit| unit.sites.clone());
        let returns = plan_of(chunk, |unit| on_returns(&binary, &unit.sites));
        let mut target = GoTarget::start(path, args);
        let by_cover = attached(&binary, &covers, &exe, target.pid());
        let by_return = attached(&binary, &returns, &exe, target.pid());
        target.begin();
        target.truth();
        let (by_cover, by_return) = (
            counts(by_cover, chunk.len()),
            counts(by_return, chunk.len()),
        );
        target.finish();
        for (unit, (cover, returns)) in chunk.iter().zip(by_cover.iter().zip(&by_return)) {
            assert_same(&unit.name, cover, returns);
            if cover.values().any(|[_, completed, ..]| *completed > 0) {
                exercised.insert(unit.name.clone());
            }
        }
    }
    exercised
}

/// Compares call path by call path.
#[track_caller]
fn assert_same(unit: &str, cover: &Counts, returns: &Counts) {
    assert_eq!(
        cover, returns,
        "{unit}: exit cover and return instructions disagree"
    );
}

fn every_version(program: &str, args: &[&str], expected: &[&str]) {
    for &version in rtprobe_tests::go::VERSIONS {
        let (Some(()), Some(go)) = (require_root(), require_go(version)) else {
            return;
        };
        let exercised = compare(&go.build(program, Kind::Plain), args);
        eprintln!(
            "go {version}: {} functions exercised: {exercised:?}",
            exercised.len()
        );
        for name in expected {
            assert!(
                exercised.iter().any(|unit| unit.contains(name)),
                "{version}: {name} is idle"
            );
        }
    }
}

#[test]
fn covers_count_what_returns_count_at_every_version() {
    let expected = [
        "newproc1",
        "mallocgc",
        "chansend",
        "Timer",
        "stopTheWorld",
        "readmemstats_m",
    ];
    every_version("truth", &["-wait", "-n", "400"], &expected);
}

#[test]
fn covers_of_rare_calls_count_what_returns_count_at_every_version() {
    let expected = [
        "chanrecv",
        "selectgo",
        "SemacquireMutex",
        "execute",
        "runtime.GC",
        "copystack",
        "callers",
        "FieldByName",
    ];
    every_version("more", &["-wait", "-n", "100"], &expected);
}

#[test]
fn the_cover_of_calls_of_c_counts_what_returns_count() {
    if require_c().is_some() {
        every_version("truthcgo", &["-wait", "-n", "100"], &["cgocall"]);
    }
}
