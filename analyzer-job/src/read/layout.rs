//! Which column is what: names of the table's columns and the place of label, predictions, facets, group,
//! segments and identifier among them.

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use crate::config::{Analysis, Location, rules};
use crate::values::names::{are_alike, listed, position};

/// The columns of the table and their roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Names of all columns: the dataset's own, then those of the facet and the prediction dataset.
    pub names: Vec<String>,
    pub roles: Roles,
    /// Columns that are sent to the model, in dataset order.
    pub features: Vec<usize>,
    /// For a captured request: the column of each captured value, in order.
    pub captured: Vec<usize>,
}

/// Positions in the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    pub label: Option<usize>,
    pub predicted: Option<usize>,
    /// One for each facet of the configuration.
    pub facets: Vec<usize>,
    pub group: Option<usize>,
    /// Identifier columns, which are no part of any analysis.
    pub joins: Vec<usize>,
    /// One for each segmentation of the configuration.
    pub segments: Vec<usize>,
}

impl Layout {
    /// Whether the columns and their roles are the same, but for the case of names.
    pub(crate) fn is_like(&self, other: &Layout) -> bool {
        let Layout { names, roles, features, captured } = other;
        are_alike(&self.names, names)
            && (&self.roles, &self.features, &self.captured) == (roles, features, captured)
    }

    /// That a layout which was read from a file speaks of columns that it has.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let Roles { label, predicted, facets, group, joins, segments } = &self.roles;
        let mut columns =
            label.iter().chain(predicted).chain(facets).chain(group).chain(joins).chain(segments);
        let fits = |column: &usize| *column < self.names.len();
        if columns.all(fits) && self.features.iter().all(fits) && self.captured.iter().all(fits) {
            return Ok(());
        }
        Err("a column that is none".into())
    }
}

impl Roles {
    /// The columns that bias metrics are counted from, each once, ascending.
    pub fn counted(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self
            .label
            .into_iter()
            .chain(self.predicted)
            .chain(self.facets.iter().copied())
            .chain(self.group)
            .chain(self.segments.iter().copied())
            .collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

/// The columns of a facet or prediction dataset, without its identifier column.
#[derive(Debug, Clone, Default)]
pub(crate) struct SideColumns {
    pub(crate) names: Vec<String>,
    /// Position among all columns of that dataset's file, by which an index in the configuration counts.
    pub(crate) original: Vec<usize>,
}

impl SideColumns {
    fn find(&self, location: &Location) -> Option<usize> {
        match location {
            Location::Name(name) => self.names.iter().position(|mine| mine == name),
            Location::Index(index) => self.original.iter().position(|original| original == index),
        }
    }
}

/// Layout of a dataset whose columns are all named: CSV and Parquet.
pub(crate) fn of_table(
    names: Vec<String>,
    facets: Option<&SideColumns>,
    predictions: Option<&SideColumns>,
    analysis: &Analysis,
) -> Result<Layout> {
    let label = match &analysis.label {
        Some(location) => {
            let found = find_in_table(&names, location, analysis);
            Some(found.ok_or_else(|| label_missing(&names, location))?)
        }
        None => None,
    };
    let predicted = match (&analysis.predicted_label, predictions) {
        (Some(location), None) => {
            let found = find_in_table(&names, location, analysis);
            Some(found.ok_or_else(|| {
                missing("predicted_label", location, &names, "Headers must contain predicted label")
            })?)
        }
        _ => None,
    };
    let mut layout =
        Layout { roles: Roles { label, predicted, ..Roles::default() }, names, ..Layout::default() };
    let mine = layout.names.len();
    finish(&mut layout, mine, facets, predictions, analysis)?;
    Ok(layout)
}

/// Headers of another number than features, label and predicted label need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unfit {
    headers: usize,
    features: usize,
    columns: usize,
}

impl Unfit {
    pub(crate) fn problem(self) -> Problem {
        // A column that only the label can be.
        if self.headers == self.features {
            return label_header_missing(self.headers, self.features);
        }
        headers_do_not_fit(self.headers, self.columns)
    }
}

/// Whether `headers` cannot name the columns of a record of JSON or JSON Lines with so many features.
pub(crate) fn unfit(n_features: usize, analysis: &Analysis) -> Option<Unfit> {
    let headers = analysis.dataset.headers.as_ref()?.len();
    let predicted = analysis.predicted_label.is_some();
    let columns = n_features + usize::from(analysis.label.is_some()) + usize::from(predicted);
    // The predicted label may go unnamed: nothing refers to it by its header.
    let fits = headers == columns || predicted && headers + 1 == columns;
    (!fits).then_some(Unfit { headers, features: n_features, columns })
}

/// Layout of JSON and JSON Lines: the features, then the label, then the predicted label.
pub(crate) fn of_features(n_features: usize, analysis: &Analysis) -> Result<Layout> {
    let label = analysis.label.as_ref().map(|_| n_features);
    let predicted = analysis.predicted_label.as_ref().map(|_| n_features + usize::from(label.is_some()));
    let mut names: Vec<String> = (0..n_features).map(|index| format!("column_{index}")).collect();
    names.extend(label.map(|_| "label0".into()));
    names.extend(predicted.map(|_| "predicted_label0".into()));
    if let Some(unfit) = unfit(n_features, analysis) {
        return Err(unfit.problem());
    }
    if let Some(headers) = &analysis.dataset.headers {
        for (name, header) in names.iter_mut().zip(headers) {
            name.clone_from(header);
        }
    }
    let mine = names.len();
    let mut layout =
        Layout { names, roles: Roles { label, predicted, ..Roles::default() }, ..Layout::default() };
    finish(&mut layout, mine, None, None, analysis)?;
    Ok(layout)
}

/// What captured records bring beside their features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brought {
    /// Ground truth is wanted: the label is a column.
    pub(crate) label: bool,
    /// Predictions are wanted.
    pub(crate) predicted: bool,
}

