//! What a file looks like, for messages: most datasets that cannot be read have another format or delimiter than
//! the configuration says.

use std::path::Path;

use plumbline_common::input::{self, InputFile};
use plumbline_common::{Problem, codes};

use super::notes::Note;
use crate::config::DatasetFormat;

/// Bytes that tell a format.
const LOOKED_AT: usize = 4096;

/// A problem of reading a dataset, with what its first file looks like when that is something else than its format.
pub(crate) fn hint(problem: Problem, files: &[InputFile], format: Option<DatasetFormat>) -> Problem {
    const ABOUT_FORMAT: [&codes::Code; 7] = [
        &codes::BAD_RECORD,
        &codes::HEADERS_DO_NOT_FIT,
        &codes::COLUMN_NOT_FOUND,
        &codes::FEATURES_NOT_FOUND,
        &codes::MOST_RECORDS_BAD,
        // What is read as CSV may have as many commas in each line.
        &codes::VALUE_DOES_NOT_FIT,
        &codes::PREDICTIONS_DO_NOT_FIT,
    ];
    if !ABOUT_FORMAT.iter().any(|code| std::ptr::eq(*code, problem.code())) {
        return problem;
    }
    // The file that the problem is about, else the first.
    let named = problem.place().file.clone();
    let file = files.iter().find(|file| Some(&file.relative) == named.as_ref()).or(files.first());
    match file.and_then(beginning).and_then(|bytes| look(&bytes, format)) {
        Some(look) => problem.hint(look),
        None => problem,
    }
}

/// As `hint`, of a problem that came up behind the reading of a dataset.
pub(crate) fn hint_of(problem: Problem, dataset: &Path, format: Option<DatasetFormat>) -> Problem {
    let files = input::list(dataset).map(|listing| listing.files).unwrap_or_default();
    hint(problem, &files, format)
}

/// What the first file of CSV looks like, where it could be read all the same: JSON may have as many commas in each line.
pub(super) fn note(files: &[InputFile], format: Option<DatasetFormat>) -> Note {
    let first = files.first();
    let is_object = |bytes: &Vec<u8>| format == Some(DatasetFormat::Csv) && bytes.starts_with(b"{");
    let bytes = first.and_then(beginning).filter(is_object);
    let what = bytes.and_then(|bytes| look(&bytes, format)).unwrap_or_default();
    Note::First { file: first.map(|file| file.relative.clone()).unwrap_or_default(), what }
}

fn look(bytes: &[u8], format: Option<DatasetFormat>) -> Option<String> {
    unlike(bytes, format).map(|look| format!("the file looks like {look}"))
}

