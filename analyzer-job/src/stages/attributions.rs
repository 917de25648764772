//! The stage of attributions and partial dependence: from rows and a model to sections of results and details.

use std::io::Read;
use std::path::Path;

use plumbline_common::input::{self, InputFile};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes, output};
use serde::{Deserialize, Serialize};

use crate::config::{Aggregation, Baseline, ContentType, DatasetFormat, Location, Shap};
use crate::context::Context;
use crate::drift::attributions as drift;
use crate::model::Model;
use crate::read::{self, Reading, Rows};
use crate::results::details::{ExplanationDetails, RunDetails};
use crate::results::{Explanations, Results};
use crate::settings::EstimatorChoice;
use crate::shap::pdp::{self, PdpTask};
use crate::shap::{self, Estimator, LocalValues, Task};
use crate::stages::{inputs, refused};
use crate::values::cells::{Cells, ModelRows, Predict};
use crate::values::table::{Column, Values};

pub(crate) mod parts;

/// What the stage found; `details` awaits what the run tells of itself.
pub(crate) struct Explanation {
    pub(crate) explanations: Explanations,
    pub(crate) details: ExplanationDetails,
}

/// What the model will be asked about, checked and made before it is reached: nothing is paid for by then.
pub(crate) struct Prepared {
    /// Of the features, in the order of the rows' values.
    names: Vec<String>,
    cells: Cells,
    rows: ModelRows,
    /// For Shapley values.
    pub(crate) baseline: Option<ModelRows>,
    /// Positions of the features to explain, ascending; empty for all.
    explained: Vec<usize>,
    /// Positions of the features whose curves were asked for; `None` for those with the largest attributions.
    curves: Option<Vec<usize>>,
}

impl Prepared {
    /// The attributions that are asked for; none where there are none. `answered`: as that of the task.
    fn task<'a>(&'a self, run: &'a Context, answered: &'a (dyn Fn() + Sync)) -> Option<Task<'a>> {
        let settings = run.plan.analysis.methods.shap.as_ref()?;
        Some(Task {
            cells: &self.cells,
            rows: &self.rows,
            baseline: self.baseline.as_ref()?,
            names: &self.names,
            explained: &self.explained,
            num_samples: settings.num_samples,
            estimator: estimator(run.settings.estimator),
            aggregation: settings.aggregation,
            use_logit: settings.use_logit,
            seed: settings.seed.unwrap_or(0),
            max_model_rows: run.settings.max_model_rows,
            target_standard_error: run.settings.target_standard_error,
            answered,
            stop: &run.job.stop,
            for_people: run.job.for_people,
        })
    }

    /// Names of the features that get attributions.
    fn players(&self) -> Vec<String> {
        match self.explained[..] {
            [] => self.names.clone(),
            _ => self.explained.iter().map(|&feature| self.names[feature].clone()).collect(),
        }
    }
}

/// Everything about the questions that can be known without the model, from all rows. `constraints`: what the
/// attributions will be held against.
///
/// # Errors
/// As `questions`; a budget that is too small.
pub(crate) fn prepare(run: &Context, reading: &Reading, constraints: Option<&Results>) -> Result<Prepared> {
    let prepared = questions(run, reading, constraints)?;
    prepared.task(run, &|| ()).map_or(Ok(()), |task| shap::check(&task))?;
    Ok(prepared)
}

/// Whether a setting limits the budget, so that only all rows tell whether it is large enough.
pub(crate) fn has_budget(run: &Context) -> bool {
    run.plan.analysis.methods.shap.is_some()
        && (run.settings.max_model_rows.is_some() || run.settings.estimator == EstimatorChoice::Exact)
}

