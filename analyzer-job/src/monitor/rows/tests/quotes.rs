//! Quotes in CSV that are lost or too many: no row vanishes uncounted, and no part of a row is read as one.

use super::*;

const PLAIN: Format = Format::Csv { header: false };

/// Rows with their lines, bad records, and what is said.
#[track_caller]
fn check(text: &str, rows: &[&str], lines: &[u64], bad: u64, told: &[&str]) {
    let found = try_read(CSV, &[("data.csv", text.as_bytes())], |_| {}).unwrap();
    assert_eq!(found.short(), rows, "{text}");
    assert_eq!(found.places.iter().map(|place| place.1).collect::<Vec<_>>(), lines, "{text}");
    assert_eq!((found.account.bad, found.account.records), (bad, bad + rows.len() as u64), "{text}");
    let warnings = found.account.warnings.join("\n");
    told.iter().for_each(|part| assert!(warnings.contains(part), "{part} in {warnings}"));
}

#[test]
fn a_quote_too_many_costs_its_line_and_no_row_behind_it() {
    let far = |rows: usize| (3..3 + rows).map(|row| format!("{row},{row}\n")).collect::<String>();
    let text = format!("a,b\n2,\"2\n{}5000,\"x\"\n6,6\n", far(4000));
    let found = try_read(CSV, &[("d", text.as_bytes())], |_| {}).unwrap();
    assert_eq!((found.rows.len(), found.account.bad), (4002, 1));
    let told = "d, line 2: a quote opens a value up to line 4003 that makes no row";
    assert!(found.account.warnings[0].contains(told), "{:?}", found.account.warnings);

    let one = "a quote opens a value up to line 4 that makes no row";
    check("a,b\n1,\"2\n3,3\n4,\"x\"\n", &["3|3", "4|x"], &[3, 4], 1, &[one]);
    // A comma stands behind the closing quote, which makes the row too wide.
    check("a,b,c\n1,\"2,3\n3,3,3\n4,\",x\",4\n", &["3|3|3", "4|,x|4"], &[3, 4], 1, &[one]);
    // An empty value in quotes goes on.
    check("a,b\n1,\"2\n3,\"\"\n4,\"x\"\n", &["3|-", "4|x"], &[3, 4], 1, &[one]);
    // The quote that ends it is a stray one too.
    check("a,b\n1,\"2\n3,3\n4,4\n5,5\" x\n6,6\n", &["3|3", "4|4", "5|5\" x", "6|6"], &[3, 4, 5, 6], 1, &[]);
    check("a,b\r\n1,\"2\r\n3,3\r\n", &["3|3"], &[3], 1, &["line 2: a quote does not end"]);
    check("a,b\r1,\"2\r3,3\r4,\"x\"\r", &["3|3", "4|x"], &[3, 4], 1, &[]);
}

#[test]
fn a_value_that_goes_on_behind_its_closing_quote_costs_its_line() {
    let text = "text behind the closing quote of a field";
    // As wide as the others, its cells shifted.
    check(
        "a,b,c\n1,\"x, y\",1.5\n\"2,\"x, y\",3.0\n3,z,2\n",
        &["1|x, y|1.5", "3|z|2"],
        &[2, 4],
        1,
        &["line 3", text],
    );
    let long = format!("\"{}\"{}", "x".repeat(10), "y".repeat(40));
    let shown = format!("{text}: {}...", &long[..30]);
    check(&format!("a,b\n1,\"2, \"3\n2,{long}\n4,4"), &["4|4"], &[4], 2, &["field: \"2, \"3", &shown]);
    check("a,b\n1,\"x\"y\n2,\"x\" \"y\"\n3,\"x\"\"\"y\n4,4", &["4|4"], &[5], 3, &[text]);
    // Blanks belong to the value, also where they stand behind several lines.
    check("a,b\n\"1\" ,\"x\"\t\r\n\"2\n\" ,3\n", &["1 |x\t", "2\n |3"], &[2, 3], 0, &[]);
    // One quote is lost, and the cells are as many.
    let two = "a quoted field over commas or line ends and a quote behind it in a field without quotes";
    check("a,b\n\"4,\", 41\"\n5,6\n", &["5|6"], &[3], 1, &[two]);
    check("a,b\n\"4,0\",5\" pipe\n", &["4,0|5\" pipe"], &[2], 0, &[]);
    // A quote in a field without quotes is text.
    check("a,b\n5\" pipe,x\n", &["5\" pipe|x"], &[2], 0, &[]);
    let stopped = try_read(CSV, &[("d", b"a,b\n1,\"x\"y\n")], |source| source.strict = true).err().unwrap();
    assert_eq!((stopped.code(), stopped.place().line), (&codes::BAD_RECORD, Some(2)));
    // No name of a column, and no width.
    let header = try_read(CSV, &[("d", b"\"a\"x,b\n1,2\n")], |_| {}).err().unwrap();
    assert!(header.to_string().contains(text) && header.place().line == Some(1), "{header}");
    check_plain("\"2,\"x, y\",3.0,4\n1,2,3\n", &["1|2|3"]);
}

