//! Verdicts, with the word, the mark and the style of each.

/// What a measurement, or a whole run, comes to. Colour, mark and word follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    /// Worse than the baseline, beyond what chance explains.
    Moved,
    /// The rows are too few, or chance explains it.
    CannotTell,
    /// Compared with a baseline, and within it.
    Held,
    /// There was nothing to compare with.
    Measured,
    /// The value has no meaning here.
    Undefined,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Moved => "moved",
            State::CannotTell => "cannot tell",
            State::Held => "held",
            State::Measured => "measured",
            State::Undefined => "undefined",
        }
    }

    /// A mark that differs by shape, since not everyone sees colours.
    pub(super) fn mark(self) -> &'static str {
        match self {
            State::Moved => "◆",
            State::CannotTell => "■",
            State::Held | State::Measured => "●",
            State::Undefined => "–",
        }
    }

    /// Name of the style.
    pub(super) fn class(self) -> &'static str {
        match self {
            State::Moved => "moved",
            State::CannotTell => "unsure",
            State::Held => "held",
            State::Measured => "measured",
            State::Undefined => "undefined",
        }
    }
}
