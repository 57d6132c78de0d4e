//! The operations of one call path, and those of one line of the user's code together.

use std::sync::Arc;

use super::frames::{is_of_module, location, written_in};
use crate::{
    aggregate::Buckets,
    report::{Location, StackFrame},
    symbolize::{Symbol, SymbolOrigin},
};

/// What was done along one call path. Counts are the path's own estimates for the whole window.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    pub probe: String,
    /// What the runtime gave as the reason; 0 where it gives none.
    pub reason: u8,
    /// What the operation was about; its meaning is the probe's.
    pub detail: u64,
    /// The type that is allocated, or the function that is given; `None` where the probe gives neither.
    pub what: Option<String>,
    /// Whether the function that is given calls others; `None` where the probe gives none.
    pub calls_others: Option<bool>,
    /// Bytes of a map's element that are read where it is looked up; `None`: all, or not known.
    pub element_read: Option<u64>,
    /// Whether the slice that grows is always one without a capacity: it is copied.
    pub grows_from_nothing: bool,
    pub site: StackFrame,
    pub inlined_into: Option<String>,
    /// Whether the call site is a line of the user's own code.
    pub by_user: bool,
    /// From the probed function's caller to the call site, which is not among them.
    pub below: Vec<Arc<Symbol>>,
    /// From the call site's caller outward, as far as the walk went.
    pub above: Vec<Arc<Symbol>>,
    /// Operations that were really seen.
    pub hits: u64,
    pub completed: u64,
    pub count: f64,
    /// The ends of the count's 95 % interval; the count itself where it is exact.
    pub low: f64,
    pub high: f64,
    pub bytes: f64,
    /// Operations that ended in the way that the probe takes note of.
    pub noted: f64,
    /// Net time of all operations.
    pub sum_ns: f64,
    pub latencies: Buckets,
    pub min_ns: u64,
    pub max_ns: u64,
}

/// Types of numbers, as descriptors name them.
const NUMBERS: [&str; 16] = [
    "bool",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uintptr",
    "float32",
    "float64",
    "complex64",
    "complex128",
];

impl Calls {
    /// Returns whether what is allocated is a closure: the compiler makes it a struct that begins with the
    /// code's address (src/cmd/compile/internal/typecheck/closure.go, `ClosureType`).
    pub fn is_closure(&self) -> bool {
        let name = self.what.as_deref().unwrap_or_default();
        name.starts_with("struct { F uintptr;") || name.starts_with("struct { F uintptr }")
    }

    /// Returns whether what is allocated holds no pointers for certain: the allocator is given no type, or one
    /// of numbers.
    pub fn is_pointer_free(&self) -> bool {
        let Some(name) = self.what.as_deref() else {
            return self.detail == 0;
        };
        let element = name.rsplit(']').next().unwrap_or(name);
        let is_array = name.starts_with('[') && !name.starts_with("[]");
        (is_array || element == name) && NUMBERS.contains(&element)
    }

    /// Returns whether what is allocated is an array.
    pub fn is_array(&self) -> bool {
        self.what
            .as_deref()
            .is_some_and(|name| name.starts_with('[') && !name.starts_with("[]"))
    }

    /// Returns whether a function of that name lies between the probe and the call site.
    pub fn passes(&self, function: &str) -> bool {
        self.below
            .iter()
            .any(|symbol| &*symbol.frame.function == function)
    }

    /// Returns whether a function whose name begins so lies between the probe and the call site.
    pub fn passes_prefix(&self, prefix: &str) -> bool {
        self.below
            .iter()
            .any(|symbol| symbol.frame.function.starts_with(prefix))
    }

    /// Returns whether the user's own line calls the runtime, with nothing of the standard library between.
    pub fn directly_by_user(&self) -> bool {
        self.by_user_through(|_| false)
    }

    /// Returns whether the user's own line starts the goroutine, by a `go` statement or by one of [`STARTERS`].
    pub fn starts_goroutine(&self) -> bool {
        self.by_user_through(|function| STARTERS.contains(&function))
    }

