//! JSON datasets: one document holds all records of a file. Features are a list of lists, label and
//! predicted label lists as long. A null stands at the place of its record: without features it is an error that
//! names the record, as a label it is a missing one.
//!
//! Memory: the text of one file at a time, of at most `LONGEST`, and its cells, beside what is gathered.

use std::io::Read as _;

use plumbline_common::input::InputFile;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use crate::config::Analysis;
use crate::read::Source;
use crate::read::gather::Gather;
use crate::read::grid::Grid;
use crate::read::layout::{self, Layout};
use crate::read::lines::{Targets, n_features, no_features, not_json};
use crate::read::shown::Refused;

/// The longest document: a path may ask for any part of it, so it is held whole, which takes about five times as much
/// memory.
const LONGEST: usize = 512 << 20;
/// Bytes between two looks whether the job shall stop.
const STEP: u64 = 4 << 20;

/// The text of a file.
fn text_of(file: &InputFile, longest: usize, source: &Source<'_>) -> Result<String> {
    let name = file.relative.as_path();
    let mut reader = file.open()?;
    let mut bytes = Vec::new();
    loop {
        source.options.stop.check()?;
        let read = reader.by_ref().take(STEP).read_to_end(&mut bytes);
        if read.map_err(|error| Problem::io("read the input", &file.path, error))? == 0 {
            break;
        }
        if bytes.len() > longest {
            return Err(Problem::new(&codes::BAD_RECORD, "a JSON document is too long to be held in memory")
                .file(name)
                .found(format!("more than {} MiB", longest >> 20))
                .expected(format!("at most {} MiB in a file", longest >> 20))
                .hint("write JSON Lines, a record on each line (`jq -c '.instances[]'`), or several files"));
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| Problem::new(&codes::BAD_RECORD, "the dataset is not UTF-8 text").file(name))
}

/// Reads the dataset.
pub(crate) fn read(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    source.leave_digests();
    let targets = Targets::of(analysis)?;
    targets.paths.decide(&source.rules.objects);
    let limit = source.options.limit.unwrap_or(u64::MAX);
    let mut found = Vec::new();
    let (mut features, mut labels, mut predictions) = (Grid::default(), Grid::default(), Grid::default());
    let mut read: Option<(Layout, Gather)> = None;
    for (number, file) in files.iter().enumerate() {
        let name = file.relative.as_path();
        let text = text_of(file, LONGEST, source)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        targets
            .paths
            .find(text, &mut found)
            .map_err(|fault| not_json(fault).file(name).line(fault.line(text)))?;
        source.options.stop.check()?;
        if let Some(contradiction) = found[0].contradiction() {
            // What the others show tells whether it is so.
            source.refused.get_or_insert_with(|| Refused::of_dataset(name, None, contradiction));
            continue;
        }
        features.clear();
        features
            .push_features(text, &found[0])
            .map_err(|fault| no_features(analysis, &targets, text, fault).file(name))?;
        // An empty list is a file without records.
        if features.n_cells() == 0 {
            continue;
        }
        for (setting, path, values) in
            [("label", targets.label, &mut labels), ("predicted_label", targets.predicted, &mut predictions)]
        {
            values.clear();
            source.options.stop.check()?;
            let Some(path) = path else { continue };
            // A value for each record; that of the only record needs no list.
            values.push_values(text, &found[path]);
            if values.n_rows() == 0 {
                let problem = Problem::new(&codes::COLUMN_NOT_FOUND, "Headers must contain label")
                    .file(name)
                    .field(setting)
                    .found("nothing at this JMESPath")
                    .expected(format!(
                        "a list of {}, one for each record",
                        counted(features.n_rows(), "value")
                    ));
                return Err(match targets.paths.keys_there(path, text).as_slice() {
                    [] => problem,
                    keys => problem.hint(format!("the keys that are there: `{}`", keys.join("`, `"))),
                });
            }
            if values.n_rows() != features.n_rows() {
                return Err(Problem::new(&codes::BAD_RECORD, "features and labels differ in number")
                    .file(name)
                    .field(setting)
                    .found(counted(values.n_rows(), "value"))
                    .expected(format!("{}, one for each list of features", features.n_rows()))
                    .hint("both paths go over the same list of records, as in `instances[*].features` and `instances[*].label`"));
            }
            if let Some(row) = (0..values.n_rows()).find(|&row| values.width(row) != 1) {
                return Err(Problem::new(&codes::BAD_RECORD, "a path finds several values in a record")
                    .file(name)
                    .field(setting)
                    .found(format!(
                        "{} in record {} (counted from 1)",
                        counted(values.width(row), "value"),
                        row + 1
                    ))
                    .expected("one value"));
            }
        }
        for row in 0..features.n_rows() {
            if source.records == limit {
                break;
            }
            source.records += 1;
            if (row + 1).is_multiple_of(Source::ROWS_BETWEEN_CHECKS as usize) {
                source.options.stop.check()?;
            }
            let width = features.width(row);
            source.widths.add(width, name, None, Some(row + 1));
            let (layout, gather) = match &mut read {
                Some(read) => read,
                None if layout::unfit(width, analysis).is_some() => continue,
                None => {
                    let layout = layout::of_features(width, analysis)?;
                    let gather = source.gather(&layout, analysis);
                    read.insert((layout, gather))
                }
            };
            // Which of them is odd, the others show.
            if width != n_features(&targets, layout) {
                continue;
            }
            gather.begin(number);
            for (column, cell) in features.row(row).enumerate() {
                gather.set(column, cell);
            }
            for (column, values) in [(layout.roles.label, &labels), (layout.roles.predicted, &predictions)] {
                if let Some(column) = column {
                    gather.set(column, values.cell(row, 0));
                }
            }
            gather.finish_row();
        }
        source.advance(file.bytes)?;
    }
    source.shown.objects = targets.paths.key_sets();
    source.by_position = targets.paths.are_by_position();
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatasetFormat;
    use crate::read::fixture;
    use crate::read::{Options, files_of};

    #[test]
    fn a_document_beyond_the_limit_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), vec![b' '; 3 << 20]).unwrap();
        let files = files_of(folder.path(), "dataset").unwrap();
        let options = Options::default();
        let source = Source::new(&options, 0);
        assert_eq!(text_of(&files[0], 3 << 20, &source).unwrap().len(), 3 << 20);
        let refused = text_of(&files[0], 2 << 20, &source).unwrap_err().to_string();
        for part in ["a.json", "more than 2 MiB", "JSON Lines"] {
            assert!(refused.contains(part), "{refused}");
        }
        let analysis = fixture::analysis(DatasetFormat::Json);
        let text = fixture::read(&[("a.json", b"\xff")], &analysis, &options).unwrap_err().to_string();
        assert!(text.contains("UTF-8"), "{text}");
    }
}
