//! Connects to the model and predicts labels.

use plumbline_common::{Problem, Result, codes, output};

use crate::bias::roles::Expected;
use crate::config::rules;
use crate::config::{ContentType, DatasetFormat, Predictor, ShadowEndpoint, Target};
use crate::context::Context;
use crate::model::{self, Access, Left, Model, Request, Resource};
use crate::read::{self, Reading};
use crate::stages::done::{Done, Message};
use crate::stages::refused;
use crate::values::cells::{Cells, ModelRows, csv_field};
use crate::values::table::Values;

/// The model, when some stage has something to ask it.
///
/// # Errors
/// Nothing tells how to reach a model, or it cannot be reached.
pub(crate) fn connect(run: &Context, reading: &Reading) -> Result<Option<Model>> {
    let Some((predictor, request, access)) = way(run, reading)? else { return Ok(None) };
    Model::connect(predictor, request, &access, &run.job.stop, run.job.for_people).map(Some)
}

/// The model as a dry run has it.
pub(crate) enum Looked {
    NotNeeded,
    /// An endpoint would have to be made of this model, which is there.
    NotMade(ShadowEndpoint),
    Connected(Box<Model>),
}

/// As `connect`, but makes no endpoint unless `make` says so.
///
/// # Errors
/// As `connect`.
pub(crate) fn look(run: &Context, reading: &Reading, make: bool) -> Result<Looked> {
    let Some((predictor, request, access)) = way(run, reading)? else { return Ok(Looked::NotNeeded) };
    match &predictor.target {
        Target::Model(wanted) if access.model_url.is_none() && !make => {
            Model::check(predictor, &request, wanted, &access, &run.job.stop)?;
            Ok(Looked::NotMade(wanted.clone()))
        }
        _ => {
            // A dry run writes nothing, the exit message of a job included.
            let access = Access { tree: None, ..access };
            let model = Model::connect(predictor, request, &access, &run.job.stop, run.job.for_people)?;
            Ok(Looked::Connected(Box::new(model)))
        }
    }
}

/// How the model is reached and asked, when some stage has something to ask it.
pub(super) fn way<'a>(
    run: &'a Context,
    reading: &Reading,
) -> Result<Option<(&'a Predictor, Request, Access)>> {
    let analysis = &run.plan.analysis;
    if !analysis.needs_model(run.plan.monitor) {
        return Ok(None);
    }
    rules::model(analysis, run.settings.model_url.is_some(), run.plan.monitor)
        .map_err(|problem| problem.file(&run.plan.config_path))?;
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
        feature_names: feature_names(reading),
        probability_threshold: analysis.probability_threshold,
    };
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
    Ok(Some((predictor, request, access)))
}

fn feature_names(reading: &Reading) -> Vec<String> {
    reading.layout.features.iter().filter_map(|&column| reading.layout.names.get(column).cloned()).collect()
}

/// As `Model::try_infinite`, with the place of the row that the model refuses.
///
/// # Errors
/// As `Model::try_infinite`.
pub(crate) fn try_infinite(reading: &Reading, model: &Model, cells: &Cells, rows: &ModelRows) -> Result<()> {
    model.try_infinite(cells, rows).map_err(|problem| {
        refused::named(problem, model.refused_row().as_deref(), None, rows, &feature_names(reading))
    })
}

/// The model's label for each row, as a column; also as `predictions.csv` when that is asked for.
///
/// # Errors
/// As `Model::predicted_labels`; the first answer shows that no prediction can fit the labels.
pub(crate) fn predicted_labels(
    run: &Context,
    reading: &Reading,
    model: &Model,
    files: &mut output::Results,
) -> Result<Values> {
    let Some(rows) = reading.rows() else {
        return Err(Problem::new(&codes::INTERNAL, "the rows for the model were not kept"));
    };
    let (cells, model_rows) = read::model_rows(rows);
    model.start_progress("predicting", model_rows.len() as u64, run.job.for_people);
    let expected = Expected::of(reading, &run.plan.analysis)?;
    let check = |first: &Values| expected.check(first);
    try_infinite(reading, model, &cells, &model_rows)?;
    let answered = model.predicted_labels(&cells, &model_rows, &check).map_err(|problem| {
        let row = model.refused_row();
        refused::named(problem, row.as_deref(), None, &model_rows, &feature_names(reading))
    })?;
    model.end_progress();
    if !run.plan.explains() {
        model.finish();
    }
    let labels = expected.labels(answered);
    if run.settings.save_predictions.on() {
        let mut text = String::from("predicted_label\n");
        for row in 0..model_rows.len() {
            text.push_str(&csv_field(&labels.text(row)));
            text.push('\n');
        }
        run.add(files, "predictions.csv", text.as_bytes())?;
    }
    Ok(labels)
}

/// Adds what could not be deleted. A configuration costs nothing, so the run has succeeded; an endpoint does, so the
/// run fails once its results are written.
pub(crate) fn with_left(mut done: Done, left: &[Left]) -> Done {
    let Some(text) = model::left_text(left) else { return done };
    if done.failed.is_some() || left.iter().any(|left| left.resource == Resource::Endpoint) {
        let problem = done.failed.take().unwrap_or_else(|| {
            Problem::new(
                &codes::AWS_REFUSED,
                "the results are written, but the temporary endpoint may still exist and cost money",
            )
        });
        done.failed = Some(model::and_left(problem, left));
        return done;
    }
    tracing::warn!("{text}");
    match &mut done.message {
        Message::Judged { remarks, .. } => remarks.push_str(&format!(" {text}")),
        Message::NotJudged(reason) => reason.push_str(&format!(" {text}")),
    }
    done
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
