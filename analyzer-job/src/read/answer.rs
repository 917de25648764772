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

use std::collections::HashSet;
use std::ops::Range;

use plumbline_common::{Problem, Result, codes};

use crate::config::{ContentType, Location, Predictor};
use crate::read::grid::Grid;
use crate::values::path::{self, Found, Paths};
use crate::values::raw::Raw;
use crate::values::scan::{self, Scanner};
use crate::values::typing::{self, Cell};

/// How the answers of a model are read: places of label and scores, and what makes a label of scores.
#[derive(Debug)]
pub struct Answers {
    label: Option<Place>,
    probability: Option<Place>,
    /// The whole answer, when neither is given.
    whole: Option<Place>,
    paths: Paths,
    headers: Vec<String>,
    threshold: f64,
    single: bool,
}

/// Where something stands. A text of digits is a position: settings of a monitoring job are texts.
#[derive(Debug)]
struct Place {
    setting: &'static str,
    text: String,
    position: Option<usize>,
    /// Number of the path; none for a position.
    path: Option<usize>,
}

/// One answer, cut into rows; reused from answer to answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// The label's cells, a row for each row; empty when no place of a label is given.
    labels: Grid,
    /// The scores' cells, likewise; empty when only the label's place is given.
    scores: Grid,
    found: Vec<Found>,
    lines: Lines,
    spans: Vec<Range<usize>>,
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

/// The predicted label of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Predicted<'a> {
    /// The model's own label.
    Label(Raw<'a>),
    /// The label header with the highest score.
    Header(&'a str),
    /// A score held against the threshold: 1 when strictly greater, else 0.
    Score(bool),
}

impl<'a> Predicted<'a> {
    /// As a cell of the column of predictions: headers and CSV cells are typed as cells of a CSV file.
    pub fn raw(self) -> Raw<'a> {
        match self {
            Predicted::Label(raw) => raw,
            Predicted::Header(header) => Raw::Csv(header),
            Predicted::Score(positive) => Raw::Int(i64::from(positive)),
        }
    }
}

impl Answers {
    /// `threshold`: a single score strictly greater is the label 1, else 0. `single`: each request holds one
    /// record, and a list in its answer is that record's.
    ///
    /// # Errors
    /// `PATH_INVALID` for a place that is neither a position nor a JMESPath.
    pub fn new(predictor: Option<&Predictor>, threshold: f64, single: bool) -> Result<Answers> {
        let label = predictor.and_then(|predictor| predictor.label.as_ref());
        let probability = predictor.and_then(|predictor| predictor.probability.as_ref());
        let mut named: Vec<(&str, &str)> = Vec::new();
        let place = |location: &Location, setting: &'static str| {
            let text = location.to_string();
            let position = text.trim().parse().ok();
            Place { setting, text, position, path: None }
        };
        let mut label = label.map(|location| place(location, "predictor.label"));
        let mut probability = probability.map(|location| place(location, "predictor.probability"));
        let mut whole = match (&label, &probability) {
            (None, None) => Some(place(&Location::Name("@".into()), "predictor.probability")),
            _ => None,
        };
        for place in [&mut label, &mut probability, &mut whole].into_iter().flatten() {
            if place.text.trim() == "*" {
                return Err(Problem::new(&codes::PATH_INVALID, "cannot read a JMESPath")
                    .field(place.setting)
                    .found("`*`, which tells no place")
                    .expected("a JMESPath such as `predictions[*].score`"));
            }
            if place.position.is_none() {
                place.path = Some(named.len());
                named.push((place.setting, &place.text));
            }
        }
        let paths = Paths::compile(&named)?;
        let headers = predictor.and_then(|predictor| predictor.label_headers.clone()).unwrap_or_default();
        Ok(Answers { label, probability, whole, paths, headers, threshold, single })
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

    /// As `read`, behind what was read before of the same answer.
    ///
    /// # Errors
    /// As `read`; nulls are not looked for, which is `check`.
    pub(crate) fn append(&self, text: &str, kind: ContentType, n: usize, answer: &mut Answer) -> Read<()> {
        let text = text.trim_start_matches('\u{feff}');
        match kind {
            // No CSV begins like this.
            ContentType::Csv if text.trim_ascii_start().starts_with('{') => self.json(text, n, answer),
            ContentType::Csv => self.csv(text, n, answer),
            ContentType::Json => self.json(text, n, answer),
            ContentType::JsonLines => match lines(text).count() {
                found if found == n => self.json_lines(text, answer),
                // One document for all rows, whatever its type says.
                _ if is_json(text) => self.json(text, n, answer),
                found => Err(Fault::Count(found)),
            },
        }
    }

