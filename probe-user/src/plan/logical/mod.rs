//! The logical probes of the contract, and the runtime functions that stand for each of them.
//!
//! Functions are found by presence, never by version. Sources: Go 1.21 to 1.27, src/runtime, src/time,
//! src/sync and src/reflect. Call chains and registers were read off built binaries of each version.

mod goroutines;
mod memory;
mod process;
mod synchronization;

use super::hook::LogicalProbe;

/// Returns every logical probe, in the order of the report.
pub(super) fn logical_probes() -> Vec<&'static LogicalProbe> {
    let mut probes: Vec<&LogicalProbe> = [
        goroutines::PROBES,
        memory::PROBES,
        process::PROBES,
        synchronization::PROBES,
    ]
    .into_iter()
    .flatten()
    .collect();
    probes.sort_by_key(|probe| probe.name);
    probes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PROBE_NAMES;

    #[test]
    fn every_name_has_one_probe() {
        let names: Vec<_> = logical_probes().iter().map(|probe| probe.name).collect();
        assert_eq!(names, PROBE_NAMES);
    }
}
