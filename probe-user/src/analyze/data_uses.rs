//! The instructions of a function to what they do with data: variables accessed, addresses taken, counters
//! added to.
//!
//! Registers are followed in a straight line, which is enough for an address or a constant that is used a few
//! instructions further on.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};

/// Uses of one function that are kept.
const MAX_USES: usize = 4096;

/// One use of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// A variable is read, written or compared.
    Access { address: u64, size: u8 },
    /// The address of a variable is taken.
    Address(u64),
    /// An array is indexed.
    Indexed(u64),
    /// A variable of 64 bits is added to, in one locked instruction.
    Add { address: u64, addend: Option<u64> },
    /// A function is called; `receiver` is an address in the register of the first argument.
    Call { target: u64, receiver: Option<u64> },
    /// A field of what a register points to is incremented.
    Increment { offset: u32, size: u8 },
}

/// Returns the uses of a function at `entry`, in the order of its instructions.
pub(super) fn uses(code: &[u8], entry: u64) -> Vec<Use> {
    let mut registers = Registers::default();
    let mut found = Vec::new();
    for instruction in &mut Decoder::with_ip(64, code, entry, DecoderOptions::NONE) {
        if found.len() >= MAX_USES {
            break;
        }
        found.extend(use_of(&instruction, &registers));
        registers.after(&instruction);
    }
    found
}

fn use_of(instruction: &Instruction, registers: &Registers) -> Option<Use> {
    if instruction.code() == Code::Call_rel32_64 {
        return Some(Use::Call {
            target: instruction.near_branch64(),
            // The first argument of Go's internal ABI.
            receiver: registers.address(Register::RAX),
        });
    }
    if instruction.mnemonic() == Mnemonic::Lea {
        return instruction
            .is_ip_rel_memory_operand()
            .then(|| Use::Address(instruction.memory_displacement64()));
    }
    if instruction.code() == Code::Xadd_rm64_r64 && instruction.has_lock_prefix() {
        let address = if instruction.is_ip_rel_memory_operand() {
            Some(instruction.memory_displacement64())
        } else {
            Some(instruction.memory_base())
                .filter(|_| instruction.memory_displacement64() == 0)
                .and_then(|base| registers.address(base))
        };
        return address.map(|address| Use::Add {
            address,
            addend: registers.constant(instruction.op1_register()),
        });
    }
    let size = u8::try_from(instruction.memory_size().size()).ok()?;
    if instruction.is_ip_rel_memory_operand() {
        return Some(Use::Access {
            address: instruction.memory_displacement64(),
            size,
        });
    }
    if instruction.memory_index() != Register::None && instruction.memory_displacement64() == 0 {
        return registers
            .address(instruction.memory_base())
            .map(Use::Indexed);
    }
    let of_field = matches!(instruction.code(), Code::Inc_rm32 | Code::Inc_rm64)
        && instruction.op0_kind() == OpKind::Memory
        && !matches!(instruction.memory_base(), Register::RSP | Register::None);
    if !of_field {
        return None;
    }
    let offset = u32::try_from(instruction.memory_displacement64()).ok()?;
    Some(Use::Increment { offset, size })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Address(u64),
    Constant(u64),
}

/// What the general registers are known to hold.
#[derive(Default)]
struct Registers([Option<Held>; 16]);

impl Registers {
    fn address(&self, register: Register) -> Option<u64> {
        match self.get(register)? {
            Held::Address(address) => Some(address),
            Held::Constant(_) => None,
        }
    }

    fn constant(&self, register: Register) -> Option<u64> {
        match self.get(register)? {
            Held::Constant(constant) => Some(constant),
            Held::Address(_) => None,
        }
    }

    fn get(&self, register: Register) -> Option<Held> {
        let full = register.full_register();
        full.is_gpr64()
            .then(|| self.0.get(full.number()).copied().flatten())?
    }

    fn after(&mut self, instruction: &Instruction) {
        if instruction.code() == Code::Call_rel32_64 {
            self.0 = [None; 16];
            return;
        }
        let writes = instruction.op0_kind() == OpKind::Register
            && !matches!(instruction.mnemonic(), Mnemonic::Cmp | Mnemonic::Test);
        if writes {
            self.set(instruction.op0_register(), held(instruction));
        }
        if matches!(instruction.mnemonic(), Mnemonic::Xadd | Mnemonic::Xchg)
            && instruction.op1_kind() == OpKind::Register
        {
            self.set(instruction.op1_register(), None);
        }
    }

    fn set(&mut self, register: Register, held: Option<Held>) {
        let full = register.full_register();
        if let Some(slot) = self.0.get_mut(full.number()).filter(|_| full.is_gpr64()) {
            *slot = held;
        }
    }
}

fn held(instruction: &Instruction) -> Option<Held> {
    match instruction.code() {
        Code::Lea_r64_m if instruction.is_ip_rel_memory_operand() => {
            Some(Held::Address(instruction.memory_displacement64()))
        }
        Code::Mov_r32_imm32 | Code::Mov_r64_imm64 | Code::Mov_rm64_imm32 => {
            Some(Held::Constant(instruction.immediate(1)))
        }
        _ => None,
    }
}
