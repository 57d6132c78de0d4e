//! Any bytes as a file; a corpus of small Go programs gets it going.
#![no_main]

libfuzzer_sys::fuzz_target!(|file: Vec<u8>| rtprobe_fuzz::analyze(file));
