//! What is wrong with a configuration: the walk along the table of keys, and the message made of it.

use std::path::Path;

use plumbline_common::Problem;
use plumbline_common::codes::{self, Code};
use serde_json::{Map, Value as Json};

use super::document::{Step, line_of, path_text};
use super::schema::{Key, Shape};

/// The documented beginning of every message about the schema.
pub(super) const SCHEMA_ERROR: &str = "Analysis configuration schema validation error.";

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub code: &'static Code,
    pub what: String,
    pub path: Vec<Step>,
    pub found: Option<String>,
    pub expected: Option<String>,
    pub hint: Option<String>,
}

impl Fault {
    fn new(path: Vec<Step>, detail: String) -> Fault {
        Fault {
            code: &codes::CONFIG_SCHEMA,
            what: format!("{SCHEMA_ERROR} {detail}"),
            path,
            found: None,
            expected: None,
            hint: None,
        }
    }

    /// A key that must be there and is not. `path` names it.
    pub(super) fn missing(path: &str, hint: impl Into<String>) -> Fault {
        let path = steps(path);
        let mut fault = Fault::new(path.clone(), format!("Missing key: '{}'", last(&path)));
        fault.hint = Some(hint.into());
        fault
    }

    /// A value that is of the right type but cannot be used.
    pub(super) fn value(
        path: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
        hint: impl Into<String>,
    ) -> Fault {
        Fault::at(steps(path), found, expected).hint(hint)
    }

    fn at(path: Vec<Step>, found: impl Into<String>, expected: impl Into<String>) -> Fault {
        let detail = format!("Key '{}' error", last(&path));
        let mut fault = Fault::new(path, detail);
        fault.found = Some(found.into());
        fault.expected = Some(expected.into());
        fault
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// Another code and text, for the errors that have texts of their own.
    pub(super) fn named(mut self, code: &'static Code, what: impl Into<String>) -> Fault {
        self.code = code;
        self.what = what.into();
        self
    }
}

fn last(path: &[Step]) -> String {
    match path.last() {
        Some(Step::Key(key)) => key.clone(),
        Some(Step::Item(_)) => path_text(path),
        None => String::new(),
    }
}

/// Reads `facet[0].name_or_index` back into steps. Only for paths that the program itself writes.
pub(super) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        steps.extend(pieces.next().filter(|key| !key.is_empty()).map(|key| Step::Key(key.into())));
        steps.extend(pieces.filter_map(|idx| idx.trim_end_matches(']').parse().ok()).map(Step::Item));
    }
    steps
}

/// The first fault as the problem that stops the job; the others go to the log.
/// `source`: the configuration's text and file, where known.
pub(super) fn problem(faults: &[Fault], source: Option<(&str, &Path)>) -> Option<Problem> {
    let (first, others) = faults.split_first()?;
    for fault in others {
        tracing::error!("{}", single(fault, source));
    }
    let mut first = first.clone();
    if !others.is_empty() {
        let more = match others.len() {
            1 => "one more problem stands in the log".to_string(),
            count => format!("{count} more problems stand in the log"),
        };
        first.hint = Some(match first.hint {
            Some(hint) => format!("{hint}; {more}"),
            None => more,
        });
    }
    Some(single(&first, source))
}

fn single(fault: &Fault, source: Option<(&str, &Path)>) -> Problem {
    let mut problem = Problem::new(fault.code, fault.what.clone());
    if let Some((text, file)) = source {
        problem = problem.file(file).line(line_of(text, &fault.path));
    }
    if !fault.path.is_empty() {
        problem = problem.field(path_text(&fault.path));
    }
    if let Some(found) = &fault.found {
        problem = problem.found(found.clone());
    }
    if let Some(expected) = &fault.expected {
        problem = problem.expected(expected.clone());
    }
    if let Some(hint) = &fault.hint {
        problem = problem.hint(hint.clone());
    }
    problem
}

/// Checks an object and all below it. Keys named in `relaxed` may be absent from this object.
pub(super) fn walk(map: &Map<String, Json>, keys: &'static [Key], relaxed: &[&str]) -> Vec<Fault> {
    let mut walk = Walk { path: Vec::new(), unknown: Vec::new(), wrong: Vec::new() };
    walk.object(map, keys, relaxed);
    // A misspelt key is often the reason of a missing one, so it is told first.
    walk.unknown.append(&mut walk.wrong);
    walk.unknown
}

struct Walk {
    path: Vec<Step>,
    unknown: Vec<Fault>,
    wrong: Vec<Fault>,
}

impl Walk {
    fn object(&mut self, map: &Map<String, Json>, keys: &'static [Key], relaxed: &[&str]) {
        for name in map.keys().filter(|name| !keys.iter().any(|key| key.name == **name)) {
            let place = match self.path.is_empty() {
                true => String::new(),
                false => format!(" in '{}'", path_text(&self.path)),
            };
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            let hint = match nearest(name, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("allowed keys are {}", names.join(", ")),
            };
            let fault = Fault::new(self.below(name), format!("Wrong key '{}'{place}", short(name)));
            self.unknown.push(fault.hint(hint));
        }
        for key in keys {
            match map.get(key.name) {
                Some(value) => {
                    self.path.push(Step::Key(key.name.into()));
                    self.value(value, &key.shape);
                    self.path.pop();
                }
                None if key.required && !relaxed.contains(&key.name) => {
                    let mut fault = Fault::new(self.below(key.name), format!("Missing key: '{}'", key.name));
                    fault.expected = Some(key.shape.expected());
                    self.wrong.push(fault);
                }
                None => {}
            }
        }
    }

