//! Reading: rows of a dataset, or captured and merged records, into the counts of `Outcomes`.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::answers::{Attribute, CapturedRows, is_none};
use super::classes::Place;
use super::group::Group;
use super::outcomes::{Outcomes, ProblemType, Question, Row, Unusable};
use super::part::{Bad, Open, Part, Sought};
use super::reasons::Reasons;
use crate::monitor::format::{self, Format};
use crate::monitor::rows::shared::Seat;
use crate::monitor::rows::{self, Account, Source};
use crate::read::Skips;
use crate::read::captured::{self, Met, in_window, named};
use crate::read::headed::Headed;
use crate::read::shown::{self, Attempted, Refused, Rules, Shown};
use crate::read::together;
use crate::read::windowed::Windowed;

pub use super::answers::Places;

/// Ids of records. Memory: 8 bytes for each, since what is kept of them is a hash.
#[derive(Default)]
struct Ids {
    hasher: RandomState,
    seen: HashSet<u64>,
}

impl Ids {
    fn insert(&mut self, record: &plumbline_common::record::Record<'_>) {
        if let Some(id) = id(record) {
            self.seen.insert(self.hasher.hash_one(id.as_ref()));
        }
    }

    fn contains(&self, id: &str) -> bool {
        self.seen.contains(&self.hasher.hash_one(id))
    }
}

/// Reads everything into counts. Whether a path finds something is judged in the end (`Part::finish`). `captures`: those of
/// which the records are the ones that were merged with labels; the others of them are rows without labels.
///
/// # Errors
/// A column that the data do not have; a file that cannot be read; with `strict` a row that does not count; being
/// stopped.
pub fn read(
    source: &Source<'_>,
    question: &Question,
    places: &Places,
    captures: Option<&Source<'_>>,
) -> Result<Part> {
    let files = rows::files(source.path)?.files;
    let format = format::of(source.format.as_ref(), &files);
    let is_captured = match &format {
        Some(format) => matches!(format, Format::Capture(_) | Format::Merged(_)),
        // Captures of which none was merged with a label; or nothing that tells, and no column of labels as rows need it.
        None => captures.is_some() || places.label.is_none(),
    };
    if is_captured && source.preparation.is_some() {
        return Err(Problem::new(
            &codes::CONFIG_NOT_SUPPORTED,
            "`columns` cannot be used with captured records of model quality",
        )
        .field("columns")
        .hint("the attributes are paths or positions in the payloads; or use `record_preprocessor_script`"));
    }
    let read_as = format.as_ref().map(Format::family);
    if is_captured && source.script.is_none() {
        let part = read_captured(source, question, places, captures)?;
        return Ok(Part { read_as, ..part });
    }
    // A script gets the records, and gives rows without ids.
    let mut part = read_dataset(source, format.as_ref(), question, places)?;
    if let Some(captures) = captures {
        let ids = read_ids(source)?;
        let (waiting, shown) = shown::settled(Rules::default(), |rules| {
            let (waiting, shown) = read_waiting(captures, question, places, &ids, &rules)?;
            Ok(attempted(shown.other_rules(&rules), (waiting, shown)))
        })?;
        part.add_not_joined(&waiting, &shown)?;
    }
    Ok(Part { read_as, ..part })
}

/// Captured records by the rules that they show, and of a part by the others too that all may ask for.
fn read_captured(
    source: &Source<'_>,
    question: &Question,
    places: &Places,
    captures: Option<&Source<'_>>,
) -> Result<Part> {
    let by = |rules: &Rules| {
        let mut ids = captures.map(|_| Ids::default());
        let mut part = read_records(source, question, places, ids.as_mut(), rules)?;
        if let (Some(captures), Some(ids)) = (captures, &ids) {
            let (waiting, shown) = read_waiting(captures, question, places, ids, rules)?;
            part.add_not_joined(&waiting, &shown)?;
        }
        part.rules = part.shown.rules();
        Ok(part)
    };
    let mut part = shown::settled(Rules::default(), |rules| {
        by(&rules).map(|part| attempted(part.shown.other_rules(&rules), part))
    })?;
    if source.folds {
        for rules in part.shown.open_rules(part.records()) {
            part.otherwise.push(Part { rules: rules.clone(), ..by(&rules)? });
        }
    }
    match &part.refused {
        Some(refused) if part.otherwise.iter().all(|part| part.refused.is_some()) => Err(refused.problem()),
        _ => Ok(part),
    }
}

