//! Drawings: a chart as shapes, for whoever paints it. Lengths are in units of the drawing; y goes down.

/// A colour on paper, and the name by which a page with light and dark colours knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour {
    /// Red, green, blue.
    pub(crate) rgb: [u8; 3],
    pub(crate) name: &'static str,
}

/// Shapes, back to front.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawing {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Rectangle {
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: Colour,
    },
    Path {
        steps: Vec<Step>,
        fill: Option<Fill>,
        stroke: Option<Stroke>,
    },
    Circle {
        x: f64,
        y: f64,
        radius: f64,
        fill: Colour,
        outline: Option<Stroke>,
    },
    /// Many small round dots of one colour.
    Dots {
        at: Vec<[f64; 2]>,
        diameter: f64,
        fill: Fill,
    },
    /// `x` is where the text starts, has its middle or ends; `y` is its baseline.
    Text {
        x: f64,
        y: f64,
        anchor: Anchor,
        colour: Colour,
        text: String,
    },
}

/// A step of the pen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Move(f64, f64),
    Line(f64, f64),
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fill {
    pub(crate) colour: Colour,
    pub(crate) opacity: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) colour: Colour,
    pub(crate) width: f64,
    pub(crate) opacity: f64,
    /// Lengths of a dash and of the gap after it.
    pub(crate) dash: Option<[f64; 2]>,
}

impl Stroke {
    pub(crate) fn new(colour: Colour, width: f64) -> Stroke {
        Stroke { colour, width, opacity: 1.0, dash: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// Size of the letters of a drawing, in its own units.
pub(crate) const LETTERS: f64 = 11.0;

impl Drawing {
    pub(crate) fn new(width: f64, height: f64) -> Drawing {
        Drawing { width, height, shapes: Vec::new() }
    }

    pub(crate) fn rectangle(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], fill: Colour) {
        self.shapes.push(Shape::Rectangle { x, y, width, height, fill });
    }

    pub(crate) fn circle(&mut self, [x, y]: [f64; 2], radius: f64, fill: Colour) {
        self.shapes.push(Shape::Circle { x, y, radius, fill, outline: None });
    }

    pub(crate) fn line(&mut self, from: [f64; 2], to: [f64; 2], stroke: Stroke) {
        self.polyline(&[from, to], stroke);
    }

    /// A line through points; nothing where there are none.
    pub(crate) fn polyline(&mut self, points: &[[f64; 2]], stroke: Stroke) {
        if !points.is_empty() {
            self.shapes.push(Shape::Path { steps: steps(points), fill: None, stroke: Some(stroke) });
        }
    }

    /// A filled shape with corners at points; nothing where there are none.
    pub(crate) fn polygon(&mut self, points: &[[f64; 2]], fill: Fill) {
        if !points.is_empty() {
            let mut steps = steps(points);
            steps.push(Step::Close);
            self.shapes.push(Shape::Path { steps, fill: Some(fill), stroke: None });
        }
    }

    pub(crate) fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, colour: Colour, text: impl Into<String>) {
        self.shapes.push(Shape::Text { x, y, anchor, colour, text: text.into() });
    }
}

fn steps(points: &[[f64; 2]]) -> Vec<Step> {
    let step = |(place, [x, y]): (usize, &[f64; 2])| match place {
        0 => Step::Move(*x, *y),
        _ => Step::Line(*x, *y),
    };
    points.iter().enumerate().map(step).collect()
}
