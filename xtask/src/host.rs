//! Cargo for this host, and the one place that knows about compilers too old for aya.
//!
//! aya 0.16 declares Rust 1.98. All that 1.95 to 1.97 lack of it is one standard method behind a feature gate
//! (`result_option_map_or_default`), so with those the crates that use aya are compiled with the gate opened,
//! in a target directory of their own because the flag is part of every crate's fingerprint.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{step, workspace};

/// First Rust release that builds aya 0.16 as it is.
const AYA_RUST: (u32, u32) = (1, 98);
const OPEN_GATE: &str = "-Zcrate-attr=feature(result_option_map_or_default)";

#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    gated: bool,
}

impl Host {
    /// Looks at `rustc --version`.
    pub(crate) fn detect() -> Result<Self> {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let text = step::output(Command::new(rustc).arg("--version"))?;
        let version = parse_version(&text)
            .with_context(|| format!("failed to read a version from `{text}`"))?;
        Ok(Self {
            gated: needs_gate(version),
        })
    }

    /// `cargo SUBCOMMAND` for crates that use aya.
    pub(crate) fn kernel(self, subcommand: &str) -> Command {
        let mut cargo = cargo(subcommand);
        cargo.env("CARGO_TARGET_DIR", self.kernel_target());
        if self.gated {
            let flags = env::var("RUSTFLAGS").unwrap_or_default();
            cargo.env("RUSTC_BOOTSTRAP", "1");
            cargo.env("RUSTFLAGS", format!("{flags} {OPEN_GATE}").trim_start());
            cargo.arg("--ignore-rust-version");
        }
        cargo
    }

    /// Where [`Self::kernel`] compiles.
    pub(crate) fn kernel_target(self) -> PathBuf {
        let dir = workspace::cargo_target();
        if self.gated { dir.join("flagged") } else { dir }
    }
}

/// `cargo SUBCOMMAND` for crates that don't use aya.
pub(crate) fn plain(subcommand: &str) -> Command {
    let mut cargo = cargo(subcommand);
    cargo.env("CARGO_TARGET_DIR", workspace::cargo_target());
    cargo
}

fn cargo(subcommand: &str) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(subcommand).current_dir(workspace::root());
    cargo
}

fn needs_gate(version: (u32, u32)) -> bool {
    version < AYA_RUST
}

/// Returns major and minor of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split_whitespace().nth(1)?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_channel_are_read() {
        assert_eq!(
            parse_version("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some((1, 95))
        );
        assert_eq!(
            parse_version("rustc 1.98.0-nightly (abc 2026-07-01)"),
            Some((1, 98))
        );
        assert_eq!(parse_version("rustc"), None);
    }

    #[test]
    fn only_compilers_older_than_aya_asks_for_are_gated() {
        assert!(needs_gate((1, 95)));
        assert!(needs_gate((1, 97)));
        assert!(!needs_gate((1, 98)));
        assert!(!needs_gate((2, 0)));
    }
}
