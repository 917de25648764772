//! The baseline of a monitoring run as it was read: `constraints.json` and `statistics.json`, ours or the hosted
//! service's, of any year.

use std::fmt;
use std::path::Path;

use indexmap::{IndexMap, IndexSet};
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use super::config::{self, MonitoringConfig};
use super::distance::Counts;
use crate::monitor::plan::baseline_json;
use crate::state::profile::MOST_CATEGORIES;

/// Types that a column may have.
const TYPES: [&str; 4] = ["Integral", "Fractional", "String", "Unknown"];
/// Keys that a feature may have, and its constraints.
const KEYS: [&str; 7] = [
    "name",
    "inferred_type",
    "completeness",
    "num_constraints",
    "string_constraints",
    "monitoringConfigOverrides",
    "monitoring_config_overrides",
];
const KEYS_OF_TEXT: [&str; 2] = ["domains", "monitoring_config_overrides"];
const KEYS_OF_NUMBER: [&str; 2] = ["is_non_negative", "monitoring_config_overrides"];
/// Oddities of a file that are told one by one, and columns that are named beside them.
const DOUBTS: usize = 5;
const COLUMNS: usize = 20;

/// What the data are held against.
#[derive(Debug, Clone)]
pub struct Constraints {
    /// By name, in the order of the file.
    pub columns: IndexMap<String, Constraint>,
    /// For the dataset as a whole.
    pub config: MonitoringConfig,
}

#[derive(Debug, Clone)]
pub struct Constraint {
    /// As written; only `Integral` and `Fractional` are checked.
    pub inferred_type: String,
    pub completeness: Option<f64>,
    pub domains: Option<Vec<String>>,
    /// The dataset's, with what the file says of this column laid over it.
    pub config: MonitoringConfig,
}

/// What a column looked like.
#[derive(Debug, Clone)]
pub struct Distribution {
    pub inferred_type: String,
    pub present: f64,
    pub seen: Seen,
    pub std_dev: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Levels of the sketch.
    Numbers(Vec<Vec<f64>>),
    Categories(Counts),
    /// Too many texts for categories, or a file without sketches.
    Nothing,
}

/// What of a file of the baseline cannot be read, means nothing or is not checked.
#[derive(Debug, Clone, Default)]
pub struct Doubts {
    /// In words, the first ones of each.
    pub told: Vec<String>,
    /// Columns of which something cannot be read that is checked.
    pub unchecked: IndexSet<String>,
    /// Columns with null in place of their distribution.
    pub without: IndexSet<String>,
}

impl Doubts {
    /// Of the file of this path.
    fn of(path: &Path, doubts: &[Doubt]) -> Doubts {
        let unchecked =
            doubts.iter().filter(|doubt| doubt.is_unchecked).filter_map(|doubt| doubt.column.clone());
        let unchecked: IndexSet<String> = unchecked.collect();
        let mut told: Vec<String> =
            doubts.iter().take(DOUBTS).map(|doubt| format!("{}: {doubt}", path.display())).collect();
        if let Some(rest) = doubts.get(DOUBTS..).filter(|rest| !rest.is_empty()) {
            let columns: IndexSet<&String> = rest.iter().filter_map(|doubt| doubt.column.as_ref()).collect();
            let of = if columns.is_empty() { String::new() } else { format!(", of {}", listed(columns)) };
            told.push(format!("{}: {} more of the kind{of}", path.display(), rest.len()));
        }
        Doubts { told, unchecked, without: IndexSet::new() }
    }
}

/// Names for a message, the first ones.
fn listed<'a>(names: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>) -> String {
    let names = names.into_iter();
    let more = names.len().saturating_sub(COLUMNS);
    let shown: Vec<String> = names.take(COLUMNS).map(|name| format!("`{name}`")).collect();
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// One oddity of a file.
#[derive(Debug, Clone)]
struct Doubt {
    /// The column that it is of; none for the file as a whole.
    column: Option<String>,
    what: String,
    /// A check of the column cannot be made by it.
    is_unchecked: bool,
}

impl Doubt {
    fn of_file(what: String) -> Doubt {
        Doubt { column: None, what, is_unchecked: false }
    }

    fn of(column: &str, what: String) -> Doubt {
        Doubt { column: Some(column.into()), what, is_unchecked: false }
    }

