//! What every rule uses.

pub(in crate::diagnose) use crate::{
    diagnose::{
        availability::undecided,
        calls::{AtSite, Calls, total},
        explanation::Explanation,
        observed::Observed,
        rule::{Advice, Fault, Judgement, Rule},
        weigh::{self, MIN_HITS, Passes, Threshold, allocation_ns, reaches},
    },
    report::Severity,
};

#[cfg(test)]
pub(in crate::diagnose) use crate::diagnose::sample::{
    self, SECONDS, calls, found, idle, is_clear, is_inapplicable, is_undecided,
};
