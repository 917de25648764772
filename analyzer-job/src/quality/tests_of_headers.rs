//! Files whose header rows differ: one table, whatever their order, format and parts.

mod generated;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use plumbline_common::stop::Stop;
use plumbline_common::{Result, codes};

use crate::monitor::format::Format;
use crate::monitor::rows::Source;
use crate::quality::naming::name;
use crate::quality::part::{Part, combine};
use crate::quality::pass::{self, Profiled};
use crate::quality::statistics::{Taken, statistics};

/// Names of columns of several files: nothing in common, some, all in another order, one file that has them all.
const HEADERS: [&[&str]; 6] = [
    &["a,b", "s,t"],
    &["a,b", "s,t", "a,b,s,t"],
    &["a,b", "b,c", "c,d"],
    &["a,b,c", "c,a,b", "b"],
    &["a", "b", "c"],
    &["a,b,c", "d,a", "f,g"],
];

/// The file in a format; numbers tell file, row and column.
fn file(format: &str, header: &str, number: usize) -> Vec<u8> {
    let names: Vec<&str> = header.split(',').collect();
    let value = |row: usize, at: usize| (100 * number + 10 * row + at) as f64 + 0.5;
    if format == "parquet" {
        let columns = names.iter().enumerate().map(|(at, name)| {
            let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..4).map(|row| value(row, at))));
            (*name, values)
        });
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        return bytes;
    }
    let row = |row: usize| {
        let cells = names.iter().enumerate().map(|(at, name)| (name, value(row, at)));
        match format {
            "csv" => cells.map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(","),
            _ => {
                let fields: Vec<String> = cells.map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    };
    let rows: Vec<String> = (0..4).map(row).collect();
    let head = if format == "csv" { format!("{header}\n") } else { String::new() };
    format!("{head}{}\n", rows.join("\n")).into_bytes()
}

/// What is known of the files in a folder. `given`: the format is.
fn profile(folder: &Path, format: &str, is_given: bool) -> Result<Profiled> {
    let stop = Stop::default();
    let mut source = Source::new(folder, &stop);
    source.format = is_given.then_some(match format {
        "csv" => Format::Csv { header: true },
        "jsonl" => Format::JsonLines,
        _ => Format::Parquet,
    });
    pass::profile(&source)
}

/// The columns by name, without their sketches, which hang on the order of the rows.
fn shown(profiled: &Profiled) -> Vec<String> {
    let columns = profiled.columns.names.iter().map(String::as_str).zip(&profiled.profiles);
    let taken = Taken { by_value: false, strict: false };
    let found = serde_json::to_value(statistics(columns, profiled.account.rows, taken)).unwrap();
    let shown = |feature: &serde_json::Value| {
        let numbers = &feature["numerical_statistics"];
        format!(
            "{} {} {} {} {} {}",
            feature["name"],
            feature["inferred_type"],
            numbers["common"],
            numbers["sum"],
            numbers["min"],
            numbers["max"]
        )
    };
    let mut shown: Vec<String> = found["features"].as_array().unwrap().iter().map(shown).collect();
    shown.sort();
    shown.push(format!("{} rows", profiled.account.rows));
    shown
}

/// What is said of columns that only some files have.
fn different(profiled: &Profiled) -> Vec<&String> {
    let warnings = profiled.account.warnings.iter();
    warnings.filter(|warning| warning.starts_with("files have different columns")).collect()
}

fn folded(files: &[(String, Vec<u8>)], format: &str, is_given: bool) -> Result<Profiled> {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).unwrap());
    profile(folder.path(), format, is_given)
}

/// The sum of parts, of which each holds the files that are marked with its number.
fn in_parts(files: &[(String, Vec<u8>)], parts: &[usize], format: &str, is_given: bool) -> Result<Part> {
    let of = |part: usize| {
        let own = files.iter().zip(parts).filter(|(_, of)| **of == part);
        own.map(|(file, _)| file.clone()).collect::<Vec<_>>()
    };
    let n = parts.iter().max().map_or(0, |last| last + 1);
    let part = |part: usize| {
        Ok((format!("{part}.state").into(), Part::new(folded(&of(part), format, is_given)?, Vec::new())))
    };
    combine((0..n).map(part).collect::<Result<_>>()?, &[])
}

/// Every way to put n files in parts.
fn splits(n: usize) -> Vec<Vec<usize>> {
    (0..n).fold(vec![vec![]], |splits, _| {
        let longer = |split: Vec<usize>| {
            let next = split.iter().max().map_or(0, |last| last + 1);
            (0..=next).map(move |part| [&split[..], &[part]].concat())
        };
        splits.into_iter().flat_map(longer).collect()
    })
}

