//! Drawings as SVG: for a page, whose style names follow the reader's light or dark, and as files of their own.

use std::fmt::Write as _;

use crate::paper::drawing::{Anchor, Colour, Drawing, LETTERS, Shape, Step, Stroke};

/// A file of its own, in light colours.
pub(super) fn file(drawing: &Drawing) -> String {
    let Drawing { width, height, .. } = drawing;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"Inter, sans-serif\" font-size=\"{LETTERS}\">{}</svg>",
        body(drawing)
    )
}

/// The shapes alone. They carry both colours (for print) and style names: `f-NAME` fills, `s-NAME` strokes.
pub(super) fn body(drawing: &Drawing) -> String {
    let mut out = String::new();
    for shape in &drawing.shapes {
        write(&mut out, shape);
    }
    out
}

fn write(out: &mut String, shape: &Shape) {
    match shape {
        Shape::Rectangle { x, y, width, height, fill } => {
            out.push_str("<rect");
            for (name, length) in [("x", x), ("y", y)] {
                if *length != 0.0 {
                    let _ = write!(out, " {name}=\"{}\"", Length(*length));
                }
            }
            let _ = write!(out, " width=\"{}\" height=\"{}\"", Length(*width), Length(*height));
            filled(out, *fill, 1.0);
            out.push_str("/>");
        }
        Shape::Circle { x, y, radius, fill, outline } => {
            let _ =
                write!(out, "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"", Length(*x), Length(*y), Length(*radius));
            match outline {
                // Two colours, one name: the style of rings knows both.
                Some(stroke) => {
                    let _ = write!(
                        out,
                        " fill=\"{}\" stroke=\"{}\" class=\"ring\" stroke-width=\"{}\"",
                        Rgb(*fill),
                        Rgb(stroke.colour),
                        Length(stroke.width)
                    );
                }
                None => filled(out, *fill, 1.0),
            }
            out.push_str("/>");
        }
        Shape::Path { steps, fill, stroke } => {
            out.push_str("<path d=\"");
            traced(out, steps);
            out.push('"');
            match (fill, stroke) {
                (Some(fill), None) => filled(out, fill.colour, fill.opacity),
                (_, Some(stroke)) => {
                    out.push_str(" fill=\"none\"");
                    stroked(out, stroke);
                    if steps.len() > 2 {
                        out.push_str(" stroke-linejoin=\"round\"");
                    }
                }
                (None, None) => {}
            }
            out.push_str("/>");
        }
        // One path of strokes without length but with round ends: a few bytes each.
        Shape::Dots { at, diameter, fill } => {
            out.push_str("<path d=\"");
            for [x, y] in at {
                let _ = write!(out, "M{} {y:.0}h.01", Length(*x));
            }
            out.push_str("\" fill=\"none\" stroke-linecap=\"round\"");
            stroked(out, &Stroke { opacity: fill.opacity, ..Stroke::new(fill.colour, *diameter) });
            out.push_str("/>");
        }
        Shape::Text { x, y, anchor, colour, text } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = write!(
                out,
                "<text x=\"{}\" y=\"{}\"{anchor} fill=\"{}\" class=\"f-{}\">{text}</text>",
                Length(*x),
                Length(*y),
                Rgb(*colour),
                colour.name
            );
        }
    }
}

fn filled(out: &mut String, colour: Colour, opacity: f64) {
    let _ = write!(out, " fill=\"{}\" class=\"f-{}\"", Rgb(colour), colour.name);
    if opacity < 1.0 {
        let _ = write!(out, " fill-opacity=\"{opacity}\"");
    }
}

fn stroked(out: &mut String, stroke: &Stroke) {
    let _ = write!(out, " stroke=\"{}\" class=\"s-{}\"", Rgb(stroke.colour), stroke.colour.name);
    if stroke.width != 1.0 {
        let _ = write!(out, " stroke-width=\"{}\"", Length(stroke.width));
    }
    if stroke.opacity < 1.0 {
        let _ = write!(out, " stroke-opacity=\"{}\"", stroke.opacity);
    }
    if let Some([dash, gap]) = stroke.dash {
        let _ = write!(out, " stroke-dasharray=\"{} {}\"", Length(dash), Length(gap));
    }
}

