//! What a process runs code from: its executable, libraries, the kernel's vDSO.

use std::ops::Range;

use super::{ProcFs, load_bias};

/// Mappings that are kept; a process with more maps its own machine code, page by page.
const MAX_MAPPINGS: usize = 4096;

/// Executable mappings with what they are mapped from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeMap(Vec<(Range<u64>, String)>);

impl CodeMap {
    /// Reads the mappings of a process; none where they can't be read.
    pub fn of_pid(pid: u32) -> Self {
        let maps = ProcFs::host().text(pid, "maps");
        maps.map_or_else(|_| Self::default(), |maps| Self::parse(&maps))
    }

    fn parse(maps: &str) -> Self {
        let named = |mapping: load_bias::Mapping| {
            let name = mapping.path().rsplit('/').next().unwrap_or_default();
            (mapping.range(), name.to_owned())
        };
        let mappings = maps.lines().filter_map(load_bias::parse_executable);
        Self(mappings.take(MAX_MAPPINGS).map(named).collect())
    }

    /// Returns the name of the file, or of the kernel's mapping, that `address` lies in; empty for anonymous
    /// memory.
    pub fn name_at(&self, address: u64) -> Option<&str> {
        let holds = |(range, _): &&(Range<u64>, String)| range.contains(&address);
        self.0.iter().find(holds).map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_named_after_its_file() {
        let map = CodeMap::parse(
            "00400000-004a0000 r-xp 00000000 08:01 42   /opt/api (deleted)\n\
             7f0000000000-7f0000001000 r--p 00000000 08:01 7   /usr/lib/libc.so.6\n\
             7f0000001000-7f0000002000 r-xp 00001000 08:01 7   /usr/lib/libc.so.6\n\
             7f0000100000-7f0000101000 r-xp 00000000 00:00 0 \n\
             7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0   [vdso]\n",
        );
        assert_eq!(map.name_at(0x40_0000), Some("api (deleted)"));
        assert_eq!(map.name_at(0x7f00_0000_0000), None);
        assert_eq!(map.name_at(0x7f00_0000_1fff), Some("libc.so.6"));
        assert_eq!(map.name_at(0x7f00_0010_0000), Some(""));
        assert_eq!(map.name_at(0x7ffd_0000_1000), Some("[vdso]"));
    }
}
