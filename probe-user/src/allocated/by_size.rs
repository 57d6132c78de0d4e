//! What windows tell of allocations, made to agree with what the runtime counted by size.
//!
//! A line that allocates in bursts is in few windows, and there it is all there is: the windows, which are short, tell
//! of far too much, or of nothing. How many objects of which size class there were the runtime counts by itself, all
//! the time (`consistentHeapStats`, src/runtime/mstats.go). Lines whose objects are all of one size have no more of
//! them together, and the others no more bytes than are left; what is too much is divided among the rest.

use super::{Profile, Recording};
use crate::{
    aggregate::{Path, Row, RowSampling},
    estimate::{Counted, Scale},
    plan::ProbeName,
    size_class::{self, LARGE, SIZES, TINY},
    symbolize::{SymbolOrigin, Symbols},
};

/// Objects are booked when their span is full: as many of a class may be unbooked on each processor, of those with
/// pointers and of those without. A span is a page or holds so many (`class_to_allocnpages`).
const SPAN_BYTES: u64 = 8192;
const SPAN_OBJECTS: u64 = 8;
const KINDS: u64 = 2;
/// The allocators themselves: they say nothing about what for.
pub(crate) const ALLOCATOR: &str = "runtime.mallocgc";
/// Functions of the runtime's which allocate one object of a type (src/runtime/malloc.go, iface.go).
const OF_TYPE: [&str; 2] = ["runtime.newobject", "runtime.convT"];
/// What is divided anew may be too much of another size.
const ROUNDS: usize = 4;

/// A row of the profile, and what its windows tell of the run.
struct Told {
    row: u32,
    /// Where all objects are of one size.
    class: Option<usize>,
    /// What stands for itself, and what windows stand for.
    whole: f64,
    windows: f64,
    /// By what the latter are multiplied; what stands for itself, where there were no windows.
    factor: f64,
    /// Bytes of an object on average.
    each: f64,
    /// It is as much as the runtime counted.
    is_bound: bool,
}

/// What the runtime counted during the run.
struct Counts {
    by_class: Vec<Counted>,
    bytes: Counted,
    processors: u64,
}

/// Lowers in `profile` what windows tell of rows of which there can't be so much.
pub(crate) fn bound(profile: &mut Profile, recording: &Recording, duration_ns: u64) {
    let scale = Scale::of(recording, ProbeName::Alloc.as_str(), duration_ns);
    let (Some(counts), Some(scale)) = (Counts::of(recording, duration_ns), scale) else {
        return;
    };
    let mut told = told(profile, &recording.symbols, &scale);
    counts.fit(&mut told);
    for told in &told {
        if let Some(row) = profile.sampling.rows.get_mut(&told.row) {
            *row = RowSampling {
                most: told.class.and_then(|class| counts.most(class)),
                ..row.times(told.factor)
            };
        }
    }
}

impl Counts {
    fn of(recording: &Recording, duration_ns: u64) -> Option<Self> {
        let of_class = |class: usize| {
            Counted::of(recording, duration_ns, |counters| {
                let by_class = counters.allocated_by_class.as_ref()?;
                Some(by_class.get(class).copied().unwrap_or(0))
            })
        };
        let state = recording.header.state.as_ref()?;
        let mut by_class: Vec<Counted> = (0..SIZES.len()).map(of_class).collect::<Option<_>>()?;
        let [_, least, tiny, ..] = by_class.as_mut_slice() else {
            return None;
        };
        tiny.total += least.total;
        Some(Self {
            by_class,
            bytes: Counted::of(recording, duration_ns, |counters| counters.allocated_bytes)?,
            processors: u64::from(state.gomaxprocs.unwrap_or(1)),
        })
    }

    /// Returns how many objects of a class there were at most.
    fn most(&self, class: usize) -> Option<f64> {
        let counted = self.by_class.get(class)?;
        Some(counted.total * (1.0 + counted.error) + unbooked(class, self.processors))
    }

    /// Makes the rows agree with the counts.
    fn fit(&self, told: &mut [Told]) {
        let total: f64 = told.iter().map(Told::count).sum();
        for _ in 0..ROUNDS {
            for (class, counted) in self.by_class.iter().enumerate() {
                let most = counted.total * (1.0 + counted.error) + unbooked(class, self.processors);
                lower(told, Some(class), Told::count, counted.total, most);
            }
            let of_one_size = told.iter().filter(|row| row.class.is_some());
            let left = self.bytes.total - of_one_size.map(Told::bytes).sum::<f64>();
            let most = left.max(0.0) + self.bytes.total * self.bytes.error;
            lower(told, None, Told::bytes, left, most);
            if !raise(told, total) {
                break;
            }
        }
    }
}

/// Returns how many objects of a class were not booked at the beginning, or are not at the end.
fn unbooked(class: usize, processors: u64) -> f64 {
    let size = SIZES.get(class).copied().unwrap_or(0);
    if size == 0 {
        return 0.0;
    }
    ((SPAN_BYTES / size).max(SPAN_OBJECTS) * KINDS * processors) as f64
}

fn told(profile: &Profile, symbols: &Symbols, scale: &Scale) -> Vec<Told> {
    let is_alloc =
        |row: &Row| (row.path.as_ref()).is_some_and(|path| path.probe == ProbeName::Alloc.as_str());
    let rows = profile.rows.iter().filter(|(_, row)| is_alloc(row));
    rows.filter_map(|(number, row)| {
        let sized = row.totals.sized();
        let each = row.totals.bytes as f64 / sized.max(1) as f64;
        let is_fixed = |path: &Path| is_of_one_size(path, symbols);
        let is_of_one_size = sized > 0 && row.path.as_deref().is_some_and(is_fixed);
        let (whole, windows) = scale.parts(profile, *number)?;
        Some(Told {
            row: *number,
            // Of different sizes that are large on average, most are: those of no class.
            class: Some(class_of(each)).filter(|class| is_of_one_size || *class == LARGE),
            whole,
            windows,
            factor: 1.0,
            each,
            is_bound: false,
        })
    })
    .collect()
}

