//! Segments: the same profile for the rows of each frequent value of up to three columns. Drift hides in groups.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use rayon::iter::{IntoParallelRefMutIterator as _, ParallelIterator as _};
use serde::{Deserialize, Serialize};

use super::pass::{self, Profiled};
use super::shift::{self, Shift, Verdict};
use crate::monitor::rows::{Columns, Source};
use crate::state::profile::{Column, Kind};

/// Columns that rows may be grouped by.
pub const MOST_COLUMNS: usize = 3;
/// Profiles of columns in all segments that are told: what bounds memory, to about 150 MB.
const MOST_PROFILES: usize = 3000;
/// Memory of the profiles that a part of the data keeps: small segments too, since any may be a large one of the whole.
const MOST_BYTES_OF_PART: u64 = 200 << 20;
/// Segments that a note names.
const NAMED: usize = 5;
/// Segments that are told at most.
const MOST_SEGMENTS: usize = 50;
/// Rows without a value in the column that they are grouped by.
pub(super) const MISSING: &str = "(missing)";

/// The rows of one value.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Segment {
    pub column: String,
    pub value: String,
    pub rows: u64,
    /// In the order of the columns of the whole.
    pub columns: Vec<Column>,
}

/// Which segments there are.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows that a segment must have.
    least: u64,
    /// Segments, the largest first.
    most: usize,
    /// Memory of their profiles.
    bytes: u64,
}

impl Limits {
    /// Of the segments that a run tells.
    pub fn of_run(least: u64, columns: usize) -> Limits {
        Limits { least, most: (MOST_PROFILES / columns.max(1)).clamp(1, MOST_SEGMENTS), bytes: u64::MAX }
    }

    /// Of the segments that a part keeps: any of them may be a large one of the whole.
    pub fn of_part() -> Limits {
        Limits { least: 1, most: usize::MAX, bytes: MOST_BYTES_OF_PART }
    }

    /// How many segments are kept, of those that have so many rows, the largest first.
    fn kept(&self, rows: impl Iterator<Item = u64>, columns: usize) -> usize {
        let mut left = self.bytes;
        // Sketch and categories of a column grow with its rows, up to what they hold at most.
        let bytes = |rows: u64| columns as u64 * (2048 + 16 * rows.min(4096));
        let fits = |rows: &u64| {
            let rest = left.checked_sub(bytes(*rows));
            left = rest.unwrap_or(left);
            rest.is_some()
        };
        rows.take(self.most).take_while(fits).count()
    }
}

/// Chooses the values that make a segment, the largest first. `by`: names and places of the columns to group by. Gives
/// column, value and rows, and what is to be said of columns that make none.
pub fn choose(
    profiled: &Profiled,
    by: &[(String, usize)],
    limits: Limits,
) -> (Vec<(usize, String, u64)>, Vec<String>) {
    let (rows, least) = (profiled.account.rows, limits.least);
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    for (name, at) in by {
        let column = &profiled.profiles[*at];
        let Some(categories) = column.categories() else {
            notes.push(format!("`{name}` has more than 120 values and is left out of `segment_columns`"));
            continue;
        };
        if column.present() == 0 {
            notes.push(format!(
                "`{name}` of `segment_columns` has no value in any row; of lists and binary values in Parquet no segments can \
                 be made"
            ));
        }
        let missing = rows - column.present();
        let mut all: IndexMap<&str, u64> = categories.into_iter().collect();
        if missing > 0 {
            *all.entry(MISSING).or_default() += missing;
        }
        found.extend(all.into_iter().map(|(value, rows)| (*at, value.to_string(), rows)));
    }
    let all = found.len();
    found.retain(|(_, _, rows)| *rows >= least.max(1));
    found.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)).then_with(|| a.1.cmp(&b.1)));
    if all > found.len() {
        notes.push(format!(
            "left out {} of fewer than {}",
            counted(all - found.len(), "segment"),
            counted(least, "row")
        ));
    }
    let most = limits.kept(found.iter().map(|(_, _, rows)| *rows), profiled.profiles.len());
    if found.len() > most {
        let left_out =
            found[most..].iter().map(|(at, value, _)| (profiled.columns.names[*at].as_str(), value.as_str()));
        notes.push(format!(
            "told are the largest {most} of {}; left out: {}",
            counted(found.len(), "segment"),
            in_words(left_out.collect())
        ));
        found.truncate(most);
    }
    (found, notes)
}

/// `a` = `x`, `a` = `y` and 3 more.
fn in_words(segments: Vec<(&str, &str)>) -> String {
    let named: Vec<String> =
        segments.iter().take(NAMED).map(|(column, value)| format!("`{column}` = `{value}`")).collect();
    let more = segments.len().saturating_sub(NAMED);
    format!("{}{}", named.join(", "), if more > 0 { format!(" and {more} more") } else { String::new() })
}