    fn unchecked(column: &str, what: String) -> Doubt {
        Doubt { is_unchecked: true, ..Doubt::of(column, what) }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "`{column}`: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Reads `constraints.json`. `layers` are the settings of the job.
///
/// # Errors
/// The file is missing, no JSON, no list of features, or says something that cannot be used.
pub fn constraints(path: &Path, layers: &[Json]) -> Result<(Constraints, Doubts)> {
    constraints_of(&baseline_json("baseline_constraints", path)?, path, layers)
}

/// As `constraints`, of what the file of this path holds.
///
/// # Errors
/// As `constraints`, but for a file that cannot be read.
pub fn constraints_of(document: &Json, path: &Path, layers: &[Json]) -> Result<(Constraints, Doubts)> {
    let (constraints, doubts) = doubtful(document, path, layers)?;
    Ok((constraints, Doubts::of(path, &doubts)))
}

/// The constraints, and what of the file means nothing or is not checked.
fn doubtful(document: &Json, path: &Path, layers: &[Json]) -> Result<(Constraints, Vec<Doubt>)> {
    const SETTING: &str = "baseline_constraints";
    let features = features(document, path, SETTING)?;
    let null = Json::Null;
    let base: Vec<&Json> =
        std::iter::once(document.get("monitoring_config").unwrap_or(&null)).chain(layers).collect();
    let named = |problem: Problem| problem.file(path);
    let config = MonitoringConfig::of(base.iter().copied(), false).map_err(named)?;
    let mut columns = IndexMap::with_capacity(features.len());
    let mut doubts: Vec<Doubt> = Vec::new();
    let odd = odd_keys(document, &["version", "features", "monitoring_config"]);
    doubts.extend(odd.map(|what| Doubt::of_file(format!("the file: {what}"))));
    let misspelt = |layer: &Json| -> Vec<String> {
        let told = |(key, expected)| format!("the key `{key}` has no meaning, expected {expected}");
        let unset = |key| {
            format!("`{key}` is null or NaN, expected a number; what stands below counts, or the default")
        };
        let unknown = config::unknown(layer).into_iter().map(told);
        unknown.chain(config::unset_thresholds(layer).into_iter().map(unset)).collect()
    };
    let of_config = misspelt(base[0]).into_iter().map(|what| format!("monitoring_config: {what}"));
    doubts.extend(of_config.map(Doubt::of_file));
    let mut unchecked = Vec::new();
    for feature in features {
        let name = name(feature, path, SETTING)?;
        let text = feature.get("string_constraints");
        let number = feature.get("num_constraints");
        let inside = [text, number].into_iter().filter_map(|part| part?.get("monitoring_config_overrides"));
        let own = ["monitoring_config_overrides", "monitoringConfigOverrides"]
            .into_iter()
            .filter_map(|key| feature.get(key));
        // What stands on the column wins over what stands inside of its constraints; both over the settings.
        let own: Vec<&Json> = inside.chain(own).collect();
        let mut doubt = |what| doubts.push(Doubt::of(&name, what));
        odd_keys(feature, &KEYS).for_each(&mut doubt);
        for (part, key, known) in
            [(text, "string_constraints", &KEYS_OF_TEXT[..]), (number, "num_constraints", &KEYS_OF_NUMBER)]
        {
            let odd = odd_keys(part.unwrap_or(&null), known);
            odd.map(|what| format!("{key}: {what}")).for_each(&mut doubt);
        }
        own.iter().flat_map(|layer| misspelt(layer)).for_each(&mut doubt);
        let config = MonitoringConfig::of(base.iter().copied().chain(own), false).map_err(named)?;
        let constraint = Constraint {
            inferred_type: feature.get("inferred_type").and_then(Json::as_str).unwrap_or("Unknown").into(),
            completeness: feature.get("completeness").and_then(share),
            domains: text.and_then(domains),
            config,
        };
        if !TYPES.contains(&constraint.inferred_type.as_str()) {
            let found = &constraint.inferred_type;
            let what = format!(
                "its type is not checked, as `inferred_type` is `{found}`, expected {}",
                TYPES.join(", ")
            );
            unchecked.push(Doubt::unchecked(&name, what));
        }
        unchecked.extend(not_read(feature).into_iter().map(|what| Doubt::unchecked(&name, what)));
        if columns.insert(name.clone(), constraint).is_some() {
            unchecked.push(Doubt::of(&name, TWICE.into()));
        }
    }
    doubts.extend(unchecked);
    Ok((Constraints { columns, config }, doubts))
}

/// A number from 0 to 1.
fn share(value: &Json) -> Option<f64> {
    value.as_f64().filter(|share| (0.0..=1.0).contains(share))
}

/// Whether it is neither a list nor an object.
fn is_value(json: &Json) -> bool {
    !json.is_array() && !json.is_object()
}

/// The texts that a column may hold; `None` where none are listed, which is not checked.
fn domains(text: &Json) -> Option<Vec<String>> {
    let values = text.get("domains")?.as_array()?;
    let values = Some(values).filter(|values| !values.is_empty() && values.iter().all(is_value))?;
    Some(values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), Into::into)).collect())
}