/// The questions, which the first rows show as well as all do.
///
/// # Errors
/// No features; a name or position that is none; a baseline that cannot be read or does not fit the features; constraints
/// of other features or labels.
pub(crate) fn questions(run: &Context, reading: &Reading, constraints: Option<&Results>) -> Result<Prepared> {
    let Some(rows) = reading.rows() else {
        return Err(Problem::new(&codes::INTERNAL, "the rows for the model were not kept"));
    };
    let methods = &run.plan.analysis.methods;
    let names: Vec<String> =
        rows.features.iter().map(|&column| rows.table.columns[column].name.clone()).collect();
    if names.is_empty() {
        return Err(Problem::new(&codes::FEATURES_NOT_FOUND, "Data must contain features")
            .found("no column that is sent to the model")
            .hint("label, predictions, identifier and `excluded_columns` are not features"));
    }
    let features = Features { names: &reading.layout.names, features: &rows.features };
    let explained = match &methods.shap {
        Some(shap) => {
            let mut explained =
                features.positions("methods.shap.features_to_explain", &shap.features_to_explain)?;
            explained.sort_unstable();
            explained
        }
        None => Vec::new(),
    };
    let curves = match &methods.pdp {
        Some(pdp) if pdp.features.is_empty() && methods.shap.is_none() => {
            return Err(Problem::new(
                &codes::CONFIG_SCHEMA,
                "Analysis configuration schema validation error.",
            )
            .field("methods.pdp.features")
            .expected("the features to draw, since no `shap` ranks them"));
        }
        Some(pdp) if !pdp.features.is_empty() => {
            Some(features.positions("methods.pdp.features", &pdp.features)?)
        }
        _ => None,
    };
    let (mut cells, model_rows) = read::model_rows(rows);
    let baseline = match &methods.shap {
        Some(shap) => Some(baseline_rows(run, reading, rows, shap, &names, &model_rows, &mut cells)?),
        None => None,
    };
    let prepared = Prepared { names, cells, rows: model_rows, baseline, explained, curves };
    let labels =
        run.plan.analysis.predictor.as_ref().and_then(|predictor| predictor.label_headers.as_deref());
    check_constraints(run, &prepared, labels, constraints)?;
    Ok(prepared)
}

/// That attributions can be held against the constraints. No `labels`: none is known yet.
fn check_constraints(
    run: &Context,
    prepared: &Prepared,
    labels: Option<&[String]>,
    constraints: Option<&Results>,
) -> Result<()> {
    match constraints {
        Some(constraints) if run.plan.analysis.methods.shap.is_some() => {
            drift::check_names(&prepared.players(), labels, constraints)
        }
        _ => Ok(()),
    }
}

/// Rows of a large baseline that a dry run asks the model for.
const ROWS_LOOKED_AT: usize = 100;

/// Asks the model for the baseline, and for one row of the data with it. `seen`: scores that it gave before.
///
/// # Errors
/// As `explain`; constraints of other labels than the model has.
pub(crate) fn look(
    run: &Context,
    prepared: &Prepared,
    model: &Model,
    seen: &[f64],
    constraints: Option<&Results>,
) -> Result<()> {
    let Prepared { names, cells, rows, baseline, .. } = prepared;
    let mut asked = ModelRows::new(rows.n_features);
    let baseline_rows = baseline.iter().flat_map(ModelRows::rows).take(ROWS_LOOKED_AT);
    rows.rows().take(1).chain(baseline_rows).for_each(|row| asked.push(row));
    let answered = model.predict(cells, &asked).map_err(|problem| {
        refused::named(problem, model.refused_row().as_deref(), baseline.as_ref(), rows, names)
    })?;
    let use_logit = run.plan.analysis.methods.shap.as_ref().is_some_and(|shap| shap.use_logit);
    shap::check_predictions(answered.iter().chain(seen), use_logit)?;
    check_constraints(run, prepared, Some(&model.output_labels()), constraints)
}

/// Explains every row with the model. Where values are still worked out once it has answered for the last time, it is told
/// then; otherwise the end of this tells it.
///
/// # Errors
/// Those of the model, with the place of a row that it refused; being stopped.
pub(crate) fn explain(
    run: &Context,
    reading: &Reading,
    mut prepared: Prepared,
    model: &Model,
    files: &mut output::Results,
) -> Result<Explanation> {
    explanation(run, reading, &mut prepared, model, files).map_err(|problem| {
        let row = model.refused_row();
        refused::named(problem, row.as_deref(), prepared.baseline.as_ref(), &prepared.rows, &prepared.names)
    })
}