/// A segment that is told.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// The name that its column has in the results; in the segment it is that of the data.
    pub column: &'a str,
    pub segment: &'a Segment,
}

/// Those of the gathered segments that are told, and what is to be said of the others. Where parts or profiles were put
/// together and one of them did not keep a segment, its rows are fewer than the whole has of the value: it is left out.
pub fn kept<'a>(
    gathered: &'a [Segment],
    profiled: &Profiled,
    by: &[(String, usize)],
    named: &'a [(String, usize)],
    limits: Limits,
) -> (Vec<Kept<'a>>, Vec<String>) {
    let (chosen, mut notes) = choose(profiled, by, limits);
    let wanted: HashMap<(&str, &str), u64> = chosen
        .iter()
        .map(|(at, value, rows)| ((profiled.columns.names[*at].as_str(), value.as_str()), *rows))
        .collect();
    let mut out = as_they_are(gathered, profiled, named);
    out.retain(|kept| {
        let segment = kept.segment;
        wanted.get(&(segment.column.as_str(), segment.value.as_str())) == Some(&segment.rows)
    });
    let told: Vec<(&str, &str)> =
        out.iter().map(|kept| (kept.segment.column.as_str(), kept.segment.value.as_str())).collect();
    let names =
        |(at, value, _): &'_ (usize, String, u64)| (profiled.columns.names[*at].clone(), value.clone());
    let wanted: Vec<(String, String)> = chosen.iter().map(names).collect();
    let lacking: Vec<(&str, &str)> = wanted
        .iter()
        .map(|(column, value)| (column.as_str(), value.as_str()))
        .filter(|name| !told.contains(name))
        .collect();
    if !lacking.is_empty() {
        notes.push(format!(
            "left out {}, as not every part or profile has the same: {}",
            counted(lacking.len(), "segment"),
            in_words(lacking)
        ));
    }
    (out, notes)
}

/// All gathered segments under the names of the results, in the order in which `choose` has them.
pub fn as_they_are<'a>(
    gathered: &'a [Segment],
    profiled: &Profiled,
    named: &'a [(String, usize)],
) -> Vec<Kept<'a>> {
    let kept = |segment: &'a Segment| {
        let at = profiled.columns.names.get_index_of(&segment.column);
        let known = named.iter().find(|(_, place)| Some(*place) == at);
        Kept { column: known.map_or(&segment.column, |(name, _)| name), segment }
    };
    let mut out: Vec<Kept<'a>> = gathered.iter().map(kept).collect();
    let place = |kept: &Kept<'_>| profiled.columns.names.get_index_of(&kept.segment.column);
    out.sort_by(|a, b| {
        let by_rows = b.segment.rows.cmp(&a.segment.rows);
        by_rows.then_with(|| place(a).cmp(&place(b))).then_with(|| a.segment.value.cmp(&b.segment.value))
    });
    out
}

/// Reads the data once more and profiles the rows of each segment. `names`: those of the columns in the data.
///
/// # Errors
/// As `rows::read`.
pub fn gather(
    source: &Source<'_>,
    chosen: &[(usize, String, u64)],
    names: &IndexSet<String>,
    columns: usize,
) -> Result<Vec<Segment>> {
    let mut segments: Vec<(usize, Segment)> = chosen
        .iter()
        .map(|(at, value, _)| {
            let column = names[*at].clone();
            let columns = (0..columns).map(|_| Column::new()).collect();
            (*at, Segment { column, value: value.clone(), rows: 0, columns })
        })
        .collect();
    pass::blocks(source, |block| {
        segments.par_iter_mut().for_each(|(by, segment)| {
            let rows: Vec<usize> = (0..block.rows())
                .filter(|&row| {
                    let value = if *by < block.width() { block.cell(row, *by) } else { None };
                    value.unwrap_or(MISSING) == segment.value
                })
                .collect();
            segment.rows += rows.len() as u64;
            for (at, column) in segment.columns.iter_mut().enumerate().take(block.width()) {
                column.update(rows.iter().map(|&row| block.cell(row, at)));
            }
        });
    })?;
    Ok(segments
        .into_iter()
        .map(|(_, mut segment)| {
            // Columns that came late have no cells in the rows before.
            let rows = segment.rows;
            for column in &mut segment.columns {
                column.rows = rows;
                column.shrink();
            }
            segment
        })
        .collect())
}

