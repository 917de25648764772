//! What the lists in the answers of a live model belong to: to several rows, or to one.
//!
//! The answer to one row tells it: has it one value, then a list with as many values as there are rows has one for each; has it
//! several, then such a list is the answer of one row, and the others are lost. Where no answer has told it yet, one row is asked for by
//! itself. So no list is read by its length alone, and the order in which answers come changes nothing.

use std::collections::BTreeSet;

use crate::read::shown::ListForm;

/// What the answers so far show at one place.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// A row had one value, outside of a list over rows.
    single: bool,
    /// A row had several.
    several: bool,
    /// Values of a list were read as those of several rows.
    over_rows: bool,
    /// Lengths of lists in answers to several rows that are not as many.
    lengths: BTreeSet<usize>,
}

/// What an answer's list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fits,
    /// An answer to one row is to tell.
    InDoubt,
    /// It has so many entries for one row, or is that of one row in place of all.
    Count(usize),
}

impl Lists {
    /// Notes the length of a flat list in an answer to `n` rows that cannot be used.
    pub(super) fn misfit(&mut self, length: Option<usize>, n: usize) {
        self.lengths.extend(length.filter(|length| n > 1 && *length != n && *length > 1));
    }

    /// What the list in an answer to `n` rows is. `length`: its own, if it is flat.
    pub(super) fn judge(&self, form: ListForm, length: Option<usize>, n: usize) -> Verdict {
        match form {
            ListForm::Plain => Verdict::Fits,
            // A list as long has been an answer to other rows than that many.
            ListForm::OverRows if self.several || self.lengths.contains(&n) => Verdict::Count(1),
            ListForm::OverRows if self.single => Verdict::Fits,
            ListForm::OverRows => Verdict::InDoubt,
            ListForm::InEachRow if self.over_rows => Verdict::Count(1),
            ListForm::InEachRow => Verdict::Fits,
            ListForm::OfOneRow => {
                // Answers to several rows had the lists of some of them, each as long.
                let values = length.unwrap_or(1);
                let fits = !self.over_rows && self.lengths.iter().all(|length| length % values == 0);
                if fits { Verdict::Fits } else { Verdict::Count(values) }
            }
        }
    }

    /// Notes what fits.
    pub(super) fn note(&mut self, form: ListForm) {
        match form {
            ListForm::Plain => self.single = true,
            ListForm::OverRows => self.over_rows = true,
            ListForm::OfOneRow | ListForm::InEachRow => self.several = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ListForm::{InEachRow, OfOneRow, OverRows, Plain};
    use super::*;

    fn seen(forms: &[ListForm], lengths: &[(usize, usize)]) -> Lists {
        let mut lists = Lists::default();
        forms.iter().for_each(|form| lists.note(*form));
        lengths.iter().for_each(|(length, n)| lists.misfit(Some(*length), *n));
        lists
    }

    #[test]
    fn a_list_over_rows_waits_for_the_answer_to_one_row() {
        for (forms, lengths, expected) in [
            (&[][..], &[][..], Verdict::InDoubt),
            (&[Plain], &[], Verdict::Fits),
            (&[OfOneRow], &[], Verdict::Count(1)),
            (&[InEachRow], &[], Verdict::Count(1)),
            (&[Plain, OfOneRow], &[], Verdict::Count(1)),
            // An entry was lost by accident.
            (&[Plain], &[(59, 60)], Verdict::Fits),
            (&[], &[(59, 60)], Verdict::InDoubt),
            (&[Plain], &[(4, 8)], Verdict::Count(1)),
        ] {
            assert_eq!(seen(forms, lengths).judge(OverRows, Some(4), 4), expected, "{forms:?} {lengths:?}");
        }
    }

    #[test]
    fn several_values_for_one_row_are_as_many_as_lists_had_before() {
        for (forms, lengths, fits) in [
            (&[][..], &[][..], true),
            (&[], &[(2, 256), (2, 128)], true),
            // The lists of all rows, one behind the other.
            (&[], &[(512, 256), (4, 3)], true),
            (&[], &[(61, 60), (31, 30)], false),
            (&[], &[(3, 2)], false),
            (&[Plain], &[], true),
            (&[Plain, OverRows], &[], false),
        ] {
            let expected = if fits { Verdict::Fits } else { Verdict::Count(2) };
            assert_eq!(seen(forms, lengths).judge(OfOneRow, Some(2), 1), expected, "{forms:?} {lengths:?}");
        }
        assert_eq!(seen(&[OverRows], &[]).judge(InEachRow, None, 3), Verdict::Count(1));
    }
}
