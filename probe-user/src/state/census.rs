//! All goroutines of a moment, grouped by what they do and where.
//!
//! The target runs on: each goroutine is read, then its stack, twice, then itself once more. One that has moved
//! meanwhile is looked at again by itself; if it always moves, it is counted, without a stack, as torn.

use std::collections::HashMap;

use super::{
    StateError,
    goroutine::{Decoder, Goroutine, Saved, Status},
    memory::Memory,
    names::Names,
    stacks::Stacks,
    threads::Threads,
    wait_reasons,
    walk::MAX_FRAMES,
};
use crate::{
    address::{ProcAddr, VirtAddr},
    analyze::GoBinary,
    discover::ProcFs,
    observed::Census,
    report::{GoroutineGroup, Location, StackFrame},
    sys,
};

/// Far more goroutines than fit into a process of some gigabytes; a `g` takes 2.5 KB with its stack.
const MAX_GOROUTINES: u64 = 1 << 22;
/// Goroutines that are read together: the fewer, the less happens between the first and the last look.
const BATCH: usize = 4096;
/// Kinds of groups that are kept.
const MAX_GROUPS: usize = 1 << 17;
/// How often the list of goroutines is read again when it has grown meanwhile.
const ATTEMPTS: usize = 8;
/// How often a goroutine that moves is looked at again, by itself.
const RETRIES: usize = 3;

/// Takes the census of one target.
pub(super) struct Taker<'a> {
    memory: &'a Memory<'a>,
    binary: &'a GoBinary,
    names: &'a Names<'a>,
    decoder: Decoder,
    stacks: Stacks,
    reasons: Vec<String>,
    /// By `m`.
    locks: HashMap<u64, Lock>,
    /// Read when the first locked goroutine is met.
    threads: Option<Threads>,
    groups: HashMap<Key, Counts>,
    torn: u64,
}

/// What goroutines of one group have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    status: Status,
    wait_reason: Option<u8>,
    gopc: u64,
    startpc: u64,
    lock: Lock,
    /// Where to look up names, innermost first.
    stack: Box<[VirtAddr]>,
}

/// How a goroutine is tied to its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Lock {
    /// Not at all, or by the runtime for itself.
    None,
    /// By the program's own code.
    Program,
    /// The same, and the thread is set up in another way than the others.
    ProgramOwnState,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    goroutines: u64,
    /// The earliest of all that are known.
    waiting_since: Option<u64>,
}

impl<'a> Taker<'a> {
    pub(super) fn new(
        memory: &'a Memory<'a>,
        binary: &'a GoBinary,
        names: &'a Names<'a>,
    ) -> Result<Self, StateError> {
        let decoder = Decoder::new(binary.g_layout()).ok_or(StateError::Layout { of: "g" })?;
        Ok(Self {
            memory,
            binary,
            names,
            decoder,
            stacks: Stacks::of(binary),
            reasons: wait_reasons::read(memory, binary),
            locks: HashMap::new(),
            threads: None,
            groups: HashMap::new(),
            torn: 0,
        })
    }

    /// Reads every goroutine.
    pub(super) fn take(mut self) -> Result<Census, StateError> {
        let all = self.list()?;
        for batch in all.chunks(BATCH) {
            self.take_batch(batch)?;
        }
        Ok(Census {
            most_at_once: Some(all.len() as u64),
            ..self.census()
        })
    }

    /// Returns the addresses of all `g`s.
    fn list(&self) -> Result<Vec<u64>, StateError> {
        let allgs = self.binary.runtime_globals().allgs;
        let allgs = allgs.ok_or(StateError::Variable { name: "allgs" })?;
        let at = self.memory.address(allgs);
        let read = StateError::memory("allgs");
        let mut seen = self.memory.words::<3>(at).map_err(&read)?;
        for _ in 0..ATTEMPTS {
            let [array, len, capacity] = seen;
            if len == 0 || len > capacity || len > MAX_GOROUTINES {
                break;
            }
            let mut bytes = vec![0; len as usize * 8];
            self.memory
                .read(ProcAddr(array), &mut bytes)
                .map_err(&read)?;
            seen = self.memory.words::<3>(at).map_err(&read)?;
            // An array that was outgrown meanwhile may be anything by now.
            if seen[0] == array && seen[1] >= len {
                let all = bytes.as_chunks().0.iter();
                return Ok(all.map(|word| u64::from_le_bytes(*word)).collect());
            }
        }
        let [array, len, capacity] = seen;
        Err(StateError::Implausible {
            what: "allgs",
            found: format!("{len} of {capacity} at {array:#x}"),
        })
    }

