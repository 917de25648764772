//! Files of rows of a batch transform: several rows damaged alike, at the beginning too, every kind of line end, rows of varying
//! width, headings. Half a row is never a record, and no more good rows are lost than the documentation says.

#[path = "support/merge_found.rs"]
mod merge_found;
#[path = "support/merge_pieces.rs"]
mod merge_pieces;
#[path = "support/merge_plain_rows.rs"]
mod merge_plain_rows;

use std::collections::BTreeSet;

use merge_found::found;
use merge_plain_rows::{TIME, as_one_line, as_one_row, last_two, rests_behind_a_heading};

/// First cells of a row, and what follows them; `#` stands for the number of the row.
const FIRST: [&str; 10] = [
    "7",
    "\"c,#\"",
    "\"x,\ny,#\"",
    "{\"a\":#}",
    "{\"a\":[#,2],\"b\":\"x y\"}",
    "{'a': #, 'b': 2}",
    "[0.1,0.#]",
    "[[\"a\",\"#\"],{}]",
    "",
    ",",
];
const BEHIND: [&str; 6] =
    ["", ",#", ",\"x, 0.5\ny\",0.7", ",\"say \"\"hi\"\", #\"", ",a,\"x\ny\"", ",,[1,#],{\"b\":\"#\"}"];
const ROWS: usize = 11;
/// Rows behind a damaged one with quotes that may be lost with it.
const LOST: usize = 3;

fn row(first: &str, behind: &str, n: usize) -> String {
    format!("{first}{behind},i{n},{TIME}").replace('#', &(n % 10).to_string())
}

fn rows(first: &str, behind: &str) -> Vec<String> {
    (0..ROWS).map(|n| row(first, behind, n)).collect()
}

/// The laws that hold for any damage of some rows: `damaged` has the text of those.
#[track_caller]
fn check(first: &str, rows: &[String], damaged: &[(usize, String)], may_be_heading: bool) {
    let of = |n: usize| damaged.iter().find(|(place, _)| *place == n).map(|(_, text)| text.as_str());
    let text: String = (0..rows.len()).map(|n| format!("{}\n", of(n).unwrap_or(&rows[n]))).collect();
    let (good, bad) = found(&text);
    let whole = |n: usize| as_one_line(&rows[n], n).unwrap();
    let mut allowed: BTreeSet<_> = (0..rows.len()).filter(|n| of(*n).is_none()).map(whole).collect();
    for (_, text) in damaged {
        allowed.extend(as_one_row(text).or_else(|| last_two(text.trim_start())));
        // A first cell of JSON that is whole is one cell, with its commas and quotes.
        if first.starts_with(['{', '[']) && rows.iter().any(|row| text.starts_with(&row[..first.len()])) {
            let (first, behind) = text.split_at(first.len());
            allowed.extend(
                as_one_row(&format!("7{behind}")).map(|(data, id)| (format!("{first}{}", &data[1..]), id)),
            );
        }
        if may_be_heading {
            allowed.extend(rests_behind_a_heading(text));
        }
    }
    // The quotes of several damaged rows may work out together.
    for (n, (place, text)) in damaged.iter().enumerate() {
        let next = damaged[n + 1..].iter().zip(place + 1..).take_while(|((at, _), next)| at == next);
        let mut joined = text.clone();
        for ((_, text), _) in next {
            joined = format!("{joined}\n{text}");
            allowed.extend(as_one_row(&joined));
        }
    }
    let half = good.difference(&allowed).next();
    assert!(half.is_none(), "{half:?} is no row of {text:?}: {bad:?}");
    // Only where quotes do not work out, or a doubled one may be divided, rows behind are in doubt.
    let is_row = |line: &str| as_one_row(&format!("{line},,{TIME}")).is_some() && !line.ends_with('"');
    let ends_as_row = |line: &str| line.ends_with(TIME) && last_two(line).is_some();
    let doubts = |text: &str| !text.lines().all(|line| is_row(line) || ends_as_row(line));
    let lost = |n: usize| (n.saturating_sub(LOST)..n).any(|before| of(before).is_some_and(doubts));
    for n in (0..rows.len()).filter(|n| of(*n).is_none() && !lost(*n)) {
        assert!(good.contains(&whole(n)), "row {n} is not found in {text:?}: {bad:?}");
    }
    let lines: usize = damaged.iter().map(|(_, text)| text.lines().count() + LOST).sum();
    // Where nothing says that these are rows, values of JSON are counted one by one.
    assert!(bad.len() <= lines || damaged.len() == rows.len(), "{text:?}: {bad:?}");
    assert!(bad.is_sorted(), "{text:?}: {bad:?}");
}

