//! Against real processes.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::*;
use crate::{address::ProcAddr, sys};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    /// Returns when the kernel has set up the process's stack, its last step of executing the program.
    fn sleep() -> Self {
        let process = Self::start(Command::new("sleep").arg("60"));
        let has_stack = || ProcFs::host().stat(process.pid()).unwrap().start_stack != 0;
        while !has_stack() {
            thread::yield_now();
        }
        process
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn running_process_is_identified() {
    let process = Running::sleep();
    let target = discover(process.pid()).unwrap();
    assert_eq!((target.pid, target.comm.as_str()), (process.pid(), "sleep"));
    assert_eq!(
        target.exe.file_name(),
        fs::canonicalize("/bin/sleep").unwrap().file_name()
    );
    assert!(target.identity.start_stack.is_some() && !target.stopped && !target.exe_deleted);
    assert_eq!(target.threads, 1);
    assert_eq!(target.is_same_process(), Liveness::Same);
}

#[test]
fn reaped_pid_is_no_process() {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let error = discover(child.id()).unwrap_err();
    assert!(
        matches!(error, DiscoverError::NoSuchProcess { .. }),
        "{error}"
    );
}

#[test]
fn zombie_has_ended() {
    let child = Running::start(&mut Command::new("true"));
    eventually("it becomes a zombie", || {
        matches!(discover(child.pid()), Err(DiscoverError::Zombie { .. }))
    });
}

#[test]
fn kernel_thread_own_pid_and_thread_are_refused() {
    assert!(matches!(
        discover(2),
        Err(DiscoverError::KernelThread { .. })
    ));
    let own = std::process::id();
    assert!(matches!(discover(own), Err(DiscoverError::OwnPid { .. })));
    // The test itself runs in a thread that is not the first.
    let thread_id = fs::read_link("/proc/thread-self").unwrap();
    let thread_id: u32 = thread_id
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let error = discover(thread_id).unwrap_err();
    assert!(
        matches!(error, DiscoverError::Thread { process, .. } if process == own),
        "{error}"
    );
}

#[test]
fn stopped_process_is_watched_all_the_same() {
    let process = Running::sleep();
    process.signal("STOP");
    eventually("it stops", || discover(process.pid()).unwrap().stopped);
}

#[test]
fn end_is_seen() {
    let mut process = Running::sleep();
    let target = discover(process.pid()).unwrap();
    process.0.kill().unwrap();
    process.0.wait().unwrap();
    assert_eq!(target.is_same_process(), Liveness::Exited);
    assert_eq!(
        target.cpu_time_ns().unwrap_err().raw_os_error(),
        Some(libc::ESRCH)
    );
    assert!(target.read_memory(ProcAddr(0x1000), &mut [0; 8]).is_err());
}

#[test]
fn exec_of_the_same_file_is_seen() {
    let process = Running::start(Command::new("sh").args([
        "-c",
        "trap 'exec sh -c \"while :; do sleep 0.05; done\"' USR1; while :; do sleep 0.05; done",
    ]));
    eventually("the shell runs", || {
        discover(process.pid()).is_ok_and(|target| target.comm == "sh")
    });
    thread::sleep(Duration::from_millis(100));
    let target = discover(process.pid()).unwrap();
    let text_start = ProcFs::host().stat(process.pid()).unwrap().start_code;
    let mut bytes = [0; 4];
    assert_eq!(
        target
            .read_memory(ProcAddr(text_start), &mut bytes)
            .unwrap(),
        4
    );
    assert_eq!(target.is_same_process(), Liveness::Same);
    process.signal("USR1");
    eventually("the exec is seen", || {
        target.is_same_process() == Liveness::Execed
    });
    let exe = ProcFs::host().path(process.pid(), "exe");
    assert_eq!(
        fs::metadata(exe).unwrap().len(),
        target.exe_file.metadata().unwrap().len()
    );
    // The memory that was opened is that of the program that was identified.
    assert!(
        target
            .read_memory(ProcAddr(text_start), &mut bytes)
            .is_err()
    );
}

#[test]
fn deleted_executable_is_read_through_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("snooze");
    // Not by this process: another test's child would hold it open for writing until it is on its way ("text file busy").
    let copied = Command::new("cp").arg("/bin/sleep").arg(&copy).status();
    assert!(copied.unwrap().success());
    let size = fs::metadata(&copy).unwrap().len();
    let process = Running::start(Command::new(&copy).arg("60"));
    fs::remove_file(&copy).unwrap();
    let target = discover(process.pid()).unwrap();
    assert_eq!((target.exe.clone(), target.exe_deleted), (copy, true));
    assert_eq!(target.exe_file.metadata().unwrap().len(), size);
    assert_eq!(target.is_same_process(), Liveness::Same);
}

#[test]
fn memory_and_bias_of_a_running_program_agree_with_its_file() {
    use object::read::elf::{FileHeader as _, ProgramHeader as _};

    let process = Running::sleep();
    let target = discover(process.pid()).unwrap();
    let mut file = Vec::new();
    (&target.exe_file).read_to_end(&mut file).unwrap();
    let header = object::elf::FileHeader64::<object::LittleEndian>::parse(file.as_slice()).unwrap();
    let endian = header.endian().unwrap();
    let segments: Vec<(u64, u64, u64)> = header
        .program_headers(endian, file.as_slice())
        .unwrap()
        .iter()
        .filter(|segment| {
            segment.p_type(endian) == object::elf::PT_LOAD
                && segment.p_flags(endian) & object::elf::PF_X != 0
        })
        .map(|segment| {
            (
                segment.p_offset(endian),
                segment.p_vaddr(endian),
                segment.p_filesz(endian),
            )
        })
        .collect();
    eventually("the program is mapped", || {
        target.load_bias(&segments).is_ok()
    });
    let bias = target.load_bias(&segments).unwrap();
    let (offset, address, len) = segments[0];
    let mut in_memory = vec![0; len as usize];
    let start = crate::address::VirtAddr(address).in_process(bias);
    assert_eq!(
        target.read_memory(start, &mut in_memory).unwrap(),
        in_memory.len()
    );
    assert!(in_memory == file[offset as usize..][..in_memory.len()]);
}

