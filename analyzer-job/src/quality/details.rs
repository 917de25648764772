//! What a run knows beyond `statistics.json` and its violations: written as `data_quality_details.json`, from which, with
//! those two, the reports can be made again. Nothing here depends on the clock.

use serde::{Deserialize, Serialize};

use super::segments::Told;
use super::shift::Shift;

pub const FILE: &str = "data_quality_details.json";

/// How the line in `Details::baseline` begins that names the baseline's statistics.
pub const DISTRIBUTIONS: &str = "Distributions of the baseline";

/// The content of `data_quality_details.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Details {
    pub version: u32,
    pub program: String,
    /// What was run and on what.
    pub subject: Vec<String>,
    pub rows: u64,
    /// What the data were held against, in words; empty for a baseline run.
    pub baseline: Vec<String>,
    pub warnings: Vec<String>,
    /// Columns that moved and that the hosted rule cannot see.
    pub unseen: usize,
    /// Type violations, and those of them that are a matter of spelling.
    pub type_violations: [usize; 2],
    /// Columns of which the baseline's files say something that cannot be read, so that not all is checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
    /// Those first in which most columns moved. In front of the columns, which come line by line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Told>,
    /// The largest effect first.
    pub columns: Vec<Shift>,
}

impl Details {
    /// Whether the baseline has nothing but statistics, so that no constraint is checked.
    pub fn has_statistics_only(&self) -> bool {
        !self.baseline.is_empty() && self.baseline.iter().all(|line| line.starts_with(DISTRIBUTIONS))
    }

    /// As JSON with a line for each column: a wide dataset has hundreds.
    ///
    /// # Errors
    /// None that data can cause.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let head = serde_json::to_string(&Details { columns: Vec::new(), ..self.clone() })?;
        let mut out = head.strip_suffix("]}").unwrap_or(&head).to_owned();
        for (place, column) in self.columns.iter().enumerate() {
            out.push_str(if place > 0 { ",\n" } else { "\n" });
            out.push_str(&serde_json::to_string(column)?);
        }
        out.push_str("\n]}\n");
        Ok(out.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::shift::{Part, Verdict};

    fn shift(column: &str) -> Shift {
        Shift {
            column: column.into(),
            verdict: Verdict::Moved,
            effect: 0.25,
            threshold: 0.1,
            wasserstein: None,
            stability_index: 0.5,
            jensen_shannon: 0.125,
            p_value: 0.0,
            adjusted_p_value: 0.0,
            attribution: Some(0.5),
            weighted_effect: None,
            values: [3, 4],
            compared: None,
            violated: false,
            quantiles: vec![[0.5, 1.0, 2.0]],
            new: vec![("]}\n\"".into(), 0.5)],
            vanished: Vec::new(),
            parts: vec![Part { label: "from 1".into(), then: 0.25, now: 0.75 }],
        }
    }

    #[test]
    fn a_line_for_each_column_reads_back() {
        for columns in [Vec::new(), vec![shift("a")], vec![shift("a\nb"), shift("]}")]] {
            let details = Details {
                version: 1,
                program: "p".into(),
                subject: vec!["s".into()],
                rows: 7,
                baseline: Vec::new(),
                warnings: Vec::new(),
                unseen: 0,
                type_violations: [2, 1],
                unchecked: Vec::new(),
                segments: Vec::new(),
                columns,
            };
            let json = details.to_json().unwrap();
            assert_eq!(json.iter().filter(|byte| **byte == b'\n').count(), details.columns.len() + 2);
            let again: Details = serde_json::from_slice(&json).unwrap();
            assert_eq!(format!("{again:?}"), format!("{details:?}"));
        }
    }
}
