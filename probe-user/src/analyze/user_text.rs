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
            let Some(own_file) = frames::own_file(functions, row)? else {
                return Ok(true);
            };
            let file = origins.file(functions, own_file)?;
            if origins.has_users(functions, row, file.origin)? {
                all.mark(row.entry, row.end);
                outside.mark(row.entry, row.end);
                if !file.is_others {
                    own.mark(row.entry, row.end);
                }
            } else if file.origin == Origin::Standard && !file.may_wait {
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

/// What is known of a source file.
#[derive(Clone, Copy)]
struct SourceFile {
    origin: Origin,
    /// It is of a module that somebody else wrote.
    is_others: bool,
    /// Functions of its package wait, and spin while they do.
    may_wait: bool,
}

/// Files by their offsets in the file table, so that each name is read once.
pub(super) struct FileOrigins<'a> {
    rules: &'a OriginRules,
    known: HashMap<u32, SourceFile>,
}

impl<'a> FileOrigins<'a> {
    pub(super) fn new(rules: &'a OriginRules) -> Self {
        Self {
            rules,
            known: HashMap::new(),
        }
    }

    /// Returns whether a function is the user's.
    pub(super) fn is_users(&mut self, functions: &mut Functions<'_>, row: Row) -> io::Result<bool> {
        let Some(own) = frames::own_file(functions, row)? else {
            return Ok(false);
        };
        let origin = self.file(functions, own)?.origin;
        self.has_users(functions, row, origin)
    }

    /// Of generated functions only those are the user's into which the user's code was inlined: wrappers
    /// of methods, and the `init` of a package. `origin`: of the function's own file.
    fn has_users(
        &mut self,
        functions: &mut Functions<'_>,
        row: Row,
        origin: Origin,
    ) -> io::Result<bool> {
        match origin {
            Origin::User => Ok(true),
            Origin::Runtime | Origin::Standard => Ok(false),
            Origin::Generated => {
                for file in frames::all_files(functions, row)? {
                    if self.file(functions, file)?.origin == Origin::User {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    fn file(&mut self, functions: &mut Functions<'_>, offset: u32) -> io::Result<SourceFile> {
        if let Some(known) = self.known.get(&offset) {
            return Ok(*known);
        }
        let name = functions.file(offset)?;
        let file = SourceFile {
            origin: self.rules.origin(&name),
            is_others: self.rules.is_others(&name),
            may_wait: self.rules.may_wait(&name),
        };
        self.known.insert(offset, file);
        Ok(file)
    }
}
