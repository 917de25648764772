//! What one pass leaves of the data or of a part of them, and how parts become the whole.

mod fewer;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use indexmap::{IndexMap, IndexSet};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use super::checks;
use super::pass::Profiled;
use super::segments::{MISSING, Segment};
use super::summed::Summed;
use crate::monitor::rows::{Order, check_parts, check_read_as};
use crate::read::windowed;
use crate::state::file::{checksum, unusable};
use crate::state::order::{self, by_text};
use crate::state::profile::Column;

/// The profile of the data: the columns, what was left out, and what only a second look at the data could tell.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Part {
    pub profiled: Profiled,
    /// By name of the column in the data.
    inside: IndexMap<String, Inside>,
    /// Under the names of the data, with their columns in the order of the whole's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Segment>,
    /// The data were profiles, which do not keep all values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_profiles: bool,
    /// Columns of the data whose values are the segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Vec<String>>,
    /// How each of the parts was grouped that this one was put together of.
    #[serde(skip)]
    grouped: Vec<Grouped>,
}

/// How a part was grouped.
#[derive(Debug, Clone)]
struct Grouped {
    /// Of its state.
    path: PathBuf,
    columns: IndexSet<String>,
    by: Vec<String>,
}

/// Values of a column that lie inside of a baseline's domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Inside {
    /// SHA-256 of the domain.
    domain: String,
    rows: u64,
}

fn digest(domain: &[String]) -> String {
    checksum(&domain.join("\0"))
}

impl Part {
    /// `inside`: place of a column, the domain it is held against, and the values in it.
    pub fn new(profiled: Profiled, inside: Vec<(usize, &[String], u64)>) -> Part {
        let inside = inside.into_iter().filter_map(|(at, domain, rows)| {
            let name = profiled.columns.names.get_index(at)?.clone();
            Some((name, Inside { domain: digest(domain), rows }))
        });
        Part { inside: inside.collect(), profiled, ..Part::default() }
    }

    /// The values of a column inside of a domain; `None` where only profiles are known, which cannot tell.
    ///
    /// # Errors
    /// The column has too many values to keep, and its parts were not held against this domain.
    pub fn inside(&self, at: usize, domain: &[String]) -> Result<Option<u64>> {
        let column = &self.profiled.profiles[at];
        if let Some(rows) = checks::inside(column, domain) {
            return Ok(Some(rows));
        }
        let name = &self.profiled.columns.names[at];
        match self.inside.get(name) {
            Some(inside) if inside.domain == digest(domain) => Ok(Some(inside.rows)),
            _ if column.present() == 0 => Ok(Some(0)),
            _ if self.of_profiles => Ok(None),
            _ => Err(Problem::new(
                &codes::STATES_DO_NOT_FIT,
                "a state lacks the number of values of a column that lie in the baseline's domain",
            )
            .field(name.clone())
            .expected("states that were folded with the same `baseline_constraints`")
            .hint("give `baseline_constraints` to `fold` as well, or set `evaluate_constraints` off for this column")),
        }
    }

    /// That every part kept the segments of the columns that the whole is grouped by, as far as it has them: a position counts the
    /// columns of the whole, which a part does not know.
    ///
    /// # Errors
    /// `STATES_DO_NOT_FIT`.
    pub fn check_grouped(&self, by: &[(String, usize)]) -> Result<()> {
        for (name, at) in by {
            let column = &self.profiled.columns.names[*at];
            let other =
                self.grouped.iter().find(|part| part.columns.contains(column) && !part.by.contains(column));
            if let Some(Grouped { path, by, .. }) = other {
                let found = by.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                return Err(Problem::new(
                    &codes::STATES_DO_NOT_FIT,
                    "a part of the data was grouped by another column than all of them",
                )
                .file(path)
                .field("segment_columns")
                .found(if found.is_empty() { "no column".into() } else { found })
                .expected(format!("`{name}`, which stands at this position among the columns of all parts"))
                .hint(
                    "give the column's name: a position counts the keys of each part's own first records",
                ));
            }
        }
        Ok(())
    }

