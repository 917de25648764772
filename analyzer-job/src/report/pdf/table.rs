//! Tables: how wide each column is, what stands in each cell, and what repeats on the next page.

use std::rc::Rc;

use krilla::tagging::{TableHeaderScope, Tag};

use super::super::page::{Cell, Column, ColumnKind, Row, State, Style, Table};
use super::body::{Body, bold, colour, plain, span, stack};
use super::flow::{Anchor, Head, Keep, Mark, Placed, Role, Slab};
use super::picture::Picture;
use super::shape::Span;
use super::style::{self, CELL_INSET, INK, QUIET, REMARK_EM, TABLE_LEADING_EM, TEXT_HEIGHT, TEXT_WIDTH};
use super::tags::NodeId;
use super::text::Paragraph;
use super::widths::{Wish, share};

/// From the left end of the first column to the right end of the last: their text stands on the
/// edges of the text around.
const WIDTH: f32 = TEXT_WIDTH + 2.0 * CELL_INSET;

/// A cell that is measured but has no place yet.
#[derive(Default)]
struct Content {
    paragraphs: Vec<Paragraph>,
    picture: Option<(Rc<Picture>, f32, Role)>,
    /// The entry of the glossary that it is.
    anchor: Option<Rc<str>>,
}

impl Content {
    fn natural(&self) -> f32 {
        let picture = self.picture.as_ref().map_or(0.0, |(_, width, _)| *width);
        self.paragraphs.iter().map(|text| text.natural).fold(picture, f32::max)
    }

    fn least(&self) -> f32 {
        let picture = self.picture.as_ref().map_or(0.0, |(_, width, _)| *width);
        self.paragraphs.iter().map(|text| text.least).fold(picture, f32::max)
    }

    /// Marks from the top of the cell, and their height.
    fn set(self, width: f32, to_end: bool, gap: f32) -> (Vec<Placed>, f32) {
        let mut marks = Vec::new();
        let mut height = 0.0;
        for (place, paragraph) in self.paragraphs.iter().enumerate() {
            if place > 0 {
                height += gap;
            }
            let lines = paragraph.lines(width);
            let tall = paragraph.height(lines.len().max(1));
            let widths: Vec<f32> = lines.iter().map(|line| line.width).collect();
            for (mark, wide) in stack(paragraph, lines, 0.0, height).zip(widths) {
                let x = if to_end { width - wide } else { 0.0 };
                marks.push(Placed { x, ..mark });
            }
            height += tall;
        }
        if let Some((picture, wide, role)) = self.picture {
            let tall = wide * picture.height / picture.width;
            marks.push(Placed {
                x: 0.0,
                y: height,
                height: tall,
                mark: Mark::Picture { picture, width: wide, role },
            });
            height += tall;
        }
        (marks, height)
    }
}

/// What all cells of a table share.
struct Setting {
    size: f32,
    plot: bool,
    picture: f32,
    glossary: bool,
    columns: usize,
}

#[derive(Clone, Copy)]
enum Vertical {
    Top,
    Middle,
    Bottom,
}

impl Body {
    pub(super) fn table(&mut self, table: &Table, glossary: bool) {
        let plot = table.style == Style::Plot;
        let size = match table.style {
            _ if table.columns.len() > style::WIDE => style::WIDE_TABLE,
            Style::Long | Style::Folded => style::LONG_TABLE,
            Style::Plain | Style::Plot => style::TABLE,
        };
        let picture = if plot { style::PLOT_WIDTH } else { style::BAR_WIDTH };
        let setting = Setting { size, plot, picture, glossary, columns: table.columns.len() };
        let element = self.strip.tags.add(None, Tag::Table);
        self.caption(table, element);

        let head_element = self.strip.tags.add(Some(element), Tag::THead);
        let head_row = self.strip.tags.add(Some(head_element), Tag::TR);
        let heads: Vec<Content> =
            table.columns.iter().map(|column| self.head_cell(column, head_row, &setting)).collect();
        let body_element = (!table.rows.is_empty()).then(|| self.strip.tags.add(Some(element), Tag::TBody));
        let rows: Vec<Vec<Content>> = table
            .rows
            .iter()
            .map(|row| {
                let element = self.strip.tags.add(body_element, Tag::TR);
                let cells = row.cells.iter().zip(&table.columns);
                cells.map(|(cell, column)| self.cell(cell, column, row, element, &setting)).collect()
            })
            .collect();

        let widths = widths(table, &heads, &rows, &setting);
        let head = row(heads, &table.columns, &widths, Vertical::Bottom, style::HEAD_LINE, &setting);
        // A head that is most of a page is not worth a repetition.
        let repeated = (head.height < TEXT_HEIGHT / 3.0).then(|| {
            Rc::new(Head { height: head.height, marks: head.marks.iter().map(decoration).collect() })
        });
        self.strip.slabs.push(Slab { keep: Keep::Firmly, ..head });
        let few = if table.wordy() { style::FEW_WORDY } else { style::FEW };
        let count = rows.len();
        for (place, cells) in rows.into_iter().enumerate() {
            let vertical = if plot { Vertical::Middle } else { Vertical::Top };
            let mut slab = row(cells, &table.columns, &widths, vertical, style::GRID_LINE, &setting);
            slab.head = repeated.clone();
            // No page begins or ends with a single row of a table.
            let tied = count <= few || place == 0 || place + 2 == count;
            if tied && place + 1 < count {
                slab.keep = Keep::Gently;
            }
            self.strip.slabs.push(slab);
        }
        if let Some(last) = self.strip.slabs.last_mut() {
            last.below = style::BLOCK_GAP;
            last.keep = Keep::Free;
        }
    }

