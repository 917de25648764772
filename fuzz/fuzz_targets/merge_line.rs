#![no_main]
//! Any line: the scanner of the merge and its slow twin must agree.

#[path = "../../tests/support/merge_twin.rs"]
mod merge_twin;

libfuzzer_sys::fuzz_target!(|line: &[u8]| merge_twin::compare(line));
