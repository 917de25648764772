//! Columns of Parquet whose types take care: instants, and what has no text.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::ArrowWriterOptions;
use ::parquet::data_type::{Int96, Int96Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BinaryArray, DurationSecondArray, Int64Array, ListArray, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{DataType, TimeUnit};
use serde_json::{Value, json};

use super::*;

/// `bare`: without the types of Arrow, as Spark and DuckDB write.
fn file(columns: &[(&str, ArrayRef)], bare: bool) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let mut bytes = Vec::new();
    let options = ArrowWriterOptions::new().with_skip_arrow_metadata(bare);
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn read_monitored(bytes: &[u8], change: impl Fn(&mut Source<'_>)) -> Result<Found> {
    try_read(Format::Parquet, &[("x.parquet", bytes)], change)
}

/// That both readers of Parquet find these texts in the only column.
#[track_caller]
fn assert_texts(bytes: &[u8], expected: [Option<&str>; 3], case: &str) {
    let found = read_monitored(bytes, |_| {}).unwrap_or_else(|problem| panic!("{case}: {problem}"));
    let texts: Vec<_> = found.rows.iter().map(|row| row[0].as_deref()).collect();
    assert_eq!(texts, expected, "{case}, of a monitor");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    fs::write(&path, bytes).unwrap();
    let (_, rows) = crate::read::parquet_rows(&path).unwrap_or_else(|problem| panic!("{case}: {problem}"));
    let cells: Vec<Value> = rows.into_iter().flatten().collect();
    assert_eq!(cells, expected.map(|text| json!(text)), "{case}, of an analysis");
}

const WINTER: i64 = 1_704_067_200;
const SUMMER: i64 = 1_719_792_000;

#[test]
fn an_instant_has_its_text_whatever_its_unit_and_zone() {
    let plain = [Some("2024-01-01T00:00:00"), None, Some("2024-07-01T00:00:00")];
    let utc = [Some("2024-01-01T00:00:00Z"), None, Some("2024-07-01T00:00:00Z")];
    let east = [Some("2024-01-01T02:00:00+02:00"), None, Some("2024-07-01T02:00:00+02:00")];
    let units = [
        (TimeUnit::Second, 1),
        (TimeUnit::Millisecond, 1_000),
        (TimeUnit::Microsecond, 1_000_000),
        (TimeUnit::Nanosecond, 1_000_000_000),
    ];
    let zones = [
        (None, plain),
        (Some("UTC"), utc),
        (Some("+00:00"), utc),
        (Some("Europe/Berlin"), utc),
        (Some("no/zone"), utc),
        (Some("+02:00"), east),
    ];
    for ((unit, times), (zone, texts)) in units.iter().flat_map(|unit| zones.map(|zone| (unit, zone))) {
        let numbers = Int64Array::from_iter([Some(WINTER * times), None, Some(SUMMER * times)]);
        let column = cast(&numbers, &DataType::Timestamp(*unit, zone.map(Into::into))).unwrap();
        let case = format!("{unit:?} {zone:?}");
        assert_texts(&file(&[("t", column.clone())], false), texts, &case);
        // Parquet itself has no seconds, and no zones but UTC.
        if *unit != TimeUnit::Second {
            let texts = if zone.is_some() { utc } else { plain };
            assert_texts(&file(&[("t", column)], true), texts, &format!("{case}, bare"));
        }
    }
    // The times of old Spark: nanoseconds of the day, and the Julian day.
    let schema = Arc::new(parse_message_type("message m { optional int96 t; }").unwrap());
    let mut bytes = Vec::new();
    let properties = Arc::new(WriterProperties::default());
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let days = [2_460_311, 2_460_493].map(|day| Int96::from(vec![0, 0, day]));
    column.typed::<Int96Type>().write_batch(&days, Some(&[1, 0, 1]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    assert_texts(&bytes, plain, "INT96");
}

#[test]
fn a_name_twice_is_refused() {
    let of = |values: [i64; 2]| Arc::new(Int64Array::from_iter_values(values)) as ArrayRef;
    let twice = file(&[("a", of([1, 2])), ("b", of([3, 4])), ("a", of([5, 6])), ("c", of([7, 8]))], false);
    let plain = file(&[("a", of([1, 2])), ("b", of([3, 4]))], false);
    for files in [&[("1", twice.as_slice())][..], &[("1", plain.as_slice()), ("2", twice.as_slice())]] {
        let refused = try_read(Format::Parquet, files, |_| {}).err().unwrap();
        assert_eq!(refused.code(), &codes::HEADERS_DO_NOT_FIT, "{refused}");
        assert!(refused.to_string().contains("`a` twice"), "{refused}");
    }
}

/// Every order of four files, one of them without rows: the rows are the same by name, and so is what is said.
#[test]
fn a_table_has_the_columns_of_every_file_whatever_their_order() {
    let of = |values: &[i64]| Arc::new(Int64Array::from_iter_values(values.iter().copied())) as ArrayRef;
    let files = [
        file(&[("a", of(&[1, 2])), ("b", of(&[3, 4]))], false),
        file(&[("z", of(&[9])), ("b", of(&[5])), ("a", of(&[7]))], false),
        file(&[("b", of(&[8]))], false),
        file(&[("a", of(&[])), ("none", of(&[]))], false),
    ];
    let expected = ["a=1 b=3 z=-", "a=2 b=4 z=-", "a=7 b=5 z=9", "a=- b=8 z=-"];
    let orders = (0..256_usize).map(|n| [n % 4, n / 4 % 4, n / 16 % 4, n / 64]);
    let mut seen = 0;
    for order in orders.filter(|order| (0..4).all(|file| order.contains(&file))) {
        let read = |limit| {
            let named: Vec<(&str, &[u8])> =
                ["0", "1", "2", "3"].into_iter().zip(order.map(|at| files[at].as_slice())).collect();
            try_read(Format::Parquet, &named, |source| source.limit = limit).unwrap()
        };
        let found = read(None);
        let mut rows = found.by_name(["a", "b", "z"]);
        rows.sort_by_key(|row| expected.iter().position(|known| known == row));
        assert_eq!((rows, found.names.len()), (expected.map(Into::into).to_vec(), 3), "{order:?}");
        let place = |at: usize| order.iter().position(|&file| file == at).unwrap();
        let both = |one: usize, two: usize| format!("{} and 1 more file", place(one).min(place(two)));
        let told = [
            format!("`a` is in {}, and not in {}, where its values are missing", both(0, 1), place(2)),
            format!("`z` is in {}, and not in {}, where its values are missing", place(1), both(0, 2)),
        ];
        assert_eq!(
            found.account.warnings,
            told.map(|told| format!("files have different columns: {told}")),
            "{order:?}"
        );
        // A look at the first record knows the columns of all files.
        assert_eq!(read(Some(1)).account.warnings, found.account.warnings, "{order:?}");
        seen += 1;
    }
    assert_eq!(seen, 24);
    // A column that is not read is not told.
    let preparation: &'static _ = Box::leak(Box::new(
        crate::monitor::columns::parse(r#"[{"drop":["z"]},{"null":["4"],"column":"b"}]"#).unwrap(),
    ));
    let named: [(&str, &[u8]); 2] = [("0", &files[0]), ("1", &files[1])];
    let found = try_read(Format::Parquet, &named, |source| source.preparation = Some(preparation)).unwrap();
    assert_eq!(
        (found.short(), found.account.warnings.len()),
        (vec!["1|3".into(), "2|-".into(), "7|5".into()], 0)
    );
}

#[test]
fn a_column_without_text_is_refused_unless_it_is_left_out() {
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let columns: [(&str, ArrayRef); 3] = [
        ("list", Arc::new(lists)),
        ("binary", Arc::new(BinaryArray::from_iter_values([b"\xff", b"b"]))),
        ("duration", Arc::new(DurationSecondArray::from_iter_values([1, 2]))),
    ];
    let number = |name| (name, Arc::new(Int64Array::from_iter_values([7, 8])) as ArrayRef);
    for (kind, column) in columns {
        let bytes = file(&[number("a"), ("odd", column), number("b")], false);
        let refused = read_monitored(&bytes, |_| {}).err().unwrap_or_else(|| panic!("{kind} was read"));
        assert_eq!(refused.place().field.as_deref(), Some("odd"), "{refused}");
        for columns in
            [r#"[{"drop":["odd"]}]"#, r#"[{"keep":["a","b"]}]"#, r#"[{"rename":{"odd":"x"}},{"drop":["x"]}]"#]
        {
            let preparation: &'static _ =
                Box::leak(Box::new(crate::monitor::columns::parse(columns).unwrap()));
            let found = read_monitored(&bytes, |source| source.preparation = Some(preparation)).unwrap();
            assert_eq!(
                (found.names.join(","), found.short()),
                ("a,b".into(), vec!["7|7".into(), "8|8".into()])
            );
        }
        for exclude in ["odd", "1"] {
            let exclude: &'static [String] = vec![exclude.to_string()].leak();
            let found = read_monitored(&bytes, |source| source.exclude = exclude).unwrap();
            assert_eq!(found.short(), ["7|-|7", "8|-|8"], "{kind}");
        }
        let others: &'static [String] = vec!["a".to_string(), "2".to_string()].leak();
        assert!(read_monitored(&bytes, |source| source.exclude = others).is_err(), "{kind}");
    }
}

#[test]
fn a_flipped_bit_anywhere_costs_the_file_and_not_the_program() {
    const WITH_CHECKSUMS: &[u8] = include_bytes!("../../../../tests/data/checksums.parquet");
    for at in 0..WITH_CHECKSUMS.len() {
        let mut bytes = WITH_CHECKSUMS.to_vec();
        bytes[at] ^= 1 << (at % 8);
        if let Err(problem) = read_monitored(&bytes, |_| {}) {
            assert!(problem.to_string().contains("x.parquet"), "byte {at}: {problem}");
        }
    }
}
