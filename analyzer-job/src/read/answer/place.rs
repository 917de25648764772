//! Where something stands in an answer, and what may stand there: the cells of one row, and what is told when there
//! are none.

use std::ops::Range;

use plumbline_common::{Problem, Result, codes};

use super::lines::listed;
use crate::read::grid::Grid;
use crate::values::path::{self, Found, Paths};
use crate::values::raw::Raw;
use crate::values::scan;
use crate::values::typing::{self, Cell};

/// What a row has in place of a label or of scores.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lack {
    /// Nothing is at the place.
    Absent,
    Null,
    Empty,
}

/// Where something stands. A text of digits is a position: settings of a monitoring job are texts.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) setting: &'static str,
    pub(super) text: String,
    pub(super) position: Option<usize>,
    /// Number of the path; none for a position.
    pub(super) path: Option<usize>,
}

impl Place {
    pub(super) fn new(setting: &'static str, text: String) -> Place {
        let position = text.trim().parse().ok();
        Place { setting, text, position, path: None }
    }

    /// Where another one stands, found by another path.
    pub(super) fn at(other: &Place, path: usize) -> Place {
        Place { setting: other.setting, text: other.text.clone(), position: None, path: Some(path) }
    }

    /// # Errors
    /// A path, which a CSV answer does not have.
    pub(super) fn position(&self) -> Result<usize> {
        self.position.ok_or_else(|| {
            shape("a CSV response has no names")
                .field(self.setting)
                .found(format!("`{}`", self.text))
                .expected("the zero-based index of a column")
        })
    }

    /// # Errors
    /// A position, which tells nothing in JSON.
    pub(super) fn number(&self) -> Result<usize> {
        self.path.ok_or_else(|| {
            shape("a position cannot tell where something stands in a JSON response")
                .field(self.setting)
                .found(format!("position {}", self.text))
                .expected("a JMESPath such as `predictions[*].score`")
        })
    }

    /// What the path found in one document of an answer; none for a null.
    ///
    /// # Errors
    /// `HEADERS_DO_NOT_FIT`: an object whose keys contradict `label_headers`. Nothing is at the place, not even a null.
    pub(super) fn found<'f>(
        &self,
        document: &str,
        paths: &Paths,
        found: &'f [Found],
    ) -> Result<Option<&'f Found>> {
        let number = self.number()?;
        let here = &found[number];
        if let Some(contradiction) = here.contradiction() {
            return Err(contradiction.problem("predictor.label_headers"));
        }
        if here.is_nothing(document) && paths.is_null_there(number, document) {
            // A list of nulls has one for each row.
            return Ok(here.elements(document, &mut Vec::new()).then_some(here));
        }
        if here.is_nothing(document) {
            let problem = shape("the response has nothing at the place that the setting names")
                .field(self.setting)
                .found(format!("nothing at `{}`", self.text));
            return Err(match paths.keys_there(number, document).as_slice() {
                [] if document.trim_ascii_start().starts_with('[') => {
                    problem.hint("the response is a list: a path into its elements begins with `[*]`")
                }
                [] => problem.hint("the response is a plain value: leave `label` and `probability` out"),
                keys => {
                    problem.expected(format!("a path with one of the keys that are there, {}", quoted(keys)))
                }
            });
        }
        Ok(Some(here))
    }

    /// The problem of a row that has no label or scores. `whose`: the row, for the message.
    pub(super) fn lacks(&self, lack: Lack, whose: &str) -> Problem {
        let found = match lack {
            Lack::Absent => {
                return shape("a record of the response has nothing at the place that the setting names")
                    .field(self.setting)
                    .found(format!("nothing at `{}`{whose}", self.text))
                    .expected("a value for each record");
            }
            Lack::Null => format!("null{whose}"),
            Lack::Empty => format!("an empty list{whose}"),
        };
        match self.setting {
            "predictor.label" => shape("a record of the response has no label")
                .field(self.setting)
                .found(found)
                .expected("one label for each record"),
            setting => no_number(&found, setting),
        }
    }
}

