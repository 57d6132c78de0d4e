//! `stack-growth`.
//!
//! # What it looks for
//! Stacks that are copied to larger ones, a thousand times a second below one line.
//! # Why it matters
//! Each growth allocates twice the size, copies, and adjusts every pointer into the stack.
//! # Evidence
//! Copies by `runtime.copystack` from `newstack`, per line that led there.
//! # What to try
//! Goroutines that live on, smaller frames.
//! # References
//! internals-1; src/runtime/stack.go.

use std::collections::BTreeMap;

use super::prelude::*;
use crate::{
    diagnose::frames::{is_users, package, short, written_in},
    report::{Evidence, Location, StackFrame},
};

/// From the catalogue.
const RATE_PER_S: f64 = 1_000.0;
/// A copy of a few KiB, where it was not timed.
const COPY_NS: f64 = 1_500.0;
/// Samples of copies, and their share of all, from which they are found without the probe. They are taken on the
/// scheduler's stack, where nothing leads to the line.
const MIN_COPYING: u64 = 20;
const COPYING_SHARE: f64 = 0.05;

pub static RULE: Rule = Rule {
    name: "stack-growth",
    exercises: &["internals-1"],
    probes: &["stack-growth"],
    examine,
    advice: Advice {
        refuted_by: "goroutines that grow once, when they begin, and live long.",
        cure: "Let workers live on and give them the work, so that their stacks stay grown; or keep large arrays out of frames deep in the call chain.",
        do_not_bother_when: "Goroutines are started some hundred times a second.",
    },
    explanation: Explanation {
        title: "Stacks that grow again and again",
        in_the_runtime: "A goroutine begins with a small stack, 2 KiB or what the average was at the last collection. A call that does not fit allocates one of twice the size, copies the frames and corrects all pointers into them; a deep call chain does it three or four times. A goroutine that ends gives its stack back, and the next one begins small again.",
        how_it_is_seen: "Copies to larger stacks are counted per line that led to the call that did not fit. Found from 1 000 a second; lines of the same goroutines, told by CPU samples, are one finding.",
        example: "// before: each one grows anew\nfor c := range conns {\n\tgo handle(c) // needs 30 KiB\n}\n\n// after: workers keep their stacks\nfor range workers {\n\tgo func() {\n\t\tfor c := range conns {\n\t\t\thandle(c)\n\t\t}\n\t}()\n}",
        versions: "Since Go 1.19 stacks begin at the average size in use (GODEBUG=adaptivestackstart=1 for more of it).",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let counted = observed.frequent(
        "stack-growth",
        RATE_PER_S,
        |calls| calls.by_user,
        fault,
        "no line makes stacks grow a thousand times a second",
    );
    match counted {
        Judgement::NotEnoughData { .. } => sampled(observed).unwrap_or(counted),
        Judgement::Found(faults) => Judgement::Found(by_root(observed, faults)),
        other => other,
    }
}

/// What CPU samples alone tell, where the probe was not on for long enough.
fn sampled(observed: &Observed) -> Option<Judgement> {
    let samples = observed.enough_samples(MIN_COPYING)?;
    let within = |function: &str| -> u64 {
        let inside = samples
            .stacks
            .iter()
            .filter(|stack| stack.stack.iter().any(|frame| &*frame.function == function));
        inside.map(|stack| stack.samples).sum()
    };
    // Preemption goes through `newstack` as well, and copies nothing.
    let copying = within("runtime.copystack");
    let share = copying as f64 / samples.total as f64;
    if copying < MIN_COPYING || share < COPYING_SHARE {
        return None;
    }
    let fault = Fault::new("stacks are copied to larger ones again and again")
        .evidence("CPU for them", share, "share")
        .evidence("samples of copies", copying as f64, "")
        .costs(share)
        .less_sure(0.8)
        .cure("Let workers live on and give them the work, so that their stacks stay grown. For the line, watch again with --only stack-growth.");
    Some(Judgement::Found(vec![fault]))
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.typical_ns_per_s().max(site.rate_per_s() * COPY_NS));
    Fault::at(site, "stacks are copied to larger ones again and again")
        .evidence("copies", site.rate_per_s(), "1/s")
        .evidence_if("median", site.quantile_ns(0.5).map(|ns| ns as f64), "ns")
        .evidence("CPU for them", share, "share")
        .costs(share)
        .less_sure(0.9)
}

/// Makes the faults of one kind of goroutine one: its stack grows step by step, below one line after the other.
fn by_root(observed: &Observed, mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by(|a, b| b.cost_share.total_cmp(&a.cost_share));
    let mut joined: Vec<(Option<&str>, Fault)> = Vec::new();
    for fault in faults {
        let root = fault.site.as_ref().and_then(|site| root(observed, site));
        let known = joined
            .iter_mut()
            .find(|(known, _)| root.is_some() && *known == root);
        match known {
            Some((_, first)) => add(first, &fault),
            None => joined.push((root, fault)),
        }
    }
    joined
        .into_iter()
        .map(|(root, fault)| match root {
            Some(root) => of(observed, root, fault),
            None => fault,
        })
        .collect()
}

