//! The report of a run of several monitors: one verdict on top, then a chapter for each monitor.

use serde_json::{Map, Value as Json, json};

use super::Draft;
use super::amounts::of;
use super::notebook::literal;
use super::page::{Block, Report, State};
use super::performance;
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table};
use crate::performance::details::GroupDetails;

/// Folder of the monitor whose chapter has the tables by facet.
const QUALITY: &str = "model-quality";
/// Deepest heading.
const DEEPEST: u8 = 4;

/// How one monitor of the run ended.
#[derive(Debug)]
pub struct Chapter<'a> {
    /// In words: `Model quality`.
    pub title: &'a str,
    /// Where its results are, below the folder of this report.
    pub folder: &'a str,
    pub ended: Ended<'a>,
}

/// A monitor has a report, or it has failed.
#[derive(Debug)]
pub enum Ended<'a> {
    Found {
        draft: &'a Draft,
        violations: usize,
        /// There are results, and this went wrong all the same.
        failed: Option<String>,
    },
    Failed(String),
}

impl Ended<'_> {
    fn state(&self) -> State {
        match self {
            Ended::Found { draft, .. } => draft.0.state,
            Ended::Failed(_) => State::CannotTell,
        }
    }

    fn headline(&self) -> &str {
        match self {
            Ended::Found { draft, .. } => &draft.0.headline,
            Ended::Failed(_) => "no result: the monitor failed",
        }
    }

    fn violations(&self) -> usize {
        match self {
            Ended::Found { violations, .. } => *violations,
            Ended::Failed(_) => 0,
        }
    }

    fn problem(&self) -> Option<&str> {
        match self {
            Ended::Found { failed, .. } => failed.as_deref(),
            Ended::Failed(problem) => Some(problem),
        }
    }
}