    /// That each of the `n` rows has a label and scores, as far as they are wanted.
    ///
    /// # Errors
    /// The first row without.
    pub(crate) fn check(&self, n: usize, answer: &Answer) -> Read<()> {
        let places = [(self.label.as_ref(), &answer.labels), (self.scores_place(), &answer.scores)];
        for (place, grid) in places {
            let Some(place) = place else { continue };
            if grid.n_rows() != n {
                return Err(Fault::Count(grid.n_rows()));
            }
            for row in 0..n {
                let missing = match grid.width(row) {
                    0 => "an empty list",
                    1 if typing::parse(grid.cell(row, 0)) == Cell::Missing => "null",
                    _ => continue,
                };
                let found = format!("{missing} for row {} of {n}", row + 1);
                return Err(match place.setting {
                    "predictor.label" => shape("a record of the response has no label")
                        .field(place.setting)
                        .found(found)
                        .expected("one label for each record")
                        .into(),
                    setting => no_number(&found, setting).into(),
                });
            }
        }
        Ok(())
    }

    /// The scores of a row, appended to `out`: numbers, texts that are numbers, truth values as 1 and 0. What
    /// stands at the label's place counts as scores when no other place is given.
    ///
    /// # Errors
    /// `RESPONSE_NUMBER` for anything else; NaN is no score.
    pub fn scores(&self, answer: &Answer, row: usize, out: &mut Vec<f64>) -> Result<()> {
        let (grid, place) = match (self.scores_place(), &self.label) {
            (Some(place), _) => (&answer.scores, place),
            (None, Some(place)) => (&answer.labels, place),
            (None, None) => return Ok(()),
        };
        for cell in grid.row(row) {
            out.push(number(cell, place.setting)?);
        }
        Ok(())
    }

    /// The names that a row gives its own scores: as many labels as scores, and more than one.
    pub fn names(&self, answer: &Answer, row: usize) -> Option<Vec<String>> {
        self.probability.as_ref()?;
        self.label.as_ref()?;
        let width = answer.labels.width(row);
        (width > 1 && width == answer.scores.width(row))
            .then(|| answer.labels.row(row).map(|cell| typing::parse(cell).print()).collect())
    }

    /// The predicted label of a row. In this order: a single label is the prediction; of several labels, the one
    /// with the highest score; of several scores, the header of the highest; a single score is held against the
    /// threshold. Of equal scores the first wins.
    ///
    /// # Errors
    /// The answer does not tell a label.
    pub fn predicted<'a>(&'a self, answer: &'a Answer, row: usize) -> Result<Predicted<'a>> {
        if let Some(place) = &self.label {
            let choices = answer.labels.width(row);
            if choices == 1 {
                return Ok(Predicted::Label(answer.labels.cell(row, 0)));
            }
            let Some(scores) = &self.probability else {
                return Err(shape("the label of a record is a list")
                    .field(place.setting)
                    .found(format!("{choices} labels"))
                    .expected("one label")
                    .hint("tell with `probability` where the scores stand, so that the highest decides; names that \
                           stand once for all records belong into `label_headers`"));
            };
            let found = answer.scores.width(row);
            if found != choices {
                return Err(shape("a record has another number of scores than labels")
                    .field(scores.setting)
                    .found(format!("{found} scores"))
                    .expected(choices.to_string()));
            }
            let highest = self.highest(answer, row)?;
            return Ok(Predicted::Label(answer.labels.cell(row, highest)));
        }
        match answer.scores.width(row) {
            1 => {
                let setting = self.scores_place().map_or("predictor", |place| place.setting);
                Ok(Predicted::Score(number(answer.scores.cell(row, 0), setting)? > self.threshold))
            }
            found if found == self.headers.len() => {
                Ok(Predicted::Header(&self.headers[self.highest(answer, row)?]))
            }
            found if self.headers.is_empty() => {
                Err(shape("the model gives several scores for a record, and nothing tells the label")
                    .field("predictor")
                    .found(format!("{found} scores"))
                    .hint("set `label` to the place of the predicted label, `probability` to that of one score, or `label_headers` to the classes"))
            }
            found => Err(self.other_headers(found)),
        }
    }

