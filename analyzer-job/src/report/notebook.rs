//! The report as a notebook (nbformat 4.5): prose in markdown cells; tables and charts as code cells
//! with stored outputs, whose code makes them again from the files beside it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plumbline_common::{Problem, Result, codes};
use serde_json::{Value as Json, json};

use super::letters::picture;
use super::page::{Block, Figure, Report};
use super::svg;
use super::tables::{Cell, ColumnKind, Table};
use crate::paper::drawing::Drawing;

/// # Errors
/// None that data can cause.
pub(super) fn write(report: &Report) -> Result<Vec<u8>> {
    let mut cells = Cells::default();
    cells.markdown(first_screen(report));
    // Code that reads the files is only needed where something is made of them.
    if has_code(report) {
        cells.code(include_str!("../../templates/notebook.py").trim_end(), None);
    }
    for section in &report.sections {
        let mut text = format!("{} {}", "#".repeat(usize::from(section.level)), markdown(&section.heading));
        for block in &section.blocks {
            match block {
                Block::Text { text: paragraph } => text.push_str(&format!("\n\n{}", markdown(paragraph))),
                Block::Note { text: note } => {
                    text.push_str(&format!("\n\n> **Warning.** {}", markdown(note)))
                }
                Block::Points { points } => {
                    text.push('\n');
                    points.iter().for_each(|point| text.push_str(&format!("\n- {}", markdown(point))));
                }
                Block::Verbatim { text: verbatim } => {
                    text.push_str(&format!("\n\n<pre>{}</pre>", html(verbatim)));
                }
                Block::Table(table) => match &table.code {
                    Some(code) => {
                        cells.markdown(std::mem::take(&mut text));
                        cells.code(code, Some((html_table(table), plain_table(table))));
                    }
                    None => text.push_str(&format!("\n\n{}", html_table(table))),
                },
                Block::Figures { figures, code } => match code {
                    Some(code) => {
                        cells.markdown(std::mem::take(&mut text));
                        let plain: Vec<String> =
                            figures.iter().map(|figure| on_a_line(&figure.alt)).collect();
                        cells.code(code, Some((html_figures(figures), plain.join("\n"))));
                    }
                    None => text.push_str(&format!("\n\n{}", html_figures(figures))),
                },
            }
        }
        cells.markdown(text);
    }
    let notebook = json!({
        "cells": cells.cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "title": report.title,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    });
    let mut out = serde_json::to_vec_pretty(&notebook).map_err(|error| {
        Problem::new(&codes::INTERNAL, "cannot write the notebook report").found(error.to_string())
    })?;
    out.push(b'\n');
    Ok(out)
}

/// A text as it stands in Python: JSON's spelling of strings is Python's too.
pub(super) fn literal(text: &str) -> String {
    Json::from(text).to_string()
}

#[derive(Default)]
struct Cells {
    cells: Vec<Json>,
    executed: u64,
}

impl Cells {
    fn markdown(&mut self, text: String) {
        let text = text.trim();
        if !text.is_empty() {
            let id = self.id();
            self.cells
                .push(json!({"cell_type": "markdown", "id": id, "metadata": {}, "source": lines(text)}));
        }
    }

    /// `output`: as HTML and as plain text.
    fn code(&mut self, source: &str, output: Option<(String, String)>) {
        let id = self.id();
        self.executed += 1;
        let outputs: Vec<Json> = output
            .into_iter()
            .map(|(html, plain)| {
                json!({
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"text/html": lines(&html), "text/plain": lines(&plain)},
                })
            })
            .collect();
        // The functions that the other cells call are folded away: who opens a report looks for its tables.
        let metadata =
            if outputs.is_empty() { json!({"jupyter": {"source_hidden": true}}) } else { json!({}) };
        self.cells.push(json!({
            "cell_type": "code",
            "execution_count": self.executed,
            "id": id,
            "metadata": metadata,
            "outputs": outputs,
            "source": lines(source),
        }));
    }

    fn id(&self) -> String {
        format!("cell-{}", self.cells.len() + 1)
    }
}

/// As the format has it: a list of lines, each with its end.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn has_code(report: &Report) -> bool {
    report.sections.iter().flat_map(|section| &section.blocks).any(|block| match block {
        Block::Table(table) => table.code.is_some(),
        Block::Figures { code, .. } => code.is_some(),
        _ => false,
    })
}