/// Keys of an object that mean nothing there, in words. A null says nothing, whatever its key.
fn odd_keys<'a>(object: &'a Json, known: &'a [&'a str]) -> impl Iterator<Item = String> + use<'a> {
    let odd = |(key, value): &(&String, &Json)| !value.is_null() && !known.contains(&key.as_str());
    let object = object.as_object().into_iter().flatten().filter(move |entry| odd(entry));
    object
        .map(move |(key, _)| format!("the key `{key}` has no meaning, expected one of {}", known.join(", ")))
}

/// What a feature lacks, or says in a form that cannot be read, and is therefore not checked.
fn not_read(feature: &Json) -> Vec<String> {
    let mut out = Vec::new();
    let mut check = |what: &str, at: &str, must: bool, is_fine: fn(&Json) -> bool, expected: &str| {
        let found = feature.pointer(at);
        if found.map_or(must, |found| !is_fine(found)) {
            let found = found.map_or("missing".into(), |found| shortened(&found.to_string()));
            let key = at.rsplit('/').next().unwrap_or(at);
            out.push(format!("{what} not checked, as `{key}` is {found}, expected {expected}"));
        }
    };
    check("its type is", "/inferred_type", true, Json::is_string, "a text");
    check(
        "its completeness is",
        "/completeness",
        true,
        |found| share(found).is_some(),
        "a number from 0 to 1",
    );
    // A column of numbers has no categories.
    let is_object: fn(&Json) -> bool =
        match feature.get("inferred_type").and_then(Json::as_str) == Some("String") {
            true => Json::is_object,
            false => |found| found.is_object() || found.is_null(),
        };
    check("its categories are", "/string_constraints", false, is_object, "an object");
    let is_list = |found: &Json| found.as_array().is_some_and(|values| values.iter().all(is_value));
    check("its categories are", "/string_constraints/domains", false, is_list, "a list of texts");
    let domains = feature.pointer("/string_constraints/domains").and_then(Json::as_array);
    if domains.is_some_and(Vec::is_empty) {
        out.push("its categories are not checked, as `domains` is empty".into());
    }
    out
}

const TWICE: &str = "stands twice: the last one counts";

/// Reads `statistics.json`.
///
/// # Errors
/// The file is missing, no JSON, no list of features, or nothing of any feature can be read.
pub fn statistics(path: &Path) -> Result<(IndexMap<String, Distribution>, Doubts)> {
    statistics_of(&baseline_json("baseline_statistics", path)?, path)
}

/// As `statistics`, of what the file of this path holds.
///
/// # Errors
/// As `statistics`, but for a file that cannot be read.
pub fn statistics_of(document: &Json, path: &Path) -> Result<(IndexMap<String, Distribution>, Doubts)> {
    let Known { columns: out, doubts, without } = doubtful_statistics(document, path)?;
    let mut all = Doubts::of(path, &doubts);
    if !all.unchecked.is_empty() && all.unchecked.len() == out.len() {
        return Err(Problem::new(
            &codes::CONSTRAINTS_UNREADABLE,
            "no column of the baseline's statistics can be compared",
        )
        .file(path)
        .field("baseline_statistics")
        .found(doubts.iter().find(|doubt| doubt.is_unchecked).map_or(String::new(), Doubt::to_string))
        .expected("the statistics.json of a data quality baseline")
        .hint("give the file as the baseline job wrote it, or make the baseline anew"));
    }
    if !doubts.is_empty() {
        let hint = "give the file as the baseline job wrote it, or make the baseline anew";
        all.told.push(format!("{}: {hint}", path.display()));
    }
    if !without.is_empty() {
        // Old files of the hosted service are so.
        let n = without.len();
        let (noun, whose) = if n == 1 { ("column", "its drift is") } else { ("columns", "their drift is") };
        all.told.push(format!(
            "{}: null in place of the distribution of {n} {noun}, so {whose} not checked: {}",
            path.display(),
            listed(&without)
        ));
        all.without = without.into_iter().collect();
    }
    Ok((out, all))
}

