use proptest::prelude::*;

use super::*;
use crate::config::{DatasetFormat, Scalar};
use crate::read::Options;
use crate::read::fixture::{analysis, facet, outcome};

fn both(texts: &[Vec<u8>], analysis: &Analysis, block_bytes: usize, threads: usize) -> [Option<String>; 2] {
    let root = tempfile::tempdir().unwrap();
    for (at, text) in texts.iter().enumerate() {
        std::fs::write(root.path().join(format!("{at}.jsonl")), text).unwrap();
    }
    let files = plumbline_common::input::files(root.path()).unwrap();
    let options = Options::default();
    let (mut one, mut other) = (Source::new(&options, 0), Source::new(&options, 0));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let counted = pool.install(|| count(&files, analysis, &mut one, block_bytes));
    let read = one_after_the_other(&files, analysis, &mut other);
    [outcome(counted, &one), outcome(read, &other)]
}

fn with_facets() -> Analysis {
    let mut analysis = analysis(DatasetFormat::JsonLines);
    analysis.facets = vec![facet("column_0", &[]), facet("column_1", &[Scalar::Int(3)])];
    analysis
}

const OTHER: &[&[u8]] = &[
    b"",
    b"  ",
    b"{\"features\":[1,2,3],\"y\":1}",
    b"{\"features\":[[1,2,3]],\"y\":1,\"pred\":0}",
    b"{\"features\":[1,2,3],\"y\":[1],\"pred\":0,\"features\":[4,5,6]}",
    b"\xef\xbb\xbf",
];

const BAD: &[&[u8]] = &[
    b"{\"features\":[1,2],\"y\":1}",
    b"{\"features\":[1,2,[3]],\"y\":1}",
    b"{\"features\":[1,2,{}],\"y\":1}",
    b"{\"features\":[1,2,3],\"y\":[1,2]}",
    b"{\"features\":[1,2,3],\"features\":null,\"y\":1}",
    b"{\"features\":7}",
    b"{\"features\":[1,2,3]",
    b"{\"y\":1}",
    b"\xff",
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    let cell = || {
        prop_oneof![
            4 => prop_oneof![Just("1"), Just("0"), Just("2.5"), Just("\"f\""), Just("\"m\""), Just("null")],
            1 => prop_oneof![Just("\"a longer text\""), Just("\"\u{e9}\""), Just("\"\\u00e9\""), Just("NaN"), Just("true")],
        ]
    };
    let row = (cell(), cell(), cell(), cell(), cell());
    let good = row.prop_map(|(a, b, c, y, pred)| {
        format!("{{\"features\":[{a},{b} ,{c}], \"y\":{y},\"more\":{{}},\"pred\":{pred}}}").into_bytes()
    });
    prop_oneof![
        40 => good,
        4 => proptest::sample::select(OTHER).prop_map(<[u8]>::to_vec),
        1 => proptest::sample::select(BAD).prop_map(<[u8]>::to_vec),
    ]
}

proptest! {
    #[test]
    fn blocks_count_what_one_line_after_the_other_does(
        files in proptest::collection::vec(proptest::collection::vec(line(), 0..30), 1..4),
        ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\n\n")], 1..4),
        mark in any::<bool>(),
        block_bytes in prop_oneof![1_usize..40, 40_usize..2000],
        threads in 1_usize..4,
    ) {
        let texts: Vec<Vec<u8>> = files
            .iter()
            .map(|lines| {
                let mut text = if mark { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
                for (at, line) in lines.iter().enumerate() {
                    text.extend(line);
                    text.extend(ends[at % ends.len()].as_bytes());
                }
                text
            })
            .collect();
        let [counted, read] = both(&texts, &with_facets(), block_bytes, threads);
        // What is left to the other way is none of this one's results.
        prop_assert!(counted.is_none() || counted == read, "{:?} {:?}", counted, read);
    }
}

#[test]
fn lines_as_they_mostly_are_are_counted_in_blocks() {
    let line = "{\"features\":[3,\"f\",0.5],\"y\":1,\"pred\":0}\r\n";
    let texts = [line.repeat(500), format!("\u{feff}{}", line.replace("0.5", "7").repeat(500))];
    let [counted, read] = both(&texts.map(String::into_bytes), &with_facets(), 1000, 3);
    assert!(counted.is_some() && counted == read);
}

/// Labels that are lists, and lists of labels, in lines that are alike.
#[test]
fn labels_in_lists_are_those_of_each_line() {
    let mut analysis = with_facets();
    for (label, labels) in
        [("y", "\"y\":[1]"), ("ys[*].y", "\"ys\":[{\"y\":1}]"), ("y", "\"y\":null"), ("y", "\"z\":1")]
    {
        analysis.label = Some(crate::read::fixture::name(label));
        let line = format!("{{\"features\":[3,\"f\",0.5],{labels},\"pred\":0}}\n");
        let other = line.replace("[1]", "[0]").replace("\"y\":1", "\"y\":0");
        let [counted, read] = both(&[(line + &other).repeat(20).into_bytes()], &analysis, 1000, 2);
        assert!(counted.is_some() && counted == read, "{label} {labels}: {counted:?} {read:?}");
    }
}
