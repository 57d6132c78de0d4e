use std::{fs::File, io, os::unix::fs::FileExt};
#[derive(Debug)]
pub struct Target {
    pub pid: u32,
}
impl Target {
    pub fn read_memory(&self, a: crate::address::ProcAddr, buf: &mut [u8]) -> io::Result<usize> {
        File::open(format!("/proc/{}/mem", self.pid))?.read_at(buf, a.0)
    }
}