/// The columns of the constraints that the statistics lack, but for those without values.
pub fn lacking(constraints: &Constraints, statistics: &IndexMap<String, Distribution>) -> Vec<String> {
    let has_values = |constraint: &Constraint| constraint.inferred_type != "Unknown";
    let lacks = |(name, constraint): &(&String, &Constraint)| {
        has_values(constraint) && !statistics.contains_key(*name)
    };
    constraints.columns.iter().filter(lacks).map(|(name, _)| name.clone()).collect()
}

/// What is said of them.
pub fn told_lacking(columns: &[String]) -> Option<String> {
    let (noun, whose) =
        if columns.len() == 1 { ("a column", "its drift is") } else { ("columns", "their drift is") };
    (!columns.is_empty()).then(|| {
        format!(
            "the baseline's statistics lack {noun} that its constraints have, so {whose} not checked: {}",
            listed(columns)
        )
    })
}

/// What a file of statistics says.
struct Known {
    columns: IndexMap<String, Distribution>,
    /// What cannot be read and is therefore not compared.
    doubts: Vec<Doubt>,
    /// The columns with null in place of their distribution.
    without: Vec<String>,
}

fn doubtful_statistics(document: &Json, path: &Path) -> Result<Known> {
    const SETTING: &str = "baseline_statistics";
    let (mut columns, mut doubts, mut without) = (IndexMap::new(), Vec::new(), Vec::new());
    for feature in features(document, path, SETTING)? {
        let name = name(feature, path, SETTING)?;
        let read = distribution(feature);
        doubts.extend(read.unchecked.into_iter().map(|what| Doubt::unchecked(&name, what)));
        doubts.extend(read.unknown.into_iter().map(|what| Doubt::of(&name, what)));
        if read.is_null {
            without.push(name.clone());
        }
        if columns.insert(name.clone(), read.distribution).is_some() {
            doubts.push(Doubt::of(&name, TWICE.into()));
        }
    }
    Ok(Known { columns, doubts, without })
}

/// What a column looked like.
struct Read {
    distribution: Distribution,
    /// Why it is not compared.
    unchecked: Option<String>,
    /// What else cannot be read.
    unknown: Vec<String>,
    /// Null stands in its place.
    is_null: bool,
}

/// What a column looked like, and what the file says of it in a form that cannot be read.
fn distribution(feature: &Json) -> Read {
    let written = feature.get("inferred_type");
    let inferred_type = written.and_then(Json::as_str).unwrap_or("Unknown");
    let is_numeric = matches!(inferred_type, "Integral" | "Fractional");
    let key = if is_numeric { "numerical_statistics" } else { "string_statistics" };
    let found = feature.get(key).unwrap_or(&Json::Null);
    let present = found.pointer("/common/num_present");
    let std_dev = found.get("std_dev");
    let mut unknown = Vec::new();
    let is_needed = TYPES[..3].contains(&inferred_type);
    let read = match () {
        () if written.and_then(Json::as_str).is_none_or(|name| !TYPES.contains(&name)) => {
            Err(reason(DRIFT, "inferred_type", written, &TYPES.join(", ")))
        }
        // A column without values.
        () if !is_needed => Ok(Some(Seen::Nothing)),
        () if !found.is_object() => Err(reason(DRIFT, key, feature.get(key), "an object")),
        () => {
            if present.and_then(count).is_none() {
                unknown.push(reason("its number of rows is", "num_present", present, "a number from 0"));
            }
            // As written of numbers whose sum goes beyond the range of doubles.
            let is_beyond = std_dev.is_some_and(|value| *value == "NaN" || *value == "Infinity");
            if is_numeric && std_dev.and_then(count).is_none() && !is_beyond {
                unknown.push(reason(
                    "the distance in standard deviations is",
                    "std_dev",
                    std_dev,
                    "a number from 0",
                ));
            }
            let rows = present.and_then(count);
            if is_numeric { numbers(found, rows) } else { texts(found, rows) }
        }
    };
    let is_null = matches!(read, Ok(None));
    let (seen, unchecked) = match read {
        Ok(seen) => (seen.unwrap_or(Seen::Nothing), None),
        Err(why) => (Seen::Nothing, Some(why)),
    };
    let distribution = Distribution {
        inferred_type: inferred_type.into(),
        present: present.and_then(count).unwrap_or(0.0),
        seen,
        std_dev: std_dev.and_then(count),
    };
    Read { distribution, unchecked, unknown, is_null }
}

