//! Charts, drawn once for all writers. Text stays outside them, in the table around, so that it
//! wraps, is read aloud and is found by a search; only numbers on an axis, and short names of categories, are drawn.

mod bars;
mod categories;
mod curves;
mod dots;
mod scale;

use super::page::State;
use crate::paper::drawing::{Colour, Drawing, Shape, Step, Stroke};
use crate::paper::style::{GRID, INK, LINE, QUIET};

pub(super) use bars::{attribution_bar, pairs, plain_head, share_bar};
pub(super) use categories::categories;
pub(super) use curves::{Point, curve, histogram, trend};
pub(super) use dots::{Axis, Dot, dot_row, position, positions_head, strip};
pub(super) use scale::{range, span};

/// Width of the charts in tables.
const WIDTH: f64 = 320.0;
/// Left and right of the axis, for arrows and labels.
const MARGIN: f64 = 14.0;

/// Height of the head of a chart's column, and where its title stands.
const HEAD: f64 = 31.0;
const TITLE: f64 = 11.0;

const PAPER: Colour = Colour { rgb: [0xff; 3], name: "paper" };
const MOVED: Colour = Colour { rgb: [0xb8, 0x43, 0x00], name: "moved" };
const HELD: Colour = Colour { rgb: [0x00, 0x69, 0xa6], name: "held" };
const UNSURE: Colour = Colour { name: "unsure", ..QUIET };

/// Pale to strong: the value of a feature from low to high.
const RAMP: [Colour; 5] = [
    Colour { rgb: [0xb7, 0x9d, 0xdb], name: "r0" },
    Colour { rgb: [0x96, 0x73, 0xc7], name: "r1" },
    Colour { rgb: [0x75, 0x49, 0xad], name: "r2" },
    Colour { rgb: [0x56, 0x2b, 0x8b], name: "r3" },
    Colour { rgb: [0x37, 0x11, 0x68], name: "r4" },
];

pub(in crate::report) fn colour(state: State) -> Colour {
    match state {
        State::Moved => MOVED,
        State::Held | State::Measured => HELD,
        State::CannotTell | State::Undefined => UNSURE,
    }
}

/// Diamond, circle or square, by state.
fn mark(drawing: &mut Drawing, [x, y]: [f64; 2], state: State) {
    let paint = colour(state);
    match state {
        State::Moved => {
            let corners = [[x, y - 6.0], [x + 6.0, y], [x, y + 6.0], [x - 6.0, y]];
            drawing.polygon(&corners, crate::paper::drawing::Fill { colour: paint, opacity: 1.0 });
        }
        State::CannotTell | State::Undefined => {
            drawing.rectangle([x - 4.0, y - 4.0], [8.0, 8.0], paint);
        }
        State::Held | State::Measured => drawing.circle([x, y], 4.5, paint),
    }
}

/// What was, beside what is.
fn ring(drawing: &mut Drawing, [x, y]: [f64; 2]) {
    let outline = Some(Stroke::new(INK, 1.5));
    drawing.shapes.push(Shape::Circle { x, y, radius: 4.5, fill: PAPER, outline });
}

/// Upright lines over the whole height, as one path.
fn uprights(drawing: &mut Drawing, at: impl Iterator<Item = f64>, colour: Colour) {
    let height = drawing.height;
    let steps: Vec<Step> = at.flat_map(|x| [Step::Move(x, 0.0), Step::Line(x, height)]).collect();
    if !steps.is_empty() {
        let stroke = Some(Stroke::new(colour, 1.0));
        drawing.shapes.push(Shape::Path { steps, fill: None, stroke });
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
