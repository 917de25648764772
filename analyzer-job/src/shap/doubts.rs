//! What is to be said of attributions, kept apart from its words until all rows are known.

use plumbline_common::words::{counted, part_of};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubts {
    pub(super) rows: u64,
    /// Rows with few coalitions.
    pub(super) few: u64,
    /// Features that are not explained keep each row's own values.
    pub(super) own_starts: bool,
    /// Predictions that were moved so that their log-odds are finite.
    pub(super) clipped: u64,
}

impl Doubts {
    /// Adds those of other rows.
    pub(super) fn merge(&mut self, other: &Doubts) {
        self.rows = self.rows.saturating_add(other.rows);
        self.few = self.few.saturating_add(other.few);
        self.own_starts |= other.own_starts;
        self.clipped = self.clipped.saturating_add(other.clipped);
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let Doubts { rows, few, own_starts, clipped } = self;
        let mut warnings = Vec::new();
        if *few > 0 {
            warnings.push(format!(
                "num_samples: in {} there are fewer coalitions than twice the features less one; \
                 expect errors of 40 percent and more in single values, or raise num_samples",
                part_of(*few, *rows, "row")
            ));
        }
        if *own_starts {
            warnings.push(
                "features_to_explain: the other features keep each row's own values, so a row's values add \
                 up to its prediction less its own starting value, not less expected_value"
                    .into(),
            );
        }
        if *clipped > 0 {
            warnings.push(format!(
                "use_logit: moved {} of exactly 0 or 1 to 1e-12 from it, as the log-odds would not be finite",
                counted(*clipped, "prediction")
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_together_what_one_run_says() {
        let mut all = Doubts { rows: 10, few: 3, own_starts: true, clipped: 0 };
        all.merge(&Doubts { rows: 8, few: 2, own_starts: true, clipped: 4 });
        let warnings = all.warnings();
        assert_eq!(warnings.len(), 3);
        for (warning, start) in warnings.iter().zip([
            "num_samples: in 5 of 18 rows",
            "features_to_explain",
            "use_logit: moved 4 predictions",
        ]) {
            assert!(warning.starts_with(start), "{warning}");
        }
    }
}
