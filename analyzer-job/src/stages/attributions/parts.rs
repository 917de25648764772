//! Attributions of parts of the rows: explained by themselves, with a baseline that was made before, and put together.

use std::path::{Path, PathBuf};

use plumbline_common::{Problem, Result, codes, output};

use super::spelled::Spelled;
use super::{ExplainedPart, Explanation, ask_first, empty_details, explain_rows, told};
use crate::config::{Baseline, Shap};
use crate::context::Context;
use crate::model::Model;
use crate::read::{self, Reading};
use crate::results::Explanations;
use crate::shap;
use crate::stages::questions::{Questions, baseline_format, feature_columns, given_baseline};
use crate::state::file::unusable;
use crate::values::cells::{Cells, Value};
use crate::values::raw::Raw;
use crate::values::table::{Column, Texts, Values};
use crate::values::typing::{self, Cell};

/// The rows of a part. Its columns hold the texts that the baseline has there: the baseline is one of all rows, so that other
/// parts have such texts. With the names of the features that hold none else.
///
/// # Errors
/// A baseline that cannot be read; as `Part::finish`.
pub(crate) fn rows_of(run: &Context, part: &read::Part) -> Result<(Reading, Vec<String>)> {
    let (dataset, analysis) = (Path::new(&run.plan.dataset), &run.plan.analysis);
    let reading = part.clone().finish(dataset, analysis)?;
    let texts = texts_of_baseline(run, &reading)?;
    if texts.is_empty() {
        return Ok((reading, Vec::new()));
    }
    let mut part = part.clone();
    for (column, text) in &texts {
        part.hold_text(*column, text);
    }
    let names = texts.into_iter().map(|(column, _)| reading.layout.names[column].clone()).collect();
    Ok((part.finish(dataset, analysis)?, names))
}

/// The columns of features of which the baseline has a text and the rows have none, each with that text.
fn texts_of_baseline(run: &Context, reading: &Reading) -> Result<Vec<(usize, String)>> {
    let (Some(rows), Some(settings)) = (reading.rows(), &run.plan.analysis.methods.shap) else {
        return Ok(Vec::new());
    };
    let as_text =
        |column: &Column| Column { name: column.name.clone(), values: Values::Text(Texts::default()) };
    let columns: Vec<Column> = feature_columns(rows).into_iter().map(as_text).collect();
    let columns: Vec<&Column> = columns.iter().collect();
    let mut cells = Cells::default();
    let Some(given) = given_baseline(run, reading, settings, &columns, &mut cells)? else {
        return Ok(Vec::new());
    };
    let text_of = |feature: usize| {
        given.rows().find_map(|row| match cells.value(row[feature]) {
            Value::Text(text) if matches!(typing::parse(Raw::Csv(text)), Cell::Text(_)) => Some(text.clone()),
            _ => None,
        })
    };
    let is_text = |column: usize| matches!(rows.table.columns[column].values, Values::Text(_));
    let others = rows.features.iter().enumerate().filter(|(_, column)| !is_text(**column));
    Ok(others.filter_map(|(feature, &column)| Some((column, text_of(feature)?))).collect())
}

/// Explains the rows of a part of the data; local values go to a file of the part's own.
///
/// # Errors
/// As `explain`; `CONFIG_NOT_SUPPORTED` for what needs all rows at once.
pub(crate) fn fold(
    run: &Context,
    reading: &Reading,
    model: &Model,
    questions: &Questions,
    part: &str,
    files: &mut output::Results,
) -> Result<ExplainedPart> {
    let known = ask_first(run, questions, model, usize::MAX)?;
    explain_rows(run, reading, questions, &known, model, files, Some(part))
        .map_err(|problem| questions.named(problem, model.refused_row().as_deref()))
}

