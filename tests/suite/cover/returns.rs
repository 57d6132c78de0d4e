//! Sites on the return instructions themselves: what a cover has to equal, at many times its cost.

use iced_x86::{Code, Decoder, DecoderOptions};
use probe_ebpf::abi::{flag, note};
use probe_user::{
    address::VirtAddr,
    analyze::GoBinary,
    plan::{Condition, PlannedSite, Reading, SiteRole},
    report::SiteCost,
};

/// Returns `sites` with every exit site replaced by all return instructions of its function, where results are
/// read and not known, and no exit is known at the entry. Where an operation ends at a function's entry there is
/// nothing to replace.
pub(super) fn on_returns(binary: &GoBinary, sites: &[PlannedSite]) -> Vec<PlannedSite> {
    let is_exit =
        |site: &&PlannedSite| site.role == SiteRole::End && site.instruction != "push rbp";
    let mut replaced: Vec<PlannedSite> = sites
        .iter()
        .filter(|site| !is_exit(site))
        .cloned()
        .collect();
    for site in &mut replaced {
        site.reading.flags &= !flag::ENDS_AT_ZERO;
    }
    let mut done: Vec<&str> = Vec::new();
    for site in sites.iter().filter(is_exit) {
        if !done.contains(&site.function.as_str()) {
            done.push(&site.function);
            replaced.extend(returns_of(binary, site));
        }
    }
    replaced
}

fn returns_of(binary: &GoBinary, site: &PlannedSite) -> Vec<PlannedSite> {
    let function = binary.function_at(site.vaddr).unwrap();
    let code = binary.code(&function).unwrap();
    let decoder = Decoder::with_ip(64, &code, function.entry.0, DecoderOptions::NONE);
    let sites: Vec<PlannedSite> = decoder
        .into_iter()
        .take_while(|instruction| !instruction.is_invalid())
        .filter(|instruction| instruction.code() == Code::Retnq)
        .map(|instruction| {
            let vaddr = VirtAddr(instruction.ip());
            PlannedSite {
                vaddr,
                file_offset: binary.file_offset(vaddr).unwrap(),
                bytes: vec![0xc3],
                instruction: "ret".to_owned(),
                cost: SiteCost::Stepped,
                condition: Condition::Always,
                frame_set_up: false,
                reading: Reading {
                    note: note_at_return(site),
                    ..site.reading
                },
                ..site.clone()
            }
        })
        .collect();
    assert!(!sites.is_empty(), "{} has no return", function.name);
    sites
}

/// What is noted of an operation, read from its function's result.
fn note_at_return(site: &PlannedSite) -> u8 {
    match site.probe.as_str() {
        "chan-recv" | "timer-stop" => note::AX_FALSE,
        "select" => note::AX_NEGATIVE,
        _ => site.reading.note,
    }
}
