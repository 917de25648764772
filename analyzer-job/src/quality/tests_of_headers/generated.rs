//! Files with and without header rows by the hundred, of every kind of names and values, whose table is known. A run reads that
//! table, or stops, or names the first row that it took for something else; neither the order of the files nor their split into
//! parts changes which.

use std::collections::HashSet;
use std::fs;

use plumbline_common::codes;
use plumbline_common::stop::Stop;

use super::{orders, shown, splits};
use crate::monitor::format::Format;
use crate::monitor::rows::{self, Source};
use crate::quality::part::{Part, combine};
use crate::quality::pass;
use crate::random::Random;

/// A file, and what it holds.
#[derive(Debug, Clone)]
struct Made {
    text: String,
    has_header: bool,
    /// Its first row as messages show it.
    first: String,
    /// The cells of its rows, each with its column.
    rows: Vec<Vec<(usize, String)>>,
}

/// Files of one table.
#[derive(Debug)]
struct Case {
    names: [&'static str; WIDTH + 2],
    files: Vec<Made>,
    setting: Option<Format>,
    known: Vec<String>,
}

const WIDTH: usize = 3;

/// Three names and two more, which only a later file may have.
const NAMES: [[&str; WIDTH + 2]; 6] = [
    ["city", "plan", "n", "new", "old"],
    ["2019", "2020", "2021", "2022", "2023"],
    ["city", "2020", "2021", "2022", "old"],
    ["0", "1", "2", "3", "4"],
    ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01", "2020-05-01"],
    ["7", "x1", "y 2", "1e5", "-"],
];

/// A value of a column; some kinds look like names.
fn value(kind: usize, random: &mut Random) -> String {
    match kind {
        // Sums of these do not hang on their order.
        0 => format!("{}.{}", random.below(1000), ["125", "25", "5", "75"][random.below(4)]),
        1 => random.below(3).to_string(),
        2 => ["f", "m", ""][random.below(3)].into(),
        3 => format!("t{}", random.below(1_000_000)),
        4 => ["7", "A2", "A8", ""][random.below(4)].into(),
        5 => (2019 + random.below(4)).to_string(),
        6 => format!("2020-0{}-01", 1 + random.below(5)),
        _ => ["city", "plan", "red", "blue"][random.below(4)].into(),
    }
}

fn case(random: &mut Random) -> Case {
    let names = NAMES[random.below(NAMES.len())];
    let kinds: Vec<usize> = (0..WIDTH + 2).map(|_| random.below(8)).collect();
    // Header rows in all files, in none, or in some.
    let headers = random.below(3);
    let shuffles = random.below(2) == 0;
    let files = (0..1 + random.below(3)).map(|file| {
        let has_header = headers == 0 || headers == 2 && (file == 0 || random.below(2) == 0);
        let mut columns: Vec<usize> = (0..WIDTH).collect();
        if has_header && shuffles {
            let most = WIDTH + 2 * random.below(2);
            columns = random.order(most).into_iter().take(1 + random.below(most)).collect();
        }
        let rows: Vec<Vec<String>> = (0..1 + random.below(6))
            .map(|_| columns.iter().map(|&column| value(kinds[column], random)).collect())
            .filter(|row: &Vec<String>| !row.concat().is_empty())
            .collect();
        let header: Vec<String> = columns.iter().map(|&column| names[column].to_string()).collect();
        let lines: Vec<&Vec<String>> = has_header.then_some(&header).into_iter().chain(&rows).collect();
        let first = lines.first().map_or(String::new(), |line| {
            line.iter().map(|cell| format!("`{cell}`")).collect::<Vec<_>>().join(", ")
        });
        let text = lines.iter().map(|line| line.join(",") + "\n").collect();
        let placed = |row: Vec<String>| columns.iter().copied().zip(row).collect();
        Made { text, has_header, first, rows: rows.iter().cloned().map(placed).collect() }
    });
    let files: Vec<Made> = files.filter(|file| !file.text.is_empty()).collect();
    let all = |has| files.iter().all(|file| file.has_header == has);
    let setting = match random.below(3) {
        0 if all(true) => Some(Format::Csv { header: true }),
        1 if all(false) => Some(Format::Csv { header: false }),
        _ => None,
    };
    let own = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let known = match random.below(4) {
        0 => own(&names[..WIDTH]),
        1 => own(&[names[2], names[0], names[1]]),
        2 => own(&["k", "l", "m"]),
        _ => Vec::new(),
    };
    Case { names, files, setting, known }
}

/// `name=value` of the cells that have a value.
fn named<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut cells: Vec<String> =
        cells.filter(|(_, cell)| !cell.is_empty()).map(|(name, cell)| format!("{name}={cell}")).collect();
    cells.sort();
    cells.join(" ")
}

