//! How a run begins and ends: signals, the target's end, other watchers, commands, places to write to.

mod command;
mod outputs;
mod signals;
mod target_ends;
mod two;

use crate::support::rtprobe;

#[test]
fn the_binary_says_its_version() {
    let output = rtprobe(&["--version"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = concat!("rtprobe ", env!("CARGO_PKG_VERSION"));
    assert!(
        output.status.success() && text.starts_with(expected),
        "{text}"
    );
}
