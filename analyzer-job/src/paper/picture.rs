//! Drawings as paths and lines of text, ready for the page.

use krilla::geom::{Path, PathBuilder, Rect};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, FillRule, LineCap, LineJoin, Stroke, StrokeDash};

use super::document::Look;
use super::drawing::{self, Anchor, Colour, Drawing, LETTERS, Step};
use super::glyphs::{Marked, Shaper};
use super::text::{Line, ShapedText};

/// A quarter of a circle as a curve.
const ARC: f32 = 0.552_285;
/// Length of the line that a dot is: none at all would not be drawn by every reader.
const DOT: f32 = 0.01;

/// Shapes in the drawing's own units, back to front.
pub(super) struct Picture {
    pub width: f32,
    pub height: f32,
    pub shapes: Vec<Shape>,
}

pub(super) enum Shape {
    Path {
        path: Path,
        fill: Option<Box<Fill>>,
        stroke: Option<Box<Stroke>>,
    },
    /// At its baseline.
    Text {
        x: f32,
        y: f32,
        line: Line,
    },
}

impl Picture {
    /// Shapes that cannot be drawn, such as a path without a step, are left out.
    pub(super) fn new(drawing: &Drawing, shaper: &mut Shaper) -> Picture {
        let shapes = drawing.shapes.iter().filter_map(|shape| self::shape(shape, shaper)).collect();
        Picture { width: drawing.width as f32, height: drawing.height as f32, shapes }
    }
}

fn shape(shape: &drawing::Shape, shaper: &mut Shaper) -> Option<Shape> {
    let mut path = PathBuilder::new();
    let (fill, stroke) = match shape {
        drawing::Shape::Rectangle { x, y, width, height, fill } => {
            path.push_rect(Rect::from_xywh(*x as f32, *y as f32, *width as f32, *height as f32)?);
            (Some(filled(*fill, 1.0)), None)
        }
        drawing::Shape::Circle { x, y, radius, fill, outline } => {
            circle(&mut path, *x as f32, *y as f32, *radius as f32);
            (Some(filled(*fill, 1.0)), outline.map(|stroke| stroked(&stroke)))
        }
        drawing::Shape::Path { steps, fill, stroke } => {
            for step in steps {
                match *step {
                    Step::Move(x, y) => path.move_to(x as f32, y as f32),
                    Step::Line(x, y) => path.line_to(x as f32, y as f32),
                    Step::Close => path.close(),
                }
            }
            (fill.map(|fill| filled(fill.colour, fill.opacity)), stroke.map(|stroke| stroked(&stroke)))
        }
        drawing::Shape::Dots { at, diameter, fill } => {
            for [x, y] in at {
                path.move_to(*x as f32, *y as f32);
                path.line_to(*x as f32 + DOT, *y as f32);
            }
            let stroke =
                drawing::Stroke { opacity: fill.opacity, ..drawing::Stroke::new(fill.colour, *diameter) };
            (None, Some(Stroke { line_cap: LineCap::Round, ..stroked(&stroke) }))
        }
        drawing::Shape::Text { x, y, anchor, colour, text } => {
            let look = Look { tabular: false, ..Look::plain(LETTERS as f32, *colour) };
            let marked = Marked { text, look, node: None, link: None };
            let line = ShapedText::new(shaper, &[marked], 0.0).lines(f32::MAX).into_iter().next()?;
            let x = *x as f32
                - match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => line.width / 2.0,
                    Anchor::End => line.width,
                };
            return Some(Shape::Text { x, y: *y as f32, line });
        }
    };
    Some(Shape::Path { path: path.finish()?, fill: fill.map(Box::new), stroke: stroke.map(Box::new) })
}

fn opacity(opacity: f64) -> NormalizedF32 {
    NormalizedF32::new(opacity as f32).unwrap_or(NormalizedF32::ONE)
}

fn filled(colour: Colour, share: f64) -> Fill {
    Fill { paint: paint(colour), opacity: opacity(share), rule: FillRule::NonZero }
}

