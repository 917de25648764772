//! The one value all writers read: a report as headings, sentences, tables and pictures, ready for
//! people. What it says is decided in the modules beside; how it looks, in the writers.

pub(super) use super::state::State;
use super::tables::Table;
use crate::paper::drawing::Drawing;
use serde_json::Value as Json;

/// A whole report. Sections stand in reading order: verdict, evidence, method.
#[derive(Debug, Clone)]
pub(super) struct Report {
    /// Title of the configuration's owner.
    pub title: String,
    /// What was run and on what: `Bias monitor`, the endpoint, the window.
    pub subject: Vec<String>,
    /// The verdict as one sentence; the first heading.
    pub headline: String,
    pub state: State,
    /// The sentences of the first screen, most important first.
    pub lead: Vec<String>,
    /// Rows, skipped records, group sizes: a few short facts.
    pub facts: Vec<String>,
    pub sections: Vec<Section>,
    /// Name, version and revision of the program.
    pub program: String,
    /// Results and details in full precision, for programs that read the report.
    pub data: Json,
}

/// A heading and what stands below it, up to the next heading.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Target of links; unique in the report.
    pub id: String,
    /// 2 for a chapter, 3 and 4 below.
    pub level: u8,
    pub heading: String,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub(super) enum Block {
    Text {
        text: String,
    },
    /// Something to take care about.
    Note {
        text: String,
    },
    Points {
        points: Vec<String>,
    },
    Table(Table),
    /// Pictures side by side where there is room.
    Figures {
        figures: Vec<Figure>,
        code: Option<String>,
    },
    /// Text to be shown as it is.
    Verbatim {
        text: String,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub caption: String,
    /// What it shows, in words.
    pub alt: String,
    pub drawing: Drawing,
}

impl Report {
    pub(super) fn section(
        &mut self,
        level: u8,
        id: impl Into<String>,
        heading: impl Into<String>,
    ) -> &mut Section {
        self.sections.push(Section { id: id.into(), level, heading: heading.into(), blocks: Vec::new() });
        let last = self.sections.len() - 1;
        &mut self.sections[last]
    }
}

impl Section {
    pub(super) fn text(&mut self, text: impl Into<String>) -> &mut Section {
        self.blocks.push(Block::Text { text: text.into() });
        self
    }

    pub(super) fn note(&mut self, text: impl Into<String>) -> &mut Section {
        self.blocks.push(Block::Note { text: text.into() });
        self
    }

    pub(super) fn points(&mut self, points: Vec<String>) -> &mut Section {
        if !points.is_empty() {
            self.blocks.push(Block::Points { points });
        }
        self
    }

    pub(super) fn table(&mut self, table: Table) -> &mut Section {
        self.blocks.push(Block::Table(table));
        self
    }
}
