#![no_main]
//! Any text: cut at the end of a record it has the records that the `csv` crate finds, and so have its fields.

#[path = "../../analyzer-job/src/read/cut.rs"]
mod cut;
#[path = "../../analyzer-job/src/read/fields.rs"]
mod fields;
#[path = "../../analyzer-job/src/read/marks.rs"]
mod marks;
#[allow(dead_code, reason = "payloads are not checked")]
#[path = "../../analyzer-job/src/read/quotes.rs"]
mod quotes;

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let all = records(text);
    let (head, tail) = text.split_at(cut::last_end(text));
    assert_eq!([records(head), records(tail)].concat(), all);
    let (Ok(plain), Some(width)) = (std::str::from_utf8(text), all.first().map(Vec::len)) else { return };
    let wanted: Vec<usize> = (0..width).step_by(2).collect();
    let is_right = quotes::fault(text).is_none() && all.iter().all(|record| record.len() == width);
    let mut found = 0;
    let whole = cut::quoted(plain, width, &wanted, |part| match part {
        cut::Part::Field(at, field) => assert_eq!(field.as_bytes(), all[found][2 * at]),
        cut::Part::End => found += 1,
    });
    assert_eq!(whole, is_right);
    let mut found = Vec::new();
    let whole = fields::records(plain, width, |record| {
        let field = |position| record.get(position, &mut String::new()).as_bytes().to_vec();
        found.push((0..width).map(field).collect::<Vec<_>>());
    });
    assert!(!whole || is_right && found == all);
    assert!(plain.contains('"') || whole == is_right);
});

fn records(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect()
}
