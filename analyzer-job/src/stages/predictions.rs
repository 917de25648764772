//! Connects to the model and predicts labels.

use plumbline_common::{Problem, Result, codes, output};

use crate::bias::roles::Expected;
use crate::config::{ContentType, DatasetFormat, Predictor, ShadowEndpoint, Target};
use crate::context::Context;
use crate::model::{self, Access, Left, Model, Request, Resource};
use crate::read::Reading;
use crate::stages::bias;
use crate::stages::done::{Done, Message};
use crate::stages::questions::Questions;
use crate::values::cells::{ModelRows, csv_field};
use crate::values::table::Values;

/// The model. Nothing is made or asked before the questions are known to be what they should be.
///
/// # Errors
/// Nothing tells how to reach a model, or it cannot be reached; a template that gives no request.
pub(crate) fn connect(run: &Context, reading: &Reading, questions: &Questions) -> Result<Model> {
    let (predictor, request, access) = way(run, reading, questions)?;
    Model::connect(predictor, request, &access, &run.job.stop, run.job.for_people)
}

/// The model as a dry run has it.
pub(crate) enum Reached {
    /// An endpoint would have to be made of this model, which is there.
    NotMade(ShadowEndpoint),
    Connected(Box<Model>),
}

/// As `connect`, but makes no endpoint unless `make` says so.
///
/// # Errors
/// As `connect`.
pub(crate) fn reach(run: &Context, reading: &Reading, questions: &Questions, make: bool) -> Result<Reached> {
    let (predictor, request, access) = way(run, reading, questions)?;
    match &predictor.target {
        Target::Model(wanted) if access.model_url.is_none() && !make => {
            Model::check(predictor, &request, wanted, &access, &run.job.stop)?;
            Ok(Reached::NotMade(wanted.clone()))
        }
        _ => {
            // A dry run writes nothing, the exit message of a job included.
            let access = Access { tree: None, ..access };
            let model = Model::connect(predictor, request, &access, &run.job.stop, run.job.for_people)?;
            Ok(Reached::Connected(Box::new(model)))
        }
    }
}

/// How the model is reached and asked.
pub(super) fn way<'a>(
    run: &'a Context,
    reading: &Reading,
    questions: &Questions,
) -> Result<(&'a Predictor, Request, Access)> {
    let analysis = &run.plan.analysis;
    let Some(predictor) = &analysis.predictor else {
        return Err(Problem::new(&codes::INTERNAL, "predictions are needed, but there is no predictor"));
    };
    let own = match analysis.dataset.format {
        Some(DatasetFormat::JsonLines) => Some(ContentType::JsonLines),
        Some(DatasetFormat::Json) => Some(ContentType::Json),
        Some(DatasetFormat::Csv | DatasetFormat::Parquet) => Some(ContentType::Csv),
        Some(DatasetFormat::Capture) | None => reading.captured_input,
    };
    let content_type = predictor.content_type.or(own).unwrap_or(ContentType::Csv);
    let request = Request {
        content_type,
        accept_type: predictor.accept_type.or(reading.captured_output).unwrap_or(content_type),
        feature_names: questions.names.clone(),
        probability_threshold: analysis.probability_threshold,
    };
    let firsts = questions.firsts(0);
    Model::check_requests(predictor, &request, &questions.cells, &firsts, |row| questions.whose(row))
        .map_err(|problem| problem.file(&run.plan.config_path))?;
    let job = run.job;
    let name = |text: &String| (!text.is_empty()).then(|| text.clone());
    let access = Access {
        model_url: run.settings.model_url.clone(),
        region: job.config.region(),
        job_name: name(&job.config.processing_job_name),
        job_arn: name(&job.config.processing_job_arn),
        most_rows: None,
        tree: Some(job.tree.clone()),
    };
    Ok((predictor, request, access))
}

