//! Results of this and earlier runs, so that the document can be written from a matrix that was run in parts: a file
//! per release and build.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};
use rtprobe_tests::exercises::{self, Side, Trial};

/// One cell of the matrix: exercise, side, release, build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub path: String,
    pub side: Side,
    pub version: String,
    pub kind: String,
}

impl Key {
    pub(super) fn of(trial: &Trial<'_>) -> Self {
        Self {
            path: trial.exercise.path.to_owned(),
            side: trial.side,
            version: trial.version.clone(),
            kind: trial.kind.name().to_owned(),
        }
    }

    fn text(&self) -> String {
        format!(
            "{} {} {} {}",
            self.path,
            self.side.name(),
            self.version,
            self.kind
        )
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (path, side) = (words.next()?, words.next()?);
        Some(Self {
            path: path.to_owned(),
            side: Side::ALL.into_iter().find(|known| known.name() == side)?,
            version: words.next()?.to_owned(),
            kind: words.next()?.to_owned(),
        })
    }
}

/// What came of a cell: a judged report, or why there is none.
pub(super) type Cell = std::result::Result<exercises::Outcome, String>;

#[derive(Debug, Default)]
pub(super) struct Store {
    cells: BTreeMap<Key, Cell>,
}

impl Store {
    /// Reads what earlier runs have left in a directory; nothing, if there were none.
    pub(super) fn read(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let mut store = Self::default();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let kept: BTreeMap<String, Cell> = serde_json::from_slice(&fs::read(&path)?)
                .with_context(|| format!("failed to read {}: remove it", path.display()))?;
            let cells = kept
                .into_iter()
                .filter_map(|(text, cell)| Some((Key::from_text(&text)?, cell)));
            store.cells.extend(cells);
        }
        Ok(store)
    }

    /// Writes the results of one release and build.
    pub(super) fn write(&self, dir: &Path, version: &str, kind: &str) -> Result<()> {
        let kept: BTreeMap<String, &Cell> = self
            .cells
            .iter()
            .filter(|(key, _)| key.version == version && key.kind == kind)
            .map(|(key, cell)| (key.text(), cell))
            .collect();
        let path = dir.join(format!("{version}-{kind}.json"));
        Ok(fs::write(path, serde_json::to_vec_pretty(&kept)?)?)
    }

    pub(super) fn put(&mut self, key: Key, cell: Cell) {
        self.cells.insert(key, cell);
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Cell> {
        self.cells.get(key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.cells.keys()
    }

    pub(super) fn is_right(&self, key: &Key) -> bool {
        matches!(self.get(key), Some(Ok(result)) if result.faults.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_writing_and_reading() {
        let key = Key {
            path: "forced-gc/package-2".to_owned(),
            side: Side::After,
            version: "1.27.3".to_owned(),
            kind: "stripped".to_owned(),
        };
        assert_eq!(Key::from_text(&key.text()), Some(key));
        assert_eq!(Key::from_text("forced-gc sideways 1.27.3 stripped"), None);
    }

    #[test]
    fn a_cell_without_a_report_is_not_right() {
        let mut store = Store::default();
        let key = Key::from_text("forced-gc before 1.27.3 plain").unwrap();
        assert!(!store.is_right(&key));
        store.put(key.clone(), Err("no compiler".to_owned()));
        assert!(!store.is_right(&key));
    }
}
