//! The dry run: everything up to the first records, told as a page of text. Nothing is written.

use std::fmt::Write as _;

use jiff::Timestamp;
use plumbline_common::job::{Job, Outcome};
use plumbline_common::{Problem, Result};
use serde_json::Value as Json;

use crate::bias::roles;
use crate::config::Baseline;
use crate::context::{self, Context};
use crate::drift::bias as drift;
use crate::model;
use crate::monitor::{self, Kind};
use crate::plan::{self, Plan};
use crate::read::{self, Reading};
use crate::settings::Settings;
use crate::shap::{self, pdp};
use crate::stages::{data_quality, inputs, model_quality, predictions};
use crate::state::counts::FacetCounts;

/// Records that are read for a look.
const RECORDS: u64 = 1000;
/// Feature columns that are listed before the rest is only counted.
const COLUMNS_SHOWN: usize = 40;

/// Checks what the job would do. Exit code 0: it would start; else that of the problem it would stop with.
///
/// # Errors
/// Only what keeps the dry run itself from working, such as no scratch folder.
pub(crate) fn validate(job: &Job, settings: &Settings) -> Result<Outcome> {
    let mut text = String::new();
    let exit_code = match look(job, settings, &mut text) {
        Ok(()) => {
            text.push_str("\nThe job would start.\n");
            0
        }
        Err(problem) => {
            let _ = writeln!(text, "\nThe job would stop: {problem}");
            problem.class().exit_code()
        }
    };
    Ok(Outcome::Answered { text, exit_code })
}

fn look(job: &Job, settings: &Settings, text: &mut String) -> Result<()> {
    match monitor::kind(job, settings) {
        Some(Kind::DataQuality) => return data_quality::look(job, settings, RECORDS, text),
        Some(Kind::ModelQuality) => {
            return model_quality::look(job, settings, Timestamp::now(), RECORDS, text);
        }
        None => {}
    }
    let plan = plan::plan(job, settings, Timestamp::now())?;
    tell_plan(&plan, text);
    for warning in &plan.warnings {
        line(text, "warning", warning);
    }
    plan.check_output()?;
    if let Some(path) = &plan.constraints {
        let constraints = drift::load_constraints(path)?;
        drift::check_baseline(&plan.analysis, &constraints, settings.on_nothing_compared.is_allowed())?;
        line(text, "baseline", &path.display().to_string());
    }
    let scratch = context::scratch(job)?;
    let run = Context { job, settings, plan, scratch: scratch.path().to_path_buf() };
    let (reading, count_all) = inputs::look(&run, RECORDS)?;
    tell_reading(&reading, text);
    if let Some(model) = predictions::connect(&run, &reading)? {
        let rows = reading.rows().map(read::model_rows);
        if let Some((cells, rows)) = rows {
            let probe = model.probe(&cells, &rows)?;
            let _ = writeln!(
                text,
                "\nOne row sent to the model, answered in {:.0} ms",
                probe.latency.as_secs_f64() * 1e3
            );
            line(text, "request", &probe.request);
            line(text, "response", &probe.response);
            match &probe.label {
                Ok(label) => line(text, "label", label),
                Err(problem) if run.plan.predicts() => line(text, "label", &problem.to_string()),
                Err(_) => {}
            }
            match &probe.scores {
                Ok(scores) => line(text, "scores", &format!("{scores:?}")),
                Err(problem) if run.plan.explains() => line(text, "scores", &problem.to_string()),
                Err(_) => {}
            }
            let asked = asked_for(&run, count_all()?, rows.n_features);
            let parts: Vec<_> = asked.iter().map(|(what, rows)| format!("{rows} {what}")).collect();
            let estimate = probe.estimate(asked.iter().map(|(_, rows)| rows).sum());
            line(
                text,
                "estimate",
                &format!(
                    "{} requests, {:.1} minutes; rows that the model is asked for, at most: {}",
                    estimate.requests,
                    estimate.minutes,
                    parts.join(", ")
                ),
            );
        }
        if let Some(left) = model::left_text(&model.close()) {
            line(text, "warning", &left);
        }
    }
    if run.plan.bias() && !run.plan.predicts() {
        tell_groups(&run, &reading, text)?;
    }
    Ok(())
}