    /// That there are as many label headers as outputs, when there are any.
    ///
    /// # Errors
    /// `RESPONSE_SHAPE`.
    pub fn check_headers(&self, width: usize) -> Result<()> {
        if self.headers.is_empty() || self.headers.len() == width {
            return Ok(());
        }
        Err(self.other_headers(width))
    }

    fn other_headers(&self, width: usize) -> Problem {
        shape("the model has another number of outputs than `label_headers`")
            .field("predictor.label_headers")
            .found(format!("{width} scores for a record"))
            .expected(self.headers.len().to_string())
            .hint("if the response holds more than scores, tell with `probability` where they stand")
    }

    fn highest(&self, answer: &Answer, row: usize) -> Result<usize> {
        let mut scores = Vec::new();
        self.scores(answer, row, &mut scores)?;
        let mut best = 0;
        for (at, score) in scores.iter().enumerate() {
            if *score > scores[best] {
                best = at;
            }
        }
        Ok(best)
    }

    fn scores_place(&self) -> Option<&Place> {
        self.probability.as_ref().or(self.whole.as_ref())
    }

    /// One document, a list over the rows at each place. A text of one document for each line is read so.
    fn json(&self, text: &str, n: usize, answer: &mut Answer) -> Read<()> {
        if let Err(fault) = self.paths.find(text, &mut answer.found) {
            let mut documents = lines(text);
            if documents.clone().nth(1).is_some() && documents.all(is_json) {
                let found = lines(text).count();
                return if found == n { self.json_lines(text, answer) } else { Err(Fault::Count(found)) };
            }
            return Err(shape("the response is not JSON")
                .field("predictor.accept_type")
                .found(fault.to_string())
                .hint("set `accept_type` to what the model answers")
                .into());
        }
        let scores = match self.scores_place() {
            Some(place) => Some(self.list(text, n, place, &answer.found, &mut answer.scores)?),
            None => None,
        };
        let Some(place) = &self.label else { return Ok(()) };
        let labels = self.list(text, n, place, &answer.found, &mut answer.labels);
        let once = match &labels {
            Err(Fault::Count(_)) => self.are_names(text, n, place, answer),
            // The names of the classes beside a list that has the scores of the only row.
            Ok(Form::RowsList) => matches!(scores, Some(Form::ListOfRows)) && answer.scores.n_cells() > 1,
            _ => false,
        };
        if once {
            return Err(shape("the labels of the response stand once for all records")
                .field(place.setting)
                .found(format!("one list at `{}` for {n} records", place.text))
                .expected("the place of each record's own label")
                .hint("give the names of the classes as `label_headers`, and leave out `label`")
                .into());
        }
        labels.map(|_| ())
    }

    /// Whether a list at the label's place has the names of the classes: texts that differ, or as many values
    /// as each row has scores.
    fn are_names(&self, text: &str, n: usize, place: &Place, answer: &Answer) -> bool {
        let Some(found) = place.path.map(|number| &answer.found[number]) else { return false };
        let mut spans = Vec::new();
        if !found.elements(text, &mut spans) || spans.len() < 2 {
            return false;
        }
        let tokens: Vec<&str> = spans.iter().map(|span| &found.source(text)[span.clone()]).collect();
        let differ = tokens.iter().collect::<HashSet<_>>().len() == tokens.len();
        let texts = tokens.iter().all(|token| token.starts_with('"'));
        let scores = &answer.scores;
        let as_scores = scores.n_rows() == n && (0..n).all(|row| scores.width(row) == tokens.len());
        differ && (texts || (self.probability.is_some() && as_scores))
    }

    fn json_lines(&self, text: &str, answer: &mut Answer) -> Read<()> {
        for line in lines(text) {
            self.paths.find(line, &mut answer.found).map_err(|fault| {
                shape("the response is not JSON")
                    .field("predictor.accept_type")
                    .found(fault.to_string())
                    .hint("set `accept_type` to what the model answers")
            })?;
            for (place, grid) in
                [(self.label.as_ref(), &mut answer.labels), (self.scores_place(), &mut answer.scores)]
            {
                let Some(place) = place else { continue };
                let found = place.found(line, &self.paths, &answer.found)?;
                if found.elements(line, &mut answer.spans) {
                    push_elements(found.source(line), &answer.spans, place, grid)?;
                } else if let Some(span) = found.value() {
                    push_entry(found.source(line), span, place, grid)?;
                }
                grid.end_row();
            }
        }
        Ok(())
    }

