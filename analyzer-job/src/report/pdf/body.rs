//! The report as a strip: headings, sentences, lists and pictures, one slab below the other.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::rc::Rc;

use krilla::tagging::{ListNumbering, Tag};

use super::super::page::{Block, Cell, Figure, Report, State};
use super::flow::{Anchor, Keep, Mark, Placed, Role, Slab};
use super::fonts;
use super::picture::Picture;
use super::shape::{Look, Shaper, Span};
use super::style::{self, Colour, INK, QUIET, TEXT_WIDTH};
use super::tags::{NodeId, Tags};
use super::text::{Line, Paragraph};

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
    /// The codes that have an entry in the glossary.
    pub explained: BTreeSet<Rc<str>>,
}

pub(super) fn strip(report: &Report) -> Strip {
    let strip =
        Strip { slabs: Vec::new(), headings: Vec::new(), tags: Tags::default(), shaper: Shaper::default() };
    let mut body = Body { strip, explained: explained(report) };
    body.opening(report);
    for section in &report.sections {
        body.heading(section.level, &section.heading, None);
        for block in &section.blocks {
            body.block(block, section.id == "glossary");
        }
    }
    if body.strip.shaper.missing {
        let told = "Letters that the fonts of this document lack are written by number, as in [U+1F600]; \
                    the HTML report shows them.";
        body.text(told, plain(style::BODY, QUIET), TEXT_WIDTH, style::BLOCK_GAP);
    }
    body.strip
}

fn explained(report: &Report) -> BTreeSet<Rc<str>> {
    let glossary = report.sections.iter().filter(|section| section.id == "glossary");
    let rows = glossary.flat_map(|section| &section.blocks).flat_map(|block| match block {
        Block::Table(table) => table.rows.as_slice(),
        _ => &[],
    });
    rows.flat_map(|row| &row.cells)
        .filter_map(|cell| match cell {
            Cell::Name { text, .. } => Some(Rc::from(text.as_str())),
            _ => None,
        })
        .collect()
}

pub(super) fn plain(size: f32, colour: Colour) -> Look {
    Look { size, bold: false, colour, tabular: true, rise: 0.0 }
}

pub(super) fn bold(size: f32, colour: Colour) -> Look {
    Look { bold: true, ..plain(size, colour) }
}

pub(super) fn colour(state: State) -> Colour {
    match state {
        State::Moved => style::MOVED,
        State::Held | State::Measured => style::HELD,
        State::CannotTell | State::Undefined => QUIET,
    }
}

pub(super) fn span(text: &str, look: Look, node: NodeId) -> Span<'_> {
    Span { text, look, node: Some(node), link: None }
}

/// Lines one below the other.
pub(super) fn stack(paragraph: &Paragraph, lines: Vec<Line>, x: f32, y: f32) -> impl Iterator<Item = Placed> {
    let (rise, pitch) = (paragraph.rise, paragraph.pitch);
    lines.into_iter().enumerate().map(move |(place, line)| Placed {
        x,
        y: y + pitch * place as f32,
        height: rise,
        mark: Mark::Line(Rc::new(line)),
    })
}

impl Body {
    /// Sets spans in a column at the left; returns the slab, which is not in the strip yet.
    fn column(&mut self, spans: &[Span], leading: f32, indent: f32, width: f32, gap: f32) -> Slab {
        let paragraph = Paragraph::new(&mut self.strip.shaper, spans, leading);
        let lines = paragraph.lines(width - indent);
        let mut slab = Slab::new(paragraph.height(lines.len().max(1)), gap);
        slab.marks.extend(stack(&paragraph, lines, indent, 0.0));
        slab
    }

    fn text(&mut self, text: &str, look: Look, width: f32, gap: f32) {
        let node = self.strip.tags.add(None, Tag::P);
        let slab = self.column(&[span(text, look, node)], style::LEADING_EM, 0.0, width, gap);
        self.strip.slabs.push(slab);
    }

    fn opening(&mut self, report: &Report) {
        let node = self.strip.tags.add(None, Tag::P);
        let subject: String = report.subject.iter().map(|part| format!(" · {part}")).collect();
        let spans = [
            span(&report.title, bold(style::SUBJECT, INK), node),
            span(&subject, plain(style::SUBJECT, QUIET), node),
        ];
        let slab = self.column(&spans, style::LEADING_EM, 0.0, TEXT_WIDTH, style::SUBJECT_GAP);
        self.strip.slabs.push(slab);
        let headline = if report.headline.trim().is_empty() { &report.title } else { &report.headline };
        self.heading(1, headline, Some(report.state));
        for sentence in &report.lead {
            let width = TEXT_WIDTH * style::LEAD_SHARE;
            self.text(sentence, plain(style::LEAD, INK), width, style::LEAD_GAP);
        }
        if !report.facts.is_empty() {
            let facts = report.facts.join(" · ");
            self.text(&facts, plain(style::BODY, QUIET), TEXT_WIDTH, style::FACTS_GAP);
        }
    }