/// What the whole job asks the model for, and at most how many rows of it. Equal rows are asked for once, and
/// features equal to the baseline cost nothing, so it is often less.
fn asked_for(run: &Context, rows: u64, features: usize) -> Vec<(&'static str, u64)> {
    let methods = &run.plan.analysis.methods;
    let mut asked = Vec::new();
    if run.plan.predicts() {
        asked.push(("for metrics", rows));
    }
    if let Some(shap) = &methods.shap {
        let baseline = match &shap.baseline {
            Baseline::Clusters(count) => count.unwrap_or(shap::MOST_CLUSTERS) as u64,
            Baseline::Inline(Json::Array(rows))
                if rows.iter().all(|row| row.is_array() || row.is_object()) =>
            {
                rows.len() as u64
            }
            Baseline::Inline(_) | Baseline::Uri(_) => 1,
        };
        let what = match shap.baseline {
            Baseline::Uri(_) => "for attributions (times the rows of the baseline)",
            _ => "for attributions",
        };
        let sets =
            shap::coalitions(shap.num_samples, features) + u64::from(!shap.features_to_explain.is_empty());
        let each = sets.saturating_mul(baseline).saturating_add(1);
        let most = run.settings.max_model_rows.unwrap_or(u64::MAX);
        asked.push((what, rows.saturating_mul(each).saturating_add(baseline).min(most)));
    }
    if let Some(pdp) = &methods.pdp {
        let curves =
            if pdp.features.is_empty() { pdp.top_k_features.min(features) } else { pdp.features.len() };
        let used = rows.min(pdp::MOST_ROWS as u64);
        asked.push(("for partial dependence", used * (curves * pdp.grid_resolution) as u64));
    }
    asked
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<14} {value}");
}

fn tell_plan(plan: &Plan, text: &mut String) {
    let _ = writeln!(text, "{}", plan.kind(plan.constraints.is_some()));
    line(text, "configuration", &plan.config_path.display().to_string());
    line(text, "dataset", &plan.dataset);
    if let Some(path) = &plan.ground_truth {
        line(text, "ground truth", &path.display().to_string());
    }
    line(text, "output", &plan.output.display().to_string());
    if let Some((start, end)) = plan.window {
        line(text, "window", &format!("{start} to {end}"));
    }
    let methods = &plan.analysis.methods;
    for (name, codes) in
        [("pre-training", &methods.pre_training_bias), ("post-training", &methods.post_training_bias)]
    {
        if let Some(codes) = codes {
            line(text, name, &codes.join(", "));
        }
    }
    if let Some(shap) = &methods.shap {
        let samples = shap.num_samples.map_or("chosen by the number of features".into(), |n| n.to_string());
        line(text, "shap", &format!("num_samples {samples}"));
    }
    if let Some(pdp) = &methods.pdp {
        line(text, "pdp", &format!("{} points", pdp.grid_resolution));
    }
}

fn tell_reading(reading: &Reading, text: &mut String) {
    let counts = &reading.row_counts;
    let _ = writeln!(text, "\nFirst {} records: {} rows", counts.records_read, counts.rows);
    for skipped in &counts.records_skipped {
        line(
            text,
            "left out",
            &format!("{}: {} ({})", skipped.reason, skipped.records, skipped.examples.join("; ")),
        );
    }
    if let Some(kind) = reading.captured_input {
        line(text, "requests", kind.mime());
    }
    if let Some(kind) = reading.captured_output {
        line(text, "responses", kind.mime());
    }
    for warning in &reading.warnings {
        line(text, "warning", warning);
    }
    let _ = writeln!(text, "\n  {:<28} {:<10} {:>8}  role", "column", "type", "distinct");
    for column in reading.columns.iter().take(COLUMNS_SHOWN) {
        let kind = column.kind.map_or("-", |kind| kind.name());
        let distinct = if column.kind.is_some() { column.distinct.to_string() } else { "-".into() };
        let roles = column.roles.join(", ");
        let _ = writeln!(text, "  {:<28} {kind:<10} {distinct:>8}  {roles}", column.name);
    }
    if let Some(more) = reading.columns.len().checked_sub(COLUMNS_SHOWN).filter(|&more| more > 0) {
        let _ = writeln!(text, "  and {more} more columns");
    }
}

fn tell_groups(run: &Context, reading: &Reading, text: &mut String) -> Result<()> {
    let counted = roles::count(reading, None, &run.plan.analysis, false).map_err(in_first_records)?;
    let counts = &counted.counts;
    let _ = writeln!(
        text,
        "\nLabel `{}`, positive when `{}`; group sizes among these rows:",
        counts.label, counts.label_value_or_threshold
    );
    for FacetCounts { facet, value_or_threshold, total, .. } in &counts.facets {
        let share = |part: u64, all: u64| if all == 0 { 0.0 } else { 100.0 * part as f64 / all as f64 };
        line(
            text,
            &format!("{facet} {value_or_threshold}"),
            &format!(
                "{} rows, {:.1} % positive; the rest {} rows, {:.1} % positive",
                total.d.n(),
                share(total.d.observed_positive(), total.d.n()),
                total.a.n(),
                share(total.a.observed_positive(), total.a.n()),
            ),
        );
    }
    for warning in &counted.warnings {
        line(text, "warning", warning);
    }
    for note in &counted.selections {
        line(text, "warning", &format!("{note} (among these rows)"));
    }
    Ok(())
}

fn in_first_records(problem: Problem) -> Problem {
    let rule = "only the first records were looked at; all of them may fit";
    match problem.hint_text() {
        Some(hint) => {
            let hint = format!("{hint}; {rule}");
            problem.hint(hint)
        }
        None => problem.hint(rule),
    }
}
