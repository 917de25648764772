//! What one pass over the rows leaves: how often each combination of label, prediction and score came.
//!
//! Every metric, curve, deviation and interval follows from these counts, so parts of the data merge in any split,
//! and a state saved at training time can be a baseline later. Memory: 24 bytes for each distinct combination, up
//! to twice that while it grows.

mod strays;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use strays::{Expected, Strays};

use super::classes::{Classes, Place, Sides, order, same};
use super::fit::{self, Fit};
use super::tally::Tally;

/// What kind of answer the model gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProblemType {
    BinaryClassification,
    MulticlassClassification,
    Regression,
}

impl ProblemType {
    pub const ALL: [ProblemType; 3] =
        [ProblemType::BinaryClassification, ProblemType::MulticlassClassification, ProblemType::Regression];

    /// As the setting `problem_type` spells it.
    pub fn name(self) -> &'static str {
        match self {
            ProblemType::BinaryClassification => "BinaryClassification",
            ProblemType::MulticlassClassification => "MulticlassClassification",
            ProblemType::Regression => "Regression",
        }
    }

    /// What the keys of the result files begin with.
    pub fn block(self) -> &'static str {
        match self {
            ProblemType::BinaryClassification => "binary_classification",
            ProblemType::MulticlassClassification => "multiclass_classification",
            ProblemType::Regression => "regression",
        }
    }
}

/// What is asked of the rows; states of different questions do not merge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub problem: ProblemType,
    /// Rows bring a prediction.
    pub prediction: bool,
    /// Rows bring a score: a probability, or anything that grows with it. Binary problems only.
    pub score: bool,
    /// A score above it is a positive prediction, where rows bring none.
    pub threshold: f64,
    /// The class that counts as positive.
    pub positive_label: Option<String>,
}

/// One row as it was read: cells as spelled, none where missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row<'a> {
    pub label: Option<&'a str>,
    pub prediction: Option<&'a str>,
    pub score: Option<&'a str>,
}

/// Why a row does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// The rest of the row was good.
    NoLabel,
    /// What is wrong, and where a value is, behind a colon what it is.
    Other(String),
}

impl Unusable {
    pub fn text(&self) -> &str {
        match self {
            Unusable::NoLabel => "no label",
            Unusable::Other(text) => text,
        }
    }

    /// What is wrong, and the value of this row, which would make each row a reason of its own.
    pub fn parts(&self) -> (&str, &str) {
        self.text().split_once(": ").unwrap_or((self.text(), ""))
    }
}

/// Class numbers of predictions that a threshold made.
const BELOW: u32 = u32::MAX - 1;
const ABOVE: u32 = u32::MAX;

/// Label, prediction (numbers of classes) and score (ordered bits, 0 without a score).
type ClassCell = (u32, u32, u64);

/// The state of one pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcomes {
    question: Question,
    classes: Classes,
    /// Classification: rows with a label.
    labelled: Tally<ClassCell>,
    /// Classification: rows without one, by prediction and score.
    waiting: Tally<(u32, u64)>,
    /// Regression: label and prediction as ordered bits.
    pairs: Tally<(u64, u64)>,
    /// Regression: rows without a label, by their prediction as ordered bits.
    waiting_numbers: Tally<u64>,
    /// Where the next row stands.
    #[serde(skip)]
    at: Place,
    /// Binary problems: the negative and the positive class of the baseline.
    #[serde(skip)]
    known: Option<[String; 2]>,
}

impl Outcomes {
    pub fn new(question: Question) -> Outcomes {
        Outcomes {
            question,
            classes: Classes::default(),
            labelled: Tally::default(),
            waiting: Tally::default(),
            pairs: Tally::default(),
            waiting_numbers: Tally::default(),
            at: Place::default(),
            known: None,
        }
    }

    pub fn question(&self) -> &Question {
        &self.question
    }

    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Binary problems: the negative and the positive class of the baseline. Where no setting names the positive class it is
    /// that of the baseline, and a class that no row has keeps its name; unless the rows have other classes.
    pub fn know(&mut self, classes: &[String; 2]) {
        self.known = Some(classes.clone());
    }

    /// The rows that follow stand there. A class is called as it is spelled in the file where it came first.
    pub fn begin(&mut self, place: Place) {
        self.at = place;
    }

