//! What a file looks like of which no record can be used, and the usual reason: for people who gave the wrong file.

use crate::json::{Cursor, Malformed, Span};
use crate::rows::{self, RowAt};

/// Which side a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Capture,
    Label,
}

impl Kind {
    /// How the summary names the side.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Capture => "captures",
            Kind::Label => "labels",
        }
    }
}

/// What a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) name: &'static str,
    /// The usual reason and the way out.
    pub(crate) hint: Option<&'static str>,
}

pub(crate) const LABELS_ARE: &str = "ground truth is read from JSON Lines only, one \
    {\"groundTruthData\": {\"data\": \"1\", \"encoding\": \"CSV\"}, \"eventMetadata\": {\"eventId\": \"...\"}} for each label; \
    convert the file";
const BATCH_IDS: &str = "output of a batch transform is joined by the inference ids that its data capture adds; set \
    `GenerateInferenceId` in `DataCaptureConfig`";
const BACKSLASHES: &str = "quotes within quotes are doubled in CSV, as in \"he said \"\"hi\"\"\", and have no backslash; Spark \
    writes them so with option(\"escape\", \"\\\"\")";
const SWAPPED: &str = "the folders of captures and ground truth seem to be swapped: see `dataset_source` and \
    `ground_truth_source`";
const PYTHON: &str = "write records with `json.dumps`, not with `str` or `print`: JSON has double quotes around names \
    and texts";

const PYTHON_VALUES: &str =
    "write records with `json.dumps`, not with `str` or `print`: JSON has `null`, `true` and `false`";
const TWICE: &str = "the records were encoded twice: write each as an object, with one `json.dumps`";

/// So much of a file tells what it looks like.
const HEAD_BYTES: usize = 256;

/// What of a file's text, or of its beginning, is looked at.
pub(crate) fn head(text: &[u8]) -> &[u8] {
    text.get(..text.len().min(HEAD_BYTES)).unwrap_or_default()
}

/// What a file looks like by its first bytes.
pub(crate) fn of(kind: Kind, head: &[u8]) -> Look {
    let look = |name, hint| Look { name, hint: Some(hint) };
    let by_side = |captures, labels| if kind == Kind::Capture { captures } else { labels };
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let has = |part: &[u8]| memchr::memmem::find(text, part).is_some();
    if head.starts_with(b"PAR1") {
        return look(
            "Parquet",
            by_side("captures are read from JSON Lines or CSV with inference ids", LABELS_ARE),
        );
    }
    if head.starts_with(b"PK\x03\x04") {
        return look("a ZIP archive", "unpack it, or pack the files with gzip");
    }
    if head.starts_with(b"Obj\x01") {
        return look(
            "Avro",
            by_side("captures are read from JSON Lines or CSV with inference ids", LABELS_ARE),
        );
    }
    // Text that a tool of Windows wrote: every other byte is zero, or a mark says so.
    let is_utf16 = [b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| head.starts_with(*mark))
        || matches!(head, [b'{' | b'[', 0, ..] | [0, b'{' | b'[', ..]);
    if is_utf16 {
        return look("UTF-16 text", "save the file as UTF-8");
    }
    if text.iter().any(|byte| *byte == 0 || *byte < b' ' && !byte.is_ascii_whitespace()) {
        return look(
            "binary data",
            by_side("captures are read from JSON Lines or CSV with inference ids", LABELS_ARE),
        );
    }
    let before = text.iter().take_while(|byte| **byte == b'[' || byte.is_ascii_whitespace()).count();
    let first = text.get(before..).unwrap_or_default();
    if first.starts_with(b"{'") || first.starts_with(b"{u'") {
        return look("a Python dict", PYTHON);
    }
    if names_without_quotes(first) {
        return look("JSON whose names have no quotes", PYTHON);
    }
    if kind == Kind::Capture && text.split(|byte| *byte == b'\n').any(is_row_with_backslashes) {
        return look("CSV with backslashes before quotes", BACKSLASHES);
    }
    if first.starts_with(b"\"{\\\"") {
        return look("JSON inside of JSON strings", TWICE);
    }
    if first.starts_with(b"{") && has_word_of_python(first) {
        return look("JSON with Python's `None`, `True` or `False`", PYTHON_VALUES);
    }
    if first.starts_with(b"{") && begins_as_json(first) {
        return match kind {
            Kind::Capture if has(b"\"groundTruthData\"") => look("ground-truth records", SWAPPED),
            Kind::Label if has(b"\"captureData\"") => look("captured records", SWAPPED),
            Kind::Capture if has(b"\"captureData\"") => Look { name: "captured records", hint: None },
            Kind::Label if has(b"\"groundTruthData\"") => Look { name: "ground-truth records", hint: None },
            Kind::Capture => look("JSON without inference ids", BATCH_IDS),
            Kind::Label => look("other JSON than ground-truth records", LABELS_ARE),
        };
    }
    if before > 0 && is_list(text) {
        return look("a JSON list without records", by_side(BATCH_IDS, LABELS_ARE));
    }
    let line = first.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.starts_with(b"<") {
        return look("XML or HTML", by_side("captures are JSON Lines", LABELS_ARE));
    }
    if line.iter().any(|byte| matches!(byte, b',' | b';' | b'\t')) {
        return look("CSV", by_side(BATCH_IDS, LABELS_ARE));
    }
    if std::str::from_utf8(line).is_ok_and(|line| line.trim().parse::<f64>().is_ok()) {
        return look("CSV of one column", by_side(BATCH_IDS, LABELS_ARE));
    }
    Look { name: "other text", hint: Some(by_side(BATCH_IDS, LABELS_ARE)).filter(|_| kind == Kind::Label) }
}

