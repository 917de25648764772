//! Where rows go while they are read: into columns when the rows themselves are needed, else into a tally.

use crate::config::{Analysis, Scalar};
use crate::read::layout::Layout;
use crate::read::raw::{Dictionary, Raw};
use crate::read::tally::Tally;
use crate::read::typing::{self, Distinct};
use crate::table::Table;

/// Takes in rows cell by cell. Columns that nobody needs are passed over.
///
/// Memory: with rows kept, 4 bytes for each cell and each distinct cell of a column once; else a tally.
#[derive(Debug)]
pub(crate) struct Gather {
    /// By column of the layout: its place among the columns taken in.
    slots: Vec<Option<usize>>,
    row: Vec<u32>,
    rows: u64,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Rows(Vec<(Dictionary, Vec<u32>)>),
    Tally(Tally),
}

impl Gather {
    pub(crate) fn new(layout: &Layout, analysis: &Analysis, keep_rows: bool) -> Gather {
        let n_columns = layout.names.len();
        let wanted: Vec<usize> = if keep_rows { (0..n_columns).collect() } else { layout.roles.counted() };
        let mut slots = vec![None; n_columns];
        for (slot, &column) in wanted.iter().enumerate() {
            slots[column] = Some(slot);
        }
        let store = if keep_rows {
            Store::Rows(vec![Default::default(); wanted.len()])
        } else {
            Store::Tally(Tally::new(
                wanted.iter().map(|&column| thresholds(layout, analysis, column)).collect(),
            ))
        };
        Gather { slots, row: vec![0; wanted.len()], rows: 0, store }
    }

    /// The columns that are taken in.
    pub(crate) fn wanted(&self) -> Vec<usize> {
        (0..self.slots.len()).filter(|&column| self.slots[column].is_some()).collect()
    }

    /// Sets a cell of the row at hand. Every wanted column is set before `finish_row`.
    pub(crate) fn set(&mut self, column: usize, raw: Raw<'_>) {
        let Some(Some(slot)) = self.slots.get(column).copied() else { return };
        self.row[slot] = match &mut self.store {
            Store::Rows(columns) => columns[slot].0.intern(raw),
            Store::Tally(tally) => tally.intern(slot, raw),
        };
    }

    pub(crate) fn finish_row(&mut self) {
        self.rows += 1;
        match &mut self.store {
            Store::Rows(columns) => {
                for ((_, codes), &code) in columns.iter_mut().zip(&self.row) {
                    codes.push(code);
                }
            }
            Store::Tally(tally) => tally.add(&self.row, 1),
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The distinct cells of a column; none when it was passed over.
    pub(crate) fn dictionary(&self, column: usize) -> Option<&Dictionary> {
        let slot = self.slots.get(column).copied()??;
        match &self.store {
            Store::Rows(columns) => columns.get(slot).map(|(dictionary, _)| dictionary),
            Store::Tally(tally) => tally.dictionary(slot),
        }
    }

    /// The distinct values of a column; none when it was passed over.
    pub(crate) fn distinct(&self, column: usize) -> Option<Distinct> {
        let slot = self.slots.get(column).copied()??;
        match &self.store {
            Store::Rows(columns) => columns.get(slot).map(|(dictionary, _)| typing::resolve(dictionary).0),
            Store::Tally(tally) => Some(tally.distinct(slot).0),
        }
    }

    pub(crate) fn finish(self, layout: &Layout) -> Gathered {
        match self.store {
            Store::Tally(tally) => Gathered::Tally(tally),
            Store::Rows(columns) => {
                let n_rows = self.rows as usize;
                let columns = columns
                    .into_iter()
                    .zip(&layout.names)
                    .map(|((dictionary, codes), name)| typing::column(name.clone(), &dictionary, &codes))
                    .collect();
                Gathered::Rows(Table { columns, n_rows })
            }
        }
    }
}

/// The thresholds of a column that is held against nothing else; none for one whose values matter.
fn thresholds(layout: &Layout, analysis: &Analysis, column: usize) -> Option<Vec<f64>> {
    let roles = &layout.roles;
    if roles.group == Some(column) || roles.segments.contains(&column) {
        return None;
    }
    let labels = (roles.label == Some(column) || roles.predicted == Some(column))
        .then_some(&analysis.label_values_or_threshold);
    let facets = roles.facets.iter().zip(&analysis.facets).filter(|(at, _)| **at == column);
    let lists = labels.into_iter().chain(facets.map(|(_, facet)| &facet.values));
    // Several listed values make categories; text may be a number.
    lists
        .map(|list| match list.as_slice() {
            [Scalar::Int(value)] => Some(*value as f64),
            [Scalar::Float(value)] => Some(*value),
            [Scalar::Text(text)] => text.trim().parse().ok(),
            _ => None,
        })
        .collect()
}

pub(crate) enum Gathered {
    Rows(Table),
    Tally(Tally),
}
