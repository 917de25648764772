//! Many rows to the model: cut into requests, several in flight, tried again as far as it helps.
//!
//! A request is work on a range of rows. Where the borders lie depends on the endpoint's mood; every
//! answer is put where its rows stand, so the result does not.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::pace::{Pace, Permit};
use super::request::{Encoder, Texts};
use super::response::Unusable;
use super::transport::{Envelope, Failure, Response, Transport};
use crate::aws::http::way_out;
use crate::config::ContentType;
use crate::values::cells::{Cells, ModelRows};

/// Tries of one record, the first included, when the model fails on it.
const MODEL_TRIES: u32 = 5;
/// Tries when the service or the connection fails, which has little to do with the record.
const SERVICE_TRIES: u32 = 8;
/// Tries of a request of several rows at the same size before it is halved.
const SAME_SIZE_TRIES: u32 = 3;
/// Tries to reach a model that has never answered.
const FIRST_CONTACT_TRIES: u32 = 3;
/// Throttlings in a row without a single answer between: about four minutes.
const THROTTLES: u32 = 25;
/// How soon the stop flag is noticed.
const TICK: Duration = Duration::from_millis(50);

/// Reads the body of a response to so many records.
pub(crate) type Read<'a, T> = dyn Fn(&[u8], usize) -> std::result::Result<T, Unusable> + Sync + 'a;

/// Everything that asking needs, shared by the threads that ask.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) transport: Transport,
    pub(crate) envelope: Envelope,
    pub(crate) encoder: Encoder,
    pub(crate) content_type: ContentType,
    pub(crate) pace: Pace,
    pub(crate) stop: Stop,
    pub(crate) tally: Tally,
    pub(crate) progress: Mutex<Option<Progress>>,
    /// The row on which the model failed alone, by the numbers of its values.
    pub(crate) refused: Mutex<Option<Vec<u32>>>,
}

/// What was done, for the usage line.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) requests: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) throttled: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) began: Mutex<Option<Instant>>,
    /// Rows of the largest request that was answered, and how long that took.
    largest: Mutex<Option<(usize, Duration)>>,
    told_single: AtomicBool,
    /// The fewest rows of a request of which it was told that the model failed.
    told_rows: AtomicUsize,
}

impl Default for Tally {
    fn default() -> Tally {
        let zero = || AtomicU64::new(0);
        Tally {
            requests: zero(),
            answers: zero(),
            rows: zero(),
            throttled: zero(),
            failed: zero(),
            began: Mutex::new(None),
            largest: Mutex::new(None),
            told_single: AtomicBool::new(false),
            told_rows: AtomicUsize::new(usize::MAX),
        }
    }
}

/// Rows in the order in which a model is asked for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    rows: &'a ModelRows,
    /// By place in that order, the position of a row; empty for the rows' own order.
    order: &'a [u32],
    /// So many rows are answered before others are asked for.
    first: usize,
}

impl<'a> Asked<'a> {
    /// All rows in their order.
    pub(crate) fn all(rows: &'a ModelRows) -> Asked<'a> {
        Asked { rows, order: &[], first: 0 }
    }

    /// The rows in an order of their positions; `first` of them are answered before others are asked for.
    pub(crate) fn ordered(rows: &'a ModelRows, order: &'a [u32], first: usize) -> Asked<'a> {
        Asked { rows, order, first }
    }

    fn row(&self, place: usize) -> &'a [u32] {
        self.rows.row(self.order.get(place).map_or(place, |row| *row as usize))
    }
}

/// A range of places on its way.
#[derive(Debug, Clone, Copy)]
struct Portion {
    start: usize,
    end: usize,
    /// Failed tries at this size.
    tries: u32,
    /// One row that is asked for to tell how answers to several are read, which are kept until then.
    is_look: bool,
}

impl Portion {
    fn len(self) -> usize {
        self.end - self.start
    }
}

enum Event<'a> {
    /// A pause before another try is over.
    Waited(Portion),
    Answered {
        portion: Portion,
        bytes: usize,
        permit: Permit<'a>,
        result: std::result::Result<Response, Failure>,
    },
    /// An answer in doubt, which can be read now.
    Kept(Taken),
}

/// What came of a request.
struct Taken {
    portion: Portion,
    bytes: usize,
    sent: Instant,
    took: Duration,
    result: std::result::Result<Response, Failure>,
}

