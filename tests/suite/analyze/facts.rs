//! What the analyzer derives, against what is known otherwise: layouts by two ways, origins by name.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use probe_user::analyze::{Function, GLayout, GoBinary, LayoutSource, Origin};

use super::go_build::Kind;

/// With debug information the offsets come from it, and without it from the version: the same ones.
pub(super) fn check_layout(binary: &GoBinary, kind: Kind) -> Result<()> {
    let layout = binary.g_layout();
    let expected = match kind {
        Kind::Stripped | Kind::StrippedPie => LayoutSource::Version,
        _ => LayoutSource::Dwarf,
    };
    ensure!(layout.source == expected, "{layout:?}");
    let fields = [
        layout.sched_bp,
        layout.atomicstatus,
        layout.goid,
        layout.waitreason,
        layout.gopc,
        layout.startpc,
        layout.parent_goid,
    ];
    ensure!(fields.iter().all(Option::is_some), "{layout:?}");
    Ok(())
}

/// Says that two layouts differ at most in where they come from.
pub(super) fn same_offsets(left: GLayout, right: GLayout) -> bool {
    GLayout {
        source: right.source,
        ..left
    } == right
}

/// The user's text is what has the user's names, except for what the compiler and cgo generated.
pub(super) fn check_user_text(binary: &GoBinary, functions: &[Function]) -> Result<()> {
    let text = binary.user_text()?.all;
    let mut users = 0;
    for function in functions {
        let frames = binary.frames_at(function.entry);
        let outermost = frames.last().context("a function without a frame")?;
        // What cgo makes for an exported function may have that one inlined.
        let named = ["main.", "example.com/frames/", "_cgoexp_"]
            .iter()
            .any(|package| function.name.starts_with(package));
        let origin = binary.origin(outermost);
        let marked = text.contains(function.entry);
        match origin {
            Origin::Generated => ensure!(named || !marked, "{function:?} is marked"),
            Origin::User => ensure!(named && marked, "{outermost:?} is not the user's"),
            Origin::Runtime | Origin::Standard => {
                ensure!(!named && !marked, "{outermost:?} is the user's");
            }
        }
        ensure!(
            origin != Origin::Runtime || is_of_runtime(&function.name, &outermost.file),
            "{outermost:?} is not the runtime's"
        );
        users += usize::from(marked);
    }
    ensure!(users > 30, "only {users} functions are the user's");
    Ok(())
}

/// Package runtime and those below it, and what they push into others by linkname.
fn is_of_runtime(name: &str, file: &str) -> bool {
    let directory = Path::new(file)
        .parent()
        .and_then(Path::to_str)
        .unwrap_or_default();
    name.starts_with("runtime.")
        || directory.ends_with("runtime")
        || ["internal/runtime/", "runtime/internal/", "runtime/cgo"]
            .iter()
            .any(|part| directory.contains(part) || file.contains(part))
}
