//! Requests of which answers and labels are as many as each other, but not as many as the rows.
//!
//! Some models answer several lines once, or one line several times, and some requests have a header row. In other data a row
//! was lost in both answers and labels, and nothing tells which one. What most records are like decides: an odd record beside
//! others of which each row has an answer and a label is left out. A first line is a header row if it stands above the rows of
//! most records. Then it is one wherever it stands first.

use std::collections::BTreeMap;
use std::path::Path;

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// First lines are told apart as long as there are no more kinds of them. It holds of all data together, so that neither the
/// order of the files nor the parts decide.
const MOST_KINDS: usize = 10_000;

/// A part is read by no more header rows that others may have.
const MOST_HEADERS: usize = 7;

/// A request beside its answers, which are as many as the labels.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestLines {
    /// Header rows by name are none of them.
    pub(crate) lines: usize,
    pub(crate) answers: usize,
    /// The first line, where it may be a header row.
    pub(crate) first: Option<FirstLine>,
}

/// 128 bits of a hash of the cells of a line, in hexadecimal: lines may be long, and are nothing for a state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct FirstLine(String);

impl FirstLine {
    pub(crate) fn of<'a>(cells: impl Iterator<Item = &'a str>) -> FirstLine {
        let mut hasher = Sha256::new();
        for cell in cells {
            hasher.update((cell.len() as u64).to_le_bytes());
            hasher.update(cell);
        }
        let half = hasher.finalize().iter().take(16).fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
        FirstLine(format!("{half:032x}"))
    }
}

/// So many records that may have one header row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Headed {
    records: u64,
    /// Those among them that count as single as well.
    single: u64,
}

/// Records by their first lines, where these may be header rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct FirstLines {
    kinds: BTreeMap<FirstLine, Headed>,
    /// More kinds than are kept, of which none is.
    are_too_many: bool,
}

/// So many records of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestForms {
    records: u64,
    /// As many lines as answers.
    whole: u64,
    /// One line, or one answer, and several of the other.
    single: u64,
    /// One line more than answers, of which the first may be a header row.
    headed: u64,
    /// First lines of these.
    above: FirstLines,
    /// First lines of others, and how many of them have lines behind it.
    elsewhere: FirstLines,
}

/// Which odd records are used, and which first lines are no rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestRule {
    single: bool,
    header: Option<FirstLine>,
}

impl Default for RequestRule {
    /// Where there are none.
    fn default() -> RequestRule {
        RequestRule { single: true, header: None }
    }
}

impl RequestRule {
    /// Whether the first line is a header row.
    pub(crate) fn is_header(&self, first: Option<&FirstLine>) -> bool {
        self.header.is_some() && self.header.as_ref() == first
    }

    /// The rows of a request, its header row aside.
    pub(crate) fn rows(&self, request: &RequestLines) -> usize {
        request.lines - usize::from(self.is_header(request.first.as_ref()))
    }

    pub(crate) fn allows(&self, request: &RequestLines) -> bool {
        let (rows, answers) = (self.rows(request), request.answers);
        rows == answers || (self.single && is_single(rows, answers))
    }
}

/// One row of several answers, or one answer to several rows.
fn is_single(rows: usize, answers: usize) -> bool {
    rows > 0 && (rows == 1 || answers == 1)
}

impl FirstLines {
    fn add(&mut self, line: &FirstLine, more: Headed) {
        if self.are_too_many {
            return;
        }
        if let Some(known) = self.kinds.get_mut(line) {
            known.records = known.records.saturating_add(more.records);
            known.single = known.single.saturating_add(more.single);
        } else if self.kinds.len() < MOST_KINDS {
            self.kinds.insert(line.clone(), more);
        } else {
            *self = FirstLines { kinds: BTreeMap::new(), are_too_many: true };
        }
    }

    fn append(&mut self, other: &FirstLines) {
        if other.are_too_many {
            self.clone_from(other);
        }
        other.kinds.iter().for_each(|(line, more)| self.add(line, *more));
    }

    fn may_have(&self, line: &FirstLine) -> bool {
        self.are_too_many || self.kinds.contains_key(line)
    }

    /// The most frequent ones, in an order that only their numbers and texts decide.
    fn most(&self, n: usize) -> Vec<&FirstLine> {
        let mut all: Vec<_> = self.kinds.iter().collect();
        all.sort_by_key(|(_, headed)| std::cmp::Reverse(headed.records));
        all.into_iter().take(n).map(|(line, _)| line).collect()
    }
}

impl RequestForms {
    pub(crate) fn is_default(&self) -> bool {
        *self == RequestForms::default()
    }

    pub(crate) fn add(&mut self, request: &RequestLines) {
        let &RequestLines { lines, answers, ref first } = request;
        self.records += 1;
        let single = u64::from(lines != answers && is_single(lines, answers));
        self.whole += u64::from(lines == answers);
        self.single += single;
        match first {
            Some(first) if lines == answers + 1 => {
                self.headed += 1;
                self.above.add(first, Headed { records: 1, single });
            }
            Some(first) => {
                self.elsewhere.add(first, Headed { records: u64::from(lines > 1), single: 0 });
            }
            None => {}
        }
    }

