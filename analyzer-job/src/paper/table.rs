//! Tables: how wide each column is, what stands in each cell, and what repeats on the next page.

use std::rc::Rc;

use krilla::tagging::{TableHeaderScope, Tag};

use super::document::{Cell, Column, Table, Vertical, Width};
use super::drawing::Colour;
use super::flow::{Anchor, Head, Keep, Mark, Placed, Role, Slab};
use super::layout::{Body, stack};
use super::picture::Picture;
use super::style::{self, CELL_INSET, TABLE_LEADING_EM, TEXT_HEIGHT, TEXT_WIDTH};
use super::tags::NodeId;
use super::text::ShapedText;
use super::widths::{Wish, share};

/// From the left end of the first column to the right end of the last: their text stands on the
/// edges of the text around.
const WIDTH: f32 = TEXT_WIDTH + 2.0 * CELL_INSET;

/// A cell that is measured but has no place yet.
#[derive(Default)]
struct Content {
    paragraphs: Vec<ShapedText>,
    picture: Option<(Rc<Picture>, f32, Role)>,
    name: Option<Rc<str>>,
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
    fn set(self, width: f32, to_end: bool) -> (Vec<Placed>, f32) {
        let mut marks = Vec::new();
        let mut height = 0.0;
        for (place, paragraph) in self.paragraphs.iter().enumerate() {
            if place > 0 {
                // As far below the line above as the lines of this paragraph are apart.
                height += paragraph.pitch - paragraph.rise;
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

impl Body {
    pub(super) fn table(&mut self, table: &Table) {
        let element = self.strip.tags.add(None, Tag::Table);
        self.caption(table, element);

        let head_element = self.strip.tags.add(Some(element), Tag::THead);
        let head_row = self.strip.tags.add(Some(head_element), Tag::TR);
        let heads: Vec<Content> =
            table.columns.iter().map(|column| self.head_cell(column, head_row, table)).collect();
        let body_element = (!table.rows.is_empty()).then(|| self.strip.tags.add(Some(element), Tag::TBody));
        let rows: Vec<Vec<Content>> = table
            .rows
            .iter()
            .map(|row| {
                let element = self.strip.tags.add(body_element, Tag::TR);
                let cells = row.iter().zip(&table.columns);
                cells.map(|(cell, column)| self.cell(cell, column, element, table)).collect()
            })
            .collect();

        let widths = widths(table, &heads, &rows);
        let head = row(heads, &table.columns, &widths, Vertical::Bottom, style::LINE);
        // A head that is most of a page is not worth a repetition.
        let repeated = (head.height < TEXT_HEIGHT / 3.0).then(|| {
            Rc::new(Head { height: head.height, marks: head.marks.iter().map(decoration).collect() })
        });
        self.strip.slabs.push(Slab { keep: Keep::Firmly, ..head });
        let count = rows.len();
        for (place, cells) in rows.into_iter().enumerate() {
            let mut slab = row(cells, &table.columns, &widths, table.vertical, style::GRID);
            slab.head = repeated.clone();
            // No page begins or ends with a single row of a table.
            let tied = count <= table.few || place == 0 || place + 2 == count;
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
        let paragraph = self.shaped(&table.caption, node, style::LEADING_EM);
        let lines = paragraph.lines(TEXT_WIDTH);
        let mut slab = Slab::new(paragraph.height(lines.len()), style::TABLE_GAP);
        slab.marks.extend(stack(&paragraph, lines, 0.0, 0.0));
        self.strip.slabs.push(Slab { below: style::CAPTION_GAP, keep: Keep::Firmly, ..slab });
    }

    fn head_cell(&mut self, column: &Column, row: NodeId, table: &Table) -> Content {
        let element = self.strip.tags.add(Some(row), Tag::TH(TableHeaderScope::Column));
        let mut content = self.content(&column.head, element, table);
        if let Some((_, _, role)) = &mut content.picture
            && !column.told.is_empty()
        {
            *role = Role::Text(element, Rc::from(column.told.as_str()));
        }
        content
    }

    fn cell(&mut self, cell: &Cell, column: &Column, row: NodeId, table: &Table) -> Content {
        let element = if column.names {
            self.strip.tags.add(Some(row), Tag::TH(TableHeaderScope::Row))
        } else {
            self.strip.tags.add(Some(row), Tag::TD)
        };
        self.content(cell, element, table)
    }

    fn content(&mut self, cell: &Cell, element: NodeId, table: &Table) -> Content {
        let paragraphs =
            cell.paragraphs.iter().map(|spans| self.shaped(spans, element, TABLE_LEADING_EM)).collect();
        let picture = cell.drawing.as_ref().map(|drawing| {
            let picture = Picture::new(drawing, &mut self.strip.shaper);
            (Rc::new(picture), table.drawing_width, Role::Decoration)
        });
        Content { paragraphs, picture, name: cell.name.clone() }
    }
}

fn row(cells: Vec<Content>, columns: &[Column], widths: &[f32], vertical: Vertical, line: Colour) -> Slab {
    let mut slab = Slab::new(0.0, 0.0);
    let mut set = Vec::with_capacity(cells.len());
    for ((mut cell, column), width) in cells.into_iter().zip(columns).zip(widths) {
        slab.anchors.extend(cell.name.take().map(|name| (Anchor::Cell(name), 0.0)));
        let inner = (width - 2.0 * CELL_INSET).max(0.0);
        let (marks, height) = cell.set(inner, column.to_end);
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

fn widths(table: &Table, heads: &[Content], rows: &[Vec<Content>]) -> Vec<f32> {
    let inset = 2.0 * CELL_INSET;
    let mut wishes: Vec<Wish> = Vec::with_capacity(heads.len());
    for (place, (column, head)) in table.columns.iter().zip(heads).enumerate() {
        let cells = || rows.iter().filter_map(|row| row.get(place));
        let natural = cells().map(Content::natural).fold(0.0, f32::max);
        let least = cells().map(Content::least).fold(head.least(), f32::max);
        let fixed = |width: f32| Wish { least: width + inset, natural: width + inset, fills: false };
        let whole = natural.max(head.natural());
        wishes.push(match column.width {
            Width::Cells => fixed(natural.max(head.least())),
            Width::UpTo { limit, otherwise } => fixed(if whole > limit { otherwise } else { whole }),
            Width::Exactly(width) => fixed(width.max(least)),
            Width::Flexible => Wish { least: least + inset, natural: whole + inset, fills: false },
            Width::Fills => Wish { least: least + inset, natural: natural + inset, fills: true },
        });
    }
    // Something must take the room that is left, and long names need it most.
    if !wishes.iter().any(|wish| wish.fills) && wishes.len() > 5 {
        for (wish, column) in wishes.iter_mut().zip(&table.columns) {
            wish.fills = column.width == Width::Flexible;
        }
    }
    share(&wishes, WIDTH)
}

#[cfg(test)]
mod tests {
    use super::super::document::{Look, Span};
    use super::super::glyphs::{Marked, Shaper};
    use super::super::style::INK;
    use super::*;

    fn content(texts: &[&str]) -> Content {
        let mut shaper = Shaper::default();
        let mut set = |text: &&str| {
            let marked = Marked { text, look: Look::plain(8.0, INK), node: None, link: None };
            ShapedText::new(&mut shaper, &[marked], TABLE_LEADING_EM)
        };
        Content { paragraphs: texts.iter().map(&mut set).collect(), ..Content::default() }
    }

    fn width_of(mark: &Placed) -> f32 {
        match &mark.mark {
            Mark::Line(line) => line.width,
            _ => 0.0,
        }
    }

    #[test]
    fn numbers_end_where_their_column_ends() {
        for text in ["7", "1\u{202f}234.5"] {
            let (marks, _) = content(&[text]).set(100.0, true);
            assert!((marks[0].x + width_of(&marks[0]) - 100.0).abs() < 1e-3, "{text}");
            let (marks, _) = content(&[text]).set(100.0, false);
            assert_eq!(marks[0].x, 0.0);
        }
    }

    #[test]
    fn a_remark_stands_below_its_name_whatever_the_lines() {
        for width in [20.0, 60.0, 400.0] {
            let (marks, height) = content(&["a name of words", "a remark of words"]).set(width, false);
            let bottoms: Vec<f32> = marks.iter().map(|mark| mark.y + mark.height).collect();
            assert!(marks.windows(2).all(|pair| pair[1].y > pair[0].y + pair[0].height), "{width}");
            assert!((bottoms.last().unwrap() - height).abs() < 1e-3);
        }
    }

    /// Widths of a table with one column of this kind, whose cell and head are these words.
    fn wide(width: Width, head: &str, cell: &str) -> f32 {
        let spans = |text: &str| vec![Span::new(text, Look::plain(8.0, INK))];
        let column = Column {
            head: Cell { paragraphs: vec![spans(head)], ..Cell::default() },
            told: String::new(),
            width,
            to_end: false,
            names: false,
        };
        let table = Table {
            caption: Vec::new(),
            columns: vec![column],
            rows: Vec::new(),
            vertical: Vertical::Top,
            drawing_width: 50.0,
            few: 3,
        };
        widths(&table, &[content(&[head])], &[vec![content(&[cell])]])[0] - 2.0 * CELL_INSET
    }

    #[test]
    fn columns_are_as_wide_as_they_were_asked_to_be() {
        let (short, long) = (content(&["0.25"]).natural(), content(&["a longer heading"]).natural());
        let word = content(&["heading"]).natural();
        assert!((wide(Width::Cells, "a longer heading", "0.25") - word).abs() < 0.1);
        assert!((wide(Width::Flexible, "a longer heading", "0.25") - long).abs() < 0.1);
        assert!((wide(Width::Exactly(10.0), "x", "0.25") - short).abs() < 0.1, "no word is cut");
        assert_eq!(wide(Width::Exactly(60.0), "x", "0.25"), 60.0);
        let up_to = |limit| Width::UpTo { limit, otherwise: 30.0 };
        assert!((wide(up_to(500.0), "a longer heading", "0.25") - long).abs() < 0.1);
        assert_eq!(wide(up_to(10.0), "a longer heading", "0.25"), 30.0);
        assert_eq!(wide(Width::Fills, "x", "0.25"), WIDTH - 2.0 * CELL_INSET);
    }
}
