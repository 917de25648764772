//! What a list of values belongs to: to several rows, or to one.
//!
//! Some models answer all rows of a request in one list, a value for each: `[1, 0, 1]`, or in CSV one line, `1,0,1`. Others give each
//! row several values, such as the scores of its classes: `[0.53, 0.47]`. Such a list is the answer of two rows in the first case, and
//! half of an answer in the second; two values for one row are one too many in the first, and its scores in the second. The other
//! captured records tell which case it is: what most of them are decides, so that no record decides by being the first one, and a
//! record in doubt is left out.

use std::path::Path;

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

/// How the values of a text belong to its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ListForm {
    /// Each row has one value of its own, in a list, line or document of its own where there are several rows. It goes with
    /// either case.
    #[default]
    Plain,
    /// One list or line has a value for each of several rows.
    OverRows,
    /// One list or line has several values, and there is one row.
    OfOneRow,
    /// Each row has a list, line or document of its own, and some of them have several values: of one row, certainly.
    InEachRow,
}

const FORMS: [ListForm; 4] = [ListForm::Plain, ListForm::OverRows, ListForm::OfOneRow, ListForm::InEachRow];

/// The forms of labels and of scores in a text. Ground truth has labels only.
pub(crate) type OfPlaces = [ListForm; 2];

/// Which lists are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ListRule {
    /// There are those of one kind only.
    #[default]
    Either,
    OverRows,
    OfOneRow,
    /// As many of each kind.
    Neither,
}

/// The rules of labels and of scores.
pub(crate) type ListRules = [ListRule; 2];

impl ListRule {
    const ALL: [ListRule; 4] = [ListRule::Either, ListRule::OverRows, ListRule::OfOneRow, ListRule::Neither];

    pub(crate) fn allows(self, form: ListForm) -> bool {
        match form {
            ListForm::Plain => true,
            // There is no doubt about such a list by itself. Where most lists are of several rows it contradicts them.
            ListForm::InEachRow => self != ListRule::OverRows,
            ListForm::OverRows => matches!(self, ListRule::Either | ListRule::OverRows),
            ListForm::OfOneRow => matches!(self, ListRule::Either | ListRule::OfOneRow),
        }
    }
}

/// Whether a text is read.
fn allow(rules: ListRules, forms: OfPlaces) -> bool {
    rules.into_iter().zip(forms).all(|(rule, form)| rule.allows(form))
}

/// So many texts of each form of labels, and of each form of scores beside it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListForms {
    counts: [[u64; 4]; 4],
}

/// A part in which more texts are in doubt is read as they show it: they are no few damaged ones.
const MOST_IN_DOUBT: u64 = 10_000;

impl ListForms {
    pub(crate) fn add(&mut self, [labels, scores]: OfPlaces) {
        self.counts[labels as usize][scores as usize] += u64::from([labels, scores] != OfPlaces::default());
    }

    pub(super) fn append(&mut self, other: ListForms) {
        for (mine, theirs) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    fn met(&self) -> impl Iterator<Item = (OfPlaces, u64)> {
        let pairs = FORMS.into_iter().flat_map(|labels| FORMS.map(|scores| [labels, scores]));
        pairs.zip(self.counts.iter().flatten().copied()).filter(|(_, n)| *n > 0)
    }

    /// So many lists over several rows, and of several values for a row, at a place.
    fn at(&self, place: usize) -> (u64, u64) {
        let of = |wanted: &[ListForm]| {
            let met = self.met().filter(|(forms, _)| wanted.contains(&forms[place]));
            met.fold(0_u64, |sum, (_, n)| sum.saturating_add(n))
        };
        (of(&[ListForm::OverRows]), of(&[ListForm::OfOneRow, ListForm::InEachRow]))
    }

    pub(super) fn rules(&self) -> ListRules {
        [0, 1].map(|place| match self.at(place) {
            (0, _) | (_, 0) => ListRule::Either,
            (over_rows, in_rows) if over_rows > in_rows => ListRule::OverRows,
            (over_rows, in_rows) if over_rows < in_rows => ListRule::OfOneRow,
            _ => ListRule::Neither,
        })
    }

    /// Whether the texts are read alike by two rules.
    pub(super) fn are_read_alike(&self, one: ListRules, two: ListRules) -> bool {
        self.met().all(|(forms, _)| allow(one, forms) == allow(two, forms))
    }

    /// Other rules by which all of the data may ask these texts to be read, each with other texts.
    pub(super) fn open_rules(&self) -> Vec<ListRules> {
        let in_doubt = self.met().filter(|(forms, _)| !allow([ListRule::Neither; 2], *forms));
        if in_doubt.fold(0_u64, |sum, (_, n)| sum.saturating_add(n)) > MOST_IN_DOUBT {
            return Vec::new();
        }
        let mut known = vec![self.rules()];
        for rules in ListRule::ALL.into_iter().flat_map(|labels| ListRule::ALL.map(|scores| [labels, scores]))
        {
            if !known.iter().any(|other| self.are_read_alike(rules, *other)) {
                known.push(rules);
            }
        }
        known.split_off(1)
    }
}

/// That each part was read as one run over all of them would read it. Each part has the path of its state, for messages;
/// `what` the texts are.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub(super) fn check(parts: &[(&Path, ListForms)], what: &str) -> Result<()> {
    let mut all = ListForms::default();
    parts.iter().for_each(|(_, own)| all.append(*own));
    match parts.iter().find(|(_, own)| !own.are_read_alike(own.rules(), all.rules())) {
        None => Ok(()),
        Some((path, own)) => Err(differ(path, what, *own, all)),
    }
}

