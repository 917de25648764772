//! Files without rows, as those of an hour without traffic, beside others: what they say counts alike in every split.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;

use super::tests_of_kinds::{found, whole_and_split};
use crate::monitor::format::{Captured, Format};

/// A Parquet file with a column for each name and so many rows.
fn parquet(names: &[&str], rows: i64) -> Vec<u8> {
    let column =
        |at: usize| Arc::new((0..rows).map(|row| row + at as i64).collect::<Int64Array>()) as ArrayRef;
    let columns = names.iter().enumerate().map(|(at, name)| (*name, column(at)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Columns in the results, and whether something is said of the files.
#[test]
fn files_without_rows_count_alike_in_every_split() {
    let texts = |texts: [&str; 4]| texts.map(|text| text.as_bytes().to_vec());
    let payload = |text: &str| format!("{{\"data\":\"{text}\",\"encoding\":\"CSV\"}}");
    let capture = format!(
        "{{\"captureData\":{{\"endpointInput\":{},\"endpointOutput\":{}}},\"eventMetadata\":{{\"eventId\":\"e\"}}}}\n",
        payload("1,2"),
        payload("0.5")
    );
    let cases = [
        (Format::Csv { header: true }, texts(["b,a\n", "a,b\n1,2\n", "z,a\n\n", "\n"]), "b,a,z", true),
        (Format::Csv { header: false }, texts(["\n", "1,2\n", "", "3,4\n"]), "_c0,_c1", false),
        (Format::JsonLines, texts(["\n \n", "{\"b\":1,\"a\":2}\n", "[]\n", "{\"a\":1}\n"]), "b,a", false),
        (Format::JsonLines, texts(["{}\n", "{\"a\":1}\n", "\n", "{}\n"]), "a", false),
        (Format::JsonLines, texts(["[]\n", "[1,2]\n", "[ ]\n[]\n", "[3,4]\n"]), "_c0,_c1", false),
        (Format::Json, texts(["[]", "[{\"b\":1,\"a\":2}]", "{\"rows\":[]}", "[]"]), "b,a", false),
        (
            Format::Parquet,
            [
                parquet(&["none", "b", "a"], 0),
                parquet(&["a", "b"], 2),
                parquet(&["b", "a"], 3),
                parquet(&["b", "a"], 0),
            ],
            "a,b",
            false,
        ),
        (
            Format::Capture(Captured::default()),
            texts(["\n", &capture, "[]\n", &capture]),
            "_c0,_c1,_c2",
            false,
        ),
    ];
    for (format, files, names, is_told) in cases {
        let files: Vec<(&str, Vec<u8>)> = ["1", "2", "3", "4"].into_iter().zip(files).collect();
        for split in 0..81_usize {
            let of = |part: usize| -> Vec<(&str, Vec<u8>)> {
                let own =
                    files.iter().enumerate().filter(|(at, _)| split / 3_usize.pow(*at as u32) % 3 == part);
                own.map(|(_, file)| file.clone()).collect()
            };
            let parts: Vec<_> = (0..3).map(of).filter(|part| !part.is_empty()).collect();
            let (whole, all) = whole_and_split(Some(format.clone()), &files, &parts);
            let all = all.unwrap();
            assert_eq!(found(&all), found(&whole), "{format:?} {split}");
            assert_eq!(all.account.warnings, whole.account.warnings, "{format:?} {split}");
            let columns: Vec<&str> = whole.columns.names.iter().map(String::as_str).collect();
            assert_eq!(columns.join(","), names, "{format:?}");
            assert_eq!(
                !whole.account.warnings.is_empty(),
                is_told,
                "{format:?}: {:?}",
                whole.account.warnings
            );
        }
    }
}
