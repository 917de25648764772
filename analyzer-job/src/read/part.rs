//! What reading leaves of the data or of a part of them, and how parts become the whole.
//!
//! Everything that depends on the whole waits until then: what a column holds, whether too many records are bad, whether
//! there are rows at all. What depends on the order of the files is kept with the file that it came from.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use crate::config::{Analysis, ContentType, DatasetFormat};
use crate::read::gather::{Gather, Gathered};
use crate::read::layout::{self, Layout};
use crate::read::shown::{self, Readings, Refused, Rules, Shown, Widths};
use crate::read::windowed::{self, OfFile};
use crate::read::{Data, Notes, Reading, Rows, capture, lines, summaries, warn_of_missing_texts};
use crate::results::details::{InputDigest, RowCounts, Skipped};
use crate::state::file::unusable;
use crate::state::order::{self, by_folder};
use crate::values::names::{are_alike, listed};

/// Rows of several parts that are compared with each other at most: they lie in memory, and each is compared with many.
pub const MOST_ROWS: u64 = 1_000_000;

/// What was read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Part {
    /// Files of the dataset in the order they were read, relative to its folder.
    pub(super) files: Vec<PathBuf>,
    pub(super) inputs: Vec<InputDigest>,
    /// The names that the first file gives its columns, where later files are read by them.
    pub(super) header: Option<Vec<String>>,
    /// None before the first record that could be used.
    pub(super) table: Option<(Layout, Gather)>,
    pub(super) records: u64,
    pub(super) notes: Notes,
    /// Bad captured records by kind.
    pub(super) bad_kinds: Vec<u64>,
    pub(super) captured: (Option<ContentType>, Option<ContentType>),
    pub(super) format: Option<DatasetFormat>,
    /// Of captured records that were read with a window.
    pub(super) windowed: Vec<OfFile>,
    /// What the records show of one another, and how they were read.
    pub(super) shown: Shown,
    pub(super) rules: Rules,
    /// The first record for which all of the data are refused, if this is how they are to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Refused>,
    /// Records of a dataset of JSON by the number of their features.
    #[serde(default, skip_serializing_if = "Widths::is_empty")]
    pub(super) widths: Widths,
    /// The same records as read by the other rules that all of the data may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) otherwise: Vec<Part>,
}

impl Part {
    pub fn rows(&self) -> u64 {
        self.table.as_ref().map_or(0, |(_, gather)| gather.rows())
    }

    /// Records that were read.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// What is known of the input files.
    pub fn inputs(&self) -> &[InputDigest] {
        &self.inputs
    }

    /// How the data are written; none for captured records, and where there were none.
    pub fn format(&self) -> Option<DatasetFormat> {
        self.format
    }

    /// Warnings of reading this part.
    pub fn warnings(&self) -> Vec<String> {
        self.notes.warnings()
    }

    /// Names of the files.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The files of a dataset without a row, such as those of a header row alone. Captured records that make no row count as
    /// bad ones, so that every file of them has something.
    pub fn files_without_rows(&self) -> Vec<PathBuf> {
        if let Some(DatasetFormat::Capture) | None = self.format {
            return Vec::new();
        }
        let with_rows: HashSet<u32> = self.table.iter().flat_map(|(_, gather)| gather.files()).collect();
        (0..)
            .zip(&self.files)
            .filter(|(at, _)| !with_rows.contains(at))
            .map(|(_, file)| file.clone())
            .collect()
    }

    /// Changes every reading of the records.
    pub(super) fn each_reading(&mut self, mut change: impl FnMut(&mut Part)) {
        let mut otherwise = std::mem::take(&mut self.otherwise);
        std::iter::once(&mut *self).chain(&mut otherwise).for_each(&mut change);
        self.otherwise = otherwise;
    }