/// Names what the goroutines begin with. Where that is not the program's own, neither is the `go` statement.
fn of(observed: &Observed, root: &str, fault: Fault) -> Fault {
    if is_users(root, observed.target.module.as_deref()) {
        return fault.cure(format!(
            "The goroutines are those that begin with {root}: let workers live on and give them the work, so that their stacks stay grown; or keep large arrays out of frames deep in the call chain."
        ));
    }
    fault.at_most(Severity::Info).cure(format!(
        "The library begins these goroutines with {root}: have fewer of them, such as by connections that are kept open, or keep large arrays out of frames below this line."
    ))
}

fn add(first: &mut Fault, fault: &Fault) {
    let (Some(site), Some(copies)) = (&fault.site, fault.evidence.first()) else {
        return;
    };
    let also = format!("also below {}", short(site));
    first.evidence.push(Evidence {
        name: also,
        ..copies.clone()
    });
    first.cost_share = (first.cost_share + fault.cost_share).min(1.0);
}

/// What most of the goroutines begin with that were sampled in the site's function.
fn root<'a>(observed: &'a Observed, site: &Location) -> Option<&'a str> {
    let is_begin = |frame: &&StackFrame| package(&frame.function) != "runtime";
    let mut roots: BTreeMap<&str, u64> = BTreeMap::new();
    for sampled in &observed.samples.as_ref()?.stacks {
        let stack = &sampled.stack;
        let mut functions = stack.iter().map(|frame| written_in(&frame.function));
        if functions.any(|function| function == site.function) {
            let root = stack.iter().rev().find(is_begin)?;
            *roots.entry(&root.function).or_default() += sampled.samples;
        }
    }
    roots
        .into_iter()
        .max_by_key(|(_, n)| *n)
        .map(|(root, _)| root)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::{CpuSamples, SampledStack};

    fn growths(rate: f64) -> Calls {
        calls("stack-growth").per_second(rate).lasting(2_000)
    }

    #[test]
    fn many_copies_are_found_and_weigh_their_time() {
        assert_eq!(
            found(examine(&idle().with(growths(20_000.0))))[0].severity(),
            Severity::Warning
        );
    }

    #[test]
    fn a_thousand_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(growths(1_000.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(growths(999.0)))));
    }

    fn copying(copies: u64, others: u64) -> Observed {
        let stack = |function: &str, samples| SampledStack {
            stack: vec![sample::frame(function), sample::frame("runtime.newstack")],
            samples,
            ..SampledStack::default()
        };
        let mut seen = idle().without_probe("stack-growth", "the budget leaves nothing");
        seen.samples = Some(CpuSamples {
            hertz: 99,
            total: copies + others,
            stacks: vec![
                stack("runtime.copystack", copies),
                stack("runtime.gopreempt_m", others),
            ],
            ..CpuSamples::default()
        });
        seen
    }

    #[test]
    fn without_the_probe_samples_tell_what_the_copies_cost() {
        let faults = found(examine(&copying(20, 30)));
        assert_eq!(faults[0].severity(), Severity::Critical);
        assert!(faults[0].site.is_none());
        assert!(is_undecided(&examine(&copying(19, 30))), "too few");
        assert!(is_undecided(&examine(&copying(20, 400))), "too little");
    }

    #[test]
    fn lines_of_the_same_goroutines_are_one_finding() {
        let sampled = |functions: &[&str]| SampledStack {
            stack: functions.iter().map(|name| sample::frame(name)).collect(),
            samples: 5,
            ..SampledStack::default()
        };
        let below = |function: &str| Calls {
            site: sample::frame(function),
            ..growths(20_000.0)
        };
        let mut seen = idle()
            .with(below("example.com/api.parse"))
            .with(below("example.com/api.answer"))
            .with(below("example.com/api.store"));
        seen.samples = Some(CpuSamples {
            total: 15,
            stacks: vec![
                sampled(&[
                    "example.com/api.parse",
                    "example.com/api.serve.gowrap1",
                    "runtime.goexit",
                ]),
                sampled(&["example.com/api.answer", "example.com/api.serve.gowrap1"]),
                sampled(&["example.com/api.store", "example.com/api.flush"]),
            ],
            ..CpuSamples::default()
        });
        let faults = found(examine(&seen));
        assert_eq!(faults.len(), 2, "{faults:#?}");
        let joined = &faults[0];
        assert_eq!(joined.evidence.len(), 4);
        assert!((joined.cost_share - 2.0 * faults[1].cost_share).abs() < 1e-9);
        let cure = joined.cure.as_deref().unwrap_or_default();
        assert!(cure.contains("serve.gowrap1"), "{cure}");
    }

    #[test]
    fn goroutines_of_the_librarys_own_are_not_the_programs_fault() {
        let begun_by = |root: &str| {
            let mut seen = idle().with(growths(20_000.0));
            let stack = [growths(1.0).site, sample::frame(root)];
            seen.samples = Some(CpuSamples {
                total: 1,
                stacks: vec![SampledStack {
                    stack: stack.to_vec(),
                    samples: 1,
                    ..SampledStack::default()
                }],
                ..CpuSamples::default()
            });
            found(examine(&seen))[0].severity()
        };
        assert_eq!(begun_by("main.serve.gowrap1"), Severity::Warning);
        assert_eq!(
            begun_by("net/http.(*connReader).backgroundRead"),
            Severity::Info
        );
    }

    #[test]
    fn warm_stacks_and_the_librarys_own_are_silent() {
        assert!(is_clear(&examine(&idle().with_probe("stack-growth"))));
        assert!(is_clear(&examine(
            &idle().with(growths(5_000.0).not_by_user())
        )));
    }
}