    /// Leaves out the rows, for they are of the kind that fewer records have. False where it is not known how many these are.
    fn leave_out(&mut self, reason: &str) -> bool {
        let Profiled { columns, account, .. } = &mut self.profiled;
        let is_known = account.leave_out(&columns.kinds, reason);
        if is_known {
            let account = std::mem::take(account);
            *self = Part { profiled: Profiled { account, ..Profiled::default() }, ..Part::default() };
        }
        is_known
    }

    /// Gives the column whose header is empty this name, unless another column has it.
    fn name_unnamed(&mut self, new: &str) {
        let columns = &mut self.profiled.columns;
        let Some(old) = columns.unnamed.clone().filter(|_| !columns.names.contains(new)) else { return };
        let renamed = |name: &String| if *name == old { new.to_string() } else { name.clone() };
        columns.names = columns.names.iter().map(renamed).collect();
        columns.unnamed = Some(new.into());
        self.profiled.account.rename(&old, new);
        self.inside = std::mem::take(&mut self.inside)
            .into_iter()
            .map(|(name, inside)| (renamed(&name), inside))
            .collect();
        self.segments.iter_mut().for_each(|segment| segment.column = renamed(&segment.column));
        self.by.iter_mut().flatten().for_each(|name| *name = renamed(name));
    }

    fn as_grouped(&self, path: &Path) -> Option<Grouped> {
        let (by, columns) = (self.by.clone()?, self.profiled.columns.names.clone());
        Some(Grouped { path: path.into(), columns, by })
    }

    fn check(&self, path: &Path) -> Result<()> {
        let profiled = &self.profiled;
        let files = profiled.account.files.len();
        let width = profiled.columns.names.len();
        let whole = profiled.profiles.len() == width
            && profiled.firsts.len() == width
            && profiled.firsts.iter().all(|&file| (file as usize) < files.max(1));
        if !whole {
            return Err(unusable(path, "columns without a profile"));
        }
        let columns = profiled.profiles.iter().zip(&profiled.columns.names);
        columns.into_iter().try_for_each(|(column, name)| {
            column.check().map_err(|what| unusable(path, format!("column `{name}`: {what}")))
        })?;
        let mut seen = HashSet::new();
        self.segments.iter().try_for_each(|segment| {
            let Segment { column, value, rows, columns } = segment;
            let failed = |what: String| unusable(path, format!("segment `{column}` = `{value}`: {what}"));
            let known = profiled.columns.names.contains(column) && columns.len() == width;
            let fits = known && *rows <= profiled.account.rows && columns.iter().all(|own| own.rows == *rows);
            if !fits || !seen.insert((column, value)) {
                return Err(failed(format!(
                    "{}, {}",
                    counted(columns.len(), "column"),
                    counted(*rows, "row")
                )));
            }
            columns.iter().try_for_each(|own| own.check().map_err(failed))
        })
    }
}

