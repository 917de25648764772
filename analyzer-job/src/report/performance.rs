//! The report of model quality: is the model as good as it was, how sure is that, and where is it worse.

use serde_json::json;

use crate::performance::details::{
    ConfusionDetails, GroupDetails, MetricDetails, MetricVerdict, QualityDetails, RESIDUAL_SHARES,
};

use super::amounts::{self, count, number, of, percent_of};
use super::charts;
use super::page::{Block, Cell, Column, ColumnKind, Figure, Report, Row, State, Style, Table};
use super::sentences::isolate;

/// Classes whose confusions are shown as a matrix; with more only the largest confusions are.
const MATRIX_CLASSES: usize = 15;
/// Confusions that are listed.
const CONFUSIONS: usize = 15;

/// The report of a run.
pub(super) fn report(details: &QualityDetails, title: &str) -> Report {
    let run = &details.run;
    let mut subject = vec![run.kind.clone()];
    subject.extend(run.endpoint.clone());
    if let Some([start, end]) = &run.window {
        subject.push(amounts::window(start, end));
    }
    subject.extend(run.job_name.clone());
    let (state, headline) = headline(details);
    let mut report = Report {
        title: title.into(),
        subject,
        headline,
        state,
        lead: lead(details),
        facts: facts(details),
        sections: Vec::new(),
        program: run.program.clone(),
        data: json!({"model_quality_details": details}),
    };
    notes(&mut report, details);
    metrics(&mut report, details);
    estimate(&mut report, details);
    confusion(&mut report, details);
    classes(&mut report, details);
    curves(&mut report, details);
    calibration(&mut report, details);
    scores(&mut report, details);
    residuals(&mut report, details);
    groups(&mut report, details);
    data(&mut report, details);
    method(&mut report, details);
    report
}

/// Plain words for a metric.
fn words(name: &str) -> String {
    match name {
        "recall" => "recall: positives that are found",
        "precision" => "precision: positive predictions that are right",
        "accuracy" => "accuracy: predictions that are right",
        "true_positive_rate" => "true positive rate",
        "true_negative_rate" => "true negative rate",
        "false_positive_rate" => "false positive rate",
        "false_negative_rate" => "false negative rate",
        "auc" => "area under the ROC curve",
        "au_prc" => "area under precision over recall",
        "f0_5" => "F0.5 score",
        "f1" => "F1 score",
        "f2" => "F2 score",
        "weighted_recall" => "recall, weighted by class",
        "weighted_precision" => "precision, weighted by class",
        "weighted_f0_5" => "F0.5 score, weighted by class",
        "weighted_f1" => "F1 score, weighted by class",
        "weighted_f2" => "F2 score, weighted by class",
        "mae" => "mean absolute error",
        "mse" => "mean squared error",
        "rmse" => "root mean squared error",
        "r2" => "explained share of the variance (R²)",
        "baseline_majority" => "accuracy of always answering the more frequent label",
        "accuracy_best_constant_classifier" => "accuracy of the hosted service's constant classifier",
        other => return other.replace('_', " "),
    }
    .into()
}

/// The metrics that lead: what a reader asks for first.
const LEADING: [&str; 8] = ["auc", "f1", "accuracy", "recall", "precision", "weighted_f1", "rmse", "r2"];

fn find<'a>(details: &'a QualityDetails, name: &str) -> Option<&'a MetricDetails> {
    details.metrics.iter().find(|metric| metric.name == name)
}

fn state(metric: &MetricDetails) -> State {
    match (metric.verdict, metric.violated) {
        _ if metric.value.is_none() => State::Undefined,
        (MetricVerdict::Moved, _) => State::Moved,
        (MetricVerdict::Held, false) => State::Held,
        (MetricVerdict::Held | MetricVerdict::TooFewRows, _) | (MetricVerdict::NotCompared, true) => {
            State::CannotTell
        }
        (MetricVerdict::NotCompared, false) if metric.threshold.is_some() => State::Held,
        (MetricVerdict::NotCompared, false) => State::Measured,
    }
}

