//! What a live model's answer says: scores or a predicted label for each record. The reading itself is that of
//! captured answers too (`read::answer`).

use std::sync::{Mutex, PoisonError};

use plumbline_common::{Problem, Result, codes};

use super::lists::{Lists, Verdict};
use crate::config::{ContentType, Predictor};
use crate::read::answer::{Answer, Answers, Fault};
use crate::values::raw::Raw;

/// Why a response cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// So many entries instead of one for each row.
    Count(usize),
    /// A list is a value for each of several rows, or the answer of one: the answer to one row tells which, and then this one is to
    /// be read again.
    InDoubt,
    Problem(Problem),
    /// What it says of the row at this position of the request.
    Row(usize, Problem),
}

impl From<Problem> for Unusable {
    fn from(problem: Problem) -> Unusable {
        Unusable::Problem(problem)
    }
}

impl From<Fault> for Unusable {
    fn from(fault: Fault) -> Unusable {
        match fault {
            Fault::Count(found) => Unusable::Count(found),
            Fault::Problem(problem) => Unusable::Problem(problem),
        }
    }
}

/// How the answers of a live model are read.
#[derive(Debug)]
pub(crate) struct Reader {
    answers: Answers,
    accept: ContentType,
    /// `label_headers` name the outputs; else the answers may.
    has_headers: bool,
    /// What the lists of labels and of scores belong to.
    lists: Mutex<[Lists; 2]>,
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
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Label {
    Missing,
    Csv(String),
    /// A scalar as JSON writes it.
    Json(String),
}

impl Label {
    fn of(raw: Raw<'_>) -> Label {
        match raw {
            Raw::Missing => Label::Missing,
            Raw::Csv(text) => Label::Csv(text.into()),
            Raw::Json(token) => Label::Json(token.into()),
            Raw::Int(value) => Label::Json(value.to_string()),
            Raw::Float(value) => Label::Json(value.to_string()),
            Raw::Bool(value) => Label::Json(value.to_string()),
            Raw::Text(text) => Label::Json(serde_json::Value::from(text).to_string()),
        }
    }

    pub(crate) fn raw(&self) -> Raw<'_> {
        match self {
            Label::Missing => Raw::Missing,
            Label::Csv(text) => Raw::Csv(text),
            Label::Json(token) => Raw::Json(token),
        }
    }
}

type Usable<T> = std::result::Result<T, Unusable>;

impl Reader {
    /// # Errors
    /// `RESPONSE_SHAPE` and `PATH_INVALID` for a location that the accept type cannot have.
    pub(crate) fn new(
        predictor: &Predictor,
        accept: ContentType,
        threshold: f64,
        single: bool,
    ) -> Result<Reader> {
        let answers = Answers::new(Some(predictor), threshold, single)?;
        answers.fits(accept)?;
        let has_headers = predictor.label_headers.is_some();
        Ok(Reader { answers, accept, has_headers, lists: Mutex::default() })
    }

    /// Whether scores went by position, as their keys are not those in `label_headers`.
    pub(crate) fn is_by_position(&self) -> bool {
        self.answers.are_by_position()
    }

    /// Whether the label of a record was made of its only score, where `label_headers` are of several.
    pub(crate) fn had_one_score(&self) -> bool {
        self.answers.had_one_score()
    }

    /// Scores of the `n` records that were sent. `known`: names of the outputs as learnt before, into whose order
    /// the scores are brought.
    ///
    /// # Errors
    /// Those of the reader; records with different numbers of scores or different names; another number of scores
    /// than `label_headers`.
    pub(crate) fn scores(&self, body: &[u8], n: usize, known: Option<&[String]>) -> Usable<Scores> {
        let answer = self.read(body, n)?;
        let mut scores =
            Scores { values: Vec::with_capacity(n), width: 0, names: known.map(<[String]>::to_vec) };
        let mut own = Vec::new();
        for row in 0..n {
            own.clear();
            let of_row = |problem| Unusable::Row(row, problem);
            self.answers.scores(&answer, row, &mut own).map_err(of_row)?;
            if row == 0 {
                scores.width = own.len();
            } else if own.len() != scores.width {
                return Err(of_row(uneven(scores.width, own.len())));
            }
            let names = if self.has_headers { None } else { self.answers.names(&answer, row) };
            match names {
                Some(names) => scores.push_named(&own, &names).map_err(of_row)?,
                None => scores.values.extend_from_slice(&own),
            }
        }
        self.answers.check_headers(scores.width)?;
        Ok(scores)
    }

