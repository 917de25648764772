//! What one pass leaves of the data or of a part of them, and how parts become the whole.

use std::path::{Path, PathBuf};

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use super::answers::{SEGMENTS, no_such_column};
use super::baseline::Baseline;
use super::classes::{Place, same};
use super::fit::{Classes, Fit};
use super::group::Group;
use super::outcomes::{Expected, Outcomes, Question, Strays};
use super::reasons::Reasons;
use crate::monitor::format::Family;
use crate::monitor::rows::{FirstRows, Schemas, check_parts, check_read_as};
use crate::read::headed::{HEADED, Headed};
use crate::read::shown::{self, Readings, Refused, Rules, Shown};
use crate::read::windowed::{self, OfFile};
use crate::read::{Skips, of_files};
use crate::results::details::{RowCounts, Skipped};
use crate::state::file::unusable;
use crate::state::joined::Joined;
use crate::state::order::{self, by_text};

/// Counts of the rows, and what became of the records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    pub outcomes: Outcomes,
    pub(super) groups: Vec<Group>,
    pub(super) records: u64,
    /// What the files were read as; none where no file tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) read_as: Option<Family>,
    /// Files with rows or names of columns, in the order they were read.
    pub(super) files: Vec<PathBuf>,
    /// Rows that do not count.
    pub(super) left_out: Reasons,
    pub(super) bad: Bad,
    /// Captured records outside of the window.
    pub(super) outside: u64,
    /// The columns of a dataset in which the values stand; an empty name where the part does not have it.
    pub(super) columns: Vec<String>,
    /// All columns of the dataset, for messages.
    #[serde(skip)]
    pub(super) known: Vec<String>,
    /// Where later rows may bring other columns: all of them, each with the number of the file in which it came first, and the
    /// positions among them that were looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<Open>,
    /// What was looked for in captured records, and among the columns of a dataset.
    pub(super) sought: Option<Sought>,
    /// Rows of captures that have not been joined with a label.
    pub(super) not_joined: u64,
    /// Captures that were joined with labels.
    pub joined: Option<Joined>,
    /// Of captured records that were read with a window.
    pub(super) windowed: Vec<OfFile>,
    /// What the records show of one another, and how they were read.
    pub(super) shown: Shown,
    pub(super) rules: Rules,
    /// The first record for which all of the data are refused, if this is how they are to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Refused>,
    /// The names of the columns of requests, and the files with requests that have a header row of them.
    #[serde(default, skip_serializing_if = "Headed::is_empty")]
    pub(super) headed: Headed,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) headed_files: Vec<PathBuf>,
    /// The same records as read by the other rules that all of the data may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) otherwise: Vec<Part>,
}

/// Columns that are not the same in all rows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) columns: Vec<(String, u32)>,
    /// For each value that is sought its position, where it has one.
    pub(super) positions: Vec<Option<usize>>,
}

/// Records that cannot be used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Bad {
    /// Of a dataset, and what is said of single files, of their columns and of their first rows.
    Rows {
        skips: Skips,
        notes: Vec<(PathBuf, String)>,
        #[serde(default, skip_serializing_if = "Schemas::is_empty")]
        schemas: Schemas,
        #[serde(default, skip_serializing_if = "FirstRows::is_empty")]
        first_rows: FirstRows,
    },
    /// Captured records.
    Records(Skips),
}

impl Default for Bad {
    fn default() -> Bad {
        Bad::Records(Skips::default())
    }
}

/// What was looked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sought {
    pub(super) records: u64,
    /// Setting and text, and whether some record had it.
    pub(super) attributes: Vec<(String, String, bool)>,
}

/// What was read.
#[derive(Debug)]
pub struct Reading {
    pub outcomes: Outcomes,
    pub groups: Vec<Group>,
    pub counts: RowCounts,
    pub warnings: Vec<String>,
    /// Records inside of the window, and those of them that cannot be used.
    pub inside: u64,
    pub unusable: u64,
    /// With rows, by their numbers.
    files: Vec<PathBuf>,
}

