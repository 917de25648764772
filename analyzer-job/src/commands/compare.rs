//! Two result files side by side: what differs and by how much. Files of this program and of the hosted
//! service are both read, so that a team can run both for a while and see that they agree.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::answer::Answer;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use crate::values::numbers::{self, repr};

/// Relative difference up to which two numbers count as equal: a few roundings of a double.
pub const TOLERANCE: f64 = 1e-9;
/// Numbers this near to each other are equal whatever their size, so that 0 and 1e-17 are.
const ABSOLUTE: f64 = 1e-12;

/// What a comparison found. Empty lists mean that the files say the same.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// Values that stand in both files.
    pub compared: usize,
    pub differences: Vec<Difference>,
    /// Values that stand in one file only, by name.
    pub only_old: Vec<String>,
    pub only_new: Vec<String>,
    pub ranks: Vec<RankChange>,
}

/// A value that is not the same in both files.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub name: String,
    pub old: Cell,
    pub new: Cell,
}

/// A feature that takes another place in the order by global attribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankChange {
    pub label: String,
    pub feature: String,
    /// Places from 1.
    pub old: usize,
    pub new: usize,
}

/// A value of a result file.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// May be infinite, never NaN.
    Number(f64),
    Text(String),
    /// No value; the reason where the file tells it.
    Undefined(String),
}

impl Difference {
    /// `new - old`, when both are finite numbers.
    pub fn absolute(&self) -> Option<f64> {
        match (&self.old, &self.new) {
            (Cell::Number(old), Cell::Number(new)) => Some(new - old).filter(|size| size.is_finite()),
            _ => None,
        }
    }

    /// The difference as a share of the old value, where that is not 0.
    pub fn relative(&self) -> Option<f64> {
        match &self.old {
            Cell::Number(old) if *old != 0.0 => Some(self.absolute()? / old.abs()),
            _ => None,
        }
    }
}

impl Comparison {
    pub fn same(&self) -> bool {
        self.differences.is_empty()
            && self.only_old.is_empty()
            && self.only_new.is_empty()
            && self.ranks.is_empty()
    }
}

/// Compares two files: the text for a terminal, and whether they say the same.
///
/// # Errors
/// A file cannot be read, or is neither an `analysis.json` nor a `constraint_violations.json`
/// (`RESULT_UNREADABLE`).
pub fn run(old: &Path, new: &Path, tolerance: f64) -> Result<(Answer, bool)> {
    let (before, after) = (load(old)?, load(new)?);
    if before.get("violations").is_some() != after.get("violations").is_some() {
        return Err(Problem::new(&codes::RESULT_UNREADABLE, "cannot compare two files of different kinds")
            .file(new)
            .expected(format!("a file of the kind of {}", old.display()))
            .hint("compare analysis.json with analysis.json, violations with violations"));
    }
    let comparison = compare(&before, &after, tolerance);
    Ok((table(&comparison), comparison.same()))
}

fn load(path: &Path) -> Result<Json> {
    let bytes = fs::read(path).map_err(|error| Problem::io("read a result file", path, error))?;
    let what = "cannot read a result file";
    let value: Json = serde_json::from_slice(&numbers::strict_json(&bytes)).map_err(|error| {
        Problem::new(&codes::RESULT_UNREADABLE, what)
            .file(path)
            .line(error.line() as u64)
            .found(error.to_string())
            .because(error)
    })?;
    let known = ["post_training_bias_metrics", "pre_training_bias_metrics", "explanations", "violations"];
    if known.iter().all(|key| value.get(key).is_none()) {
        return Err(Problem::new(&codes::RESULT_UNREADABLE, what)
            .file(path)
            .expected("an analysis.json or a constraint_violations.json")
            .hint("such a file has one of the keys post_training_bias_metrics, pre_training_bias_metrics, explanations, violations"));
    }
    Ok(value)
}

/// Compares two files by the names of their values.
pub fn compare(old: &Json, new: &Json, tolerance: f64) -> Comparison {
    let (before, after) = (cells(old), cells(new));
    let renamed = same_intervals(&before, &after);
    let mut comparison = Comparison::default();
    for (name, cell) in &before {
        let partner = after.get(name).or_else(|| after.get(renamed.get(name)?));
        match partner {
            None => comparison.only_old.push(name.to_string()),
            Some(partner) => {
                comparison.compared += 1;
                if !equal(cell, partner, tolerance) {
                    let (old, new) = (cell.clone(), partner.clone());
                    comparison.differences.push(Difference { name: name.to_string(), old, new });
                }
            }
        }
    }
    comparison.only_new = after
        .keys()
        .filter(|name| !before.contains_key(*name) && !renamed.values().any(|other| other == *name))
        .map(Name::to_string)
        .collect();
    comparison.ranks = rank_changes(old, new);
    comparison
}

