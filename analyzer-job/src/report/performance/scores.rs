//! Scores and errors: curves over all thresholds, what scores mean, how they are spread.

use crate::performance::details::{QualityDetails, RESIDUAL_SHARES};
use crate::report::amounts::{self, count};
use crate::report::charts;
use crate::report::page::{Block, Figure, Report, State};
use crate::report::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::results::Number;

pub(super) fn curves(report: &mut Report, details: &QualityDetails) {
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

pub(super) fn calibration(report: &mut Report, details: &QualityDetails) {
    let Some(calibration) = details.calibration.as_ref().filter(|_| details.rows > 0) else { return };
    let rows = calibration
        .bins
        .iter()
        .map(|bin| {
            Row::new(vec![
                Cell::text(format!("{:.1} to {:.1}", bin.low, bin.high)),
                Cell::count(bin.rows),
                Cell::value(Some(Number::Float(bin.mean_score)), Some(bin.interval)),
                Cell::value(Some(Number::Float(bin.positive_share)), Some(bin.interval)),
                Cell::interval(Some(bin.interval)),
                Cell::picture(charts::attribution_bar(
                    [0.0, 1.0],
                    bin.positive_share,
                    None,
                    Some(bin.mean_score),
                )),
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
        .table(Table::new(Style::Plot, "Rows by score; the bar is the share of positives, the ring the mean score: on its end where scores are right", vec![
                Column::new(ColumnKind::Name, "Score"),
                Column::new(ColumnKind::Number, "Rows"),
                Column::new(ColumnKind::Number, "Mean score"),
                Column::new(ColumnKind::Number, "Positive"),
                Column::new(ColumnKind::Number, "95\u{202f}% interval"),
                Column::picture("", charts::plain_head([0.0, 1.0])),
            ], rows));
}

pub(super) fn scores(report: &mut Report, details: &QualityDetails) {
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
    let mut columns = columns([
        (ColumnKind::Name, "From"),
        (ColumnKind::Number, "Rows"),
        (ColumnKind::Number, "Share"),
        (ColumnKind::Picture, "Now"),
    ]);
    if then.is_some() {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
        columns.push(Column::new(ColumnKind::Picture, "Then"));
    }
    let bar = |share: f64, state: State| Cell::picture(charts::share_bar(share, full, None, state));
    let rows = now
        .rows
        .iter()
        .enumerate()
        .map(|(at, &rows)| {
            let mine = share(rows, total);
            let mut cells = vec![
                Cell::text(amounts::short(now.low + width * at as f64)),
                Cell::count(rows),
                Cell::share(mine),
                bar(mine, State::Held),
            ];
            if let Some((before, total)) = &then {
                let theirs = share(before.get(at).copied().unwrap_or(0), *total);
                cells.push(Cell::share(theirs));
                cells.push(bar(theirs, State::CannotTell));
            }
            Row::new(cells)
        })
        .collect();
    report
        .section(2, "scores", format!("{what} now{}", if then.is_some() { " and then" } else { "" }))
        .table(Table::new(
            Style::Long,
            format!(
                "{count} rows in twenty bins; values outside count in the first and the last",
                count = count(total)
            ),
            columns,
            rows,
        ));
}

pub(super) fn residuals(report: &mut Report, details: &QualityDetails) {
    let Some(now) = &details.residuals else { return };
    let then = details.baseline_residuals.as_ref();
    let mut columns = columns([(ColumnKind::Name, "Share of rows below"), (ColumnKind::Number, "Now")]);
    if then.is_some() {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    let short = |value: f64| Cell::number(amounts::short(value), value);
    let mut rows: Vec<Row> = RESIDUAL_SHARES
        .iter()
        .enumerate()
        .map(|(at, share)| {
            let mut cells = vec![Cell::text(amounts::percent_of(*share)), short(now.quantiles[at])];
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
        .table(Table::new(Style::Plain, "Quantiles of the errors", columns, rows));
}