/// One report of the monitors, in the order in which they are given. `by_facet`: model quality for the groups of the
/// bias monitor; empty when one of the two did not run.
pub fn together(chapters: &[Chapter<'_>], by_facet: &[GroupDetails]) -> Draft {
    let (state, headline) = verdict(chapters);
    let drafts = || {
        chapters.iter().filter_map(|chapter| match chapter.ended {
            Ended::Found { draft, .. } => Some(&draft.0),
            Ended::Failed(_) => None,
        })
    };
    let lead = chapters.iter().map(|chapter| format!("{}: {}.", chapter.title, chapter.ended.headline()));
    let mut subject = vec![of(chapters.len() as u64, "monitor", "monitors")];
    // Endpoint, window and job are those of every monitor; the first part of a subject is its own.
    subject.extend(drafts().next().into_iter().flat_map(|first| first.subject.iter().skip(1)).cloned());
    let mut report = Report {
        title: "Monitors report".into(),
        subject,
        headline,
        state,
        lead: lead.collect(),
        facts: Vec::new(),
        sections: Vec::new(),
        program: drafts().next().map(|first| first.program.clone()).unwrap_or_default(),
        data: data(chapters, by_facet),
    };
    overview(&mut report, chapters);
    let mut has_glossary = false;
    for chapter in chapters {
        add(&mut report, chapter, &mut has_glossary);
        if chapter.folder == QUALITY && !by_facet.is_empty() {
            facets(&mut report, by_facet);
        }
    }
    Draft(report)
}

/// The gravest state, and by name every monitor that failed, moved, violates a constraint or has no verdict.
fn verdict(chapters: &[Chapter<'_>]) -> (State, String) {
    let state = chapters.iter().map(|chapter| chapter.ended.state()).min().unwrap_or(State::Measured);
    let mut parts = Vec::new();
    let mut tell = |what: &str, wanted: &dyn Fn(&Ended<'_>) -> bool| {
        let titles: Vec<&str> =
            chapters.iter().filter(|chapter| wanted(&chapter.ended)).map(|chapter| chapter.title).collect();
        if !titles.is_empty() {
            parts.push(format!("{what}: {}", titles.join(", ")));
        }
    };
    let failed = |ended: &Ended<'_>| ended.problem().is_some();
    let moved = |ended: &Ended<'_>| ended.state() == State::Moved;
    tell("Moved", &moved);
    tell("Failed", &failed);
    tell("Violations, and no change beyond chance", &|ended| {
        !moved(ended) && !failed(ended) && ended.violations() > 0
    });
    tell("Cannot tell", &|ended| {
        ended.state() == State::CannotTell && !failed(ended) && ended.violations() == 0
    });
    let headline = match (parts.is_empty(), state) {
        (false, _) => parts.join(". "),
        (true, State::Held) => "Nothing moved".into(),
        (true, _) => "Measured; there was no baseline to compare with".into(),
    };
    (state, headline)
}

fn facets(report: &mut Report, groups: &[GroupDetails]) {
    let section = report.section(3, "model-quality-facets", "By facet of the bias monitor");
    section.text(
        "Model quality for the groups whose bias is measured below, from the counts of the bias monitor: its rows, its \
         positive label and its predictions. These may differ from those of the tables above. Rows without a value of the \
         facet count as outside the group; the chapter on bias has their number.",
    );
    performance::group_tables(section, groups);
}

fn data(chapters: &[Chapter<'_>], by_facet: &[GroupDetails]) -> Json {
    let of_chapter = |chapter: &Chapter<'_>| match &chapter.ended {
        Ended::Found { draft, .. } => draft.0.data.clone(),
        Ended::Failed(problem) => json!({"problem": problem}),
    };
    let mut data: Map<String, Json> =
        chapters.iter().map(|chapter| (chapter.folder.to_owned(), of_chapter(chapter))).collect();
    if !by_facet.is_empty() {
        data.insert("model_quality_by_facet".into(), json!(by_facet));
    }
    data.into()
}

fn overview(report: &mut Report, chapters: &[Chapter<'_>]) {
    let rows = chapters.iter().map(|chapter| {
        let state = chapter.ended.state();
        let (violations, folder) = match &chapter.ended {
            Ended::Found { violations, .. } => {
                (Cell::count(*violations as u64), Cell::text(format!("{}/", chapter.folder)))
            }
            Ended::Failed(_) => (Cell::text(""), Cell::text("")),
        };
        let word = if chapter.ended.problem().is_some() { "failed" } else { state.word() };
        Row::judged(
            state,
            vec![
                Cell::text(chapter.title),
                Cell::State { state, text: word.into() },
                violations,
                Cell::text(chapter.ended.headline()),
                folder,
            ],
        )
    });
    let table = Table {
        caption: "Each monitor of this run".into(),
        columns: vec![
            Column::new(ColumnKind::Name, "Monitor"),
            Column::new(ColumnKind::State, "Verdict"),
            Column::new(ColumnKind::Number, "Violations"),
            Column::new(ColumnKind::Prose, "What was found"),
            Column::new(ColumnKind::Text, "Results"),
        ],
        rows: rows.collect(),
        style: Style::Plain,
        code: None,
    };
    let section = report.section(2, "monitors", "All monitors");
    section.table(table);
    for chapter in chapters {
        if let Some(problem) = chapter.ended.problem() {
            section.note(format!("{} failed: {problem}", chapter.title));
        }
    }
}

/// A monitor's own report below a heading of its own.
fn add(report: &mut Report, chapter: &Chapter<'_>, has_glossary: &mut bool) {
    let section = report.section(2, chapter.folder, chapter.title);
    let draft = match &chapter.ended {
        Ended::Found { draft, .. } => &draft.0,
        Ended::Failed(problem) => {
            section.note(format!("This monitor failed, so it has no results: {problem}"));
            return;
        }
    };
    section.text(format!("{}.", draft.headline)).points(draft.lead.clone());
    if !draft.facts.is_empty() {
        section.text(format!("{}.", draft.facts.join("; ")));
    }
    for own in &draft.sections {
        let mut own = own.clone();
        // Metrics are linked to the glossary, of which a report has one.
        if own.id == "glossary" {
            if std::mem::replace(has_glossary, true) {
                continue;
            }
        } else {
            own.id = format!("{}-{}", chapter.folder, own.id);
        }
        own.level = (own.level + 1).min(DEEPEST);
        own.blocks.iter_mut().for_each(|block| of_folder(block, chapter.folder));
        report.sections.push(own);
    }
}

/// The code of a notebook reads the files of its monitor, which are in a folder here. Each cell says so, since a reader runs
/// them in any order.
fn of_folder(block: &mut Block, folder: &str) {
    if let Block::Table(Table { code: Some(code), .. }) | Block::Figures { code: Some(code), .. } = block {
        *code = format!("load({})\n{code}", literal(folder));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headline(ended: &[(&str, Option<State>, usize)]) -> (State, String) {
        let drafts: Vec<Draft> = ended
            .iter()
            .map(|(_, state, _)| {
                let mut draft = Draft::empty();
                draft.0.state = state.unwrap_or(State::Measured);
                draft
            })
            .collect();
        let chapters = ended.iter().zip(&drafts).map(|(&(title, state, violations), draft)| Chapter {
            title,
            folder: title,
            ended: match state {
                Some(_) => Ended::Found { draft, violations, failed: None },
                None => Ended::Failed("PL0101".into()),
            },
        });
        let report = together(&chapters.collect::<Vec<_>>(), &[]).0;
        (report.state, report.headline)
    }

    #[test]
    fn the_verdict_names_every_monitor_with_something_to_say() {
        use State::{CannotTell, Held, Measured, Moved};
        for (ended, state, told) in [
            (&[("a", Some(Held), 0), ("b", Some(Held), 0)][..], Held, "Nothing moved"),
            (&[("a", Some(Measured), 0)], Measured, "Measured; there was no baseline to compare with"),
            (&[("a", Some(Moved), 3), ("b", Some(Moved), 0), ("c", Some(Held), 0)], Moved, "Moved: a, b"),
            (&[("a", Some(Moved), 3), ("b", None, 0)], Moved, "Moved: a. Failed: b"),
            (&[("a", Some(Held), 0), ("b", None, 0)], CannotTell, "Failed: b"),
            (
                &[("a", Some(Held), 2), ("b", Some(CannotTell), 1), ("c", Some(CannotTell), 0)],
                CannotTell,
                "Violations, and no change beyond chance: a, b. Cannot tell: c",
            ),
            (
                &[
                    ("a", Some(Moved), 3),
                    ("b", None, 0),
                    ("c", Some(CannotTell), 1),
                    ("d", Some(CannotTell), 0),
                ],
                Moved,
                "Moved: a. Failed: b. Violations, and no change beyond chance: c. Cannot tell: d",
            ),
        ] {
            assert_eq!(headline(ended), (state, told.to_string()));
        }
    }
}
