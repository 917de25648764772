//! The setting `columns`: how records become rows and columns, as a list of entries. It does what the preprocessing
//! scripts of the hosted service are written for, without Python. Everything is checked before data are read.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, input};
use serde_json::{Map, Value as Json};

use crate::values::path::Paths;

/// What to do with records and columns.
#[derive(Debug)]
pub struct Preparation {
    /// How many entries there are.
    pub entries: usize,
    pub records: Records,
    /// Entries on columns, in the order written, each with its name for messages.
    pub steps: Vec<(String, Step)>,
}

/// What is done with whole records, before there are columns.
#[derive(Debug, Default)]
pub struct Records {
    /// The parts whose columns make a row, in this order.
    pub take: Option<Vec<Part>>,
    pub filters: Vec<Filter>,
    pub sample: Option<Sample>,
    /// Parts whose payload is BASE64 although its tag says something else.
    pub decode: Vec<Part>,
    /// Columns found by path in rows that are JSON objects, with the paths in the same order.
    pub paths: Option<(Vec<String>, Paths)>,
    /// The entry that needs captured records, if there is one.
    pub captured: Option<String>,
}

/// A payload of a captured record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Input,
    Output,
    GroundTruth,
}

impl Part {
    /// What stands in front of a name that a payload before it has too.
    pub fn word(self) -> &'static str {
        match self {
            Part::Input => "input",
            Part::Output => "output",
            Part::GroundTruth => "ground_truth",
        }
    }

    /// What the names of its columns begin with, where other columns have names and these have none.
    pub fn name(self) -> &'static str {
        match self {
            Part::Input | Part::Output => "_c",
            Part::GroundTruth => "ground_truth_",
        }
    }
}

/// Which records stay, by their custom attributes.
#[derive(Debug)]
pub struct Filter {
    attributes: Vec<String>,
    /// An attribute is one of these when it holds its text anywhere.
    contains: bool,
    /// Records that have one of the attributes are left out instead.
    leave_out: bool,
}

impl Filter {
    /// Whether a record with these custom attributes stays.
    pub fn keeps<'a>(&self, mut found: impl Iterator<Item = &'a str>) -> bool {
        let is = |text: &str, wanted: &String| {
            if self.contains { text.contains(wanted.as_str()) } else { text == wanted }
        };
        found.any(|text| self.attributes.iter().any(|wanted| is(text, wanted))) != self.leave_out
    }
}

/// A share of the records, chosen by a hash of the seed and the record's key: the same for every split of the data.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    share: f64,
    seed: u64,
}

impl Sample {
    pub fn keeps(&self, key: &str) -> bool {
        let hash = crate::state::hll::hash(format!("{}:{key}", self.seed).as_bytes());
        (hash as f64) < self.share * 2f64.powi(64)
    }
}

/// A change of columns.
#[derive(Debug)]
pub enum Step {
    /// Names of columns that have none, by position.
    Name(Vec<String>),
    Keep(HashSet<String>),
    Drop(HashSet<String>),
    Rename(IndexMap<String, String>),
    Cast(IndexMap<String, Cast>),
    Split {
        column: String,
        at: String,
        into: Vec<String>,
    },
    /// These texts are missing values; `None`: in every column.
    Null(Option<String>, HashSet<String>),
}

/// What a value becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// `1.0` becomes `1`; a number with decimals is refused.
    Integer,
    /// `1` becomes `1.0`.
    Number,
    /// `1`, `yes`, `True` and the like become `true`.
    Boolean,
}

impl Step {
    /// The columns that the entry names, which must be in the data.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Step::Name(_) | Step::Null(None, _) => Vec::new(),
            Step::Keep(names) | Step::Drop(names) => names.iter().map(String::as_str).collect(),
            Step::Rename(names) => names.keys().map(String::as_str).collect(),
            Step::Cast(names) => names.keys().map(String::as_str).collect(),
            Step::Split { column, .. } | Step::Null(Some(column), _) => vec![column],
        }
    }
}

const ENTRIES: &str =
    "an object with one of take, filter, sample, decode, path, name, keep, drop, rename, cast, split, null";

/// Reads the setting: JSON, or the path of a file that holds it.
///
/// # Errors
/// `SETTING_INVALID`, with number and name of the entry: something other than what `docs/data-quality.md` lists.
/// `PATH_INVALID`: an expression that is no JMESPath.
pub fn load(job: &Job, setting: &str) -> Result<Preparation> {
    let (text, path) = text(job, setting)?;
    parse(&text).map_err(|problem| match path {
        Some(path) => problem.file(&path),
        None => problem,
    })
}

