//! Facets or predictions in a CSV dataset of their own, paired with the rows of the dataset by identifier
//! or by position.

use std::collections::HashMap;
use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use crate::config::{Analysis, Location, SideDataset};
use crate::read::csv;
use crate::read::gather::Gather;
use crate::read::layout::SideColumns;
use crate::read::{Source, files_of};
use crate::values::raw::{Dictionary, Raw};
use crate::values::typing::{self, Cell};

/// One such dataset, in memory: 4 bytes for each cell, and 40 and its text for each identifier.
pub(crate) struct Side {
    /// `facets` or `predictions`.
    role: &'static str,
    setting: &'static str,
    uri: String,
    pub(crate) columns: SideColumns,
    dictionaries: Vec<Dictionary>,
    codes: Vec<Vec<u32>>,
    rows: usize,
    /// Row by identifier, when datasets are joined.
    by_id: Option<HashMap<String, usize>>,
}

/// An identifier as it is compared: whole numbers by value (`7.0` is `7`), all else by its text.
pub(crate) fn id(raw: Raw<'_>) -> String {
    let written = match raw {
        Raw::Csv(text) | Raw::Text(text) => text.trim_ascii(),
        _ => "",
    };
    // Leading zeros are part of a name, not of a number.
    if written.len() > 1 && written.starts_with('0') && !written.starts_with("0.") {
        return written.into();
    }
    match typing::parse(raw) {
        Cell::Int(value) => value.to_string(),
        Cell::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => (value as i64).to_string(),
        Cell::Missing | Cell::Float(_) | Cell::Bool(_) | Cell::Text(_) if !written.is_empty() => {
            written.into()
        }
        cell => cell.print(),
    }
}

impl Side {
    pub(crate) fn read(
        role: &'static str,
        setting: &'static str,
        path: &Path,
        side: &SideDataset,
        analysis: &Analysis,
        source: &mut Source<'_>,
    ) -> Result<Side> {
        let files = files_of(path, role)?;
        let join = analysis.dataset.join_source.as_ref();
        let mut read = Side {
            role,
            setting,
            uri: side.uri.clone(),
            columns: SideColumns::default(),
            dictionaries: Vec::new(),
            codes: Vec::new(),
            rows: 0,
            by_id: join.map(|_| HashMap::new()),
        };
        let mut names: Vec<String> = Vec::new();
        let mut join_at = None;
        csv::rows(&files, side.headers.as_deref(), source, |event| {
            match event {
                csv::Event::Columns(found) => {
                    names = found;
                    join_at = read.set_columns(&names, join)?;
                }
                csv::Event::Row { place, record } => {
                    for (slot, &original) in read.columns.original.iter().enumerate() {
                        let cell = record.get(original).unwrap_or_default();
                        read.codes[slot].push(read.dictionaries[slot].intern(Raw::Csv(cell)));
                    }
                    if let (Some(by_id), Some(at)) = (&mut read.by_id, join_at) {
                        let id = id(Raw::Csv(record.get(at).unwrap_or_default()));
                        if by_id.insert(id.clone(), read.rows).is_some() {
                            return Err(Problem::new(
                                &codes::DATASETS_DO_NOT_FIT,
                                format!("an identifier stands twice in the {role} dataset"),
                            )
                            .file(place.0)
                            .line(place.1)
                            .field(names[at].clone())
                            .found(format!("`{id}`"))
                            .expected("each identifier once"));
                        }
                    }
                    read.rows += 1;
                }
            }
            Ok(csv::Go::On)
        })?;
        Ok(read)
    }

    /// Takes all columns but the identifier, whose position is given.
    fn set_columns(&mut self, names: &[String], join: Option<&Location>) -> Result<Option<usize>> {
        let at = match join {
            None => None,
            Some(location) => {
                let found = match location {
                    Location::Name(name) => names.iter().position(|mine| mine == name),
                    Location::Index(index) => (*index < names.len()).then_some(*index),
                };
                Some(found.ok_or_else(|| {
                    Problem::new(
                        &codes::COLUMN_NOT_FOUND,
                        format!("the identifier column is not in the {} dataset", self.role),
                    )
                    .field("joinsource_name_or_index")
                    .file(&self.uri)
                    .found(super::layout::print(location))
                    .expected(format!("one of its columns {}", names.join(", ")))
                    .hint("name its columns in `facet_headers` or `predicted_label_headers`, or give it a header row")
                })?)
            }
        };
        for (original, name) in names.iter().enumerate().filter(|(original, _)| Some(*original) != at) {
            self.columns.names.push(name.clone());
            self.columns.original.push(original);
        }
        self.dictionaries = vec![Dictionary::default(); self.columns.names.len()];
        self.codes = vec![Vec::new(); self.columns.names.len()];
        Ok(at)
    }

    /// The row that belongs to a row of the dataset; none when there is none.
    pub(crate) fn row(&self, position: u64, id: Option<&str>) -> Option<usize> {
        match (&self.by_id, id) {
            (Some(by_id), Some(id)) => by_id.get(id).copied(),
            _ => usize::try_from(position).ok().filter(|&row| row < self.rows),
        }
    }

    pub(crate) fn joined(&self) -> bool {
        self.by_id.is_some()
    }

    /// Sets this dataset's cells from column `first` of the row at hand on.
    pub(crate) fn set(&self, row: usize, first: usize, gather: &mut Gather) {
        for (slot, codes) in self.codes.iter().enumerate() {
            if let Some(&code) = codes.get(row) {
                gather.set(first + slot, self.dictionaries[slot].get(code));
            }
        }
    }

    /// Paired by position, both datasets must have the same number of rows.
    pub(crate) fn check_rows(&self, dataset_rows: u64) -> Result<()> {
        if self.joined() || self.rows as u64 == dataset_rows {
            return Ok(());
        }
        Err(Problem::new(
            &codes::DATASETS_DO_NOT_FIT,
            format!("the {} dataset and the dataset differ in their number of rows", self.role),
        )
        .file(&self.uri)
        .field(self.setting)
        .found(format!("{} rows", self.rows))
        .expected(format!("{dataset_rows} rows, as the dataset has"))
        .hint("without `joinsource_name_or_index`, rows are paired by position"))
    }
}
