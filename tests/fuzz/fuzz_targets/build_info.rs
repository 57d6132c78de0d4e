//! Any bytes as the build info of a program that is otherwise sound.
#![no_main]

libfuzzer_sys::fuzz_target!(|build_info: Vec<u8>| rtprobe_fuzz::analyze_build_info(build_info));
