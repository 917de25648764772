//! The reader of a model's answer, live or captured: from its text to the label and the scores of each row.
//!
//! An answer belongs to `n` rows, and every list that is wanted from it has exactly one entry for each of them,
//! in their order; anything else is a fault, and nothing moves to another row. Nothing here knows where the
//! answer came from.
//!
//! - JSON: what stands at the place of label or scores is a list of `n` entries, or the entry of the only row; a
//!   null keeps its index. JSON Lines: a document for each row.
//! - CSV: a line for each row, or `n` cells on one line. A list in square brackets is one row's: `[0.1, 0.9]`
//!   (also with blanks between its items, as NumPy prints, or in quotes as one cell), and several such lists are
//!   as many rows, whether commas or line ends stand between them.
//!
//! Whether a flat list, or a line of CSV, is a value for each of several rows or several values of one row, the answer does not
//! tell. What it is taken for is its form, and whether that is so a rule tells (`shown::ListRule`).

mod json;
mod lines;
mod place;
mod predicted;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use crate::config::{ContentType, Location, Predictor};
use crate::read::grid::Grid;
use crate::read::quotes;
use crate::read::shown::{KeyOrder, ListForm, ListRules, OfPlaces, Rules};
use crate::values::key_sets::{KeyRule, KeySets};
use crate::values::path::{Finds, Paths};
use crate::values::raw::Raw;
use crate::values::scan;
use crate::values::typing;

use lines::Lines;
use place::{Lack, Place, push_cell, shape};

pub(crate) use lines::listed_rows;
pub(crate) use predicted::ONE_SCORE;
pub use predicted::Predicted;

/// How the answers of a model are read: places of label and scores, and what makes a label of scores.
#[derive(Debug)]
pub struct Answers {
    label: Option<Place>,
    probability: Option<Place>,
    /// The whole answer, when neither is given.
    whole: Option<Place>,
    /// The keys of the scores, where these are the values of an object, and the labels stand elsewhere.
    score_keys: Option<Place>,
    paths: Paths,
    headers: Vec<String>,
    threshold: f64,
    single: bool,
    /// Which lists are read.
    lists: ListRules,
    /// Labels beside an object of scores may go by their order.
    by_order: bool,
    /// Some did.
    were_by_order: AtomicBool,
    /// Only one of labels and scores had its keys in another order in some document.
    moved: AtomicBool,
    /// A record had one score, and the headers name several.
    had_one_score: AtomicBool,
}

/// The cell of a row in whose part of an answer nothing is at the place, not even a null.
const ABSENT: Raw<'static> = Raw::Json("");

/// Where labels and scores stand in what holds of both.
const LABELS: usize = 0;
const SCORES: usize = 1;

/// One answer, cut into rows; reused from answer to answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// The label's cells, a row for each row; empty when no place of a label is given.
    labels: Grid,
    /// The scores' cells, likewise; empty when only the label's place is given.
    scores: Grid,
    /// The keys of the scores, likewise, as far as they are known.
    score_keys: Grid,
    found: Finds,
    lines: Lines,
    spans: Vec<Range<usize>>,
    forms: OfPlaces,
    lengths: [Option<usize>; 2],
    /// Labels or scores are the values of an object.
    of_objects: bool,
}

/// Why an answer cannot be used.
#[derive(Debug)]
pub enum Fault {
    /// So many entries instead of one for each row.
    Count(usize),
    Problem(Problem),
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault::Problem(problem)
    }
}

type Read<T> = std::result::Result<T, Fault>;

impl Answers {
    /// `threshold`: a single score strictly greater is the label 1, else 0. `single`: each request holds one
    /// record, and a list in its answer is that record's.
    ///
    /// # Errors
    /// `PATH_INVALID` for a place that is neither a position nor a JMESPath.
    pub fn new(predictor: Option<&Predictor>, threshold: f64, single: bool) -> Result<Answers> {
        let label = predictor.and_then(|predictor| predictor.label.as_ref());
        let probability = predictor.and_then(|predictor| predictor.probability.as_ref());
        let place = |location: &Location, setting| Place::new(setting, location.to_string());
        let whole = match (label, probability) {
            (None, None) => Some(Place::new("predictor.probability", "@".into())),
            _ => None,
        };
        let mut answers = Answers {
            label: label.map(|location| place(location, "predictor.label")),
            probability: probability.map(|location| place(location, "predictor.probability")),
            whole,
            score_keys: None,
            paths: Paths::default(),
            headers: predictor.and_then(|predictor| predictor.label_headers.clone()).unwrap_or_default(),
            threshold,
            single,
            lists: ListRules::default(),
            by_order: true,
            were_by_order: AtomicBool::new(false),
            moved: AtomicBool::new(false),
            had_one_score: AtomicBool::new(false),
        };
        answers.compile()?;
        Ok(answers)
    }

