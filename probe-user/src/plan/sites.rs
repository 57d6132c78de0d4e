//! Chooses the instructions of a function to probe: one for the entry, a set for the exits.
//!
//! Default-deny. The kernel accepts more than is safe: probing some AVX instructions corrupts the target,
//! probing `syscall` kills it, an offset inside an instruction changes it (arch/x86/kernel/uprobes.c, Linux
//! 5.10 to 6.18). So a site must decode on the walk from the function's first byte, and its encoding must be
//! on the list below.

use iced_x86::{Code, Decoder, DecoderOptions, FastFormatter, FlowControl, Instruction};
use probe_ebpf::abi;

use super::{
    ProbeName, SkipReason,
    exit_cover::{self, Body, CoverSite},
    hook::Role,
    result,
};
use crate::{
    address::{FileOffset, VirtAddr},
    analyze::{Function, GoBinary},
    report::SiteCost,
};

/// Instructions between a function's first byte and its `push rbp`: at most the stack check.
const MAX_PROLOGUE: usize = 6;

/// One instruction to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedSite {
    pub probe: ProbeName,
    pub function: String,
    pub role: SiteRole,
    pub vaddr: VirtAddr,
    pub file_offset: FileOffset,
    /// The instruction's bytes in the file; the target's memory must hold the same.
    pub bytes: Vec<u8>,
    /// The instruction as text, Intel syntax.
    pub instruction: String,
    pub cost: SiteCost,
    pub condition: Condition,
    /// The function's frame stands at the site.
    pub frame_set_up: bool,
    pub reading: Reading,
}

/// How the kernel programs read a site; the values are those of `probe_ebpf::abi`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub flags: u16,
    pub detail: u8,
    pub note: u8,
    pub key: u8,
    pub offsets: [u16; 4],
    /// Virtual addresses, in the file, that flags and detail speak of.
    pub range: Option<(VirtAddr, VirtAddr)>,
}

/// What a hit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteRole {
    Begin,
    End,
    /// An operation without a duration.
    Event,
    /// Ends the operations of the panicking frames.
    Panic,
}

/// When a hit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Always,
    /// Where the conditional jump with this x86 condition code is taken.
    Code(u8),
}

impl PlannedSite {
    /// Returns the site as the kernel programs read it.
    pub fn to_abi(&self) -> abi::Site {
        let (low, high) = (self.reading.range).map_or((0, 0), |(low, high)| (low.0, high.0));
        let frame = if self.frame_set_up {
            abi::flag::FRAME_SET_UP
        } else {
            0
        };
        let stepped = match self.cost {
            SiteCost::Emulated => 0,
            SiteCost::Stepped => abi::flag::STEPPED,
        };
        abi::Site {
            vaddr: self.vaddr.0,
            low,
            high,
            flags: self.reading.flags | frame | stepped,
            probe: self.probe.index(),
            kind: match self.role {
                SiteRole::Begin => abi::kind::ENTRY,
                SiteRole::End => abi::kind::EXIT,
                SiteRole::Event => abi::kind::EVENT,
                SiteRole::Panic => abi::kind::PANIC,
            },
            condition: match self.condition {
                Condition::Always => abi::condition::ALWAYS,
                Condition::Code(code) => code,
            },
            detail: self.reading.detail,
            note: self.reading.note,
            key: self.reading.key,
            offsets: self.reading.offsets,
            bias_ns: 0,
            padding: 0,
        }
    }
}