impl Reading {
    /// Finds the classes of the baseline among those of the rows, also for the rows of each group, and leaves out the few rows of
    /// neither class of a binary problem.
    ///
    /// # Errors
    /// `BAD_RECORD`: with `strict` there are such rows.
    pub fn know(&mut self, baseline: &Baseline, strict: bool) -> Result<Fit> {
        let mut fit = self.outcomes.fit(&baseline.classes);
        let both = match baseline.classes {
            Classes::Binary(_) => <[String; 2]>::try_from(fit.known.clone()).ok(),
            _ => None,
        };
        let expected =
            both.as_ref().map(|classes| Expected { classes, positive_share: baseline.positive_share });
        if let Some(strays) = self.outcomes.strays(expected) {
            if strict {
                return Err(self.stray(&strays));
            }
            self.each(|outcomes| outcomes.keep(&strays.kept));
            self.tell(&strays);
            fit = self.outcomes.fit(&baseline.classes);
        }
        if let Some(both) = both {
            self.each(|outcomes| outcomes.know(&both));
        }
        if let (Classes::Several(_), true) = (&baseline.classes, fit.foreign.is_empty()) {
            self.tell_new(&fit.known);
        }
        Ok(fit)
    }

    /// Where classes that the baseline does not have came first.
    fn tell_new(&mut self, known: &[String]) {
        const NAMED: usize = 5;
        let classes = self.outcomes.classes();
        let rows = self.outcomes.rows_by_class();
        let new =
            rows.into_iter().filter(|&(class, _)| !known.iter().any(|name| same(name, classes.name(class))));
        let mut new: Vec<(Option<Place>, u32, u64)> =
            new.map(|(class, rows)| (classes.first(class), class, rows)).collect();
        new.sort_by_key(|&(first, class, _)| (first, classes.name(class)));
        let mut told: Vec<String> = Vec::new();
        for &(first, class, rows) in new.iter().take(NAMED) {
            if let Some(place) = self.place(first) {
                told.push(format!("`{}` in {}, first in {place}", classes.name(class), counted(rows, "row")));
            }
        }
        if !told.is_empty() {
            let more = if new.len() > NAMED { "; ..." } else { "" };
            self.warnings.push(format!("the baseline does not have the class {}{more}", told.join("; ")));
        }
    }

    /// The rows, and those of each group.
    fn each(&mut self, change: impl FnMut(&mut Outcomes)) {
        let groups = self.groups.iter_mut().flat_map(Group::outcomes_mut);
        std::iter::once(&mut self.outcomes).chain(groups).for_each(change);
    }

    fn tell(&mut self, strays: &Strays) {
        const NAMED: usize = 5;
        let [one, two] = &strays.kept;
        let mut examples: Vec<String> = Vec::new();
        for class in strays.classes.iter().take(NAMED) {
            let place = self.place(class.first).map_or(String::new(), |place| format!("{place}: "));
            let meant = class
                .meant
                .as_ref()
                .map_or(String::new(), |meant| format!(", spelled `{meant}` it would count"));
            let rows = if class.rows == 1 { String::new() } else { format!(" in {} rows", class.rows) };
            examples.push(format!("{place}`{}`{rows}{meant}", class.name));
        }
        if strays.classes.len() > NAMED {
            examples.push(format!("and {} others", strays.classes.len() - NAMED));
        }
        let reason = format!("label or prediction neither `{one}` nor `{two}`");
        let noun = if strays.rows == 1 { "row" } else { "rows" };
        self.warnings.push(format!("{} {noun} left out, {reason}: {}", strays.rows, examples.join("; ")));
        self.counts.records_skipped.push(Skipped { reason, records: strays.rows, examples });
        self.counts.rows = self.outcomes.rows();
    }