    fn readings(&self) -> Readings<'_> {
        std::iter::once(self).chain(&self.otherwise).map(|part| (&part.rules, &part.shown)).collect()
    }

    /// The reading by this number, of which the first is its own.
    fn reading(mut self, at: usize) -> Part {
        let mut otherwise = std::mem::take(&mut self.otherwise);
        match at.checked_sub(1) {
            Some(at) if at < otherwise.len() => Part { inputs: self.inputs, ..otherwise.swap_remove(at) },
            _ => self,
        }
    }

    /// Gives up the other readings. What is made of the rows of this one, such as attributions, is of no other.
    pub fn without_other_readings(&mut self) {
        self.otherwise.clear();
    }

    /// Gives up rows that are too many to be compared with each other, or that nobody will compare.
    pub fn without_rows(&mut self, analysis: &Analysis, compared: bool) {
        self.each_reading(|part| {
            if let Some((layout, gather)) = &mut part.table
                && gather.keeps_rows()
                && (!compared || gather.rows() > MOST_ROWS)
            {
                *gather = gather.counted(layout, analysis);
            }
        });
    }

    /// A column holds a text that none of the rows of this part has, which makes it a column of text.
    pub fn hold_text(&mut self, column: usize, text: &str) {
        if let Some((_, gather)) = &mut self.table {
            gather.hold_text(column, text);
        }
    }

    /// That the data are not refused for one of their records, if these are all.
    ///
    /// # Errors
    /// `HEADERS_DO_NOT_FIT`, `BAD_RECORD`.
    pub fn check_refused(&self, analysis: &Analysis) -> Result<()> {
        match self.widths.refused(analysis, self.refused.clone()) {
            Some(refused) => Err(refused.problem()),
            None => Ok(()),
        }
    }

    /// Judges what was read as the whole of the data.
    ///
    /// # Errors
    /// No row; more than half of the captured records bad; a path that finds nothing.
    pub fn finish(self, dataset: &Path, analysis: &Analysis) -> Result<Reading> {
        self.check_refused(analysis)?;
        if let Some(DatasetFormat::Capture) | None = self.format {
            capture::judge(&self.notes, &self.bad_kinds, self.records)?;
        }
        let (layout, gather) = match self.table {
            Some((layout, gather)) if gather.rows() > 0 => (layout, gather),
            _ => return Err(no_rows(dataset, &self.notes, self.records)),
        };
        if let Some(DatasetFormat::Json | DatasetFormat::JsonLines) = self.format {
            lines::check_found(&layout, &gather, analysis)?;
        }
        let mut warnings = self.notes.warnings();
        let unreadable = self.notes.last_of_files().then(|| warnings.pop()).flatten();
        warn_of_missing_texts(&layout, &gather, &mut warnings);
        warnings.extend(unreadable);
        let row_counts = RowCounts {
            records_read: self.records,
            records_skipped: self.notes.skipped(),
            rows: gather.rows(),
        };
        let columns = summaries(&layout, &gather, analysis);
        let data = match gather.finish(&layout) {
            Gathered::Tally(tally) => Data::Tally(tally),
            Gathered::Rows(table) => {
                Data::Rows(Rows { table, roles: layout.roles.clone(), features: layout.features.clone() })
            }
        };
        Ok(Reading {
            columns,
            layout,
            data,
            row_counts,
            inputs: self.inputs,
            warnings,
            captured_input: self.captured.0,
            captured_output: self.captured.1,
            rules: self.rules,
        })
    }

    /// Takes out what an earlier part says of the same file.
    fn forget(&mut self, again: &OfFile) {
        self.records = self.records.saturating_sub(again.records);
        self.notes.forget(&again.undated);
        for (kind, n) in capture::UNDATED.into_iter().zip(again.kinds) {
            if let Some(count) = self.bad_kinds.get_mut(kind) {
                *count = count.saturating_sub(n);
            }
        }
    }

    fn check(&self, path: &Path, analysis: &Analysis) -> Result<()> {
        let Some((layout, gather)) = &self.table else { return Ok(()) };
        layout.check().map_err(|what| unusable(path, what))?;
        let like = Gather::new(layout, analysis, gather.keeps_rows(), true);
        gather.check(self.files.len(), &like).map_err(|what| unusable(path, what))
    }
}

/// Puts parts together, in the order in which they are given where nothing else decides. Each has the path of its state,
/// for messages.
///
/// # Errors
/// `STATE_UNUSABLE`: a part holds what no fold writes. `STATES_DO_NOT_FIT`: parts read their columns differently.
pub fn combine(parts: Vec<(PathBuf, Part)>, analysis: &Analysis) -> Result<Part> {
    combine_at_most(parts, analysis, MOST_ROWS)
}

