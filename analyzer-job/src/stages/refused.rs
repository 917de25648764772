//! Says whose row it was that a model refused, or answered with something of no use.

use plumbline_common::{Problem, codes};

use crate::values::cells::ModelRows;

/// Names that are listed before the rest is only counted.
const NAMES_SHOWN: usize = 3;

/// A model's failure on a single row, with the place of that row: in the baseline, in the data, or one made from
/// a row of the data. Other problems stay as they are.
///
/// `row`: numbers of the row's values. `names`: of the features.
pub(crate) fn named(
    problem: Problem,
    row: Option<&[u32]>,
    baseline: Option<&ModelRows>,
    rows: &ModelRows,
    names: &[String],
) -> Problem {
    let of_a_row = [
        &codes::MODEL_FAILED,
        &codes::RECORD_TOO_LARGE,
        &codes::RESPONSE_SHAPE,
        &codes::RESPONSE_NUMBER,
        &codes::PREDICTION_NOT_FINITE,
        &codes::LOGIT_OUT_OF_RANGE,
    ];
    let is_refusal = of_a_row.contains(&problem.code());
    match row.filter(|_| is_refusal).and_then(|row| whose(row, baseline, rows, names)) {
        Some(whose) => {
            let found = problem.found_text().unwrap_or_default().to_string();
            problem.found(format!("{whose}: {found}"))
        }
        None => problem,
    }
}

/// Whose row it is; none where there are no rows.
pub(crate) fn whose(
    row: &[u32],
    baseline: Option<&ModelRows>,
    rows: &ModelRows,
    names: &[String],
) -> Option<String> {
    let place = |rows: &ModelRows| rows.rows().position(|own| own == row);
    if let Some(baseline) = baseline
        && let Some(place) = place(baseline)
    {
        return Some(format!("row {} of the baseline (of {})", place + 1, baseline.len()));
    }
    if let Some(place) = place(rows) {
        return Some(format!("row {} of the data", place + 1));
    }
    // A row of the data in which some features have other values: the one with the fewest.
    let differing = |own: &[u32]| own.iter().zip(row).filter(|(own, value)| own != value).count();
    let (place, own) = rows.rows().enumerate().min_by_key(|(_, own)| differing(own))?;
    let changed: Vec<&str> = own
        .iter()
        .zip(row)
        .zip(names)
        .filter(|((own, value), _)| own != value)
        .map(|(_, name)| name.as_str())
        .collect();
    let shown: Vec<String> = changed.iter().take(NAMES_SHOWN).map(|name| format!("`{name}`")).collect();
    let more = match changed.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("row {} of the data with other values of {}{more}", place + 1, shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_row_is_that_of_the_baseline_of_the_data_or_one_made_from_it() {
        let rows = ModelRows { n_features: 3, ids: vec![1, 2, 3, 4, 5, 6] };
        let baseline = ModelRows { n_features: 3, ids: vec![7, 8, 9] };
        let names = ["a", "b", "c"].map(String::from);
        let told = |code, row: &[u32]| {
            let problem = Problem::new(code, "the model fails").found("500 it said");
            named(problem, Some(row), Some(&baseline), &rows, &names).to_string()
        };
        let failed = |row: &[u32]| told(&codes::MODEL_FAILED, row);
        assert!(failed(&[7, 8, 9]).ends_with(": row 1 of the baseline (of 1): 500 it said"));
        assert!(failed(&[4, 5, 6]).ends_with(": row 2 of the data: 500 it said"));
        assert!(failed(&[4, 8, 9]).contains("row 2 of the data with other values of `b`, `c`: 500"));
        assert!(told(&codes::RESPONSE_NUMBER, &[7, 8, 9]).ends_with("of the baseline (of 1): 500 it said"));
        assert!(told(&codes::MODEL_THROTTLED, &[7, 8, 9]).ends_with("fails: 500 it said"));
    }
}
