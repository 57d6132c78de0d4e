//! The profile's shared tables: every string, function and location is written once.

use std::{collections::HashMap, mem};

use super::proto::{Function, Line, Location, Mapping};
use crate::{
    render::names,
    report::{StackFrame, TargetInfo},
};

/// The only mapping; locations name it because `go tool pprof` reports the binary by it.
const MAPPING_ID: u64 = 1;

#[derive(Debug)]
pub(super) struct Tables {
    strings: Vec<String>,
    string_ids: HashMap<String, i64>,
    functions: Vec<Function>,
    function_ids: HashMap<(i64, i64), u64>,
    locations: Vec<Location>,
    location_ids: HashMap<Vec<Line>, u64>,
    mapping: Mapping,
}

impl Tables {
    pub(super) fn new(target: &TargetInfo) -> Self {
        let mut tables = Self {
            strings: Vec::new(),
            string_ids: HashMap::new(),
            functions: Vec::new(),
            function_ids: HashMap::new(),
            locations: Vec::new(),
            location_ids: HashMap::new(),
            mapping: Mapping::default(),
        };
        tables.text("");
        tables.mapping = Mapping {
            id: MAPPING_ID,
            filename: tables.name(&target.exe),
            build_id: target.build_id.as_deref().map_or(0, |id| tables.name(id)),
            has_functions: true,
            has_filenames: true,
            has_line_numbers: true,
            has_inline_frames: true,
        };
        tables
    }

    /// Returns the index of a text of rtprobe's own.
    pub(super) fn text(&mut self, text: &str) -> i64 {
        if let Some(&id) = self.string_ids.get(text) {
            return id;
        }
        let id = self.strings.len() as i64;
        self.strings.push(text.to_owned());
        self.string_ids.insert(text.to_owned(), id);
        id
    }

    /// Returns the index of a name from the target, made inert.
    pub(super) fn name(&mut self, name: &str) -> i64 {
        self.text(&names::inert(name))
    }

    /// Returns the location of `frames`, innermost first, all but the last of them inlined.
    pub(super) fn location(&mut self, frames: &[StackFrame]) -> u64 {
        let line: Vec<_> = frames.iter().map(|frame| self.line(frame)).collect();
        if let Some(&id) = self.location_ids.get(&line) {
            return id;
        }
        let id = self.locations.len() as u64 + 1;
        self.locations.push(Location {
            id,
            mapping_id: MAPPING_ID,
            line: line.clone(),
        });
        self.location_ids.insert(line, id);
        id
    }

    fn line(&mut self, frame: &StackFrame) -> Line {
        let (name, filename) = (self.name(&frame.function), self.name(&frame.file));
        let next_id = self.functions.len() as u64 + 1;
        let function_id = *self.function_ids.entry((name, filename)).or_insert(next_id);
        if function_id == next_id {
            self.functions.push(Function {
                id: next_id,
                name,
                system_name: name,
                filename,
            });
        }
        Line {
            function_id,
            line: frame.line.into(),
        }
    }

    pub(super) const fn mapping(&self) -> Mapping {
        self.mapping
    }

    pub(super) fn take_locations(&mut self) -> Vec<Location> {
        mem::take(&mut self.locations)
    }

    pub(super) fn take_functions(&mut self) -> Vec<Function> {
        mem::take(&mut self.functions)
    }

    pub(super) fn into_strings(self) -> Vec<String> {
        self.strings
    }
}
