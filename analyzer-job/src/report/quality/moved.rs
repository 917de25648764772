//! The columns that moved: how far, and why.

use crate::quality::shift::{Shift, Verdict};
use crate::report::amounts::{decimal, number, of, percent_of};
use crate::report::charts;
use crate::report::page::{Report, State};
use crate::report::sentences::isolate;
use crate::report::tables::{Cell, ColumnKind, Row, Style, Table, columns};

/// Moved columns that get a row with a picture; more are in the table of all columns.
const PICTURED: usize = 30;

pub(super) fn section(report: &mut Report, shifts: &[Shift]) {
    let moved: Vec<&Shift> = shifts.iter().filter(|shift| shift.verdict == Verdict::Moved).collect();
    if moved.is_empty() {
        return;
    }
    let section = report.section(2, "moved", "Columns that moved");
    section.text(
        "The distance of numbers is the Kolmogorov-Smirnov distance: the largest difference of the two distribution functions. \
         The distance of categories is the largest difference of a share (L-infinity). Both go from 0 (the same) to 1. p-values \
         are adjusted for the number of columns (Benjamini-Hochberg).",
    );
    let rows = moved.iter().take(PICTURED).map(|shift| row(shift)).collect();
    let columns = columns([
        (ColumnKind::Name, "Column"),
        (ColumnKind::Picture, "Shares of rows: baseline (grey) and now"),
        (ColumnKind::Number, "Distance"),
        (ColumnKind::Number, "Population stability index (PSI)"),
        (ColumnKind::Number, "p-value"),
        (ColumnKind::Text, "Drift check"),
    ]);
    let caption = match moved.len() {
        n if n > PICTURED => format!("The {PICTURED} columns with the largest distance, of {n} that moved"),
        n => format!("{}, the largest distance first", of(n as u64, "column", "columns")),
    };
    section.table(Table::new(Style::Plot, caption, columns, rows));
    if moved.len() > PICTURED {
        let more =
            of((moved.len() - PICTURED) as u64, "more column that moved is", "more columns that moved are");
        section.text(format!("{more} in the table of all columns."));
    }
}

fn row(shift: &Shift) -> Row {
    // Numbers stand on an axis; categories have no place on one.
    let picture = match (shift.quantiles.is_empty(), shift.parts.as_slice()) {
        (false, parts) => {
            let shares: Vec<(f64, f64)> = parts.iter().map(|part| (part.then, part.now)).collect();
            let ends = match parts {
                [first, .., last] => [first, last].map(|part| bound(&part.label)),
                _ => [None, None],
            };
            charts::pairs(&shares, ends)
        }
        (true, parts) => {
            charts::categories(parts.iter().map(|part| (part.label.as_str(), part.then, part.now)))
        }
    };
    Row::judged(
        State::Moved,
        vec![
            Cell::name(isolate(&shift.column), why(shift)),
            Cell::picture(picture),
            Cell::number(number(shift.effect, None), shift.effect),
            Cell::number(number(shift.stability_index, None), shift.stability_index),
            Cell::number(p_value(shift.adjusted_p_value), format!("{:e}", shift.adjusted_p_value)),
            Cell::text(match shift.compared {
                _ if shift.violated => "violation",
                Some(_) => "no violation",
                None => "not made: the types differ",
            }),
        ],
    )
}

/// The lower end of a part of a numeric axis, as its label has it.
fn bound(label: &str) -> Option<f64> {
    label.strip_prefix("from ")?.parse().ok()
}

/// Below one in a thousand the digits tell nothing.
fn p_value(p: f64) -> String {
    if p < 0.001 { "<\u{a0}0.001".into() } else { format!("{p:.3}") }
}

/// Why a column moved, in a few words.
fn why(shift: &Shift) -> String {
    let named = |list: &[(String, f64)]| {
        let named =
            list.iter().take(3).map(|(name, share)| format!("{} ({})", isolate(name), percent_of(*share)));
        named.collect::<Vec<_>>().join(", ")
    };
    let mut out = Vec::new();
    if !shift.new.is_empty() {
        out.push(format!("new: {}", named(&shift.new)));
    }
    if !shift.vanished.is_empty() {
        out.push(format!("gone: {}", named(&shift.vanished)));
    }
    if let Some([_, then, now]) = shift.quantiles.iter().find(|quantile| quantile[0] == 0.5) {
        let whole = shift.quantiles.iter().all(|[_, then, now]| then.fract() == 0.0 && now.fract() == 0.0);
        let told = |value: f64| if whole { decimal(value, 0) } else { number(value, None) };
        out.push(format!("median {} before, {} now", told(*then), told(*now)));
    }
    if out.is_empty()
        && let Some(part) =
            shift.parts.iter().max_by(|a, b| (a.now - a.then).abs().total_cmp(&(b.now - b.then).abs()))
    {
        let (then, now) = (percent_of(part.then), percent_of(part.now));
        out.push(format!("{}: {then} before, {now} now", isolate(&part.label)));
    }
    out.join("; ")
}
