//! How the report looks on paper: sizes, colours and distances. Lengths are in points unless a name
//! says `EM`, which is in sizes of the text.

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

pub(super) const INK: Colour = [0x1b, 0x1d, 0x21];
pub(super) const QUIET: Colour = [0x5c, 0x62, 0x6b];
pub(super) const GRID_LINE: Colour = [0xdf, 0xe2, 0xe6];
pub(super) const HEAD_LINE: Colour = [0x8b, 0x92, 0x9b];
pub(super) const MOVED: Colour = [0xb8, 0x43, 0x00];
pub(super) const HELD: Colour = [0x00, 0x69, 0xa6];

pub(super) const MM: f32 = 72.0 / 25.4;

/// A4.
pub(super) const PAGE_WIDTH: f32 = 210.0 * MM;
pub(super) const PAGE_HEIGHT: f32 = 297.0 * MM;
pub(super) const LEFT: f32 = 17.0 * MM;
pub(super) const TOP: f32 = 18.0 * MM;
pub(super) const BOTTOM: f32 = 20.0 * MM;
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

pub(super) const BODY: f32 = 9.0;
pub(super) const SUBJECT: f32 = 8.5;
pub(super) const LEAD: f32 = 10.5;
pub(super) const VERBATIM: f32 = 7.0;
pub(super) const FOOTER: f32 = 7.5;
pub(super) const CAPTION: f32 = 8.0;
pub(super) const TABLE: f32 = 8.0;
pub(super) const LONG_TABLE: f32 = 7.5;
pub(super) const WIDE_TABLE: f32 = 7.0;
pub(super) const TABLE_HEAD: f32 = 7.0;
/// Codes and remarks beside a name.
pub(super) const REMARK_EM: f32 = 0.85;
/// The mark before the headline, and how far it stands above the line.
pub(super) const MARK: f32 = 13.0;
pub(super) const MARK_RISE: f32 = 1.5;

/// Size, and the space above and below, of headings by level.
pub(super) fn heading(level: u8) -> (f32, f32, f32) {
    match level {
        1 => (19.0, 24.4, 15.5),
        2 => (13.5, 29.7, 12.2),
        _ => (10.5, 17.9, 8.4),
    }
}

/// Between blocks that ask for nothing else.
pub(super) const BLOCK_GAP: f32 = 10.8;
pub(super) const SUBJECT_GAP: f32 = 12.6;
pub(super) const LEAD_GAP: f32 = 9.9;
pub(super) const LEAD_SHARE: f32 = 0.88;
pub(super) const FACTS_GAP: f32 = 11.7;
pub(super) const POINT_GAP: f32 = 6.3;
pub(super) const POINT_INDENT: f32 = 8.4;
pub(super) const VERBATIM_GAP: f32 = 3.2;

pub(super) const NOTE_BAR: f32 = 2.0;
pub(super) const NOTE_INDENT: f32 = 8.0;
pub(super) const NOTE_INSET: f32 = 2.0;

pub(super) const TABLE_GAP: f32 = 11.3;
pub(super) const CAPTION_GAP: f32 = 5.0;
pub(super) const CELL_INSET: f32 = 3.0;
pub(super) const RULE: f32 = 0.5;
pub(super) const PLOT_WIDTH: f32 = 62.0 * MM;
pub(super) const BAR_WIDTH: f32 = 17.0 * MM;
/// Columns of a plot that are neither its names nor its picture.
pub(super) const PLOT_COLUMN: f32 = 24.0 * MM;
/// Columns beside sentences.
pub(super) const WORDY_NAME: f32 = 38.0 * MM;
pub(super) const WORDY_TEXT: f32 = 30.0 * MM;
/// Tables with more columns take smaller letters.
pub(super) const WIDE: usize = 8;
/// Tables of up to so many rows stay on one page: of sentences, of others.
pub(super) const FEW_WORDY: usize = 8;
pub(super) const FEW: usize = 14;

pub(super) const FIGURES_PER_ROW: usize = 3;
pub(super) const FIGURE_GUTTER: f32 = 6.0 * MM;
pub(super) const FIGURE_ROW_GAP: f32 = 5.0 * MM;
pub(super) const FIGURE_CAPTION_GAP: f32 = 3.0;

/// Words with more letters may break after their own punctuation, and anywhere where they do not fit.
pub(super) const LONG_WORD: usize = 22;
/// The room that a column keeps for a word that may break anywhere.
pub(super) const LONG_WORD_EM: f32 = 13.0;
