use std::{fs, io::Write as _, path::Path};

use probe_user::analyze::{
    GLayout, GoBinary, LayoutSource, RuntimeGlobals, RuntimeLayout, open_regular,
};
use rtprobe_tests::go::{Kind, VERSIONS};

use crate::support::{require_c, require_go};

fn open(path: &Path) -> GoBinary {
    GoBinary::open(Box::new(open_regular(path).unwrap())).unwrap()
}

fn missing(globals: &RuntimeGlobals, layout: &RuntimeLayout) -> Vec<&'static str> {
    let found = [
        ("allgs", globals.allgs.is_some()),
        ("allp", globals.allp.is_some()),
        ("allm", globals.allm.is_some()),
        ("sched", globals.sched.is_some()),
        ("memstats", globals.memstats.is_some()),
        ("gcController", globals.gc_controller.is_some()),
        ("work.cpuStats", globals.cpu_stats.is_some()),
        ("mbuckets", globals.mbuckets.is_some()),
        ("MemProfileRate", globals.mem_profile_rate.is_some()),
        ("prof.hz", globals.cpu_profile_hz.is_some()),
        ("cpuprof", globals.cpu_profile.is_some()),
        ("blockprofilerate", globals.block_profile_rate.is_some()),
        ("mutexprofilerate", globals.mutex_profile_rate.is_some()),
        ("trace", globals.tracing.is_some()),
        ("ncgocall", globals.ncgocall.is_some()),
        ("waitReasonStrings", globals.wait_reasons.is_some()),
        ("m", layout.m.is_some()),
        ("m.lockedExt", layout.m_locked_ext.is_some()),
        ("p.goidcache", layout.p_goidcache.is_some()),
        ("p timers", layout.p_timers.is_some()),
        ("mstats.numgc", layout.mstats_numgc.is_some()),
        (
            "mstats.pause_total_ns",
            layout.mstats_pause_total_ns.is_some(),
        ),
        ("heapStatsDelta", layout.heap_stats.is_some()),
        ("memRecordCycle", layout.mem_record_cycle.is_some()),
    ];
    let absent = found.into_iter().filter(|(_, found)| !found);
    absent.map(|(name, _)| name).collect()
}

/// The same file without the names of its symbol table and debug information.
fn without_names(path: &Path) -> GoBinary {
    let mut bytes = fs::read(path).unwrap();
    for section in ["symtab", "debug_info", "debug_abbrev"] {
        let name = format!(".{section}\0");
        let places: Vec<_> = bytes
            .windows(name.len())
            .enumerate()
            .filter(|(_, found)| *found == name.as_bytes())
            .map(|(place, _)| place)
            .collect();
        assert!(!places.is_empty(), "{} has no {section}", path.display());
        for place in places {
            bytes[place] = b'x';
        }
    }
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    GoBinary::open(Box::new(file)).unwrap()
}

/// Symbols and debug information on one side, instructions and tables by version on the other.
#[test]
fn files_without_symbols_give_the_same_addresses_and_offsets() {
    for version in VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        for kind in [Kind::Plain, Kind::Pie] {
            let path = go.build("census", kind);
            let (whole, bare) = (open(&path), without_names(&path));
            let (globals, layout) = (whole.runtime_globals(), whole.runtime_layout());
            assert_eq!(missing(globals, layout), [""; 0], "go{version} {kind:?}");
            assert_eq!(bare.runtime_globals(), globals, "go{version} {kind:?}");
            assert_eq!(bare.runtime_layout(), layout, "go{version} {kind:?}");
            let same_source = GLayout {
                source: LayoutSource::Dwarf,
                ..bare.g_layout()
            };
            assert_eq!(same_source, whole.g_layout(), "go{version} {kind:?}");
        }
    }
}

#[test]
fn stripped_programs_lack_nothing() {
    for version in VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        for kind in [Kind::Stripped, Kind::StrippedPie] {
            let binary = open(&go.build("census", kind));
            let (globals, layout) = (binary.runtime_globals(), binary.runtime_layout());
            assert_eq!(missing(globals, layout), [""; 0], "go{version} {kind:?}");
        }
    }
}

#[test]
fn programs_with_c_have_everything_too() {
    let Some(()) = require_c() else { return };
    for version in VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        let binary = open(&go.build("census", Kind::Cgo));
        let (globals, layout) = (binary.runtime_globals(), binary.runtime_layout());
        assert_eq!(missing(globals, layout), [""; 0], "go{version}");
    }
}
