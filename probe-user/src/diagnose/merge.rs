//! Findings of one cause made one, and put in order.

use super::rule::{Fault, Rule};

/// Rules that tell a consequence, and the rules that tell its cause at the same line.
const CONSEQUENCES: [(&str, &[&str]); 6] = [
    (
        "long-stop-the-world",
        &[
            "memstats-per-request",
            "stack-dump-all",
            "forced-gc",
            "free-os-memory-timer",
            "gomaxprocs-per-request",
            "gc-pressure",
        ],
    ),
    ("goroutine-per-item", &["short-goroutine"]),
    ("abandoned-timer", &["timer-per-iteration"]),
    ("unbounded-profile", &["cpu-profile-rate"]),
    ("needless-gosched", &["goroutine-count-polling"]),
    // The record of a deferred call holds a closure with its arguments.
    ("closure-escape", &["defer-in-loop"]),
];

/// A rule whose findings are of the whole process, and so are consequences of it that name no line.
const OF_THE_PROCESS: &str = "gc-pressure";

/// Joins each consequence with its cause at the same line, and orders what is left: by severity, then cost.
pub(super) fn by_cause(faults: Vec<(&'static Rule, Fault)>) -> Vec<(&'static Rule, Fault)> {
    let (consequences, mut kept): (Vec<_>, Vec<_>) = faults
        .into_iter()
        .partition(|(rule, _)| causes_of(rule).is_some());
    for (rule, fault) in consequences {
        let causes = causes_of(rule).unwrap_or_default();
        let cause = kept
            .iter_mut()
            .find(|(other, cause)| causes.contains(&other.name) && is_same(other, cause, &fault));
        match cause {
            Some((other, cause)) => join(cause, other, rule, fault),
            None => kept.push((rule, fault)),
        }
    }
    kept.sort_by(|(_, a), (_, b)| {
        (b.severity().cmp(&a.severity()))
            .then(b.cost_share.total_cmp(&a.cost_share))
            .then(b.confidence.total_cmp(&a.confidence))
    });
    kept
}

/// Whether a consequence is of this cause: at the same line, or neither is of a line.
fn is_same(cause_rule: &Rule, cause: &Fault, consequence: &Fault) -> bool {
    cause.site == consequence.site
        || (cause_rule.name == OF_THE_PROCESS && consequence.site.is_none())
}

fn causes_of(rule: &Rule) -> Option<&'static [&'static str]> {
    let mut rows = CONSEQUENCES.iter();
    rows.find(|(name, _)| *name == rule.name)
        .map(|(_, causes)| *causes)
}

fn join(cause: &mut Fault, cause_rule: &Rule, rule: &Rule, consequence: Fault) {
    if cause.exercises.is_empty() {
        cause.exercises = cause_rule.exercises.to_vec();
    }
    let keys = if consequence.exercises.is_empty() {
        rule.exercises.to_vec()
    } else {
        consequence.exercises
    };
    for key in keys {
        if !cause.exercises.contains(&key) {
            cause.exercises.push(key);
        }
    }
    cause.also.push(rule.name);
    for evidence in consequence.evidence {
        if cause
            .evidence
            .iter()
            .all(|known| known.name != evidence.name)
        {
            cause.evidence.push(evidence);
        }
    }
    if consequence.cost_share > cause.cost_share {
        cause.cost_share = consequence.cost_share;
        cause.likely_part = consequence.likely_part;
    }
    cause.least_severity = cause.least_severity.max(consequence.least_severity);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::catalogue,
        report::{Location, Severity},
    };

    fn rule(name: &str) -> &'static Rule {
        catalogue::rule(name).expect("in the catalogue")
    }

    fn fault(line: u32, cost: f64) -> Fault {
        let mut fault = Fault::new("x").costs(cost);
        fault.site = Some(Location {
            function: "f".to_owned(),
            file: "f.go".to_owned(),
            line,
        });
        fault
    }

    #[test]
    fn a_pause_and_its_cause_at_one_line_are_one_finding() {
        let pause = fault(1, 0.5).evidence("longest pause", 1e6, "ns");
        let merged = by_cause(vec![
            (rule("long-stop-the-world"), pause),
            (rule("memstats-per-request"), fault(1, 0.02)),
        ]);
        assert_eq!(merged.len(), 1);
        let (kept, fault) = &merged[0];
        assert_eq!(kept.name, "memstats-per-request");
        assert_eq!(fault.also, ["long-stop-the-world"]);
        assert_eq!(fault.severity(), Severity::Critical);
        assert_eq!(fault.evidence.len(), 1);
        assert_eq!(fault.exercises, ["source-13", "package-1"]);
    }

    #[test]
    fn pauses_of_collections_are_the_collectors() {
        let pauses = |site: Option<u32>| {
            let mut pauses = fault(1, 0.02);
            pauses.site = site.and(pauses.site);
            (rule("long-stop-the-world"), pauses)
        };
        let collector = || (rule("gc-pressure"), fault(7, 0.2));
        assert_eq!(by_cause(vec![pauses(None), collector()]).len(), 1);
        assert_eq!(by_cause(vec![pauses(Some(1)), collector()]).len(), 2);
    }

    #[test]
    fn the_closure_of_a_deferred_call_is_the_defers() {
        let merged = |closure| {
            by_cause(vec![
                (rule("closure-escape"), fault(closure, 0.05)),
                (rule("defer-in-loop"), fault(1, 0.02)),
            ])
        };
        let same = merged(1);
        assert_eq!(same.len(), 1);
        assert_eq!(same[0].0.name, "defer-in-loop");
        assert_eq!(same[0].1.also, ["closure-escape"]);
        assert_eq!(merged(2).len(), 2);
    }

    #[test]
    fn a_pause_at_another_line_stays_its_own() {
        let merged = by_cause(vec![
            (rule("long-stop-the-world"), fault(2, 0.5)),
            (rule("memstats-per-request"), fault(1, 0.02)),
        ]);
        assert_eq!(merged.len(), 2);
        assert_eq!(
            merged[0].0.name, "long-stop-the-world",
            "the costlier one first"
        );
    }
}