/// What was read, or by which rules it is to be read again.
fn attempted<T>(other_rules: Option<Rules>, read: T) -> Attempted<T, Rules> {
    other_rules.map_or_else(|| Attempted::Whole(Box::new(read)), Attempted::Again)
}

struct Sink<'a> {
    question: &'a Question,
    outcomes: Outcomes,
    groups: Vec<Group>,
    left_out: Reasons,
    strict: bool,
    /// With rows or names of columns, in the order they are read.
    files: Vec<PathBuf>,
}

impl<'a> Sink<'a> {
    fn new(question: &'a Question, places: &Places, strict: bool) -> Sink<'a> {
        Sink {
            question,
            outcomes: Outcomes::new(question.clone()),
            groups: places.groups.iter().map(|column| Group::new(column)).collect(),
            left_out: Reasons::default(),
            strict,
            files: Vec::new(),
        }
    }

    /// The next rows are of this file. Gives its number.
    fn enter(&mut self, file: &Path) -> u32 {
        if self.files.last().is_none_or(|last| last.as_os_str() != file.as_os_str()) {
            self.files.push(file.into());
        }
        self.files.len() as u32 - 1
    }

    /// `group`: the value of the row in each column that rows are grouped by.
    fn row<'b>(
        &mut self,
        row: Row<'_>,
        group: impl Fn(usize) -> Option<std::borrow::Cow<'b, str>>,
        file: &Path,
        line: u64,
    ) -> Result<()> {
        let place = Place { file: self.enter(file), line };
        self.outcomes.begin(place);
        if let Err(reason) = self.outcomes.update(row) {
            return self.unusable(file, line, &reason);
        }
        for (at, into) in self.groups.iter_mut().enumerate() {
            let value = group(at);
            into.update(value.as_deref().unwrap_or("(missing)"), self.question, row, place);
        }
        Ok(())
    }

    fn unusable(&mut self, file: &Path, line: u64, reason: &Unusable) -> Result<()> {
        if self.strict {
            return Err(Problem::new(&codes::BAD_RECORD, "a row cannot be used")
                .file(file)
                .line(line)
                .found(reason.text())
                .hint("with `on_bad_record` unset such rows are left out and counted"));
        }
        let (kind, more) = reason.parts();
        self.left_out.add(kind, file, line, more);
        Ok(())
    }

    fn finish(self, records: u64) -> Part {
        Part {
            outcomes: self.outcomes,
            groups: self.groups,
            records,
            read_as: None,
            files: self.files,
            left_out: self.left_out,
            bad: Bad::default(),
            outside: 0,
            columns: Vec::new(),
            known: Vec::new(),
            open: None,
            sought: None,
            not_joined: 0,
            joined: None,
            windowed: Vec::new(),
            shown: Shown::default(),
            rules: Rules::default(),
            refused: None,
            headed: Headed::default(),
            headed_files: Vec::new(),
            otherwise: Vec::new(),
        }
    }
}

/// The columns of a dataset in which the values stand. Objects may bring a column later; until then nobody has a value in
/// it.
struct Columns<'a> {
    sought: &'a [Attribute],
    /// Of each that is sought.
    found: Vec<Option<usize>>,
}