    /// Gives the files other numbers.
    pub fn renumber(&mut self, file: impl Fn(u32) -> u32) {
        self.classes.renumber(file);
    }

    /// That a state which was read from a file can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if !self.classes.are_whole() {
            return Err("classes that are the same".into());
        }
        let known = |class: u32| (class as usize) < self.classes.len();
        let cells = self.labelled.sorted();
        let by_threshold = self.question.score && self.question.problem == ProblemType::BinaryClassification;
        let predicted = |class: u32| known(class) || (by_threshold && class >= BELOW);
        let whole = cells.iter().all(|((label, prediction, _), _)| known(*label) && predicted(*prediction))
            && self.waiting.sorted().iter().all(|((prediction, _), _)| predicted(*prediction));
        let finite = |bits: u64| from_ordered_bits(bits).is_finite();
        let numbers = cells.iter().all(|((_, _, score), _)| !self.question.score || finite(*score))
            && self.waiting.sorted().iter().all(|((_, score), _)| !self.question.score || finite(*score))
            && self
                .pairs
                .sorted()
                .iter()
                .all(|((label, prediction), _)| finite(*label) && finite(*prediction));
        let waiting = self.waiting_numbers.sorted();
        let numbers = numbers && waiting.iter().all(|(prediction, _)| finite(*prediction));
        let totals = [
            self.labelled.checked_total(),
            self.waiting.checked_total(),
            self.pairs.checked_total(),
            self.waiting_numbers.checked_total(),
        ];
        let bounded = totals.into_iter().all(|n| n.is_some_and(|n| n < 1 << 53));
        match (whole, numbers, bounded) {
            (true, true, true) => Ok(()),
            (false, ..) => Err("rows of no class".into()),
            _ => Err("numbers that no row has".into()),
        }
    }

    /// Rows that count.
    pub fn rows(&self) -> u64 {
        self.labelled.total() + self.pairs.total()
    }

    /// Rows whose label is not there.
    pub fn waiting(&self) -> u64 {
        self.waiting.total() + self.waiting_numbers.total()
    }

    /// Takes one row.
    ///
    /// # Errors
    /// Why the row does not count. One that only lacks its label is kept apart for estimates.
    pub fn update(&mut self, row: Row<'_>) -> Result<(), Unusable> {
        let label = row.label.filter(|text| !text.trim().is_empty());
        let prediction = row.prediction.filter(|text| !text.trim().is_empty());
        if self.question.prediction && prediction.is_none() {
            return Err(Unusable::Other("no prediction".into()));
        }
        if self.question.problem == ProblemType::Regression {
            return self.update_numbers(label, prediction.unwrap_or_default());
        }
        let score = if self.question.score { Some(score(row.score)?) } else { None };
        let bits = score.map_or(0, ordered_bits);
        let predicted = match (prediction.filter(|_| self.question.prediction), score) {
            (Some(text), _) => self.classes.prediction(text, self.at.file),
            (None, Some(score)) if score > self.question.threshold => ABOVE,
            (None, _) => BELOW,
        };
        match label {
            Some(label) => {
                let label = self.classes.label(label, self.at.file);
                self.classes.meet(label, self.at);
                self.classes.meet(predicted, self.at);
                self.labelled.add((label, predicted, bits), 1);
                Ok(())
            }
            None => {
                self.waiting.add((predicted, bits), 1);
                Err(Unusable::NoLabel)
            }
        }
    }

    fn update_numbers(&mut self, label: Option<&str>, prediction: &str) -> Result<(), Unusable> {
        let prediction = number(prediction, "prediction")?;
        let Some(label) = label else {
            self.waiting_numbers.add(ordered_bits(prediction), 1);
            return Err(Unusable::NoLabel);
        };
        let label = number(label, "label")?;
        self.pairs.add((ordered_bits(label), ordered_bits(prediction)), 1);
        Ok(())
    }

    /// Takes over what another part of the rows left; parts are merged in their order.
    ///
    /// # Errors
    /// The other part answers another question.
    pub fn merge(&mut self, other: &Outcomes) -> Result<(), String> {
        if self.question != other.question {
            return Err(format!("a part asks {:?}, another {:?}", self.question, other.question));
        }
        let numbers = self.classes.merge(&other.classes);
        let map = |class: u32| numbers.get(class as usize).copied().unwrap_or(class);
        self.labelled.merge(&other.labelled, |(label, predicted, score)| (map(label), map(predicted), score));
        self.waiting.merge(&other.waiting, |(predicted, score)| (map(predicted), score));
        self.pairs.merge(&other.pairs, |pair| pair);
        self.waiting_numbers.merge(&other.waiting_numbers, |bits| bits);
        Ok(())
    }

    /// How the classes of the rows belong to those of a baseline.
    pub fn fit(&self, baseline: &fit::Classes) -> Fit {
        let named = self.question.positive_label.is_some();
        fit::fit(baseline, named, &self.names(&self.of_labelled()), &self.names(&self.of_waiting()))
    }

    /// Classes of the rows with a label, as label or prediction.
    fn of_labelled(&self) -> BTreeSet<u32> {
        let cells = self.labelled.sorted().into_iter();
        cells
            .flat_map(|((label, predicted, _), _)| [label, predicted])
            .filter(|&class| class < BELOW)
            .collect()
    }

    /// Classes predicted in the rows without a label.
    fn of_waiting(&self) -> BTreeSet<u32> {
        let cells = self.waiting.sorted().into_iter();
        cells.map(|((predicted, _), _)| predicted).filter(|&class| class < BELOW).collect()
    }

    /// Sorted.
    fn names(&self, classes: &BTreeSet<u32>) -> Vec<&str> {
        let mut names: Vec<&str> = classes.iter().map(|&class| self.classes.name(class)).collect();
        names.sort_by(|a, b| order(a, b));
        names
    }

    /// The two classes: those of the rows with a label, and beside them those of the baseline. Without a baseline that has them,
    /// those that rows without a label have too.
    fn sides(&self) -> Result<Sides, Vec<String>> {
        let (labelled, waiting) = (self.of_labelled(), self.of_waiting());
        let mut names = self.names(&labelled);
        let mut positive_label = self.question.positive_label.as_deref();
        let has = |classes: &[String; 2], name: &str| classes.iter().any(|known| same(known, name));
        match &self.known {
            Some(known) if names.iter().copied().chain(positive_label).all(|name| has(known, name)) => {
                let own = |name: &'_ str| self.classes.find(name).map(|class| self.classes.name(class));
                let there = |name: &str| names.iter().any(|known| same(known, name));
                let beside: Vec<&str> = known
                    .iter()
                    .filter(|name| !there(name))
                    .map(|name| own(name).unwrap_or(name.as_str()))
                    .collect();
                names.extend(beside);
                names.sort_by(|a, b| order(a, b));
                positive_label = positive_label.or(Some(&known[1]));
            }
            _ => {
                let all = self.names(&labelled.union(&waiting).copied().collect());
                let beside = positive_label.is_some_and(|label| !all.iter().any(|name| same(name, label)));
                if names.is_empty() || all.len() + usize::from(beside) <= 2 {
                    names = all;
                }
            }
        }
        Sides::of(&names, positive_label)
    }

    /// The counts of a binary problem.
    ///
    /// # Errors
    /// The names of all classes, when they are more than two.
    pub fn binary(&self) -> Result<Binary, Vec<String>> {
        let sides = self.sides()?;
        let [negative, positive] =
            [1 - sides.positive, sides.positive].map(|side| self.classes.find(&sides.names[side]));
        let side = |class: u32| usize::from(class == ABOVE || (class != BELOW && Some(class) == positive));
        let mut cells: Vec<ScoreCell> = Vec::new();
        let mut add = |score: f64, actual: usize, predicted: usize, times: u64| {
            if cells.last().is_none_or(|last| last.score != score) {
                cells.push(ScoreCell { score, counts: [[0; 2]; 2] });
            }
            if let Some(cell) = cells.last_mut() {
                cell.counts[actual][predicted] += times;
            }
        };
        let scored = |score: u64, predicted: usize| match self.question.score {
            true => from_ordered_bits(score),
            false => predicted as f64,
        };
        let mut rows: Vec<(f64, usize, usize, u64)> = self
            .labelled
            .sorted()
            .into_iter()
            .map(|((label, predicted, score), times)| {
                let predicted = side(predicted);
                (scored(score, predicted), side(label), predicted, times)
            })
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        rows.into_iter().for_each(|(score, actual, predicted, times)| add(score, actual, predicted, times));
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut unknown: BTreeMap<u32, u64> = BTreeMap::new();
        for ((predicted, score), times) in self.waiting.sorted() {
            if predicted < BELOW && ![negative, positive].contains(&Some(predicted)) {
                *unknown.entry(predicted).or_default() += times;
                continue;
            }
            let predicted = side(predicted);
            waiting.push(Waiting { score: scored(score, predicted), predicted: predicted == 1, times });
        }
        waiting.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut unknown: Vec<(String, u64)> =
            unknown.into_iter().map(|(class, times)| (self.classes.name(class).to_owned(), times)).collect();
        unknown.sort();
        Ok(Binary { sides, cells, waiting, unknown, has_scores: self.question.score })
    }

    /// The counts of a multi-class problem.
    pub fn multiclass(&self) -> Multiclass {
        let sorted = self.classes.sorted();
        let mut place = vec![0; sorted.len()];
        for (at, &class) in sorted.iter().enumerate() {
            place[class as usize] = at;
        }
        let mut cells: Vec<MatrixCell> = self
            .labelled
            .sorted()
            .into_iter()
            .map(|((label, predicted, _), times)| MatrixCell {
                actual: place[label as usize],
                predicted: place[predicted as usize],
                times,
            })
            .collect();
        cells.sort_by_key(|cell| (cell.actual, cell.predicted));
        Multiclass {
            names: sorted.iter().map(|&class| self.classes.name(class).to_string()).collect(),
            is_label: sorted.iter().map(|&class| self.classes.is_label(class)).collect(),
            cells,
        }
    }

    /// Multi-class problems: rows without a label by their predicted class, in order of the names.
    pub fn waiting_by_class(&self) -> Vec<(String, u64)> {
        let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
        for ((predicted, _), times) in self.waiting.sorted() {
            *rows.entry(self.classes.name(predicted)).or_default() += times;
        }
        rows.into_iter().map(|(name, times)| (name.to_owned(), times)).collect()
    }

    /// Regressions: predictions of rows without a label, ascending, and how often each came.
    pub fn waiting_predictions(&self) -> Vec<(f64, u64)> {
        let rows = self.waiting_numbers.sorted().into_iter();
        rows.map(|(bits, times)| (from_ordered_bits(bits), times)).collect()
    }

    /// The pairs of a regression, sorted.
    pub fn regression(&self) -> Regression {
        let pairs = self.pairs.sorted().into_iter().map(|((label, prediction), times)| Pair {
            label: from_ordered_bits(label),
            prediction: from_ordered_bits(prediction),
            times,
        });
        Regression { pairs: pairs.collect() }
    }
}

