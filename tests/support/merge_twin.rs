//! The slow twin of the merge's reader of lines: the same rules, written plainly on `serde_json`.
//! Used by a property test and by the fuzz targets.

use std::collections::BTreeMap;
use std::fmt;

use merge_job::ids::Id;
use merge_job::json::Span;
use merge_job::reader::{self, Found, Piece, State, Workspace};
use merge_job::record::{Captures, GroundTruth, Side, Texts, Time};
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A value whose numbers and strings stay the text they were, and whose keys are resolved.
#[derive(Debug, PartialEq)]
enum Tree {
    Scalar(String),
    Array(Vec<Tree>),
    Object(BTreeMap<Vec<u8>, Tree>),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(Vec<u8>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Key, E> {
                Ok(Key(bytes.to_vec()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.as_bytes().to_vec()))
            }
        }
        // As bytes, since a key may hold half a surrogate pair.
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Members<'a>(Vec<(Vec<u8>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

fn members(text: &str) -> Vec<(Vec<u8>, &RawValue)> {
    serde_json::from_str::<Members>(text).unwrap().0
}

fn last<'a>(members: &[(Vec<u8>, &'a RawValue)], name: &str) -> Option<&'a str> {
    let member = members.iter().rev().find(|(key, _)| key == name.as_bytes());
    member.map(|(_, value)| value.get()).filter(|text| *text != "null" || name == "captureData")
}

fn tree(text: &str) -> Tree {
    match text.as_bytes()[0] {
        b'{' => {
            Tree::Object(members(text).into_iter().map(|(key, value)| (key, tree(value.get()))).collect())
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            Tree::Array(elements.into_iter().map(|value| tree(value.get())).collect())
        }
        _ => Tree::Scalar(text.to_string()),
    }
}

fn without(tree: Tree, names: &[&str]) -> Tree {
    let Tree::Object(mut members) = tree else { panic!("no object") };
    names.iter().for_each(|name| {
        members.remove(name.as_bytes());
    });
    Tree::Object(members)
}

fn bytes_of(text: &str) -> Vec<u8> {
    serde_json::from_str::<Key>(text).unwrap().0
}

/// An id: none when it is absent or empty, `Err` when it is neither string nor number.
fn id(text: Option<&str>) -> Result<Option<Vec<u8>>, ()> {
    let id = match text.map(|text| (text.as_bytes()[0], text)) {
        None => return Ok(None),
        Some((b'"', text)) => bytes_of(text),
        Some((b'-' | b'0'..=b'9', text)) => text.as_bytes().to_vec(),
        Some(_) => return Err(()),
    };
    Ok(Some(id).filter(|id| !id.is_empty()))
}

#[derive(Debug, PartialEq)]
struct Capture {
    key: Vec<u8>,
    key_number: u128,
    event: Option<u128>,
    has_inference_id: bool,
    time: Option<i64>,
    record: Tree,
}

#[derive(Debug, PartialEq)]
struct Label {
    id: Vec<u8>,
    parsed: Id,
    beside: Option<u128>,
    value: Tree,
}

fn time(text: Option<&str>) -> Option<i64> {
    let text: String = serde_json::from_str(text?).ok()?;
    Some(text.trim().parse::<jiff::Timestamp>().ok()?.as_second())
}

