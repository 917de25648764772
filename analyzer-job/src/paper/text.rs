//! Paragraphs: where lines end, and where on the line each piece stands.

use std::rc::Rc;

use krilla::text::KrillaGlyph;
use unicode_bidi::{BidiInfo, Level};
use unicode_linebreak::{BreakOpportunity, linebreaks};

use super::document::{Link, Look};
use super::fonts::FaceId;
use super::glyphs::{Marked, Shaped, Shaper};
use super::style::{CAPITALS_EM, LONG_WORD, LONG_WORD_EM};
use super::tags::NodeId;

/// Glyphs that are drawn in one go.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// From the start of the line.
    pub x: f32,
    pub width: f32,
    pub face: FaceId,
    pub look: Look,
    pub node: Option<NodeId>,
    pub link: Option<Link>,
    pub text: Rc<str>,
    pub glyphs: Vec<KrillaGlyph>,
}

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub parts: Vec<Part>,
    /// Without spaces at its end.
    pub width: f32,
}

/// Shaped text that can be set at any width.
#[derive(Debug)]
pub(super) struct ShapedText {
    shaped: Shaped,
    /// Clusters before which a line may begin; the last is their number.
    breaks: Vec<usize>,
    /// From the top of the line to its baseline.
    pub rise: f32,
    /// From baseline to baseline.
    pub pitch: f32,
    /// On one line.
    pub natural: f32,
    /// The least that is good to read.
    pub least: f32,
}

impl ShapedText {
    pub(super) fn new(shaper: &mut Shaper, spans: &[Marked], leading_em: f32) -> ShapedText {
        let size = spans.iter().map(|span| span.look.size).fold(0.0, f32::max);
        let shaped = shaper.shape(spans);
        let breaks = breaks(&shaped);
        let mut paragraph = ShapedText {
            shaped,
            breaks,
            rise: CAPITALS_EM * size,
            pitch: (CAPITALS_EM + leading_em) * size,
            natural: 0.0,
            least: 0.0,
        };
        paragraph.natural = paragraph.width(0, paragraph.trimmed(0, paragraph.shaped.clusters.len()));
        let mut start = 0;
        for end in &paragraph.breaks {
            let word = paragraph.width(start, paragraph.trimmed(start, *end));
            paragraph.least = paragraph.least.max(word.min(LONG_WORD_EM * size));
            start = *end;
        }
        paragraph
    }

    pub(super) fn height(&self, lines: usize) -> f32 {
        if lines == 0 { 0.0 } else { self.rise + self.pitch * (lines - 1) as f32 }
    }

    /// The lines of a column: as many words as fit; words that do not fit alone part anywhere.
    pub(super) fn lines(&self, width: f32) -> Vec<Line> {
        // What was measured must fit what it was measured for, however the sums were rounded.
        let width = width + 0.01;
        let mut lines = Vec::new();
        let (mut line, mut piece, mut used) = (0, 0, 0.0);
        for end in self.breaks.iter().copied() {
            let trimmed = self.width(piece, self.trimmed(piece, end));
            if used + trimmed > width && line < piece {
                lines.push(self.line(line, piece));
                (line, used) = (piece, 0.0);
            }
            if used + trimmed > width {
                let last = self.trimmed(piece, end);
                for cluster in piece..last {
                    let wide = self.shaped.clusters[cluster].width;
                    if used + wide > width && line < cluster {
                        lines.push(self.line(line, cluster));
                        (line, used) = (cluster, 0.0);
                    }
                    used += wide;
                }
                used += self.width(last, end);
            } else {
                used += self.width(piece, end);
            }
            piece = end;
        }
        if line < self.shaped.clusters.len() {
            lines.push(self.line(line, self.shaped.clusters.len()));
        }
        lines
    }

    fn width(&self, from: usize, to: usize) -> f32 {
        self.shaped.clusters[from..to].iter().map(|cluster| cluster.width).sum()
    }

    /// The end without spaces.
    fn trimmed(&self, from: usize, to: usize) -> usize {
        let spaces = self.shaped.clusters[from..to].iter().rev().take_while(|cluster| cluster.space).count();
        to - spaces
    }

    fn line(&self, from: usize, to: usize) -> Line {
        let Shaped { text, spans, runs, clusters } = &self.shaped;
        let seen = self.trimmed(from, to);
        let mut stretches: Vec<(usize, usize)> = Vec::new();
        let mut start = from;
        while start < seen {
            let run = clusters[start].run;
            let length = clusters[start..seen].partition_point(|cluster| cluster.run == run);
            stretches.push((start, start + length));
            start += length;
        }
        let levels: Vec<Level> =
            stretches.iter().map(|(start, _)| runs[clusters[*start].run].level).collect();
        let order: Vec<usize> = if levels.iter().all(|level| level.number() == 0) {
            (0..stretches.len()).collect()
        } else {
            BidiInfo::reorder_visual(&levels)
        };
        let mut parts = Vec::with_capacity(stretches.len());
        let mut x = 0.0;
        for place in order {
            let (start, mut end) = stretches[place];
            let run = &runs[clusters[start].run];
            let width = self.width(start, end);
            // The space between two lines stays in the text.
            if end == seen && place + 1 == stretches.len() && !run.level.is_rtl() {
                let run = clusters[start].run;
                end += clusters[end..to].iter().take_while(|cluster| cluster.run == run).count();
            }
            let first = clusters[start].start;
            let last = clusters.get(end).map_or(text.len(), |cluster| cluster.start);
            let glyphs = &run.glyphs;
            let range = if run.level.is_rtl() {
                let from = glyphs.partition_point(|glyph| glyph.text_range.start >= last);
                from..glyphs.partition_point(|glyph| glyph.text_range.start >= first)
            } else {
                let from = glyphs.partition_point(|glyph| glyph.text_range.start < first);
                from..glyphs.partition_point(|glyph| glyph.text_range.start < last)
            };
            let style = &spans[run.span];
            parts.push(Part {
                x,
                width,
                face: run.face,
                look: style.look,
                node: style.node,
                link: style.link.clone(),
                text: Rc::clone(text),
                glyphs: glyphs[range].to_vec(),
            });
            x += width;
        }
        Line { parts, width: x }
    }
}

/// Where a line may end: by the rules of Unicode, and in long words after their own punctuation.
fn breaks(shaped: &Shaped) -> Vec<usize> {
    let clusters = &shaped.clusters;
    let mut places: Vec<usize> = linebreaks(&shaped.text)
        .filter(|(_, kind)| *kind == BreakOpportunity::Allowed)
        .map(|(at, _)| at)
        .collect();
    let mut start = 0;
    for word in shaped.text.split_inclusive(' ') {
        if word.len() > LONG_WORD && word.chars().count() > LONG_WORD {
            let joints =
                word.char_indices().filter(|(_, letter)| matches!(letter, '_' | '-' | '.' | '/' | ','));
            places.extend(joints.map(|(at, _)| start + at + 1));
        }
        start += word.len();
    }
    places.sort_unstable();
    places.dedup();
    let mut breaks: Vec<usize> = places
        .into_iter()
        .map(|at| clusters.partition_point(|cluster| cluster.start < at))
        .filter(|place| *place > 0 && *place < clusters.len())
        .collect();
    breaks.dedup();
    if !clusters.is_empty() {
        breaks.push(clusters.len());
    }
    breaks
}
