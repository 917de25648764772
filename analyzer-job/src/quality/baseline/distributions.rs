//! `statistics.json` as the baseline, or a profile: what each column looked like.

use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use super::constraints::{Constraint, Constraints};
use super::doubts::{Doubt, Doubts, listed};
use super::features::{TWICE, TYPES, features, name, shortened};
use crate::monitor::plan::baseline_json;
use crate::quality::distance::Counts;
use crate::state::profile::{Column, Kind, MOST_CATEGORIES};

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

impl Distribution {
    /// Of the column of a profile. `by_value`: `1.0` counts as a whole number.
    pub fn of(column: Column, by_value: bool) -> Distribution {
        let kind = column.spellings.kind(by_value);
        let present = column.present() as f64;
        let std_dev = Some(column.moments.standard_deviation())
            .filter(|deviation| kind.is_numeric() && deviation.is_finite());
        let texts = |(text, count): (&str, u64)| (text.to_string(), count as f64);
        let seen = match kind {
            Kind::Integral | Kind::Fractional => Seen::Numbers(column.sketch.into_data()),
            Kind::String => column
                .categories()
                .map_or(Seen::Nothing, |found| Seen::Categories(found.into_iter().map(texts).collect())),
            Kind::Unknown => Seen::Nothing,
        };
        Distribution { inferred_type: kind.name().into(), present, seen, std_dev }
    }
}

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::quality::statistics::{Taken, statistics};

    /// The other way round: what is read from the statistics of a profile's columns.
    #[test]
    fn a_column_of_a_profile_looks_as_in_its_statistics() {
        let texts = |n: usize| (0..n).map(|at| format!("t{}", at % 7)).collect::<Vec<_>>();
        let many = |n: usize| (0..n).map(|at| format!("t{at}")).collect();
        let numbers = |n: usize| (0..n).map(|at| format!("{}.5", at * 7919 % 5003)).collect();
        let columns: [(&str, Vec<String>); 9] = [
            ("numbers", numbers(9000)),
            ("few", numbers(3)),
            ("whole", (0..50).map(|at| at.to_string()).collect()),
            ("spelled", (0..50).map(|at| format!("{at}.0")).collect()),
            ("beyond", vec!["1e308".into(), "-1e308".into(), "1e308".into(), "1e308".into()]),
            ("texts", texts(90)),
            ("many", many(900)),
            ("mixed", vec!["1".into(), "true".into(), "x".into()]),
            ("none", Vec::new()),
        ];
        for (name, cells) in columns {
            let mut column = Column::new();
            column.update(cells.iter().map(|cell| Some(cell.as_str())).chain([None; 3]));
            for by_value in [false, true] {
                let taken = Taken { by_value, ..Taken::default() };
                let written = statistics([(name, &column)].into_iter(), column.rows, taken);
                let read = doubtful_statistics(&serde_json::to_value(&written).unwrap(), Path::new("s.json"));
                let read = read.unwrap();
                // A deviation that is no number is told of a file.
                assert!(read.doubts.is_empty() || name == "beyond", "{name}");
                let (read, own) = (&read.columns[name], Distribution::of(column.clone(), by_value));
                assert_eq!(
                    (&own.inferred_type, own.present, &own.seen, own.std_dev),
                    (&read.inferred_type, read.present, &read.seen, read.std_dev),
                    "{name}"
                );
            }
        }
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
