//! What cannot be known of a file, and what that costs, in full sentences.

use super::{GLayout, GoBinary, GoVersion, LayoutSource, NEWEST, OLDEST};

pub(super) fn of(binary: &GoBinary) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(of_version(binary));
    let old = binary
        .go_version
        .is_some_and(|version| version.release() < OLDEST);
    if binary.tables.module.gofunc.is_none() && !old {
        found.push("The inline trees were not found: inlined calls are not expanded.".to_owned());
    }
    if !binary.origins.is_known() {
        found.push(
            "The source file of the scheduler was not found, as if names were obfuscated: the runtime \
             and the standard library are not told from the user's code."
                .to_owned(),
        );
    }
    let known = GLayout::by_version(binary.go_version).is_some();
    if !known && binary.g_layout().source == LayoutSource::Unknown {
        found.push(
            "The layout of runtime.g is unknown for this version: states, numbers and creation sites \
             of goroutines cannot be read."
                .to_owned(),
        );
    }
    found
}

fn of_version(binary: &GoBinary) -> Option<String> {
    let recorded = &binary.build_info.go_version;
    match binary.go_version.map(GoVersion::release) {
        None if recorded.is_empty() => {
            Some("The file has no build info: its Go version and modules are unknown.".to_owned())
        }
        None => Some(format!(
            "The Go version `{recorded}` is not a release: its tables are read like those of the \
             newest known one."
        )),
        Some(version) if version > NEWEST => Some(format!(
            "{recorded} is newer than the versions that rtprobe was checked with, up to go{}.{}: \
             functions, lines and frames are read as before, and nothing vouches for them.",
            NEWEST.0, NEWEST.1
        )),
        Some(version) if version < OLDEST => Some(format!(
            "{recorded} is older than go{}.{}: inlined calls are not expanded.",
            OLDEST.0, OLDEST.1
        )),
        Some(_) => None,
    }
}