fn traced(out: &mut String, steps: &[Step]) {
    let mut at = [f64::NAN; 2];
    for step in steps {
        let _ = match *step {
            Step::Move(x, y) => write!(out, "M{} {}", Length(x), Length(y)),
            Step::Line(x, y) if y == at[1] => write!(out, "H{}", Length(x)),
            Step::Line(x, y) if x == at[0] => write!(out, "V{}", Length(y)),
            Step::Line(x, y) => write!(out, "L{} {}", Length(x), Length(y)),
            Step::Close => write!(out, "z"),
        };
        if let Step::Move(x, y) | Step::Line(x, y) = *step {
            at = [x, y];
        }
    }
}

/// A tenth of a unit is finer than a screen.
struct Length(f64);

impl std::fmt::Display for Length {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        // No minus before a zero.
        let tenths = (self.0 * 10.0).round() + 0.0;
        if tenths % 10.0 == 0.0 {
            write!(f, "{:.0}", tenths / 10.0)
        } else {
            write!(f, "{:.1}", tenths / 10.0)
        }
    }
}

struct Rgb(Colour);

impl std::fmt::Display for Rgb {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let [red, green, blue] = self.0.rgb;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::drawing::Fill;
    use crate::paper::style::{GRID, INK, QUIET};

    fn told(draw: impl FnOnce(&mut Drawing)) -> String {
        let mut drawing = Drawing::new(10.0, 10.0);
        draw(&mut drawing);
        body(&drawing)
    }

    #[test]
    fn every_shape_keeps_its_places_colours_and_widths() {
        let dashed = Stroke { dash: Some([3.0, 2.0]), opacity: 0.5, ..Stroke::new(QUIET, 1.5) };
        let quiet = Fill { colour: QUIET, opacity: 0.25 };
        for (svg, expected) in [
            (
                told(|it| it.rectangle([1.0, 0.0], [2.25, 3.0], INK)),
                r##"<rect x="1" width="2.3" height="3" fill="#1b1d21" class="f-ink"/>"##,
            ),
            (
                told(|it| it.circle([1.5, 2.0], 4.5, QUIET)),
                r##"<circle cx="1.5" cy="2" r="4.5" fill="#5c626b" class="f-quiet"/>"##,
            ),
            (
                told(|it| it.line([1.0, 2.0], [3.0, 2.0], Stroke::new(GRID, 1.0))),
                r##"<path d="M1 2H3" fill="none" stroke="#dfe2e6" class="s-grid"/>"##,
            ),
            (
                told(|it| it.polyline(&[[1.0, 2.0], [1.0, 4.0], [5.0, 6.0]], dashed)),
                r##"<path d="M1 2V4L5 6" fill="none" stroke="#5c626b" class="s-quiet" stroke-width="1.5" stroke-opacity="0.5" stroke-dasharray="3 2" stroke-linejoin="round"/>"##,
            ),
            (
                told(|it| it.polygon(&[[0.0, 0.0], [1.0, 1.0], [0.0, 2.0]], quiet)),
                r##"<path d="M0 0L1 1L0 2z" fill="#5c626b" class="f-quiet" fill-opacity="0.25"/>"##,
            ),
            (
                told(|it| {
                    it.shapes.push(Shape::Dots {
                        at: vec![[1.0, 2.0], [3.04, 4.0]],
                        diameter: 3.0,
                        fill: quiet,
                    })
                }),
                r##"<path d="M1 2h.01M3 4h.01" fill="none" stroke-linecap="round" stroke="#5c626b" class="s-quiet" stroke-width="3" stroke-opacity="0.25"/>"##,
            ),
            (
                told(|it| it.text([4.0, 9.0], Anchor::End, QUIET, "a < b")),
                r##"<text x="4" y="9" text-anchor="end" fill="#5c626b" class="f-quiet">a &lt; b</text>"##,
            ),
        ] {
            assert_eq!(svg, expected);
        }
    }
}