/// `most_rows`: more of them are counted.
fn combine_at_most(parts: Vec<(PathBuf, Part)>, analysis: &Analysis, most_rows: u64) -> Result<Part> {
    for (path, part) in &parts {
        part.check(path, analysis)?;
        part.otherwise.iter().try_for_each(|part| part.check(path, analysis))?;
    }
    let parts: Vec<(PathBuf, Part)> = parts.into_iter().filter(|(_, part)| !part.files.is_empty()).collect();
    let readings: Vec<_> = parts.iter().map(|(path, part)| (path.as_path(), part.readings())).collect();
    let chosen = shown::chosen(&readings)?;
    let parts: Vec<(PathBuf, Part)> =
        parts.into_iter().zip(chosen).map(|((path, part), at)| (path, part.reading(at))).collect();
    let files: Vec<&[PathBuf]> = parts.iter().map(|(_, part)| part.files.as_slice()).collect();
    let ranks = order::ranks(&files, by_folder);
    let format = parts.first().and_then(|(_, part)| part.format);
    // The first in the order of the files.
    let by_file = |(_, part): &&(PathBuf, Part)| part.files.first().cloned();
    let mut refused: Vec<&(PathBuf, Part)> =
        parts.iter().filter(|(_, part)| part.refused.is_some()).collect();
    refused.sort_by_key(by_file);
    let refused = refused.first().and_then(|(_, part)| part.refused.clone());
    let mut all = Part { format, refused, ..Part::default() };
    parts.iter().for_each(|(_, part)| all.widths.append(&part.widths));
    // Of records with more or fewer features than the others one is told, and not that parts have other columns.
    if all.check_refused(analysis).is_ok() {
        all.table = tables(&parts, &ranks, analysis, most_rows)?;
    }
    let windowed: Vec<_> =
        parts.iter().map(|(path, part)| (path.as_path(), part.windowed.as_slice())).collect();
    let again = windowed::again(&windowed)?;
    let outside = windowed::outside(&again);
    for (at, ((path, mut part), again)) in parts.into_iter().zip(again).enumerate() {
        again.iter().for_each(|file| part.forget(file));
        all.files.extend(part.files);
        all.inputs.extend(part.inputs);
        all.records = all.records.saturating_add(part.records);
        if at == 0 {
            all.notes = part.notes;
            all.bad_kinds = part.bad_kinds;
        } else {
            all.notes.merge(part.notes, by_folder).map_err(|what| differ(&path, what))?;
            for (mine, theirs) in all.bad_kinds.iter_mut().zip(part.bad_kinds) {
                *mine = mine.saturating_add(theirs);
            }
        }
        all.shown.append(&part.shown);
        all.captured.0 = all.captured.0.or(part.captured.0);
        all.captured.1 = all.captured.1.or(part.captured.1);
    }
    all.rules = all.shown.rules();
    all.notes.forget_outside(outside);
    all.files.sort_by(|one, two| by_folder(one, two));
    all.inputs.sort_by(|one, two| by_folder(Path::new(&one.name), Path::new(&two.name)));
    // Windows may read the same file.
    all.inputs.dedup();
    Ok(all)
}

