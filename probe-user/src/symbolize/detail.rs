//! What the operations of a call path were about, in words.

use std::sync::Arc;

use probe_ebpf::abi::channel;

use super::Symbol;
use crate::{
    address::VirtAddr,
    aggregate::{Path, Totals},
    analyze::GoBinary,
    plan::{ProbeName, stop_the_world_reason, wait_reason},
};

/// A part of a call site's operations that were about the same thing.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedDetail {
    /// As the runtime gave it; 0 where it gives none.
    pub reason: u8,
    /// As the kernel read it, `probe_ebpf::abi::detail`.
    pub detail: u64,
    pub what: String,
    pub totals: Totals,
}

/// Returns the part of a path's detail that only the binary tells: the name of a type or of a function, the
/// runtime's reason at its version.
pub fn what(path: &Path, binary: &GoBinary) -> Option<String> {
    match ProbeName::from_name(&path.probe)? {
        ProbeName::Alloc if path.detail != 0 => {
            // A descriptor that is not in the file was made by package reflect.
            let made = || "a type made by reflect".to_owned();
            let found = binary.go_type(VirtAddr(path.detail));
            Some(found.map_or_else(made, |found| found.name))
        }
        ProbeName::Park => Some(wait_reason(path.detail, binary.go_version())),
        ProbeName::Finalizer if path.detail != 0 => binary
            .function_at(VirtAddr(path.detail))
            .map(|function| function.name),
        _ => None,
    }
}

/// Returns whether the function that a path's detail is calls others.
pub fn calls_others(path: &Path, binary: &GoBinary) -> Option<bool> {
    match ProbeName::from_name(&path.probe)? {
        ProbeName::Finalizer if path.detail != 0 => binary.calls_others(VirtAddr(path.detail)),
        _ => None,
    }
}

/// Returns how many bytes of a map's element are read where it is looked up; `None` where that is not known, and where
/// all of it is.
pub fn element_read(path: &Path, binary: &GoBinary) -> Option<u64> {
    match ProbeName::from_name(&path.probe)? {
        ProbeName::MapRead => binary.result_bytes_read(path.call_addresses().next()?),
        _ => None,
    }
}

/// Returns a path's detail in words, `None` where its probe tells nothing.
pub(super) fn text(path: &Path, stack: &[Arc<Symbol>]) -> Option<String> {
    let blocks = |yes: bool| if yes { "blocking" } else { "non-blocking" }.to_owned();
    let detail = path.detail;
    Some(match ProbeName::from_name(&path.probe)? {
        ProbeName::StopTheWorld => stop_the_world_reason(path.reason.into()),
        ProbeName::ChanSend => element(detail),
        ProbeName::ChanRecv | ProbeName::Select => blocks(detail != 0),
        ProbeName::StackDump if detail == 0 => "own goroutine".to_owned(),
        ProbeName::StackDump => "all goroutines".to_owned(),
        ProbeName::Gomaxprocs if detail == 0 => "read".to_owned(),
        ProbeName::Gomaxprocs => "set".to_owned(),
        ProbeName::MapRead => format!("elements of {detail} bytes"),
        ProbeName::Finalizer if detail == 0 && path.what.is_none() => "no function".to_owned(),
        ProbeName::Alloc => allocated(path.what.as_deref(), stack),
        ProbeName::Finalizer | ProbeName::Park => path.what.clone()?,
        _ => return None,
    })
}

/// What is allocated: the allocator knows the type, and what of it is known by who calls the allocator
/// (src/runtime/slice.go, string.go, iface.go, Go 1.21 to 1.27).
fn allocated(type_name: Option<&str>, stack: &[Arc<Symbol>]) -> String {
    let called_by = |names: &[&str]| {
        stack
            .iter()
            .map(|symbol| &symbol.frame.function)
            .take_while(|function| function.starts_with("runtime."))
            .any(|function| names.contains(&function.as_ref()))
    };
    let is_slice = called_by(&[
        "runtime.makeslice",
        "runtime.makeslice64",
        "runtime.makeslicecopy",
        "runtime.growslice",
        "runtime.growsliceBuf",
        "runtime.growsliceNoAlias",
        "runtime.growsliceBufNoAlias",
        "runtime.moveSlice",
        "runtime.moveSliceNoCap",
    ]);
    match type_name {
        Some(name) if is_slice => format!("[]{name}"),
        Some(name) => name.to_owned(),
        None if called_by(&["runtime.rawbyteslice", "runtime.stringtoslicebyte"]) => {
            "[]uint8".to_owned()
        }
        None if called_by(&["runtime.rawruneslice", "runtime.stringtoslicerune"]) => {
            "[]int32".to_owned()
        }
        None if called_by(&[
            "runtime.rawstring",
            "runtime.rawstringtmp",
            "runtime.concatstrings",
            "runtime.slicebytetostring",
            "runtime.slicerunetostring",
            "runtime.intstring",
        ]) =>
        {
            "string".to_owned()
        }
        None if is_slice => "slice without pointers".to_owned(),
        None => "memory without pointers".to_owned(),
    }
}

fn element(detail: u64) -> String {
    let size = detail & channel::SIZE;
    let place = if detail & channel::CONSTANT != 0 {
        "constant"
    } else if detail & channel::ON_STACK != 0 {
        "on the stack"
    } else {
        "on the heap"
    };
    let how = if detail & channel::BLOCKING == 0 {
        ", non-blocking"
    } else {
        ""
    };
    format!("{size} bytes, {place}{how}")
}

/// Adds the totals of one row to those of the same detail.
pub(super) fn count(details: &mut Vec<NamedDetail>, path: &Path, what: String, totals: &Totals) {
    let same = |known: &&mut NamedDetail| {
        (known.reason, known.detail) == (path.reason, path.detail) && known.what == what
    };
    if let Some(known) = details.iter_mut().find(same) {
        known.totals = super::add(&known.totals, totals);
        return;
    }
    // There are many rows, and most have one.
    details.reserve_exact(1);
    details.push(NamedDetail {
        reason: path.reason,
        detail: path.detail,
        what,
        totals: *totals,
    });
}
