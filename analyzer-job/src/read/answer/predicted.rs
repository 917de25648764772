//! What a row's cells of an answer say: its scores, and the label that the model gives it.

use std::sync::atomic::Ordering;

use plumbline_common::{Problem, Result};

use super::place::{number, shape};
use super::{Answer, Answers};
use crate::values::raw::Raw;
use crate::values::typing;

/// What is said where the label of a record was made of its only score, and the headers are of several.
pub(crate) const ONE_SCORE: &str = "have one score for a record, which was held against `probability_threshold`: the names in \
    `label_headers` are of several scores and have no effect; if the model gives one for each, set `predictor.probability` to \
    their place";

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
    /// The scores of a row, appended to `out`: numbers, texts that are numbers, truth values as 1 and 0. What
    /// stands at the label's place counts as scores when no other place is given. Of several labels each stands over its score, unless
    /// label headers tell the order.
    ///
    /// # Errors
    /// `RESPONSE_NUMBER` for anything else; NaN is no score. `RESPONSE_SHAPE` for labels in another order than the scores.
    pub fn scores(&self, answer: &Answer, row: usize, out: &mut Vec<f64>) -> Result<()> {
        let (grid, place) = match (self.scores_place(), &self.label) {
            (Some(place), _) => (&answer.scores, place),
            (None, Some(place)) => (&answer.labels, place),
            (None, None) => return Ok(()),
        };
        let order = if self.headers.is_empty() { self.order_by_label(answer, row)? } else { None };
        match order {
            Some(order) => order.into_iter().try_for_each(|at| {
                out.push(number(grid.cell(row, at), place.setting)?);
                Ok(())
            }),
            None => grid.row(row).try_for_each(|cell| {
                out.push(number(cell, place.setting)?);
                Ok(())
            }),
        }
    }

    /// The scores of a row as they are written.
    pub(crate) fn score_cells<'a>(
        &self,
        answer: &'a Answer,
        row: usize,
    ) -> impl ExactSizeIterator<Item = Raw<'a>> + use<'a> {
        answer.scores.row(row)
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
            let order = self.order_by_label(answer, row)?;
            let score = |label: usize| {
                let at = order.as_ref().map_or(label, |order| order[label]);
                number(answer.scores.cell(row, at), scores.setting)
            };
            let highest = highest((0..choices).map(score))?;
            return Ok(Predicted::Label(answer.labels.cell(row, highest)));
        }
        match answer.scores.width(row) {
            1 => {
                let setting = self.scores_place().map_or("predictor", |place| place.setting);
                if self.headers.len() > 1 {
                    self.had_one_score.store(true, Ordering::Relaxed);
                }
                Ok(Predicted::Score(number(answer.scores.cell(row, 0), setting)? > self.threshold))
            }
            found if found == self.headers.len() => {
                let setting = self.scores_place().map_or("predictor", |place| place.setting);
                let scores = answer.scores.row(row).map(|cell| number(cell, setting));
                Ok(Predicted::Header(&self.headers[highest(scores)?]))
            }
            found if self.headers.is_empty() => {
                Err(shape("the model gives several scores for a record, and no setting says how they give a label")
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
            .hint("if the response has more than scores, set `probability` to their location")
    }
}

/// The position of the highest score, of equal ones that of the first.
fn highest(scores: impl Iterator<Item = Result<f64>>) -> Result<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (at, score) in scores.enumerate() {
        let score = score?;
        if best.is_none_or(|(_, best)| score > best) {
            best = Some((at, score));
        }
    }
    Ok(best.map_or(0, |(at, _)| at))
}