/// The JSON of the setting, and the path of the file that holds it.
///
/// # Errors
/// `SETTING_INVALID`: it is no list, and no file can be read there.
pub fn text(job: &Job, setting: &str) -> Result<(String, Option<PathBuf>)> {
    let setting = setting.trim();
    // An object is refused as what it is, not as a path.
    if setting.starts_with(['[', '{']) {
        return Ok((setting.into(), None));
    }
    let path = job.tree.resolve(Path::new(setting));
    match input::read_text(&path) {
        Ok(text) => Ok((text.trim().into(), Some(path))),
        Err(error) => Err(refused(
            "columns",
            error.to_string(),
            "a list of entries as JSON, or the path of a file that holds one",
        )
        .file(&path)),
    }
}

/// Reads the entries.
///
/// # Errors
/// As `load`.
pub fn parse(text: &str) -> Result<Preparation> {
    let entries: Vec<Json> = match serde_json::from_str(text) {
        Ok(Json::Array(entries)) => entries,
        Ok(other) => {
            let expected = "a list of entries as JSON, in brackets, such as [{\"drop\": [\"id\"]}]";
            return Err(refused("columns", other.to_string(), expected));
        }
        Err(error) => return Err(refused("columns", error.to_string(), "a list of entries as JSON")),
    };
    let mut out = Preparation { entries: entries.len(), records: Records::default(), steps: Vec::new() };
    let mut paths: Vec<(String, String, String)> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let plain = format!("columns: entry {}", number + 1);
        let Json::Object(entry) = entry else { return Err(refused(plain, entry.to_string(), ENTRIES)) };
        let Some(kind) = KINDS.iter().find(|(name, _)| entry.contains_key(*name)) else {
            return Err(refused(plain, Json::Object(entry.clone()).to_string(), ENTRIES));
        };
        let at = Entry { field: format!("{plain} (`{}`)", kind.0), value: &entry[kind.0], entry };
        if let Some(other) = entry.keys().find(|key| *key != kind.0 && !kind.1.contains(&key.as_str())) {
            let known = if kind.1.is_empty() { "no other key".into() } else { kind.1.join(", ") };
            return Err(at.refused(format!("the key `{other}`"), &known));
        }
        if out.records.add(&at, kind.0, &mut paths)? {
            if !out.steps.is_empty() {
                return Err(at.refused(
                    format!("it stands behind `{}`", out.steps[0].0),
                    "entries on records (take, filter, sample, decode, path) in front of those on columns",
                ));
            }
        } else {
            out.steps.push((at.field.clone(), step(&at, kind.0)?));
        }
    }
    if !paths.is_empty() {
        let expressions: Vec<(&str, &str)> =
            paths.iter().map(|(field, _, path)| (field.as_str(), path.as_str())).collect();
        let compiled = Paths::compile(&expressions)?;
        out.records.paths = Some((paths.into_iter().map(|(_, column, _)| column).collect(), compiled));
    }
    Ok(out)
}

/// The entries by name, with the other keys that each may have.
const KINDS: [(&str, &[&str]); 12] = [
    ("take", &[]),
    ("filter", &["match", "leave_out"]),
    ("sample", &["seed"]),
    ("decode", &[]),
    ("path", &[]),
    ("name", &[]),
    ("keep", &[]),
    ("drop", &[]),
    ("rename", &[]),
    ("cast", &[]),
    ("split", &["at", "into"]),
    ("null", &["column"]),
];