/// Chooses the sites of `function` in the given role.
pub(super) fn choose(
    binary: &GoBinary,
    function: &Function,
    probe: ProbeName,
    role: Role,
    reading: Reading,
) -> Result<Vec<PlannedSite>, SkipReason> {
    let code = code_of(binary, function)?;
    let instructions = decode(&code, function.entry);
    let costs: Vec<Option<SiteCost>> = instructions
        .iter()
        .map(|i| accepted(i, bytes_of(&code, function.entry, i)?))
        .collect();
    let site = |chosen: &CoverSite, role, reading| {
        let decoded = Decoded {
            function,
            code: &code,
            instructions: &instructions,
        };
        planned(binary, &decoded, probe, chosen, role, reading)
    };
    let no_site = |detail: &str| SkipReason::NoSite {
        function: function.name.clone(),
        detail: detail.to_owned(),
    };
    let entry = entry_site(&instructions)
        .ok_or_else(|| no_site("its prologue has no `push rbp` behind the stack check"))?;
    let at_entry = match role {
        Role::Operation | Role::Begin => Some(SiteRole::Begin),
        Role::EndAtEntry => Some(SiteRole::End),
        Role::Event => Some(SiteRole::Event),
        Role::Panic => Some(SiteRole::Panic),
        Role::End | Role::EventAtIndirectCall => None,
    };
    let name_of = |addr| binary.function_at(addr).map(|callee| callee.name);
    let body = Body {
        instructions: &instructions,
        costs: &costs,
        entry,
        name_of: &name_of,
    };
    let mut exits = Vec::new();
    if matches!(role, Role::Operation | Role::End) {
        exits = exit_cover::cover(&body, result::is_of_result(reading.note));
        if exits.is_empty() {
            return Err(no_site("it has no return instruction"));
        }
    }
    let mut sites = Vec::new();
    if let Some(role) = at_entry {
        let mut reading = reading;
        if reading.flags & abi::flag::BYTES_IN_AX != 0
            && let Some(known) = body.exit_at_zero(&exits)
        {
            exits.remove(known);
            reading.flags |= abi::flag::ENDS_AT_ZERO;
        }
        sites.push(site(&CoverSite::always(entry), role, reading)?);
    }
    if role == Role::EventAtIndirectCall {
        let before = exit_cover::before_indirect_call(&body)
            .ok_or_else(|| no_site("it has not one call through a pointer behind a branch"))?;
        for way in &before {
            sites.push(site(way, SiteRole::Event, reading)?);
        }
    }
    for exit in &exits {
        let reading = Reading {
            note: body.note_at(exit, reading.note),
            ..reading
        };
        sites.push(site(exit, SiteRole::End, reading)?);
    }
    Ok(sites)
}

/// Returns an event at every instruction of `function` that is on the accept-list.
pub(super) fn every_accepted(
    binary: &GoBinary,
    function: &Function,
    probe: ProbeName,
) -> Result<Vec<PlannedSite>, SkipReason> {
    let code = code_of(binary, function)?;
    let instructions = decode(&code, function.entry);
    let decoded = Decoded {
        function,
        code: &code,
        instructions: &instructions,
    };
    let is_accepted = |index: &usize| {
        let instruction = instructions.get(*index);
        instruction.is_some_and(|i| {
            bytes_of(&code, function.entry, i).is_some_and(|bytes| accepted(i, bytes).is_some())
        })
    };
    (0..instructions.len())
        .filter(is_accepted)
        .map(|index| {
            let at = CoverSite::always(index);
            let reading = Reading::default();
            planned(binary, &decoded, probe, &at, SiteRole::Event, reading)
        })
        .collect()
}

fn code_of(binary: &GoBinary, function: &Function) -> Result<Vec<u8>, SkipReason> {
    binary
        .code(function)
        .map_err(|error| SkipReason::Unreadable {
            function: function.name.clone(),
            detail: error.to_string(),
        })
}

/// Decodes linearly from the first byte. Go keeps jump tables in read-only data, so that code is all code;
/// what does not decode ends the walk and can't hold a site.
pub(super) fn decode(code: &[u8], entry: VirtAddr) -> Vec<Instruction> {
    Decoder::with_ip(64, code, entry.0, DecoderOptions::NONE)
        .into_iter()
        .take_while(|instruction| !instruction.is_invalid())
        .collect()
}

/// Returns the index of the `push rbp` behind the stack check.
///
/// There the function is entered for good (a grown stack starts again at the first byte), arguments are
/// still in registers, `[rsp]` is the return address and `rbp` the caller's frame.
fn entry_site(instructions: &[Instruction]) -> Option<usize> {
    let prologue = instructions.get(..instructions.len().min(MAX_PROLOGUE))?;
    let push = prologue.iter().position(|i| {
        i.code() == Code::Push_r64 && i.op0_register() == iced_x86::Register::RBP && i.len() == 1
    })?;
    let only_a_check = prologue.get(..push)?.iter().all(|i| {
        matches!(
            i.flow_control(),
            FlowControl::Next | FlowControl::ConditionalBranch
        )
    });
    only_a_check.then_some(push)
}

