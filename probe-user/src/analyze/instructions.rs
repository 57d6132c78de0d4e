//! What follows from a function's instructions alone.

use std::collections::HashMap;

use iced_x86::{FlowControl, Instruction, InstructionInfoFactory, OpAccess, Register};

/// The jumps inside a function.
pub(crate) struct Jumps {
    /// Indices of the jumps to an instruction.
    pub(crate) to: HashMap<usize, Vec<usize>>,
    /// There is a jump whose targets are not known.
    pub(crate) computed: bool,
}

impl Jumps {
    pub(crate) fn of(instructions: &[Instruction]) -> Self {
        let index_at: HashMap<u64, usize> = instructions
            .iter()
            .enumerate()
            .map(|(index, i)| (i.ip(), index))
            .collect();
        let mut jumps = Self {
            to: HashMap::new(),
            computed: false,
        };
        for (index, instruction) in instructions.iter().enumerate() {
            match instruction.flow_control() {
                FlowControl::ConditionalBranch | FlowControl::UnconditionalBranch => {
                    if let Some(&target) = index_at.get(&instruction.near_branch_target()) {
                        jumps.to.entry(target).or_default().push(index);
                    }
                }
                FlowControl::IndirectBranch => jumps.computed = true,
                _ => {}
            }
        }
        jumps
    }
}

/// Returns how many bytes the instruction reads through a register that `is_base` holds for.
pub(crate) fn bytes_read(instruction: &Instruction, is_base: impl Fn(Register) -> bool) -> u64 {
    let reads = |access| {
        !matches!(
            access,
            OpAccess::None | OpAccess::NoMemAccess | OpAccess::Write | OpAccess::CondWrite
        )
    };
    let mut info = InstructionInfoFactory::new();
    (info.info(instruction).used_memory().iter())
        .filter(|memory| is_base(memory.base()) && reads(memory.access()))
        .map(|memory| memory.memory_size().size() as u64)
        .fold(0, u64::saturating_add)
}

/// Returns whether the instruction itself may write to a part of `register`; what a call does is not looked at.
pub(crate) fn writes(instruction: &Instruction, register: Register) -> bool {
    let writes = |access| !matches!(access, OpAccess::None | OpAccess::Read | OpAccess::CondRead);
    let mut info = InstructionInfoFactory::new();
    (info.info(instruction).used_registers().iter())
        .any(|used| used.register().full_register() == register && writes(used.access()))
}
