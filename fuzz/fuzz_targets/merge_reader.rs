#![no_main]
//! Any file in pieces of any size: the reader of the merge must find what it finds in one piece. The first byte says how
//! large the pieces are.

#[path = "../../tests/support/merge_pieces.rs"]
mod merge_pieces;

use merge_job::record::{Captures, GroundTruth};

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let Some((&size, text)) = file.split_first() else { return };
    let sizes = [usize::from(size) + 1];
    let whole = merge_pieces::in_pieces(Captures, text, &[usize::MAX], 1 << 20);
    assert_eq!(whole, merge_pieces::in_pieces(Captures, text, &sizes, 1 << 20));
    let whole = merge_pieces::in_pieces(GroundTruth, text, &[usize::MAX], 1 << 20);
    assert_eq!(whole, merge_pieces::in_pieces(GroundTruth, text, &sizes, 1 << 20));
});