#[track_caller]
fn check_plain(text: &str, rows: &[&str]) {
    assert_eq!(found(PLAIN, text).short(), rows, "{text}");
}

#[test]
fn the_rest_of_a_row_is_no_row() {
    // Every value in quotes, and one of them lost.
    check("a,b\n\"1\",\"2\n\"3\",\"4\"\n", &["3|4"], &[3], 1, &[]);
    // Behind a quote in the first column the rest of its row would be as wide as a row.
    check("a,b\n\"one\ntwo,2\n3,3\n\"x\",4\n", &["3|3", "x|4"], &[4, 5], 2, &["2 lines are lost"]);
    check(
        "a,b\n\"one\ntwo\nthree,2\n4,4\n5,5\n6,6\n",
        &["4|4", "5|5", "6|6"],
        &[5, 6, 7],
        3,
        &["3 lines are lost"],
    );
    // A comma too many, behind a text of several lines.
    let told = "line 2: a quote opens a value up to line 4 that makes no row; 3 lines are lost";
    check("a,b\n1,\"Dear Sir,\nthanks, all\nbye\",\n2,2\n", &["2|2"], &[5], 3, &[told]);
    check("a,b\n1,\"x\ny\" z\n2,2\n", &["2|2"], &[4], 2, &["2 lines are lost"]);
    check("a,b\n1,\"x\n\ny\" z\n2,2\n", &["2|2"], &[5], 2, &["2 lines are lost"]);
    // The file ends within a text.
    check("a,b\n2,2\n1,\"x\ny\nz\n", &["2|2"], &[2], 3, &["line 3: a quote does not end; 3 lines are lost"]);
    // Behind a text of several lines.
    check(
        "a,b,c\n1,\"x\ny\",\"z\n2,2,2\n3,\"3\",3\n",
        &["2|2|2", "3|3|3"],
        &[4, 5],
        2,
        &["data.csv, line 3: a quote opens a value up to line 5"],
    );
}

#[test]
fn a_right_row_over_many_lines_is_a_row_and_told_where_they_look_like_rows() {
    let told = "line 2: one value holds 3 lines that look like rows";
    let text = "a,b\n2,\"2\n3,3\n4,4\n5,5\n6,6\"\n7,7\n";
    check(text, &["2|2\n3,3\n4,4\n5,5\n6,6", "7|7"], &[2, 7], 0, &[told]);
    let text = "a,b\n2,\"one\ntwo\nthree\nfour\nfive\"\n";
    check(text, &["2|one\ntwo\nthree\nfour\nfive"], &[2], 0, &[]);
    assert!(found(CSV, text).account.warnings.is_empty());
}

#[test]
fn a_damaged_first_row_is_no_header_and_tells_no_width() {
    for text in ["a,\"b\n1,2\n3,\"x\"\n", "a,\"b\n1,2\n"] {
        let problem = try_read(CSV, &[("d", text.as_bytes())], |_| {}).err().unwrap();
        assert_eq!((problem.code(), problem.place().line), (&codes::BAD_RECORD, Some(1)));
        assert!(problem.to_string().contains("header row"), "{problem}");
    }
    for text in ["1,\"2\n3,4\n5,\"x\"\n", "1,\"2,2\n3,4\n5,6\n"] {
        let found = found(PLAIN, text);
        assert_eq!((found.rows.len(), found.account.bad, found.names.len()), (2, 1, 2), "{text}");
    }
}

#[test]
fn lines_of_texts_do_not_hide_how_wide_most_rows_are() {
    let text = "1,2\n1,\"x, y\nz\",3\n4,\"x\ny\",6\n";
    let read = |width| try_read(PLAIN, &[("x", text.as_bytes())], |source| source.width = width).unwrap();
    assert_eq!(read(None).account.better_width, Some(3));
    assert_eq!(read(Some(3)).short(), ["1|x, y\nz|3", "4|x\ny|6"]);
}