const DRIFT: &str = "its distribution is";

/// Why something is not compared: the key, what stands there, and what is expected.
fn reason(what: &str, key: &str, found: Option<&Json>, expected: &str) -> String {
    let found = found.map_or("missing".into(), |found| shortened(&found.to_string()));
    format!("{what} not compared, as `{key}` is {found}, expected {expected}")
}

/// The sketch of a column of numbers, which holds as many as are present; `None` for a null. `rows`: those with a value.
fn numbers(found: &Json, rows: Option<f64>) -> std::result::Result<Option<Seen>, String> {
    let Some(data) = told(found, &["distribution", "kll", "sketch", "data"]) else { return Ok(None) };
    let Some(levels) = data.and_then(levels) else {
        return Err(reason(DRIFT, "sketch.data", data, "lists of numbers"));
    };
    let weight = |(level, items): (i32, &Vec<f64>)| items.len() as f64 * 2_f64.powi(level);
    // The sum of nothing is -0.0.
    let sum = (0..).zip(&levels).map(weight).fold(0.0, |sum, more| sum + more);
    if sum == 0.0 || rows.is_some_and(|rows| rows != sum) {
        return Err(other_number("sketch.data", sum, rows));
    }
    Ok(Some(Seen::Numbers(levels)))
}

/// The categories of a column of texts, which has none where its values are many; `None` for a null.
fn texts(found: &Json, rows: Option<f64>) -> std::result::Result<Option<Seen>, String> {
    if found.get("distribution").is_none() {
        let distinct = found.get("distinct_count");
        return match distinct.and_then(count) {
            Some(many) if many > MOST_CATEGORIES => Ok(Some(Seen::Nothing)),
            Some(_) => {
                Err(reason(DRIFT, "distribution", None, "the categories, as `distinct_count` is small"))
            }
            None => Err(reason(DRIFT, "distinct_count", distinct, "a number from 0")),
        };
    }
    let Some(buckets) = told(found, &["distribution", "categorical", "buckets"]) else { return Ok(None) };
    let Some(counts) = buckets.and_then(categories) else {
        return Err(reason(DRIFT, "buckets", buckets, "objects of `value` and `count`"));
    };
    let sum: f64 = counts.values().sum();
    // Missing values may be a category too.
    let missing = found.pointer("/common/num_missing").and_then(count).unwrap_or(0.0);
    if sum == 0.0 || rows.is_some_and(|rows| sum != rows && sum != rows + missing) {
        return Err(other_number("buckets", sum, rows));
    }
    Ok(Some(Seen::Categories(counts)))
}

/// A distribution of another number of values than the column has.
fn other_number(key: &str, sum: f64, rows: Option<f64>) -> String {
    let number = |value: f64| match value {
        // The sum of nothing is -0.0.
        0.0 => "0".into(),
        _ if value.abs() < 1e15 => value.to_string(),
        _ => format!("{value:e}"),
    };
    let expected = rows.map_or("some".into(), |rows| format!("{} by `num_present`", number(rows)));
    format!("{DRIFT} not compared, as `{key}` stands for {} values, expected {expected}", number(sum))
}

/// What stands below these keys; none where one of them is null, as in old files of the hosted service, and within it none where
/// one is missing.
fn told<'a>(value: &'a Json, keys: &[&str]) -> Option<Option<&'a Json>> {
    let mut found = value;
    for key in keys {
        match found.get(key) {
            Some(Json::Null) => return None,
            Some(inner) => found = inner,
            None => return Some(None),
        }
    }
    Some(Some(found))
}

/// A number from 0.
fn count(value: &Json) -> Option<f64> {
    value.as_f64().filter(|count| *count >= 0.0)
}

/// The levels of a sketch.
fn levels(data: &Json) -> Option<Vec<Vec<f64>>> {
    let level = |level: &Json| level.as_array()?.iter().map(Json::as_f64).collect();
    data.as_array()?.iter().map(level).collect()
}

