//! `cargo xtask bench`: what the README's figures are measured with.

mod attach;

use anyhow::{Result, bail};

pub(crate) fn run(args: &[String]) -> Result<()> {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["attach"] => attach::run(),
        _ => bail!("usage: cargo xtask bench [attach]"),
    }
}
