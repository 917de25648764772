//! Records that are read as the others show it.

use super::*;

/// A line of several values for several rows is in doubt where as many records have several values for a row.
#[test]
fn one_line_for_several_rows_is_read_as_the_other_records_are() {
    let rows = |lines: &[String]| {
        let reading =
            fixture::read(&[("a.jsonl", lines.join("\n").as_bytes())], &monitor(), &keep_rows()).unwrap();
        let bad = reading.row_counts.records_skipped.iter().flat_map(|skipped| skipped.examples.clone());
        (reading.row_counts.rows, bad.collect::<Vec<_>>().join("; "))
    };
    let plain: Vec<String> = (0..9).map(|n| in_csv(&format!("{n},1\n3,0"), "0.2\n0.7", "1\n0")).collect();
    // Labels: several for one row are bad in any case.
    let line = || in_csv("1,1\n2,0", "0.1\n0.9", "1,0");
    let wide = || in_csv("1,1", "0.1", "1,0");
    // Scores: those of two classes for one row give no label, or stand in a list.
    let scores = || in_csv("1,1\n2,0", "0.1,0.9", "1\n0");
    let two = || in_csv("1,1", "0.1,0.9", "1");
    let listed = || in_csv("1,1\n2,0", "[0.1,0.9]\n[0.2,0.8]", "1\n0");
    for (line, others) in [(&line as &dyn Fn() -> String, vec![wide()]), (&scores, vec![two(), listed()])] {
        assert_eq!(rows(&[&plain[..], &[line()]].concat()), (20, String::new()));
        for wide in others {
            for order in 0..3 {
                let mut doubt = vec![line(), wide.clone()];
                doubt.rotate_left(order % 2);
                doubt.extend(plain.clone());
                doubt.rotate_left(order / 2);
                let (rows, told) = rows(&doubt);
                assert_eq!((rows, told.matches("a.jsonl, line").count()), (18, 2), "{told}");
            }
            // Most are lines for several rows.
            let most = [&plain[..], &[line(), wide, line()]].concat();
            assert_eq!(rows(&most).0, 22);
        }
    }
    // A line in JSON, or of one value, says nothing.
    let single = in_csv("1,1", "0.1", "1");
    assert_eq!(rows(&[line(), single.clone(), scores(), single]).0, 6);
}

/// What captured records in two files come to, in either order, and as parts unless these have objects of different orders: the
/// rows and the records left out. Each reading knows the digests of both files.
fn ends(records: &[String], cut: usize, analysis: &Analysis) -> Vec<String> {
    let (one, two) = records.split_at(cut);
    let end = |reading: Result<Reading>| match reading {
        Ok(reading) => {
            let left_out: u64 =
                reading.row_counts.records_skipped.iter().map(|skipped| skipped.records).sum();
            let known = reading.inputs.iter().map(|input| (input.name.as_str(), input.sha256.len()));
            assert_eq!(known.collect::<Vec<_>>(), [("a.jsonl", 64), ("b.jsonl", 64)]);
            format!("{} {left_out}", reading.row_counts.rows)
        }
        Err(problem) => problem.to_string().chars().take(6).collect(),
    };
    let files = |one: &[String], two: &[String]| {
        [("a.jsonl".to_string(), one.join("\n")), ("b.jsonl".to_string(), two.join("\n"))]
    };
    let run = |files: [(String, String); 2]| {
        let files = files.each_ref().map(|(name, text)| (name.as_str(), text.as_bytes()));
        end(fixture::read(&files, analysis, &keep_rows()))
    };
    let parts = |files: [(String, String); 2]| end(fixture::combined(&files, analysis, &keep_rows()));
    let mut ends = vec![run(files(one, two)), run(files(two, one))];
    let parts = [parts(files(one, two)), parts(files(two, one))];
    if order(&one[0]) == order(&two[0]) {
        ends.extend(parts);
    } else {
        // The first object of each part tells the order of its columns.
        assert_eq!(parts, ["PL0909"; 2]);
    }
    ends
}

