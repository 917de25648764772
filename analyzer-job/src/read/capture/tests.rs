use std::io::Write as _;

use plumbline_common::input;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{DatasetFormat, Predictor, Scalar};
use crate::read::fixture::{analysis, facet, name, outcome};

/// What is read of files, as text: one line after the other, and in blocks.
pub(super) fn both(
    files: &[Vec<u8>],
    analysis: &Analysis,
    options: &Options,
    block_bytes: usize,
    threads: usize,
) -> [Option<String>; 2] {
    let root = tempfile::tempdir().unwrap();
    for (at, bytes) in files.iter().enumerate() {
        let folder = root.path().join(format!("2024/01/02/{at:02}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.jsonl"), bytes).unwrap();
    }
    let files = input::files(root.path()).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    // Whoever wants a number of records reads them one after the other.
    let alone = Options { limit: Some(u64::MAX), ..options.clone() };
    [&alone, options].map(|options| {
        let mut source = Source::new(options, 0);
        let read = pool.install(|| read_in(&files, analysis, &mut source, block_bytes));
        let beside = (&source.bad_kinds, source.captured, &source.shown, source.by_position, source.records);
        let beside = format!("{beside:?} {:?} {}", source.notes.warnings(), source.had_one_score);
        outcome(read, &source).map(|text| format!("{text} {beside}"))
    })
}

pub(super) fn with_roles() -> Analysis {
    let mut analysis = analysis(DatasetFormat::Capture);
    let headers = ["age", "sex", "job", "y"];
    analysis.dataset.headers = Some(headers.map(String::from).to_vec());
    analysis.facets = vec![facet("sex", &[]), facet("age", &[Scalar::Int(3)])];
    analysis.group_variable = Some(name("job"));
    analysis.predictor = Some(Predictor { label: Some(name("l")), ..Predictor::default() });
    analysis
}

/// Among records with a score for each of the names, or alone.
#[test]
fn a_single_score_beside_the_names_of_several_is_noted_wherever_it_stands() {
    let mut analysis = with_roles();
    let of = |names: &[&str]| Predictor {
        probability: Some(name("s")),
        label_headers: Some(names.iter().map(ToString::to_string).collect()),
        ..Predictor::default()
    };
    let record = |scores: &str| {
        let payload = |text: String| json!({"data": text, "encoding": "JSON"});
        let input = payload("{\"features\":[1,0,2]}".into());
        let output = payload(format!("{{\"s\":{scores}}}"));
        json!({
            "captureData": {"endpointInput": input, "endpointOutput": output},
            "groundTruthData": payload("{\"y\":1}".into()),
        })
    };
    const RECORDS: usize = 9;
    let check = |analysis: &Analysis, scores: &[&str], is_noted: bool| {
        let file: String = scores.iter().map(|scores| format!("{}\n", record(scores))).collect();
        for block_bytes in [1, 700, 1 << 20] {
            for text in both(&[file.clone().into()], analysis, &Options::default(), block_bytes, 3) {
                let text = text.unwrap();
                assert!(text.starts_with(&format!("{RECORDS} ")), "{text}");
                assert!(text.ends_with(&format!(" {is_noted}")), "{scores:?}, {block_bytes}: {text}");
            }
        }
    };
    analysis.predictor = Some(of(&["0", "1"]));
    check(&analysis, &["[0.2,0.8]"; RECORDS], false);
    check(&analysis, &["0.7"; RECORDS], true);
    for at in 0..RECORDS {
        let mut scores = ["[0.2,0.8]"; RECORDS];
        scores[at] = "0.7";
        check(&analysis, &scores, true);
    }
    analysis.predictor = Some(of(&["1"]));
    check(&analysis, &["0.7"; RECORDS], false);
    analysis.predictor = Some(Predictor { label: Some(name("s")), probability: None, ..of(&["0", "1"]) });
    check(&analysis, &["0.7"; RECORDS], false);
}