fn headline(details: &QualityDetails) -> (State, String) {
    if details.rows == 0 {
        let rows = of(details.rows_without_label, "row has", "rows have");
        return (State::CannotTell, format!("{rows} no label yet: the performance is estimated"));
    }
    let violated = details.metrics.iter().filter(|metric| metric.violated).count();
    let moved: Vec<&MetricDetails> =
        details.metrics.iter().filter(|metric| metric.verdict == MetricVerdict::Moved).collect();
    if !moved.is_empty() {
        let first = LEADING
            .iter()
            .find_map(|name| moved.iter().find(|metric| metric.name == *name))
            .unwrap_or(&moved[0]);
        return (State::Moved, format!("The model became worse: {}", change(first)));
    }
    if violated > 0 {
        let metrics = of(violated as u64, "metric is", "metrics are");
        let known = details.metrics.iter().any(|metric| metric.p_value.is_some());
        let why = if known { "no more than chance explains" } else { "whether by chance cannot be said" };
        return (State::CannotTell, format!("{metrics} on the wrong side of the threshold, {why}"));
    }
    if details.judged {
        return (State::Held, "The model is as good as its baseline".into());
    }
    let told = LEADING.iter().find_map(|name| find(details, name)).filter(|metric| metric.value.is_some());
    let text = match told {
        Some(metric) => format!("{} is {}", capital(&short_words(&metric.name)), value(metric)),
        None => format!("{} measured", of(details.metrics.len() as u64, "metric", "metrics")),
    };
    (State::Measured, text)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

fn short_words(name: &str) -> String {
    let words = words(name);
    words.split_once(':').map_or(words.clone(), |(short, _)| short.into())
}

fn value(metric: &MetricDetails) -> String {
    metric.value.map_or("undefined".into(), |value| number(value, metric.interval))
}

/// `accuracy fell from 0.94 to 0.81`.
fn change(metric: &MetricDetails) -> String {
    let name = short_words(&metric.name);
    match (metric.baseline.or(metric.threshold), metric.value) {
        (Some(then), Some(now)) => {
            let verb = if now < then { "fell" } else { "rose" };
            format!("{name} {verb} from {} to {}", number(then, metric.interval), value(metric))
        }
        _ => format!("{name} is {}", value(metric)),
    }
}

fn lead(details: &QualityDetails) -> Vec<String> {
    let mut lead = Vec::new();
    let moved = details
        .metrics
        .iter()
        .filter(|metric| metric.violated && metric.verdict == MetricVerdict::Moved)
        .count();
    let violated = details.metrics.iter().filter(|metric| metric.violated).count();
    if violated > 0 {
        let by_chance = details
            .metrics
            .iter()
            .filter(|metric| metric.violated && metric.verdict == MetricVerdict::Held)
            .count();
        let mut text =
            format!("{} on the wrong side of the threshold", of(violated as u64, "metric is", "metrics are"));
        if moved > 0 {
            text.push_str(&format!(", {moved} beyond what chance explains"));
        }
        if by_chance > 0 {
            text.push_str(&format!(", {by_chance} within what chance explains"));
        }
        lead.push(format!("{text}."));
    }
    for metric in
        LEADING.iter().filter_map(|name| find(details, name)).filter(|metric| metric.value.is_some()).take(3)
    {
        let interval = metric.interval.map(|[low, high]| {
            format!(
                " (95\u{202f}% interval {} to {})",
                number(low, metric.interval),
                number(high, metric.interval)
            )
        });
        let text = match metric.baseline {
            Some(_) => change(metric),
            None => format!("{} is {}", short_words(&metric.name), value(metric)),
        };
        lead.push(format!("{}{}.", capital(&text), interval.unwrap_or_default()));
    }
    if let Some(estimate) = &details.estimate {
        lead.push(format!(
            "{} no label yet: for them the performance is estimated below.",
            of(estimate.rows, "row has", "rows have")
        ));
    }
    lead
}

fn facts(details: &QualityDetails) -> Vec<String> {
    let mut facts =
        vec![details.problem_type.clone(), of(details.rows, "row with a label", "rows with a label")];
    if details.rows_without_label > 0 {
        facts.push(of(details.rows_without_label, "row without a label", "rows without a label"));
    }
    if let Some([negative, positive]) = &details.classes {
        facts.push(format!("positive is {}, negative {}", isolate(positive), isolate(negative)));
    }
    let skipped: u64 = details.run.rows.records_skipped.iter().map(|skipped| skipped.records).sum();
    if skipped > 0 {
        facts.push(of(skipped, "record left out", "records left out"));
    }
    facts
}

fn notes(report: &mut Report, details: &QualityDetails) {
    if details.notes.is_empty() {
        return;
    }
    let section = report.section(2, "notes", "Before you trust the numbers");
    for note in &details.notes {
        section.note(note.clone());
    }
}

/// The verdict of a row in words.
fn sure(metric: &MetricDetails) -> String {
    let p = metric.p_value.map(|p| if p < 0.001 { "p < 0.001".into() } else { format!("p = {p:.3}") });
    match metric.verdict {
        MetricVerdict::Moved => format!("worse, {}", p.unwrap_or_default()),
        MetricVerdict::Held if metric.violated => format!("chance, {}", p.unwrap_or_default()),
        MetricVerdict::Held => "held".into(),
        MetricVerdict::TooFewRows => "too few rows".into(),
        MetricVerdict::NotCompared if metric.violated => "threshold passed".into(),
        MetricVerdict::NotCompared if metric.threshold.is_some() => "held".into(),
        MetricVerdict::NotCompared => "–".into(),
    }
}

fn number_cell(value: Option<f64>, interval: Option<[f64; 2]>) -> Cell {
    match value {
        Some(value) => Cell::number(number(value, interval), value),
        None => Cell::number("–", ""),
    }
}

fn interval_cell(interval: Option<[f64; 2]>) -> Cell {
    match interval {
        Some([low, high]) => Cell::number(
            format!("{} to {}", number(low, interval), number(high, interval)),
            format!("{low} to {high}"),
        ),
        None => Cell::number("–", ""),
    }
}

fn metrics(report: &mut Report, details: &QualityDetails) {
    let shown: Vec<&MetricDetails> = details
        .metrics
        .iter()
        .filter(|metric| {
            !metric.name.ends_with("_best_constant_classifier") || metric.name.starts_with("accuracy")
        })
        .collect();
    if shown.is_empty() {
        return;
    }
    let compared = shown.iter().any(|metric| metric.baseline.is_some() || metric.threshold.is_some());
    let mut columns = vec![
        Column::new(ColumnKind::Name, "Metric"),
        Column::new(ColumnKind::Number, "Now"),
        Column::new(ColumnKind::Number, "95\u{202f}% interval"),
    ];
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
        columns.push(Column::new(ColumnKind::Number, "Threshold"));
        columns.push(Column::new(ColumnKind::State, "How sure"));
    }
    let in_unit = |metric: &MetricDetails| metric.value.is_none_or(|value| (0.0..=1.0).contains(&value));
    let pictured = shown.iter().all(|metric| in_unit(metric));
    if pictured {
        columns.push(Column::picture("", charts::plain_head([0.0, 1.0])));
    }
    let rows = shown
        .iter()
        .map(|metric| {
            let mut cells = vec![
                Cell::Name { text: capital(&words(&metric.name)), remark: metric.name.clone() },
                number_cell(metric.value, metric.interval),
                interval_cell(metric.interval),
            ];
            if compared {
                cells.push(number_cell(metric.baseline, metric.interval));
                cells.push(number_cell(metric.threshold, metric.interval));
                cells.push(Cell::State { state: state(metric), text: sure(metric) });
            }
            if pictured {
                let picture = metric.value.map(|value| {
                    charts::attribution_bar([0.0, 1.0], value, metric.standard_error, metric.baseline)
                });
                cells.push(picture.map_or(Cell::text(""), |drawing| Cell::Picture { drawing }));
            }
            if compared { Row::judged(state(metric), cells) } else { Row::new(cells) }
        })
        .collect();
    let mut caption = String::from("All numbers in full are in model_quality_details.json");
    if pictured {
        caption.push_str("; whiskers are one standard error either way, rings the baseline");
    }
    report.section(2, "metrics", "How good the predictions are").table(Table {
        caption,
        columns,
        rows,
        style: if pictured { Style::Plot } else { Style::Plain },
        code: None,
    });
}