/// Layout of captured records, however they are written: `headers` in their order, with the label where it
/// stands among them, or last when `label` is a path that is no header; then the predicted label.
pub(crate) fn of_capture(n_captured: usize, brought: Brought, analysis: &Analysis) -> Result<Layout> {
    let headers = analysis.dataset.headers.as_deref();
    let n_columns = n_captured + usize::from(brought.label);
    let label = match (&analysis.label, headers) {
        (Some(location), Some(headers)) if headers.len() != n_captured => find(headers, location),
        (Some(Location::Index(index)), None) if brought.label => Some((*index).min(n_captured)),
        _ => None,
    };
    // Without ground truth a label among the headers names a column that the requests do not have.
    let unused = label.filter(|_| !brought.label);
    let mut names = match headers {
        Some(headers) => {
            let named: Vec<String> = headers
                .iter()
                .enumerate()
                .filter(|(index, _)| Some(*index) != unused)
                .map(|(_, header)| header.clone())
                .collect();
            if brought.label && named.len() == n_captured {
                return Err(label_header_missing(named.len(), n_captured));
            }
            // Headers end with that of a label that is a path, which an analysis without ground truth does not need.
            let spare = !brought.label
                && unused.is_none()
                && analysis.label.is_some()
                && named.len() == n_captured + 1;
            if named.len() != n_columns && !spare {
                return Err(headers_do_not_fit(headers.len(), n_columns));
            }
            named[..n_columns].to_vec()
        }
        None => (0..n_columns).map(|index| format!("column_{index}")).collect(),
    };
    let label = brought.label.then(|| label.unwrap_or(n_captured));
    if let (Some(label), None) = (label, headers) {
        names[label] = "label0".into();
    }
    let captured = (0..n_columns).filter(|&column| Some(column) != label).collect();
    let predicted = brought.predicted.then_some(n_columns);
    names.extend(predicted.map(|_| "predicted_label0".into()));
    let mine = names.len();
    let mut layout = Layout {
        names,
        roles: Roles { label, predicted, ..Roles::default() },
        captured,
        ..Layout::default()
    };
    finish(&mut layout, mine, None, None, analysis)?;
    Ok(layout)
}

/// Ground truth in CSV has no names, so its column must be one of `headers`.
///
/// # Errors
/// `label` is a name that is none of them.
pub(crate) fn label_of_csv(analysis: &Analysis) -> Result<()> {
    match (&analysis.label, &analysis.dataset.headers) {
        (Some(location @ Location::Name(_)), Some(headers)) if find(headers, location).is_none() => {
            Err(label_missing(headers, location))
        }
        _ => Ok(()),
    }
}

