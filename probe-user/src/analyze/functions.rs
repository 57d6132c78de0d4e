//! Reads of single entries of Go's tables: functions, names, files, pc-value tables, function data.

use std::io;

use super::{moduledata::Moduledata, pclntab::Pclntab, reader::Reader, source::Source};

/// `internal/abi.PCDATA_InlTreeIndex`.
const PCDATA_INLINE_INDEX: u32 = 2;
/// `internal/abi.FUNCDATA_InlTree`.
const FUNCDATA_INLINE_TREE: u8 = 3;
/// Changes of the innermost inlined call within one function; the largest generated ones have some 10⁴.
const MAX_INLINE_STEPS: usize = 1 << 17;
/// Size of the fixed part of `runtime._func`.
const RECORD_SIZE: u64 = 44;
/// No name that a compiler makes comes near; hostile ones are cut here.
const MAX_NAME: usize = 1 << 16;
/// Steps of pc-value tables that one look-up may take, besides a few for each function in a pass: every
/// inlined call restarts them at the function's entry, and the largest generated functions have some 10⁵.
const STEPS: u64 = 1 << 24;

/// One row of the functab.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) entry: u64,
    pub(super) end: u64,
    /// File offset of the `runtime._func`.
    record: u64,
}

/// The fields of `runtime._func` that are used, from Go 1.21 to 1.27 at the same offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    at: u64,
    entry: u64,
    end: u64,
    pub(super) name: u32,
    /// Table of the bytes between `rsp` and the return address.
    pub(super) depth_values: u32,
    pub(super) file_values: u32,
    pub(super) line_values: u32,
    n_values: u32,
    unit: u32,
    n_data: u8,
}

/// A record of the inline tree: a call that the compiler replaced by the callee's body.
#[derive(Clone, Copy, Debug)]
pub(super) struct InlinedCall {
    pub(super) name: u32,
    pub(super) parent: u64,
}

/// The tables of one file, each with a reader of its own, so that a pass stays in one block of each.
pub(super) struct Functions<'a> {
    pclntab: &'a Pclntab,
    module: &'a Moduledata,
    functab: Reader<'a>,
    records: Reader<'a>,
    names: Reader<'a>,
    values: Reader<'a>,
    units: Reader<'a>,
    files: Reader<'a>,
    data: Reader<'a>,
    locate: &'a dyn Fn(u64) -> Option<u64>,
    steps: u64,
}

impl<'a> Functions<'a> {
    pub(super) fn new(
        source: &'a Source,
        pclntab: &'a Pclntab,
        module: &'a Moduledata,
        locate: &'a dyn Fn(u64) -> Option<u64>,
    ) -> Self {
        let reader = || source.reader_over(pclntab.len());
        Self {
            pclntab,
            module,
            functab: reader(),
            records: reader(),
            names: reader(),
            values: reader(),
            units: reader(),
            files: reader(),
            data: reader(),
            locate,
            steps: STEPS.saturating_add(pclntab.n_functions.saturating_mul(16)),
        }
    }

