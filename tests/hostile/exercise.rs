//! Calls everything that the analyzer offers on one file.

use std::time::{Duration, Instant};

use probe_user::{
    address::VirtAddr,
    analyze::{AnalyzeError, GoBinary, ReadAt},
};

use crate::allocation::peak_of;

/// The analyzer's cache of blocks (16 MiB), its window on DWARF, and the largest bitmap of text (16 MiB).
const MAX_MEMORY: usize = 48 << 20;
/// In a build without optimization on a busy machine.
const MAX_TIME: Duration = Duration::from_secs(10);

const NAMES: &[&str] = &["runtime.newproc1", "runtime.mallocgc", "main.main", ""];

/// Analyzes a file in every way; fails if that takes too long or too much memory.
pub(crate) fn exercise(file: impl ReadAt + 'static) -> Result<Seen, AnalyzeError> {
    let start = Instant::now();
    let (result, peak) = peak_of(|| GoBinary::open(Box::new(file)).map(|binary| look(&binary)));
    let took = start.elapsed();
    assert!(took < MAX_TIME, "it took {took:?}");
    assert!(peak < MAX_MEMORY, "it took {peak} bytes");
    if let Err(error) = &result {
        assert!(!error.found().is_empty() && error.found().len() < 1 << 12);
    }
    result
}

/// What was seen, for the tests that expect something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) functions: usize,
    pub(crate) frames: usize,
    pub(crate) degraded: usize,
}

fn look(binary: &GoBinary) -> Seen {
    let mut seen = Seen {
        degraded: binary.degraded().len(),
        ..Seen::default()
    };
    let _all = binary.each_function(|function| {
        seen.functions += 1;
        assert!(function.name.len() <= 3 << 16);
        seen.functions < 100_000
    });
    for function in binary.find_functions(NAMES).into_values().flatten() {
        let _partial = binary.code(&function);
        let _maybe = binary.file_offset(function.entry);
    }
    let _maybe = binary.user_text();
    let text = binary.text();
    let step = ((text.end.0 - text.start.0) / 500).max(1);
    for pc in (text.start.0..text.end.0).step_by(step as usize) {
        let frames = binary.frames_at(VirtAddr(pc));
        assert!(frames.iter().rev().skip(1).all(|frame| frame.inlined));
        assert!(frames.last().is_none_or(|frame| !frame.inlined));
        seen.frames += frames.len();
        for frame in &frames {
            let _origin = binary.origin(frame);
        }
        let _maybe = binary.function_at(VirtAddr(pc));
    }
    let _layouts = (binary.g_layout(), binary.runtime_layout());
    let _globals = binary.runtime_globals();
    let _facts = (
        binary.kind(),
        binary.build_id(),
        binary.go_version(),
        binary.exec_segments(),
    );
    seen
}
