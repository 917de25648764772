//! Facets or predictions in a CSV dataset of their own, paired with the rows of the dataset by identifier
//! or by position.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use crate::config::{Analysis, Location, SideDataset};
use crate::read::csv;
use crate::read::gather::Gather;
use crate::read::ids::{self, Ids};
use crate::read::layout::SideColumns;
use crate::read::{Skips, Source, listed};
use crate::values::raw::{Dictionary, Raw};

/// One such dataset, in memory: 4 bytes for each cell, and 60 and its text for each identifier.
pub(crate) struct Side {
    /// `facets` or `predictions`.
    role: &'static str,
    setting: &'static str,
    uri: String,
    pub(crate) columns: SideColumns,
    dictionaries: Vec<Dictionary>,
    codes: Vec<Vec<u32>>,
    rows: usize,
    /// What pairs the rows, when datasets are joined.
    join: Option<Join>,
}

/// The identifiers of a joined dataset.
#[derive(Default)]
struct Join {
    column: String,
    ids: Vec<String>,
    /// File and line of each row.
    places: Vec<(usize, u64)>,
    files: Vec<PathBuf>,
    by_key: HashMap<String, usize>,
    /// The first row whose identifier an earlier one has.
    twice: Option<usize>,
    used: Vec<bool>,
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
        // What cannot be read was told when the inputs were listed.
        let files = listed(path, role, &mut Skips::new(""))?;
        let join = analysis.dataset.join_source.as_ref();
        let mut read = Side {
            role,
            setting,
            uri: side.uri.clone(),
            columns: SideColumns::default(),
            dictionaries: Vec::new(),
            codes: Vec::new(),
            rows: 0,
            join: join.map(|_| Join::default()),
        };
        let mut join_at = None;
        csv::rows(&files, side.headers.as_deref(), source, |event| {
            match event {
                csv::Event::Columns(names) => join_at = read.set_columns(&names, join)?,
                csv::Event::Row(row) => {
                    for (slot, &original) in read.columns.original.iter().enumerate() {
                        let cell = read.dictionaries[slot].intern(Raw::Csv(row.get(original)));
                        read.codes[slot].push(cell);
                    }
                    if let (Some(join), Some(at)) = (&mut read.join, join_at) {
                        join.push(row.get(at), row.place);
                    }
                    read.rows += 1;
                }
            }
            Ok(csv::Go::On)
        })?;
        Ok(read)
    }

    /// Whether every identifier is a number, or missing.
    pub(crate) fn has_numbers(&self) -> bool {
        let mut key = String::new();
        self.join
            .as_ref()
            .is_none_or(|join| join.ids.iter().all(|id| Ids::Numbers.key(id, &mut key).is_some()))
    }

    /// Makes rows known by their identifiers.
    pub(crate) fn index(&mut self, ids: Ids) {
        let Some(join) = &mut self.join else { return };
        join.used = vec![false; join.ids.len()];
        let mut key = String::new();
        for (row, id) in join.ids.iter().enumerate() {
            if ids.key(id, &mut key) == Some(true) && join.by_key.insert(key.clone(), row).is_some() {
                join.twice.get_or_insert(row);
            }
        }
    }

    /// That each identifier stands once. Whether two are the same may depend on those of the dataset.
    ///
    /// # Errors
    /// The first that stands twice.
    pub(crate) fn check_ids(&self) -> Result<()> {
        let Some((join, row)) = self.join.as_ref().and_then(|join| Some((join, join.twice?))) else {
            return Ok(());
        };
        let (file, line) = join.places[row];
        Err(Problem::new(
            &codes::DATASETS_DO_NOT_FIT,
            format!("an identifier stands twice in the {} dataset", self.role),
        )
        .file(&join.files[file])
        .line(line)
        .field(join.column.clone())
        .found(format!("`{}`", join.ids[row]))
        .expected("each identifier once"))
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
        if let (Some(join), Some(at)) = (&mut self.join, at) {
            join.column = names[at].clone();
        }
        self.dictionaries = vec![Dictionary::default(); self.columns.names.len()];
        self.codes = vec![Vec::new(); self.columns.names.len()];
        Ok(at)
    }

    /// The row that belongs to a row of the dataset; none when there is none. `key`: that of its identifier.
    pub(crate) fn row(&mut self, position: u64, key: Option<&str>) -> Option<usize> {
        match &mut self.join {
            Some(join) => {
                let row = *join.by_key.get(key?)?;
                join.used[row] = true;
                Some(row)
            }
            None => usize::try_from(position).ok().filter(|&row| row < self.rows),
        }
    }

    pub(crate) fn joined(&self) -> bool {
        self.join.is_some()
    }

    /// The rows that no row of the dataset belongs to.
    pub(crate) fn left_over(&self) -> Skips {
        let mut skips = Skips::new(match self.role {
            "facets" => "of the facet dataset without a row of this identifier in the dataset",
            _ => "of the prediction dataset without a row of this identifier in the dataset",
        });
        if let Some(join) = &self.join {
            for (row, _) in join.used.iter().enumerate().filter(|(_, used)| !**used) {
                let (file, line) = join.places[row];
                skips.add(&join.files[file], line, &ids::shown(&join.ids[row]));
            }
        }
        skips
    }

    /// Sets this dataset's cells from column `first` of the row at hand on.
    pub(crate) fn set(&self, row: usize, first: usize, gather: &mut Gather) {
        for (slot, codes) in self.codes.iter().enumerate() {
            if let Some(&code) = codes.get(row) {
                gather.set(first + slot, self.dictionaries[slot].get(code));
            }
        }
    }

    /// Paired by position, both datasets must have the same number of rows; `is_whole`: the dataset has no more.
    pub(crate) fn check_rows(&self, dataset_rows: u64, is_whole: bool) -> Result<()> {
        let rows = self.rows as u64;
        if self.joined() || rows == dataset_rows || (!is_whole && rows > dataset_rows) {
            return Ok(());
        }
        let more = if is_whole { "" } else { "more than " };
        Err(Problem::new(
            &codes::DATASETS_DO_NOT_FIT,
            format!("the {} dataset and the dataset differ in their number of rows", self.role),
        )
        .file(&self.uri)
        .field(self.setting)
        .found(counted(self.rows, "row"))
        .expected(format!("{more}{}, as the dataset has", counted(dataset_rows, "row")))
        .hint("without `joinsource_name_or_index`, rows are paired by position"))
    }
}

impl Join {
    fn push(&mut self, id: &str, (file, line): (&Path, u64)) {
        if self.files.last().is_none_or(|last| last != file) {
            self.files.push(file.into());
        }
        self.ids.push(id.into());
        self.places.push((self.files.len() - 1, line));
    }
}
