//! Damaged rows of a batch transform: half a row is never a record, and damage costs few good rows, wherever it stands.

#[path = "support/merge_pieces.rs"]
mod merge_pieces;
#[path = "support/merge_plain_rows.rs"]
mod merge_plain_rows;

use std::collections::BTreeSet;

use merge_job::json::Span;
use merge_job::reader::{self, LONGEST_RECORD, Piece, State, Workspace};
use merge_job::record::{Bad, Captures};
use merge_pieces::in_pieces;
use merge_plain_rows::{TIME, as_one_line, as_one_row, data_and_id, last_two, rests_behind_a_heading};

/// Rows of a file.
const ROWS: usize = 6;
/// Rows behind damage that may be lost with it.
const LOST: usize = 3;

/// Cells as a program writes them; `#` stands for the number of the row, `ROW` for a line that looks like one.
const CELLS: [&str; 16] = [
    "#",
    "\"c,#\"",
    "\"say \"\"hi\"\" #\"",
    "\"#\nb\"",
    "\"#\nb,c\nd\"",
    "\"#\nROW\nb\"",
    "\"#\nROW\nb,c\nROW\nd\"",
    "\"#\n\"\"q\"\"\nb\"",
    "\"#\n{b\nc\"",
    "\"{\"\"a\"\":#,\n\"\"b\"\":2}\"",
    "{\"a\":#,\"b\":2}",
    "[\"#\",\",\"]",
    "[#]",
    "\"\"",
    "\"\n#\"",
    "\",#\"",
];

/// A file of rows, one of which is damaged.
struct File<'a> {
    /// The rows as they were, without the line end behind.
    rows: &'a [String],
    place: usize,
    damaged: &'a str,
}

/// A row with a cell of a kind among others that are plain.
fn row(kind: &str, at: usize, width: usize, n: usize) -> String {
    let inside = vec!["8"; width];
    let looks_like_a_row = format!("{},i9,{TIME}", inside.join(","));
    let mut cells = vec!["7".to_string(); width];
    cells[at] = kind.replace("ROW", &looks_like_a_row).replace('#', &n.to_string());
    format!("{},i{n},{TIME}", cells.join(","))
}

impl File<'_> {
    fn text(&self) -> String {
        let rows = self.rows.iter().enumerate();
        rows.map(|(n, row)| format!("{}\n", if n == self.place { self.damaged } else { row })).collect()
    }

    fn found(&self, sizes: &[usize]) -> Vec<(u64, Result<String, Bad>)> {
        in_pieces(Captures, self.text().as_bytes(), sizes, 1 << 20)
    }

    /// Whether the damage is a line that ends with an id and a time, or one without quotes: it costs itself alone.
    fn costs_itself_alone(&self) -> bool {
        let is_line = !self.damaged.contains(['\n', '\r']);
        is_line && (self.damaged.ends_with(TIME) || !self.damaged.contains('"'))
    }

    /// The laws that hold for any damage of one row.
    #[track_caller]
    fn check(&self, may_be_heading: bool) {
        let all = self.found(&[usize::MAX]);
        let about = || format!("{:?}: {all:?}", self.text());
        let whole = |n: usize| as_one_line(&self.rows[n], n).unwrap();
        let mut allowed: BTreeSet<_> = (0..ROWS).map(whole).collect();
        let of_damaged = as_one_row(self.damaged).or_else(|| last_two(self.damaged.trim_start()));
        allowed.extend(of_damaged.clone());
        if may_be_heading {
            allowed.extend(rests_behind_a_heading(self.damaged));
        }
        // So is a quote that ends a cell where an inner line looks like the end of a row.
        let ends = self.damaged.match_indices('\n').map(|(end, _)| &self.damaged[..end]);
        allowed.extend(ends.filter(|row| row.contains('\n')).filter_map(as_one_row));
        let mut found = BTreeSet::new();
        for (_, what) in &all {
            if let Ok(body) = what {
                let record = data_and_id(body);
                assert!(allowed.contains(&record), "{record:?} is no row of {}", about());
                assert!(found.insert(record), "{}", about());
            }
        }
        let lost = if self.costs_itself_alone() { 0 } else { LOST };
        for n in (0..self.place).chain(self.place + 1 + lost..ROWS) {
            assert!(found.contains(&whole(n)), "row {n} is not found in {}", about());
        }
        let is_there = of_damaged.is_some_and(|row| found.contains(&row));
        let bad: BTreeSet<u64> =
            all.iter().filter(|(_, what)| what.is_err()).map(|(line, _)| *line).collect();
        let may_be_nothing = may_be_heading || matches!(self.damaged, "" | "[");
        assert!(is_there || !bad.is_empty() || may_be_nothing, "{}", about());
        let lines = self.damaged.lines().count();
        assert!(bad.len() <= lines + LOST, "{}", about());
        assert!(all.is_sorted_by_key(|(line, _)| *line), "{}", about());
        let size = 1 + (self.text().len() + self.place) % 9;
        assert_eq!(all, self.found(&[size]), "pieces of {size}: {}", about());
    }
}

