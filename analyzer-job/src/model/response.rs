//! What a response says: scores or a predicted label for each record. Nothing here knows how the
//! response came; all of it is checked, because models answer in many shapes.

use std::borrow::Cow;

use plumbline_common::{Problem, codes};
use serde_json::Value as Json;

use super::path::Path;
use crate::config::{ContentType, Location, Predictor};
use crate::values::raw::Raw;

/// Where things stand in a response.
#[derive(Debug)]
pub(crate) struct Reader {
    accept: ContentType,
    label: Option<Place>,
    probability: Option<Place>,
    label_headers: Option<Vec<String>>,
    threshold: f64,
    /// Requests hold one record, and a list in the response is that record's.
    single: bool,
}

#[derive(Debug)]
enum Place {
    Path(Path),
    Index(usize),
}

/// Scores of the records of one response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scores {
    /// Row after row, `width` each.
    pub(crate) values: Vec<f64>,
    pub(crate) width: usize,
    /// Names of the outputs, when the response tells them.
    pub(crate) names: Option<Vec<String>>,
}

/// A predicted label as the response has it. What it is, a number, a truth value or a name, the column of all
/// labels tells, as in a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Label {
    Missing,
    Csv(String),
    /// A scalar as JSON writes it.
    Json(String),
}

impl Label {
    pub(crate) fn raw(&self) -> Raw<'_> {
        match self {
            Label::Missing => Raw::Missing,
            Label::Csv(text) => Raw::Csv(text),
            Label::Json(token) => Raw::Json(token),
        }
    }
}

/// Why a response cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// Another number of records than were sent.
    Count(usize),
    Problem(Problem),
}

impl From<Problem> for Unusable {
    fn from(problem: Problem) -> Unusable {
        Unusable::Problem(problem)
    }
}

type Usable<T> = Result<T, Unusable>;

impl Reader {
    /// # Errors
    /// `RESPONSE_SHAPE` for a location that the accept type cannot have.
    pub(crate) fn new(
        predictor: &Predictor,
        accept: ContentType,
        threshold: f64,
        single: bool,
    ) -> Result<Reader, Problem> {
        let place = |location: &Option<Location>, field: &str| {
            location.as_ref().map(|location| place(location, accept, field)).transpose()
        };
        Ok(Reader {
            accept,
            label: place(&predictor.label, "predictor.label")?,
            probability: place(&predictor.probability, "predictor.probability")?,
            label_headers: predictor.label_headers.clone(),
            threshold,
            single,
        })
    }

    /// Scores of the `n` records that were sent. `known`: names of the outputs as learnt before,
    /// into whose order the scores are brought.
    pub(crate) fn scores(&self, body: &[u8], n: usize, known: Option<&[String]>) -> Usable<Scores> {
        let text = utf8(body)?;
        let place = match (&self.probability, &self.label) {
            (None, Some(label)) => Some(label),
            (probability, _) => probability.as_ref(),
        };
        if self.accept == ContentType::Csv && !text.contains(['"', '[']) {
            return self.plain_scores(text, n, place);
        }
        let fields = self.fields(text, n)?;
        let named = self.probability.is_some() && self.label_headers.is_none();
        let mut scores =
            Scores { values: Vec::with_capacity(n), width: 0, names: known.map(<[String]>::to_vec) };
        let mut record_scores = Vec::new();
        for record_idx in 0..n {
            let item = fields.score(record_idx)?;
            record_scores.clear();
            numbers(&item, &mut record_scores, self.score_setting())?;
            let width = record_scores.len();
            if record_idx == 0 {
                scores.width = width;
            } else if width != scores.width {
                return Err(uneven(scores.width, width).into());
            }
            let names = if named { fields.label(record_idx)?.and_then(|label| texts(&label)) } else { None };
            match names {
                Some(names) if names.len() == width && width > 1 => {
                    let order = scores.names.get_or_insert_with(|| names.clone());
                    for name in order.iter() {
                        let position = names.iter().position(|other| other == name).ok_or_else(|| {
                            shape("the records of the responses name different labels")
                                .field("predictor.label")
                                .found(names.join(", "))
                                .expected(order.join(", "))
                        })?;
                        scores.values.push(record_scores[position]);
                    }
                }
                _ => scores.values.extend_from_slice(&record_scores),
            }
        }
        self.check_headers(scores.width)?;
        if scores.values.len() != n * scores.width {
            return Err(uneven(scores.width, scores.values.len() / n.max(1)).into());
        }
        Ok(scores)
    }