    fn take_batch(&mut self, batch: &[u64]) -> Result<(), StateError> {
        let mut left = self.look(batch)?;
        for _ in 0..RETRIES {
            let mut again = Vec::new();
            for g in &left {
                again.extend(self.look(std::slice::from_ref(g))?);
            }
            left = again;
        }
        for goroutine in self.goroutines(&left)?.iter().flatten() {
            self.torn += 1;
            self.count(goroutine, Vec::new());
        }
        Ok(())
    }

    /// Counts those that stood still while they were looked at, and returns the others.
    ///
    /// A goroutine may run and come to stand at the same place again: so its stack has to be the same twice,
    /// between two looks at itself that agree, and what it returns to has to be code.
    fn look(&mut self, batch: &[u64]) -> Result<Vec<u64>, StateError> {
        let before = self.goroutines(batch)?;
        let stacks = self.stacks.read(self.memory, self.binary, &before)?;
        let same = self.stacks.read(self.memory, self.binary, &before)?;
        let after = self.goroutines(batch)?;
        let looks = before.iter().zip(&after).zip(stacks.into_iter().zip(same));
        let text = self.binary.text();
        let is_code = |stack: &[VirtAddr]| stack.iter().all(|pc| text.contains(pc));
        let mut moved = Vec::new();
        for (g, ((before, after), (stack, same))) in batch.iter().zip(looks) {
            match (before, after) {
                (None, None) => {}
                (Some(before), Some(after))
                    if is_same(before, after) && stack == same && is_code(&stack) =>
                {
                    self.count(after, stack);
                }
                _ => moved.push(*g),
            }
        }
        Ok(moved)
    }

    fn goroutines(&self, batch: &[u64]) -> Result<Vec<Option<Goroutine>>, StateError> {
        let ranges: Vec<_> = batch.iter().map(|g| (*g, self.decoder.len())).collect();
        let mut found = vec![None; batch.len()];
        self.memory
            .read_all(&ranges, |index, bytes| {
                if let Some(slot) = found.get_mut(index) {
                    *slot = self.decoder.decode(bytes);
                }
            })
            .map_err(StateError::memory("goroutines"))?;
        Ok(found)
    }

    fn count(&mut self, goroutine: &Goroutine, stack: Vec<VirtAddr>) {
        let waits = goroutine.status.has_reason();
        let key = Key {
            status: goroutine.status,
            wait_reason: waits.then_some(goroutine.wait_reason),
            gopc: goroutine.gopc,
            startpc: goroutine.startpc,
            lock: self.lock(goroutine.lockedm),
            stack: stack.into(),
        };
        let is_full = self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key);
        let key = if is_full {
            Key {
                stack: Box::default(),
                ..key
            }
        } else {
            key
        };
        let counts = self.groups.entry(key).or_default();
        counts.goroutines += 1;
        let blocked = waits || goroutine.status == Status::Syscall;
        if blocked && goroutine.waitsince != 0 {
            let since = counts.waiting_since.get_or_insert(u64::MAX);
            *since = (*since).min(goroutine.waitsince);
        }
    }
}

