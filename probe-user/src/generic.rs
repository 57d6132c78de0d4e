//! Names of generic functions as people read them.
//!
//! The linker's name of an instantiated function holds its type arguments in full: of a struct all fields with
//! their tags, which can be hundreds of characters. Go's own tracebacks print `[...]`
//! (src/runtime/traceback.go, `printFuncName`).

use std::borrow::Cow;

/// How a list of type arguments begins whose code several types of one shape share.
const SHAPES: &str = "[go.shape.";
/// What stands for such a list.
const LEFT_OUT: &str = "[...]";

/// Returns `text` with `[...]` for every list of type arguments that are shapes. One that is not closed stays
/// as it is, with all that follows.
pub fn short(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find(SHAPES) {
        let (before, list) = rest.split_at(begin);
        let Some(end) = list_end(list) else { break };
        shown.push_str(before);
        shown.push_str(LEFT_OUT);
        rest = list.get(end..).unwrap_or_default();
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Returns where the list ends that `text` begins with. Tags of struct fields are quoted and may hold brackets.
fn list_end(text: &str) -> Option<usize> {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'[' if !is_quoted => depth += 1,
            b']' if !is_quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_list_of_shapes_is_left_out() {
        for (name, shown) in [
            ("main.Map[go.shape.int]", "main.Map[...]"),
            (
                "main.(*stage[go.shape.int]).pass",
                "main.(*stage[...]).pass",
            ),
            (
                "a/b.(*Set[go.shape.[]uint8,go.shape.map[string][4]int]).Add.Each[go.shape.*b.T[int]].func1",
                "a/b.(*Set[...]).Add.Each[...].func1",
            ),
            (
                r#"a/b.Into[go.shape.struct { A []int "json:\"a[\""; B string "x:\"]]\"" }]"#,
                "a/b.Into[...]",
            ),
        ] {
            assert_eq!(short(name), shown);
        }
    }

    #[test]
    fn other_brackets_stay() {
        for name in [
            "",
            "main.main",
            "main.F[int]",
            "runtime.mallocgc",
            "[unknown 0x1]",
        ] {
            assert!(matches!(short(name), Cow::Borrowed(same) if same == name));
        }
    }

    #[test]
    fn a_list_without_an_end_stays() {
        for name in [
            "main.F[go.shape.int",
            "main.F[go.shape.[]int",
            r#"main.F[go.shape.struct { A int "]"#,
            r#"main.F[go.shape.struct { A int "\"]"#,
        ] {
            assert_eq!(short(name), name);
        }
        assert_eq!(
            short("main.F[go.shape.int].G[go.shape.[]int"),
            "main.F[...].G[go.shape.[]int"
        );
        let deep = SHAPES.repeat(100_000);
        assert_eq!(short(&deep), deep);
    }

    proptest! {
        #[test]
        fn it_never_grows_and_stays_as_it_is(
            parts in prop::collection::vec(prop::sample::select(vec!["[go.shape.", "[", "]", "\"", "\\", "int", "漢"]), 0..24)
        ) {
            let name = parts.concat();
            let shown = short(&name).into_owned();
            prop_assert!(shown.len() <= name.len());
            let again = short(&shown).into_owned();
            prop_assert!(again.len() <= shown.len());
        }
    }
}