    /// As `scores`, for CSV without quotes and lists: numbers only, no text is copied.
    fn plain_scores(&self, text: &str, n: usize, place: Option<&Place>) -> Usable<Scores> {
        let lines = || text.split('\n').map(str::trim).filter(|line| !line.is_empty());
        let found = lines().count();
        let on_one_line = found == 1 && n > 1;
        let index = match place {
            Some(Place::Index(index)) => Some(*index),
            _ => None,
        };
        let mut values = Vec::with_capacity(n);
        let mut width = None;
        let mut add = |line: &str| -> Usable<()> {
            let before = values.len();
            match index {
                Some(index) => {
                    let cell = line
                        .split(',')
                        .nth(index)
                        .ok_or_else(|| self.no_cell(index, line.split(',').count()))?;
                    values.push(number(cell, self.score_setting())?);
                }
                None => {
                    for cell in line.split(',') {
                        values.push(number(cell, self.score_setting())?);
                    }
                }
            }
            let here = values.len() - before;
            match width {
                Some(width) if width != here => Err(uneven(width, here).into()),
                _ => {
                    width = Some(here);
                    Ok(())
                }
            }
        };
        if on_one_line {
            let line = lines().next().unwrap_or_default();
            let cells = line.split(',').count();
            if cells != n {
                return Err(Unusable::Count(1));
            }
            line.split(',').try_for_each(&mut add)?;
        } else if found != n {
            return Err(Unusable::Count(found));
        } else {
            lines().try_for_each(&mut add)?;
        }
        let width = width.unwrap_or(0);
        self.check_headers(width)?;
        Ok(Scores { values, width, names: None })
    }

    fn check_headers(&self, width: usize) -> Result<(), Problem> {
        match &self.label_headers {
            Some(headers) if headers.len() != width => {
                Err(shape("the model has another number of outputs than `label_headers`")
                    .field("predictor.label_headers")
                    .found(format!("{width} scores for a record"))
                    .expected(headers.len().to_string())
                    .hint("if the response holds more than scores, tell with `probability` where they stand"))
            }
            _ => Ok(()),
        }
    }

    /// The predicted label of each of the `n` records: the label of the response; of a list of
    /// labels the one with the highest score; of a list of scores the header of the highest; of a
    /// single score 1 above the threshold, else 0. The first wins among equal scores.
    pub(crate) fn labels(&self, body: &[u8], n: usize) -> Usable<Vec<Label>> {
        let fields = self.fields(utf8(body)?, n)?;
        let mut labels = Vec::with_capacity(n);
        let mut scores = Vec::new();
        for record_idx in 0..n {
            labels.push(match fields.label(record_idx)? {
                Some(label) => self.given_label(&fields, record_idx, &label, &mut scores)?,
                None => {
                    scores.clear();
                    numbers(fields.score(record_idx)?.as_ref(), &mut scores, self.score_setting())?;
                    self.scored_label(&scores)?
                }
            });
        }
        Ok(labels)
    }

    fn given_label(
        &self,
        fields: &Fields<'_>,
        record_idx: usize,
        label: &Json,
        scores: &mut Vec<f64>,
    ) -> Usable<Label> {
        let choices = match label {
            Json::Array(items) => Cow::Borrowed(items),
            Json::String(text) => match listed(text) {
                Some(items) => Cow::Owned(items.into_iter().map(Json::from).collect()),
                None => return Ok(self.written(label)?),
            },
            other => return Ok(self.written(other)?),
        };
        if let [only] = choices.as_slice() {
            return Ok(self.written(only)?);
        }
        if self.probability.is_none() {
            return Err(shape("the label of a record is a list")
                .field("predictor.label")
                .found(format!("{} labels", choices.len()))
                .hint("tell with `probability` where the scores stand, so that the highest decides")
                .into());
        }
        scores.clear();
        numbers(fields.score(record_idx)?.as_ref(), scores, self.score_setting())?;
        if scores.len() != choices.len() {
            return Err(shape("a record has another number of scores than labels")
                .field("predictor.probability")
                .found(format!("{} scores", scores.len()))
                .expected(choices.len().to_string())
                .into());
        }
        match highest(scores).and_then(|position| choices.get(position)) {
            Some(label) => Ok(self.written(label)?),
            None => Err(shape("the label of a record is an empty list").field("predictor.label").into()),
        }
    }

