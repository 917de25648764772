//! Pictures on paper: reads the few kinds of shapes that `charts` draws. A test holds the two in step.

use std::collections::HashMap;

use krilla::geom::{Path, PathBuilder, Rect};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, FillRule, LineCap, LineJoin, Stroke, StrokeDash};

use super::super::page::Svg;
use super::shape::{Look, Shaper, Span};
use super::style::{Colour, INK};
use super::text::{Line, Paragraph};

/// Size of letters in pictures, as `Svg::document` sets it.
const LETTERS: f32 = 11.0;
/// A quarter of a circle as a curve.
const ARC: f32 = 0.552_285;

/// Shapes in the picture's own units, back to front.
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
    /// Shapes that are not known are left out.
    pub(super) fn new(svg: &Svg, shaper: &mut Shaper) -> Picture {
        let mut shapes = Vec::new();
        let mut rest = svg.body.as_str();
        while let Some(start) = rest.find('<') {
            rest = &rest[start + 1..];
            let end = rest.find('>').unwrap_or(rest.len());
            let (element, after) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
            let content = &after[..after.find('<').unwrap_or(after.len())];
            shapes.extend(shape(element, content, shaper));
            rest = after;
        }
        Picture { width: svg.width as f32, height: svg.height as f32, shapes }
    }
}

fn shape(element: &str, content: &str, shaper: &mut Shaper) -> Option<Shape> {
    let (name, attributes) = element.split_once(' ')?;
    let attributes = Attributes::new(attributes);
    let number = |name: &str| attributes.number(name);
    let mut path = PathBuilder::new();
    match name {
        "rect" => {
            let (x, y) = (number("x").unwrap_or(0.0), number("y").unwrap_or(0.0));
            path.push_rect(Rect::from_xywh(x, y, number("width")?, number("height")?)?);
        }
        "circle" => circle(&mut path, number("cx")?, number("cy")?, number("r")?),
        "path" => trace(&mut path, attributes.text("d")?)?,
        "polyline" | "polygon" => {
            for (place, point) in attributes.text("points")?.split(' ').enumerate() {
                let (x, y) = point.split_once(',')?;
                let (x, y) = (x.parse().ok()?, y.parse().ok()?);
                if place == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
            }
            if name == "polygon" {
                path.close();
            }
        }
        "text" => return label(&attributes, content, shaper),
        _ => return None,
    }
    Some(Shape::Path {
        path: path.finish()?,
        fill: attributes.fill().map(Box::new),
        stroke: attributes.stroke().map(Box::new),
    })
}

fn label(attributes: &Attributes, content: &str, shaper: &mut Shaper) -> Option<Shape> {
    let colour = attributes.colour("fill").unwrap_or(INK);
    let look = Look { size: LETTERS, bold: false, colour, tabular: false, rise: 0.0 };
    let text =
        content.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    let span = Span { text: &text, look, node: None, link: None };
    let line = Paragraph::new(shaper, &[span], 0.0).lines(f32::MAX).into_iter().next()?;
    let x = attributes.number("x")?;
    let x = match attributes.text("text-anchor") {
        Some("end") => x - line.width,
        Some("middle") => x - line.width / 2.0,
        _ => x,
    };
    Some(Shape::Text { x, y: attributes.number("y")?, line })
}

struct Attributes<'a>(HashMap<&'a str, &'a str>);

