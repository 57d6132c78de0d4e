//! Making text fit: display columns, shortening, wrapping.
//!
//! Columns are counted per character, as terminals do that know nothing of grapheme clusters.

use unicode_width::UnicodeWidthChar as _;

use crate::{escape, generic, render::names};

/// Characters of a name that are looked at from each end; what lies between is left out.
const MAX_NAME_END: usize = 256;

/// Returns how many columns `character` takes.
pub(super) fn char_columns(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// Returns how many columns `text` takes.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// Returns a name from the target with everything that a terminal would obey spelled out, bounded in length and
/// without type arguments.
pub(super) fn name(text: &str) -> String {
    let text = &*generic::short(text);
    let limit = 2 * MAX_NAME_END;
    let safe = match (
        text.char_indices().nth(limit),
        text.char_indices().nth_back(MAX_NAME_END),
    ) {
        (Some(_), Some((tail, _))) => {
            let head: String = text.chars().take(MAX_NAME_END).collect();
            let tail = text.get(tail..).unwrap_or_default();
            escape::terminal(&format!("{head}…{tail}")).into_owned()
        }
        _ => escape::terminal(text).into_owned(),
    };
    // Marks that take no column could pile up without end on one letter.
    if safe.chars().filter(|&c| char_columns(c) == 0).count() > MAX_NAME_END / 8 {
        return safe.chars().filter(|&c| char_columns(c) > 0).collect();
    }
    if safe.is_empty() {
        "?".to_owned()
    } else {
        safe
    }
}

/// Returns the longest beginning of `text` that fits `width` columns.
fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (index, character) in text.char_indices() {
        used += char_columns(character);
        if used > width {
            return text.get(..index).unwrap_or_default();
        }
    }
    text
}

/// Returns the longest end of `text` that fits `width` columns.
fn tail(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (index, character) in text.char_indices().rev() {
        used += char_columns(character);
        if used > width {
            return text.get(index + character.len_utf8()..).unwrap_or_default();
        }
    }
    text
}

/// Cuts the end: `example.com/api/hu…`.
pub(super) fn shorten_end(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    format!("{}…", head(text, width - 1))
}

/// Cuts the middle, keeping more of the end, where names differ: `example.com/…Broadcast`.
pub(super) fn shorten_middle(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let first = room / 3;
    format!("{}…{}", head(text, first), tail(text, room - first))
}

/// Leaves out the directories of a function's package, then the middle: `…/hub.(*Hub).Broadcast`.
pub(super) fn shorten_function(text: &str, width: usize) -> String {
    let last = text.get(names::package_path_end(text)..).unwrap_or(text);
    if columns(text) <= width || last.len() == text.len() {
        return shorten_middle(text, width);
    }
    if columns(last) + 2 <= width {
        return format!("…/{last}");
    }
    shorten_middle(last, width)
}

/// Cuts the beginning of a path, at a `/` where one is near: `…/hub/hub.go:88`.
pub(super) fn shorten_path(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let kept = tail(text, room);
    let from_slash = kept.find('/').and_then(|slash| kept.get(slash..));
    match from_slash {
        Some(rest) if 2 * columns(rest) >= room => format!("…{rest}"),
        _ => format!("…{kept}"),
    }
}

/// Breaks prose into lines of at most `width` columns, between words where it can.
/// A no-break space holds a number and its unit together.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_ascii_whitespace() {
        let mut word = word;
        if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        while line.is_empty() && columns(word) > width {
            let first = head(word, width);
            if first.is_empty() {
                break;
            }
            lines.push(first.to_owned());
            word = word.get(first.len()..).unwrap_or_default();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_has_no_type_arguments() {
        let fields = "A int; ".repeat(200);
        let long = format!("a/b.(*Set[go.shape.struct {{ {fields}}}]).Add");
        assert_eq!(name(&long), "a/b.(*Set[...]).Add");
    }

    #[test]
    fn names_are_shortened_in_the_middle_and_paths_at_the_front() {
        let name = "example.com/api/hub.(*Hub).Broadcast";
        assert_eq!(shorten_middle(name, 36), name);
        assert_eq!(shorten_middle(name, 22), "example…Hub).Broadcast");
        assert_eq!(shorten_function(name, 36), name);
        assert_eq!(shorten_function(name, 35), "…/hub.(*Hub).Broadcast");
        assert_eq!(shorten_function(name, 22), "…/hub.(*Hub).Broadcast");
        assert_eq!(shorten_function(name, 21), "hub.(*Hub).Broadcast");
        assert_eq!(shorten_function(name, 12), "hub…roadcast");
        assert_eq!(
            shorten_path("/home/build/api/hub/hub.go:88", 20),
            "…/api/hub/hub.go:88"
        );
        assert_eq!(
            shorten_path("averyveryverylongfilename.go:8", 12),
            "…lename.go:8"
        );
    }

    #[test]
    fn wide_characters_count_twice_and_marks_not_at_all() {
        assert_eq!(columns("漢e\u{301}"), 3);
        assert_eq!(shorten_end("漢字漢字", 4), "漢…");
        assert_eq!(shorten_middle("漢字漢字", 6), "…漢字");
    }

    #[test]
    fn prose_breaks_between_words_and_not_between_number_and_unit() {
        assert_eq!(
            wrap("took 1.34\u{a0}MB/s in all", 11),
            ["took", "1.34\u{a0}MB/s", "in all"]
        );
        assert_eq!(wrap("abcdefgh i", 4), ["abcd", "efgh", "i"]);
    }

    #[test]
    fn marks_without_end_are_left_out() {
        let name = name(&format!("main.e{}", "\u{301}".repeat(400)));
        assert_eq!(name, "main.e");
    }

    proptest! {
        #[test]
        fn nothing_outgrows_its_room(text in "\\PC{0,60}", width in 0..40_usize) {
            for short in [shorten_end(&text, width), shorten_middle(&text, width), shorten_function(&text, width), shorten_path(&text, width)] {
                prop_assert!(columns(&short) <= width, "{short}");
            }
        }

        #[test]
        fn wrapping_keeps_every_character(text in "[a-z漢 ]{0,80}", width in 2..20_usize) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| columns(line) <= width));
            let solid = |text: &str| text.replace(' ', "");
            prop_assert_eq!(solid(&lines.concat()), solid(&text));
        }

        #[test]
        fn names_are_bounded(text in "\\PC{0,2000}") {
            prop_assert!(name(&text).chars().count() <= 10 * (2 * MAX_NAME_END + 1));
        }
    }
}
