//! Requests of which answers and labels are as many as each other, but not as many as the rows.
//!
//! Some models answer several lines once, or one line several times, and some requests have a header row. In other data a row
//! was lost in both answers and labels, and nothing tells which one. What most records are like decides: an odd record beside
//! others of which each row has an answer and a label is left out. A first row is a header row if it stands first in most.

use std::collections::BTreeMap;
use std::path::Path;

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

/// First rows are kept of so many kinds and bytes: more of them are no header row.
const MOST_KINDS: usize = 16;
const MOST_BYTES: usize = 16 << 10;

/// A record whose answers and labels are not as many as the rows of its request.
#[derive(Debug, Clone, Default)]
pub(crate) struct OddRequest {
    /// There is one row, or one answer.
    pub(crate) single: bool,
    /// The first row, where it may be a header row: the others are as many as the answers.
    pub(crate) first_row: Option<String>,
}

/// So many records that may have one header row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Headed {
    records: u64,
    /// Those among them that count as single as well.
    single: u64,
}

/// So many records of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestForms {
    whole: u64,
    single: u64,
    /// First rows that may be header rows.
    first_rows: BTreeMap<String, Headed>,
    /// Records that have one, kept or not.
    headed: u64,
}

/// Which odd records are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestRule {
    single: bool,
    /// Those with this header row.
    header: Option<String>,
}

impl Default for RequestRule {
    /// Where there are none.
    fn default() -> RequestRule {
        RequestRule { single: true, header: None }
    }
}

impl RequestRule {
    pub(crate) fn allows(&self, odd: &OddRequest) -> bool {
        (odd.single && self.single) || (self.header.is_some() && self.header == odd.first_row)
    }
}

impl RequestForms {
    pub(crate) fn is_default(&self) -> bool {
        *self == RequestForms::default()
    }

    pub(crate) fn add_whole(&mut self) {
        self.whole += 1;
    }

    pub(crate) fn add_odd(&mut self, odd: &OddRequest) {
        self.single += u64::from(odd.single);
        if let Some(row) = &odd.first_row {
            self.headed += 1;
            self.add_first_row(row, Headed { records: 1, single: u64::from(odd.single) });
        }
    }

    fn add_first_row(&mut self, row: &str, more: Headed) {
        if let Some(known) = self.first_rows.get_mut(row) {
            known.records = known.records.saturating_add(more.records);
            known.single = known.single.saturating_add(more.single);
        } else if self.first_rows.len() < MOST_KINDS && row.len() <= MOST_BYTES {
            self.first_rows.insert(row.into(), more);
        }
    }

    pub(super) fn append(&mut self, other: &RequestForms) {
        self.whole = self.whole.saturating_add(other.whole);
        self.single = self.single.saturating_add(other.single);
        self.headed = self.headed.saturating_add(other.headed);
        other.first_rows.iter().for_each(|(row, more)| self.add_first_row(row, *more));
    }

    pub(super) fn rule(&self) -> RequestRule {
        // The only record of all has no other to be like.
        let least = if self.whole == 0 && self.headed == 1 { 1 } else { 2 };
        let is_header = |records: u64| records >= least && records > self.headed / 2 && records > self.whole;
        let header = self.first_rows.iter().find(|(_, headed)| is_header(headed.records));
        // Below their header row these are whole.
        let whole = header.map_or(Headed::default(), |(_, headed)| *headed);
        let single = self.single.saturating_sub(whole.single);
        RequestRule {
            single: single == 0 || single > self.whole.saturating_add(whole.records),
            header: header.map(|(row, _)| row.clone()),
        }
    }

    /// All rules by which these records are read differently.
    pub(super) fn open_rules(&self) -> Vec<RequestRule> {
        let single = if self.single > 0 { &[true, false][..] } else { &[true] };
        let headers = self.first_rows.keys().cloned().map(Some).chain([None]);
        headers
            .flat_map(|header| {
                single.iter().map(move |&single| RequestRule { single, header: header.clone() })
            })
            .collect()
    }

    /// Whether these records are read alike by two rules.
    pub(super) fn are_read_alike(&self, one: &RequestRule, two: &RequestRule) -> bool {
        let header = |rule: &RequestRule| {
            rule.header.as_ref().is_some_and(|header| self.first_rows.contains_key(header))
        };
        (self.single == 0 || one.single == two.single)
            && (one.header == two.header || !(header(one) || header(two)))
    }
}