/// Rows of a binary problem with one score. `counts[actual][predicted]`, 1 for the positive class.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreCell {
    pub score: f64,
    pub counts: [[u64; 2]; 2],
}

/// Rows without a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    pub score: f64,
    pub predicted: bool,
    pub times: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    pub sides: Sides,
    /// By descending score, each score once.
    pub cells: Vec<ScoreCell>,
    /// By descending score.
    pub waiting: Vec<Waiting>,
    /// Rows without a label that are predicted to be of neither class, by that name.
    pub unknown: Vec<(String, u64)>,
    /// Whether the scores are more than the predictions as 0 and 1.
    pub has_scores: bool,
}

impl Binary {
    /// The same problem without any rows.
    pub fn empty(&self) -> Binary {
        Binary {
            sides: self.sides.clone(),
            cells: Vec::new(),
            waiting: Vec::new(),
            unknown: Vec::new(),
            has_scores: false,
        }
    }
}

/// Rows of one class that were predicted to be of one class; positions in `Multiclass::names`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixCell {
    pub actual: usize,
    pub predicted: usize,
    pub times: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multiclass {
    /// In sorted order.
    pub names: Vec<String>,
    /// Which of them occur as a label.
    pub is_label: Vec<bool>,
    /// The cells of the matrix that are not empty, row by row.
    pub cells: Vec<MatrixCell>,
}