/// What a value is called: section, group, and the value's own name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name {
    section: &'static str,
    /// Facet and its value; label; or feature.
    group: (String, Option<String>),
    value: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = match &self.group {
            (group, Some(value)) => format!("{group} = {value}"),
            (group, None) => group.clone(),
        };
        let parts = [self.section, &parts, &self.value];
        let mut separator = "";
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            write!(f, "{separator}{part}")?;
            separator = ", ";
        }
        Ok(())
    }
}

fn cells(file: &Json) -> IndexMap<Name, Cell> {
    let mut out = IndexMap::new();
    let sections =
        [("post_training_bias_metrics", "post-training"), ("pre_training_bias_metrics", "pre-training")];
    for (key, section) in sections {
        if let Some(content) = file.get(key) {
            bias(section, content, &mut out);
        }
    }
    let shap = file.pointer("/explanations/kernel_shap").and_then(Json::as_object);
    for (label, attributions) in shap.into_iter().flatten() {
        let group = (label.clone(), None);
        let values = attributions.get("global_shap_values").and_then(Json::as_object);
        for (feature, value) in values.into_iter().flatten() {
            out.insert(Name { section: "shap", group: group.clone(), value: feature.clone() }, cell(value));
        }
        if let Some(value) = attributions.get("expected_value") {
            let name = Name { section: "shap", group, value: "expected value".into() };
            out.insert(name, cell(value));
        }
    }
    for feature in file.pointer("/explanations/pdp").and_then(Json::as_array).into_iter().flatten() {
        dependence(feature, &mut out);
    }
    for violation in file.get("violations").and_then(Json::as_array).into_iter().flatten() {
        let text = |key: &str| violation.get(key).and_then(Json::as_str).map(str::to_string);
        let group = match text("facet") {
            Some(facet) => (facet, text("facet_value")),
            None => (text("label").unwrap_or_default(), None),
        };
        // A metric may be violated before and after training: the same name a second time.
        let mut name = Name { section: "violation", group, value: text("metric_name").unwrap_or_default() };
        while out.contains_key(&name) {
            name.value.push_str(" (again)");
        }
        out.insert(name, Cell::Text(text("description").unwrap_or_default()));
    }
    out
}

fn bias(section: &'static str, content: &Json, out: &mut IndexMap<Name, Cell>) {
    for (key, name) in [("label", "label"), ("label_value_or_threshold", "label value")] {
        if let Some(value) = content.get(key) {
            let name = Name { section, group: (String::new(), None), value: name.into() };
            out.insert(name, text_cell(value));
        }
    }
    for (facet, entries) in content.get("facets").and_then(Json::as_object).into_iter().flatten() {
        for entry in entries.as_array().into_iter().flatten() {
            let value = entry.get("value_or_threshold").and_then(Json::as_str).unwrap_or_default();
            let group = (facet.clone(), Some(value.to_string()));
            for metric in entry.get("metrics").and_then(Json::as_array).into_iter().flatten() {
                let name = metric.get("name").and_then(Json::as_str).unwrap_or_default();
                let mut value = cell(metric.get("value").unwrap_or(&Json::Null));
                if let (Cell::Undefined(reason), Some(error)) =
                    (&mut value, metric.get("error").and_then(Json::as_str))
                {
                    *reason = error.to_string();
                }
                out.insert(Name { section, group: group.clone(), value: name.into() }, value);
            }
        }
    }
}

/// One feature's partial dependence: each list by the place in it.
fn dependence(feature: &Json, out: &mut IndexMap<Name, Cell>) {
    let name = feature.get("feature_name").and_then(Json::as_str).unwrap_or_default();
    let group = (name.to_string(), None);
    for key in ["feature_values", "data_distribution", "model_predictions"] {
        let mut lists = vec![(key.to_string(), feature.get(key))];
        while let Some((name, value)) = lists.pop() {
            match value {
                None => {}
                Some(Json::Array(items)) => {
                    let below = items.iter().enumerate().rev();
                    lists.extend(below.map(|(idx, item)| (format!("{name}[{idx}]"), Some(item))));
                }
                Some(value) => {
                    out.insert(Name { section: "pdp", group: group.clone(), value: name }, cell(value));
                }
            }
        }
    }
}

