//! Predictions from a model: an endpoint that is there, an endpoint made for the job from a model, or
//! any server that speaks the container protocol.
//!
//! The rest of the program asks `predict` and knows nothing of requests. All network code of the
//! analysis stands in this folder; it is the only part that is asynchronous.

mod ask;
mod bounded;
mod lists;
mod pace;
mod probe;
mod removal;
pub mod request;
mod response;
mod shadow;
mod standing;
mod sweep;
mod transport;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ndarray::Array2;
use plumbline_common::contract::Tree;
use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use tokio::runtime::Runtime;

pub use probe::{Estimate, Probe};
pub use removal::{Left, Resource, and_left, left_text};

use crate::aws::{self, Aws};
use crate::config::{ContentType, Predictor, ShadowEndpoint, Target};
use crate::read::answer::ONE_SCORE;
use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::firsts::{self, Firsts};
use crate::values::numbers::repr;
use crate::values::raw::Dictionary;
use crate::values::table::Values;
use crate::values::typing;
use ask::{Asked, Line, Tally};
use pace::{Backoff, Pace};
use request::Encoder;
use response::{Label, Reader};
use shadow::Keeper;
use transport::{Envelope, Transport};

/// What requests and responses are like, beyond the predictor's own settings.
#[derive(Debug, Clone)]
pub struct Request {
    /// The predictor's, or by default that of the dataset or the capture.
    pub content_type: ContentType,
    /// The predictor's, or by default that of the captured output or the content type.
    pub accept_type: ContentType,
    /// Names of the features, in the order of the rows' values.
    pub feature_names: Vec<String>,
    /// A single score strictly greater is the label 1, else 0.
    pub probability_threshold: f64,
}

/// How the job gets at the model.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// A server of the container protocol; wins over the predictor's endpoint and model.
    pub model_url: Option<String>,
    /// Region of AWS calls; none: that of the AWS profile.
    pub region: Option<String>,
    /// Name and ARN of the job: its tags go to an endpoint that the job makes.
    pub job_name: Option<String>,
    pub job_arn: Option<String>,
    /// Most rows in one request, when the user sets it.
    pub most_rows: Option<usize>,
    /// Where the exit message is written when the job may be killed before its endpoint can be deleted.
    pub tree: Option<Tree>,
}

/// What asking the model took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Requests sent, failed ones included.
    pub requests: u64,
    /// Requests that the model answered, whether its answer could be used or not.
    pub answers: u64,
    /// Rows that were answered.
    pub rows: u64,
    pub throttled: u64,
    /// Requests that failed for other reasons.
    pub failed: u64,
    /// From the first request until now.
    pub seconds: f64,
}

/// A connection to the model. An endpoint that the job made is deleted as soon as the job is asked to stop, after
/// `finish`, or when this value goes, in whatever way; `close` also tells what could not be deleted.
#[derive(Debug)]
pub struct Model {
    line: Line,
    reader: Reader,
    /// Of the features.
    names: Vec<String>,
    learnt: OnceLock<Outputs>,
    headers: Option<Vec<String>>,
    told_by_position: AtomicBool,
    told_one_score: AtomicBool,
    keeper: Option<Keeper>,
    runtime: Arc<Runtime>,
}

/// Values of a refused row that are told before the rest is left out.
const ODD_SHOWN: usize = 3;

/// The outputs of the model, as its first answer shows them.
#[derive(Debug, Clone, PartialEq)]
struct Outputs {
    width: usize,
    names: Option<Vec<String>>,
}

impl Model {
    /// Reaches the model; makes an endpoint when the predictor names a model, and waits for it.
    /// Nothing is sent to the model yet. Templates and locations are checked before anything is made.
    ///
    /// # Errors
    /// `NO_MODEL` without any way to a model, `REQUEST_TEMPLATE`, `RESPONSE_SHAPE`, `AWS_...`,
    /// `ENDPOINT_NOT_IN_SERVICE`, `STOPPED`.
    pub fn connect(
        predictor: &Predictor,
        request: Request,
        access: &Access,
        stop: &Stop,
        for_people: bool,
    ) -> Result<Model> {
        let aws = || Aws::connect(access.region.as_deref(), stop);
        Model::connect_with(predictor, request, access, stop, for_people, Backoff::NORMAL, &aws)
    }

