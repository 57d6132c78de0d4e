//! Profile and names in, named profile out: which line of the user's code each call path is charged to.
//!
//! Names are looked up once per address and kept in [`Symbols`], which a recording carries: a report can be
//! made again without the binary.

mod detail;
mod paths;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

pub use detail::{NamedDetail, calls_others, element_read, what};
pub use paths::{NamedPath, paths};
use serde::{Deserialize, Serialize};

use crate::{
    address::VirtAddr,
    aggregate::{Buckets, Path, Profile, Totals},
    analyze::{self, GoBinary, Origin},
    plan::ProbeName,
    report::StackFrame,
};

/// Frames of every address looked up so far, innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbols(BTreeMap<u64, Vec<Arc<Symbol>>>);

/// One frame, with where its code comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    pub frame: StackFrame,
    pub origin: SymbolOrigin,
    /// The call is of `runtime.growslice`, always for a slice without a capacity: what is appended to it is copied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub grows_from_nothing: bool,
}

/// Whose code a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SymbolOrigin {
    Runtime,
    Standard,
    Generated,
    User,
    Unknown,
}

impl Symbols {
    /// Looks up all frames of `path`, and adds what was not known before to `added` too.
    pub fn resolve(&mut self, path: &Path, binary: &GoBinary, added: &mut Self) {
        let mut is_called_to_grow = false;
        for address in path.call_addresses() {
            let symbols = match self.0.entry(address.0) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(vacant) => {
                    let symbols = vacant.insert(look_up(binary, address, is_called_to_grow));
                    added.0.insert(address.0, symbols.clone());
                    symbols
                }
            };
            is_called_to_grow = symbols.last().is_some_and(|symbol| symbol.grows_slices());
        }
    }

    /// Adds what another one holds.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, address: VirtAddr) -> Vec<Arc<Symbol>> {
        self.0
            .get(&address.0)
            .cloned()
            .unwrap_or_else(|| vec![Arc::new(unknown(address))])
    }
}

impl Symbol {
    /// Returns whether it is what `append` calls, of any release (src/runtime/slice.go).
    fn grows_slices(&self) -> bool {
        self.frame.function.starts_with("runtime.growslice")
    }
}

/// `calls_growslice`: the instruction there does.
fn look_up(binary: &GoBinary, address: VirtAddr, calls_growslice: bool) -> Vec<Arc<Symbol>> {
    let frames = binary.frames_at(address);
    if frames.is_empty() {
        return vec![Arc::new(unknown(address))];
    }
    let symbol = |frame: analyze::Frame| Symbol {
        origin: match binary.origin(&frame) {
            Origin::Runtime => SymbolOrigin::Runtime,
            Origin::Standard => SymbolOrigin::Standard,
            Origin::Generated => SymbolOrigin::Generated,
            Origin::User => SymbolOrigin::User,
        },
        frame: frame.into(),
        grows_from_nothing: false,
    };
    let mut symbols: Vec<Symbol> = frames.into_iter().map(symbol).collect();
    if let Some(innermost) = symbols.first_mut().filter(|_| calls_growslice) {
        innermost.grows_from_nothing = binary.grows_from_nothing(address);
    }
    symbols.into_iter().map(Arc::new).collect()
}

/// Code without a Go function: C, or a walk that went astray.
fn unknown(address: VirtAddr) -> Symbol {
    Symbol {
        frame: StackFrame::without_line(format!("[unknown {address}]")),
        origin: SymbolOrigin::Unknown,
        grows_from_nothing: false,
    }
}

/// A profile by call site.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedProfile {
    pub call_sites: Vec<NamedCallSite>,
}

