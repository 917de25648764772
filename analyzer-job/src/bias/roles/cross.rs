//! The columns that count, as codes, whether rows were kept or only tallied.

use plumbline_common::{Problem, Result, codes};

use crate::read::{Data, Reading};
use crate::values::table::Values;
use crate::values::typing::{self, Cell, Distinct};

/// Combinations of values and the rows that have them; with rows kept, each row is one.
pub(super) struct Cross {
    columns: Vec<CrossColumn>,
    /// Rows of each combination.
    pub(super) counts: Vec<u64>,
    /// Whether combination and row are the same.
    pub(super) by_row: bool,
}

pub(super) struct CrossColumn {
    /// Position in the table; none for predictions that came from elsewhere.
    position: Option<usize>,
    pub(super) distinct: Distinct,
    /// Position of its value in `distinct`, by combination.
    pub(super) codes: Vec<u32>,
}

impl CrossColumn {
    /// The column with other values; `codes`: for each of its values the position of the new one.
    pub(super) fn renamed(&self, distinct: Distinct, codes: &[u32]) -> CrossColumn {
        let codes = self.codes.iter().map(|&code| codes[code as usize]).collect();
        CrossColumn { position: self.position, distinct, codes }
    }
}

impl Cross {
    /// `predicted`: predictions beside the reading, one for each row.
    pub(super) fn of(reading: &Reading, predicted: Option<&Values>) -> Result<Cross> {
        let positions = reading.layout.roles.counted();
        let mut cross = match &reading.data {
            Data::Tally(tally) => {
                let (keys, counts): (Vec<&[u32]>, Vec<u64>) = tally.iter().unzip();
                let columns = positions
                    .iter()
                    .enumerate()
                    .map(|(slot, &position)| {
                        let (distinct, numbers) = tally.distinct(slot);
                        let codes = keys.iter().map(|key| numbers[key[slot] as usize]).collect();
                        CrossColumn { position: Some(position), distinct, codes }
                    })
                    .collect();
                Cross { columns, counts, by_row: false }
            }
            Data::Rows(rows) => {
                let columns = positions
                    .iter()
                    .filter_map(|&position| Some((position, rows.table.columns.get(position)?)))
                    .map(|(position, column)| {
                        let (distinct, codes) = typing::distinct(&column.values);
                        CrossColumn { position: Some(position), distinct, codes }
                    })
                    .collect();
                Cross { columns, counts: vec![1; rows.table.n_rows], by_row: true }
            }
        };
        if let Some(predicted) = predicted {
            if predicted.len() != cross.counts.len() || !cross.by_row {
                return Err(Problem::new(
                    &codes::PREDICTIONS_DO_NOT_FIT,
                    "predictions and rows differ in number",
                )
                .found(format!("{} predictions", predicted.len()))
                .expected(format!("{}, one for each row", reading.row_counts.rows)));
            }
            let (distinct, codes) = typing::distinct(predicted);
            cross.columns.push(CrossColumn { position: None, distinct, codes });
        }
        Ok(cross)
    }

    pub(super) fn column(&self, position: usize) -> Option<&CrossColumn> {
        self.columns.iter().find(|column| column.position == Some(position))
    }

    /// The predictions that came from elsewhere.
    pub(super) fn predicted(&self) -> Option<&CrossColumn> {
        self.columns.iter().find(|column| column.position.is_none())
    }

    pub(super) fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl CrossColumn {
    /// Rows by value of `distinct`.
    pub(super) fn rows_by_value(&self, counts: &[u64]) -> Vec<u64> {
        let mut rows = vec![0; self.distinct.values.len()];
        for (&code, &count) in self.codes.iter().zip(counts) {
            rows[code as usize] += count;
        }
        rows
    }

    /// Rows that have a value.
    pub(super) fn rows_with_value(&self, counts: &[u64]) -> u64 {
        let rows = self.rows_by_value(counts);
        let with_value = self.distinct.values.iter().zip(rows).filter(|(value, _)| **value != Cell::Missing);
        with_value.map(|(_, rows)| rows).sum()
    }
}
