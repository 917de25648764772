//! Labels, predictions and scores as texts.

use std::borrow::Cow;

use crate::values::raw::Raw;
use crate::values::scan;
use crate::values::typing::{self, Cell};

/// The text of a label or a prediction; none when it is missing.
pub(super) fn text(raw: Raw<'_>) -> std::result::Result<Option<Cow<'_, str>>, String> {
    match raw {
        Raw::Csv(text) => Ok(Some(Cow::Borrowed(text)).filter(|text| !is_none(text))),
        Raw::Text(text) => Ok(Some(Cow::Borrowed(text))),
        Raw::Missing => Ok(None),
        Raw::Json(json) if scan::is_null(json) => Ok(None),
        Raw::Json(json) if json.starts_with('"') => {
            Ok(Some(scan::unescaped(&json[1..json.len() - 1])).filter(|text| !text.trim().is_empty()))
        }
        Raw::Json(json) if json.starts_with(['[', '{']) => {
            let shown: String = json.chars().take(40).collect();
            Err(format!("a list or an object where a value is wanted: `{shown}`"))
        }
        Raw::Json(json) => Ok(Some(Cow::Borrowed(json))),
        Raw::Int(number) => Ok(Some(Cow::Owned(number.to_string()))),
        Raw::Float(number) => Ok(Some(Cow::Owned(number.to_string()))),
        Raw::Bool(truth) => Ok(Some(Cow::Owned(truth.to_string()))),
    }
}

/// Whether a cell of CSV is no label and no prediction: blank, or the word for what is no number. Other words that
/// stand for nothing, such as `NA` and `None`, may be classes.
pub fn is_none(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.trim_start_matches('-').eq_ignore_ascii_case("nan")
}

/// As `text`; a truth value is 1 or 0.
pub(super) fn score(raw: Raw<'_>) -> std::result::Result<Option<Cow<'_, str>>, String> {
    let truth = match typing::parse(raw) {
        Cell::Bool(truth) => Some(truth),
        Cell::Text(text) => match typing::parse(Raw::Csv(text.trim())) {
            Cell::Bool(truth) => Some(truth),
            _ => None,
        },
        _ => None,
    };
    match truth {
        Some(truth) => Ok(Some(Cow::Borrowed(if truth { "1" } else { "0" }))),
        None => text(raw),
    }
}
