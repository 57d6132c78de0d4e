//! Files that exploit one weakness of a parser each.

use std::{io::Write as _, sync::Arc};

use anyhow::Result;
use probe_user::{
    address::VirtAddr,
    analyze::{AnalyzeError, Frame, GoBinary},
};

use crate::{
    exercise::exercise,
    patched::Patched,
    synthetic::{PCLNTAB, Program, pc_values},
};

fn frames(program: &Program) -> Vec<Frame> {
    let binary = GoBinary::open(Box::new(program.file())).unwrap();
    exercise(program.file()).unwrap();
    binary.frames_at(VirtAddr(binary.text().start.0 + 0x20))
}

fn frame(function: &str, line: u32, inlined: bool) -> Frame {
    Frame {
        function: function.into(),
        file: "/src/main.go".into(),
        line,
        inlined,
    }
}

#[test]
fn a_sound_program_is_understood() {
    let program = Program {
        values: [
            pc_values(&[(0, 0x100)]),
            pc_values(&[(7, 0x10), (20, 0x20), (8, 0xd0)]),
            pc_values(&[(-1, 0x10), (0, 0x20), (-1, 0xd0)]),
        ],
        inline_tree: vec![(10, 0x80)],
        ..Program::default()
    };
    assert_eq!(
        frames(&program),
        [
            frame("main.inlined", 20, true),
            frame("main.main", 8, false)
        ]
    );
    let seen = exercise(program.file()).unwrap();
    // There is no scheduler in it, and the version is one whose layout is known.
    assert_eq!(seen.degraded, 1);
}

#[test]
fn an_inlined_call_that_is_its_own_parent_gives_the_function_alone() {
    for tree in [vec![(10, 0x20)], vec![(10, 0x21), (10, 0x20)]] {
        let program = Program {
            values: [
                pc_values(&[(0, 0x100)]),
                pc_values(&[(7, 0x100)]),
                pc_values(&[(0, 0x21), (1, 0x1), (0, 0xde)]),
            ],
            inline_tree: tree,
            ..Program::default()
        };
        assert_eq!(frames(&program), [frame("main.main", 7, false)]);
    }
}

#[test]
fn inline_parents_outside_of_the_function_give_the_function_alone() {
    for parent in [i32::MIN, i32::MAX, -1, 0x100] {
        let program = Program {
            values: [
                pc_values(&[(0, 0x100)]),
                pc_values(&[(7, 0x100)]),
                pc_values(&[(0, 0x100)]),
            ],
            inline_tree: vec![(10, parent)],
            ..Program::default()
        };
        assert_eq!(frames(&program), [frame("main.main", 7, false)]);
    }
}

#[test]
fn pc_tables_that_make_no_step_say_nothing() {
    let still = [[2, 0].repeat(1 << 20), vec![0]].concat();
    let program = Program {
        values: [pc_values(&[(0, 0x100)]), still.clone(), still],
        ..Program::default()
    };
    assert_eq!(
        frames(&program),
        [Frame {
            file: "?".into(),
            line: 0,
            ..frame("main.main", 0, false)
        }]
    );
}

#[test]
fn pc_tables_of_endless_small_steps_are_given_up() {
    let long = [vec![2, 1], [1, 1, 2, 1].repeat(1 << 20), vec![0]].concat();
    let program = Program {
        values: [long.clone(), long.clone(), long],
        inline_tree: vec![(10, 0xff); 64],
        ..Program::default()
    };
    frames(&program);
}

#[test]
fn names_of_a_megabyte_are_cut_and_bad_utf8_is_replaced() {
    let program = Program {
        names: vec![b'x'; 1 << 20],
        files: [&[b'/', 0xff, 0xfe][..], &vec![b'y'; 1 << 20]].concat(),
        ..Program::default()
    };
    let frames = frames(&program);
    assert_eq!(frames[0].function.len(), 1 << 16);
    assert!(frames[0].file.starts_with("/\u{fffd}\u{fffd}yyy"));
}

