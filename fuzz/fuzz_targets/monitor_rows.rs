#![no_main]
//! Any bytes as the data of a quality monitor, in each format, with any `columns`: rows or a problem. The first byte chooses
//! the format; what stands before the first zero byte is the setting `columns`, where it is not empty.

use analyzer_job::monitor::columns;
use analyzer_job::monitor::format;
use analyzer_job::monitor::rows::{self, Source};
use plumbline_common::stop::Stop;

const FORMATS: [&str; 7] = [
    r#"{"csv": {"header": true}}"#,
    r#"{"csv": {"header": false}}"#,
    r#"{"json": {"lines": true}}"#,
    r#"{"json": {"lines": false}}"#,
    r#"{"parquet": {}}"#,
    r#"{"sagemakerCaptureJson": {}}"#,
    r#"{"sagemakerMergeJson": {}}"#,
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [choice, bytes @ ..] = bytes else { return };
    let cut = memchr::memchr(0, bytes).unwrap_or(0);
    let (setting, data) = bytes.split_at(cut);
    let preparation = match std::str::from_utf8(setting) {
        Ok(text) if !text.is_empty() => match columns::parse(text) {
            Ok(preparation) => Some(preparation),
            Err(_) => return,
        },
        _ => None,
    };
    let file = std::env::temp_dir().join(format!("plumbline-fuzz-rows-{}", std::process::id()));
    std::fs::write(&file, data).unwrap();
    let stop = Stop::default();
    let mut source = Source::new(&file, &stop);
    source.format = Some(format::parse(FORMATS[usize::from(*choice) % FORMATS.len()]).unwrap());
    source.one_row_per_record = choice & 64 != 0;
    source.strict = choice & 128 != 0;
    source.preparation = preparation.as_ref();
    let mut n_rows = 0;
    let read = rows::read(&source, &mut |block, columns| {
        assert!(block.width() <= columns.names.len());
        for column in 0..block.width() {
            assert_eq!(block.column(column).count(), block.rows());
        }
        n_rows += block.rows() as u64;
        Ok(block)
    });
    if let Ok((_, account)) = read {
        assert_eq!(account.rows, n_rows);
    }
});
