//! The line scanner of the merge against its slow twin on `serde_json`, on random lines.

#[path = "support/merge_twin.rs"]
mod merge_twin;

use merge_twin::{Scanners, compare};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn blank() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just("\t \r")]
}

fn text() -> impl Strategy<Value = String> {
    let plain = select(vec![
        "a",
        "7ddb2d7c-4d6a-4e67-a68e-23870399829d",
        "2024-01-19T19:27:57Z",
        "2024-01-31T24:00:00Z",
        r"\u0041",
        r"\ud83d\ude80",
        r"\ud800",
        r#"{\"eventMetadata\":{\"eventId\":\"x\"}}"#,
        r"1,2\n3,4\r\n",
        "é🚀\u{2028}",
        "",
    ]);
    plain.prop_map(|text| format!("\"{text}\""))
}

fn key() -> impl Strategy<Value = &'static str> {
    select(vec![
        "captureData",
        "eventMetadata",
        "groundTruthData",
        "eventVersion",
        "eventId",
        "inferenceId",
        "inferenceTime",
        "data",
        "encoding",
        "SageMakerInferenceId",
        "SageMakerInferenceTime",
        r"event\u004detadata",
        r"\ud800",
        "x",
    ])
}

fn scalar() -> impl Strategy<Value = String> {
    let other = select(vec!["0", "-1.50e+3", "1e999", "01", "true", "false", "null", "NaN", "-"]);
    prop_oneof![6 => text(), 3 => other.prop_map(str::to_string)]
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            object(prop::collection::vec((key().prop_map(str::to_string), inner.clone()), 0..5)),
            prop::collection::vec((blank(), inner, blank()), 0..4).prop_map(|elements| {
                let elements: Vec<_> =
                    elements.iter().map(|(a, value, b)| format!("{a}{value}{b}")).collect();
                format!("[{}]", elements.join(","))
            }),
        ]
    })
}

fn object(members: impl Strategy<Value = Vec<(String, String)>>) -> impl Strategy<Value = String> {
    (members, blank(), blank()).prop_map(|(members, a, b)| {
        let members: Vec<_> =
            members.iter().map(|(key, value)| format!("{a}\"{key}\"{b}:{a}{value}{b}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

fn named(names: &'static [&'static str]) -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((select(names.to_vec()).prop_map(str::to_string), scalar()), 0..4)
}

fn record() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        3 => object(named(&["endpointInput", "data", "x"])).prop_map(|value| ("captureData".to_string(), value)),
        4 => object(named(&["eventId", "inferenceId", "inferenceTime", "x", r"event\u0049d"]))
            .prop_map(|value| ("eventMetadata".to_string(), value)),
        2 => object(named(&["data", "encoding", "x"])).prop_map(|value| ("groundTruthData".to_string(), value)),
        1 => (key().prop_map(str::to_string), value()),
        1 => scalar().prop_map(|value| ("SageMakerInferenceId".to_string(), value)),
    ];
    object(prop::collection::vec(member, 0..6))
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => record(),
        1 => prop::collection::vec(record(), 0..4).prop_map(|records| format!("[{}]", records.join(" ,"))),
        1 => value(),
        1 => (record(), record()).prop_map(|(a, b)| a + &b),
    ]
}

/// Strings of a line, keys included, that others take the place of.
fn alter(line: &str, others: &[(Index, String)]) -> String {
    let mut line = line.to_string();
    for (which, other) in others {
        let (mut strings, mut start, mut escaped) = (Vec::new(), None, false);
        for (at, byte) in line.bytes().enumerate() {
            match (byte, start) {
                _ if escaped => escaped = false,
                (b'\\', _) => escaped = true,
                (b'"', None) => start = Some(at),
                (b'"', Some(from)) => {
                    strings.push(from..at + 1);
                    start = None;
                }
                _ => {}
            }
        }
        if !strings.is_empty() {
            line.replace_range(strings[which.index(strings.len())].clone(), other);
        }
    }
    line
}

/// A byte taken out, put in or put in place of another; the line cut off, or something behind it.
fn damage(line: &mut Vec<u8>, kind: u8, at: Index, byte: u8) {
    if line.is_empty() {
        return;
    }
    let at = at.index(line.len());
    match kind {
        0 => {
            line.remove(at);
        }
        1 => line.insert(at, byte),
        2 => line[at] = byte,
        3 => line.truncate(at),
        _ => line.extend_from_slice(b"{}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scanner_and_plain_parser_agree_on_records(line in line()) {
        let mut scanners = Scanners::default();
        compare(line.as_bytes(), &mut scanners);
        compare(line.as_bytes(), &mut scanners);
    }

    #[test]
    fn scanner_and_plain_parser_agree_on_damaged_records(
        line in line(),
        damages in prop::collection::vec(
            (0u8..5, any::<Index>(), prop_oneof![select(b"\"\\{}[],: 0eEu\x00\x1f\xff\xc3".to_vec()), any::<u8>()]),
            1..4
        ),
    ) {
        let mut scanners = Scanners::default();
        compare(line.as_bytes(), &mut scanners);
        let mut line = line.into_bytes();
        for (kind, at, byte) in damages {
            damage(&mut line, kind, at, byte);
        }
        compare(&line, &mut scanners);
    }

    #[test]
    fn scanner_and_plain_parser_agree_on_lines_like_earlier_ones(
        line in record(),
        alterations in prop::collection::vec(
            (prop::collection::vec((any::<Index>(), text()), 0..3), prop::option::weighted(0.1, any::<(u8, Index, u8)>())),
            1..12
        ),
    ) {
        let mut scanners = Scanners::default();
        for (others, damaged) in alterations {
            let mut line = alter(&line, &others).into_bytes();
            if let Some((kind, at, byte)) = damaged {
                damage(&mut line, kind % 5, at, byte);
            }
            compare(&line, &mut scanners);
        }
    }
}

#[test]
fn deep_nesting_is_no_problem() {
    let depth = 200_000;
    let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let line = format!(r#"{{"captureData":{{"x":{nested}}},"eventMetadata":{{"eventId":"a"}}}}"#);
    let text = line.as_bytes();
    let span = merge_job::json::Span { start: 0, end: text.len() };
    let mut found = Vec::new();
    let (mut scratch, mut made) = (merge_job::scan::Scratch::default(), Vec::new());
    merge_job::scan::line(merge_job::scan::Captures, text, span, 0, &mut scratch, &mut made, &mut found);
    assert!(found[0].what.is_ok());
}
