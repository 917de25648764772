use proptest::prelude::*;

use super::super::page::{Block, Figure, Report, Section, State};
use super::super::tables::{Cell, Column, ColumnKind, Row, Style, Table};
use super::write;
use crate::paper::drawing::Drawing;
use crate::paper::style::INK;

fn report(text: &str, blocks: Vec<Block>) -> Report {
    let section = |id: &str, level, blocks| Section { id: id.into(), level, heading: text.into(), blocks };
    Report {
        title: text.into(),
        subject: vec![text.into(); 2],
        headline: text.into(),
        state: State::Moved,
        lead: vec![text.into()],
        facts: vec![text.into()],
        sections: vec![section("a", 2, blocks), section("b", 3, Vec::new()), section("c", 4, Vec::new())],
        program: text.into(),
        data: serde_json::Value::Null,
    }
}

fn drawing() -> Drawing {
    let mut drawing = Drawing::new(320.0, 26.0);
    drawing.rectangle([0.0, 0.0], [8.0, 8.0], INK);
    drawing
}

fn cell(kind: u8, text: &str) -> Cell {
    let text = text.to_owned();
    match kind % 6 {
        0 => Cell::Text { text },
        1 => Cell::Number { exact: text.clone(), text },
        2 => Cell::Metric { name: text.clone(), asks: text.clone(), code: text, linked: true },
        3 => Cell::Name { remark: text.clone(), text },
        4 => Cell::State { state: State::CannotTell, text },
        _ => Cell::Picture { drawing: drawing() },
    }
}

fn table(style: Style, texts: &[String], columns: usize, rows: usize) -> Block {
    let kinds = [
        ColumnKind::Name,
        ColumnKind::Text,
        ColumnKind::Number,
        ColumnKind::Prose,
        ColumnKind::Picture,
        ColumnKind::State,
    ];
    let text = |place: usize| texts[place % texts.len()].as_str();
    let columns: Vec<Column> = (0..columns)
        .map(|place| Column::new(kinds[(place + texts.len()) % kinds.len()], text(place)))
        .collect();
    let row = |number: usize| {
        let cells = (0..columns.len()).map(|place| cell((number + place) as u8, text(number + place)));
        Row::judged(State::Undefined, cells.collect())
    };
    let rows = (0..rows).map(row).collect();
    Block::Table(Table { caption: text(0).into(), columns, rows, style, code: None })
}

#[track_caller]
fn check(report: &Report) {
    let first = write(report);
    assert!(first.is_ok(), "{first:?}");
    assert_eq!(first.ok(), write(report).ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Whatever the data holds, there is a document, it keeps the rules of PDF/UA-1, and it is the same twice.
    #[test]
    fn any_text_can_be_set(
        texts in prop::collection::vec(any::<String>(), 1..5),
        columns in 0_usize..9,
        rows in 0_usize..5,
    ) {
        let figure = Figure { caption: texts[0].clone(), alt: String::new(), drawing: drawing() };
        let blocks = vec![
            Block::Text { text: texts[0].clone() },
            Block::Note { text: texts.concat() },
            Block::Points { points: texts.clone() },
            Block::Verbatim { text: texts.join("\n") },
            Block::Figures { figures: vec![figure; rows], code: None },
            table(Style::Plain, &texts, columns, rows),
            table(Style::Plot, &texts, columns, rows),
        ];
        check(&report(&texts[0], blocks));
    }
}

#[test]
fn seventy_columns_are_narrow_but_whole() {
    let texts: Vec<String> = ["0.123", "income_of_the_household", ""].map(String::from).into();
    for style in [Style::Plain, Style::Plot, Style::Long] {
        check(&report("wide", vec![table(style, &texts, 70, 3), table(style, &texts, 70, 0)]));
    }
}

#[test]
fn a_word_longer_than_a_page_goes_on() {
    let texts = vec!["x".repeat(30_000), "ع".repeat(3_000)];
    let blocks = vec![
        Block::Text { text: texts[0].clone() },
        Block::Note { text: texts[0].clone() },
        table(Style::Plain, &texts, 4, 2),
    ];
    check(&report("long", blocks));
}

#[test]
fn rows_by_the_thousand_are_quick() {
    let texts: Vec<String> = ["age", "0.25", "Gender = female"].map(String::from).into();
    check(&report("many", vec![table(Style::Long, &texts, 8, 2_000)]));
}