/// Puts parts together, in the order in which they are given where nothing else decides. Each has the path of its state,
/// for messages. `known`: the names of the baseline's columns.
///
/// # Errors
/// `STATE_UNUSABLE`: a part holds what no fold writes. `STATES_DO_NOT_FIT`: parts have other columns. `HEADERS_DO_NOT_FIT`: as
/// of one run over all files.
pub fn combine(mut parts: Vec<(PathBuf, Part)>, known: &[String]) -> Result<Part> {
    for (path, part) in &parts {
        part.check(path)?;
    }
    check_read_as(parts.iter().map(|(path, part)| (path.as_path(), part.profiled.account.read_as)))?;
    let first_rows = parts.iter().map(|(path, part)| (path.as_path(), &part.profiled.account.first_rows));
    check_parts(first_rows, known)?;
    fewer::leave_out(&mut parts)?;
    name_alike(&mut parts);
    let files: Vec<&[PathBuf]> =
        parts.iter().map(|(_, part)| part.profiled.account.files.as_slice()).collect();
    let ranks = order::ranks(&files, by_text);
    let windowed: Vec<_> = parts
        .iter()
        .map(|(path, part)| (path.as_path(), part.profiled.account.windowed.as_slice()))
        .collect();
    let again = windowed::again(&windowed)?;
    let outside = windowed::outside(&again);
    // Rows may be none that has a column, and a header row may stand without rows.
    let says_nothing = |profiled: &Profiled| profiled.columns.names.is_empty() && profiled.account.rows == 0;
    let with_columns: Vec<usize> =
        (0..parts.len()).filter(|&at| !says_nothing(&parts[at].1.profiled)).collect();
    let mut all = Part::default();
    if let Some((&first, others)) = with_columns.split_first() {
        for &other in others {
            same_columns(&parts[first], &parts[other])?;
        }
        all.profiled.columns.named = parts[first].1.profiled.columns.named;
        all.profiled.columns.by_header = parts[first].1.profiled.columns.by_header;
        all.profiled.columns.order = parts[first].1.profiled.columns.order;
        all.profiled.open = parts[first].1.profiled.open;
    }
    let names: Vec<String> = {
        let columns = with_columns.iter().map(|&at| {
            let profiled = &parts[at].1.profiled;
            let firsts = profiled.firsts.iter().copied();
            (ranks[at].as_slice(), profiled.columns.names.iter().map(String::as_str).zip(firsts))
        });
        order::met(columns).into_iter().map(String::from).collect()
    };
    all.profiled.columns.names = names.iter().cloned().collect();
    for (_, part) in &parts {
        all.profiled.columns.nested.extend(part.profiled.columns.nested.iter().cloned());
    }
    all.grouped = parts.iter().filter_map(|(path, part)| part.as_grouped(path)).collect();
    for name in &names {
        let mut column = Column::new();
        for (_, part) in &parts {
            if let Some(place) = part.profiled.columns.names.get_index_of(name) {
                column.merge(&part.profiled.profiles[place]);
            }
            if let Some(inside) = part.inside.get(name) {
                let sum = all.inside.entry(name.to_string()).or_insert(Inside { rows: 0, ..inside.clone() });
                if sum.domain == inside.domain {
                    sum.rows = sum.rows.saturating_add(inside.rows);
                } else {
                    // Held against different domains: no count for either.
                    sum.domain.clear();
                }
            }
        }
        all.profiled.profiles.push(column);
    }
    // A part that has values of a column, and was not held against its domain, leaves no count.
    for (name, sum) in &mut all.inside {
        let lacks = |part: &Part| {
            let place = part.profiled.columns.names.get_index_of(name);
            place.is_some_and(|at| part.profiled.profiles[at].present() > 0)
                && !part.inside.contains_key(name)
        };
        if parts.iter().any(|(_, part)| lacks(part)) {
            sum.domain.clear();
        }
    }
    all.segments = segments(&parts, &all.profiled.columns.names);
    let mut summed = Summed::default();
    for (path, part) in &parts {
        if let Some(told) = summed.add(&part.profiled.made_of, path) {
            all.profiled.account.note(path, told);
        }
    }
    all.profiled.made_of = summed.into_all();
    all.of_profiles = parts.iter().any(|(_, part)| part.of_profiles);
    for ((_, mut part), again) in parts.into_iter().zip(again) {
        again.iter().for_each(|file| part.profiled.account.forget(file));
        all.profiled.account.merge(part.profiled.account);
    }
    all.profiled.account.outside = all.profiled.account.outside.saturating_sub(outside);
    all.profiled.account.first_rows.know(known);
    all.profiled.account.finish();
    let rows = all.profiled.account.rows;
    all.profiled.profiles.iter_mut().for_each(|column| column.rows = rows);
    all.profiled.firsts = vec![0; all.profiled.profiles.len()];
    Ok(all)
}

