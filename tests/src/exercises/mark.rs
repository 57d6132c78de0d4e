//! Where a finding has to be, as comments in a program's own source say.

use std::{fs, io, path::Path};

const MARKER: &str = "// finding: ";
/// Of a finding of the process, which may name the line that does most of it.
const MOST: &str = "// most of it: ";

/// A line with a fault in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The function as the linker names it; several where the name depends on Go's version.
    pub functions: Vec<String>,
    /// Below `tests/exercises`, `/` between the parts.
    pub file: String,
    pub line: u32,
    /// Whether the finding may as well be of the process.
    pub or_process: bool,
}

/// Returns the marks of a program, whose folder is `program`: those of its own packages and of packages that stand
/// beside it, which have no program of their own below them.
///
/// # Errors
/// A folder or a file that can't be read.
pub fn marks(root: &Path, program: &Path) -> io::Result<Vec<Mark>> {
    let mut found = Vec::new();
    below(root, program, &mut found)?;
    for entry in fs::read_dir(program.parent().unwrap_or(program))? {
        let path = entry?.path();
        let package =
            path.is_dir() && !path.join("main.go").exists() && !path.join("before").exists();
        if package && path != program {
            below(root, &path, &mut found)?;
        }
    }
    Ok(found)
}

fn below(root: &Path, folder: &Path, found: &mut Vec<Mark>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            below(root, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "go") {
            let name = path.strip_prefix(root).unwrap_or(&path);
            let file = name.to_string_lossy().into_owned();
            found.extend(in_text(&file, &fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

fn in_text(file: &str, text: &str) -> Vec<Mark> {
    let numbered = (1..).zip(text.lines());
    let marked = numbered.filter_map(|(line, text)| {
        let process = text.split_once(MOST).map(|(_, names)| (names, true));
        let site = text.split_once(MARKER).map(|(_, names)| (names, false));
        let (names, or_process) = process.or(site)?;
        Some(Mark {
            functions: names.trim().split('|').map(str::to_owned).collect(),
            file: file.to_owned(),
            line,
            or_process,
        })
    });
    marked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_beside_a_program_belong_to_it() {
        let root = crate::exercises::folder();
        let grown = marks(&root, &root.join("stack-growth/before")).unwrap();
        assert_eq!(grown.len(), 1);
        assert_eq!(grown[0].file, "stack-growth/tree/tree.go");
        let forced = marks(&root, &root.join("forced-gc/before")).unwrap();
        assert!(
            forced
                .iter()
                .all(|mark| mark.file.starts_with("forced-gc/before/")),
            "{forced:?}"
        );
    }

    #[test]
    fn a_mark_has_the_line_it_stands_at_and_all_names() {
        let text = "package main\n\tc <- 1 // finding: main.(*T).f|main.main.T.f\n";
        assert_eq!(
            in_text("a/main.go", text),
            [Mark {
                functions: vec!["main.(*T).f".to_owned(), "main.main.T.f".to_owned()],
                file: "a/main.go".to_owned(),
                line: 2,
                or_process: false,
            }]
        );
        let most = in_text("a/main.go", "\tx := new(int) // most of it: main.f\n");
        assert!(
            most[0].or_process && most[0].functions == ["main.f"],
            "{most:?}"
        );
        assert_eq!(in_text("a/main.go", "package main // no finding\n"), []);
    }
}