/// Files in this order, as a folder.
fn folder<'a>(files: impl Iterator<Item = (usize, &'a Made)>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (at, file) in files {
        fs::write(folder.path().join(format!("{at}.csv")), &file.text).unwrap();
    }
    folder
}

/// What was read.
struct Found {
    names: Vec<String>,
    /// As `name=value`.
    rows: Vec<String>,
    /// Numbers of the files whose first line is a row.
    with_first: Vec<usize>,
    told: String,
}

fn read(case: &Case, order: &[usize]) -> plumbline_common::Result<Found> {
    let folder = folder(order.iter().enumerate().map(|(at, &of)| (at, &case.files[of])));
    let stop = Stop::default();
    let source =
        Source { format: case.setting.clone(), known: &case.known, ..Source::new(folder.path(), &stop) };
    let (mut cells, mut with_first) = (Vec::new(), Vec::new());
    let (columns, account) = rows::read(&source, &mut |block, _| {
        for row in 0..block.rows() {
            if block.line(row) == 1 {
                let at: usize = block.file().file_stem().unwrap().to_str().unwrap().parse().unwrap();
                with_first.push(order[at]);
            }
            cells
                .push((0..block.width()).map(|at| block.cell(row, at).map(String::from)).collect::<Vec<_>>());
        }
        Ok(block)
    })?;
    let names: Vec<String> = columns.names.into_iter().collect();
    let by_name = |row: &Vec<Option<String>>| {
        named(names.iter().zip(row).filter_map(|(name, cell)| Some((name.as_str(), cell.as_deref()?))))
    };
    let mut rows: Vec<String> = cells.iter().map(by_name).collect();
    rows.sort();
    Ok(Found { rows, with_first, told: account.warnings.join("\n"), names })
}

/// That the rows are those that the files hold, or that each first row which was taken for something else is named.
fn check_truth(case: &Case, found: &Found) -> bool {
    // Nothing names the columns.
    let is_bare = case.files.iter().all(|file| !file.has_header);
    let name = |column: usize| match is_bare {
        true => format!("_c{column}"),
        false => case.names[column].to_string(),
    };
    let by_name = |row: &Vec<(usize, String)>| {
        let cells: Vec<(String, &str)> =
            row.iter().map(|(column, cell)| (name(*column), cell.as_str())).collect();
        named(cells.iter().map(|(name, cell)| (name.as_str(), *cell)))
    };
    let mut expected: Vec<String> = case.files.iter().flat_map(|file| &file.rows).map(by_name).collect();
    expected.sort();
    if found.rows == expected {
        return true;
    }
    let is_told = |file: &Made| found.told.contains(&format!("({})", file.first));
    let mistaken: Vec<&Made> = case
        .files
        .iter()
        .enumerate()
        .filter(|(at, file)| file.has_header == found.with_first.contains(at))
        .map(|(_, file)| file)
        .collect();
    let is_explained = match mistaken[..] {
        // Pieces by position, under the names of the only header row.
        [] => {
            let headers: HashSet<&String> =
                case.files.iter().filter(|file| file.has_header).map(|file| &file.first).collect();
            headers.len() == 1 && case.files.iter().filter(|file| !file.has_header).all(is_told)
        }
        _ => mistaken.into_iter().all(is_told),
    };
    assert!(
        is_explained,
        "{case:?}\nfound {:?} {:?}\nexpected {expected:?}\n{}",
        found.names, found.rows, found.told
    );
    false
}

