//! The system calls that std has no safe form for; the only `unsafe` code of user space beside
//! `bpf_batch`, `attach/gates.rs` and `calibrate/child.rs`.

use std::{
    ffi::{CStr, CString},
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, ExitStatus},
    ptr, thread,
    time::{Duration, Instant},
};

use crate::discover::Credentials;

/// Opens a descriptor of a process that becomes readable when it ends (`pidfd_open(2)`, Linux 5.3).
pub fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    let flags: libc::c_uint = 0;
    // SAFETY: takes two integers and touches no memory of ours.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
    owned(fd)
}

/// Tells whether a read would return at once; of a pidfd, whether its process has ended.
pub fn is_readable(fd: &OwnedFd) -> io::Result<bool> {
    wait_readable([fd.as_fd()], Duration::ZERO).map(|[is_readable]| is_readable)
}

/// Has every large piece of memory given back as soon as it is freed, for as long as this process runs: by itself
/// the GNU C library keeps more and more of them for later (`mallopt(3)`, "dynamic mmap threshold").
pub fn keep_no_large_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes two integers; whether it takes them (it returns 0 if not) changes nothing but memory.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_MEMORY);
    }
}

/// Below it a system call more for each piece costs more than the memory is worth.
#[cfg(target_env = "gnu")]
const LARGE_MEMORY: libc::c_int = 1 << 20;

/// Returns the CPU time that all threads of a process took, ended ones included, in nanoseconds.
pub fn process_cpu_time_ns(pid: u32) -> io::Result<u64> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let time = clock_ns((!pid << CPU_CLOCK_PID_SHIFT) | CPU_CLOCK_SCHED);
    // A clock that does not exist is the clock of nobody.
    time.map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => io::Error::from_raw_os_error(libc::ESRCH),
        _ => error,
    })
}

/// A process's CPU clock is named by its pid (`MAKE_PROCESS_CPUCLOCK`, include/linux/posix-timers.h); asking libc
/// for the name is a system call more.
const CPU_CLOCK_PID_SHIFT: u32 = 3;
const CPU_CLOCK_SCHED: libc::clockid_t = 2;

/// Reads ranges of another process's memory, `(address, length)` each, one after the other into `into`
/// (`process_vm_readv(2)`). Returns the number of bytes; it stops before the first range that can't be read
/// whole, and at the kernel's limit of [`VM_RANGES`] ranges.
pub fn process_vm_read(pid: u32, into: &mut [u8], ranges: &[(u64, usize)]) -> io::Result<usize> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let ranges = ranges.get(..VM_RANGES).unwrap_or(ranges);
    let remote: Vec<libc::iovec> = ranges
        .iter()
        .map(|&(address, len)| libc::iovec {
            iov_base: address as *mut libc::c_void,
            iov_len: len,
        })
        .collect();
    let local = libc::iovec {
        iov_base: into.as_mut_ptr().cast(),
        iov_len: into.len(),
    };
    // SAFETY: the local range is `into`, borrowed for the call, and the kernel writes no further than its
    // length; the remote ranges are addresses of another process, which the kernel checks.
    let n = unsafe {
        libc::process_vm_readv(
            pid,
            &raw const local,
            1,
            remote.as_ptr(),
            remote.len() as libc::c_ulong,
            0,
        )
    };
    usize::try_from(n).map_err(|_negative| io::Error::last_os_error())
}

/// `UIO_MAXIOV`, include/uapi/linux/uio.h.
pub const VM_RANGES: usize = 1024;

/// Returns how often the CPU's time stamp counter ticks per nanosecond, measured for some milliseconds. Go's
/// `cputicks` reads the same counter.
pub fn cpu_ticks_per_ns() -> f64 {
    let (ticks, ns) = ticks_and_time();
    thread::sleep(Duration::from_millis(5));
    let (later, end) = ticks_and_time();
    later.wrapping_sub(ticks) as f64 / end.saturating_sub(ns).max(1) as f64
}

