//! Training datasets: applications with their outcome and, when asked, what the model said.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::credit::{Applicant, FEATURES, Kind, LABEL, PREDICTED, SCORE};

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A header line, then a row per line
    Csv,
    /// `{"features": [...], "repaid": 1, ...}` per line
    #[value(name = "jsonlines")]
    JsonLines,
    /// One document: `{"instances": [{"features": [...], "repaid": 1, ...}]}`
    Json,
    /// Parquet with a column per feature
    Parquet,
}

#[derive(Debug, Clone)]
pub struct Dataset {
    pub rows: u64,
    pub seed: u64,
    /// 0: training data; 1: as fully drifted traffic, see `credit`.
    pub drift: f64,
    pub format: Format,
    /// Add the model's label and score to every row.
    pub predictions: bool,
}

const BUFFER_BYTES: usize = 1 << 20;
const ROWS_PER_GROUP: u64 = 1 << 17;

/// Names of all columns: the features, the observed label and, when asked, predicted label and score.
pub fn columns(predictions: bool) -> Vec<&'static str> {
    let features = FEATURES.iter().map(|feature| feature.name).chain([LABEL]);
    features.chain([PREDICTED, SCORE].into_iter().filter(|_| predictions)).collect()
}

/// Writes the dataset to a file, whose folder is created.
///
/// # Errors
/// The file cannot be written.
pub fn write(dataset: &Dataset, path: &Path) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).with_context(context)?;
    let file = File::create(path).with_context(context)?;
    match dataset.format {
        Format::Parquet => write_parquet(dataset, file),
        _ => write_text(dataset, file),
    }
    .with_context(context)
}

fn applicants(dataset: &Dataset) -> impl Iterator<Item = Applicant> {
    let (seed, drift) = (dataset.seed, dataset.drift);
    (0..dataset.rows).map(move |row| Applicant::draw(seed, row, drift))
}

fn write_text(dataset: &Dataset, mut file: File) -> Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER_BYTES + 4096);
    match dataset.format {
        Format::Csv => {
            buffer.extend_from_slice(columns(dataset.predictions).join(",").as_bytes());
            buffer.push(b'\n');
        }
        Format::Json => buffer.extend_from_slice(b"{\"instances\":["),
        Format::JsonLines | Format::Parquet => {}
    }
    for (place, applicant) in applicants(dataset).enumerate() {
        match dataset.format {
            Format::Csv => write_csv_row(&applicant, dataset.predictions, &mut buffer),
            Format::JsonLines | Format::Json | Format::Parquet => {
                if place > 0 && dataset.format == Format::Json {
                    buffer.push(b',');
                }
                write_json_row(&applicant, dataset.predictions, &mut buffer);
            }
        }
        if dataset.format != Format::Json {
            buffer.push(b'\n');
        }
        if buffer.len() >= BUFFER_BYTES {
            file.write_all(&buffer)?;
            buffer.clear();
        }
    }
    if dataset.format == Format::Json {
        buffer.extend_from_slice(b"]}\n");
    }
    Ok(file.write_all(&buffer)?)
}

fn digit(value: bool) -> u8 {
    if value { b'1' } else { b'0' }
}

fn write_csv_row(applicant: &Applicant, predictions: bool, out: &mut Vec<u8>) {
    applicant.write_features(out, b"");
    out.extend_from_slice(&[b',', digit(applicant.repaid)]);
    if predictions {
        out.extend_from_slice(&[b',', digit(applicant.approved()), b',']);
        applicant.write_score(out);
    }
}

fn write_json_row(applicant: &Applicant, predictions: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"features\":[");
    applicant.write_features(out, b"\"");
    for (name, value) in [(LABEL, applicant.repaid), (PREDICTED, applicant.approved())] {
        if name == LABEL || predictions {
            out.extend_from_slice(if name == LABEL { b"],\"" } else { b",\"" });
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&[b'"', b':', digit(value)]);
        }
    }
    if predictions {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(SCORE.as_bytes());
        out.extend_from_slice(b"\":");
        applicant.write_score(out);
    }
    out.push(b'}');
}

