//! Builds the program of many call sites: no source that a person would write has that many.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use rtprobe_tests::go::{Go, NEWEST};

use crate::watch::scratch;

/// Copies `tests/targets/wide`, gives it `n` call sites, and builds it stripped.
pub(crate) fn build(go: &Go, n: usize) -> Result<PathBuf> {
    let dir = scratch()?.join("wide");
    fs::create_dir_all(&dir)?;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("targets/wide");
    for name in ["go.mod", "main.go"] {
        fs::copy(sources.join(name), dir.join(name))?;
    }
    fs::write(dir.join("sites.go"), sites(n)?)?;
    let binary = dir.join("wide");
    let output = go
        .command(NEWEST)
        .args(["build", "-ldflags=-s -w", "-o"])
        .arg(&binary)
        .arg(".")
        .env("CGO_ENABLED", "0")
        .current_dir(&dir)
        .output()?;
    ensure!(
        output.status.success(),
        "go failed to build {n} call sites: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(binary)
}

/// Source of `n` functions of one send each, and of their list.
fn sites(n: usize) -> Result<String> {
    let mut source = "package main\n\nfunc init() { sites = all }\n".to_owned();
    let mut list = String::new();
    for index in 0..n {
        writeln!(
            source,
            "\n//go:noinline\nfunc site{index}(values chan int) {{ values <- {index} }}"
        )?;
        write!(list, "site{index},\n\t")?;
    }
    write!(source, "\nvar all = []func(chan int){{\n\t{list}\n}}\n")?;
    Ok(source)
}
