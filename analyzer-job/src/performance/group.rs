//! The rows of a run by the values of a column.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::classes::Place;
use super::outcomes::{Outcomes, Question, Row};

/// The rows by the values of one column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// As the rows call it, or as the setting does where they have no names; empty where they lack it.
    pub column: String,
    values: IndexMap<String, Outcomes>,
    /// The column has more values than are kept apart.
    pub too_many: bool,
}

impl Group {
    /// Distinct values of a column that are kept apart; a column with more is none to group by.
    pub const MOST_VALUES: usize = 200;
    /// Of them, so many are told.
    pub const MOST_TOLD: usize = 25;

    pub(super) fn new(column: &str) -> Group {
        Group { column: column.into(), values: IndexMap::new(), too_many: false }
    }

    /// Adds the rows of another part, whose files have the numbers of the whole already.
    ///
    /// # Errors
    /// The part is of another column or question.
    pub(super) fn merge(&mut self, other: &Group) -> Result<(), String> {
        if self.column.is_empty() {
            self.column.clone_from(&other.column);
        }
        if self.column != other.column && !other.column.is_empty() {
            return Err(format!("rows by `{}`, others by `{}`", other.column, self.column));
        }
        self.too_many |= other.too_many;
        for (value, outcomes) in &other.values {
            match self.values.get_mut(value) {
                Some(mine) => mine.merge(outcomes)?,
                None => {
                    self.values.insert(value.clone(), outcomes.clone());
                }
            }
        }
        self.too_many |= self.values.len() > Group::MOST_VALUES;
        if self.too_many {
            self.values.clear();
        }
        Ok(())
    }

    pub(super) fn outcomes(&self) -> impl Iterator<Item = &Outcomes> {
        self.values.values()
    }

    pub(super) fn outcomes_mut(&mut self) -> impl Iterator<Item = &mut Outcomes> {
        self.values.values_mut()
    }

    pub(super) fn update(&mut self, value: &str, question: &Question, row: Row<'_>, place: Place) {
        if self.too_many {
            return;
        }
        if let Some(outcomes) = self.values.get_mut(value) {
            outcomes.begin(place);
            let _ = outcomes.update(row);
            return;
        }
        if self.values.len() == Group::MOST_VALUES {
            self.too_many = true;
            self.values.clear();
            return;
        }
        let mut outcomes = Outcomes::new(question.clone());
        outcomes.begin(place);
        let _ = outcomes.update(row);
        self.values.insert(value.into(), outcomes);
    }

    /// The values with most rows, these first; equal numbers by the value's text.
    pub fn largest(&self) -> Vec<(&str, &Outcomes)> {
        let all = self.sorted().into_iter().take(Group::MOST_TOLD);
        all.map(|(value, outcomes, _)| (value, outcomes)).collect()
    }

    /// Values with fewer rows than the largest, which are not told, and their rows.
    pub fn left_out(&self) -> [u64; 2] {
        let others = self.sorted().into_iter().skip(Group::MOST_TOLD);
        others.fold([0, 0], |[values, rows], (.., more)| [values + 1, rows + more])
    }

    fn sorted(&self) -> Vec<(&str, &Outcomes, u64)> {
        let mut all: Vec<(&str, &Outcomes, u64)> = self
            .values
            .iter()
            .map(|(value, outcomes)| (value.as_str(), outcomes, outcomes.rows()))
            .filter(|group| group.2 > 0)
            .collect();
        all.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(b.0)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcomes::ProblemType;
    use super::super::outcomes::tests::question;
    use super::*;

    #[test]
    fn values_that_make_no_segment_are_counted_with_their_rows() {
        let question = question(ProblemType::BinaryClassification, true, false);
        let mut group = Group::new("city");
        for value in 0..40 {
            for _ in 0..=value {
                let row = Row { label: Some("1"), prediction: Some("0"), score: None };
                group.update(&value.to_string(), &question, row, Place::default());
            }
        }
        assert_eq!(group.largest().len(), Group::MOST_TOLD);
        assert_eq!(group.left_out(), [15, (1..=15).sum()]);
        let told = super::super::notes::not_told(&group).unwrap();
        assert!(
            told.starts_with("`city` has 15 more values, with 120 rows, that make no segments"),
            "{told}"
        );
    }
}
