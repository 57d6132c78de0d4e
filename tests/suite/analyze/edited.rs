//! Programs without what linkers and tools may leave out, and programs of versions to come.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use probe_user::{
    address::VirtAddr,
    analyze::{AnalyzeError, Frame, Function, GoBinary, LayoutSource},
};

use super::{
    facts,
    go_build::{Go, Kind},
    oracle,
};

fn open(file: Vec<u8>) -> Result<GoBinary, AnalyzeError> {
    GoBinary::open(Box::new(file))
}

fn word(file: &[u8], at: u64) -> u64 {
    let at = at as usize;
    u64::from_le_bytes(file[at..at + 8].try_into().expect("eight bytes"))
}

/// Takes the section headers away, as `sstrip` does.
fn without_sections(mut file: Vec<u8>) -> Vec<u8> {
    file[40..48].fill(0);
    file[58..64].fill(0);
    file
}

/// Zeroes every place that a relative relocation fills, as lld does.
fn without_values_in_place(mut file: Vec<u8>) -> Result<Vec<u8>> {
    let segments: Vec<_> = (0..u64::from(file[56]))
        .map(|index| 64 + 56 * index)
        .map(|at| [0, 8, 16, 32].map(|field| word(&file, at + field)))
        .collect();
    let offset_of = |address: u64| {
        let [_, offset, start, _] = segments
            .iter()
            .find(|[kind, _, start, size]| {
                *kind as u32 == 1 && (*start..start + size).contains(&address)
            })
            .context("address is not in the file")?;
        anyhow::Ok(address - start + offset)
    };
    let [_, dynamic, ..] = segments
        .iter()
        .find(|segment| segment[0] as u32 == 2)
        .context("no dynamic segment")?;
    let entry = |tag| {
        (0..64)
            .map(|index| dynamic + 16 * index)
            .find(|at| word(&file, *at) == tag)
            .map(|at| word(&file, at + 8))
            .context("no entry in the dynamic segment")
    };
    let (table, size) = (offset_of(entry(7)?)?, entry(8)?);
    let places: Vec<_> = (table..table + size)
        .step_by(24)
        .filter(|at| word(&file, at + 8) == 8)
        .map(|at| offset_of(word(&file, at)))
        .collect::<Result<_>>()?;
    ensure!(places.len() > 1000, "only {} relocations", places.len());
    for place in places {
        file[place as usize..place as usize + 8].fill(0);
    }
    Ok(file)
}

/// Every function, and the frames at every return address.
fn contents(binary: &GoBinary) -> Result<(Vec<Function>, Vec<Vec<Frame>>)> {
    let mut functions = Vec::new();
    binary.each_function(|function| {
        functions.push(function);
        true
    })?;
    let calls = oracle::return_addresses(binary, &functions)?;
    let frames = calls
        .iter()
        .map(|address| binary.frames_at(VirtAddr(address - 1)));
    let frames = frames.collect();
    Ok((functions, frames))
}

#[test]
fn nothing_of_the_tables_is_lost_without_section_headers() -> Result<()> {
    for (version, kind) in [
        ("1.21.13", Kind::Plain),
        ("1.24.11", Kind::StrippedPie),
        ("1.27.3", Kind::Cgo),
        ("1.27.3", Kind::Pie),
    ] {
        let Some(go) = Go::of(version)? else {
            return Ok(());
        };
        let file = fs::read(go.build(kind)?)?;
        let bare = open(without_sections(file.clone()))?;
        let whole = open(file)?;
        ensure!(
            contents(&bare)? == contents(&whole)?,
            "go{version} {kind:?}"
        );
        ensure!(bare.build_info() == whole.build_info() && bare.build_id() == whole.build_id());
        ensure!(bare.kind().stripped && !bare.kind().dwarf);
        ensure!(bare.degraded().is_empty(), "{:?}", bare.degraded());
        ensure!(bare.g_layout().source == LayoutSource::Version);
        ensure!(
            facts::same_offsets(bare.g_layout(), whole.g_layout()),
            "go{version} {kind:?}"
        );
        ensure!(bare.user_text()? == whole.user_text()?);
    }
    Ok(())
}