    /// A label as it is written: CSV does not tell numbers from text, JSON does.
    fn written(&self, label: &Json) -> Result<Label, Problem> {
        match label {
            Json::Null => Ok(Label::Missing),
            Json::String(text) if self.accept == ContentType::Csv => Ok(Label::Csv(text.clone())),
            Json::Array(_) | Json::Object(_) => {
                Err(shape("the label of a record is no plain value").field("predictor.label"))
            }
            label => Ok(Label::Json(label.to_string())),
        }
    }

    fn scored_label(&self, scores: &[f64]) -> Usable<Label> {
        if let [score] = scores {
            // With one header for one score the header only names the score.
            self.check_headers(1)?;
            let label = if *score > self.threshold { "1" } else { "0" };
            return Ok(Label::Json(label.into()));
        }
        let Some(headers) = &self.label_headers else {
            return Err(shape("the model gives several scores for a record, and nothing tells the label")
                .field("predictor")
                .found(format!("{} scores", scores.len()))
                .hint("set `label` to the place of the predicted label, `probability` to that of one score, or `label_headers` to the classes")
                .into());
        };
        self.check_headers(scores.len())?;
        let header = highest(scores).and_then(|position| headers.get(position));
        Ok(header.map_or(Label::Missing, |header| Label::Csv(header.clone())))
    }

    /// The setting by which scores were looked for, for messages.
    fn score_setting(&self) -> &'static str {
        if self.probability.is_none() && self.label.is_some() {
            "predictor.label"
        } else {
            "predictor.probability"
        }
    }

    fn no_cell(&self, index: usize, cells: usize) -> Problem {
        shape("the response has too few columns")
            .field(self.score_setting())
            .found(format!("index {index} and {cells} columns"))
    }

    fn fields<'a>(&'a self, text: &'a str, n: usize) -> Usable<Fields<'a>> {
        let (records, whole) = match self.accept {
            ContentType::Csv => (csv_records(text, n)?, None),
            ContentType::JsonLines => (json_lines(text, n)?, None),
            ContentType::Json => (Vec::new(), Some(json(text)?)),
        };
        let mut fields = Fields { reader: self, records, labels: None, scores: None };
        if let Some(document) = whole {
            let list = |place: &Place| self.over_records(&document, place, n);
            fields.scores = match (&self.probability, &self.label) {
                (Some(probability), _) => Some(list(probability)?),
                (None, Some(_)) => None,
                (None, None) => Some(self.per_record(document.clone(), n)?),
            };
            fields.labels = match &self.label {
                Some(label) => Some(list(label).map_err(|unusable| self.names_once(unusable, &document, n))?),
                None => None,
            };
            if fields.scores.is_none() {
                fields.scores = fields.labels.clone();
            }
        }
        Ok(fields)
    }

    /// What stands at a place of a JSON document, one for each record.
    fn over_records(&self, document: &Json, place: &Place, n: usize) -> Usable<Vec<Json>> {
        let Place::Path(path) = place else {
            return Err(shape("a position cannot tell a place in JSON").field("predictor").into());
        };
        if let Some(records) = path.records(document) {
            // The records are found once, and each must have what the path leads to.
            let records = records.ok_or_else(|| nothing_at(path, document))?;
            if records.len() != n {
                return Err(Unusable::Count(records.len()));
            }
            let of_record = |record: &Json| path.of_record(record).ok_or_else(|| nothing_at(path, record));
            return Ok(records.iter().map(of_record).collect::<Result<_, _>>()?);
        }
        let found = find(path, document)?.into_owned();
        let is_empty = found.as_array().is_some_and(Vec::is_empty);
        if found.is_null() || is_empty && n > 0 {
            return Err(nothing_at(path, document).into());
        }
        self.per_record(found, n)
    }

    /// The names of the classes, once for all records, are no labels of the records: a list of texts beside a list
    /// that has an element for each record.
    fn names_once(&self, unusable: Unusable, document: &Json, n: usize) -> Unusable {
        let (Unusable::Count(found), Some(Place::Path(path))) = (&unusable, &self.label) else {
            return unusable;
        };
        let names = match path.find(document).map(Cow::into_owned) {
            Ok(Json::Array(items)) if items.iter().all(|item| !item.is_array() && !item.is_object()) => items,
            _ => return unusable,
        };
        let beside = document.as_object().into_iter().flat_map(serde_json::Map::values);
        let mut lists = beside.filter_map(Json::as_array).filter(|list| list.len() == n && **list != names);
        if lists.next().is_none() {
            return unusable;
        }
        shape("the labels of the response stand there once for all records, so they are not those of the records")
            .field("predictor.label")
            .found(format!("{found} values at `{}` for {n} records", path.text()))
            .hint("leave `label` out and list these names, in their order, in `label_headers`; `probability` tells where the scores stand")
            .into()
    }

    fn per_record(&self, found: Json, n: usize) -> Usable<Vec<Json>> {
        match found {
            _ if self.single && n == 1 => Ok(vec![found]),
            Json::Array(items) if items.len() == n => Ok(items),
            Json::Array(items) => Err(Unusable::Count(items.len())),
            Json::Object(fields) => Err(is_object(fields.keys()).into()),
            _ if n == 1 => Ok(vec![found]),
            _ => Err(Unusable::Count(1)),
        }
    }
}

