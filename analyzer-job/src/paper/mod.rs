//! A small typesetter: a document of headings, paragraphs, lists, tables and drawings becomes a PDF with real text in
//! embedded fonts, with bookmarks, links and elements for readers who do not see it (PDF/UA-1).
//!
//! `document` and `drawing` are what it is given. `layout` and `table` turn the blocks into one long strip of slabs,
//! `flow` cuts the strip into pages, `paint` draws them. Sizes and distances stand in `style`.

pub(crate) mod document;
pub(crate) mod drawing;
mod flow;
mod fonts;
mod glyphs;
mod layout;
mod paint;
mod picture;
pub(crate) mod style;
mod table;
mod tags;
mod text;
mod widths;

use krilla::SerializeSettings;
use krilla::configure::{Accessibility, ConfigurationBuilder};
use krilla::metadata::Metadata;
use plumbline_common::{Problem, Result, codes};

use document::Document;

/// Whether the fonts have a letter; another one is written by its number.
pub(crate) fn draws(letter: char) -> bool {
    fonts::steers(letter) || fonts::covered(letter)
}

/// The document as the bytes of a PDF.
///
/// # Errors
/// `INTERNAL`: the document breaks a rule of documents for all readers, which is a defect of the program.
pub(crate) fn write(document: &Document) -> Result<Vec<u8>> {
    let failed = |error: String| {
        let start: String = error.chars().take(500).collect();
        Problem::new(&codes::INTERNAL, "cannot write the PDF report").found(start)
    };
    let configuration = ConfigurationBuilder::new()
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| failed(format!("{error:?}")))?;
    let mut pdf =
        krilla::Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });

    let layout::Strip { slabs, headings, mut tags, mut shaper } = layout::strip(document);
    let pages = flow::Pages::new(slabs);
    let footers = layout::footers(&document.footer, pages.pages.len(), &mut shaper);
    paint::pages(&mut pdf, &pages, &footers, &mut tags);
    pdf.set_outline(paint::outline(&headings, &pages));
    pdf.set_tag_tree(tags.tree());
    // Nothing here depends on the clock: the same results are the same bytes.
    pdf.set_metadata(
        Metadata::new()
            .title(fonts::plain(&document.title))
            .authors(vec![fonts::plain(&document.author)])
            .creator(fonts::plain(&document.author))
            .language("en".into()),
    );
    pdf.finish().map_err(|error| failed(format!("{error:?}")))
}
