//! CPU: what the program's time went into, and which of its functions ask for it.

use super::{
    Page, call_sites, fit,
    line::{Line, Style},
    table::{Cell, Column, Table},
    units,
};
use crate::report::{Cpu, CpuFunction, Report};

const COLUMNS: [Column; 3] = [
    Column::right("SHARE"),
    Column::right("OWN"),
    Column::right("ALL"),
];
const INDENT: usize = 2;
/// Functions to show, beside `--top`: this is an overview, flame graphs come from the other formats.
const MAX_FUNCTIONS: usize = 8;
/// Kinds of work below this share are summed up.
const MIN_SHARE: f64 = 0.01;

pub(super) fn section(report: &Report, page: &mut Page<'_>) {
    let Some(cpu) = &report.cpu else { return };
    let time = units::duration(cpu.time_ns);
    let samples = units::counted(cpu.samples, "sample");
    page.heading("CPU", &format!("where {time} of CPU time went, {samples}"));
    if cpu.groups.is_empty() {
        let text = "The program was not seen on a CPU.";
        return page.prose(Line::indented(INDENT), Style::Plain, text);
    }
    page.prose(Line::indented(INDENT), Style::Plain, &groups(cpu));
    functions(cpu, page);
    notes(cpu, page);
}

/// Returns `your code 46 %, garbage collection 22 %, …, other 1.3 %`.
fn groups(cpu: &Cpu) -> String {
    let (shown, small): (Vec<_>, Vec<_>) = cpu
        .groups
        .iter()
        .partition(|group| group.share >= MIN_SHARE);
    let mut texts: Vec<_> = shown
        .iter()
        .map(|group| (in_words(&group.group), group.share))
        .collect();
    if !small.is_empty() {
        let rest: f64 = small.iter().map(|group| group.share).sum();
        texts.push(("other".to_owned(), rest));
    }
    let held = |(name, share): (String, f64)| {
        format!(
            "{}\u{a0}{}",
            name.replace(' ', "\u{a0}"),
            units::share(share)
        )
    };
    texts.into_iter().map(held).collect::<Vec<_>>().join(", ")
}

/// Names a group of `samples::Group` for people.
fn in_words(group: &str) -> String {
    match group {
        "user" => "your code".to_owned(),
        "not-go" => "code that is not Go".to_owned(),
        "kernel" => "page faults and interrupts".to_owned(),
        "runtime" => "the runtime's other work".to_owned(),
        "unknown" => "unknown stacks".to_owned(),
        other => fit::shorten_middle(&fit::name(other), 32).replace('-', " "),
    }
}

fn functions(cpu: &Cpu, page: &mut Page<'_>) {
    if cpu.functions.is_empty() {
        return;
    }
    let limit = match page.options.top {
        0 => usize::MAX,
        top if page.options.verbose => top,
        top => top.min(MAX_FUNCTIONS),
    };
    let shown: Vec<&CpuFunction> = cpu.functions.iter().take(limit).collect();
    let cell = |share| Cell::new(units::share(share));
    let rows = shown
        .iter()
        .map(|function| {
            vec![
                cell(function.share),
                cell(function.own_share),
                cell(function.total_share),
            ]
        })
        .collect();
    let table = Table::new(&COLUMNS, rows, INDENT, page.width);
    page.push(table.header().secondary("  FUNCTION"));
    for (index, function) in shown.iter().enumerate().take(table.n_rows()) {
        let line = table.row(index).plain("  ");
        let room = page.width.saturating_sub(line.columns());
        page.push(call_sites::place(
            line,
            &function.function,
            &function.file,
            function.line,
            room,
        ));
    }
}

fn notes(cpu: &Cpu, page: &mut Page<'_>) {
    let mut notes = Vec::new();
    if !cpu.functions.is_empty() {
        notes.push(
            "OWN: in the function's own code; SHARE: with the runtime and library calls it makes; \
             ALL: with everything it calls. The line is where most of SHARE is."
                .to_owned(),
        );
    }
    if cpu.probing > 0 {
        let share = cpu.probing as f64 / cpu.samples.max(1) as f64;
        notes.push(format!(
            "Of all samples {} found the probes at work and are left out.",
            units::share(share)
        ));
    }
    if cpu.lost > 0 {
        notes.push(format!(
            "{} found no room for their stack.",
            units::counted(cpu.lost, "sample")
        ));
    }
    if cpu.partial > 0 {
        notes.push(format!(
            "Of {} only the inner part of the stack is known.",
            units::counted(cpu.partial, "sample")
        ));
    }
    if !notes.is_empty() {
        page.prose(Line::indented(INDENT), Style::Secondary, &notes.join(" "));
    }
}
