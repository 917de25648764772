//! First rows of CSV files: names or data, whatever the order of the files.

use super::*;
use crate::random::Random;

/// As without `dataset_format`.
fn guessed(files: &[(&str, &[u8])]) -> Found {
    try_read(CSV, files, |source| source.format = None).unwrap()
}

fn text(header: Option<&str>, rows: &[String]) -> String {
    header.into_iter().map(Into::into).chain(rows.iter().cloned()).map(|line| line + "\n").collect()
}

/// Reads the texts as files in this order, named by their places in it.
fn in_order(texts: &[String], order: &[usize], change: impl Fn(&mut Source<'_>)) -> Found {
    let names: Vec<String> = (0..order.len()).map(|at| format!("{at}.csv")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().zip(order).map(|(name, &at)| (name.as_str(), texts[at].as_bytes())).collect();
    try_read(CSV, &files, change).unwrap()
}

fn orders(n: usize) -> Vec<Vec<usize>> {
    (0..n).fold(vec![vec![]], |orders, at| {
        let longer = |order: Vec<usize>| {
            (0..=order.len()).map(move |place| [&order[..place], &[at], &order[place..]].concat())
        };
        orders.into_iter().flat_map(longer).collect()
    })
}

/// The rows as `name=value` of what they have, sorted.
fn by_name(found: &Found) -> Vec<String> {
    let row = |row: &Vec<Option<String>>| {
        let cells = found.names.iter().zip(row);
        let mut cells: Vec<String> =
            cells.filter_map(|(name, cell)| Some(format!("{name}={}", cell.as_ref()?))).collect();
        cells.sort();
        cells.join(" ")
    };
    let mut rows: Vec<String> = found.rows.iter().map(row).collect();
    rows.sort();
    rows
}

/// Names of columns of several files: nothing in common, some, all in another order, one file that has them all.
const HEADERS: [&[&str]; 9] = [
    &["a,b", "s,t"],
    &["a,b", "s,t", "a,b,s,t"],
    &["a,b", "b,c", "c,d"],
    &["a,b,c", "c,a,b", "b"],
    &["a", "b", "c"],
    &["a,b,c", "d", "a,e", "f,g"],
    &[",a,b", ",b,a", ",c"],
    &["id,2020,2021", "id,2021,2022", "2020,id"],
    &["0,1,2", "0,1,2,3"],
];

/// The rows of a file with numbers, and what they are by name.
fn numbers(header: &str, file: usize) -> (String, Vec<String>) {
    let names = header.split(',').enumerate();
    let names: Vec<String> =
        names.map(|(at, name)| if name.is_empty() { format!("_c{at}") } else { name.into() }).collect();
    let value = |row: usize, at: usize| format!("{}.5", 100 * file + 10 * row + at);
    let rows: Vec<String> =
        (0..3).map(|row| (0..names.len()).map(|at| value(row, at)).collect::<Vec<_>>().join(",")).collect();
    let named = (0..3).map(|row| {
        let mut cells: Vec<String> =
            names.iter().enumerate().map(|(at, name)| format!("{name}={}", value(row, at))).collect();
        cells.sort();
        cells.join(" ")
    });
    (text(Some(header), &rows), named.collect())
}

#[test]
fn files_with_header_rows_are_one_table_by_name_in_every_order() {
    for headers in HEADERS {
        let (texts, expected): (Vec<_>, Vec<_>) =
            headers.iter().enumerate().map(|(file, header)| numbers(header, file)).unzip();
        let mut expected = expected.concat();
        expected.sort();
        for order in orders(texts.len()) {
            let found = in_order(&texts, &order, |_| {});
            assert_eq!(by_name(&found), expected, "{headers:?} {order:?}: {:?}", found.account.warnings);
            assert_eq!(found.account.bad, 0);
            // The same where nothing says that they have header rows, but for numbers, which may be data.
            if headers.concat().contains(|c: char| c.is_ascii_digit()) {
                assert!(refused(&texts, &order).contains("PL0303"), "{headers:?} {order:?}");
                continue;
            }
            let found = in_order(&texts, &order, |source| source.format = None);
            assert_eq!(by_name(&found), expected, "{headers:?} {order:?}: {:?}", found.account.warnings);
        }
    }
}

/// Texts alone do not tell names from data: that all of them are names of a sure header row or of the baseline does.
#[test]
fn first_rows_of_texts_that_differ_are_names_where_the_setting_the_baseline_or_a_sure_header_row_says_so() {
    let body = |n: usize, width: usize| -> Vec<String> {
        let cell = |row: usize, at: usize| ["oslo", "rome", "bern"][(row * 2 + at + n) % 3].to_string();
        (0..6).map(|row| (0..width).map(|at| cell(row, at)).collect::<Vec<_>>().join(",")).collect()
    };
    for headers in
        [&["a,b", "b,a", "a"][..], &["a,b", "b,c", "c,d"], &["a,b", "a,b", "b,a"], &["a,b", "s,t", "u,v"]]
    {
        let texts: Vec<String> = headers
            .iter()
            .enumerate()
            .map(|(n, header)| text(Some(header), &body(n, header.split(',').count())))
            .collect();
        let expected = by_name(&in_order(&texts, &[0, 1, 2], |_| {}));
        assert_eq!(expected.len(), 18);
        let known: &'static [String] =
            ["a", "b", "c", "d", "s", "t", "u", "v"].map(String::from).to_vec().leak();
        let sure = text(Some("a,b,c,d,s,t,u,v"), &["1,2,3,4,5,6,7,8".to_string()]);
        let with_sure: Vec<String> = texts.iter().cloned().chain([sure]).collect();
        let all = by_name(&in_order(&with_sure, &[0, 1, 2, 3], |_| {}));
        for order in orders(3) {
            let found = in_order(&texts, &order, |_| {});
            assert_eq!(by_name(&found), expected, "{headers:?} {order:?}: {:?}", found.account.warnings);
            let found = in_order(&texts, &order, |source| (source.format, source.known) = (None, known));
            assert_eq!(by_name(&found), expected, "{headers:?} {order:?}: {:?}", found.account.warnings);
            let told = refused(&texts, &order);
            assert!(told.contains("PL0303") && told.contains(r#"{"csv": {"header": false}}"#), "{told}");
        }
        for order in orders(4) {
            let found = in_order(&with_sure, &order, |source| source.format = None);
            assert_eq!(by_name(&found), all, "{headers:?} {order:?}: {:?}", found.account.warnings);
        }
    }
}

/// Data without header rows that may be names, values of which are alike by chance; and names that look like data.
#[test]
fn first_rows_that_differ_and_may_be_either_are_refused_in_every_order() {
    let tables: [&[&str]; 8] = [
        &["Oslo,06:12\nBern,06:40\n", "Oslo,06:13\nBern,06:41\n", "Oslo,06:14\nBern,06:42\n"],
        &["Oslo,06:12,rain\nBern,06:40,sun\n", "Oslo,06:13,rain\nKiel,06:41,snow\n"],
        &["red,tall\nblue,short\n", "green,tall\nred,short\n", "blue,tall\ngrey,mid\n"],
        &["red,tall\nblue,short\n", "green,mid\ngrey,low\n"],
        &["name,2020\nbob,u1\neve,u2\n", "jim,u5\nann,u6\n"],
        &["name,y2\nbob,u1\n", "jim,u5\nann,u6\n", "tom,u7\nkim,u8\n"],
        &["city,2019,2020\nOslo,1,2\nBern,3,4\n", "2020,2019,city\n6,5,Rome\n8,7,Kiel\n"],
        &["city,2019\nOslo,1\nBern,3\n", "city,2019,2020\nRome,1,2\nKiel,4,5\n"],
    ];
    for texts in tables {
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        let rows: usize = texts.iter().map(|text| text.lines().count()).sum();
        for order in orders(texts.len()) {
            let told = refused(&texts, &order);
            assert!(told.contains("PL0303") && told.contains(r#"{"csv": {"header": true}}"#), "{told}");
            assert!(
                told.contains(".csv")
                    && told.contains(texts[order[0]].lines().next().unwrap().split(',').next().unwrap()),
                "{told}"
            );
        }
        let named: Vec<String> = (0..texts.len()).map(|at| format!("{at}.csv")).collect();
        let files = named.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_bytes()));
        match try_read(CSV, &files.collect::<Vec<_>>(), |_| {}) {
            Ok(whole) => assert_eq!(whole.rows.len() + whole.account.bad as usize, rows - texts.len()),
            Err(problem) => assert!(texts[0].starts_with("name,2020"), "{problem}"),
        }
    }
}

/// What is said of files that cannot be read without `dataset_format`.
fn refused(texts: &[String], order: &[usize]) -> String {
    refused_as(None, texts, order)
}

fn refused_as(format: Option<Format>, texts: &[String], order: &[usize]) -> String {
    refused_with(format, texts, order, &[])
}

fn refused_with(
    format: Option<Format>,
    texts: &[String],
    order: &[usize],
    known: &'static [String],
) -> String {
    let names: Vec<String> = (0..order.len()).map(|at| format!("{at}.csv")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().zip(order).map(|(name, &at)| (name.as_str(), texts[at].as_bytes())).collect();
    match try_read(CSV, &files, |source| (source.format, source.known) = (format.clone(), known)) {
        Ok(found) => panic!("{texts:?} {order:?}: {:?} {:?}", found.names, found.account.warnings),
        Err(problem) => problem.to_string(),
    }
}

/// Values of a column, by kind.
fn values(kind: usize, random: &mut Random) -> String {
    match kind {
        0 => random.below(2).to_string(),
        1 => (20 + random.below(40)).to_string(),
        2 => format!("{:.4}", random.uniform()),
        3 => ["f", "m"][random.below(2)].into(),
        4 => ["red", "blue", "green", ""][random.below(4)].into(),
        _ => format!("id{}", random.below(1_000_000)),
    }
}

#[test]
fn files_without_header_rows_keep_every_value_in_its_column_and_lose_no_row_silently() {
    let random = &mut Random::new(11, 0);
    let (mut lost, mut refused) = (0, 0);
    for case in 0..400 {
        let width = 1 + random.below(5);
        let mut kinds: Vec<usize> = (0..width).map(|_| random.below(6)).collect();
        // Texts that are all different are no more than names for any program.
        if kinds.iter().all(|kind| *kind == 5) {
            kinds[0] = random.below(5);
        }
        let files: Vec<Vec<String>> = (0..1 + random.below(4))
            .map(|_| {
                let row = |_| kinds.iter().map(|&kind| values(kind, random)).collect::<Vec<_>>().join(",");
                (0..30).map(row).filter(|row| !row.is_empty()).collect()
            })
            .collect();
        let texts: Vec<String> = files.iter().map(|rows| text(None, rows)).collect();
        let named: Vec<String> = (0..files.len()).map(|at| format!("{at}.csv")).collect();
        let named = named.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_bytes()));
        let read = try_read(CSV, &named.collect::<Vec<_>>(), |source| source.format = None);
        let found = match read {
            Ok(found) => found,
            Err(problem) => {
                assert_eq!(problem.code(), &codes::HEADERS_DO_NOT_FIT);
                refused += 1;
                continue;
            }
        };
        let told = found.account.warnings.join("\n");
        let case = format!(
            "case {case}, {kinds:?}, {:?}: {told}",
            files.iter().map(|rows| &rows[0]).collect::<Vec<_>>()
        );
        assert_eq!(found.names.len(), width, "{case}");
        let shown = |row: &Vec<Option<String>>| {
            row.iter().map(|cell| cell.clone().unwrap_or_default()).collect::<Vec<_>>().join(",")
        };
        let rows: Vec<String> = found.rows.iter().map(shown).collect();
        let name =
            |(at, name): (usize, &String)| if *name == format!("_c{at}") { "" } else { name }.to_string();
        let named = found.names.iter().enumerate().map(name).collect::<Vec<_>>().join(",");
        let mut expected = files.concat();
        if rows.len() < expected.len() {
            lost += 1;
            assert!(told.contains("dataset_format"), "{case}");
            let body = |rows: &Vec<String>| rows[usize::from(rows[0] == named)..].to_vec();
            expected = files.iter().flat_map(body).collect();
        }
        assert_eq!(rows, expected, "{case}");
        assert_eq!(found.account.bad, 0, "{case}");
    }
    assert!((1..100).contains(&lost) && (1..100).contains(&refused), "{lost} {refused}");
}

/// As `split` makes them.
#[test]
fn pieces_of_which_one_has_the_header_row_lose_no_row_and_each_is_told() {
    let bodies: [[&[&str]; 3]; 3] = [
        [&["1,2", "3,4"], &["5,6", "7,8"], &["9,10", "11,12"]],
        [&["oslo,1", "rome,2"], &["bern,3", "oslo,4", "bern,5"], &["rome,5", "rome,6"]],
        [&["1,oslo", "2,rome"], &["3,bern", "4,bern"], &[",rome", "5,rome"]],
    ];
    for body in bodies {
        let rows = |at: usize| body[at].iter().map(|row| row.to_string()).collect::<Vec<_>>();
        let texts = [text(Some("a,b"), &rows(0)), text(None, &rows(1)), text(None, &rows(2))];
        let mut expected: Vec<String> = (0..3).flat_map(rows).collect();
        expected.sort();
        for order in orders(3) {
            let found = in_order(&texts, &order, |source| source.format = None);
            let told = found.account.warnings.join("\n");
            assert_eq!(found.names.join(","), "a,b", "{order:?}: {told}");
            let mut short: Vec<String> =
                found.short().iter().map(|row| row.replace('|', ",").replace('-', "")).collect();
            short.sort();
            assert_eq!(short, expected, "{order:?}");
            let main = order.iter().position(|&at| at == 0).unwrap();
            for (at, &of) in order.iter().enumerate().filter(|(_, of)| **of > 0) {
                let cells = body[of][0].replace(',', "`, `");
                let what = format!(
                    "{at}.csv: the first row (`{cells}`) is taken as data, and the columns are by position those of {main}.csv; if \
                     it names columns, set `dataset_format` to {{\"csv\": {{\"header\": true}}}}"
                );
                assert!(told.contains(&what), "{what}\n{told}");
            }
            // Where `dataset_format` says that each file has one, they look like data.
            let told = refused_as(Some(CSV), &texts, &order);
            assert!(told.contains("give every piece the header row"), "{told}");
        }
    }
    // What may be either is no row.
    for piece in ["bern,3\noslo,4\n", "unknown,bern\n4,bern\n", "1,2,3\n4,5,6\n", "a,7\na,8\n"] {
        let told = refused(&["a,b\nx,1\ny,2\n".into(), piece.into()], &[0, 1]);
        assert!(told.contains("give every piece the header row"), "{told}");
    }
}

/// Ten files are told one by one, then their number.
#[test]
fn each_file_whose_first_row_is_taken_as_data_is_told_up_to_ten() {
    for (files, more) in [(3, None), (10, None), (13, Some("so in 3 files"))] {
        let texts: Vec<String> = (0..files).map(|n| format!("{},{}\n5,6\n", 2019 + n, 2018 - n)).collect();
        let order: Vec<usize> = (0..files).collect();
        let told = in_order(&texts, &order, |source| source.format = None).account.warnings;
        let named = |n: &usize| {
            told.iter()
                .any(|told| told.contains(&format!("(`{}`, `{}`) is taken as data", 2019 + n, 2018 - n)))
        };
        assert_eq!(order.iter().filter(|n| named(n)).count(), files.min(10), "{told:?}");
        assert!(more.is_none_or(|more| told.join("\n").contains(more)), "{told:?}");
    }
}

/// Names that are numbers: the setting says that they are names, and so does a baseline that has all of them, in any order.
#[test]
fn header_rows_of_numbers_go_by_name_where_the_setting_or_the_baseline_says_so() {
    let headers: [&[&str]; 4] =
        [&["2019,2020", "2020,2019"], &["0,1,2", "2,1,0"], &["2019,2020", "2020"], &["5,7", "7,5", "5"]];
    for headers in headers {
        let (texts, expected): (Vec<_>, Vec<_>) =
            headers.iter().enumerate().map(|(file, header)| numbers(header, file)).unzip();
        let mut expected = expected.concat();
        expected.sort();
        let known: Vec<String> = headers[0].split(',').rev().map(Into::into).collect();
        let known: &'static [String] = known.leak();
        let has_all = |header: &&&str| header.split(',').count() == known.len();
        for order in orders(texts.len()) {
            for known in [&[], known] {
                let found = in_order(&texts, &order, |source| source.known = known);
                assert_eq!(by_name(&found), expected, "{headers:?} {order:?}: {:?}", found.account.warnings);
            }
            if headers.iter().all(|header| has_all(&header)) {
                let found = in_order(&texts, &order, |source| (source.format, source.known) = (None, known));
                let told = found.account.warnings.join("\n");
                assert_eq!(by_name(&found), expected, "{headers:?} {order:?}: {told}");
                assert!(told.contains("is taken as the names of the columns"), "{told}");
            }
        }
    }
    // A value that is a name of the baseline by chance.
    let files = [("x.csv", &b"red\nblue\nred\n"[..])];
    let known: &'static [String] = ["red", "blue"].map(String::from).to_vec().leak();
    let found = try_read(CSV, &files, |source| (source.format, source.known) = (None, known)).unwrap();
    assert!(found.account.warnings.join("\n").contains("(`red`) is taken as the names"));
    // A name twice, which is no data.
    assert!(refused(&["n,n\n1,2\n".into()], &[0]).contains("`n` twice"));
    // Numbers that have nothing in common, and data that are alike by chance.
    let texts = ["color,size\nred,1\n", "red,5\ngreen,6\n", "red,7\nblue,8\n"].map(String::from);
    orders(3).iter().for_each(|order| assert!(refused_as(Some(CSV), &texts, order).contains("PL0303")));
    for texts in [["2019,2020\n1,2\n", "2021,2022\n3,4\n"], ["a,b\n1,2\n", "5,6\n7,8\n"]] {
        let told = refused_as(Some(CSV), &texts.map(String::from), &[0, 1]);
        assert!(told.contains("PL0303") && told.contains(r#"{"csv": {"header": false}}"#), "{told}");
    }
}

/// Whose columns a piece without a header row has, two header rows do not tell.
#[test]
fn data_beside_header_rows_in_different_orders_are_refused() {
    let texts = ["a,b\n1,2\n3,4\n", "b,a\n1,2\n3,4\n", "5,6\n7,8\n"].map(String::from);
    let known: &'static [String] = ["b", "a"].map(String::from).to_vec().leak();
    for order in orders(3) {
        for known in [&[], known] {
            let told = refused_with(None, &texts, &order, known);
            assert!(told.contains("PL0303") && told.contains("`5`, `6`"), "{told}");
        }
    }
}

/// A text above numbers by chance, and one that stands below too.
#[test]
fn a_text_of_a_mixed_column_is_no_silent_header_row() {
    let text = "Oslo,A2\n,A8\n7,A2\n";
    let told = guessed(&[("x.csv", text.as_bytes())]).account.warnings.join("\n");
    assert!(told.contains("(`Oslo`, `A2`)") && told.contains(r#"{"header": false}"#), "{told}");
    let texts = [text.into(), "city,code,n\nRome,A1,5\nBern,A3,6\n".to_string()];
    orders(2).iter().for_each(|order| assert!(refused(&texts, order).contains("PL0303")));
}

#[test]
fn a_first_row_of_numbers_is_data_and_a_doubtful_one_is_told() {
    for name in ["x.csv", "x"] {
        for (text, header, doubted) in [
            ("1,2\n3,4\n", false, Some("`1`, `2`")),
            ("-1.5,1e3,\n", false, Some("-1.5")),
            ("\n7\n8\n", false, Some("`7`")),
            ("\"1\",\"2\"\n", false, Some("`1`, `2`")),
            ("yes,yes\nno,yes\n", false, Some("`yes`, `yes`")),
            ("0,1,2\n5,6,7\n", true, Some("`0`, `1`, `2`")),
            ("0,1\n5,6\n", false, Some("`0`, `1`")),
            ("1,a\n2,b\n", true, Some("`1`, `a`")),
            ("red,x\nred,y\n", false, Some("`red`, `x`")),
            ("a,b\n1,2\n", true, Some("`a`, `b`")),
            ("a,b\na,b\n1,2\n", true, Some("`a`, `b`")),
            (&format!("a,b\n{}", "1,2\n".repeat(10)), true, None),
            (&format!("a,b\n{}", "1,2\n".repeat(9)), true, Some("`a`, `b`")),
            (&format!("a,b\n{}x,2\n", "1,2\n".repeat(9)), true, None),
            ("a,b\nx,y\n", true, Some("`a`, `b`")),
            ("a,\n1,2\n", true, Some("`a`, ``")),
            (&format!(",a\n{}", "1,2\n".repeat(10)), true, None),
        ] {
            let found = guessed(&[(name, text.as_bytes())]);
            assert_eq!(found.account.format, Some(Format::Csv { header }), "{text}");
            let told = found.account.warnings.join("\n");
            assert_eq!(told.contains("dataset_format"), doubted.is_some(), "{text}: {told}");
            assert!(told.contains(doubted.unwrap_or_default()), "{text}: {told}");
        }
    }
    // The rows of all files that begin with a row tell what it is.
    let files: [&[u8]; 3] = [b"red\nblue\nred\n", b"red\n", b"red\nblue\n"];
    for order in orders(3) {
        let texts = files.map(|text| String::from_utf8_lossy(text).into_owned());
        let found = in_order(&texts, &order, |source| source.format = None);
        let told = found.account.warnings.join("\n");
        assert_eq!(found.rows.len(), 6, "{order:?}: {told}");
        assert!(told.contains("0.csv and 2 more files: the first row (`red`) is taken as data"), "{told}");
    }
    let told = |text: &str| found(CSV, text).account.warnings.join("\n");
    assert!(told("1,2\n3,4\n").contains("looks like data") && told("1,a\n2,b\n").is_empty());
}