    fn connect_with(
        predictor: &Predictor,
        request: Request,
        access: &Access,
        stop: &Stop,
        for_people: bool,
        backoff: Backoff,
        aws: &dyn Fn() -> Result<Aws>,
    ) -> Result<Model> {
        let encoder = Encoder::new(predictor, request.content_type, &request.feature_names)?;
        let reader =
            Reader::new(predictor, request.accept_type, request.probability_threshold, encoder.single())?;
        let mut keeper = None;
        let mut instances = 1;
        let (transport, runtime) = match (&access.model_url, &predictor.target) {
            (Some(url), _) => (Transport::server(url)?, Arc::new(aws::runtime()?)),
            (None, Target::Endpoint(name)) => {
                let aws = aws()?;
                instances = standing::existing(&aws, name, stop)?;
                (Transport::endpoint(&aws, name.clone()), Arc::clone(&aws.runtime))
            }
            (None, Target::Model(wanted)) => {
                let aws = aws()?;
                let has_target_model = predictor.target_model.is_some();
                let (name, kept) = shadow::make(&aws, wanted, has_target_model, access, stop, for_people)?;
                instances = wanted.initial_instance_count.try_into().unwrap_or(1);
                keeper = Some(kept);
                (Transport::endpoint(&aws, name), Arc::clone(&aws.runtime))
            }
            (None, Target::None) => {
                return Err(Problem::new(
                    &codes::NO_MODEL,
                    "the analysis needs predictions, but the predictor names no model",
                )
                .field("predictor")
                .expected(
                    "`endpoint_name`, or `model_name` with `instance_type` and `initial_instance_count`",
                )
                .hint("or give `model_url`, the address of a server with `POST /invocations`"));
            }
        };
        let envelope = Envelope {
            content_type: request.content_type.mime(),
            accept: request.accept_type.mime(),
            custom_attributes: predictor.custom_attributes.clone(),
            target_model: predictor.target_model.clone(),
        };
        Ok(Model {
            line: Line {
                transport,
                envelope,
                encoder,
                content_type: request.content_type,
                pace: Pace::new(instances, access.most_rows, backoff),
                stop: stop.clone(),
                tally: Tally::default(),
                progress: Mutex::new(None),
                refused: Mutex::new(None),
            },
            reader,
            names: request.feature_names,
            learnt: OnceLock::new(),
            headers: predictor.label_headers.clone(),
            told_by_position: AtomicBool::new(false),
            told_one_score: AtomicBool::new(false),
            keeper,
            runtime,
        })
    }

    /// Everything that can be known of an endpoint to be made for `model_name` while nothing is made: templates,
    /// locations, and whether the model is there.
    ///
    /// # Errors
    /// As `connect`.
    pub fn check(
        predictor: &Predictor,
        request: &Request,
        wanted: &ShadowEndpoint,
        access: &Access,
        stop: &Stop,
    ) -> Result<()> {
        let encoder = Encoder::new(predictor, request.content_type, &request.feature_names)?;
        Reader::new(predictor, request.accept_type, request.probability_threshold, encoder.single())?;
        let aws = Aws::connect(access.region.as_deref(), stop)?;
        shadow::check_model(&aws, wanted, predictor.target_model.is_some(), stop)
    }

    /// That the requests of these rows are what their content type says. `whose`: tells which row it is, for the message.
    /// Nothing is made or sent.
    ///
    /// # Errors
    /// `REQUEST_TEMPLATE`.
    pub fn check_requests(
        predictor: &Predictor,
        request: &Request,
        cells: &Cells,
        rows: &ModelRows,
        whose: impl Fn(&[u32]) -> String,
    ) -> Result<()> {
        let encoder = Encoder::new(predictor, request.content_type, &request.feature_names)?;
        encoder.check_rows(cells, rows.rows(), whose)
    }

    /// The model's scores: rows x outputs, in the order of the rows. May be called from several
    /// threads; pass many rows at once. No rows give an array without rows.
    ///
    /// # Errors
    /// The model's problem (`MODEL_...`, `RESPONSE_...`, `RECORD_TOO_LARGE`), or `STOPPED`.
    pub fn predict(&self, cells: &Cells, rows: &ModelRows) -> Result<Array2<f64>> {
        let read = |body: &[u8], n: usize| {
            let known = self.learnt.get().and_then(|outputs| outputs.names.as_deref());
            let scores = self.reader.scores(body, n, known)?;
            let outputs = Outputs { width: scores.width, names: scores.names };
            let learnt = self.learnt.get_or_init(|| outputs.clone());
            if *learnt != outputs {
                return Err(differing(learnt, &outputs).into());
            }
            Ok(scores.values)
        };
        // The first answer tells the outputs and their names, so it does not race with others.
        let alone = self.learnt.get().is_none();
        let answers = self.ask(cells, Asked::all(rows), alone, &read)?;
        let width = self.learnt.get().map_or(0, |outputs| outputs.width);
        let mut values = Vec::with_capacity(rows.len() * width);
        for (_, answer) in answers {
            values.extend(answer);
        }
        Array2::from_shape_vec((rows.len(), width), values).map_err(|error| {
            Problem::new(&codes::INTERNAL, "predictions do not fill their table").found(error.to_string())
        })
    }