impl Records {
    /// Takes an entry on records; false when it is one on columns.
    fn add(&mut self, at: &Entry<'_>, kind: &str, paths: &mut Vec<(String, String, String)>) -> Result<bool> {
        match kind {
            "take" => {
                let parts = at.parts()?;
                if let Some(twice) = (1..parts.len()).find(|&n| parts[..n].contains(&parts[n])) {
                    return Err(at.refused(
                        format!("a part twice, the second time at place {}", twice + 1),
                        "each part once",
                    ));
                }
                self.take = Some(parts);
                self.captured.get_or_insert_with(|| at.field.clone());
            }
            "decode" => {
                self.decode = at.parts()?;
                self.captured.get_or_insert_with(|| at.field.clone());
            }
            "filter" => {
                self.filters.push(Filter {
                    attributes: at.texts("a list of custom attributes")?,
                    contains: match at.entry.get("match").map(|value| value.as_str()) {
                        None | Some(Some("equal")) => false,
                        Some(Some("contains")) => true,
                        Some(_) => {
                            return Err(at.refused(at.entry["match"].to_string(), "match: equal or contains"));
                        }
                    },
                    leave_out: match at.entry.get("leave_out") {
                        None => false,
                        Some(Json::Bool(leave_out)) => *leave_out,
                        Some(other) => {
                            return Err(at.refused(other.to_string(), "leave_out: true or false"));
                        }
                    },
                });
                self.captured.get_or_insert_with(|| at.field.clone());
            }
            "sample" => {
                let share = at.value.as_f64().filter(|share| *share > 0.0 && *share <= 1.0);
                let seed = match at.entry.get("seed") {
                    None => Some(0),
                    Some(seed) => seed.as_u64(),
                };
                let (Some(share), Some(seed)) = (share, seed) else {
                    let found = Json::Object(at.entry.clone()).to_string();
                    return Err(at.refused(found, "a share above 0 and up to 1, and a whole number as seed"));
                };
                self.sample = Some(Sample { share, seed });
            }
            "path" => {
                for (column, path) in at.pairs("an object from columns to JMESPath expressions")? {
                    paths.push((at.field.clone(), column, path));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn step(at: &Entry<'_>, kind: &str) -> Result<Step> {
    let names = |expected| at.texts(expected).map(|names| names.into_iter().collect());
    Ok(match kind {
        "name" => {
            let names = at.texts("a list of names, one for each column")?;
            if let Some(twice) = (1..names.len()).find(|&n| names[..n].contains(&names[n])) {
                return Err(at.refused(format!("`{}` twice", names[twice]), "each name once"));
            }
            Step::Name(names)
        }
        "keep" => Step::Keep(names("a list of columns")?),
        "drop" => Step::Drop(names("a list of columns")?),
        "rename" => Step::Rename(at.pairs("an object from names to new names")?),
        "cast" => {
            let kinds = [("integer", Cast::Integer), ("number", Cast::Number), ("boolean", Cast::Boolean)];
            let expected = "an object from columns to integer, number or boolean";
            let of = |(column, name): (String, String)| {
                let cast = kinds.iter().find(|(known, _)| *known == name);
                let cast = cast.ok_or_else(|| at.refused(format!("`{name}`"), expected))?;
                Ok((column, cast.1))
            };
            Step::Cast(at.pairs(expected)?.into_iter().map(of).collect::<Result<_>>()?)
        }
        "split" => {
            let expected = "a column, `at` a text, `into` two or more names";
            let text = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_string);
            let found = || Json::Object(at.entry.clone()).to_string();
            let column = text(Some(at.value)).ok_or_else(|| at.refused(found(), expected))?;
            let sep = text(at.entry.get("at")).filter(|sep| !sep.is_empty());
            let into = at.entry.get("into").and_then(list).filter(|into| into.len() > 1);
            let (Some(sep), Some(into)) = (sep, into) else { return Err(at.refused(found(), expected)) };
            Step::Split { column, at: sep, into }
        }
        _ => {
            let values = names("a list of texts that are missing values")?;
            let column = match at.entry.get("column") {
                None => None,
                Some(Json::String(column)) => Some(column.clone()),
                Some(other) => return Err(at.refused(other.to_string(), "column: a column's name")),
            };
            Step::Null(column, values)
        }
    })
}

/// An entry of the list that is being read.
struct Entry<'a> {
    /// Number and name, for messages.
    field: String,
    value: &'a Json,
    entry: &'a Map<String, Json>,
}

impl Entry<'_> {
    fn refused(&self, found: impl Into<String>, expected: &str) -> Problem {
        refused(self.field.clone(), found, expected)
    }

    fn texts(&self, expected: &str) -> Result<Vec<String>> {
        list(self.value)
            .filter(|list| !list.is_empty())
            .ok_or_else(|| self.refused(self.value.to_string(), expected))
    }

    fn pairs(&self, expected: &str) -> Result<IndexMap<String, String>> {
        let pairs = self.value.as_object().filter(|pairs| !pairs.is_empty()).and_then(|pairs| {
            pairs.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_string()))).collect()
        });
        pairs.ok_or_else(|| self.refused(self.value.to_string(), expected))
    }

    fn parts(&self) -> Result<Vec<Part>> {
        const EXPECTED: &str = "a list of input, output, ground_truth";
        let of = |name: String| match name.as_str() {
            "input" => Ok(Part::Input),
            "output" => Ok(Part::Output),
            "ground_truth" => Ok(Part::GroundTruth),
            _ => Err(self.refused(format!("`{name}`"), EXPECTED)),
        };
        self.texts(EXPECTED)?.into_iter().map(of).collect()
    }
}

/// Texts; numbers and truth values stand for their own text, so that `[-1]` works as `["-1"]` does.
fn list(value: &Json) -> Option<Vec<String>> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    value.as_array()?.iter().map(text).collect()
}

