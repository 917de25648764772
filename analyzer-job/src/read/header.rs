//! Header rows: whether a row names the columns, and where the known columns stand in a file that names its own.
//! One rule for CSV rows and Parquet schemas.

use std::collections::HashSet;
use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use crate::values::names::{self, Meaning, listed};
use crate::values::raw::Raw;
use crate::values::typing::{self, Cell};

/// What the first row of a file is.
#[derive(Debug, PartialEq)]
pub(crate) enum First {
    Data,
    Header(Header),
}

/// A header row.
#[derive(Debug, PartialEq)]
pub(crate) struct Header {
    /// Names as the file has them, trimmed; `column_2` for an empty third one.
    pub(crate) names: Vec<String>,
    pub(crate) places: Places,
}

/// Where the known columns stand in a file.
#[derive(Debug, PartialEq)]
pub(crate) enum Places {
    /// In their order.
    Same,
    /// For each known column its position in the file.
    Other(Vec<usize>),
    /// The file has other names, and the known ones name its columns by position.
    Unknown,
}

/// Decides what the first row of a CSV file is.
///
/// It is a header row when its cells are the known names (trimmed, case ignored, in any order); when no names are
/// known and no cell is a number; when it has text above columns that otherwise hold numbers only. `below`: the
/// rows that follow, as many as it is worth to look at. `known`: `headers`, else the names of the first file.
///
/// # Errors
/// A header row with a name twice, or with known names at places where they cannot be.
pub(crate) fn first_row(
    row: &csv::StringRecord,
    below: &[csv::StringRecord],
    known: Option<&[String]>,
    file: &Path,
) -> Result<First> {
    let names: Vec<String> = row
        .iter()
        .enumerate()
        .map(|(index, name)| match name.trim() {
            "" => format!("column_{index}"),
            name => name.into(),
        })
        .collect();
    let is_known = known.is_some_and(|known| order(known, &names).is_some());
    let has_number = row.iter().any(typing::is_number);
    if !is_known && (known.is_some() || has_number) && !above_numbers(row, below) {
        return Ok(First::Data);
    }
    differ(&names).map_err(|problem| problem.file(file).line(1))?;
    let places = match known {
        Some(known) => places(known, &names).map_err(|problem| problem.file(file).line(1))?,
        None => Places::Same,
    };
    Ok(First::Header(Header { names, places }))
}

/// Whether a row has numbers and texts, so that it may be a header row or data.
pub(crate) fn is_mixed(row: &csv::StringRecord) -> bool {
    row.iter().any(typing::is_number) && row.iter().any(is_text)
}

/// Whether a row counts its cells from 0, as column numbers do that were written for want of names.
pub(crate) fn is_count(row: &csv::StringRecord) -> bool {
    row.len() > 2 && row.iter().enumerate().all(|(at, cell)| cell.trim() == at.to_string())
}

fn is_text(cell: &str) -> bool {
    matches!(typing::parse(Raw::Csv(cell)), Cell::Text(_))
}

/// Whether a row has text above a column that otherwise holds numbers only. The same row further down may be a header row again.
fn above_numbers(row: &csv::StringRecord, below: &[csv::StringRecord]) -> bool {
    let is_again = |other: &csv::StringRecord| {
        other.len() == row.len() && other.iter().zip(row).all(|(one, two)| names::same(one, two))
    };
    row.iter().enumerate().filter(|(_, cell)| is_text(cell)).any(|(column, _)| {
        let mut numbers = 0;
        below.iter().filter(|other| !is_again(other)).filter_map(|row| row.get(column)).all(|cell| {
            let is_number = typing::is_number(cell);
            numbers += u64::from(is_number);
            is_number || typing::is_missing(cell)
        }) && numbers > 0
    })
}

/// Where the known columns stand among the names of a file.
///
/// # Errors
/// Known names and strange ones, of which a known one stands at another place than its own: what the strange
/// ones are cannot be told.
pub(crate) fn places(known: &[String], names: &[String]) -> Result<Places> {
    let moved = match names::meaning(known, names) {
        Meaning::ByName(positions) if positions.iter().copied().eq(0..known.len()) => {
            return Ok(Places::Same);
        }
        Meaning::ByName(positions) if positions.len() == known.len() => {
            return Ok(Places::Other(inverted(&positions)));
        }
        Meaning::ByName(positions) => positions.iter().enumerate().position(|(at, position)| at != *position),
        Meaning::ByPosition => None,
        Meaning::Contradiction(at) => Some(at),
    };
    match moved {
        None => Ok(Places::Unknown),
        Some(at) => Err(Problem::new(
            &codes::HEADERS_DO_NOT_FIT,
            "the names in a file contradict the names of the columns",
        )
        .field("headers")
        .found(format!("`{}` as column {at} (counted from 0) among {}", names[at], listed(names)))
        .expected(format!("the columns {}, in any order", listed(known)))
        .hint("name in `headers` the columns of the files, or leave it out so that the files name them")),
    }
}

/// For each known column its position in a file that has exactly these names; none for any other file.
fn order(known: &[String], names: &[String]) -> Option<Vec<usize>> {
    match names::meaning(known, names) {
        Meaning::ByName(positions) if positions.len() == known.len() => Some(inverted(&positions)),
        _ => None,
    }
}

/// The position of each number in a list that has each of them once.
fn inverted(positions: &[usize]) -> Vec<usize> {
    let mut order = vec![0; positions.len()];
    positions.iter().enumerate().for_each(|(at, &position)| order[position] = at);
    order
}

/// What a row further down is.
#[derive(Debug, PartialEq)]
pub(crate) enum Later {
    Data,
    /// The file's header row again.
    Again,
    /// A header row of the known names, and where they stand in the rows behind it.
    Known(Vec<usize>),
}