#[test]
fn cpu_time_is_that_of_the_target() {
    let process = Running::start(Command::new("sh").args(["-c", "while :; do :; done"]));
    let target = discover(process.pid()).unwrap();
    let before = target.cpu_time_ns().unwrap();
    eventually("it works", || {
        target.cpu_time_ns().unwrap() > before + 10_000_000
    });
}

#[test]
fn traced_process_names_its_tracer() {
    let process = Running::sleep();
    sys::trace(process.pid()).unwrap();
    let error = discover(process.pid()).unwrap_err();
    let DiscoverError::Traced { tracer, .. } = error else {
        panic!("{error:?}");
    };
    // The kernel names the thread that traces.
    let thread = fs::read_link("/proc/thread-self").unwrap();
    assert_eq!(
        thread.file_name().unwrap().to_str().unwrap(),
        tracer.to_string()
    );
}

#[test]
fn lost_race_is_an_end_and_no_failure() {
    let mut identified = 0;
    for _ in 0..300 {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        let reaper = thread::spawn(move || child.wait().map(drop));
        match discover(pid) {
            Ok(_) => identified += 1,
            Err(
                DiscoverError::NoSuchProcess { .. }
                | DiscoverError::Ended { .. }
                | DiscoverError::Zombie { .. },
            ) => {}
            Err(other) => panic!("{other:?}"),
        }
        reaper.join().unwrap().unwrap();
    }
    println!("{identified} of 300 were quick enough");
}

fn hold(command: &[&OsStr]) -> Held {
    let command: Vec<OsString> = command.iter().map(|word| (*word).to_owned()).collect();
    Held::start(&command, &program_of(&command).unwrap()).unwrap()
}

#[test]
fn held_command_runs_nothing_before_it_is_released() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let held = hold(&["touch".as_ref(), mark.as_ref()]);
    let pid = held.pid();
    thread::sleep(Duration::from_millis(50));
    assert!(!mark.exists());
    let mut child = held.release().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(child.id(), pid);
    assert!(mark.exists());
}

#[test]
fn released_command_is_a_target() {
    let held = hold(&["sleep".as_ref(), "60".as_ref()]);
    let pid = held.pid();
    let process = Running(held.release().unwrap());
    let target = discover(pid).unwrap();
    assert_eq!((target.pid, target.comm.as_str()), (process.pid(), "sleep"));
}

#[test]
fn held_command_that_is_dropped_never_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let held = hold(&["touch".as_ref(), mark.as_ref()]);
    let pid = held.pid();
    drop(held);
    eventually("it ends", || {
        matches!(discover(pid), Err(DiscoverError::NoSuchProcess { .. }))
    });
    assert!(!mark.exists());
}

#[test]
fn command_that_is_not_there_is_named() {
    let missing = program_of(&["no-such-command-anywhere".into()]).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "no such command: `no-such-command-anywhere`"
    );
    assert!(program_of(&[]).is_err());
}

#[test]
fn command_that_is_there_but_no_program_is_called_what_it_is() {
    let said = |command: &str| program_of(&[command.into()]).unwrap_err().to_string();
    assert_eq!(said("/tmp"), "`/tmp` is a directory");
    assert_eq!(said("/dev/null"), "`/dev/null` is not a regular file");
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let expected = format!("`{path}` is not executable: its mode is 0600");
    assert_eq!(said(&path), expected);
}

#[test]
fn script_is_refused_before_and_after_it_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
        OsString::from(path)
    };
    let plain = program_of(&[script("plain", "#!/bin/sh\nsleep 60\n")]).unwrap_err();
    assert!(matches!(plain, DiscoverError::Script { .. }), "{plain}");
    let disguised = hold(&[&script("disguised", "\x7fELF 2>/dev/null\nsleep 60\n")]);
    let pid = disguised.pid();
    let error = disguised.release().unwrap_err();
    assert!(matches!(error, DiscoverError::Script { .. }), "{error}");
    assert!(matches!(
        discover(pid),
        Err(DiscoverError::NoSuchProcess { .. })
    ));
}

#[test]
fn pid_inside_a_namespace_leads_to_the_one_outside() {
    let unshare = [
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        "sleep 60 & sleep 61 & wait",
    ];
    let process = Running::start(Command::new("unshare").args(unshare).process_group(0));
    let inside = || {
        let proc_fs = ProcFs::host();
        proc_fs.descendants(process.pid()).into_iter().find(|&pid| {
            let sleeps = proc_fs.stat(pid).is_ok_and(|stat| stat.comm == "sleep");
            let inner = proc_fs.status(pid).map(|status| status.ns_pids);
            sleeps && inner.is_ok_and(|pids| pids.len() > 1)
        })
    };
    if !unshare_works() {
        eprintln!("skipped: no pid namespaces here");
        return;
    }
    eventually("the namespace is set up", || inside().is_some());
    let outer = inside().unwrap();
    let inner = *ProcFs::host()
        .status(outer)
        .unwrap()
        .ns_pids
        .last()
        .unwrap();
    assert!(ProcFs::host().pids_known_inside_as(inner).contains(&outer));
}

fn unshare_works() -> bool {
    let tried: io::Result<_> = Command::new("unshare")
        .args(["--pid", "--fork", "true"])
        .status();
    tried.is_ok_and(|status| status.success())
}