    /// Visits every function in address order until `visit` returns false or the table stops making sense.
    pub(super) fn each(
        &mut self,
        mut visit: impl FnMut(&mut Self, Row) -> io::Result<bool>,
    ) -> io::Result<()> {
        for index in 0..self.pclntab.n_functions {
            match self.row(index)? {
                // The race detector's objects, as Go itself links them, begin where the text does, and so does their
                // first function.
                Some(row) if row.entry == row.end => {}
                Some(row) => {
                    if !visit(self, row)? {
                        return Ok(());
                    }
                }
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Returns the function that `pc` lies in.
    pub(super) fn at(&mut self, pc: u64) -> io::Result<Option<Row>> {
        let Some(offset) = pc.checked_sub(self.module.text) else {
            return Ok(None);
        };
        let (mut low, mut high) = (0, self.pclntab.n_functions);
        while low < high {
            let middle = low.midpoint(high);
            if u64::from(self.functab.u32(self.functab_at(middle))?) <= offset {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        let Some(index) = low.checked_sub(1) else {
            return Ok(None);
        };
        Ok(self
            .row(index)?
            .filter(|row| (row.entry..row.end).contains(&pc)))
    }

    /// Reads a row; `None` if it leaves the text, or the next one begins before it.
    fn row(&mut self, index: u64) -> io::Result<Option<Row>> {
        let at = self.functab_at(index);
        let entry = self.functab.u32(at)?;
        let record = self.functab.u32(at.saturating_add(4))?;
        let end = self.functab.u32(at.saturating_add(8))?;
        let row = Row {
            entry: self.module.text.saturating_add(entry.into()),
            end: self.module.text.saturating_add(end.into()),
            record: self.pclntab.functab.saturating_add(record.into()),
        };
        Ok(Some(row).filter(|row| row.entry <= row.end && row.end <= self.module.etext))
    }

    fn functab_at(&self, index: u64) -> u64 {
        self.pclntab.functab.saturating_add(index.saturating_mul(8))
    }

    pub(super) fn record(&mut self, row: Row) -> io::Result<Record> {
        let bytes: [u8; RECORD_SIZE as usize] = self.records.array(row.record)?;
        let (fields, _) = bytes.as_chunks::<4>();
        let field = |index: usize| {
            fields
                .get(index)
                .map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        Ok(Record {
            at: row.record,
            entry: row.entry,
            end: row.end,
            name: field(1),
            depth_values: field(4),
            file_values: field(5),
            line_values: field(6),
            n_values: field(7),
            unit: field(8),
            n_data: bytes.last().copied().unwrap_or_default(),
        })
    }

    /// Reads up to `limit` bytes of the name at an offset of the name table into `name`.
    pub(super) fn name_into(
        &mut self,
        offset: u32,
        limit: usize,
        name: &mut Vec<u8>,
    ) -> io::Result<()> {
        name.clear();
        let at = self.pclntab.names.saturating_add(offset.into());
        self.names.c_string(at, self.pclntab.units, limit, name)
    }

    pub(super) fn name(&mut self, offset: u32) -> io::Result<String> {
        let mut name = Vec::new();
        self.name_into(offset, MAX_NAME, &mut name)?;
        Ok(lossy(name))
    }

    /// Returns where in the file table the name of the file is, given its number within the function's unit.
    pub(super) fn file_offset(&mut self, record: &Record, number: i32) -> io::Result<Option<u32>> {
        let Ok(number) = u32::try_from(number) else {
            return Ok(None);
        };
        let at = u64::from(record.unit)
            .saturating_add(number.into())
            .saturating_mul(4)
            .saturating_add(self.pclntab.units);
        if at >= self.pclntab.files {
            return Ok(None);
        }
        self.units
            .u32(at)
            .map(|offset| Some(offset).filter(|offset| *offset != u32::MAX))
    }

    pub(super) fn file(&mut self, offset: u32) -> io::Result<String> {
        let mut name = Vec::new();
        let at = self.pclntab.files.saturating_add(offset.into());
        self.files
            .c_string(at, self.pclntab.values, MAX_NAME, &mut name)?;
        Ok(lossy(name))
    }

    /// Returns the index into the inline tree at `pc`, or −1.
    pub(super) fn inline_index(&mut self, record: &Record, pc: u64) -> io::Result<i32> {
        let Some(table) = self.inline_table(record)? else {
            return Ok(-1);
        };
        Ok(self.value(record, table, pc)?.unwrap_or(-1))
    }

    /// Returns the inlined parts of a function: from, to, and the index into the inline tree.
    pub(super) fn inline_steps(&mut self, record: &Record) -> io::Result<Vec<(u64, u64, i32)>> {
        let mut steps = Vec::new();
        let Some(table) = self.inline_table(record)? else {
            return Ok(steps);
        };
        let mut start = record.entry;
        self.each_value(record, table, |end, index| {
            if index >= 0 {
                steps.push((start, end, index));
            }
            start = end;
            steps.len() < MAX_INLINE_STEPS
        })?;
        Ok(steps)
    }

    fn inline_table(&mut self, record: &Record) -> io::Result<Option<u32>> {
        if record.n_values <= PCDATA_INLINE_INDEX {
            return Ok(None);
        }
        let at = record
            .at
            .saturating_add(RECORD_SIZE)
            .saturating_add(u64::from(PCDATA_INLINE_INDEX).saturating_mul(4));
        self.records.u32(at).map(Some)
    }

    pub(super) fn inlined_call(
        &mut self,
        record: &Record,
        index: i32,
    ) -> io::Result<Option<InlinedCall>> {
        let (Some(gofunc), Ok(index)) = (self.module.gofunc, u64::try_from(index)) else {
            return Ok(None);
        };
        if record.n_data <= FUNCDATA_INLINE_TREE {
            return Ok(None);
        }
        let at = u64::from(record.n_values)
            .saturating_add(FUNCDATA_INLINE_TREE.into())
            .saturating_mul(4)
            .saturating_add(RECORD_SIZE)
            .saturating_add(record.at);
        let offset = self.records.u32(at)?;
        if offset == u32::MAX {
            return Ok(None);
        }
        // {u8 function ID, 3 bytes of padding, i32 name, i32 parent's pc, i32 start line}
        let address = gofunc
            .saturating_add(offset.into())
            .saturating_add(index.saturating_mul(16));
        let Some(at) = (self.locate)(address) else {
            return Ok(None);
        };
        let name = self.data.u32(at.saturating_add(4))?;
        let parent = self.data.u32(at.saturating_add(8))?;
        Ok(record
            .entry
            .checked_add(parent.into())
            .filter(|parent| *parent < record.end)
            .map(|parent| InlinedCall { name, parent }))
    }

    /// Looks `pc` up in a pc-value table; `None` if there is none or it does not cover `pc`.
    pub(super) fn value(
        &mut self,
        record: &Record,
        table: u32,
        pc: u64,
    ) -> io::Result<Option<i32>> {
        let mut found = None;
        self.each_value(record, table, |end, value| {
            found = (pc < end).then_some(value);
            found.is_none()
        })?;
        Ok(found)
    }

    /// Visits the steps of a pc-value table, each with the address where it ends and its value, until `visit`
    /// returns false.
    ///
    /// A table is pairs of (zigzag difference of the value, difference of the pc), from the value −1 at the
    /// function's entry (src/runtime/symtab.go `pcvalue`, `step`).
    pub(super) fn each_value(
        &mut self,
        record: &Record,
        table: u32,
        mut visit: impl FnMut(u64, i32) -> bool,
    ) -> io::Result<()> {
        if table == 0 {
            return Ok(());
        }
        let mut at = self.pclntab.values.saturating_add(table.into());
        let (mut reached, mut value) = (record.entry, -1_i32);
        while at < self.pclntab.functab {
            self.steps = self.steps.checked_sub(1).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "pc-value tables do not end")
            })?;
            let change = self.varint(&mut at)?;
            if change == 0 && reached != record.entry {
                return Ok(());
            }
            value = value.wrapping_add(((change >> 1) as i32) ^ (change & 1).wrapping_neg() as i32);
            let step = self.varint(&mut at)?;
            reached = reached.saturating_add(step.into());
            if step == 0 || !visit(reached, value) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn varint(&mut self, at: &mut u64) -> io::Result<u32> {
        let mut result = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.values.u8(*at)?;
            *at = at.saturating_add(1);
            result |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(result)
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