    /// Appends an entry for each of `n` rows from what stands at a place of a document.
    fn list(&self, text: &str, n: usize, place: &Place, found: &[Found], grid: &mut Grid) -> Read<Form> {
        let found = place.found(text, &self.paths, found)?;
        let source = found.source(text);
        let mut spans = Vec::new();
        if !found.elements(text, &mut spans) {
            let Some(span) = found.value() else { return Err(Fault::Count(0)) };
            if n != 1 && !source[span.clone()].starts_with('{') {
                return Err(Fault::Count(1));
            }
            push_entry(source, span, place, grid)?;
            grid.end_row();
            return Ok(Form::Value);
        }
        let flat = !spans.iter().any(|span| source[span.clone()].starts_with(['[', '{']));
        if n == 1 && flat && (self.single || spans.len() != 1) {
            push_elements(source, &spans, place, grid)?;
            grid.end_row();
            return Ok(Form::RowsList);
        }
        if spans.len() != n {
            return Err(Fault::Count(spans.len()));
        }
        for span in spans {
            push_entry(source, span, place, grid)?;
            grid.end_row();
        }
        Ok(Form::ListOfRows)
    }

    fn csv(&self, text: &str, n: usize, answer: &mut Answer) -> Read<()> {
        let mut cells = std::mem::take(&mut answer.lines);
        cells.read(text);
        let placed = self.label.is_some() || self.probability.is_some();
        let result = match cells.are_rows(n, placed) {
            Ok(form) => (0..n).try_for_each(|row| {
                let row = cells.row(row, form);
                self.row(row.len(), |at| cells.cell(row.start + at), answer)
            }),
            Err(found) => Err(Fault::Count(found)),
        };
        answer.lines = cells;
        result
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
                    .found(format!("index {position} and {n_cells} columns"))
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

/// What stood at a place of a document.
enum Form {
    /// A value, the entry of the only row.
    Value,
    /// A flat list, the entry of the only row.
    RowsList,
    /// A list with an entry for each row.
    ListOfRows,
}

impl Answer {
    pub(crate) fn clear(&mut self) {
        self.labels.clear();
        self.scores.clear();
    }
}

impl Place {
    /// # Errors
    /// A path, which a CSV answer does not have.
    fn position(&self) -> Result<usize> {
        self.position.ok_or_else(|| {
            shape("a CSV response has no names")
                .field(self.setting)
                .found(format!("`{}`", self.text))
                .expected("the zero-based index of a column")
        })
    }

    /// # Errors
    /// A position, which tells nothing in JSON.
    fn number(&self) -> Result<usize> {
        self.path.ok_or_else(|| {
            shape("a position cannot tell where something stands in a JSON response")
                .field(self.setting)
                .found(format!("position {}", self.text))
                .expected("a JMESPath such as `predictions[*].score`")
        })
    }

    /// What the path found in one document of an answer.
    fn found<'f>(&self, document: &str, paths: &Paths, found: &'f [Found]) -> Result<&'f Found> {
        let number = self.number()?;
        let here = &found[number];
        if here.is_nothing(document) {
            let problem = shape("the response has nothing at the place that the predictor tells")
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
        Ok(here)
    }
}

/// Appends the elements of one row's list. A list in a list is taken out when it is the only element.
fn push_elements(source: &str, spans: &[Range<usize>], place: &Place, grid: &mut Grid) -> Result<()> {
    if let [only] = spans
        && source[only.clone()].starts_with('[')
    {
        return push_entry(source, only.clone(), place, grid);
    }
    for span in spans {
        let token = &source[span.clone()];
        match token.as_bytes().first() {
            Some(b'[') => return Err(no_number("a list in a list", place.setting)),
            Some(b'{') => return Err(is_object(source, span.start)),
            _ => grid.push(Raw::Json(token)),
        }
    }
    Ok(())
}

/// Appends the cells of one row's entry: a list, also one that is written as text, or a value.
fn push_entry(source: &str, span: Range<usize>, place: &Place, grid: &mut Grid) -> Result<()> {
    let token = &source[span.clone()];
    match token.as_bytes().first() {
        Some(b'{') => Err(is_object(source, span.start)),
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
fn push_cell(cell: &str, grid: &mut Grid) {
    match listed(cell) {
        Some(items) => items.iter().for_each(|item| grid.push(Raw::Csv(item))),
        None => grid.push(Raw::Csv(cell)),
    }
}

fn shape(what: &str) -> Problem {
    Problem::new(&codes::RESPONSE_SHAPE, what)
}

fn is_object(source: &str, at: usize) -> Problem {
    shape("the response holds objects, and nothing tells where the scores stand in them")
        .field("predictor.probability")
        .found(format!("keys {}", quoted(&path::keys(source, at))))
        .hint("set `probability` (or `label`) to the JMESPath of the score")
}

fn quoted(keys: &[String]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

fn number(cell: Raw<'_>, setting: &str) -> Result<f64> {
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
            Cell::Missing => "a text that is no number",
            Cell::Text(text) if text.is_empty() => "an empty text",
            Cell::Text(_) => "a text that is no number",
        },
    };
    Err(no_number(found, setting))
}

/// What was found is told by its kind: answers may hold data.
fn no_number(found: &str, setting: &str) -> Problem {
    Problem::new(&codes::RESPONSE_NUMBER, "Could not convert string to float")
        .field(setting)
        .found(format!("{found} in the model's response"))
        .expected("a score")
        .hint("tell with `probability` where the scores stand, with `label` where the predicted label stands")
}

/// The lines of a text that are not blank.
fn lines(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split('\n').map(str::trim).filter(|line| !line.is_empty())
}

fn is_json(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.value().is_ok() && scanner.end().is_ok()
}

/// The items of a list that is written as text, `['a', "b"]` or `[0.1 0.9]`; none for other text.
pub(crate) fn listed(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let mut items = Vec::new();
    let mut commas = 0;
    let mut bare = String::new();
    let mut characters = inside.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' if bare.trim().is_empty() => {
                bare.clear();
                let mut item = String::new();
                while let Some(next) = characters.next() {
                    match next {
                        '\\' => item.extend(characters.next()),
                        next if next == character => break,
                        next => item.push(next),
                    }
                }
                items.push(item);
            }
            ',' => {
                commas += 1;
                push_bare(&mut items, &mut bare);
            }
            other => bare.push(other),
        }
    }
    if commas == 0 {
        // As NumPy prints: blanks between the items.
        items.extend(bare.split_whitespace().map(str::to_string));
    } else {
        push_bare(&mut items, &mut bare);
    }
    Some(items)
}

