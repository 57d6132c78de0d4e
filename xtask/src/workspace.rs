//! Where things are.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The workspace's root directory.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// What people are told to look at; always below the workspace, wherever cargo compiles.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Where cargo compiles: `CARGO_TARGET_DIR`, else `target`.
pub(crate) fn cargo_target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(target, |dir| root().join(dir))
}

/// The release binary that `cargo xtask build` leaves.
pub(crate) fn binary() -> PathBuf {
    target().join("dist/rtprobe")
}
