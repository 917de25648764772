//! One page: no network, readable without scripts, light and dark, on paper and on a phone.

use askama::Template;
use plumbline_common::{Problem, Result, codes};

use super::letters::{picture, spelled};
use super::page::{Block, Report, State};
use super::svg;
use super::tables::{Cell, ColumnKind, Style};
use crate::paper::drawing::Drawing;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    script: &'static str,
    /// JSON that cannot end its element early.
    island: String,
    some_moved: bool,
}

impl Page<'_> {
    fn shapes(&self, drawing: &Drawing) -> String {
        svg::body(drawing)
    }
}

pub(super) fn write(report: &Report) -> Result<Vec<u8>> {
    let failed = |error: String| Problem::new(&codes::INTERNAL, "cannot write the HTML report").found(error);
    let island = serde_json::to_string(&report.data).map_err(|error| failed(error.to_string()))?;
    let page = Page {
        report,
        style: include_str!("../../templates/report.css"),
        script: include_str!("../../templates/report.js"),
        island: harmless(&island),
        some_moved: rows(report).any(|state| state == State::Moved),
    };
    let text = page.render().map_err(|error| failed(error.to_string()))?;
    // Names that every reader of a page's source knows, in place of numbers.
    let text = text
        .replace("&#38;", "&amp;")
        .replace("&#60;", "&lt;")
        .replace("&#62;", "&gt;")
        .replace("&#34;", "&quot;");
    Ok(pictured(text).into_bytes())
}

/// With the control characters of names as their pictures.
fn pictured(text: String) -> String {
    if text.contains(|character| picture(character) != character) {
        text.chars().map(picture).collect()
    } else {
        text
    }
}

fn rows(report: &Report) -> impl Iterator<Item = State> {
    let tables = report.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    tables.flat_map(|table| &table.rows).filter_map(|row| row.state)
}

/// In JSON these characters stand only in strings, where an escape means the same.
fn harmless(json: &str) -> String {
    spelled(json).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_pictures() {
        assert_eq!(pictured("a\u{1b}[2J\u{7}\n\u{7f}\u{9b}é".into()), "a␛[2J␇\n␡\u{fffd}é");
    }

    #[test]
    fn island_cannot_end_its_element() {
        let text = serde_json::json!({"</script><!--": "<&>\u{202e}\u{200f}"}).to_string();
        let safe = harmless(&text);
        assert!(!safe.contains(['<', '>', '&', '\u{202e}', '\u{200f}']));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).unwrap(),
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        );
    }
}
