//! The last part of a report: the data and what was left out, how it was measured, by which version
//! on which bytes, and the glossary.

use crate::results::details::{BiasDetails, EstimatorUse, ExplanationDetails, Findings, RunDetails};

use super::amounts::{bytes, count, of};
use super::page::{Block, Report};
use super::sentences::isolate;
use super::tables;
use super::tables::{Cell, ColumnKind, Row, Style, Table, columns};
use super::verdict::run;
use crate::results::metrics::Metric;

/// Inputs that the report lists: a window may have a hundred thousand files.
pub(super) const MOST_INPUTS: usize = 200;

/// A longer configuration is cut; its hash stands in the manifest.
const CONFIGURATION_CHARACTERS: usize = 20_000;

pub(super) fn data(report: &mut Report, findings: &Findings) {
    let Some(run) = run(findings) else { return };
    let skipped: u64 = run.rows.records_skipped.iter().map(|skipped| skipped.records).sum();
    let heading = match skipped {
        0 => format!("The data: {}", of(run.rows.rows, "row", "rows")),
        skipped => format!(
            "The data: {}, {} skipped",
            of(run.rows.rows, "row", "rows"),
            of(skipped, "record", "records")
        ),
    };
    let section = report.section(2, "data", heading);
    let mut points = vec![format!(
        "{} read, {} analysed.",
        of(run.rows.records_read, "record", "records"),
        of(run.rows.rows, "row", "rows")
    )];
    if let Some([start, end]) = &run.window {
        points.push(format!("Window: {}.", super::amounts::window(start, end)));
    }
    if let Some(bias) = &findings.bias {
        let (listed, positive) = (&bias.label_value_or_threshold, super::bias::positive_values(bias));
        let as_listed =
            if positive == *listed { String::new() } else { format!(" (listed as {})", isolate(listed)) };
        points.push(format!(
            "Label: {}; positive is {}{as_listed}.",
            isolate(&bias.label),
            isolate(&positive)
        ));
        if let Some(variable) = &bias.group_variable {
            points.push(format!("Group variable of the conditional metrics: {}.", isolate(variable)));
        }
    }
    section.points(points);
    if let Some(table) = tables::skipped(&run.rows.records_skipped) {
        section.table(table);
    }
    if let Some(bias) = findings.bias.as_ref().filter(|bias| !bias.left_out.is_empty()) {
        let rows = bias
            .left_out
            .iter()
            .map(|left| {
                Row::new(vec![
                    Cell::text(isolate(&left.what)),
                    Cell::count(left.rows),
                    Cell::text(&left.reason),
                ])
            })
            .collect();
        section.table(Table::new(
            Style::Plain,
            "Groups and rows that no metric covers",
            columns([(ColumnKind::Name, "What"), (ColumnKind::Number, "Rows"), (ColumnKind::Prose, "Why")]),
            rows,
        ));
    }
    for warning in warnings(findings) {
        section.note(super::sentences::capital(warning));
    }
}

/// Of both analyses, each once.
fn warnings(findings: &Findings) -> Vec<&str> {
    let runs = findings.bias.iter().map(|bias| &bias.run).chain(findings.explanations.iter().map(|e| &e.run));
    let mut warnings: Vec<&str> = Vec::new();
    for warning in runs.flat_map(|run| &run.warnings) {
        if !warnings.contains(&warning.as_str()) {
            warnings.push(warning);
        }
    }
    warnings
}

pub(super) fn method(report: &mut Report, findings: &Findings) {
    let section = report.section(2, "method", "How this was measured");
    let mut points = Vec::new();
    if let Some(bias) = &findings.bias {
        points.push("Bias metrics are computed from the counts of each group without rounding.".to_owned());
        points.extend(intervals(bias));
        if bias.facets.iter().flat_map(|facet| &facet.metrics).any(|metric| metric.baseline.is_some()) {
            let rule = match &bias.check {
                Some(check) if check.beyond_chance_only => {
                    "In this run a violation is a metric that moved (`bias_drift_check=interval`)."
                }
                _ => {
                    "In this run a violation is a metric that is farther from 0 than in the baseline, as in the hosted service \
                     (`bias_drift_check=value`)."
                }
            };
            points.push(format!(
                "A metric moved if it is farther from its parity than in the baseline, and chance does not explain the difference: \
                 baseline and window are both drawn from their counts, and Westfall and Young's step-down procedure keeps one error \
                 rate for all metrics of the run. Parity is 1 for Disparate Impact (DI), 0 for the other metrics. {rule}"
            ));
        }
    }
    points.extend(findings.explanations.iter().flat_map(explanation_method));
    section.points(points);
    let Some(run) = run(findings) else { return };
    manifest(report, run);
}