impl<'a> Attributes<'a> {
    fn new(mut rest: &'a str) -> Attributes<'a> {
        let mut found = HashMap::new();
        while let Some((name, after)) = rest.split_once("=\"") {
            let Some((value, after)) = after.split_once('"') else { break };
            found.insert(name.trim(), value);
            rest = after;
        }
        Attributes(found)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    fn number(&self, name: &str) -> Option<f32> {
        self.text(name)?.parse().ok().filter(|number: &f32| number.is_finite())
    }

    fn colour(&self, name: &str) -> Option<Colour> {
        let digits = self.text(name)?.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some([red, green, blue])
    }

    fn opacity(&self, name: &str) -> NormalizedF32 {
        self.number(name).and_then(NormalizedF32::new).unwrap_or(NormalizedF32::ONE)
    }

    fn fill(&self) -> Option<Fill> {
        let paint = paint(self.colour("fill")?);
        Some(Fill { paint, opacity: self.opacity("fill-opacity"), rule: FillRule::NonZero })
    }

    fn stroke(&self) -> Option<Stroke> {
        let dash: Option<Vec<f32>> = self
            .text("stroke-dasharray")
            .map(|lengths| lengths.split(' ').filter_map(|length| length.parse().ok()).collect());
        Some(Stroke {
            paint: paint(self.colour("stroke")?),
            width: self.number("stroke-width").unwrap_or(1.0),
            line_cap: if self.text("stroke-linecap") == Some("round") {
                LineCap::Round
            } else {
                LineCap::Butt
            },
            line_join: if self.text("stroke-linejoin") == Some("round") {
                LineJoin::Round
            } else {
                LineJoin::Miter
            },
            opacity: self.opacity("stroke-opacity"),
            dash: dash.map(|array| StrokeDash { array, offset: 0.0 }),
            ..Stroke::default()
        })
    }
}

pub(super) fn paint([red, green, blue]: Colour) -> krilla::paint::Paint {
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

/// Follows the commands of a path: M, L, H, V, and the relative l, h and z.
fn trace(path: &mut PathBuilder, commands: &str) -> Option<()> {
    let (mut x, mut y) = (0.0, 0.0);
    let mut rest = commands;
    while let Some(command) = rest.chars().next() {
        rest = rest.get(command.len_utf8()..)?;
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let mut values = numbers(&rest[..end]).into_iter();
        rest = &rest[end..];
        match command {
            'M' => {
                (x, y) = (values.next()?, values.next()?);
                path.move_to(x, y);
            }
            'L' => (x, y) = (values.next()?, values.next()?),
            'l' => (x, y) = (x + values.next()?, y + values.next()?),
            'H' => x = values.next()?,
            'h' => x += values.next()?,
            'V' => y = values.next()?,
            'z' => path.close(),
            _ => return None,
        }
        if !matches!(command, 'M' | 'z') {
            path.line_to(x, y);
        }
    }
    Some(())
}

/// Numbers apart by spaces, or by the sign of the next.
fn numbers(text: &str) -> Vec<f32> {
    let mut found = Vec::with_capacity(2);
    let mut start = 0;
    for (place, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        if letter == ' ' || (letter == '-' && place > start) {
            found.extend(text[start..place].trim().parse::<f32>().ok().filter(|number| number.is_finite()));
            start = place;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::charts;
    use super::*;
    use crate::report::page::State;

    #[test]
    fn numbers_part_at_spaces_and_signs() {
        assert_eq!(numbers("6-6"), [6.0, -6.0]);
        assert_eq!(numbers("12.5 3"), [12.5, 3.0]);
        assert_eq!(numbers("-6-6"), [-6.0, -6.0]);
        assert_eq!(numbers(".01"), [0.01]);
    }

    #[test]
    fn every_shape_of_the_charts_is_drawn() {
        let points = [charts::Point { value: Some(0.5), interval: Some([0.2, 0.7]) }; 3];
        let pictures = [
            charts::share_bar(0.4, 1.0, Some(0.8), State::Held),
            charts::attribution_bar([-1.0, 1.0], 0.4, Some(0.1), Some(0.3)),
            charts::strip([0.0, 1.0], &[(0.4, Some(0.2)), (0.1, None)]),
            charts::plain_head([-1.0, 1.0]),
            charts::position([-1.0, 1.0], 0.3),
            charts::positions_head([-1.0, 1.0]),
            charts::curve(&[1.0, 2.0], &[0.3, 0.7], &[0.1, 0.2], [0.0, 1.0]),
            charts::trend(&points, Some(0.4), 0.0, [0.0, 1.0]),
        ];
        for svg in pictures {
            let picture = Picture::new(&svg, &mut Shaper::default());
            assert_eq!(picture.shapes.len(), svg.body.matches('<').count() - svg.body.matches("</").count());
        }
    }
}
