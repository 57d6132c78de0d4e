//! `docs/exercises.md`: the matrix and its figures, written from the results that are kept.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use anyhow::{Result, ensure};
use rtprobe_tests::{
    exercises::{self, EXERCISES, Exercise, Side, no_longer_costs},
    go::{Kind, VERSIONS},
};

use super::store::{Key, Store};

type Text = std::result::Result<String, fmt::Error>;

const HEAD: &str = "\
# Exercises

Written by `cargo xtask exercises --write`; do not edit.

For each exercise there are Go programs below `tests/exercises`: *before* does what the rule finds, *after* has the cure, *alike* only looks as if.
Each is built with each release of Go, started, watched by `rtprobe record`, and its report is judged.
*Before* has to be found: the right exercise, function, file and line.
*After* and *alike* have to be silent for the rule, and *after* may have no other finding that is a warning or worse.
Of stops of the world, which a loaded host makes long by itself, a hint (info) is no fault.
A program that is judged wrong is watched once more, and the second judgement counts; the list at the end has them all.
";

const LEGEND: &str = "\
`ok`: all programs are judged right in all builds that were run.
`free`: this release made the exercise free, and the rule is silent.
Otherwise the programs that are misjudged.
";

pub(super) fn document(store: &Store) -> Result<String> {
    let versions: BTreeSet<&str> = store.keys().map(|key| key.version.as_str()).collect();
    let kinds: BTreeSet<&str> = store.keys().map(|key| key.kind.as_str()).collect();
    ensure!(!versions.is_empty(), "there are no results to write about");
    let mut text = HEAD.to_owned();
    write!(
        text,
        "Builds: {}.\n{}\n## Which are judged right\n\n{LEGEND}\n",
        join(&kinds),
        gaps(store)
    )?;
    text += &table_of_versions(store, &versions)?;
    text += "\n## What they cost\n\n";
    text += "Median of all runs, while watched: units of work per second, their median and 99th percentile, ";
    text += "the program's share of a CPU, and what rtprobe says it took of the program's CPU time.\n\n";
    text += &table_of_figures(store);
    text += &over_limit(store)?;
    text += &reasons(&versions)?;
    text += &misjudged(store)?;
    text += &at_second_sight(store)?;
    Ok(text)
}

/// Says which releases and builds of the whole matrix there are no results of.
fn gaps(store: &Store) -> String {
    let mut missing = Vec::new();
    for version in VERSIONS {
        for kind in [Kind::Plain, Kind::Stripped] {
            let is_of = |key: &Key| key.version == *version && key.kind == kind.name();
            if !store.keys().any(is_of) {
                missing.push(format!("{version} {}", kind.name()));
            }
        }
    }
    if missing.is_empty() {
        return String::new();
    }
    format!(
        "Not run for want of machine time: {}.\n",
        missing.join(", ")
    )
}

fn table_of_versions(store: &Store, versions: &BTreeSet<&str>) -> Text {
    let mut text = format!("| exercise | keys | {} |\n", join_with(versions, " | "));
    writeln!(text, "|---|---|{}", "---|".repeat(versions.len()))?;
    for exercise in EXERCISES {
        let cells: Vec<String> = versions
            .iter()
            .map(|version| state(store, exercise, version))
            .collect();
        writeln!(
            text,
            "| `{}` | {} | {} |",
            exercise.path,
            keys(exercise),
            cells.join(" | ")
        )?;
    }
    Ok(text)
}

fn keys(exercise: &Exercise) -> String {
    if exercise.keys.is_empty() {
        "source §16".to_owned()
    } else {
        exercise.keys.join(", ")
    }
}

fn state(store: &Store, exercise: &Exercise, version: &str) -> String {
    let cells: Vec<&Key> = store
        .keys()
        .filter(|key| key.path == exercise.path && key.version == version)
        .collect();
    if cells.is_empty() {
        return "not run".to_owned();
    }
    let wrong: BTreeSet<String> = cells
        .iter()
        .filter(|key| !store.is_right(key))
        .map(|key| format!("{} ({})", key.side.name(), key.kind))
        .collect();
    if !wrong.is_empty() {
        let wrong: Vec<String> = wrong.into_iter().collect();
        return wrong.join(", ");
    }
    if no_longer_costs(exercise, version).is_some() {
        "free".to_owned()
    } else {
        "ok".to_owned()
    }
}

fn table_of_figures(store: &Store) -> String {
    let mut text = "| exercise | program | units/s | p50 | p99 | CPU | rtprobe |\n|---|---|---|---|---|---|---|\n".to_owned();
    for exercise in EXERCISES {
        for side in Side::ALL {
            let runs: Vec<&exercises::Outcome> = store
                .keys()
                .filter(|key| key.path == exercise.path && key.side == side)
                .filter_map(|key| store.get(key)?.as_ref().ok())
                .collect();
            if !runs.is_empty() {
                text += &figures(exercise, side, &runs);
            }
        }
    }
    text
}

fn figures(exercise: &Exercise, side: Side, runs: &[&exercises::Outcome]) -> String {
    let of = |value: fn(&exercises::Outcome) -> Option<f64>| {
        median(runs.iter().filter_map(|run| value(run)))
    };
    let percent = |value: Option<f64>| {
        value.map_or("unknown".to_owned(), |share| {
            format!("{:.1} %", share * 100.0)
        })
    };
    format!(
        "| `{}` | {} | {:.0} | {} | {} | {} | {} |\n",
        exercise.path,
        side.name(),
        of(|run| Some(run.truth.calls_per_s)).unwrap_or(0.0),
        micros(of(|run| Some(run.truth.p50_ns as f64))),
        micros(of(|run| Some(run.truth.p99_ns as f64))),
        percent(of(|run| Some(run.truth.cpu_share))),
        percent(of(|run| run.cost_share)),
    )
}