/// The model's label for each row, as a column; also as `predictions.csv` when that is asked for.
///
/// # Errors
/// As `Model::predicted_labels`; the first answer shows that no prediction can fit the labels.
pub(crate) fn predicted_labels(
    run: &Context,
    reading: &Reading,
    questions: &Questions,
    model: &Model,
    files: &mut output::Results,
) -> Result<Values> {
    let rows = &questions.rows;
    model.start_progress("predicting", rows.len() as u64, run.job.for_people);
    let expected = Expected::of(reading, &run.plan.analysis)?;
    let answered = answered_labels(questions, rows, model, &expected)?;
    model.end_progress();
    if !run.plan.explains() {
        model.finish();
    }
    let labels = expected.labels(answered);
    if run.settings.save_predictions.on() {
        let mut text = String::from("predicted_label\n");
        for row in 0..rows.len() {
            text.push_str(&csv_field(&labels.text(row)));
            text.push('\n');
        }
        run.add(files, "predictions.csv", text.as_bytes())?;
    }
    Ok(labels)
}

/// What the model answers for these rows, which are some or all of those of the data.
fn answered_labels(
    questions: &Questions,
    rows: &ModelRows,
    model: &Model,
    expected: &Expected<'_>,
) -> Result<Values> {
    model
        .predicted_labels(&questions.cells, rows, &|first| expected.check(first))
        .map_err(|problem| questions.named(problem, model.refused_row().as_deref()))
}

/// As `predicted_labels` for a dry run, of the rows that it looks at. Where these are all rows of the data, the groups are
/// counted as the job counts them. `is_whole`: the rows at hand are all of the data.
///
/// # Errors
/// As `predicted_labels`, and those of `bias::count`.
pub(crate) fn look(
    run: &Context,
    reading: &Reading,
    questions: &Questions,
    model: &Model,
    is_whole: bool,
) -> Result<()> {
    let expected = Expected::of(reading, &run.plan.analysis)?;
    let rows = questions.looked_at(model);
    let answered = answered_labels(questions, &rows, model, &expected)?;
    if is_whole && rows.len() == questions.rows.len() {
        bias::count(run, reading, Some(&expected.labels(answered)))?;
    }
    Ok(())
}

/// Adds what could not be deleted. A configuration costs nothing, so the run has succeeded; an endpoint does, so the
/// run fails once its results are written.
pub(crate) fn with_left(mut done: Done, left: &[Left]) -> Done {
    let Some(text) = model::left_text(left) else { return done };
    let what = "the results are written, but the temporary endpoint may still exist and cost money";
    done.failed = failure_of_left(done.failed, left, what);
    if done.failed.is_some() {
        return done;
    }
    tracing::warn!("{text}");
    match &mut done.message {
        Message::Judged { remarks, .. } => remarks.push_str(&format!(" {text}")),
        Message::NotJudged(reason) => reason.push_str(&format!(" {text}")),
    }
    done
}

/// What a run ends with that could not delete these: its own problem, which names them too, or `what` if one is an endpoint.
pub(crate) fn failure_of_left(failed: Option<Problem>, left: &[Left], what: &'static str) -> Option<Problem> {
    let costs = left.iter().any(|left| left.resource == Resource::Endpoint);
    let problem = failed.or_else(|| costs.then(|| Problem::new(&codes::AWS_REFUSED, what)))?;
    Some(model::and_left(problem, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_stays_is_a_remark_and_an_endpoint_a_failure() {
        let left = |resource| Left { resource, name: "n-1".into(), why: "AccessDenied: no".into() };
        let message = "Completed: Job completed successfully with no violations.";
        let told = |left: &[Left]| with_left(Done::clean(), left);
        assert_eq!(told(&[]).message.text(), message);
        let done = told(&[left(Resource::Config)]);
        let text = done.message.text();
        assert!(
            text.starts_with(message) && text.contains("delete-endpoint-config --endpoint-config-name n-1")
        );
        assert!(done.failed.is_none());
        let problem = told(&[left(Resource::Endpoint)]).failed.unwrap().to_string();
        assert!(problem.contains("delete-endpoint --endpoint-name n-1"), "{problem}");
    }
}