/// The records of a response, and how to get at their parts.
struct Fields<'a> {
    reader: &'a Reader,
    /// CSV: lists of cells. JSON Lines: the documents.
    records: Vec<Json>,
    /// JSON: the parts, one for each record.
    labels: Option<Vec<Json>>,
    scores: Option<Vec<Json>>,
}

impl Fields<'_> {
    fn label(&self, record_idx: usize) -> Result<Option<Cow<'_, Json>>, Problem> {
        match (&self.labels, &self.reader.label) {
            (Some(labels), _) => Ok(labels.get(record_idx).map(Cow::Borrowed)),
            (None, Some(place)) if self.scores.is_none() => self.part(record_idx, place).map(Some),
            _ => Ok(None),
        }
    }

    fn score(&self, record_idx: usize) -> Result<Cow<'_, Json>, Problem> {
        if let Some(scores) = &self.scores {
            return Ok(scores.get(record_idx).map_or(Cow::Owned(Json::Null), Cow::Borrowed));
        }
        match self.reader.probability.as_ref().or(self.reader.label.as_ref()) {
            Some(place) => self.part(record_idx, place),
            None => match self.records.get(record_idx) {
                Some(Json::Object(fields)) => Err(is_object(fields.keys())),
                Some(record) => Ok(Cow::Borrowed(record)),
                None => Ok(Cow::Owned(Json::Null)),
            },
        }
    }

    fn part(&self, record_idx: usize, place: &Place) -> Result<Cow<'_, Json>, Problem> {
        let Some(record) = self.records.get(record_idx) else { return Ok(Cow::Owned(Json::Null)) };
        match place {
            Place::Index(index) => cell(record, *index).map(Cow::Owned),
            Place::Path(path) => {
                let found = path.find_present(record).map_err(|error| not_applied(path, &error))?;
                found.ok_or_else(|| nothing_at(path, record))
            }
        }
    }
}

fn place(location: &Location, accept: ContentType, field: &str) -> Result<Place, Problem> {
    match (location, accept) {
        (Location::Index(index), ContentType::Csv) => Ok(Place::Index(*index)),
        (Location::Index(index), _) => Err(shape("a JSON response has no positions")
            .field(field)
            .found(format!("position {index}"))
            .expected("a JMESPath, such as `score`")),
        // A monitoring schedule can give an index only as text.
        (Location::Name(text), ContentType::Csv) => text.trim().parse().map(Place::Index).map_err(|_| {
            shape("a CSV response has no names")
                .field(field)
                .found(format!("`{text}`"))
                .expected("the zero-based index of a column")
        }),
        (Location::Name(text), _) => Path::parse(text).map(Place::Path).map_err(|error| {
            shape("cannot read the JMESPath").field(field).found(format!("`{text}`: {error}"))
        }),
    }
}

fn shape(what: &str) -> Problem {
    Problem::new(&codes::RESPONSE_SHAPE, what)
}

