//! `/proc/PID/maps` and the segments of an executable to its load bias.

use std::collections::BTreeMap;

use crate::address::LoadBias;

const PAGE: u64 = 4096;

/// An executable mapping of a file (`proc_pid_maps(5)`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mapping {
    start: u64,
    end: u64,
    file_offset: u64,
    device: (u64, u64),
    inode: u64,
    /// As the kernel writes it, a line break as `\012`.
    path: String,
}

/// What tells the mappings of the executable from those of libraries.
#[derive(Clone, Debug)]
pub(super) struct ExeFile {
    /// Where `/proc/PID/exe` points, as the kernel writes it.
    pub link: String,
    pub device: (u64, u64),
    pub inode: u64,
}

impl ExeFile {
    /// The device in `maps` is another one on btrfs and overlayfs, hence the path beside it.
    fn holds(&self, mapping: &Mapping) -> bool {
        let same_file = mapping.inode == self.inode && mapping.device == self.device;
        same_file || mapping.path == self.link.replace('\n', "\\012")
    }
}

/// Returns the executable mappings of the executable itself.
pub(super) fn text_mappings(maps: &str, exe: &ExeFile) -> Vec<Mapping> {
    maps.lines()
        .filter_map(parse_executable)
        .filter(|mapping| exe.holds(mapping))
        .collect()
}