fn orders(n: usize) -> Vec<Vec<usize>> {
    (0..n).fold(vec![vec![]], |orders, at| {
        let longer = |order: Vec<usize>| {
            (0..=order.len()).map(move |place| [&order[..place], &[at], &order[place..]].concat())
        };
        orders.into_iter().flat_map(longer).collect()
    })
}

#[test]
fn any_order_and_any_split_of_files_with_header_rows_is_the_table_of_every_format() {
    for headers in HEADERS {
        let files = |format: &str, order: &[usize]| -> Vec<(String, Vec<u8>)> {
            let named = order.iter().enumerate();
            named.map(|(at, &of)| (format!("{at}.{format}"), file(format, headers[of], of))).collect()
        };
        let first: Vec<usize> = (0..headers.len()).collect();
        let expected = shown(&folded(&files("parquet", &first), "parquet", true).unwrap());
        for order in orders(headers.len()) {
            for (format, is_given) in [("csv", true), ("csv", false), ("jsonl", true), ("parquet", true)] {
                let files = files(format, &order);
                let case = format!("{headers:?} {order:?} {format} {is_given}");
                let whole = folded(&files, format, is_given).unwrap();
                assert_eq!(shown(&whole), expected, "{case}");
                if format != "csv" && order != first {
                    continue;
                }
                for parts in splits(headers.len()) {
                    let sum = in_parts(&files, &parts, format, is_given);
                    let sum = sum.unwrap_or_else(|problem| panic!("{case} {parts:?}: {problem}")).profiled;
                    assert_eq!(shown(&sum), expected, "{case} {parts:?}");
                    assert!(sum.columns.names.iter().eq(&whole.columns.names), "{case} {parts:?}");
                    assert_eq!(different(&sum), different(&whole), "{case} {parts:?}");
                }
            }
        }
    }
}

/// A part sees its own first rows only: where these may be data, it is as one run or refused.
#[test]
fn parts_whose_first_rows_may_be_data_are_as_one_run_or_refused() {
    let tables: [&[&str]; 6] = [
        &["f,28\nm,31\nf,40\n", "m,28\nf,31\nf,40\n", "f,30\nf,31\nm,40\n"],
        &["0,1\n1,0\n", "1,0\n1,1\n", "0,0\n1,1\n"],
        &["a,b\n1,2\n", "3,4\n5,6\n", "7,8\n9,1\n"],
        &["a,0,1\na,1,0\nb,1,1\n", "a,1,0\nb,1,0\na,1,1\n", "b,0,1\na,0,1\n"],
        &["oslo,red\nrome,red\n", "red,oslo\nrome,oslo\n", "bern,blue\nbern,red\n"],
        &["oslo,x\nrome,y\n", "bern,z\nlima,w\n", "kyiv,u\nbonn,v\n"],
    ];
    let mut refused = 0;
    for texts in tables {
        let files: Vec<(String, Vec<u8>)> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| (format!("{at}.csv"), text.as_bytes().to_vec()))
            .collect();
        let in_one = in_parts(&files, &[0; 3], "csv", false).map(|one| shown(&one.profiled));
        for parts in splits(3) {
            match (in_parts(&files, &parts, "csv", false), &in_one) {
                (Ok(sum), Ok(whole)) => assert_eq!(&shown(&sum.profiled), whole, "{texts:?} {parts:?}"),
                (Ok(_), Err(problem)) => panic!("{texts:?} {parts:?}: one run says {problem}"),
                (Err(problem), _) => {
                    refused += 1;
                    let expected = [&codes::STATES_DO_NOT_FIT, &codes::HEADERS_DO_NOT_FIT];
                    assert!(expected.contains(&problem.code()), "{texts:?} {parts:?}: {problem}");
                }
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

/// The baseline's names by position, where the order of the files would decide which position a column has.
#[test]
fn other_names_than_the_baselines_go_by_position_only_where_all_header_rows_are_the_same() {
    let named = |headers: &[&str], baseline: &[&str]| {
        let files = headers.iter().enumerate();
        let files: Vec<_> =
            files.map(|(at, header)| (format!("{at}.csv"), file("csv", header, at))).collect();
        let baseline: Vec<String> = baseline.iter().map(ToString::to_string).collect();
        name(&folded(&files, "csv", true).unwrap(), &[], Some(&baseline))
    };
    for headers in [["x,y", "y,x"], ["y,x", "x,y"], ["x", "x,y"], ["x,y", "y"]] {
        let problem = named(&headers, &["a", "b"]).err().unwrap();
        assert_eq!(problem.code(), &codes::HEADERS_DO_NOT_FIT, "{headers:?}: {problem}");
        assert!(named(&headers, &["y", "x"]).is_ok() && named(&headers, &["a", "b", "c"]).is_ok());
    }
    assert_eq!(named(&["x,y", "x,y"], &["a", "b"]).unwrap().columns[1], ("b".into(), 1));
}