    fn stray(&self, strays: &Strays) -> Problem {
        let problem = Problem::new(&codes::BAD_RECORD, "a row is of neither class of a binary problem");
        let first = strays.classes.first();
        let problem =
            match first.and_then(|class| Some((class.first?, self.files.get(class.first?.file as usize)?))) {
                Some((place, file)) => problem.file(file).line(place.line),
                None => problem,
            };
        let [one, two] = &strays.kept;
        let found = first.map_or("", |class| class.name.as_str());
        problem
            .found(format!("label or prediction `{found}`"))
            .expected(format!("`{one}` or `{two}`"))
            .hint("with `on_bad_record` unset such rows are left out and counted")
    }

    /// File and line in words.
    pub fn place(&self, place: Option<Place>) -> Option<String> {
        let place = place?;
        Some(format!("{}, line {}", self.files.get(place.file as usize)?.display(), place.line))
    }
}

impl Part {
    /// Takes in the rows of captures that have not been joined with a label. They say nothing about the places of
    /// what was sought in the joined ones.
    ///
    /// # Errors
    /// Counts of another question.
    pub(super) fn add_not_joined(&mut self, waiting: &Outcomes, shown: &Shown) -> Result<()> {
        self.not_joined += waiting.waiting();
        self.shown.append(shown);
        self.outcomes.merge(waiting).map_err(|text| Problem::new(&codes::INTERNAL, text))
    }

