//! Answers in JSON and JSON Lines.

use std::collections::HashSet;
use std::ops::Range;

use plumbline_common::codes;
use plumbline_common::words::counted;

use super::place::{Place, push_elements, push_entry, shape};
use super::{ABSENT, Answer, Answers, Fault, LABELS, Read, SCORES, lines};
use crate::read::grid::Grid;
use crate::read::shown::ListForm;
use crate::values::path::Found;
use crate::values::raw::Raw;
use crate::values::scan;

impl Answers {
    /// One document, a list over the rows at each place. A text of one document for each line is read so.
    pub(super) fn json(&self, text: &str, n: usize, answer: &mut Answer) -> Read<()> {
        if let Err(fault) = answer.found.find(&self.paths, text) {
            let mut documents = lines(text);
            if documents.clone().nth(1).is_some() && documents.all(scan::is_json) {
                let found = lines(text).count();
                return if found == n { self.json_lines(text, answer) } else { Err(Fault::Count(found)) };
            }
            return Err(shape("the response is not JSON")
                .field("predictor.accept_type")
                .found(fault.to_string())
                .hint("set `accept_type` to what the model answers")
                .into());
        }
        self.note_orders(answer);
        let scores = match self.scores_place() {
            Some(place) => Some(self.entries(text, n, SCORES, place, answer)?),
            None => None,
        };
        if let Some(place) = &self.score_keys
            && self.list(text, n, place, &answer.found, &mut answer.score_keys, &mut None).is_err()
        {
            answer.score_keys.clear();
        }
        let Some(place) = &self.label else { return Ok(()) };
        let labels = self.entries(text, n, LABELS, place, answer);
        let once = match &labels {
            Err(Fault::Count(_)) => self.are_names(text, n, place, answer),
            // The names of the classes beside a list that has the scores of the only row.
            Ok(Form::RowsList) => matches!(scores, Some(Form::ListOfRows)) && answer.scores.n_cells() > 1,
            _ => false,
        };
        if once {
            return Err(shape("the labels of the response stand once for all records")
                .field(place.setting)
                .found(format!("one list at `{}` for {}", place.text, counted(n, "record")))
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

    /// A document for each row. One that has nothing at a place where another one has something, were it a null, is as an
    /// element of a list that has nothing there: the row has no value.
    pub(super) fn json_lines(&self, text: &str, answer: &mut Answer) -> Read<()> {
        let (mut has, mut lacks) = ([false; 3], [None, None, None]);
        let is_alone = lines(text).nth(1).is_none();
        for line in lines(text) {
            answer.found.find(&self.paths, line).map_err(|fault| {
                shape("the response is not JSON")
                    .field("predictor.accept_type")
                    .found(fault.to_string())
                    .hint("set `accept_type` to what the model answers")
            })?;
            self.note_orders(answer);
            // In the order of `LABELS` and `SCORES`.
            let places = [
                (self.label.as_ref(), &mut answer.labels),
                (self.scores_place(), &mut answer.scores),
                (self.score_keys.as_ref(), &mut answer.score_keys),
            ];
            for (at, (place, grid)) in places.into_iter().enumerate() {
                let Some(place) = place else { continue };
                let found = place.found(line, &self.paths, &answer.found);
                has[at] |= found.is_ok();
                match found {
                    Ok(Some(found)) => {
                        if found.elements(line, &mut answer.spans) {
                            let source = found.source(line);
                            push_elements(source, &answer.spans, place, grid)?;
                            if let Some(form) = answer.forms.get_mut(at)
                                && is_alone
                                && is_flat(source, &answer.spans)
                                && answer.spans.len() > 1
                            {
                                (*form, answer.lengths[at]) = (ListForm::OfOneRow, Some(answer.spans.len()));
                            }
                        } else if let Some(span) = found.value() {
                            push_entry(found.source(line), span, place, grid)?;
                        }
                    }
                    Ok(None) => grid.push(Raw::Json("null")),
                    Err(problem) if problem.code() == &codes::HEADERS_DO_NOT_FIT => {
                        return Err(problem.into());
                    }
                    Err(problem) => {
                        grid.push(ABSENT);
                        lacks[at].get_or_insert(problem);
                    }
                }
                grid.end_row();
                if let Some(form) = answer.forms.get_mut(at)
                    && *form == ListForm::Plain
                    && grid.width(grid.n_rows() - 1) > 1
                {
                    *form = ListForm::InEachRow;
                }
            }
        }
        // Scores may be something else than an object.
        let nowhere = lacks.into_iter().zip(has).take(2).find_map(|(problem, has)| problem.filter(|_| !has));
        nowhere.map_or(Ok(()), |problem| Err(problem.into()))
    }

    /// Appends an entry for each of `n` rows, labels or scores, from what stands at their place of a document, and notes its form.
    fn entries(&self, text: &str, n: usize, at: usize, place: &Place, answer: &mut Answer) -> Read<Form> {
        let Answer { labels, scores, found, lengths, .. } = answer;
        let grid = if at == LABELS { labels } else { scores };
        let before = grid.n_rows();
        let read = self.list(text, n, place, found, grid, &mut lengths[at]);
        let has_several = (before..grid.n_rows()).any(|row| grid.width(row) > 1);
        answer.forms[at] = match read {
            Err(_) => ListForm::Plain,
            Ok(Form::RowsList) if has_several => ListForm::OfOneRow,
            Ok(_) if has_several => ListForm::InEachRow,
            Ok(Form::ListOfRows) if n > 1 && lengths[at].is_some() => ListForm::OverRows,
            Ok(_) => ListForm::Plain,
        };
        read
    }

    /// Appends an entry for each of `n` rows from what stands at a place of a document. `length`: that of a flat list.
    fn list(
        &self,
        text: &str,
        n: usize,
        place: &Place,
        found: &[Found],
        grid: &mut Grid,
        length: &mut Option<usize>,
    ) -> Read<Form> {
        let Some(found) = place.found(text, &self.paths, found)? else {
            // One null in place of the list of all rows.
            for _ in 0..n {
                grid.push(Raw::Json("null"));
                grid.end_row();
            }
            return Ok(Form::Value);
        };
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
        let flat = is_flat(source, &spans);
        *length = flat.then_some(spans.len());
        if n == 1 && flat && (self.single || spans.len() != 1) {
            push_elements(source, &spans, place, grid)?;
            grid.end_row();
            return Ok(Form::RowsList);
        }
        if spans.len() != n {
            return Err(Fault::Count(spans.len()));
        }
        let nulls = match place.path.filter(|_| spans.iter().any(Range::is_empty)) {
            Some(number) => self.paths.nulls_there(number, text),
            None => Vec::new(),
        };
        for (row, span) in spans.into_iter().enumerate() {
            match nulls.get(row) {
                Some(true) if span.is_empty() => grid.push(Raw::Json("null")),
                _ if span.is_empty() => grid.push(ABSENT),
                _ => push_entry(source, span, place, grid)?,
            }
            grid.end_row();
        }
        Ok(Form::ListOfRows)
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

/// Whether the elements of a list are neither lists nor objects.
fn is_flat(source: &str, elements: &[Range<usize>]) -> bool {
    !elements.iter().any(|span| source[span.clone()].starts_with(['[', '{']))
}
