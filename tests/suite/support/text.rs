//! Whether a process still has the code that is in its file.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    thread,
    time::{Duration, Instant},
};

/// Compares all executable mappings of the program's own file with the file, and returns how many bytes
/// differ.
#[track_caller]
pub(crate) fn differing_bytes(pid: u32) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let exe = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    let file = File::open(format!("/proc/{pid}/exe")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut compared = 0;
    let mut differing = 0;
    for line in maps.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [range, permissions, offset, _, _, path, ..] = fields.as_slice() else {
            continue;
        };
        if !permissions.contains('x') || *path != exe.to_str().unwrap() {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let hex = |digits: &str| u64::from_str_radix(digits, 16).unwrap();
        let (mut here, mut there) = (vec![0; (hex(to) - hex(from)) as usize], Vec::new());
        memory.read_exact_at(&mut here, hex(from)).unwrap();
        there.resize(here.len(), 0);
        // The last page may reach behind the end of the file, where it is zero.
        let mut n = 0;
        while let Ok(more @ 1..) = file.read_at(&mut there[n..], hex(offset) + n as u64) {
            n += more;
        }
        compared += n;
        differing += here
            .iter()
            .zip(&there)
            .take(n)
            .filter(|(a, b)| a != b)
            .count();
    }
    assert!(
        compared > 1 << 16,
        "only {compared} bytes of text found in {maps}"
    );
    differing
}

/// Waits until the code is the file's again, and returns how long that took.
#[track_caller]
pub(crate) fn wait_until_restored(pid: u32, patience: Duration) -> Duration {
    let began = Instant::now();
    loop {
        let n = differing_bytes(pid);
        if n == 0 {
            return began.elapsed();
        }
        assert!(
            began.elapsed() < patience,
            "{n} bytes differ after {patience:?}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}