impl Taker<'_> {
    /// `m` is what a goroutine is locked to, or 0.
    fn lock(&mut self, m: u64) -> Lock {
        if m == 0 {
            return Lock::None;
        }
        if let Some(known) = self.locks.get(&m) {
            return *known;
        }
        let lock = self.look_at_lock(m);
        self.locks.insert(m, lock);
        lock
    }

    fn look_at_lock(&mut self, m: u64) -> Lock {
        let layout = self.binary.runtime_layout();
        let at = |offset: u32| ProcAddr(m.wrapping_add(offset.into()));
        let by_program = layout
            .m_locked_ext
            .and_then(|offset| self.memory.u32(at(offset)).ok())
            .is_some_and(|locks| locks != 0);
        if !by_program {
            return Lock::None;
        }
        let thread = layout
            .m_procid
            .and_then(|offset| self.memory.words::<1>(at(offset)).ok());
        let pid = self.memory.pid();
        let threads = self
            .threads
            .get_or_insert_with(|| Threads::of(&ProcFs::host(), pid).unwrap_or_default());
        match thread {
            Some([thread]) if threads.has_own_state(thread) => Lock::ProgramOwnState,
            _ => Lock::Program,
        }
    }

    fn census(self) -> Census {
        let now = sys::monotonic_ns();
        let mut census = Census {
            torn: self.torn,
            ..Census::default()
        };
        let mut groups: HashMap<Named, Counts> = HashMap::new();
        let mut locked: HashMap<Named, Counts> = HashMap::new();
        let mut own_state: HashMap<Named, Counts> = HashMap::new();
        for (key, counts) in &self.groups {
            census.total += counts.goroutines;
            let named = self.named(key);
            if key.lock == Lock::ProgramOwnState {
                own_state.entry(named.clone()).or_default().add(*counts);
            }
            if key.lock != Lock::None {
                locked.entry(named.clone()).or_default().add(*counts);
            }
            groups.entry(named).or_default().add(*counts);
        }
        census.groups = listed(groups, now);
        census.locked_to_thread = listed(locked, now);
        census.with_own_thread_state = listed(own_state, now);
        census
    }

    fn named(&self, key: &Key) -> Named {
        let reason = key.wait_reason.map(|reason| {
            let name = self.reasons.get(usize::from(reason)).cloned();
            name.unwrap_or_else(|| format!("reason {reason}"))
        });
        let created_at = self.memory.in_file(key.gopc.wrapping_sub(1));
        let start = self.names.function(self.memory.in_file(key.startpc));
        let stack = self.names.stack(&key.stack);
        Named {
            state: key.status.name(),
            wait_reason: reason.filter(|reason| !reason.is_empty()),
            // The first goroutine was created by assembly, before there was a program.
            created_by: (key.gopc != 0 && start != MAIN)
                .then(|| self.names.location(created_at))
                .flatten(),
            system: is_system(&start, &stack),
            stack,
            truncated: key.stack.len() >= MAX_FRAMES,
        }
    }
}

/// Whether the runtime started a goroutine for itself (src/runtime/traceback.go `isSystemGoroutine`).
fn is_system(start: &str, stack: &[StackFrame]) -> bool {
    let is_of_runtime = |name: &str| name.starts_with("runtime.");
    if USERS.contains(&start) || !is_of_runtime(start) {
        return false;
    }
    // Finalizers and clean-ups are the user's code while they run.
    let runs_users = |frame: &StackFrame| !is_of_runtime(&frame.function);
    !(FINALIZING.contains(&start) && stack.iter().any(runs_users))
}

const MAIN: &str = "runtime.main";

/// Functions of the runtime that goroutines of the user's start in.
const USERS: [&str; 3] = [MAIN, "runtime.corostart", "runtime.handleAsyncEvent"];
const FINALIZING: [&str; 3] = [
    "runtime.runfinq",
    "runtime.runFinalizers",
    "runtime.runCleanups",
];

/// What a reader sees of a group: several keys may look the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Named {
    state: &'static str,
    wait_reason: Option<String>,
    created_by: Option<Location>,
    system: bool,
    stack: Vec<StackFrame>,
    truncated: bool,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.goroutines += other.goroutines;
        self.waiting_since = [self.waiting_since, other.waiting_since]
            .into_iter()
            .flatten()
            .min();
    }
}

fn listed(groups: HashMap<Named, Counts>, now: u64) -> Vec<GoroutineGroup> {
    let group = |(named, counts): (Named, Counts)| GoroutineGroup {
        state: named.state.to_owned(),
        wait_reason: named.wait_reason,
        count: counts.goroutines,
        longest_wait_ns: counts.waiting_since.map(|since| now.saturating_sub(since)),
        system: named.system,
        created_by: named.created_by,
        stack: named.stack,
        truncated: named.truncated,
    };
    let mut listed: Vec<_> = groups.into_iter().map(group).collect();
    sort(&mut listed);
    listed
}

/// The user's first, the largest first; the rest only so that the order is always the same.
fn sort(groups: &mut [GoroutineGroup]) {
    fn lines(group: &GoroutineGroup) -> impl Iterator<Item = (&str, u32)> {
        (group.stack.iter()).map(|frame| (&*frame.function, frame.line))
    }
    groups.sort_by(|a, b| {
        (a.system.cmp(&b.system))
            .then(b.count.cmp(&a.count))
            .then_with(|| a.state.cmp(&b.state))
            .then_with(|| a.wait_reason.cmp(&b.wait_reason))
            .then_with(|| lines(a).cmp(lines(b)))
    });
}

/// Whether a goroutine stood still between two looks; one that runs has nothing that could move.
fn is_same(before: &Goroutine, after: &Goroutine) -> bool {
    let saved = |saved: Option<Saved>| saved.map(|saved| (saved.pc, saved.sp));
    before.goid == after.goid
        && before.status == after.status
        && before.stack == after.stack
        && saved(before.saved) == saved(after.saved)
}
