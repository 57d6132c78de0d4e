//! `rtprobe explain`: what a rule means, and which rules there are.

use std::io::{self, Write};

use super::{
    Page,
    line::{Line, Style},
};
use crate::{
    diagnose::{
        Rule,
        catalogue::{EXERCISES, RULES, TEXTS, exercise, rules_of},
    },
    render::TextOptions,
};

/// Column at which the titles of the list begin.
const LIST_COLUMN: usize = 16;

/// Writes everything about the rules that `name`, a rule's or an exercise's, stands for.
pub fn write(name: &str, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options);
    for (index, rule) in rules_of(name).into_iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        one(rule, &mut page);
    }
    flush(&page, options, out)
}

/// Writes the list of all exercises by text, and of all rules.
pub fn write_list(options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options);
    page.push(
        Line::default()
            .plain("rtprobe explain KEY")
            .secondary("  says what happens, how it is seen, and the cure"),
    );
    for (text, title) in TEXTS {
        page.heading(&text.to_uppercase(), title);
        for (key, title) in EXERCISES.iter().filter(|(key, _)| key.starts_with(text)) {
            let rules: Vec<&str> = rules_of(key).iter().map(|rule| rule.name).collect();
            listed(&mut page, key, title, &rules.join(", "));
        }
    }
    page.heading("RULES", "and the exercises that each one is");
    for rule in RULES {
        let label = Line::indented(2).plain(rule.name).padded_to(28);
        page.prose(label, Style::Secondary, &keys(rule));
    }
    flush(&page, options, out)
}

fn listed(page: &mut Page<'_>, key: &str, title: &str, rules: &str) {
    let label = Line::indented(2).plain(key).padded_to(LIST_COLUMN);
    let line = label.plain(format!("{title}  ")).secondary(rules);
    page.push(line);
}

fn keys(rule: &Rule) -> String {
    if rule.exercises.is_empty() {
        "a consequence of others".to_owned()
    } else {
        rule.exercises.join(", ")
    }
}

fn one(rule: &Rule, page: &mut Page<'_>) {
    let explanation = &rule.explanation;
    page.push(
        Line::default()
            .strong(explanation.title)
            .secondary(format!("  {}", rule.name)),
    );
    for key in rule.exercises {
        let title = exercise(key).unwrap_or_default();
        page.push(
            Line::indented(2)
                .plain(*key)
                .padded_to(LIST_COLUMN)
                .secondary(title),
        );
    }
    let sections = [
        ("WHAT HAPPENS IN THE RUNTIME", explanation.in_the_runtime),
        ("HOW IT IS SEEN", explanation.how_it_is_seen),
        ("CURE", rule.advice.cure),
    ];
    for (title, text) in sections {
        section(page, title, text);
    }
    page.blank();
    for line in explanation.example.lines() {
        // Tabs have no width of their own here.
        page.push(Line::indented(4).plain(line.replace('\t', "    ")));
    }
    let sections = [
        ("WHEN NOT TO BOTHER", rule.advice.do_not_bother_when),
        ("REFUTED BY", upper_first(rule.advice.refuted_by).as_str()),
        ("GO VERSIONS", explanation.versions),
    ]
    .map(|(title, text)| (title, text.to_owned()));
    for (title, text) in sections {
        section(page, title, &text);
    }
    let probes = if rule.probes.is_empty() {
        "none: state is enough".to_owned()
    } else {
        rule.probes.join(", ")
    };
    section(page, "PROBES", &probes);
    page.blank();
    page.push(Line::indented(2).secondary(format!("sudo rtprobe --pid PID --only {}", rule.name)));
}

fn section(page: &mut Page<'_>, title: &str, text: &str) {
    page.heading(title, "");
    page.prose(Line::indented(2), Style::Plain, text);
}

fn upper_first(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

fn flush(page: &Page<'_>, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    for line in &page.lines {
        line.write(options, page.width, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&TextOptions, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        let options = TextOptions {
            width: 80,
            ..TextOptions::default()
        };
        write(&options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_name_explains_its_rules() {
        let keys = EXERCISES.iter().map(|(key, _)| *key);
        for name in keys.chain(RULES.iter().map(|rule| rule.name)) {
            let page = text(|options, out| write(name, options, out));
            for rule in rules_of(name) {
                assert!(page.contains(rule.name), "{name}");
            }
            assert!(
                page.contains("GO VERSIONS") && !page.contains('\t'),
                "{name}"
            );
        }
    }

    #[test]
    fn the_list_holds_every_key_and_rule() {
        let page = text(|options, out| write_list(options, out));
        for (key, title) in EXERCISES {
            assert!(
                page.lines()
                    .any(|line| line.contains(key) && line.contains(title)),
                "{key}"
            );
        }
        assert!(RULES.iter().all(|rule| page.contains(rule.name)));
    }

    #[test]
    fn examples_fit_a_narrow_terminal() {
        for rule in RULES {
            for line in rule.explanation.example.lines() {
                assert!(
                    line.replace('\t', "    ").chars().count() <= 76,
                    "{}: {line}",
                    rule.name
                );
            }
        }
    }
}