fn cell(value: &Json) -> Cell {
    match value {
        Json::Number(number) => number.as_f64().map_or_else(|| text_cell(value), Cell::Number),
        Json::String(text) if text == "Infinity" => Cell::Number(f64::INFINITY),
        Json::String(text) if text == "-Infinity" => Cell::Number(f64::NEG_INFINITY),
        Json::Null => Cell::Undefined("no value".into()),
        value => text_cell(value),
    }
}

fn text_cell(value: &Json) -> Cell {
    Cell::Text(value.as_str().map_or_else(|| value.to_string(), str::to_string))
}

fn equal(old: &Cell, new: &Cell, tolerance: f64) -> bool {
    match (old, new) {
        (Cell::Number(old), Cell::Number(new)) => near(*old, *new, tolerance),
        (Cell::Text(old), Cell::Text(new)) => same_text(old, new, tolerance),
        // Two programs may word a reason differently; that there is no value is what counts.
        (Cell::Undefined(_), Cell::Undefined(_)) => true,
        _ => false,
    }
}

fn near(old: f64, new: f64, tolerance: f64) -> bool {
    let size = (old - new).abs();
    old == new || size <= ABSOLUTE || size <= tolerance * old.abs().max(new.abs()) && size.is_finite()
}

/// Texts that are equal but for numbers, and those near enough.
fn same_text(old: &str, new: &str, tolerance: f64) -> bool {
    if old == new {
        return true;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split(' ').collect(), new.split(' ').collect());
    old.len() == new.len()
        && old.iter().zip(&new).all(|(old, new)| match (old.parse::<f64>(), new.parse::<f64>()) {
            (Ok(a), Ok(b)) => near(a, b, tolerance),
            _ => old == new,
        })
}

/// The upper bound of a continuous facet is the largest value of the data, so it changes from file to
/// file: entries of one facet belong together when their intervals begin alike.
fn same_intervals(old: &IndexMap<Name, Cell>, new: &IndexMap<Name, Cell>) -> IndexMap<Name, Name> {
    let lower = |name: &Name| -> Option<(Name, f64)> {
        let (facet, value) = &name.group;
        let bound: f64 = value.as_ref()?.strip_prefix('(')?.split_once(',')?.0.parse().ok()?;
        Some((Name { group: (facet.clone(), None), ..name.clone() }, bound))
    };
    let free: Vec<(&Name, Name, f64)> = new
        .keys()
        .filter(|name| !old.contains_key(*name))
        .filter_map(|name| lower(name).map(|(key, bound)| (name, key, bound)))
        .collect();
    old.keys()
        .filter(|name| !new.contains_key(*name))
        .filter_map(|name| {
            let (key, bound) = lower(name)?;
            let partner = free.iter().find(|(_, other, start)| *other == key && *start == bound)?;
            Some((name.clone(), partner.0.clone()))
        })
        .collect()
}

fn rank_changes(old: &Json, new: &Json) -> Vec<RankChange> {
    let mut out = Vec::new();
    let labels = old.pointer("/explanations/kernel_shap").and_then(Json::as_object);
    for label in labels.into_iter().flat_map(|labels| labels.keys()) {
        let (before, after) = (ranked(old, label), ranked(new, label));
        for (place, feature) in before.iter().enumerate() {
            if let Some(other) = after.iter().position(|name| name == feature)
                && other != place
            {
                let (label, feature) = (label.clone(), feature.clone());
                out.push(RankChange { label, feature, old: place + 1, new: other + 1 });
            }
        }
    }
    out
}

/// Features by size of their global value, largest first; ties in the order of the file.
fn ranked(file: &Json, label: &str) -> Vec<String> {
    let values = file
        .pointer("/explanations/kernel_shap")
        .and_then(|labels| labels.get(label)?.get("global_shap_values")?.as_object());
    let mut features: Vec<(&String, f64)> = values
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name, value.as_f64()?.abs())))
        .collect();
    features.sort_by(|(_, a), (_, b)| b.partial_cmp(a).unwrap_or(Ordering::Equal));
    features.into_iter().map(|(name, _)| name.clone()).collect()
}