/// The tables of all parts as one.
fn tables(
    parts: &[(PathBuf, Part)],
    ranks: &[Vec<u32>],
    analysis: &Analysis,
    most_rows: u64,
) -> Result<Option<(Layout, Gather)>> {
    let mut found: Vec<(&Path, &Part, &Layout)> = Vec::new();
    let mut gathered: Vec<(&Gather, &[u32])> = Vec::new();
    for ((path, part), ranks) in parts.iter().zip(ranks) {
        if let Some((layout, gather)) = &part.table {
            found.push((path, part, layout));
            gathered.push((gather, ranks));
        }
    }
    // Names that differ in case are those of the first file, as in one run.
    let first = (0..found.len()).min_by_key(|at| gathered[*at].1.first());
    let Some((first_path, first, layout)) = first.map(|at| found[at]) else { return Ok(None) };
    if let (Some(DatasetFormat::Csv | DatasetFormat::Parquet), None) =
        (first.format, &analysis.dataset.headers)
    {
        // What the configuration names is looked for among the names of the first file.
        layout::of_table(layout.names.clone(), None, None, analysis)?;
    }
    for (path, part, other) in found.iter().copied() {
        // What the files name the columns, where that is known.
        let [stored, of_first] = [(part, other), (first, layout)]
            .map(|(part, layout)| part.header.as_ref().unwrap_or(&layout.names));
        let (found, expected, hint) = if !other.is_like(layout) {
            (
                &other.names,
                &layout.names,
                "the first file of a part names its columns: give their names in `headers`, and every part has the same",
            )
        } else if part.header.is_some() != first.header.is_some() || !are_alike(stored, of_first) {
            (
                stored,
                of_first,
                "the other files of a part are read by the names in its first file: give every file the same names",
            )
        } else {
            continue;
        };
        return Err(differ(path, format!("the columns {}", listed(found)))
            .expected(format!("{}, as in {}", listed(expected), first_path.display()))
            .hint(hint));
    }
    let all = Gather::combine(&gathered, layout, analysis, most_rows);
    Ok(Some(((*layout).clone(), all)))
}

fn differ(path: &Path, found: String) -> Problem {
    Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data were read differently").file(path).found(found)
}