    fn ask<T>(
        &self,
        cells: &Cells,
        rows: Asked<'_>,
        alone: bool,
        read: &ask::Read<'_, T>,
    ) -> Result<Vec<(usize, T)>> {
        let asked = self.runtime.block_on(self.line.ask(cells, rows, alone, read));
        if self.reader.is_by_position() && !self.told_by_position.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the model's answers have other keys than the names in `label_headers`, so their scores are named by position"
            );
        }
        if self.reader.had_one_score() && !self.told_one_score.swap(true, Ordering::Relaxed) {
            tracing::warn!("the model's answers {ONE_SCORE}");
        }
        asked.map_err(|problem| self.with_reason(problem, cells))
    }

    /// A model's refusal of a row, with what is unusual about the row and a way out.
    fn with_reason(&self, problem: Problem, cells: &Cells) -> Problem {
        if problem.code() != &codes::MODEL_FAILED {
            return problem;
        }
        match self.refused_row().and_then(|row| self.reason(cells, &row)) {
            Some(reason) => problem.hint(reason),
            None => problem,
        }
    }

    /// What is unusual about a row, for the hint of a problem; none for a row of ordinary numbers and words.
    pub(crate) fn reason(&self, cells: &Cells, row: &[u32]) -> Option<String> {
        let is_csv = self.line.content_type == ContentType::Csv;
        let first = |is_it: fn(&Value) -> bool| {
            let (id, name) = row.iter().zip(&self.names).find(|(id, _)| is_it(cells.value(**id)))?;
            Some((cells.value(*id), name))
        };
        if let Some((value, name)) = first(Value::is_infinite) {
            let text = match value {
                Value::Float(number) if is_csv => repr(*number),
                Value::Float(number) if *number > 0.0 => "Infinity".into(),
                _ => "-Infinity".into(),
            };
            let other = if is_csv {
                ""
            } else {
                ", as Python writes it in JSON, which has no such number; or let the model take `text/csv`"
            };
            return Some(format!(
                "`{name}` is infinite in this row, and is sent as `{text}`: replace infinite numbers in the data and in \
                 the baseline{other}"
            ));
        }
        if let Some((_, name)) = first(Value::is_missing) {
            let text = if is_csv { "an empty field" } else { "`null`" };
            return Some(format!(
                "`{name}` has no value in this row, and is sent as {text}: see the log of the model's container, and fill \
                 the gaps in the data if the model takes none"
            ));
        }
        let odd = row.iter().zip(&self.names).filter_map(|(id, name)| {
            let kinds: Vec<_> = firsts::unusual(cells.value(*id)).collect();
            (!kinds.is_empty()).then(|| format!("`{name}` is {}", kinds.join(", ")))
        });
        let told: Vec<String> = odd.take(ODD_SHOWN).collect();
        (!told.is_empty()).then(|| {
            format!(
                "in this row {}: see the log of the model's container whether it takes that",
                told.join("; ")
            )
        })
    }

    /// The label that the model predicts for each row, in the order of the rows, as a column of a dataset would
    /// hold what the responses have. Rows that are the first with a kind of value in a column are asked for before all
    /// others. `check`: looks at the labels of the first answer, before more are asked for.
    ///
    /// # Errors
    /// As `predict`; `RESPONSE_SHAPE` when nothing tells the label; those of `check`.
    pub fn predicted_labels(
        &self,
        cells: &Cells,
        rows: &ModelRows,
        check: &(dyn Fn(&Values) -> Result<()> + Sync),
    ) -> Result<Values> {
        let is_first = AtomicBool::new(true);
        let read = |body: &[u8], n: usize| {
            let labels = self.reader.labels(body, n)?;
            if is_first.swap(false, Ordering::Relaxed) {
                check(&column_of(labels.iter()))?;
            }
            Ok(labels)
        };
        // One request finds out whether the settings fit, not one from every place.
        let firsts = Firsts::places(cells, rows);
        if firsts.len() < 2 {
            let answers = self.ask(cells, Asked::all(rows), true, &read)?;
            return Ok(column_of(answers.iter().flat_map(|(_, labels)| labels)));
        }
        let order = firsts_first(&firsts, rows.len());
        let answers = self.ask(cells, Asked::ordered(rows, &order, firsts.len()), true, &read)?;
        let mut labels: Vec<Option<&Label>> = vec![None; rows.len()];
        for (row, label) in order.iter().zip(answers.iter().flat_map(|(_, labels)| labels)) {
            labels[*row as usize] = Some(label);
        }
        Ok(column_of(labels.into_iter().flatten()))
    }

    /// Names of the outputs: `label_headers`, or those of the first response, or `label0`, `label1`...
    /// Empty before the first `predict` unless `label_headers` are given.
    pub fn output_labels(&self) -> Vec<String> {
        if let Some(headers) = &self.headers {
            return headers.clone();
        }
        match self.learnt.get() {
            Some(Outputs { names: Some(names), .. }) => names.clone(),
            Some(outputs) => (0..outputs.width).map(|output| format!("label{output}")).collect(),
            None => Vec::new(),
        }
    }

    /// Shows progress of the rows to come until `end_progress`. `what`: the work as a gerund.
    pub fn start_progress(&self, what: &'static str, rows: u64, for_people: bool) {
        *self.line.progress.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Progress::start(what, "rows", rows, for_people));
    }

    pub fn end_progress(&self) {
        *self.line.progress.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The row on which the model failed alone, by the numbers of its values; `None` while it failed on none.
    pub fn refused_row(&self) -> Option<Vec<u32>> {
        self.line.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn usage(&self) -> Usage {
        let tally = &self.line.tally;
        let began = *tally.began.lock().unwrap_or_else(PoisonError::into_inner);
        Usage {
            requests: tally.requests.load(Ordering::Relaxed),
            answers: tally.answers.load(Ordering::Relaxed),
            rows: tally.rows.load(Ordering::Relaxed),
            throttled: tally.throttled.load(Ordering::Relaxed),
            failed: tally.failed.load(Ordering::Relaxed),
            seconds: began.map_or(0.0, |began| began.elapsed().as_secs_f64()),
        }
    }

    /// Nothing will be asked any more: an endpoint that the job made begins to be deleted, while the program
    /// goes on with what it has.
    pub fn finish(&self) {
        if let Some(keeper) = &self.keeper {
            keeper.finish();
        }
    }

    /// Ends the use of the model, deletes the endpoint if the job made it, and gives what stays in the account.
    pub fn close(mut self) -> Vec<Left> {
        self.end_progress();
        let usage = self.usage();
        if usage.requests > 0 {
            tracing::info!(
                requests = usage.requests,
                rows = usage.rows,
                throttled = usage.throttled,
                failed = usage.failed,
                seconds = usage.seconds,
                "Model endpoint delivered {:.5} requests per second and a total of {} requests over {:.0} seconds",
                usage.requests as f64 / usage.seconds.max(1e-9),
                usage.requests,
                usage.seconds
            );
        }
        self.keeper.take().map(Keeper::close).unwrap_or_default()
    }
}

#[cfg(test)]
impl Model {
    /// As `connect`, with all services of AWS at this address, and hardly a pause between tries.
    pub(crate) fn connect_at(
        url: &str,
        predictor: &Predictor,
        request: Request,
        access: &Access,
        stop: &Stop,
    ) -> Result<Model> {
        let aws = || Aws::at(url, stop);
        Model::connect_with(predictor, request, access, stop, false, tests::QUICK, &aws)
    }
}

/// Labels as a column of a dataset would hold them.
fn column_of<'a>(labels: impl Iterator<Item = &'a Label>) -> Values {
    let mut dictionary = Dictionary::default();
    let codes: Vec<u32> = labels.map(|label| dictionary.intern(label.raw())).collect();
    typing::column(String::new(), &dictionary, &codes).values
}

/// Positions of so many rows: `firsts`, ascending, and then the others.
fn firsts_first(firsts: &[usize], n_rows: usize) -> Vec<u32> {
    let others = (0..n_rows).filter(|row| firsts.binary_search(row).is_err());
    firsts.iter().copied().chain(others).map(|row| row as u32).collect()
}

fn differing(learnt: &Outputs, found: &Outputs) -> Problem {
    let text = |outputs: &Outputs| match &outputs.names {
        Some(names) => names.join(", "),
        None => counted(outputs.width, "output"),
    };
    Problem::new(&codes::RESPONSE_SHAPE, "the model's responses have different outputs")
        .found(text(found))
        .expected(text(learnt))
}
