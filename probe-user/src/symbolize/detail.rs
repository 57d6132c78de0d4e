//! What the operations of a call path were about, in words.

use probe_ebpf::abi::channel;

use crate::{
    address::VirtAddr,
    aggregate::{Path, Totals},
    analyze::GoBinary,
    plan::{ProbeName, stop_the_world_reason, wait_reason},
    report::StackFrame,
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
        ProbeName::Park => Some(wait_reason(path.detail, binary.go_version())),
        ProbeName::Finalizer if path.detail != 0 => binary
            .function_at(VirtAddr(path.detail))
            .map(|function| function.name),
        _ => None,
    }
}

/// Returns a path's detail in words, `None` where its probe tells nothing.
pub(super) fn text(path: &Path, _stack: &[StackFrame]) -> Option<String> {
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
        ProbeName::Finalizer | ProbeName::Park | ProbeName::Alloc => path.what.clone()?,
        _ => return None,
    })
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
    match details.iter_mut().find(same) {
        Some(known) => known.totals = super::add(&known.totals, totals),
        None => details.push(NamedDetail {
            reason: path.reason,
            detail: path.detail,
            what,
            totals: *totals,
        }),
    }
}
