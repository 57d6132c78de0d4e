//! Text on its way into markup: names from the target made visible and bounded, prose with its code.

use maud::{Markup, html};

use crate::{escape, generic, render::names};

/// Longest prose in bytes; what rules and errors say is some hundred.
const MAX_PROSE: usize = 4096;

/// Returns a name of the target's: one line, nothing hidden in it, bounded, without type arguments. Markup escapes
/// it.
pub(super) fn name(text: &str) -> String {
    names::inert(&generic::short(text))
}

/// Writes sentences, with `code` between backticks and line breaks as they are.
pub(super) fn prose(text: &str) -> Markup {
    let text = &*generic::short(text);
    let end = text.floor_char_boundary(MAX_PROSE);
    let text = text.get(..end).unwrap_or_default();
    html! {
        @for (index, line) in text.lines().enumerate() {
            @if index > 0 { br; }
            @for (index, part) in line.split('`').enumerate() {
                @let part = escape::terminal(part);
                @if index % 2 == 0 { (part) } @else { code { (part) } }
            }
        }
    }
}

/// Writes a function's name: the path of its package, which many have in common, stands back.
pub(super) fn function(text: &str) -> Markup {
    let shown = name(text);
    let (path, rest) = shown.split_at(names::package_path_end(&shown));
    html! {
        span.fn {
            @if !path.is_empty() { span.path { (path) } }
            (rest)
        }
    }
}

/// Writes `dir/file.go:12`, with the whole path as its title.
pub(super) fn place(file: &str, line: u32) -> Markup {
    if file.is_empty() {
        return html! {};
    }
    let whole = name(file);
    let mut slashes = whole.rmatch_indices('/');
    let short = match slashes.nth(1) {
        Some((index, _)) if index > 0 => format!("…{}", whole.get(index..).unwrap_or_default()),
        _ => whole.clone(),
    };
    html! {
        span.place title=(whole) {
            (short) @if line > 0 { ":" (line) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stands_in_its_own_element() {
        let shown = prose("use `sync.Pool` <b>\nor not").into_string();
        assert_eq!(shown, "use <code>sync.Pool</code> &lt;b&gt;<br>or not");
    }

    #[test]
    fn type_arguments_are_left_out() {
        let long = "go.shape.struct { A int \"json:\\\"a\\\"\" }";
        let shown = function(&format!("a/b.Into[{long}]")).into_string();
        assert!(shown.ends_with("b.Into[...]</span>"), "{shown}");
        let shown = prose(&format!("below `b.Into[{long}]`")).into_string();
        assert_eq!(shown, "below <code>b.Into[...]</code>");
    }

    #[test]
    fn a_place_keeps_two_elements_and_the_whole_path() {
        let shown = place("/src/example.com/api/hub/hub.go", 88).into_string();
        assert!(shown.contains(">…/hub/hub.go:88<"), "{shown}");
        assert!(
            shown.contains("title=\"/src/example.com/api/hub/hub.go\""),
            "{shown}"
        );
        assert_eq!(place("", 0).into_string(), "");
    }
}
