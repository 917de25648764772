//! The merge's reader: lines against its slow twin on `serde_json`, and whole files with damage, cut into pieces.

#[path = "support/merge_pieces.rs"]
mod merge_pieces;
#[path = "support/merge_twin.rs"]
mod merge_twin;

use merge_job::json::Span;
use merge_job::reader::{self, Piece, State, Workspace};
use merge_job::record::{Bad, Captures, GroundTruth};
use merge_pieces::in_pieces;
use merge_twin::{Readers, compare};
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
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn scanner_and_plain_parser_agree_on_records(line in line()) {
        let mut readers = Readers::default();
        compare(line.as_bytes(), &mut readers);
        compare(line.as_bytes(), &mut readers);
    }

    #[test]
    fn scanner_and_plain_parser_agree_on_damaged_records(
        line in line(),
        damages in prop::collection::vec(
            (0u8..5, any::<Index>(), prop_oneof![select(b"\"\\{}[],: 0eEu\x00\x1f\xff\xc3".to_vec()), any::<u8>()]),
            1..4
        ),
    ) {
        let mut readers = Readers::default();
        compare(line.as_bytes(), &mut readers);
        let mut line = line.into_bytes();
        for (kind, at, byte) in damages {
            damage(&mut line, kind, at, byte);
        }
        compare(&line, &mut readers);
    }

    #[test]
    fn scanner_and_plain_parser_agree_on_lines_like_earlier_ones(
        line in record(),
        alterations in prop::collection::vec(
            (prop::collection::vec((any::<Index>(), text()), 0..3), prop::option::weighted(0.1, any::<(u8, Index, u8)>())),
            1..12
        ),
    ) {
        let mut readers = Readers::default();
        for (others, damaged) in alterations {
            let mut line = alter(&line, &others).into_bytes();
            if let Some((kind, at, byte)) = damaged {
                damage(&mut line, kind % 5, at, byte);
            }
            compare(&line, &mut readers);
        }
    }
}

