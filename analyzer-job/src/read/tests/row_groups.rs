use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use plumbline_common::input;
use proptest::prelude::*;

use super::*;
use crate::config::{DatasetFormat, Scalar};
use crate::read::Options;
use crate::read::fixture::{analysis, facet, outcome};

fn write(path: &Path, rows: &[(Option<i64>, Option<f64>, Option<String>)], group: usize, turned: bool) {
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("y", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0)))),
        ("age", Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.1)))),
        ("sex", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.2.as_deref())))),
        ("pred", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.0.map(|y| 1 - y))))),
    ];
    if turned {
        columns.reverse();
    }
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// With a facet of texts, and perhaps one of numbers, of which nearly every row has its own.
fn with_facets(numbers: bool) -> Analysis {
    let mut analysis = analysis(DatasetFormat::Parquet);
    analysis.facets = vec![facet("sex", &[])];
    if numbers {
        analysis.facets.push(facet("age", &[Scalar::Int(3)]));
    }
    analysis
}

fn both(folder: &Path, numbers: bool, rows_of_part: usize, threads: usize) -> [Option<String>; 2] {
    let (files, analysis) = (input::files(folder).unwrap(), with_facets(numbers));
    let options = Options::default();
    let (mut one, mut other) = (Source::new(&options, 0), Source::new(&options, 0));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let counted = pool.install(|| count(&files, &analysis, &mut one, rows_of_part));
    let read = parquet::read(&files, &analysis, &mut other);
    [outcome(counted, &one), outcome(read, &other)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn row_groups_count_what_one_file_after_the_other_does(
        files in proptest::collection::vec(
            proptest::collection::vec(
                (proptest::option::of(0..2_i64), proptest::option::of(-2.0..9.0_f64), proptest::option::of("[fm]|[a-z]{9}")),
                0..40,
            ),
            1..4,
        ),
        group in 1_usize..20,
        turned in proptest::collection::vec(any::<bool>(), 4),
        rows_of_part in 1_usize..30,
        threads in 1_usize..4,
        numbers in any::<bool>(),
    ) {
        let root = tempfile::tempdir().unwrap();
        for (at, rows) in files.iter().enumerate() {
            write(&root.path().join(format!("{at}.parquet")), rows, group, turned[at]);
        }
        let [counted, read] = both(root.path(), numbers, rows_of_part, threads);
        let is_left = files.iter().all(Vec::is_empty) && counted.is_none();
        prop_assert!(is_left || counted == read, "{:?} {:?}", counted, read);
    }
}

/// Columns of few values and of many, which make pages of other sizes, with nulls in places.
#[test]
fn parts_of_a_large_row_group_are_those_of_the_whole() {
    let row = |at: i64| {
        let many = at * 7919 % 100_003;
        let age = (many % 11 > 0).then_some(many as f64 / 8.0);
        (Some(at % 2), age, (many % 5 > 0).then(|| if many % 3 > 0 { "f".into() } else { "m".into() }))
    };
    let rows: Vec<_> = (0..300_000).map(row).collect();
    let root = tempfile::tempdir().unwrap();
    for (name, group) in [("a.parquet", rows.len()), ("b.parquet", 140_000)] {
        write(&root.path().join(name), &rows, group, false);
    }
    for (rows_of_part, threads) in [(ROWS_OF_PART, 2), (8192, 3), (100_000, 1), (usize::MAX, 2)] {
        for numbers in [true, false] {
            let [counted, read] = both(root.path(), numbers, rows_of_part, threads);
            assert!(counted.is_some() && counted == read, "{rows_of_part}");
        }
    }
}

#[test]
fn damage_is_left_to_who_names_it() {
    let root = tempfile::tempdir().unwrap();
    let rows = vec![(Some(1), Some(0.5), Some("f".to_string())); 5000];
    for name in ["a.parquet", "b.parquet"] {
        write(&root.path().join(name), &rows, 100, false);
    }
    let path = root.path().join("b.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4..200].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let [counted, read] = both(root.path(), true, ROWS_OF_PART, 2);
    assert!(counted.is_none() && read.is_some_and(|read| read.contains("b.parquet")));
}

/// Written by PyArrow: `write_table(table, name, write_page_checksum=True, compression="none", use_dictionary=["sex"])`, with 16
/// rows of `y`, `age`, `sex` and `pred`.
const WITH_CHECKSUMS: &[u8] = include_bytes!("../../../tests/data/checksums.parquet");

/// Numbers of a file that contradict each other make the parquet crate panic.
#[test]
fn a_flipped_bit_anywhere_costs_the_file_and_not_the_program() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.parquet");
    for at in 0..WITH_CHECKSUMS.len() {
        for bit in [at % 8, (at + 5) % 8] {
            let mut bytes = WITH_CHECKSUMS.to_vec();
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, bytes).unwrap();
            let [counted, read] = both(root.path(), true, ROWS_OF_PART, 1);
            assert!(counted.is_none() || counted == read, "byte {at}: {counted:?} {read:?}");
            if let Err(problem) = parquet::rows(&path) {
                assert!(problem.to_string().contains("a.parquet"), "byte {at}: {problem}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_of_a_page_with_a_checksum_is_told() {
    let values: Vec<u8> = (0..16_i64).flat_map(|row| (row % 2).to_le_bytes()).collect();
    let start = WITH_CHECKSUMS.windows(values.len()).position(|part| part == values).unwrap();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.parquet");
    for at in start..start + values.len() {
        let mut bytes = WITH_CHECKSUMS.to_vec();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, bytes).unwrap();
        let [counted, read] = both(root.path(), true, ROWS_OF_PART, 1);
        assert!(counted.is_none());
        for told in [read.unwrap(), parquet::rows(&path).unwrap_err().to_string()] {
            assert!(told.contains("a.parquet") && told.contains("checksum"), "byte {at}: {told}");
        }
    }
}