/// A function and its code.
#[derive(Clone, Copy)]
pub(super) struct Decoded<'a> {
    pub(super) function: &'a Function,
    pub(super) code: &'a [u8],
    pub(super) instructions: &'a [Instruction],
}

/// Assembles the site at an instruction, or says why it must not be probed.
pub(super) fn planned(
    binary: &GoBinary,
    decoded: &Decoded<'_>,
    probe: ProbeName,
    chosen: &CoverSite,
    role: SiteRole,
    reading: Reading,
) -> Result<PlannedSite, SkipReason> {
    let Decoded {
        function,
        code,
        instructions,
    } = *decoded;
    let refused = |detail: String| SkipReason::NoSite {
        function: function.name.clone(),
        detail,
    };
    let instruction = instructions
        .get(chosen.index)
        .ok_or_else(|| refused("the site lies outside the decoded code".to_owned()))?;
    let vaddr = VirtAddr(instruction.ip());
    let bytes = bytes_of(code, function.entry, instruction)
        .ok_or_else(|| refused(format!("{vaddr} lies outside the code")))?;
    let text = text_of(instruction);
    let cost = accepted(instruction, bytes)
        .ok_or_else(|| refused(format!("`{text}` at {vaddr} is not on the accept-list")))?;
    let file_offset = binary.file_offset(vaddr).ok_or_else(|| {
        refused(format!(
            "{vaddr} is not in an executable segment of the file"
        ))
    })?;
    Ok(PlannedSite {
        probe,
        function: function.name.clone(),
        role,
        vaddr,
        file_offset,
        bytes: bytes.to_vec(),
        instruction: text,
        cost,
        condition: chosen.condition,
        frame_set_up: chosen.frame_set_up,
        reading,
    })
}

fn bytes_of<'a>(code: &'a [u8], entry: VirtAddr, instruction: &Instruction) -> Option<&'a [u8]> {
    let start = usize::try_from(instruction.ip().checked_sub(entry.0)?).ok()?;
    code.get(start..start.checked_add(instruction.len())?)
}

fn text_of(instruction: &Instruction) -> String {
    let mut text = String::new();
    FastFormatter::new().format(instruction, &mut text);
    text
}

/// Returns what a hit at the instruction costs, or `None` where it must not be probed.
pub(super) fn accepted(instruction: &Instruction, bytes: &[u8]) -> Option<SiteCost> {
    let emulated = match (instruction.code(), bytes) {
        // Since Linux 3.16 (branches, nop) and 4.16 (push).
        (Code::Push_r64, [0x50..=0x57] | [0x41, 0x50..=0x57])
        | (Code::Nopd, [0x90])
        | (Code::Call_rel32_64, [0xe8, ..])
        | (Code::Jmp_rel8_64 | Code::Jmp_rel32_64, [0xeb | 0xe9, ..]) => true,
        (_, [0x70..=0x7f, _] | [0x0f, 0x80..=0x8f, _, _, _, _]) => {
            instruction.is_jcc_short_or_near()
        }
        _ => false,
    };
    if emulated {
        return Some(SiteCost::Emulated);
    }
    let stepped = matches!((instruction.code(), bytes), (Code::Retnq, [0xc3]));
    (stepped || steppable(instruction, bytes)).then_some(SiteCost::Stepped)
}

/// Plain moves and arithmetic between registers and memory, without prefixes but REX.
fn steppable(instruction: &Instruction, bytes: &[u8]) -> bool {
    let opcode = match bytes {
        [0x40..=0x4f, opcode, ..] | [opcode, ..] => *opcode,
        [] => return false,
    };
    // mov r/m; lea; test; add, or, and, sub, xor, cmp in both directions; movzx and the other 0f maps are not.
    let listed = matches!(opcode, 0x88..=0x8b | 0x8d | 0x84 | 0x85 | 0xb8..=0xbf | 0xc7)
        || (opcode < 0x40 && opcode & 0x07 < 4)
        || matches!(opcode, 0x80 | 0x81 | 0x83);
    listed
        && instruction.flow_control() == FlowControl::Next
        && !instruction.is_ip_rel_memory_operand()
        && !instruction.has_lock_prefix()
        && instruction.segment_prefix() == iced_x86::Register::None
        && !instruction.is_stack_instruction()
}