/// Returns the counter and the clock at the same moment: of some attempts the one that was not interrupted.
fn ticks_and_time() -> (u64, u64) {
    // SAFETY: reads a register that every x86-64 CPU has.
    let ticks = || unsafe { std::arch::x86_64::_rdtsc() };
    let attempt = |_| {
        let (before, ns, after) = (ticks(), monotonic_ns(), ticks());
        (after.wrapping_sub(before), before, ns)
    };
    (0..16)
        .map(attempt)
        .min()
        .map_or((0, 0), |(_, ticks, ns)| (ticks, ns))
}

/// Returns the number of the CPU that this thread runs on.
pub fn this_cpu() -> Option<u32> {
    // SAFETY: takes nothing, and returns a number.
    u32::try_from(unsafe { libc::sched_getcpu() }).ok()
}

/// Returns the CPU time that this process took, all threads together.
pub fn own_cpu_time() -> Duration {
    process_cpu_time_ns(std::process::id()).map_or(Duration::ZERO, Duration::from_nanos)
}

/// Returns the CPU time that the children took that have ended and were waited for.
pub fn ended_children_cpu_time() -> Duration {
    // SAFETY: a structure of integers; zero is a value of each.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a rusage that outlives the call.
    if unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) } != 0 {
        return Duration::ZERO;
    }
    let time = |of: libc::timeval| {
        let micros = of
            .tv_sec
            .saturating_mul(1_000_000)
            .saturating_add(of.tv_usec);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Returns the kernel's release, for example `6.12.48-amd64`.
pub fn kernel_release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Returns how many CPUs the host has, whichever of them this process may run on.
pub fn online_cpus() -> u32 {
    // SAFETY: takes an integer and touches no memory of ours.
    let online = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    u32::try_from(online).map_or(1, |online| online.max(1))
}

/// Returns the CPUs that a process may run on.
pub fn allowed_cpus(pid: u32) -> io::Result<Vec<u32>> {
    // SAFETY: a set of bits; zero is the empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `set` is valid for writes of the size that is passed.
    check(unsafe {
        libc::sched_getaffinity(
            pid as libc::pid_t,
            size_of::<libc::cpu_set_t>(),
            &raw mut set,
        )
    })?;
    // SAFETY: the index is below the size of the set.
    let is_set = |cpu: &u32| unsafe { libc::CPU_ISSET(*cpu as usize, &set) };
    Ok((0..libc::CPU_SETSIZE as u32).filter(is_set).collect())
}

/// Acts on another CPU than the one that this thread runs on; an error where it may run on no other.
pub fn elsewhere<T>(act: impl FnOnce() -> T) -> io::Result<T> {
    let (here, allowed) = (this_cpu(), allowed_cpus(0)?);
    let is_other = |cpu: &u32| Some(*cpu) != here;
    let others: Vec<u32> = allowed.iter().copied().filter(is_other).collect();
    stay_on(&others)?;
    let done = act();
    stay_on(&allowed)?;
    Ok(done)
}

/// Has this thread run on the CPU that it is on.
pub fn stay_here() -> io::Result<()> {
    this_cpu().map_or(Ok(()), |cpu| stay_on(&[cpu]))
}

/// Has this thread run on these CPUs only.
fn stay_on(cpus: &[u32]) -> io::Result<()> {
    // SAFETY: a set of bits; zero is the empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in cpus {
        // SAFETY: the kernel has no more CPUs than there is room for (`allowed_cpus`).
        unsafe { libc::CPU_SET(*cpu as usize, &mut set) };
    }
    // SAFETY: `set` is valid for reads of the size that is passed.
    let failed =
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    check(failed)
}

/// Returns how many samples a second and CPU the kernel takes at most.
pub fn max_sample_rate() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/sys/kernel/perf_event_max_sample_rate").ok()?;
    text.trim().parse().ok()
}

