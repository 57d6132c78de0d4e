//! Real programs with random damage where it hurts.

use std::{fs, ops::Range, sync::Arc};

use anyhow::Result;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    exercise::exercise,
    go_build::{Go, Kind},
    patched::Patched,
};

const CASES: u32 = 128;

/// A change somewhere in a region: which one, how far into it, and what is written.
type Damage = (usize, f64, Vec<u8>);

fn damage() -> impl Strategy<Value = Damage> {
    let word = prop_oneof![
        Just(0),
        Just(1),
        Just(u64::MAX),
        Just(u64::from(u32::MAX)),
        Just(1 << 31),
        Just(1 << 63),
        any::<u64>(),
        0..1_u64 << 24,
    ];
    let bytes = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        word.clone()
            .prop_map(|word| (word as u32).to_le_bytes().to_vec()),
        word.prop_map(|word| word.to_le_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 1..64),
    ];
    (any::<usize>(), 0.0..1.0, bytes)
}

fn check(version: &str, kind: Kind) -> Result<()> {
    let Some(go) = Go::of(version)? else {
        return Ok(());
    };
    let original: Arc<[u8]> = fs::read(go.build(kind)?)?.into();
    let whole = exercise(Patched::new(&original))?;
    assert!(
        whole.functions > 1000 && whole.frames > 400 && whole.degraded == 0,
        "{whole:?}"
    );
    let regions = regions(&original);
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (
        proptest::collection::vec(damage(), 1..8),
        proptest::option::weighted(0.1, 0.0..1.0),
    );
    runner.run(&strategy, |(damages, cut)| {
        let mut file = Patched::new(&original);
        for (region, past, bytes) in damages {
            let region = &regions[region % regions.len()];
            let past = (region.end - region.start) as f64 * past;
            file = file.with((region.start + past as usize) as u64, bytes);
        }
        if let Some(cut) = cut {
            file = file.sized((original.len() as f64 * cut) as u64);
        }
        let _either = exercise(file);
        Ok(())
    })?;
    Ok(())
}

/// Returns the parts of the file that are worth damaging: headers, and the tables behind known bytes.
fn regions(file: &[u8]) -> Vec<Range<usize>> {
    let sections = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
    let mut regions = vec![
        0..64,
        64..64 + 56 * 12,
        sections..file.len().min(sections + 64 * 40),
    ];
    if let Some(table) = find(file, b"\xf1\xff\xff\xff\0\0\x01\x08") {
        let word = |at: usize| u64::from_le_bytes(file[table + at..][..8].try_into().unwrap());
        regions.push(table..table + 72);
        for part in [32, 40, 48, 56, 64] {
            let start = table + word(part) as usize;
            regions.push(start..(start + (1 << 16)).min(file.len()));
        }
        // Behind the functab come the records of functions and, since Go 1.26, the inline trees.
        let records = table + (word(64) + 8 * word(8)) as usize;
        regions.push(records..(records + (1 << 19)).min(file.len()));
    }
    let found = [&b"\xff Go buildinf:"[..], b".gopclntab\0", b"Go\0\0"];
    regions.extend(
        found
            .iter()
            .filter_map(|bytes| find(file, bytes))
            .map(|at| at..at + 256),
    );
    regions.push(0..file.len());
    regions
}

fn find(file: &[u8], bytes: &[u8]) -> Option<usize> {
    file.windows(bytes.len()).position(|window| window == bytes)
}

macro_rules! damaged {
    ($($name:ident: $version:expr, $kind:expr;)*) => {$(
        #[test]
        fn $name() -> Result<()> {
            check($version, $kind)
        }
    )*};
}
damaged! {
    a_damaged_plain_program_is_survived: "1.21.13", Kind::Plain;
    a_damaged_trimmed_program_is_survived: "1.23.12", Kind::Trimpath;
    a_damaged_cgo_pie_is_survived: "1.24.11", Kind::CgoPie;
    a_damaged_stripped_pie_is_survived: "1.25.5", Kind::StrippedPie;
    a_damaged_pie_is_survived: "1.26", Kind::Pie;
    a_damaged_stripped_program_is_survived: "1.27.3", Kind::Stripped;
    a_damaged_cgo_program_is_survived: "1.27.3", Kind::Cgo;
    a_damaged_race_program_is_survived: "1.27.3", Kind::Race;
    a_damaged_race_program_of_gos_linker_is_survived: "1.27.3", Kind::RaceInternal;
    a_damaged_unoptimized_program_is_survived: "1.27.3", Kind::Unoptimized;
}
