//! What an allocation is for, told by the functions of the runtime between the allocator and the program.

use super::calls::Calls;
use crate::allocated::ALLOCATOR;

/// Why the runtime allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `new`, `&T{}`, a variable that escapes, a closure.
    Object,
    /// `make([]T, n)`.
    Slice,
    /// `append` beyond the capacity.
    SliceGrowth,
    /// A map that outgrew its table.
    MapGrowth,
    /// A value that becomes an interface.
    Boxing,
    /// `string(b)`, `[]byte(s)`.
    StringCopy,
    /// Anything else: slices that are copied, maps and channels that are made, strings that are joined, the runtime's own.
    Other,
}

/// Of the chain, the first that matches any of its prefixes decides. Sources: src/runtime/iface.go, slice.go,
/// string.go, map.go (up to 1.23), src/internal/runtime/maps (from 1.24); chains observed at Go 1.21 to 1.27.
const BY_FUNCTION: [(&str, Purpose); 20] = [
    ("runtime.convT", Purpose::Boxing),
    ("runtime.growslice", Purpose::SliceGrowth),
    ("runtime.slicebytetostring", Purpose::StringCopy),
    ("runtime.stringtoslicebyte", Purpose::StringCopy),
    ("runtime.hashGrow", Purpose::MapGrowth),
    ("internal/runtime/maps.(*table).rehash", Purpose::MapGrowth),
    (
        "internal/runtime/maps.(*Map).growToTable",
        Purpose::MapGrowth,
    ),
    ("runtime.makemap", Purpose::Other),
    ("runtime.mapassign", Purpose::Other),
    ("internal/runtime/maps.", Purpose::Other),
    ("runtime.makechan", Purpose::Other),
    ("runtime.newproc", Purpose::Other),
    ("runtime.chan", Purpose::Other),
    ("runtime.selectgo", Purpose::Other),
    ("runtime.deferproc", Purpose::Other),
    ("runtime.concatstring", Purpose::Other),
    ("time.", Purpose::Other),
    ("runtime.makeslice", Purpose::Slice),
    ("runtime.newarray", Purpose::Slice),
    ("runtime.newobject", Purpose::Object),
];

/// Returns what the allocations of a path are for.
pub fn purpose(calls: &Calls) -> Purpose {
    // `newobject` and `newarray` are used by everything else: what calls them comes first.
    let functions = || {
        calls
            .below
            .iter()
            .map(|symbol| symbol.frame.function.as_ref())
    };
    let by_rank = BY_FUNCTION
        .iter()
        .find(|(prefix, _)| functions().any(|f| f.starts_with(prefix)));
    match by_rank {
        Some((_, Purpose::SliceGrowth)) if calls.grows_from_nothing => Purpose::Other,
        Some((_, purpose)) => *purpose,
        // From Go 1.27 on, compiled code calls the allocators of a size class itself.
        None if functions().all(|f| f.starts_with(ALLOCATOR)) => Purpose::Object,
        None => Purpose::Other,
    }
}

/// Returns whether the allocations have that purpose.
pub fn is_for(purpose_wanted: Purpose) -> impl Fn(&Calls) -> bool {
    move |calls| purpose(calls) == purpose_wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::sample::calls;

    #[test]
    fn the_chain_tells_the_purpose_at_every_release() {
        let chains: [(&[&str], Purpose); 14] = [
            (&["runtime.newobject"], Purpose::Object),
            (&[], Purpose::Object),
            (&["runtime.mallocgc", "runtime.newobject"], Purpose::Object),
            (&["runtime.makeslice"], Purpose::Slice),
            (
                &["runtime.mallocgc", "runtime.growslice"],
                Purpose::SliceGrowth,
            ),
            (&["runtime.convT64"], Purpose::Boxing),
            (&["runtime.convTstring"], Purpose::Boxing),
            (&["runtime.slicebytetostring"], Purpose::StringCopy),
            (
                &["runtime.rawbyteslice", "runtime.stringtoslicebyte"],
                Purpose::StringCopy,
            ),
            (
                &[
                    "runtime.newarray",
                    "runtime.makeBucketArray",
                    "runtime.hashGrow",
                    "runtime.mapassign_fast64",
                ],
                Purpose::MapGrowth,
            ),
            (
                &[
                    "runtime.newarray",
                    "internal/runtime/maps.newarray",
                    "internal/runtime/maps.newGroups",
                    "internal/runtime/maps.(*table).reset",
                    "internal/runtime/maps.newTable",
                    "internal/runtime/maps.(*table).grow",
                    "internal/runtime/maps.(*table).rehash",
                    "runtime.mapassign_faststr",
                ],
                Purpose::MapGrowth,
            ),
            (&["runtime.makemap_small"], Purpose::Other),
            (
                &[
                    "runtime.newobject",
                    "runtime.acquireSudog",
                    "runtime.chansend",
                ],
                Purpose::Other,
            ),
            (
                &["runtime.newobject", "runtime.malg", "runtime.newproc1"],
                Purpose::Other,
            ),
        ];
        for (chain, expected) in chains {
            assert_eq!(
                purpose(&calls("alloc").through_runtime(chain)),
                expected,
                "{chain:?}"
            );
        }
    }
}
