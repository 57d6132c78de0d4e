//! An instruction address to the chain of calls at it, inlined ones expanded, as the runtime does it
//! (src/runtime/symtabinl.go `inlineUnwinder`), and to the file that a whole function belongs to.

use std::io;

use super::functions::{Functions, Record, Row};

/// Calls inlined into each other at one instruction; the deepest of real programs are below 50.
const MAX_INLINED: usize = 512;

/// Source files of one function; a package's `init` may have dozens.
const MAX_FILES: usize = 64;

/// One call at an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    /// As Go's linker keeps it; of generic functions the shape.
    pub function: String,
    /// `?` where the tables do not say.
    pub file: String,
    /// Counted from 1; 0 where the tables do not say.
    pub line: u32,
    /// Whether the call was inlined into the next frame's function.
    pub inlined: bool,
}

/// Returns the frames at `pc` in the function of `row`, innermost first.
pub(super) fn frames(functions: &mut Functions<'_>, row: Row, pc: u64) -> io::Result<Vec<Frame>> {
    let record = functions.record(row)?;
    let mut frames = Vec::new();
    let mut at = pc;
    // An inline tree that goes in circles is broken: then only the function itself is known.
    for _ in 0..MAX_INLINED {
        let call = inlined_at(functions, &record, at)?;
        let name = call.map_or(record.name, |call| call.name);
        frames.push(frame(functions, &record, name, at, call.is_some())?);
        let Some(call) = call else { return Ok(frames) };
        at = call.parent;
    }
    Ok(vec![frame(functions, &record, record.name, pc, false)?])
}

/// Returns where in the file table the source file of the function of `row` is.
///
/// The first instruction of a small function may belong to a call that was inlined there, so this goes up
/// to the function's own frame.
pub(super) fn own_file(functions: &mut Functions<'_>, row: Row) -> io::Result<Option<u32>> {
    let record = functions.record(row)?;
    let mut at = row.entry;
    for _ in 0..MAX_INLINED {
        let Some(call) = inlined_at(functions, &record, at)? else {
            break;
        };
        at = call.parent;
    }
    let number = functions
        .value(&record, record.file_values, at)?
        .unwrap_or(-1);
    functions.file_offset(&record, number)
}

/// Returns where in the file table all source files of the function of `row` are, inlined calls included.
pub(super) fn all_files(functions: &mut Functions<'_>, row: Row) -> io::Result<Vec<u32>> {
    let record = functions.record(row)?;
    let mut numbers = Vec::new();
    functions.each_value(&record, record.file_values, |_, number| {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
        numbers.len() < MAX_FILES
    })?;
    let mut files = Vec::new();
    for number in numbers {
        files.extend(functions.file_offset(&record, number)?);
    }
    Ok(files)
}

fn inlined_at(
    functions: &mut Functions<'_>,
    record: &Record,
    pc: u64,
) -> io::Result<Option<super::functions::InlinedCall>> {
    let index = functions.inline_index(record, pc)?;
    functions.inlined_call(record, index)
}

fn frame(
    functions: &mut Functions<'_>,
    record: &Record,
    name: u32,
    pc: u64,
    inlined: bool,
) -> io::Result<Frame> {
    let number = functions
        .value(record, record.file_values, pc)?
        .unwrap_or(-1);
    let line = functions
        .value(record, record.line_values, pc)?
        .unwrap_or(-1);
    let (file, line) = match (functions.file_offset(record, number)?, u32::try_from(line)) {
        (Some(offset), Ok(line)) => (functions.file(offset)?, line),
        _ => ("?".into(), 0),
    };
    Ok(Frame {
        function: functions.name(name)?,
        file,
        line,
        inlined,
    })
}
