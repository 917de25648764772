//! The stage of attributions and partial dependence: from rows and a model to sections of results and details.

use std::io::Read;
use std::path::Path;

use plumbline_common::input::{self, InputFile};
use plumbline_common::{Problem, Result, codes, output};

use crate::config::{Aggregation, Baseline, ContentType, DatasetFormat, Location, Shap};
use crate::context::Context;
use crate::model::Model;
use crate::read::{self, Reading, Rows};
use crate::results::Explanations;
use crate::results::details::{ExplanationDetails, RunDetails};
use crate::settings::EstimatorChoice;
use crate::shap::pdp::{self, PdpTask};
use crate::shap::{self, Estimator, Explained, LocalValues, Task};
use crate::stages::inputs;
use crate::values::cells::{Cells, ModelRows, Predict};
use crate::values::numbers::repr;
use crate::values::table::{Column, Values};

/// What the stage found; `details` awaits what the run tells of itself.
pub(crate) struct Explanation {
    pub(crate) explanations: Explanations,
    pub(crate) details: ExplanationDetails,
}

/// Explains every row with the model.
///
/// # Errors
/// Those of the model; a baseline or a list of features that does not fit the data.
pub(crate) fn explain(
    run: &Context,
    reading: &Reading,
    model: &Model,
    files: &mut output::Results,
) -> Result<Explanation> {
    let Some(rows) = reading.rows() else {
        return Err(Problem::new(&codes::INTERNAL, "the rows for the model were not kept"));
    };
    let methods = &run.plan.analysis.methods;
    let names: Vec<String> =
        rows.features.iter().map(|&column| rows.table.columns[column].name.clone()).collect();
    if names.is_empty() {
        return Err(Problem::new(&codes::FEATURES_NOT_FOUND, "Data must contain features")
            .found("no column that is sent to the model")
            .hint("label, predictions, identifier and `excluded_columns` are no features"));
    }
    let (mut cells, model_rows) = read::model_rows(rows);
    let predict = |cells: &Cells, rows: &ModelRows| model.predict(cells, rows);
    let mut explanations = Explanations::default();
    let mut details = ExplanationDetails {
        run: RunDetails::default(),
        rows_explained: 0,
        num_samples: 0,
        baseline_rows: 0,
        seed: methods.shap.as_ref().and_then(|shap| shap.seed),
        use_logit: methods.shap.as_ref().is_some_and(|shap| shap.use_logit),
        aggregation: methods.shap.as_ref().map_or("", |shap| aggregation(shap.aggregation)).into(),
        estimators: Vec::new(),
        model_rows: 0,
        model_requests: 0,
        clipped_predictions: 0,
        stopped_early: None,
        outputs: Vec::new(),
        pdp_rows: None,
    };
    let mut ranked = None;
    if let Some(settings) = &methods.shap {
        let baseline = baseline_rows(run, reading, rows, settings, &names, &model_rows, &mut cells)?;
        run.add(
            files,
            "explanations_shap/baseline.csv",
            shap::baseline_csv(&names, &cells, &baseline).as_bytes(),
        )?;
        let explained = positions("methods.shap.features_to_explain", &settings.features_to_explain, &names)?;
        let task = Task {
            cells: &cells,
            rows: &model_rows,
            baseline: &baseline,
            names: &names,
            explained: &explained,
            num_samples: settings.num_samples,
            estimator: estimator(run.settings.estimator),
            aggregation: settings.aggregation,
            use_logit: settings.use_logit,
            seed: settings.seed.unwrap_or(0),
            max_model_rows: run.settings.max_model_rows,
            target_standard_error: run.settings.target_standard_error,
            stop: &run.job.stop,
            for_people: run.job.for_people,
        };
        let found = local_values(run, rows, model, &task, &predict, settings.save_local_values, files)?;
        let labels = model.output_labels();
        for warning in &found.warnings {
            tracing::warn!("{warning}");
        }
        tracing::info!("SHAP n_samples {}", found.num_samples);
        explanations.kernel_shap = Some(found.kernel_shap(&labels));
        details.outputs = found.output_details(&labels);
        details.rows_explained = model_rows.len() as u64;
        details.num_samples = found.num_samples;
        details.baseline_rows = baseline.len() as u64;
        details.estimators = found.estimators.clone();
        details.model_rows += found.model_rows;
        details.clipped_predictions = found.clipped_predictions;
        details.stopped_early = found.stopped_early.clone();
        details.run.warnings.extend(found.warnings.clone());
        let players = if explained.is_empty() { (0..names.len()).collect() } else { explained };
        ranked = Some((found.globals, players));
    }
    if let Some(settings) = &methods.pdp {
        let features = if settings.features.is_empty() {
            let Some((globals, players)) = &ranked else {
                return Err(Problem::new(
                    &codes::CONFIG_SCHEMA,
                    "Analysis configuration schema validation error.",
                )
                .field("methods.pdp.features")
                .expected("the features to draw, since no `shap` ranks them"));
            };
            pdp::top_features(globals, players, settings.top_k_features)
        } else {
            positions("methods.pdp.features", &settings.features, &names)?
        };
        let task = PdpTask {
            cells: &mut cells,
            rows: &model_rows,
            names: &names,
            features: &features,
            grid_resolution: settings.grid_resolution,
            seed: details.seed.unwrap_or(0),
            stop: &run.job.stop,
            for_people: run.job.for_people,
        };
        let found = pdp::partial_dependence(task, &predict, &|_| model.output_labels())?;
        for warning in &found.warnings {
            tracing::warn!("{warning}");
        }
        details.run.warnings.extend(found.warnings);
        explanations.pdp = Some(found.curves);
        details.pdp_rows = Some(found.rows);
        details.model_rows += found.model_rows;
    }
    details.model_requests = model.usage().requests;
    Ok(Explanation { explanations, details })
}

