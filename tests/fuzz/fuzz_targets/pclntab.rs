//! Any bytes as the tables of a program that is otherwise sound.
#![no_main]

libfuzzer_sys::fuzz_target!(|tables: rtprobe_fuzz::Tables| rtprobe_fuzz::analyze_tables(tables));