    fn readings(&self) -> Readings<'_> {
        std::iter::once(self).chain(&self.otherwise).map(|part| (&part.rules, &part.shown)).collect()
    }

    /// The reading by this number, of which the first is its own.
    fn reading(mut self, at: usize) -> Part {
        let mut otherwise = std::mem::take(&mut self.otherwise);
        match at.checked_sub(1) {
            Some(at) if at < otherwise.len() => otherwise.swap_remove(at),
            _ => self,
        }
    }

    /// Records that were read, or that wait for a label.
    pub fn records(&self) -> u64 {
        self.records.max(self.not_joined)
    }

    /// Whether captured records were read.
    pub fn is_captured(&self) -> bool {
        matches!(self.bad, Bad::Records(_))
    }

    /// Judges what was read as the whole of the data.
    ///
    /// # Errors
    /// No record has what a setting names.
    pub fn finish(self) -> Result<Reading> {
        if let Some(refused) = &self.refused {
            return Err(refused.problem());
        }
        if let Some(sought) = self.sought.as_ref().filter(|sought| sought.records > 0) {
            let none_counts = self.outcomes.rows() + self.outcomes.waiting() == self.not_joined;
            // A segment that no request has costs no row, and is a mistake all the same.
            let missed = sought.attributes.iter().find(|(setting, _, seen)| {
                let is_record = matches!(self.bad, Bad::Records(_));
                !seen && !setting.is_empty() && (none_counts || setting == SEGMENTS || !is_record)
            });
            if let (Some((setting, text, _)), Bad::Rows { .. }) = (missed, &self.bad) {
                let names = self.known.iter().map(String::as_str);
                return Err(no_such_column(setting, text, names));
            }
            if let Some((setting, text, _)) = missed {
                let problem = Problem::new(&codes::COLUMN_NOT_FOUND, "no record has what the setting names")
                    .field(setting.clone());
                let of_setting = format!("`{setting}`");
                let mut examples = self.bad.skips().skipped.examples.iter();
                return Err(match examples.find(|example| example.contains(&of_setting)) {
                    // It says what was expected there.
                    Some(example) => problem.found(format!("`{text}`; {example}")),
                    None => problem
                        .found(format!("`{text}`"))
                        .expected("a position from 0 in CSV payloads, a JMESPath in JSON payloads"),
                });
            }
        }
        let (mut skipped, mut warnings) = (Vec::new(), Vec::new());
        warnings.extend(of_files(&self.headed_files, HEADED));
        warnings.extend(self.shown.requests.told());
        self.bad.tell(self.records, self.outside, &mut skipped, &mut warnings);
        for skips in self.left_out.told() {
            let noun = if skips.records == 1 { "row" } else { "rows" };
            let examples = skips.examples.join("; ");
            let examples = if examples.is_empty() { examples } else { format!(": {examples}") };
            warnings.push(format!("{} {noun} left out, {}{examples}", skips.records, skips.reason));
            skipped.push(skips);
        }
        for group in self.groups.iter().filter(|group| group.too_many) {
            warnings.push(format!(
                "`{}` has more than {} values and makes no segments",
                group.column,
                Group::MOST_VALUES
            ));
        }
        let rows = self.outcomes.rows();
        let unusable = self.bad.skips().skipped.records;
        Ok(Reading {
            inside: self.records.saturating_sub(self.outside),
            unusable,
            outcomes: self.outcomes,
            groups: self.groups,
            counts: RowCounts { records_read: self.records, records_skipped: skipped, rows },
            warnings,
            files: self.files,
        })
    }

    fn check(&self, path: &Path, question: &Question) -> Result<()> {
        let all = std::iter::once(&self.outcomes).chain(self.groups.iter().flat_map(Group::outcomes));
        all.into_iter().try_for_each(|outcomes| {
            if outcomes.question() != question {
                return Err(unusable(path, "counts of another question"));
            }
            outcomes.check().map_err(|what| unusable(path, what))
        })
    }

    /// Takes out what an earlier part says of the same file.
    fn forget(&mut self, again: &OfFile) {
        self.records = self.records.saturating_sub(again.records);
        if let Bad::Records(skips) = &mut self.bad {
            skips.forget(&again.undated);
        }
    }

    /// Gives the files the numbers that they have among those of all parts.
    fn renumber(&mut self, ranks: &[u32]) {
        let number = |file: u32| ranks.get(file as usize).copied().unwrap_or(u32::MAX);
        self.outcomes.renumber(number);
        let groups = self.groups.iter_mut().flat_map(Group::outcomes_mut);
        groups.for_each(|outcomes| outcomes.renumber(number));
    }

    fn merge(&mut self, other: Part) -> std::result::Result<(), String> {
        self.outcomes.merge(&other.outcomes)?;
        if self.groups.len() != other.groups.len() {
            return Err("another number of segments".into());
        }
        self.groups.iter_mut().zip(&other.groups).try_for_each(|(mine, theirs)| mine.merge(theirs))?;
        self.records = self.records.saturating_add(other.records);
        self.outside = self.outside.saturating_add(other.outside);
        self.not_joined = self.not_joined.saturating_add(other.not_joined);
        self.left_out.merge(other.left_out);
        self.shown.append(&other.shown);
        self.refused = self.refused.take().or(other.refused);
        self.headed_files.extend(other.headed_files);
        self.headed_files.sort_by(|one, two| by_text(one, two));
        // Windows may read the same file.
        self.headed_files.dedup();
        self.bad.merge(other.bad)?;
        match (&mut self.sought, other.sought) {
            (Some(mine), Some(theirs)) => {
                mine.records = mine.records.saturating_add(theirs.records);
                for (mine, theirs) in mine.attributes.iter_mut().zip(theirs.attributes) {
                    mine.2 |= theirs.2;
                    if mine.0.is_empty() {
                        (mine.0, mine.1) = (theirs.0, theirs.1);
                    }
                }
            }
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
        Ok(())
    }
}

impl Bad {
    fn first_rows(&self) -> Option<&FirstRows> {
        match self {
            Bad::Rows { first_rows, .. } => Some(first_rows),
            Bad::Records(_) => None,
        }
    }

    fn skips(&self) -> &Skips {
        match self {
            Bad::Rows { skips, .. } | Bad::Records(skips) => skips,
        }
    }

