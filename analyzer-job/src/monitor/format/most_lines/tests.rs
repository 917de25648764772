use plumbline_common::input;

use super::*;

/// What files with these names and texts are, in this order.
fn guessed(files: &[(&str, &str)]) -> Format {
    let folder = tempfile::tempdir().unwrap();
    let mut listed: Vec<InputFile> = Vec::new();
    for (at, (name, text)) in files.iter().enumerate() {
        let own = folder.path().join(at.to_string());
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join(name), text).unwrap();
        listed.extend(input::list(&own).unwrap().files);
    }
    of(&listed).unwrap()
}

fn capture(number: usize) -> String {
    format!(
        r#"{{"captureData":{{"endpointInput":{{"data":"{number},2","encoding":"CSV"}}}},"eventMetadata":{{"eventId":"{number}"}}}}"#
    )
}

fn merged(number: usize) -> String {
    capture(number).replace(
        "\"eventMetadata\"",
        "\"groundTruthData\":{\"data\":\"1\",\"encoding\":\"CSV\"},\"eventMetadata\"",
    )
}

/// Four good lines of each kind that goes by lines.
fn kinds() -> Vec<(Format, Vec<String>)> {
    let of = |line: &dyn Fn(usize) -> String| (0..4).map(line).collect::<Vec<_>>();
    vec![
        (Format::Capture(Captured::default()), of(&capture)),
        (Format::Merged(Captured::default()), of(&merged)),
        (Format::JsonLines, of(&|n| format!("{{\"a\": {n}, \"b\": [1, {{\"c\": NaN}}]}}"))),
        (Format::Csv { header: false }, of(&|n| format!("{n},2.5,x"))),
        (Format::Csv { header: false }, of(&|n| format!(",{n},\"say \"\"{{hi}}\"\", \""))),
        (Format::Json, of(&|n| format!("[{n}, 2]"))),
    ]
}

const ODD: &[&str] = &[
    "{}",
    "{\"bad\": 1}",
    "{\"eventVersion\":\"0\"}",
    "5",
    "null",
    "\"x\"",
    "\"x\": 1}}",
    "hello world",
    "{\"captureData\": {\"x",
    "{\"captureData\": {\"endpointInput\": {\"data\": ",
    "{\"captureData\": {}}",
    "{\"a\": ",
    "{\"a",
    "{",
    "[",
    "[1, 2",
    "[{\"a\": 1}",
    "]",
    "}",
    ",",
    "{\"a\": 1}, 5",
    "\u{fffd}",
];

fn without_header(format: Format) -> Format {
    match format {
        Format::Csv { .. } => Format::Csv { header: false },
        other => other,
    }
}

#[test]
fn no_odd_line_decides_wherever_it_stands() {
    for (format, lines) in kinds() {
        let text = lines.join("\n");
        assert_eq!(without_header(guessed(&[("data", &text)])), format, "{text}");
        for odd in ODD {
            for at in 0..=lines.len() {
                let mut lines = lines.clone();
                lines.insert(at, odd.to_string());
                for text in [
                    lines.join("\n"),
                    lines.join("\r\n") + "\r\n",
                    format!("\u{feff}\n\n{}", lines.join("\n \n")),
                ] {
                    assert_eq!(without_header(guessed(&[("data", &text)])), format, "{text}");
                }
            }
        }
    }
}

#[test]
fn no_odd_file_decides_wherever_it_stands() {
    for (format, lines) in kinds() {
        let text = lines.join("\n");
        for odd in ODD.iter().chain(&["", "\n\n"]) {
            for files in [
                [("0", *odd), ("1", &text), ("2", *odd)],
                [("0", *odd), ("1", *odd), ("2", &text)],
                [("0", &text), ("1", *odd), ("2", *odd)],
            ] {
                assert_eq!(without_header(guessed(&files)), format, "{files:?}");
            }
        }
    }
    // A long odd file has no more to say than others.
    let [capture, odd] = [capture(1) + "\n", "hello, world\n".into()].map(|line| line.repeat(5 * OF_FILE));
    for files in
        [[("0", &odd), ("1", &capture), ("2", &capture)], [("0", &capture), ("1", &odd), ("2", &capture)]]
    {
        let files = files.map(|(name, text)| (name, text.as_str()));
        assert_eq!(guessed(&files), Format::Capture(Captured::default()));
    }
}