fn stroked(stroke: &drawing::Stroke) -> Stroke {
    let dash = stroke.dash.map(|lengths| lengths.map(|length| length as f32).to_vec());
    Stroke {
        paint: paint(stroke.colour),
        width: stroke.width as f32,
        opacity: opacity(stroke.opacity),
        line_join: LineJoin::Round,
        dash: dash.map(|array| StrokeDash { array, offset: 0.0 }),
        ..Stroke::default()
    }
}

pub(super) fn paint(colour: Colour) -> krilla::paint::Paint {
    let [red, green, blue] = colour.rgb;
    krilla::color::rgb::Color::new(red, green, blue).into()
}

fn circle(path: &mut PathBuilder, x: f32, y: f32, r: f32) {
    let bend = r * ARC;
    path.move_to(x + r, y);
    path.cubic_to(x + r, y + bend, x + bend, y + r, x, y + r);
    path.cubic_to(x - bend, y + r, x - r, y + bend, x - r, y);
    path.cubic_to(x - r, y - bend, x - bend, y - r, x, y - r);
    path.cubic_to(x + bend, y - r, x + r, y - bend, x + r, y);
    path.close();
}

#[cfg(test)]
mod tests {
    use super::super::drawing::Fill;
    use super::super::style::{INK, QUIET};
    use super::*;

    /// A drawing of every kind of shape, as the page's own commands: what is drawn where, with which width and dash.
    #[test]
    fn every_shape_is_drawn_at_its_place() {
        let mut drawing = Drawing::new(100.0, 50.0);
        drawing.rectangle([10.0, 20.0], [30.0, 5.0], INK);
        drawing.circle([50.0, 25.0], 4.0, INK);
        let dashed = drawing::Stroke { dash: Some([3.0, 2.0]), ..drawing::Stroke::new(QUIET, 1.5) };
        drawing.polyline(&[[1.0, 2.0], [7.0, 8.0]], dashed);
        let fill = Fill { colour: QUIET, opacity: 0.5 };
        drawing.polygon(&[[60.0, 1.0], [61.0, 3.0], [62.0, 1.0]], fill);
        drawing.shapes.push(drawing::Shape::Dots { at: vec![[90.0, 40.0]], diameter: 3.25, fill });
        let settings = krilla::SerializeSettings {
            compress_content_streams: false,
            ..krilla::SerializeSettings::default()
        };
        let mut document = krilla::Document::new_with(settings);
        let mut page = document.start_page();
        let mut surface = page.surface();
        super::super::paint::picture(
            &mut surface,
            &Picture::new(&drawing, &mut Shaper::default()),
            [0.0, 0.0],
            1.0,
        );
        surface.finish();
        page.finish();
        let bytes = document.finish().unwrap();
        let page = String::from_utf8_lossy(&bytes).replace('\n', " ");
        for commands in [
            "10 20 m 40 20 l 40 25 l 10 25 l h f",
            "54 25 m",
            "1.5 w 1 j[3 2]0 d 1 2 m 7 8 l S",
            "60 1 m 61 3 l 62 1 l h f",
            "3.25 w 1 J 1 j 90 40 m 90.01 40 l S",
        ] {
            assert!(page.contains(commands), "{commands} in {page}");
        }
    }

    #[test]
    fn texts_stand_at_their_anchor() {
        let mut drawing = Drawing::new(100.0, 50.0);
        for anchor in [Anchor::Start, Anchor::Middle, Anchor::End] {
            drawing.text([40.0, 9.0], anchor, INK, "0.25");
        }
        let picture = Picture::new(&drawing, &mut Shaper::default());
        let starts = picture.shapes.iter().map(|shape| match shape {
            Shape::Text { x, y, line } => (*x, *y, line.width),
            Shape::Path { .. } => panic!("no text"),
        });
        let width = starts.clone().next().unwrap().2;
        let starts: Vec<(f32, f32)> = starts.map(|(x, y, _)| (x, y)).collect();
        assert_eq!(starts, [(40.0, 9.0), (40.0 - width / 2.0, 9.0), (40.0 - width, 9.0)]);
        assert!(width > 15.0 && width < 30.0);
    }
}
