//! Connects to the model and predicts labels.

use crate::config::rules;
use crate::config::{ContentType, DatasetFormat};
use crate::context::Context;
use crate::model::{Access, Model, Request};
use crate::read::{self, Reading};
use crate::values::table::Values;
use plumbline_common::{Problem, Result, codes, output};

/// The model, when some stage has something to ask it.
///
/// # Errors
/// Nothing tells how to reach a model, or it cannot be reached.
pub(crate) fn connect(run: &Context, reading: &Reading) -> Result<Option<Model>> {
    let analysis = &run.plan.analysis;
    if !analysis.needs_model(run.plan.monitor) {
        return Ok(None);
    }
    rules::model(analysis, run.settings.model_url.is_some(), run.plan.monitor)
        .map_err(|problem| problem.file(&run.plan.config_path))?;
    let Some(predictor) = &analysis.predictor else {
        return Err(Problem::new(&codes::INTERNAL, "a run without predictor wants predictions"));
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
    };
    Model::connect(predictor, request, &access, &job.stop, job.for_people).map(Some)
}

fn feature_names(reading: &Reading) -> Vec<String> {
    reading.layout.features.iter().filter_map(|&column| reading.layout.names.get(column).cloned()).collect()
}

/// The model's label for each row, as a column; also as `predictions.csv` when that is asked for.
///
/// # Errors
/// As `Model::predicted_labels`.
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
    let labels = model.predicted_labels(&cells, &model_rows)?;
    model.end_progress();
    if run.settings.save_predictions.on() {
        let mut text = String::from("predicted_label\n");
        for label in &labels {
            text.push_str(&label.to_csv());
            text.push('\n');
        }
        run.add(files, "predictions.csv", text.as_bytes())?;
    }
    Ok(Values::of(&labels))
}
