//! `dataset_format`: how the data of a quality monitor are written, in every spelling that the hosted
//! service's SDK, its schedules and people use.

mod most_lines;

use csv::StringRecord;
use plumbline_common::input::InputFile;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::read::header::is_count;
use crate::values::typing::{is_missing, is_number};

/// How the rows of a dataset are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    Csv {
        /// Each file begins with the names of its columns.
        header: bool,
    },
    /// Objects, one a line.
    JsonLines,
    /// Documents: a list of objects, or an object whose only key holds one.
    Json,
    Parquet,
    /// Captured records.
    Capture(Captured),
    /// Captured records that were merged with ground truth.
    Merged(Captured),
    /// Profiles of data, which add up.
    Profile,
}

impl Format {
    /// What parts of the data are told apart by.
    pub(crate) fn family(&self) -> Family {
        match self {
            Format::Csv { .. } => Family::Csv,
            Format::JsonLines | Format::Json => Family::Json,
            Format::Parquet => Family::Parquet,
            Format::Capture(_) | Format::Merged(_) => Family::Captures,
            Format::Profile => Family::Profiles,
        }
    }

    /// Whether a row, or a file that names its columns, may bring a column that no earlier one had.
    pub fn is_open(&self) -> bool {
        !matches!(self, Format::Csv { header: false } | Format::Profile)
    }
}

/// Formats whose rows are read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Family {
    Csv,
    Json,
    Parquet,
    Captures,
    Profiles,
}

impl Family {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Family::Csv => "CSV",
            Family::Json => "JSON",
            Family::Parquet => "Parquet",
            Family::Captures => "captured records",
            Family::Profiles => "profiles",
        }
    }
}

/// The file that a data quality job writes its profile to.
pub const PROFILE_NAME: &str = "data_quality_profile.json.gz";

/// Which parts of a captured record make a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    pub input: bool,
    pub output: bool,
    /// Columns of the output stand before those of the input.
    pub output_first: bool,
}

impl Default for Captured {
    fn default() -> Captured {
        Captured { input: true, output: true, output_first: true }
    }
}

const KNOWN: &str = r#"one of {"csv": {"header": true}}, {"json": {"lines": true}}, {"parquet": {}}, {"sagemakerCaptureJson": {}}, {"sagemakerMergeJson": {}} and {"profile": {}}"#;

/// Reads the setting.
///
/// # Errors
/// `SETTING_INVALID`: another format, a value that is none of the known ones, text that is not JSON.
pub fn parse(text: &str) -> Result<Format> {
    let document: Json = serde_json::from_str(text).map_err(|error| refused(text).because(error))?;
    let Json::Object(document) = document else { return Err(refused(text)) };
    let mut entries = document.iter();
    let (Some((name, options)), None) = (entries.next(), entries.next()) else { return Err(refused(text)) };
    let empty = Map::new();
    let options = match options {
        Json::Object(options) => options,
        Json::Null => &empty,
        _ => return Err(refused(text)),
    };
    let option = |names: &[&str]| {
        options.iter().find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
    };
    let flag = |names: &[&str]| match option(names) {
        None | Some((_, Json::Null)) => Ok(None),
        Some((_, Json::Bool(value))) => Ok(Some(*value)),
        Some((_, Json::String(value))) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some((_, Json::String(value))) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some((key, other)) => Err(option_refused(key, other, "true or false")),
    };
    let known: &[&str] = match name.to_ascii_lowercase().as_str() {
        "csv" => &["header", "output_columns_position"],
        "json" => &["line", "lines"],
        "sagemakercapturejson" | "sagemakermergejson" => {
            &["captureIndexNames", "output_columns_position", "originalDatasetFormat"]
        }
        "parquet" | "profile" => &[],
        _ => return Err(refused(text)),
    };
    if let Some((key, value)) =
        options.iter().find(|(key, _)| !known.iter().any(|known| key.eq_ignore_ascii_case(known)))
    {
        let expected =
            if known.is_empty() { "no key".into() } else { format!("one of the keys {}", known.join(", ")) };
        return Err(option_refused(key, value, &expected));
    }
    match name.to_ascii_lowercase().as_str() {
        "csv" => {
            // What the SDK writes for every CSV file; without captured records there is no output to place.
            output_first(option)?;
            Ok(Format::Csv { header: flag(&["header"])?.unwrap_or(false) })
        }
        "json" => Ok(match flag(&["line", "lines"])? {
            Some(true) => Format::JsonLines,
            _ => Format::Json,
        }),
        "parquet" => Ok(Format::Parquet),
        "profile" => Ok(Format::Profile),
        "sagemakercapturejson" => Ok(Format::Capture(captured(option)?)),
        "sagemakermergejson" => Ok(Format::Merged(captured(option)?)),
        _ => Err(refused(text)),
    }
}

/// Whether the setting is of CSV and leaves open if files have header rows: they are read as if they had none.
pub fn leaves_header_open(text: &str) -> bool {
    let is_open = |options: &Json| {
        let given = options.as_object().into_iter().flatten();
        !given.into_iter().any(|(key, value)| key.eq_ignore_ascii_case("header") && !value.is_null())
    };
    let document: Map<String, Json> = serde_json::from_str(text).unwrap_or_default();
    document.iter().any(|(name, options)| name.eq_ignore_ascii_case("csv") && is_open(options))
}

