//! The profile of a dataset as a file: everything that the statistics are made of. Profiles of windows and hosts add up,
//! and any profile can be the baseline of a later run.

mod kept;
mod stored;
mod written;

use std::collections::HashSet;
use std::path::Path;

use plumbline_common::stop::Stop;
use plumbline_common::words::{counted, part_of};
use plumbline_common::{Problem, Result, codes, input};
use serde::Deserialize;

pub use kept::Kept;
pub use written::{OfSegment, Written};

use super::pass::Profiled;
use super::segments::Segment;
use super::summed::{self, Summed};
use crate::monitor::format::{PROFILE_NAME, is_profile};
use crate::monitor::rows::{self, Account, Columns};
use crate::state::profile::{Column, MOST_ROWS};

/// Raised whenever something in the file gets another meaning.
const VERSION: u32 = 1;
/// Columns in their order, each with all that is known of it.
#[derive(Debug, Clone)]
pub struct Profile {
    records: u64,
    rows: u64,
    /// Whether the data name their columns; else the names are `_c0`, `_c1`, ...
    named: bool,
    columns: Vec<Named>,
    segments: Vec<Segment>,
    /// The profiles that it is the sum of; none where it was made of rows.
    made_of: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    profile: Column,
}

impl Profile {
    /// The profiles that it is the sum of, or itself. Segments are of the same rows.
    fn profiles(&self) -> Vec<String> {
        if self.made_of.is_empty() {
            let columns: Vec<(&str, &Column)> = self.columns().collect();
            summed::identity(&(self.records, self.rows, columns)).into_iter().collect()
        } else {
            self.made_of.clone()
        }
    }

    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub fn columns(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.columns.iter().map(|column| (column.name.as_str(), &column.profile))
    }

    pub fn into_columns(self) -> impl Iterator<Item = (String, Column)> {
        self.columns.into_iter().map(|column| (column.name, column.profile))
    }

    /// Reads a file, also one that was unpacked.
    ///
    /// # Errors
    /// `CONSTRAINTS_UNREADABLE`: no profile, a damaged one, or one of another version.
    fn read(path: &Path, setting: &str) -> Result<Profile> {
        let mut segments = Vec::new();
        let file = input::open_file(path).map_err(|error| unusable(path, setting, error.to_string()))?;
        let whole = stored::read(&file, &mut |_, segment| segments.push(segment));
        let whole = whole.map_err(|found| unusable(path, setting, found))?;
        Ok(Profile { segments, ..whole })
    }

    /// Whatever a file says of the whole is checked once, so that nobody has to look again.
    fn check(&self) -> std::result::Result<(), String> {
        if self.rows > MOST_ROWS || self.records > MOST_ROWS {
            return Err(counted(self.rows, "row"));
        }
        let mut names = HashSet::new();
        for Named { name, profile } in &self.columns {
            if !names.insert(name.as_str()) {
                return Err(format!("the column `{name}` twice"));
            }
            if profile.rows != self.rows {
                return Err(format!("`{name}`: {}", part_of(profile.rows, self.rows, "row")));
            }
            profile.check().map_err(|what| format!("`{name}`: {what}"))?;
        }
        Ok(())
    }

    /// The same of a segment.
    fn check_segment(&self, segment: &Segment) -> std::result::Result<(), String> {
        let name = format!("`{}` = `{}`", segment.column, segment.value);
        if segment.columns.len() != self.columns.len() || segment.rows > self.rows {
            return Err(format!(
                "{name}: {}, {}",
                counted(segment.columns.len(), "column"),
                counted(segment.rows, "row")
            ));
        }
        for column in &segment.columns {
            if column.rows != segment.rows {
                return Err(format!("{name}: a column of {}", counted(column.rows, "row")));
            }
            column.check().map_err(|what| format!("{name}: {what}"))?;
        }
        Ok(())
    }