/// Files in which a row, or some, are damaged in one way at one place.
fn each_damage(
    check: impl Fn(&str, &[String], &[(usize, String)]),
    damages: &[fn(&str, usize) -> Option<String>],
) {
    for first in FIRST {
        for behind in BEHIND {
            let rows = rows(first, behind);
            for places in [&[0][..], &[0, 1], &[0, 1, 2], &[4], &[4, 5], &[2, 3, 4]] {
                for damage in damages {
                    for at in 0..=rows[0].len() {
                        let damaged: Option<Vec<_>> =
                            places.iter().map(|n| Some((*n, damage(&rows[*n], at)?))).collect();
                        if let Some(damaged) = damaged {
                            check(first, &rows, &damaged);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn rows_that_lost_a_quote_or_got_one_alike() {
    let lost = |row: &str, at: usize| {
        row[at..].starts_with('"').then(|| format!("{}{}", &row[..at], &row[at + 1..]))
    };
    let added = |row: &str, at: usize| Some(format!("{}\"{}", &row[..at], &row[at..]));
    each_damage(|first, rows, damaged| check(first, rows, damaged, false), &[lost, added]);
}

#[test]
fn rows_that_are_cut_alike() {
    let cut = |row: &str, at: usize| (at > 0 && at < row.len()).then(|| row[..at].to_string());
    each_damage(|first, rows, damaged| check(first, rows, damaged, false), &[cut]);
}

#[test]
fn rows_that_line_ends_divide_alike() {
    let torn =
        |row: &str, at: usize| (at > 0 && at < row.len()).then(|| format!("{}\n{}", &row[..at], &row[at..]));
    let twice = |row: &str, at: usize| {
        let next = at + 1 + 7 * at % row.len();
        (at > 0 && next < row.len())
            .then(|| format!("{}\r\n{}\n{}", &row[..at], &row[at..next], &row[next..]))
    };
    let returns =
        |row: &str, at: usize| (at > 0 && at < row.len()).then(|| format!("{}\r{}", &row[..at], &row[at..]));
    each_damage(|first, rows, damaged| check(first, rows, damaged, true), &[torn, twice]);
    each_damage(|first, rows, damaged| check(first, rows, damaged, false), &[returns]);
}

#[test]
fn where_every_row_is_torn_none_is_read() {
    for first in FIRST {
        for behind in BEHIND {
            let rows = rows(first, behind);
            for at in 1..rows[0].len() {
                for number in [1, 2, 3, ROWS] {
                    let torn: Vec<_> =
                        (0..number).map(|n| (n, format!("{}\n{}", &rows[n][..at], &rows[n][at..]))).collect();
                    check(first, &rows[..number], &torn, true);
                }
            }
        }
    }
}

#[test]
fn rows_may_end_with_any_line_end_whatever_they_begin_with() {
    for first in FIRST {
        for behind in BEHIND {
            for end in ["\n", "\r\n", "\r", "\r\r\n", "\n\n", "\r\r"] {
                for is_last_ended in [true, false] {
                    let rows = rows(first, behind);
                    let text = rows.join(end) + if is_last_ended { end } else { "" };
                    let (good, bad) = found(&text);
                    let all = rows.iter().enumerate().map(|(n, row)| as_one_line(row, n).unwrap());
                    assert!(good == all.collect() && bad.is_empty(), "{text:?}: {good:?} {bad:?}");
                }
            }
        }
    }
}

#[test]
fn headings_and_comments_cost_themselves_alone() {
    for first in FIRST {
        for behind in BEHIND {
            let rows = rows(first, behind);
            for heading in
                ["x", "# it\"s", "h1,h2,h3", "# a, b", "\"a b\",\"c\"", "\"a b\"", "a,\"b\"\"c\",d,e,f"]
            {
                // Behind a single cell, a row may lack its first one.
                if first.is_empty() || first == "," || first.starts_with('"') && heading == "\"a b\"" {
                    continue;
                }
                for place in [0, 5] {
                    let mut lines = rows.clone();
                    lines.insert(place, heading.into());
                    let text = lines.join("\n");
                    let (good, bad) = found(&text);
                    let line = 1 + lines[..place].iter().map(|row| row.lines().count() as u64).sum::<u64>();
                    let all = rows.iter().enumerate().map(|(n, row)| as_one_line(row, n).unwrap());
                    assert!(good == all.collect() && bad == [line], "{text:?}: {good:?} {bad:?}");
                }
            }
        }
    }
}

#[test]
fn a_list_is_one_cell_however_long_it_is() {
    let rows: Vec<String> = (0..ROWS).map(|n| row(&format!("[0.1{}]", ",2".repeat(n)), ",b", n)).collect();
    for at in 1..rows[4].len() {
        let mut lines = rows.clone();
        lines.insert(8, "h1,h2".into());
        lines[4] = format!("{}\n{}", &rows[4][..at], &rows[4][at..]);
        let (good, bad) = found(&lines.join("\n"));
        let others = (0..ROWS).filter(|n| *n != 4).map(|n| as_one_line(&rows[n], n).unwrap());
        assert!(good == others.collect() && bad.len() <= 3, "{lines:?}: {good:?} {bad:?}");
    }
}

#[test]
fn among_rows_of_varying_width_only_what_is_sure_is_read() {
    let rows: Vec<String> = (0..ROWS).map(|n| row("a", &",b".repeat(n % 3), n)).collect();
    let whole = |n: usize| as_one_line(&rows[n], n).unwrap();
    let all: BTreeSet<_> = (0..ROWS).map(whole).collect();
    assert_eq!(found(&rows.join("\n")), (all.clone(), vec![]));
    for place in 0..ROWS {
        for (heading, cost) in [("x", 0), ("h1,h2", 1)] {
            let mut lines = rows.clone();
            lines.insert(place, heading.into());
            let (good, bad) = found(&lines.join("\n"));
            assert!(good.is_subset(&all) && good.len() == ROWS - cost, "{lines:?}: {good:?}");
            assert_eq!(bad.len(), 1 + cost, "{lines:?}: {bad:?}");
        }
        for at in 1..rows[place].len() {
            let mut lines = rows.clone();
            lines[place] = format!("{}\n{}", &rows[place][..at], &rows[place][at..]);
            let (good, bad) = found(&lines.join("\n"));
            assert!(good.is_subset(&all) && good.len() >= ROWS - 2 && !bad.is_empty(), "{lines:?}: {good:?}");
        }
    }
}

#[test]
fn what_the_beginning_of_a_file_says_holds_for_all_of_it() {
    // Rows of another width later on are records, but not behind a line that is none.
    let rows: Vec<String> = (0..ROWS).map(|n| row("a", if n < 8 { ",b" } else { "" }, n)).collect();
    for place in 0..ROWS {
        let mut lines = rows.clone();
        lines.insert(place, "h1,h2".into());
        let (good, _) = found(&lines.join("\n"));
        assert_eq!(good.len(), ROWS - usize::from(place >= 8), "{lines:?}");
    }
}