fn estimate(report: &mut Report, details: &QualityDetails) {
    let Some(estimate) = &details.estimate else { return };
    let rows = estimate
        .metrics
        .iter()
        .map(|metric| {
            Row::new(vec![
                Cell::Name { text: capital(&words(&metric.name)), remark: metric.name.clone() },
                number_cell(Some(metric.value), Some(metric.band)),
                interval_cell(Some(metric.band)),
            ])
        })
        .collect();
    let heading = format!("Estimate for {} without a label", of(estimate.rows, "row", "rows"));
    report
        .section(2, "estimate", heading)
        .note(
            "An estimate, no measurement: rows are counted as positive as often as rows of the baseline with such a score \
             were. The band holds the true value in 95\u{202f}% of windows as long as a score still means what it meant \
             then; it does not see a change of that.",
        )
        .table(Table {
            caption: "Estimated from the scores".into(),
            columns: vec![
                Column::new(ColumnKind::Name, "Metric"),
                Column::new(ColumnKind::Number, "Estimate"),
                Column::new(ColumnKind::Number, "95\u{202f}% band"),
            ],
            rows,
            style: Style::Plain,
            code: None,
        });
}

/// The names of the classes as the rows of the matrix have them.
fn class_names(details: &QualityDetails) -> Vec<String> {
    match &details.classes {
        Some(classes) => classes.to_vec(),
        None => details.by_class.iter().map(|class| class.name.clone()).collect(),
    }
}