    /// Adds a later profile, matched by name. Equal for any split of the rows: counts, extremes, categories and
    /// numbers of distinct values; sums and deviations up to rounding; ranks within the bound of the sketch.
    ///
    /// # Errors
    /// The first column that only one of the two has.
    fn merge(&mut self, other: &Profile) -> std::result::Result<(), String> {
        if self.columns.is_empty() {
            *self = other.clone();
            return Ok(());
        }
        if self.named != other.named && self.columns.len() != other.columns.len() {
            return Err("columns with names and columns without".into());
        }
        let only = |a: &Profile, b: &Profile| {
            a.columns
                .iter()
                .find(|one| b.columns.iter().all(|two| one.name != two.name))
                .map(|one| one.name.clone())
        };
        if let Some(name) = only(self, other).or_else(|| only(other, self)) {
            return Err(format!("the column `{name}`, which not all of the profiles have"));
        }
        let place = |name: &str| other.columns.iter().position(|column| column.name == name);
        let places: Vec<usize> = self.columns.iter().filter_map(|column| place(&column.name)).collect();
        // A segment that one of them does not tell would be added up in part.
        self.segments.retain_mut(|mine| {
            let of = |more: &&Segment| more.column == mine.column && more.value == mine.value;
            let Some(more) = other.segments.iter().find(of) else { return false };
            mine.rows += more.rows;
            for (column, &at) in mine.columns.iter_mut().zip(&places) {
                column.merge(&more.columns[at]);
            }
            true
        });
        for mine in &mut self.columns {
            if let Some(more) = other.columns.iter().find(|more| more.name == mine.name) {
                mine.profile.merge(&more.profile);
            }
        }
        self.rows =
            self.rows.checked_add(other.rows).filter(|rows| *rows <= MOST_ROWS).ok_or("too many rows")?;
        self.records += other.records;
        Ok(())
    }
}

/// Adds up the profiles of a folder in the order of their paths, as if the data themselves had been read.
///
/// # Errors
/// A file that is no profile; profiles of other columns; being stopped.
pub fn gather(path: &Path, stop: &Stop) -> Result<(Profiled, Vec<Segment>)> {
    const SETTING: &str = "dataset_source";
    let mut sum: Option<Profile> = None;
    let mut seen: HashSet<(String, String)> = HashSet::new();
    let mut account = Account::default();
    let mut summed = Summed::default();
    let listing = rows::files(path)?;
    if let Some((file, error)) = listing.unreadable.first() {
        // A sum without it would look like a whole one.
        return Err(unusable(file, SETTING, error.to_string()));
    }
    if let Some(file) = listing.empty.iter().find(|file| file.file_name() == Some(PROFILE_NAME.as_ref())) {
        return Err(unusable(file, SETTING, "an empty file"));
    }
    // Folders of whole results have other files beside them.
    let (profiles, others): (Vec<_>, Vec<_>) = listing.files.into_iter().partition(is_profile);
    let files = if profiles.is_empty() {
        others
    } else {
        if !others.is_empty() {
            tracing::info!("skipped {} with other names than {PROFILE_NAME}", counted(others.len(), "file"));
        }
        profiles
    };
    for file in files {
        stop.check()?;
        let next = Profile::read(&file.path, SETTING)?;
        if let Some(told) = summed.add(&next.profiles(), &file.relative) {
            account.note(&file.relative, told);
        }
        seen.extend(next.segments.iter().map(|segment| (segment.column.clone(), segment.value.clone())));
        match &mut sum {
            None => sum = Some(next),
            Some(sum) => sum.merge(&next).map_err(|found| unusable(&file.relative, SETTING, found))?,
        }
    }
    let Some(sum) = sum else { return Ok(Default::default()) };
    if sum.segments.len() < seen.len() {
        let left_out = seen.len() - sum.segments.len();
        tracing::warn!("segments that not every profile has, left out of the sum: {left_out}");
    }
    let segments = sum.segments.into_iter().map(in_order).collect();
    // In order, so that a sum and the same sum through a file give the same bytes.
    let (names, profiles): (_, Vec<Column>) =
        sum.columns.into_iter().map(|column| (column.name, column.profile.in_order())).unzip();
    (account.records, account.rows) = (sum.records, sum.rows);
    account.finish();
    let columns = Columns { names, named: sum.named, ..Columns::default() };
    let firsts = vec![0; profiles.len()];
    let made_of = summed.into_all();
    Ok((Profiled { columns, profiles, account, firsts, open: false, made_of }, segments))
}

fn in_order(segment: Segment) -> Segment {
    Segment { columns: segment.columns.iter().map(Column::in_order).collect(), ..segment }
}