fn slow_capture(text: &str) -> Result<Capture, ()> {
    let top = members(text);
    let batch_id = id(last(&top, "SageMakerInferenceId"));
    match last(&top, "captureData") {
        Some(value) if value.starts_with('{') => {}
        None if last(&top, "SageMakerInferenceId").is_some() => {
            let id = batch_id?.ok_or(())?;
            let time = time(last(&top, "SageMakerInferenceTime"));
            let record = without(tree(text), &["SageMakerInferenceId", "SageMakerInferenceTime"]);
            let number = Id::of(&id).number;
            return Ok(Capture {
                key: id,
                key_number: number,
                event: Some(number),
                has_inference_id: false,
                time,
                record,
            });
        }
        _ => return Err(()),
    }
    let metadata = last(&top, "eventMetadata").filter(|text| text.starts_with('{')).ok_or(())?;
    let metadata = members(metadata);
    let event_id = id(last(&metadata, "eventId"))?;
    let inference_id = id(last(&metadata, "inferenceId"))?;
    let key = inference_id.clone().or(event_id.clone()).ok_or(())?;
    Ok(Capture {
        key_number: Id::of(&key).number,
        key,
        event: event_id.map(|id| Id::of(&id).number),
        has_inference_id: inference_id.is_some(),
        time: time(last(&metadata, "inferenceTime")),
        record: without(tree(text), &["groundTruthData"]),
    })
}

fn slow_label(text: &str) -> Result<Label, ()> {
    let top = members(text);
    let value = last(&top, "groundTruthData").filter(|text| text.starts_with('{')).ok_or(())?;
    let metadata = last(&top, "eventMetadata").filter(|text| text.starts_with('{')).ok_or(())?;
    let metadata = members(metadata);
    let event_id = id(last(&metadata, "eventId"))?;
    let inference_id = id(last(&metadata, "inferenceId"));
    let beside = event_id.as_ref().and(inference_id.clone().ok().flatten()).map(|id| Id::of(&id).number);
    let id = match event_id {
        Some(id) => id,
        None => inference_id?.ok_or(())?,
    };
    let Tree::Object(mut value) = tree(value) else { return Err(()) };
    let Some(Tree::Scalar(data)) = value.get_mut(&b"data"[..]) else { return Err(()) };
    match data.as_bytes()[0] {
        b'"' => {}
        b'n' => return Err(()),
        _ => *data = format!("\"{data}\""),
    }
    Ok(Label { parsed: Id::of(&id), id, beside, value: Tree::Object(value) })
}

/// One outcome for each value of a line that is a list or begins with an object; none when some text of it is no
/// value.
fn slow<T>(line: &str, one: fn(&str) -> Result<T, ()>) -> Option<Vec<Result<T, ()>>> {
    let mut outcomes = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', ',', '[', ']']);
        if rest.is_empty() {
            return Some(outcomes);
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let value = values.next()?.ok()?.get();
        outcomes.push(if value.starts_with('{') { one(value) } else { Err(()) });
        rest = &rest[values.byte_offset()..];
        // Digits and texts must not run into each other.
        let ends = rest.starts_with([' ', '\t', '\r', ',', '[', ']', '{', '}']) || rest.is_empty();
        if !value.starts_with('{') && !ends {
            return None;
        }
    }
}

/// What the reader found in a line, in the terms of the twin.
fn fast<S: Side, T>(
    side: S,
    line: &[u8],
    workspace: &mut Workspace,
    one: impl Fn(Texts, &S::Item) -> T,
) -> Vec<Result<T, ()>> {
    // Bytes before and after, which the reader must not look at.
    let text = [b"}] ".as_slice(), line, b"\"}]"].concat();
    let span = Span { start: 3, end: 3 + line.len() };
    let (mut made, mut found) = (Vec::new(), Vec::new());
    let piece = Piece { span, state: State::default(), ended: true, longest: 1 << 24, width: None };
    let settled = reader::read(side, &text, piece, workspace, &mut made, &mut found);
    assert_eq!(settled.end, span.end);
    let texts = Texts { read: &text, made: &made };
    found
        .iter()
        .map(|Found { what, .. }| what.as_ref().map(|record| one(texts, record)).map_err(|_| ()))
        .collect()
}

/// What the reader keeps of earlier lines.
#[derive(Default)]
pub(crate) struct Readers {
    captures: Workspace,
    labels: Workspace,
}