/// A segment in the results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    pub column: String,
    pub value: String,
    pub rows: u64,
    /// Of all rows of the run.
    pub share: f64,
    /// Rows that the baseline has of it, where it knows.
    pub baseline_rows: Option<u64>,
    /// Columns that moved from the baseline's rows of this segment.
    pub moved: usize,
    pub columns: Vec<Line>,
}

/// A column of a segment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    pub column: String,
    pub inferred_type: String,
    /// Share of rows without a value.
    pub missing: f64,
    /// Of numbers.
    pub mean: Option<f64>,
    /// As for the whole; only where the baseline knows the segment.
    pub verdict: Option<Verdict>,
    pub effect: Option<f64>,
    pub adjusted_p_value: Option<f64>,
}

/// One segment against the baseline's, where that has it.
pub struct Held<'a> {
    pub kept: Kept<'a>,
    pub baseline_rows: Option<u64>,
    pub shifts: Vec<Shift>,
}

/// The segments for the results, those in which most columns moved first, then by the largest effect, then by rows.
/// p-values are adjusted over all columns of all segments together.
pub fn told(mut held: Vec<Held<'_>>, named: &[(String, usize)], rows: u64, by_value: bool) -> Vec<Told> {
    let mut all: Vec<&mut Shift> = held.iter_mut().flat_map(|held| held.shifts.iter_mut()).collect();
    shift::judge(&mut all);
    let mut out: Vec<(f64, Told)> = held.iter().map(|held| one(held, named, rows, by_value)).collect();
    out.sort_by(|(a, one), (b, two)| {
        two.moved.cmp(&one.moved).then(b.total_cmp(a)).then(two.rows.cmp(&one.rows))
    });
    out.into_iter().map(|(_, told)| told).collect()
}

/// A segment, and its largest effect.
fn one(held: &Held<'_>, named: &[(String, usize)], rows: u64, by_value: bool) -> (f64, Told) {
    let Kept { column: own, segment } = held.kept;
    let shifts: IndexMap<&str, &Shift> =
        held.shifts.iter().map(|shift| (shift.column.as_str(), shift)).collect();
    let line = |(name, at): &(String, usize)| {
        let column = &segment.columns[*at];
        let kind = column.spellings.kind(by_value);
        let shift = shifts.get(name.as_str());
        Line {
            column: name.clone(),
            inferred_type: kind.name().into(),
            missing: 1.0 - column.present() as f64 / segment.rows.max(1) as f64,
            mean: (kind.is_numeric() && kind != Kind::Unknown).then(|| column.moments.mean()),
            verdict: shift.map(|shift| shift.verdict),
            effect: shift.map(|shift| shift.effect),
            adjusted_p_value: shift.map(|shift| shift.adjusted_p_value),
        }
    };
    // Within a segment its own column has one value.
    let columns: Vec<Line> = named.iter().filter(|(name, _)| name != own).map(line).collect();
    let effect = columns.iter().filter_map(|line| line.effect).fold(0.0, f64::max);
    let moved = columns.iter().filter(|line| line.verdict == Some(Verdict::Moved)).count();
    let told = Told {
        column: own.into(),
        value: segment.value.clone(),
        rows: segment.rows,
        share: segment.rows as f64 / rows as f64,
        baseline_rows: held.baseline_rows,
        moved,
        columns,
    };
    (effect, told)
}

/// That rows are grouped by no more columns than are told.
///
/// # Errors
/// `SETTING_INVALID`.
pub fn check(setting: Option<&str>) -> Result<()> {
    let wanted = listed(setting).len();
    if wanted <= MOST_COLUMNS {
        return Ok(());
    }
    Err(Problem::new(&codes::SETTING_INVALID, "rows are grouped by too many columns")
        .field("segment_columns")
        .found(format!("{wanted} columns"))
        .expected(format!("at most {MOST_COLUMNS}")))
}

/// The columns that rows are grouped by, as names and places. `found`: all columns of the data, also those that the results
/// leave out. A name is that of the results or of the data; a position is that in the data, as for model quality, whatever
/// order and number the columns of the results have.
///
/// # Errors
/// `COLUMN_NOT_FOUND`.
pub fn by(setting: Option<&str>, found: &Columns, named: &[(String, usize)]) -> Result<Vec<(String, usize)>> {
    let find = |wanted: &str| -> Result<(String, usize)> {
        if let Some(known) = named.iter().find(|(name, _)| name == wanted) {
            return Ok(known.clone());
        }
        let position = || wanted.parse().ok().filter(|&at: &usize| at < found.names.len());
        let at = found.names.get_index_of(wanted).or_else(position).ok_or_else(|| {
            let names: Vec<String> = named.iter().take(40).map(|(name, _)| format!("`{name}`")).collect();
            Problem::new(&codes::COLUMN_NOT_FOUND, "a column to group by is not in the data")
                .field("segment_columns")
                .found(format!("`{wanted}`"))
                .expected(format!("a position from 0, or one of {}", names.join(", ")))
        })?;
        let known = named.iter().find(|(_, place)| *place == at).cloned();
        Ok(known.unwrap_or_else(|| (found.names[at].clone(), at)))
    };
    let mut columns: Vec<(String, usize)> = Vec::new();
    for wanted in listed(setting) {
        let column = find(wanted)?;
        // Named by its position too, a column is still one.
        if columns.iter().all(|(_, at)| *at != column.1) {
            columns.push(column);
        }
    }
    Ok(columns)
}

