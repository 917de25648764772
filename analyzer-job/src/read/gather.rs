//! Where rows go while they are read: into columns when the rows themselves are needed, else into a tally.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::config::{Analysis, Scalar};
use crate::read::layout::Layout;
use crate::read::stored::Stored;
use crate::state::tally::{Numbered, Tally};
use crate::values::raw::{Dictionary, Raw};
use crate::values::table::Table;
use crate::values::typing::Type;

/// Takes in rows cell by cell. Columns that nobody needs are passed over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Gather {
    /// By column of the layout: its place among the columns taken in.
    slots: Vec<Option<usize>>,
    #[serde(skip)]
    row: Vec<u32>,
    rows: u64,
    store: Store,
    /// For each file that was begun, in the order they were read, how many rows there were after it.
    ends: Vec<(u32, u64)>,
    /// The file that rows come from.
    #[serde(skip)]
    file: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
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
        Gather { slots, row: vec![0; wanted.len()], rows: 0, store, ends: Vec::new(), file: None }
    }

    /// The columns that are taken in.
    pub(crate) fn wanted(&self) -> Vec<usize> {
        (0..self.slots.len()).filter(|&column| self.slots[column].is_some()).collect()
    }

    /// The rows that follow are of this file, by its number among those that are read.
    pub(crate) fn begin(&mut self, file: usize) {
        let file = u32::try_from(file).expect("fewer than 2^32 files");
        if self.file != Some(file) {
            self.end();
            self.file = Some(file);
        }
    }

    /// There are no more rows.
    pub(crate) fn end(&mut self) {
        let Some(file) = self.file.take() else { return };
        self.ends.push((file, self.rows));
        if let Store::Tally(tally) = &mut self.store {
            tally.end_file(file);
        }
    }

    /// The numbers of the files that have rows.
    pub(crate) fn files(&self) -> impl Iterator<Item = u32> {
        let before = std::iter::once(0).chain(self.ends.iter().map(|end| end.1));
        self.ends.iter().zip(before).filter(|(end, before)| end.1 > *before).map(|(end, _)| end.0)
    }

    /// Sets a cell of the row at hand. Every wanted column is set once before `finish_row`.
    pub(crate) fn set(&mut self, column: usize, raw: Raw<'_>) {
        let Some(Some(slot)) = self.slots.get(column).copied() else { return };
        match &mut self.store {
            Store::Rows(columns) => columns[slot].push(raw),
            Store::Tally(tally) => self.row[slot] = tally.intern(slot, raw),
        }
    }

    /// Counts rows by column; every wanted column is there, in their order. False, and nothing is counted, where rows are kept or
    /// may have many combinations.
    pub(crate) fn add_all(&mut self, n_rows: usize, columns: &[Numbered<'_>]) -> bool {
        let Store::Tally(tally) = &mut self.store else { return false };
        let mut by_slot: Vec<(usize, &Numbered)> =
            self.slots.iter().flatten().copied().zip(columns).collect();
        by_slot.sort_unstable_by_key(|(slot, _)| *slot);
        let columns: Vec<&Numbered> = by_slot.into_iter().map(|(_, column)| column).collect();
        let is_counted = tally.add_all(n_rows, &columns);
        self.rows += if is_counted { n_rows as u64 } else { 0 };
        is_counted
    }

    pub(crate) fn finish_row(&mut self) {
        self.rows += 1;
        if let Store::Tally(tally) = &mut self.store {
            tally.add(&self.row, 1);
        }
    }

    /// Adds the rows of another one, which come after these. Both began as clones of one.
    pub(crate) fn merge(&mut self, other: &Gather) {
        self.rows += other.rows;
        match (&mut self.store, &other.store) {
            (Store::Tally(mine), Store::Tally(theirs)) => mine.merge(theirs),
            (Store::Rows(mine), Store::Rows(theirs)) => {
                mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| mine.merge(theirs));
            }
            _ => unreachable!("rows are kept or counted"),
        }
    }

    /// Before the first row: kept rows will be like those of `first`.
    pub(crate) fn expect(&mut self, first: &Gather) {
        if let (Store::Rows(mine), Store::Rows(theirs)) = (&mut self.store, &first.store) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = theirs.like());
        }
    }

    /// Whether the rows themselves are kept.
    pub(crate) fn keeps_rows(&self) -> bool {
        matches!(self.store, Store::Rows(_))
    }

    /// Puts several parts together, equal to what one run over all files gathers. Rows stay as long as every part
    /// has kept them and all of them are at most `most_rows`; else they are counted. `parts`: each with the place of its
    /// files among those of all; there is at least one.
    pub(crate) fn combine(
        parts: &[(&Gather, &[u32])],
        layout: &Layout,
        analysis: &Analysis,
        most_rows: u64,
    ) -> Gather {
        let rows = parts.iter().fold(0_u64, |sum, (part, _)| sum.saturating_add(part.rows));
        if rows <= most_rows && parts.iter().all(|(part, _)| part.keeps_rows()) {
            let kept = Gather::replay(parts, Gather::new(layout, analysis, true, false));
            return if kept.lost() {
                Gather::replay(parts, Gather::new(layout, analysis, true, true))
            } else {
                kept
            };
        }
        let counted: Vec<(std::borrow::Cow<'_, Gather>, &[u32])> = parts
            .iter()
            .map(|&(part, ranks)| {
                let counted = if part.keeps_rows() {
                    std::borrow::Cow::Owned(part.counted(layout, analysis))
                } else {
                    std::borrow::Cow::Borrowed(part)
                };
                (counted, ranks)
            })
            .collect();
        let tallies: Vec<(&Tally, &[u32])> = counted
            .iter()
            .filter_map(|(part, ranks)| match &part.store {
                Store::Tally(tally) => Some((tally, *ranks)),
                Store::Rows(_) => None,
            })
            .collect();
        Gather {
            rows,
            store: Store::Tally(Tally::combine(&tallies)),
            ..Gather::new(layout, analysis, false, false)
        }
    }

    /// The rows of several parts in the order of the files.
    fn replay(parts: &[(&Gather, &[u32])], mut into: Gather) -> Gather {
        let mut pieces = Vec::new();
        for (part, ranks) in parts {
            let mut start = 0;
            for &(file, end) in &part.ends {
                let rank = ranks.get(file as usize).copied().unwrap_or(u32::MAX);
                pieces.push((rank, start, end, part));
                start = end;
            }
        }
        pieces.sort_by_key(|(rank, start, ..)| (*rank, *start));
        for (rank, start, end, part) in pieces {
            let Store::Rows(columns) = &part.store else { continue };
            for row in start..end {
                into.begin(rank as usize);
                for (column, slot) in part.slots.iter().enumerate() {
                    if let Some(stored) = slot.and_then(|slot| columns.get(slot)) {
                        into.set(column, stored.cell(row as usize));
                    }
                }
                into.finish_row();
            }
        }
        into.end();
        into
    }

    /// Kept rows as counts.
    pub(crate) fn counted(&self, layout: &Layout, analysis: &Analysis) -> Gather {
        let files = self.ends.iter().map(|end| end.0 + 1).max().unwrap_or(0);
        let ranks: Vec<u32> = (0..files).collect();
        Gather::replay(&[(self, &ranks)], Gather::new(layout, analysis, false, false))
    }

    /// That what was read from a file can be used. `files`: of this part; `like`: an empty one for the layout.
    pub(crate) fn check(&self, files: usize, like: &Gather) -> Result<(), String> {
        let wrong = |what: &str| Err(what.to_string());
        let fits = match (&self.store, &like.store) {
            (Store::Rows(mine), Store::Rows(theirs)) => mine.len() == theirs.len(),
            (Store::Tally(mine), Store::Tally(theirs)) => mine.has_columns_of(theirs),
            _ => false,
        };
        if !fits || self.slots != like.slots {
            return wrong("columns of another configuration");
        }
        let ascending = self.ends.windows(2).all(|pair| pair[0].1 <= pair[1].1);
        let last = self.ends.last().map_or(0, |end| end.1);
        if !ascending || last != self.rows || self.ends.iter().any(|end| end.0 as usize >= files) {
            return wrong("rows of no file");
        }
        match &self.store {
            Store::Tally(tally) => {
                tally.check(files)?;
                if tally.rows() != self.rows {
                    return wrong("another number of rows than counted");
                }
            }
            Store::Rows(columns) => {
                if !columns.iter().all(|column| column.has_rows(self.rows as usize)) {
                    return wrong("rows without cells");
                }
            }
        }
        Ok(())
    }

    /// Whether cells were kept in a way that cannot hold what came later.
    pub(crate) fn lost(&self) -> bool {
        match &self.store {
            Store::Rows(columns) => columns.iter().any(Stored::lost),
            Store::Tally(_) => false,
        }
    }

    /// A column of kept rows holds a text that none of its rows has.
    pub(crate) fn hold_text(&mut self, column: usize, text: &str) {
        if let (Store::Rows(columns), Some(Some(slot))) = (&mut self.store, self.slots.get(column)) {
            columns[*slot].hold_text(text);
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
                    .into_par_iter()
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