fn unusable(path: &Path, setting: &str, found: impl Into<String>) -> Problem {
    Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a profile cannot be used")
        .file(path)
        .field(setting)
        .found(found)
        .expected(format!("a file {PROFILE_NAME} that a data quality job wrote, of the same columns"))
        .hint("make the profile again with this version of the program")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Profiles of rows of two columns, cut at these places.
    fn of(rows: &[(f64, String)], cuts: &[usize]) -> Vec<Profile> {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (rows.len() + 1)).collect();
        ends.push(rows.len());
        ends.sort_unstable();
        let mut start = 0;
        ends.into_iter()
            .map(|end| {
                let part = &rows[start..end];
                start = end;
                let mut columns = [Column::new(), Column::new()];
                let numbers: Vec<String> = part.iter().map(|row| format!("{:?}", row.0)).collect();
                columns[0].update(numbers.iter().map(|cell| Some(cell.as_str())));
                columns[1]
                    .update(part.iter().map(|row| Some(row.1.as_str()).filter(|text| !text.is_empty())));
                let mut account = Account::default();
                (account.records, account.rows) = (part.len() as u64, part.len() as u64);
                let columns = ["x", "y"].into_iter().zip(&columns);
                decode(&packed(&Written::new(columns, Vec::new(), &account, true))).unwrap()
            })
            .collect()
    }

    fn packed(written: &Written<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        written.write(&mut bytes).unwrap();
        bytes
    }

    fn written(profile: &Profile) -> Written<'_> {
        let mut account = Account::default();
        (account.records, account.rows) = (profile.records, profile.rows);
        let segments = profile.segments.iter().map(OfSegment::from).collect();
        Written::new(profile.columns(), segments, &account, profile.named)
    }

    /// A profile of these bytes, which need not be packed.
    fn decode(bytes: &[u8]) -> std::result::Result<Profile, String> {
        let mut segments = Vec::new();
        let whole = stored::read(bytes, &mut |_, segment| segments.push(segment))?;
        Ok(Profile { segments, ..whole })
    }

    fn sum(parts: &[Profile]) -> Profile {
        let mut out = parts[0].clone();
        parts[1..].iter().for_each(|part| out.merge(part).unwrap());
        // Through a file once more, as sums of sums are.
        decode(&packed(&written(&out))).unwrap()
    }

    #[test]
    fn rows_in_another_order_make_the_same_file() {
        // Of two numbers the mean is the same to the last digit in either order.
        let mut rows = vec![(1.0, "a".to_string()), (3.0, "b".to_string())];
        let file = packed(&written(&of(&rows, &[])[0]));
        rows.reverse();
        assert_eq!(packed(&written(&of(&rows, &[])[0])), file);
    }

    #[test]
    fn an_empty_profile_among_others_stops_the_sum() {
        let folder = tempfile::tempdir().unwrap();
        let profile = packed(&written(&of(&[(1.0, "x".into())], &[])[0]));
        for (name, bytes) in [("1", &profile[..]), ("2", &[])] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join(PROFILE_NAME), bytes).unwrap();
        }
        let failed = gather(folder.path(), &Stop::default()).err().unwrap().to_string();
        assert!(failed.contains(PROFILE_NAME) && failed.contains("an empty file"), "{failed}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn parts_in_any_split_add_up_to_the_whole(
            seed in 0..1000u64,
            n in 1..7000usize,
            texts in 1..260u64,
            cuts in proptest::collection::vec(0..7000usize, 0..6),
            whole_numbers: bool,
        ) {
            let mut state = seed;
            let mut draw = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state >> 33
            };
            let rows: Vec<(f64, String)> = (0..n)
                .map(|_| {
                    let number = (draw() % 100_000) as f64 / if whole_numbers { 1.0 } else { 7.0 };
                    let text = draw() % (texts + 1);
                    (number, if text == 0 { String::new() } else { format!("t{text}") })
                })
                .collect();
            let (whole, parts) = (sum(&of(&rows, &[])), sum(&of(&rows, &cuts)));
            prop_assert_eq!((parts.rows, parts.records), (whole.rows, whole.records));
            for (a, b) in parts.columns.iter().zip(&whole.columns) {
                let (a, b) = (&a.profile, &b.profile);
                prop_assert_eq!((a.rows, a.spellings), (b.rows, b.spellings));
                prop_assert_eq!(a.distinct(), b.distinct());
                prop_assert_eq!(a.categories(), b.categories());
                prop_assert_eq!((a.moments.n, a.moments.min, a.moments.max), (b.moments.n, b.moments.min, b.moments.max));
                let close = |x: f64, y: f64| (x - y).abs() <= 1e-12 * y.abs().max(1.0);
                if a.moments.n > 0 {
                    prop_assert!(close(a.moments.sum, b.moments.sum));
                    prop_assert!(!whole_numbers || a.moments.sum == b.moments.sum);
                    prop_assert!(close(a.moments.standard_deviation(), b.moments.standard_deviation()));
                }
                // A sketch of rows in parts against the rows themselves: ranks within 1 %.
                let mut sorted: Vec<f64> = rows.iter().map(|row| row.0).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                let weights = a.sketch.weights();
                if a.moments.n > 0 {
                    prop_assert_eq!(weights.total(), n as f64);
                    for tenth in 1..10 {
                        let value = sorted[n * tenth / 10];
                        let rank = sorted.partition_point(|x| *x <= value) as f64;
                        prop_assert!((weights.at_most(value) - rank).abs() <= 0.01 * n as f64 + 1.0);
                    }
                }
            }
        }
    }

    #[test]
    fn damage_at_every_byte_is_told_and_never_a_panic() {
        let rows: Vec<(f64, String)> = (0..40).map(|n| (f64::from(n % 7), format!("t{}", n % 3))).collect();
        let mut profile = of(&rows, &[]).remove(0);
        for value in ["t0", "t1"] {
            let own: Vec<(f64, String)> = rows.iter().filter(|row| row.1 == value).cloned().collect();
            let columns = of(&own, &[]).remove(0).columns.into_iter().map(|column| column.profile).collect();
            let (column, value, rows) = ("y".into(), value.into(), own.len() as u64);
            profile.segments.push(Segment { column, value, rows, columns });
        }
        let mut json = serde_json::to_vec(&written(&profile)).unwrap();
        // Unpacked files are read too, so that damage meets the checks and not only the checksum of gzip.
        assert!(decode(&json).is_ok());
        let mut refused = 0;
        for at in 0..json.len() {
            let kept = json[at];
            for byte in [b'9', b'"'] {
                json[at] = byte;
                if let Ok(mut found) = decode(&json) {
                    // Whatever passes the checks can be used.
                    let again = found.clone();
                    let _ = found.merge(&again);
                    let of_segments = found.segments.iter().flat_map(|segment| &segment.columns);
                    found
                        .columns()
                        .map(|(_, column)| column)
                        .chain(of_segments)
                        .for_each(|column| drop((column.sketch.weights(), column.distinct())));
                } else {
                    refused += 1;
                }
            }
            json[at] = kept;
        }
        assert!(refused > json.len() / 2, "{refused}");
        for end in 0..json.len() {
            assert!(decode(&json[..end]).is_err());
        }
    }

    #[test]
    fn profiles_of_other_columns_do_not_add_up() {
        let rows = [(1.0, "a".to_string())];
        let (mut one, mut other) = (of(&rows, &[]).remove(0), of(&rows, &[]).remove(0));
        other.columns[1].name = "z".into();
        assert!(one.merge(&other).unwrap_err().contains("`y`"));
        other.columns.pop();
        assert!(one.merge(&other).unwrap_err().contains("`y`"));
        let text = serde_json::to_string(&written(&other)).unwrap();
        let text = text.replace("\"version\":1", "\"version\":2");
        assert_eq!(decode(text.as_bytes()).unwrap_err(), "version 2, expected 1");
    }

    /// A file whose keys were sorted by another program says the same; one that has segments and no columns says nothing.
    #[test]
    fn the_keys_of_a_profile_may_stand_in_another_order() {
        let mut profile = of(&[(1.0, "a".into()), (2.0, "b".into())], &[]).remove(0);
        let columns = of(&[(1.0, "a".into())], &[]).remove(0).columns;
        let columns = columns.into_iter().map(|column| column.profile).collect();
        profile.segments.push(Segment { column: "y".into(), value: "a".into(), rows: 1, columns });
        let json = serde_json::to_value(written(&profile)).unwrap();
        let object = json.as_object().unwrap();
        let sorted: std::collections::BTreeMap<_, _> = object.iter().collect();
        let found = decode(&serde_json::to_vec(&sorted).unwrap()).unwrap();
        assert_eq!(packed(&written(&found)), packed(&written(&profile)));
        for key in object.keys() {
            let mut without = object.clone();
            without.shift_remove(key);
            let found = decode(&serde_json::to_vec(&without).unwrap());
            let is_needed = key != "segments" && key != "program";
            assert!(
                found.as_ref().err().is_some_and(|found| found.contains(key)) == is_needed,
                "{key}: {found:?}"
            );
        }
        for (at, value) in [("rows", 2), ("rows", 3), ("columns/0/rows", 2), ("columns", 0)] {
            let mut other = json.clone();
            *other.pointer_mut(&format!("/segments/0/{at}")).unwrap() = match at {
                "columns" => serde_json::json!([]),
                _ => value.into(),
            };
            let refused = decode(&serde_json::to_vec(&other).unwrap()).unwrap_err();
            assert!(refused.contains("`y` = `a`"), "{at} {value}: {refused}");
        }
        let backwards: Vec<String> =
            ["segments", "columns"].map(|key| format!("\"{key}\":{}", object[key])).into();
        let text =
            format!("{{{},\"version\":1,\"records\":2,\"rows\":2,\"named\":true}}", backwards.join(","));
        assert!(decode(text.as_bytes()).unwrap_err().contains("segments in front of"));
    }

    #[test]
    fn sums_beyond_the_range_of_doubles_come_back() {
        let rows = [(1e308, String::new()), (1e308, String::new()), (1e308, String::new())];
        let profile = of(&rows, &[]).remove(0);
        assert_eq!(profile.columns[0].profile.moments.sum, f64::INFINITY);
    }
}