fn explanation(
    run: &Context,
    reading: &Reading,
    prepared: &mut Prepared,
    model: &Model,
    files: &mut output::Results,
) -> Result<Explanation> {
    let methods = &run.plan.analysis.methods;
    let predict = |cells: &Cells, rows: &ModelRows| model.predict(cells, rows);
    let mut explanations = Explanations::default();
    let mut details = empty_details(run);
    let mut ranked = None;
    if let (Some(_), Some(_)) = (&methods.shap, prepared.baseline.as_ref()) {
        let folded = explain_rows(run, reading, prepared, model, files, None)?;
        let globals = told(folded, &mut explanations, &mut details);
        let Prepared { names, explained, .. } = &*prepared;
        let players = if explained.is_empty() { (0..names.len()).collect() } else { explained.clone() };
        ranked = Some((globals, players));
    }
    let Prepared { names, cells, rows: model_rows, curves, .. } = prepared;
    if let Some(settings) = &methods.pdp {
        if ranked.is_none() {
            model.try_infinite(cells, model_rows)?;
        }
        let features = match (curves.as_ref(), &ranked) {
            (Some(curves), _) => curves.clone(),
            (None, Some((globals, players))) => pdp::top_features(globals, players, settings.top_k_features),
            (None, None) => Vec::new(),
        };
        let task = PdpTask {
            cells,
            rows: model_rows,
            names,
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
    Ok(Explanation { explanations, details })
}

/// Details of a run before anything was explained.
fn empty_details(run: &Context) -> ExplanationDetails {
    let shap = run.plan.analysis.methods.shap.as_ref();
    ExplanationDetails {
        run: RunDetails::default(),
        rows_explained: 0,
        num_samples: 0,
        baseline_rows: 0,
        seed: shap.and_then(|shap| shap.seed),
        use_logit: shap.is_some_and(|shap| shap.use_logit),
        aggregation: shap.map_or("", |shap| aggregation(shap.aggregation)).into(),
        estimators: Vec::new(),
        model_rows: 0,
        clipped_predictions: 0,
        stopped_early: None,
        outputs: Vec::new(),
        pdp_rows: None,
    }
}

/// What the attributions of a part of the rows left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Folded {
    explained: shap::Part,
    /// Names of the model's outputs.
    labels: Vec<String>,
    rows: u64,
    baseline_rows: u64,
    /// The baseline as it is written.
    baseline: String,
    /// Types of the features, as the rows of this part have them.
    types: Vec<String>,
    /// Names of the features that are text in the baseline alone, and not in the rows of this part.
    #[serde(default)]
    pub(crate) texts_of_baseline: Vec<String>,
}

/// Puts what was explained into results and details; gives the global values.
fn told(folded: Folded, explanations: &mut Explanations, details: &mut ExplanationDetails) -> Vec<Vec<f64>> {
    let found = folded.explained.finish();
    for warning in &found.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!("SHAP n_samples {}", found.num_samples);
    explanations.kernel_shap = Some(found.kernel_shap(&folded.labels));
    details.outputs = found.output_details(&folded.labels);
    details.rows_explained = folded.rows;
    details.num_samples = found.num_samples;
    details.baseline_rows = folded.baseline_rows;
    details.estimators = found.estimators.clone();
    details.model_rows += found.model_rows;
    details.clipped_predictions = found.clipped_predictions;
    details.stopped_early = found.stopped_early.clone();
    details.run.warnings.extend(found.warnings.clone());
    found.globals
}

/// Explains every row. `part`: the name of the part that the rows are.
fn explain_rows(
    run: &Context,
    reading: &Reading,
    prepared: &Prepared,
    model: &Model,
    files: &mut output::Results,
    part: Option<&str>,
) -> Result<Folded> {
    let methods = &run.plan.analysis.methods;
    let answered = || {
        if methods.pdp.is_none() {
            model.finish();
        }
    };
    let (Some(settings), Some(task)) = (&methods.shap, prepared.task(run, &answered)) else {
        return Err(Problem::new(&codes::INTERNAL, "no feature is left to explain"));
    };
    let predict = |cells: &Cells, rows: &ModelRows| model.predict(cells, rows);
    let text = shap::baseline_csv(task.names, task.cells, task.baseline);
    if part.is_none() {
        run.add(files, "explanations_shap/baseline.csv", text.as_bytes())?;
    }
    model.try_infinite(task.cells, task.rows)?;
    let file = settings.save_local_values.then(|| match part {
        None => "explanations_shap/out.csv".to_string(),
        Some(part) => format!("explanations_shap/out-{part}.csv"),
    });
    let explained = local_values(run, reading, model, &task, &predict, file.as_deref(), files)?;
    let types = |rows: &Rows| -> Vec<String> {
        rows.features.iter().map(|&column| type_of(&rows.table.columns[column].values).into()).collect()
    };
    Ok(Folded {
        explained,
        labels: model.output_labels(),
        rows: task.rows.len() as u64,
        baseline_rows: task.baseline.len() as u64,
        baseline: text,
        types: reading.rows().map(types).unwrap_or_default(),
        texts_of_baseline: Vec::new(),
    })
}

fn type_of(values: &Values) -> &'static str {
    match values {
        Values::Int(_) => "whole numbers",
        Values::Float(_) => "numbers",
        Values::Bool(_) => "truth values",
        Values::Text(_) => "text",
    }
}