fn confusion(report: &mut Report, details: &QualityDetails) {
    if details.confusion.is_empty() || details.rows == 0 {
        return;
    }
    let names = class_names(details);
    let section = report.section(2, "confusion", "Labels and predictions");
    if names.len() <= MATRIX_CLASSES {
        let mut columns = vec![Column::new(ColumnKind::Name, "Label, then prediction")];
        columns.extend(names.iter().map(|name| Column::new(ColumnKind::Number, &isolate(name))));
        let cell = |actual: &str, predicted: &str| {
            details.confusion.iter().find(|cell| cell.actual == actual && cell.predicted == predicted)
        };
        let rows = names
            .iter()
            .map(|actual| {
                let mut cells = vec![Cell::text(isolate(actual))];
                cells.extend(
                    names
                        .iter()
                        .map(|predicted| Cell::count(cell(actual, predicted).map_or(0, |cell| cell.rows))),
                );
                Row::new(cells)
            })
            .collect();
        section.table(Table {
            caption: "Rows by label (down) and prediction (across)".into(),
            columns,
            rows,
            style: Style::Plain,
            code: None,
        });
    }
    let compared = details.confusion.iter().any(|cell| cell.baseline_share.is_some());
    let mut wrong: Vec<&ConfusionDetails> =
        details.confusion.iter().filter(|cell| cell.actual != cell.predicted && cell.rows > 0).collect();
    let moved = |cell: &ConfusionDetails| cell.baseline_share.map_or(0.0, |then| (cell.share - then).abs());
    if compared {
        wrong.sort_by(|a, b| moved(b).total_cmp(&moved(a)).then(b.rows.cmp(&a.rows)));
    } else {
        wrong.sort_by_key(|cell| std::cmp::Reverse(cell.rows));
    }
    if names.len() <= 2 || wrong.is_empty() {
        return;
    }
    let share = |share: Option<f64>| {
        share.map_or(Cell::number("–", ""), |share| Cell::number(percent_of(share), share))
    };
    let rows = wrong
        .iter()
        .take(CONFUSIONS)
        .map(|cell| {
            let mut cells = vec![
                Cell::text(isolate(&cell.actual)),
                Cell::text(isolate(&cell.predicted)),
                Cell::count(cell.rows),
                share(Some(cell.share)),
            ];
            if compared {
                cells.push(share(cell.baseline_share));
                let beyond = cell.p_value.is_some_and(|p| p <= 0.05);
                let (state, text) = match (beyond, cell.p_value) {
                    (true, _) => (State::Moved, "beyond chance"),
                    (false, Some(_)) => (State::Held, "chance explains it"),
                    (false, None) => (State::CannotTell, "too few rows"),
                };
                cells.push(Cell::State { state, text: text.into() });
                return Row::judged(state, cells);
            }
            Row::new(cells)
        })
        .collect();
    let mut columns = vec![
        Column::new(ColumnKind::Name, "Label"),
        Column::new(ColumnKind::Text, "Predicted as"),
        Column::new(ColumnKind::Number, "Rows"),
        Column::new(ColumnKind::Number, "Of the label's rows"),
    ];
    if compared {
        columns.push(Column::new(ColumnKind::Number, "In the baseline"));
        columns.push(Column::new(ColumnKind::State, "How sure"));
    }
    let caption = if compared { "Confusions that changed most" } else { "The largest confusions" };
    section.table(Table { caption: caption.into(), columns, rows, style: Style::Long, code: None });
}

