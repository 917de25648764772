//! Names that stand twice in a row: what became of the two values, told once for each name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::state::order::by_text;

/// A name for two values of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Twice {
    /// Two payloads of a record have it.
    InRecord { name: String, own: String },
    /// One object has it twice, or a nested value makes it once more.
    InPayload(String),
    /// A path of the setting `columns` has the name of a value.
    ByPath(String),
}

impl fmt::Display for Twice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Twice::InRecord { name, own } => {
                write!(
                    f,
                    "`{name}` stands in two payloads of a record; that of the second is the column `{own}`"
                )
            }
            Twice::InPayload(name) => {
                write!(f, "`{name}` stands twice in an object; the last value is taken")
            }
            Twice::ByPath(name) => {
                write!(
                    f,
                    "`path` of `columns` makes a column `{name}`, which takes the place of the one in the data"
                )
            }
        }
    }
}

/// All of them, with their number and the first place.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct AllTwice(Vec<(Twice, Met)>);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Met {
    times: u64,
    file: PathBuf,
    line: u64,
}

impl AllTwice {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, twice: Twice, file: &Path, line: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == twice) {
            Some((_, met)) => met.times += 1,
            None => self.0.push((twice, Met { times: 1, file: file.into(), line })),
        }
    }

    /// Adds those of another part of the data.
    pub(super) fn merge(&mut self, other: AllTwice) {
        let mut all: BTreeMap<Twice, Met> = std::mem::take(&mut self.0).into_iter().collect();
        for (twice, met) in other.0 {
            let Some(known) = all.get_mut(&twice) else {
                all.insert(twice, met);
                continue;
            };
            known.times = known.times.saturating_add(met.times);
            if by_text(&met.file, &known.file).then(met.line.cmp(&known.line)).is_lt() {
                (known.file, known.line) = (met.file, met.line);
            }
        }
        self.0 = all.into_iter().collect();
    }

    /// In words, the first ones by name.
    pub(super) fn told(&self) -> Vec<String> {
        const TOLD: usize = 5;
        let mut all: Vec<&(Twice, Met)> = self.0.iter().collect();
        all.sort_by(|one, two| one.0.cmp(&two.0));
        let mut out: Vec<String> = all
            .iter()
            .take(TOLD)
            .map(|(twice, Met { times, file, line })| {
                let rows = if *times == 1 { "1 row".into() } else { format!("{times} rows") };
                format!("{twice} ({rows}, the first in {}, line {line})", file.display())
            })
            .collect();
        if all.len() > TOLD {
            out.push(format!("{} more names stand twice", all.len() - TOLD));
        }
        out
    }
}