    fn below(&self, key: &str) -> Vec<Step> {
        let mut path = self.path.clone();
        path.push(Step::Key(key.into()));
        path
    }

    fn items(&mut self, list: &[Json], item: &'static Shape) {
        for (idx, value) in list.iter().enumerate() {
            self.path.push(Step::Item(idx));
            self.value(value, item);
            self.path.pop();
        }
    }

    fn value(&mut self, value: &Json, shape: &'static Shape) {
        let right = match (shape, value) {
            (Shape::Object(keys) | Shape::TextOr(keys), Json::Object(map)) => {
                return self.object(map, keys, &[]);
            }
            (Shape::List(item), Json::Array(list)) => return self.items(list, item),
            (Shape::Metrics, Json::Array(list)) => return self.items(list, &Shape::Text),
            (Shape::Text | Shape::Template | Shape::Rows | Shape::Metrics, Json::String(_)) => true,
            (Shape::Location | Shape::Scalar | Shape::TextOr(_), Json::String(_)) => true,
            (Shape::Flag, Json::Bool(_)) => true,
            (Shape::Whole(least), Json::Number(number)) => number.as_i64().is_some_and(|n| n >= *least),
            (Shape::Location, Json::Number(number)) => number.as_u64().is_some(),
            (Shape::Number | Shape::Scalar, Json::Number(_)) => true,
            (Shape::Choice(names), Json::String(text)) => names.contains(&text.to_lowercase().as_str()),
            (Shape::Template, Json::Object(map)) => map.values().all(Json::is_string),
            (Shape::Rows, Json::Array(rows)) => {
                rows.iter().all(|row| row.is_array()) || rows.iter().all(|row| row.is_object())
            }
            (Shape::Rows | Shape::AnyObject, Json::Object(_)) => true,
            _ => false,
        };
        if right {
            return;
        }
        let found = match self.path.last() {
            // Tokens stand there.
            Some(Step::Key(key)) if key == "custom_attributes" && !value.is_null() => "another value".into(),
            _ => shown(value),
        };
        let mut fault = Fault::at(self.path.clone(), found, shape.expected());
        fault.hint = match (shape, value) {
            (_, Json::Null) => Some("leave the key out instead of giving null".into()),
            (Shape::List(_), Json::String(_) | Json::Number(_)) => Some("put it in square brackets".into()),
            (Shape::Choice(names), Json::String(text)) => {
                nearest(text, names).map(|near| format!("did you mean `{near}`?"))
            }
            _ => None,
        };
        self.wrong.push(fault);
    }
}

/// A value for a message: its JSON, cut when long.
pub(super) fn shown(value: &Json) -> String {
    format!("`{}`", short(&value.to_string()))
}

fn short(text: &str) -> String {
    const CHARACTERS: usize = 60;
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_string(),
    }
}

/// The name that was probably meant: few letters changed, added, dropped or in another case.
pub(super) fn nearest<'a>(text: &str, names: &[&'a str]) -> Option<&'a str> {
    let text = text.to_lowercase();
    // Distances of long strangers cost time and mean nothing.
    if text.len() > 64 {
        return None;
    }
    names
        .iter()
        .map(|name| (edits(&text, &name.to_lowercase()), *name))
        .filter(|(edits, name)| *edits <= (name.len() / 3).clamp(1, 4))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
        .or_else(|| {
            // A beginning such as `shapley` for `shap`.
            names.iter().copied().find(|name| name.len() >= 3 && text.starts_with(&name.to_lowercase()))
        })
}

/// Levenshtein distance in characters.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != *y)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_counts_changes() {
        for (a, b, n) in
            [("", "", 0), ("abc", "abc", 0), ("kitten", "sitting", 3), ("", "ab", 2), ("flaw", "lawn", 2)]
        {
            assert_eq!(edits(a, b), n, "{a} {b}");
            assert_eq!(edits(b, a), n, "{b} {a}");
        }
    }

    #[test]
    fn nearest_finds_misspellings_and_leaves_strangers_alone() {
        let names = ["num_samples", "num_clusters", "shap", "DI", "DCA"];
        assert_eq!(nearest("num_sample", &names), Some("num_samples"));
        assert_eq!(nearest("shapley", &names), Some("shap"));
        assert_eq!(nearest("di", &names), Some("DI"));
        assert_eq!(nearest("something", &names), None);
    }

    #[test]
    fn paths_are_read_as_they_are_printed() {
        for path in ["facet[0].name_or_index", "segment_config[3].segments[1]", "methods.shap.baseline"] {
            assert_eq!(path_text(&steps(path)), path);
        }
    }
}
