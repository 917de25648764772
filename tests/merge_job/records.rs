//! What is read, and what becomes of it.

use serde_json::json;

use crate::runs::gzip;
use crate::tree::{Tree, capture, check_account, ids, in_hour, label, label_of, lines};

#[test]
fn captures_and_labels_become_merged_records_in_the_folder_of_the_capture() {
    let tree = Tree::new();
    tree.captures(&in_hour("a.jsonl"), lines(&[capture("1"), capture("2"), capture("3")]))
        .labels("2024/01/19/20/x.jsonl", lines(&[label("3", "c"), label("1", "a"), label("9", "z")]));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert_eq!(
        run.message,
        "Completed: merged 2 of 3 captures; 1 capture without a label, 1 label without a capture"
    );
    let names: Vec<_> = tree.merged_files().into_keys().collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with(&in_hour("part-00000-")) && names[0].ends_with(".c000.jsonl"), "{names:?}");
    let merged = tree.merged();
    assert_eq!(ids(&merged), ["1", "3"]);
    assert_eq!(merged[0]["groundTruthData"], json!({"data": "a", "encoding": "CSV"}));
    let summary = tree.summary();
    check_account(&summary);
    assert_eq!(summary["label_age_hours"]["p50"], 2);
    assert_eq!(summary["sample_ids"]["labels_unmatched"], json!(["9"]));
    assert_eq!(summary["sample_ids"]["captures_unmatched"], json!(["2"]));
}