/// The files with a cell of each kind in a row that is damaged in each way, among rows of the same kind or plain ones.
fn each_file(mut check: impl FnMut(&File, &str)) {
    for (width, at) in [(1, 0), (2, 0), (2, 1), (4, 2)] {
        for kind in CELLS {
            for around in [kind, "\"c,#\""] {
                let rows: Vec<String> =
                    (0..ROWS).map(|n| row(if n % 2 == 0 { around } else { kind }, at, width, n)).collect();
                for place in [0, 2, ROWS - 2, ROWS - 1] {
                    let mut rows = rows.clone();
                    rows[place] = row(kind, at, width, place);
                    check(&File { rows: &rows, place, damaged: &rows[place] }, kind);
                }
            }
        }
    }
}

#[test]
fn a_quote_too_few_or_too_many() {
    each_file(|file, _| {
        let row = file.damaged;
        for at in 0..=row.len() {
            if row[at..].starts_with('"') {
                File { damaged: &format!("{}{}", &row[..at], &row[at + 1..]), ..*file }.check(false);
            }
            File { damaged: &format!("{}\"{}", &row[..at], &row[at..]), ..*file }.check(false);
        }
    });
}

#[test]
fn a_row_that_is_cut() {
    each_file(|file, _| {
        for at in 1..file.damaged.len() {
            File { damaged: &file.damaged[..at], ..*file }.check(false);
        }
    });
}

#[test]
fn a_line_end_or_a_carriage_return_within_a_row() {
    each_file(|file, _| {
        let row = file.damaged;
        for at in 1..row.len() {
            let first = &row[..at];
            let may_be_heading = !first.contains([',', '"']);
            File { damaged: &format!("{first}\n{}", &row[at..]), ..*file }.check(may_be_heading);
            File { damaged: &format!("{first}\r{}", &row[at..]), ..*file }.check(may_be_heading);
        }
    });
}

#[test]
fn two_or_three_line_ends_within_a_row() {
    each_file(|file, _| {
        let row = file.damaged;
        let lines = |ends: &[usize], between: &str| {
            let mut ends = ends.to_vec();
            ends.sort_unstable();
            let starts = [0].into_iter().chain(ends.iter().copied());
            let lines =
                starts.zip(ends.iter().copied().chain([row.len()])).map(|(start, end)| &row[start..end]);
            lines.collect::<Vec<_>>().join(between)
        };
        for first in 1..row.len() {
            // Each distance comes up for some place.
            let second = 1 + (first + 1 + 7 * first % row.len()) % (row.len() - 1);
            let third = 1 + (first + 1 + 5 * second % row.len()) % (row.len() - 1);
            for (ends, between) in [
                (&[first, second][..], "\n"),
                (&[first, second], "\n\n"),
                (&[first, second, third], "\n"),
                (&[first, second, third], "\r\n \n"),
            ] {
                File { damaged: &lines(ends, between), ..*file }.check(true);
            }
        }
    });
}

#[test]
fn behind_a_bad_line_a_row_is_as_wide_as_the_others() {
    let found = |text: &str| -> Vec<String> {
        let text = text.replace("$T", TIME);
        let all = in_pieces(Captures, text.as_bytes(), &[usize::MAX], 1 << 20);
        all.iter().filter_map(|(_, what)| Some(data_and_id(what.as_ref().ok()?).1)).collect()
    };
    for (text, ids) in [
        ("a,b,c,i0,$T\nd,e1\ne2\ne3,f,i1,$T\ng,h,i,i2,$T\n", &["i0", "i2"][..]),
        ("a,b,c,i0,$T\nd,e1\ne2\n\ne3,f,i1,$T\ng,h,i,i2,$T\n", &["i0", "i2"]),
        ("d,e1\ne2\ne3,f,i1,$T\ng,h,i,i2,$T\n", &["i2"]),
        ("d,e1\ne2\ne3,f,i1,$T\nx\ng,h,i,i2,$T\n", &["i2"]),
        ("\"a, b\",c,1,i0,$T\n\"d, x\",e1\ne2\ne3,0.6,i1,$T\n\"g, h\",i,2,i2,$T\n", &["i0", "i2"]),
        ("1a,1b,1c,i1,$T\n2a,2b,Dear Sir\\,\nline, three,i2,$T\n3a,3b,3c,i3,$T\n", &["i1", "i3"]),
        (",,c,i0,$T\n,\n,c,i1,$T\n,,c,i2,$T\n", &["i0", "i2"]),
        ("{\"a\":1}\nc,i1,$T\na,b,c,i2,$T\n", &["i2"]),
        ("{\"a\":0,\"b\n\"\n:2},i0,$T\n{\"a\":1},i1,$T\n", &["i1"]),
        ("d,e\nf,i1,$T\n", &[]),
        ("0a,0\nb,i0,$T\n\"1\"x,1b,i1,$T\n2a,2b,i2,$T\n3a,3b,i3,$T\n", &["i2", "i3"]),
        (
            "{\"a\":1},p,q,i1,$T\n{\"a\":1},\"x, 0.5\ny, 0.7,i2,$T\n{\"a\":1},\"p\",q,i3,$T\n[1],p,q,i4,$T\n",
            &["i1", "i4"],
        ),
        // Headings cost themselves alone, and so does the first of them.
        ("x,y,z\na,b,c,i1,$T\nd,e,f,i2,$T\n", &["i1", "i2"]),
        ("all of them\n\nx,y,z\na,b,c,i1,$T\nd,e,f,i2,$T\n", &["i1", "i2"]),
        // Where nothing is damaged, rows have any width.
        ("a,i0,$T\na,b,i1,$T\na,b,c,i2,$T\na,i3,$T\n", &["i0", "i1", "i2", "i3"]),
    ] {
        assert_eq!(found(text), ids, "{text}");
    }
}