    fn heading(&mut self, level: u8, text: &str, state: Option<State>) {
        // A bookmark without a name cannot be followed.
        let title = Some(fonts::plain(text)).filter(|title| !title.is_empty()).unwrap_or_else(|| "–".into());
        let rank = NonZeroU16::new(u16::from(level)).unwrap_or(NonZeroU16::MIN);
        let node = self.strip.tags.add(None, Tag::Hn(rank, Some(title.clone())));
        let (size, above, below) = style::heading(level);
        let look = Look { tabular: false, ..bold(size, INK) };
        let mut spans = Vec::new();
        let mark = state.map(|state| (format!("{} ", state.mark()), colour(state)));
        if let Some((mark, colour)) = &mark {
            let look = Look { size: style::MARK, rise: style::MARK_RISE, colour: *colour, ..look };
            spans.push(span(mark, look, node));
        }
        spans.push(span(text, look, node));
        let slab = self.column(&spans, style::HEADING_LEADING_EM, 0.0, TEXT_WIDTH, 0.0);
        let anchor = (Anchor::Heading(self.strip.headings.len()), 0.0);
        self.strip.slabs.push(Slab { above, below, keep: Keep::Firmly, anchors: vec![anchor], ..slab });
        self.strip.headings.push((level, title));
    }

    fn block(&mut self, block: &Block, glossary: bool) {
        match block {
            Block::Text { text } => {
                self.text(text, plain(style::BODY, INK), TEXT_WIDTH, style::BLOCK_GAP);
                if let Some(slab) = self.strip.slabs.last_mut() {
                    slab.keep = Keep::Gently;
                }
            }
            Block::Note { text } => self.note(text),
            Block::Points { points } => self.points(points),
            Block::Verbatim { text } => {
                for line in text.split('\n') {
                    let line = line.replace("  ", "\u{a0}\u{a0}");
                    self.text(&line, plain(style::VERBATIM, INK), TEXT_WIDTH, style::VERBATIM_GAP);
                }
            }
            Block::Figures { figures, .. } => self.figures(figures),
            Block::Table(table) => self.table(table, glossary),
        }
    }

    /// With a bar at its left.
    fn note(&mut self, text: &str) {
        let node = self.strip.tags.add(None, Tag::P);
        let spans =
            [span("Take care. ", bold(style::BODY, INK), node), span(text, plain(style::BODY, INK), node)];
        let mut slab =
            self.column(&spans, style::LEADING_EM, style::NOTE_INDENT, TEXT_WIDTH, style::BLOCK_GAP);
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
            mark: Mark::Rule { width: style::NOTE_BAR, colour: style::MOVED },
        }));
        self.strip.slabs.push(slab);
    }

    fn points(&mut self, points: &[String]) {
        let list = self.strip.tags.add(None, Tag::L(ListNumbering::Disc));
        for (place, point) in points.iter().enumerate() {
            let item = self.strip.tags.add(Some(list), Tag::LI);
            let label = self.strip.tags.add(Some(item), Tag::Lbl);
            let content = self.strip.tags.add(Some(item), Tag::LBody);
            let marker = [span("•", plain(style::BODY, QUIET), label)];
            let marker = self.column(&marker, style::LEADING_EM, 0.0, TEXT_WIDTH, 0.0);
            let text = [span(point, plain(style::BODY, INK), content)];
            let mut slab =
                self.column(&text, style::LEADING_EM, style::POINT_INDENT, TEXT_WIDTH, style::POINT_GAP);
            slab.marks.splice(0..0, marker.marks);
            if place == 0 {
                slab.above = style::BLOCK_GAP;
            }
            if place + 1 == points.len() {
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
                let spans = [span(&figure.caption, bold(style::BODY, INK), caption)];
                let paragraph = Paragraph::new(&mut self.strip.shaper, &spans, style::LEADING_EM);
                let lines = paragraph.lines(width);
                let top = paragraph.height(lines.len()) + style::FIGURE_CAPTION_GAP;
                slab.marks.extend(stack(&paragraph, lines, x, 0.0));

                let told = [&figure.alt, &figure.caption].map(|text| fonts::plain(text));
                let alt = told.into_iter().find(|text| !text.is_empty()).unwrap_or_else(|| "a chart".into());
                let element = self.strip.tags.add(None, Tag::Figure(Some(alt)));
                let picture = Picture::new(&figure.svg, &mut self.strip.shaper);
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
pub(super) fn footers(report: &Report, pages: usize, shaper: &mut Shaper) -> Vec<Vec<Placed>> {
    let look = plain(style::FOOTER, QUIET);
    let subject: Vec<&str> =
        std::iter::once(&report.title).chain(&report.subject).take(3).map(String::as_str).collect();
    let subject = subject.join(" · ");
    let y = style::TEXT_HEIGHT + style::FOOTER_GAP;
    (1..=pages)
        .map(|page| {
            let mut set = |text: &str, width: f32| {
                let paragraph =
                    Paragraph::new(shaper, &[Span { text, look, node: None, link: None }], style::LEADING_EM);
                let lines = paragraph.lines(width);
                (paragraph, lines)
            };
            let (number, numbers) = set(&format!("{page} / {pages}"), TEXT_WIDTH);
            let room = TEXT_WIDTH - number.natural - style::FIGURE_GUTTER;
            let (what, mut lines) = set(&subject, room);
            // A name may be a page long.
            lines.truncate(2);
            let mut marks: Vec<Placed> = stack(&what, lines, 0.0, y).collect();
            marks.extend(stack(&number, numbers, TEXT_WIDTH - number.natural, y));
            marks
        })
        .collect()
}