/// The only column whose header is empty has the same name in every part: that of the first file.
fn name_alike(parts: &mut [(PathBuf, Part)]) {
    let named = parts.iter().filter_map(|(_, Part { profiled, .. })| {
        let name = profiled.columns.unnamed.as_ref()?;
        let at = profiled.columns.names.get_index_of(name)?;
        Some((profiled.account.files.get(profiled.firsts[at] as usize)?, name))
    });
    if let Some(name) = named.min_by(|one, two| by_text(one.0, two.0)).map(|(_, name)| name.clone()) {
        parts.iter_mut().for_each(|(_, part)| part.name_unnamed(&name));
    }
}

/// The segments of all parts. One that a part does not have has no row there: where a part kept too few of them, the sum
/// has fewer rows than its value, which is noticed when it is told. `names`: the columns of the whole.
fn segments(parts: &[(PathBuf, Part)], names: &IndexSet<String>) -> Vec<Segment> {
    let mut found: IndexSet<(&str, &str)> = IndexSet::new();
    for (_, part) in parts {
        found.extend(part.segments.iter().map(|own| (own.column.as_str(), own.value.as_str())));
    }
    // All rows of a part without the column are those that lack a value of it.
    let lacks = |part: &Part, column: &str| !part.profiled.columns.names.contains(column);
    let by: IndexSet<&str> = found.iter().map(|(column, _)| *column).collect();
    let lacking =
        |column: &&str| parts.iter().any(|(_, part)| part.profiled.account.rows > 0 && lacks(part, column));
    found.extend(by.into_iter().filter(lacking).map(|column| (column, MISSING)));
    let mut sums: IndexMap<(&str, &str), (u64, Vec<Column>)> =
        found.into_iter().map(|key| (key, (0, names.iter().map(|_| Column::new()).collect()))).collect();
    for (_, part) in parts {
        let own: HashMap<(&str, &str), &Segment> =
            part.segments.iter().map(|own| ((own.column.as_str(), own.value.as_str()), own)).collect();
        for (key, (rows, columns)) in &mut sums {
            let (more, with) = match own.get(key) {
                Some(own) => (own.rows, &own.columns),
                None if key.1 == MISSING && lacks(part, key.0) => {
                    (part.profiled.account.rows, &part.profiled.profiles)
                }
                None => continue,
            };
            *rows = rows.saturating_add(more);
            for (column, name) in columns.iter_mut().zip(names) {
                if let Some(place) = part.profiled.columns.names.get_index_of(name) {
                    column.merge(&with[place]);
                }
            }
        }
    }
    let segment = |((column, value), (rows, mut columns)): ((&str, &str), (u64, Vec<Column>))| {
        columns.iter_mut().for_each(|column| column.rows = rows);
        Segment { column: column.into(), value: value.into(), rows, columns }
    };
    sums.into_iter().map(segment).collect()
}

/// That columns without names are as many. Objects, and files that name their columns, may bring any others.
fn same_columns(one: &(PathBuf, Part), two: &(PathBuf, Part)) -> Result<()> {
    let (first, other) = (&one.1.profiled, &two.1.profiled);
    let same = first.columns.named == other.columns.named
        && first.columns.order == other.columns.order
        && first.columns.by_header == other.columns.by_header
        && first.columns.kinds.fit(&other.columns.kinds)
        && first.open == other.open
        && (first.open || first.columns.names.iter().eq(other.columns.names.iter()));
    if same {
        return Ok(());
    }
    Err(do_not_fit(one, two))
}

/// The problem of a part whose columns are not those of another one.
fn do_not_fit(one: &(PathBuf, Part), two: &(PathBuf, Part)) -> Problem {
    let [expected, found] = told_apart(&one.1.profiled, &two.1.profiled);
    Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data have different columns")
        .file(&two.0)
        .found(found)
        .expected(format!("{expected}, as in {}", one.0.display()))
        .hint("each part takes its columns from its own first file: give every file the same format and the same columns in the same order")
}

