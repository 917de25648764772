//! The report of model quality: is the model as good as it was, how sure is that, and where is it worse.

mod classes;
mod metrics;
mod scores;
mod verdict;
mod words;

use serde_json::json;

use super::amounts::{self, of};
use super::page::Report;
use super::sentences::capital;
use super::tables;
use crate::performance::details::QualityDetails;
pub(super) use classes::group_tables;

/// The report of a run.
pub(super) fn report(details: &QualityDetails, title: &str) -> Report {
    let run = &details.run;
    let mut subject = vec![run.kind.clone()];
    subject.extend(run.endpoint.clone());
    if let Some([start, end]) = &run.window {
        subject.push(amounts::window(start, end));
    }
    subject.extend(run.job_name.clone());
    let (state, headline) = verdict::headline(details);
    let mut report = Report {
        title: title.into(),
        subject,
        headline,
        state,
        lead: verdict::lead(details),
        facts: verdict::facts(details),
        sections: Vec::new(),
        program: run.program.clone(),
        data: json!({"model_quality_details": details}),
    };
    notes(&mut report, details);
    metrics::metrics(&mut report, details);
    metrics::estimate(&mut report, details);
    classes::confusion(&mut report, details);
    classes::classes(&mut report, details);
    scores::curves(&mut report, details);
    scores::calibration(&mut report, details);
    scores::scores(&mut report, details);
    scores::residuals(&mut report, details);
    classes::groups(&mut report, details);
    data(&mut report, details);
    method(&mut report, details);
    report
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
    if let Some(table) = tables::skipped(&run.rows.records_skipped) {
        section.table(table);
    }
    for warning in &run.warnings {
        section.note(capital(warning));
    }
}

fn method(report: &mut Report, details: &QualityDetails) {
    let mut points = vec![
        "Values follow the rules of the hosted service: a zero denominator gives 0, the areas are sums of trapezoids over all \
         distinct scores, and the constant classifier of a binary problem always predicts the negative class."
            .to_string(),
        "The intervals are Wilson's: of shares of rows, and of other metrics of classes as shares of so many rows as would vary as much, \
         which DeLong's variance tells for the area under the ROC curve and a seeded bootstrap for the rest. Those of mean errors are \
         normal on the scale of the logarithm; that of the explained variance comes from the bootstrap itself."
            .to_string(),
    ];
    if details.judged {
        points.push(
            "A metric misses its threshold when it is on the worse side of it, even by a small amount. It became worse beyond chance \
             if a one-sided test with the rows of this run and of the baseline says so. The tests are corrected for all metrics of \
             the run (Holm): if nothing has changed, at most 5\u{202f}% of the runs report \"worse\"."
                .to_string(),
        );
    }
    if details.metrics.iter().any(|metric| metric.against_threshold.is_some()) {
        points.push(
            "A threshold that is neither the baseline's value nor at its margin is taken as exact: chance explains a miss if rows \
             whose true value is the threshold would often have such a value. These tests are corrected together (Holm)."
                .to_string(),
        );
    }
    report.section(2, "method", "How this was measured").points(points);
    super::method::manifest(report, &details.run);
}