fn push_bare(items: &mut Vec<String>, bare: &mut String) {
    if !bare.trim().is_empty() {
        items.push(bare.trim().to_string());
    }
    bare.clear();
}

/// The cells of a CSV answer, line by line.
#[derive(Debug, Default)]
struct Lines {
    text: String,
    cells: Vec<Range<usize>>,
    /// End of each line in `cells`.
    ends: Vec<usize>,
}

impl Lines {
    fn cell(&self, at: usize) -> &str {
        &self.text[self.cells[at].clone()]
    }

    /// Cuts a text into cells: quoted as RFC 4180 has it, or a list to its closing bracket, which may lie on
    /// another line, or up to the next comma or line end. Blanks around a cell are no part of it.
    fn read(&mut self, text: &str) {
        self.text.clear();
        self.cells.clear();
        self.ends.clear();
        let mut rest = text;
        let mut line_began = false;
        loop {
            rest = rest.trim_start_matches([' ', '\t', '\r']);
            let Some(first) = rest.chars().next() else { break };
            if first == '\n' && !line_began {
                rest = &rest[1..];
                continue;
            }
            line_began = true;
            rest = self.cut(rest, first);
            rest = rest.trim_start_matches([' ', '\t', '\r']);
            match rest.chars().next() {
                Some(',') => {
                    rest = &rest[1..];
                    // A comma at the end of a line of lists goes on with the next line; else a cell is empty.
                    let next = rest.trim_start_matches([' ', '\t', '\r']);
                    if next.is_empty() || next.starts_with('\n') {
                        let lists = self.line_start();
                        if !(lists..self.cells.len()).all(|at| self.cell(at).starts_with('[')) {
                            self.push("");
                        }
                        rest = next;
                        if rest.is_empty() {
                            break;
                        }
                        rest = &rest[1..];
                        self.end_line();
                        line_began = false;
                    }
                }
                Some('\n') => {
                    rest = &rest[1..];
                    self.end_line();
                    line_began = false;
                }
                _ => {}
            }
        }
        if line_began {
            self.end_line();
        }
    }

