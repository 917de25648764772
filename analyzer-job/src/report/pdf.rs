//! The report on paper, set by Typst from `templates/report.typ`. The template gets the report as
//! JSON values, never as markup, so no text of the data can become a command.

use std::io::Read as _;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;
use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Dict, Duration, Smart, Str, Value};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World, WorldExt};
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use super::page::Report;

const TEMPLATE: &str = include_str!("../../templates/report.typ");

/// In order of preference; all under the SIL Open Font License or the Apache License.
static FONTS: LazyLock<Vec<Font>> = LazyLock::new(|| {
    let files: [&'static [u8]; 6] = [
        include_bytes!("../../templates/fonts/Inter-Regular.otf"),
        include_bytes!("../../templates/fonts/Inter-SemiBold.otf"),
        include_bytes!("../../templates/fonts/NotoSansArabic-Regular.ttf"),
        include_bytes!("../../templates/fonts/NotoSansHebrew-Regular.ttf"),
        include_bytes!("../../templates/fonts/NotoSansDevanagari-Regular.ttf"),
        include_bytes!("../../templates/fonts/NotoSansThai-Regular.ttf"),
    ];
    files.into_iter().flat_map(|file| Font::iter(Bytes::new(file))).collect()
});

/// Chinese, Japanese and Korean: large, so packed, and unpacked only for a text that needs it.
static EAST_ASIAN_FONT: LazyLock<Option<Font>> = LazyLock::new(|| {
    let packed: &[u8] = include_bytes!("../../templates/fonts/wqy-microhei.ttc.gz");
    let mut font = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut font).ok()?;
    Font::new(Bytes::new(font), 0)
});

/// # Errors
/// The report cannot be set, which is a defect of the program.
pub(super) fn write(report: &Report) -> Result<Vec<u8>> {
    let failed = |error: String| Problem::new(&codes::INTERNAL, "cannot write the PDF report").found(error);
    let mut json = serde_json::to_value(report).map_err(|error| failed(error.to_string()))?;
    let fonts = Fonts::for_text(&json);
    let mut missing = false;
    drawable(&mut json, &fonts, &mut missing);
    if let Json::Object(parts) = &mut json {
        parts.insert("missing_characters".into(), missing.into());
    }
    let page = Page::new(fonts, json.to_string()).ok_or_else(|| failed("the template has no path".into()))?;
    let told = |errors: &[SourceDiagnostic]| {
        let texts: Vec<_> = errors
            .iter()
            .map(|error| {
                let at = page.range(error.span).map_or(0, |range| range.start);
                format!("line {} of the template: {}", TEMPLATE[..at].lines().count(), error.message)
            })
            .collect();
        failed(texts.join("; "))
    };
    let document = typst::compile(&page).output.map_err(|errors| told(&errors))?;
    let standards =
        PdfStandards::new(&[PdfStandard::Ua_1]).map_err(|error| failed(error.message().to_string()))?;
    let options = PdfOptions {
        // One run, one document: the identifier depends on nothing but the content.
        ident: Smart::Auto,
        creator: Smart::Custom(Some(report.program.clone())),
        standards,
        ..PdfOptions::default()
    };
    let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| told(&errors))?;
    Ok(pdf)
}

struct Fonts {
    fonts: Vec<Font>,
}

impl Fonts {
    fn for_text(json: &Json) -> Fonts {
        let mut fonts = Fonts { fonts: FONTS.clone() };
        if !fonts.cover_all(json) {
            fonts.fonts.extend(EAST_ASIAN_FONT.clone());
        }
        fonts
    }

    fn cover(&self, letter: char) -> bool {
        self.fonts.iter().any(|font| font.info().coverage.contains(u32::from(letter)))
    }

    fn cover_all(&self, json: &Json) -> bool {
        match json {
            Json::String(text) => text.chars().all(|letter| letter.is_ascii() || self.cover(letter)),
            Json::Array(parts) => parts.iter().all(|part| self.cover_all(part)),
            Json::Object(parts) => parts.values().all(|part| self.cover_all(part)),
            _ => true,
        }
    }
}