/// The columns of two parts in words that differ.
fn told_apart(first: &Profiled, other: &Profiled) -> [String; 2] {
    const SHOWN: usize = 20;
    let both = [first, other];
    let listed = both.map(|profiled| {
        let names = &profiled.columns.names;
        let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        format!("{} ({})", counted(names.len(), "column"), shown.join(", "))
    });
    if listed[0] != listed[1] {
        return listed;
    }
    both.map(|profiled| {
        let rows = match (profiled.open, profiled.columns.named, profiled.columns.order) {
            (true, ..) if profiled.columns.by_header => "rows of CSV with header rows",
            (true, ..) => "rows of JSON objects or Parquet",
            (false, _, Order::Natural | Order::Text) => "rows that a script made",
            (false, true, Order::Data) => "rows of CSV or lists with names",
            (false, false, Order::Data) => "rows of CSV or lists without names",
        };
        let names = &profiled.columns.names;
        format!("{} in {rows}", counted(names.len(), "column"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::quality::profile::{OfSegment, Written};
    use crate::quality::segments::{self, Held, Limits};
    use crate::quality::statistics::{Taken, statistics};

    fn column(cells: &[Option<String>]) -> Column {
        let mut column = Column::new();
        column.update(cells.iter().map(Option::as_deref));
        column
    }

    /// A part of 40 rows with a number and a text, and a segment for each of two texts.
    fn part() -> Part {
        let rows: Vec<(Option<String>, String)> = (0..40_u32)
            .map(|n| ((n % 9 > 0).then(|| format!("{}.5", n % 7)), format!("t{}", n % 3 / 2)))
            .collect();
        let of = |rows: &[&(Option<String>, String)]| {
            let numbers: Vec<Option<String>> = rows.iter().map(|row| row.0.clone()).collect();
            let texts: Vec<Option<String>> = rows.iter().map(|row| Some(row.1.clone())).collect();
            vec![column(&numbers), column(&texts)]
        };
        let mut profiled = Profiled { profiles: of(&rows.iter().collect::<Vec<_>>()), ..Profiled::default() };
        profiled.columns.names = ["x", "y"].map(String::from).into();
        profiled.columns.named = true;
        profiled.firsts = vec![0, 0];
        (profiled.account.records, profiled.account.rows) = (40, 40);
        profiled.account.files = vec!["a.csv".into()];
        let domain = ["t0".to_string()];
        let mut part = Part::new(profiled, vec![(1, &domain[..], 27)]);
        part.segments = ["t0", "t1"]
            .map(|value| {
                let rows: Vec<_> = rows.iter().filter(|row| row.1 == value).collect();
                Segment {
                    column: "y".into(),
                    value: value.into(),
                    rows: rows.len() as u64,
                    columns: of(&rows),
                }
            })
            .into();
        part
    }

    /// Combines a part with a sound one and uses all of it, as a run does; false when it is refused.
    fn used(damaged: Part) -> bool {
        let parts = vec![("a.state".into(), damaged), ("b.state".into(), part())];
        let all = match combine(parts, &[]) {
            Ok(all) => all,
            Err(problem) => {
                // A part that is sound in itself may still be of other data.
                let text = problem.to_string();
                assert!(text.contains(".state"), "{text}");
                return false;
            }
        };
        let names = &all.profiled.columns.names;
        let named: Vec<(String, usize)> = names.iter().cloned().zip(0..).collect();
        let by: Vec<(String, usize)> = named.iter().filter(|(name, _)| name == "y").cloned().collect();
        let rows = all.profiled.account.rows;
        let limits = Limits::of_run(1, names.len());
        let (kept, _) = segments::kept(&all.segments, &all.profiled, &by, &named, limits);
        let whole = kept.iter().map(|kept| OfSegment::new(kept.segment, kept.column, &named)).collect();
        let columns = || names.iter().map(String::as_str).zip(&all.profiled.profiles);
        let taken = Taken { by_value: false, strict: false };
        let _ = serde_json::to_vec(&statistics(columns(), rows, taken)).unwrap();
        for kept in &kept {
            let of_segment = names.iter().map(String::as_str).zip(&kept.segment.columns);
            let _ = serde_json::to_vec(&statistics(of_segment, kept.segment.rows, taken)).unwrap();
        }
        let held = kept.iter().map(|&kept| Held { kept, baseline_rows: None, shifts: Vec::new() }).collect();
        let _ = segments::told(held, &named, rows, false);
        Written::new(columns(), whole, &all.profiled.account, true).write(std::io::sink()).unwrap();
        true
    }

    /// Cut at every byte, or one byte another: refused by name, or used like any part, never a panic.
    #[test]
    fn damage_at_every_byte_of_a_part_with_segments_is_told_and_never_a_panic() {
        assert!(used(part()));
        let mut json = serde_json::to_vec(&part()).unwrap();
        let mut refused = 0;
        for at in 0..json.len() {
            let kept = json[at];
            for byte in [b'9', b'"'] {
                json[at] = byte;
                let accepted = serde_json::from_slice::<Part>(&json).is_ok_and(used);
                refused += usize::from(!accepted);
            }
            json[at] = kept;
            assert!(serde_json::from_slice::<Part>(&json[..at]).is_err(), "cut at {at}");
        }
        assert!(refused > json.len() / 2, "{refused} of {}", json.len());
    }

    /// Every field and element, as a path of keys and positions.
    fn places(value: &Json, at: &mut Vec<String>, out: &mut Vec<String>) {
        let children: Vec<(String, &Json)> = match value {
            Json::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Json::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
            _ => Vec::new(),
        };
        for (key, child) in children {
            at.push(key.replace('~', "~0").replace('/', "~1"));
            out.push(format!("/{}", at.join("/")));
            places(child, at, out);
            at.pop();
        }
    }

    /// Every field of a part and of its segments gone, or with a value that no fold writes.
    #[test]
    fn a_field_that_is_missing_or_strange_is_told_and_never_a_panic() {
        let whole = serde_json::to_value(part()).unwrap();
        let mut all = Vec::new();
        places(&whole, &mut Vec::new(), &mut all);
        // Of lists of numbers, such as registers, the first ones stand for all.
        let is_late = |place: &&String| {
            place.rsplit('/').next().and_then(|key| key.parse().ok()).is_some_and(|at: usize| at > 3)
        };
        all.retain(|place| !is_late(&place));
        assert!(all.iter().filter(|place| place.starts_with("/segments/1/columns/1")).count() > 8, "{all:?}");
        let strange = [
            json!(null),
            json!(-1),
            json!(7),
            json!(1e300),
            json!(u64::MAX),
            json!(1.5),
            json!("t0"),
            json!([]),
            json!([u64::MAX]),
            json!({}),
            json!(true),
        ];
        let mut accepted = 0;
        for place in &all {
            for value in &strange {
                let mut damaged = whole.clone();
                *damaged.pointer_mut(place).unwrap() = value.clone();
                accepted += usize::from(serde_json::from_value::<Part>(damaged).is_ok_and(used));
            }
            let (parent, key) = place.rsplit_once('/').unwrap();
            let mut damaged = whole.clone();
            match damaged.pointer_mut(parent).unwrap() {
                Json::Object(fields) => drop(fields.remove(&key.replace("~1", "/").replace("~0", "~"))),
                Json::Array(list) => drop(list.remove(key.parse().unwrap())),
                other => panic!("{other}"),
            }
            accepted += usize::from(serde_json::from_value::<Part>(damaged).is_ok_and(used));
        }
        let tried = all.len() * (strange.len() + 1);
        assert!(accepted < tried / 3, "{accepted} of {tried}");
    }
}
