//! Rules that found nothing: a clean bill only where there was enough to judge by.

use super::{
    Page, fit,
    line::{Line, Style},
};
use crate::report::{Report, RuleVerdict, Verdict};

pub(super) fn section(report: &Report, page: &mut Page<'_>) {
    let with = |verdict| {
        report
            .rules
            .iter()
            .filter(move |rule| rule.verdict == verdict)
    };
    if with(Verdict::Found).count() == report.rules.len() {
        return;
    }
    page.heading("RULES", "checked without a finding");
    names(page, "clear", &with(Verdict::Clear).collect::<Vec<_>>());
    names(
        page,
        "n/a",
        &with(Verdict::NotApplicable).collect::<Vec<_>>(),
    );
    for rule in with(Verdict::NotEnoughData) {
        let needs = rule
            .needs
            .as_deref()
            .map(|needs| format!("; needs {}", fit::name(needs)));
        let text = format!(
            "{}: {}{}",
            fit::name(&rule.rule),
            fit::name(&rule.why),
            needs.unwrap_or_default()
        );
        let label = Line::indented(2)
            .styled(Style::Warning, "undecided")
            .padded_to(14);
        page.prose(label, Style::Plain, &text);
    }
}

fn names(page: &mut Page<'_>, label: &str, rules: &[&RuleVerdict]) {
    let names: Vec<_> = rules.iter().map(|rule| fit::name(&rule.rule)).collect();
    if !names.is_empty() {
        page.field(label, &names.join(", "));
    }
}