/// That nothing is asked which needs all rows at once.
///
/// # Errors
/// `CONFIG_NOT_SUPPORTED`.
pub(crate) fn check_foldable(run: &Context) -> Result<()> {
    let methods = &run.plan.analysis.methods;
    if methods.pdp.is_some() {
        return Err(Problem::new(&codes::CONFIG_NOT_SUPPORTED, "partial dependence needs all rows at once")
            .field("methods.pdp")
            .hint("leave `pdp` out of the folded analysis, and draw it in a run of its own over some of the files"));
    }
    match &methods.shap {
        Some(Shap { baseline: Baseline::Clusters(_), .. }) => {
            Err(Problem::new(&codes::CONFIG_NOT_SUPPORTED, "a baseline of clusters needs all rows at once")
                .field("methods.shap.num_clusters")
                .hint("make it with `analyzer-job baseline`, and name its file in `methods.shap.baseline`"))
        }
        _ => Ok(()),
    }
}

/// The attributions of all parts together, each with the path of its state.
///
/// # Errors
/// `STATE_UNUSABLE`, `STATES_DO_NOT_FIT`.
pub(crate) fn unfold(
    run: &Context,
    parts: Vec<(PathBuf, ExplainedPart)>,
    files: &mut output::Results,
) -> Result<Option<Explanation>> {
    let differ = |path: &Path, found: String| {
        Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the rows were explained differently")
            .file(path)
            .found(found)
            .hint("explain every part with the same model and the same baseline file")
    };
    let Some((_, first)) = parts.first().cloned() else { return Ok(None) };
    let is_nowhere =
        |feature: &&String| parts.iter().all(|(_, part)| part.texts_of_baseline.contains(feature));
    if let Some(feature) = first.texts_of_baseline.iter().find(is_nowhere) {
        return Err(Problem::new(
            &codes::BASELINE_INVALID,
            "the baseline has a text in a column in which no part of the data has one",
        )
        .field("methods.shap.baseline")
        .found(format!("a text for `{feature}`"))
        .expected("a number, a truth value or null"));
    }
    let (mut rows, mut paths, mut explained) = (0_u64, Vec::new(), Vec::new());
    let mut baseline = Spelled::new(&first.baseline, &first.types);
    for (path, part) in parts {
        part.explained.check().map_err(|what| unusable(&path, what))?;
        if part.labels != first.labels {
            return Err(differ(&path, "other outputs than the first part".into()));
        }
        baseline.add(&part.baseline, &part.types).map_err(|what| differ(&path, what))?;
        if part.types != first.types {
            tracing::warn!(
                "{}: columns have other types than in the first part, so the model was sent other spellings of equal \
                 numbers: {} and {}",
                path.display(),
                part.types.join(", "),
                first.types.join(", ")
            );
        }
        rows = rows.saturating_add(part.rows);
        paths.push(path);
        explained.push(part.explained);
    }
    let whole = shap::Part::combine(explained).map_err(|(at, what)| differ(&paths[at], what))?;
    let Some(explained) = whole else { return Ok(None) };
    if explained.outputs() != first.labels.len() {
        return Err(unusable(&paths[0], "another number of outputs than names"));
    }
    run.add(files, "explanations_shap/baseline.csv", baseline.text().as_bytes())?;
    let (mut explanations, mut details) = (Explanations::default(), empty_details(run));
    told(ExplainedPart { explained, rows, ..first }, &mut explanations, &mut details);
    Ok(Some(Explanation { explanations, details }))
}

/// The baseline of all rows, as a file that `methods.shap.baseline` can name, and how many rows it has.
///
/// # Errors
/// `INTERNAL`: no baseline was prepared.
pub(crate) fn baseline_file(
    run: &Context,
    reading: &Reading,
    questions: Option<Questions>,
) -> Result<(String, u64)> {
    let Some(Questions { names, mut cells, baseline: Some(baseline), .. }) = questions else {
        return Err(Problem::new(&codes::INTERNAL, "no baseline was made"));
    };
    let columns = reading.rows().map(feature_columns).unwrap_or_default();
    let text = shap::to_file(baseline_format(run, reading), &names, &columns, &mut cells, &baseline);
    Ok((text, baseline.len() as u64))
}
