//! Programs next to nothing, to compare with: one that returns at once, one that adds to a per-CPU counter.
//!
//! Written as instructions and loaded with bpf(2), so that they need neither a compiler nor an object.
//! Instruction encodings: Documentation/bpf/standardization/instruction-set.rst; attributes: `union bpf_attr` in
//! include/uapi/linux/bpf.h, Linux 6.6.

use std::{
    ffi::CString,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

const BPF_MAP_CREATE: libc::c_long = 0;
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_MAP_TYPE_PERCPU_ARRAY: u32 = 6;
const BPF_PROG_TYPE_KPROBE: u32 = 2;
const BPF_TRACE_UPROBE_MULTI: u32 = 48;

/// What the program does at a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bare {
    Empty,
    Count,
}

/// A program in the kernel; detached and unloaded when its descriptors go.
#[derive(Debug)]
pub(super) struct Loaded {
    program: OwnedFd,
    /// What the program counts in.
    _map: Option<OwnedFd>,
}

#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    n_instructions: u32,
    instructions: u64,
    license: u64,
    log: [u32; 4],
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    ifindex: u32,
    expected_attach_type: u32,
}

#[repr(C)]
struct LinkUprobeMulti {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    path: u64,
    offsets: u64,
    ref_ctr_offsets: u64,
    cookies: u64,
    n_sites: u32,
    multi_flags: u32,
    pid: u32,
    padding: u32,
}

/// An instruction: operation, destination and source register, offset, immediate.
const fn instruction(code: u8, registers: u8, offset: i16, immediate: i32) -> u64 {
    code as u64
        | (registers as u64) << 8
        | (offset as u16 as u64) << 16
        | (immediate as u32 as u64) << 32
}

const ZERO_R0: u64 = instruction(0xb7, 0, 0, 0);
const EXIT: u64 = instruction(0x95, 0, 0, 0);

/// Looks up entry 0 of the map and adds 1 to it.
fn counting(map: RawFd) -> Vec<u64> {
    const MAP_LOOKUP_ELEM: i32 = 1;
    const FROM_FD: u8 = 1 << 4;
    vec![
        instruction(0x62, 10, -4, 0),             // *(u32 *)(r10 - 4) = 0
        instruction(0xbf, 2 | 10 << 4, 0, 0),     // r2 = r10
        instruction(0x07, 2, 0, -4),              // r2 += -4
        instruction(0x18, 1 | FROM_FD, 0, map),   // r1 = map
        instruction(0, 0, 0, 0),                  // its upper half
        instruction(0x85, 0, 0, MAP_LOOKUP_ELEM), // call
        instruction(0x15, 0, 3, 0),               // if r0 == 0 goto the end
        instruction(0x79, 1, 0, 0),               // r1 = *(u64 *)(r0 + 0)
        instruction(0x07, 1, 0, 1),               // r1 += 1
        instruction(0x7b, 1 << 4, 0, 0),          // *(u64 *)(r0 + 0) = r1
        ZERO_R0,
        EXIT,
    ]
}

pub(super) fn load(bare: Bare) -> io::Result<Loaded> {
    let map = match bare {
        Bare::Empty => None,
        Bare::Count => {
            let attributes = MapCreate {
                map_type: BPF_MAP_TYPE_PERCPU_ARRAY,
                key_size: 4,
                value_size: 8,
                max_entries: 1,
            };
            // SAFETY: the layout is that of the command, and there are no pointers in it.
            Some(unsafe { bpf(BPF_MAP_CREATE, &attributes) }?)
        }
    };
    let instructions = map
        .as_ref()
        .map_or_else(|| vec![ZERO_R0, EXIT], |map| counting(map.as_raw_fd()));
    let license = c"GPL";
    let attributes = ProgLoad {
        prog_type: BPF_PROG_TYPE_KPROBE,
        n_instructions: instructions.len() as u32,
        instructions: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log: [0; 4],
        kernel_version: 0,
        flags: 0,
        name: *b"rtprobe_bench\0\0\0",
        ifindex: 0,
        expected_attach_type: BPF_TRACE_UPROBE_MULTI,
    };
    // SAFETY: the layout is that of the command; instructions and license outlive the call.
    let program = unsafe { bpf(BPF_PROG_LOAD, &attributes) }?;
    Ok(Loaded { program, _map: map })
}

impl Loaded {
    /// Attaches to file offsets of `path` in the process `pid`, until the link is dropped.
    pub(super) fn attach(&self, path: &Path, pid: u32, offsets: &[u64]) -> io::Result<OwnedFd> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let attributes = LinkUprobeMulti {
            prog_fd: self.program.as_raw_fd() as u32,
            target_fd: 0,
            attach_type: BPF_TRACE_UPROBE_MULTI,
            flags: 0,
            path: path.as_ptr() as u64,
            offsets: offsets.as_ptr() as u64,
            ref_ctr_offsets: 0,
            cookies: 0,
            n_sites: offsets.len() as u32,
            multi_flags: 0,
            pid,
            padding: 0,
        };
        // SAFETY: the layout is that of the command; path and offsets outlive the call.
        unsafe { bpf(BPF_LINK_CREATE, &attributes) }
    }
}

/// Calls bpf(2) with a command that returns a descriptor.
///
/// # Safety
///
/// `attributes` has the layout that the command expects, and its pointers are valid.
unsafe fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the kernel reads as many bytes as it is told; the rest is the caller's promise.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}
