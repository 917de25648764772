//! What the merge finds in the text of a file of captures.

use std::collections::BTreeSet;

use merge_job::record::Captures;

use crate::merge_pieces::in_pieces;
use crate::merge_plain_rows::data_and_id;

/// Data and ids of the records, each found once, and the lines of what is bad. Pieces of any size give the same.
#[track_caller]
pub(crate) fn found(text: &str) -> (BTreeSet<(String, String)>, Vec<u64>) {
    let read = |size: usize| in_pieces(Captures, text.as_bytes(), &[size], 1 << 20);
    let all = read(usize::MAX);
    let size = 1 + text.len() % 9;
    assert_eq!(all, read(size), "pieces of {size}: {text:?}");
    let (mut good, mut bad) = (BTreeSet::new(), Vec::new());
    for (line, what) in &all {
        match what {
            Ok(body) => assert!(good.insert(data_and_id(body)), "{text:?}: {all:?}"),
            Err(_) => bad.push(*line),
        }
    }
    (good, bad)
}
