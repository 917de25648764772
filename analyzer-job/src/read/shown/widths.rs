//! The number of features of a dataset's records: that of most of them, wherever the others stand. `headers` are to fit it.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::Refused;
use crate::config::Analysis;
use crate::read::layout;

/// Records by the number of their features, in the order in which the numbers came.
#[derive(Debug, Default)]
pub(crate) struct Widths {
    met: IndexMap<usize, Met>,
}

/// Records with the same number of features.
#[derive(Debug)]
struct Met {
    records: u64,
    /// The file of the first one, with its line, or its number in a document.
    file: PathBuf,
    line: Option<u64>,
    record: Option<usize>,
}

impl Widths {
    /// Counts a record; `record`: its number in a document, from 1.
    pub(crate) fn add(&mut self, width: usize, file: &Path, line: Option<u64>, record: Option<usize>) {
        let first = || Met { records: 0, file: file.into(), line, record };
        self.met.entry(width).or_insert_with(first).records += 1;
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