/// The categories of a column with their counts.
fn categories(buckets: &Json) -> Option<Counts> {
    let counted = |bucket: &Json| {
        let value = bucket.get("value").filter(|value| !value.is_null())?;
        let text = value.as_str().map_or_else(|| value.to_string(), Into::into);
        Some((text, bucket.get("count").and_then(count)?))
    };
    buckets.as_array()?.iter().map(counted).collect()
}

/// A value for a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}

fn features<'a>(document: &'a Json, path: &Path, setting: &str) -> Result<&'a Vec<Json>> {
    document.get("features").and_then(Json::as_array).ok_or_else(|| {
        let keys: Vec<String> =
            document.as_object().into_iter().flatten().map(|(key, _)| format!("`{key}`")).collect();
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a file of the baseline holds no data quality baseline")
            .file(path)
            .field(setting)
            .found(if keys.is_empty() { "no object".into() } else { format!("the keys {}", keys.join(", ")) })
            .expected("a list `features`")
            .hint("give the file that the data quality baseline wrote")
    })
}

fn name(feature: &Json, path: &Path, setting: &str) -> Result<String> {
    feature.get("name").and_then(Json::as_str).map(Into::into).ok_or_else(|| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a feature of the baseline has no name")
            .file(path)
            .field(setting)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(feature: Json) -> (Constraint, Vec<String>) {
        let document = json!({"version": 0.0, "features": [feature], "monitoring_config": {}});
        let (read, doubts) = doubtful(&document, Path::new("c.json"), &[]).unwrap();
        (read.columns["a"].clone(), doubts.iter().map(Doubt::to_string).collect())
    }

    #[test]
    fn what_is_not_checked_is_told_and_what_is_told_is_not_checked() {
        let good = json!({"name": "a", "inferred_type": "String", "completeness": 1.0,
            "string_constraints": {"domains": ["x"], "additional_properties": null},
            "monitoringConfigOverrides": {"evaluate_constraints": "Enabled"}});
        let (constraint, doubts) = told(good.clone());
        assert_eq!((constraint.domains.unwrap().len(), doubts), (1, vec![]));
        for (at, value, words) in [
            ("/string_constraints/domains", json!([]), "`domains` is empty"),
            ("/string_constraints/domains", json!("x"), "`domains` is \"x\", expected a list"),
            ("/string_constraints/domains", json!(null), "`domains` is null"),
            ("/string_constraints/domains", json!([["x"]]), "`domains` is [[\"x\"]], expected a list"),
            ("/string_constraints/domains", json!(["x", {"y": 1}]), "expected a list of texts"),
            ("/string_constraints", json!(["x"]), "`string_constraints` is [\"x\"]"),
            ("/string_constraints", json!(null), "`string_constraints` is null"),
        ] {
            let mut feature = good.clone();
            *feature.pointer_mut(at).unwrap() = value;
            let (constraint, doubts) = told(feature);
            assert_eq!(constraint.domains, None, "{at}");
            assert!(doubts.len() == 1 && doubts[0].contains(words), "{at}: {doubts:?}");
        }
        for share in [json!("x"), json!("1.0"), json!(2), json!(-0.1), json!(null)] {
            let mut feature = good.clone();
            feature["completeness"] = share;
            let (constraint, doubts) = told(feature);
            assert_eq!(constraint.completeness, None);
            assert!(doubts.len() == 1 && doubts[0].contains("its completeness is not checked"), "{doubts:?}");
        }
        for (key, words) in [("completeness", "its completeness"), ("inferred_type", "its type")] {
            let mut feature = good.clone();
            feature.as_object_mut().unwrap().remove(key);
            let (_, doubts) = told(feature);
            let expected = format!("`a`: {words} is not checked, as `{key}` is missing, expected ");
            assert!(doubts.len() == 1 && doubts[0].starts_with(&expected), "{doubts:?}");
        }
        let mut feature = good.clone();
        feature["monitoringConfigOverrides"] =
            json!({"distribution_constraints": {"comparison_threshold": null}});
        assert!(told(feature).1[0].contains("`comparison_threshold` is null or NaN"));
    }

    /// More oddities than are told one by one: every column is named all the same, up to a number.
    #[test]
    fn every_column_that_is_not_checked_is_named() {
        let feature = |n: usize| json!({"name": format!("c{n}"), "inferred_type": "Integral"});
        let features: Vec<Json> = (0..60).map(feature).collect();
        let document = json!({"features": features});
        let (_, doubts) = constraints_of(&document, Path::new("c.json"), &[]).unwrap();
        assert_eq!((doubts.told.len(), doubts.unchecked.len()), (DOUBTS + 1, 60));
        assert!(doubts.told[0].starts_with("c.json: `c0`: its completeness"), "{:?}", doubts.told);
        let more = &doubts.told[DOUBTS];
        assert!(
            more.contains("55 more of the kind, of `c5`, `c6`") && more.ends_with("and 35 more"),
            "{more}"
        );
    }

    /// Statistics with a null, a text, a number, a list, an object or nothing in the place of each value: what a column loses by it
    /// is told, and nothing else is.
    #[test]
    fn whatever_of_the_statistics_cannot_be_read_is_told() {
        let whole = json!({"features": [
            {"name": "n", "inferred_type": "Fractional", "numerical_statistics": {
                "common": {"num_present": 4, "num_missing": 0}, "std_dev": 1.5,
                "distribution": {"kll": {"sketch": {"data": [[1.0, 2.0], [3.0]]}}}}},
            {"name": "t", "inferred_type": "String", "string_statistics": {
                "common": {"num_present": 3, "num_missing": 0}, "distinct_count": 1.0,
                "distribution": {"categorical": {"buckets": [{"value": "x", "count": 3}]}}}}]});
        // The distributions, and everything that is told.
        let read = |document: &Json| {
            let Known { columns, doubts, without } = doubtful_statistics(document, Path::new("s.json"))?;
            let told = doubts.iter().map(Doubt::to_string).chain(without);
            Ok::<_, Problem>((columns, told.collect::<Vec<String>>()))
        };
        let of = |document: &Json| format!("{:?}", read(document).unwrap().0);
        assert_eq!(read(&whole).unwrap().1, [""; 0]);
        fn places(value: &Json, at: String, out: &mut Vec<String>) {
            let entries = value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value));
            let elements = value.as_array().into_iter().flatten().enumerate();
            for (key, value) in entries.chain(elements.map(|(n, value)| (n.to_string(), value))) {
                let at = format!("{at}/{key}");
                out.push(at.clone());
                places(value, at, out);
            }
        }
        let mut all = Vec::new();
        places(&whole, String::new(), &mut all);
        let mut seen = 0;
        for at in all.iter().filter(|at| at.matches('/').count() > 2) {
            for value in [
                json!(null),
                json!("x"),
                json!("3"),
                json!(-5),
                json!(1e7),
                json!([]),
                json!([true]),
                json!({"a": 1}),
            ] {
                let mut document = whole.clone();
                *document.pointer_mut(at).unwrap() = value.clone();
                let Ok((_, doubts)) = read(&document) else {
                    assert!(at.ends_with("/name"));
                    continue;
                };
                // The value of a category may be anything, and any number may stand in a sketch or be a deviation.
                let is_number = value.is_number() && (at.contains("/data/") || at.ends_with("/std_dev"));
                let is_value = at.ends_with("/value") || is_number || at.ends_with("/name");
                let is_told = !doubts.is_empty();
                assert!(is_told || of(&document) == of(&whole) || is_value, "{at} {value}");
                seen += usize::from(is_told);
            }
            // A key or an element that is not there.
            let (parent, key) = at.rsplit_once('/').unwrap();
            let mut document = whole.clone();
            match document.pointer_mut(parent).unwrap() {
                Json::Object(fields) => drop(fields.shift_remove(key)),
                Json::Array(list) => drop(list.remove(key.parse().unwrap())),
                other => panic!("{other}"),
            }
            let Ok((_, doubts)) = read(&document) else { continue };
            assert!(!doubts.is_empty() || of(&document) == of(&whole), "{at} removed");
        }
        assert!(seen > 40, "{seen}");
        let told = |at: &str, value: Json| {
            let mut document = whole.clone();
            *document.pointer_mut(at).unwrap() = value;
            read(&document).unwrap().1.join("; ")
        };
        let sketch =
            told("/features/0/numerical_statistics/distribution/kll/sketch/data", json!([[1.0, "2"]]));
        assert_eq!(
            sketch,
            "`n`: its distribution is not compared, as `sketch.data` is [[1.0,\"2\"]], expected lists of numbers"
        );
        assert!(
            told("/features/1", json!({"name": "n"})).ends_with("`n`: stands twice: the last one counts")
        );
        for beyond in ["NaN", "Infinity"] {
            assert_eq!(told("/features/0/numerical_statistics/std_dev", json!(beyond)), "");
        }
        let few = told("/features/0/numerical_statistics/distribution/kll/sketch/data", json!([[1.0, 2.0]]));
        assert_eq!(
            few,
            "`n`: its distribution is not compared, as `sketch.data` stands for 2 values, expected 4 by `num_present`"
        );
    }

    /// A name with a letter too many, at every place that has names.
    #[test]
    fn a_misspelt_key_is_named_wherever_it_stands() {
        let whole = json!({
            "version": 0.0,
            "features": [{"name": "a", "inferred_type": "String", "completeness": 1.0,
                "num_constraints": {"is_non_negative": true, "monitoring_config_overrides": {"emit_metrics": "Enabled"}},
                "string_constraints": {"domains": ["x"], "monitoring_config_overrides": {"emit_metrics": "Enabled"}},
                "monitoringConfigOverrides": {"distribution_constraints": {"comparison_method": "Simple"}}}],
            "monitoring_config": {"distribution_constraints": {"comparison_threshold": 0.1}}});
        fn places(value: &Json, at: String, out: &mut Vec<(String, String)>) {
            if let Some(list) = value.as_array() {
                list.iter().enumerate().for_each(|(n, value)| places(value, format!("{at}/{n}"), out));
            }
            for (key, value) in value.as_object().into_iter().flatten() {
                out.push((at.clone(), key.clone()));
                places(value, format!("{at}/{key}"), out);
            }
        }
        let mut all = Vec::new();
        places(&whole, String::new(), &mut all);
        assert!(doubtful(&whole, Path::new("c.json"), &[]).unwrap().1.is_empty());
        let mut seen = 0;
        for (at, key) in all {
            let mut document = whole.clone();
            let object = document.pointer_mut(&at).unwrap().as_object_mut().unwrap();
            let value = object.remove(&key).unwrap();
            object.insert(format!("{key}s"), value);
            match doubtful(&document, Path::new("c.json"), &[]) {
                Ok((_, doubts)) => {
                    assert!(
                        doubts.iter().any(|doubt| doubt.to_string().contains(&format!("`{key}s`"))),
                        "{at}: {doubts:?}"
                    );
                    seen += 1;
                }
                Err(_) => assert!(["name", "features"].contains(&key.as_str()), "{key}"),
            }
        }
        assert!(seen > 12);
    }
}