impl<'a> Columns<'a> {
    fn new(sought: &'a [Attribute]) -> Columns<'a> {
        Columns { sought, found: vec![None; sought.len()] }
    }

    fn find(&mut self, known: &rows::Columns) {
        for (attribute, found) in self.sought.iter().zip(&mut self.found) {
            *found = found.or_else(|| attribute.column(known.names.iter().map(String::as_str)).ok());
        }
    }

    /// # Errors
    /// `COLUMN_NOT_FOUND`: one is not among all columns.
    fn check(&self, all: &rows::Columns) -> Result<()> {
        let missing = self.sought.iter().zip(&self.found).find(|(_, found)| found.is_none());
        missing
            .map_or(Ok(()), |(attribute, _)| attribute.column(all.names.iter().map(String::as_str)).map(drop))
    }
}

fn read_dataset(
    source: &Source<'_>,
    format: Option<&Format>,
    question: &Question,
    places: &Places,
) -> Result<Part> {
    let once = |source: &Source<'_>| read_once(source, format, question, places);
    Ok(rows::settled(source, once, |(_, account)| account)?.0)
}

/// The part, and what became of the rows.
fn read_once(
    source: &Source<'_>,
    format: Option<&Format>,
    question: &Question,
    places: &Places,
) -> Result<(Part, Account)> {
    let Some(label) = &places.label else {
        return Err(Problem::new(&codes::SETTING_INVALID, "the column of the labels is not set")
            .field("ground_truth_attribute")
            .expected("the name or position of the label's column")
            .hint("or name the format of captured records in `dataset_format`, if their first lines do not look like them"));
    };
    let mut sought = Vec::new();
    let mut seek = |setting, text: &str| {
        sought.push(Attribute::new(setting, text));
        sought.len() - 1
    };
    let prediction = places.prediction.as_deref().map(|text| seek("inference_attribute", text));
    let score = places.score.as_deref().map(|text| seek("probability_attribute", text));
    let label = seek("ground_truth_attribute", label);
    let groups: Vec<usize> = places.groups.iter().map(|text| seek("segment_columns", text)).collect();
    for text in &places.excluded {
        seek("exclude_features_attribute", text);
    }
    // A text of JSON may be any name; a cell of CSV means what it means in a captured payload.
    let is_csv = matches!(format, Some(Format::Csv { .. }));
    let is_open = source.script.is_some() || format.is_some_and(Format::is_open);
    let mut into = Sink::new(question, places, source.strict);
    let mut columns = Columns::new(&sought);
    let mut met: Vec<(String, u32)> = Vec::new();
    let (names, account) = rows::read(source, &mut |block, names| {
        columns.find(names);
        // Header rows are known for sure only when all files were looked at.
        let is_open = is_open || names.by_header;
        if names.named && is_open {
            let file = into.enter(block.file());
            met.extend(names.names.iter().skip(met.len()).map(|name| (name.clone(), file)));
        }
        if !(names.named && is_open) {
            columns.check(names)?;
        }
        // What is no number is told as it stands there.
        let are_numbers = question.problem == ProblemType::Regression;
        for row in 0..block.rows() {
            let at = |sought: usize| {
                let column = columns.found[sought].filter(|column| *column < block.width())?;
                block.cell(row, column)
            };
            let name = |sought: usize| at(sought).filter(|text| !is_csv || !is_none(text));
            let predicted = |sought: usize| if are_numbers { at(sought) } else { name(sought) };
            let prediction = prediction.and_then(predicted);
            let cells = Row { label: name(label), prediction, score: score.and_then(at) };
            let group = |number: usize| at(groups[number]).map(std::borrow::Cow::Borrowed);
            into.row(cells, group, block.file(), block.line(row))?;
        }
        Ok(block)
    })?;
    let mut part = into.finish(account.records);
    if account.rows == 0 {
        part.groups.iter_mut().for_each(|group| group.column.clear());
    } else {
        let name = |found: &Option<usize>| found.and_then(|at| names.names.get_index(at).cloned());
        for (group, sought) in part.groups.iter_mut().zip(&groups).filter(|_| names.named) {
            group.column = name(&columns.found[*sought]).unwrap_or_default();
        }
        part.columns = columns.found.iter().map(|found| name(found).unwrap_or_default()).collect();
        if !names.named {
            part.columns.push(format!("{} without names", counted(names.names.len(), "column")));
        }
        let seen = |(attribute, found): (&Attribute, &Option<usize>)| {
            (attribute.setting.to_string(), attribute.text.clone(), found.is_some())
        };
        let attributes = sought.iter().zip(&columns.found).map(seen).collect();
        part.sought = Some(Sought { records: account.rows, attributes });
        part.known = names.names.iter().cloned().collect();
        let by_name = |attribute: &&Attribute| names.names.contains(&attribute.text);
        let position = |attribute: &Attribute| Some(attribute).filter(|one| !by_name(one))?.position;
        let positions: Vec<Option<usize>> = sought.iter().map(position).collect();
        let is_open = is_open || names.by_header;
        let counts = positions.iter().any(Option::is_some) && names.named && is_open;
        part.open = counts.then_some(Open { columns: met, positions });
    }
    if account.left_out > 0 {
        part.left_out.count("not wanted by `columns` or the script", account.left_out);
    }
    part.bad = Bad::Rows {
        skips: account.skips().clone(),
        notes: account.notes().to_vec(),
        schemas: account.schemas().clone(),
        first_rows: account.first_rows.clone(),
    };
    Ok((part, account))
}

fn read_records(
    source: &Source<'_>,
    question: &Question,
    places: &Places,
    mut ids: Option<&mut Ids>,
    rules: &Rules,
) -> Result<Part> {
    let mut answers = CapturedRows::new(places)?.of(question.problem).read_by(rules);
    let listing = rows::files(source.path)?;
    let files = listing.files;
    let bytes = files.iter().map(|file| file.bytes).sum();
    let mut progress =
        plumbline_common::progress::Progress::start("reading", "bytes", bytes, source.for_people);
    let mut into = Sink::new(question, places, source.strict);
    let (mut read, mut outside, mut bad, mut looked_at) = (0, 0, Skips::default(), 0_u64);
    let unusable = |bad: &mut Skips, file: &Path, line: u64, reason: &str| {
        if source.strict {
            return Err(Refused::of_captures(file, line, reason).problem());
        }
        bad.add(file, line, reason);
        Ok(())
    };
    let (mut refused, mut headed_files) = (None, Vec::<PathBuf>::new());
    for (name, error) in &listing.unreadable {
        read += 1;
        unusable(&mut bad, name, 1, &format!("cannot be read: {error}"))?;
    }
    let mut windowed = Windowed::new(source.window.filter(|_| source.folds), false);
    together::each(&files, source.strict, source.seat.and_then(Seat::records), &mut |file, line, met| {
        if let Some(windowed) = &mut windowed {
            windowed.note(file, line, &met);
        }
        if let (Some(ids), Met::Record { record, .. }) = (&mut ids, &met) {
            ids.insert(record);
        }
        let taken = match met {
            Met::Bytes(bytes) => {
                progress.advance(bytes);
                source.stop.check()?;
                return Ok(true);
            }
            // No record is read behind the last one that is wanted; those outside of the window do not count.
            _ if source.limit.is_some_and(|limit| read - outside >= limit) => return Ok(false),
            Met::Damage(reason) | Met::File(reason) => Err(reason),
            // A record without a time is never outside of the window of a quality monitor.
            Met::Record { record, .. } => in_window(record, None, source.window)
                .and_then(|inside| {
                    if inside {
                        looked_at += 1;
                        answers.take(record)?;
                    }
                    Ok(inside)
                })
                .map_err(|reason| named(record.event_metadata.as_ref(), reason)),
        };
        read += 1;
        if answers.has_header_row() && headed_files.last().is_none_or(|last| last != file) {
            headed_files.push(file.into());
        }
        match taken {
            Ok(false) => outside += 1,
            Ok(true) => {
                for row in 0..answers.rows() {
                    match answers.row(row) {
                        Ok(answer) => {
                            let cells = Row {
                                label: answer.label.as_deref(),
                                prediction: answer.prediction.as_deref(),
                                score: answer.score.as_deref(),
                            };
                            into.row(cells, |group| answers.group(row, group), file, line)?;
                        }
                        Err(reason) => into.unusable(file, line, &Unusable::Other(reason))?,
                    }
                }
            }
            // What the others show tells whether it is so.
            Err(reason) if source.strict && answers.contradict() => {
                refused.get_or_insert_with(|| Refused::of_captures(file, line, &reason));
            }
            Err(reason) => unusable(&mut bad, file, line, &reason)?,
        }
        Ok(true)
    })?;
    let mut part = into.finish(read);
    part.outside = outside;
    part.windowed = windowed.map(Windowed::finish).unwrap_or_default();
    part.bad = Bad::Records(bad);
    part.shown = answers.shown();
    part.refused = refused;
    part.headed = places.headed.clone();
    part.headed_files = headed_files;
    part.sought = Some(Sought { records: looked_at, attributes: answers.sought() });
    Ok(part)
}

/// The ids of all captured records.
fn read_ids(source: &Source<'_>) -> Result<Ids> {
    let mut ids = Ids::default();
    captured::each(&rows::files(source.path)?.files, false, &mut |_, _, met| {
        match met {
            Met::Record { record, .. } => ids.insert(record),
            Met::Bytes(_) => source.stop.check()?,
            Met::Damage(_) | Met::File(_) => {}
        }
        Ok(true)
    })?;
    Ok(ids)
}

/// The captured records whose id is not among those that were `merged`, as rows without labels, and what they show of the order
/// of scores. What cannot be read is left out: reading for the merge has told it.
///
/// # Errors
/// As `read`.
fn read_waiting(
    source: &Source<'_>,
    question: &Question,
    places: &Places,
    merged: &Ids,
    rules: &Rules,
) -> Result<(Outcomes, Shown)> {
    let places = Places { label: None, groups: Vec::new(), ..places.clone() };
    let mut answers = CapturedRows::new(&places)?.read_by(rules);
    let mut outcomes = Outcomes::new(question.clone());
    // These rows come after all with a label.
    outcomes.begin(Place { file: u32::MAX, line: 0 });
    captured::each(&rows::files(source.path)?.files, false, &mut |_, _, met| {
        let record = match met {
            Met::Record { record, .. } => record,
            Met::Bytes(_) => {
                source.stop.check()?;
                return Ok(true);
            }
            Met::Damage(_) | Met::File(_) => return Ok(true),
        };
        if in_window(record, None, source.window) != Ok(true)
            || id(record).is_none_or(|id| merged.contains(&id))
            || answers.take(record).is_err()
        {
            return Ok(true);
        }
        for row in 0..answers.rows() {
            if let Ok(answer) = answers.row(row) {
                let (prediction, score) = (answer.prediction.as_deref(), answer.score.as_deref());
                let _ = outcomes.update(Row { label: None, prediction, score });
            }
        }
        Ok(true)
    })?;
    // How many rows an answer has it tells by itself here, and so nothing of lines.
    let Shown { labels, objects, .. } = answers.shown();
    Ok((outcomes, Shown { labels, objects, ..Shown::default() }))
}

fn id<'a>(record: &'a plumbline_common::record::Record<'_>) -> Option<std::borrow::Cow<'a, str>> {
    record.event_metadata.as_ref()?.event_id.as_ref().map(|id| id.as_text())
}

#[cfg(test)]
mod tests {
    use plumbline_common::stop::Stop;

