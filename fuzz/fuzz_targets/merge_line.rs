#![no_main]
//! Any lines: the reader of the merge and its slow twin must agree.

#[path = "../../tests/support/merge_twin.rs"]
mod merge_twin;

libfuzzer_sys::fuzz_target!(|lines: &[u8]| {
    let mut readers = merge_twin::Readers::default();
    lines.split(|&byte| byte == b'\n').for_each(|line| merge_twin::compare(line, &mut readers));
});