/// How the 95 % intervals of the metrics are made. The same as in docs/bias-metrics.md.
fn intervals(bias: &BiasDetails) -> Option<String> {
    const OF_METRICS: [(&[&str], &str); 5] = [
        (
            &["CI", "DPL", "DPPL", "DI", "AD", "RD", "SD", "DAR", "DRR", "CDDL", "CDDPL"],
            "a share has Wilson's interval, and the interval of a difference or a ratio of two shares is combined from theirs \
             (Newcombe's method)",
        ),
        (
            &["TE"],
            "Treatment Equality (TE) uses the odds of a false negative, from Wilson's interval of their share",
        ),
        (
            &["DCA", "DCR"],
            "Difference in Conditional Acceptance and Rejection (DCA, DCR) use Bonett and Price's interval for ratios of counts \
             with rows in common",
        ),
        (&["FT"], "the Flip Test (FT) has Tango's score interval"),
        (
            &["KL", "JS", "LP", "TVD", "KS", "GE"],
            "the distances (JS, KL, LP, TVD, KS) and the Generalized Entropy (GE) have none, since an interval of theirs would \
             exclude 0 however alike the groups are",
        ),
    ];
    let is_asked = |codes: &[&str]| {
        bias.facets
            .iter()
            .flat_map(|facet| &facet.metrics)
            .any(|metric| codes.contains(&metric.name.as_str()))
    };
    let said: Vec<&str> =
        OF_METRICS.iter().filter(|(codes, _)| is_asked(codes)).map(|(_, said)| *said).collect();
    (!said.is_empty()).then(|| format!("95\u{202f}% confidence intervals: {}.", said.join("; ")))
}

fn explanation_method(details: &ExplanationDetails) -> Vec<String> {
    let mut points = vec![format!(
        "Attributions are Shapley values: {} explained with {} each against {}.",
        of(details.rows_explained, "row", "rows"),
        of(details.num_samples, "coalition", "coalitions"),
        of(details.baseline_rows, "baseline row", "baseline rows")
    )];
    points.extend(estimators(&details.estimators));
    points.push(format!("The model predicted {}.", of(details.model_rows, "row", "rows")));
    points.push(match details.seed {
        Some(seed) => format!("Seed {seed}."),
        None => "No seed was given; the fixed default was used.".into(),
    });
    if details.use_logit {
        let clipped = match details.clipped_predictions {
            0 => String::new(),
            clipped => {
                format!(
                    " {} moved inside (0, 1) first, since the logit of 0 or 1 is infinite.",
                    of(clipped, "prediction was", "predictions were")
                )
            }
        };
        points.push(format!("The attributions are in log-odds (the logit of the predictions).{clipped}"));
    }
    if let Some(reason) = &details.stopped_early {
        points.push(format!("The sampling ended early: {reason}."));
    }
    points
}

/// A line for each estimator: rows differ from the baseline in different numbers of features.
fn estimators(used: &[EstimatorUse]) -> Vec<String> {
    let mut by_name: Vec<(&str, u64, [u64; 2])> = Vec::new();
    for used in used {
        match by_name.iter_mut().find(|(name, ..)| *name == used.estimator) {
            Some((_, rows, [least, most])) => {
                *rows += used.rows;
                (*least, *most) = ((*least).min(used.players), (*most).max(used.players));
            }
            None => by_name.push((&used.estimator, used.rows, [used.players, used.players])),
        }
    }
    let line = |(name, rows, [least, most]): (&str, u64, [u64; 2])| {
        let range = if least < most { format!("{least} to ") } else { String::new() };
        let (rows, features) = (of(rows, "row", "rows"), of(most, "feature", "features"));
        let differ = if most == 1 { "differs" } else { "differ" };
        format!("Estimator \"{name}\": {rows} with {range}{features} that {differ} from the baseline.")
    };
    by_name.into_iter().map(line).collect()
}