    fn tell(&self, records: u64, outside: u64, skipped: &mut Vec<Skipped>, warnings: &mut Vec<String>) {
        let bad = &self.skips().skipped;
        match self {
            Bad::Rows { notes, schemas, first_rows, .. } => {
                warnings.extend(first_rows.told());
                warnings.extend(notes.iter().map(|(file, what)| format!("{}: {what}", file.display())));
                warnings.extend(schemas.told());
                if bad.records > 0 {
                    let (noun, verb) = if bad.records == 1 { ("record", "is") } else { ("records", "are") };
                    warnings.push(format!(
                        "{} {noun} of {records} cannot be used and {verb} left out: {}",
                        bad.records,
                        bad.examples.join("; ")
                    ));
                }
            }
            Bad::Records(_) => {
                if outside > 0 {
                    let reason = "outside the time window".into();
                    skipped.push(Skipped { reason, records: outside, examples: Vec::new() });
                }
                if bad.records > 0 {
                    let noun = if bad.records == 1 { "record" } else { "records" };
                    warnings.push(format!(
                        "{} {noun} left out, that cannot be used: {}",
                        bad.records,
                        bad.examples.join("; ")
                    ));
                }
            }
        }
        if bad.records > 0 {
            skipped.push(bad.clone());
        }
    }

    fn merge(&mut self, other: Bad) -> std::result::Result<(), String> {
        match (self, other) {
            (
                Bad::Rows { skips, notes, schemas, first_rows },
                Bad::Rows { skips: more, notes: others, schemas: other_schemas, first_rows: other_rows },
            ) => {
                skips.merge(more, by_text);
                schemas.merge(other_schemas);
                first_rows.merge(other_rows);
                notes.extend(others);
                notes.sort_by(|one, two| by_text(&one.0, &two.0));
            }
            (Bad::Records(mine), Bad::Records(theirs)) => mine.merge(theirs, by_text),
            _ => return Err("captured records, and other data".into()),
        }
        Ok(())
    }
}

/// Puts parts together, in the order in which they are given where nothing else decides. Each has the path of its state,
/// for messages.
///
/// # Errors
/// `STATE_UNUSABLE`: a part holds what no fold writes. `STATES_DO_NOT_FIT`: parts found the values in other columns.
/// `HEADERS_DO_NOT_FIT`: as of one run over all files.
pub fn combine(parts: Vec<(PathBuf, Part)>, question: &Question) -> Result<Option<Part>> {
    for (path, part) in &parts {
        part.check(path, question)?;
        part.otherwise.iter().try_for_each(|part| part.check(path, question))?;
    }
    let with_records = |part: &Part| part.read_as.filter(|_| part.records > 0);
    check_read_as(parts.iter().map(|(path, part)| (path.as_path(), with_records(part))))?;
    let mut joined: Option<Joined> = None;
    for more in parts.iter().filter_map(|(_, part)| part.joined.clone()) {
        joined.get_or_insert_default().merge(more);
    }
    check_headers(&parts)?;
    let readings: Vec<_> = parts.iter().map(|(path, part)| (path.as_path(), part.readings())).collect();
    let chosen = shown::chosen(&readings)?;
    let parts: Vec<(PathBuf, Part)> =
        parts.into_iter().zip(chosen).map(|((path, part), at)| (path, part.reading(at))).collect();
    let files: Vec<&[PathBuf]> = parts.iter().map(|(_, part)| part.files.as_slice()).collect();
    let ranks = order::ranks(&files, by_text);
    let mut numbered: Vec<(u32, PathBuf)> =
        ranks.iter().flatten().copied().zip(files.iter().copied().flatten().cloned()).collect();
    numbered.sort_unstable();
    let windowed: Vec<_> =
        parts.iter().map(|(path, part)| (path.as_path(), part.windowed.as_slice())).collect();
    let again = windowed::again(&windowed)?;
    let outside = windowed::outside(&again);
    let none = FirstRows::default();
    let first_rows =
        parts.iter().map(|(path, part)| (path.as_path(), part.bad.first_rows().unwrap_or(&none)));
    check_parts(first_rows, &[])?;
    check_positions(&parts, &ranks)?;
    let mut all: Option<(PathBuf, Part)> = None;
    let mut read: Option<(PathBuf, Vec<String>)> = None;
    // A part without records says nothing of how the others are to be read.
    let (with, without): (Vec<_>, Vec<_>) =
        parts.into_iter().zip(ranks.into_iter().zip(again)).partition(|((_, part), _)| part.records > 0);
    for ((path, mut part), (ranks, again)) in with {
        part.renumber(&ranks);
        again.iter().for_each(|file| part.forget(file));
        match &mut read {
            Some((first, columns)) if !fit(columns, &part.columns) => {
                return Err(differ(&path, part.columns.join(", ")).expected(format!(
                    "{}, as in {}",
                    columns.join(", "),
                    first.display()
                )));
            }
            Some((_, columns)) => {
                let unknown = columns.iter_mut().zip(&part.columns).filter(|(known, _)| known.is_empty());
                unknown.for_each(|(known, found)| known.clone_from(found));
            }
            None if !part.columns.is_empty() => read = Some((path.clone(), part.columns.clone())),
            None => {}
        }
        match &mut all {
            Some((_, all)) => all.merge(part).map_err(|what| differ(&path, what))?,
            None => all = Some((path, part)),
        }
    }
    let mut without = without.into_iter().map(|(part, _)| part);
    let Some((_, mut all)) = all.or_else(|| without.next()) else { return Ok(None) };
    all.outside = all.outside.saturating_sub(outside);
    all.joined = joined;
    all.files = numbered.into_iter().map(|(_, file)| file).collect();
    for (path, part) in without {
        // None of their captures found a label.
        all.add_not_joined(&part.outcomes, &part.shown)?;
        // Files may have a header row and no rows.
        if !all.is_captured() && !part.is_captured() {
            all.bad.merge(part.bad).map_err(|what| differ(&path, what))?;
        }
    }
    Ok(Some(all))
}