fn classes(report: &mut Report, details: &QualityDetails) {
    if details.by_class.is_empty() {
        return;
    }
    let compared = details.by_class.iter().any(|class| class.baseline_recall.is_some());
    let mut columns = vec![
        Column::new(ColumnKind::Name, "Class"),
        Column::new(ColumnKind::Number, "Labels"),
        Column::new(ColumnKind::Number, "Predictions"),
        Column::new(ColumnKind::Number, "Recall"),
    ];
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    columns.push(Column::new(ColumnKind::Number, "Precision"));
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    columns.push(Column::new(ColumnKind::Number, "F1"));
    let rows = details
        .by_class
        .iter()
        .map(|class| {
            let mut cells = vec![
                Cell::text(isolate(&class.name)),
                Cell::count(class.rows),
                Cell::count(class.predicted),
                number_cell(class.recall, class.recall_interval),
            ];
            if compared {
                cells.push(number_cell(class.baseline_recall, class.recall_interval));
            }
            cells.push(number_cell(class.precision, class.precision_interval));
            if compared {
                cells.push(number_cell(class.baseline_precision, class.precision_interval));
            }
            cells.push(number_cell(Some(class.f1), None));
            Row::new(cells)
        })
        .collect();
    report.section(2, "classes", "Class by class").table(Table {
        caption: "Recall is the share of the class's rows that are found, precision the share of its predictions that are right"
            .into(),
        columns,
        rows,
        style: Style::Long,
        code: None,
    });
}

fn curves(report: &mut Report, details: &QualityDetails) {
    if details.rows == 0 || details.roc.len() < 3 {
        return;
    }
    let figure = |points: &[[f64; 2]], caption: &str, alt: &str| {
        let x: Vec<f64> = points.iter().map(|point| point[0]).collect();
        let y: Vec<f64> = points.iter().map(|point| point[1]).collect();
        Figure { caption: caption.into(), alt: alt.into(), drawing: charts::curve(&x, &[], &y, [0.0, 1.0]) }
    };
    let figures = vec![
        figure(
            &details.roc,
            "True positive rate over false positive rate (ROC)",
            "The ROC curve: the true positive rate rises with the false positive rate",
        ),
        figure(
            &details.precision_recall,
            "Precision over recall",
            "The precision-recall curve: precision changes as recall rises",
        ),
    ];
    let section = report.section(2, "curves", "At every threshold");
    section.text("Each point is what another threshold on the score would give.");
    section.blocks.push(Block::Figures { figures, code: None });
}

