//! One request to the model before the whole job: what is sent, what comes back, how long it takes.

use std::time::{Duration, Instant};

use plumbline_common::{Problem, Result, codes};

use super::Model;
use super::request::Texts;
use super::response::Unusable;
use super::transport::Response;
use crate::aws::{pause, unless_stopped};
use crate::values::cells::{Cells, ModelRows};
use crate::values::typing;

/// Rows that a dry run asks for beside those that may be refused by themselves.
const SEVERAL_ROWS: usize = 100;
const TRIES: u32 = 5;

/// What one request showed. The texts hold data: for the person who asked, never for a log.
#[derive(Debug)]
pub struct Probe {
    pub request: String,
    pub response: String,
    /// Scores of the row, for attributions, or why there are none.
    pub scores: Result<Vec<f64>>,
    /// Predicted label of the row, for bias metrics, or why there is none.
    pub label: Result<String>,
    /// How long the answer took.
    pub latency: Duration,
    /// Rows of the largest request before and how long its answer took; none while each had one row.
    pub several: Option<(usize, Duration)>,
    /// Requests in flight that an estimate counts with.
    pub(super) in_flight: usize,
}

/// What the whole job may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub rows: u64,
    pub requests: u64,
    pub minutes: f64,
}

fn wrong_number(found: usize) -> Problem {
    Problem::new(&codes::RESPONSE_COUNT, "the model gave a wrong number of predictions")
        .found(found.to_string())
        .expected("1")
}

impl Probe {
    /// For so many rows, with requests of about a second each and the usual number in flight.
    pub fn estimate(&self, rows: u64) -> Estimate {
        let one = self.latency.as_secs_f64();
        // latency = base + rows * per_row, through the two requests.
        let (base, per_row) = match self.several {
            Some((n, took)) if n > 1 => {
                let per_row = ((took.as_secs_f64() - one) / (n - 1) as f64).max(0.0);
                ((one - per_row).max(0.0), per_row)
            }
            _ => (one, 0.0),
        };
        let fitting = if per_row > 0.0 { (1.0 - base).max(0.0) / per_row } else { f64::INFINITY };
        let per_request = fitting.clamp(1.0, 1000.0);
        let requests = (rows as f64 / per_request).ceil();
        let seconds = (requests * base + rows as f64 * per_row) / self.in_flight.max(1) as f64;
        Estimate { rows, requests: requests as u64, minutes: seconds / 60.0 }
    }
}

impl Model {
    /// As many rows as a dry run asks for beside those that may be refused by themselves.
    pub(crate) fn rows_of_a_look(&self) -> usize {
        if self.line.encoder.single() { 1 } else { SEVERAL_ROWS }
    }

    /// Sends the first of `rows`, again while the service fails. `once`: only once, whatever comes of it.
    ///
    /// # Errors
    /// `NO_DATA` without rows; the model's problem when the first request has no answer.
    pub fn probe(&self, cells: &Cells, rows: &ModelRows, once: bool) -> Result<Probe> {
        if rows.is_empty() {
            return Err(Problem::new(&codes::NO_DATA, "there is no row to send to the model"));
        }
        let (request, answer, latency) = self.send_first(cells, rows, if once { 1 } else { TRIES })?;
        let unusable = |unusable| match unusable {
            Unusable::Problem(problem) | Unusable::Row(_, problem) => problem,
            Unusable::Count(found) => wrong_number(found),
            // A list over rows has more than one.
            Unusable::InDoubt => wrong_number(0),
        };
        Ok(Probe {
            request,
            response: self.line.transport.shown(&self.line.envelope, &answer.body),
            scores: self.reader.scores(&answer.body, 1, None).map(|scores| scores.values).map_err(unusable),
            label: self
                .reader
                .labels(&answer.body, 1)
                .map(|labels| {
                    labels.first().map(|label| typing::parse(label.raw()).print()).unwrap_or_default()
                })
                .map_err(unusable),
            latency,
            several: self.line.largest().filter(|(rows, _)| *rows > 1),
            in_flight: self.line.pace.in_flight(),
        })
    }

    fn send_first(
        &self,
        cells: &Cells,
        rows: &ModelRows,
        most_tries: u32,
    ) -> Result<(String, Response, Duration)> {
        let line = &self.line;
        let mut texts = Texts::new(cells, line.content_type);
        let mut body = Vec::new();
        line.encoder.body(&mut texts, rows.rows().take(1), usize::MAX, &mut body)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let mut tries = 0;
        loop {
            tries += 1;
            let began = Instant::now();
            let sent = self
                .runtime
                .block_on(unless_stopped(&line.stop, line.transport.send(&line.envelope, body.clone())))?;
            let failure = match sent {
                Ok(answer) => return Ok((text, answer, began.elapsed())),
                Err(failure) => failure,
            };
            if failure.is_final() || tries >= most_tries {
                return Err(line.failed(failure));
            }
            pause(&self.runtime, &line.stop, line.pace.pause(tries))?;
        }
    }
}