/// Captures go first where there are as many of each; labels that most of them have make them merged ones.
#[test]
fn one_capture_beside_one_other_line_is_enough() {
    let (one, two) = (capture(1), merged(2));
    for odd in ODD {
        for lines in [[&one, *odd], [*odd, &one]] {
            assert_eq!(guessed(&[("data", &lines.join("\n"))]), Format::Capture(Captured::default()));
        }
    }
    for (lines, format) in [
        (vec![&one, &one, &two], Format::Capture(Captured::default())),
        (vec![&one, &two], Format::Merged(Captured::default())),
    ] {
        let lines: Vec<&str> = lines.into_iter().map(String::as_str).collect();
        assert_eq!(guessed(&[("data", &lines.join("\n"))]), format);
    }
    // The key inside of something else says nothing.
    let inside = format!("{{\"a\": {one}}}\n").repeat(3);
    assert_eq!(guessed(&[("data", &inside)]), Format::JsonLines);
}

/// However many lines a value has, also where it is longer than what is looked at.
#[test]
fn documents_are_known_by_their_values() {
    let row = "{\n \"a\": 1,\n \"b\": {\"c\": \"x\"}\n}";
    let captured = capture(1).replace(",\"", ",\n \"").replace(":{", ":{\n ");
    let captures = Format::Capture(Captured::default());
    for n in [1, 3, 200] {
        for (value, format) in [(row, &Format::Json), (captured.as_str(), &captures)] {
            let values = vec![value; n];
            for text in [
                values.join("\n"),
                format!("[{}]", values.join(",\n")),
                format!("[\n{}\n]\n", values.join(",\n")),
                format!("[\n{}\n]\n", values.join("\n,")),
            ] {
                for name in ["data", "data.json"] {
                    assert_eq!(guessed(&[(name, &text)]), *format, "{text}");
                }
            }
        }
        let whole = format!("{{\"rows\": [\n{}\n]}}", vec![row; n].join(",\n"));
        assert_eq!(guessed(&[("data", &whole)]), Format::Json);
        // A damaged place of it is one of many.
        let damaged = whole.replacen("\"a\": 1", "\"a\": x", 1);
        assert_eq!(guessed(&[("data.json", &damaged)]), Format::Json);
        if n > 1 {
            assert_eq!(guessed(&[("data", &damaged)]), Format::Json, "{damaged}");
        }
    }
    let one_line = format!("[{}]", [capture(1), capture(2)].join(", "));
    assert_eq!(guessed(&[("data.json", &one_line)]), captures);
    assert_eq!(guessed(&[("data.json", "[1, 2]")]), Format::Json);
    // A record longer than what is looked at.
    let long = capture(1).replace("1,2", &"1,2,".repeat(MOST_BYTES as usize / 4));
    assert_eq!(guessed(&[("data.jsonl", &long)]), captures);
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(MOST_BYTES as usize));
    assert_eq!(guessed(&[("data.jsonl", &long)]), Format::Json);
}

#[test]
fn a_name_tells_what_text_does_not() {
    assert_eq!(guessed(&[("x.CSV", "{\"a\": 1}\n{\"a\": 2}\n")]), Format::Csv { header: true });
    assert_eq!(guessed(&[("x.csv.gz", " \n")]), Format::Csv { header: true });
    assert_eq!(guessed(&[("x.parquet", "x")]), Format::Parquet);
    assert_eq!(guessed(&[("x", "PAR1xxxx")]), Format::Parquet);
    assert_eq!(guessed(&[("x", "hello"), ("y", "PAR1xxxx")]), Format::Parquet);
    assert_eq!(guessed(&[(super::super::PROFILE_NAME, " \n")]), Format::Profile);
    assert_eq!(guessed(&[("x.json", "5\n6\n")]), Format::Json);
    assert_eq!(guessed(&[("x", "a,b\n1,2\n")]), Format::Csv { header: true });
    assert_eq!(guessed(&[("x", "{\"captureData\n{\"capture\n")]), Format::Json);
    assert!(of(&[]).is_none());
}

#[test]
fn the_only_object_of_a_json_file_may_be_a_list_of_rows() {
    let guessed = |name: &str, text: &str| guessed(&[(name, text)]);
    let rows = r#"{"rows":[{"a":1},{"a":2}]}"#;
    assert_eq!(guessed("x.json", rows), Format::Json);
    assert_eq!(guessed("x.json", &format!("\n{rows}\n\n")), Format::Json);
    assert_eq!(guessed("x.jsonl", rows), Format::JsonLines);
    assert_eq!(guessed("x.json", &format!("{rows}\n{rows}\n")), Format::JsonLines);
    for other in [r#"{"rows":[1,2]}"#, r#"{"rows":[]}"#, r#"{"rows":[{"a":1}],"n":1}"#, r#"{"a":1}"#] {
        assert_eq!(guessed("x.json", other), Format::JsonLines, "{other}");
    }
}
