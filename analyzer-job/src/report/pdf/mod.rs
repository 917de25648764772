//! The report on paper: real text in embedded fonts, with bookmarks, links and elements for readers
//! who do not see it (PDF/UA-1).
//!
//! `body` and `table` turn the report into one long strip of slabs, `flow` cuts the strip into pages,
//! `paint` draws them. What it looks like stands in `style`.

mod body;
mod flow;
mod fonts;
mod paint;
mod picture;
mod shape;
mod style;
mod table;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod widths;

use krilla::configure::{Accessibility, ConfigurationBuilder};
use krilla::metadata::Metadata;
use krilla::{Document, SerializeSettings};
use plumbline_common::{Problem, Result, codes};

use super::page::Report;

/// # Errors
/// The report breaks a rule of documents for all readers, which is a defect of the program.
pub(super) fn write(report: &Report) -> Result<Vec<u8>> {
    let failed = |error: String| {
        let start: String = error.chars().take(500).collect();
        Problem::new(&codes::INTERNAL, "cannot write the PDF report").found(start)
    };
    let configuration = ConfigurationBuilder::new()
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| failed(format!("{error:?}")))?;
    let mut document =
        Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });

    let body::Strip { slabs, headings, mut tags, mut shaper } = body::strip(report);
    let pages = flow::Pages::new(slabs);
    let footers = body::footers(report, pages.pages.len(), &mut shaper);
    paint::pages(&mut document, &pages, &footers, &mut tags);
    document.set_outline(paint::outline(&headings, &pages));
    document.set_tag_tree(tags.tree());
    // Nothing here depends on the clock: the same results are the same bytes.
    document.set_metadata(
        Metadata::new()
            .title(fonts::plain(&format!("{} · {}", report.headline, report.title)))
            .authors(vec![fonts::plain(&report.program)])
            .creator(fonts::plain(&report.program))
            .language("en".into()),
    );
    document.finish().map_err(|error| failed(format!("{error:?}")))
}