/// What an auditor needs to say which run this was.
pub(super) fn manifest(report: &mut Report, run: &RunDetails) {
    let section = report.section(3, "manifest", "Manifest");
    let mut rows = vec![("Program", run.program.clone())];
    let optional = [
        ("Revision", &run.revision),
        ("Job", &run.job_name),
        ("Endpoint", &run.endpoint),
        ("Monitoring schedule", &run.schedule),
    ];
    rows.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    let rows = rows
        .into_iter()
        .map(|(name, value)| Row::new(vec![Cell::text(name), Cell::text(isolate(&value))]))
        .collect();
    section.table(Table::new(
        Style::Plain,
        "The run",
        columns([(ColumnKind::Name, "What"), (ColumnKind::Prose, "Value")]),
        rows,
    ));
    if !run.inputs.is_empty() {
        let rows = run
            .inputs
            .iter()
            .take(MOST_INPUTS)
            .map(|input| {
                Row::new(vec![
                    Cell::text(&input.role),
                    Cell::text(isolate(&input.name)),
                    Cell::number(bytes(input.bytes), input.bytes),
                    Cell::text(&input.sha256),
                ])
            })
            .collect();
        let caption = match run.inputs.len() {
            n if n > MOST_INPUTS => {
                let all = count(n as u64);
                format!(
                    "The first {MOST_INPUTS} of {all} inputs, and the SHA-256 of their bytes; the details file has all"
                )
            }
            _ => "Inputs, and the SHA-256 of their bytes".into(),
        };
        section.table(Table::new(
            Style::Long,
            caption,
            columns([
                (ColumnKind::Name, "Role"),
                (ColumnKind::Prose, "File"),
                (ColumnKind::Number, "Size"),
                (ColumnKind::Prose, "SHA-256"),
            ]),
            rows,
        ));
    }
    if !run.settings.is_empty() {
        let rows = run
            .settings
            .iter()
            .map(|setting| {
                Row::new(vec![
                    Cell::text(&setting.name),
                    Cell::text(isolate(&setting.value)),
                    Cell::text(if setting.given { "given" } else { "default" }),
                ])
            })
            .collect();
        section.table(Table::new(
            Style::Long,
            "Settings",
            columns([
                (ColumnKind::Name, "Setting"),
                (ColumnKind::Prose, "Value"),
                (ColumnKind::Text, "From"),
            ]),
            rows,
        ));
    }
    if !run.configuration.is_null() {
        let section = report.section(3, "configuration", "Analysis configuration");
        section.blocks.push(Block::Verbatim { text: shortened(&run.configuration) });
    }
}

fn shortened(configuration: &serde_json::Value) -> String {
    let text = serde_json::to_string_pretty(configuration).unwrap_or_default();
    match text.char_indices().nth(CONFIGURATION_CHARACTERS) {
        None => text,
        Some((end, _)) => {
            let rest = text[end..].chars().count();
            format!("{}\n... {} more characters", &text[..end], count(rest as u64))
        }
    }
}

/// Only when there is bias to speak of.
pub(super) fn glossary(report: &mut Report, findings: &Findings) {
    if findings.bias.is_none() {
        return;
    }
    let rows = Metric::by_family()
        .into_iter()
        .map(|metric| {
            Row::new(vec![
                Cell::explained(metric),
                Cell::text(metric.asks),
                Cell::text(metric.formula),
                Cell::text(metric.range),
            ])
        })
        .collect();
    let section = report.section(2, "glossary", "Glossary of the metrics");
    section.text(
        "d is the group, a is everyone else. A hat marks predictions; 1 is the positive label, 0 any other; n is a number of \
         rows. Source of the formulas: Amazon SageMaker developer guide, bias metrics before and after training.",
    );
    section.table(Table::new(
        Style::Plain,
        "Glossary",
        columns([
            (ColumnKind::Name, "Metric"),
            (ColumnKind::Prose, "Question"),
            (ColumnKind::Prose, "Formula"),
            (ColumnKind::Text, "Range"),
        ]),
        rows,
    ));
}
