//! How a document looks: sizes, colours and distances. Lengths are in points unless a name says `EM`, which is in
//! sizes of the text.

use super::drawing::Colour;

pub(crate) const INK: Colour = Colour { rgb: [0x1b, 0x1d, 0x21], name: "ink" };
pub(crate) const QUIET: Colour = Colour { rgb: [0x5c, 0x62, 0x6b], name: "quiet" };
/// Lines between rows, and grids.
pub(crate) const GRID: Colour = Colour { rgb: [0xdf, 0xe2, 0xe6], name: "grid" };
/// Lines that count more than a grid.
pub(crate) const LINE: Colour = Colour { rgb: [0x8b, 0x92, 0x9b], name: "parity" };

pub(crate) const MM: f32 = 72.0 / 25.4;

/// A4.
pub(super) const PAGE_WIDTH: f32 = 210.0 * MM;
pub(super) const PAGE_HEIGHT: f32 = 297.0 * MM;
pub(super) const LEFT: f32 = 17.0 * MM;
pub(super) const TOP: f32 = 18.0 * MM;
const BOTTOM: f32 = 20.0 * MM;
pub(super) const TEXT_WIDTH: f32 = PAGE_WIDTH - 2.0 * LEFT;
pub(super) const TEXT_HEIGHT: f32 = PAGE_HEIGHT - TOP - BOTTOM;
/// From the end of the text to the top of the footer.
pub(super) const FOOTER_GAP: f32 = 6.0 * MM;

/// Height of capitals of the main font: a line reaches from there to its baseline.
pub(super) const CAPITALS_EM: f32 = 0.727;
/// Between the baseline of a line and the capitals of the next.
pub(super) const LEADING_EM: f32 = 0.6;
pub(super) const HEADING_LEADING_EM: f32 = 0.45;
pub(super) const TABLE_LEADING_EM: f32 = 0.5;

/// Size of text.
pub(crate) const BODY: f32 = 9.0;

/// Size of a heading by its level.
pub(crate) fn heading_size(level: u8) -> f32 {
    match level {
        1 => 19.0,
        2 => 13.5,
        _ => 10.5,
    }
}

/// Space above and below a heading by its level.
pub(super) fn heading_gaps(level: u8) -> (f32, f32) {
    match level {
        1 => (24.4, 15.5),
        2 => (29.7, 12.2),
        _ => (17.9, 8.4),
    }
}

/// Between blocks that ask for nothing else.
pub(crate) const BLOCK_GAP: f32 = 10.8;
pub(super) const ITEM_GAP: f32 = 6.3;
pub(super) const ITEM_INDENT: f32 = 8.4;

pub(super) const NOTE_BAR: f32 = 2.0;
pub(super) const NOTE_INDENT: f32 = 8.0;
pub(super) const NOTE_INSET: f32 = 2.0;

pub(super) const TABLE_GAP: f32 = 11.3;
pub(super) const CAPTION_GAP: f32 = 5.0;
pub(super) const CELL_INSET: f32 = 3.0;
/// Thickness of the lines of tables.
pub(super) const RULE: f32 = 0.5;

pub(super) const FIGURES_PER_ROW: usize = 3;
pub(super) const FIGURE_GUTTER: f32 = 6.0 * MM;
pub(super) const FIGURE_ROW_GAP: f32 = 5.0 * MM;
pub(super) const FIGURE_CAPTION_GAP: f32 = 3.0;

/// Words with more letters may break after their own punctuation, and anywhere where they do not fit.
pub(super) const LONG_WORD: usize = 22;
/// The room that a column keeps for a word that may break anywhere.
pub(super) const LONG_WORD_EM: f32 = 13.0;