/// That the columns of captured requests have the same names in each part.
fn check_headers(parts: &[(PathBuf, Part)]) -> Result<()> {
    let mut captured = parts.iter().filter(|(_, part)| part.is_captured() && part.records > 0);
    let Some((first, one)) = captured.next() else { return Ok(()) };
    match captured.find(|(_, part)| part.headed != one.headed) {
        None => Ok(()),
        Some((path, part)) => {
            let problem =
                Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data have other names of the columns");
            Err(problem
                .file(path)
                .field("headers")
                .found(part.headed.told())
                .expected(format!("{}, as in {}", one.headed.told(), first.display()))
                .hint("fold all parts with the same analysis configuration, or all of them without one"))
        }
    }
}

/// That a position is the same column in each part, as far as it has it, as in one run over all of them.
fn check_positions(parts: &[(PathBuf, Part)], ranks: &[Vec<u32>]) -> Result<()> {
    let open = || {
        parts
            .iter()
            .zip(ranks)
            .filter_map(|((path, part), ranks)| Some((path, part, part.open.as_ref()?, ranks)))
    };
    let columns = open().map(|(_, _, open, ranks)| {
        (ranks.as_slice(), open.columns.iter().map(|(name, file)| (name.as_str(), *file)))
    });
    let all = order::met(columns);
    for (path, part, open, _) in open() {
        for (position, found) in open.positions.iter().zip(&part.columns) {
            let Some(column) = position.and_then(|position| all.get(position)) else { continue };
            if found != column && open.columns.iter().any(|(name, _)| name == column) {
                let found = if found.is_empty() { "nothing".into() } else { format!("`{found}`") };
                return Err(differ(path, format!("{found} at a position")).expected(format!(
                    "`{column}`, which stands there among the columns of all parts: name the columns, since a position counts \
                     the keys of each part's own first records"
                )));
            }
        }
    }
    Ok(())
}

/// Whether two parts found the values in the same columns, as far as they have them.
fn fit(columns: &[String], others: &[String]) -> bool {
    let same = |(one, other): (&String, &String)| one == other || one.is_empty() || other.is_empty();
    others.is_empty() || (columns.len() == others.len() && columns.iter().zip(others).all(same))
}

fn differ(path: &Path, found: String) -> Problem {
    Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data were read differently")
        .file(path)
        .found(found)
        .hint("each part takes its columns from its own first file: give every file the same columns in the same order")
}
