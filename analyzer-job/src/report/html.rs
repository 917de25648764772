//! One page: no network, readable without scripts, light and dark, on paper and on a phone.

use askama::Template;
use plumbline_common::{Problem, Result, codes};

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

/// Control characters of names as their pictures (`␛`): HTML has no place for them, and a terminal that shows the page
/// would obey them.
fn pictured(text: String) -> String {
    let steers = |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
    if !text.contains(steers) {
        return text;
    }
    let picture = |character: char| match u32::from(character) {
        0x7f => '␡',
        code if code < 0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        _ => '\u{fffd}',
    };
    text.chars().map(|character| if steers(character) { picture(character) } else { character }).collect()
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
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
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
        let text = serde_json::json!({"</script><!--": "<&>"}).to_string();
        let safe = harmless(&text);
        assert!(!safe.contains(['<', '>', '&']));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&safe).unwrap(),
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        );
    }
}
