use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::values::alike::{Alike, Sample};

/// Lines that are cut, each with its text and whether nothing is odd in it, in pieces of so many bytes.
fn cut<T>(text: &str, piece: usize, mut line: impl FnMut(&str, Option<&Cut<'_>>) -> T) -> Vec<T> {
    let mut all = Vec::new();
    assert!(in_pieces(text, piece, |text, cut| {
        all.push(line(text, cut));
        true
    }));
    all
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop_oneof![
            Just("0"), Just("-0"), Just("7"), Just("12"), Just("-3.50"), Just("0.125"), Just("123456789012"), Just("10.00000000001"),
        ].prop_map(String::from),
        3 => "[ab,:{}\\[\\]é0-9.-]{0,9}".prop_map(|text| format!("\"{text}\"")),
        1 => prop_oneof![
            Just("null"), Just("true"), Just("NaN"), Just("-Infinity"), Just("[]"), Just("{}"), Just("1e5"), Just("\"a\\n\""),
        ].prop_map(String::from),
    ]
}

/// A record with values in a list and beside it, as one of several programs writes it.
fn line() -> impl Strategy<Value = String> {
    (proptest::collection::vec(value(), 1..12), value(), value(), 0..3_usize, any::<bool>()).prop_map(
        |(features, label, more, blanks, is_first)| {
            let (comma, colon) = [(",", ":"), (", ", ": "), (" ,", " : ")][blanks];
            let list = format!("\"features\"{colon}[{}]", features.join(comma));
            let label = format!("\"y\"{colon}{label}");
            let parts = if is_first { [list, label] } else { [label, list] };
            format!("{{{}{comma}\"more\"{colon}{{\"a\"{colon}{more}}}}}", parts.join(comma))
        },
    )
}

/// Something else at a place of a line.
fn changed(line: &str, (at, length, put): &(Index, usize, String)) -> String {
    let on_letter =
        |at: usize| (0..=at.min(line.len())).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
    let at = on_letter(at.index(line.len() + 1));
    let end = on_letter(at + length).max(at);
    format!("{}{put}{}", &line[..at], &line[end..])
}