#[test]
fn blocks_do_not_decide_what_a_lost_quote_costs() {
    let rows = |from: usize, to: usize| (from..to).map(|row| format!("{row},{row}\n")).collect::<String>();
    let long = "x\n".repeat(Block::BYTES);
    for before in [0, 90_000] {
        let ahead = rows(0, before);
        let text = format!("a,b\n{ahead}1,\"2\n{}7,\"x\"\n8,8\n", rows(0, 300_000));
        let found = found(CSV, &text);
        assert_eq!((found.rows.len(), found.account.bad), (before + 300_002, 1));
        let text = format!("a,b\n{ahead}1,\"{long}end\" 2\n7,\"x\"\n8,8\n");
        let found = self::found(CSV, &text);
        assert_eq!((found.rows.len(), found.account.bad), (before + 2, Block::BYTES as u64 + 1));
        assert_eq!(found.places.last().unwrap().1 as usize, text.lines().count());
    }
}

/// A table in CSV, and for each row its cells, the line it begins on and how it is written.
struct Written {
    rows: Vec<(String, u64, String)>,
}

impl Written {
    /// `kinds`: how the cell of each place is written.
    fn new(kinds: &[Vec<usize>], texts: bool) -> Written {
        let mut line = 1;
        let rows = kinds.iter().enumerate().map(|(number, kinds)| {
            let cells: Vec<(String, String)> = kinds
                .iter()
                .enumerate()
                .map(|(at, kind)| {
                    let plain = format!("{}", number * 10 + at);
                    match kind {
                        0 => (plain.clone(), format!("\"{plain}\"")),
                        1 => (format!("{plain}, x"), format!("\"{plain}, x\"")),
                        2 => (format!(", {plain}"), format!("\", {plain}\"")),
                        3 => (format!("\"{plain}\""), format!("\"\"\"{plain}\"\"\"")),
                        4 => ("-".into(), "\"\"".into()),
                        7 => (format!("{plain}, "), format!("\"{plain}, \"")),
                        8 => (format!("{plain}, y "), format!("\"{plain}, y\" ")),
                        5 if texts => (format!("t\nu {plain}\nv"), format!("\"t\nu {plain}\nv\"")),
                        6 if texts => (format!("t{plain}\n"), format!("\"t{plain}\n\"")),
                        _ => (plain.clone(), plain),
                    }
                })
                .collect();
            let (cells, written): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
            let row = (cells.join("|"), line, written.join(",") + "\n");
            line += row.2.matches('\n').count() as u64;
            row
        });
        Written { rows: rows.collect() }
    }
}

/// One row with a quote put in at a place or taken out there: every other row is read as it is or counted, and nothing else
/// is read as a row.
fn assert_no_row_is_lost(written: &Written, damaged: usize, place: usize, puts: bool, texts_too: bool) {
    let mut texts: Vec<String> = written.rows.iter().map(|row| row.2.clone()).collect();
    let row = &mut texts[damaged];
    let quotes: Vec<usize> = row.match_indices('"').map(|(at, _)| at).collect();
    match quotes.len() {
        _ if puts => row.insert(place % row.len(), '"'),
        0 => return,
        n => drop(row.remove(quotes[place % n])),
    }
    let text = texts.concat();
    let width = written.rows[0].0.split('|').count();
    let found = try_read(PLAIN, &[("d", text.as_bytes())], |source| source.width = Some(width)).unwrap();
    let other = |line: u64| written.rows.iter().enumerate().find(|(at, row)| *at != damaged && row.1 == line);
    let of_damaged = written.rows[damaged].1..written.rows.get(damaged + 1).map_or(u64::MAX, |row| row.1);
    let mut read = 0;
    for (cells, (_, line)) in found.short().iter().zip(&found.places) {
        match other(*line) {
            Some((_, row)) => {
                assert_eq!(cells, &row.0, "line {line} of\n{text}");
                read += 1;
            }
            None => {
                assert_eq!(*line, of_damaged.start, "half a row: {cells}\n{text}");
                // At most the quote is read as text: no cell moves.
                let (read, row) = (cells.replace('"', ""), written.rows[damaged].0.replace('"', ""));
                assert!(texts_too || read == row, "{cells} of {row}\n{text}");
            }
        }
    }
    assert!(of_damaged.contains(&of_damaged.start));
    let missing = written.rows.len() as u64 - 1 - read;
    assert!(missing <= found.account.bad, "{missing} rows are missing, {} bad\n{text}", found.account.bad);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_quote_anywhere_costs_no_row_uncounted(
        kinds in (2_usize..5).prop_flat_map(|width| {
            proptest::collection::vec(proptest::collection::vec(0_usize..12, width), 2..12)
        }),
        damaged: prop::sample::Index,
        place in 0_usize..60,
        puts: bool,
        texts: bool,
    ) {
        let written = Written::new(&kinds, texts);
        assert_no_row_is_lost(&written, damaged.index(kinds.len()), place, puts, texts);
    }
}
