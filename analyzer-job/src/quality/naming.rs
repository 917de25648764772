//! The columns of a run under their names.

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::pass::Profiled;
use crate::monitor::rows::{Columns, Settled, settle};

/// The columns of the run under their names, without those that are left out.
pub struct Named {
    pub columns: Vec<(String, usize)>,
    /// The baseline says something of these columns.
    pub comparable: bool,
    /// Columns that the baseline does not count either.
    pub excluded: Vec<String>,
    pub warnings: Vec<String>,
}

/// Names the columns and leaves out those of `exclude_features_attribute`, and nulls where other rows have an object or a
/// list. The number of columns tells which side has the excluded ones: a baseline that was made without them has fewer columns
/// than the data by just these, and data that lack them fewer than the baseline. They are left out of the other side then, before
/// names go by position.
///
/// # Errors
/// `COLUMN_NOT_FOUND`: a column to leave out that neither the data nor the baseline have. `NO_DATA`: no column is left.
/// `HEADERS_DO_NOT_FIT`: the baseline's names would go by a position that hangs on the order of the files.
pub fn name(profiled: &Profiled, exclude: &[String], baseline: Option<&[String]>) -> Result<Named> {
    let found = &profiled.columns;
    let shown: Vec<usize> =
        (0..found.names.len()).filter(|&at| !profiled.is_place_of_others(at, baseline)).collect();
    let names = shown.iter().map(|&at| found.names[at].clone()).collect();
    let mut named = name_of(&Columns { names, ..found.clone() }, exclude, baseline)?;
    named.columns.iter_mut().for_each(|(_, at)| *at = shown[*at]);
    if named.columns.is_empty() {
        let nothing = Problem::new(&codes::NO_DATA, "there is nothing to describe or check");
        return Err(if shown.is_empty() {
            nothing.found("rows with nulls and empty objects only")
        } else {
            nothing
                .field("exclude_features_attribute")
                .found(format!("all {} left out", counted(shown.len(), "column")))
                .hint("leave out fewer columns")
        });
    }
    let renamed = named.columns.iter().find(|(name, at)| found.names[*at] != *name);
    if let (true, Some((name, at)), true) = (found.named, renamed, profiled.account.first_rows.differ()) {
        return Err(Problem::new(
            &codes::HEADERS_DO_NOT_FIT,
            "the header rows of the files differ, and the baseline has other names, so no position tells which column is which",
        )
        .found(format!("`{}`", found.names[*at]))
        .expected(format!("the names of the baseline, such as `{name}`"))
        .hint("give all files the same header row, or rename their columns by `columns`"));
    }
    Ok(named)
}

/// As `name`, of columns that all count.
fn name_of(found: &Columns, exclude: &[String], baseline: Option<&[String]>) -> Result<Named> {
    let place = |names: &[(String, usize)], wanted: &str| {
        names
            .iter()
            .position(|(name, _)| name == wanted)
            .or_else(|| wanted.parse().ok().filter(|&at| at < names.len()))
    };
    let own: Vec<(String, usize)> = found.names.iter().cloned().zip(0..).collect();
    let early: Option<Vec<usize>> = exclude.iter().map(|wanted| place(&own, wanted)).collect();
    let kept = |early: &Vec<usize>| (0..own.len()).filter(|at| !early.contains(at)).collect::<Vec<usize>>();
    if let (Some(baseline), Some(kept)) = (baseline, early.as_ref().map(kept))
        && own.len() != baseline.len()
        && kept.len() == baseline.len()
    {
        let names = kept.iter().map(|&at| own[at].0.clone()).collect();
        let settled = settle(&Columns { names, ..found.clone() }, Some(baseline));
        let columns = settled.columns.into_iter().map(|(name, at)| (name, kept[at])).collect();
        let Settled { comparable, warnings, .. } = settled;
        return Ok(Named { columns, comparable, excluded: Vec::new(), warnings });
    }
    if let Some((baseline, excluded)) = baseline.and_then(|baseline| lacked(found, exclude, baseline)) {
        let Settled { columns, comparable, warnings } = settle(found, Some(&baseline));
        return Ok(Named { columns, comparable, excluded, warnings });
    }
    let Settled { columns, comparable, warnings } = settle(found, baseline);
    let mut excluded = Vec::new();
    for wanted in exclude {
        let at = place(&columns, wanted)
            .or_else(|| place(&own, wanted).and_then(|at| columns.iter().position(|c| c.1 == at)));
        match at {
            Some(at) => excluded.push(columns[at].0.clone()),
            None if baseline.is_some_and(|baseline| baseline.contains(wanted)) => {
                excluded.push(wanted.clone())
            }
            None => {
                let names: Vec<String> = columns.iter().map(|(name, _)| format!("`{name}`")).collect();
                return Err(Problem::new(
                    &codes::COLUMN_NOT_FOUND,
                    "a column to leave out is not in the data",
                )
                .field("exclude_features_attribute")
                .found(format!("`{wanted}`"))
                .expected(format!("a position from 0, or one of {}", names.join(", "))));
            }
        }
    }
    let columns: Vec<_> = columns.into_iter().filter(|(name, _)| !excluded.contains(name)).collect();
    Ok(Named { columns, comparable, excluded, warnings })
}

