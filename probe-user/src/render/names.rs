//! Names in formats that other tools read: inert and bounded, without the layout that text has.

use crate::escape;

/// Longest name in bytes before escaping; Go's own names of generic functions reach some hundred.
const MAX_BYTES: usize = 1024;

/// Returns `name` with everything that a terminal would obey spelled out, `?` for an empty one, and the
/// middle left out of one that is too long.
pub(super) fn inert(name: &str) -> String {
    if name.is_empty() {
        return "?".to_owned();
    }
    if name.len() <= MAX_BYTES {
        return escape::terminal(name).into_owned();
    }
    let head = name.floor_char_boundary(MAX_BYTES / 2);
    let tail = name.ceil_char_boundary(name.len() - MAX_BYTES / 2);
    let (head, tail) = (name.get(..head), name.get(tail..));
    let cut = format!("{}…{}", head.unwrap_or_default(), tail.unwrap_or_default());
    escape::terminal(&cut).into_owned()
}

/// Returns where the last element of the import path begins: brackets hold the paths of type arguments.
pub(super) fn package_path_end(function: &str) -> usize {
    let end = function.find(['[', '(']).unwrap_or(function.len());
    let head = function.get(..end).unwrap_or_default();
    head.rfind('/').map_or(0, |slash| slash + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_ends() {
        let name = format!("main.{}漢.Close", "漢".repeat(1 << 20));
        let shown = inert(&name);
        assert!(
            shown.starts_with("main.漢") && shown.ends_with("漢.Close"),
            "{shown}"
        );
        assert!(shown.len() < MAX_BYTES + 8);
    }

    #[test]
    fn only_the_import_path_stands_back() {
        for (function, path) in [
            ("example.com/api/hub.(*Hub).Run", "example.com/api/"),
            ("main.f[go.shape.struct{example.com/x/y.T}]", ""),
            ("example.com/a/b.F[c/d.T].func1", "example.com/a/"),
            ("runtime.main", ""),
        ] {
            assert_eq!(function.get(..package_path_end(function)), Some(path));
        }
    }
}