fn beginning(file: &InputFile) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::with_capacity(LOOKED_AT);
    file.open().ok()?.take(LOOKED_AT as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What bytes look like, when it is not the format.
fn unlike(bytes: &[u8], format: Option<DatasetFormat>) -> Option<&'static str> {
    use DatasetFormat::{Capture, Csv, Json, JsonLines, Parquet};
    match bytes {
        [b'P', b'A', b'R', b'1', ..] => {
            return (format != Some(Parquet))
                .then_some("Parquet: set `dataset_type` to application/x-parquet");
        }
        [b'P', b'K', 3, 4, ..] => return Some("a zip archive or a workbook: save the data as CSV"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some("UTF-16 text: save the file as UTF-8"),
        _ => {}
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let captures = text.starts_with('{') && text.contains("\"captureData\"");
    if captures {
        return (!matches!(format, Some(Capture) | None))
            .then_some("captured records: set `dataset_type` to application/sagemakercapturejson");
    }
    if matches!(format, Some(Json | JsonLines)) && are_records_over_lines(text) {
        return Some(
            "records over several lines: write each record on one line (application/jsonlines), or all of them as one list \
             (application/json)",
        );
    }
    let lines =
        text.lines().take(2).filter(|line| line.starts_with('{') && line.trim_end().ends_with('}')).count();
    match (text.as_bytes().first(), format) {
        (Some(b'{'), Some(Csv | Parquet | Json)) if lines == 2 => Some(
            "JSON Lines: set `dataset_type` to application/jsonlines, and `features` and `label` to JMESPaths",
        ),
        // A record on a line of its own, which may be the only one, or longer than what was looked at.
        (Some(b'{'), Some(JsonLines)) if lines > 0 || !text.trim_end().contains('\n') => None,
        (Some(b'['), Some(JsonLines)) if lines > 0 && begins_with_values(text) => None,
        (Some(b'{' | b'['), Some(Csv | Parquet | JsonLines)) if lines < 2 => {
            Some("JSON: set `dataset_type` to application/json, and `features` and `label` to JMESPaths")
        }
        (Some(b'{' | b'['), _) | (None, _) => None,
        (Some(_), Some(Csv)) => other_delimiter(text),
        (Some(_), Some(_)) if text.lines().next().is_some_and(|line| line.contains(',')) => {
            Some("CSV: set `dataset_type` to text/csv")
        }
        _ => None,
    }
}

/// Whether the first line is a list of values, which may be cut off: a record, and no document.
fn begins_with_values(text: &str) -> bool {
    let values = text.lines().next().and_then(|line| line.strip_prefix('['));
    values.is_some_and(|values| !matches!(values.trim_start().as_bytes().first(), None | Some(b'{' | b'[')))
}

/// Whether a file looks like one of values with another delimiter than a comma between them.
pub(crate) fn is_delimited(file: &InputFile) -> bool {
    let text = beginning(file).unwrap_or_default();
    other_delimiter(&String::from_utf8_lossy(&text)).is_some()
}

/// Whether a text begins with an object of several lines and another one behind it.
fn are_records_over_lines(text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let first = values.next().is_some_and(|value| value.is_ok());
    let (object, rest) = text.split_at(values.byte_offset());
    first && object.starts_with('{') && object.contains('\n') && rest.trim_start().starts_with('{')
}

/// Another delimiter than a comma that stands equally often in each of the first lines.
pub(crate) fn other_delimiter(text: &str) -> Option<&'static str> {
    // The last line may be cut.
    let whole = text.rsplit_once('\n').map_or(text, |(whole, _)| whole);
    let lines: Vec<&str> = whole.lines().filter(|line| !line.trim().is_empty()).take(20).collect();
    let even = |delimiter: char| {
        let counts: Vec<usize> = lines.iter().map(|line| line.matches(delimiter).count()).collect();
        counts.first().is_some_and(|first| *first > 0 && counts.iter().all(|count| count == first))
    };
    if even(',') {
        return None;
    }
    [
        (';', "values separated by `;`: save it with commas, and decimals with points"),
        ('\t', "values separated by tabs: save it with commas"),
        ('|', "values separated by `|`: save it with commas"),
    ]
    .into_iter()
    .find_map(|(delimiter, look)| even(delimiter).then_some(look))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_or_delimiter_is_told() {
        use DatasetFormat::*;
        for (bytes, format, part) in [
            (&b"PAR1\x15"[..], Csv, Some("Parquet")),
            (b"PAR1\x15", Parquet, None),
            (b"PK\x03\x04", Csv, Some("workbook")),
            (b"\xff\xfea\0", Csv, Some("UTF-16")),
            (b"{\"a\":1}\n{\"a\":2}\n", Csv, Some("JSON Lines")),
            (b"{\"a\":1}\n{\"a\":2}\n", Json, Some("JSON Lines")),
            (b"{\"a\":1}\n{\"a\":2}\n", JsonLines, None),
            (b"[{\"a\":1},\n{\"a\":2}]\n", JsonLines, Some("application/json")),
            (b"{\"a\":1}\n", JsonLines, None),
            (b"{\"a\":1}\n[]\n", JsonLines, None),
            (b"[1,2,\n{\"a\":1}\n", JsonLines, None),
            (b"[\n{\"a\":1}\n]\n", JsonLines, Some("application/json")),
            (b"[{\"a\":1},\n{\"a\":2}\n]\n", JsonLines, Some("application/json")),
            (b"{\"a\":[1,1,1", JsonLines, None),
            (b"{\n\"a\":1}\n", JsonLines, Some("application/json")),
            (b"{\n\"a\":1}\n{\n\"a\":2}\n", JsonLines, Some("over several lines")),
            (b"{\"a\":1,\n\"b\":[1]}\n{\"a\":2,\n\"b\":[2]}\n", Json, Some("over several lines")),
            (b"{\n\"a\":1}", Json, None),
            (b"{\n\"a\":1}", Csv, Some("application/json")),
            (b"{\"captureData\":{}}", Csv, Some("captured records")),
            (b"{\"captureData\":{}}", Capture, None),
            (b"a;b\n1,5;2\n3,5;4\n", Csv, Some("`;`")),
            (b"a\tb\n1\t2\n", Csv, Some("tabs")),
            (b"a,b\n1,2;3\n", Csv, None),
            (b"a,b\n1,2\n", JsonLines, Some("text/csv")),
            (b"", Csv, None),
            (b"abc", Csv, None),
        ] {
            let look = unlike(bytes, Some(format));
            match part {
                Some(part) => assert!(look.is_some_and(|look| look.contains(part)), "{bytes:?} {look:?}"),
                None => assert_eq!(look, None, "{bytes:?}"),
            }
        }
    }
}
