//! Addresses of stacks to the functions they are in.

use std::collections::{BTreeMap, HashMap};

use super::{Probing, RawSamples, RawStack};
use crate::{
    address::{LoadBias, ProcAddr, VirtAddr},
    analyze::{GoBinary, Origin},
    discover::CodeMap,
    observed::{CpuSamples, SampledStack},
    report::StackFrame,
};

/// Where a thread's or a goroutine's stack begins, and where the one of the scheduler leads into whatever
/// goroutine it parked last (`TopFrame` in the assembly of src/runtime, Go 1.21 to 1.27).
const OUTERMOST: [&str; 7] = [
    "runtime.goexit",
    "runtime.mcall",
    "runtime.mstart",
    "runtime.morestack",
    "runtime.rt0_go",
    "runtime.sigtramp",
    "runtime.cgocallback",
];

/// What names are made from.
#[derive(Debug)]
pub struct Naming<'a> {
    pub binary: &'a GoBinary,
    pub bias: LoadBias,
    /// Tells code that is not Go.
    pub code: &'a CodeMap,
    pub probing: &'a Probing,
}

/// Names every stack and adds up those that are the same to a reader; the most sampled come first.
pub fn name(raw: &RawSamples, hertz: u32, naming: &Naming<'_>) -> CpuSamples {
    let mut names = Names::new(naming);
    let mut sums: BTreeMap<Key, u64> = BTreeMap::new();
    let mut partial = 0_u64;
    for stack in &raw.stacks {
        let named = names.stack(stack);
        if !named.is_whole {
            partial = partial.saturating_add(stack.samples);
        }
        let key = Key {
            probing: names.is_probing(stack),
            frames: named.frames,
            in_kernel: stack.in_kernel,
        };
        let sum = sums.entry(key).or_default();
        *sum = sum.saturating_add(stack.samples);
    }
    let mut stacks: Vec<SampledStack> = sums
        .into_iter()
        .map(|(key, samples)| names.sampled(&key, samples))
        .collect();
    stacks.sort_by_key(|stack| std::cmp::Reverse(stack.samples));
    CpuSamples {
        hertz,
        total: raw.total,
        lost: raw.lost,
        outside: raw.roles.values().map(|role| role.outside).sum(),
        roles: raw.roles.clone(),
        partial,
        stacks,
    }
}

/// What makes two stacks the same to a reader.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    frames: Vec<u32>,
    in_kernel: bool,
    probing: bool,
}

/// A stack by numbers of frames.
struct Named {
    frames: Vec<u32>,
    is_whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Known {
    frame: StackFrame,
    /// `None`: no Go code.
    origin: Option<Origin>,
}

/// Every frame once, and the frames of every address looked up so far.
struct Names<'a> {
    naming: &'a Naming<'a>,
    frames: Vec<Known>,
    number_of: HashMap<Known, u32>,
    at: HashMap<VirtAddr, Vec<u32>>,
    depth_at: HashMap<VirtAddr, Option<u32>>,
    probing_at: HashMap<VirtAddr, bool>,
}

impl<'a> Names<'a> {
    fn new(naming: &'a Naming<'a>) -> Self {
        Self {
            naming,
            frames: Vec::new(),
            number_of: HashMap::new(),
            at: HashMap::new(),
            depth_at: HashMap::new(),
            probing_at: HashMap::new(),
        }
    }

    fn stack(&mut self, stack: &RawStack) -> Named {
        let mut named = Named {
            frames: Vec::new(),
            is_whole: false,
        };
        for address in self.addresses(stack) {
            let frames = self.frames_at(address);
            let is_go = self.is_go(&frames);
            let is_beyond_go = !is_go && self.is_go(&named.frames);
            if is_beyond_go {
                // C that called Go, or a frame that was not one.
                break;
            }
            if is_go || named.frames.last() != frames.last() {
                named.frames.extend_from_slice(&frames);
            }
            if self.is_outermost(&frames) {
                named.is_whole = true;
                break;
            }
        }
        named
    }

    /// The addresses to look up: the interrupted one as it is, of a return address the byte before it, which
    /// lies in the call.
    fn addresses(&mut self, stack: &RawStack) -> Vec<VirtAddr> {
        let bias = self.naming.bias;
        let in_file = |address: u64| ProcAddr(address).in_file(bias);
        let call = |address: u64| VirtAddr(in_file(address).0.wrapping_sub(1));
        let Some((&interrupted, callers)) = stack.frames.split_first() else {
            return Vec::new();
        };
        let interrupted = in_file(interrupted);
        let passed_over = self.caller_on_top(interrupted, stack.top).map(call);
        std::iter::once(interrupted)
            .chain(passed_over)
            .chain(callers.iter().map(|&caller| call(caller)))
            .collect()
    }