    /// With the places of label and scores as two settings tell them: name of the setting, and its text. One of them
    /// at least is there.
    ///
    /// # Errors
    /// `PATH_INVALID` as in `new`.
    pub(crate) fn at(
        label: Option<(&'static str, &str)>,
        probability: Option<(&'static str, &str)>,
    ) -> Result<Answers> {
        let place = |(setting, text): (&'static str, &str)| Place::new(setting, text.into());
        let mut answers = Answers {
            label: label.map(place),
            probability: probability.map(place),
            whole: None,
            score_keys: None,
            paths: Paths::default(),
            headers: Vec::new(),
            threshold: 0.5,
            single: false,
            lists: ListRules::default(),
            by_order: true,
            were_by_order: AtomicBool::new(false),
            moved: AtomicBool::new(false),
            had_one_score: AtomicBool::new(false),
        };
        answers.compile()?;
        Ok(answers)
    }

    fn compile(&mut self) -> Result<()> {
        let mut n = 0;
        for place in [&mut self.label, &mut self.probability, &mut self.whole].into_iter().flatten() {
            if place.text.trim() == "*" {
                return Err(Problem::new(&codes::PATH_INVALID, "cannot read a JMESPath")
                    .field(place.setting)
                    .found("`*`, which names no single location")
                    .expected("a JMESPath such as `predictions[*].score`"));
            }
            if place.position.is_none() {
                place.path = Some(n);
                n += 1;
            }
        }
        if let (Some(label), Some(scores)) = (&self.label, &self.probability)
            && label.path.is_some()
            && scores.path.is_some()
        {
            self.score_keys = Some(Place::at(scores, n));
        }
        let places = [&self.label, &self.probability, &self.whole, &self.score_keys].into_iter().flatten();
        let named: Vec<(&str, &str)> = places
            .filter(|place| place.path.is_some())
            .map(|place| (place.setting, place.text.as_str()))
            .collect();
        self.paths = Paths::compile(&named)?;
        let takes_keys = |keys: &Place| keys.path.is_some_and(|path| self.paths.take_keys(path));
        self.score_keys = self.score_keys.take().filter(takes_keys);
        // Scores by class, and the names of the classes beside them: both keep the same order. What is picked among keys or values
        // is that of its own record.
        let label = self.label.as_ref().and_then(|label| label.path);
        let is_by_key = |label: usize| !self.paths.picks(label) && self.paths.gives_keys(label);
        if self.headers.is_empty() && label.is_some_and(is_by_key) {
            // Each record has its own classes, and both stand in the order of its text.
            return Ok(());
        }
        let places = [&self.label, &self.probability, &self.score_keys].into_iter().flatten();
        for path in places.filter_map(|place| place.path) {
            if !self.paths.picks(path) {
                self.paths.name_columns(path, &self.headers, None);
            }
        }
        Ok(())
    }

    /// With these rules; `objects`: those of the places at which labels and scores are made of objects.
    pub(crate) fn read_by(&mut self, rules: &Rules, objects: &[Option<KeyRule>]) {
        (self.lists, self.by_order) = (rules.answers, rules.by_order);
        self.paths.decide(objects);
    }

    /// For each place at which labels or scores are made of an object: the keys that objects had.
    pub(crate) fn key_sets(&self) -> Vec<KeySets> {
        self.paths.key_sets()
    }

    /// For each of several labels of a row the position of its score: they go by the keys of the object of scores if they are these
    /// keys, else by their order.
    ///
    /// # Errors
    /// `RESPONSE_SHAPE`: an object had its keys in another order, and the labels are none of its keys. A list is in the order of
    /// the text, and the values of an object in that of the first object.
    fn order_by_label(&self, answer: &Answer, row: usize) -> Result<Option<Vec<usize>>> {
        let (Some(label), Some(scores)) = (&self.label, &self.probability) else { return Ok(None) };
        if answer.labels.width(row) < 2 {
            return Ok(None);
        }
        if let Some(places) = self.places_by_key(answer, row) {
            return Ok(Some(places));
        }
        if !answer.of_objects {
            return Ok(None);
        }
        let moved = self.moved.load(Ordering::Relaxed);
        self.were_by_order.store(true, Ordering::Relaxed);
        if self.by_order && !moved {
            return Ok(None);
        }
        Err(shape("the labels of a record and its scores may stand in different orders")
            .field(label.setting)
            .found(format!(
                "labels at `{}` and scores at `{}`, of which only one changes the order of its keys",
                label.text, scores.text
            ))
            .expected("labels that are the keys of the object of scores, or both in lists"))
    }

    /// Notes in which orders labels and scores were taken from the objects of a document.
    fn note_orders(&self, answer: &mut Answer) {
        let found = |place: &Option<Place>| place.as_ref().and_then(|place| answer.found.get(place.path?));
        let (Some(labels), Some(scores)) = (found(&self.label), found(&self.probability)) else { return };
        if !labels.moved_as(scores) {
            self.moved.store(true, Ordering::Relaxed);
        }
        answer.of_objects |= labels.took_objects() || scores.took_objects();
    }

    /// What the answers so far show of the order of labels and scores.
    pub(crate) fn key_order(&self) -> KeyOrder {
        KeyOrder {
            by_order: self.were_by_order.load(Ordering::Relaxed),
            moved: self.moved.load(Ordering::Relaxed),
        }
    }

    /// Of each label the position among the keys of the scores; none where the labels are not these keys.
    fn places_by_key(&self, answer: &Answer, row: usize) -> Option<Vec<usize>> {
        let n = answer.labels.width(row);
        let keys = &answer.score_keys;
        if keys.n_rows() != answer.scores.n_rows() || keys.width(row) != n || answer.scores.width(row) != n {
            return None;
        }
        let print = |cell| typing::parse(cell).print();
        let keys: Vec<String> = keys.row(row).map(print).collect();
        let mut is_taken = vec![false; n];
        let place = |label: String| {
            let place = keys.iter().position(|key| *key == label)?;
            (!std::mem::replace(&mut is_taken[place], true)).then_some(place)
        };
        answer.labels.row(row).map(print).map(place).collect()
    }

    /// Whether objects of scores have other keys than `label_headers`, so that these name their values by position.
    pub(crate) fn are_by_position(&self) -> bool {
        self.paths.are_by_position()
    }

    /// The places in JSON.
    /// Whether the label of a record was made of its only score, where the headers are of several.
    pub(crate) fn had_one_score(&self) -> bool {
        self.had_one_score.load(Ordering::Relaxed)
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Whether an answer is read in the same way whatever was read before.
    pub(crate) fn depend_on_no_other(&self) -> bool {
        self.paths.depend_on_no_other()
    }

    /// Whether the places can stand in answers of a kind: positions in CSV, paths in JSON.
    ///
    /// # Errors
    /// `RESPONSE_SHAPE` with the name of the setting.
    pub fn fits(&self, kind: ContentType) -> Result<()> {
        [&self.label, &self.probability].into_iter().flatten().try_for_each(|place| match kind {
            ContentType::Csv => place.position().map(|_| ()),
            ContentType::Json | ContentType::JsonLines => place.number().map(|_| ()),
        })
    }

    /// Reads the answer to `n` rows.
    ///
    /// # Errors
    /// Another number of entries; a text that is not of its kind; a place where nothing stands; an entry
    /// that is null.
    pub fn read(&self, text: &str, kind: ContentType, n: usize, answer: &mut Answer) -> Read<()> {
        answer.clear();
        self.append(text, kind, n, answer)?;
        self.check(n, answer)
    }

    /// As `read`, behind what was read before of the same answer: `n` entries more at each place that is wanted.
    ///
    /// # Errors
    /// As `read`; nulls are not looked for, which is `check`.
    pub(crate) fn append(&self, text: &str, kind: ContentType, n: usize, answer: &mut Answer) -> Read<()> {
        self.append_any(text, kind, n, answer)?;
        let allowed = self.lists.into_iter().zip(answer.forms).map(|(rule, form)| rule.allows(form));
        match allowed.zip(answer.entries_of_lists()).find(|(is_allowed, _)| !is_allowed) {
            Some((_, entries)) => Err(Fault::Count(entries)),
            None => Ok(()),
        }
    }

    /// As `append`, whatever lists are read.
    ///
    /// # Errors
    /// As `append`.
    pub(crate) fn append_any(
        &self,
        text: &str,
        kind: ContentType,
        n: usize,
        answer: &mut Answer,
    ) -> Read<()> {
        (answer.forms, answer.lengths) = Default::default();
        let text = text.trim_start_matches('\u{feff}');
        match kind {
            // No CSV begins like this.
            ContentType::Csv if text.trim_ascii_start().starts_with('{') => self.json(text, n, answer),
            ContentType::Csv => self.csv(text, n, answer),
            ContentType::Json => self.json(text, n, answer),
            ContentType::JsonLines => match lines(text).count() {
                found if found == n => self.json_lines(text, answer),
                // One document for all rows, whatever its type says.
                _ if scan::is_json(text) => self.json(text, n, answer),
                found => Err(Fault::Count(found)),
            },
        }
    }

    /// How many rows an answer has that tells it by itself: lists or lines of CSV, documents of JSON Lines, entries
    /// of the list that stands at a place of JSON.
    pub(crate) fn rows(&self, text: &str, kind: ContentType, answer: &mut Answer) -> usize {
        let text = text.trim_start_matches('\u{feff}');
        match kind {
            ContentType::Csv if !text.trim_ascii_start().starts_with('{') => {
                answer.lines.read(text);
                answer.lines.n_rows()
            }
            ContentType::JsonLines if !scan::is_json(text) => lines(text).count(),
            _ => {
                let Ok(()) = answer.found.find(&self.paths, text) else { return lines(text).count() };
                let place = self.scores_place().or(self.label.as_ref()).and_then(|place| place.path);
                match place.map(|number| &answer.found[number]) {
                    Some(found) if found.elements(text, &mut answer.spans) => answer.spans.len(),
                    _ => 1,
                }
            }
        }
    }

    /// The text of the place that a setting names.
    pub(crate) fn place_of(&self, setting: &str) -> Option<&str> {
        let places = [&self.label, &self.probability].into_iter().flatten();
        places.filter(|place| place.setting == setting).map(|place| place.text.as_str()).next()
    }

    /// The places that are wanted, with what an answer has there.
    fn wanted<'a>(&'a self, answer: &'a Answer) -> impl Iterator<Item = (&'a Place, &'a Grid)> {
        let places = [(self.label.as_ref(), &answer.labels), (self.scores_place(), &answer.scores)];
        places.into_iter().filter_map(|(place, grid)| Some((place?, grid)))
    }

    /// That each of the `n` rows has a label and scores, as far as they are wanted.
    ///
    /// # Errors
    /// The first row without.
    pub(crate) fn check(&self, n: usize, answer: &Answer) -> Read<()> {
        let lack = self.first_lack(n, answer);
        lack.map_or(Ok(()), |(row, place, found)| {
            Err(place.lacks(found, &format!(" for row {} of {n}", row + 1)).into())
        })
    }

    /// The first of the `n` rows that lacks a label or scores which are wanted. The problem is the same wherever the row
    /// stands.
    pub(crate) fn first_without(&self, n: usize, answer: &Answer) -> Option<(usize, Problem)> {
        self.first_lack(n, answer).map(|(row, place, found)| (row, place.lacks(found, "")))
    }

    /// The first row without, the place at which something is wanted, and what is there instead.
    fn first_lack<'a>(&'a self, n: usize, answer: &'a Answer) -> Option<(usize, &'a Place, Lack)> {
        let lack = |grid: &Grid, row| {
            let is_null = |cell| typing::lacks_value(cell);
            match grid.width(row) {
                0 => Some(Lack::Empty),
                _ if grid.row(row).any(|cell| cell == ABSENT) => Some(Lack::Absent),
                _ => grid.row(row).any(is_null).then_some(Lack::Null),
            }
        };
        let mut wanted = self.wanted(answer);
        wanted.find_map(|(place, grid)| (0..n).find_map(|row| Some((row, place, lack(grid, row)?))))
    }

    fn scores_place(&self) -> Option<&Place> {
        self.probability.as_ref().or(self.whole.as_ref())
    }

    fn csv(&self, text: &str, n: usize, answer: &mut Answer) -> Read<()> {
        if is_page(text) {
            return Err(shape("the response is a page for a browser")
                .found("HTML or XML")
                .expected("CSV")
                .hint("something between the job and the model answered, or the model failed with the status of a success")
                .into());
        }
        let mut cells = std::mem::take(&mut answer.lines);
        cells.read(text);
        let placed = self.label.is_some() || self.probability.is_some();
        let result = match cells.are_rows(n, placed) {
            _ if cells.goes_on() => Err(shape("the quotes of the response do not work out")
                .found(quotes::What::GoesOn.to_string())
                .expected("a comma or line end behind a closing quote")
                .hint("inside of quotes a quote is written twice")
                .into()),
            Ok(form) => {
                answer.forms = self.of_wanted(cells.form(n, form));
                (0..n).try_for_each(|row| {
                    let row = cells.row(row, form);
                    self.row(row.len(), |at| cells.cell(row.start + at), answer)
                })
            }
            Err(found) => Err(Fault::Count(found)),
        };
        answer.lengths = self.of_wanted(cells.only_line());
        answer.lines = cells;
        result
    }

    /// What holds of lines of CSV, for each place that is wanted.
    fn of_wanted<T: Copy + Default>(&self, of_lines: T) -> [T; 2] {
        let is_wanted = [self.label.is_some(), self.scores_place().is_some()];
        is_wanted.map(|is_wanted| if is_wanted { of_lines } else { T::default() })
    }

    /// Appends one row of a CSV answer, which has `n_cells` cells.
    ///
    /// # Errors
    /// A position that the row does not have; a place that is no position.
    pub(crate) fn row<'c>(
        &self,
        n_cells: usize,
        cell: impl Fn(usize) -> &'c str,
        answer: &mut Answer,
    ) -> Read<()> {
        for (place, grid) in [(&self.label, &mut answer.labels), (&self.probability, &mut answer.scores)] {
            let Some(place) = place else { continue };
            let position = place.position()?;
            if position >= n_cells {
                return Err(shape("the response has too few columns")
                    .field(place.setting)
                    .found(format!("a record of {}", counted(n_cells, "column")))
                    .expected(format!("a column at position {position} (counted from 0)"))
                    .into());
            }
            push_cell(cell(position), grid);
            grid.end_row();
        }
        if self.whole.is_some() {
            (0..n_cells).for_each(|at| push_cell(cell(at), &mut answer.scores));
            answer.scores.end_row();
        }
        Ok(())
    }
}

impl Answer {
    pub(crate) fn clear(&mut self) {
        self.labels.clear();
        self.scores.clear();
        self.score_keys.clear();
        (self.forms, self.lengths) = Default::default();
        self.of_objects = false;
    }

