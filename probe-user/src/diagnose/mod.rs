//! Everything a run saw in, findings out: what the runtime is made to do needlessly, where, and the cure.
//!
//! Pure. Each rule is a file of [`exercises`] and judges alone; findings of one cause are then made one, and
//! the list is ordered by what each costs. A rule answers *found*, *clear*, *not enough data* or *not
//! applicable*: silence is a clean bill only where there was enough to judge by.

pub mod allocation;
mod availability;
pub mod calls;
pub mod catalogue;
pub mod exercises;
pub mod explanation;
pub mod frames;
pub mod go_release;
mod merge;
pub mod observed;
pub mod rule;
#[cfg(test)]
pub(crate) mod sample;
mod sampled;
pub mod weigh;

pub(crate) use self::observed::Estimates;
pub use self::{
    explanation::Explanation,
    observed::Observed,
    rule::{Advice, Fault, Judgement, Rule},
};
use crate::report::{Finding, RuleVerdict, Verdict};

/// What the rules say about one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// In the order of the catalogue.
    pub rules: Vec<RuleVerdict>,
}

/// Judges by every rule that `wanted` names; by all where it names none.
pub fn diagnose(observed: &Observed, wanted: &[String]) -> Diagnosis {
    let is_wanted = |rule: &&Rule| wanted.is_empty() || wanted.iter().any(|name| name == rule.name);
    let mut faults = Vec::new();
    let mut rules = Vec::new();
    for rule in catalogue::RULES.iter().copied().filter(is_wanted) {
        let judgement = (rule.examine)(observed);
        rules.push(verdict(rule, &judgement));
        if let Judgement::Found(found) = judgement {
            faults.extend(found.into_iter().map(|fault| (rule, fault)));
        }
    }
    let findings = merge::by_cause(faults)
        .into_iter()
        .map(|(rule, fault)| finding(rule, fault))
        .collect();
    Diagnosis { findings, rules }
}

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

fn verdict(rule: &Rule, judgement: &Judgement) -> RuleVerdict {
    let (verdict, why, needs) = match judgement {
        Judgement::Found(faults) => {
            let titles: Vec<&str> = faults.iter().map(|fault| fault.title.as_str()).collect();
            (Verdict::Found, titles.join("; "), None)
        }
        Judgement::Clear(why) => (Verdict::Clear, why.clone(), None),
        Judgement::NotEnoughData { why, needs } => {
            (Verdict::NotEnoughData, why.clone(), Some(needs.clone()))
        }
        Judgement::NotApplicable(why) => (Verdict::NotApplicable, why.clone(), None),
    };
    RuleVerdict {
        rule: rule.name.to_owned(),
        exercises: owned(rule.exercises),
        verdict,
        why,
        needs,
    }
}

fn finding(rule: &Rule, fault: Fault) -> Finding {
    let keys = if fault.exercises.is_empty() {
        rule.exercises
    } else {
        &fault.exercises
    };
    let or =
        |own: &Option<String>, general: &str| own.clone().unwrap_or_else(|| general.to_owned());
    Finding {
        rule: rule.name.to_owned(),
        exercises: owned(keys),
        also: owned(&fault.also),
        severity: fault.severity(),
        confidence: (fault.confidence * 100.0).round() / 100.0,
        call_site: fault.site.clone(),
        called_from: fault.called_from.clone(),
        refuted_by: or(&fault.refuted_by, rule.advice.refuted_by),
        cure: or(&fault.cure, rule.advice.cure),
        do_not_bother_when: or(&fault.do_not_bother_when, rule.advice.do_not_bother_when),
        title: fault.title,
        evidence: fault.evidence,
    }
}