    /// Returns the return address of a function whose frame was not set up: at its first instructions, at its
    /// last, and in small functions everywhere.
    ///
    /// A prologue is `push rbp`, `mov rbp, rsp` (src/cmd/internal/obj/x86/obj6.go since Go 1.21): only before
    /// the first and between the two is `rbp` still the caller's.
    fn caller_on_top(&mut self, interrupted: VirtAddr, top: [u64; 2]) -> Option<u64> {
        if top == [0; 2] {
            return None;
        }
        let binary = self.naming.binary;
        let depth = self
            .depth_at
            .entry(interrupted)
            .or_insert_with(|| binary.stack_depth_at(interrupted));
        let [at_rsp, above] = top;
        let caller = match depth {
            Some(0) => at_rsp,
            Some(8) => above,
            _ => 0,
        };
        let in_file = ProcAddr(caller).in_file(self.naming.bias);
        (caller != 0 && binary.text().contains(&in_file)).then_some(caller)
    }

    fn frames_at(&mut self, address: VirtAddr) -> Vec<u32> {
        if let Some(frames) = self.at.get(&address) {
            return frames.clone();
        }
        let binary = self.naming.binary;
        let mut known: Vec<Known> = binary
            .frames_at(address)
            .into_iter()
            .map(|frame| Known {
                origin: Some(binary.origin(&frame)),
                frame: frame.into(),
            })
            .collect();
        if known.is_empty() {
            known.push(self.not_go(address));
        }
        let frames: Vec<u32> = known.into_iter().map(|frame| self.number(frame)).collect();
        self.at.insert(address, frames.clone());
        frames
    }

    /// Code without a Go function: C, the vDSO, or a walk that went astray.
    fn not_go(&self, address: VirtAddr) -> Known {
        let name = self
            .naming
            .code
            .name_at(address.in_process(self.naming.bias).0);
        let function = match name {
            None => "[unknown]".to_owned(),
            Some("") => "[anonymous memory]".to_owned(),
            Some(name) if name.starts_with('[') => name.to_owned(),
            Some(name) => format!("[{name}]"),
        };
        Known {
            frame: StackFrame::without_line(function),
            origin: None,
        }
    }

    fn number(&mut self, known: Known) -> u32 {
        let next = self.frames.len() as u32;
        let number = *self.number_of.entry(known.clone()).or_insert(next);
        if number == next {
            self.frames.push(known);
        }
        number
    }

    fn known(&self, number: u32) -> Option<&Known> {
        self.frames.get(number as usize)
    }

    fn is_go(&self, frames: &[u32]) -> bool {
        let last = frames.last().and_then(|&number| self.known(number));
        last.is_some_and(|known| known.origin.is_some())
    }

    fn is_outermost(&self, frames: &[u32]) -> bool {
        let last = frames.last().and_then(|&number| self.known(number));
        last.is_some_and(|known| OUTERMOST.contains(&known.frame.function.as_ref()))
    }

    /// Whether a probe was being handled: by the trap at its site, or single-stepped out of line in the page
    /// that the kernel maps for that (`[uprobes]`, kernel/events/uprobes.c).
    fn is_probing(&mut self, stack: &RawStack) -> bool {
        let Some(&interrupted) = stack.frames.first() else {
            return false;
        };
        let naming = self.naming;
        let in_file = ProcAddr(interrupted).in_file(naming.bias);
        *self.probing_at.entry(in_file).or_insert_with(|| {
            naming.probing.covers(in_file, naming.binary)
                || naming.code.name_at(interrupted) == Some("[uprobes]")
        })
    }

    fn sampled(&self, key: &Key, samples: u64) -> SampledStack {
        let known = || key.frames.iter().filter_map(|&number| self.known(number));
        SampledStack {
            stack: known().map(|known| known.frame.clone()).collect(),
            user_frame: known()
                .position(|known| known.origin == Some(Origin::User))
                .map(|at| at as u32),
            in_kernel: key.in_kernel,
            probing: key.probing,
            samples,
        }
    }
}
