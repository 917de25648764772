#![no_main]
//! Any text as the templates of a model's requests: a fault, or requests that hold the values of their rows. The first byte
//! chooses the kind of request; the parts between zero bytes are the content template, the record template, two names of
//! features and a value.

use analyzer_job::config::{ContentType, Predictor};
use analyzer_job::model::request::{Encoder, Texts};
use analyzer_job::values::cells::{Cells, Value};
use analyzer_job::values::scan;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [choice, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut parts = text.split('\0');
    let mut next = || parts.next().map(String::from).filter(|part| !part.is_empty());
    let predictor = Predictor { content_template: next(), record_template: next(), ..Predictor::default() };
    let names: Vec<String> = [next(), next()].into_iter().flatten().collect();
    let value = Value::Text(next().unwrap_or_default());
    let kind = [ContentType::Csv, ContentType::JsonLines, ContentType::Json][usize::from(*choice) % 3];
    let Ok(encoder) = Encoder::new(&predictor, kind, &names) else { return };

    let mut cells = Cells::default();
    let values = [value, Value::Null, Value::Float(f64::INFINITY), Value::Int(-1)];
    let ids = values.map(|value| cells.intern(&value));
    let rows: Vec<Vec<u32>> =
        (0..3).map(|row| names.iter().zip(&ids[row % 3..]).map(|(_, id)| *id).collect()).collect();
    let whose = |_: &[u32]| "a row".to_string();
    let are_fine = encoder.check_rows(&cells, rows.iter().map(Vec::as_slice), whose).is_ok();
    let n = if encoder.single() { 1 } else { rows.len() };
    let mut body = Vec::new();
    let asked = rows[..n].iter().map(Vec::as_slice);
    assert_eq!(encoder.body(&mut Texts::new(&cells, kind), asked, usize::MAX, &mut body).unwrap(), n);
    let body = String::from_utf8(body).unwrap();
    match kind {
        ContentType::Csv if !names.is_empty() => {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(body.as_bytes());
            let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            assert_eq!(records.len(), n);
            let Value::Text(first) = cells.value(ids[0]) else { unreachable!() };
            assert_eq!(&records[0][0], first);
        }
        // Each line is one record.
        ContentType::JsonLines if are_fine => {
            assert_eq!(body.lines().count(), n, "{body}");
            assert!(body.lines().all(scan::is_json), "{body}");
        }
        ContentType::Json if are_fine => assert!(scan::is_json(&body), "{body}"),
        _ => {}
    }
});
