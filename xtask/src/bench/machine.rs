//! What the figures were measured on and with.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};
use rtprobe_tests::go;

use crate::{step, workspace};

/// One line: processor, kernel, Go, rtprobe and its kernel programs, date.
pub(crate) fn describe(rtprobe: &Path) -> Result<String> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
    let cpus = cpuinfo.lines().filter(|line| line.starts_with("processor"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let hash =
        fs::read_to_string(workspace::root().join("probe-ebpf/prebuilt/rtprobe.bpf.sha256"))?;
    Ok(format!(
        "Measured on {}, {} CPUs, Linux {}, with Go {}, {} (kernel programs {}), on {}.",
        model(&cpuinfo).unwrap_or("an unknown processor"),
        cpus.count(),
        kernel.trim(),
        go::NEWEST,
        version(&step::output(Command::new(rtprobe).arg("--version"))?),
        hash.trim().get(..12).context("the hash is too short")?,
        step::output(Command::new("date").args(["-u", "+%F"]))?,
    ))
}

/// The name and the number, without the hash behind them.
fn version(said: &str) -> &str {
    said.split(" (").next().unwrap_or(said)
}

fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_no_hash() {
        assert_eq!(version("rtprobe 0.1.0 (source: 12ab)"), "rtprobe 0.1.0");
    }

    #[test]
    fn a_processor_is_called_what_the_kernel_calls_it() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A Processor @ 2GHz\n";
        assert_eq!(model(cpuinfo), Some("A Processor @ 2GHz"));
        assert_eq!(model("processor : 0\n"), None);
    }
}
