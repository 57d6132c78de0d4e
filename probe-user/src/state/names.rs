//! Addresses of code to frames, each looked up once.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use crate::{
    address::VirtAddr,
    analyze::{GoBinary, Origin},
    report::{Location, StackFrame},
};

/// Frames of one address, innermost first.
type Frames = Rc<[StackFrame]>;

/// The names of one binary's code.
#[derive(Debug)]
pub(super) struct Names<'a> {
    binary: &'a GoBinary,
    known: RefCell<HashMap<u64, Frames>>,
    /// Whether the innermost frame is of the user's own code.
    users: RefCell<HashMap<u64, bool>>,
}

/// What every goroutine's stack begins with; Go's own traces leave it out.
const OUTERMOST: &str = "runtime.goexit";

impl<'a> Names<'a> {
    pub(super) fn of(binary: &'a GoBinary) -> Self {
        Self {
            binary,
            known: RefCell::default(),
            users: RefCell::default(),
        }
    }

    /// Returns the frames of the instruction at `pc`; code without a Go function is one unknown frame.
    pub(super) fn frames(&self, pc: VirtAddr) -> Frames {
        if let Some(known) = self.known.borrow().get(&pc.0) {
            return Rc::clone(known);
        }
        let mut frames: Vec<_> = self
            .binary
            .frames_at(pc)
            .into_iter()
            .map(StackFrame::from)
            .collect();
        if frames.is_empty() {
            frames.push(StackFrame::without_line(format!("[unknown {pc}]")));
        }
        let frames: Frames = frames.into();
        self.known.borrow_mut().insert(pc.0, Rc::clone(&frames));
        frames
    }

    /// Returns the frames of a stack, given as instructions, innermost first.
    pub(super) fn stack(&self, pcs: &[VirtAddr]) -> Vec<StackFrame> {
        let frames = pcs.iter().map(|pc| self.frames(*pc));
        without_outermost(frames.flat_map(|frames| frames.to_vec()).collect())
    }

    /// Returns the frames of a stack that has an instruction for each of them, inlined ones too.
    pub(super) fn logical_stack(&self, pcs: &[VirtAddr]) -> Vec<StackFrame> {
        let frames = pcs.iter().map(|pc| self.frames(*pc));
        without_outermost(
            frames
                .filter_map(|frames| frames.first().cloned())
                .collect(),
        )
    }

    /// Returns which frame of such a stack is the innermost of the user's own code.
    pub(super) fn user_frame(&self, pcs: &[VirtAddr]) -> Option<u32> {
        let position = pcs.iter().position(|pc| self.is_user(*pc))?;
        u32::try_from(position).ok()
    }

    fn is_user(&self, pc: VirtAddr) -> bool {
        let is_user = || {
            let frames = self.binary.frames_at(pc);
            let innermost = frames.first();
            innermost.is_some_and(|frame| self.binary.origin(frame) == Origin::User)
        };
        *(self.users.borrow_mut().entry(pc.0)).or_insert_with(is_user)
    }

    /// Returns the line of an instruction.
    pub(super) fn location(&self, pc: VirtAddr) -> Option<Location> {
        let frames = self.frames(pc);
        let frame = frames.first().filter(|frame| !frame.file.is_empty())?;
        Some(Location {
            function: frame.function.to_string(),
            file: frame.file.to_string(),
            line: frame.line,
        })
    }

    /// Returns the line of the user's own code that calls `function` at an instruction, be it that the function's code is
    /// inlined there.
    pub(super) fn user_call(&self, pc: VirtAddr, function: &str) -> Option<Location> {
        let mut frames = self.binary.frames_at(pc).into_iter();
        frames
            .find(|frame| !frame.inlined || frame.function != function)
            .filter(|frame| self.binary.origin(frame) == Origin::User)
            .map(|frame| Location {
                function: frame.function,
                file: frame.file,
                line: frame.line,
            })
    }

    /// Returns the name of the function, not inlined, that an instruction is in; empty where there is none.
    pub(super) fn function(&self, pc: VirtAddr) -> String {
        let frames = self.frames(pc);
        frames
            .last()
            .filter(|frame| !frame.file.is_empty())
            .map_or_else(String::new, |frame| frame.function.to_string())
    }
}

fn without_outermost(mut stack: Vec<StackFrame>) -> Vec<StackFrame> {
    if stack.len() > 1
        && stack
            .last()
            .is_some_and(|last| &*last.function == OUTERMOST)
    {
        stack.pop();
    }
    stack
}
