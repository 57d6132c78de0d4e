//! What a goroutine is for, by the function that it began with.

use probe_ebpf::abi::{self, NO_ROLE};

use crate::{
    call_site::is_in,
    go_abi::read_user,
    maps::{MAIN, OUTSIDE_TEXT, STARTPC, global},
};

/// Returns the role of the goroutine `g`; `bias`: what is added to addresses of the file to make those of the process.
#[inline(always)]
pub(crate) fn role_of(g: u64, bias: u64) -> u16 {
    let offset = global(&STARTPC);
    if offset == 0 || g == 0 {
        return NO_ROLE;
    }
    let start: Option<u64> = read_user(g.wrapping_add(offset));
    let Some(start) = start.map(|start| start.wrapping_sub(bias)) else {
        return NO_ROLE;
    };
    // Not a return address, before which it is that the call is looked for.
    let is_own = start == global(&MAIN) || is_in(&OUTSIDE_TEXT, start.wrapping_add(1));
    if is_own { abi::role_of(start) } else { NO_ROLE }
}
