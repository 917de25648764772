//! Bias metrics of the rows: counts, metrics, intervals, flip test, intersections and segments.

use plumbline_common::Result;

use crate::bias::roles::{self, Counted};
use crate::bias::{self, FlipOutcome};
use crate::context::{Context, SEED};
use crate::drift::bias::of_same_labels;
use crate::drift::chance;
use crate::read::part::MOST_ROWS;
use crate::read::{Reading, Rows, looks};
use crate::results::details::{FacetDetails, SegmentDetails, Selected, SelectionNote, Stage};
use crate::results::{Number, Results};
use crate::state::counts::BiasCounts;
use crate::values::table::Values;

/// What the bias stage found.
pub(crate) struct Bias {
    pub(crate) results: Results,
    pub(crate) counted: Counted,
    pub(crate) facets: Vec<FacetDetails>,
    pub(crate) intersections: Vec<FacetDetails>,
    /// The groups without their metrics: see `segments`.
    pub(crate) segments: Vec<SegmentDetails>,
}

/// Counts the groups. `predicted`: the model's labels, where they are not in the data.
///
/// # Errors
/// Those of `roles::count`.
pub(crate) fn count(run: &Context, reading: &Reading, predicted: Option<&Values>) -> Result<Counted> {
    let crossed = run.settings.intersections.on();
    let analysis = &run.plan.analysis;
    let counted = roles::count(reading, predicted, analysis, crossed)
        .map_err(|problem| looks::hint_of(problem, run.plan.dataset.as_ref(), analysis.dataset.format))?;
    for warning in &counted.warnings {
        tracing::warn!("{warning}");
    }
    for note in &counted.selections {
        tracing::warn!("{note}");
    }
    Ok(counted)
}

/// The groups while the model's predictions are not at hand.
///
/// # Errors
/// Those of `roles::count` that no prediction can change.
pub(crate) fn check(run: &Context, reading: &Reading) -> Result<Counted> {
    let mut analysis = run.plan.analysis.clone();
    analysis.methods.post_training_bias = None;
    roles::count(reading, None, &analysis, false)
}

/// Works out every metric that was asked for, and holds it against the baseline.
///
/// # Errors
/// A stop.
pub(crate) fn measure(
    run: &Context,
    reading: &Reading,
    counted: Counted,
    baseline: Option<&Results>,
) -> Result<Bias> {
    let methods = &run.plan.analysis.methods;
    let flips = flips(run, reading.rows(), &counted)?;
    let results = bias::results(&counted.counts, &flips, methods);
    let stop = &run.job.stop;
    let facets = bias::details(&counted.counts, &flips, methods);
    let with_noted = |facets: Vec<FacetDetails>| with_noted(facets, &counted.selections);
    let mut facets = with_noted(facets);
    if let Some(baseline) = baseline {
        let baseline = &*of_same_labels(&results, baseline);
        chance::judge(&mut facets, baseline, run.settings.drift_confidence, SEED, stop)?;
    }
    let crossed = BiasCounts { facets: counted.intersections.clone(), ..counted.counts.clone() };
    let intersections = with_noted(bias::details(&crossed, &[], methods));
    let segments = counted.segments.iter().map(|segment| SegmentDetails {
        segmentation: segment.segmentation.clone(),
        segment: segment.segment.clone(),
        rows: segment.rows,
        facets: with_noted(bias::groups(&segment.counts)),
    });
    let segments: Vec<SegmentDetails> = segments.collect();
    Ok(Bias { results, counted, facets, intersections, segments })
}

/// The counts cannot tell that all rows of the other side lack a value: those are nothing to compare with.
fn with_noted(mut facets: Vec<FacetDetails>, selections: &[SelectionNote]) -> Vec<FacetDetails> {
    for facet in &mut facets {
        let of_every_row = |note: &&SelectionNote| note.selected == Selected::EveryRow;
        for note in selections.iter().filter(of_every_row) {
            if note.concerns(facet) && !facet.empty.contains(&note.role) {
                facet.empty.push(note.role);
            }
        }
    }
    facets
}

/// The metrics of the first rows and their details, to be compared with a baseline before all rows are read. A metric that needs the model, or
/// rows that are not kept, is taken to have a value.
///
/// # Errors
/// A stop.
pub(crate) fn look(
    run: &Context,
    reading: &Reading,
    counted: &Counted,
    baseline: &Results,
) -> Result<(Results, Vec<FacetDetails>)> {
    let analysis = &run.plan.analysis;
    let predicts = run.plan.predicts();
    let flips = match reading.rows() {
        Some(rows) if !predicts => flips(run, Some(rows), counted)?,
        _ => vec![Err(String::new()); counted.counts.facets.len()],
    };
    let mut results = bias::results(&counted.counts, &flips, &analysis.methods);
    let is_known = |facet: &str, code: &str| match code {
        "CDDPL" => !predicts || analysis.group_variable.is_none(),
        "FT" => reading.rows().is_some_and(|rows| !predicts || cannot_be_flipped(reading, rows, facet)),
        _ => !predicts,
    };
    let facets = results.post_training_bias_metrics.iter_mut().flat_map(|section| &mut section.facets);
    for (facet, entries) in facets {
        for metric in entries.iter_mut().flat_map(|entry| &mut entry.metrics) {
            if !is_known(facet, &metric.name) {
                metric.value = Some(Number::Float(0.0));
            }
        }
    }
    let mut facets =
        with_noted(bias::details(&counted.counts, &flips, &analysis.methods), &counted.selections);
    for facet in &mut facets {
        for metric in facet.metrics.iter_mut().filter(|metric| metric.stage == Stage::PostTraining) {
            if !is_known(&facet.facet, &metric.name) {
                metric.value = Some(Number::Float(0.0));
            }
        }
    }
    chance::hold_against(&mut facets, &of_same_labels(&results, baseline));
    Ok((results, facets))
}

/// Whether the flip test has no value for a facet whatever the model predicts: a feature holds text or lacks values.
fn cannot_be_flipped(reading: &Reading, rows: &Rows, facet: &str) -> bool {
    let position = reading.layout.names.iter().position(|name| name == facet);
    position.is_some_and(|position| {
        let features = roles::flip_features(reading, position);
        let columns: Vec<_> = features.iter().map(|&column| &rows.table.columns[column]).collect();
        bias::unusable(&columns).is_some()
    })
}

/// Only the rows of states may be missing: those of the data are kept where they are compared.
fn too_many_rows() -> String {
    format!("the flip test compares rows with each other, and of several parts at most {MOST_ROWS} rows")
}

/// The flip test of every facet entry, when it was asked for.
fn flips(run: &Context, rows: Option<&Rows>, counted: &Counted) -> Result<Vec<FlipOutcome>> {
    let asked = run.plan.analysis.methods.post_training_bias.as_ref();
    if !asked.is_some_and(|codes| codes.contains(&"FT")) {
        return Ok(Vec::new());
    }
    let (Some(rows), Some(row_roles)) = (rows, &counted.rows) else {
        return Ok(vec![Err(too_many_rows()); counted.counts.facets.len()]);
    };
    let mut flips = Vec::new();
    for facet in &row_roles.facets {
        let features: Vec<_> =
            facet.flip_features.iter().map(|&column| &rows.table.columns[column]).collect();
        let (classes, predicted) = (&facet.classes, &row_roles.predicted);
        flips.extend(bias::flip_tests(&features, classes, &facet.groups, predicted, &run.job.stop)?);
    }
    Ok(flips)
}
