//! JSON Lines datasets: one record a line, its features, label and predicted label found by JMESPath.

use std::ops::Range;
use std::path::Path;

use plumbline_common::input::{InputFile, Lines};
use plumbline_common::words::{counted, number_of};
use plumbline_common::{Problem, Result, codes};

use crate::config::{Analysis, Location};
use crate::read::Source;
use crate::read::blocks::{self, BLOCK_BYTES, Texts};
use crate::read::commas::{self, Cut};
use crate::read::gather::Gather;
use crate::read::grid::{Grid, NoFeatures};
use crate::read::layout::{self, Layout};
use crate::read::line_patterns::Patterns;
use crate::read::pieces::Pieces;
use crate::read::shown::Refused;
use crate::values::names::Contradiction;
use crate::values::path::{Finds, Paths};
use crate::values::raw::Raw;
use crate::values::scan::{self, NotJson, Scanner};

/// The paths of a JSON dataset and where their results stand.
pub(crate) struct Targets {
    pub(crate) paths: Paths,
    /// Features come first in the results.
    pub(crate) label: Option<usize>,
    pub(crate) predicted: Option<usize>,
}

impl Targets {
    pub(crate) fn of(analysis: &Analysis) -> Result<Targets> {
        let Some(features) = &analysis.dataset.features else {
            return Err(Problem::new(&codes::FEATURES_NOT_FOUND, "Data must contain features")
                .field("features")
                .found("no `features` in the configuration")
                .expected("a JMESPath to the features, such as `features`"));
        };
        let mut named: Vec<(&str, &str)> = vec![("features", features)];
        let mut positions = [None, None];
        let locations = [("label", &analysis.label), ("predicted_label", &analysis.predicted_label)];
        for (position, (setting, location)) in positions.iter_mut().zip(locations) {
            match location {
                None => {}
                Some(Location::Name(path)) => {
                    *position = Some(named.len());
                    named.push((setting, path));
                }
                Some(Location::Index(index)) => {
                    return Err(Problem::new(&codes::PATH_INVALID, "a position cannot be looked up in JSON")
                        .field(setting)
                        .found(index.to_string())
                        .expected("a JMESPath"));
                }
            }
        }
        let mut paths = Paths::compile(&named)?;
        paths.name_columns(0, analysis.dataset.headers.as_deref().unwrap_or_default(), None);
        Ok(Targets { paths, label: positions[0], predicted: positions[1] })
    }
}

/// The first line that is not JSON: it says more about a file than that its columns do not fit.
fn broken_line(files: &[InputFile]) -> Option<Problem> {
    for file in files {
        let mut lines = Lines::open(file).ok()?;
        while let Some((line, text)) = lines.next_line().ok()? {
            let text = std::str::from_utf8(text).ok()?;
            let mut scanner = Scanner::new(text);
            if let Err(fault) = scanner.value().and_then(|_| scanner.end()) {
                let told = fault.told(text);
                return Some(not_json(fault).file(&file.relative).line(line).found(told));
            }
        }
    }
    None
}

/// Reads the dataset.
pub(crate) fn read(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    if !source.options.keep_rows && source.options.limit.is_none() {
        let counted = count(files, analysis, source, BLOCK_BYTES)?;
        if counted.is_some() {
            return Ok(counted);
        }
    }
    source.leave_digests();
    one_after_the_other(files, analysis, source)
}

