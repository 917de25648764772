//! JSON datasets: one document holds all records of a file. Features are a list of lists, label and
//! predicted label lists as long.
//!
//! Memory: the text of one file at a time, beside what is gathered.

use std::io::Read as _;

use plumbline_common::input::{self, InputFile};
use plumbline_common::{Problem, Result, codes};

use crate::config::Analysis;
use crate::read::Source;
use crate::read::gather::Gather;
use crate::read::layout::{self, Layout};
use crate::read::lines::{Targets, check_found, no_features, not_json, uneven};
use crate::read::payload::Grid;

/// Reads the dataset.
pub(crate) fn read(
    files: &[InputFile],
    analysis: &Analysis,
    source: &mut Source<'_>,
) -> Result<Option<(Layout, Gather)>> {
    let targets = Targets::of(analysis)?;
    let limit = source.options.limit.unwrap_or(u64::MAX);
    let mut found = Vec::new();
    let (mut features, mut labels, mut predictions) = (Grid::default(), Grid::default(), Grid::default());
    let mut read: Option<(Layout, Gather)> = None;
    for file in files {
        let name = file.relative.as_path();
        let mut text = String::new();
        input::open(&file.path)?.read_to_string(&mut text).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Problem::new(&codes::BAD_RECORD, "the dataset is not UTF-8 text").file(name)
            }
            _ => Problem::io("read the input", &file.path, error),
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        targets.paths.find(text, &mut found).map_err(|error| not_json(name, error.line() as u64, &error))?;
        features.clear();
        features.push_features(text, &found[0]).map_err(|found| no_features(analysis, found).file(name))?;
        if features.n_rows() == 0 {
            continue;
        }
        let (layout, gather) = match &mut read {
            Some(read) => read,
            None => {
                let layout = layout::of_features(features.width(0), analysis)?;
                let gather = source.gather(&layout, analysis);
                read.insert((layout, gather))
            }
        };
        let columns = [
            ("label", targets.label, layout.roles.label, &mut labels),
            ("predicted_label", targets.predicted, layout.roles.predicted, &mut predictions),
        ];
        for (setting, path, _, values) in columns {
            values.clear();
            let Some(path) = path else { continue };
            values.push_values(text, &found[path]);
            if values.n_rows() == 0 {
                return Err(Problem::new(&codes::COLUMN_NOT_FOUND, "Headers must contain label")
                    .file(name)
                    .field(setting)
                    .found("nothing at this JMESPath")
                    .expected(format!("a list of {} values, one for each record", features.n_rows())));
            }
            if values.n_rows() != features.n_rows() || values.n_cells() != values.n_rows() {
                return Err(Problem::new(&codes::BAD_RECORD, "features and labels differ in number")
                    .file(name)
                    .field(setting)
                    .found(format!("{} values", values.n_cells()))
                    .expected(format!("{}, one for each list of features", features.n_rows()))
                    .hint("a JMESPath with `[*]` passes over nulls and missing keys"));
            }
        }
        let n_features = features.width(0);
        for row in 0..features.n_rows() {
            if source.counts.records_read == limit {
                break;
            }
            source.counts.records_read += 1;
            if features.width(row) != n_features {
                return Err(uneven(name, 1, features.width(row), n_features)
                    .hint(format!("it is record {} of the document", row + 1)));
            }
            for column in 0..n_features {
                gather.set(column, features.cell(row, column));
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
    if let Some((layout, gather)) = &read {
        check_found(layout, gather, analysis)?;
    }
    Ok(read)
}