    pub(super) fn append(&mut self, other: &RequestForms) {
        for (mine, theirs) in [
            (&mut self.records, other.records),
            (&mut self.whole, other.whole),
            (&mut self.single, other.single),
            (&mut self.headed, other.headed),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        self.above.append(&other.above);
        self.elsewhere.append(&other.elsewhere);
    }

    /// The header row, and how many records have it above their rows.
    fn header(&self) -> Option<(&FirstLine, Headed)> {
        // The only record of all has no other to be like.
        let least = if self.records == 1 { 1 } else { 2 };
        let is_header = |records: u64| records >= least && records > self.headed / 2 && records > self.whole;
        let mut kinds = self.above.kinds.iter().map(|(line, headed)| (line, *headed));
        kinds.find(|(_, headed)| is_header(headed.records))
    }

    pub(super) fn rule(&self) -> RequestRule {
        match self.header() {
            None => RequestRule { single: self.single == 0 || self.single > self.whole, header: None },
            // Below their header row these are whole.
            Some((line, headed)) => RequestRule {
                single: self.single.saturating_sub(headed.single) > self.whole.saturating_add(headed.records),
                header: Some(line.clone()),
            },
        }
    }

    /// What is told of a first line that is taken for a header row, as nothing but the other records says so.
    pub(crate) fn told(&self) -> Option<String> {
        let (_, headed) = self.header()?;
        let whose = match self.records {
            1 => "the only captured request".into(),
            _ => counted(headed.records, "captured request"),
        };
        Some(format!(
            "the first line of {whose} is taken for a header row, since the lines behind it are as many as answers and labels: it is \
             no row, wherever it stands first"
        ))
    }

    /// The rules by which these records are read differently, as far as other records may well ask for them. The likeliest come
    /// first.
    pub(super) fn open_rules(&self) -> Vec<RequestRule> {
        let mut headers: Vec<Option<&FirstLine>> = vec![None];
        headers.extend(self.above.most(MOST_HEADERS).into_iter().map(Some));
        // Words that stand first in most records that begin with words, answered as any row: a header row if others have it.
        let elsewhere: u64 = self.elsewhere.kinds.values().map(|headed| headed.records).sum();
        let most = self.elsewhere.most(1).into_iter();
        headers.extend(most.filter(|line| self.elsewhere.kinds[*line].records > elsewhere / 2).map(Some));
        let rules = |header: Option<&FirstLine>| {
            [true, false].map(|single| RequestRule { single, header: header.cloned() })
        };
        headers.into_iter().flat_map(rules).collect()
    }

    /// Whether these records are read alike by two rules.
    pub(super) fn are_read_alike(&self, one: &RequestRule, two: &RequestRule) -> bool {
        let is_elsewhere =
            |rule: &RequestRule| rule.header.as_ref().is_some_and(|header| self.elsewhere.may_have(header));
        let has = |rule: &RequestRule| {
            is_elsewhere(rule) || rule.header.as_ref().is_some_and(|header| self.above.may_have(header))
        };
        // Without its header row a record may have one row.
        let has_single = self.single > 0 || is_elsewhere(one) || is_elsewhere(two);
        (!has_single || one.single == two.single) && (one.header == two.header || !(has(one) || has(two)))
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
    use crate::random::Random;

    fn line(text: &str) -> FirstLine {
        FirstLine::of(text.split(','))
    }

    /// `1`: one answer to three lines; `a`: below two lines that begin with `a`; `1a`: one answer; `=a`: as many answers as lines.
    fn request(text: &str) -> RequestLines {
        let first = text.trim_start_matches(['1', '=']);
        let (lines, answers) = match &text[..text.len() - first.len()] {
            "=" => (3, 3),
            "1" if first.is_empty() => (3, 1),
            "1" => (2, 1),
            _ => (3, 2),
        };
        RequestLines { lines, answers, first: Some(line(first)).filter(|_| !first.is_empty()) }
    }

    fn forms<'a>(whole: u64, odd: impl IntoIterator<Item = &'a str>) -> RequestForms {
        let mut forms = RequestForms::default();
        (0..whole).for_each(|_| forms.add(&RequestLines { lines: 2, answers: 2, first: None }));
        odd.into_iter().for_each(|text| forms.add(&request(text)));
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
            (0, "a", false, Some("a")),
            (9, "a", true, None),
            (9, "a a", true, None),
            (2, "a a", true, None),
            (1, "a a", false, Some("a")),
            (9, "a b", true, None),
            (0, "a b c", true, None),
            (9, "a b a", true, None),
            (1, "a b a", false, Some("a")),
            (9, "a b a b", true, None),
            (9, "a 1 a", false, None),
            (0, "a 1 a", false, Some("a")),
            (0, "a 1 a 1 1", true, Some("a")),
            // Alone among odd ones.
            (0, "a 1", true, None),
            // With one row below the header row, which may be one answer to two rows as well.
            (0, "1a 1a", false, Some("a")),
            (1, "1a 1a 1", false, Some("a")),
            (9, "1a", false, None),
            // It stands first in records of as many answers as lines too, which are whole as long as it is no header row.
            (0, "a a =a", false, Some("a")),
            (0, "a a =a =a", true, None),
            (0, "a =a", true, None),
        ] {
            let expected = RequestRule { single, header: header.map(line) };
            let odd: Vec<&str> = odd.split_whitespace().collect();
            assert_eq!(forms(whole, odd.clone()).rule(), expected, "{whole} {odd:?}");
            assert_eq!(forms(whole, odd.iter().rev().copied()).rule(), expected, "{whole} {odd:?}");
        }
    }

