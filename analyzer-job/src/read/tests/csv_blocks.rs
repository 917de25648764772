use plumbline_common::input;
use proptest::prelude::*;

use super::*;
use crate::config::{DatasetFormat, Scalar};
use crate::read::blocks::BLOCK_BYTES;
use crate::read::fixture::{analysis, facet, keep_rows, name, outcome};
use crate::read::{Options, paired as rows};

fn both(texts: &[Vec<u8>], analysis: &Analysis, block_bytes: usize, threads: usize) -> [Option<String>; 2] {
    both_with(&Options::default(), texts, analysis, block_bytes, threads)
}

/// Rows that are read one after the other have all their cells kept.
fn both_with(
    options: &Options,
    texts: &[Vec<u8>],
    analysis: &Analysis,
    block_bytes: usize,
    threads: usize,
) -> [Option<String>; 2] {
    let root = tempfile::tempdir().unwrap();
    for (at, text) in texts.iter().enumerate() {
        std::fs::write(root.path().join(format!("{at}.csv")), text).unwrap();
    }
    let files = input::files(root.path()).unwrap();
    let source = || Source::new(options, 0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let (mut one, mut other) = (source(), Source { exact: true, ..source() });
    let counted = pool.install(|| count(&files, analysis, &mut one, block_bytes));
    let read = rows::one_after_the_other(&files, &mut [None, None], analysis, &mut other);
    [outcome(counted, &one), outcome(read, &other)]
}

fn with_roles() -> Analysis {
    let mut analysis = analysis(DatasetFormat::Csv);
    analysis.facets = vec![facet("sex", &[]), facet("age", &[Scalar::Int(3)])];
    analysis.group_variable = Some(name("job"));
    analysis
}

fn cell() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => prop_oneof![Just("1"), Just("0"), Just("7"), Just("2.5"), Just("f"), Just("m"), Just("")],
        1 => prop_oneof![
            Just("a longer text"), Just("é"), Just(" x "), Just("\"q\""), Just("\"a,b\""), Just("\"two\nlines\""),
            Just("\"say \"\"so\"\"\""), Just("5\" disk"), Just("\"open\"end"), Just("12345678"),
        ],
    ]
}

proptest! {
    #[test]
    fn blocks_count_what_one_row_after_the_other_does(
        files in proptest::collection::vec(
            proptest::collection::vec(proptest::array::uniform5(cell()), 0..60),
            1..4,
        ),
        ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n")], 1..4),
        headers in proptest::collection::vec(any::<bool>(), 3),
        mark in any::<bool>(),
        last_end in any::<bool>(),
        block_bytes in prop_oneof![1_usize..40, 40_usize..2000],
        threads in prop_oneof![Just(1_usize), Just(2), Just(3), Just(8)],
        damage in prop_oneof![8 => Just(""), 1 => Just("1,2\n"), 1 => Just("1,2,3,4,5,6\n"), 1 => Just("\u{1}"),
            1 => Just("1,1,\"f,0,2\n1,1,f,0,2\n1,1,\"m\",0,2\n"), 1 => Just("1,1,f,0,\"2\n1,1,f,0,2\n"),
            1 => Just("age,y,sex,pred,job\n1,1,f,0,2\n"), 1 => Just("y,age,sex,pred,job\n1,1,f,0,2\n")],
    ) {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for (at, rows) in files.iter().enumerate() {
            let mut text = String::new();
            if mark {
                text.push('\u{feff}');
            }
            if at == 0 || headers[at] {
                text.push_str("age,y,sex,pred,job\n");
            }
            for (row, cells) in rows.iter().enumerate() {
                text.push_str(&cells.join(","));
                if last_end || row + 1 < rows.len() {
                    text.push_str(ends[row % ends.len()]);
                }
            }
            let mut text = text.into_bytes();
            if at == 1 {
                // A byte that is no text, or a row of another width.
                text.extend(damage.bytes().map(|byte| if byte == 1 { 0xff } else { byte }));
            }
            texts.push(text);
        }
        let [counted, read] = both(&texts, &with_roles(), block_bytes, threads);
        // What is left to the other way is none of this one's results.
        prop_assert!(counted.is_none() || counted == read);
    }
}

