//! What both files of a baseline have in common: a list of features, each with its name.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

/// Types that a column may have.
pub(super) const TYPES: [&str; 4] = ["Integral", "Fractional", "String", "Unknown"];

pub(super) const TWICE: &str = "stands twice: the last one counts";

pub(super) fn features<'a>(document: &'a Json, path: &Path, setting: &str) -> Result<&'a Vec<Json>> {
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

pub(super) fn name(feature: &Json, path: &Path, setting: &str) -> Result<String> {
    feature.get("name").and_then(Json::as_str).map(Into::into).ok_or_else(|| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a feature of the baseline has no name")
            .file(path)
            .field(setting)
    })
}

/// A value for a message.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into(),
    }
}
