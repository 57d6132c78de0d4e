//! Where a finding has to be, as comments in a program's own source say.

use std::{fs, io, path::Path};

const MARKER: &str = "// finding: ";

/// A line with a fault in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The function as the linker names it; several where the name depends on Go's version.
    pub functions: Vec<String>,
    /// Below `tests/exercises`, `/` between the parts.
    pub file: String,
    pub line: u32,
}

/// Returns the marks of all sources in `folder` and below it.
///
/// # Errors
/// A folder or a file that can't be read.
pub fn marks(root: &Path, folder: &Path) -> io::Result<Vec<Mark>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(marks(root, &path)?);
        } else if path.extension().is_some_and(|extension| extension == "go") {
            let below = path.strip_prefix(root).unwrap_or(&path);
            let file = below.to_string_lossy().into_owned();
            found.extend(in_text(&file, &fs::read_to_string(&path)?));
        }
    }
    Ok(found)
}

fn in_text(file: &str, text: &str) -> Vec<Mark> {
    let numbered = (1..).zip(text.lines());
    let marked = numbered.filter_map(|(line, text)| {
        let (_, names) = text.split_once(MARKER)?;
        Some(Mark {
            functions: names.trim().split('|').map(str::to_owned).collect(),
            file: file.to_owned(),
            line,
        })
    });
    marked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_has_the_line_it_stands_at_and_all_names() {
        let text = "package main\n\tc <- 1 // finding: main.(*T).f|main.main.T.f\n";
        assert_eq!(
            in_text("a/main.go", text),
            [Mark {
                functions: vec!["main.(*T).f".to_owned(), "main.main.T.f".to_owned()],
                file: "a/main.go".to_owned(),
                line: 2
            }]
        );
        assert_eq!(in_text("a/main.go", "package main // no finding\n"), []);
    }
}