/// Those of the columns that a part of the data has.
pub fn there(setting: Option<&str>, profiled: &Profiled) -> Vec<(String, usize)> {
    let names = &profiled.columns.names;
    let find = |wanted: &str| names.get_index_of(wanted).map(|at| (wanted.to_string(), at));
    let columns: IndexMap<String, usize> = listed(setting).into_iter().filter_map(find).collect();
    columns.into_iter().collect()
}

fn listed(setting: Option<&str>) -> Vec<&str> {
    setting.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_named_twice_makes_its_segments_once() {
        let names = ["a", "b"].map(String::from);
        let found = Columns { names: names.iter().cloned().collect(), ..Columns::default() };
        let named: Vec<(String, usize)> = names.into_iter().zip(0..).collect();
        for setting in ["a,a", "a,0", "0,a", "0, 0,a"] {
            assert_eq!(by(Some(setting), &found, &named).unwrap(), [("a".to_string(), 0)], "{setting}");
        }
        let profiled = Profiled { columns: found, ..Profiled::default() };
        assert_eq!(there(Some("b,c,b"), &profiled), [("b".to_string(), 1)]);
    }

    #[test]
    fn a_part_keeps_segments_up_to_a_number_of_bytes() {
        let part = Limits::of_part();
        // 64 kB and 2 kB for each column of a segment with many rows: 200 MB are 3,103 of them.
        for (columns, kept) in [(1, 3103), (30, 103), (500, 6), (4000, 0)] {
            assert_eq!(part.kept(std::iter::repeat_n(1_000_000, 5000), columns), kept, "{columns}");
        }
        // Small ones take less.
        assert_eq!(part.kept(std::iter::repeat_n(1, 200_000), 30), 3386);
        let run = Limits::of_run(100, 14);
        assert_eq!(run.kept(std::iter::repeat_n(1_000_000, 5000), 14), 50);
    }

    /// Rows with one value three times, another twice, another once, and none once.
    fn profiled() -> Profiled {
        let mut column = Column::new();
        let cells = ["a", "b", "a", "c", "", "b", "a"];
        column.update(cells.into_iter().map(|cell| Some(cell).filter(|cell| !cell.is_empty())));
        let mut profiled = Profiled { profiles: vec![column], firsts: vec![0], ..Profiled::default() };
        profiled.columns.names.insert("x".into());
        profiled.account.rows = cells.len() as u64;
        profiled
    }

    #[test]
    fn a_segment_has_the_least_number_of_rows_or_more() {
        let (profiled, by) = (profiled(), [("x".to_string(), 0)]);
        let chosen = |least| choose(&profiled, &by, Limits::of_run(least, 1));
        assert_eq!([0, 1, 2, 3, 4].map(|least| chosen(least).0.len()), [4, 4, 2, 1, 0]);
        assert!(chosen(1).1.is_empty() && chosen(2).1[0].contains("2 segments of fewer than 2 rows"));
    }

    /// Where a part did not keep the rows of a value, their sum is not all of them.
    #[test]
    fn a_segment_that_lacks_rows_is_left_out_and_named() {
        let (profiled, by) = (profiled(), [("x".to_string(), 0)]);
        let of = |value: &str, rows: u64| Segment {
            column: "x".into(),
            value: value.into(),
            rows,
            columns: vec![Column::new()],
        };
        let gathered = [of("b", 1), of("a", 3)];
        let (kept, notes) = kept(&gathered, &profiled, &by, &by, Limits::of_run(2, 1));
        assert_eq!(kept.iter().map(|kept| kept.segment.value.as_str()).collect::<Vec<_>>(), ["a"]);
        assert!(notes.last().is_some_and(|note| note.ends_with("has the same: `x` = `b`")), "{notes:?}");
    }

    #[test]
    fn what_is_left_out_is_named() {
        assert_eq!(in_words(vec![("a", "x"), ("b", "(missing)")]), "`a` = `x`, `b` = `(missing)`");
        assert!(in_words(vec![("a", "x"); 8]).ends_with(" and 3 more"));
    }
}