/// The names of the baseline that are left, and those that are excluded, where the data lack just the excluded columns. A position
/// is one among the baseline's columns then.
fn lacked(found: &Columns, exclude: &[String], baseline: &[String]) -> Option<(Vec<String>, Vec<String>)> {
    let of_baseline = |wanted: &String| {
        let named = baseline.iter().position(|name| name == wanted);
        named.or_else(|| wanted.parse().ok().filter(|&at| at < baseline.len()))
    };
    let places: Vec<usize> = exclude.iter().map(of_baseline).collect::<Option<_>>()?;
    let pick = |is_excluded: bool| {
        let places = (0..baseline.len()).filter(|at| places.contains(at) == is_excluded);
        places.map(|at| baseline[at].clone()).collect::<Vec<_>>()
    };
    let (left, excluded) = (pick(false), pick(true));
    let has_one = found.named && excluded.iter().any(|name| found.names.contains(name));
    (found.names.len() != baseline.len() && found.names.len() == left.len() && !has_one)
        .then_some((left, excluded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::profile::Column;

    /// Columns of JSON, each with a value or without.
    fn profiled(columns: &[(&str, bool)], nested: &[&str]) -> Profiled {
        let profile = |(_, has_value): &(&str, bool)| {
            let mut column = Column::new();
            column.update([has_value.then_some("1")].into_iter());
            column
        };
        let mut found = Profiled {
            columns: Columns {
                names: columns.iter().map(|(name, _)| name.to_string()).collect(),
                named: true,
                nested: nested.iter().map(|name| name.to_string()).collect(),
                ..Columns::default()
            },
            profiles: columns.iter().map(profile).collect(),
            open: true,
            ..Profiled::default()
        };
        found.account.rows = 1;
        found
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| name.to_string()).collect()
    }

    #[test]
    fn to_leave_out_every_column_is_an_error() {
        let found = profiled(&[("a", true), ("b", true)], &[]);
        assert_eq!(name(&found, &texts(&["a"]), None).unwrap().columns, [("b".to_string(), 1)]);
        let all = name(&found, &texts(&["a", "1"]), None).err().unwrap();
        assert_eq!(all.code(), &codes::NO_DATA, "{all}");
    }

    /// The data have the columns `found`, the baseline `baseline`. Gives what each column of the data is called, by place, or none if
    /// the baseline says nothing of the columns.
    fn called(
        found: &[&str],
        named: bool,
        exclude: &[&str],
        baseline: &[&str],
    ) -> Option<Vec<(usize, String)>> {
        let columns: Vec<(&str, bool)> = found.iter().map(|name| (*name, true)).collect();
        let mut profiled = profiled(&columns, &[]);
        (profiled.columns.named, profiled.open) = (named, named);
        let found = name(&profiled, &texts(exclude), Some(&texts(baseline))).unwrap();
        let mut columns: Vec<_> = found.columns.into_iter().map(|(name, at)| (at, name)).collect();
        columns.sort();
        found.comparable.then_some(columns)
    }

    /// Data of every width that a baseline without, with and with more than the excluded columns can have beside them: what each cell
    /// is called must be what it was when it was written.
    #[test]
    fn excluded_columns_leave_the_side_that_has_them() {
        let all = ["y", "age", "id", "plan", "zip"];
        for mask in 1..(1 << all.len()) - 1_usize {
            let is_excluded = |at: &usize| mask & (1 << at) != 0;
            let at_all = || 0..all.len();
            let excluded: Vec<usize> = at_all().filter(is_excluded).collect();
            let left: Vec<usize> = at_all().filter(|at| !is_excluded(at)).collect();
            let names = |places: &[usize]| places.iter().map(|&at| all[at]).collect::<Vec<_>>();
            let by_name = names(&excluded);
            let by_place: Vec<String> = excluded.iter().map(usize::to_string).collect();
            let by_place: Vec<&str> = by_place.iter().map(String::as_str).collect();
            let unnamed: Vec<String> = at_all().map(|at| format!("_c{at}")).collect();
            let unnamed: Vec<&str> = unnamed.iter().map(String::as_str).collect();
            let expected = |places: &[usize]| {
                let kept = places.iter().enumerate().filter(|(_, at)| left.contains(at));
                Some(kept.map(|(here, &at)| (here, all[at].to_string())).collect::<Vec<_>>())
            };
            let whole: Vec<usize> = at_all().collect();
            for exclude in [&by_name, &by_place] {
                // Both have them; only the baseline; only the data, where a name says nothing of a column without one.
                assert_eq!(called(&unnamed, false, exclude, &all), expected(&whole), "{exclude:?}");
                let few = &unnamed[..left.len()];
                assert_eq!(called(few, false, exclude, &all), expected(&left), "{exclude:?}");
                assert_eq!(called(&all, true, exclude, &all), expected(&whole), "{exclude:?}");
                assert_eq!(called(&all, true, exclude, &names(&left)), expected(&whole), "{exclude:?}");
            }
            assert_eq!(called(&unnamed, false, &by_place, &names(&left)), expected(&whole), "{by_place:?}");
            assert_eq!(called(&names(&left), true, &by_name, &all), expected(&left), "{by_name:?}");
            // The same column by name and by position, and twice.
            let twice = [&by_name[..], &by_place, &by_name].concat();
            assert_eq!(called(&unnamed, false, &twice, &all), expected(&whole), "{twice:?}");
            assert_eq!(called(&unnamed[..left.len()], false, &twice, &all), expected(&left), "{twice:?}");
            // Neither width.
            for width in 1..unnamed.len() {
                if width != left.len() {
                    assert_eq!(called(&unnamed[..width], false, &by_name, &all), None, "{by_name:?} {width}");
                }
            }
        }
        // Data with names that have the excluded column lack another one, and go by name.
        let found = called(&["y", "age"], true, &["y"], &["y", "age", "plan"]);
        assert_eq!(found, Some(vec![(1, "age".to_string())]));
        // As many with other names go by position.
        let found = called(&["years", "tariff"], true, &["y"], &["y", "age", "plan"]);
        assert_eq!(found, Some(vec![(0, "age".to_string()), (1, "plan".to_string())]));
    }

    #[test]
    fn nulls_beside_objects_and_lists_are_no_column() {
        let check =
            |columns: &[(&str, bool)], nested: &[&str], baseline: Option<&[&str]>, expected: &[usize]| {
                let baseline = baseline.map(texts);
                let named = name(&profiled(columns, nested), &[], baseline.as_deref()).unwrap();
                let mut places: Vec<usize> = named.columns.iter().map(|column| column.1).collect();
                places.sort_unstable();
                assert_eq!(places, expected, "{columns:?} {nested:?} {baseline:?}");
            };
        let both = [("c", false), ("c.x", true), ("d", true)];
        check(&both, &["c"], None, &[1, 2]);
        // Keys of one object that only look alike, and a value beside objects.
        check(&both, &[], None, &[0, 1, 2]);
        check(&[("c", true), ("c.x", true)], &["c"], None, &[0, 1]);
        // No row of the run has a value there: the baseline knows.
        let nulls = [("c", false), ("d", true)];
        check(&nulls, &[], None, &[0, 1]);
        check(&nulls, &[], Some(&["c.x", "d"]), &[1]);
        check(&nulls, &[], Some(&["c_0", "d"]), &[1]);
        check(&nulls, &[], Some(&["c", "c_0", "d"]), &[0, 1]);
        for other in ["c_", "c_x", "c.", "cx", "c0"] {
            check(&nulls, &[], Some(&[other, "d", "e"]), &[0, 1]);
        }
        // A position counts the columns that are there.
        let named = name(&profiled(&both, &["c"]), &texts(&["0"]), None).unwrap();
        assert_eq!(named.columns, [("d".to_string(), 2)]);
    }
}