#[test]
fn addresses_are_taken_from_relocations_where_the_linker_left_zeros() -> Result<()> {
    for version in ["1.21.13", "1.25.5", "1.27.3"] {
        for kind in [Kind::Pie, Kind::StrippedPie] {
            let Some(go) = Go::of(version)? else {
                return Ok(());
            };
            let file = fs::read(go.build(kind)?)?;
            let zeroed = open(without_values_in_place(file.clone())?)?;
            ensure!(
                contents(&zeroed)? == contents(&open(file)?)?,
                "go{version} {kind:?}"
            );
        }
    }
    Ok(())
}

/// Replaces all occurrences of some bytes by as many others.
fn replaced(mut file: Vec<u8>, from: &[u8], to: &[u8]) -> Result<Vec<u8>> {
    assert_eq!(from.len(), to.len());
    let places: Vec<_> = (0..=file.len() - from.len())
        .filter(|at| file[*at..].starts_with(from))
        .collect();
    ensure!(!places.is_empty(), "nothing to replace");
    for at in places {
        file[at..at + to.len()].copy_from_slice(to);
    }
    Ok(file)
}

#[test]
fn a_version_to_come_is_read_and_said_to_be_unknown() -> Result<()> {
    for kind in [Kind::Plain, Kind::Stripped] {
        let Some(go) = Go::of("1.27.3")? else {
            return Ok(());
        };
        let file = fs::read(go.build(kind)?)?;
        let later = open(replaced(file.clone(), b"go1.27.3", b"go1.39.3")?)?;
        let today = open(file)?;
        ensure!(
            later
                .go_version()
                .is_some_and(|version| version.minor == 39)
        );
        ensure!(contents(&later)?.1.len() == contents(&today)?.1.len());
        let layout = later.g_layout();
        if kind == Kind::Plain {
            ensure!(later.degraded().len() == 1, "{:?}", later.degraded());
            ensure!(layout == today.g_layout());
        } else {
            ensure!(later.degraded().len() == 2, "{:?}", later.degraded());
            ensure!(layout.source == LayoutSource::Unknown && layout.goid.is_none());
            ensure!((layout.stack_hi, layout.sched_sp) == (8, 56));
        }
    }
    Ok(())
}

#[test]
fn an_unknown_form_of_table_is_refused_by_its_magic() -> Result<()> {
    let Some(go) = Go::of("1.27.3")? else {
        return Ok(());
    };
    let file = fs::read(go.build(Kind::Stripped)?)?;
    let changed = replaced(
        file,
        b"\xf1\xff\xff\xff\0\0\x01\x08",
        b"\xf5\xff\xff\xff\0\0\x01\x08",
    )?;
    let error = open(changed.clone()).map(|_| ()).expect_err("it was read");
    ensure!(
        matches!(error, AnalyzeError::Pclntab { magic: 0xffff_fff5 }),
        "{error:?}"
    );
    ensure!(error.found().contains("0xfffffff5"), "{}", error.found());
    let error = open(without_sections(changed))
        .map(|_| ())
        .expect_err("it was read");
    ensure!(
        error.found() == "build info of go1.27.3, no .gopclntab",
        "{}",
        error.found()
    );
    Ok(())
}

#[test]
fn a_program_of_another_language_is_not_go() -> Result<()> {
    let error = open(fs::read("/proc/self/exe")?)
        .map(|_| ())
        .expect_err("it was read");
    ensure!(matches!(error, AnalyzeError::NotGo { .. }), "{error:?}");
    ensure!(
        error.found() == "no .go.buildinfo, no .gopclntab",
        "{}",
        error.found()
    );
    Ok(())
}