fn refused(field: impl Into<String>, found: impl Into<String>, expected: &str) -> Problem {
    Problem::new(&codes::SETTING_INVALID, "the data cannot be prepared like this")
        .field(field)
        .found(found)
        .expected(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_read() {
        let found = parse(
            r#"[{"take": ["output", "input", "ground_truth"]},
                {"filter": ["team=a"], "match": "contains", "leave_out": true},
                {"sample": 0.5, "seed": 7}, {"decode": ["input"]}, {"path": {"city": "address.city"}},
                {"name": ["a", "b"]}, {"keep": ["a"]}, {"drop": ["b"]}, {"rename": {"a": "c"}},
                {"cast": {"a": "integer", "b": "number", "c": "boolean"}},
                {"split": "c", "at": "-", "into": ["x", "y"]}, {"null": [-1, "n/a"], "column": "x"}]"#,
        )
        .unwrap();
        assert_eq!(found.records.take, Some(vec![Part::Output, Part::Input, Part::GroundTruth]));
        assert!(!found.records.filters[0].keeps(["my team=a!"].into_iter()));
        assert!(found.records.filters[0].keeps(std::iter::empty()));
        assert_eq!(found.records.paths.unwrap().0, ["city"]);
        let kinds: Vec<&str> = found.steps.iter().map(|step| step.0.as_str()).collect();
        assert_eq!(kinds[0], "columns: entry 6 (`name`)");
        assert_eq!(kinds.len(), 7);
        let Step::Null(Some(column), values) = &found.steps[6].1 else { panic!("{:?}", found.steps[6]) };
        assert!(column == "x" && values.contains("-1") && values.contains("n/a"));
    }

    #[test]
    fn whatever_is_wrong_is_named_by_entry() {
        for (text, place, said) in [
            ("[", "columns", "list"),
            ("{}", "columns", "list"),
            (r#"{"drop": ["id"]}"#, "columns", "in brackets"),
            ("[3]", "entry 1", "object"),
            ("[{}]", "entry 1", "one of take"),
            (r#"[{"drop": ["a"]}, {"delete": ["a"]}]"#, "entry 2", "delete"),
            (r#"[{"drop": []}]"#, "entry 1 (`drop`)", "list of columns"),
            (r#"[{"drop": "a"}]"#, "entry 1 (`drop`)", "list of columns"),
            (r#"[{"drop": ["a"], "colour": 1}]"#, "entry 1 (`drop`)", "colour"),
            (r#"[{"keep": [null]}]"#, "entry 1 (`keep`)", "list of columns"),
            (r#"[{"take": ["inputs"]}]"#, "entry 1 (`take`)", "inputs"),
            (r#"[{"take": ["input", "input"]}]"#, "entry 1 (`take`)", "twice"),
            (r#"[{"filter": ["a"], "match": "like"}]"#, "entry 1 (`filter`)", "contains"),
            (r#"[{"filter": ["a"], "leave_out": 1}]"#, "entry 1 (`filter`)", "true or false"),
            (r#"[{"sample": 0}]"#, "entry 1 (`sample`)", "share"),
            (r#"[{"sample": 1.5}]"#, "entry 1 (`sample`)", "share"),
            (r#"[{"sample": 0.5, "seed": -1}]"#, "entry 1 (`sample`)", "seed"),
            (r#"[{"path": {"a": "x["}}]"#, "entry 1 (`path`)", "JMESPath"),
            (r#"[{"path": {"a": 1}}]"#, "entry 1 (`path`)", "JMESPath"),
            (r#"[{"name": ["a", "a"]}]"#, "entry 1 (`name`)", "twice"),
            (r#"[{"rename": {"a": 1}}]"#, "entry 1 (`rename`)", "new names"),
            (r#"[{"cast": {"a": "text"}}]"#, "entry 1 (`cast`)", "integer, number or boolean"),
            (r#"[{"split": "a", "at": "", "into": ["x", "y"]}]"#, "entry 1 (`split`)", "two or more"),
            (r#"[{"split": "a", "at": "-", "into": ["x"]}]"#, "entry 1 (`split`)", "two or more"),
            (r#"[{"null": ["x"], "column": ["a"]}]"#, "entry 1 (`null`)", "column"),
            (r#"[{"drop": ["a"]}, {"sample": 0.5}]"#, "entry 2 (`sample`)", "in front of"),
        ] {
            let problem = parse(text).unwrap_err();
            let shown = problem.to_string();
            let field = problem.place().field.clone().unwrap_or_default();
            assert!(field.contains(place) && shown.contains(said), "{text}: {shown}");
        }
    }

    #[test]
    fn a_sample_has_about_its_share_and_depends_on_the_seed() {
        let kept = |seed| {
            let sample = Sample { share: 0.3, seed };
            (0..10_000).filter(|n| sample.keeps(&format!("event-{n}"))).collect::<Vec<_>>()
        };
        // 3000 +/- 46: within five standard deviations.
        assert!((2770..3230).contains(&kept(1).len()), "{}", kept(1).len());
        assert_eq!(kept(1), kept(1));
        assert_ne!(kept(1), kept(2));
        assert!(Sample { share: 1.0, seed: 3 }.keeps("x"));
    }
}