impl Line {
    /// Sends all rows and reads each answer; gives what was read with the place that it begins at, in the
    /// order of asking. `alone`: one request at a time until the first answer.
    ///
    /// # Errors
    /// The model's problem, or `STOPPED`.
    pub(crate) async fn ask<T>(
        &self,
        cells: &Cells,
        rows: Asked<'_>,
        alone: bool,
        read: &Read<'_, T>,
    ) -> Result<Vec<(usize, T)>> {
        let mut texts = Texts::new(cells, self.content_type);
        let first = Portion { start: 0, end: rows.first, tries: 0, is_look: false };
        let mut queue = VecDeque::from([first, Portion { start: first.end, end: rows.rows.len(), ..first }]);
        let mut first_left = rows.first;
        let mut in_flight: FuturesUnordered<BoxFuture<'_, Event<'_>>> = FuturesUnordered::new();
        let mut answers = Vec::new();
        let mut in_doubt: Vec<Taken> = Vec::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        queue.retain(|portion| portion.len() > 0);
        self.tally.began.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
        loop {
            let is_alone = alone && answers.is_empty();
            let is_due = |queue: &VecDeque<Portion>| {
                queue.front().is_some_and(|portion| first_left == 0 || portion.start < rows.first)
            };
            let may_send = !is_alone || in_flight.is_empty();
            while may_send && is_due(&queue) {
                let Some(permit) = self.pace.try_acquire() else { break };
                if let Some(event) = self.next(&mut queue, &mut texts, rows, permit)? {
                    in_flight.push(event);
                }
                if is_alone {
                    break;
                }
            }
            if queue.is_empty() && in_flight.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                Some(event) = in_flight.next(), if !in_flight.is_empty() => {
                    let taken = match event {
                        Event::Waited(portion) => {
                            queue.push_front(portion);
                            None
                        }
                        Event::Answered { portion, bytes, permit, result } => {
                            self.tally.answers.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
                            let (sent, took) = (permit.sent, permit.sent.elapsed());
                            Some(Taken { portion, bytes, sent, took, result })
                        }
                        Event::Kept(taken) => Some(taken),
                    };
                    if let Some(Taken { portion, bytes, sent, took, result }) = taken {
                        let failure = match result {
                            Ok(answer) => match read(&answer.body, portion.len()) {
                                Ok(_) if portion.is_look => {
                                    for taken in in_doubt.drain(..) {
                                        in_flight.push(Box::pin(std::future::ready(Event::Kept(taken))));
                                    }
                                    continue;
                                }
                                Ok(answer) => {
                                    self.good(portion.len(), took);
                                    if portion.start < rows.first {
                                        first_left -= portion.len();
                                    }
                                    answers.push((portion.start, answer));
                                    continue;
                                }
                                Err(Unusable::Problem(problem)) => {
                                    return Err(self.explain(problem, &answer));
                                }
                                Err(Unusable::Row(row, problem)) => {
                                    self.is_of(rows.row(portion.start + row));
                                    return Err(self.explain(problem, &answer));
                                }
                                Err(Unusable::InDoubt) => {
                                    if in_doubt.is_empty() {
                                        let (end, tries) = (portion.start + 1, 0);
                                        queue.push_front(Portion { end, tries, is_look: true, ..portion });
                                    }
                                    in_doubt.push(Taken { portion, bytes, sent, took, result: Ok(answer) });
                                    continue;
                                }
                                Err(Unusable::Count(found)) => Trouble::Count(found),
                            },
                            Err(failure) => Trouble::Failure(failure),
                        };
                        // Once the job is asked to stop its endpoint is deleted, and requests fail for that.
                        self.stop.check()?;
                        let next = self.after(failure, portion, bytes, sent).inspect_err(|_| {
                            if portion.len() == 1 {
                                self.is_of(rows.row(portion.start));
                            }
                        })?;
                        for (portion, pause) in next.into_iter().rev() {
                            match pause {
                                Some(pause) => in_flight.push(Box::pin(async move {
                                    tokio::time::sleep(pause).await;
                                    Event::Waited(portion)
                                })),
                                None => queue.push_front(portion),
                            }
                        }
                    }
                },
                () = self.pace.freed(), if may_send && is_due(&queue) => {}
                _ = tick.tick() => {}
            }
            self.stop.check()?;
        }
        answers.sort_unstable_by_key(|(start, _)| *start);
        Ok(answers)
    }

    /// Notes the row that the job fails on.
    fn is_of(&self, row: &[u32]) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(row.to_vec());
    }

    /// Takes the next request from the queue.
    fn next<'a>(
        &'a self,
        queue: &mut VecDeque<Portion>,
        texts: &mut Texts<'_>,
        rows: Asked<'_>,
        permit: Permit<'a>,
    ) -> Result<Option<BoxFuture<'a, Event<'a>>>> {
        let waiting = queue.iter().map(|portion| portion.len()).sum();
        let (most_rows, most_bytes) = self.pace.size(waiting);
        let most_rows = if self.encoder.single() { 1 } else { most_rows };
        let Some(mut portion) = queue.pop_front() else { return Ok(None) };
        let end = portion.end.min(portion.start + most_rows);
        let mut body = Vec::new();
        let own = (portion.start..end).map(|place| rows.row(place));
        let taken = self.encoder.body(texts, own, most_bytes, &mut body)?;
        if portion.start + taken < portion.end {
            queue.push_front(Portion { start: portion.start + taken, tries: 0, ..portion });
            portion.end = portion.start + taken;
        }
        self.tally.requests.fetch_add(1, Ordering::Relaxed);
        let bytes = body.len();
        Ok(Some(Box::pin(async move {
            let result = self.transport.send(&self.envelope, body).await;
            Event::Answered { portion, bytes, permit, result }
        })))
    }

    /// Rows of the largest request that was answered, and how long that took.
    pub(crate) fn largest(&self) -> Option<(usize, Duration)> {
        *self.tally.largest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn good(&self, rows: usize, took: Duration) {
        self.pace.good(rows, took);
        self.tally.rows.fetch_add(rows as u64, Ordering::Relaxed);
        let mut largest = self.tally.largest.lock().unwrap_or_else(PoisonError::into_inner);
        if largest.is_none_or(|(most, _)| rows > most) {
            *largest = Some((rows, took));
        }
        drop(largest);
        if let Some(progress) = self.progress.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            progress.advance_with(rows as u64, || {
                format!(
                    "{}, {} throttled, {} failed, {} in flight at most",
                    counted(self.tally.requests.load(Ordering::Relaxed), "request"),
                    self.tally.throttled.load(Ordering::Relaxed),
                    self.tally.failed.load(Ordering::Relaxed),
                    self.pace.in_flight(),
                )
            });
        }
    }

    /// What to do with a portion that failed: the portions to send instead, each at once or after a
    /// pause.
    fn after(
        &self,
        trouble: Trouble,
        portion: Portion,
        bytes: usize,
        sent: Instant,
    ) -> Result<Vec<(Portion, Option<Duration>)>> {
        let rows = portion.len();
        if let Trouble::Failure(Failure::Throttled(text)) = &trouble {
            self.tally.throttled.fetch_add(1, Ordering::Relaxed);
            if self.pace.throttled(sent) >= THROTTLES {
                return Err(Problem::new(&codes::MODEL_THROTTLED, "the endpoint throttles every request")
                    .field(self.transport.name())
                    .found(text.clone())
                    .hint("give it more instances, or ask for a higher quota"));
            }
            // The pace has a pause of its own, for all requests.
            return Ok(vec![(portion, None)]);
        }
        self.pace.admitted();
        self.tally.failed.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(rows, "a request failed: {trouble:?}");
        let tries = portion.tries + 1;
        let (halve, most_tries) = match &trouble {
            Trouble::Failure(Failure::Fatal(_)) => return Err(self.give_up(trouble)),
            Trouble::Failure(Failure::TooLarge(_)) => {
                self.pace.too_large(bytes);
                (rows > 1, 0)
            }
            Trouble::Failure(failure @ (Failure::Model { .. } | Failure::Timeout)) => {
                if rows > 1 {
                    self.tell_refused(rows, &trouble);
                }
                (rows > 1, if failure.is_final() { 1 } else { MODEL_TRIES })
            }
            Trouble::Failure(Failure::Unreachable(_)) => {
                (false, if self.pace.ever_good() { SERVICE_TRIES } else { FIRST_CONTACT_TRIES })
            }
            Trouble::Failure(_) => {
                let halve = rows > 1 && tries >= SAME_SIZE_TRIES;
                if halve {
                    self.pace.shrink(rows);
                }
                (halve, SERVICE_TRIES)
            }
            Trouble::Count(_) => {
                // A response may lack a line by accident; three times is no accident.
                let halve = rows > 1 && tries >= SAME_SIZE_TRIES;
                if halve {
                    self.tell_refused(rows, &trouble);
                }
                (halve, SAME_SIZE_TRIES)
            }
        };
        if !self.pace.spend_retry() {
            return Err(self.give_up(trouble));
        }
        if halve {
            let middle = portion.start + rows / 2;
            if rows <= 3 && trouble.is_model() && !self.tally.told_single.swap(true, Ordering::Relaxed) {
                tracing::warn!("Fallback to per-record prediction because of model error.");
            }
            return Ok(vec![
                (Portion { end: middle, tries: 0, ..portion }, None),
                (Portion { start: middle, tries: 0, ..portion }, None),
            ]);
        }
        // Requests of several rows end by being halved, but a model out of reach is never halved.
        let may_end = rows == 1 || matches!(trouble, Trouble::Failure(Failure::Unreachable(_)));
        if may_end && tries >= most_tries {
            return Err(self.give_up(trouble));
        }
        let pause = match trouble {
            Trouble::Count(_) => None,
            Trouble::Failure(_) => Some(self.pace.pause(tries)),
        };
        Ok(vec![(Portion { tries, ..portion }, pause)])
    }

    /// Makes requests smaller, and tells it whenever they become smaller than ever.
    fn tell_refused(&self, rows: usize, trouble: &Trouble) {
        self.pace.refused(rows);
        if self.tally.told_rows.fetch_min(rows, Ordering::Relaxed) > rows {
            let why = match trouble {
                Trouble::Count(found) => format!("{found} predictions"),
                Trouble::Failure(Failure::Model { status, message }) => format!("{status} {message}"),
                Trouble::Failure(_) => "no answer in time".into(),
            };
            tracing::info!(
                rows,
                "the model failed on a request of {}, smaller ones follow: {why}",
                counted(rows, "row")
            );
        }
    }

    /// The problem of a failure that is not tried again.
    pub(crate) fn failed(&self, failure: Failure) -> Problem {
        self.give_up(Trouble::Failure(failure))
    }

    fn give_up(&self, trouble: Trouble) -> Problem {
        let name = self.transport.name();
        let lost = |what: &str, text: String| {
            let problem = Problem::new(&codes::MODEL_UNREACHABLE, what).field(name.clone());
            match way_out(&text) {
                Some(hint) => problem.found(text).hint(hint),
                None => problem.found(text),
            }
        };
        match trouble {
            Trouble::Count(found) => {
                Problem::new(&codes::RESPONSE_COUNT, "the model gave a wrong number of predictions")
                    .field(name)
                    .found(format!("{found} for one record"))
                    .expected("1")
                    .hint("`accept_type`, `label` and `probability` tell how the response is read")
            }
            Trouble::Failure(Failure::Fatal(problem)) => problem,
            Trouble::Failure(Failure::Throttled(text) | Failure::Unavailable(text)) => {
                lost("the model's service is not available", text)
            }
            Trouble::Failure(Failure::TooLarge(text)) => {
                Problem::new(&codes::RECORD_TOO_LARGE, "a single record or its answer is too large")
                    .field(name)
                    .found(text)
            }
            Trouble::Failure(Failure::Model { status, message }) => {
                Problem::new(&codes::MODEL_FAILED, "the model fails also on a single record (ModelError)")
                    .field(name)
                    .found(format!("{status} {message}").trim().to_string())
                    .hint("see the log of the model's container; `validate` shows one request")
            }
            Trouble::Failure(Failure::Timeout) => {
                Problem::new(&codes::MODEL_FAILED, "the model did not answer in time")
                    .field(name)
                    .found("no answer to a single record")
            }
            Trouble::Failure(Failure::Broken(text)) => lost("the connection to the model breaks", text),
            Trouble::Failure(Failure::Unreachable(text)) => lost("cannot connect to the model", text),
        }
    }

    /// A response that cannot be read is often one of another type than was asked for.
    fn explain(&self, problem: Problem, answer: &Response) -> Problem {
        let accept = self.envelope.accept;
        match &answer.content_type {
            Some(found) if !found.starts_with(accept) && problem.hint_text().is_none() => {
                problem.hint(format!("the response says it is `{found}`, the predictor says `{accept}`"))
            }
            _ => problem,
        }
    }
}

/// What went wrong with a request.
#[derive(Debug)]
enum Trouble {
    Failure(Failure),
    /// Predictions in the response, another number than rows in the request.
    Count(usize),
}

impl Trouble {
    fn is_model(&self) -> bool {
        matches!(self, Trouble::Count(_) | Trouble::Failure(Failure::Model { .. } | Failure::Timeout))
    }
}