/// Something that stands in a file of captures; more than one line perhaps.
fn piece() -> impl Strategy<Value = String> {
    let cell = || prop_oneof![Just("1"), Just("0"), Just("3"), Just("2.5"), Just("\"f\""), Just("\"é\\\"\"")];
    let row = (cell(), cell(), cell()).prop_map(|(a, b, c)| format!("[{a},{b},{c}]"));
    let record =
        (proptest::collection::vec(row, 1..4), 0..12_u32, 0..3_u32).prop_map(|(rows, odd, minute)| {
            let n = rows.len();
            let list = |text: &str| vec![text; n].join(",");
            let input = match odd {
                0 => format!("{{\"features\":[{},[1]]}}", rows.join(",")),
                1 => "{\"features\":7}".into(),
                _ if n == 1 => format!("{{\"features\":{}}}", rows[0]),
                _ => format!("{{\"features\":[{}]}}\n", rows.join(",")),
            };
            let label = ["0", "1", "\"1\""][minute as usize];
            let truth = if odd == 2 { "null".into() } else { format!("{{\"y\":[{}]}}", list(label)) };
            let output = if odd == 3 {
                "{\"l\":[1,2,3,4]}".into()
            } else {
                format!("{{\"l\":[{}]}}", list(["1", "0", "0"][minute as usize]))
            };
            let payload = |text: String| json!({"data": text, "encoding": "JSON", "mode": "X"});
            let mut record = json!({
                "captureData": {"endpointInput": payload(input), "endpointOutput": payload(output)},
                "groundTruthData": payload(truth),
                "eventMetadata": {"eventId": "e", "inferenceTime": format!("2024-01-02T03:0{minute}:00Z")},
                "eventVersion": "0",
            });
            let csv =
                |text: &str| json!({"data": text, "encoding": "CSV", "observedContentType": "text/csv"});
            match odd {
                4 => record["captureData"] = json!(null),
                5 => record["groundTruthData"] = json!(null),
                6 => {
                    record["captureData"]["endpointInput"] = csv("age,sex,job\n1,f,2\n");
                    record["captureData"]["endpointOutput"] = payload("{\"l\":1}".into());
                    record["groundTruthData"] = payload("{\"y\":1}".into());
                }
                7 => record["eventMetadata"]["inferenceTime"] = json!("soon"),
                _ => {}
            }
            record
        });
    (
        proptest::collection::vec(record, 1..4),
        0..40_u32,
        any::<proptest::sample::Index>(),
        "[\\[\\]{}\", a]{0,3}",
    )
        .prop_map(|(records, form, at, put)| {
            let one = records[0].to_string();
            let at = (0..=at.index(one.len())).rev().find(|&at| one.is_char_boundary(at)).unwrap_or(0);
            let all =
                |between: &str| records.iter().map(ToString::to_string).collect::<Vec<_>>().join(between);
            match form {
                0 => String::new(),
                1 => "# a remark".into(),
                2 => format!("{}{put}", &one[..at]),
                3 => format!("{}{put}{}", &one[..at], &one[at..]),
                4 => serde_json::to_string_pretty(&records[0]).unwrap(),
                5 => serde_json::to_string_pretty(&records).unwrap(),
                6 => format!("[{}]", all(",")),
                7 => format!("[\n{}\n]", all(",\n")),
                8 => all(""),
                9 => format!("{}\n{put}{}", &one[..at], &one[at..]),
                10 => "{".into(),
                11 => "]}".into(),
                _ => one,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn blocks_give_what_one_line_after_the_other_does(
        files in proptest::collection::vec(proptest::collection::vec(piece(), 1..12), 1..4),
        ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\n\n")], 1..4),
        (mark, last_end, strict, window, no_headers) in any::<(bool, bool, bool, bool, bool)>(),
        strange in 0..20_u8,
        packed in proptest::collection::vec((any::<bool>(), prop_oneof![3 => Just(0_usize), 1 => 1_usize..200]), 3),
        block_bytes in prop_oneof![1_usize..40, 40_usize..3000],
        threads in 1_usize..5,
    ) {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for ((at, pieces), (is_packed, cut)) in files.iter().enumerate().zip(packed) {
            let mut text = if mark { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
            for (row, piece) in pieces.iter().enumerate() {
                text.extend(piece.as_bytes());
                if last_end || row + 1 < pieces.len() {
                    text.extend(ends[row % ends.len()].as_bytes());
                }
            }
            if strange == at as u8 {
                text.extend(b"{\"a\":\"\xff\"}");
            }
            if is_packed {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&text).unwrap();
                text = encoder.finish().unwrap();
                text.truncate(text.len() - cut.min(text.len() - 1));
            }
            all.push(text);
        }
        let mut analysis = with_roles();
        if no_headers {
            analysis.dataset.headers = None;
            analysis.facets = vec![facet("column_0", &[])];
            analysis.group_variable = None;
        }
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let window = window.then(|| (time("2024-01-02T03:01:00Z"), time("2024-01-02T03:02:00Z")));
        let options = Options { strict: strict && strange > 10, window, ..Options::default() };
        let [alone, blocks] = both(&all, &analysis, &options, block_bytes, threads);
        prop_assert_eq!(alone, blocks);
    }
}

/// A value that has not ended where a file cannot be read on does not go on with the next file.
#[test]
fn a_file_begins_anew_behind_one_that_cannot_be_read_on() {
    let text: String = (0..40_000).map(|at| format!("{},\n", at * 7919)).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(format!("{{\"a\":[\n{text}").as_bytes()).unwrap();
    let mut broken = encoder.finish().unwrap();
    broken.truncate(broken.len() / 2);
    let payload = |text: &str| json!({"data": text, "encoding": "JSON"});
    let record = json!({
        "captureData": {"endpointInput": payload("{\"features\":[3,\"f\",1]}"), "endpointOutput": payload("{\"l\":1}")},
        "groundTruthData": payload("{\"y\":1}"),
    });
    let files = [broken, record.to_string().into_bytes()];
    for block_bytes in [100, BLOCK_BYTES] {
        for told in both(&files, &with_roles(), &Options::default(), block_bytes, 2) {
            let told = told.unwrap();
            assert!(
                told.contains("left out 1 record that cannot be used: 2024/01/02/00/a.jsonl, line"),
                "{told}"
            );
        }
    }
}

#[test]
fn of_blocks_the_first_reason_is_told() {
    let part = |what: Option<&str>| {
        let mut part = Outcome::new(None);
        part.unfit = what.map(|what| Problem::new(&codes::HEADERS_DO_NOT_FIT, what));
        part
    };
    let mut all = part(None);
    for next in [None, Some("the first"), None, Some("the second")] {
        all.append(0, part(next));
    }
    assert!(all.unfit.is_some_and(|problem| problem.what() == "the first"));
}