/// Equal rows of a regression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    pub label: f64,
    pub prediction: f64,
    pub times: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// By label, then prediction.
    pub pairs: Vec<Pair>,
}

fn score(text: Option<&str>) -> Result<f64, Unusable> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => number(text, "score"),
        None => Err(Unusable::Other("no score".into())),
    }
}

fn number(text: &str, what: &str) -> Result<f64, Unusable> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    // Adding zero makes -0 the same as 0.
    number.map(|number| number + 0.0).ok_or_else(|| {
        let shown: String = text.trim().chars().take(40).collect();
        Unusable::Other(format!("the {what} is not a finite number: `{shown}`"))
    })
}

/// Whole numbers in the order of the doubles.
fn ordered_bits(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn from_ordered_bits(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::performance) fn question(problem: ProblemType, prediction: bool, score: bool) -> Question {
        Question { problem, prediction, score, threshold: 0.5, positive_label: None }
    }

    /// Rows of label, prediction and score, empty texts for missing ones.
    pub(in crate::performance) fn outcomes(question: Question, rows: &[[&str; 3]]) -> Outcomes {
        let mut outcomes = Outcomes::new(question);
        for [label, prediction, score] in rows {
            let _ =
                outcomes.update(Row { label: Some(label), prediction: Some(prediction), score: Some(score) });
        }
        outcomes
    }

    #[test]
    fn bits_have_the_order_of_their_numbers_and_come_back() {
        let numbers = [f64::MIN, -1.0, -1e-300, 0.0, 5e-324, 0.5, 1.0, f64::MAX];
        assert!(numbers.windows(2).all(|pair| ordered_bits(pair[0]) < ordered_bits(pair[1])));
        assert!(numbers.iter().all(|&number| from_ordered_bits(ordered_bits(number)) == number));
    }

    #[test]
    fn a_score_at_the_threshold_is_negative_and_equal_scores_are_one_cell() {
        let rows = [["1", "", "0.5"], ["0", "", "0.50"], ["1", "", "0.6"], ["1", "", "5e-1"]];
        let binary =
            outcomes(question(ProblemType::BinaryClassification, false, true), &rows).binary().unwrap();
        assert_eq!(
            binary.cells,
            [
                ScoreCell { score: 0.6, counts: [[0, 0], [0, 1]] },
                ScoreCell { score: 0.5, counts: [[1, 0], [2, 0]] }
            ]
        );
    }

    /// A window has often one class only, and captures without labels none.
    #[test]
    fn classes_that_rows_do_not_show_are_those_of_the_baseline() {
        let baseline = ["approved", "rejected"].map(String::from);
        let of = |rows: &[[&str; 3]], prediction: bool, label: Option<&str>| {
            let mut question = question(ProblemType::BinaryClassification, prediction, true);
            question.positive_label = label.map(String::from);
            let mut outcomes = outcomes(question, rows);
            outcomes.know(&baseline);
            let sides = outcomes.binary().unwrap().sides;
            (sides.names.join(" "), sides.names[sides.positive].clone())
        };
        let approved = ["approved", "approved", "0.2"];
        let is = |names: &str, positive: &str| (names.to_owned(), positive.to_owned());
        let both = is("approved rejected", "rejected");
        assert_eq!(of(&[approved], true, None), both);
        assert_eq!(of(&[["rejected", "rejected", "0.2"]], true, None), both);
        assert_eq!(of(&[["", "", "0.2"]], false, None), both);
        assert_eq!(of(&[approved], true, Some("approved")), is("approved rejected", "approved"));
        // Other classes are not those of the baseline.
        assert_eq!(of(&[["yes", "no", "0.2"]], true, None), is("no yes", "yes"));
        assert_eq!(of(&[approved], true, Some("yes")), is("approved yes", "yes"));
    }

    #[test]
    fn rows_that_cannot_count_say_why() {
        let binary = question(ProblemType::BinaryClassification, false, true);
        let check = |question: &Question, row: [&str; 3], expected: &str| {
            let mut outcomes = Outcomes::new(question.clone());
            let [label, prediction, score] = row;
            let row = Row { label: Some(label), prediction: Some(prediction), score: Some(score) };
            assert_eq!(outcomes.update(row).unwrap_err().text(), expected);
            assert_eq!(outcomes.rows(), 0);
        };
        check(&binary, [" ", "", "0.5"], "no label");
        check(&binary, ["1", "", ""], "no score");
        for text in ["NaN", "inf", "high", "1e400"] {
            check(&binary, ["1", "", text], &format!("the score is not a finite number: `{text}`"));
        }
        let regression = question(ProblemType::Regression, true, false);
        check(&regression, ["1", "", ""], "no prediction");
        check(&regression, ["x", "1", ""], "the label is not a finite number: `x`");
        check(&regression, ["1", "nan", ""], "the prediction is not a finite number: `nan`");
        check(&question(ProblemType::MulticlassClassification, true, false), ["a", "", ""], "no prediction");
    }

    #[test]
    fn a_row_that_only_lacks_its_label_waits() {
        let rows = [["", "", "0.7"], ["1", "", "0.2"], ["", "", "bad"]];
        let outcomes = outcomes(question(ProblemType::BinaryClassification, false, true), &rows);
        assert_eq!((outcomes.rows(), outcomes.waiting()), (1, 1));
        assert_eq!(outcomes.binary().unwrap().waiting, [Waiting { score: 0.7, predicted: true, times: 1 }]);
    }

    #[test]
    fn states_of_other_questions_do_not_merge() {
        let mut binary = Outcomes::new(question(ProblemType::BinaryClassification, false, true));
        let other = Outcomes::new(question(ProblemType::BinaryClassification, true, true));
        assert!(binary.merge(&other).is_err());
    }

    proptest! {
        /// Rows of files that are dealt to parts, whose states are combined in the order of the parts: counts and the
        /// spelling of classes are those of one run over the files.
        #[test]
        fn files_dealt_to_any_parts_count_as_one_run(
            rows in prop::collection::vec((0_u32..5, 0_usize..6, 0_usize..6), 1..60),
            parts in prop::collection::vec(0_usize..3, 5),
        ) {
            let spelled = ["0", "0.0", "1.0", "1", " b", "b "];
            let mut rows = rows;
            rows.sort_by_key(|row| row.0);
            let of = |take: &dyn Fn(u32) -> bool| {
                let mut outcomes = Outcomes::new(question(ProblemType::MulticlassClassification, true, false));
                for &(file, label, predicted) in rows.iter().filter(|row| take(row.0)) {
                    outcomes.begin(Place { file, line: 1 });
                    let (label, prediction) = (Some(spelled[label]), Some(spelled[predicted]));
                    let _ = outcomes.update(Row { label, prediction, score: None });
                }
                outcomes
            };
            let whole = of(&|_| true);
            let mut all = of(&|_| false);
            for part in 0..3 {
                let text = serde_json::to_string(&of(&|file| parts[file as usize] == part)).unwrap();
                let read: Outcomes = serde_json::from_str(&text).unwrap();
                prop_assert!(read.check().is_ok());
                all.merge(&read).unwrap();
            }
            prop_assert_eq!(all.multiclass(), whole.multiclass());
        }

        /// Any split of the rows, saved and read back, gives the counts of the whole.
        #[test]
        fn parts_add_up(rows in prop::collection::vec((0_u8..4, 0_u8..4, 0_u8..9), 1..60), cut in 0_usize..60) {
            let spelled = ["0", "1.0", "b", " c "];
            let rows: Vec<[String; 3]> = rows
                .iter()
                .map(|&(label, predicted, score)| {
                    [spelled[label as usize].into(), spelled[predicted as usize].into(), format!("{}", f64::from(score) / 8.0)]
                })
                .collect();
            let rows: Vec<[&str; 3]> = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect();
            let (left, right) = rows.split_at(cut.min(rows.len()));
            for question in [
                question(ProblemType::MulticlassClassification, true, false),
                question(ProblemType::Regression, true, false),
            ] {
                let whole = outcomes(question.clone(), &rows);
                let parts = [left, right].map(|rows| {
                    let text = serde_json::to_string(&outcomes(question.clone(), rows)).unwrap();
                    serde_json::from_str::<Outcomes>(&text).unwrap()
                });
                let [mut both, second] = parts;
                both.merge(&second).unwrap();
                prop_assert_eq!(both.rows(), whole.rows());
                prop_assert_eq!(both.multiclass(), whole.multiclass());
                prop_assert_eq!(both.regression(), whole.regression());
            }
        }
    }
}