    #[test]
    fn a_header_row_is_no_row_wherever_it_stands_first() {
        let rule = |single| RequestRule { single, header: Some(line("a")) };
        let of = |lines: usize, answers: usize, first: &str| RequestLines {
            lines,
            answers,
            first: Some(line(first)),
        };
        for (request, allowed) in [
            (of(3, 2, "a"), [true, true]),
            (of(3, 2, "b"), [false, false]),
            (of(3, 3, "a"), [false, false]),
            (of(3, 3, "b"), [true, true]),
            // One row and two answers.
            (of(2, 2, "a"), [false, true]),
            (of(4, 1, "a"), [false, true]),
            // No row at all.
            (of(1, 1, "a"), [false, false]),
            (of(1, 2, "a"), [false, false]),
            (of(1, 1, "b"), [true, true]),
            (RequestLines { lines: 3, answers: 3, first: None }, [true, true]),
        ] {
            assert_eq!([false, true].map(|single| rule(single).allows(&request)), allowed, "{request:?}");
        }
    }

    /// Records of the same kinds in every order and every split show the same, also behind more first lines than are kept.
    #[test]
    fn neither_order_nor_parts_decide() {
        let mut random = Random::new(7, 0);
        for (kinds, of_a, expected) in [
            (20, 30, Some("a")),
            (MOST_KINDS - 1, MOST_KINDS, Some("a")),
            // As many kinds as are kept, and one more.
            (MOST_KINDS, MOST_KINDS + 1, None),
        ] {
            let others: Vec<String> = (0..kinds).map(|kind| format!("b{kind}")).collect();
            let level: Vec<String> = (0..kinds / 3).map(|kind| format!("=c{kind}")).collect();
            let mut all: Vec<&str> = others.iter().chain(&level).map(String::as_str).collect();
            all.extend(std::iter::repeat_n("a", of_a));
            all.extend(["1", "1a", "=a", "=a"]);
            let whole = forms(3, all.iter().copied());
            assert_eq!(whole.rule().header, expected.map(line), "{kinds}");
            for parts in [1, 2, 3, 7] {
                let order = random.order(all.len());
                let mut put_together = forms(3, []);
                for part in order.chunks(all.len().div_ceil(parts)) {
                    put_together.append(&forms(0, part.iter().map(|&at| all[at])));
                }
                assert_eq!(put_together, whole, "{kinds}");
            }
        }
    }

    #[test]
    fn the_rules_that_others_may_ask_for_are_few() {
        let names: Vec<String> = (0..50).flat_map(|kind| [format!("b{kind}"), format!("=c{kind}")]).collect();
        let many = forms(0, names.iter().map(String::as_str).chain(["x", "x", "=y"]));
        let rules = many.open_rules();
        assert_eq!(rules.len(), 2 * (MOST_HEADERS + 1));
        assert_eq!(rules[2].header, Some(line("x")));
        // What stands first in most of them that are whole.
        let most = forms(0, ["=y", "=y", "=c", "=y"]);
        let headers: Vec<_> = most.open_rules().into_iter().map(|rule| rule.header).collect();
        assert_eq!(headers, [None, None, Some(line("y")), Some(line("y"))]);
        // A request of one line has no rows behind it.
        let mut alone = RequestForms::default();
        alone.add(&RequestLines { lines: 1, answers: 1, first: Some(line("y")) });
        assert_eq!(alone.open_rules().len(), 2);
        let [none, by] = [None, Some(line("y"))].map(|header| RequestRule { single: true, header });
        assert!(!alone.are_read_alike(&none, &by) && !most.are_read_alike(&none, &by));
        assert!(forms(2, ["a"]).are_read_alike(&none, &by));
    }

    #[test]
    fn parts_fit_if_one_run_would_use_the_same_records() {
        let told = |parts: &[(u64, &str)]| {
            let names: Vec<String> = (0..parts.len()).map(|at| format!("{at}.state")).collect();
            let forms: Vec<_> =
                parts.iter().map(|(whole, odd)| forms(*whole, odd.split_whitespace())).collect();
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
            &[(0, "a a"), (0, "=b")],
        ] {
            assert_eq!(told(fitting), Ok(()), "{fitting:?}");
        }
        for (other, at) in [
            (&[(9, ""), (0, "1")][..], 1),
            (&[(0, "a a"), (9, "")], 0),
            (&[(0, "b"), (9, "")], 0),
            (&[(0, "a a"), (0, "=a")], 1),
        ] {
            let told = told(other).unwrap_err();
            assert!(told.starts_with("PL0909") && told.contains(&format!("{at}.state")), "{told}");
        }
    }
}
