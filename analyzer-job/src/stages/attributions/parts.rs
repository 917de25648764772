//! Attributions of parts of the rows: explained by themselves, with a baseline that was made before, and put together.

use std::path::{Path, PathBuf};

use plumbline_common::{Problem, Result, codes, output};
use serde_json::Value as Json;

use super::{Explanation, Folded, Prepared, baseline_format, empty_details, explain_rows, prepare, told};
use crate::config::{Baseline, ContentType, Shap};
use crate::context::Context;
use crate::model::Model;
use crate::read::Reading;
use crate::results::Explanations;
use crate::shap;
use crate::stages::refused;
use crate::state::file::unusable;
use crate::values::cells::Value;

/// Explains the rows of a part of the data; local values go to a file of the part's own. None for a part without rows.
///
/// # Errors
/// As `explain`; `CONFIG_NOT_SUPPORTED` for what needs all rows at once.
pub(crate) fn fold(
    run: &Context,
    reading: &Reading,
    model: &Model,
    mut prepared: Prepared,
    part: &str,
    files: &mut output::Results,
) -> Result<Folded> {
    explain_rows(run, reading, &mut prepared, model, files, Some(part)).map_err(|problem| {
        let row = model.refused_row();
        refused::named(problem, row.as_deref(), prepared.baseline.as_ref(), &prepared.rows, &prepared.names)
    })
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
    parts: Vec<(PathBuf, Folded)>,
    files: &mut output::Results,
) -> Result<Option<Explanation>> {
    let differ = |path: &Path, found: String| {
        Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the rows were explained differently")
            .file(path)
            .found(found)
            .hint("explain every part with the same model and the same baseline file")
    };
    let Some((_, first)) = parts.first().cloned() else { return Ok(None) };
    let (mut rows, mut paths, mut explained) = (0_u64, Vec::new(), Vec::new());
    for (path, part) in parts {
        part.explained.check().map_err(|what| unusable(&path, what))?;
        if part.labels != first.labels || part.baseline != first.baseline {
            return Err(differ(&path, "other outputs or another baseline than the first part".into()));
        }
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
    run.add(files, "explanations_shap/baseline.csv", first.baseline.as_bytes())?;
    let (mut explanations, mut details) = (Explanations::default(), empty_details(run));
    told(Folded { explained, rows, ..first }, &mut explanations, &mut details);
    Ok(Some(Explanation { explanations, details }))
}

/// The baseline of all rows, as a file that `methods.shap.baseline` can name.
///
/// # Errors
/// No rows, no `shap`; as `prepare`.
pub(crate) fn baseline_text(run: &Context, reading: &Reading) -> Result<(String, u64)> {
    let prepared = prepare(run, reading, None)?;
    let Some(baseline) = &prepared.baseline else {
        return Err(Problem::new(&codes::CONFIG_SCHEMA, "there is no baseline to make")
            .field("methods.shap")
            .expected("a section `shap`, which says how the baseline is made"));
    };
    let row = |row: &[u32]| Json::Array(row.iter().map(|id| json(prepared.cells.value(*id))).collect());
    let rows = baseline.len() as u64;
    let text = match baseline_format(run, reading) {
        ContentType::Csv => shap::baseline_csv(&prepared.names, &prepared.cells, baseline),
        ContentType::JsonLines => baseline.rows().map(|ids| format!("{}\n", row(ids))).collect(),
        ContentType::Json => format!("{}\n", Json::Array(baseline.rows().map(row).collect())),
    };
    Ok((text, rows))
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(text) => text.clone().into(),
    }
}