    fn caption(&mut self, table: &Table, element: NodeId) {
        let node = self.strip.tags.add(Some(element), Tag::Caption);
        let spans = [span(&table.caption, plain(style::CAPTION, QUIET), node)];
        let paragraph = Paragraph::new(&mut self.strip.shaper, &spans, style::LEADING_EM);
        let lines = paragraph.lines(TEXT_WIDTH);
        let mut slab = Slab::new(paragraph.height(lines.len()), style::TABLE_GAP);
        slab.marks.extend(stack(&paragraph, lines, 0.0, 0.0));
        self.strip.slabs.push(Slab { below: style::CAPTION_GAP, keep: Keep::Firmly, ..slab });
    }

    fn paragraph(&mut self, spans: &[Span]) -> Paragraph {
        Paragraph::new(&mut self.strip.shaper, spans, TABLE_LEADING_EM)
    }

    fn head_cell(&mut self, column: &Column, row: NodeId, setting: &Setting) -> Content {
        let element = self.strip.tags.add(Some(row), Tag::TH(TableHeaderScope::Column));
        if let Some(axis) = &column.axis {
            let picture = Rc::new(Picture::new(axis, &mut self.strip.shaper));
            let role = if column.heading.is_empty() {
                Role::Decoration
            } else {
                Role::Text(element, Rc::from(column.heading.as_str()))
            };
            return Content { picture: Some((picture, setting.picture, role)), ..Content::default() };
        }
        let spans = [span(&column.heading, plain(style::TABLE_HEAD, QUIET), element)];
        Content { paragraphs: vec![self.paragraph(&spans)], ..Content::default() }
    }

    fn cell(
        &mut self,
        cell: &Cell,
        column: &Column,
        row: &Row,
        parent: NodeId,
        setting: &Setting,
    ) -> Content {
        let element = if column.kind == ColumnKind::Name {
            self.strip.tags.add(Some(parent), Tag::TH(TableHeaderScope::Row))
        } else {
            self.strip.tags.add(Some(parent), Tag::TD)
        };
        let (look, remark) = (plain(setting.size, INK), plain(setting.size * REMARK_EM, QUIET));
        let mut content = Content::default();
        match cell {
            Cell::Text { text } => {
                let pale = setting.plot && setting.columns > 3 && row.state == Some(State::Undefined);
                let look = if pale { plain(setting.size, QUIET) } else { look };
                content.paragraphs.push(self.paragraph(&[span(text, look, element)]));
            }
            Cell::Number { text, .. } => {
                content.paragraphs.push(self.paragraph(&[span(text, look, element)]))
            }
            Cell::Metric { name, code, asks, linked } => {
                let name_element = self.strip.tags.add(Some(element), Tag::Span);
                let target = self.explained.get(code.as_str()).filter(|_| *linked).cloned();
                let code_element = if target.is_some() {
                    self.strip.tags.add(Some(element), Tag::Link)
                } else {
                    self.strip.tags.add(Some(element), Tag::Span)
                };
                let spans = [
                    span(name, look, name_element),
                    span(" (", look, name_element),
                    Span { text: code, look: remark, node: Some(code_element), link: target },
                    span(")", look, name_element),
                ];
                content.paragraphs.push(self.paragraph(&spans));
                if !asks.is_empty() {
                    content.paragraphs.push(self.paragraph(&[span(asks, remark, element)]));
                }
            }
            Cell::Name { text, remark: below } => {
                content.paragraphs.push(self.paragraph(&[span(text, look, element)]));
                if !below.is_empty() {
                    content.paragraphs.push(self.paragraph(&[span(below, remark, element)]));
                }
                content.anchor = self.explained.get(text.as_str()).filter(|_| setting.glossary).cloned();
            }
            Cell::State { state, text } => {
                let colour = colour(*state);
                let look = if *state == State::Moved {
                    bold(setting.size, colour)
                } else {
                    plain(setting.size, colour)
                };
                let text = format!("{} {text}", state.mark());
                content.paragraphs.push(self.paragraph(&[span(&text, look, element)]));
            }
            Cell::Picture { svg } => {
                let picture = Rc::new(Picture::new(svg, &mut self.strip.shaper));
                content.picture = Some((picture, setting.picture, Role::Decoration));
            }
        }
        content
    }
}

