//! Scores and errors: curves over all thresholds, what scores mean, how they are spread.

use crate::performance::details::{Distribution, QualityDetails, RESIDUAL_SHARES};
use crate::report::amounts::{self, of};
use crate::report::charts;
use crate::report::page::{Block, Figure, Report};
use crate::report::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::results::Number;

pub(super) fn curves(report: &mut Report, details: &QualityDetails) {
    if details.rows == 0 || details.roc.len() < 3 {
        return;
    }
    let figure = |points: &[[f64; 2]], caption: &str, across: &str, alt: &str| {
        let x: Vec<f64> = points.iter().map(|point| point[0]).collect();
        let y: Vec<f64> = points.iter().map(|point| point[1]).collect();
        Figure {
            caption: caption.into(),
            alt: alt.into(),
            drawing: charts::curve(&x, &[], &y, [0.0, 1.0], across),
        }
    };
    let figures = vec![
        figure(
            &details.roc,
            "ROC curve: true positive rate",
            "false positive rate",
            "The ROC curve: the true positive rate rises with the false positive rate",
        ),
        figure(
            &details.precision_recall,
            "Precision-recall curve: precision",
            "recall",
            "The precision-recall curve: precision changes as recall rises",
        ),
    ];
    let section = report.section(2, "curves", "ROC and precision-recall curves");
    section.text("Each point of a curve belongs to one threshold on the score.");
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
    let chance = format!("{:.3} on average", calibration.error_by_chance);
    let chance = match calibration.error_limit {
        Some(limit) if calibration.error > limit => {
            format!(
                "more than chance alone explains ({chance}, at most {limit:.3} in 95\u{202f}% of samples)"
            )
        }
        Some(limit) => {
            format!(
                "no more than chance alone explains ({chance}, at most {limit:.3} in 95\u{202f}% of samples)"
            )
        }
        None => format!("where chance alone gives {chance}"),
    };
    report
        .section(2, "calibration", "Calibration: do the scores mean what they say?")
        .text(format!(
            "Scores and shares of positives differ by {:.3} on average (expected calibration error), {chance}. Log \
             loss {:.4}, Brier score {:.4}. The mean score is {:.3}, the share of positives {:.3}.",
            calibration.error,
            calibration.log_loss,
            calibration.brier,
            calibration.mean_score,
            calibration.positive_share
        ))
        .table(Table::new(Style::Plot, "Rows by score. The bar is the observed share of positives, the ring the mean score: the ring is at the end of the bar where the scores are right", vec![
                Column::new(ColumnKind::Name, "Score"),
                Column::new(ColumnKind::Number, "Rows"),
                Column::new(ColumnKind::Number, "Mean score"),
                Column::new(ColumnKind::Number, "Positive"),
                Column::new(ColumnKind::Number, "95\u{202f}% interval"),
                Column::picture("Share of positives", charts::plain_head([0.0, 1.0], "Share of positives")),
            ], rows));
}

pub(super) fn scores(report: &mut Report, details: &QualityDetails) {
    let Some(now) = &details.scores else { return };
    let (what, across) = if details.problem_type == "Regression" {
        ("Predictions", "prediction")
    } else {
        ("Scores", "score")
    };
    let total: u64 = now.rows.iter().sum();
    let shares = |of: &Distribution| -> Vec<f64> {
        let total: u64 = of.rows.iter().sum();
        of.rows.iter().map(|&rows| rows as f64 / total.max(1) as f64).collect()
    };
    let mine = shares(now);
    let theirs = details.baseline_scores.as_ref().map(shares);
    let drawing = charts::histogram(&mine, theirs.as_deref(), [now.low, now.high], across);
    let alt = format!("The distribution of the {}", what.to_lowercase());
    let figure = Figure { caption: "Share of rows".into(), alt, drawing };

    let mut columns = columns([
        (ColumnKind::Name, "From"),
        (ColumnKind::Number, "Rows"),
        (ColumnKind::Number, "Share now"),
    ]);
    if theirs.is_some() {
        columns.push(Column::new(ColumnKind::Number, "Share in the baseline"));
    }
    let width = (now.high - now.low) / now.rows.len() as f64;
    let row = |(at, &rows): (usize, &u64)| {
        let from = Cell::text(amounts::short(now.low + width * at as f64));
        let mut cells = vec![from, Cell::count(rows), Cell::share(mine[at])];
        cells.extend(theirs.iter().map(|theirs| Cell::share(theirs.get(at).copied().unwrap_or(0.0))));
        Row::new(cells)
    };
    let rows = now.rows.iter().enumerate().map(row).collect();
    let heading = format!("{what} now{}", if theirs.is_some() { " and in the baseline" } else { "" });
    let section = report.section(2, "scores", heading);
    let line = if theirs.is_some() { " The line is the baseline." } else { "" };
    section.text(format!(
        "The bars are the rows of this run, in twenty bins of equal width. Values outside the axis are counted in the first or \
         the last bin.{line}"
    ));
    section.blocks.push(Block::Figures { figures: vec![figure], code: None });
    let caption = format!("{} by {across}", of(total, "row", "rows"));
    section.table(Table::new(Style::Folded, caption, columns, rows));
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
        .section(2, "residuals", "Residuals: how wrong the predictions are")
        .text("An error is the prediction minus the label: above 0 the prediction is too high, below 0 too low.")
        .table(Table::new(Style::Plain, "Quantiles of the errors", columns, rows));
}
