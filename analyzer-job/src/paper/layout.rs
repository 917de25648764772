//! The document as a strip: headings, paragraphs, lists and figures, one slab below the other.

use std::collections::HashSet;
use std::num::NonZeroU16;
use std::rc::Rc;

use krilla::tagging::{ListNumbering, Tag};

use super::document::{Block, Document, Figure, Look, Paragraph, Span};
use super::drawing::Colour;
use super::flow::{Anchor, Keep, Mark, Placed, Role, Slab};
use super::fonts;
use super::glyphs::{Marked, Shaper};
use super::picture::Picture;
use super::style::{self, QUIET, TEXT_WIDTH};
use super::tags::{NodeId, Tags};
use super::text::{Line, ShapedText};

pub(super) struct Strip {
    pub slabs: Vec<Slab>,
    /// Level and text, in order.
    pub headings: Vec<(u8, String)>,
    pub tags: Tags,
    pub shaper: Shaper,
}

/// What is laid out so far.
pub(super) struct Body {
    pub strip: Strip,
    /// The named cells of the document.
    pub names: HashSet<Rc<str>>,
}

pub(super) fn strip(document: &Document) -> Strip {
    let strip =
        Strip { slabs: Vec::new(), headings: Vec::new(), tags: Tags::default(), shaper: Shaper::default() };
    let mut body = Body { strip, names: names(document) };
    for block in &document.blocks {
        body.block(block);
    }
    if body.strip.shaper.missing {
        let (spans, gap) = (document.missing.clone(), style::BLOCK_GAP);
        body.paragraph(&Paragraph { spans, width: 1.0, gap, keep: false });
    }
    body.strip
}

fn names(document: &Document) -> HashSet<Rc<str>> {
    let tables = document.blocks.iter().filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    tables.flat_map(|table| table.rows.iter().flatten()).filter_map(|cell| cell.name.clone()).collect()
}

/// Lines one below the other.
pub(super) fn stack(
    paragraph: &ShapedText,
    lines: Vec<Line>,
    x: f32,
    y: f32,
) -> impl Iterator<Item = Placed> {
    let (rise, pitch) = (paragraph.rise, paragraph.pitch);
    lines.into_iter().enumerate().map(move |(place, line)| Placed {
        x,
        y: y + pitch * place as f32,
        height: rise,
        mark: Mark::Line(Rc::new(line)),
    })
}

impl Body {
    /// Shapes the text of an element. Where a part of it is a link, each part is an element of its own.
    pub(super) fn shaped(&mut self, spans: &[Span], element: NodeId, leading: f32) -> ShapedText {
        let target = |span: &Span| span.link.clone().filter(|link| self.names.contains(&link.to));
        let links: Vec<_> = spans.iter().map(target).collect();
        let parted = links.iter().any(Option::is_some);
        let tags = &mut self.strip.tags;
        let mut marked = Vec::with_capacity(spans.len());
        for (span, link) in spans.iter().zip(links) {
            let node = match (parted, &link) {
                (false, _) => element,
                (true, None) => tags.add(Some(element), Tag::Span),
                (true, Some(_)) => tags.add(Some(element), Tag::Link),
            };
            marked.push(Marked { text: &span.text, look: span.look, node: Some(node), link });
        }
        ShapedText::new(&mut self.strip.shaper, &marked, leading)
    }