fn calibration(report: &mut Report, details: &QualityDetails) {
    let Some(calibration) = details.calibration.as_ref().filter(|_| details.rows > 0) else { return };
    let rows = calibration
        .bins
        .iter()
        .map(|bin| {
            Row::new(vec![
                Cell::text(format!("{:.1} to {:.1}", bin.low, bin.high)),
                Cell::count(bin.rows),
                number_cell(Some(bin.mean_score), Some(bin.interval)),
                number_cell(Some(bin.positive_share), Some(bin.interval)),
                interval_cell(Some(bin.interval)),
                Cell::Picture {
                    drawing: charts::attribution_bar(
                        [0.0, 1.0],
                        bin.positive_share,
                        None,
                        Some(bin.mean_score),
                    ),
                },
            ])
        })
        .collect();
    let more =
        if calibration.error > 2.0 * calibration.error_by_chance { "more than" } else { "about as much as" };
    report
        .section(2, "calibration", "Do the scores mean what they say?")
        .text(format!(
            "Scores and shares of positives differ by {:.3} on average (expected calibration error), {more} chance alone gives \
             ({:.3}). Log loss {:.4}, Brier score {:.4}. The mean score is {:.3}, the share of positives {:.3}.",
            calibration.error,
            calibration.error_by_chance,
            calibration.log_loss,
            calibration.brier,
            calibration.mean_score,
            calibration.positive_share
        ))
        .table(Table {
            caption: "Rows by score; the bar is the share of positives, the ring the mean score: on its end where scores are right"
                .into(),
            columns: vec![
                Column::new(ColumnKind::Name, "Score"),
                Column::new(ColumnKind::Number, "Rows"),
                Column::new(ColumnKind::Number, "Mean score"),
                Column::new(ColumnKind::Number, "Positive"),
                Column::new(ColumnKind::Number, "95\u{202f}% interval"),
                Column::picture("", charts::plain_head([0.0, 1.0])),
            ],
            rows,
            style: Style::Plot,
            code: None,
        });
}

fn scores(report: &mut Report, details: &QualityDetails) {
    let Some(now) = &details.scores else { return };
    let what = if details.problem_type == "Regression" { "Predictions" } else { "Scores" };
    let total: u64 = now.rows.iter().sum();
    let then = details.baseline_scores.as_ref().map(|then| (&then.rows, then.rows.iter().sum::<u64>()));
    let width = (now.high - now.low) / now.rows.len() as f64;
    let share = |rows: u64, total: u64| if total == 0 { 0.0 } else { rows as f64 / total as f64 };
    let full = now
        .rows
        .iter()
        .map(|&rows| share(rows, total))
        .chain(then.iter().flat_map(|(rows, total)| rows.iter().map(|&rows| share(rows, *total))))
        .fold(0.01, f64::max);
    let mut columns = vec![
        Column::new(ColumnKind::Name, "From"),
        Column::new(ColumnKind::Number, "Rows"),
        Column::new(ColumnKind::Number, "Share"),
        Column::new(ColumnKind::Picture, "Now"),
    ];
    if then.is_some() {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
        columns.push(Column::new(ColumnKind::Picture, "Then"));
    }
    let bar =
        |share: f64, state: State| Cell::Picture { drawing: charts::share_bar(share, full, None, state) };
    let rows = now
        .rows
        .iter()
        .enumerate()
        .map(|(at, &rows)| {
            let mine = share(rows, total);
            let mut cells = vec![
                Cell::text(amounts::short(now.low + width * at as f64)),
                Cell::count(rows),
                Cell::number(percent_of(mine), mine),
                bar(mine, State::Held),
            ];
            if let Some((before, total)) = &then {
                let theirs = share(before.get(at).copied().unwrap_or(0), *total);
                cells.push(Cell::number(percent_of(theirs), theirs));
                cells.push(bar(theirs, State::CannotTell));
            }
            Row::new(cells)
        })
        .collect();
    report
        .section(2, "scores", format!("{what} now{}", if then.is_some() { " and then" } else { "" }))
        .table(Table {
            caption: format!(
                "{count} rows in twenty bins; values outside count in the first and the last",
                count = count(total)
            ),
            columns,
            rows,
            style: Style::Long,
            code: None,
        });
}