fn differ(path: &Path, what: &str, own: ListForms, all: ListForms) -> Problem {
    let place = usize::from(
        own.are_read_alike([own.rules()[0], ListRule::Either], [all.rules()[0], ListRule::Either]),
    );
    let records = |forms: ListForms| {
        let (over_rows, in_rows) = forms.at(place);
        format!(
            "{} of one list or line for several rows, and {in_rows} of several values for a row",
            counted(over_rows, "record")
        )
    };
    Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data read lists of values differently")
        .file(path)
        .found(format!("{what}: {}", records(own)))
        .expected(format!("as in all parts, {}", records(all)))
        .hint(
            "a list or line such as `1,0` is a value for each of two rows or two values of one row, as in most records: run over all \
             files at once, or let every row have a list or line of its own",
        )
}

#[cfg(test)]
mod tests {
    use super::ListForm::{InEachRow, OfOneRow, OverRows, Plain};
    use super::*;

    /// So many lists of scores over several rows, of one row, and in each row.
    fn forms(over_rows: u64, of_one_row: u64, in_each_row: u64) -> ListForms {
        let mut forms = ListForms::default();
        for (form, n) in [(OverRows, over_rows), (OfOneRow, of_one_row), (InEachRow, in_each_row)] {
            (0..n).for_each(|_| forms.add([Plain, form]));
        }
        forms
    }

    #[test]
    fn what_most_lists_are_decides_and_the_others_are_not_read() {
        for (over_rows, of_one_row, in_each_row, read) in [
            (0, 0, 0, [true, true]),
            (5, 0, 0, [true, true]),
            (0, 1, 1, [true, true]),
            (1, 1, 0, [false, false]),
            (1, 0, 1, [false, false]),
            (2, 1, 0, [true, false]),
            (2, 1, 1, [false, false]),
            (1, 0, 9, [false, true]),
            (1, 9, 0, [false, true]),
        ] {
            let [labels, scores] = forms(over_rows, of_one_row, in_each_row).rules();
            assert_eq!(labels, ListRule::Either);
            let found = [OverRows, OfOneRow].map(|form| scores.allows(form));
            assert_eq!(found, read, "{over_rows} {of_one_row} {in_each_row}");
            assert!(scores.allows(Plain));
            assert_eq!(scores.allows(InEachRow), scores != ListRule::OverRows);
        }
    }

    /// Labels in a list over all rows stand beside lists of scores, a list for each row.
    #[test]
    fn labels_and_scores_have_rules_of_their_own() {
        let mut forms = ListForms::default();
        (0..3).for_each(|_| forms.add([OverRows, InEachRow]));
        (0..5).for_each(|_| forms.add([Plain, OfOneRow]));
        assert_eq!(forms.rules(), [ListRule::Either; 2]);
        forms.add([OfOneRow, OfOneRow]);
        forms.add([OverRows, OverRows]);
        assert_eq!(forms.rules(), [ListRule::OverRows, ListRule::OfOneRow]);
    }

    /// Texts that no rule leaves out need no other reading, and those that all rules leave out together need one.
    #[test]
    fn parts_are_read_in_no_more_ways_than_differ() {
        assert_eq!(forms(0, 0, 0).open_rules(), Vec::<ListRules>::new());
        assert_eq!(forms(0, 0, 9).open_rules().len(), 1);
        assert_eq!(forms(9, 0, 0).open_rules().len(), 1);
        assert_eq!(forms(3, 1, 0).open_rules().len(), 3);
        let mut both = ListForms::default();
        both.add([OfOneRow, OfOneRow]);
        assert_eq!(both.open_rules().len(), 1);
        both.add([OverRows, InEachRow]);
        assert_eq!(both.open_rules().len(), 3);
        (0..MOST_IN_DOUBT).for_each(|_| both.add([OfOneRow, OfOneRow]));
        assert_eq!(both.open_rules(), Vec::<ListRules>::new());
    }

    #[test]
    fn parts_fit_if_one_run_would_read_each_of_them_alike() {
        let told = |parts: &[(u64, u64)]| {
            let names: Vec<String> = (0..parts.len()).map(|at| format!("{at}.state")).collect();
            let forms = parts.iter().map(|&(over_rows, in_each_row)| forms(over_rows, 0, in_each_row));
            let parts: Vec<_> = names.iter().map(Path::new).zip(forms).collect();
            check(&parts, "answer").map_err(|problem| problem.to_string())
        };
        for fitting in [
            &[(1, 0), (2, 0)][..],
            &[(0, 3), (1, 4)],
            &[(0, 0), (1, 0)],
            &[(3, 1), (1, 0)],
            &[(0, 2), (0, 1)],
            &[],
        ] {
            assert_eq!(told(fitting), Ok(()), "{fitting:?}");
        }
        for (other, at) in [
            (&[(0, 3), (1, 0)][..], 1),
            (&[(3, 1), (0, 1)], 1),
            (&[(1, 0), (0, 1)], 0),
            (&[(1, 1), (5, 0)], 0),
        ] {
            let told = told(other).unwrap_err();
            assert!(told.starts_with("PL0909") && told.contains(&format!("{at}.state")), "{told}");
            assert!(told.contains(&format!("{}", other[at].0)), "{told}");
        }
    }
}