/// As `read`, line after line.
fn one_after_the_other(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let targets = Targets::of(analysis)?;
    targets.paths.decide(&source.rules.objects);
    let limit = source.options.limit.unwrap_or(u64::MAX);
    let mut record = Record::default();
    let mut read: Option<(Layout, Gather)> = None;
    let mut since = 0;
    'files: for (number, file) in files.iter().enumerate() {
        let name = file.relative.as_path();
        let mut lines = Lines::open(file)?;
        let mut bytes = 0;
        while let Some((line, text)) = lines.next_line()? {
            if source.records == limit {
                break 'files;
            }
            source.records += 1;
            bytes += text.len() as u64 + 1;
            since += 1;
            if since == Source::ROWS_BETWEEN_CHECKS {
                since = 0;
                source.advance(bytes.min(file.bytes))?;
                bytes = 0;
            }
            let here = |problem: Problem| problem.file(name).line(line);
            let text = std::str::from_utf8(text)
                .map_err(|_| here(Problem::new(&codes::BAD_RECORD, "a line is not UTF-8 text")))?;
            if let Some(contradiction) = record.contradiction(text, &targets).map_err(here)? {
                // What the others show tells whether it is so.
                source.refused.get_or_insert_with(|| Refused::of_dataset(name, Some(line), contradiction));
                continue;
            }
            record.look(text, &targets, analysis).map_err(here)?;
            let width = record.n_features();
            source.widths.add(width, name, Some(line), None);
            let (layout, gather) = match &mut read {
                Some(read) => read,
                None if layout::unfit(width, analysis).is_some() => continue,
                None => {
                    let layout = layout::of_features(width, analysis)
                        .map_err(|problem| broken_line(files).unwrap_or(problem))?;
                    let gather = source.gather(&layout, analysis);
                    read.insert((layout, gather))
                }
            };
            // Which of them is odd, the others show.
            if width != n_features(&targets, layout) {
                continue;
            }
            gather.begin(number);
            record.put(text, &targets, layout, gather, None).map_err(here)?;
        }
    }
    source.shown.objects = targets.paths.key_sets();
    source.by_position = targets.paths.are_by_position();
    Ok(read)
}

/// As `read`, by all processors, where rows are only counted. None when lines have to be read one after the other.
///
/// # Errors
/// `STOPPED`; settings that do not fit.
fn count(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
    block_bytes: usize,
) -> Result<Option<(Layout, Gather)>> {
    let targets = Targets::of(analysis)?;
    if !targets.paths.depend_on_no_other() {
        return Ok(None);
    }
    let mut texts = Texts::new(files, block_bytes);
    let digests = &source.options.digests;
    let mut next = |spent| texts.next(spent, |file| Pieces::of_lines(file, Some(digests)).ok().map(Some));
    let Some(Some(first)) = next(None) else { return Ok(None) };
    let layout = || {
        let text = lines(&first.records)?.next()?;
        let mut record = Record::default();
        record.find(text, &targets, analysis).ok()?;
        layout::of_features(record.n_features(), analysis).ok()
    };
    let Some(layout) = layout() else { return Ok(None) };
    let like = Gather::new(&layout, analysis, false, false);
    let wanted = like.wanted();
    let of_block = |text: &Vec<u8>| {
        let (mut gather, mut record, mut patterns) = (like.clone(), Record::default(), Patterns::default());
        let mut of_line = |text: &str, cut: Option<&Cut<'_>>| {
            if cut.is_some_and(|cut| patterns.count(cut, &mut gather)) {
                return Some(());
            }
            let line = text.trim_ascii_end();
            if line.is_empty() {
                return Some(());
            }
            if !record.found.is_known(&targets.paths, line) {
                record.found.walk(&targets.paths, line).ok()?;
            } else if let Some(cells) = record.known_cells(line, &targets, &layout, &wanted) {
                cells.clone().for_each(|(column, span)| {
                    gather.set(column, span.map_or(Raw::Missing, |span| Raw::Json(&line[span])));
                });
                gather.finish_row();
                if cut.is_some() {
                    patterns.learn(text, cells);
                }
                return Some(());
            } else {
                record.found.put();
            }
            record.look(line, &targets, analysis).ok()?;
            record.put(line, &targets, &layout, &mut gather, Some(&wanted)).ok()
        };
        let text = str::from_utf8(text).ok()?;
        commas::lines(text, |line, cut| of_line(line, cut).is_some()).then_some(gather)
    };
    let counted = blocks::count(first, next, &like, of_block, source)?;
    if let (Some(gather), true) = (&counted, source.options.part)
        && let Some((file, line)) = first_record(files)?
    {
        let width = n_features(&targets, &layout);
        source.widths.add_many(width, gather.rows(), (file, Some(line), None));
    }
    Ok(counted.map(|gather| (layout, gather)))
}

