//! What files are for which no `dataset_format` is given: what most of their first lines are. Each file has a say up to some of its
//! lines, so that neither an odd line nor an odd file decides for the others, wherever it stands.

use std::io::{BufRead as _, BufReader, Read as _};

use plumbline_common::input::InputFile;
use plumbline_common::{Problem, Result};
use serde_json::{Map, Value as Json};

use super::{Captured, Format, first_row, is_header, is_profile};
use crate::values::scan::Scanner;

/// Lines that are looked at: of one file, and of all.
const OF_FILE: usize = 100;
const OF_ALL: usize = 1000;

/// Bytes of a file that are looked at.
const MOST_BYTES: u64 = 1 << 20;

/// The key of captured records, and that of the labels that were merged with them.
const CAPTURE: &str = "captureData";
const TRUTH: &str = "groundTruthData";

/// What files are by their first lines. A file that cannot be read tells nothing; none where no file tells.
pub(super) fn of(files: &[InputFile]) -> Option<Format> {
    let mut seen: Option<Lines> = None;
    let mut looked_at = 0;
    for file in files {
        let Ok(first) = First::of(file) else { continue };
        looked_at += first.lines;
        first.tally(seen.get_or_insert_default());
        if looked_at >= OF_ALL {
            break;
        }
    }
    seen.map(|lines| lines.format())
}

/// Numbers of lines by what they are.
#[derive(Debug, Default)]
struct Lines {
    captures: usize,
    /// Those of the captures that have labels.
    merged: usize,
    /// Objects, one a line.
    objects: usize,
    /// Of JSON documents.
    documents: usize,
    csv: usize,
    parquet: usize,
    profiles: usize,
    /// Whether the first line of CSV names the columns.
    header: Option<bool>,
    /// Where no line tells: whether the first one begins as JSON does.
    is_json: Option<bool>,
}

impl Lines {
    /// Of as many, captures go first: what has their key is nothing else.
    fn format(&self) -> Format {
        let most = [self.captures, self.objects, self.documents, self.csv, self.parquet, self.profiles]
            .into_iter()
            .max()
            .unwrap_or_default();
        let whole = Captured::default();
        match most {
            0 if self.is_json == Some(true) => Format::Json,
            0 => Format::Csv { header: true },
            most if most == self.captures && self.merged * 2 >= most => Format::Merged(whole),
            most if most == self.captures => Format::Capture(whole),
            most if most == self.objects => Format::JsonLines,
            most if most == self.documents => Format::Json,
            most if most == self.parquet => Format::Parquet,
            most if most == self.profiles => Format::Profile,
            _ => Format::Csv { header: self.header.unwrap_or(true) },
        }
    }
}

/// The beginning of a file.
struct First {
    text: String,
    /// Lines of it that are not blank.
    lines: usize,
    /// The file ends with it.
    is_whole: bool,
    name: Name,
}

/// What the name of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Profile,
    Csv,
    Json,
    Parquet,
    Other,
}

impl Name {
    fn of(file: &InputFile) -> Name {
        if is_profile(file) {
            return Name::Profile;
        }
        let name = file.relative.to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("csv") => Name::Csv,
            Some("json") => Name::Json,
            Some("parquet" | "pq") => Name::Parquet,
            _ => Name::Other,
        }
    }
}

impl First {
    /// # Errors
    /// Nothing of the file can be read.
    fn of(file: &InputFile) -> Result<First> {
        let name = Name::of(file);
        let mut reader = BufReader::new(file.open()?.take(MOST_BYTES));
        let (mut bytes, mut lines, mut is_whole) = (Vec::new(), 0, false);
        while lines < OF_FILE {
            let start = bytes.len();
            match reader.read_until(b'\n', &mut bytes) {
                Ok(0) => {
                    is_whole = reader.get_ref().limit() > 0;
                    break;
                }
                Ok(_) => lines += usize::from(!bytes[start..].trim_ascii().is_empty()),
                // What stands before a damaged place tells.
                Err(_) if lines > 0 => break,
                Err(error) => return Err(Problem::io("read the input", &file.path, error)),
            }
            if lines == 1 && bytes.starts_with(b"PAR1") {
                return Ok(First { text: String::new(), lines: OF_FILE, is_whole, name: Name::Parquet });
            }
        }
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        Ok(First { text: String::from_utf8_lossy(text).into_owned(), lines, is_whole, name })
    }

    /// Counts the lines. A file of another kind than text counts as one of many lines.
    fn tally(&self, into: &mut Lines) {
        match self.name {
            Name::Profile => into.profiles += OF_FILE,
            Name::Parquet => into.parquet += OF_FILE,
            Name::Csv => {
                into.csv += self.lines;
                self.note_header(self.text.trim_start(), into);
            }
            Name::Json | Name::Other => {
                into.is_json = into.is_json.or_else(|| Some(self.text.trim_start().starts_with(['{', '['])));
                self.tally_text(into);
            }
        }
    }

