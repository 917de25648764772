//! A record for which all of the data are refused, unless the other records show that it is to be read otherwise.

use std::path::{Path, PathBuf};

use plumbline_common::{Problem, codes};
use serde::{Deserialize, Serialize};

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
}

impl Refused {
    pub(crate) fn of_dataset(file: &Path, line: Option<u64>, contradiction: &Contradiction) -> Refused {
        Refused { file: file.into(), line, why: Why::Keys(contradiction.clone()) }
    }

    pub(crate) fn of_captures(file: &Path, line: u64, reason: &str) -> Refused {
        Refused { file: file.into(), line: Some(line), why: Why::Record(reason.into()) }
    }

    pub(crate) fn problem(&self) -> Problem {
        let problem = match &self.why {
            Why::Keys(contradiction) => contradiction.problem("headers"),
            Why::Record(reason) => Problem::new(&codes::BAD_RECORD, "a captured record cannot be used")
                .found(reason.clone())
                .hint("with `on_bad_record` unset such records are left out and counted"),
        };
        let problem = problem.file(&self.file);
        match self.line {
            Some(line) => problem.line(line),
            None => problem,
        }
    }
}