impl Mapping {
    pub(super) fn range(&self) -> std::ops::Range<u64> {
        self.start..self.end
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

pub(super) fn parse_executable(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (permissions, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (device, rest) = rest.split_once(' ')?;
    let (inode, path) = rest.split_once(' ').unwrap_or((rest, ""));
    if permissions.as_bytes().get(2) != Some(&b'x') {
        return None;
    }
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let (start, end) = range.split_once('-')?;
    let (major, minor) = device.split_once(':')?;
    Some(Mapping {
        start: hex(start)?,
        end: hex(end)?,
        file_offset: hex(offset)?,
        device: (hex(major)?, hex(minor)?),
        inode: inode.parse().ok()?,
        path: path.trim_start().to_owned(),
    })
}

/// Why no load bias can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoBias {
    /// No executable mapping comes from the file: packed, or copied into anonymous memory.
    NoFileText,
    /// The mappings contradict the segments, or each other.
    Contradiction,
}

/// Returns the bias under which the mappings are those of the segments `(file offset, address, length)`.
///
/// A program may map its own file once more: `start_code`, what the kernel noted at exec, then decides.
pub(super) fn load_bias(
    mappings: &[Mapping],
    segments: &[(u64, u64, u64)],
    start_code: u64,
) -> Result<LoadBias, NoBias> {
    if mappings.is_empty() {
        return Err(NoBias::NoFileText);
    }
    let mut covered_by_bias: BTreeMap<u64, u64> = BTreeMap::new();
    for mapping in mappings {
        for segment in segments {
            if let Some((bias, covered)) = bias_if_of(mapping, *segment) {
                let sum = covered_by_bias.entry(bias).or_default();
                *sum = sum.saturating_add(covered);
            }
        }
    }
    let most = covered_by_bias
        .values()
        .max()
        .copied()
        .ok_or(NoBias::Contradiction)?;
    let best: Vec<u64> = covered_by_bias
        .into_iter()
        .filter_map(|(bias, covered)| (covered == most).then_some(bias))
        .collect();
    let lowest = segments.iter().map(|&(_, address, _)| address).min();
    let at_exec =
        |bias: &&u64| lowest.map(|address| address.wrapping_add(**bias)) == Some(start_code);
    match best.as_slice() {
        [only] => Ok(LoadBias(*only)),
        several => several
            .iter()
            .find(at_exec)
            .map(|&bias| LoadBias(bias))
            .ok_or(NoBias::Contradiction),
    }
}

/// Returns the bias and the bytes in common if the mapping lies inside the segment, page by page.
fn bias_if_of(
    mapping: &Mapping,
    (file_offset, address, len): (u64, u64, u64),
) -> Option<(u64, u64)> {
    let segment_start = file_offset - file_offset % PAGE;
    let segment_end = file_offset
        .checked_add(len)?
        .checked_next_multiple_of(PAGE)?;
    let bytes = mapping.end.checked_sub(mapping.start)?;
    let mapping_end = mapping.file_offset.checked_add(bytes)?;
    if mapping.file_offset < segment_start || mapping_end > segment_end {
        return None;
    }
    // Address of the mapping's first byte as stated in the file.
    let stated = address
        .wrapping_sub(file_offset)
        .wrapping_add(mapping.file_offset);
    let bias = mapping.start.wrapping_sub(stated);
    (bias % PAGE == 0).then_some((bias, bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GO_SEGMENT: (u64, u64, u64) = (0, 0x40_0000, 0x8_1234);

    fn exe(link: &str) -> ExeFile {
        ExeFile {
            link: link.to_owned(),
            device: (0xfe, 1),
            inode: 77,
        }
    }

    fn bias_of(
        maps: &str,
        link: &str,
        segments: &[(u64, u64, u64)],
        start_code: u64,
    ) -> Result<LoadBias, NoBias> {
        load_bias(&text_mappings(maps, &exe(link)), segments, start_code)
    }

    #[test]
    fn plain_go_binary_has_bias_zero() {
        let maps = "\
            00400000-00482000 r-xp 00000000 fe:01 77                 /srv/api\n\
            00482000-00523000 r--p 00082000 fe:01 77                 /srv/api\n\
            7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0          [vdso]\n";
        assert_eq!(
            bias_of(maps, "/srv/api", &[GO_SEGMENT], 0x40_0000),
            Ok(LoadBias(0))
        );
    }

    #[test]
    fn position_independent_binary_is_told_from_its_libraries() {
        let maps = "\
            55d0c0000000-55d0c0010000 r--p 00000000 fe:01 77         /srv/api\n\
            55d0c0010000-55d0c0090000 r-xp 00010000 fe:01 77         /srv/api\n\
            7f0000010000-7f0000090000 r-xp 00010000 fe:01 78         /lib/libc.so.6\n";
        let segments = [(0x1_0040, 0x1_1040, 0x7_f000)];
        let expected = Ok(LoadBias(0x55d0_c001_0000 - 0x1_1000));
        assert_eq!(bias_of(maps, "/srv/api", &segments, 0), expected);
    }

    #[test]
    fn overlay_with_another_device_is_matched_by_path() {
        let maps = "00400000-00482000 r-xp 00000000 00:2d 990            /app/api (deleted)\n";
        let bias = bias_of(maps, "/app/api (deleted)", &[GO_SEGMENT], 0);
        assert_eq!(bias, Ok(LoadBias(0)));
    }

    #[test]
    fn line_break_in_the_path_is_matched() {
        let maps = "00400000-00482000 r-xp 00000000 00:2d 990            /a\\012b\n";
        assert_eq!(bias_of(maps, "/a\nb", &[GO_SEGMENT], 0), Ok(LoadBias(0)));
    }

    #[test]
    fn split_mapping_agrees_on_one_bias() {
        let maps = "\
            00400000-00440000 r-xp 00000000 fe:01 77 /srv/api\n\
            00440000-00482000 rwxp 00040000 fe:01 77 /srv/api\n";
        assert_eq!(bias_of(maps, "/srv/api", &[GO_SEGMENT], 0), Ok(LoadBias(0)));
    }

    #[test]
    fn second_mapping_by_the_program_itself_loses_to_the_one_of_exec() {
        let maps = "\
            00400000-00482000 r-xp 00000000 fe:01 77 /srv/api\n\
            7f0000000000-7f0000082000 r-xp 00000000 fe:01 77 /srv/api\n";
        assert_eq!(
            bias_of(maps, "/srv/api", &[GO_SEGMENT], 0x40_0000),
            Ok(LoadBias(0))
        );
        let undecided = bias_of(maps, "/srv/api", &[GO_SEGMENT], 0);
        assert_eq!(undecided, Err(NoBias::Contradiction));
    }

    #[test]
    fn text_outside_the_file_is_told() {
        let maps = "00400000-00482000 r-xp 00000000 00:00 0 \n";
        assert_eq!(
            bias_of(maps, "/srv/upx", &[GO_SEGMENT], 0),
            Err(NoBias::NoFileText)
        );
    }

    #[test]
    fn mapping_beyond_the_segment_is_a_contradiction() {
        let maps = "00400000-00490000 r-xp 00000000 fe:01 77 /srv/api\n";
        assert_eq!(
            bias_of(maps, "/srv/api", &[GO_SEGMENT], 0),
            Err(NoBias::Contradiction)
        );
    }

    proptest! {
        #[test]
        fn any_bias_is_found_again(page in 0..0x7_0000_0000u64, offset in 0..1u64 << 30, len in 1..1u64 << 30) {
            let address = 0x40_0000 + offset;
            let start = (address - address % PAGE) + page * PAGE;
            let end = (address + len).next_multiple_of(PAGE) + page * PAGE;
            let file_offset = offset - offset % PAGE;
            let maps = format!("{start:x}-{end:x} r-xp {file_offset:x} fe:01 77 /x\n");
            let bias = bias_of(&maps, "/x", &[(offset, address, len)], 0);
            prop_assert_eq!(bias, Ok(LoadBias(page * PAGE)));
        }

        #[test]
        fn never_panics(
            maps in any::<String>(),
            start in any::<u64>(), end in any::<u64>(), at in any::<u64>(),
            segments in proptest::collection::vec(any::<(u64, u64, u64)>(), 0..4),
        ) {
            let hostile = format!("{maps}\n{start:x}-{end:x} r-xp {at:x} fe:01 77 /x\n");
            let bias = bias_of(&hostile, "/x", &segments, start);
            prop_assert!(bias.is_ok_and(|bias| bias.0 % PAGE == 0) || bias.is_err());
        }
    }
}
