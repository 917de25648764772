//! Where rows go while they are read: into columns when the rows themselves are needed, else into a tally.

use crate::config::{Analysis, Scalar};
use crate::read::layout::Layout;
use crate::read::stored::Stored;
use crate::state::tally::Tally;
use crate::values::raw::{Dictionary, Raw};
use crate::values::table::Table;
use crate::values::typing::Type;

/// Takes in rows cell by cell. Columns that nobody needs are passed over.
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
    Rows(Vec<Stored>),
    Tally(Tally),
}

impl Gather {
    /// `exact`: keep every cell of kept rows as written.
    pub(crate) fn new(layout: &Layout, analysis: &Analysis, keep_rows: bool, exact: bool) -> Gather {
        let n_columns = layout.names.len();
        let wanted: Vec<usize> = if keep_rows { (0..n_columns).collect() } else { layout.roles.counted() };
        let mut slots = vec![None; n_columns];
        for (slot, &column) in wanted.iter().enumerate() {
            slots[column] = Some(slot);
        }
        let store = if keep_rows {
            Store::Rows(vec![Stored::new(exact); wanted.len()])
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

    /// Sets a cell of the row at hand. Every wanted column is set once before `finish_row`.
    pub(crate) fn set(&mut self, column: usize, raw: Raw<'_>) {
        let Some(Some(slot)) = self.slots.get(column).copied() else { return };
        match &mut self.store {
            Store::Rows(columns) => columns[slot].push(raw),
            Store::Tally(tally) => self.row[slot] = tally.intern(slot, raw),
        }
    }

    pub(crate) fn finish_row(&mut self) {
        self.rows += 1;
        if let Store::Tally(tally) = &mut self.store {
            tally.add(&self.row, 1);
        }
    }

    /// Adds the counts of rows that come after these, of the same layout.
    ///
    /// # Panics
    /// Rows that are kept, not counted.
    pub(crate) fn merge(&mut self, other: &Gather) {
        self.rows += other.rows;
        match (&mut self.store, &other.store) {
            (Store::Tally(mine), Store::Tally(theirs)) => mine.merge(theirs),
            _ => unreachable!("only counts are merged"),
        }
    }

    /// Whether cells were kept in a way that cannot hold what came later.
    pub(crate) fn lost(&self) -> bool {
        match &self.store {
            Store::Rows(columns) => columns.iter().any(Stored::lost),
            Store::Tally(_) => false,
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The distinct cells of a column, numbers perhaps left out; none when it was passed over.
    pub(crate) fn dictionary(&self, column: usize) -> Option<&Dictionary> {
        let slot = self.slots.get(column).copied()??;
        match &self.store {
            Store::Rows(columns) => columns.get(slot).map(Stored::dictionary),
            Store::Tally(tally) => tally.dictionary(slot),
        }
    }

    /// What a column holds and how many distinct values; none when it was passed over.
    pub(crate) fn summary(&self, column: usize) -> Option<(Type, u64)> {
        let slot = self.slots.get(column).copied()??;
        match &self.store {
            Store::Rows(columns) => columns.get(slot).map(Stored::summary),
            Store::Tally(tally) => {
                let distinct = tally.distinct(slot).0;
                Some((distinct.kind, distinct.n_distinct))
            }
        }
    }

    pub(crate) fn is_all_missing(&self, column: usize) -> bool {
        let Some(Some(slot)) = self.slots.get(column).copied() else { return false };
        match &self.store {
            Store::Rows(columns) => columns.get(slot).is_some_and(Stored::is_all_missing),
            Store::Tally(tally) => tally.distinct(slot).0.n_distinct == 0,
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
                    .map(|(stored, name)| stored.finish(name.clone()))
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
    let score = (roles.predicted == Some(column) && analysis.label_may_be_score())
        .then_some(Some(analysis.probability_threshold));
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
        .chain(score)
        .collect()
}

pub(crate) enum Gathered {
    Rows(Table),
    Tally(Tally),
}
