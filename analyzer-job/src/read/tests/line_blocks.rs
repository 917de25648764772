use std::io::Write as _;

use plumbline_common::{codes, input as files};
use proptest::prelude::*;

use super::*;

/// Numbers and texts of lines, what is too long, and what cannot be read.
type Told = Vec<(u64, String)>;

fn by_lines(file: &InputFile, longest: usize) -> Told {
    let mut told = Vec::new();
    let mut lines = match files::Lines::open_within(file, longest) {
        Ok(lines) => lines,
        Err(problem) => return vec![(0, problem.to_string())],
    };
    loop {
        match lines.next_line() {
            Ok(Some((line, text))) => told.push((line, format!("{text:?}"))),
            Ok(None) => return told,
            Err(problem) => {
                let line = problem.place().line.unwrap_or(0);
                if std::ptr::eq(problem.code(), &codes::BAD_RECORD) {
                    told.push((line, "too long".into()));
                    continue;
                }
                told.push((line, problem.to_string()));
                return told;
            }
        }
    }
}

/// What blocks tell of each file.
fn by_blocks(files: &[InputFile], block_bytes: usize, longest: usize) -> Vec<Told> {
    let mut told = vec![Vec::new(); files.len()];
    let mut bytes = vec![0; files.len()];
    let mut blocks = LineBlocks::within(files, block_bytes, longest);
    let mut spent = None;
    while let Some(block) = blocks.next(spent.take()) {
        let told = &mut told[block.file];
        told.extend(block.records.iter().map(|(line, text)| (line, format!("{text:?}"))));
        match &block.records.behind {
            Behind::TooLong(line) => told.push((*line, "too long".into())),
            Behind::Fault(problem) => told.push((problem.place().line.unwrap_or(0), problem.to_string())),
            Behind::Lines | Behind::End => {}
        }
        bytes[block.file] += block.bytes;
        spent = Some(block);
    }
    assert!(files.iter().zip(bytes).all(|(file, bytes)| file.bytes == bytes));
    told
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

proptest! {
    #[test]
    fn blocks_have_the_lines_of_their_files(
        texts in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![
                    3 => "[ab]{0,6}",
                    1 => "[ab]{0,40}",
                    2 => Just("\n".to_string()),
                    1 => prop_oneof![Just("\r\n".to_string()), Just("\r".into()), Just(" ".into()), Just("\u{feff}".into())],
                ],
                1..40,
            ),
            1..4,
        ),
        gzip in proptest::collection::vec((any::<bool>(), prop_oneof![3 => Just(0_usize), 1 => 1_usize..30]), 3),
        block_bytes in 1_usize..60,
        longest in prop_oneof![1_usize..60, Just(LONGEST_RECORD)],
    ) {
        let root = tempfile::tempdir().unwrap();
        for ((at, text), (is_packed, cut)) in texts.iter().enumerate().zip(gzip) {
            let mut bytes = text.concat().into_bytes();
            if is_packed {
                bytes = packed(&bytes);
                bytes.truncate(bytes.len() - cut.min(bytes.len() - 1));
            }
            std::fs::write(root.path().join(at.to_string()), bytes).unwrap();
        }
        let files = files::files(root.path()).unwrap();
        let expected: Vec<Told> = files.iter().map(|file| by_lines(file, longest)).collect();
        prop_assert_eq!(by_blocks(&files, block_bytes, longest), expected);
    }
}

/// Much of a packed file can be read before its damage.
#[test]
fn lines_before_damage_are_handed_on() {
    let text: String = (0..40_000).map(|at| format!("{}\n", at * 7919)).collect();
    let mut bytes = packed(text.as_bytes());
    bytes.truncate(bytes.len() / 2);
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.gz"), bytes).unwrap();
    let files = files::files(root.path()).unwrap();
    let expected = by_lines(&files[0], LONGEST_RECORD);
    assert!(expected.len() > 1000);
    for block_bytes in [1, 100, 10_000, 1 << 20] {
        assert_eq!(by_blocks(&files, block_bytes, LONGEST_RECORD), std::slice::from_ref(&expected));
    }
}

#[test]
fn a_file_that_is_gone_is_a_fault_of_its_own() {
    let gone = InputFile { path: "/nowhere/x".into(), relative: "x".into(), bytes: 7 };
    let told = by_blocks(&[gone.clone(), gone], 10, 10);
    assert!(told.iter().all(|told| matches!(told.as_slice(), [(0, text)] if text.contains("cannot open"))));
}