/// Explains, and writes the values of each row as they come when that is asked for.
fn local_values(
    run: &Context,
    reading: &Reading,
    model: &Model,
    task: &Task,
    predict: &Predict,
    file: Option<&str>,
    files: &mut output::Results,
) -> Result<shap::Part> {
    let Some(file) = file else { return shap::explain_part(task, predict, None) };
    let path = run.plan.output.join(file);
    let all: Vec<usize> = (0..task.names.len()).collect();
    let explained = if task.explained.is_empty() { &all[..] } else { task.explained };
    let features = explained.iter().map(|&feature| task.names[feature].clone()).collect();
    let join = reading.rows().and_then(|rows| {
        let column = &rows.table.columns[*rows.roles.joins.first()?];
        let ids = (0..rows.table.n_rows).map(|row_idx| column.values.text(row_idx).into_owned()).collect();
        Some((column.name.clone(), ids))
    });
    let mut file = LocalValues::create(&path, &run.scratch, features, |_| model.output_labels(), join)?;
    let found = shap::explain_part(task, predict, Some(&mut |values| file.add(values)))?;
    tracing::info!("Wrote {} local explanations to: {}", file.rows(), path.display());
    files.add(file.finish())?;
    Ok(found)
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
    let columns = feature_columns(rows);
    if let Some(given) = given_baseline(run, reading, settings, &columns, cells)? {
        return Ok(given);
    }
    let count = match settings.baseline {
        Baseline::Clusters(count) => count,
        Baseline::Inline(_) | Baseline::Uri(_) => None,
    };
    let types: Vec<&Values> = columns.iter().map(|column| &column.values).collect();
    let seed = settings.seed.unwrap_or(0);
    shap::from_clusters(count, model_rows, &types, names, cells, seed, &run.job.stop)
}