/// Everything that one line of the user's code, or the runtime on its own, asked of one probe.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedCallSite {
    pub probe: String,
    pub site: StackFrame,
    pub inlined_into: Option<String>,
    /// Of its call paths, the one with the most hits; innermost frame first.
    pub stack: Vec<Arc<Symbol>>,
    pub totals: Totals,
    pub buckets: Buckets,
    /// Its call paths, as rows of the profile.
    pub rows: Vec<u32>,
    /// What the operations were about, most frequent first; empty where the probe tells nothing.
    pub details: Vec<NamedDetail>,
}

/// Identity of a call site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    probe: String,
    function: Arc<str>,
    file: Arc<str>,
    line: u32,
    inlined_into: Option<String>,
}

/// Names every call path and adds up those of the same call site.
pub fn symbolize(profile: &Profile, symbols: &Symbols) -> NamedProfile {
    let mut sites: BTreeMap<Key, (NamedCallSite, u64)> = BTreeMap::new();
    for (number, row) in &profile.rows {
        let Some(path) = &row.path else { continue };
        let named = name(path, symbols);
        let key = Key {
            probe: path.probe.clone(),
            function: Arc::clone(&named.site.function),
            file: Arc::clone(&named.site.file),
            line: named.site.line,
            inlined_into: named.inlined_into.clone(),
        };
        let (site, most_hits) = sites.entry(key).or_insert_with(|| {
            let site = NamedCallSite {
                probe: path.probe.clone(),
                site: named.site,
                inlined_into: named.inlined_into,
                stack: Vec::new(),
                totals: Totals::default(),
                buckets: Buckets::default(),
                rows: Vec::new(),
                details: Vec::new(),
            };
            (site, 0)
        });
        if let Some(what) = detail::text(path, &named.stack) {
            detail::count(&mut site.details, path, what, &row.totals);
        }
        if row.totals.hits > *most_hits {
            *most_hits = row.totals.hits;
            site.stack = named.stack;
        }
        site.totals = add(&site.totals, &row.totals);
        site.buckets.add(&row.buckets);
        site.rows.push(*number);
    }
    let mut call_sites: Vec<NamedCallSite> = sites.into_values().map(|(site, _)| site).collect();
    for site in &mut call_sites {
        site.details
            .sort_by_key(|detail| Reverse(detail.totals.hits));
    }
    NamedProfile { call_sites }
}

fn add(a: &Totals, b: &Totals) -> Totals {
    let min_ns = match (a.completed, b.completed) {
        (0, _) => b.min_ns,
        (_, 0) => a.min_ns,
        _ => a.min_ns.min(b.min_ns),
    };
    let mut lost = a.lost;
    for (sum, n) in lost.iter_mut().zip(b.lost) {
        *sum = sum.saturating_add(n);
    }
    Totals {
        hits: a.hits.saturating_add(b.hits),
        completed: a.completed.saturating_add(b.completed),
        bytes: a.bytes.saturating_add(b.bytes),
        sum_ns: a.sum_ns.saturating_add(b.sum_ns),
        min_ns,
        max_ns: a.max_ns.max(b.max_ns),
        noted: a.noted.saturating_add(b.noted),
        lost,
    }
}

/// Returns the compiled function that holds a frame of a stack, where that is another one.
pub fn holder<'a>(stack: &'a [StackFrame], frame: &StackFrame) -> Option<&'a str> {
    let mut from = stack.iter().skip_while(|other| *other != frame);
    from.next().filter(|frame| frame.inlined)?;
    let holder = &from.find(|frame| !frame.inlined)?.function;
    (!is_wrapper(holder)).then_some(holder)
}

struct Named {
    site: StackFrame,
    inlined_into: Option<String>,
    stack: Vec<Arc<Symbol>>,
}

/// A frame, and the one of the compiled function that holds it.
type Framed = (Arc<Symbol>, Arc<Symbol>);

/// The frames of a path, innermost first.
fn frames_of(path: &Path, symbols: &Symbols) -> Vec<Framed> {
    path.call_addresses()
        .flat_map(|address| {
            let symbols = symbols.of(address);
            // The outermost of the frames at one address is the compiled function that holds them all.
            let holder = symbols.last().cloned();
            let framed = move |symbol| Some((symbol, holder.clone()?));
            symbols.into_iter().filter_map(framed)
        })
        .collect()
}