/// File and line of the first record.
fn first_record(files: &[InputFile]) -> Result<Option<(&Path, u64)>> {
    for file in files {
        if let Some((line, _)) = Lines::open(file)?.next_line()? {
            return Ok(Some((&file.relative, line)));
        }
    }
    Ok(None)
}

/// The lines of a text that are not blank, as `Lines` gives them; none when they are not UTF-8.
fn lines(text: &[u8]) -> Option<impl Iterator<Item = &str>> {
    let text = std::str::from_utf8(text).ok()?;
    Some(scan::lines(text).map(str::trim_ascii_end).filter(|line| !line.is_empty()))
}

/// What stands in a line; reused from line to line.
#[derive(Default)]
struct Record {
    found: Finds,
    /// The features, where they are plain values.
    spans: Vec<Range<usize>>,
    /// The features, where they are not.
    features: Option<Grid>,
    value: Grid,
}

impl Record {
    /// Finds what the paths lead to in a line. Problems have no place.
    fn find(&mut self, text: &str, targets: &Targets, analysis: &Analysis) -> Result<()> {
        match self.contradiction(text, targets)? {
            Some(contradiction) => Err(contradiction.problem("headers")),
            None => self.look(text, targets, analysis),
        }
    }

    /// As `find`, without the features. Gives what is wrong with an object that contradicts the columns.
    fn contradiction(&mut self, text: &str, targets: &Targets) -> Result<Option<&Contradiction>> {
        self.found.find(&targets.paths, text).map_err(|fault| {
            let told = fault.told(text);
            not_json(fault).found(told)
        })?;
        Ok(self.found[0].contradiction())
    }

    /// Looks at what was found in a line. Problems have no place.
    fn look(&mut self, text: &str, targets: &Targets, analysis: &Analysis) -> Result<()> {
        self.features = None;
        let found = &self.found[0];
        if let Some(values) = found.row() {
            self.spans.clear();
            self.spans.extend_from_slice(values);
            return Ok(());
        }
        let source = found.source(text);
        let is_plain = |span: &Range<usize>| !matches!(source[span.clone()].as_bytes(), [b'[' | b'{', ..]);
        if found.elements(text, &mut self.spans) && self.spans.iter().all(is_plain) && !found.is_nothing(text)
        {
            return Ok(());
        }
        let mut features = Grid::default();
        features.push_features(text, found).map_err(|fault| no_features(analysis, targets, text, fault))?;
        if features.n_rows() != 1 {
            let fault = NoFeatures {
                found: number_of(features.n_rows(), "list of features", "lists of features"),
                row: None,
            };
            return Err(no_features(analysis, targets, text, fault)
                .hint("a line is one record; its features are one flat list"));
        }
        self.features = Some(features);
        Ok(())
    }