fn uneven(first: usize, other: usize) -> Problem {
    shape("the model gives different numbers of scores for different records")
        .found(format!("{other} scores"))
        .expected(format!("{first} as for the first record"))
}

fn find<'a>(path: &Path, document: &'a Json) -> Result<Cow<'a, Json>, Problem> {
    path.find(document).map_err(|error| not_applied(path, &error))
}

fn not_applied(path: &Path, error: &str) -> Problem {
    shape("cannot apply the JMESPath to a response").found(format!("`{}`: {error}", path.text()))
}

/// Keys tell what there is without telling data.
fn nothing_at(path: &Path, document: &Json) -> Problem {
    let problem = shape("the response has nothing at the place that the predictor tells")
        .field("predictor")
        .found(format!("nothing at `{}`", path.text()));
    match document {
        Json::Object(fields) => {
            problem.expected(format!("a path that begins with one of {}", keys(fields.keys())))
        }
        Json::Array(_) => problem.hint("the response is a list: a path into its elements begins with `[*]`"),
        _ => problem.hint("the response is a plain value: leave `label` and `probability` out"),
    }
}

fn is_object<'a>(fields: impl Iterator<Item = &'a String>) -> Problem {
    shape("the response holds objects, and nothing tells where the scores stand in them")
        .field("predictor.probability")
        .found(format!("keys {}", keys(fields)))
        .hint("set `probability` (or `label`) to the JMESPath of the score")
}