/// Makes a clock of one CPU that runs a BPF program each `period_ns` of it, whatever runs there; off until it is told
/// to begin (include/uapi/linux/perf_event.h, `struct perf_event_attr` as of its first version).
pub fn cpu_clock(cpu: u32, period_ns: u64, program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    const TYPE_SOFTWARE: u64 = 1;
    const CPU_CLOCK: u64 = 0;
    const DISABLED: u64 = 1;
    const CLOSE_ON_EXEC: libc::c_ulong = 8;
    const SET_BPF: libc::c_ulong = 0x4004_2408;
    let size = size_of::<[u64; 8]>() as u64;
    // Type and size, what it counts, period, what is sampled and read, flags, and what wakes up.
    let attributes: [u64; 8] = [
        TYPE_SOFTWARE | size << 32,
        CPU_CLOCK,
        period_ns,
        0,
        0,
        DISABLED,
        0,
        0,
    ];
    // SAFETY: the attributes are as long as they say.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            attributes.as_ptr(),
            -1_i32,
            cpu as i32,
            -1_i32,
            CLOSE_ON_EXEC,
        )
    };
    let event = owned(fd)?;
    // SAFETY: takes a descriptor.
    check(unsafe { libc::ioctl(event.as_raw_fd(), SET_BPF, program.as_raw_fd()) })?;
    Ok(event)
}

/// Turns an event on or off.
pub fn enable_event(event: RawFd, on: bool) -> io::Result<()> {
    const ENABLE: libc::c_ulong = 0x2400;
    const DISABLE: libc::c_ulong = 0x2401;
    // SAFETY: takes integers; a descriptor that is no event is an error.
    check(unsafe { libc::ioctl(event, if on { ENABLE } else { DISABLE }, 0) }).map(drop)
}

/// Returns the columns of the terminal that standard output is, if it is one.
pub fn terminal_width() -> Option<usize> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the pointer is to a winsize that outlives the call.
    let result = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Waits for a child to end, kills it when that takes too long, and returns how it ended and whether it was killed.
pub fn wait_or_kill(child: &mut Child, patience: Duration) -> io::Result<(ExitStatus, bool)> {
    let asked = Instant::now();
    while asked.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            return Ok((status, false));
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill()?;
    Ok((child.wait()?, true))
}

/// Asks a child of this process to end. It must not have been waited for: until then its pid is its own.
pub fn terminate(child: &mut Child) -> io::Result<()> {
    // SAFETY: takes two integers and touches no memory of ours.
    check(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) })
}

/// Makes the command's child take on `credentials`, report its pid, wait for one byte, and only then exec.
///
/// `go_parent` is the end that stays here: the child closes its copy, so that its wait ends with this
/// process too, in which case it does not exec.
pub fn hold_before_exec(
    command: &mut Command,
    ready: PipeWriter,
    go: PipeReader,
    go_parent: &PipeWriter,
    credentials: Option<Credentials>,
) {
    let go_parent = go_parent.as_raw_fd();
    let wait = move || {
        // SAFETY: in the child this copy of the descriptor belongs to nobody.
        unsafe { libc::close(go_parent) };
        if let Some(credentials) = &credentials {
            become_user(credentials)?;
        }
        (&ready).write_all(&std::process::id().to_ne_bytes())?;
        match (&go).read(&mut [0])? {
            0 => Err(io::Error::from_raw_os_error(libc::ECANCELED)),
            _ => Ok(()),
        }
    };
    // SAFETY: between fork and exec the closure makes async-signal-safe calls only (close, setgroups,
    // setgid, setuid, getpid, write, read) and neither allocates nor takes a lock.
    unsafe { command.pre_exec(wait) };
}

/// Returns all groups of a user, `own` first, from wherever the host keeps them (getgrouplist(3)).
pub fn groups_of(user: &str, own: u32) -> Vec<u32> {
    const ROOM: usize = 1024;
    let Ok(user) = CString::new(user) else {
        return vec![own];
    };
    let mut groups = vec![own; ROOM];
    let mut count = ROOM as libc::c_int;
    // SAFETY: the name ends in NUL, and the list has as many entries as the count says.
    let found =
        unsafe { libc::getgrouplist(user.as_ptr(), own, groups.as_mut_ptr(), &raw mut count) };
    // More than there is room for is an error; the own group is in the list in any case.
    groups.truncate(if found < 1 { 1 } else { found as usize });
    groups
}

