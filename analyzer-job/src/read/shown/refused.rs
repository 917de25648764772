//! A record for which all of the data are refused, unless the other records show that it is to be read otherwise.

use std::path::{Path, PathBuf};

use plumbline_common::words::counted;
use plumbline_common::{Problem, codes};
use serde::{Deserialize, Serialize};

use crate::read::layout::Unfit;
use crate::values::names::Contradiction;

/// The first such record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    file: PathBuf,
    line: Option<u64>,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Why {
    /// A dataset has objects of other keys.
    Keys(Contradiction),
    /// A captured record cannot be used, where each has to.
    Record(String),
    /// Headers do not fit the number of features that most records of a dataset have; this is the first of them.
    Headers(Unfit),
    /// A record of a dataset has so many features, and most have as many as the second number says. In a document the record has
    /// a number.
    Features { found: usize, of_most: usize, record: Option<usize> },
}

impl Refused {
    pub(crate) fn of_dataset(file: &Path, line: Option<u64>, contradiction: &Contradiction) -> Refused {
        Refused { file: file.into(), line, why: Why::Keys(contradiction.clone()) }
    }

    pub(crate) fn of_captures(file: &Path, line: u64, reason: &str) -> Refused {
        Refused { file: file.into(), line: Some(line), why: Why::Record(reason.into()) }
    }

    pub(crate) fn of_headers(file: &Path, line: Option<u64>, unfit: Unfit) -> Refused {
        Refused { file: file.into(), line, why: Why::Headers(unfit) }
    }

    /// `record`: its number in a document, from 1.
    pub(crate) fn of_features(
        (file, line, record): (&Path, Option<u64>, Option<usize>),
        found: usize,
        of_most: usize,
    ) -> Refused {
        Refused { file: file.into(), line, why: Why::Features { found, of_most, record } }
    }

    pub(crate) fn problem(&self) -> Problem {
        let problem = match &self.why {
            Why::Keys(contradiction) => contradiction.problem("headers"),
            Why::Record(reason) => Problem::new(&codes::BAD_RECORD, "a captured record cannot be used")
                .found(reason.clone())
                .hint("with `on_bad_record` unset such records are left out and counted"),
            Why::Headers(unfit) => unfit.problem(),
            Why::Features { found, of_most, record } => {
                let problem = Problem::new(
                    &codes::BAD_RECORD,
                    "a record has another number of features than the others",
                )
                .expected(of_most.to_string());
                let found = counted(*found, "feature");
                match record {
                    Some(record) => problem.found(format!("{found} in record {record} (counted from 1)")),
                    None => problem.found(found),
                }
            }
        };
        let problem = problem.file(&self.file);
        match self.line {
            Some(line) => problem.line(line),
            None => problem,
        }
    }
}
