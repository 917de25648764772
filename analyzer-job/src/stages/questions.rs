//! What a model will be asked, made and checked before it is reached: nothing is paid for by then.

use std::io::Read;
use std::path::Path;

use plumbline_common::input::InputFile;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use crate::config::{Baseline, ContentType, DatasetFormat, Location, Shap};
use crate::context::Context;
use crate::drift::attributions as drift;
use crate::model::Model;
use crate::read::{self, Reading, Rows};
use crate::results::Results;
use crate::settings::EstimatorChoice;
use crate::shap::pdp::{Grids, PdpTask};
use crate::shap::{self, Estimator, Task};
use crate::stages::{inputs, refused};
use crate::values::cells::{Cells, ModelRows};
use crate::values::firsts::Firsts;
use crate::values::table::{Column, Values};

/// The rows that a model is asked about, and what of them.
pub(crate) struct Questions {
    /// Of the features, in the order of the rows' values.
    pub(crate) names: Vec<String>,
    pub(crate) cells: Cells,
    pub(crate) rows: ModelRows,
    /// For Shapley values.
    pub(crate) baseline: Option<ModelRows>,
    /// Positions of the features to explain, ascending; empty for all.
    pub(crate) explained: Vec<usize>,
    /// Of the features whose curves were asked for by name; none for those with the largest attributions.
    pub(crate) grids: Option<Grids>,
}

impl Questions {
    /// The attributions that are asked for; none where there are none. `answered`: as that of the task.
    pub(crate) fn task<'a>(&'a self, run: &'a Context, answered: &'a (dyn Fn() + Sync)) -> Option<Task<'a>> {
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

    /// The curves of some features.
    pub(crate) fn curves<'a>(&'a self, run: &Context, features: &'a [usize]) -> PdpTask<'a> {
        curves(run, &self.rows, &self.names, features)
    }

    /// Names of the features that get attributions.
    fn players(&self) -> Vec<String> {
        match self.explained[..] {
            [] => self.names.clone(),
            _ => self.explained.iter().map(|&feature| self.names[feature].clone()).collect(),
        }
    }

    /// The rows that show the model each kind of value in each column, the sooner ones first: of the baseline, the data and
    /// the curves. Where nothing is explained, those of the data. `most`: rows of the baseline that come in any case.
    pub(crate) fn firsts(&self, most: usize) -> ModelRows {
        let mut firsts = Firsts::new(&self.cells, self.rows.n_features);
        let mut found = ModelRows::new(self.rows.n_features);
        for (place, row) in self.baseline.iter().flat_map(ModelRows::rows).enumerate() {
            if firsts.shows(row.iter().copied()) || place < most {
                found.push(row);
            }
        }
        // Curves alone ask for rows of the data with other values only.
        if self.baseline.is_some() || self.grids.is_none() {
            self.rows.rows().filter(|row| firsts.shows(row.iter().copied())).for_each(|row| found.push(row));
        }
        if let Some(grids) = &self.grids {
            grids.firsts(&self.rows, &mut firsts).iter().for_each(|row| found.push(row));
        }
        found
    }

    /// The rows of the data that a dry run asks for: as many as one request holds, and the first with each kind of value.
    pub(crate) fn looked_at(&self, model: &Model) -> ModelRows {
        let mut looked_at = ModelRows::new(self.rows.n_features);
        let mut firsts = Firsts::new(&self.cells, self.rows.n_features);
        for (place, row) in self.rows.rows().enumerate() {
            if firsts.shows(row.iter().copied()) || place < model.rows_of_a_look() {
                looked_at.push(row);
            }
        }
        looked_at
    }

    /// A model's failure on a single row, with the place of that row.
    pub(crate) fn named(&self, problem: Problem, row: Option<&[u32]>) -> Problem {
        refused::named(problem, row, self.baseline.as_ref(), &self.rows, &self.names)
    }

    /// Whose row it is: the baseline's, that of the data, or one made of it.
    pub(crate) fn whose(&self, row: &[u32]) -> String {
        refused::whose(row, self.baseline.as_ref(), &self.rows, &self.names).unwrap_or_else(|| "a row".into())
    }

    /// That attributions can be held against the constraints. No `labels`: none is known yet.
    ///
    /// # Errors
    /// Constraints of other features or labels.
    pub(crate) fn check_constraints(
        &self,
        run: &Context,
        labels: Option<&[String]>,
        constraints: Option<&Results>,
    ) -> Result<()> {
        match constraints {
            Some(constraints) if run.plan.analysis.methods.shap.is_some() => {
                drift::check_names(&self.players(), labels, constraints)
            }
            _ => Ok(()),
        }
    }
}

fn curves<'a>(run: &Context, rows: &'a ModelRows, names: &'a [String], features: &'a [usize]) -> PdpTask<'a> {
    let methods = &run.plan.analysis.methods;
    PdpTask {
        rows,
        names,
        features,
        grid_resolution: methods.pdp.as_ref().map_or(0, |pdp| pdp.grid_resolution),
        seed: methods.shap.as_ref().and_then(|shap| shap.seed).unwrap_or(0),
    }
}

/// Everything about the questions that can be known without the model, from all rows; none where no model is needed.
/// `constraints`: what the attributions will be held against.
///
/// # Errors
/// As `of`; a budget that is too small.
pub(crate) fn of_all(
    run: &Context,
    reading: &Reading,
    constraints: Option<&Results>,
) -> Result<Option<Questions>> {
    let Some(questions) = of(run, reading, constraints)? else { return Ok(None) };
    questions.task(run, &|| ()).map_or(Ok(()), |task| shap::check(&task))?;
    Ok(Some(questions))
}

/// Whether a setting limits the budget, so that only all rows tell whether it is large enough.
pub(crate) fn have_budget(run: &Context) -> bool {
    run.plan.analysis.methods.shap.is_some()
        && (run.settings.max_model_rows.is_some() || run.settings.estimator == EstimatorChoice::Exact)
}

/// The questions, which the first rows show as well as all do; none where no model is needed.
///
/// # Errors
/// No features; a name or position that is none; a baseline that cannot be read or does not fit the features; constraints
/// of other features or labels.
pub(crate) fn of(
    run: &Context,
    reading: &Reading,
    constraints: Option<&Results>,
) -> Result<Option<Questions>> {
    if !run.plan.asks_model() {
        return Ok(None);
    }
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
    let drawn = match &methods.pdp {
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
    let grids = drawn.map(|drawn| Grids::of(&curves(run, &model_rows, &names, &drawn), &mut cells));
    let questions = Questions { names, cells, rows: model_rows, baseline, explained, grids };
    let labels =
        run.plan.analysis.predictor.as_ref().and_then(|predictor| predictor.label_headers.as_deref());
    questions.check_constraints(run, labels, constraints)?;
    Ok(Some(questions))
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
pub(crate) fn given_baseline(
    run: &Context,
    reading: &Reading,
    settings: &Shap,
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<Option<ModelRows>> {
    let features = run.plan.analysis.dataset.features.as_deref();
    let features = features.map(|path| shap::Place { path, rules: &reading.rules.objects });
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

pub(crate) fn feature_columns(rows: &Rows) -> Vec<&Column> {
    rows.features.iter().map(|&column| &rows.table.columns[column]).collect()
}

/// A baseline is written as the dataset is.
pub(crate) fn baseline_format(run: &Context, reading: &Reading) -> ContentType {
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
    features: Option<shap::Place<'_>>,
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<ModelRows> {
    let mut bytes = Vec::new();
    file.open()?
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