fn become_user(credentials: &Credentials) -> io::Result<()> {
    let groups = &credentials.groups;
    // SAFETY: the pointer and the count are of one slice that outlives the call.
    check(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })?;
    // SAFETY: takes an integer and touches no memory of ours.
    check(unsafe { libc::setgid(credentials.gid) })?;
    // SAFETY: takes an integer and touches no memory of ours.
    check(unsafe { libc::setuid(credentials.uid) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Commands and types of bpf(2) (include/uapi/linux/bpf.h).
const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_LINK_CREATE: libc::c_long = 28;
const BPF_PROG_TYPE_KPROBE: u32 = 2;
const BPF_TRACE_UPROBE_MULTI: u32 = 48;

/// The start of `union bpf_attr` for `BPF_PROG_LOAD`; the kernel takes what is left out as 0.
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    n_instructions: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    ifindex: u32,
    expected_attach_type: u32,
}

/// The start of `union bpf_attr` for `BPF_LINK_CREATE` with `BPF_TRACE_UPROBE_MULTI`.
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

/// Loads a program for `uprobe.multi` that does nothing.
///
/// `EPERM` without the privilege. Kernels before 6.6 load it too: they ignore the attach type.
pub fn bpf_load_empty_uprobe() -> io::Result<OwnedFd> {
    // r0 = 0; exit
    let instructions: [u64; 2] = [0x0000_0000_0000_00b7, 0x0000_0000_0000_0095];
    let license = c"GPL";
    let attributes = ProgLoad {
        prog_type: BPF_PROG_TYPE_KPROBE,
        n_instructions: instructions.len() as u32,
        instructions: instructions.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kernel_version: 0,
        flags: 0,
        name: *b"rtprobe_check\0\0\0",
        ifindex: 0,
        expected_attach_type: BPF_TRACE_UPROBE_MULTI,
    };
    // SAFETY: the attributes have the layout that the command reads, and the instructions and the license
    // that they point to outlive the call.
    unsafe { bpf(BPF_PROG_LOAD, &attributes) }
}

/// What `bpf_link_uprobe_multi` links a program to.
#[derive(Clone, Copy, Debug)]
pub struct UprobeSites<'a> {
    pub path: &'a CStr,
    /// Offsets into the file.
    pub offsets: &'a [u64],
    /// One for each offset, or none at all.
    pub cookies: &'a [u64],
    /// 0: every process; -1 asks for the kernel's answer to a pid that cannot be.
    pub pid: i32,
}

/// Links a program to instructions of a file through `uprobe.multi`. Closing the descriptor takes it off.
pub fn bpf_link_uprobe_multi(
    program: BorrowedFd<'_>,
    sites: &UprobeSites<'_>,
) -> io::Result<OwnedFd> {
    let cookies = match sites.cookies {
        [] => ptr::null(),
        cookies if cookies.len() == sites.offsets.len() => cookies.as_ptr(),
        _ => return Err(io::Error::from_raw_os_error(libc::EINVAL)),
    };
    let attributes = LinkUprobeMulti {
        prog_fd: program.as_raw_fd() as u32,
        target_fd: 0,
        attach_type: BPF_TRACE_UPROBE_MULTI,
        flags: 0,
        path: sites.path.as_ptr() as u64,
        offsets: sites.offsets.as_ptr() as u64,
        ref_ctr_offsets: 0,
        cookies: cookies as u64,
        n_sites: sites.offsets.len() as u32,
        multi_flags: 0,
        pid: sites.pid as u32,
        padding: 0,
    };
    // SAFETY: the attributes have the layout that the command reads; the path, the offsets and as many
    // cookies that they point to outlive the call.
    unsafe { bpf(BPF_LINK_CREATE, &attributes) }
}

