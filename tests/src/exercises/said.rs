//! What rtprobe's report says about a program, as far as it is judged.

use serde::Deserialize;

/// The part of `rtprobe.report/v1` that a judgement needs.
#[derive(Clone, Debug, Deserialize)]
pub struct Said {
    pub findings: Vec<Finding>,
    pub rules: Vec<RuleVerdict>,
    pub cost: Cost,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    pub rule: String,
    pub exercises: Vec<String>,
    pub severity: Severity,
    pub call_site: Option<CallSite>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct CallSite {
    pub function: String,
    pub file: String,
    pub line: u32,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RuleVerdict {
    pub rule: String,
    /// `found`, `clear`, `not-enough-data` or `not-applicable`.
    pub verdict: String,
    pub why: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Cost {
    pub budget_share: Option<f64>,
    pub target_share: Option<f64>,
}

impl Said {
    pub fn of(&self, rule: &str) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.rule == rule)
    }

    pub fn verdict(&self, rule: &str) -> Option<&RuleVerdict> {
        self.rules.iter().find(|verdict| verdict.rule == rule)
    }
}