/// Appends the elements of one row's list. A list in a list is taken out when it is the only element.
pub(super) fn push_elements(
    source: &str,
    spans: &[Range<usize>],
    place: &Place,
    grid: &mut Grid,
) -> Result<()> {
    if let [only] = spans
        && source[only.clone()].starts_with('[')
    {
        return push_entry(source, only.clone(), place, grid);
    }
    for span in spans {
        let token = &source[span.clone()];
        match token.as_bytes().first() {
            Some(b'[') => return Err(no_number("a list in a list", place.setting)),
            Some(b'{') => return Err(is_object(source, span.start, place.setting)),
            _ => grid.push(Raw::Json(token)),
        }
    }
    Ok(())
}

/// Appends the cells of one row's entry: a list, also one that is written as text, or a value.
pub(super) fn push_entry(source: &str, span: Range<usize>, place: &Place, grid: &mut Grid) -> Result<()> {
    let token = &source[span.clone()];
    match token.as_bytes().first() {
        Some(b'{') => Err(is_object(source, span.start, place.setting)),
        Some(b'[') => {
            let mut elements = Vec::new();
            scan::split(source, span, &mut elements);
            push_elements(source, &elements, place, grid)
        }
        Some(b'"') => {
            let text = scan::unescaped(&token[1..token.len() - 1]);
            match listed(&text) {
                Some(items) => items.iter().for_each(|item| grid.push(Raw::Csv(item))),
                None => grid.push(Raw::Json(token)),
            }
            Ok(())
        }
        _ => {
            grid.push(Raw::Json(token));
            Ok(())
        }
    }
}

/// Appends a CSV cell: its items when it is a list.
pub(super) fn push_cell(cell: &str, grid: &mut Grid) {
    match listed(cell) {
        Some(items) => items.iter().for_each(|item| grid.push(Raw::Csv(item))),
        None => grid.push(Raw::Csv(cell)),
    }
}

pub(super) fn shape(what: &str) -> Problem {
    Problem::new(&codes::RESPONSE_SHAPE, what)
}

fn is_object(source: &str, at: usize, setting: &'static str) -> Problem {
    let keys = path::keys(source, at);
    // A monitor has settings of its own, which stand in the message with their names.
    if !setting.starts_with("predictor") {
        return shape("the response has an object where a value is wanted")
            .field(setting)
            .found(format!("the keys {}", quoted(&keys)))
            .expected("a path to one of them");
    }
    shape("the response has objects, and no setting names the location of their scores")
        .field("predictor.probability")
        .found(format!("keys {}", quoted(&keys)))
        .hint("set `probability` (or `label`) to the JMESPath of the score")
}

fn quoted(keys: &[String]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn number(cell: Raw<'_>, setting: &str) -> Result<f64> {
    let found = match typing::parse(cell) {
        Cell::Int(value) => return Ok(value as f64),
        Cell::Float(value) => return Ok(value),
        Cell::Bool(truth) => return Ok(f64::from(u8::from(truth))),
        Cell::Missing => "null",
        // A score may come as text.
        Cell::Text(text) => match typing::parse(Raw::Csv(text.trim())) {
            Cell::Int(value) => return Ok(value as f64),
            Cell::Float(value) => return Ok(value),
            Cell::Bool(truth) => return Ok(f64::from(u8::from(truth))),
            Cell::Missing => "a text that is not a number",
            Cell::Text(text) if text.is_empty() => "an empty text",
            Cell::Text(_) => "a text that is not a number",
        },
    };
    Err(no_number(found, setting))
}

/// What was found is told by its kind: answers may hold data.
pub(super) fn no_number(found: &str, setting: &str) -> Problem {
    Problem::new(&codes::RESPONSE_NUMBER, "Could not convert string to float")
        .field(setting)
        .found(format!("{found} in the model's response"))
        .expected("a score")
        .hint("set `probability` to the location of the scores, and `label` to that of the predicted label")
}
