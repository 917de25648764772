//! JSON Lines datasets: one record a line, its features, label and predicted label found by JMESPath.

use std::path::Path;

use plumbline_common::input::{InputFile, Lines};
use plumbline_common::words::{counted, number_of};
use plumbline_common::{Problem, Result, codes};

use crate::config::{Analysis, Location};
use crate::read::Source;
use crate::read::gather::Gather;
use crate::read::grid::{Grid, NoFeatures};
use crate::read::layout::{self, Layout};
use crate::state::keys::Keys;
use crate::values::path::Paths;
use crate::values::raw::Raw;
use crate::values::scan::{NotJson, Scanner};

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
        paths.name_columns(0, analysis.dataset.headers.as_deref().unwrap_or_default());
        Ok(Targets { paths, label: positions[0], predicted: positions[1] })
    }
}

/// The first line that is not JSON: it says more about a file than that its columns do not fit.
fn broken_line(files: &[InputFile]) -> Option<Problem> {
    for file in files {
        let mut lines = Lines::open(&file.path).ok()?;
        while let Some((line, text)) = lines.next_line().ok()? {
            let text = std::str::from_utf8(text).ok()?;
            let mut scanner = Scanner::new(text);
            if let Err(fault) = scanner.value().and_then(|_| scanner.end()) {
                let told = fault.told(text);
                return Some(not_json(&file.relative, line, fault).found(told));
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
    let targets = Targets::of(analysis)?;
    let limit = source.options.limit.unwrap_or(u64::MAX);
    let mut found = Vec::new();
    let (mut features, mut value) = (Grid::default(), Grid::default());
    let mut read: Option<(Layout, Gather)> = None;
    let mut since = 0;
    'files: for (number, file) in files.iter().enumerate() {
        let name = file.relative.as_path();
        let mut lines = Lines::open(&file.path)?;
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
            let text = std::str::from_utf8(text).map_err(|_| {
                Problem::new(&codes::BAD_RECORD, "a line is not UTF-8 text").file(name).line(line)
            })?;
            targets.paths.find(text, &mut found).map_err(|fault| {
                let told = fault.told(text);
                not_json(name, line, fault).found(told)
            })?;
            features.clear();
            features
                .push_features(text, &found[0])
                .map_err(|fault| no_features(analysis, &targets, text, fault).file(name).line(line))?;
            if features.n_rows() != 1 {
                let found = NoFeatures {
                    found: number_of(features.n_rows(), "list of features", "lists of features"),
                    row: None,
                };
                return Err(no_features(analysis, &targets, text, found)
                    .file(name)
                    .line(line)
                    .hint("a line is one record; its features are one flat list"));
            }
            let (layout, gather) = match &mut read {
                Some(read) => read,
                None => {
                    let layout = layout::of_features(features.width(0), analysis)
                        .map_err(|problem| broken_line(files).unwrap_or(problem))?;
                    let gather = source.gather(&layout, analysis);
                    read.insert((layout, gather))
                }
            };
            let n_features = layout.names.len()
                - usize::from(targets.label.is_some())
                - usize::from(targets.predicted.is_some());
            if features.width(0) != n_features {
                return Err(uneven(name, line, features.width(0), n_features));
            }
            gather.begin(number);
            for column in 0..n_features {
                gather.set(column, features.cell(0, column));
            }
            for (setting, path, column) in [
                ("label", targets.label, layout.roles.label),
                ("predicted_label", targets.predicted, layout.roles.predicted),
            ] {
                let (Some(path), Some(column)) = (path, column) else { continue };
                value.clear();
                value.push_values(text, &found[path]);
                if value.n_cells() > 1 {
                    return Err(Problem::new(&codes::BAD_RECORD, "a path finds several values in a record")
                        .file(name)
                        .line(line)
                        .field(setting)
                        .found(counted(value.n_cells(), "value"))
                        .expected("one value"));
                }
                gather.set(column, if value.n_cells() == 1 { value.cell(0, 0) } else { Raw::Missing });
            }
            gather.finish_row();
        }
    }
    source.keys = Keys(targets.paths.keys());
    Ok(read)
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

/// `line`: where the fault stands in the file.
pub(crate) fn not_json(name: &Path, line: u64, fault: NotJson) -> Problem {
    Problem::new(&codes::BAD_RECORD, "a record is not JSON")
        .file(name)
        .line(line)
        .found(fault.what)
        .expected("one JSON document")
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

pub(crate) fn uneven(name: &Path, line: u64, found: usize, expected: usize) -> Problem {
    Problem::new(&codes::BAD_RECORD, "a record has another number of features than the first")
        .file(name)
        .line(line)
        .found(counted(found, "feature"))
        .expected(expected.to_string())
}