fn first_screen(report: &Report) -> String {
    let mut subject = vec![format!("**{}**", markdown(&report.title))];
    subject.extend(report.subject.iter().map(|part| markdown(part)));
    let mut text =
        format!("{}\n\n# {} {}\n", subject.join(" · "), report.state.mark(), markdown(&report.headline));
    for sentence in &report.lead {
        text.push_str(&format!("\n{}\n", markdown(sentence)));
    }
    let facts: Vec<String> = report.facts.iter().map(|fact| markdown(fact)).collect();
    text.push_str(&format!("\n{}", facts.join(" · ")));
    text
}

/// Text that markdown, HTML and formulas in it leave alone. It stays one line.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars().map(picture) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '$' => out.push_str("&#36;"),
            // Two of them begin a formula, as one does.
            '\\' => out.push_str("&#92;"),
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => out.push(' '),
            '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '~' => {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    out
}

/// Text inside HTML that stands in markdown: no blank line may end the block, no `$` or `\` begin a formula. All that ends a
/// line somewhere, and tabs, are written by their numbers.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars().map(picture) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '$' | '\\' | '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("&#{};", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out
}

fn image(drawing: &Drawing, alt: &str) -> String {
    let data = STANDARD.encode(svg::file(drawing));
    format!(
        "<img alt=\"{}\" width=\"{}\" height=\"{}\" style=\"background:#fff\" src=\"data:image/svg+xml;base64,{data}\">",
        html(alt),
        drawing.width,
        drawing.height
    )
}

fn html_table(table: &Table) -> String {
    let mut out = format!("<table>\n<caption>{}</caption>\n<thead><tr>", html(&table.caption));
    for column in &table.columns {
        let axis = column.axis.as_ref().map(|axis| image(axis, &column.heading));
        out.push_str(&format!("<th>{}</th>", axis.unwrap_or_else(|| html(&column.heading))));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (cell, column) in row.cells.iter().zip(&table.columns) {
            let align = if column.kind == ColumnKind::Number { "right" } else { "left" };
            let content = match cell {
                Cell::Picture { drawing } => image(drawing, ""),
                cell => html(&plain(cell)),
            };
            out.push_str(&format!("<td style=\"text-align:{align}\">{content}</td>"));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>");
    out
}

fn html_figures(figures: &[Figure]) -> String {
    figures
        .iter()
        .map(|figure| {
            format!(
                "<div><strong>{}</strong><br>{}</div>",
                html(&figure.caption),
                image(&figure.drawing, &figure.alt)
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Text { text } | Cell::Number { text, .. } => text.clone(),
        Cell::Metric { name, code, .. } => format!("{name} ({code})"),
        Cell::Name { text, remark } => format!("{text}: {remark}"),
        Cell::State { state, text } => format!("{} {text}", state.mark()),
        Cell::Picture { .. } => String::new(),
    }
}

/// For readers without HTML: cells parted by two blanks.
fn plain_table(table: &Table) -> String {
    let rows = table.rows.iter().map(|row| {
        let cells: Vec<String> = row.cells.iter().map(plain).filter(|text| !text.is_empty()).collect();
        on_a_line(&cells.join("  "))
    });
    std::iter::once(on_a_line(&table.caption)).chain(rows).collect::<Vec<_>>().join("\n")
}

/// A line of plain text, which may be shown in a terminal.
fn on_a_line(text: &str) -> String {
    let ends = |letter| matches!(letter, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    text.chars().map(|letter| if ends(letter) { ' ' } else { picture(letter) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_data_stay_texts() {
        assert_eq!(markdown("<b>*x* $y$ [z](u)"), "&lt;b&gt;\\*x\\* &#36;y&#36; \\[z\\](u)");
        assert_eq!(markdown("\\(x\\) a\n\n\t![b](c)\u{2028}\u{1b}"), "&#92;(x&#92;) a   !\\[b\\](c) ␛");
        assert_eq!(html("a\"'<$"), "a&quot;&#39;&lt;&#36;");
        assert_eq!(
            html("\\(a\r\n\n\t\u{2028}\u{2029}\u{85}\u{b}"),
            "&#92;(a&#13;&#10;&#10;&#9;&#8232;&#8233;\u{fffd}␋"
        );
        assert_eq!(on_a_line("a\r\nb\tc\u{1b}"), "a  b\tc␛");
        assert_eq!(literal("a\"\\\n\u{7}"), r#""a\"\\\n\u0007""#);
    }
}