/// Adds the other datasets' columns and finds what does not depend on the format.
fn finish(
    layout: &mut Layout,
    mine: usize,
    facet_columns: Option<&SideColumns>,
    predictions: Option<&SideColumns>,
    analysis: &Analysis,
) -> Result<()> {
    if let Some(location) = &analysis.dataset.join_source {
        let what = "the identifier column is not in the dataset";
        let found = find_in_table(&layout.names[..mine], location, analysis);
        let found =
            found.ok_or_else(|| missing("joinsource_name_or_index", location, &layout.names, what))?;
        layout.roles.joins.push(found);
    }
    let at_facets = layout.names.len();
    layout.names.extend(facet_columns.iter().flat_map(|side| side.names.iter().cloned()));
    let at_predictions = layout.names.len();
    layout.names.extend(predictions.iter().flat_map(|side| side.names.iter().cloned()));
    if let Some(side) = predictions {
        let default = Location::Name("predicted_label".into());
        let location = analysis.predicted_label.as_ref().unwrap_or(&default);
        // A single column needs no name.
        let only = (analysis.predicted_label.is_none() && side.names.len() == 1).then_some(0);
        let found = side.find(location).or(only);
        let found = found.ok_or_else(|| {
            missing("predicted_label", location, &side.names, "Headers must contain predicted label")
        })?;
        layout.roles.predicted = Some(at_predictions + found);
    }
    for (number, facet) in analysis.facets.iter().enumerate() {
        let (found, names) = match facet_columns {
            Some(side) => (side.find(&facet.column).map(|found| at_facets + found), &side.names),
            None => (find_in_table(&layout.names[..mine], &facet.column, analysis), &layout.names),
        };
        let found = found.ok_or_else(|| {
            missing(
                &format!("facet[{number}].name_or_index"),
                &facet.column,
                names,
                "Unable to locate the facet",
            )
        })?;
        for (key, label) in [("label", layout.roles.label), ("predicted_label", layout.roles.predicted)] {
            if label == Some(found) {
                return Err(Problem::new(&codes::CONFIG_SCHEMA, "a facet is the label's own column")
                    .field(format!("facet[{number}].name_or_index"))
                    .found(format!("{}, the column of `{key}`", print(&facet.column)))
                    .expected(rules::FACET)
                    .hint(rules::FACET_HINT));
            }
        }
        layout.roles.facets.push(found);
    }
    // Group and segments may also be kept with the facets, apart from the dataset.
    let elsewhere = |location: &Location| match location {
        Location::Name(_) => {
            facet_columns.and_then(|side| side.find(location)).map(|found| at_facets + found)
        }
        Location::Index(_) => None,
    };
    let other = |location: &Location, setting: &str, what: &str| {
        find_in_table(&layout.names[..mine], location, analysis)
            .or_else(|| elsewhere(location))
            .ok_or_else(|| missing(setting, location, &layout.names, what))
    };
    let group = match &analysis.group_variable {
        Some(location) => {
            Some(other(location, "group_variable", "the group variable is not present in the dataset")?)
        }
        None => None,
    };
    let mut segments = Vec::new();
    for (number, segment) in analysis.segments.iter().enumerate() {
        let setting = format!("segment_config[{number}].name_or_index");
        segments.push(other(&segment.column, &setting, "the segment column is not present in the dataset")?);
    }
    let mut excluded = Vec::new();
    for (number, location) in analysis.dataset.excluded_columns.iter().enumerate() {
        let setting = excluded_setting(analysis, number);
        excluded.push(other(location, &setting, "the excluded column is not present in the dataset")?);
    }
    layout.roles.group = group;
    layout.roles.segments = segments;
    let roles = &layout.roles;
    let out = |column: usize| {
        Some(column) == roles.label
            || Some(column) == roles.predicted
            || roles.joins.contains(&column)
            || excluded.contains(&column)
    };
    layout.features = (0..mine).filter(|&column| !out(column)).collect();
    Ok(())
}

/// The setting that one of the excluded columns comes from.
pub(crate) fn excluded_setting(analysis: &Analysis, number: usize) -> String {
    let given = analysis.given["excluded_columns"].as_array().map_or(0, Vec::len);
    if number < given { format!("excluded_columns[{number}]") } else { "exclude_features_attribute".into() }
}

pub(crate) fn find(names: &[String], location: &Location) -> Option<usize> {
    match location {
        Location::Name(name) => names.iter().position(|mine| mine == name),
        Location::Index(index) => (*index < names.len()).then_some(*index),
    }
}

/// The same of a table whose columns name themselves. A part of the data may spell the names of the first file, by which one run reads
/// all of them, in another case.
fn find_in_table(names: &[String], location: &Location, analysis: &Analysis) -> Option<usize> {
    find(names, location).or_else(|| match location {
        Location::Name(name) if analysis.dataset.names_in_any_case => position(name, names),
        _ => None,
    })
}

/// For people.
pub(crate) fn print(location: &Location) -> String {
    match location {
        Location::Name(name) => format!("`{name}`"),
        Location::Index(index) => format!("position {index}"),
    }
}

fn missing(setting: &str, location: &Location, names: &[String], what: &str) -> Problem {
    let problem = Problem::new(&codes::COLUMN_NOT_FOUND, what)
        .field(setting)
        .found(print(location))
        .expected(format!("one of {} {}", counted(names.len(), "column"), listed(names)));
    match location {
        Location::Name(name) if name.parse::<usize>().is_ok_and(|index| index < names.len()) => {
            problem.hint("a position is written as a number, without quotes")
        }
        _ => problem
            .hint("give a column's name as in `headers` or the file's first row, or its position from 0"),
    }
}

fn label_missing(names: &[String], location: &Location) -> Problem {
    missing("label", location, names, "Headers must contain label")
}

fn label_header_missing(headers: usize, features: usize) -> Problem {
    Problem::new(&codes::HEADERS_DO_NOT_FIT, "Headers must contain label")
        .field("headers")
        .found(format!("{} for {} and a label", counted(headers, "header"), counted(features, "feature")))
        .expected("the names of the features in order, then that of the label")
}

pub(crate) fn headers_do_not_fit(headers: usize, columns: usize) -> Problem {
    Problem::new(
        &codes::HEADERS_DO_NOT_FIT,
        "Headers in config do not match with the number of columns in the dataset",
    )
    .field("headers")
    .found(counted(headers, "header"))
    .expected(format!("{columns}, one for each column (features, then label and predicted label)"))
}
