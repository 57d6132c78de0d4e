//! Call paths one by one, with whose code each frame is: what rules tell one use of the runtime from another by.

use std::sync::Arc;

use super::{Symbol, SymbolOrigin, Symbols, name};
use crate::{
    aggregate::{Buckets, Profile, Totals},
    report::StackFrame,
};

/// One call path with its totals; several may lead to the same call site.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedPath {
    /// Its number in the profile.
    pub row: u32,
    pub probe: String,
    pub reason: u8,
    /// What the operations were about, `probe_ebpf::abi::detail`.
    pub detail: u64,
    /// The part of it that only the binary tells: the name of a type or of a function.
    pub what: Option<String>,
    /// Whether the function that the detail is calls others.
    pub calls_others: Option<bool>,
    /// Bytes of a map's element that are read where it is looked up; `None`: all, or not known.
    pub element_read: Option<u64>,
    pub site: StackFrame,
    pub inlined_into: Option<String>,
    /// Whether what grows is always a slice without a capacity.
    pub grows_from_nothing: bool,
    /// Innermost first, inlined frames expanded; the call site is one of them.
    pub frames: Vec<Arc<Symbol>>,
    /// Index of the call site in `frames`.
    pub site_at: usize,
    pub totals: Totals,
    pub buckets: Buckets,
}

impl NamedPath {
    /// Returns whether the call site is a line of the user's own code.
    pub fn is_users(&self) -> bool {
        self.frames
            .get(self.site_at)
            .is_some_and(|symbol| symbol.origin == SymbolOrigin::User)
    }

    /// Returns the frames that the call site called, innermost first.
    pub fn below_site(&self) -> &[Arc<Symbol>] {
        self.frames.get(..self.site_at).unwrap_or_default()
    }
}

/// Names every call path, without adding any up.
pub fn paths(profile: &Profile, symbols: &Symbols) -> impl Iterator<Item = NamedPath> {
    let rows = profile.rows.iter();
    rows.filter_map(move |(number, row)| {
        let path = row.path.as_ref()?;
        let named = name(path, symbols);
        let frames = named.stack;
        let site_at = frames
            .iter()
            .position(|symbol| symbol.frame == named.site)
            .unwrap_or(0);
        Some(NamedPath {
            row: *number,
            probe: path.probe.clone(),
            reason: path.reason,
            detail: path.detail,
            what: path.what.clone(),
            calls_others: path.calls_others,
            element_read: path.element_read,
            site: named.site,
            inlined_into: named.inlined_into,
            grows_from_nothing: frames.iter().any(|symbol| symbol.grows_from_nothing),
            frames,
            site_at,
            totals: row.totals,
            buckets: row.buckets.clone(),
        })
    })
}
