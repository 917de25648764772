//! What the report says of segments: one table.

use crate::quality::segments::Told;
use crate::report::amounts::{number, percent_of};
use crate::report::page::{Report, State};
use crate::report::sentences::isolate;
use crate::report::tables::{Cell, Column, ColumnKind, Row, Style, Table};

/// The segments that are told, those in which most columns moved first.
pub(super) fn section(report: &mut Report, segments: &[Told]) {
    if segments.is_empty() {
        return;
    }
    let row = |segment: &Told| {
        let most = segment
            .columns
            .iter()
            .filter(|line| line.effect.is_some())
            .max_by(|a, b| a.effect.unwrap_or(0.0).total_cmp(&b.effect.unwrap_or(0.0)));
        let state = match segment.baseline_rows {
            None => State::Undefined,
            Some(_) if segment.moved > 0 => State::Moved,
            Some(_) => State::Held,
        };
        let word = match state {
            State::Undefined => "not in the baseline".to_string(),
            State::Moved => format!("{} moved", super::of_columns(segment.moved)),
            state => state.word().into(),
        };
        let most = most.map_or_else(String::new, |line| {
            format!("{} ({})", isolate(&line.column), number(line.effect.unwrap_or(0.0), None))
        });
        Row::judged(
            state,
            vec![
                Cell::text(format!("{} = {}", isolate(&segment.column), isolate(&segment.value))),
                Cell::count(segment.rows),
                Cell::number(percent_of(segment.share), segment.share),
                Cell::text(most),
                Cell::State { state, text: word },
            ],
        )
    };
    let columns = vec![
        Column::new(ColumnKind::Name, "Segment"),
        Column::new(ColumnKind::Number, "Rows"),
        Column::new(ColumnKind::Number, "Share"),
        Column::new(ColumnKind::Text, "Largest difference"),
        Column::new(ColumnKind::State, "Verdict"),
    ];
    report
        .section(2, "segments", "Segments")
        .text(
            "Each segment is compared with the baseline's rows of the same value. p-values are adjusted for all columns of \
             all segments together.",
        )
        .table(Table {
            caption: "Segments".into(),
            columns,
            rows: segments.iter().map(row).collect(),
            style: Style::Long,
            code: None,
        });
}
