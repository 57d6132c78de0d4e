//! Every supported Go version in every kind of build: no difference from what Go says itself.

use std::{collections::BTreeSet, path::Path, time::Instant};

use anyhow::{Context as _, Result, ensure};
use probe_user::analyze::{Frame, Function, GoBinary, open_regular};

use super::{
    facts,
    go_build::{Go, Kind},
    oracle,
};

impl Kind {
    /// What people deploy.
    const DEPLOYED: [Self; 7] = [
        Self::Plain,
        Self::Stripped,
        Self::Trimpath,
        Self::Pie,
        Self::Cgo,
        Self::CgoPie,
        Self::StrippedPie,
    ];

    fn has_symbols(self) -> bool {
        !matches!(self, Self::Stripped | Self::StrippedPie)
    }
}

/// The releases that every check runs with; `1.26` is the local toolchain if that is one.
const VERSIONS: [&str; 7] = [
    "1.21.13", "1.22.12", "1.23.12", "1.24.11", "1.25.5", "1.26", "1.27.3",
];

/// Differences that are printed before the comparison gives up.
const SHOWN: usize = 10;
const MIN_RETURN_ADDRESSES: usize = 10_000;

macro_rules! each_version {
    ($($name:ident: $index:expr),*) => {$(
        #[test]
        fn $name() -> Result<()> {
            check_version(VERSIONS[$index], &Kind::DEPLOYED)
        }
    )*};
}
each_version!(
    go1_21_agrees: 0, go1_22_agrees: 1, go1_23_agrees: 2, go1_24_agrees: 3,
    go1_25_agrees: 4, go1_26_agrees: 5, go1_27_agrees: 6
);

#[test]
fn builds_for_debugging_agree() -> Result<()> {
    let kinds = [Kind::Unoptimized, Kind::Race, Kind::RaceInternal];
    check_version("1.27.3", &kinds)
}

fn check_version(version: &str, kinds: &[Kind]) -> Result<()> {
    let Some(go) = Go::of(version)? else {
        return Ok(());
    };
    for &kind in kinds {
        let path = go
            .build(kind)
            .with_context(|| format!("go{version} {kind:?}"))?;
        check_binary(version, kind, &path).with_context(|| format!("go{version} {kind:?}"))?;
    }
    Ok(())
}

fn check_binary(version: &str, kind: Kind, path: &Path) -> Result<()> {
    let start = Instant::now();
    let binary = GoBinary::open(Box::new(open_regular(path)?))?;
    let mut functions = Vec::new();
    binary.each_function(|function| {
        functions.push(function);
        true
    })?;
    check_kind(&binary, version, kind)?;
    facts::check_layout(&binary, kind)?;
    facts::check_user_text(&binary, &functions)?;
    if kind.has_symbols() {
        check_symbols(&binary, &functions, path)?;
        check_lines(&binary, &functions, path)?;
    }
    // Behind its last marker the runtime knows no function.
    let entries = functions
        .iter()
        .filter(|function| !is_marker(&function.name))
        .map(|function| function.entry.0 + 1);
    let calls = oracle::return_addresses(&binary, &functions)?;
    ensure!(
        calls.len() >= MIN_RETURN_ADDRESSES,
        "only {} return addresses",
        calls.len()
    );
    let n_calls = calls.len();
    let addresses: Vec<_> = entries.chain(calls).collect();
    let inlined = check_frames(&binary, &functions, path, &addresses)?;
    eprintln!(
        "go{version} {kind:?}: {} functions, {n_calls} return addresses, {inlined} with inlined calls: 0 differences, {:?}",
        functions.len(),
        start.elapsed(),
    );
    Ok(())
}