    /// The predicted label of each of the `n` records.
    ///
    /// # Errors
    /// Those of the reader; a record whose label nothing tells.
    pub(crate) fn labels(&self, body: &[u8], n: usize) -> Usable<Vec<Label>> {
        let answer = self.read(body, n)?;
        let label = |row| {
            let predicted = self.answers.predicted(&answer, row);
            Ok(Label::of(predicted.map_err(|problem| Unusable::Row(row, problem))?.raw()))
        };
        (0..n).map(label).collect()
    }

    /// What a response says of each of the `n` records.
    fn read(&self, body: &[u8], n: usize) -> Usable<Answer> {
        let mut answer = Answer::default();
        let text = utf8(body)?;
        let read = self.answers.append(text, self.accept, n, &mut answer);
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(fault) = read {
            lists.iter_mut().zip(answer.lengths()).for_each(|(lists, length)| lists.misfit(length, n));
            return Err(self.of_a_line(text, n, fault));
        }
        let places = || lists.iter().zip(answer.forms()).zip(answer.lengths());
        let verdicts = || places().map(|((lists, form), length)| lists.judge(form, length, n));
        if let Some(Verdict::Count(found)) = verdicts().find(|verdict| matches!(verdict, Verdict::Count(_))) {
            return Err(Unusable::Count(found));
        }
        if let Some((row, problem)) = self.answers.first_without(n, &answer) {
            return Err(Unusable::Row(row, problem));
        }
        if verdicts().any(|verdict| verdict == Verdict::InDoubt) {
            return Err(Unusable::InDoubt);
        }
        lists.iter_mut().zip(answer.forms()).for_each(|(lists, form)| lists.note(form));
        Ok(answer)
    }

    /// Of JSON Lines with one for each record, the first record whose line cannot be read. Where none can, it is no fault
    /// of a record.
    fn of_a_line(&self, text: &str, n: usize, fault: Fault) -> Unusable {
        let is_bad = |line| {
            let mut own = Answer::default();
            matches!(self.answers.append(line, self.accept, 1, &mut own), Err(Fault::Problem(_)))
        };
        match fault {
            Fault::Problem(problem) if self.accept == ContentType::JsonLines => {
                let lines = text.lines().filter(|line| !line.trim_ascii().is_empty());
                let bad: Vec<bool> = lines.map(is_bad).collect();
                match bad.iter().position(|bad| *bad) {
                    Some(row) if bad.len() == n && bad.contains(&false) => Unusable::Row(row, problem),
                    _ => Unusable::Problem(problem),
                }
            }
            fault => fault.into(),
        }
    }
}

impl Scores {
    /// Appends a record's scores in the order of the names of the first record.
    fn push_named(&mut self, own: &[f64], names: &[String]) -> Result<()> {
        let order = self.names.get_or_insert_with(|| names.to_vec());
        for name in order.iter() {
            let position = names.iter().position(|other| other == name).ok_or_else(|| {
                Problem::new(&codes::RESPONSE_SHAPE, "the records of the responses name different labels")
                    .field("predictor.label")
                    .found(names.join(", "))
                    .expected(order.join(", "))
            })?;
            self.values.push(own[position]);
        }
        Ok(())
    }
}

fn uneven(first: usize, other: usize) -> Problem {
    Problem::new(&codes::RESPONSE_SHAPE, "the model gives different numbers of scores for different records")
        .found(format!("{other} scores"))
        .expected(format!("{first} as for the first record"))
}

fn utf8(body: &[u8]) -> Result<&str> {
    std::str::from_utf8(body).map_err(|_| {
        Problem::new(&codes::RESPONSE_SHAPE, "the response is not UTF-8 text")
            .field("predictor.accept_type")
            .hint("set `accept_type` to what the model answers")
    })
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