    use super::*;
    use crate::performance::outcomes::tests::question;

    fn record(id: &str, time: &str, output: &str) -> String {
        format!(
            r#"{{"captureData":{{"endpointInput":{{"data":"1","encoding":"CSV"}},"endpointOutput":{{"data":"{output}","encoding":"CSV"}}}},"groundTruthData":{{"data":"1","encoding":"CSV"}},"eventMetadata":{{"eventId":"{id}","inferenceTime":"{time}"}}}}"#
        )
    }

    /// What was merged waits for no label, whatever became of the rows.
    #[test]
    fn captures_wait_for_a_label_unless_they_were_merged() {
        let folder = tempfile::tempdir().unwrap();
        let (merged, captures) = (folder.path().join("merged"), folder.path().join("captures"));
        let write = |folder: &Path, lines: &[String]| {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("a.jsonl"), lines.join("\n")).unwrap();
        };
        let early = record("outside", "2024-01-01T00:00:00Z", "1");
        let bad = record("unusable", "2024-05-01T00:00:00Z", "1,2\\n3,4");
        let used = record("used", "2024-05-01T00:00:00Z", "0");
        let later = record("waiting", "2024-05-01T00:00:00Z", "1");
        write(&merged, &[early.clone(), bad.clone(), used.clone(), "{".into()]);
        write(&captures, &[early, bad, used, later]);
        let question = question(ProblemType::BinaryClassification, true, false);
        let places = Places { prediction: Some("0".into()), ..Places::default() };
        let stop = Stop::default();
        let start = "2024-05-01T00:00:00Z".parse().unwrap();
        let source =
            |path| Source { window: Some((start, jiff::Timestamp::MAX)), ..Source::new(path, &stop) };
        let part = read(&source(&merged), &question, &places, Some(&source(&captures))).unwrap();
        assert_eq!((part.outcomes.rows(), part.outside, part.not_joined), (1, 1, 1));
    }
}