/// Replaces in all texts what no font can draw by its number, and lets long words break.
fn drawable(json: &mut Json, fonts: &Fonts, missing: &mut bool) {
    match json {
        Json::String(text) => {
            let simple = text.is_ascii() && text.split(' ').all(|word| word.len() <= LONG_WORD);
            if !simple {
                *text = drawable_text(text, |letter| fonts.cover(letter), missing);
            }
        }
        Json::Array(parts) => parts.iter_mut().for_each(|part| drawable(part, fonts, missing)),
        Json::Object(parts) => {
            for (key, part) in parts.iter_mut() {
                // The drawing of a picture is no text.
                if key != "svg" && key != "axis" && key != "id" {
                    drawable(part, fonts, missing);
                }
            }
        }
        _ => {}
    }
}

/// Longer words may break anywhere.
const LONG_WORD: usize = 22;

fn drawable_text(text: &str, covered: impl Fn(char) -> bool, missing: &mut bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_word = 0;
    let long: Vec<bool> = text
        .split(' ')
        .flat_map(|word| {
            let length = word.chars().count();
            // A digest is copied to be compared: no sign that nobody sees may stand in it.
            let digest = length == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            std::iter::repeat_n(length > LONG_WORD && !digest, length + 1)
        })
        .collect();
    for (letter, in_long) in text.chars().zip(long) {
        match letter {
            // Signs that steer how others are drawn or ordered.
            '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}' => out.push(letter),
            '\u{fe00}'..='\u{fe0f}' => {}
            letter if letter.is_whitespace() || covered(letter) => out.push(letter),
            letter if letter.is_control() => out.push(' '),
            letter => {
                *missing = true;
                out.push_str(&format!("[U+{:04X}]", u32::from(letter)));
            }
        }
        in_word = if letter == ' ' { 0 } else { in_word + 1 };
        if in_long && (in_word % LONG_WORD == 0 || matches!(letter, '_' | '-' | '.' | '/' | ',')) {
            out.push('\u{200b}');
        }
    }
    out
}

/// The world that the template sees: itself, the fonts and the report. No files, no clock.
struct Page {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    source: Source,
}

impl Page {
    fn new(fonts: Fonts, report: String) -> Option<Page> {
        let path = VirtualPath::new("report.typ").ok()?;
        let id = FileId::new(RootedPath::new(VirtualRoot::Project, path));
        let mut inputs = Dict::new();
        inputs.insert(Str::from("report"), Value::Str(Str::from(report)));
        Some(Page {
            library: LazyHash::new(Library::builder().with_inputs(inputs).build()),
            book: LazyHash::new(FontBook::from_fonts(&fonts.fonts)),
            fonts: fonts.fonts,
            source: Source::new(id, TEMPLATE.to_owned()),
        })
    }
}

impl World for Page {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.source.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.source.id() { Ok(self.source.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, _: FileId) -> FileResult<Bytes> {
        Err(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_font_has_is_told_by_its_number() {
        let mut missing = false;
        let latin = |letter: char| letter.is_ascii();
        assert_eq!(drawable_text("Sex", latin, &mut missing), "Sex");
        assert!(!missing);
        assert_eq!(drawable_text("a\u{1F600}\u{fe0f}b", latin, &mut missing), "a[U+1F600]b");
        assert!(missing);
    }

    #[test]
    fn long_words_may_break() {
        let mut missing = false;
        let text = drawable_text(&"x".repeat(60), |_| true, &mut missing);
        assert_eq!(text.matches('\u{200b}').count(), 2);
        assert_eq!(text.replace('\u{200b}', "").len(), 60);
        assert_eq!(drawable_text(&"5a".repeat(32), |_| true, &mut missing), "5a".repeat(32));
    }

    #[test]
    fn fonts_cover_the_large_scripts() {
        let fonts = Fonts::for_text(&Json::String("年齢 성별".into()));
        for letter in "Aéжωעعहไ年성←→◆■●–−≥√Σ½²ᵢ⁰¹̂ŷμ∞\u{202f}".chars()
        {
            assert!(fonts.cover(letter), "{letter} {:04X}", u32::from(letter));
        }
    }
}
