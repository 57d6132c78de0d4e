//! The matrix as text: exercise by release and build.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use rtprobe_tests::exercises::{EXERCISES, Side};

use super::store::{Key, Store};

/// One line for a cell, as soon as it is known.
pub(super) fn line(store: &Store, key: &Key) -> String {
    let name = format!(
        "{:<8} {:<9} {:<36} {:<6}",
        key.version,
        key.kind,
        key.path,
        key.side.name()
    );
    match store.get(key) {
        Some(Ok(result)) if result.faults.is_empty() => {
            let cost = result
                .cost_share
                .map_or("?".to_owned(), |share| format!("{:.2}", share * 100.0));
            let again = if result.first_faults.is_empty() {
                String::new()
            } else {
                format!("; the first time: {}", result.first_faults.join("; "))
            };
            format!(
                "ok    {name} {:>9.0}/s, rtprobe {cost} %{again}",
                result.truth.calls_per_s
            )
        }
        Some(Ok(result)) => format!(
            "WRONG {name} {}; the first time: {}",
            result.faults.join("; "),
            result.first_faults.join("; ")
        ),
        Some(Err(error)) => format!("ERROR {name} {error}"),
        None => format!("?     {name}"),
    }
}

/// A row per exercise, a column per release and build; `baA`: before, after and alike are right; `-`: misjudged.
pub(super) fn matrix(store: &Store, judged: &[Key]) -> Result<String, fmt::Error> {
    let columns: BTreeSet<(&str, &str)> = judged
        .iter()
        .map(|key| (key.version.as_str(), key.kind.as_str()))
        .collect();
    let mut text = format!("{:<36}", "");
    for (version, kind) in &columns {
        let minor = version
            .rsplit_once('.')
            .map_or(*version, |(minor, _)| minor);
        write!(text, " {minor:>5} {kind:<8}")?;
    }
    for exercise in EXERCISES
        .iter()
        .filter(|e| judged.iter().any(|key| key.path == e.path))
    {
        write!(text, "\n{:<36}", exercise.path)?;
        for (version, kind) in &columns {
            let cells = judged.iter().filter(|key| {
                key.path == exercise.path && key.version == *version && key.kind == *kind
            });
            let mut cells: Vec<&Key> = cells.collect();
            cells.sort();
            write!(
                text,
                " {:<14}",
                cells.iter().map(|key| mark(store, key)).collect::<String>()
            )?;
        }
    }
    let wrong: Vec<&Key> = judged.iter().filter(|key| !store.is_right(key)).collect();
    write!(
        text,
        "\n\n{} of {} right\n",
        judged.len() - wrong.len(),
        judged.len()
    )?;
    for key in wrong {
        writeln!(text, "{}", line(store, key))?;
    }
    Ok(text)
}

fn mark(store: &Store, key: &Key) -> char {
    if !store.is_right(key) {
        return '-';
    }
    match key.side {
        Side::Before => 'b',
        Side::After => 'a',
        Side::Alike => 'A',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_told_below_the_matrix() {
        let mut store = Store::default();
        let key = Key {
            path: "forced-gc".to_owned(),
            side: Side::Before,
            version: "1.27.3".to_owned(),
            kind: "plain".to_owned(),
        };
        store.put(key.clone(), Err("no compiler".to_owned()));
        let text = matrix(&store, &[key]).unwrap();
        assert!(
            text.contains("1.27 plain") && text.contains("0 of 1 right"),
            "{text}"
        );
        assert!(
            text.contains("ERROR") && text.contains("no compiler"),
            "{text}"
        );
    }
}