fn write_parquet(dataset: &Dataset, file: File) -> Result<()> {
    let kind = |feature: &Kind| match feature {
        Kind::Number { decimals: 0, .. } => DataType::Int64,
        Kind::Number { .. } => DataType::Float64,
        Kind::Word(_) => DataType::Utf8,
    };
    let mut fields: Vec<Field> =
        FEATURES.iter().map(|feature| Field::new(feature.name, kind(&feature.kind), false)).collect();
    fields.push(Field::new(LABEL, DataType::Int64, false));
    if dataset.predictions {
        fields.push(Field::new(PREDICTED, DataType::Int64, false));
        fields.push(Field::new(SCORE, DataType::Float64, false));
    }
    let schema = Arc::new(Schema::new(fields));
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))?;
    let mut rows = applicants(dataset);
    loop {
        let group: Vec<Applicant> = rows.by_ref().take(ROWS_PER_GROUP as usize).collect();
        if group.is_empty() {
            break;
        }
        writer.write(&RecordBatch::try_new(schema.clone(), arrays(&group, dataset.predictions))?)?;
    }
    writer.close()?;
    Ok(())
}

fn arrays(group: &[Applicant], predictions: bool) -> Vec<ArrayRef> {
    let column = |(place, feature): (usize, &crate::credit::Feature)| -> ArrayRef {
        let values = group.iter().map(|applicant| applicant.values[place]);
        match &feature.kind {
            Kind::Number { decimals: 0, .. } => Arc::new(Int64Array::from_iter_values(values.map(i64::from))),
            Kind::Number { decimals, .. } => {
                let scale = 10f64.powi(i32::from(*decimals));
                Arc::new(Float64Array::from_iter_values(values.map(|value| f64::from(value) / scale)))
            }
            Kind::Word(words) => {
                Arc::new(StringArray::from_iter_values(values.map(|value| words[value as usize].0)))
            }
        }
    };
    let flags = |flag: fn(&Applicant) -> bool| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(group.iter().map(|one| i64::from(flag(one)))))
    };
    let mut columns: Vec<ArrayRef> = FEATURES.iter().enumerate().map(column).collect();
    columns.push(flags(|one| one.repaid));
    if predictions {
        columns.push(flags(Applicant::approved));
        let scores = group.iter().map(|one| f64::from(one.score_millionths) / 1e6);
        columns.push(Arc::new(Float64Array::from_iter_values(scores)));
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use serde_json::Value;

    fn dataset(format: Format, predictions: bool) -> Dataset {
        Dataset { rows: 200, seed: 3, drift: 0.0, format, predictions }
    }

    fn text(format: Format, predictions: bool) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/data");
        write(&dataset(format, predictions), &path).unwrap();
        fs::read_to_string(path).unwrap()
    }

    fn cells(line: &str) -> Vec<&str> {
        line.split(',').collect()
    }

    #[test]
    fn csv_has_a_header_and_as_many_cells_in_every_row() {
        for predictions in [false, true] {
            let text = text(Format::Csv, predictions);
            let lines: Vec<_> = text.lines().map(cells).collect();
            assert_eq!(lines[0], columns(predictions));
            assert_eq!(lines.len(), 201);
            assert!(lines.iter().all(|line| line.len() == lines[0].len()));
        }
    }

    #[test]
    fn json_forms_hold_the_rows_of_the_csv() {
        let csv = text(Format::Csv, true);
        let document: Value = serde_json::from_str(&text(Format::Json, true)).unwrap();
        let lines = text(Format::JsonLines, true);
        let instances = document["instances"].as_array().unwrap();
        assert_eq!(instances.len(), 200);
        for ((row, line), instance) in csv.lines().skip(1).map(cells).zip(lines.lines()).zip(instances) {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record, *instance);
            let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
            let mut found: Vec<String> = record["features"].as_array().unwrap().iter().map(plain).collect();
            found.extend([LABEL, PREDICTED, SCORE].map(|name| plain(&record[name])));
            for (found, expected) in found.iter().zip(row) {
                let number = |text: &str| text.parse::<f64>().ok();
                assert!(found == expected || number(found) == number(expected), "{found} {expected}");
            }
        }
    }

    #[test]
    fn parquet_holds_the_rows_of_the_csv() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.parquet");
        write(&dataset(Format::Parquet, true), &path).unwrap();
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap().build().unwrap();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 200);
        let csv = text(Format::Csv, true);
        let first = cells(csv.lines().nth(1).unwrap());
        let income = batches[0].column(2).as_any().downcast_ref::<Float64Array>().unwrap();
        assert_eq!(income.value(0), first[2].parse::<f64>().unwrap());
        let sex = batches[0].column(1).as_any().downcast_ref::<StringArray>().unwrap();
        assert_eq!(sex.value(0), first[1]);
    }
}