/// Files of which nothing can be read are no baseline, and null in place of a sketch is told once.
#[cfg(test)]
mod tests_of_whole_files {
    use serde_json::json;

    use super::*;

    fn number(name: &str, data: Json) -> Json {
        json!({"name": name, "inferred_type": "Integral", "numerical_statistics": {
            "common": {"num_present": 2, "num_missing": 0}, "std_dev": 0.5,
            "distribution": {"kll": {"sketch": {"data": data}}}}})
    }

    fn read(features: Vec<Json>) -> Result<(IndexMap<String, Distribution>, Doubts)> {
        statistics_of(&json!({"features": features}), Path::new("s.json"))
    }

    #[test]
    fn null_sketches_are_told_once_and_statistics_without_anything_are_refused() {
        let (found, doubts) = read(vec![number("a", json!(null)), number("b", json!(null))]).unwrap();
        assert!(found.values().all(|one| one.seen == Seen::Nothing));
        assert!(doubts.unchecked.is_empty() && doubts.told.len() == 1, "{doubts:?}");
        assert_eq!(doubts.without.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(
            doubts.told[0].ends_with("of 2 columns, so their drift is not checked: `a`, `b`"),
            "{doubts:?}"
        );
        let odd = [json!([]), json!([["1", "2"]]), json!([1, 2]), json!([["x"]]), json!([[1]]), json!("x")];
        for odd in odd {
            let (_, doubts) = read(vec![number("a", odd.clone()), number("b", json!([[1, 2]]))]).unwrap();
            assert_eq!(doubts.unchecked.iter().collect::<Vec<_>>(), ["a"], "{odd}");
            let refused = read(vec![number("a", odd.clone())]).unwrap_err();
            assert_eq!(refused.code(), &codes::CONSTRAINTS_UNREADABLE, "{odd}");
            assert!(refused.to_string().contains("`a`"), "{refused}");
        }
        // The file of constraints instead.
        assert!(read(vec![json!({"name": "a", "inferred_type": "Integral", "completeness": 1.0})]).is_err());
        assert!(read(vec![]).is_ok());
    }
}
