//! A hash over everything that the BPF object is made from, kept beside the committed object.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// Returns the hash as 64 hexadecimal digits.
///
/// It covers, in this order and each preceded by its name and length: `probe-ebpf/Cargo.toml`, every file below
/// `probe-ebpf/src` in the order of its path, the name, version and checksum of each `aya-ebpf…` and
/// `aya-log-ebpf…` package in `Cargo.lock`, and `flags`, the compiler flags. The compiler's own version is not part
/// of it: two machines with different BPF toolchains agree on what is stale.
pub(crate) fn compute(root: &Path, flags: &str) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut files = vec![PathBuf::from("probe-ebpf/Cargo.toml")];
    collect(root, Path::new("probe-ebpf/src"), &mut files)?;
    for file in files {
        let content = read(&root.join(&file))?;
        add(&mut hasher, &file.to_string_lossy(), &content);
    }
    let lock = String::from_utf8(read(&root.join("Cargo.lock"))?)?;
    for package in lock
        .split("[[package]]")
        .filter(|package| is_bpf_package(package))
    {
        add(&mut hasher, "Cargo.lock", package.trim().as_bytes());
    }
    add(&mut hasher, "flags", flags.as_bytes());
    Ok(hasher
        .finalize()
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
            hex
        }))
}

fn add(hasher: &mut Sha256, name: &str, content: &[u8]) {
    hasher.update(format!("{name}\0{}\0", content.len()));
    hasher.update(content);
}

fn is_bpf_package(package: &str) -> bool {
    ["aya-ebpf", "aya-log-ebpf"].iter().any(|name| {
        package
            .trim_start()
            .starts_with(&format!("name = \"{name}"))
    })
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(root.join(dir))
        .with_context(|| format!("failed to list {}", dir.display()))?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = dir.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(root, &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("failed to read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    fn tree(name: &str) -> PathBuf {
        let root = workspace::cargo_target().join("source-hash").join(name);
        fs::create_dir_all(root.join("probe-ebpf/src/deep")).unwrap();
        fs::write(root.join("probe-ebpf/Cargo.toml"), "[package]").unwrap();
        fs::write(root.join("probe-ebpf/src/main.rs"), "a").unwrap();
        fs::write(root.join("probe-ebpf/src/deep/x.rs"), "b").unwrap();
        let lock = "[[package]]\nname = \"aya-ebpf\"\nversion = \"1\"\n[[package]]\nname = \"aya\"\nversion = \"1\"\n";
        fs::write(root.join("Cargo.lock"), lock).unwrap();
        root
    }

    #[test]
    fn every_source_and_the_kernel_side_of_aya_change_the_hash() {
        let root = tree("changes");
        let first = compute(&root, "f").unwrap();
        assert_eq!(first.len(), 64);
        assert_eq!(compute(&root, "f").unwrap(), first);
        assert_ne!(compute(&root, "g").unwrap(), first);
        fs::write(root.join("probe-ebpf/src/deep/x.rs"), "c").unwrap();
        let second = compute(&root, "f").unwrap();
        assert_ne!(second, first);
        let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
        fs::write(root.join("Cargo.lock"), lock.replacen("\"1\"", "\"2\"", 1)).unwrap();
        assert_ne!(compute(&root, "f").unwrap(), second);
    }

    #[test]
    fn the_user_side_of_aya_does_not_change_the_hash() {
        let root = tree("user-side");
        let first = compute(&root, "f").unwrap();
        let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
        let changed = lock.replace(
            "name = \"aya\"\nversion = \"1\"",
            "name = \"aya\"\nversion = \"2\"",
        );
        assert_ne!(changed, lock);
        fs::write(root.join("Cargo.lock"), changed).unwrap();
        assert_eq!(compute(&root, "f").unwrap(), first);
    }
}