fn keys<'a>(fields: impl Iterator<Item = &'a String>) -> String {
    fields.take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A cell of a CSV record.
fn cell(record: &Json, index: usize) -> Result<Json, Problem> {
    let cells = record.as_array().map_or(&[][..], Vec::as_slice);
    cells.get(index).cloned().ok_or_else(|| {
        shape("a record of the response has too few columns")
            .field("predictor")
            .found(format!("index {index} and {} columns", cells.len()))
    })
}

fn utf8(body: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(body)
        .map_err(|_| shape("the response is not UTF-8 text"))
        .map(|text| text.trim_start_matches('\u{feff}'))
}

fn json(text: &str) -> Result<Json, Problem> {
    // Python writes numbers that JSON does not have.
    let read = serde_json::from_str(text).or_else(|error| match strict(text) {
        Some(strict) => serde_json::from_str(&strict).map_err(|_| error),
        None => Err(error),
    });
    read.map_err(|error| {
        shape("the response is not JSON")
            .field("predictor.accept_type")
            .found(error.to_string())
            .hint("set `accept_type` to what the model answers")
    })
}

/// The text with null for each bare `NaN` and a string for `Infinity`; `None` when it has neither.
fn strict(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(start) = rest.find(['"', 'N', 'I']) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        if rest.starts_with('"') {
            let mut end = 1;
            while end < rest.len() && rest.as_bytes()[end] != b'"' {
                end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
            }
            let end = rest.floor_char_boundary((end + 1).min(rest.len()));
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(after) = rest.strip_prefix("NaN") {
            out.push_str("null");
            (rest, changed) = (after, true);
        } else if let Some(after) = rest.strip_prefix("Infinity") {
            let sign = if out.ends_with('-') { out.pop().map_or("", |_| "-") } else { "" };
            out.push_str(&format!("\"{sign}Infinity\""));
            (rest, changed) = (after, true);
        } else {
            out.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    changed.then_some(out)
}

fn json_lines(text: &str, n: usize) -> Usable<Vec<Json>> {
    let lines: Vec<&str> = text.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() != n {
        return Err(Unusable::Count(lines.len()));
    }
    Ok(lines.into_iter().map(json).collect::<Result<_, _>>()?)
}

/// The cells of each record: a line for each, or one value for each on a single line.
fn csv_records(text: &str, n: usize) -> Usable<Vec<Json>> {
    let mut records = Vec::with_capacity(n);
    // Bare lists are no CSV, but containers print them: each is one record's only cell.
    if let Some(lists) = bare_lists(text) {
        if lists.len() != n {
            return Err(Unusable::Count(lists.len()));
        }
        records.extend(lists.into_iter().map(|list| Json::from(vec![Json::from(list)])));
    } else {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        for record in reader.records() {
            let record = record.map_err(|error| shape("the response is not CSV").found(error.to_string()))?;
            if !(record.len() == 1 && record.get(0).is_some_and(str::is_empty)) {
                records.push(record.iter().map(Json::from).collect());
            }
        }
    }
    if let [Json::Array(cells)] = records.as_slice()
        && n > 1
        && cells.len() == n
    {
        records = cells.iter().map(|cell| Json::from(vec![cell.clone()])).collect();
    }
    if records.len() == n { Ok(records) } else { Err(Unusable::Count(records.len())) }
}

/// The lists of a text that is nothing but lists in square brackets, with blanks, commas or line ends between
/// them, or a list of such lists; `None` for any other text.
fn bare_lists(text: &str) -> Option<Vec<&str>> {
    let mut lists = Vec::new();
    let text = text.trim();
    let text = match text.strip_prefix('[').map(str::trim_start) {
        Some(inside) if inside.starts_with('[') => inside.strip_suffix(']')?,
        _ => text,
    };
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t', '\r', '\n']);
        if rest.is_empty() {
            return (!lists.is_empty()).then_some(lists);
        }
        let end = list_end(rest)?;
        lists.push(&rest[..end]);
        rest = &rest[end..];
    }
}

/// The end of the list that a text begins with; `None` when it begins with none, or that holds another list.
fn list_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (place, byte) in text.bytes().enumerate() {
        match (byte, quote) {
            (b'[', None) if place > 0 => return None,
            (_, None) if place == 0 && byte != b'[' => return None,
            (b']', None) => return Some(place + 1),
            (b'\'' | b'"', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    None
}

/// Appends the numbers of an item: a number, a truth value, a numeric text, or a list of them, also
/// as text.
fn numbers(item: &Json, out: &mut Vec<f64>, setting: &str) -> Result<(), Problem> {
    match item {
        Json::Number(number) => out.push(finite(number.as_f64().unwrap_or(f64::NAN), setting)?),
        Json::Bool(truth) => out.push(f64::from(u8::from(*truth))),
        Json::String(text) => match listed(text) {
            Some(items) => {
                for item in items {
                    out.push(number(&item, setting)?);
                }
            }
            None => out.push(number(text, setting)?),
        },
        Json::Array(items) => {
            for item in items {
                match item {
                    Json::Array(_) => return Err(no_number("a list in a list", setting)),
                    item => numbers(item, out, setting)?,
                }
            }
        }
        Json::Null => return Err(no_number("null", setting)),
        Json::Object(fields) => return Err(is_object(fields.keys())),
    }
    Ok(())
}

fn number(text: &str, setting: &str) -> Result<f64, Problem> {
    let text = text.trim();
    match text.parse() {
        Ok(number) => finite(number, setting),
        Err(_) if text.eq_ignore_ascii_case("true") => Ok(1.0),
        Err(_) if text.eq_ignore_ascii_case("false") => Ok(0.0),
        Err(_) => Err(no_number(
            if text.is_empty() { "an empty text" } else { "a text that is no number" },
            setting,
        )),
    }
}

fn finite(number: f64, setting: &str) -> Result<f64, Problem> {
    if number.is_finite() { Ok(number) } else { Err(no_number(&format!("{number}"), setting)) }
}

/// What was found is told by its kind: responses may hold data.
fn no_number(found: &str, setting: &str) -> Problem {
    Problem::new(&codes::RESPONSE_NUMBER, "Could not convert string to float")
        .field(setting)
        .found(format!("{found} in the model's response"))
        .expected("a score")
        .hint("tell with `probability` where the scores stand, with `label` where the predicted label stands")
}

/// The items of a list that is written as text, `['a', "b"]` or `[0.1 0.9]`; none for other text.
fn listed(text: &str) -> Option<Vec<String>> {
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

/// The texts of a list, also when it is written as text; none for anything else.
fn texts(item: &Json) -> Option<Vec<String>> {
    match item {
        Json::String(text) => listed(text),
        Json::Array(items) => items
            .iter()
            .map(|item| match item {
                Json::String(text) => Some(text.clone()),
                Json::Number(_) | Json::Bool(_) => Some(item.to_string()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Position of the highest score, the first among equals.
fn highest(scores: &[f64]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (position, score) in scores.iter().enumerate() {
        if best.is_none_or(|(_, highest)| *score > highest) {
            best = Some((position, *score));
        }
    }
    best.map(|(position, _)| position)
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