    /// Sets spans in a column at the left; returns the slab, which is not in the strip yet.
    fn column(
        &mut self,
        spans: &[Span],
        element: NodeId,
        leading: f32,
        [indent, width]: [f32; 2],
        gap: f32,
    ) -> Slab {
        let paragraph = self.shaped(spans, element, leading);
        let lines = paragraph.lines(width - indent);
        let mut slab = Slab::new(paragraph.height(lines.len().max(1)), gap);
        slab.marks.extend(stack(&paragraph, lines, indent, 0.0));
        slab
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading { level, name, spans } => self.heading(*level, name, spans),
            Block::Paragraph(words) => self.paragraph(words),
            Block::Note { spans, bar } => self.note(spans, *bar),
            Block::List { items } => self.list(items),
            Block::Figures(figures) => self.figures(figures),
            Block::Table(table) => self.table(table),
        }
    }

    fn paragraph(&mut self, words: &Paragraph) {
        let node = self.strip.tags.add(None, Tag::P);
        let width = TEXT_WIDTH * words.width;
        let mut slab = self.column(&words.spans, node, style::LEADING_EM, [0.0, width], words.gap);
        if words.keep {
            slab.keep = Keep::Gently;
        }
        self.strip.slabs.push(slab);
    }

    fn heading(&mut self, level: u8, name: &str, spans: &[Span]) {
        // A bookmark without a name cannot be followed.
        let title = Some(fonts::plain(name)).filter(|title| !title.is_empty()).unwrap_or_else(|| "–".into());
        let rank = NonZeroU16::new(u16::from(level)).unwrap_or(NonZeroU16::MIN);
        let node = self.strip.tags.add(None, Tag::Hn(rank, Some(title.clone())));
        let (above, below) = style::heading_gaps(level);
        let slab = self.column(spans, node, style::HEADING_LEADING_EM, [0.0, TEXT_WIDTH], 0.0);
        let anchor = (Anchor::Heading(self.strip.headings.len()), 0.0);
        self.strip.slabs.push(Slab { above, below, keep: Keep::Firmly, anchors: vec![anchor], ..slab });
        self.strip.headings.push((level, title));
    }

    fn note(&mut self, spans: &[Span], bar: Colour) {
        let node = self.strip.tags.add(None, Tag::P);
        let across = [style::NOTE_INDENT, TEXT_WIDTH];
        let mut slab = self.column(spans, node, style::LEADING_EM, across, style::BLOCK_GAP);
        for mark in &mut slab.marks {
            mark.y += style::NOTE_INSET;
        }
        slab.height += 2.0 * style::NOTE_INSET;
        // In pieces, so that the bar of a long note goes on over pages.
        let pieces = slab.marks.len().max(1);
        let height = slab.height / pieces as f32;
        slab.marks.extend((0..pieces).map(|place| Placed {
            x: 0.0,
            y: place as f32 * height,
            height,
            mark: Mark::Rule { width: style::NOTE_BAR, colour: bar },
        }));
        self.strip.slabs.push(slab);
    }

    fn list(&mut self, items: &[Vec<Span>]) {
        let list = self.strip.tags.add(None, Tag::L(ListNumbering::Disc));
        let bullet = [Span::new("•", Look::plain(style::BODY, QUIET))];
        for (place, item) in items.iter().enumerate() {
            let element = self.strip.tags.add(Some(list), Tag::LI);
            let label = self.strip.tags.add(Some(element), Tag::Lbl);
            let content = self.strip.tags.add(Some(element), Tag::LBody);
            let marker = self.column(&bullet, label, style::LEADING_EM, [0.0, TEXT_WIDTH], 0.0);
            let across = [style::ITEM_INDENT, TEXT_WIDTH];
            let mut slab = self.column(item, content, style::LEADING_EM, across, style::ITEM_GAP);
            slab.marks.splice(0..0, marker.marks);
            if place == 0 {
                slab.above = style::BLOCK_GAP;
            }
            if place + 1 == items.len() {
                slab.below = style::BLOCK_GAP;
            } else {
                slab.keep = Keep::Gently;
            }
            self.strip.slabs.push(slab);
        }
    }

    fn figures(&mut self, figures: &[Figure]) {
        let gutters = style::FIGURE_GUTTER * (style::FIGURES_PER_ROW - 1) as f32;
        let width = (TEXT_WIDTH - gutters) / style::FIGURES_PER_ROW as f32;
        for (row, figures) in figures.chunks(style::FIGURES_PER_ROW).enumerate() {
            let mut slab = Slab::new(0.0, style::BLOCK_GAP);
            if row > 0 {
                slab.above = style::FIGURE_ROW_GAP;
            }
            for (place, figure) in figures.iter().enumerate() {
                let x = (width + style::FIGURE_GUTTER) * place as f32;
                let caption = self.strip.tags.add(None, Tag::P);
                let paragraph = self.shaped(&figure.caption, caption, style::LEADING_EM);
                let lines = paragraph.lines(width);
                let top = paragraph.height(lines.len()) + style::FIGURE_CAPTION_GAP;
                slab.marks.extend(stack(&paragraph, lines, x, 0.0));

                let alt = fonts::plain(&figure.alt);
                let alt = if alt.is_empty() { "a chart".into() } else { alt };
                let element = self.strip.tags.add(None, Tag::Figure(Some(alt)));
                let picture = Picture::new(&figure.drawing, &mut self.strip.shaper);
                let height = width * picture.height / picture.width;
                let mark = Mark::Picture { picture: Rc::new(picture), width, role: Role::Figure(element) };
                slab.marks.push(Placed { x, y: top, height, mark });
                slab.height = slab.height.max(top + height);
            }
            self.strip.slabs.push(slab);
        }
    }
}

/// What and which page at the bottom of each page, in the coordinates of the text.
pub(super) fn footers(what: &[Span], pages: usize, shaper: &mut Shaper) -> Vec<Vec<Placed>> {
    let y = style::TEXT_HEIGHT + style::FOOTER_GAP;
    let Some(look) = what.first().map(|span| span.look) else { return Vec::new() };
    let mut set = |spans: &[Span]| {
        let marked: Vec<Marked> = spans
            .iter()
            .map(|span| Marked { text: &span.text, look: span.look, node: None, link: None })
            .collect();
        ShapedText::new(shaper, &marked, style::LEADING_EM)
    };
    let subject = set(what);
    (1..=pages)
        .map(|page| {
            let number = set(&[Span::new(format!("{page} / {pages}"), look)]);
            let mut lines = subject.lines(TEXT_WIDTH - number.natural - style::FIGURE_GUTTER);
            // A name may be a page long.
            lines.truncate(2);
            let mut marks: Vec<Placed> = stack(&subject, lines, 0.0, y).collect();
            marks.extend(stack(&number, number.lines(TEXT_WIDTH), TEXT_WIDTH - number.natural, y));
            marks
        })
        .collect()
}