#[test]
fn deep_nesting_is_no_problem() {
    let depth = 200_000;
    let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let line = format!(r#"{{"captureData":{{"x":{nested}}},"eventMetadata":{{"eventId":"a"}}}}"#);
    let text = line.as_bytes();
    let span = Span { start: 0, end: text.len() };
    let piece = Piece { span, state: State::default(), ended: true, longest: 1 << 24, width: None };
    let mut found = Vec::new();
    reader::read(Captures, text, piece, &mut Workspace::default(), &mut Vec::new(), &mut found);
    assert!(found.len() == 1 && found[0].what.is_ok());
}

fn good(n: usize) -> String {
    match n % 6 {
        4 => format!("0.5,1,e{n},2024-01-19T19:27:57Z"),
        5 => format!("\"a, \"\"b\"\"\",{{x,e{n},2024-01-19T19:27:57Z"),
        0 => format!(r#"{{"captureData":{{"x":"a\"b {{"}},"eventMetadata":{{"eventId":"e{n}"}}}}"#),
        1 => format!(
            r#"{{"eventVersion":"0","captureData":{{}},"eventMetadata":{{"eventId":"e{n}"}},"groundTruthData":{{"data":"1"}}}}"#
        ),
        2 => {
            format!(r#"{{"captureData":{{"y":[[1],{{"z":"é"}}]}}, "eventMetadata": {{"eventId":"e{n}"}} }}"#)
        }
        _ => format!(
            r#"{{"SageMakerInferenceId":"e{n}","captureData":{{}},"eventMetadata":{{"eventId":"e{n}"}}}}"#
        ),
    }
}

/// The line at these bytes lies in a quoted cell that begins before it, whose line ends belong to its row.
fn is_in_a_quoted_cell(text: &str, line: std::ops::Range<usize>) -> bool {
    let bytes = text.as_bytes();
    let opens = |at: &usize| bytes[*at] == b'"' && (*at == 0 || b",\n \t\r\xbf".contains(&bytes[at - 1]));
    (0..line.start).filter(opens).any(|from| {
        let mut at = from + 1;
        while let Some(length) = text[at..].find('"') {
            at += length + 1;
            if bytes.get(at) != Some(&b'"') {
                let behind = text[at..].trim_start_matches([' ', '\t']);
                return at > line.start && (behind.is_empty() || behind.starts_with([',', '\n', '\r']));
            }
            at += 1;
        }
        false
    })
}

/// A part of a file: a good record, one that is cut, or what no record begins with.
#[derive(Debug, Clone)]
enum Part {
    Good,
    Cut(Index, Index),
    Noise(&'static str),
    LineEnd,
}

fn part() -> impl Strategy<Value = Part> {
    let noise = vec![
        "x",
        "\"",
        "{",
        "}",
        "[",
        "]",
        ",",
        "[[",
        "{\"a\":[",
        "{\"captureData\":{",
        "\"a\nb\",c",
        "{'a': 1}",
        "\\",
        "\u{feff}",
        "  ",
        "null",
        "5",
        "a,b,2024-01-19T19:27:57Z",
        "\"q\"\"\",u,2024-01-19T19:27:57Z",
        "{\n \"a\":\n",
        "\r",
        "{\"a\":\"\\",
    ];
    prop_oneof![
        4 => Just(Part::Good),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Part::Cut(a, b)),
        3 => select(noise).prop_map(Part::Noise),
        4 => Just(Part::LineEnd),
    ]
}

/// The text of the parts, and the lines that are a good record and nothing else, with its number.
fn file_of(parts: &[Part]) -> (String, Vec<(u64, usize)>) {
    let mut text = String::new();
    for (n, part) in parts.iter().enumerate() {
        match part {
            Part::Good => text += &good(n),
            Part::Noise(noise) => text += noise,
            Part::LineEnd => text.push('\n'),
            Part::Cut(a, b) => {
                let whole = good(n);
                let (a, b) = (whole.floor_char_boundary(a.index(whole.len())), b.index(whole.len()));
                text += &whole[a.min(whole.floor_char_boundary(b))..a.max(whole.floor_char_boundary(b))];
            }
        }
    }
    let whole: Vec<String> = (0..parts.len()).map(good).collect();
    let mut start = 0;
    let mut good = Vec::new();
    let mut is_in_doubt = false;
    for (line, of_line) in text.split('\n').enumerate() {
        let span = start..start + of_line.len();
        start = span.end + 1;
        if let Some(n) = whole.iter().position(|good| good == of_line)
            && (of_line.starts_with('{') || !is_in_doubt && !is_in_a_quoted_cell(&text, span))
        {
            good.push((line as u64 + 1, n));
        } else if !whole.iter().any(|good| good == of_line) {
            // Behind damage with quotes, or with so many cells that others are no whole rows, a row may be half a one.
            is_in_doubt |= of_line.contains('"') || of_line.matches(',').count() > 3;
        }
    }
    (text, good)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn every_good_record_that_is_a_line_is_found_and_no_line_of_it_is_called_bad(
        parts in prop::collection::vec(part(), 0..24),
    ) {
        let (text, good) = file_of(&parts);
        let found = in_pieces(Captures, text.as_bytes(), &[text.len()], 1 << 20);
        // A carriage return alone may end a row, and then counts as a line end.
        let returns = |text: &str| text.matches('\r').count() as u64 - text.matches("\r\n").count() as u64;
        let width = reader::width_of_rows(text.as_bytes(), true);
        for (line, n) in &good {
            let before = text.split_inclusive('\n').take(*line as usize - 1).map(returns).sum::<u64>();
            let id = format!("\"e{n}\"");
            let is_it = |(at, what): &&(u64, Result<String, Bad>)| {
                (*line..=line + before).contains(at) && what.as_ref().is_ok_and(|body| body.contains(&id))
            };
            let place = found.iter().find(is_it);
            // Behind a bad line a row of another width than the file's is none; with that line it may be one row.
            let is_half = |(at, what): &(u64, Result<String, Bad>)| {
                (*line..=line + before).contains(at) && *what == Err(Bad::HalfRow)
            };
            let is_other_width = n % 6 >= 4 && width != Some(4) && place.is_none();
            if is_other_width || found.iter().any(is_half) {
                continue;
            }
            prop_assert!(place.is_some(), "line {} is not found in {:?}: {:?}", line, text, found);
            let bad = found.iter().any(|(at, what)| Some(at) == place.map(|(at, _)| at) && what.is_err());
            prop_assert!(!bad, "line {} is called bad in {:?}: {:?}", line, text, found);
        }
        let lines = text.split('\n').count() as u64 + returns(&text);
        prop_assert!(found.iter().all(|(line, _)| (1..=lines).contains(line)));
        prop_assert!(found.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{:?}", found);
        // With cells behind it, a line may be a row of a batch transform, whatever its first cell holds.
        let is_damaged = |line: &str| {
            let start = line.as_ptr() as usize - text.as_ptr() as usize;
            let is_cell = || is_in_a_quoted_cell(&text, start..start + line.len());
            line.starts_with("{'a'") && !line.contains(',') && !is_cell()
        };
        let damaged = text.split('\n').any(is_damaged);
        prop_assert!(!damaged || found.iter().any(|(_, what)| what.is_err()), "{:?}: {:?}", text, found);
    }

    #[test]
    fn pieces_of_any_size_give_the_same_records(
        parts in prop::collection::vec(part(), 0..24),
        sizes in prop::collection::vec(1usize..60, 1..5),
    ) {
        let (text, _) = file_of(&parts);
        let whole = in_pieces(Captures, text.as_bytes(), &[text.len()], 1 << 20);
        prop_assert_eq!(&whole, &in_pieces(Captures, text.as_bytes(), &sizes, 1 << 20), "captures of {:?}", text);
        let whole = in_pieces(GroundTruth, text.as_bytes(), &[text.len()], 1 << 20);
        prop_assert_eq!(&whole, &in_pieces(GroundTruth, text.as_bytes(), &sizes, 1 << 20), "labels of {:?}", text);
    }
}

#[test]
fn a_piece_may_begin_within_a_line_behind_a_record() {
    let text = format!("{}],{{\"z\":1}}\n0.5,x\"y\",e1,2024-01-19T19:27:57Z\n", good(1));
    let whole = in_pieces(Captures, text.as_bytes(), &[text.len()], 1 << 20);
    for size in 1..text.len() {
        assert_eq!(whole, in_pieces(Captures, text.as_bytes(), &[size], 1 << 20), "pieces of {size}");
    }
}

/// Lines of a file of which it is known what they hold.
#[derive(Debug, Clone)]
enum Known {
    Good(usize),
    /// A good record over many lines.
    Pretty(usize),
    /// Damage without a line end, which is no record.
    Damage(String),
    Blank,
}

fn known() -> impl Strategy<Value = Known> {
    let damage = vec![
        "x",
        "{",
        "{x",
        "{\"a",
        "{\"a\":",
        "[{",
        "{{{{",
        "{'a': 1,q,",
        "[{\"a\":[",
        "  {\"a\":\"b\\",
        "{\"a\":1,",
        "a,b",
    ];
    // A record that is cut short at any byte.
    let cut = (select(vec![0usize, 1, 2, 3, 4]), any::<Index>()).prop_map(|(n, at)| {
        let whole = good(n);
        let at = whole.floor_char_boundary(1 + at.index(whole.len() - 1));
        whole[..at].to_string()
    });
    prop_oneof![
        4 => (0usize..6).prop_map(Known::Good),
        1 => (0usize..4).prop_map(Known::Pretty),
        2 => select(damage).prop_map(|damage| Known::Damage(damage.into())),
        3 => cut.prop_map(Known::Damage),
        1 => Just(Known::Blank),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// What was read is what is good and what is bad, each on its line. Damage on lines that follow each other may count
    /// as one.
    #[test]
    fn every_line_is_in_the_account_once_and_damage_is_named_by_its_line(
        parts in prop::collection::vec(known(), 0..16),
        sizes in prop::collection::vec(1usize..200, 1..4),
    ) {
        // A row that says how wide rows are.
        let (mut text, mut line) = (good(4) + "\n", 2);
        let (mut good_lines, mut damaged) = (vec![1], Vec::<std::ops::RangeInclusive<u64>>::new());
        let mut after_damage = false;
        for part in &parts {
            let is_damage = matches!(part, Known::Damage(_));
            let shown = match part {
                Known::Good(n) => good(*n),
                Known::Pretty(n) => good(*n).replace("\":{", "\": {\n    ").replace(",\"", ",\n  \""),
                Known::Damage(damage) => damage.clone(),
                Known::Blank => String::new(),
            };
            match part {
                Known::Good(_) | Known::Pretty(_) => good_lines.push(line),
                Known::Damage(_) if after_damage => {
                    let block = damaged.pop().unwrap();
                    damaged.push(*block.start()..=line);
                }
                Known::Damage(_) => damaged.push(line..=line),
                Known::Blank => {}
            }
            after_damage = is_damage || after_damage && matches!(part, Known::Blank);
            line += 1 + shown.matches('\n').count() as u64;
            text += &shown;
            text.push('\n');
        }
        let found = in_pieces(Captures, text.as_bytes(), &sizes, 1 << 20);
        let lines = |is_good: bool| -> Vec<u64> {
            found.iter().filter(|(_, what)| what.is_ok() == is_good).map(|(line, _)| *line).collect()
        };
        let bad = lines(false);
        prop_assert_eq!(lines(true), good_lines, "{:?}: {:?}", text, found);
        for block in &damaged {
            let first = bad.iter().find(|line| block.contains(line));
            prop_assert_eq!(first, Some(block.start()), "{:?}: {:?}", text, found);
        }
        prop_assert!(bad.iter().all(|line| damaged.iter().any(|block| block.contains(line))), "{:?}: {:?}", text, found);
        prop_assert!(bad.windows(2).all(|pair| pair[0] < pair[1]), "{:?}: {:?}", text, found);
    }

    /// Elements of one list: each is one record, good or bad.
    #[test]
    fn each_element_of_a_list_is_one_record_on_its_line(
        elements in prop::collection::vec((0usize..4, prop::option::weighted(0.3, any::<Index>())), 1..12),
        between in select(vec![",\n", "\n,", ",\n\n  "]),
    ) {
        let (mut text, mut line, mut expected) = ("[\n".to_string(), 2, Vec::new());
        let mut after_damage = false;
        for (n, (which, cut)) in elements.iter().enumerate() {
            // Two that follow each other may count as one.
            let cut = cut.filter(|_| !after_damage);
            after_damage = cut.is_some();
            if n > 0 {
                text += between;
                line += between.matches('\n').count() as u64;
            }
            let whole = good(*which);
            // Of a cut element the closing bracket is lost.
            let end = cut.map_or(whole.len(), |at| whole.floor_char_boundary(1 + at.index(whole.len() - 1)));
            expected.push((line, cut.is_none()));
            text += &whole[..end];
        }
        text += "\n]\n";
        let found = in_pieces(Captures, text.as_bytes(), &[text.len()], 1 << 20);
        let found: Vec<_> = found.iter().map(|(line, what)| (*line, what.is_ok())).collect();
        prop_assert_eq!(found, expected, "{:?}", text);
    }
}

/// Lines of the good records, then of the bad ones.
#[track_caller]
fn check_file(text: &str, good: &[u64], bad: &[u64]) {
    for size in [text.len(), 1, 7, 50] {
        let found = in_pieces(Captures, text.as_bytes(), &[size], 1 << 20);
        let lines = |is_good: bool| -> Vec<u64> {
            found.iter().filter(|(_, what)| what.is_ok() == is_good).map(|(line, _)| *line).collect()
        };
        assert_eq!((lines(true).as_slice(), lines(false).as_slice()), (good, bad), "{text}: {found:?}");
    }
}

#[test]
fn forms_of_files_are_one_case() {
    let (a, b, c) = (good(0), good(1), good(2));
    check_file(&format!("{a}\n{b}\r\n\n{c}"), &[1, 2, 4], &[]);
    check_file(&format!("[{a},{b}]\n{c}"), &[1, 1, 2], &[]);
    check_file(&format!("{a}{b} {c}\n"), &[1, 1, 1], &[]);
    check_file(&format!("[\n{a},\n{b}\n,{c}\n]\n"), &[2, 3, 4], &[]);
    let pretty = c.replace(',', ",\n  ").replace('{', "{\n ");
    check_file(&format!("{pretty}\n{pretty}\n"), &[1, 1 + pretty.lines().count() as u64], &[]);
    check_file(&format!("\u{feff}[ {pretty} , {a} ]"), &[1, pretty.lines().count() as u64], &[]);
}

#[test]
fn damage_costs_one_record_wherever_it_stands() {
    let (a, b, c) = (good(0), good(1), good(2));
    let cut = &b[..40];
    check_file(&format!("{cut}\n{cut}\n{a}\n{c}\n"), &[3, 4], &[1, 2]);
    check_file(&format!("[{a},{cut},{c}]"), &[1, 1], &[1]);
    check_file(&format!("[{a},\n{cut},\n{c}\n]"), &[1, 3], &[2]);
    check_file(&format!("[{a},{{\"captureData\": NaN}},{c}]"), &[1, 1], &[1]);
    check_file(&format!("[{a},5,\"x\",{c}]\nnot json\n{b}"), &[1, 1, 3], &[1, 1, 2]);
    // A raw line end in a text, in lines and in a list.
    let raw = a.replace("b {", "b\nx {");
    check_file(&format!("{raw}\n{b}\n"), &[3], &[1]);
    check_file(&format!("[{raw},{b}]\n{c}"), &[2, 3], &[1]);
    // A damaged element of a pretty-printed list.
    let pretty =
        |text: &str| text.replace("\"captureData\":", "\n    \"captureData\": ").replace(",\"", ",\n    \"");
    let bad = pretty(&b).replace("\"0\"", "\"0");
    let list = format!("[\n  {},\n  {},\n  {}\n]", pretty(&a), bad, pretty(&c));
    let line = 2 + pretty(&a).lines().count() as u64;
    check_file(&list, &[2, line + bad.lines().count() as u64], &[line]);
    // Records of a cut list, and one that swallows the rest.
    check_file(&format!("[{a},{b},"), &[1, 1], &[]);
    check_file(&format!("{{\"a\":[\n{a}\n,{b}\n]}}\n{c}"), &[2, 3, 5], &[1, 4]);
}

#[test]
fn rows_are_read_as_their_rules_say() {
    let row = |data: &str, n: usize| format!("{data},u{n},2024-01-19T19:27:57Z");
    check_file(
        &format!("{}\n{}\r\n{}", row("1", 1), row("\"a\nb\",2", 2), row("say \"hi\"", 3)),
        &[1, 2, 4],
        &[],
    );
    check_file(&format!("{}\n\"a\n{}\n{}\n", row("1", 1), row("b\",2", 2), row("3", 3)), &[1, 2, 4], &[]);
    check_file(&format!("\"a\" x\n{}\n{}\n", row("b\"", 2), row("3", 3)), &[3], &[1]);
    check_file(
        &format!("a,b\n{}\n\"never closed,{}\n{}", row("1", 1), row("2", 2), row("3", 3)),
        &[2, 4],
        &[1, 3],
    );
    check_file(&format!("{}\n[0.1,0.9],u2,2024-01-19T19:27:57Z\n", row("  1", 1)), &[1, 2], &[]);
}

#[test]
fn rows_may_end_with_carriage_returns_alone() {
    let row = |n: usize| format!("0.5,1,u{n},2024-01-19T19:27:57Z");
    let (a, b, c) = (row(1), row(2), row(3));
    check_file(&format!("{a}\r{b}\r\"x\ry\",{c}\r"), &[1, 2, 3], &[]);
    check_file(&format!("{a}\r{b}\r{c}"), &[1, 2, 3], &[]);
    check_file(&format!("\r{a}\r\r{b}\r\n{c}\r\n{a}"), &[1, 3, 4, 5], &[]);
    check_file(&format!("{{x}},{a}\r{{x}},{b}\r{c}\r"), &[1, 2, 3], &[]);
    // Damage costs its row, the first of a file too.
    for damage in ["h1,h2", "x", "\"x\ry\",2", "\"x\" y,u,2024-01-19T19:27:57Z"] {
        check_file(&format!("{damage}\r{a}\r{b}\r"), &[2, 3], &[1]);
        check_file(&format!("{a}\r{damage}\r{b}\r{c}\r"), &[1, 3, 4], &[2]);
    }
    // Where quotes do not work out, the end of the row is not known.
    for damage in ["\"x\" y", "\"never closed"] {
        check_file(&format!("{damage}\r{a}\r{b}\r{c}\r{a}\r"), &[5], &[1, 3, 4]);
    }
    // Where no other row of the line shows what the carriage return is, half a row is no record.
    check_file(&format!("left\rright,{a}\n{b}\r\n{c}\n"), &[2, 3], &[1]);
    check_file(&format!("left\rright,{a}"), &[], &[1]);
    // Also before a row behind damage, whose line begins with a carriage return.
    check_file(&format!("{}{{\n \"a\":\n\r{{x,{b}", good(0)), &[1, 3], &[1]);
    // A file of many such rows is read in time that is in proportion to it.
    let many = format!("{a}\r").repeat(20_000);
    let found = in_pieces(Captures, many.as_bytes(), &[1 << 16], 1 << 20);
    assert!(found.len() == 20_000 && found.iter().all(|(_, what)| what.is_ok()));
}

#[test]
fn records_of_a_file_without_line_feeds_have_lines_by_carriage_returns() {
    let (a, b, c) = (good(0), good(1), good(2));
    let pretty = c.replace(',', ",\r  ").replace('{', "{\r ");
    let of_pretty = pretty.matches('\r').count() as u64;
    check_file(&format!("{a}\r{b}\r\r{c}\r"), &[1, 2, 4], &[]);
    check_file(&format!("[\r{a},\r{b}\r]\r"), &[2, 3], &[]);
    check_file(
        &format!("{pretty}\r{a}\r{pretty}\r{b}"),
        &[1, of_pretty + 2, of_pretty + 3, 2 * of_pretty + 4],
        &[],
    );
    for damage in ["{x", "{\"a\":1,", "x", "5", "{\"a\r\":1}", "{}"] {
        let lines = 1 + damage.matches('\r').count() as u64;
        check_file(&format!("{a}\r{damage}\r{b}\r{c}\r"), &[1, 2 + lines, 3 + lines], &[2]);
        let line = if damage.contains("\r") { 4 } else { 3 };
        check_file(&format!("[\r{damage},\r{b}\r]\r"), &[line], &[2]);
    }
    // Damage is told by its byte in that line.
    let malformed = format!("{a}\r{{\"a\": tru}}\r{b}\r");
    for size in [1, 7, 1000] {
        let found = in_pieces(Captures, malformed.as_bytes(), &[size], 1 << 20);
        assert_eq!(found[1], (2, Err(Bad::Malformed { column: 10 })), "{size}");
    }
    // Where there are line feeds, they alone are counted, a carriage return before them or not.
    check_file(&format!("{a}\r\n{b}\r\n\r\n{c}"), &[1, 2, 4], &[]);
    check_file(&format!("\n{a}\r{b}\r\n{c}\r{a}\n"), &[2, 2, 3, 3], &[]);
}

#[test]
fn values_that_are_no_records_are_told_as_values_and_text_as_text() {
    for (text, is_value) in [
        ("[1,\n2]", true),
        ("[\n  1,\n  \"a\"\n]\n", true),
        ("null\n", true),
        ("a,b\n", false),
        ("1 2\n", false),
    ] {
        for size in [1, 100] {
            let found = in_pieces(GroundTruth, text.as_bytes(), &[size], 1 << 20);
            let expected = if is_value { Bad::NotAnObject } else { Bad::NotJson };
            assert!(
                !found.is_empty() && found.iter().all(|(_, what)| *what == Err(expected)),
                "{text}: {found:?}"
            );
        }
    }
}

#[test]
fn damage_before_rows_costs_no_row() {
    let row = |n: usize| format!("0.5,1,e{n},2024-01-19T18:10:00Z");
    let quoted = |n: usize| format!("\"left\nright\",1,e{n},2024-01-19T18:10:00Z");
    let cut = [
        "{x",
        "{",
        "{\"a",
        "{\"a\":",
        "[{",
        "{{{{",
        "{'a': 1,q,",
        "[{\"a\":[",
        "{\"SageMakerInferenceId\":\"q\",\"pred",
        "{\"captureData\":{\"endp",
        "  {\"a\":\"b\\",
        "{\"a\":1,",
        "{\"a\":[1,2],",
    ];
    for damage in cut {
        check_file(&format!("{damage}\n{}\n{}\n", row(1), row(2)), &[2, 3], &[1]);
        check_file(&format!("{}\n{damage}\n{}\r\n{}", row(0), row(1), row(2)), &[1, 3, 4], &[2]);
        check_file(&format!("{}\n{damage}\n{}\n{}", good(0), row(1), good(1)), &[1, 3, 4], &[2]);
    }
    check_file(&format!("{{x\n{}\n{}\n", quoted(1), row(2)), &[2, 4], &[1]);
    // Half a row is no record behind damage either.
    check_file(&format!("{{\"a\nright\",e1,2024-01-19T18:10:00Z\n{}\n", row(2)), &[3], &[1, 2]);
    // Lines of a list in a damaged document that is written over many lines are no rows.
    let list = "{\n  \"a\": [\n    1,\"e1\",\"2024-01-19T18:10:00Z\"\n  ], x\n}\n";
    check_file(&format!("{list}{}\n", good(0)), &[6], &[1]);
}

#[test]
fn a_row_may_begin_behind_a_byte_order_mark() {
    let row = |data: &str| format!("\u{feff}{data},e1,2024-01-19T18:10:00Z");
    check_file(&format!("{}\n{}\n", row("1"), good(0)), &[1, 2], &[]);
    check_file(&row("\"left\nright\""), &[1], &[]);
    let text = row("  1");
    for size in [1, 2, 3, 4, 5, 6, 100] {
        let found = in_pieces(Captures, text.as_bytes(), &[size], 1 << 20);
        let body = found[0].1.as_ref().unwrap();
        assert!(found.len() == 1 && body.contains("\"data\":\"  1\""), "{size}: {found:?}");
    }
}

#[test]
fn the_first_cell_of_a_row_may_look_like_an_object() {
    for cell in ["{\"p\":0.5}", "{'a': 1", "{\"p\":0.5}, 2", "{}", "  {\"p\":", "{\"p\":1},\"a\nb\""] {
        let line = 1 + cell.lines().count() as u64;
        let text = format!("{cell},e1,2024-01-19T18:10:00Z\n{}\n", good(0));
        check_file(&text, &[1, line], &[]);
        let found = in_pieces(Captures, text.as_bytes(), &[9], 1 << 20);
        let data = serde_json::to_string(cell).unwrap();
        assert!(found[0].1.as_ref().unwrap().contains(&format!("\"data\":{data}")), "{found:?}");
    }
    // Also an object with ids of its own: those of the row count. Behind a record stands no row without them.
    let text = format!("{},e1,2024-01-19T18:10:00Z\n", good(2));
    check_file(&text, &[1], &[]);
    let found = in_pieces(Captures, text.as_bytes(), &[9], 1 << 20);
    assert!(found[0].1.as_ref().unwrap().contains("{\"eventId\":\"e1\"}"), "{found:?}");
    check_file(&format!("{},e1,x\n{},\n{}\n", good(2), good(1), good(2)), &[1, 2, 3], &[1]);
}

#[test]
fn a_cell_of_a_row_may_be_an_object_wherever_it_stands() {
    for cell in [
        ",{\"a\":1}",
        ",,{\"a\":1}",
        " ,{\"a\":1}",
        ", {\"a\":",
        ",{}",
        ",{\"SageMakerInferenceId\":\"b\"}",
        "[{\"p\":0.5}]",
        "[[{\"p\":0.5}],[{}]]",
        ",[{\"p\":1}]",
    ] {
        for rest in ["", ",\"a\nb\""] {
            let data = format!("{cell}{rest}");
            let text = format!("{data},e1,2024-01-19T18:10:00Z\n{}\n", good(0));
            let next = data.lines().count() as u64 + 1;
            for size in [1, 9, 1000] {
                let found = in_pieces(Captures, text.as_bytes(), &[size], 1 << 20);
                let [(1, Ok(row)), (line, Ok(_))] = &found[..] else { panic!("{size}: {text}: {found:?}") };
                let data = serde_json::to_string(&data).unwrap();
                assert!(row.contains(&format!("\"data\":{data}")) && *line == next, "{found:?}");
            }
        }
    }
    // In a list a record stays one.
    for list in [format!("[{}", good(2)), format!("[[{}]]", good(2))] {
        let found =
            in_pieces(Captures, format!("{list},e1,2024-01-19T18:10:00Z\n").as_bytes(), &[50], 1 << 20);
        assert!(found[0].1.as_ref().unwrap().contains("captureData"), "{found:?}");
    }
}

#[test]
fn a_record_longer_than_any_may_be_is_one_bad_record() {
    let long = good(0).replace("a\\\"b", &"x".repeat(500));
    let text = format!("{}\n{long}\n[{long},{}]\n{}\n", good(1), good(2), good(3));
    for size in [text.len(), 10, 100, 333] {
        let found = in_pieces(Captures, text.as_bytes(), &[size], 300);
        let lines: Vec<_> = found.iter().map(|(line, what)| (*line, what.is_ok())).collect();
        assert_eq!(lines, [(1, true), (2, false), (3, false), (3, true), (4, true)], "{size}: {found:?}");
        assert!(found[1].1 == Err(Bad::TooLong));
    }
}

#[test]
fn half_a_row_is_no_record_behind_a_damaged_one() {
    let row = |data: &str, n: usize| format!("{data},u{n},2024-01-19T19:27:57Z");
    // A record in a line of its own stands in the cell, which its quotes break.
    check_file(&format!("\"see:\n{}\n{}\n{}\n", good(0), row("end\",0.5", 1), row("2", 2)), &[2, 4], &[1, 3]);
    // The cell's closing quote is followed by text, and the row goes on: the first row behind it is its end, and the next
    // ones may be, but not behind a row with a quote.
    let behind = format!("{}\n{}\n{}\n{}\n", row("2", 2), row("3", 3), row("4", 4), row("5", 5));
    check_file(&format!("\"a\nb\"x\n{}\n{behind}", row("c,0.5", 1)), &[6, 7], &[1, 4, 5]);
    check_file(&format!("\"a\nb\"x\n{}\n{behind}", row("{c,0.5", 1)), &[6, 7], &[1, 4, 5]);
    check_file(&format!("\"a\nb\n{}\n{behind}", row("c\"x,0.5", 1)), &[4, 5, 6, 7], &[1]);
    check_file(&format!("\"a\n{}\n{}\n", row("b\"x,0.5", 1), row("say \"hi\"", 2)), &[3], &[1]);
    check_file(&format!("\"a\n{}\n{}\n{behind}", row("b", 1), row("c\"x", 2)), &[4, 5, 6, 7], &[1, 3]);
    check_file(&format!("\"never\n{}\n{}\n{behind}", row("1", 1), row("\"q\",2", 2)), &[4, 5, 6, 7], &[1, 3]);
    // What ends with an id and a time is over with its line, but a cell that ends behind it began in it.
    check_file(&format!("{}\n{}\n{}\n", row("\"a\"x", 1), row("b\"", 2), row("3", 3)), &[3], &[1, 2]);
    check_file(&format!("{}\n{}\n{}\n", row("\"a", 1), row("b", 2), row("3", 3)), &[2, 3], &[1]);
    // A line that is a record is no end of a row.
    check_file(&format!("\"a\" x\n{}\n{}\n", good(0), row("b\"", 2)), &[2], &[1, 3]);
    // Memory does not hold doubt for ever.
    let (a, b) = (good(0), good(1));
    check_file(&format!("\"x\n{a}\n{b}\n{a}\n{behind}"), &[2, 3, 4, 5, 6, 7, 8], &[1]);
}

#[test]
fn a_line_that_ends_with_an_id_and_a_time_is_one_row_good_or_bad() {
    for cell in [
        "{\"a\":1,\"b\":2}",
        "[\"a\",\"b\"]",
        "{\"captureData\":{}}",
        "{\"captureData\":{},\"eventMetadata\":{}}",
        "0.5,{\"a\":1,\"b\":2},\"x\"",
        "[{\"a\":1,\"b\":\"\"}],[\"a\",\"\"]",
    ] {
        let text = format!("{cell},e1,2024-01-19T18:10:00Z\n{}\n", good(0));
        check_file(&text, &[1, 2], &[]);
        for size in [1, 9, 1000] {
            let found = in_pieces(Captures, text.as_bytes(), &[size], 1 << 20);
            let data = serde_json::to_string(cell).unwrap();
            assert!(found[0].1.as_ref().unwrap().contains(&format!("\"data\":{data}")), "{found:?}");
        }
    }
    for cell in ["{\"a\":1,\"b\":2x}", "[\"a\",\"b\"x]", "1,\"b\"x", "{\"captureData\":{},\"b\":x}"] {
        let text = format!("{cell},e1,2024-01-19T18:10:00Z\n{}\n0.5,e2,2024-01-19T18:10:00Z\n", good(0));
        check_file(&text, &[2, 3], &[1]);
        let found = in_pieces(Captures, text.as_bytes(), &[1000], 1 << 20);
        assert_eq!(found[0].1, Err(Bad::BrokenRow), "{cell}");
    }
}
