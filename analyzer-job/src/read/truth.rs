//! The reader of ground truth: from the text of a record's labels to a row for each of them.

use crate::config::ContentType;
use crate::read::grid::Grid;
use crate::read::payload;
use crate::read::shown::{ListForm, ListRule, ListRules, OfPlaces};
use crate::values::path::{Finds, Paths};
use crate::values::raw::Raw;
use crate::values::scan::Scanner;

/// Where a record's labels stand.
#[derive(Debug)]
pub(crate) struct Truth {
    /// The setting that names the place.
    setting: &'static str,
    /// In CSV, with the setting that gives it: none for every cell.
    position: Option<(&'static str, usize)>,
    /// In JSON: a path with its text, or why there is none; nothing for the whole of it.
    path: Option<Result<(String, Paths), String>>,
    found: Finds,
    cells: Grid,
    /// Which lines of CSV are read.
    rule: ListRule,
    /// Of the text that was read last.
    form: ListForm,
}

impl Truth {
    pub(crate) fn new(
        setting: &'static str,
        position: Option<(&'static str, usize)>,
        path: Option<Result<(String, Paths), String>>,
    ) -> Truth {
        let (found, cells) = (Finds::default(), Grid::default());
        Truth { setting, position, path, found, cells, rule: ListRule::default(), form: ListForm::Plain }
    }

    /// The path of labels in JSON, where there is one.
    pub(super) fn paths(&self) -> Option<&Paths> {
        self.path.as_ref().and_then(|path| path.as_ref().ok()).map(|(_, paths)| paths)
    }

    /// By this rule.
    pub(crate) fn read_by(&mut self, [rule, _]: ListRules) {
        self.rule = rule;
    }

    /// What a line of the text that was read last belongs to.
    pub(crate) fn forms(&self) -> OfPlaces {
        [self.form, ListForm::Plain]
    }

    /// Appends a row for each label of a text: a line of CSV, or a cell where all stand on one line; what the path
    /// finds in JSON, else the whole of it when that is no object. A null keeps its place. `n`: the number of rows, where the
    /// request tells it.
    ///
    /// # Errors
    /// Why there are no labels.
    pub(crate) fn append(
        &mut self,
        text: &str,
        kind: ContentType,
        n: Option<usize>,
        labels: &mut Grid,
    ) -> Result<(), String> {
        self.form = ListForm::Plain;
        // Under any tag: a list in square brackets is JSON.
        let kind = payload::kind_of_rows(kind, text);
        if kind == ContentType::Csv {
            return self.csv(text, n, labels);
        }
        let (mut has, mut lacks) = (false, None);
        for document in payload::documents(text, kind) {
            let before = labels.n_rows();
            if let Some(Ok((_, paths))) = &self.path {
                self.found.find(paths, document).map_err(|fault| format!("not JSON: {fault}"))?;
                if !self.found[0].is_nothing(document) {
                    labels.push_values(document, &self.found[0]);
                }
            }
            if labels.n_rows() == before {
                // The label may be the whole of it.
                let whole = document.trim_ascii();
                let mut scanner = Scanner::new(whole);
                scanner.value().and_then(|_| scanner.end()).map_err(|fault| format!("not JSON: {fault}"))?;
                if whole.starts_with('{') && self.path.as_ref().is_some_and(Result::is_ok) {
                    // As a null in a list, where other documents have a label.
                    lacks.get_or_insert_with(|| self.nothing(document));
                    labels.push(Raw::Json("null"));
                    labels.end_row();
                    continue;
                }
                if whole.starts_with('{') {
                    return Err(self.nothing(document));
                }
                labels.push_whole(whole);
            }
            let is_object = |row: usize| {
                labels.row(row).any(|cell| matches!(cell, Raw::Json(token) if token.starts_with('{')))
            };
            if (before..labels.n_rows()).any(is_object) {
                return Err(self.nothing(document));
            }
            has = true;
        }
        match lacks {
            Some(reason) if !has => Err(reason),
            _ => Ok(()),
        }
    }

    fn csv(&mut self, text: &str, n: Option<usize>, labels: &mut Grid) -> Result<(), String> {
        let filled = with_empty_lines(text);
        let text = filled.as_deref().unwrap_or(text);
        let Some((setting, position)) = self.position else {
            labels.push_csv(text)?;
            let (rows, cells) = (labels.n_rows(), labels.n_cells());
            if cells <= rows {
                return Ok(());
            }
            if rows > 1 || n == Some(1) {
                self.form = ListForm::InEachRow;
                return Ok(());
            }
            if n.is_none_or(|n| n == cells) {
                self.form = ListForm::OverRows;
                if !self.rule.allows(self.form) {
                    return Err(format!(
                        "{cells} values on one line, where other records have several values on the line of a row"
                    ));
                }
            }
            labels.turn();
            return Ok(());
        };
        self.cells.clear();
        self.cells.push_csv(text)?;
        for row in 0..self.cells.n_rows() {
            let width = self.cells.width(row);
            if filled.is_some() && width == 1 && self.cells.cell(row, 0) == Raw::Csv("") {
                labels.push(self.cells.cell(row, 0));
                labels.end_row();
                continue;
            }
            if position >= width {
                let last = width.saturating_sub(1);
                return Err(format!(
                    "nothing found by `{setting}` = `{position}`; the last position is {last}"
                ));
            }
            labels.push(self.cells.cell(row, position));
            labels.end_row();
        }
        Ok(())
    }

    /// No label in a document, or one that is an object.
    fn nothing(&self, document: &str) -> String {
        let setting = self.setting;
        match &self.path {
            None => format!("the label is an object; name the label's place in it with `{setting}`"),
            Some(Err(reason)) => reason.clone(),
            Some(Ok((text, paths))) => match paths.keys_there(0, document).as_slice() {
                [] => format!("nothing found by `{setting}` = `{text}`"),
                keys if document.trim_ascii_start().starts_with('[') => format!(
                    "nothing found by `{setting}` = `{text}` in a list; a path into its records begins with `[*]`, and their keys \
                     are `{}`",
                    keys.join("`, `")
                ),
                keys => {
                    format!(
                        "nothing found by `{setting}` = `{text}`; the keys there are `{}`",
                        keys.join("`, `")
                    )
                }
            },
        }
    }
}

/// An empty line between others is a row without a label, which a reader of CSV passes over: as one empty cell in quotes it
/// keeps its place. None where nothing is to be changed.
fn with_empty_lines(text: &str) -> Option<String> {
    let inner = text.trim_matches(['\r', '\n']);
    let is_empty = |line: &str| line.trim_end_matches('\r').is_empty();
    // Line ends inside of quotes are no empty lines.
    if inner.contains('"') || !inner.split('\n').any(is_empty) {
        return None;
    }
    let lines: Vec<&str> = inner.split('\n').map(|line| if is_empty(line) { "\"\"" } else { line }).collect();
    Some(lines.join("\n"))
}