fn row(
    cells: Vec<Content>,
    columns: &[Column],
    widths: &[f32],
    vertical: Vertical,
    line: style::Colour,
    setting: &Setting,
) -> Slab {
    let gap = TABLE_LEADING_EM * setting.size;
    let mut slab = Slab::new(0.0, 0.0);
    let mut set = Vec::with_capacity(cells.len());
    for ((mut cell, column), width) in cells.into_iter().zip(columns).zip(widths) {
        slab.anchors.extend(cell.anchor.take().map(|code| (Anchor::Metric(code), 0.0)));
        let inner = (width - 2.0 * CELL_INSET).max(0.0);
        let (marks, height) = cell.set(inner, column.kind == ColumnKind::Number, gap);
        slab.height = slab.height.max(height + 2.0 * CELL_INSET);
        set.push((marks, height, *width));
    }
    let mut x = -CELL_INSET;
    for (marks, height, width) in set {
        let room = slab.height - height - 2.0 * CELL_INSET;
        let down = match vertical {
            Vertical::Top => 0.0,
            Vertical::Middle => room / 2.0,
            Vertical::Bottom => room,
        };
        slab.marks.extend(marks.into_iter().map(|mark| Placed {
            x: mark.x + x + CELL_INSET,
            y: mark.y + down + CELL_INSET,
            ..mark
        }));
        x += width;
    }
    let rule = Mark::Rule { width: x + CELL_INSET, colour: line };
    let y = slab.height - style::RULE / 2.0;
    slab.marks.push(Placed { x: -CELL_INSET, y, height: style::RULE, mark: rule });
    slab
}

/// The same to look at, and silent to those who listen.
fn decoration(placed: &Placed) -> Placed {
    let mark = match placed.mark.clone() {
        Mark::Line(line) => {
            let mut line = Rc::unwrap_or_clone(line);
            for part in &mut line.parts {
                (part.node, part.link) = (None, None);
            }
            Mark::Line(Rc::new(line))
        }
        Mark::Picture { picture, width, .. } => Mark::Picture { picture, width, role: Role::Decoration },
        rule @ Mark::Rule { .. } => rule,
    };
    Placed { mark, ..*placed }
}

/// Plots of one question stand on one grid; elsewhere sentences take the room that is left.
fn widths(table: &Table, heads: &[Content], rows: &[Vec<Content>], setting: &Setting) -> Vec<f32> {
    let wordy = table.wordy();
    let inset = 2.0 * CELL_INSET;
    let mut wishes: Vec<Wish> = Vec::with_capacity(heads.len());
    for (place, (column, head)) in table.columns.iter().zip(heads).enumerate() {
        let cells = || rows.iter().filter_map(|row| row.get(place));
        let natural = cells().map(Content::natural).fold(0.0, f32::max);
        let least = cells().map(Content::least).fold(head.least(), f32::max);
        let fixed = |width: f32| Wish { least: width, natural: width, fills: false };
        let wish = match column.kind {
            ColumnKind::Number => fixed(natural.max(head.least()) + inset),
            ColumnKind::Picture => fixed(setting.picture.max(head.least()) + inset),
            ColumnKind::Prose => Wish { least: least + inset, natural: natural + inset, fills: true },
            ColumnKind::Name if setting.plot => {
                Wish { least: least + inset, natural: natural + inset, fills: true }
            }
            _ if setting.plot => fixed(style::PLOT_COLUMN),
            kind if wordy => {
                let most = if kind == ColumnKind::Name { style::WORDY_NAME } else { style::WORDY_TEXT };
                let natural = natural.max(head.natural()) + inset;
                fixed(if natural > style::WORDY_NAME { most } else { natural })
            }
            _ => Wish { least: least + inset, natural: natural.max(head.natural()) + inset, fills: false },
        };
        wishes.push(wish);
    }
    // Something must take the room that is left, and long names need it most.
    if !wishes.iter().any(|wish| wish.fills) && wishes.len() > 5 {
        for (wish, column) in wishes.iter_mut().zip(&table.columns) {
            wish.fills = matches!(column.kind, ColumnKind::Name | ColumnKind::Text);
        }
    }
    share(&wishes, WIDTH)
}