/// Whether the reader, after the lines it saw before, and its twin agree on a line; panics where they do not. Lines
/// that hold line ends, bare words that are no JSON, or nesting that the twin's recursion cannot bear, are left out, and
/// those that begin as something else than JSON.
pub(crate) fn compare(line: &[u8], readers: &mut Readers) {
    let line = line.trim_ascii();
    let depth = line.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    let has = |word: &[u8]| line.windows(word.len()).any(|part| part == word);
    if has(b"NaN") || has(b"Infinity") {
        return;
    }
    if !matches!(line.first(), Some(b'{' | b'[')) || line.contains(&b'\n') || depth > 90 {
        return;
    }
    let captures = fast(Captures, line, &mut readers.captures, |texts, capture| {
        let body = std::str::from_utf8(texts.of(capture.body)).unwrap();
        let merged = format!("{{\"groundTruthData\":0,{body}");
        no_key_twice(&merged);
        let record =
            if texts.of(capture.body).starts_with(b"\"captureData\":{\"batchTransformOutput\":{\"data\":\"")
                && !line.windows(20).any(|part| part == b"batchTransformOutput")
            {
                let below = |text: &str, name| last(&members(text), name).unwrap().to_string();
                let data = below(&below(&below(&merged, "captureData"), "batchTransformOutput"), "data");
                let data = serde_json::from_str::<String>(&data).unwrap();
                // A cell of JSON that is damaged is text.
                let is_json = serde_json::from_str::<&RawValue>(&data).is_ok();
                if is_json { tree(&data) } else { Tree::Scalar(data) }
            } else {
                without(tree(&merged), &["groundTruthData"])
            };
        Capture {
            key: texts.of(capture.key).to_vec(),
            key_number: capture.key_number,
            event: capture.event,
            has_inference_id: capture.has_inference_id,
            time: match capture.time {
                Time::At(seconds) => Some(seconds),
                Time::Absent | Time::Null | Time::Unreadable => None,
            },
            record,
        }
    });
    let labels = fast(GroundTruth, line, &mut readers.labels, |texts, label| {
        let value = std::str::from_utf8(texts.of(label.value)).unwrap();
        no_key_twice(value);
        Label {
            id: texts.of(label.id).to_vec(),
            parsed: label.parsed,
            beside: label.inference_id_beside,
            value: tree(value),
        }
    });
    let text = std::str::from_utf8(line).ok();
    match text.and_then(|text| slow(text, slow_capture)) {
        // Values may be the cells of a row, unless a list holds a record.
        Some(expected) if ends_as_row(line) && captures.len() == 1 => {
            let is_row = line.starts_with(b"{") || expected.iter().all(Result::is_err);
            assert!(is_row || captures == expected, "captures of {text:?}");
        }
        Some(expected) => assert_eq!(captures, expected, "captures of {text:?}"),
        None => {
            let seen = captures.iter().any(Result::is_err) || ends_as_row(line);
            assert!(seen, "captures of {line:?}: no damage was seen");
        }
    }
    match text.and_then(|text| slow(text, slow_label)) {
        Some(expected) => assert_eq!(labels, expected, "labels of {text:?}"),
        None => assert!(labels.iter().any(Result::is_err), "labels of {line:?}: no damage was seen"),
    }
}

/// Whether three cells or more end with a time: then the line may be a row of a batch transform.
fn ends_as_row(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let cells: Vec<&str> = text.rsplitn(3, ',').collect();
    cells.len() == 3 && cells[0].trim().trim_matches('"').trim().parse::<jiff::Timestamp>().is_ok()
}

fn no_key_twice(text: &str) {
    match text.as_bytes()[0] {
        b'{' => {
            let members = members(text);
            let keys: std::collections::BTreeSet<_> = members.iter().map(|(key, _)| key).collect();
            assert_eq!(keys.len(), members.len(), "a key stands twice in {text}");
            members.iter().for_each(|(_, value)| no_key_twice(value.get()));
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).unwrap();
            elements.iter().for_each(|value| no_key_twice(value.get()));
        }
        _ => {}
    }
}
