//! An examination as text: a line per check, and below it what a missing thing costs and how to get it.

use std::io::{self, Write};

use super::{
    Page, fit,
    line::{Line, Style},
};
use crate::{
    doctor::{Check, Examination, State},
    render::TextOptions,
};

/// Writes an examination as text.
pub fn write(
    examination: &Examination,
    options: &TextOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(options);
    let checks = || examination.host.iter().chain(&examination.target);
    let names = checks()
        .map(|check| fit::columns(check.name))
        .max()
        .unwrap_or(0);
    page.push(Line::default().strong("HOST"));
    for check in &examination.host {
        push_check(check, names, &mut page);
    }
    if !examination.target.is_empty() {
        page.heading("TARGET", "");
        for check in &examination.target {
            push_check(check, names, &mut page);
        }
    }
    page.blank();
    let less = checks().filter(|check| check.state == State::Less).count();
    page.push(verdict(examination, less));
    for line in &page.lines {
        line.write(options, page.width, out)?;
    }
    Ok(())
}

fn push_check(check: &Check, names: usize, page: &mut Page<'_>) {
    let (mark, style) = match check.state {
        State::Ok => ("✓", Style::Secondary),
        State::Less => ("!", Style::Warning),
        State::Missing(_) => ("✗", Style::Critical),
    };
    let column = 4 + names + 2;
    let first = Line::indented(2)
        .styled(style, mark)
        .plain(" ")
        .plain(check.name)
        .padded_to(column);
    page.prose(first, Style::Plain, &check.found);
    let details = [("costs:", &check.costs), ("fix:", &check.fix)];
    for (name, text) in details {
        if let Some(text) = text {
            let label = Line::indented(column).secondary(name).padded_to(column + 7);
            page.prose(label, Style::Plain, text);
        }
    }
}

fn verdict(examination: &Examination, less: usize) -> Line {
    match (examination.possible, less) {
        (false, _) => Line::default().styled(Style::Critical, "Profiling is not possible."),
        (true, 0) => Line::default().strong("Profiling is possible."),
        (true, _) => Line::default()
            .strong("Profiling is possible")
            .plain(", with what is marked ! in mind."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    fn check(name: &'static str, state: State, found: &str) -> Check {
        let tells = state != State::Ok;
        Check {
            name,
            state,
            found: found.to_owned(),
            costs: tells.then(|| {
                "every hit costs the target several times as much as it needs to".to_owned()
            }),
            fix: tells.then(|| "sysctl -w net.core.bpf_jit_enable=1".to_owned()),
        }
    }

    fn text(options: TextOptions) -> String {
        let examination = Examination {
            schema: "rtprobe.doctor/v1",
            possible: false,
            exit_code: 3,
            host: vec![
                check("kernel", State::Ok, "Linux 6.12.48-amd64, x86_64"),
                check("BPF compiler", State::Less, "off"),
            ],
            target: vec![check(
                "Go",
                State::Missing(Exit::NotProfilable),
                "no \x1b[2Jgo\u{202e}",
            )],
        };
        let mut out = Vec::new();
        write(&examination, &options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_check_has_its_mark_cost_and_cure_within_eighty_columns() {
        let text = text(TextOptions {
            width: 80,
            ..TextOptions::default()
        });
        insta::assert_snapshot!(text, @r"
        HOST
          ✓ kernel        Linux 6.12.48-amd64, x86_64
          ! BPF compiler  off
                          costs: every hit costs the target several times as much as it
                                 needs to
                          fix:   sysctl -w net.core.bpf_jit_enable=1

        TARGET
          ✗ Go            no \x1b[2Jgo\u{202e}
                          costs: every hit costs the target several times as much as it
                                 needs to
                          fix:   sysctl -w net.core.bpf_jit_enable=1

        Profiling is not possible.
        ");
    }

    #[test]
    fn plain_terminal_gets_plain_marks() {
        let text = text(TextOptions {
            width: 80,
            ascii: true,
            ..TextOptions::default()
        });
        assert!(text.is_ascii(), "{text}");
        assert!(text.contains("x Go") && text.contains("+ kernel"), "{text}");
    }
}