fn residuals(report: &mut Report, details: &QualityDetails) {
    let Some(now) = &details.residuals else { return };
    let then = details.baseline_residuals.as_ref();
    let mut columns =
        vec![Column::new(ColumnKind::Name, "Share of rows below"), Column::new(ColumnKind::Number, "Now")];
    if then.is_some() {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    let short = |value: f64| Cell::number(amounts::short(value), value);
    let mut rows: Vec<Row> = RESIDUAL_SHARES
        .iter()
        .enumerate()
        .map(|(at, share)| {
            let mut cells = vec![Cell::text(percent_of(*share)), short(now.quantiles[at])];
            cells.extend(then.map(|then| short(then.quantiles[at])));
            Row::new(cells)
        })
        .collect();
    let mut cells = vec![Cell::text("mean"), short(now.mean)];
    cells.extend(then.map(|then| short(then.mean)));
    rows.push(Row::new(cells));
    report
        .section(2, "residuals", "How wrong the predictions are")
        .text("Prediction less label: above 0 the model says too much, below 0 too little.")
        .table(Table {
            caption: "Quantiles of the errors".into(),
            columns,
            rows,
            style: Style::Plain,
            code: None,
        });
}

fn groups(report: &mut Report, details: &QualityDetails) {
    if details.groups.is_empty() {
        return;
    }
    let mut columns_by: Vec<&str> = Vec::new();
    for group in &details.groups {
        if !columns_by.contains(&group.column.as_str()) {
            columns_by.push(&group.column);
        }
    }
    let section = report.section(2, "groups", "Group by group");
    section.text("The same metrics, each for the rows of one group. Differences of few rows are often chance: look at the intervals.");
    for column in columns_by {
        let of_column: Vec<&GroupDetails> =
            details.groups.iter().filter(|group| group.column == column).collect();
        let Some(first) = of_column.first() else { continue };
        let mut columns =
            vec![Column::new(ColumnKind::Name, "Value"), Column::new(ColumnKind::Number, "Rows")];
        for metric in &first.metrics {
            columns.push(Column::new(ColumnKind::Number, &metric.name.replace('_', " ")));
            columns.push(Column::new(ColumnKind::Number, "95\u{202f}%"));
        }
        let rows = of_column
            .iter()
            .map(|group| {
                let mut cells = vec![Cell::text(isolate(&group.value)), Cell::count(group.rows)];
                for metric in &group.metrics {
                    cells.push(number_cell(metric.value, metric.interval));
                    cells.push(interval_cell(metric.interval));
                }
                Row::new(cells)
            })
            .collect();
        section.table(Table {
            caption: format!("By {}", isolate(column)),
            columns,
            rows,
            style: Style::Long,
            code: None,
        });
    }
}

fn data(report: &mut Report, details: &QualityDetails) {
    let run = &details.run;
    let section = report.section(
        2,
        "data",
        format!("The data: {}", of(details.rows, "row with a label", "rows with a label")),
    );
    section.points(vec![format!(
        "{} read, {} with a label, {} without.",
        of(run.rows.records_read, "record", "records"),
        of(details.rows, "row", "rows"),
        of(details.rows_without_label, "row", "rows")
    )]);
    if !run.rows.records_skipped.is_empty() {
        let rows = run
            .rows
            .records_skipped
            .iter()
            .map(|skipped| {
                Row::new(vec![
                    Cell::text(&skipped.reason),
                    Cell::count(skipped.records),
                    Cell::text(skipped.examples.join("; ")),
                ])
            })
            .collect();
        section.table(Table {
            caption: "What was left out".into(),
            columns: vec![
                Column::new(ColumnKind::Name, "Why"),
                Column::new(ColumnKind::Number, "Records"),
                Column::new(ColumnKind::Prose, "The first"),
            ],
            rows,
            style: Style::Plain,
            code: None,
        });
    }
    for warning in &run.warnings {
        section.note(capital(warning));
    }
}

fn method(report: &mut Report, details: &QualityDetails) {
    let mut points = vec![
        "Values are those of the hosted service: zero denominators give 0, the areas are sums of trapezoids over all distinct \
         scores, the constant classifier of a binary problem always answers with the negative class."
            .to_string(),
        "Intervals: Wilson's for shares of rows, DeLong's for the area under the ROC curve, a seeded bootstrap from the counts \
         for the rest."
            .to_string(),
    ];
    if details.judged {
        points.push(
            "A metric passes its threshold when it is on the wrong side of it, by however little. It became worse beyond chance \
             when both today's rows and the baseline's are too many for such a difference to be luck: one-sided tests, adjusted \
             for all metrics of the run (Holm), so that a run in which nothing changed says so in 95\u{202f}% of cases."
                .to_string(),
        );
    }
    report.section(2, "method", "How this was measured").points(points);
    super::method::manifest(report, &details.run);
}