    /// What the lists of the text that was read last belong to.
    pub(crate) fn forms(&self) -> OfPlaces {
        self.forms
    }

    /// The lengths of the flat lists of the text that was read last, labels and scores, were they read or not.
    pub(crate) fn lengths(&self) -> [Option<usize>; 2] {
        self.lengths
    }

    /// So many entries the lists have if they are not what they were taken for.
    fn entries_of_lists(&self) -> [usize; 2] {
        let entries = |at: usize| match self.forms[at] {
            ListForm::OfOneRow => self.lengths[at].unwrap_or(1),
            _ => 1,
        };
        [LABELS, SCORES].map(entries)
    }
}

/// Whether a text is HTML or XML: it begins as a document does, or with a tag and has a closing one. Labels such as `<=50K`,
/// `<low>` and `<html>` are none.
fn is_page(text: &str) -> bool {
    let text = text.trim_start();
    let begins =
        |opening: &str| text.get(..opening.len()).is_some_and(|start| start.eq_ignore_ascii_case(opening));
    let is_tag = text.starts_with('<') && text[1..].starts_with(|next: char| next.is_ascii_alphabetic());
    ["<!doctype", "<?xml", "<!--"].into_iter().any(begins) || (is_tag && text.contains("</"))
}

/// The lines of a text that are not blank.
fn lines(text: &str) -> impl Iterator<Item = &str> + Clone {
    scan::lines(text).map(str::trim).filter(|line| !line.is_empty())
}