/// A line has an id and a time, and is only no row since quotes within quotes have a backslash.
fn is_row_with_backslashes(line: &[u8]) -> bool {
    memchr::memmem::find(line, b"\\\"").is_some()
        && rows::ends_with_id_and_time(line)
        && matches!(rows::row(line, 0, true), RowAt::Broken { .. })
}

/// An object begins here: behind the brace stands a name or its end.
fn begins_as_json(text: &[u8]) -> bool {
    let inside = text.get(1..).unwrap_or_default().trim_ascii_start();
    matches!(inside.first(), None | Some(b'"' | b'}'))
}

/// What is no JSON of this text is, first of all, a word of Python.
fn has_word_of_python(text: &[u8]) -> bool {
    let Err(Malformed { at }) = Cursor::new(text, 0, &mut Vec::new()).value() else { return false };
    // `None` begins as `NaN` does.
    let begins = |word: &str| {
        [at, at.saturating_sub(1)]
            .iter()
            .any(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(word.as_bytes())))
    };
    ["None", "True", "False"].into_iter().any(begins)
}

/// A JSON list begins here and is a line of its own, as far as the text goes: the first cell of a CSV row may be a list too.
fn is_list(text: &[u8]) -> bool {
    let mut open = Vec::new();
    match Cursor::new(text, 0, &mut open).value() {
        Ok(Span { end, .. }) => {
            let behind = text.get(end..).unwrap_or_default();
            behind.iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')).is_none_or(|byte| *byte == b'\n')
        }
        Err(Malformed { at }) => at >= text.len(),
    }
}

/// An object of JavaScript or YAML: `{name: value`.
fn names_without_quotes(text: &[u8]) -> bool {
    let Some(inside) = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start) else { return false };
    let length = inside.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let behind = inside.get(length..).unwrap_or_default().trim_ascii_start();
    length > 0 && behind.first() == Some(&b':')
}