/// The comparison for a terminal.
pub fn table(comparison: &Comparison) -> Answer {
    let mut out = Answer::default();
    if !comparison.differences.is_empty() {
        let mut rows = vec![["value", "old", "new", "difference", "relative"].map(str::to_string)];
        for difference in &comparison.differences {
            rows.push([
                difference.name.clone(),
                printed(&difference.old),
                printed(&difference.new),
                difference.absolute().map(|size| format!("{size:+.3e}")).unwrap_or_default(),
                difference.relative().map(|size| format!("{size:+.3e}")).unwrap_or_default(),
            ]);
        }
        columns(&rows, &mut out);
        out.empty_line();
    }
    for (title, names) in
        [("only in the old file", &comparison.only_old), ("only in the new file", &comparison.only_new)]
    {
        if !names.is_empty() {
            out.line(format_args!("{title}:"));
            for name in names {
                out.line(format_args!("  {name}"));
            }
            out.empty_line();
        }
    }
    if !comparison.ranks.is_empty() {
        let mut rows = vec![["label", "feature", "old rank", "new rank"].map(str::to_string)];
        for change in &comparison.ranks {
            let (old, new) = (change.old.to_string(), change.new.to_string());
            rows.push([change.label.clone(), change.feature.clone(), old, new]);
        }
        columns(&rows, &mut out);
        out.empty_line();
    }
    let missing = comparison.only_old.len() + comparison.only_new.len();
    out.line(format_args!(
        "{} compared; different: {}, in one file only: {missing}, changed ranks: {}",
        counted(comparison.compared, "value"),
        comparison.differences.len(),
        comparison.ranks.len()
    ));
    out
}

fn columns<const N: usize>(rows: &[[String; N]], out: &mut Answer) {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out.line(cells.join("  ").trim_end());
    }
}