fn output_first<'a>(option: impl Fn(&[&str]) -> Option<(&'a String, &'a Json)>) -> Result<bool> {
    match option(&["output_columns_position"]) {
        None | Some((_, Json::Null)) => Ok(true),
        Some((_, Json::String(at))) if at.eq_ignore_ascii_case("START") => Ok(true),
        Some((_, Json::String(at))) if at.eq_ignore_ascii_case("END") => Ok(false),
        Some((key, other)) => Err(option_refused(key, other, "START or END")),
    }
}

fn captured<'a>(option: impl Fn(&[&str]) -> Option<(&'a String, &'a Json)>) -> Result<Captured> {
    let mut captured = Captured::default();
    match option(&["captureIndexNames"]) {
        None | Some((_, Json::Null)) => {}
        Some((key, Json::Array(names))) => {
            (captured.input, captured.output) = (false, false);
            for name in names {
                match name.as_str().map(str::to_ascii_lowercase).as_deref() {
                    Some("endpointinput") => captured.input = true,
                    Some("endpointoutput" | "batchtransformoutput") => captured.output = true,
                    _ => return Err(option_refused(key, name, "endpointInput, endpointOutput")),
                }
            }
            if names.is_empty() {
                captured = Captured::default();
            }
        }
        Some((key, other)) => {
            return Err(option_refused(key, other, "a list of endpointInput, endpointOutput"));
        }
    }
    captured.output_first = output_first(option)?;
    Ok(captured)
}

fn refused(text: &str) -> Problem {
    Problem::new(&codes::SETTING_INVALID, "the format of the data is not known")
        .field("dataset_format")
        .found(format!("`{text}`"))
        .expected(KNOWN)
}

fn option_refused(key: &str, value: &Json, expected: &str) -> Problem {
    Problem::new(&codes::SETTING_INVALID, "the format of the data cannot be used")
        .field(format!("dataset_format: {key}"))
        .found(value.to_string())
        .expected(expected)
}

/// Whether a file has the name of a profile.
pub fn is_profile(file: &InputFile) -> bool {
    file.path.file_name().is_some_and(|name| name == PROFILE_NAME)
}

/// What the files of a dataset are read as: what is `given`, else what most of their first lines are; none where no file can be
/// read. Whether files of CSV have header rows is known for sure only when all were looked at.
pub fn of(given: Option<&Format>, files: &[InputFile]) -> Option<Format> {
    given.cloned().or_else(|| most_lines::of(files))
}

/// The cells of a line of CSV.
fn first_row(line: &str) -> StringRecord {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let mut row = StringRecord::new();
    // What cannot be cut is no row of numbers.
    let _ = reader.read_record(&mut row);
    row
}

/// Numbers alone are data and no names, except where they count the columns.
pub(crate) fn is_header(row: &StringRecord) -> bool {
    let is_data = row.iter().all(|cell| is_number(cell) || is_missing(cell)) && row.iter().any(is_number);
    !is_data || is_count(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        let both = Captured::default();
        for (text, expected) in [
            (r#"{"csv":{"header":true,"output_columns_position":"START"}}"#, Format::Csv { header: true }),
            (r#"{"CSV":{"Header":"True"}}"#, Format::Csv { header: true }),
            (r#"{"csv":{"header":"false"}}"#, Format::Csv { header: false }),
            (r#"{"csv":null}"#, Format::Csv { header: false }),
            (r#"{"json":{"lines":true}}"#, Format::JsonLines),
            (r#"{"json":{"line":"true"}}"#, Format::JsonLines),
            (r#"{"json":{}}"#, Format::Json),
            (r#"{"parquet":{}}"#, Format::Parquet),
            (r#"{"profile":{}}"#, Format::Profile),
            (r#"{"sagemakerCaptureJson":{}}"#, Format::Capture(both.clone())),
            (r#"{"sagemakerCaptureJson":{"captureIndexNames":null}}"#, Format::Capture(both.clone())),
            (
                r#"{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"],"output_columns_position":"end"}}"#,
                Format::Capture(Captured { output_first: false, ..both.clone() }),
            ),
            (
                r#"{"sagemakerMergeJson":{"captureIndexNames":["endpointOutput"],"originalDatasetFormat":null}}"#,
                Format::Merged(Captured { input: false, ..both }),
            ),
        ] {
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_is_known() {
        for (text, named) in [
            (r#"{"avro":{}}"#, "avro"),
            (r#"{"csv":{},"json":{}}"#, "csv"),
            ("{}", "{}"),
            ("csv", "csv"),
            (r#"{"csv":[]}"#, "csv"),
            (r#"{"csv":{"header":3}}"#, "header"),
            (r#"{"csv":{"headers":true}}"#, "headers"),
            (r#"{"csv":{"header":true,"sep":";"}}"#, "sep"),
            (r#"{"csv":{"header":true,"output_columns_position":"MIDDLE"}}"#, "START or END"),
            (r#"{"parquet":{"header":true}}"#, "no key"),
            (r#"{"sagemakerCaptureJson":{"captureIndexNames":["endpoint"]}}"#, "endpointInput"),
            (r#"{"sagemakerCaptureJson":{"output_columns_position":"MIDDLE"}}"#, "START or END"),
        ] {
            let problem = parse(text).unwrap_err();
            assert_eq!(problem.code(), &codes::SETTING_INVALID);
            let shown = problem.to_string();
            assert!(shown.contains("dataset_format") && shown.contains(named), "{shown}");
        }
        let shown = parse(r#"{"avro":{}}"#).unwrap_err().to_string();
        assert!(shown.contains("csv") && shown.contains("parquet"), "{shown}");
    }
}