/// The first characters of a file, so few that they hold little of anybody's data.
pub(crate) fn beginning(head: &[u8]) -> String {
    const CHARACTERS: usize = 32;
    let text = String::from_utf8_lossy(head);
    let is_odd = |character: char| character.is_control() || character == '\u{fffd}';
    let shown: String = text.chars().take(CHARACTERS).map(|c| if is_odd(c) { '.' } else { c }).collect();
    if text.chars().count() > CHARACTERS { shown + "..." } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_mistakes_are_known_by_their_first_bytes() {
        use Kind::{Capture, Label};
        for (kind, head, name) in [
            (Label, "PAR1\x15\x04", "Parquet"),
            (Label, "id,label\n1,0\n", "CSV"),
            (Label, "\u{feff}id;label\n", "CSV"),
            (Label, "{'groundTruthData': {'data': '1'}}", "a Python dict"),
            (Label, "{\"captureData\":{}}", "captured records"),
            (Label, "\"{\\\"groundTruthData\\\": {}", "JSON inside of JSON strings"),
            (Label, "[{\"id\": 1, \"label\": 0}]", "other JSON than ground-truth records"),
            (Label, "[[\"a\", 1], [\"b\", 0]]\n", "a JSON list without records"),
            (Label, "[0, 1,\n 0, 1", "a JSON list without records"),
            (Label, "\u{feff}[\n  \"a\",\n  \"b", "a JSON list without records"),
            (Label, "[\"a\",1]\r\n[\"b\",0]\r\n", "a JSON list without records"),
            (Capture, "[0.5, 0.1]\n", "a JSON list without records"),
            (Capture, "[0.1,0.9],0.5\n", "CSV"),
            (Label, "[a],1\n", "CSV"),
            (Label, "hello", "other text"),
            (Capture, "{\"groundTruthData\":{}}", "ground-truth records"),
            (Capture, "0.5,1\n", "CSV"),
            (Capture, "0.5\n0.1\n", "CSV of one column"),
            (Label, "1\n0\n", "CSV of one column"),
            (
                Label,
                "{\"groundTruthData\": {\"data\": None}}",
                "JSON with Python's `None`, `True` or `False`",
            ),
            (Label, "{\"groundTruthData\": {\"data\": \"x: None, y\"}}", "ground-truth records"),
            (Capture, "{\"a\": [1, True]}\n", "JSON with Python's `None`, `True` or `False`"),
            (
                Capture,
                "\"{\\\"t\\\":0}\",0.5,i0,2024-05-01T00:00:00Z\n",
                "CSV with backslashes before quotes",
            ),
            (Capture, "{\"predictions\": [0.5]}", "JSON without inference ids"),
            (Capture, "{x", "other text"),
            (Capture, "{x,0.5,1\n{y,0.5,1\n", "CSV"),
            (Label, "{x;1\n", "CSV"),
            (Capture, "{{ template }}", "other text"),
            (Capture, "[{\n", "JSON without inference ids"),
            (Capture, "{ captureData: {x: 1}, eventMetadata: {}}", "JSON whose names have no quotes"),
            (Label, "[{groundTruthData : {}}", "JSON whose names have no quotes"),
            (Capture, "\u{1}\u{0}x", "binary data"),
            (Capture, "PK\u{3}\u{4}", "a ZIP archive"),
            (Label, "ORC\u{0}\u{1}", "binary data"),
            (Label, "{\u{0}\"\u{0}g\u{0}", "UTF-16 text"),
            (Capture, "\u{0}{\u{0}\"", "UTF-16 text"),
        ] {
            assert_eq!(of(kind, head.as_bytes()).name, name, "{head}");
        }
        assert_eq!(of(Capture, b"\xff\xfe{\0").name, "UTF-16 text");
        assert!(of(Label, b"ORC\0\x01").hint.unwrap().contains("JSON Lines"));
        assert!(of(Label, b"a,b\n").hint.unwrap().contains("JSON Lines"));
        assert!(of(Capture, b"0.1\n0.2\n").hint.unwrap().contains("GenerateInferenceId"));
        assert!(of(Label, b"{\"a\": None}").hint.unwrap().contains("`null`"));
        assert!(of(Capture, b"a,b\n").hint.unwrap().contains("GenerateInferenceId"));
        for (cells, is_it) in [
            (r#""he said \"hi\"""#, true),
            (r#""C:\","5""#, false),
            (r#""a\""b""#, false),
            (r#"say \"hi\""#, false),
        ] {
            let rows = format!("text,score\n{cells},0.5,i1,2024-01-19T19:25:34Z\n{cells},0.7");
            assert_eq!(of(Capture, rows.as_bytes()).hint == Some(BACKSLASHES), is_it, "{rows}");
        }
        assert!(of(Capture, b"[{\"groundTruthData\"").hint.unwrap().contains("swapped"));
    }

    #[test]
    fn few_characters_are_shown_and_none_that_does_harm() {
        assert_eq!(beginning(b"a\x1b[31m\xff"), "a.[31m.");
        assert_eq!(beginning("é".repeat(40).as_bytes()), "é".repeat(32) + "...");
    }
}
