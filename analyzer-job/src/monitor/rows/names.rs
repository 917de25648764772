//! Which column of the data is which column of the baseline.

use super::Columns;

/// The columns of a run under the names that its results have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Name of each column, and where its cells stand in the rows.
    pub columns: Vec<(String, usize)>,
    /// Whether a column may be held against the baseline's column of its name: not so when rows without names
    /// have another number of columns.
    pub comparable: bool,
    pub warnings: Vec<String>,
}

/// Names the columns of a run. Rows without names take the baseline's by position when there are as many.
/// Rows with the baseline's names stand in its order; as many other names are taken by position, with a warning.
pub fn settle(found: &Columns, baseline: Option<&[String]>) -> Settled {
    let own = || found.names.iter().cloned().zip(0..).collect::<Vec<_>>();
    let Some(baseline) = baseline else {
        return Settled { columns: own(), comparable: true, warnings: Vec::new() };
    };
    if found.names.len() != baseline.len() {
        return Settled { columns: own(), comparable: found.named, warnings: Vec::new() };
    }
    let places: Option<Vec<usize>> = baseline.iter().map(|name| found.names.get_index_of(name)).collect();
    if let (true, Some(places)) = (found.named, places) {
        let columns = baseline.iter().cloned().zip(places).collect();
        return Settled { columns, comparable: true, warnings: Vec::new() };
    }
    let mut warnings = Vec::new();
    if found.named {
        let other =
            |(name, base): (&String, &String)| (name != base).then(|| format!("`{name}` is `{base}`"));
        let others: Vec<String> = found.names.iter().zip(baseline).filter_map(other).collect();
        warnings.push(format!(
            "the columns have other names than the baseline's and are taken by position: {}{}",
            others[..others.len().min(5)].join(", "),
            if others.len() > 5 { ", ..." } else { "" }
        ));
    }
    Settled { columns: baseline.iter().cloned().zip(0..).collect(), comparable: true, warnings }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str], named: bool) -> Columns {
        Columns { names: names.iter().map(|name| name.to_string()).collect(), named }
    }

    #[track_caller]
    fn check(found: &[&str], named: bool, baseline: &[&str], expected: &[(&str, usize)], warned: bool) {
        let baseline: Vec<String> = baseline.iter().map(|name| name.to_string()).collect();
        let settled = settle(&columns(found, named), Some(&baseline));
        let got: Vec<(&str, usize)> = settled.columns.iter().map(|(name, at)| (name.as_str(), *at)).collect();
        assert_eq!(got, expected);
        assert_eq!(!settled.warnings.is_empty(), warned, "{:?}", settled.warnings);
        assert_eq!(settled.comparable, named || found.len() == baseline.len());
    }

    #[test]
    fn names_by_position_by_name_and_by_position_with_a_warning() {
        check(&["_c0", "_c1"], false, &["y", "x"], &[("y", 0), ("x", 1)], false);
        check(&["x", "y"], true, &["y", "x"], &[("y", 1), ("x", 0)], false);
        check(&["a", "y"], true, &["y", "x"], &[("y", 0), ("x", 1)], true);
        check(&["_c0", "_c1", "_c2"], false, &["y", "x"], &[("_c0", 0), ("_c1", 1), ("_c2", 2)], false);
        check(&["x", "z", "y"], true, &["y", "x"], &[("x", 0), ("z", 1), ("y", 2)], false);
    }
}