#[test]
fn damage_that_nothing_tells_is_read_as_what_it_is() {
    for (text, records) in [
        // The beginning is lost.
        ("a,b,i0,$T\nd,i1,$T\n", &[("a,b", "i0"), ("d", "i1")][..]),
        // A line end is lost.
        ("0.2,i1,$T0.3,i2,$T\n", &[("0.2,i1,$T0.3", "i2")]),
        // JSON that is not in quotes is damaged.
        ("0.1,0.2,i0,$T\n[0.1,0.3,i1,$T\n", &[("0.1,0.2", "i0"), ("[0.1,0.3", "i1")]),
        ("0.1,0.2,i0,$T\n[0.1,\"x,i1,$T\n", &[("0.1,0.2", "i0")]),
        // A single row behind a heading, or the rest of one that a line end divides.
        ("d\nf,i1,$T\n", &[("f", "i1")]),
        // A quote behind a line end in quotes is not text.
        ("a,b,i0,$T\n\"a\nb\",5\",i1,$T\na,b,i2,$T\n", &[("a,b", "i0"), ("a,b", "i2")]),
        ("a,5\",i1,$T\n", &[("a,5\"", "i1")]),
    ] {
        let all = in_pieces(Captures, text.replace("$T", TIME).as_bytes(), &[usize::MAX], 1 << 20);
        let found: Vec<_> =
            all.iter().filter_map(|(_, what)| Some(data_and_id(what.as_ref().ok()?))).collect();
        let records = records.iter().map(|(data, id)| (data.replace("$T", TIME), id.to_string()));
        assert_eq!(found, records.collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn lines_that_are_no_rows_and_rows_with_an_id_and_a_time_cost_themselves_alone() {
    each_file(|file, _| {
        for junk in ["x", "x,y", "h1,h2,h3", "1,2,3,4,5,6,7", "0,i7", "null", "{x", "[", ""] {
            File { damaged: junk, ..*file }.check(false);
        }
        for data in ["\"7", "7\"", "\"7\"x", "7,\"x", "\"a\"\"", "{\"a\":x\"}", "\"7,\"8"] {
            File { damaged: &format!("{data},i7,{TIME}"), ..*file }.check(false);
        }
    });
}

#[test]
fn behind_a_quote_that_nothing_ends_memory_holds_so_much_and_no_more() {
    let line = "x".repeat(65_535) + "\n";
    let (mut rest, mut state, mut most) = (b"7,\"never\n".to_vec(), State::default(), 0);
    for piece in 0..400 {
        rest.extend_from_slice(line.as_bytes());
        if piece % 32 < 31 {
            continue;
        }
        most = most.max(rest.len());
        let span = Span { start: 0, end: rest.len() };
        let piece = Piece { span, state, ended: false, longest: LONGEST_RECORD, width: None };
        let (mut made, mut found) = (Vec::new(), Vec::new());
        let settled = reader::read(Captures, &rest, piece, &mut Workspace::default(), &mut made, &mut found);
        state = settled.state;
        rest.drain(..settled.end);
    }
    assert!((16 << 20..20 << 20).contains(&most) && rest.len() < 4 << 20, "{most} {}", rest.len());
}

#[test]
fn a_quote_too_many_behind_a_cell_of_json_joins_no_rows() {
    let rows: Vec<String> =
        (0..ROWS).map(|n| row(if n == 1 { "{\"a\":#,\"b\":2}" } else { "\",#\"" }, 0, 1, n)).collect();
    let damaged = rows[1].replace(",i1", ",\"i1");
    File { rows: &rows, place: 1, damaged: &damaged }.check(false);
}
