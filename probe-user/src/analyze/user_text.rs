//! Which functions are the user's, and where the tables say so.

use std::{collections::HashMap, io};

use super::{
    Origin, frames,
    functions::{Functions, Row},
    origin::OriginRules,
    text_bitmap::TextBitmap,
};

/// Where the user's code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserText {
    pub all: TextBitmap,
    /// Without the modules that somebody else wrote.
    pub own: TextBitmap,
    /// What takes as long as it takes, whatever the runtime does: everybody's code outside of it.
    pub outside: TextBitmap,
}

impl UserText {
    pub(super) fn read(
        functions: &mut Functions<'_>,
        rules: &OriginRules,
        nothing: TextBitmap,
    ) -> io::Result<Self> {
        let mut origins = FileOrigins::new(rules);
        let (mut all, mut own, mut outside) = (nothing.clone(), nothing.clone(), nothing);
        functions.each(|functions, row| {
            if origins.is_users(functions, row)? {
                all.mark(row.entry, row.end);
                outside.mark(row.entry, row.end);
                if !origins.is_others(functions, row)? {
                    own.mark(row.entry, row.end);
                }
            } else if origins.is_library(functions, row)? {
                outside.mark(row.entry, row.end);
            }
            Ok(true)
        })?;
        Ok(Self { all, own, outside })
    }
}

/// Returns the source file of `runtime.main`, which is `runtime/proc.go` below what the build calls GOROOT.
///
/// Package runtime comes early in the table, so this ends early.
pub(super) fn scheduler_file(functions: &mut Functions<'_>) -> io::Result<Option<String>> {
    let mut file = None;
    let mut name = Vec::new();
    functions.each(|functions, row| {
        let record = functions.record(row)?;
        functions.name_into(record.name, 32, &mut name)?;
        if !matches!(name.as_slice(), b"runtime.main" | b"runtime.newproc1") {
            return Ok(true);
        }
        if let Some(offset) = frames::own_file(functions, row)? {
            let found = functions.file(offset)?;
            file = Some(found).filter(|file| file.ends_with("runtime/proc.go"));
        }
        Ok(file.is_none())
    })?;
    Ok(file)
}

/// The origins of files by their offsets in the file table, so that each name is read once.
pub(super) struct FileOrigins<'a> {
    rules: &'a OriginRules,
    known: HashMap<u32, Origin>,
    /// Whether they are of a module that somebody else wrote.
    others: HashMap<u32, bool>,
    /// Whether they are of the standard library, and nothing in them waits.
    library: HashMap<u32, bool>,
}

impl<'a> FileOrigins<'a> {
    pub(super) fn new(rules: &'a OriginRules) -> Self {
        Self {
            rules,
            known: HashMap::new(),
            others: HashMap::new(),
            library: HashMap::new(),
        }
    }

    /// Of generated functions only those are the user's into which the user's code was inlined: wrappers
    /// of methods, and the `init` of a package.
    pub(super) fn is_users(&mut self, functions: &mut Functions<'_>, row: Row) -> io::Result<bool> {
        let Some(own) = frames::own_file(functions, row)? else {
            return Ok(false);
        };
        match self.origin(functions, own)? {
            Origin::User => Ok(true),
            Origin::Runtime | Origin::Standard => Ok(false),
            Origin::Generated => {
                for file in frames::all_files(functions, row)? {
                    if self.origin(functions, file)? == Origin::User {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// Of the standard library those packages are left out that wait, and spin while they do.
    fn is_library(&mut self, functions: &mut Functions<'_>, row: Row) -> io::Result<bool> {
        let Some(own) = frames::own_file(functions, row)? else {
            return Ok(false);
        };
        if let Some(known) = self.library.get(&own) {
            return Ok(*known);
        }
        let is_library = self.origin(functions, own)? == Origin::Standard
            && !self.rules.may_wait(&functions.file(own)?);
        self.library.insert(own, is_library);
        Ok(is_library)
    }

    fn is_others(&mut self, functions: &mut Functions<'_>, row: Row) -> io::Result<bool> {
        let Some(own) = frames::own_file(functions, row)? else {
            return Ok(false);
        };
        if let Some(known) = self.others.get(&own) {
            return Ok(*known);
        }
        let is_others = self.rules.is_others(&functions.file(own)?);
        self.others.insert(own, is_others);
        Ok(is_others)
    }

    fn origin(&mut self, functions: &mut Functions<'_>, file: u32) -> io::Result<Origin> {
        if let Some(known) = self.known.get(&file) {
            return Ok(*known);
        }
        let origin = self.rules.origin(&functions.file(file)?);
        self.known.insert(file, origin);
        Ok(origin)
    }
}