fn check_kind(binary: &GoBinary, version: &str, kind: Kind) -> Result<()> {
    let found = binary.kind();
    ensure!(found.stripped != kind.has_symbols(), "{found:?}");
    ensure!(found.dwarf == kind.has_symbols(), "{found:?}");
    ensure!(
        found.pie == matches!(kind, Kind::Pie | Kind::CgoPie | Kind::StrippedPie),
        "{found:?}"
    );
    ensure!(found.cgo == kind.uses_cgo(), "{found:?}");
    ensure!(found.trimpath == (kind == Kind::Trimpath), "{found:?}");
    ensure!(binary.build_info().module.as_deref() == Some("example.com/frames"));
    let recorded = &binary.build_info().go_version;
    ensure!(recorded.starts_with(&format!("go{version}")), "{recorded}");
    ensure!(binary.degraded().is_empty(), "{:?}", binary.degraded());
    Ok(())
}

/// Every function is a symbol of that name, and every symbol of Go's text is a function.
fn check_symbols(binary: &GoBinary, functions: &[Function], path: &Path) -> Result<()> {
    let symbols = oracle::nm(path)?;
    let mut differences = Vec::new();
    for function in functions {
        let names = symbols.get(&function.entry.0);
        // The linker writes middle dots, which only names of the compiler's have, as dots into `.symtab`.
        let name = function.name.replace('·', ".");
        let with_abi = format!("{name}.abi0");
        if !names.is_some_and(|names| names.contains(&name) || names.contains(&with_abi)) {
            differences.push(format!("{function:?} but nm has {names:?}"));
        }
    }
    let entries: BTreeSet<_> = functions.iter().map(|function| function.entry.0).collect();
    let text = binary.text();
    for (address, names) in symbols.range(text.start.0..text.end.0) {
        if !entries.contains(address) && !names.iter().all(|name| is_marker(name)) {
            differences.push(format!("{names:?} at {address:#x} is no function"));
        }
    }
    report(&differences, functions.len())
}

/// Symbols of the linker's that are no functions.
fn is_marker(name: &str) -> bool {
    matches!(name, "runtime.text" | "runtime.etext" | "go:buildid")
        || name.starts_with("go:textfips")
}

/// `addr2line` names the compiled function and the innermost line.
fn check_lines(binary: &GoBinary, functions: &[Function], path: &Path) -> Result<()> {
    let addresses: Vec<_> = functions.iter().map(|function| function.entry.0).collect();
    let expected = oracle::addr2line(path, &addresses)?;
    let mut differences = Vec::new();
    for (function, (name, line)) in functions.iter().zip(&expected) {
        let frames = binary.frames_at(function.entry);
        let found = frames
            .first()
            .map(|frame| format!("{}:{}", frame.file, frame.line));
        let outermost = frames.last().map(|frame| &frame.function);
        if found.as_ref() != Some(line) || outermost != Some(name) {
            differences.push(format!("{frames:?} but addr2line has {name} {line}"));
        }
    }
    report(&differences, functions.len())
}

/// Compares with the program's own `runtime.CallersFrames`; returns how many addresses have inlined calls.
fn check_frames(
    binary: &GoBinary,
    functions: &[Function],
    path: &Path,
    addresses: &[u64],
) -> Result<usize> {
    let first_name = functions.first().map_or("", |function| &function.name);
    let found = binary.find_functions(&["main.main"]);
    let main = found
        .get("main.main")
        .and_then(|found| found.first())
        .context("main.main")?;
    let expected = oracle::callers_frames(path, main.entry, addresses)?;
    let mut differences = Vec::new();
    let mut inlined = 0;
    for (address, expected) in addresses.iter().zip(&expected) {
        let frames = binary.frames_at(probe_user::address::VirtAddr(address - 1));
        let printed: Vec<Frame> = oracle::as_printed(frames.clone(), first_name);
        inlined += usize::from(printed.len() > 1);
        if printed != *expected {
            differences.push(format!(
                "{address:#x}: {frames:#?} but the runtime has {expected:#?}"
            ));
        }
    }
    report(&differences, addresses.len())?;
    Ok(inlined)
}

fn report(differences: &[String], of: usize) -> Result<()> {
    for difference in differences.iter().take(SHOWN) {
        eprintln!("{difference}");
    }
    ensure!(
        differences.is_empty(),
        "{} differences in {of}",
        differences.len()
    );
    Ok(())
}