/// Waits until a read of one of them would return at once, at most so long, and returns of which.
pub fn wait_readable<const N: usize>(
    fds: [BorrowedFd<'_>; N],
    patience: Duration,
) -> io::Result<[bool; N]> {
    let mut polls = fds.map(|fd| libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    });
    // Rounded up, lest nobody waits for the last part of it.
    let patience = patience.as_micros().div_ceil(1_000);
    let patience = libc::c_int::try_from(patience).unwrap_or(libc::c_int::MAX);
    // SAFETY: the pointer is to as many of them as the count says, and does not outlive the call.
    match unsafe { libc::poll(polls.as_mut_ptr(), N as libc::nfds_t, patience) } {
        -1 => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok([false; N]),
            error => Err(error),
        },
        _ => Ok(polls.map(|poll| poll.revents != 0)),
    }
}

/// Makes the command's child keep descriptors that this process would take along.
pub fn inherit(command: &mut Command, descriptors: Vec<RawFd>) {
    let keep = move || {
        for fd in &descriptors {
            // SAFETY: takes integers; a descriptor that is not open is an error.
            check(unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) })?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure calls fcntl only, which is async-signal-safe.
    unsafe { command.pre_exec(keep) };
}

/// Lets this process run before others, where it may: for one that sleeps nearly always and then has to be in
/// time. To be called before it has threads: they do as it does.
pub fn prefer_this_process() {
    const NICE: libc::c_int = -15;
    let least = libc::sched_param { sched_priority: 1 };
    // SAFETY: the pointer is to a parameter that outlives the call. Where it is not allowed, nothing changes.
    let is_real_time =
        unsafe { libc::sched_setscheduler(0, libc::SCHED_RR, &raw const least) } == 0;
    if !is_real_time {
        // SAFETY: takes integers only. Where it is not allowed, nothing changes.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
    }
}

/// Returns the time since boot without suspends (`CLOCK_MONOTONIC`), the clock of the kernel programs and of Go's
/// runtime.
pub fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC).unwrap_or(0)
}

fn clock_ns(clock: libc::clockid_t) -> io::Result<u64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec that outlives the call.
    if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// Calls bpf(2) with a command that returns a descriptor.
///
/// # Safety
///
/// `attributes` must have the layout that the command expects, and its pointers must be valid.
unsafe fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the kernel reads as many bytes as it is told; the rest is the caller's promise.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    owned(fd)
}

/// Takes over the descriptor that a system call returned.
fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows of it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Becomes the tracer of a process, until the calling thread ends (ptrace(2), `PTRACE_SEIZE`).
#[cfg(test)]
pub(crate) fn trace(pid: u32) -> io::Result<()> {
    // SAFETY: seizing takes no pointers; the two null ones are required to be null.
    let result = unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid as libc::pid_t, 0usize, 0usize) };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use std::mem;

    use super::*;

    #[test]
    fn pidfd_tells_of_the_end() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pidfd = pidfd_open(child.id()).unwrap();
        assert!(!is_readable(&pidfd).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_readable(&pidfd).unwrap());
        let gone = pidfd_open(child.id()).unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn cpu_time_grows_with_work() {
        let own = std::process::id();
        let before = process_cpu_time_ns(own).unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        assert!(process_cpu_time_ns(own).unwrap() > before + 1_000_000);
    }

    #[test]
    fn cpus_of_the_host_are_counted_whatever_this_process_may_use() {
        let stat = std::fs::read_to_string("/proc/stat").unwrap();
        let is_cpu = |line: &&str| {
            line.strip_prefix("cpu")
                .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        };
        let online = stat.lines().filter(is_cpu).count();
        assert_eq!(online_cpus() as usize, online);
    }

    #[test]
    fn groups_of_a_user_begin_with_the_own_one() {
        assert_eq!(groups_of("root", 0).first(), Some(&0));
        assert_eq!(groups_of("no such user", 7), [7]);
    }

    #[test]
    fn attributes_have_the_kernels_layout() {
        assert_eq!(mem::offset_of!(ProgLoad, expected_attach_type), 68);
        assert_eq!(mem::offset_of!(LinkUprobeMulti, path), 16);
        assert_eq!(mem::offset_of!(LinkUprobeMulti, pid), 56);
    }
}