/// The baseline in the configuration or in the files that it names; none where it is to be made.
fn given_baseline(
    run: &Context,
    reading: &Reading,
    settings: &Shap,
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<Option<ModelRows>> {
    let features = run.plan.analysis.dataset.features.as_deref();
    let format = baseline_format(run, reading);
    match &settings.baseline {
        Baseline::Inline(given) => {
            shap::from_configuration(given, format, features, columns, cells).map(Some)
        }
        Baseline::Uri(uri) => {
            let path = inputs::fetch(run, uri, "methods.shap.baseline")?;
            let mut baseline = ModelRows::new(columns.len());
            let files = read::files_of(&path, "baseline")?;
            for file in &files {
                let named = if files.len() == 1 { uri.into() } else { Path::new(uri).join(&file.relative) };
                let found = baseline_file(file, format, features, columns, cells)
                    .map_err(|problem| problem.file(named))?;
                found.rows().for_each(|row| baseline.push(row));
            }
            Ok(Some(baseline))
        }
        Baseline::Clusters(_) => Ok(None),
    }
}

fn feature_columns(rows: &Rows) -> Vec<&Column> {
    rows.features.iter().map(|&column| &rows.table.columns[column]).collect()
}

/// A baseline is written as the dataset is.
fn baseline_format(run: &Context, reading: &Reading) -> ContentType {
    match run.plan.analysis.dataset.format {
        Some(DatasetFormat::Csv | DatasetFormat::Parquet) => ContentType::Csv,
        Some(DatasetFormat::JsonLines) => ContentType::JsonLines,
        Some(DatasetFormat::Json) => ContentType::Json,
        Some(DatasetFormat::Capture) | None => reading.captured_input.unwrap_or(ContentType::Csv),
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

/// The columns of the table, and which of them are sent to the model.
struct Features<'a> {
    /// Of all columns.
    names: &'a [String],
    /// Positions of the features among the columns.
    features: &'a [usize],
}

impl Features<'_> {
    /// Positions among the features of those that a list names, in the order of the list, each once. A position
    /// in the list counts the columns of the table, as everywhere in the configuration.
    ///
    /// # Errors
    /// `FEATURE_UNKNOWN` for a name or position that is no feature.
    fn positions(&self, key: &str, locations: &[Location]) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for location in locations {
            let column = match location {
                Location::Name(name) => self.names.iter().position(|mine| mine == name),
                Location::Index(index) => Some(*index).filter(|&index| index < self.names.len()),
            };
            let place = column.and_then(|column| self.features.iter().position(|&feature| feature == column));
            let place = place.ok_or_else(|| self.unknown(key, location, column))?;
            if !found.contains(&place) {
                found.push(place);
            }
        }
        Ok(found)
    }

    fn unknown(&self, key: &str, location: &Location, column: Option<usize>) -> Problem {
        let names: Vec<&str> = self.features.iter().map(|&feature| self.names[feature].as_str()).collect();
        let problem = Problem::new(&codes::FEATURE_UNKNOWN, "Feature names not found.").field(key);
        let found = match (location, column) {
            (Location::Index(index), Some(column)) => {
                format!("position {index}, which is `{}` and no feature", self.names[column])
            }
            (Location::Index(index), None) => {
                format!("position {index} of {}, counted from 0", counted(self.names.len(), "column"))
            }
            (Location::Name(name), Some(_)) => format!("`{name}`, which is a column but no feature"),
            (Location::Name(name), None) => format!("`{name}`"),
        };
        problem.found(found).expected(format!("one of {}", names.join(", ")))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns `a`, `y` (the label) and `b`; the features are the first and the last.
    fn positions(locations: &[Location]) -> Result<Vec<usize>> {
        let names = ["a", "y", "b"].map(String::from);
        Features { names: &names, features: &[0, 2] }.positions("methods.pdp.features", locations)
    }

    #[test]
    fn positions_count_columns_and_each_feature_counts_once() {
        use Location::{Index, Name};
        assert_eq!(positions(&[Index(2), Index(0)]).unwrap(), [1, 0]);
        assert_eq!(positions(&[Name("b".into()), Index(2), Name("a".into()), Index(0)]).unwrap(), [1, 0]);
        for (location, expected) in [
            (Index(1), "position 1, which is `y` and no feature"),
            (Index(3), "position 3 of 3 columns"),
            (Name("y".into()), "`y`, which is a column but no feature"),
            (Name("c".into()), "found `c`, expected one of a, b"),
        ] {
            let problem = positions(&[location]).unwrap_err();
            assert_eq!(problem.code(), &codes::FEATURE_UNKNOWN);
            assert!(problem.to_string().contains(expected), "{problem}");
        }
    }
}