fn no_rows(dataset: &Path, notes: &Notes, records: u64) -> Problem {
    let skipped = |skipped: Skipped| match skipped.examples.first() {
        Some(first) => format!("{}: {}, the first: {first}", skipped.reason, skipped.records),
        None => format!("{}: {}", skipped.reason, skipped.records),
    };
    let skipped: Vec<String> = notes.skipped().into_iter().map(skipped).collect();
    let problem =
        Problem::new(&codes::NO_DATA, "there are no rows to analyse: the dataset is empty").file(dataset);
    if records == 0 {
        return problem.found("no records");
    }
    problem.found(format!("{}, none of them usable ({})", counted(records, "record"), skipped.join("; ")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};

    use super::*;
    use crate::config::Scalar;
    use crate::read::fixture;
    use crate::read::{Inputs, Options, read_part};

    const OWN: [&str; 4] = ["y", "pred", "sex", "Income"];

    /// Three rows in columns of these names.
    fn file(format: DatasetFormat, names: [&str; 4], first: i64) -> Vec<u8> {
        if format == DatasetFormat::Csv {
            let row = |n: i64| format!("{},{},{},{}\n", n % 2, (n + 1) % 2, ["f", "m"][n as usize % 2], n);
            return [names.join(",") + "\n", (first..first + 3).map(row).collect()].concat().into_bytes();
        }
        let numbers = |of: &dyn Fn(i64) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values((first..first + 3).map(of)))
        };
        let sexes = (first..first + 3).map(|n| ["f", "m"][n as usize % 2]);
        let columns: [ArrayRef; 4] = [
            numbers(&|n| n % 2),
            numbers(&|n| (n + 1) % 2),
            Arc::new(StringArray::from_iter_values(sexes)),
            numbers(&|n| n),
        ];
        let batch = RecordBatch::try_from_iter(names.into_iter().zip(columns)).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn read(files: &[(&str, &[u8])], analysis: &Analysis) -> Part {
        let root = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(root.path().join(name), bytes).unwrap();
        }
        let inputs = Inputs { dataset: root.path().into(), facets: None, predictions: None };
        read_part(&inputs, analysis, &Options { part: true, keep_rows: true, ..Options::default() }).unwrap()
    }

    /// As one run reads them: by the names of the first file, whatever part has it.
    #[test]
    fn parts_whose_names_differ_in_case_belong_together() {
        for format in [DatasetFormat::Csv, DatasetFormat::Parquet] {
            for (names, headers, fits) in [
                (["y", "pred", "sex", "INCOME"], false, true),
                (["y", "pred", "sex", "INCOME"], true, true),
                // By these names the columns are looked for.
                (["Y", " PRED ", "Sex", "income"], false, true),
                (["Y", " PRED ", "sex", "income"], true, true),
                (["y", "pred", "sex", "age"], false, false),
                (["y", "pred", "sex", "age"], true, format == DatasetFormat::Csv),
            ] {
                let mut analysis = fixture::analysis(format);
                analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
                if headers {
                    analysis.dataset.headers = Some(["y", "pred", "sex", "income"].map(String::from).into());
                }
                let files = [("a", file(format, OWN, 1)), ("b", file(format, names, 4))];
                let [one, two] = files.each_ref().map(|(name, bytes)| (*name, bytes.as_slice()));
                for order in [[one, two], [two, one]] {
                    let parts = order.map(|file| (PathBuf::from(file.0), read(&[file], &analysis)));
                    let whole = combine(parts.into(), &analysis);
                    if !fits {
                        let problem = whole.err().unwrap();
                        assert_eq!(problem.code(), &codes::STATES_DO_NOT_FIT);
                        let told = problem.to_string();
                        assert!(told.contains("`age`") && told.contains("ncome`"), "{told}");
                        continue;
                    }
                    let [whole, run] = [whole.unwrap(), read(&[one, two], &analysis)]
                        .map(|part| part.finish(Path::new("data"), &analysis).unwrap());
                    assert_eq!(whole.layout, run.layout, "{names:?}");
                    let table = |reading: &Reading| format!("{:?}", reading.rows().unwrap().table.columns);
                    assert_eq!(table(&whole), table(&run), "{names:?}");
                }
            }
        }
    }

    /// The first file of all names the columns; a part that has another one knows no better than its own names.
    #[test]
    fn what_the_configuration_names_is_looked_for_in_the_first_file_of_all() {
        for format in [DatasetFormat::Csv, DatasetFormat::Parquet] {
            for names in [
                ["Y", "pred", "sex", "income"],
                ["y", "PRED", "sex", "income"],
                ["y", "pred", "Sex", "income"],
            ] {
                let mut analysis = fixture::analysis(format);
                analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
                for (first, second, fits) in [(OWN, names, true), (names, OWN, false)] {
                    let files = [("a", file(format, first, 1)), ("b", file(format, second, 4))];
                    let [one, two] = files.each_ref().map(|(name, bytes)| (*name, bytes.as_slice()));
                    let code = |problem: Problem| problem.code();
                    let run = fixture::read(&[one, two], &analysis, &fixture::keep_rows());
                    let run = run.map(|reading| reading.row_counts.rows).map_err(code);
                    let parts = [two, one].map(|file| (PathBuf::from(file.0), read(&[file], &analysis)));
                    let whole = combine(parts.into(), &analysis)
                        .and_then(|part| part.finish(Path::new("data"), &analysis))
                        .map(|reading| reading.row_counts.rows)
                        .map_err(code);
                    assert_eq!(whole, run, "{first:?} {second:?}");
                    let expected = if fits { Ok(6) } else { Err(&codes::COLUMN_NOT_FOUND) };
                    assert_eq!(run, expected, "{first:?} {second:?}");
                }
            }
        }
    }

    #[test]
    fn rows_travel_up_to_the_limit_and_are_counted_above_it() {
        let mut analysis = fixture::analysis(DatasetFormat::Csv);
        analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
        let part = |name: &str| {
            let root = tempfile::tempdir().unwrap();
            std::fs::write(root.path().join(name), "y,pred,sex,x\n1,0,f,2\n0,1,m,3\n1,1,f,4\n").unwrap();
            let inputs = Inputs { dataset: root.path().into(), facets: None, predictions: None };
            let options = Options { part: true, keep_rows: true, ..Options::default() };
            (PathBuf::from(name), read_part(&inputs, &analysis, &options).unwrap())
        };
        for (most_rows, are_kept) in [(6, true), (5, false)] {
            let whole = combine_at_most(vec![part("a.csv"), part("b.csv")], &analysis, most_rows).unwrap();
            let reading = whole.finish(Path::new("data"), &analysis).unwrap();
            assert_eq!((reading.rows().is_some(), reading.row_counts.rows), (are_kept, 6), "{most_rows}");
        }
    }
}