/// Returns the size class that is counted: tiny objects without pointers are in another one than those of their size
/// with pointers.
fn class_of(size: f64) -> usize {
    match size_class::of(size) {
        LARGE => LARGE,
        class => class.max(TINY),
    }
}

/// Returns whether all objects of a path are of one size: compiled code asks for a type, not for a number of them.
fn is_of_one_size(path: &Path, symbols: &Symbols) -> bool {
    let frames = path.call_addresses().flat_map(|at| symbols.of(at));
    let mut beyond = frames.filter(|symbol| !symbol.frame.function.starts_with(ALLOCATOR));
    beyond.next().is_some_and(|symbol| {
        let is_it = |name: &str| symbol.frame.function.starts_with(name);
        symbol.origin != SymbolOrigin::Runtime || OF_TYPE.iter().any(|name| is_it(name))
    })
}

impl Told {
    fn count(&self) -> f64 {
        if self.windows > 0.0 {
            self.whole + self.windows * self.factor
        } else {
            self.whole * self.factor
        }
    }

    fn bytes(&self) -> f64 {
        self.count() * self.each
    }
}

/// Lowers the rows of a class to `total` together where they are more than `most`.
fn lower(told: &mut [Told], class: Option<usize>, of: fn(&Told) -> f64, total: f64, most: f64) {
    let rows = told.iter().filter(|row| row.class == class);
    let sum: f64 = rows.map(of).sum();
    if sum <= most {
        return;
    }
    for row in told.iter_mut().filter(|row| row.class == class) {
        row.factor *= total.max(0.0) / sum;
        row.is_bound = true;
    }
}

/// Raises the rows of which there may be more, until there are `total` of all; returns whether there is anything to.
fn raise(told: &mut [Told], total: f64) -> bool {
    let of = |is_bound: bool, told: &[Told]| -> f64 {
        let rows = told.iter().filter(|row| row.is_bound == is_bound);
        rows.map(Told::count).sum()
    };
    let (bound, free) = (of(true, told), of(false, told));
    let factor = (total - bound) / free.max(1.0);
    let is_more = bound > 0.0 && free > 0.0 && factor > 1.0;
    if is_more {
        for row in told.iter_mut().filter(|row| !row.is_bound) {
            row.factor *= factor;
        }
    }
    is_more
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_CLASS: usize = 44;

    fn row(row: u32, class: Option<usize>, count: f64, each: f64) -> Told {
        Told {
            row,
            class,
            whole: 0.0,
            windows: count,
            factor: 1.0,
            each,
            is_bound: false,
        }
    }

    fn counts(by_class: &[(usize, f64)], bytes: f64) -> Counts {
        let counted = |total| Counted { total, error: 0.03 };
        let mut all = vec![counted(0.0); SIZES.len()];
        for (class, total) in by_class {
            all[*class] = counted(*total);
        }
        Counts {
            by_class: all,
            bytes: counted(bytes),
            processors: 2,
        }
    }

    #[test]
    fn a_burst_in_a_window_is_no_more_than_the_runtime_counted_of_its_size() {
        let counts = counts(&[(PAGE_CLASS, 850.0), (4, 1e6)], 1e9);
        let mut told = [
            row(0, Some(PAGE_CLASS), 170_000.0, 4_096.0),
            row(1, Some(4), 680_850.0, 32.0),
            row(2, None, 150_000.0, 24.0),
        ];
        counts.fit(&mut told);
        let found: Vec<f64> = told.iter().map(Told::count).collect();
        assert!((found[0] - 850.0).abs() < 1e-6, "{found:?}");
        assert!(
            (found.iter().sum::<f64>() - 1_000_850.0).abs() < 1.0,
            "{found:?}"
        );
        assert!(
            (found[1] / found[2] - 680_850.0 / 150_000.0).abs() < 0.01,
            "{found:?}"
        );
    }

    #[test]
    fn what_is_raised_instead_is_bound_too() {
        let counts = counts(&[(PAGE_CLASS, 1_000.0), (4, 50_000.0)], 1e9);
        let mut told = [
            row(0, Some(PAGE_CLASS), 60_000.0, 4_096.0),
            row(1, Some(4), 45_000.0, 32.0),
            row(2, Some(5), 1_000.0, 48.0),
        ];
        counts.fit(&mut told);
        assert!(
            told[1].count() <= 50_000.0 * 1.03 + 1_100.0,
            "{}",
            told[1].count()
        );
    }

    #[test]
    fn slices_of_all_sizes_have_no_more_bytes_than_are_left() {
        let counts = counts(&[(4, 1e6)], 4.2e7);
        let mut told = [row(0, Some(4), 1e6, 32.0), row(1, None, 50_000.0, 600.0)];
        counts.fit(&mut told);
        let left = told[1].bytes();
        assert!((8e6..1.1e7).contains(&left), "{left}");
    }

    #[test]
    fn what_agrees_stays_as_it_is() {
        let counts = counts(&[(4, 1_000.0), (5, 2_000.0)], 1e6);
        let mut told = [
            row(0, Some(4), 1_010.0, 32.0),
            row(1, Some(5), 1_900.0, 48.0),
        ];
        counts.fit(&mut told);
        assert!((told[0].count() - 1_010.0).abs() < 1e-9);
        assert!((told[1].count() - 1_900.0).abs() < 1e-9);
    }
}
