//! What the fuzz targets share.

use probe_user::{address::VirtAddr, analyze::GoBinary};

#[path = "../../hostile/synthetic.rs"]
mod synthetic;

use synthetic::Program;

/// The tables of a program with one function.
#[derive(Debug, arbitrary::Arbitrary)]
pub struct Tables {
    names: Vec<u8>,
    files: Vec<u8>,
    values: [Vec<u8>; 3],
    inline_tree: Vec<(i32, i32)>,
}

/// Analyzes a program that is sound but for its tables.
pub fn analyze_tables(tables: Tables) {
    let program = Program {
        names: tables.names,
        files: tables.files,
        values: tables.values,
        inline_tree: tables.inline_tree,
        ..Program::default()
    };
    analyze(program.file());
}

/// Analyzes a program that is sound but for its build info.
pub fn analyze_build_info(build_info: Vec<u8>) {
    let program = Program {
        build_info,
        ..Program::default()
    };
    analyze(program.file());
}

/// Opens a file and asks for everything about it.
pub fn analyze(file: Vec<u8>) {
    let Ok(binary) = GoBinary::open(Box::new(file)) else {
        return;
    };
    let text = binary.text();
    let step = ((text.end.0 - text.start.0) / 64).max(1);
    for pc in (text.start.0..text.end.0).step_by(step as usize) {
        for frame in binary.frames_at(VirtAddr(pc)) {
            let _origin = binary.origin(&frame);
        }
    }
    for function in binary
        .find_functions(&["main.main"])
        .into_values()
        .flatten()
    {
        let _code = binary.code(&function);
    }
    let _text = binary.user_text();
    let _layouts = (binary.g_layout(), binary.runtime_layout());
    let _globals = binary.runtime_globals();
}