/// Explains, and writes the values of each row as they come when that is asked for.
fn local_values(
    run: &Context,
    rows: &Rows,
    model: &Model,
    task: &Task,
    predict: &Predict,
    save: bool,
    files: &mut output::Results,
) -> Result<Explained> {
    if !save {
        return shap::explain(task, predict, None);
    }
    let path = run.plan.output.join("explanations_shap/out.csv");
    let all: Vec<usize> = (0..task.names.len()).collect();
    let explained = if task.explained.is_empty() { &all[..] } else { task.explained };
    let features = explained.iter().map(|&feature| task.names[feature].clone()).collect();
    let join = rows.roles.joins.first().map(|&column| {
        let column = &rows.table.columns[column];
        let ids = (0..rows.table.n_rows).map(|row_idx| cell_text(&column.values, row_idx)).collect();
        (column.name.clone(), ids)
    });
    let mut file = LocalValues::create(&path, &run.scratch, features, |_| model.output_labels(), join)?;
    let found = shap::explain(task, predict, Some(&mut |values| file.add(values)))?;
    tracing::info!("Wrote {} local explanations to: {}", file.rows(), path.display());
    files.add(file.finish())?;
    Ok(found)
}

fn cell_text(values: &Values, row_idx: usize) -> String {
    match values {
        Values::Int(values) => values[row_idx].to_string(),
        Values::Float(values) if values[row_idx].is_nan() => String::new(),
        Values::Float(values) => repr(values[row_idx]),
        Values::Bool(values) => values[row_idx].to_string(),
        Values::Text(texts) => texts.get(row_idx).unwrap_or_default().to_string(),
    }
}

fn baseline_rows(
    run: &Context,
    reading: &Reading,
    rows: &Rows,
    settings: &Shap,
    names: &[String],
    model_rows: &ModelRows,
    cells: &mut Cells,
) -> Result<ModelRows> {
    let dataset = &run.plan.analysis.dataset;
    let columns: Vec<&Column> = rows.features.iter().map(|&column| &rows.table.columns[column]).collect();
    let features = dataset.features.as_deref();
    match &settings.baseline {
        Baseline::Inline(given) => shap::from_configuration(given, features, &columns, cells),
        Baseline::Uri(uri) => {
            let path = inputs::fetch(run, uri, "methods.shap.baseline")?;
            let format = match dataset.format {
                Some(DatasetFormat::Csv | DatasetFormat::Parquet) => ContentType::Csv,
                Some(DatasetFormat::JsonLines) => ContentType::JsonLines,
                Some(DatasetFormat::Json) => ContentType::Json,
                Some(DatasetFormat::Capture) | None => reading.captured_input.unwrap_or(ContentType::Csv),
            };
            let mut baseline = ModelRows::new(columns.len());
            let files = read::files_of(&path, "baseline")?;
            for file in &files {
                let named = if files.len() == 1 { uri.into() } else { Path::new(uri).join(&file.relative) };
                let found = baseline_file(file, format, features, &columns, cells)
                    .map_err(|problem| problem.file(named))?;
                found.rows().for_each(|row| baseline.push(row));
            }
            Ok(baseline)
        }
        Baseline::Clusters(count) => {
            let types: Vec<&Values> = columns.iter().map(|column| &column.values).collect();
            shap::from_clusters(*count, model_rows, &types, names, cells, settings.seed.unwrap_or(0))
        }
    }
}

/// A file of baseline rows: Parquet by its first bytes, else in the dataset's format; plain or gzip.
fn baseline_file(
    file: &InputFile,
    format: ContentType,
    features: Option<&str>,
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<ModelRows> {
    let mut bytes = Vec::new();
    input::open(&file.path)?
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::io("read the baseline", &file.path, error))?;
    if bytes.starts_with(b"PAR1") {
        let (names, rows) = read::parquet_rows(&file.path)?;
        return shap::from_table(&names, &rows, columns, cells);
    }
    shap::from_file(&bytes, format, features, columns, cells)
}

fn positions(key: &str, locations: &[Location], names: &[String]) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for location in locations {
        let position = match location {
            Location::Name(name) => names.iter().position(|mine| mine == name),
            Location::Index(index) => Some(*index).filter(|&index| index < names.len()),
        };
        found.push(position.ok_or_else(|| {
            Problem::new(&codes::FEATURE_UNKNOWN, "Feature names not found.")
                .field(key)
                .found(format!("`{location}`"))
                .expected(format!("one of {}", names.join(", ")))
        })?);
    }
    if key.ends_with("features_to_explain") {
        found.sort_unstable();
    }
    Ok(found)
}

fn estimator(choice: EstimatorChoice) -> Estimator {
    match choice {
        EstimatorChoice::Auto => Estimator::Auto,
        EstimatorChoice::Kernel => Estimator::Kernel,
        EstimatorChoice::Exact => Estimator::Exact,
        EstimatorChoice::Permutation => Estimator::Permutation,
    }
}

fn aggregation(aggregation: Aggregation) -> &'static str {
    match aggregation {
        Aggregation::MeanAbs => "mean_abs",
        Aggregation::MeanSq => "mean_sq",
        Aggregation::Median => "median",
    }
}
