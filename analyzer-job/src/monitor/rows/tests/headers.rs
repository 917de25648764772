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
            // The same where nothing says that they have header rows.
            let found = in_order(&texts, &order, |source| source.format = None);
            assert_eq!(by_name(&found), expected, "{headers:?} {order:?}: {:?}", found.account.warnings);
        }
    }
}

/// Texts alone do not tell names from data: a name in common with a row that is a header row for sure does, or one of the
/// baseline. A text in common with another row that may be data does not.
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
        let known: &'static [String] = ["a", "b", "c", "s", "u"].map(String::from).to_vec().leak();
        let sure = text(Some("a,b,c,s,u"), &["1,2,3,4,5".to_string()]);
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
        let order: Vec<usize> = (0..texts.len()).collect();
        let whole = in_order(&texts, &order, |_| {});
        assert_eq!(whole.rows.len() + whole.account.bad as usize, rows - texts.len());
    }
}

/// What is said of files that cannot be read without `dataset_format`.
fn refused(texts: &[String], order: &[usize]) -> String {
    let names: Vec<String> = (0..order.len()).map(|at| format!("{at}.csv")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().zip(order).map(|(name, &at)| (name.as_str(), texts[at].as_bytes())).collect();
    match try_read(CSV, &files, |source| source.format = None) {
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
    let mut lost = 0;
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
        let order: Vec<usize> = (0..files.len()).collect();
        let found = in_order(&texts, &order, |source| source.format = None);
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
    assert!((1..200).contains(&lost), "{lost}");
}

/// As `split` makes them.
#[test]
fn files_of_which_one_has_the_header_row_lose_no_row_and_it_is_told() {
    let bodies: [[&[&str]; 3]; 3] = [
        [&["1,2", "3,4"], &["5,6", "7,8"], &["9,10", "11,12"]],
        [&["oslo,1", "rome,2"], &["bern,3", "oslo,4"], &["rome,5", "rome,6"]],
        [&["1,oslo", "2,rome"], &["unknown,bern", "4,bern"], &[",rome", "5,rome"]],
    ];
    for body in bodies {
        let rows = |at: usize| body[at].iter().map(|row| row.to_string()).collect::<Vec<_>>();
        let texts = [text(Some("a,b"), &rows(0)), text(None, &rows(1)), text(None, &rows(2))];
        for order in orders(3) {
            let found = in_order(&texts, &order, |source| source.format = None);
            let told = found.account.warnings.join("\n");
            assert_eq!((found.names.join(","), found.rows.len()), ("a,b".into(), 6), "{order:?}: {told}");
            let mut short: Vec<String> =
                found.short().iter().map(|row| row.replace('|', ",").replace('-', "")).collect();
            short.sort();
            let mut expected: Vec<String> = (0..3).flat_map(rows).collect();
            expected.sort();
            assert_eq!(short, expected, "{order:?}");
            let main = order.iter().position(|&at| at == 0).unwrap();
            assert!(told.contains(&format!("by position those of {main}.csv (so in 2 files)")), "{told}");
            assert!(told.contains(r#"{"csv": {"header": true}}"#) && told.contains("line 1: `"), "{told}");
        }
        // Where `dataset_format` says that each file has one, the row is left out and told.
        let found = in_order(&texts, &[0, 1, 2], |_| {});
        let told = found.account.warnings.join("\n");
        let numbers = body[1][0].contains(|c: char| c.is_ascii_digit());
        if numbers {
            assert_eq!((found.names.join(","), found.rows.len()), ("a,b".into(), 4), "{told}");
            assert!(
                told.contains("1.csv: the first row (line 1: `") && told.contains("is left out"),
                "{told}"
            );
        }
    }
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
            ("0,1,2\n5,6,7\n", true, None),
            ("1,a\n2,b\n", true, Some("`1`, `a`")),
            ("red,x\nred,y\n", true, Some("`red`, `x`")),
            ("a,b\n1,2\n", true, None),
            ("a,b\na,b\n1,2\n", true, None),
            ("a,b\nx,y\n", true, None),
            ("a,\n1,2\n", true, None),
        ] {
            let found = guessed(&[(name, text.as_bytes())]);
            assert_eq!(found.account.format, Some(Format::Csv { header }), "{text}");
            let told = found.account.warnings.join("\n");
            assert_eq!(told.contains("dataset_format"), doubted.is_some(), "{text}: {told}");
            assert!(told.contains(doubted.unwrap_or_default()), "{text}: {told}");
        }
    }
    // Some files have too few rows to tell.
    let files: [&[u8]; 3] = [b"red\nblue\nred\n", b"red\n", b"red\nblue\n"];
    for order in orders(3) {
        let texts = files.map(|text| String::from_utf8_lossy(text).into_owned());
        let found = in_order(&texts, &order, |source| source.format = None);
        let told = found.account.warnings.join("\n");
        assert_eq!(found.rows.len(), 3, "{order:?}: {told}");
        assert!(
            told.contains("the first row (`red`) is taken as the names of the columns"),
            "{order:?}: {told}"
        );
    }
    let told = |text: &str| found(CSV, text).account.warnings.join("\n");
    assert!(told("1,2\n3,4\n").contains("looks like data") && told("1,a\n2,b\n").is_empty());
}