#[test]
fn build_info_that_lies_about_lengths_is_ignored() {
    for build_info in [
        vec![0xff; 64],
        vec![0xff, 0xff, 0xff, 0xff, 0x0f],
        // A version that is the build info itself, over and over.
        b"\x30\xff Go buildinf:\x08\x02".repeat(1000),
        [&[8][..], b"go1.21.0", &[0xff, 0xff, 0xff, 0x7f]].concat(),
        Vec::new(),
    ] {
        let program = Program {
            build_info,
            ..Program::default()
        };
        let binary = GoBinary::open(Box::new(program.file())).unwrap();
        assert!(binary.build_info().go_version.len() < 1 << 10);
        assert_eq!(binary.build_info().deps.len(), 0);
        exercise(program.file()).unwrap();
    }
}

#[test]
fn a_sparse_terabyte_is_not_searched_to_its_end() {
    let file = Arc::from(Program::default().file());
    let size = (1_u64 << 40).to_le_bytes();
    let whole = |file: Patched| file.with(64 + 32, size).with(64 + 40, size).sized(1 << 40);
    let seen = exercise(whole(Patched::new(&file))).unwrap();
    assert_eq!(seen.functions, 1);
    // Without its tables all of it could be searched for them.
    let bare = Patched::new(&file).with(PCLNTAB as u64, [0; 8]);
    assert!(exercise(whole(bare)).is_err());
}

#[test]
fn counts_of_headers_are_not_believed() {
    let file = Arc::from(Program::default().file());
    let original = exercise(Patched::new(&file)).unwrap();
    // PN_XNUM without a section that holds the number.
    assert!(exercise(Patched::new(&file).with(56, [0xff, 0xff])).is_err());
    // Section headers at the end of the file, at the end of everything, and over the ELF header.
    for at in [file.len() as u64, u64::MAX, u64::MAX - 63, 0, 1] {
        for count in [[0, 0], [0xff, 0xff]] {
            let file = Patched::new(&file)
                .with(40, at.to_le_bytes())
                .with(60, count)
                .with(62, [0xff, 0xff]);
            assert_eq!(exercise(file).unwrap(), original);
        }
    }
}

