//! Looks into an executable just far enough to say which Go program it is.

use std::fs::File;

use crate::{analyze::GoBinary, discover::GoProgram};

/// Returns what a file says about itself, `None` if it is no Go program that can be analyzed.
pub fn go_program(exe: File) -> Option<GoProgram> {
    let binary = GoBinary::open(Box::new(exe)).ok()?;
    let build_info = binary.build_info();
    Some(GoProgram {
        go_version: build_info.go_version.clone(),
        module: build_info.module.clone(),
        binary: binary.kind(),
        text_segments: binary
            .exec_segments()
            .iter()
            .map(|segment| (segment.file_offset.0, segment.vaddr.0, segment.len))
            .collect(),
    })
}
