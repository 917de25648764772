use proptest::prelude::*;

use super::*;

/// Everything of a record.
fn told(record: &Record<'_>) -> String {
    let payload = |payload: &Option<Payload<'_>>| {
        payload.as_ref().map(|payload| {
            let data = payload.data.as_ref().map(|data| data.as_text().into_owned());
            (data, payload.encoding, payload.observed_content_type.as_deref().map(String::from))
        })
    };
    let capture = record.capture_data.as_ref().map(|capture| {
        [&capture.endpoint_input, &capture.endpoint_output, &capture.batch_transform_output].map(payload)
    });
    let metadata = record.event_metadata.as_ref().map(|metadata| {
        let id = |id: &Option<Text<'_>>| id.as_ref().map(|id| id.as_text().into_owned());
        (
            id(&metadata.event_id),
            id(&metadata.inference_id),
            metadata.inference_time.as_deref().map(String::from),
        )
    });
    format!("{capture:?} {:?} {metadata:?}", payload(&record.ground_truth_data))
}

/// A value of a field, right or not.
fn value() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        6 => prop_oneof![Just("\"a\""), Just("\"a longer text, 12345\""), Just("\"\""), Just("\"{\\\"f\\\":[1,\\\"x\\\"]}\\n\"")],
        1 => prop_oneof![
            Just("null"), Just("1"), Just("-2.5e3"), Just("1e999"), Just("NaN"), Just("-Infinity"), Just("true"), Just("[1]"), Just("{}"),
            Just("\"\\u00e9\""), Just("\"\\ud800\""), Just("\"é\""), Just("\"\\\\\\/\\b\\f\\r\\t\""), Just("\"\\x\""), Just("\"\t\""), Just("\""),
        ],
    ]
}

fn payload() -> impl Strategy<Value = String> {
    let encoding = prop_oneof![
        8 => Just("\"JSON\""), 4 => Just("\"CSV\""), 1 => Just("null"), 1 => Just("\"XML\""), 1 => Just("{\"CSV\":null}"), 1 => Just("\"JS\\u004fN\""),
    ];
    (0..12_u8, value(), encoding, value()).prop_map(|(form, data, encoding, kind)| match form {
        0 => "null".into(),
        1 => "{}".into(),
        2 => format!("[{data},{encoding},{kind}]"),
        3 => format!("{{\"data\":{data},\"data\":{data},\"encoding\":{encoding}}}"),
        4 => format!("{{\"encoding\":{encoding},\"d\\u0061ta\":{data},\"mode\":{kind}}}"),
        _ => format!(
            "{{\"observedContentType\":{kind}, \"mode\":\"X\",\"data\":{data},\"encoding\":{encoding}}}"
        ),
    })
}

fn line() -> impl Strategy<Value = String> {
    (payload(), payload(), payload(), 0..6_u8, (value(), value(), value()), value()).prop_map(
        |(input, output, truth, form, (event, inference, time), more)| {
            let metadata = match form {
                0 => format!("{{\"eventId\":{event}}}"),
                _ => format!("{{\"eventId\":{event},\"inferenceId\":{inference},\"inferenceTime\":{time}}}"),
            };
            let capture = match form {
                1 => format!("{{\"batchTransformOutput\":{input}}}"),
                2 => format!("[{input},{output}]"),
                _ => format!("{{\"endpointInput\":{input},\"endpointOutput\":{output}}}"),
            };
            format!("{{\"captureData\":{capture},\"eventMetadata\":{metadata},\"more\":{more},\"groundTruthData\":{truth}}}")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn records_are_what_serde_json_reads(
        lines in proptest::collection::vec(line(), 1..4),
        order in proptest::collection::vec((any::<proptest::sample::Index>(), 0..12_u8, any::<proptest::sample::Index>(), "[\\[\\]{}\":,\\\\ 0a]{0,2}"), 1..12),
        values in proptest::collection::vec(value(), 12),
    ) {
        let mut parser = Parser::default();
        for ((line, change, at, put), value) in order.into_iter().zip(values) {
            let mut text = line.get(&lines).clone();
            match change {
                0 => {
                    let at = (0..=at.index(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
                    text.insert_str(at, &put);
                }
                1 => text.truncate((0..=at.index(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)),
                2..8 => text = text.replacen("\"a\"", value, 1 + usize::from(change % 2)),
                _ => {}
            }
            let theirs = serde_json::from_str::<Record<'_>>(&text);
            let theirs = theirs.map(|record| told(&record)).map_err(|error| format!("not a captured record: {}", column_only(&error)));
            let ours = parser.parse(text.as_bytes()).map(|(record, whole)| {
                assert_eq!(whole, text);
                told(&record)
            });
            prop_assert_eq!(ours, theirs, "{}", text);
        }
    }
}

#[test]
fn few_records_are_read_anew() {
    let mut parser = Parser::default();
    for at in 0..100 {
        let line = format!(
            "{{\"captureData\":{{\"endpointInput\":{{\"data\":\"{{\\\"f\\\":{at}}}\\n\",\"encoding\":\"JSON\"}}}},\"eventMetadata\":{{\"eventId\":\"{at}\"}}}}"
        );
        let is_known = parser.alike.find(&line).is_some();
        assert_eq!(is_known, at > 0);
        let (record, _) = parser.parse(line.as_bytes()).unwrap();
        let input = record.capture_data.unwrap().endpoint_input.unwrap();
        assert_eq!(input.data.unwrap().as_text(), format!("{{\"f\":{at}}}\n"));
    }
}

#[test]
fn records_that_are_not_alike_are_seldom_learned_from() {
    let mut parser = Parser::default();
    let different = |at: usize| format!("{{\"captureData\":null,\"k{at}\":1}}");
    (0..1000).for_each(|at| assert!(parser.parse(different(at).as_bytes()).is_ok()));
    let learned = (0..1000).filter(|_| parser.alike.may_learn("{}")).count();
    assert!((1..10).contains(&learned), "{learned}");
}

#[test]
fn a_record_with_an_escape_by_number_teaches_nothing_new() {
    let mut parser = Parser::default();
    let record = |data: &str| format!("{{\"captureData\":{{\"endpointInput\":{{\"data\":\"{data}\"}}}}}}");
    for at in 0..2000 {
        let line = record(if at % 2 == 0 { "plain" } else { "\\u00e9" });
        let (record, _) = parser.parse(line.as_bytes()).unwrap();
        let data = record.capture_data.unwrap().endpoint_input.unwrap().data.unwrap();
        assert_eq!(data.as_text(), if at % 2 == 0 { "plain" } else { "é" });
    }
    assert_eq!(parser.alike.n_known(), 1);
}

/// What JSON does not have is refused wherever it stands, also in a field that nobody reads.
#[test]
fn what_is_no_json_is_refused_in_records_that_are_known() {
    let record = |value: &str| {
        let input = format!("{{\"data\":\"x\",\"mode\":{value}}}");
        format!("{{\"captureData\":{{\"endpointInput\":{input}}},\"more\":[{value}]}}")
    };
    for value in ["-Infinity", "Infinity", "NaN", "-", "01", "1.", "1e", "\"\t\"", "\"\\x\"", "1 2"] {
        let mut parser = Parser::default();
        assert!(parser.parse(record("5").as_bytes()).is_ok());
        assert!(parser.alike.find(&record("\"seven\"")).is_some());
        assert!(parser.parse(record(value).as_bytes()).is_err(), "{value}");
    }
}
