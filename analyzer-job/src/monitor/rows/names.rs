//! Which column of the data is which column of the baseline.

use super::prepare::in_natural_order;
use super::{Columns, Order};

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
    let (order, warning) = order(found);
    let own = || order.iter().map(|&at| (found.names[at].clone(), at)).collect::<Vec<_>>();
    let told = || warning.clone().into_iter().collect::<Vec<_>>();
    let Some(baseline) = baseline else {
        return Settled { columns: own(), comparable: true, warnings: told() };
    };
    if found.names.len() != baseline.len() {
        return Settled { columns: own(), comparable: found.named, warnings: told() };
    }
    let places: Option<Vec<usize>> = baseline.iter().map(|name| found.names.get_index_of(name)).collect();
    if let (true, Some(places)) = (found.named, places) {
        let columns = baseline.iter().cloned().zip(places).collect();
        return Settled { columns, comparable: true, warnings: Vec::new() };
    }
    let mut warnings = told();
    if found.named {
        let other =
            |(name, base): (&String, &String)| (name != base).then(|| format!("`{name}` is `{base}`"));
        let ordered = order.iter().map(|&at| &found.names[at]);
        let others: Vec<String> = ordered.zip(baseline).filter_map(other).collect();
        warnings.push(format!(
            "the columns have other names than the baseline's and are taken by position: {}{}",
            others[..others.len().min(5)].join(", "),
            if others.len() > 5 { ", ..." } else { "" }
        ));
    }
    Settled { columns: baseline.iter().cloned().zip(order).collect(), comparable: true, warnings }
}

/// The places of the columns in the order that counts, and a warning where the hosted service has another one: it
/// sorts the keys of a script's rows as text, so that `_c10` stands before `_c2`.
fn order(found: &Columns) -> (Vec<usize>, Option<String>) {
    match found.order {
        Order::Data => ((0..found.names.len()).collect(), None),
        Order::Text => {
            let mut order: Vec<usize> = (0..found.names.len()).collect();
            order.sort_by_key(|&at| &found.names[at]);
            (order, None)
        }
        Order::Natural => {
            let (order, as_text) = in_natural_order(&found.names);
            let warning = (!as_text).then(|| {
                "the keys of the script's rows count in natural order (`_c2` before `_c10`), which is not their order \
                 as text; the hosted service goes by the latter, as `compat=strict` does"
                    .to_string()
            });
            (order, warning)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str], named: bool) -> Columns {
        Columns { names: names.iter().map(|name| name.to_string()).collect(), named, ..Columns::default() }
    }

    #[test]
    fn the_keys_of_a_script_go_by_name_else_by_number() {
        let keys = |order| Columns { order, ..columns(&["_c10", "_c2", "_c1"], true) };
        let base = |names: [&str; 3]| names.map(String::from);
        let places = |settled: &Settled| settled.columns.iter().map(|column| column.1).collect::<Vec<_>>();
        let named = settle(&keys(Order::Natural), Some(&base(["_c2", "_c10", "_c1"])));
        assert_eq!((places(&named), named.warnings.len()), (vec![1, 0, 2], 0));
        let by_number = settle(&keys(Order::Natural), Some(&base(["x", "y", "z"])));
        assert_eq!((places(&by_number), by_number.warnings.len()), (vec![2, 1, 0], 2));
        assert!(by_number.warnings[1].contains("`_c1` is `x`"), "{:?}", by_number.warnings);
        let as_text = settle(&keys(Order::Text), Some(&base(["x", "y", "z"])));
        assert_eq!((places(&as_text), as_text.warnings.len()), (vec![2, 0, 1], 1));
        let alone = settle(&keys(Order::Natural), None);
        assert_eq!((places(&alone), alone.warnings.len()), (vec![2, 1, 0], 1));
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