fn printed(cell: &Cell) -> String {
    match cell {
        Cell::Number(value) if value.is_infinite() && *value > 0.0 => "Infinity".into(),
        Cell::Number(value) if value.is_infinite() => "-Infinity".into(),
        Cell::Number(value) => repr(*value),
        Cell::Text(text) => text.clone(),
        Cell::Undefined(reason) => format!("none ({reason})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn analysis(metrics: Json) -> Json {
        json!({"version": "1.0", "pre_training_bias_metrics": {"label": "y", "label_value_or_threshold": "1",
            "facets": {"sex": [{"value_or_threshold": "f", "metrics": metrics}]}}})
    }

    fn shap(values: Json) -> Json {
        json!({"explanations": {"kernel_shap": {"label0": {"global_shap_values": values, "expected_value": 0.5}}}})
    }

    #[test]
    fn rounding_is_no_difference_and_more_is_told_with_its_size() {
        let old = analysis(json!([{"name": "CI", "value": 0.5}, {"name": "KL", "value": 0.0}]));
        let new = analysis(json!([{"name": "CI", "value": 0.5 + 1e-12}, {"name": "KL", "value": 1e-15}]));
        assert!(compare(&old, &new, TOLERANCE).same());
        let size = |share: f64| {
            analysis(json!([{"name": "CI", "value": 0.5 * (1.0 + share)}, {"name": "KL", "value": 0}]))
        };
        assert!(compare(&old, &size(0.9e-9), TOLERANCE).same());
        assert!(!compare(&old, &size(1.1e-9), TOLERANCE).same());
        let new = analysis(json!([{"name": "CI", "value": 0.625}, {"name": "KL", "value": 0.0}]));
        let comparison = compare(&old, &new, TOLERANCE);
        let [difference] = comparison.differences.as_slice() else { panic!("{comparison:?}") };
        assert_eq!(difference.name, "pre-training, sex = f, CI");
        assert_eq!(difference.absolute(), Some(0.125));
        assert_eq!(difference.relative(), Some(0.25));
        assert!(compare(&old, &new, 0.25).same());
    }

    #[test]
    fn infinities_are_equal_to_themselves_only_and_undefined_to_undefined() {
        let value = |value: Json| analysis(json!([{"name": "DI", "value": value}]));
        let same = |a: Json, b: Json| compare(&value(a), &value(b), TOLERANCE).same();
        assert!(same(json!("Infinity"), json!("Infinity")));
        assert!(!same(json!("Infinity"), json!("-Infinity")));
        assert!(!same(json!("Infinity"), json!(1e300)));
        assert!(!same(json!(null), json!(0)));
        assert!(same(json!(null), json!(null)));
        assert!(same(json!(0), json!(0.0)));
    }

    #[test]
    fn values_of_one_file_only_are_named() {
        let old = analysis(json!([{"name": "CI", "value": 0.5}]));
        let new = analysis(json!([{"name": "DPL", "value": 0.5}]));
        let comparison = compare(&old, &new, TOLERANCE);
        assert_eq!(comparison.only_old, ["pre-training, sex = f, CI"]);
        assert_eq!(comparison.only_new, ["pre-training, sex = f, DPL"]);
        assert!(
            table(&comparison).to_string().contains("only in the old file:\n  pre-training, sex = f, CI\n")
        );
    }

    #[test]
    fn intervals_that_begin_alike_are_one_entry() {
        let file = |interval: &str, value: f64| {
            json!({"pre_training_bias_metrics": {"facets": {"age": [
                {"value_or_threshold": interval, "metrics": [{"name": "CI", "value": value}]}]}}})
        };
        assert!(compare(&file("(40, 80]", 0.5), &file("(40, 92]", 0.5), TOLERANCE).same());
        let comparison = compare(&file("(40, 80]", 0.5), &file("(41, 80]", 0.5), TOLERANCE);
        assert_eq!((comparison.only_old.len(), comparison.only_new.len()), (1, 1));
    }

    #[test]
    fn changes_of_rank_are_told_by_place() {
        let old = shap(json!({"a": 0.3, "b": -0.2, "c": 0.1}));
        let new = shap(json!({"a": 0.3, "b": 0.05, "c": 0.1}));
        let comparison = compare(&old, &new, TOLERANCE);
        let ranks: Vec<_> = comparison.ranks.iter().map(|r| (r.feature.as_str(), r.old, r.new)).collect();
        assert_eq!(ranks, [("b", 2, 3), ("c", 3, 2)]);
        assert!(compare(&old, &old, TOLERANCE).same());
    }

    #[test]
    fn violations_are_equal_when_their_numbers_are() {
        let file = |metric: &str, text: &str| json!({"violations": [{"facet": "sex", "facet_value": "f", "metric_name": metric, "description": text}]});
        let old = file("CI", "Metric value 0.5 doesn't meet the baseline constraint requirement 0.25");
        let near =
            file("CI", "Metric value 0.50000000000001 doesn't meet the baseline constraint requirement 0.25");
        let far = file("CI", "Metric value 0.6 doesn't meet the baseline constraint requirement 0.25");
        assert!(compare(&old, &near, TOLERANCE).same());
        assert_eq!(compare(&old, &far, TOLERANCE).differences.len(), 1);
        assert_eq!(compare(&old, &json!({"violations": []}), TOLERANCE).only_old, ["violation, sex = f, CI"]);
    }

    #[test]
    fn partial_dependence_is_compared_point_by_point() {
        let file = |value: f64| {
            json!({"explanations": {"pdp": [{"feature_name": "age", "feature_values": [1.0, 2.0],
                "model_predictions": [[0.5, value]]}]}})
        };
        let comparison = compare(&file(0.25), &file(0.75), TOLERANCE);
        assert_eq!(comparison.compared, 4);
        assert_eq!(comparison.differences[0].name, "pdp, age, model_predictions[0][1]");
    }

    #[test]
    fn files_of_the_hosted_service_with_bare_infinities_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old.json"), folder.path().join("new.json"));
        let text = |value: &str| {
            format!(
                "{{\"pre_training_bias_metrics\": {{\"label\": \"NaN \\\" Infinity\", \"facets\": {{\"s\": [{{\"value_or_threshold\": \"1\",\n\"metrics\": [{{\"name\": \"A\", \"value\": {value}}}, {{\"name\": \"B\", \"value\": -Infinity}}, {{\"name\": \"C\", \"value\": NaN}}]}}]}}}}}}"
            )
        };
        fs::write(&old, text("Infinity")).unwrap();
        fs::write(&new, text("\"Infinity\"")).unwrap();
        let (table, same) = run(&old, &new, TOLERANCE).unwrap();
        assert!(same, "{table}");
        fs::write(&new, text("1.5")).unwrap();
        let (table, same) = run(&old, &new, TOLERANCE).unwrap();
        assert!(!same && table.to_string().contains("pre-training, s = 1, A  Infinity  1.5"), "{table}");
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let (odd, violations) = (folder.path().join("odd.json"), folder.path().join("v.json"));
        let analysis_path = folder.path().join("a.json");
        fs::write(&odd, "{\"a\": 1}").unwrap();
        fs::write(&violations, "{\"violations\": []}").unwrap();
        fs::write(&analysis_path, analysis(json!([])).to_string()).unwrap();
        for (old, new) in [(&odd, &odd), (&analysis_path, &violations)] {
            let problem = run(old, new, TOLERANCE).unwrap_err();
            assert_eq!(problem.code(), &codes::RESULT_UNREADABLE);
            assert_eq!(problem.place().file.as_ref(), Some(new));
        }
    }
}