/// Chooses the call site of a path: the innermost frame of the user's own code; without one the innermost of
/// the standard library; without that the runtime's outermost.
fn name(path: &Path, symbols: &Symbols) -> Named {
    let frames = frames_of(path, symbols);
    let first = |origin| {
        frames
            .iter()
            .position(|(symbol, _)| symbol.origin == origin)
    };
    let chosen = first_of_collection(path, &frames)
        .or_else(|| grows(path, symbols, &frames))
        .or_else(|| first(SymbolOrigin::User))
        .or_else(|| first(SymbolOrigin::Standard))
        .or_else(|| {
            frames
                .iter()
                .rposition(|(symbol, _)| is_runtime_code(symbol))
        })
        .unwrap_or(0);
    let Some((symbol, holder)) = frames.get(chosen) else {
        let nowhere = Arc::new(unknown(VirtAddr(0)));
        return Named {
            site: nowhere.frame.clone(),
            inlined_into: None,
            stack: vec![nowhere],
        };
    };
    let site = symbol.frame.clone();
    let holder = &holder.frame.function;
    Named {
        inlined_into: (site.inlined && !is_wrapper(holder)).then(|| holder.to_string()),
        site,
        stack: frames.into_iter().map(|(symbol, _)| symbol).collect(),
    }
}

/// Where an allocation of the user's turns into work of the collector: it may start a collection, or has to
/// assist one (src/runtime/malloc.go, mgc.go and mgcmark.go, Go 1.21 to 1.27).
const COLLECTION: [&str; 2] = ["runtime.gcStart", "runtime.gcAssistAlloc"];

/// What a collection allocates and starts is the runtime's own, although an allocation of the user's led to
/// it: nobody wrote a `go` statement there. Who triggered a stop of the world or a collection is asked for.
fn first_of_collection(path: &Path, frames: &[Framed]) -> Option<usize> {
    let asks_who = [
        ProbeName::StopTheWorld,
        ProbeName::GcCycle,
        ProbeName::GcAssist,
    ];
    if asks_who.iter().any(|probe| path.probe == probe.as_str()) {
        return None;
    }
    frames.iter().position(|(symbol, _)| {
        symbol.origin == SymbolOrigin::Runtime
            && COLLECTION.contains(&symbol.frame.function.as_ref())
    })
}

/// Of a stack that grows the first address lies in the function that needs the room; the call site is what
/// called it, unless a `go` statement did.
fn grows(path: &Path, symbols: &Symbols, frames: &[Framed]) -> Option<usize> {
    if path.probe != ProbeName::StackGrowth.as_str() {
        return None;
    }
    let callee = symbols.of(path.call_addresses().next()?).len();
    (frames.iter().enumerate().skip(callee))
        .find(|(_, (symbol, _))| symbol.origin == SymbolOrigin::User)
        .map(|(index, _)| index)
}

/// Go code of the runtime: not the assembly that every stack ends in (`goexit`, `systemstack`, `mcall`), nor
/// the wrapper that a `go` statement makes.
fn is_runtime_code(symbol: &Symbol) -> bool {
    let is_assembly = std::path::Path::new(&*symbol.frame.file)
        .extension()
        .is_some_and(|e| e == "s");
    symbol.origin == SymbolOrigin::Runtime && !is_assembly && !is_wrapper(&symbol.frame.function)
}

/// Returns whether a function is the one that the compiler makes of a `go` or `defer` statement to hold its
/// arguments; nobody wrote it, and Go's own stacks leave it out (src/cmd/compile/internal/ir/func.go).
fn is_wrapper(function: &str) -> bool {
    let last = function.rsplit('.').next().unwrap_or_default();
    last.starts_with("gowrap") || last.starts_with("deferwrap")
}