/// The profile of the files in parts, or why there is none.
fn parts(case: &Case, split: &[usize]) -> plumbline_common::Result<Part> {
    let n = split.iter().max().map_or(0, |last| last + 1);
    let part = |part: usize| {
        let own = case.files.iter().enumerate().filter(|(at, _)| split[*at] == part);
        let folder = folder(own);
        let stop = Stop::default();
        let source =
            Source { format: case.setting.clone(), known: &case.known, ..Source::new(folder.path(), &stop) };
        Ok((format!("{part}.state").into(), Part::new(pass::profile(&source)?, Vec::new())))
    };
    combine((0..n).map(part).collect::<plumbline_common::Result<_>>()?, &case.known)
}

#[test]
fn a_run_is_right_or_refused_or_names_the_row_in_any_order_and_any_split() {
    let random = &mut Random::new(18, 0);
    let (mut right, mut told, mut refused, mut of_baseline) = (0, 0, 0, 0);
    for _ in 0..700 {
        let case = case(random);
        if case.files.is_empty() {
            continue;
        }
        let order: Vec<usize> = (0..case.files.len()).collect();
        let whole = read(&case, &order);
        // The baseline knows all names.
        let is_of_baseline = |file: &Made| {
            let mut header: Vec<String> =
                file.text.lines().next().unwrap().split(',').map(String::from).collect();
            let mut known = case.known.clone();
            header.sort();
            known.sort();
            file.has_header && header == known
        };
        if case.files.iter().all(is_of_baseline) {
            assert!(whole.as_ref().is_ok_and(|found| check_truth(&case, found)), "{case:?}");
            of_baseline += 1;
        }
        match &whole {
            Ok(found) if check_truth(&case, found) => right += 1,
            Ok(_) => told += 1,
            Err(problem) => {
                refused += 1;
                assert_eq!(problem.code(), &codes::HEADERS_DO_NOT_FIT, "{case:?} {problem}");
                assert_ne!(case.setting, Some(Format::Csv { header: false }), "{case:?} {problem}");
            }
        }
        for order in orders(case.files.len()) {
            match (&whole, &read(&case, &order)) {
                (Ok(one), Ok(other)) => assert_eq!(one.rows, other.rows, "{case:?} {order:?}"),
                (Err(_), Err(_)) => {}
                (_, Err(problem)) => panic!("{case:?} {order:?}: {problem}"),
                (Err(problem), _) => panic!("{case:?} {order:?} is read, and not in order: {problem}"),
            }
        }
        let in_one = parts(&case, &vec![0; case.files.len()]);
        assert_eq!(in_one.is_ok(), whole.is_ok(), "{case:?}");
        for split in splits(case.files.len()) {
            match (&in_one, parts(&case, &split)) {
                (Ok(one), Ok(sum)) => {
                    assert_eq!(shown(&one.profiled), shown(&sum.profiled), "{case:?} {split:?}");
                }
                (_, Err(problem)) => {
                    let codes = [&codes::HEADERS_DO_NOT_FIT, &codes::STATES_DO_NOT_FIT];
                    assert!(codes.contains(&problem.code()), "{case:?} {split:?}: {problem}");
                }
                (Err(problem), Ok(_)) => panic!("{case:?} {split:?} is combined, and one run says {problem}"),
            }
        }
    }
    let counts = [right, told, refused, of_baseline];
    assert!(right > 300 && told > 30 && refused > 100 && of_baseline > 20, "{counts:?}");
}
