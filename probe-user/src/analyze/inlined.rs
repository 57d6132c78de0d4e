//! Where a function was inlined into the user's own.

use std::{collections::HashMap, io, ops::Range};

use super::{
    Function,
    functions::{Functions, Record},
    origin::OriginRules,
    user_text::FileOrigins,
};
use crate::address::VirtAddr;

/// Functions that are returned at most.
const MAX_FUNCTIONS: usize = 1024;

/// A function into which another one was inlined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlinedCopies {
    pub function: Function,
    /// Addresses of the code that came with the callee, without what was inlined into it in turn.
    pub ranges: Vec<Range<VirtAddr>>,
}

/// Returns every function of the user's with a copy of `callee`; wrappers that the user's code was inlined into,
/// `F-fm` for a method value, are the user's too.
pub(super) fn copies(
    functions: &mut Functions<'_>,
    rules: &OriginRules,
    callee: &str,
) -> io::Result<Vec<InlinedCopies>> {
    let mut names = Names {
        callee,
        known: HashMap::new(),
    };
    let mut origins = FileOrigins::new(rules);
    let mut found = Vec::new();
    functions.each(|functions, row| {
        let record = functions.record(row)?;
        let ranges = ranges(functions, &record, &mut names)?;
        if !ranges.is_empty() && origins.is_users(functions, row)? {
            let function = super::function(functions.name(record.name)?, row);
            found.push(InlinedCopies { function, ranges });
        }
        Ok(found.len() < MAX_FUNCTIONS)
    })?;
    Ok(found)
}

/// Whether a name, by its place in the table of names, is that of the callee: each is read once.
struct Names<'a> {
    callee: &'a str,
    known: HashMap<u32, bool>,
}

impl Names<'_> {
    fn is_callee(&mut self, functions: &mut Functions<'_>, name: u32) -> io::Result<bool> {
        if let Some(known) = self.known.get(&name) {
            return Ok(*known);
        }
        let mut text = Vec::new();
        functions.name_into(name, self.callee.len().saturating_add(1), &mut text)?;
        let is_callee = text == self.callee.as_bytes();
        self.known.insert(name, is_callee);
        Ok(is_callee)
    }
}

/// The addresses whose innermost call is the callee.
fn ranges(
    functions: &mut Functions<'_>,
    record: &Record,
    names: &mut Names<'_>,
) -> io::Result<Vec<Range<VirtAddr>>> {
    let steps = functions.inline_steps(record)?;
    let mut ranges = Vec::new();
    let mut callees: HashMap<i32, bool> = HashMap::new();
    for (start, end, index) in steps {
        let is_callee = if let Some(known) = callees.get(&index) {
            *known
        } else {
            let call = functions.inlined_call(record, index)?;
            let known = match call {
                Some(call) => names.is_callee(functions, call.name)?,
                None => false,
            };
            callees.insert(index, known);
            known
        };
        if is_callee {
            ranges.push(VirtAddr(start)..VirtAddr(end));
        }
    }
    Ok(ranges)
}
