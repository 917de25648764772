//! The fonts, which of them draws a letter, and what is written for letters that none can draw.

use std::borrow::Cow;
use std::io::Read as _;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use krilla::text::Font;

/// A font for the two who need it: one to shape with, one to embed.
pub(super) struct Face {
    pub shaper: rustybuzz::Face<'static>,
    pub font: Font,
}

impl Face {
    fn new(file: &'static [u8]) -> Option<Face> {
        Some(Face { shaper: rustybuzz::Face::from_slice(file, 0)?, font: Font::new(file.into(), 0)? })
    }

    fn covers(&self, letter: char) -> bool {
        self.shaper.glyph_index(letter).is_some()
    }
}

/// Place of a font in the order of preference.
pub(super) type FaceId = usize;

const REGULAR: FaceId = 0;
const SEMI_BOLD: FaceId = 1;
/// The fonts of the main letters, whose digits have two widths.
pub(super) const MAIN: std::ops::RangeInclusive<FaceId> = REGULAR..=SEMI_BOLD;
const EAST_ASIAN: FaceId = 6;

/// All under the SIL Open Font License or the Apache License.
static FACES: LazyLock<Vec<Face>> = LazyLock::new(|| {
    let files: [&'static [u8]; EAST_ASIAN] = [
        include_bytes!("../../templates/fonts/Inter-Regular.otf"),
        include_bytes!("../../templates/fonts/Inter-SemiBold.otf"),
        include_bytes!("../../templates/fonts/NotoSansArabic-Regular.ttf"),
        include_bytes!("../../templates/fonts/NotoSansHebrew-Regular.ttf"),
        include_bytes!("../../templates/fonts/NotoSansDevanagari-Regular.ttf"),
        include_bytes!("../../templates/fonts/NotoSansThai-Regular.ttf"),
    ];
    files.into_iter().filter_map(Face::new).collect()
});

/// Chinese, Japanese and Korean: large, so packed, and unpacked only for a text that needs it.
static EAST_ASIAN_FACE: LazyLock<Option<Face>> = LazyLock::new(|| {
    static UNPACKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let packed: &[u8] = include_bytes!("../../templates/fonts/wqy-microhei.ttc.gz");
        let mut font = Vec::new();
        // A damaged file is an empty one, which is no font.
        GzDecoder::new(packed).read_to_end(&mut font).map_or_else(|_| Vec::new(), |_| font)
    });
    Face::new(&UNPACKED)
});

pub(super) fn face(id: FaceId) -> Option<&'static Face> {
    if id == EAST_ASIAN { EAST_ASIAN_FACE.as_ref() } else { FACES.get(id) }
}

pub(super) fn main_face(bold: bool) -> FaceId {
    if bold { SEMI_BOLD } else { REGULAR }
}

/// The font for a letter: `before` if it joins the letter before, else the first that has it.
pub(super) fn choose(letter: char, bold: bool, before: Option<FaceId>) -> FaceId {
    let main = main_face(bold);
    if letter.is_ascii() {
        return main;
    }
    let covers = |id: FaceId| face(id).is_some_and(|face| face.covers(letter));
    if let Some(before) = before.filter(|_| joins(letter))
        && (steers(letter) || covers(before))
    {
        return before;
    }
    let others = SEMI_BOLD + 1..=EAST_ASIAN;
    std::iter::once(main).chain(others).find(|id| covers(*id)).unwrap_or(main)
}

/// Whether it is drawn on or tied to the letter before.
fn joins(letter: char) -> bool {
    steers(letter) || unicode_bidi::bidi_class(letter) == unicode_bidi::BidiClass::NSM
}

/// Signs that steer how others are drawn or ordered.
pub(super) fn steers(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}')
}

pub(super) fn covered(letter: char) -> bool {
    // A mark of the order of bytes is no letter; a document for all readers may not hold it.
    !matches!(letter, '\u{feff}' | '\u{fffe}')
        && (0..=EAST_ASIAN).any(|id| face(id).is_some_and(|face| face.covers(letter)))
}

/// One line of text that can be drawn: what no font has by its number, other spaces as plain ones.
pub(super) fn drawable<'a>(
    text: &'a str,
    covered: impl Fn(char) -> bool,
    missing: &mut bool,
) -> Cow<'a, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            ' '..='~' => out.push(letter),
            '\u{fe00}'..='\u{fe0f}' | '\u{200b}' => {}
            '\u{2028}' | '\u{2029}' => out.push(' '),
            letter if letter.is_control() => out.push(' '),
            letter if steers(letter) || covered(letter) => out.push(letter),
            letter if letter.is_whitespace() => out.push(' '),
            letter => {
                *missing = true;
                out.push_str(&format!("[U+{:04X}]", u32::from(letter)));
            }
        }
    }
    Cow::Owned(out)
}

/// A text of the document's properties, which readers draw with fonts of their own.
pub(super) fn plain(text: &str) -> String {
    let told = |letter: char| if letter.is_control() || !covered_by_xml(letter) { ' ' } else { letter };
    text.chars().map(told).collect::<String>().trim().to_owned()
}

fn covered_by_xml(letter: char) -> bool {
    !matches!(letter, '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_font_has_is_told_by_its_number() {
        let mut missing = false;
        let latin = |letter: char| letter.is_ascii();
        assert_eq!(drawable("Sex", latin, &mut missing), "Sex");
        assert_eq!(drawable("a\tb\nc", latin, &mut missing), "a b c");
        assert!(!missing);
        assert_eq!(drawable("a\u{1F600}\u{fe0f}b", latin, &mut missing), "a[U+1F600]b");
        assert!(missing);
    }

    #[test]
    fn fonts_cover_the_large_scripts() {
        for letter in "Aéжωעعहไ年성←→◆■●–−≥√Σ½²ᵢ⁰¹̂ŷμ∞\u{202f}".chars()
        {
            assert!(covered(letter), "{letter} {:04X}", u32::from(letter));
        }
        assert!(!covered('\u{1F600}'));
    }
}
