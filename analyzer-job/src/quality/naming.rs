//! The columns of a run under their names.

use plumbline_common::{Problem, Result, codes};

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

/// Names the columns and leaves out those of `exclude_features_attribute`. A baseline that was made without them
/// has fewer columns than the data: then they are left out first.
///
/// # Errors
/// `COLUMN_NOT_FOUND`: a column to leave out that neither the data nor the baseline have.
pub fn name(found: &Columns, exclude: &[String], baseline: Option<&[String]>) -> Result<Named> {
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
        let settled = settle(&Columns { names, named: found.named, order: found.order }, Some(baseline));
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
    let all = columns.len();
    let columns: Vec<_> = columns.into_iter().filter(|(name, _)| !excluded.contains(name)).collect();
    let mut warnings = warnings;
    if columns.is_empty() && all > 0 {
        warnings.push(
            "`exclude_features_attribute` leaves out every column: nothing is described or checked".into(),
        );
    }
    Ok(Named { columns, comparable, excluded, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_leave_out_every_column_is_told() {
        let found = Columns { names: ["a", "b"].map(String::from).into(), named: true, ..Columns::default() };
        let exclude = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            name(&found, &names, None).unwrap().warnings.len()
        };
        assert_eq!((exclude(&["a"]), exclude(&["a", "1"])), (0, 1));
    }
}