/// Whether keys of the answer stand in alphabetical order, for labels and for scores.
fn order(record: &str) -> [bool; 2] {
    [[r#"\"i\":"#, r#"\"j\":"#], [r#"\"a\":"#, r#"\"b\":"#]]
        .map(|[one, two]| record.find(one) <= record.find(two))
}

/// A merged record of one row whose answer is JSON.
fn answered(answer: &str) -> String {
    let parts = [("1,0", "text/csv"), (answer, "application/json"), ("1", "text/csv")];
    let [input, output, truth] = parts.map(|(data, kind)| part(data.into(), kind, false));
    json!({"captureData": {"endpointInput": input, "endpointOutput": output}, "groundTruthData": truth})
        .to_string()
}

/// Records that others contradict end alike in one run, in swapped files and as parts, wherever they are divided.
#[test]
fn records_in_doubt_end_alike_in_every_division() {
    let csv: Vec<String> = (0..4).map(|n| in_csv(&format!("{n},1"), "0.2,0.8", "1")).collect();
    let damaged = in_csv("7,1\n3,0", "0.1,0.9", "1\n0");
    let one_line = in_csv("7,1\n3,0", "0.1\n0.9", "1,0");
    let wide = in_csv("7,1", "0.1", "1,0");
    let mut by_label = monitor();
    by_label.predictor = Some(Predictor { label: Some(Location::Index(0)), ..Predictor::default() });
    let mut objects = monitor();
    objects.predictor =
        Some(Predictor { label: Some(name("l")), probability: Some(name("s.*")), ..Predictor::default() });
    let plain = answered(r#"{"l":["0","1"],"s":{"a":0.9,"b":0.1}}"#);
    let by_key = answered(r#"{"l":["b","a"],"s":{"a":0.9,"b":0.1}}"#);
    let moved = answered(r#"{"l":["a","b"],"s":{"b":0.1,"a":0.9}}"#);
    let cases: [(&Analysis, Vec<String>, Vec<String>, &str); 6] = [
        // The damaged line of two rows is one of the lines with several values for a row.
        (&by_label, csv.clone(), vec![damaged.clone()], "4 1"),
        // Most lines are over rows, so the one with two values for a row is in doubt.
        (&by_label, csv[..1].to_vec(), vec![damaged.clone(); 2], "4 1"),
        // As many of each kind: nothing is left.
        (&by_label, csv[..1].to_vec(), vec![damaged], "PL0308"),
        (&monitor(), vec![in_csv("1,1", "0.2", "1"); 2], vec![one_line, wide], "2 2"),
        (&objects, vec![by_key.clone(); 4], vec![plain.clone(), moved.clone()], "5 1"),
        (&objects, vec![by_key; 2], vec![plain], "3 0"),
    ];
    for (analysis, others, odd, expected) in cases {
        for at in 0..=others.len() {
            let mut records = others.clone();
            for (nth, odd) in odd.iter().enumerate() {
                records.insert((at + nth * 2).min(records.len()), odd.clone());
            }
            for cut in 1..records.len() {
                for end in ends(&records, cut, analysis) {
                    assert_eq!(end, expected, "{at} {cut}: {odd:?}");
                }
            }
        }
    }
}

/// Labels and scores that are both objects stay together as long as both move their keys in the same way: where only one of both
/// moves, all records in which they go by their order are in doubt, also if each of both moves in another record.
#[test]
fn labels_and_scores_that_are_objects_move_together_or_are_in_doubt() {
    let mut analysis = monitor();
    analysis.predictor =
        Some(Predictor { label: Some(name("l.*")), probability: Some(name("s.*")), ..Predictor::default() });
    let record = |labels: &str, scores: &str| {
        let answer = format!("{{\"l\":{{{labels}}},\"s\":{scores}}}");
        let parts = [("1,0", "text/csv"), (answer.as_str(), "application/json"), ("1", "text/csv")];
        let [input, output, truth] = parts.map(|(data, kind)| part(data.into(), kind, false));
        json!({"captureData": {"endpointInput": input, "endpointOutput": output}, "groundTruthData": truth})
            .to_string()
    };
    let labels = [r#""i":"0","j":"1""#, r#""j":"1","i":"0""#];
    let scores = [r#"{"a":0.9,"b":0.1}"#, r#"{"b":0.1,"a":0.9}"#];
    let list = "[0.9,0.1]";
    let plain = record(labels[0], scores[0]);
    let both = record(labels[1], scores[1]);
    let [label, score] = [record(labels[1], scores[0]), record(labels[0], scores[1])];
    for (odd, expected) in [
        (vec![&both], "6 0".to_string()),
        (vec![&both, &both], "7 0".into()),
        (vec![&label], "PL0308".into()),
        (vec![&score], "PL0308".into()),
        (vec![&label, &score], "PL0308".into()),
        (vec![&score, &both, &label], "PL0308".into()),
    ] {
        for at in 0..=5 {
            let mut records = vec![plain.clone(); 5];
            for (nth, odd) in odd.iter().enumerate() {
                records.insert((at + nth).min(records.len()), (*odd).clone());
            }
            for cut in 1..records.len() {
                for end in ends(&records, cut, &analysis) {
                    assert_eq!(end, expected, "{at} {cut}: {odd:?}");
                }
            }
        }
    }
    // Beside a list of scores, whose order is that of the text.
    analysis.predictor =
        Some(Predictor { label: Some(name("l.*")), probability: Some(name("s")), ..Predictor::default() });
    let in_list = |labels: &str| record(labels, list);
    let still = vec![in_list(labels[0]); 4];
    assert_eq!(ends(&still, 2, &analysis), vec!["4 0"; 4]);
    for at in 0..=4 {
        let mut records = still.clone();
        records.insert(at, in_list(labels[1]));
        let ends = ends(&records, 2, &analysis);
        assert!(ends.iter().all(|end| end == "PL0308"), "{at}: {ends:?}");
    }
}

/// Labels in a list beside an object of scores go by their order, unless some object has its keys in another one: then they are in
/// doubt in all records, wherever that one stands. Labels that are the keys, and scores in a list, are in doubt in none.
#[test]
fn labels_beside_scores_are_in_doubt_wherever_keys_change_their_order() {
    let mut analysis = monitor();
    analysis.predictor =
        Some(Predictor { label: Some(name("l")), probability: Some(name("s.*")), ..Predictor::default() });
    let plain = answered(r#"{"l":["0","1"],"s":{"a":0.9,"b":0.1}}"#);
    let by_key = answered(r#"{"l":["b","a"],"s":{"a":0.9,"b":0.1}}"#);
    let moved = [
        answered(r#"{"l":["0","1"],"s":{"b":0.1,"a":0.9}}"#),
        answered(r#"{"l":["a","b"],"s":{"b":0.1,"a":0.9}}"#),
    ];
    let rows = |records: &[&String]| {
        let text = records.iter().map(|record| format!("{record}\n")).collect::<String>();
        let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &analysis, &keep_rows()).unwrap();
        let left_out: u64 = reading.row_counts.records_skipped.iter().map(|skipped| skipped.records).sum();
        (reading.row_counts.rows, left_out)
    };
    assert_eq!(rows(&[&plain; 5]), (5, 0));
    for moved in &moved {
        assert_eq!(rows(&[&by_key, moved, &by_key]).0 + u64::from(moved.contains("\\\"0")), 3);
        for at in 0..=9 {
            // Most records can be used, so that the job goes on.
            let mut records = [vec![&by_key; 6], vec![&plain; 3]].concat();
            records.insert(at, moved);
            let in_doubt = 3 + u64::from(moved.contains("\\\"0"));
            assert_eq!(rows(&records), (10 - in_doubt, in_doubt), "{moved} at {at}");
        }
    }
}