fn micros(nanos: Option<f64>) -> String {
    nanos.map_or("unknown".to_owned(), |nanos| {
        format!("{:.1} µs", nanos / 1000.0)
    })
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// How many *before* programs cost more than rtprobe was allowed, and which cost the most.
fn over_limit(store: &Store) -> Text {
    let runs = store.keys().filter(|key| key.side == Side::Before);
    let mut shares: Vec<(f64, f64, &Key)> = runs
        .filter_map(|key| {
            let outcome = store.get(key)?.as_ref().ok()?;
            Some((outcome.cost_share?, outcome.budget_share?, key))
        })
        .collect();
    shares.sort_by(|(a, _, _), (b, _, _)| b.total_cmp(a));
    let over = shares.iter().filter(|(share, limit, _)| share > limit);
    let mut text = format!(
        "\nOf {} runs of *before* programs {} cost more than the limit.\n",
        shares.len(),
        over.clone().count()
    );
    for (share, limit, key) in over.take(10) {
        writeln!(
            text,
            "- {}: {:.2} % of {:.0} %",
            name(key),
            share * 100.0,
            limit * 100.0
        )?;
    }
    Ok(text)
}

fn reasons(versions: &BTreeSet<&str>) -> Text {
    let mut text = "\n## No longer costs\n\n".to_owned();
    for exercise in EXERCISES {
        let free = versions
            .iter()
            .find_map(|version| Some((version, no_longer_costs(exercise, version)?)));
        if let Some((version, why)) = free {
            writeln!(text, "- `{}` from Go {version}: {why}.", exercise.path)?;
        }
    }
    Ok(text)
}

fn misjudged(store: &Store) -> Text {
    let wrong: Vec<&Key> = store.keys().filter(|key| !store.is_right(key)).collect();
    if wrong.is_empty() {
        return Ok(String::new());
    }
    let mut text = "\n## Misjudged\n\n".to_owned();
    for key in wrong {
        let why = match store.get(key) {
            Some(Ok(result)) => result.faults.join("; "),
            Some(Err(error)) => error.lines().next().unwrap_or_default().to_owned(),
            None => String::new(),
        };
        writeln!(text, "- {}: {}", name(key), below(&why))?;
    }
    Ok(text)
}

/// What was wrong the first time.
fn at_second_sight(store: &Store) -> Text {
    let mut text = String::new();
    for key in store.keys() {
        if let Some(Ok(outcome)) = store.get(key)
            && !outcome.first_faults.is_empty()
            && outcome.faults.is_empty()
        {
            let why = below(&outcome.first_faults.join("; "));
            writeln!(text, "- {}: {why}", name(key))?;
        }
    }
    Ok(if text.is_empty() {
        text
    } else {
        format!("\n## Right at the second sight only\n\nWhat was wrong the first time.\n\n{text}")
    })
}

fn name(key: &Key) -> String {
    format!(
        "{} {}, Go {}, {}",
        key.path,
        key.side.name(),
        key.version,
        key.kind
    )
}

/// Leaves out the directories of the machine that ran it.
fn below(text: &str) -> String {
    let folder = format!("{}/", exercises::folder().display());
    text.replace(&folder, "")
}

fn join(words: &BTreeSet<&str>) -> String {
    join_with(words, ", ")
}

fn join_with(words: &BTreeSet<&str>, between: &str) -> String {
    words.iter().copied().collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use rtprobe_tests::exercises::Truth;

    use super::*;

    fn judged(faults: &[&str]) -> exercises::Outcome {
        let truth = Truth {
            calls: 500,
            bytes: 0,
            elapsed_ns: 5_000_000_000,
            calls_per_s: 100.0,
            p50_ns: 1500,
            p99_ns: 9000,
            cpu_ns: 50_000_000,
            cpu_share: 0.01,
        };
        let faults = faults.iter().map(|&fault| fault.to_owned()).collect();
        exercises::Outcome {
            faults,
            first_faults: Vec::new(),
            free: None,
            truth,
            cost_share: None,
            budget_share: Some(0.02),
        }
    }

    fn key(side: Side, version: &str) -> Key {
        Key {
            path: "forced-gc".to_owned(),
            side,
            version: version.to_owned(),
            kind: "plain".to_owned(),
        }
    }

    #[test]
    fn each_release_says_what_is_right_and_what_is_not() {
        let mut store = Store::default();
        store.put(key(Side::Before, "1.21.13"), Ok(judged(&[])));
        store.put(
            key(Side::Before, "1.27.3"),
            Ok(judged(&["not found: clear (w)"])),
        );
        let text = document(&store).unwrap();
        assert!(
            text.contains("| `forced-gc` | dive-6, source-6 | ok | before (plain) |"),
            "{text}"
        );
        assert!(
            text.contains("| 100 | 1.5 µs | 9.0 µs | 1.0 % | unknown |"),
            "{text}"
        );
        assert!(
            text.contains("- forced-gc before, Go 1.27.3, plain: not found: clear (w)"),
            "{text}"
        );
    }

    #[test]
    fn nothing_is_written_about_nothing() {
        assert!(document(&Store::default()).is_err());
    }
}
