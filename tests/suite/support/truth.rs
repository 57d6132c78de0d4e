//! What target programs print about themselves.

use serde::Deserialize;

/// The last line of the programs `truth`, `truthcgo` and `latency`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Truth {
    pub(crate) elapsed_ns: u64,
    pub(crate) sites: Vec<TruthSite>,
}

/// One call site and one logical probe, named as the report names them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TruthSite {
    pub(crate) site: String,
    pub(crate) probe: String,
    pub(crate) function: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) inlined_into: Option<String>,
    /// Operations begun.
    pub(crate) count: u64,
    /// Operations that returned: a panicking one does not.
    pub(crate) completed: u64,
    /// Bytes asked of the allocator, where they are known.
    pub(crate) bytes: Option<u64>,
    /// Operations that met the probe's condition, where they are known.
    #[serde(default)]
    pub(crate) noted: Option<u64>,
    /// The detail of all of them, in the words of the report.
    #[serde(default)]
    pub(crate) what: Option<String>,
    /// Measured in the program around each operation, where it measures.
    #[serde(default)]
    pub(crate) latency: Option<TruthLatency>,
}

/// Exact quantiles: the value at rank `ceil(q * n)` of all operations.
#[derive(Clone, Copy, Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the unit is part of the name")]
pub(crate) struct TruthLatency {
    pub(crate) min_ns: u64,
    pub(crate) p48_ns: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p52_ns: u64,
    pub(crate) p90_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) max_ns: u64,
    pub(crate) sum_ns: u64,
}