/// That each part was read as one run over all of them would read it. Each part has the path of its state, for messages.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub(super) fn check(parts: &[(&Path, &RequestForms)]) -> Result<()> {
    let mut all = RequestForms::default();
    parts.iter().for_each(|(_, own)| all.append(own));
    let records = |forms: &RequestForms| {
        format!(
            "{} with an answer and a label for each row of the request, {} with one row or one answer, and {} with what may be a \
             header row",
            counted(forms.whole, "record"),
            forms.single,
            forms.headed
        )
    };
    match parts.iter().find(|(_, own)| !own.are_read_alike(&own.rule(), &all.rule())) {
        None => Ok(()),
        Some((path, own)) => Err(Problem::new(
            &codes::STATES_DO_NOT_FIT,
            "parts of the data take requests differently whose rows are not as many as their answers",
        )
        .file(*path)
        .found(records(own))
        .expected(format!("as in all parts, {}", records(&all)))
        .hint("what most records are like decides: run over all files at once, or send an answer and a label for each row")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1`: one answer; `a`: the first row; `1a`: both.
    fn forms(whole: u64, odd: &str) -> RequestForms {
        let mut forms = RequestForms { whole, ..RequestForms::default() };
        for text in odd.split_whitespace() {
            let first_row = Some(text.trim_start_matches('1').to_string()).filter(|text| !text.is_empty());
            forms.add_odd(&OddRequest { single: text.starts_with('1'), first_row });
        }
        forms
    }

    #[test]
    fn odd_records_are_used_if_most_are_so_or_have_the_same_header_row() {
        for (whole, odd, single, header) in [
            (0, "", true, None),
            (9, "", true, None),
            (0, "1", true, None),
            (1, "1", false, None),
            (1, "1 1", true, None),
            (0, "a", true, Some("a")),
            (9, "a", true, None),
            (9, "a a", true, None),
            (2, "a a", true, None),
            (1, "a a", true, Some("a")),
            (9, "a b", true, None),
            (0, "a b c", true, None),
            (9, "a b a", true, None),
            (1, "a b a", true, Some("a")),
            (9, "a b a b", true, None),
            (9, "a 1 a", false, None),
            (0, "a 1 a", false, Some("a")),
            (0, "a 1 a 1 1", true, Some("a")),
            // With one row below the header row, which may be one answer to two rows as well.
            (0, "1a 1a", true, Some("a")),
            (1, "1a 1a 1", false, Some("a")),
            (9, "1a", false, None),
        ] {
            let expected = RequestRule { single, header: header.map(String::from) };
            let reversed: Vec<&str> = odd.split(' ').rev().collect();
            assert_eq!(forms(whole, odd).rule(), expected, "{whole} {odd}");
            assert_eq!(forms(whole, &reversed.join(" ")).rule(), expected, "{whole} {odd}");
            // In parts.
            for (cut, _) in odd.match_indices(' ') {
                let mut all = forms(0, &odd[..cut]);
                all.append(&forms(whole, &odd[cut..]));
                assert_eq!(all, forms(whole, odd));
            }
        }
    }

    #[test]
    fn parts_fit_if_one_run_would_use_the_same_records() {
        let told = |parts: &[(u64, &str)]| {
            let names: Vec<String> = (0..parts.len()).map(|at| format!("{at}.state")).collect();
            let forms: Vec<_> = parts.iter().map(|(whole, odd)| forms(*whole, odd)).collect();
            let parts: Vec<_> = names.iter().map(Path::new).zip(&forms).collect();
            check(&parts).map_err(|problem| problem.to_string())
        };
        for fitting in [
            &[][..],
            &[(9, ""), (9, "")],
            &[(0, "1"), (0, "1")],
            &[(9, "a"), (3, "a")],
            &[(9, "1"), (9, "")],
            &[(0, "a a"), (0, "a")],
        ] {
            assert_eq!(told(fitting), Ok(()), "{fitting:?}");
        }
        for (other, at) in
            [(&[(9, ""), (0, "1")][..], 1), (&[(0, "a a"), (9, "")], 0), (&[(0, "b"), (9, "")], 0)]
        {
            let told = told(other).unwrap_err();
            assert!(told.starts_with("PL0909") && told.contains(&format!("{at}.state")), "{told}");
        }
    }
}
