//! Text that came from a target, made harmless for a terminal.
//!
//! Names in a binary, `comm`, paths and arguments may hold any bytes: a terminal would obey escape
//! sequences in them, and bidirectional controls would show another text than the one that is there.

use std::{borrow::Cow, fmt::Write as _};

/// Returns `text` with everything that a terminal acts upon, or that hides or reorders text, replaced by
/// a visible escape: `\n`, `\t`, `\r`, `\x1b`, `\u{202e}`. Borrows when there is nothing to replace.
///
/// The result is one line. A backslash stays as it is, so the result is for reading, not for reversing.
pub fn terminal(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_unsafe) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at(first);
    let mut escaped = String::with_capacity(text.len() + 16);
    escaped.push_str(clean);
    for character in rest.chars() {
        push_escaped(&mut escaped, character);
    }
    Cow::Owned(escaped)
}

/// Whether a terminal acts upon the character, or shows something else than what is there.
fn is_unsafe(character: char) -> bool {
    matches!(
        character,
        // C0, DEL and C1: escape sequences start with one of them (ECMA-48 §5.2, §5.3).
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        // Zero-width characters, bidirectional marks, embeddings and isolates (UAX #9 §2).
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}'
        | '\u{61c}' | '\u{feff}'
        // Line and paragraph separators.
        | '\u{2028}' | '\u{2029}'
    )
}

fn push_escaped(escaped: &mut String, character: char) {
    match character {
        '\n' => escaped.push_str("\\n"),
        '\r' => escaped.push_str("\\r"),
        '\t' => escaped.push_str("\\t"),
        _ if !is_unsafe(character) => escaped.push(character),
        _ if character.is_ascii() => {
            write!(escaped, "\\x{:02x}", u32::from(character)).expect("a String takes every write");
        }
        _ => escaped.extend(character.escape_unicode()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn harmless_text_is_borrowed() {
        for text in ["", "main.(*Hub).Run", "größe", "日本語", "a\\b", "🙂"] {
            assert!(matches!(terminal(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn window_title_sequence_becomes_visible() {
        assert_eq!(terminal("\x1b]0;owned\x07"), "\\x1b]0;owned\\x07");
    }

    #[test]
    fn single_byte_csi_becomes_visible() {
        assert_eq!(terminal("\u{9b}2J\u{7f}"), "\\u{9b}2J\\x7f");
    }

    #[test]
    fn line_breaks_keep_the_text_on_one_line() {
        assert_eq!(
            terminal("a\nb\r\n\tc\u{2028}d"),
            "a\\nb\\r\\n\\tc\\u{2028}d"
        );
    }

    #[test]
    fn direction_overrides_become_visible() {
        assert_eq!(
            terminal("a\u{202e}b\u{2066}c\u{200f}"),
            "a\\u{202e}b\\u{2066}c\\u{200f}"
        );
    }

    proptest! {
        #[test]
        fn result_is_harmless_and_stays_so(text in any::<String>()) {
            let once = terminal(&text).into_owned();
            prop_assert!(!once.contains(is_unsafe));
            prop_assert!(!once.contains(char::is_control));
            prop_assert_eq!(terminal(&once), once.as_str());
        }

        #[test]
        fn harmless_characters_all_survive_in_order(text in any::<String>()) {
            let expected: String = text.chars().filter(|&c| !is_unsafe(c)).collect();
            let escaped = terminal(&text);
            let mut rest = escaped.chars();
            prop_assert!(expected.chars().all(|wanted| rest.any(|found| found == wanted)));
        }
    }
}
