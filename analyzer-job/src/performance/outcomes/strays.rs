//! Rows of a binary problem whose label or prediction is of neither of its two classes, such as damaged labels.
//!
//! A few of them say nothing of the others, so they are left out and told. Many are a sign that the classes are others than
//! expected, and stay.

use std::collections::{BTreeMap, BTreeSet};

use super::super::classes::{Place, alike, order, same};
use super::{BELOW, Outcomes, ProblemType};

/// What is known of the two classes before rows are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The negative and the positive class.
    pub classes: &'a [String; 2],
    /// Share of the labels that are positive, when it is known.
    pub positive_share: Option<f64>,
}

/// Rows that belong to neither class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strays {
    /// The two classes of the other rows, in order.
    pub kept: [String; 2],
    pub rows: u64,
    /// In the order in which they came.
    pub classes: Vec<Stray>,
}

/// A class that is none of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    pub name: String,
    /// Rows with it as label or prediction.
    pub rows: u64,
    /// Where it came first.
    pub first: Option<Place>,
    /// The one of the two classes that differs in its spelling alone.
    pub meant: Option<String>,
}

/// So many times as many rows have each of the two classes as are left out, where no baseline tells which two these are.
const RARER: u64 = 10;
/// A class of the baseline that so many rows lack with a smaller chance was spelled otherwise rather than not there.
const ALPHA: f64 = 0.05;

impl Outcomes {
    /// The rows of neither class, where they are few enough to be left out; none where there are none or too many.
    ///
    /// With the classes of a baseline: fewer than half of the rows, and each of its classes is the label of some row, or missing by
    /// chance. Without: each of the two most frequent classes (`positive_label` among them) has ten times as many rows.
    pub fn strays(&self, expected: Option<Expected<'_>>) -> Option<Strays> {
        if self.question.problem != ProblemType::BinaryClassification {
            return None;
        }
        let (kept, is_sure) = match expected.filter(|expected| self.agrees(expected.classes)) {
            Some(expected) => (expected.classes.clone(), Some(expected.positive_share)),
            None => (self.most_frequent()?, None),
        };
        let keep = self.numbers(&kept);
        let is_stray = |class: u32| class < BELOW && !keep.contains(&Some(class));
        if !(0..self.classes.len() as u32).any(is_stray) {
            return None;
        }
        let mut of_class: BTreeMap<u32, u64> = BTreeMap::new();
        let mut rows = 0;
        for ((label, predicted, _), times) in self.labelled.sorted() {
            let strays: BTreeSet<u32> =
                [label, predicted].into_iter().filter(|&class| is_stray(class)).collect();
            rows += if strays.is_empty() { 0 } else { times };
            strays.into_iter().for_each(|class| *of_class.entry(class).or_default() += times);
        }
        let are_few = match is_sure {
            Some(share) => 2 * rows < self.rows() && self.misses_by_chance(keep, share),
            None => {
                let of_rows = self.rows_by_class();
                let least =
                    keep.map(|class| class.and_then(|class| of_rows.get(&class)).copied().unwrap_or(0));
                RARER * rows <= least[0].min(least[1])
            }
        };
        if rows == 0 || !are_few {
            return None;
        }
        let stray = |(class, rows): (u32, u64)| {
            let name = self.classes.name(class).to_owned();
            let meant = kept.iter().find(|kept| alike(kept, &name)).cloned();
            Stray { rows, first: self.classes.first(class), meant, name }
        };
        let mut classes: Vec<Stray> = of_class.into_iter().map(stray).collect();
        classes.sort_by(|a, b| (a.first, &a.name).cmp(&(b.first, &b.name)));
        let mut kept = kept.clone();
        kept.sort_by(|a, b| order(a, b));
        Some(Strays { kept, rows, classes })
    }

    /// Leaves out the rows with a label that belong to neither of these classes.
    pub fn keep(&mut self, classes: &[String; 2]) {
        let keep = self.numbers(classes);
        let is_kept = |class: u32| class >= BELOW || keep.contains(&Some(class));
        self.labelled.retain(|&(label, predicted, _)| is_kept(label) && is_kept(predicted));
    }

    /// Rows with each class as label or prediction.
    pub fn rows_by_class(&self) -> BTreeMap<u32, u64> {
        let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
        for ((label, predicted, _), times) in self.labelled.sorted() {
            for class in BTreeSet::from([label, predicted]).into_iter().filter(|&class| class < BELOW) {
                *rows.entry(class).or_default() += times;
            }
        }
        rows
    }

    /// Whether the setting `positive_label`, where it is set, is one of these classes.
    fn agrees(&self, classes: &[String; 2]) -> bool {
        let named = self.question.positive_label.as_deref();
        named.is_none_or(|label| classes.iter().any(|class| same(class, label)))
    }

    fn numbers(&self, classes: &[String; 2]) -> [Option<u32>; 2] {
        classes.each_ref().map(|name| self.classes.find(name))
    }

    /// The two classes that most rows have; `positive_label` and the one that most rows have beside it. None with fewer classes.
    fn most_frequent(&self) -> Option<[String; 2]> {
        let named = self.question.positive_label.as_deref();
        let named =
            named.map(|label| self.classes.find(label)).map_or(Some(None), |class| class.map(Some))?;
        let mut classes: Vec<(u32, u64)> = self.rows_by_class().into_iter().collect();
        // Equally frequent ones are decided by their names, whatever the order of the files.
        classes.sort_by(|a, b| {
            let key = |class: &(u32, u64)| (Some(class.0) != named, std::cmp::Reverse(class.1));
            key(a).cmp(&key(b)).then_with(|| self.classes.name(a.0).cmp(self.classes.name(b.0)))
        });
        let first: Vec<String> =
            classes.into_iter().take(2).map(|(class, _)| self.classes.name(class).to_owned()).collect();
        first.try_into().ok()
    }

    /// Whether each of the negative and the positive class is the label of a row, or is none by chance.
    fn misses_by_chance(&self, keep: [Option<u32>; 2], positive_share: Option<f64>) -> bool {
        let labels: BTreeSet<u32> =
            self.labelled.sorted().into_iter().map(|((label, ..), _)| label).collect();
        let rows = self.rows() as f64;
        [0, 1].into_iter().all(|side| {
            let is_there = keep[side].is_some_and(|class| labels.contains(&class));
            let share = positive_share.map(|share| if side == 1 { share } else { 1.0 - share });
            is_there || share.is_some_and(|share| (1.0 - share).powf(rows) > ALPHA)
        })
    }
}