/// Decides what a row further down is; `header`: the file's own names. A single cell is compared with regard to case: it
/// may as well be a value, such as `Approved` in a column `approved`.
pub(crate) fn later_row(row: &csv::StringRecord, known: &[String], header: Option<&[String]>) -> Later {
    let names: Vec<String> = row.iter().map(|cell| cell.trim().into()).collect();
    if let [name] = &names[..] {
        let is = |names: &[String]| names.iter().any(|mine| mine.trim() == name);
        return if is(known) || header.is_some_and(is) { Later::Again } else { Later::Data };
    }
    if let Some(order) = order(known, &names) {
        return Later::Known(order);
    }
    match header {
        Some(header) if order(header, &names).is_some_and(|order| order.into_iter().eq(0..names.len())) => {
            Later::Again
        }
        _ => Later::Data,
    }
}

/// # Errors
/// A name stands twice.
pub(crate) fn differ(names: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        None => Ok(()),
        Some(twice) => Err(Problem::new(&codes::HEADERS_DO_NOT_FIT, "two columns have the same name")
            .field(twice.clone())
            .found(format!("`{twice}` twice in {}", listed(names)))
            .expected("names that differ")
            .hint("rename one of the columns in the file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> csv::StringRecord {
        text.split(',').collect()
    }

    fn names(text: &str) -> Vec<String> {
        text.split(',').map(Into::into).collect()
    }

    #[track_caller]
    fn check(first: &str, below: &[&str], known: Option<&str>, expected: Option<Places>) {
        let below: Vec<_> = below.iter().map(|text| row(text)).collect();
        let known = known.map(names);
        let found = first_row(&row(first), &below, known.as_deref(), Path::new("d.csv")).unwrap();
        let places = match found {
            First::Data => None,
            First::Header(header) => Some(header.places),
        };
        assert_eq!(places, expected, "{first}");
    }

    #[test]
    fn a_row_of_the_known_names_is_a_header_in_any_order_and_case() {
        let known = Some("age,sex,y");
        check("age,sex,y", &[], known, Some(Places::Same));
        check(" Age, SEX ,y", &["a,b,c"], known, Some(Places::Same));
        check("y,age,sex", &["1,2,3"], known, Some(Places::Other(vec![1, 2, 0])));
        check("28,f,1", &["29,m,0"], known, None);
        check("a,b,c", &["d,e,f"], known, None);
        // Names that only case tells apart.
        check("X,x", &["1,2"], Some("x,X"), Some(Places::Other(vec![1, 0])));
        // Names that are numbers.
        check("2020,2021", &["1,2"], Some("2020,2021"), Some(Places::Same));
    }

    #[test]
    fn a_row_of_the_names_further_down_is_a_header_again() {
        let known = names("age,sex,y");
        let other = names("Alter,Geschlecht,ß");
        let check = |text: &str, header: Option<&[String]>, expected: Later| {
            assert_eq!(later_row(&row(text), &known, header), expected, "{text}");
        };
        for text in ["age,sex,y", "AGE,SEX,Y", " Age , sex,Y "] {
            check(text, None, Later::Known(vec![0, 1, 2]));
            check(text, Some(&other), Later::Known(vec![0, 1, 2]));
        }
        check("Y,AGE,SEX", None, Later::Known(vec![1, 2, 0]));
        check("ALTER,geschlecht,ß", Some(&other), Later::Again);
        check("geschlecht,alter,ß", Some(&other), Later::Data);
        for text in ["age,sex,1", "age,f,y", "28,f,1"] {
            check(text, Some(&other), Later::Data);
        }
        let alone = names("approved");
        for (text, expected) in
            [("approved", Later::Again), (" approved", Later::Again), ("Approved", Later::Data)]
        {
            assert_eq!(later_row(&row(text), &alone, Some(&alone)), expected);
        }
    }

    #[test]
    fn a_row_with_text_above_numbers_is_a_header() {
        check("age,sex", &["28,f", "29,m"], None, Some(Places::Same));
        check("age,2020", &["28,1", "29,2"], None, Some(Places::Same));
        check("age,2020", &["28,1", ",2", "NA,3"], Some("a,b"), Some(Places::Unknown));
        // Again further down, as in files that were put behind each other.
        for again in ["2019,2020,y", " 2019 ,2020,Y"] {
            check("2019,2020,y", &["1,2,0", again, "3,4,1"], None, Some(Places::Same));
            check("2019,2020,y", &[again, "3,4,x"], None, None);
        }
        check("f,28", &["f,28", "f,28"], None, None);
        check("f,28", &["m,29"], None, None);
        check("f,28", &[], None, None);
        check("f,28", &[",29"], None, None);
        check("f,28", &["1,29", "m,30"], None, None);
        check("f,m", &["m,f"], Some("one,two"), None);
        assert!(is_count(&row("0,1,2")) && !is_count(&row("0,1")) && !is_count(&row("0,2,1")));
        assert!(is_mixed(&row("f,28")) && !is_mixed(&row("f,m")) && !is_mixed(&row("1,True")));
    }

    #[test]
    fn contradictions_and_names_twice_are_refused() {
        let refused = |first: &str, known: Option<&str>, part: &str| {
            let known = known.map(names);
            let below = [row("1,2,3")];
            let error = first_row(&row(first), &below, known.as_deref(), Path::new("d.csv")).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        };
        refused("sex,age,sex", None, "`sex` twice");
        refused("b,c,x", Some("a,b,c"), "`b` as column 0");
        refused("a,x,x", Some("p,q,r"), "`x` twice");
    }
}
