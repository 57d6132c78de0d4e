use crate::{
    address::{LoadBias, ProcAddr},
    failure::{Exit, Failure},
    sys,
};
use std::{
    fs::{self, File},
    io,
    os::{fd::OwnedFd, unix::fs::FileExt as _},
    path::PathBuf,
};
#[derive(Debug)]
pub struct Target {
    pub pid: u32,
    pub comm: String,
    pub exe: PathBuf,
    pub exe_file: File,
    pub container_id: Option<String>,
    pub stopped: bool,
    fd: OwnedFd,
}
#[derive(Debug, PartialEq)]
pub enum Liveness {
    Same,
    Exited,
    Execed,
}
pub fn discover(pid: u32) -> Result<Target, Failure> {
    let gone = |_| Failure::new(Exit::NoProcess, format!("no process {pid}"));
    Ok(Target {
        pid,
        comm: fs::read_to_string(format!("/proc/{pid}/comm"))
            .map_err(gone)?
            .trim()
            .to_owned(),
        exe: fs::read_link(format!("/proc/{pid}/exe")).map_err(gone)?,
        exe_file: File::open(format!("/proc/{pid}/exe")).map_err(gone)?,
        container_id: None,
        stopped: false,
        fd: sys::pidfd_open(pid).map_err(gone)?,
    })
}
pub fn own_pid_namespace() -> Option<(u64, u64)> {
    None
}
pub fn advisory_lock(_: &Target) -> Option<u32> {
    None
}
impl Target {
    pub fn read_memory(&self, a: ProcAddr, buf: &mut [u8]) -> io::Result<usize> {
        File::open(format!("/proc/{}/mem", self.pid))?.read_at(buf, a.0)
    }
    pub fn pidfd(&self) -> &OwnedFd {
        &self.fd
    }
    pub fn is_same_process(&self) -> Liveness {
        Liveness::Same
    }
    pub fn load_bias(&self, segments: &[(u64, u64, u64)]) -> Result<LoadBias, Failure> {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.pid)).unwrap_or_default();
        let seg = segments[0];
        for line in maps.lines() {
            let f: Vec<&str> = line.split_whitespace().collect();
            if f[1].contains('x')
                && u64::from_str_radix(f[2], 16) == Ok(seg.0 & !0xfff)
                && f.len() > 5
            {
                return Ok(LoadBias(
                    u64::from_str_radix(f[0].split('-').next().unwrap(), 16)
                        .unwrap()
                        .wrapping_sub(seg.1 & !0xfff),
                ));
            }
        }
        Err(Failure::new(Exit::Failed, "no mapping"))
    }
}
