//! The number of features of a dataset's records: that of most of them, wherever the others stand. `headers` are to fit it.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::Refused;
use crate::config::Analysis;
use crate::read::layout;
use crate::state::order::by_folder;

/// Records by the number of their features, in the order in which the numbers came.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Widths {
    met: IndexMap<usize, Met>,
}

/// Records with the same number of features.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Met {
    records: u64,
    /// The file of the first one, with its line, or its number in a document.
    file: PathBuf,
    line: Option<u64>,
    record: Option<usize>,
}

impl Widths {
    /// Most numbers that are kept: records of which others have more kinds are refused in any case.
    const MOST: usize = 1_000;

    pub(crate) fn is_empty(&self) -> bool {
        self.met.is_empty()
    }

    /// Counts a record; `record`: its number in a document, from 1.
    pub(crate) fn add(&mut self, width: usize, file: &Path, line: Option<u64>, record: Option<usize>) {
        self.add_many(width, 1, (file, line, record));
    }

    /// Counts so many records, the first of which stands there.
    pub(crate) fn add_many(
        &mut self,
        width: usize,
        records: u64,
        (file, line, record): (&Path, Option<u64>, Option<usize>),
    ) {
        let is_full = self.met.len() == Widths::MOST;
        match self.met.get_mut(&width) {
            Some(met) => met.records = met.records.saturating_add(records),
            None if is_full => {}
            None => {
                self.met.insert(width, Met { records, file: file.into(), line, record });
            }
        }
    }

    /// Adds those of other files.
    pub(crate) fn append(&mut self, other: &Widths) {
        let order = |one: &Met, two: &Met| {
            by_folder(&one.file, &two.file).then_with(|| (one.line, one.record).cmp(&(two.line, two.record)))
        };
        for (width, met) in &other.met {
            match self.met.get_mut(width) {
                None => {
                    self.met.insert(*width, met.clone());
                }
                Some(mine) => {
                    let records = mine.records.saturating_add(met.records);
                    let first = if order(met, mine).is_lt() { met.clone() } else { mine.clone() };
                    *mine = Met { records, ..first };
                }
            }
        }
        self.met.sort_by(|_, one, _, two| order(one, two));
        self.met.truncate(Widths::MOST);
    }

    /// Why all of the data are refused. `before`: what was found wrong with the keys of a record, which counts unless the
    /// headers do not fit most records.
    pub(crate) fn refused(&self, analysis: &Analysis, before: Option<Refused>) -> Option<Refused> {
        let unfit = |width: usize| layout::unfit(width, analysis);
        // The first of equally frequent ones, unless the headers fit another of them.
        let most = self.met.iter().rev().max_by_key(|(width, met)| (met.records, unfit(**width).is_none()));
        let Some((&width, met)) = most else { return before };
        if let Some(unfit) = unfit(width) {
            return Some(Refused::of_headers(&met.file, met.line, unfit));
        }
        before.or_else(|| {
            let (&other, met) = self.met.iter().find(|(other, _)| **other != width)?;
            Some(Refused::of_features((&met.file, met.line, met.record), other, width))
        })
    }
}
