//! The slow twin of the merge's line scanner: the same rules, written plainly on `serde_json`.
//! Used by a property test and by the fuzz target.

use std::collections::BTreeMap;
use std::fmt;

use merge_job::ids::Id;
use merge_job::json::Span;
use merge_job::scan::{self, Captures, Found, Labels, Scratch, Texts};
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

/// An id: none when it is absent, `Err` when it is neither string nor number.
fn id(text: Option<&str>) -> Result<Option<Vec<u8>>, ()> {
    match text.map(|text| (text.as_bytes()[0], text)) {
        None => Ok(None),
        Some((b'"', text)) => Ok(Some(bytes_of(text))),
        Some((b'-' | b'0'..=b'9', text)) => Ok(Some(text.as_bytes().to_vec())),
        Some(_) => Err(()),
    }
}

#[derive(Debug, PartialEq)]
struct Capture {
    key: Vec<u8>,
    key_number: u128,
    event: u128,
    has_inference_id: bool,
    time: Option<i64>,
    record: Tree,
}

#[derive(Debug, PartialEq)]
struct Label {
    id: Vec<u8>,
    parsed: Id,
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
        None if batch_id != Ok(None) => {
            let id = batch_id?.unwrap();
            let time = time(last(&top, "SageMakerInferenceTime"));
            let record = without(tree(text), &["SageMakerInferenceId", "SageMakerInferenceTime"]);
            let event = Id::of(&id).number;
            return Ok(Capture { key: id, key_number: event, event, has_inference_id: false, time, record });
        }
        _ => return Err(()),
    }
    let metadata = last(&top, "eventMetadata").filter(|text| text.starts_with('{')).ok_or(())?;
    let metadata = members(metadata);
    let event_id = id(last(&metadata, "eventId"))?.ok_or(())?;
    let inference_id = id(last(&metadata, "inferenceId"))?.filter(|id| !id.is_empty());
    let key = inference_id.as_ref().unwrap_or(&event_id);
    Ok(Capture {
        key: key.clone(),
        key_number: Id::of(key).number,
        event: Id::of(&event_id).number,
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
    let id = match id(last(&metadata, "eventId"))? {
        Some(id) => id,
        None => id(last(&metadata, "inferenceId"))?.ok_or(())?,
    };
    let Tree::Object(mut value) = tree(value) else { return Err(()) };
    let Some(Tree::Scalar(data)) = value.get_mut(&b"data"[..]) else { return Err(()) };
    match data.as_bytes()[0] {
        b'"' => {}
        b'n' => return Err(()),
        _ => *data = format!("\"{data}\""),
    }
    Ok(Label { parsed: Id::of(&id), id, value: Tree::Object(value) })
}

/// One outcome for each record of a line; a damaged line is one bad record.
fn slow<T>(line: &str, one: fn(&str) -> Result<T, ()>) -> Vec<Result<T, ()>> {
    let Ok(value) = serde_json::from_str::<&RawValue>(line) else { return vec![Err(())] };
    let of = |text: &str| if text.starts_with('{') { one(text) } else { Err(()) };
    if value.get().starts_with('[') {
        let elements: Vec<&RawValue> = serde_json::from_str(value.get()).unwrap();
        return elements.into_iter().map(|value| of(value.get())).collect();
    }
    vec![of(value.get())]
}

/// What the scanner found in a line, in the terms of the twin.
fn fast<S: scan::Scan, T>(
    side: S,
    line: &[u8],
    scratch: &mut Scratch,
    one: impl Fn(Texts, &S::Record) -> T,
) -> Vec<Result<T, ()>> {
    // Bytes before and after, which the scanner must not look at.
    let text = [b"}] ".as_slice(), line, b"\"}]"].concat();
    let span = Span { start: 3, end: 3 + line.len() };
    let (mut made, mut found) = (Vec::new(), Vec::new());
    scan::line(side, &text, span, 0, scratch, &mut made, &mut found);
    let texts = Texts { read: &text, made: &made };
    found
        .iter()
        .map(|Found { what, .. }| what.as_ref().map(|record| one(texts, record)).map_err(|_| ()))
        .collect()
}

/// What the scanner keeps of earlier lines.
#[derive(Default)]
pub(crate) struct Scanners {
    captures: Scratch,
    labels: Scratch,
}

/// Whether the scanner, after the lines it saw before, and its twin agree on a line; panics where they do not. Lines that hold line
/// ends, or nesting that the twin's recursion cannot bear, are left out.
pub(crate) fn compare(line: &[u8], scanners: &mut Scanners) {
    let line = line.trim_ascii();
    let depth = line.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    if line.is_empty() || line.contains(&b'\n') || depth > 90 {
        return;
    }
    let captures = fast(Captures, line, &mut scanners.captures, |texts, capture| {
        let body = std::str::from_utf8(texts.of(capture.body)).unwrap();
        let merged = format!("{{\"groundTruthData\":0,{body}");
        no_key_twice(&merged);
        let record =
            if texts.of(capture.body).starts_with(b"\"captureData\":{\"batchTransformOutput\":{\"data\":\"")
                && !line.windows(20).any(|part| part == b"batchTransformOutput")
            {
                let below = |text: &str, name| last(&members(text), name).unwrap().to_string();
                let data = below(&below(&below(&merged, "captureData"), "batchTransformOutput"), "data");
                tree(&serde_json::from_str::<String>(&data).unwrap())
            } else {
                without(tree(&merged), &["groundTruthData"])
            };
        Capture {
            key: texts.of(capture.key).to_vec(),
            key_number: capture.key_number,
            event: capture.event,
            has_inference_id: capture.has_inference_id,
            time: capture.time,
            record,
        }
    });
    let labels = fast(Labels, line, &mut scanners.labels, |texts, label| {
        let value = std::str::from_utf8(texts.of(label.value)).unwrap();
        no_key_twice(value);
        Label { id: texts.of(label.id).to_vec(), parsed: label.parsed, value: tree(value) }
    });
    match std::str::from_utf8(line) {
        Ok(text) => {
            assert_eq!(captures, slow(text, slow_capture), "captures of {text}");
            assert_eq!(labels, slow(text, slow_label), "labels of {text}");
        }
        Err(_) => assert_eq!((captures, labels), (vec![Err(())], vec![Err(())])),
    }
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