    fn note_header(&self, text: &str, into: &mut Lines) {
        if let (None, Some(line)) = (into.header, text.lines().next()) {
            into.header = Some(is_header(&first_row(line)));
        }
    }

    fn tally_text(&self, into: &mut Lines) {
        let text = self.text.as_str();
        let mut at = 0;
        // A comma behind a value belongs to a list, and no row begins with it.
        let mut is_behind = false;
        while let Some(next) = text[at..].find(|c: char| !c.is_whitespace()) {
            at += next;
            let begins_line = text[..at].rsplit('\n').next().is_none_or(|before| before.trim().is_empty());
            let is_alone = |end: usize| begins_line && text[end..line_end(text, end)].trim().is_empty();
            match text.as_bytes()[at] {
                b',' if is_behind => at += 1,
                b']' | b'}' => {
                    into.documents += usize::from(is_alone(at + 1));
                    (at, is_behind) = (at + 1, true);
                }
                b'[' if opens_values(&text[at..]) => {
                    into.documents += usize::from(is_alone(at + 1));
                    (at, is_behind) = (at + 1, true);
                }
                b'{' | b'[' => match Scanner::from(text, at).value() {
                    Ok(value) => {
                        self.tally_value(&text[value.clone()], is_alone(value.end), into);
                        (at, is_behind) = (value.end, true);
                    }
                    Err(fault) if fault.at >= text.len() && !self.is_whole => {
                        let lines = text[at..].trim_end().lines().count();
                        *(if names_capture(&text[at..]) {
                            &mut into.captures
                        } else {
                            &mut into.documents
                        }) += lines;
                        return;
                    }
                    // Damage tells nothing but what it was.
                    Err(_) => {
                        let end = line_end(text, at);
                        into.captures += usize::from(names_capture(&text[at..end]));
                        (at, is_behind) = (end, false);
                    }
                },
                _ => {
                    if begins_line {
                        self.tally_other(at, into);
                    }
                    (at, is_behind) = (line_end(text, at), false);
                }
            }
        }
    }

    /// A value of JSON. `is_alone`: no other text stands on its lines.
    fn tally_value(&self, json: &str, is_alone: bool, into: &mut Lines) {
        let lines = json.lines().count();
        match keys(json) {
            Some([true, is_merged]) => {
                into.captures += lines;
                into.merged += if is_merged { lines } else { 0 };
            }
            Some(_) if is_alone && lines == 1 && !self.is_one_list(json) => into.objects += 1,
            _ => into.documents += lines,
        }
    }

    /// Whether the file is a document of this object only, which is one list of rows.
    fn is_one_list(&self, json: &str) -> bool {
        self.name == Name::Json && self.is_whole && self.lines == 1 && wraps_objects(json)
    }

    /// A line that does not begin as JSON does: a row of CSV, unless it is a key within an object.
    fn tally_other(&self, at: usize, into: &mut Lines) {
        let text = self.text.as_str();
        let is_key = text[at..].starts_with('"')
            && Scanner::from(text, at).value().is_ok_and(|key| text[key.end..].trim_start().starts_with(':'));
        if is_key || self.name == Name::Json {
            into.documents += 1;
        } else {
            into.csv += 1;
            self.note_header(&text[at..], into);
        }
    }
}

/// Where the line ends that has this place.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

/// Whether a list holds objects or lists, which are looked at by themselves: it may be longer than what is looked at.
fn opens_values(list: &str) -> bool {
    list[1..].trim_start().starts_with(['{', '['])
}

/// Whether a text that cannot be read to its end has the key of captured records.
fn names_capture(text: &str) -> bool {
    text.contains(&format!("\"{CAPTURE}\""))
}

/// Whether an object has the key of captured records, and that of their labels; none for what is no object.
fn keys(json: &str) -> Option<[bool; 2]> {
    let mut has = [false; 2];
    json.starts_with('{').then_some(())?;
    let read = Scanner::new(json).object(|scanner, key| {
        for (has, name) in has.iter_mut().zip([CAPTURE, TRUTH]) {
            *has |= json[key.clone()] == *name;
        }
        scanner.value().map(drop)
    });
    read.ok().map(|()| has)
}

/// Whether an object has one key only, which holds a list of objects.
fn wraps_objects(text: &str) -> bool {
    let object: Map<String, Json> = serde_json::from_str(text).unwrap_or_default();
    let mut values = object.values();
    match (values.next(), values.next()) {
        (Some(Json::Array(list)), None) => !list.is_empty() && list.iter().all(Json::is_object),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
