//! Rows that do not count, by reason: the same for any split of the files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::read::Skips;
use crate::results::details::Skipped;
use crate::state::order::by_text;

/// Counts by reason. Of many reasons the first by their text are kept, which are the same whatever order they come in;
/// the rows of the others count together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Reasons {
    kept: BTreeMap<String, Skips>,
    rows: u64,
}

impl Reasons {
    const MOST: usize = 20;

    pub(super) fn add(&mut self, reason: &str, file: &Path, line: u64, more: &str) {
        self.rows += 1;
        if let Some(skips) = self.kept.get_mut(reason) {
            skips.add(file, line, more);
            return;
        }
        let mut skips = Skips::new(reason);
        skips.add(file, line, more);
        self.keep(reason.into(), skips);
    }

    /// Rows of which none is named.
    pub(super) fn count(&mut self, reason: &str, rows: u64) {
        self.rows += rows;
        let mut skips = Skips::new(reason);
        skips.skipped.records = rows;
        self.keep(reason.into(), skips);
    }

    pub(super) fn merge(&mut self, other: Reasons) {
        self.rows = self.rows.saturating_add(other.rows);
        for (reason, skips) in other.kept {
            self.keep(reason, skips);
        }
    }

    fn keep(&mut self, reason: String, skips: Skips) {
        match self.kept.get_mut(&reason) {
            Some(known) => known.merge(skips, by_text),
            None => drop(self.kept.insert(reason, skips)),
        }
        if self.kept.len() > Reasons::MOST {
            self.kept.pop_last();
        }
    }

    /// The most frequent first.
    pub(super) fn told(&self) -> Vec<Skipped> {
        let mut told: Vec<Skipped> = self.kept.values().map(|skips| skips.skipped.clone()).collect();
        told.sort_by(|one, two| two.records.cmp(&one.records).then_with(|| one.reason.cmp(&two.reason)));
        let of_kept: u64 = told.iter().map(|skipped| skipped.records).sum();
        let records = self.rows.saturating_sub(of_kept);
        if records > 0 {
            told.push(Skipped { reason: "for other reasons".into(), records, examples: Vec::new() });
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More reasons than are kept, in files that are dealt out to parts in different ways.
    #[test]
    fn the_reasons_of_parts_are_those_of_one_run() {
        let rows: Vec<(String, String)> = (0..400_usize)
            .map(|row| (format!("{:02}", row / 10), format!("reason {}", row * row % 41 % (1 + row % 29))))
            .collect();
        let of = |parts: usize| {
            let mut all = vec![Reasons::default(); parts];
            for (file, reason) in &rows {
                let part = file.parse::<usize>().unwrap() * 7 % parts;
                all[part].add(reason, Path::new(file), 1, "x");
            }
            let mut whole = all.pop().unwrap();
            all.into_iter().for_each(|part| whole.merge(part));
            whole.told()
        };
        let whole = of(1);
        assert_eq!(whole.len(), Reasons::MOST + 1);
        assert_eq!(whole.iter().map(|skipped| skipped.records).sum::<u64>(), 400);
        for parts in [2, 3, 8] {
            assert_eq!(of(parts), whole, "{parts} parts");
        }
    }
}