    /// The cells that `look` and `put` take of a line that is known and a plain row, by column; none of another one.
    fn known_cells<'a>(
        &'a self,
        text: &str,
        targets: &Targets,
        layout: &Layout,
        wanted: &'a [usize],
    ) -> Option<impl Iterator<Item = (usize, Option<Range<usize>>)> + Clone + use<'a>> {
        let like = self.found.like()?;
        let n_features = n_features(targets, layout);
        let features = like.row(0).filter(|row| row.len() == n_features)?;
        let label = |path: Option<usize>, column: Option<usize>| {
            let (Some(path), Some(column)) = (path, column) else { return Some(None) };
            let value = like.value(path)?;
            let is_list = value.clone().is_some_and(|value| text[value].starts_with('['));
            (!is_list).then_some(Some((column, value)))
        };
        let labels =
            [label(targets.label, layout.roles.label)?, label(targets.predicted, layout.roles.predicted)?];
        let of_features = wanted.iter().take_while(move |column| **column < n_features);
        let of_features = of_features.map(move |&column| (column, Some(features.value(column))));
        Some(labels.into_iter().flatten().chain(of_features))
    }

    fn n_features(&self) -> usize {
        self.features.as_ref().map_or(self.spans.len(), |features| features.width(0))
    }

    /// Puts the row of a line, which `find` was given, into `gather`; `wanted`: the columns that it takes in, ascending, where
    /// these are known. Problems have no place.
    fn put(
        &mut self,
        text: &str,
        targets: &Targets,
        layout: &Layout,
        gather: &mut Gather,
        wanted: Option<&[usize]>,
    ) -> Result<()> {
        let n_features = n_features(targets, layout);
        if self.n_features() != n_features {
            return Err(uneven(self.n_features(), n_features));
        }
        let source = self.found[0].source(text);
        let mut set = |column: usize| {
            let cell = match &self.features {
                Some(features) => features.cell(0, column),
                None => Raw::Json(&source[self.spans[column].clone()]),
            };
            gather.set(column, cell);
        };
        match wanted {
            Some(wanted) => {
                wanted.iter().copied().take_while(|&column| column < n_features).for_each(&mut set)
            }
            None => (0..n_features).for_each(&mut set),
        }
        for (setting, path, column) in [
            ("label", targets.label, layout.roles.label),
            ("predicted_label", targets.predicted, layout.roles.predicted),
        ] {
            let (Some(path), Some(column)) = (path, column) else { continue };
            let found = &self.found[path];
            let source = found.source(text);
            if let Some(span) = found.value().filter(|span| !source[span.clone()].starts_with('[')) {
                gather.set(column, Raw::Json(&source[span]));
                continue;
            }
            self.value.clear();
            self.value.push_values(text, found);
            if self.value.n_cells() > 1 {
                return Err(Problem::new(&codes::BAD_RECORD, "a path finds several values in a record")
                    .field(setting)
                    .found(counted(self.value.n_cells(), "value"))
                    .expected("one value"));
            }
            gather.set(column, if self.value.n_cells() == 1 { self.value.cell(0, 0) } else { Raw::Missing });
        }
        gather.finish_row();
        Ok(())
    }
}

/// How many of the columns are features.
pub(crate) fn n_features(targets: &Targets, layout: &Layout) -> usize {
    layout.names.len() - usize::from(targets.label.is_some()) - usize::from(targets.predicted.is_some())
}

/// A path that finds nothing in any record is a mistake, not missing data.
pub(crate) fn check_found(layout: &Layout, gather: &Gather, analysis: &Analysis) -> Result<()> {
    for (setting, what, column, location) in [
        ("label", "Headers must contain label", layout.roles.label, &analysis.label),
        (
            "predicted_label",
            "the predicted label is not in the dataset",
            layout.roles.predicted,
            &analysis.predicted_label,
        ),
    ] {
        let (Some(column), Some(location)) = (column, location) else { continue };
        if gather.is_all_missing(column) {
            return Err(Problem::new(&codes::COLUMN_NOT_FOUND, what)
                .field(setting)
                .found(format!("nothing at {} in any record", layout::print(location)))
                .expected("a JMESPath that finds a value in each record"));
        }
    }
    Ok(())
}

/// Without its place.
pub(crate) fn not_json(fault: NotJson) -> Problem {
    Problem::new(&codes::BAD_RECORD, "a record is not JSON").found(fault.what).expected("one JSON document")
}

/// A record without features; `document`: its text, or that of all of them.
pub(crate) fn no_features(
    analysis: &Analysis,
    targets: &Targets,
    document: &str,
    fault: NoFeatures,
) -> Problem {
    let path = analysis.dataset.features.as_deref().unwrap_or("@");
    let record = fault.row.map_or(String::new(), |row| format!(" in record {row} (counted from 1)"));
    let problem = Problem::new(&codes::FEATURES_NOT_FOUND, "Data must contain features")
        .field("features")
        .found(format!("{} at `{path}`{record}", fault.found))
        .expected("a list of numbers, text or truth values");
    match targets.paths.keys_there(0, document).as_slice() {
        keys if fault.found == "nothing" && !keys.is_empty() => {
            problem.hint(format!("the keys that are there: `{}`", keys.join("`, `")))
        }
        _ => problem,
    }
}

/// Without its place.
pub(crate) fn uneven(found: usize, expected: usize) -> Problem {
    Problem::new(&codes::BAD_RECORD, "a record has another number of features than the first")
        .found(counted(found, "feature"))
        .expected(expected.to_string())
}

#[cfg(test)]
#[path = "tests/lines.rs"]
mod tests;