    /// Returns whether the user's own line gets from a pool, with nothing of the library but the pool between.
    pub fn directly_by_user_or_pool(&self) -> bool {
        self.by_user_through(|function| function.starts_with("sync.(*Pool)."))
    }

    /// Returns whether the user's own line calls the runtime, with nothing of the standard library between but
    /// functions that `is_passed` holds for.
    pub fn by_user_through(&self, is_passed: impl Fn(&str) -> bool) -> bool {
        let is_other = |symbol: &Arc<Symbol>| {
            symbol.origin == SymbolOrigin::Standard && !is_passed(&symbol.frame.function)
        };
        self.by_user && !self.below.iter().any(is_other)
    }

    /// Returns the function that the call site calls: a user would look it up in the documentation.
    pub fn callee(&self) -> Option<&str> {
        self.below
            .last()
            .map(|symbol| symbol.frame.function.as_ref())
    }

    /// Returns whether a caller of the call site, or the call site itself, belongs to a package.
    pub fn within_package(&self, package: &str) -> bool {
        let is_in = |function: &str| {
            function
                .strip_prefix(package)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        is_in(&self.site.function)
            || self
                .above
                .iter()
                .any(|symbol| is_in(&symbol.frame.function))
    }
}

/// They hold the `go` statement for whoever calls them (src/sync/waitgroup.go, from Go 1.25; errgroup of
/// golang.org/x/sync).
pub const STARTERS: [&str; 3] = [
    "sync.(*WaitGroup).Go",
    "golang.org/x/sync/errgroup.(*Group).Go",
    "golang.org/x/sync/errgroup.(*Group).TryGo",
];

/// Everything that one line asked of one probe.
#[derive(Clone, Debug)]
pub struct AtSite<'a> {
    pub site: Location,
    /// The main module.
    module: Option<&'a str>,
    pub by_user: bool,
    pub seconds: f64,
    pub hits: u64,
    pub completed: u64,
    pub count: f64,
    /// The ends of the count's 95 % interval.
    pub low: f64,
    pub high: f64,
    pub bytes: f64,
    pub noted: f64,
    pub sum_ns: f64,
    pub max_ns: u64,
    pub calls: Vec<&'a Calls>,
}

impl<'a> AtSite<'a> {
    pub(super) fn new(first: &'a Calls, seconds: f64, module: Option<&'a str>) -> Self {
        Self {
            site: Location {
                function: written_in(&first.site.function).to_owned(),
                file: first.site.file.to_string(),
                line: first.site.line,
            },
            module,
            by_user: first.by_user,
            seconds,
            hits: 0,
            completed: 0,
            count: 0.0,
            low: 0.0,
            high: 0.0,
            bytes: 0.0,
            noted: 0.0,
            sum_ns: 0.0,
            max_ns: 0,
            calls: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, calls: &'a Calls) {
        self.hits = self.hits.saturating_add(calls.hits);
        self.completed = self.completed.saturating_add(calls.completed);
        self.count += calls.count;
        // Paths to the same line come and go together.
        self.low += calls.low;
        self.high += calls.high;
        self.bytes += calls.bytes;
        self.noted += calls.noted;
        self.sum_ns += calls.sum_ns;
        self.max_ns = self.max_ns.max(calls.max_ns);
        self.calls.push(calls);
    }

    /// Returns the innermost line of the main module above it, as it was first called by its most frequent path, where the
    /// site is in a module that somebody else wrote.
    pub fn called_from(&self) -> Option<Location> {
        let is_own = |function: &str| is_of_module(function, self.module);
        if !self.by_user || is_own(&self.site.function) {
            return None;
        }
        let mut above = (self.most()?.above.iter()).map(|symbol| &symbol.frame);
        above.find(|frame| is_own(&frame.function)).map(location)
    }

    pub fn rate_per_s(&self) -> f64 {
        per_second(self.count, self.seconds)
    }

    /// Returns half the width of the count's interval, as a share of the count.
    pub fn uncertainty(&self) -> f64 {
        if self.count > 0.0 {
            (self.high - self.low) / 2.0 / self.count
        } else {
            0.0
        }
    }

    pub fn bytes_per_s(&self) -> f64 {
        per_second(self.bytes, self.seconds)
    }

    /// Net nanoseconds per second.
    pub fn ns_per_s(&self) -> f64 {
        per_second(self.sum_ns, self.seconds)
    }

    /// Nanoseconds per second if each took as long as the median: what the work itself costs, without the
    /// times that the kernel ran something else. 0 where nothing completed.
    pub fn typical_ns_per_s(&self) -> f64 {
        let median = self.quantile_ns(0.5).unwrap_or(0);
        self.rate_per_s() * median as f64
    }

    /// Returns the mean net latency; `None` where nothing completed.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count > 0.0 && self.completed > 0).then(|| self.sum_ns / self.count)
    }

