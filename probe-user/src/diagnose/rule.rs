//! What a rule is, and what it can answer.

use super::{calls::AtSite, explanation::Explanation, observed::Observed, weigh};
use crate::report::{Evidence, Location, Severity};

/// That a threshold is passed which is likely passed (`weigh::Passes::Likely`).
const LIKELY: f64 = 0.8;

/// One way to misuse the runtime: how it is recognised, and what to say about it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stable, printed, and typed by people.
    pub name: &'static str,
    /// Keys of the exercises that show it.
    pub exercises: &'static [&'static str],
    /// Logical probes it is judged by. Without the first of them it can't be judged at all.
    pub probes: &'static [&'static str],
    pub examine: fn(&Observed) -> Judgement,
    /// What findings say unless they know better.
    pub advice: Advice,
    pub explanation: Explanation,
}

/// What to do about a finding, one or two sentences each.
#[derive(Clone, Copy, Debug)]
pub struct Advice {
    pub refuted_by: &'static str,
    pub cure: &'static str,
    pub do_not_bother_when: &'static str,
}

/// The answer of a rule.
#[derive(Clone, Debug)]
pub enum Judgement {
    Found(Vec<Fault>),
    /// There was enough to judge by, and nothing is wrong. Says what was looked at.
    Clear(String),
    /// There was not enough to judge by. Never a clean bill.
    NotEnoughData {
        why: String,
        needs: String,
    },
    /// The target can't have it. Says why.
    NotApplicable(String),
}

impl Judgement {
    /// Returns what was found, or what `otherwise` says where that is nothing.
    pub fn found_or(faults: Vec<Fault>, otherwise: impl FnOnce() -> Self) -> Self {
        if faults.is_empty() {
            otherwise()
        } else {
            Self::Found(faults)
        }
    }

    pub fn not_enough(why: impl Into<String>, needs: impl Into<String>) -> Self {
        Self::NotEnoughData {
            why: why.into(),
            needs: needs.into(),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
#[must_use]
pub struct Fault {
    pub title: String,
    /// Keys of the exercises that this one is; empty: all of the rule's.
    pub exercises: Vec<&'static str>,
    /// Names of rules whose findings were made part of this one.
    pub also: Vec<&'static str>,
    /// `None` where it is of the whole process.
    pub site: Option<Location>,
    /// The line of the main module that calls it, where the site is in another module.
    pub called_from: Option<Location>,
    pub evidence: Vec<Evidence>,
    /// Share of CPU or wall time that goes away with the cure.
    pub cost_share: f64,
    /// The part of it that is likely, where it is an estimate.
    pub likely_part: f64,
    pub least_severity: Severity,
    pub most_severity: Severity,
    pub confidence: f64,
    pub refuted_by: Option<String>,
    pub cure: Option<String>,
    pub do_not_bother_when: Option<String>,
}

impl Fault {
    /// Begins a fault of the whole process, with no cost and full confidence.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            exercises: Vec::new(),
            also: Vec::new(),
            site: None,
            called_from: None,
            evidence: Vec::new(),
            cost_share: 0.0,
            likely_part: 1.0,
            least_severity: Severity::Info,
            most_severity: Severity::Critical,
            confidence: 1.0,
            refuted_by: None,
            cure: None,
            do_not_bother_when: None,
        }
    }

    /// Begins a fault of one line, with the confidence that its number of operations gives.
    pub fn at(site: &AtSite<'_>, title: impl Into<String>) -> Self {
        Self {
            site: Some(site.site.clone()),
            called_from: site.called_from(),
            confidence: weigh::confidence(0.99, site),
            likely_part: weigh::likely_part(site),
            ..Self::new(title)
        }
    }

    /// Sets the line to edit, where it is known.
    pub fn line(mut self, line: Option<&Location>) -> Self {
        self.site = line.cloned().or(self.site);
        self
    }

    pub fn exercises(mut self, keys: &[&'static str]) -> Self {
        self.exercises = keys.to_vec();
        self
    }

    /// Adds a number; `unit` is `1/s`, `ns`, `bytes`, `bytes/s`, `share`, or a noun.
    pub fn evidence(mut self, name: impl Into<String>, value: f64, unit: &str) -> Self {
        if value.is_finite() {
            let unit = unit.to_owned();
            self.evidence.push(Evidence {
                name: name.into(),
                value,
                unit,
            });
        }
        self
    }

    /// Adds a number where it is known.
    pub fn evidence_if(self, name: &str, value: Option<f64>, unit: &str) -> Self {
        match value {
            Some(value) => self.evidence(name, value, unit),
            None => self,
        }
    }

    /// Sets what goes away with the cure, as a share of CPU or wall time.
    pub fn costs(mut self, share: f64) -> Self {
        self.cost_share = if share.is_finite() {
            share.clamp(0.0, 1.0)
        } else {
            0.0
        };
        self
    }

    pub fn at_least(mut self, severity: Severity) -> Self {
        self.least_severity = severity;
        self
    }

    pub fn at_most(mut self, severity: Severity) -> Self {
        self.most_severity = severity;
        self
    }

    /// Is a hint: that there are enough operations is likely only.
    pub fn likely(self) -> Self {
        self.at_most(Severity::Info).less_sure(LIKELY)
    }

    /// Multiplies the confidence.
    pub fn less_sure(mut self, factor: f64) -> Self {
        self.confidence = (self.confidence * factor).clamp(0.0, 1.0);
        self
    }

    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }

    pub fn refuted_by(mut self, text: impl Into<String>) -> Self {
        self.refuted_by = Some(text.into());
        self
    }

    pub fn do_not_bother_when(mut self, text: impl Into<String>) -> Self {
        self.do_not_bother_when = Some(text.into());
        self
    }

    pub fn severity(&self) -> Severity {
        weigh::severity(self.cost_share * self.likely_part)
            .max(self.least_severity)
            .min(self.most_severity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::sample::{calls, idle};

    fn fault_in(function: &str) -> Fault {
        let mut calls = calls("alloc").per_second(100.0);
        calls.site.function = function.into();
        let calls = calls
            .called_by("net/http.(*conn).serve")
            .called_by("example.com/api/hub.(*Hub).Run")
            .called_by("main.main");
        let seen = idle().with(calls);
        Fault::at(&seen.sites("alloc", |_| true)[0], "")
    }

    #[test]
    fn the_caller_is_named_of_lines_that_somebody_else_wrote() {
        let from = fault_in("go.uber.org/zap.New").called_from.unwrap();
        assert_eq!(from.function, "example.com/api/hub.(*Hub).Run");
        assert_eq!(fault_in("example.com/api/work.Do").called_from, None);
    }

    #[test]
    fn what_is_likely_is_a_hint() {
        let fault = fault_in("main.main").costs(0.5).likely();
        assert_eq!(fault.severity(), Severity::Info);
        assert!(fault.confidence < 0.8);
    }
}