fn change() -> impl Strategy<Value = (Index, usize, String)> {
    (any::<Index>(), 0..3_usize, "[-0-9.,:\"\\[\\]{}a \\\\e+\r\té]{0,3}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    /// What a pattern fits is like the line that it is of, and has the same values.
    #[test]
    fn lines_that_fit_a_pattern_are_alike(
        sample in line(),
        lines in proptest::collection::vec(proptest::collection::vec(change(), 0..3), 1..12),
        piece in 1_usize..4,
        end in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let values = Sample::of(&sample, |_| false).values().to_vec();
        let mut alike = Alike::default();
        alike.learn(Sample::of(&sample, |_| false), ());
        let of_sample = format!("{sample}{}", end.trim_end_matches('\n'));
        let Some(pattern) = Pattern::of(&of_sample, &values) else { return Ok(()) };
        let text: String = lines
            .iter()
            .map(|changes| changes.iter().fold(sample.clone(), |line, change| changed(&line, change)) + end)
            .collect();
        let all = cut(&text, 64 * piece, |line, cut| {
            let fits = cut.is_some_and(|cut| pattern.fits(cut));
            let cut_values = cut.filter(|_| fits).map(|cut| {
                (0..values.len()).map(|number| cut.value(pattern.place(number).unwrap()).to_string()).collect()
            });
            (line.to_string(), cut_values)
        });
        prop_assert_eq!(all.iter().map(|(line, _)| format!("{line}\n")).collect::<String>(), text);
        for (line, cut_values) in all {
            let line = line.trim_ascii_end();
            let found: Option<Vec<String>> = alike.find(line).map(|(_, moved)| {
                moved.values().iter().map(|value| line[value.clone()].to_string()).collect()
            });
            if cut_values.is_some() {
                prop_assert_eq!(cut_values, found, "{:?}", line);
            }
        }
    }

    /// Lines of plain values are told by their commas, wherever they stand in the text.
    #[test]
    fn lines_of_the_same_program_fit_its_pattern(
        rows in proptest::collection::vec((any::<i32>(), 0..10_000_u32, "[a-z,é]{0,70}", any::<bool>()), 2..40),
        piece in 1_usize..4,
        end in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let text: String = rows
            .iter()
            .map(|(a, b, c, d)| format!("{{\"f\": [{a}, {a}.{b:04}, null, \"{c}\"], \"y\": {}}}{end}", u8::from(*d)))
            .collect();
        let first = text.lines().next().unwrap();
        let values = Sample::of(first, |_| false).values().to_vec();
        let pattern = Pattern::of(text.split('\n').next().unwrap(), &values).unwrap();
        let found = cut(&text, 64 * piece, |_, cut| {
            // Where a carriage return ends a block of 64 bytes, the line is left to others.
            cut.map_or(end == "\r\n", |cut| pattern.fits(cut))
        });
        prop_assert!(found.into_iter().all(|fits| fits), "{}", text);
    }
}

#[test]
fn what_is_no_number_and_no_string_fits_no_pattern() {
    let sample = r#"{"f":[1,"x",2.5],"y":1}"#;
    let values = Sample::of(sample, |_| false).values().to_vec();
    let pattern = Pattern::of(sample, &values).unwrap();
    // The same wherever it stands.
    let fits = |line: &str, expected: bool| {
        (0..70).all(|before| {
            let text = format!("{}\n{line}\n{sample}\n", "7".repeat(before));
            cut(&text, 64, |_, cut| cut.is_some_and(|cut| pattern.fits(cut)))[1] == expected
        })
    };
    for (value, is_one) in [
        ("1", true),
        ("-1", true),
        ("0", true),
        ("-0", true),
        ("0.0", true),
        ("10", true),
        ("1.05", true),
        ("\"\"", true),
        ("\"a,b\"", true),
        ("\"-.0\"", true),
        ("", false),
        ("01", false),
        ("-01", false),
        ("00", false),
        ("1.", false),
        (".5", false),
        ("-.5", false),
        ("-", false),
        ("1-", false),
        ("1-2", false),
        ("--1", false),
        ("1.2.3", false),
        ("1..2", false),
        ("1.-2", false),
        ("1e5", false),
        ("+1", false),
        ("1 2", false),
        ("1\"a\"", false),
        ("\"a\"1", false),
        ("\"a\"\"b\"", false),
        ("\"a\\\"b\"", false),
        ("\"a\tb\"", false),
        ("\"a\rb\"", false),
        ("\"a", false),
        ("null", false),
        ("[1]", false),
        ("1,2", false),
        (" 1", false),
        ("-\"a\"", false),
        (".", false),
        ("1:", false),
        ("\u{e9}", false),
    ] {
        for line in [
            format!("{{\"f\":[{value},\"x\",2.5],\"y\":1}}"),
            format!("{{\"f\":[1,{value},2.5],\"y\":1}}"),
            format!("{{\"f\":[1,\"x\",{value}],\"y\":1}}"),
            format!("{{\"f\":[1,\"x\",2.5],\"y\":{value}}}"),
        ] {
            assert!(fits(&line, is_one), "{line}");
        }
    }
    for line in [
        r#"{"f":[1,"x",2.5],"z":1}"#,
        r#"{"f":[1,"x",2.5] ,"y":1}"#,
        r#"{"f":[1,"x",2.5],"y":1},"#,
        r#"{"f":[1,"x",2.5],"y":1}}"#,
        r#"{"f":[1,"x",2.5,3],"y":1}"#,
        r#"{"f":[1,"x"],"y":1}"#,
        r#"{"f":[1,"x",[2.5,"y":1}"#,
        "",
        "   ",
    ] {
        assert!(fits(line, false), "{line}");
    }
}

/// Lines of any length, and a quote that is missing.
#[test]
fn long_lines_and_open_strings_are_left_to_others() {
    for length in [0, 10, PIECE - 1, PIECE, PIECE + 1, LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST] {
        for put in ["x", "\"", "\n"] {
            let text = format!("1,2\n{}{put}\n3,4\n5", "y".repeat(length));
            for last_end in ["", "\n"] {
                let text = format!("{text}{last_end}");
                let all = cut(&text, PIECE, |line, cut| (line.to_string(), cut.map(|cut| cut.ends.len())));
                assert!(all.iter().map(|(line, _)| line.as_str()).eq(text.lines()), "{length} {put:?}");
                let is_short = text.len() < PIECE && put != "\"";
                assert!(!is_short || all.iter().all(|(_, cut)| cut.is_some()), "{length} {put:?}");
            }
        }
    }
}