#[test]
fn section_sizes_are_cut_to_the_file() {
    let mut bytes = Program::default().file();
    let at = bytes.len() as u64;
    // Section 0 with the count, section 1 with the names, section 2 named `.gopclntab` with a size of 2⁶⁴−1.
    let mut sections = vec![0; 3 * 64];
    sections[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    sections[64 + 4] = 3;
    sections[64 + 24..][..8].copy_from_slice(&(at + 192).to_le_bytes());
    sections[64 + 32..][..8].fill(0xff);
    sections[128] = 1;
    sections[128 + 4] = 1;
    sections[128 + 24..][..8].copy_from_slice(&(PCLNTAB as u64).to_le_bytes());
    sections[128 + 16..][..8].copy_from_slice(&(0x40_0000 + PCLNTAB as u64).to_le_bytes());
    sections[128 + 32..][..8].fill(0xff);
    bytes.extend(sections);
    bytes.extend(b"\0.gopclntab\0");
    let file = Patched::new(&bytes.into())
        .with(40, at.to_le_bytes())
        .with(62, [1, 0]);
    assert_eq!(exercise(file).unwrap().functions, 1);
}

#[test]
fn a_zlib_bomb_for_debug_information_is_not_inflated_whole() -> Result<()> {
    let mut bytes = Program {
        build_info: [&[8][..], b"go1.99.0", &[0]].concat(),
        ..Program::default()
    }
    .file();
    let bomb = bomb(1 << 30)?;
    let at = bytes.len() as u64;
    bytes.extend(&bomb);
    let names = b"\0.debug_info\0.debug_abbrev\0";
    let names_at = bytes.len() as u64;
    bytes.extend(names);
    let headers_at = bytes.len() as u64;
    let section = |name: u32, offset: u64, size: u64| {
        let mut header = vec![0; 64];
        header[..4].copy_from_slice(&name.to_le_bytes());
        header[4] = 1;
        header[8..16].copy_from_slice(&0x800_u64.to_le_bytes());
        header[24..32].copy_from_slice(&offset.to_le_bytes());
        header[32..40].copy_from_slice(&size.to_le_bytes());
        header
    };
    bytes.extend(section(0, names_at, names.len() as u64));
    bytes.extend(section(1, at, bomb.len() as u64));
    bytes.extend(section(13, at, bomb.len() as u64));
    let file = Patched::new(&bytes.into())
        .with(40, headers_at.to_le_bytes())
        .with(60, [3, 0]);
    let seen = exercise(file)?;
    assert_eq!(
        seen.degraded, 3,
        "version, scheduler and layout are unknown"
    );
    Ok(())
}

/// A compressed section of `size` bytes that look like one unit without an end.
fn bomb(size: u64) -> Result<Vec<u8>> {
    let mut section = [1_u64.to_le_bytes(), size.to_le_bytes(), 1_u64.to_le_bytes()].concat();
    let mut encoder = flate2::write::ZlibEncoder::new(&mut section, flate2::Compression::fast());
    encoder.write_all(&[0xef, 0xff, 0xff, 0xff, 4, 0])?;
    for _ in 0..size >> 20 {
        encoder.write_all(&vec![b'r'; 1 << 20])?;
    }
    encoder.finish()?;
    Ok(section)
}

#[test]
fn files_that_are_no_programs_are_told_apart() {
    let elf = Arc::from(Program::default().file());
    let patched =
        |offset, bytes: &[u8]| exercise(Patched::new(&elf).with(offset, bytes)).unwrap_err();
    assert!(matches!(
        exercise(Vec::new()),
        Err(AnalyzeError::NotGo { .. })
    ));
    assert!(matches!(
        exercise(b"#!/bin/sh\n".to_vec()),
        Err(AnalyzeError::NotGo { .. })
    ));
    assert!(matches!(patched(16, &[1]), AnalyzeError::NotGo { .. }));
    for (offset, bytes, found) in [
        (
            4,
            &[1][..],
            "32-bit little-endian ELF, e_machine 62 (x86-64)",
        ),
        (5, &[2], "64-bit big-endian ELF, e_machine 15872"),
        (
            18,
            &[183, 0],
            "64-bit little-endian ELF, e_machine 183 (arm64)",
        ),
    ] {
        let error = patched(offset, bytes);
        assert!(
            matches!(error, AnalyzeError::Architecture { .. }),
            "{error:?}"
        );
        assert_eq!(error.found(), found);
    }
    let packed = patched(64 + 32, &[0; 8]);
    assert!(
        matches!(packed, AnalyzeError::NoFileText { .. }),
        "{packed:?}"
    );
    let build_info = elf
        .windows(8)
        .position(|window| window == b"\xff Go bui")
        .unwrap();
    let bare = Patched::new(&elf)
        .with(PCLNTAB as u64, [0; 8])
        .with(build_info as u64, [0; 8]);
    let other = exercise(bare.clone()).unwrap_err();
    assert_eq!(other.found(), "no .go.buildinfo, no .gopclntab");
    let packed = exercise(bare.with(0x7c, *b"UPX!")).unwrap_err();
    assert_eq!(packed.found(), "no .gopclntab, and the mark of UPX");
    let truncated = exercise(elf[..100].to_vec());
    assert!(
        matches!(truncated, Err(AnalyzeError::Read(_))),
        "{truncated:?}"
    );
    let unnamed = exercise(Patched::new(&elf).with(PCLNTAB as u64, [0xf5])).unwrap_err();
    assert_eq!(unnamed.found(), "build info of go1.21.0, no .gopclntab");
}