/// Numbers of which nearly every row has its own, and few others; `odd`: also cells that are no numbers.
fn own_number(odd: bool) -> impl Strategy<Value = String> {
    prop_oneof![
        400 => (-1.0e3..1.0e3).prop_map(|value: f64| value.to_string()),
        400 => any::<i32>().prop_map(|value| value.to_string()),
        10 => prop_oneof![
            Just(""), Just("NA"), Just("-0.0"), Just("0.0"), Just("007"), Just(" 7 "), Just("1e400"), Just("\"8\""),
            Just("9223372036854775808"), Just("9007199254740993"),
        ].prop_map(String::from),
        u32::from(odd) => prop_oneof![Just("x"), Just("True")].prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn kept_rows_are_the_same_in_blocks_as_one_after_the_other(
        rows in proptest::collection::vec(
            (
                any::<i32>(),
                own_number(false),
                own_number(true),
                "[01fm]?|2\\.5|\"a,b\"",
                prop_oneof![Just("True"), Just("")],
            ),
            100..500,
        ),
        whole in any::<bool>(),
        files in 1_usize..4,
        block_bytes in prop_oneof![1_usize..200, 4000_usize..20_000],
        threads in prop_oneof![Just(1_usize), Just(2), Just(3), Just(8)],
    ) {
        let texts: Vec<Vec<u8>> = rows
            .chunks(rows.len().div_ceil(files))
            .map(|rows| {
                let mut text = String::from("age,y,sex,pred,job\n");
                for (age, y, sex, pred, job) in rows {
                    let y = if whole { age.wrapping_mul(3).to_string() } else { y.clone() };
                    text.push_str(&format!("{age},{y},{sex},{pred},{job}\n"));
                }
                text.into_bytes()
            })
            .collect();
        let [kept, read] = both_with(&keep_rows(), &texts, &with_roles(), block_bytes, threads);
        prop_assert!(kept.is_none() || kept == read);
        prop_assert!(read.is_some());
    }
}

#[test]
fn many_numbers_and_texts_are_kept_alike_by_any_blocks() {
    let mut text = String::from("age,y,sex,pred,job\n");
    for row in 0..80_000_u32 {
        let value = row.wrapping_mul(2_654_435_761);
        // Numbers of their own from the beginning, only later, whole up to a row, and texts.
        let later = if row < 1000 { row % 7 } else { value };
        let whole = if row == 70_000 { String::from("0.5") } else { value.to_string() };
        text.push_str(&format!("{},{later},t{},{whole},{}\n", f64::from(value) / 1e3, row % 70_000, row % 9));
    }
    for (block_bytes, threads) in [(20_000, 3), (300_000, 2), (9_000_000, 1)] {
        let [kept, read] =
            both_with(&keep_rows(), &[text.clone().into_bytes()], &with_roles(), block_bytes, threads);
        assert!(kept.is_some() && kept == read);
    }
}

#[test]
fn rows_of_numbers_and_texts_without_a_header_row_are_counted_in_blocks() {
    let mut analysis = with_roles();
    analysis.dataset.headers = Some(["age", "y", "sex", "pred", "job"].map(String::from).to_vec());
    let text = "7,1,f,0,\"a,b\"\n2.5,0,m,1,x\n".repeat(2000).into_bytes();
    let [counted, read] = both(&[text.clone(), text], &analysis, 1000, 3);
    assert!(counted.is_some_and(|counted| counted.contains("is read as data") && Some(counted) == read));
}

#[test]
fn columns_of_many_values_are_folded_alike_by_any_blocks() {
    for whole in [true, false] {
        let mut text = String::from("age,y,sex,pred,job\n");
        for row in 0..40_000_u32 {
            let value = row.wrapping_mul(2_654_435_761) % 100_000;
            let age =
                if whole { format!("{}", value / 4) } else { format!("{:.3}", f64::from(value) / 1e4 - 3.0) };
            text.push_str(&format!(
                "{age},{},{},{},{}\n",
                row % 2,
                ["f", "m"][row as usize % 3 % 2],
                row % 5 % 2,
                row % 7
            ));
        }
        for (block_bytes, threads) in [(2_000, 3), (300_000, 2), (700_000, 1)] {
            let [counted, read] = both(&[text.clone().into_bytes()], &with_roles(), block_bytes, threads);
            assert!(counted.is_some() && counted == read);
        }
    }
}

#[test]
fn rows_of_long_cells_are_left_to_the_reader_of_one_after_the_other() {
    let rows_of = |cell_bytes: usize| {
        format!("age,y,sex,pred,job\n{}", format!("1,1,f,0,{}\n", "x".repeat(cell_bytes)).repeat(40))
    };
    let analysis = with_roles();
    for (cell_bytes, in_blocks) in [(1 << 10, true), (1 << 19, false)] {
        let [counted, read] = both(&[rows_of(cell_bytes).into_bytes()], &analysis, BLOCK_BYTES, 2);
        assert_eq!(counted.is_some(), in_blocks);
        assert!(counted.is_none() || counted == read);
    }
}

#[test]
fn a_stop_ends_counting() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.csv"), "age,y,sex,pred,job\n1,1,f,1,2\n").unwrap();
    let options = Options::default();
    options.stop.request();
    let mut source = Source::new(&options, 0);
    let files = input::files(root.path()).unwrap();
    assert!(count(&files, &with_roles(), &mut source, BLOCK_BYTES).is_err());
}
