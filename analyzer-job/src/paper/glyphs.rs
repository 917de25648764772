//! Text to glyphs: which way it runs, which font draws it, how its letters join.

use std::collections::HashMap;
use std::rc::Rc;

use krilla::text::{GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Feature, Script, ShapePlan, UnicodeBuffer, ttf_parser::Tag};
use unicode_bidi::{BidiInfo, Level};

use super::document::{Link, Look};
use super::fonts::{self, FaceId};
use super::tags::NodeId;

/// Text of one look, and what it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Marked<'a> {
    pub text: &'a str,
    pub look: Look,
    /// The element it belongs to; none where it only decorates.
    pub node: Option<NodeId>,
    pub link: Option<Link>,
}

/// As `Marked`, without its text.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub look: Look,
    pub node: Option<NodeId>,
    pub link: Option<Link>,
}

/// Glyphs of one span, font and direction, in the order they are drawn.
#[derive(Debug)]
pub(super) struct Run {
    pub span: usize,
    pub face: FaceId,
    pub level: Level,
    pub glyphs: Vec<KrillaGlyph>,
}

/// Letters that do not part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cluster {
    pub start: usize,
    pub run: usize,
    pub width: f32,
    pub space: bool,
}

/// Text with its glyphs, not yet cut into lines.
#[derive(Debug)]
pub(super) struct Shaped {
    pub text: Rc<str>,
    pub spans: Vec<Style>,
    pub runs: Vec<Run>,
    /// In the order of the text.
    pub clusters: Vec<Cluster>,
}

/// Keeps what repeats from text to text.
#[derive(Default)]
pub(super) struct Shaper {
    plans: HashMap<(FaceId, bool, bool, Option<Script>), ShapePlan>,
    buffer: Option<UnicodeBuffer>,
    /// Whether some letter was written by its number.
    pub missing: bool,
}

impl Shaper {
    pub(super) fn shape(&mut self, spans: &[Marked]) -> Shaped {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(spans.len());
        for span in spans {
            text.push_str(&fonts::drawable(span.text, fonts::covered, &mut self.missing));
            ends.push(text.len());
        }
        let mut shaped = Shaped {
            spans: spans
                .iter()
                .map(|span| Style { look: span.look, node: span.node, link: span.link.clone() })
                .collect(),
            runs: Vec::new(),
            clusters: Vec::new(),
            text: Rc::from(text),
        };
        let text = Rc::clone(&shaped.text);
        for (range, span, face, level) in pieces(&text, &ends, &shaped.spans) {
            self.run(&mut shaped, range, span, face, level);
        }
        shaped
    }

    fn run(
        &mut self,
        shaped: &mut Shaped,
        range: std::ops::Range<usize>,
        span: usize,
        id: FaceId,
        level: Level,
    ) {
        let Some(face) = fonts::face(id) else { return };
        let text = &shaped.text;
        let look = shaped.spans[span].look;
        let mut buffer = self.buffer.take().unwrap_or_default();
        for (place, letter) in text[range.clone()].char_indices() {
            buffer.add(letter, (range.start + place) as u32);
        }
        buffer.guess_segment_properties();
        let direction = if level.is_rtl() { Direction::RightToLeft } else { Direction::LeftToRight };
        buffer.set_direction(direction);
        let script = Some(buffer.script());
        let plan = self.plans.entry((id, level.is_rtl(), look.tabular, script)).or_insert_with(|| {
            ShapePlan::new(&face.shaper, direction, script, None, &features(id, look.tabular))
        });
        let glyphs = rustybuzz::shape_with_plan(&face.shaper, plan, buffer);

        let em = face.shaper.units_per_em() as f32;
        let mut starts: Vec<usize> = glyphs.glyph_infos().iter().map(|info| info.cluster as usize).collect();
        starts.sort_unstable();
        starts.dedup();
        let first = shaped.clusters.len();
        let run = shaped.runs.len();
        shaped.clusters.extend(starts.iter().enumerate().map(|(place, start)| {
            let end = starts.get(place + 1).copied().unwrap_or(range.end);
            let space = text[*start..end].chars().all(breaking_space);
            Cluster { start: *start, run, width: 0.0, space }
        }));
        let unknown = face.shaper.glyph_index('?').map_or(0, |glyph| glyph.0);
        let drawn = glyphs.glyph_infos().iter().zip(glyphs.glyph_positions()).map(|(info, position)| {
            let start = info.cluster as usize;
            let place = starts.partition_point(|other| *other < start);
            let end = starts.get(place + 1).copied().unwrap_or(range.end);
            let advance = position.x_advance as f32 / em;
            shaped.clusters[first + place].width += advance * look.size;
            // A combination that its font does not have after all; the text behind it stays right.
            let glyph = if info.glyph_id == 0 { u32::from(unknown) } else { info.glyph_id };
            KrillaGlyph::new(
                GlyphId::new(glyph),
                advance,
                position.x_offset as f32 / em,
                position.y_offset as f32 / em,
                0.0,
                start..end,
                None,
            )
        });
        let drawn = drawn.collect();
        shaped.runs.push(Run { span, face: id, level, glyphs: drawn });
        self.buffer = Some(glyphs.clear());
    }
}

/// A space at which a line may end, and that vanishes there.
fn breaking_space(letter: char) -> bool {
    letter.is_whitespace() && !matches!(letter, '\u{a0}' | '\u{202f}' | '\u{2007}')
}

/// Numbers and names need no joined letters; scripts that do have fonts of their own.
fn features(face: FaceId, tabular: bool) -> Vec<Feature> {
    if !fonts::MAIN.contains(&face) {
        return Vec::new();
    }
    let feature = |tag: &[u8; 4], value| Feature::new(Tag::from_bytes(tag), value, ..);
    let mut features = vec![feature(b"liga", 0), feature(b"clig", 0), feature(b"calt", 0)];
    if tabular {
        features.push(feature(b"tnum", 1));
    }
    features
}

type Piece = (std::ops::Range<usize>, usize, FaceId, Level);

/// Cuts a text where span, font or direction changes.
fn pieces(text: &str, ends: &[usize], spans: &[Style]) -> Vec<Piece> {
    let ascii = text.is_ascii();
    let levels = if ascii { Vec::new() } else { BidiInfo::new(text, Some(Level::ltr())).levels };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut start = 0;
    for (span, end) in ends.iter().copied().enumerate() {
        let bold = spans[span].look.bold;
        if ascii {
            if start < end {
                pieces.push((start..end, span, fonts::main_face(bold), Level::ltr()));
            }
            start = end;
            continue;
        }
        let mut before = None;
        for (place, letter) in text[start..end].char_indices() {
            let at = start + place;
            let (face, level) = (fonts::choose(letter, bold, before), levels[at]);
            let next = at + letter.len_utf8();
            match pieces.last_mut() {
                Some(last) if before.is_some() && last.2 == face && last.3 == level => last.0.end = next,
                _ => pieces.push((at..next, span, face, level)),
            }
            before = Some(face);
        }
        start = end;
    }
    pieces
}