    /// Returns a quantile of the latencies; `None` where none was taken.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        let mut all = Buckets::default();
        for calls in &self.calls {
            all.add(&calls.latencies);
        }
        if all.is_empty() {
            return None;
        }
        let min = self
            .calls
            .iter()
            .filter(|c| c.completed > 0)
            .map(|c| c.min_ns)
            .min()?;
        let histogram = all.to_histogram(min, self.max_ns);
        Some(
            histogram
                .value_at_quantile(quantile)
                .clamp(min, self.max_ns.max(min)),
        )
    }

    /// Returns how many of the operations that were seen took `ns` or longer, and what all of that kind take, in
    /// nanoseconds per second.
    pub fn long(&self, ns: u64) -> (u64, f64) {
        let (mut n, mut sum) = (0_u64, 0.0);
        for calls in &self.calls {
            let (long, long_ns) = calls.latencies.from(ns);
            n = n.saturating_add(long);
            sum += long_ns * calls.count / calls.hits.max(1) as f64;
        }
        (n, per_second(sum, self.seconds))
    }

    /// Returns the share of the operations that the probe took note of.
    pub fn noted_share(&self) -> f64 {
        if self.count > 0.0 {
            (self.noted / self.count).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// Returns whether a frame of a stack is at this line.
    pub fn is_at(&self, frame: &StackFrame) -> bool {
        written_in(&frame.function) == self.site.function
            && *frame.file == *self.site.file
            && frame.line == self.site.line
    }

    /// Returns whether goroutines that this line starts are told apart by the `go` statement at `made`: it is what
    /// the runtime remembers of each. Those of each of [`STARTERS`] have one in common.
    pub fn is_started_at(&self, made: &Location) -> bool {
        match self.main_callee().filter(|name| STARTERS.contains(name)) {
            Some(starter) => made.function == starter,
            None => self.site == *made,
        }
    }

    /// Returns the share of the operations, by count, that `is` holds for.
    pub fn share(&self, is: impl Fn(&Calls) -> bool) -> f64 {
        let matching: f64 = self.calls.iter().filter(|c| is(c)).map(|c| c.count).sum();
        if self.count > 0.0 {
            matching / self.count
        } else {
            0.0
        }
    }

    /// Returns the type of most of the operations.
    pub fn main_type(&self) -> Option<&'a str> {
        self.most()?.what.as_deref()
    }

    /// Returns the function that most of the operations went through, seen from the call site.
    pub fn main_callee(&self) -> Option<&'a str> {
        self.most()?.callee()
    }

    fn most(&self) -> Option<&'a Calls> {
        let calls = self.calls.iter().copied();
        calls.max_by(|a, b| a.count.total_cmp(&b.count))
    }
}

/// Adds up a number over sites. The standard library's sum of nothing is -0.
pub fn total<'a>(sites: &[AtSite<'a>], number: impl Fn(&AtSite<'a>) -> f64) -> f64 {
    sites.iter().fold(0.0, |sum, site| sum + number(site))
}

fn per_second(n: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { n / seconds } else { 0.0 }
}
