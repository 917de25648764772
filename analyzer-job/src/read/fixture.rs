//! For tests: an analysis without anything in it, and reading texts as files.

use std::fs;
use std::path::Path;

use plumbline_common::Result;
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::config::{Analysis, Dataset, DatasetFormat, Facet, Location, Methods, ReportNames, Scalar};
use crate::read::gather::{Gather, Gathered};
use crate::read::{Inputs, Layout, Options, Reading, Source, part};

pub(crate) fn name(name: &str) -> Location {
    Location::Name(name.into())
}

pub(crate) fn facet(column: &str, values: &[Scalar]) -> Facet {
    Facet { column: name(column), values: values.to_vec() }
}

/// Both kinds of bias metrics over a label `y`, positive 1, and predictions `pred`.
pub(crate) fn analysis(format: DatasetFormat) -> Analysis {
    Analysis {
        dataset: Dataset {
            format: Some(format),
            features: (format != DatasetFormat::Csv).then(|| "features".into()),
            ..Dataset::default()
        },
        label: Some(name("y")),
        truth_position: None,
        predicted_label: Some(name("pred")),
        label_values_or_threshold: vec![Scalar::Int(1)],
        probability_threshold: 0.5,
        threshold_given: false,
        facets: Vec::new(),
        group_variable: None,
        segments: Vec::new(),
        methods: Methods {
            pre_training_bias: Some(vec!["CI"]),
            post_training_bias: Some(vec!["DI"]),
            shap: None,
            pdp: None,
            report: ReportNames { name: "report".into(), title: "Report".into() },
        },
        predictor: None,
        given: Json::Null,
    }
}

/// Reads files given by name and bytes.
pub(crate) fn read(files: &[(&str, &[u8])], analysis: &Analysis, options: &Options) -> Result<Reading> {
    let root = tempfile::tempdir().unwrap();
    let mut inputs = Inputs { dataset: root.path().join("data"), facets: None, predictions: None };
    fs::create_dir(&inputs.dataset).unwrap();
    for (name, bytes) in files {
        // Side datasets are told by the folder they are given in.
        let path = match name.split_once('/') {
            Some(("facets", _)) => {
                inputs.facets = Some(root.path().join("facets"));
                root.path().join(name)
            }
            Some(("predictions", _)) => {
                inputs.predictions = Some(root.path().join("predictions"));
                root.path().join(name)
            }
            _ => inputs.dataset.join(name),
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    super::read(&inputs, analysis, options)
}

/// As `read`, of each file, by name and text, as a part of its own.
pub(crate) fn combined(
    files: &[(String, String)],
    analysis: &Analysis,
    options: &Options,
) -> Result<Reading> {
    let options = Options { part: true, ..options.clone() };
    let mut parts = Vec::new();
    for (name, text) in files {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(name), text).unwrap();
        let inputs = Inputs { dataset: root.path().into(), facets: None, predictions: None };
        let part = super::read_part(&inputs, analysis, &options)?;
        // As a state that was written and read.
        let written = serde_json::to_string(&part).unwrap();
        parts.push((format!("{name}.state").into(), serde_json::from_str(&written).unwrap()));
    }
    part::combine(parts, analysis)?.finish(Path::new("data"), analysis)
}

pub(crate) fn keep_rows() -> Options {
    Options { keep_rows: true, ..Options::default() }
}

/// What counting or keeping rows gives, as text; `None` when it is left to another way.
pub(super) fn outcome(read: Result<Option<(Layout, Gather)>>, source: &Source<'_>) -> Option<String> {
    match read {
        Err(error) => Some(error.to_string()),
        Ok(read) => read.filter(|(_, gather)| !gather.lost()).map(|(layout, mut gather)| {
            let rows = gather.rows();
            gather.end();
            let files: Vec<u32> = gather.files().collect();
            let columns = 0..layout.names.len();
            let columns: Vec<_> =
                columns.map(|column| (gather.summary(column), gather.is_all_missing(column))).collect();
            let mut warnings = Vec::new();
            super::warn_of_missing_texts(&layout, &gather, &mut warnings);
            let gathered = match gather.finish(&layout) {
                Gathered::Tally(tally) => serde_json::to_string(&tally).unwrap(),
                // NaN differs from itself, so tables are compared as printed.
                Gathered::Rows(table) => format!("{table:?}"),
            };
            let said = (&source.notes, source.records, warnings);
            format!("{rows} {files:?} {layout:?} {columns:?} {said:?} {gathered}")
        }),
    }
}

/// Text of the characters that mean something in CSV, of at most so many pieces.
pub(super) fn csv_like(most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just(","),
        3 => Just("\n"),
        1 => Just("\r\n"),
        1 => Just("\r"),
        3 => Just("\""),
        1 => Just("\"\""),
        2 => Just("\"a,\"\"b\n\""),
        4 => Just("a"),
        1 => Just("é"),
        1 => Just("\t"),
        1 => Just(" "),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

/// Every record of a text by the `csv` crate.
pub(super) fn csv_records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(Into::into).collect()).collect()
}