    fn line_start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn end_line(&mut self) {
        self.ends.push(self.cells.len());
    }

    fn push(&mut self, cell: &str) {
        let start = self.text.len();
        self.text.push_str(cell);
        self.cells.push(start..self.text.len());
    }

    /// Takes one cell off a text and gives the rest.
    fn cut<'a>(&mut self, text: &'a str, first: char) -> &'a str {
        if first == '"'
            && let Some((cell, rest)) = quoted_cell(text)
        {
            self.push(cell.trim());
            return rest;
        }
        if first == '['
            && let Some(end) = list_end(text)
        {
            let list = &text[..end];
            let inside = list[1..end - 1].trim_ascii();
            if inside.starts_with('[') {
                // A list of lists: its lists stand for themselves.
                let mut inside = inside;
                while let Some(end) = inside.starts_with('[').then(|| list_end(inside)).flatten() {
                    self.push(&inside[..end]);
                    inside = inside[end..].trim_start_matches([',', ' ', '\t', '\r', '\n']);
                }
            } else {
                self.push(list);
            }
            return &text[end..];
        }
        let end = text.find([',', '\n']).unwrap_or(text.len());
        self.push(text[..end].trim_end());
        &text[end..]
    }

    /// How the cells are those of `n` rows; the number of rows that there are when they are not `n`. `placed`: positions
    /// tell which cells of a row are wanted, so that several lists on a line may be one row.
    fn are_rows(&self, n: usize, placed: bool) -> std::result::Result<RowForm, usize> {
        let n_lines = self.ends.len();
        let lists =
            !self.cells.is_empty() && self.cells.iter().all(|cell| self.text[cell.clone()].starts_with('['));
        let alone = self.cells.len() == n_lines;
        if n_lines == n && (placed || alone || !lists) {
            return Ok(RowForm::Line);
        }
        // Lists, or one cell for each row on a single line.
        if self.cells.len() == n && (lists || n_lines == 1) {
            return Ok(RowForm::Cell);
        }
        Err(if lists { self.cells.len() } else { n_lines })
    }

    /// The cells of a row.
    fn row(&self, row: usize, form: RowForm) -> Range<usize> {
        match form {
            RowForm::Line => (if row == 0 { 0 } else { self.ends[row - 1] })..self.ends[row],
            RowForm::Cell => row..row + 1,
        }
    }
}

/// What of a CSV answer is a row.
#[derive(Debug, Clone, Copy)]
enum RowForm {
    Line,
    Cell,
}

/// A quoted cell with its quotes resolved, and what follows; none when no closing quote ends a cell.
fn quoted_cell(text: &str) -> Option<(String, &str)> {
    let mut cell = String::new();
    let mut rest = &text[1..];
    loop {
        let end = rest.find('"')?;
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => break,
        }
    }
    let next = rest.trim_start_matches([' ', '\t', '\r']);
    (next.is_empty() || next.starts_with([',', '\n'])).then_some((cell, rest))
}

/// Where the list that a text begins with ends, behind its closing bracket; none when it does not end, or when
/// something else than a comma, a line end or another list follows.
fn list_end(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quote = None;
    let mut before = ' ';
    let mut words = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            // Only numbers and quoted items go on with the next line.
            (None, '\n') if words => return None,
            (Some(_), _) if before == '\\' => {}
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if matches!(before, '[' | ',' | ' ' | '\n') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') => {
                depth -= 1;
                if depth == 0 {
                    let end = at + 1;
                    let next = text[end..].trim_start_matches([' ', '\t', '\r']);
                    return (next.is_empty() || next.starts_with([',', '\n', '[', ']'])).then_some(end);
                }
            }
            (None, other) => words |= other.is_alphabetic() && !matches!(other, 'e' | 'E'),
        }
        before = character;
    }
    None
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
