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
/// list. A baseline that was made without excluded columns has fewer columns than the data: then they are left out first.
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
    if let (Some(baseline), Some(early)) = (baseline, &early)
        && !early.is_empty()
        && own.len() != baseline.len()
        && own.len() - early.len() == baseline.len()
    {
        let kept: Vec<usize> = (0..own.len()).filter(|at| !early.contains(at)).collect();
        let names = kept.iter().map(|&at| own[at].0.clone()).collect();
        let settled = settle(&Columns { names, ..found.clone() }, Some(baseline));
        let columns = settled.columns.into_iter().map(|(name, at)| (name, kept[at])).collect();
        let Settled { comparable, warnings, .. } = settled;
        return Ok(Named { columns, comparable, excluded: Vec::new(), warnings });
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