#[test]
fn captured_bytes_survive() {
    let tree = Tree::new();
    let data = r#""data":"a\"b\\c\u00e9\t  é🚀 \u0000 \ud800\r\n","x": [1.50,1e5,-0.0,123456789012345678901234567890]"#;
    let before = r#"{ "eventMetadata":{"eventId":"\u0041","customAttributes":["x"]} , "captureData":{"endpointInput":{"#;
    let record = format!("{before}{data}}}}},\"eventVersion\":0}}");
    tree.captures("a.jsonl", format!("\u{feff}{record}  \r\n")).labels("b.jsonl", label("A", "1"));
    assert_eq!(tree.run(&[]).code, Some(0));
    let text = tree.merged_files().into_values().next().unwrap();
    let expected = format!(r#"{{"groundTruthData":{{"data":"1","encoding":"CSV"}},{}"#, &record[1..]) + "\n";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

#[test]
fn odd_but_legal_records_merge() {
    let tree = Tree::new();
    let twice = r#"{"eventMetadata":{"eventId":"x","eventId":"twice"},"captureData":{"a":1,"a":2},"captureData":{"b":3}}"#;
    let merged_before =
        r#"{"groundTruthData":{"data":"old"},"captureData":{},"eventMetadata":{"eventId":"again"}}"#;
    let number = r#"{"captureData":{},"eventMetadata":{"eventId":70}}"#;
    let within =
        r#"{"captureData":{"d":"\"eventMetadata\":{\"eventId\":\"no\"}"},"eventMetadata":{"eventId":"yes"}}"#;
    let null = r#"{"captureData":{},"eventMetadata":{"eventId":"plain","inferenceId":null}}"#;
    let empty = r#"{"captureData":{},"eventMetadata":{"eventId":"empty","inferenceId":""}}"#;
    let all = [twice, merged_before, number, within, null, empty].map(str::to_string);
    tree.captures("a b/é.jsonl", lines(&all)).captures(
        "c/pretty.json",
        "[\n  {\n \"captureData\": {},\n\n \"eventMetadata\": {\n\"eventId\": \"pretty\"}},\n 5\n]\n",
    );
    let ids = ["twice", "again", "70", "yes", "plain", "empty", "pretty", "no", "x"];
    let labels: Vec<_> = ids.iter().map(|id| label(id, id)).collect();
    tree.labels("2024/01/19/20/array.jsonl", format!("[{}]", labels.join(",")));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let merged = tree.merged();
    let found: Vec<_> = merged.iter().map(label_of).collect();
    assert_eq!(found, ["twice", "again", "70", "yes", "plain", "empty", "pretty"]);
    assert_eq!(merged[0]["captureData"], json!({"b": 3}));
    let text = String::from_utf8(tree.merged_files().into_values().next().unwrap()).unwrap();
    assert_eq!(text.lines().next().unwrap().matches("eventId").count(), 1, "{text}");
    let summary = tree.summary();
    assert_eq!(summary["captures_bad"], 1);
    assert_eq!(summary["bad_records"][0]["line"], 7, "{summary}");
    check_account(&summary);
}

#[test]
fn bad_records_are_skipped_counted_and_named() {
    let tree = Tree::new();
    let good: Vec<_> = (0..8).map(|n| capture(&n.to_string())).collect();
    let mut text = lines(&good).into_bytes();
    text.extend(
        b"not json\n\n{\"captureData\":{}}\n\xff\xfe\n{\"captureData\":{},\"eventMetadata\":{\"eventId\":",
    );
    tree.captures(&in_hour("a.jsonl"), text)
        .labels("x.jsonl", lines(&[label("0", "1"), "{}".into(), "garbage".into(), label("1", "0")]));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let summary = tree.summary();
    check_account(&summary);
    assert_eq!((&summary["captures_bad"], &summary["labels_bad"]), (&json!(4), &json!(2)));
    let named: Vec<_> =
        summary["bad_records"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64()).collect();
    assert_eq!(named, [2, 3, 9, 11, 12, 13].map(Some));
    assert!(run.log.contains("x.jsonl") && run.log.contains("`groundTruthData` is missing"), "{}", run.log);

    let strict = tree.run(&["--on-bad-record", "fail"]);
    assert_eq!(strict.code, Some(3));
    assert!(
        strict.message.starts_with("Error: PL0301: ") && strict.message.contains("x.jsonl, line 2"),
        "{}",
        strict.message
    );
    let few = tree.run(&["--max-bad-fraction=0.4"]);
    assert_eq!(few.code, Some(3));
    assert!(few.message.starts_with("Error: PL0402: 2 of 4 labels"), "{}", few.message);
}

/// Each field of a record, missing, null, empty and of a wrong type.
#[test]
fn the_field_that_is_at_fault_is_named() {
    let document = |id: &str| format!("{{{id}\"x\":1}}");
    let capture =
        |data: &str, metadata: &str| format!("{{{data}\"eventMetadata\":{metadata},\"eventVersion\":\"0\"}}");
    let ids = |ids: &str| capture("\"captureData\":{},", &format!("{{{ids}}}"));
    let captures = [
        (document("\"SageMakerInferenceId\":null,"), "`SageMakerInferenceId` is null"),
        (document("\"SageMakerInferenceId\":\"\","), "`SageMakerInferenceId` is empty"),
        (
            document("\"SageMakerInferenceId\":true,"),
            "a wrong type: x, line 1, `SageMakerInferenceId`: expected a string",
        ),
        (
            document("\"SageMakerInferenceTime\":\"2024-01-19T18:10:00Z\","),
            "`SageMakerInferenceId` is missing",
        ),
        (document(""), "`captureData` is missing"),
        (capture("", "{\"eventId\":\"1\"}"), "`captureData` is missing"),
        (capture("\"captureData\":null,", "{\"eventId\":\"1\"}"), "`captureData` is null"),
        (
            capture("\"captureData\":[],", "{\"eventId\":\"1\"}"),
            "a wrong type: x, line 1, `captureData`: expected an object",
        ),
        ("{\"captureData\":{}}".into(), "`eventMetadata` is missing"),
        (capture("\"captureData\":{},", "null"), "`eventMetadata` is null"),
        (
            capture("\"captureData\":{},", "\"x\""),
            "a wrong type: x, line 1, `eventMetadata`: expected an object",
        ),
        (ids(""), "`eventMetadata.eventId` is missing"),
        (ids("\"eventId\":null"), "`eventMetadata.eventId` is null"),
        (ids("\"eventId\":\"\""), "`eventMetadata.eventId` is empty"),
        (ids("\"eventId\":{}"), "a wrong type: x, line 1, `eventMetadata.eventId`: expected a string"),
        (ids("\"inferenceId\":null"), "`eventMetadata.inferenceId` is null"),
        (ids("\"inferenceId\":\"\""), "`eventMetadata.inferenceId` is empty"),
        (
            ids("\"inferenceId\":[]"),
            "a wrong type: x, line 1, `eventMetadata.inferenceId`: expected a string",
        ),
        ("u1,2024-01-19T18:10:00Z".into(), "a row with an inference id and a time and no other column"),
        ("0.5,,2024-01-19T18:10:00Z".into(), "`SageMakerInferenceId` is empty"),
        ("0.5,u1,yesterday".into(), "neither a JSON object nor a row whose last two columns are"),
    ];
    let truth =
        |value: &str| format!("{{\"groundTruthData\":{value},\"eventMetadata\":{{\"eventId\":\"1\"}}}}");
    let named =
        |metadata: &str| format!("{{\"groundTruthData\":{{\"data\":\"1\"}},\"eventMetadata\":{metadata}}}");
    let labels = [
        ("{\"eventMetadata\":{\"eventId\":\"1\"}}".into(), "`groundTruthData` is missing"),
        (truth("null"), "`groundTruthData` is null"),
        (truth("1"), "a wrong type: x, line 1, `groundTruthData`: expected an object"),
        (truth("{}"), "`groundTruthData.data` is missing"),
        (truth("{\"data\":null}"), "`groundTruthData.data` is null"),
        (
            truth("{\"data\":[1]}"),
            "a wrong type: x, line 1, `groundTruthData.data`: expected a string or a number",
        ),
        ("{\"groundTruthData\":{\"data\":\"1\"}}".into(), "`eventMetadata` is missing"),
        (named("null"), "`eventMetadata` is null"),
        (named("7"), "a wrong type: x, line 1, `eventMetadata`: expected an object"),
        (named("{}"), "`eventMetadata.eventId` is missing"),
        (named("{\"eventId\":null}"), "`eventMetadata.eventId` is null"),
        (named("{\"eventId\":\"\",\"inferenceId\":null}"), "`eventMetadata.eventId` is empty"),
        (named("{\"inferenceId\":null}"), "`eventMetadata.inferenceId` is null"),
        (named("{\"inferenceId\":\"\"}"), "`eventMetadata.inferenceId` is empty"),
        (named("{\"eventId\":false}"), "a wrong type: x, line 1, `eventMetadata.eventId`: expected a string"),
    ];
    let time = |time: &str| ids(&format!("{time}\"eventId\":\"1\""));
    let at = |time: &str| document(&format!("{time}\"SageMakerInferenceId\":\"1\","));
    let times = [
        (time(""), "`eventMetadata.inferenceTime` is missing"),
        (time("\"inferenceTime\":null,"), "`eventMetadata.inferenceTime` is null"),
        (
            time("\"inferenceTime\":5,"),
            "a wrong type: x, line 1, `eventMetadata.inferenceTime`: expected a time",
        ),
        (
            time("\"inferenceTime\":\"noon\","),
            "a wrong type: x, line 1, `eventMetadata.inferenceTime`: expected a time",
        ),
        (at(""), "`SageMakerInferenceTime` is missing"),
        (at("\"SageMakerInferenceTime\":null,"), "`SageMakerInferenceTime` is null"),
        (
            at("\"SageMakerInferenceTime\":\"noon\","),
            "a wrong type: x, line 1, `SageMakerInferenceTime`: expected a time",
        ),
    ];
    let is_capture = |window| move |(text, expected)| (text, expected, true, window);
    let all = captures.into_iter().map(is_capture(false)).chain(times.into_iter().map(is_capture(true)));
    let all = all.chain(labels.into_iter().map(|(text, expected)| (text, expected, false, false)));
    for (text, expected, is_capture, window) in all {
        let tree = Tree::new();
        match is_capture {
            true => tree.captures("x", &text).labels("y", label("1", "1")),
            false => tree.captures("y", crate::tree::capture("1")).labels("x", &text),
        };
        let start = if window { "--start-time=2024-01-19T18:00:00Z" } else { "--threads=1" };
        let run = tree.run(&["--on-bad-record=fail", start]);
        assert!(run.code == Some(3) && run.message.contains(expected), "{text}: {}", run.message);
    }
}

#[test]
fn batch_transforms_merge_as_rows_documents_and_by_lists() {
    let tree = Tree::new();
    tree.captures("s/2024/01/19/19/rows.csv.out", "28, 2,\"a,b\",u1,2024-01-19T19:25:34Z\r\n43,x,u2,2024-01-19T19:25:34Z\r\nbroken,row\r\n")
        .captures(
            "s/2024/01/19/20/doc.json.out",
            "{\n \"SageMakerInferenceId\": \"u3\", \"SageMakerInferenceTime\": \"2024-01-19T20:00:00Z\",\n \"instances\": [{\"x\": 1.50}] }\n",
        )
        .captures("s/2024/01/19/21/list.json", format!("[{{\"prefix\": \"{}/\"}}, \"far.out\"]", tree.path("far").display()))
        .captures("s/2024/01/19/21/unreachable.json", r#"[{"prefix": "s3://bucket/"}, "x.out"]"#)
        .captures("README.txt", "hello\n")
        .file("far/far.out", r#"{"a":1,"SageMakerInferenceId":"u4"}"#)
        .labels("x.jsonl", lines(&["u1", "u2", "u3", "u4"].map(|id| label(id, id))));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let merged = tree.merged();
    assert_eq!(ids(&merged), ["u1", "u2", "u3", "u4"]);
    let output = |idx: usize| merged[idx]["captureData"]["batchTransformOutput"].clone();
    assert_eq!(output(0), json!({"data": "28, 2,\"a,b\"", "encoding": "CSV"}));
    assert_eq!(output(2), json!({"data": "{\"instances\":[{\"x\":1.50}]}", "encoding": "JSON"}));
    assert_eq!(output(3), json!({"data": "{\"a\":1}", "encoding": "JSON"}));
    assert_eq!(merged[1]["eventMetadata"], json!({"eventId": "u2"}));
    assert!(tree.merged_files().keys().nth(2).unwrap().starts_with("s/2024/01/19/21/part-"));
    let summary = tree.summary();
    assert_eq!((&summary["captures_bad"], &summary["files_unreadable"]), (&json!(2), &json!(1)), "{summary}");
    assert_eq!(summary["files_without_records"][0]["file"], "README.txt");
    assert!(run.log.contains("s3://bucket/x.out"), "{}", run.log);
    check_account(&summary);
}

#[test]
fn a_line_larger_than_any_buffer_is_one_record() {
    let tree = Tree::new();
    let huge = capture("huge").replace("1,2", &"12345678,".repeat(600_000));
    tree.captures("a.jsonl", lines(&[capture("1"), huge.clone(), capture("2")]));
    tree.captures("b.jsonl.gz", gzip(lines(&[capture("3"), huge.replace("huge", "gz")]).as_bytes()));
    tree.labels("x.jsonl", lines(&["huge", "2", "gz", "3"].map(|id| label(id, "1"))));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let merged = tree.merged();
    assert_eq!(ids(&merged), ["huge", "2", "3", "gz"]);
    assert_eq!(merged[0]["captureData"]["endpointInput"]["data"].as_str().unwrap().len(), 5_400_000);
}

#[test]
fn a_file_that_cannot_be_read_costs_that_file() {
    let tree = Tree::new();
    let good = |n: usize| lines(&[capture(&n.to_string())]);
    let mut cut = gzip(lines(&(10..400).map(|n| capture(&n.to_string())).collect::<Vec<_>>()).as_bytes());
    cut.truncate(cut.len() - 9);
    tree.captures("a.jsonl", good(0))
        .captures("padded.gz", [gzip(good(1).as_bytes()), vec![0; 700]].concat())
        .captures("cut.gz", cut)
        .captures(
            "list.json",
            format!(r#"[{{"prefix":"{}/"}},"gone.out",null,"there.out"]"#, tree.path("far").display()),
        )
        .file("far/there.out", good(2))
        .labels("x.jsonl", lines(&(0..400).map(|n| label(&n.to_string(), "1")).collect::<Vec<_>>()));
    std::os::unix::fs::symlink("nowhere", tree.path("processing/input_data/link.jsonl")).unwrap();
    std::os::unix::fs::symlink("nowhere", tree.path("processing/groundtruth/link.jsonl")).unwrap();
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let summary = tree.summary();
    assert_eq!(summary["files_unreadable"], 5, "{summary}");
    check_account(&summary);
    let merged = tree.merged();
    assert!(["0", "1", "2", "10", "300"].iter().all(|id| ids(&merged).contains(id)), "{}", run.message);
    for name in ["link.jsonl", "cut.gz", "gone.out"] {
        assert!(run.log.contains(name), "{name} is not named in {}", run.log);
    }
    assert!(run.log.contains("gone.out`, which list.json names, is not there"), "{}", run.log);
    assert!(
        run.log.contains("list.json: a list of files; element 3, no name of a file: `null`"),
        "{}",
        run.log
    );
    assert_eq!(tree.run(&["--on-bad-record=fail"]).code, Some(3));
    let nothing = Tree::new();
    nothing.labels("x.jsonl", label("1", "1")).captures("empty", "");
    std::os::unix::fs::symlink("nowhere", nothing.path("processing/input_data/link.jsonl")).unwrap();
    // The message on captures names a file of captures, whatever is missing among the labels.
    std::os::unix::fs::symlink("nowhere", nothing.path("processing/groundtruth/label.jsonl")).unwrap();
    let run = nothing.run(&[]);
    assert!(run.code == Some(2) && run.message.contains("link.jsonl"), "{}", run.message);
}

#[test]
fn files_of_another_kind_are_named_with_what_they_look_like_and_the_way_out() {
    let good = lines(&[label("1", "1")]);
    for (captures, labels, expected) in [
        (lines(&[capture("1")]), "id,label\n1,0\n".to_string(), ["x looks like CSV", "JSON Lines"]),
        (lines(&[capture("1")]), "PAR1\u{15}\nabc".to_string(), ["looks like Parquet", "convert"]),
        (
            lines(&[capture("1")]),
            "{'groundTruthData': {'data': '1'}}\n".to_string(),
            ["a Python dict", "json.dumps"],
        ),
        (
            lines(&[capture("1")]),
            "[[\"1\", 0], [\"2\", 1]]\n".to_string(),
            ["a JSON list without records", "convert the file"],
        ),
        (good.clone(), lines(&[capture("1")]), ["captured records", "swapped"]),
        ("0.5,1\n0.7,0\n".to_string(), good.clone(), ["looks like CSV", "GenerateInferenceId"]),
        (
            "{\"predictions\": [1]}\n".to_string(),
            good.clone(),
            ["JSON without inference ids", "GenerateInferenceId"],
        ),
    ] {
        let tree = Tree::new();
        tree.captures("x", captures).labels("x", labels);
        for run in [tree.run(&[]), tree.run(&["validate"])] {
            assert_eq!(run.code, Some(3), "{}", run.log);
            let told = [run.message, run.stdout].concat();
            assert!(expected.iter().all(|part| told.contains(part)), "{expected:?} are not in {told}");
        }
    }
}

#[test]
fn bare_words_are_read_in_payloads_and_malformed_around_them() {
    let tree = Tree::new();
    let document = |id: &str, words: &str| format!("{{\"SageMakerInferenceId\":\"{id}\",\"x\":[{words}]}}");
    let inside = capture("1").replace("1,2", "[NaN, -Infinity]");
    let pretty = document("3", "NaN,\n Infinity").replace(',', " ,\n ");
    let around = [
        capture("4").replace("\"CSV\"", "NaN"),
        capture("5").replace("\"0\"", "-Infinity"),
        "{\"SageMakerInferenceId\":NaN,\"x\":1}".to_string(),
        "{\"SageMakerInferenceId\":-Infinity,\"x\":1}".to_string(),
        document("6", "Nan"),
        document("6", "--Infinity"),
        document("6", "Infinit"),
    ];
    tree.captures("a.jsonl", lines(&[inside, document("2", "NaN, 1.50,-Infinity"), pretty]))
        .captures("b.jsonl", lines(&around))
        .captures("c.json", format!("[{}, {}]", document("7", "NaN"), around[0]))
        .labels("x.jsonl", lines(&(0..9).map(|n| label(&n.to_string(), "1")).collect::<Vec<_>>()))
        .labels("y.jsonl", label("0", "1").replace("\"1\"", "NaN"));
    let run = tree.run(&["--max-bad-fraction=1"]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    let merged = tree.merged();
    assert_eq!(ids(&merged), ["1", "2", "3", "7"]);
    let data = |n: usize| merged[n]["captureData"]["batchTransformOutput"]["data"].as_str().unwrap();
    assert_eq!([data(1), data(2)], ["{\"x\":[NaN,1.50,-Infinity]}", "{\"x\":[NaN,Infinity]}"]);
    let summary = tree.summary();
    assert_eq!((&summary["captures_bad"], &summary["labels_bad"]), (&json!(8), &json!(1)), "{summary}");
    assert!(run.log.contains("malformed JSON at byte"), "{}", run.log);
    check_account(&summary);
}

#[test]
fn too_many_bad_records_are_told_with_the_most_frequent_reason_of_their_side() {
    let good = lines(&[label("1", "1")]);
    let captures = lines(&[capture("1")]);
    let metadata = "\"eventMetadata\":{\"eventId\":\"1\"}";
    for (captures, labels, expected) in [
        (
            &captures,
            format!("{{\"groundTruthData\":{{\"data\":{{\"a\":1}}}},{metadata}}}"),
            ["groundTruthData.data", "one text or number"],
        ),
        (
            &captures,
            format!("{{\"groundTruthData\":{{\"data\":null}},{metadata}}}"),
            ["groundTruthData.data", "not known yet"],
        ),
        (
            &captures,
            format!("{{\"groundTruthData\":\"1\",{metadata}}}"),
            ["expected an object", "is an object"],
        ),
        (&captures, good.replace("eventId", "eventID"), ["`eventMetadata.eventId` is missing", "spelling"]),
        (
            &captures,
            "{\"groundTruthData\":{\"data\":\"1\"}}".into(),
            ["`eventMetadata` is missing", "eventId"],
        ),
        (
            &captures,
            format!("{{\"labels\":[{good}]}}").replace('\n', ""),
            ["`groundTruthData` is missing", "JSON Lines"],
        ),
        (&captures, serde_json::to_string(&good).unwrap(), ["JSON inside of JSON strings", "json.dumps"]),
        (
            &captures.replace("eventId", "eventID"),
            good.clone(),
            ["`eventMetadata.eventId` is missing", "as the endpoint wrote it"],
        ),
        (&"{\"captureData\":\"x\"}\n".to_string(), good.clone(), ["captureData", "is an object"]),
        (
            &"{\"captureData\":{}}\n".to_string(),
            good.clone(),
            ["`eventMetadata` is missing", "as the endpoint wrote it"],
        ),
    ] {
        let tree = Tree::new();
        tree.captures("x", captures).labels("y", labels);
        for run in [tree.run(&[]), tree.run(&["validate"])] {
            assert_eq!(run.code, Some(3), "{}", run.log);
            let told = [run.message, run.stdout].concat();
            assert!(expected.iter().all(|part| told.contains(part)), "{expected:?} are not in {told}");
        }
    }
}

#[test]
fn bad_captures_are_not_told_by_a_file_of_labels() {
    let tree = Tree::new();
    tree.captures("cap", "x\nx\n".to_string() + &lines(&[capture("1")])).labels("notes.csv", "a,b\n");
    tree.labels("x.jsonl", lines(&[label("1", "1"), label("2", "1")]));
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert!(run.message.contains("2 of 3 captures"), "{}", run.message);
    assert!(run.message.contains("cap") && !run.message.contains("notes.csv"), "{}", run.message);
    assert!(!run.message.contains("ground truth"), "{}", run.message);
    let summary = tree.summary();
    assert_eq!(summary["files_without_records"][0]["side"], "labels");
    let sides: Vec<_> =
        summary["bad_records"].as_array().unwrap().iter().map(|bad| bad["side"].as_str().unwrap()).collect();
    assert_eq!(sides, ["labels", "captures", "captures"]);
}

#[test]
fn five_bad_records_of_each_side_are_named() {
    let tree = Tree::new();
    tree.captures("a.jsonl", "x\n".repeat(7) + &lines(&[capture("1")]).repeat(9));
    tree.labels("x.jsonl", "x\n".repeat(6) + &lines(&[label("1", "1")]).repeat(9));
    assert_eq!(tree.run(&[]).code, Some(0));
    let summary = tree.summary();
    let of_side =
        |side| summary["bad_records"].as_array().unwrap().iter().filter(|bad| bad["side"] == side).count();
    assert_eq!((of_side("captures"), of_side("labels")), (5, 5), "{summary}");
}

#[test]
fn labels_that_cannot_be_read_are_not_told_as_absent() {
    let tree = Tree::new();
    tree.captures("a.jsonl", lines(&[capture("1")])).labels("2024/keep", "");
    std::os::unix::fs::symlink("nowhere", tree.path("processing/groundtruth/gone.jsonl")).unwrap();
    let run = tree.run(&[]);
    assert_eq!(run.code, Some(2), "{}", run.log);
    assert!(
        run.message.contains("gone.jsonl") && !run.message.contains("no ground truth"),
        "{}",
        run.message
    );
    // Bad captures are told also where any number of them is allowed.
    let tree = Tree::new();
    tree.captures("a.jsonl", "x\ny\n").labels("x.jsonl", label("1", "1"));
    let run = tree.run(&["--max-bad-fraction=1"]);
    assert_eq!(run.code, Some(2), "{}", run.log);
    assert!(run.message.contains("2 bad captures") && run.message.contains("a.jsonl"), "{}", run.message);
}
