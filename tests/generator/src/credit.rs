//! Applications for small loans, and two models that decide on them.
//!
//! Nothing here comes from a real dataset. The linear model never looks at `sex`; it treats women worse
//! all the same, because incomes and years of employment differ: what a bias monitor is for.
//!
//! Drift is one number from 0 (traffic like the training data) to 1. It changes three things:
//! - groups: more women apply, with lower incomes and higher debts;
//! - labels: women pay back more often than the model believes;
//! - features: the feed of late payments breaks and answers its default, so that the most important
//!   feature no longer matters.

use crate::random::{Random, Stream};
use crate::text;

/// A column that the models see.
#[derive(Debug)]
pub struct Feature {
    pub name: &'static str,
    pub kind: Kind,
    /// The value of a typical applicant, as in `Applicant`. The feed of late payments answers it
    /// when it is broken, and attributions are measured from it.
    pub typical: u32,
}

#[derive(Debug)]
pub enum Kind {
    /// A number with so many decimals, and its weight in the linear model.
    Number { decimals: u8, weight: f64 },
    /// One of some words, each with its effect in the linear model.
    Word(&'static [(&'static str, f64)]),
}

pub const FEATURES: [Feature; 14] = [
    number("age", 0, 0.015, 42),
    Feature { name: "sex", kind: Kind::Word(&[("female", 0.0), ("male", 0.0)]), typical: 1 },
    number("income", 1, 0.03, 450),
    number("employment_years", 1, 0.06, 80),
    Feature {
        name: "housing",
        kind: Kind::Word(&[("rent", 0.0), ("own", 0.5), ("family", 0.1)]),
        typical: 0,
    },
    number("dependents", 0, -0.15, 1),
    number("debt_ratio", 3, -3.0, 320),
    number("credit_lines", 0, 0.05, 4),
    number("late_payments", 0, -1.2, 1),
    number("utilization", 3, -1.6, 420),
    number("savings", 1, 0.02, 140),
    number("loan_amount", 1, -0.03, 180),
    number("loan_months", 0, -0.01, 36),
    Feature {
        name: "purpose",
        kind: Kind::Word(&[("car", 0.0), ("home", 0.3), ("study", 0.1), ("business", -0.4), ("other", -0.2)]),
        typical: 0,
    },
];

const INTERCEPT: f64 = 1.15;

const fn number(name: &'static str, decimals: u8, weight: f64, typical: u32) -> Feature {
    Feature { name, kind: Kind::Number { decimals, weight }, typical }
}

/// The observed label: the loan was paid back.
pub const LABEL: &str = "repaid";
/// The predicted label: the model expects that.
pub const PREDICTED: &str = "approved";
/// The model's probability of the label.
pub const SCORE: &str = "score";
/// The sensitive column and the group that is at risk.
pub const FACET: (&str, &str) = ("sex", "female");
/// The column that makes strata for conditional disparity.
pub const STRATA: &str = "housing";

const SEX: usize = 1;
const LATE_PAYMENTS: usize = 8;

/// One application with its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Applicant {
    /// By `FEATURES`: a number without its decimal point, or the place of the word in its list.
    pub values: [u32; FEATURES.len()],
    pub repaid: bool,
    /// The linear model's answer, in millionths.
    pub score_millionths: u32,
}

impl Applicant {
    /// The applicant with this number.
    pub fn draw(seed: u64, row: u64, drift: f64) -> Applicant {
        let mut random = Random::at(seed, Stream::Applicants, row);
        let [who, home, purpose, months] = random.lanes();
        let [dependents, lines, feed, _] = random.lanes();
        let female = share_of(who) < 0.35 + 0.2 * drift;
        let less = if female { 1.0 } else { 0.0 };

        let age = (42.0 + 12.0 * random.bell()).clamp(18.0, 80.0);
        let employment = (8.0 + 0.2 * (age - 42.0) + 5.0 * random.bell() - 2.0 * less).clamp(0.0, age - 16.0);
        let income = 46.0 + 0.5 * employment + 14.0 * random.bell() - (9.0 + 5.0 * drift) * less;
        let debt = 0.32 + 0.15 * random.bell() + 0.08 * drift * less;
        let utilization = 0.42 + 0.22 * random.bell() + 0.3 * (debt - 0.32);
        let savings = 14.0 + 12.0 * random.bell() + 0.1 * (income - 45.0);
        let loan = 18.0 + 8.0 * random.bell();
        let late = -0.62 * (1.0 - random.share()).ln() * (1.0 + 2.0 * utilization.clamp(0.0, 1.0));

        let in_units = |value: f64, per_unit: f64| (value.max(0.0) * per_unit).round() as u32;
        let late_payments = in_units(late, 1.0).min(9);
        let values = [
            age as u32,
            u32::from(!female),
            in_units(income.max(8.0), 10.0),
            in_units(employment, 10.0),
            [0, 0, 0, 1, 1, 1, 1, 2][usize::from(home) % 8],
            u32::from(dependents % 16).count_ones(),
            in_units(debt.min(0.95), 1000.0),
            1 + u32::from(lines % 127).count_ones(),
            if share_of(feed) < drift { FEATURES[LATE_PAYMENTS].typical } else { late_payments },
            in_units(utilization.min(1.0), 1000.0),
            in_units(savings, 10.0),
            in_units(loan.max(1.0), 10.0),
            12 * (1 + u32::from(months % 6)),
            [0, 0, 0, 1, 1, 2, 3, 4][usize::from(purpose) % 8],
        ];
        let logit = logit(&values);
        // What happens in the end is the model's logit and chance, and with drift what the model does
        // not know about the groups.
        let unknown = drift * (if female { 1.2 } else { -0.3 });
        let chance = random.share().clamp(1e-9, 1.0 - 1e-9);
        let repaid = 0.9 * logit + unknown + (chance / (1.0 - chance)).ln() > 0.0;
        Applicant { values, repaid, score_millionths: (sigmoid(logit) * 1e6).round() as u32 }
    }

    /// The predicted label: the score is above one half.
    pub fn approved(&self) -> bool {
        self.score_millionths > 500_000
    }

    pub fn female(&self) -> bool {
        self.values[SEX] == 0
    }

    /// The features as cells, the way the model server receives them.
    pub fn cells(&self) -> Vec<Cell<'static>> {
        cells(&self.values)
    }

    /// Writes the features separated by commas; words stand between two `quote`s.
    pub fn write_features(&self, out: &mut Vec<u8>, quote: &[u8]) {
        write_values(out, &self.values, quote);
    }

    pub(crate) fn write_score(&self, out: &mut Vec<u8>) {
        text::fixed(out, self.score_millionths, 6);
    }
}

fn share_of(lane: u16) -> f64 {
    f64::from(lane) / 65_536.0
}

fn write_values(out: &mut Vec<u8>, values: &[u32; FEATURES.len()], quote: &[u8]) {
    for (place, (feature, &value)) in FEATURES.iter().zip(values).enumerate() {
        if place > 0 {
            out.push(b',');
        }
        match &feature.kind {
            Kind::Number { decimals, .. } => text::fixed(out, value, *decimals),
            Kind::Word(words) => {
                out.extend_from_slice(quote);
                out.extend_from_slice(words[value as usize].0.as_bytes());
                out.extend_from_slice(quote);
            }
        }
    }
}

/// The typical applicant as a JSON list: the row that attributions are measured from.
pub fn typical_json() -> String {
    let mut out = vec![b'['];
    write_values(&mut out, &FEATURES.each_ref().map(|feature| feature.typical), b"\"");
    out.push(b']');
    String::from_utf8_lossy(&out).into_owned()
}

/// A value as it arrives at a model server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    Number(f64),
    Word(&'a str),
    Missing,
}

fn cells(values: &[u32; FEATURES.len()]) -> Vec<Cell<'static>> {
    let cell = |(feature, &value): (&Feature, &u32)| match &feature.kind {
        Kind::Number { decimals, .. } => Cell::Number(f64::from(value) / 10f64.powi(i32::from(*decimals))),
        Kind::Word(words) => Cell::Word(words[value as usize].0),
    };
    FEATURES.iter().zip(values).map(cell).collect()
}

fn logit(values: &[u32; FEATURES.len()]) -> f64 {
    let mut sum = INTERCEPT;
    for (feature, &value) in FEATURES.iter().zip(values) {
        sum += match &feature.kind {
            Kind::Number { decimals, weight } => weight * (f64::from(value) / SCALES[usize::from(*decimals)]),
            Kind::Word(words) => words[value as usize].1,
        };
    }
    sum
}

const SCALES: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];

/// The linear model: `sigmoid(1.15 + sum of weight * value + sum of effects of words)`.
///
/// A missing or unreadable value counts as the typical one, an unknown word as no effect.
pub fn linear(row: &[Cell]) -> f64 {
    let mut sum = INTERCEPT;
    for (place, feature) in FEATURES.iter().enumerate() {
        sum += match (&feature.kind, row.get(place)) {
            (Kind::Number { weight, .. }, Some(Cell::Number(value))) => weight * value,
            (Kind::Number { weight, decimals }, _) => {
                weight * (f64::from(feature.typical) / SCALES[usize::from(*decimals)])
            }
            (Kind::Word(words), Some(Cell::Word(word))) => {
                words.iter().find(|(known, _)| known == word).map_or(0.0, |(_, effect)| *effect)
            }
            (Kind::Word(_), _) => 0.0,
        };
    }
    sigmoid(sum)
}

/// A tree model: three small trees whose leaves add up to a logit. Its answers jump, as those of
/// boosted trees do, and features act together. Anything but a number counts as 0.
pub fn trees(row: &[Cell]) -> f64 {
    let value = |name: &str| {
        let place = FEATURES.iter().position(|feature| feature.name == name);
        match place.and_then(|place| row.get(place)) {
            Some(Cell::Number(value)) => *value,
            _ => 0.0,
        }
    };
    let first = if value("late_payments") > 1.5 {
        -1.5
    } else if value("income") > 45.0 {
        0.9
    } else {
        0.1
    };
    let second = match (value("debt_ratio") > 0.4, value("utilization") > 0.5) {
        (true, true) => -1.0,
        (true, false) => -0.3,
        (false, _) => 0.6,
    };
    let third = if value("savings") > 20.0 {
        0.4
    } else if value("loan_amount") > 25.0 {
        -0.5
    } else {
        0.0
    };
    sigmoid(first + second + third)
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: u64 = 20_000;

    fn applicants(drift: f64) -> Vec<Applicant> {
        (0..ROWS).map(|row| Applicant::draw(1, row, drift)).collect()
    }

    fn share(applicants: &[Applicant], female: bool, holds: impl Fn(&Applicant) -> bool) -> f64 {
        let group: Vec<_> = applicants.iter().filter(|one| one.female() == female).collect();
        group.iter().filter(|one| holds(one)).count() as f64 / group.len() as f64
    }

    #[test]
    fn model_on_cells_gives_the_score_of_the_applicant() {
        for applicant in applicants(0.5) {
            let millionths = (linear(&applicant.cells()) * 1e6).round() as u32;
            assert!(millionths.abs_diff(applicant.score_millionths) <= 1, "{applicant:?}");
        }
    }

    #[test]
    fn linear_model_by_hand() {
        let mut row = vec![Cell::Number(0.0); FEATURES.len()];
        assert_eq!(linear(&row), 1.0 / (1.0 + (-1.15f64).exp()));
        row[8] = Cell::Number(2.0);
        row[4] = Cell::Word("own");
        assert_eq!(linear(&row), 1.0 / (1.0 + (-(1.15 + 0.5 - 2.4f64)).exp()));
        let typical = cells(&FEATURES.each_ref().map(|feature| feature.typical));
        assert_eq!(linear(&[Cell::Missing; 14]), linear(&typical));
    }

    #[test]
    fn trees_by_hand() {
        let mut row = vec![Cell::Number(0.0); FEATURES.len()];
        assert_eq!(trees(&row), 1.0 / (1.0 + (-0.7f64).exp()));
        row[8] = Cell::Number(2.0);
        row[6] = Cell::Number(0.5);
        assert_eq!(trees(&row), 1.0 / (1.0 + 1.8f64.exp()));
    }

    #[test]
    fn training_data_has_both_outcomes_in_both_groups_and_women_are_approved_less() {
        let training = applicants(0.0);
        let women = share(&training, true, Applicant::approved);
        let men = share(&training, false, Applicant::approved);
        assert!((0.3..0.6).contains(&women) && (0.5..0.8).contains(&men), "{women} {men}");
        assert!(men - women > 0.08, "{women} {men}");
        let right = training.iter().filter(|one| one.approved() == one.repaid).count() as f64 / ROWS as f64;
        assert!(right > 0.7, "the model is right for {right} of the rows");
    }

    #[test]
    fn drift_widens_the_gap_and_turns_the_labels() {
        let gap = |rows: &[Applicant], holds: fn(&Applicant) -> bool| {
            share(rows, false, holds) - share(rows, true, holds)
        };
        let (before, after) = (applicants(0.0), applicants(1.0));
        assert!(gap(&after, Applicant::approved) > gap(&before, Applicant::approved) + 0.03);
        assert!(gap(&after, |one| one.repaid) < gap(&before, |one| one.repaid) - 0.1);
        assert!(after.iter().all(|one| one.values[LATE_PAYMENTS] == FEATURES[LATE_PAYMENTS].typical));
    }

    /// Mean absolute effects on the logit stand for the attributions.
    #[test]
    fn drift_changes_the_order_of_attributions_below_the_alarm_threshold() {
        let importance = |rows: &[Applicant]| -> Vec<f64> {
            let effect = |place: usize, value: u32| match &FEATURES[place].kind {
                Kind::Number { decimals, weight } => {
                    weight * f64::from(value) / SCALES[usize::from(*decimals)]
                }
                Kind::Word(words) => words[value as usize].1,
            };
            let mean = |place: usize| {
                let typical = effect(place, FEATURES[place].typical);
                let sum: f64 =
                    rows.iter().map(|one| (effect(place, one.values[place]) - typical).abs()).sum();
                sum / rows.len() as f64
            };
            (0..FEATURES.len()).map(mean).collect()
        };
        let gain = |values: &[f64], order: &[f64]| -> f64 {
            let mut places: Vec<usize> = (0..values.len()).collect();
            places.sort_by(|&a, &b| order[b].total_cmp(&order[a]));
            places.iter().enumerate().map(|(rank, &place)| values[place] / (rank as f64 + 2.0).log2()).sum()
        };
        let (before, same, after) = (
            importance(&applicants(0.0)),
            importance(&(ROWS..2 * ROWS).map(|row| Applicant::draw(1, row, 0.0)).collect::<Vec<_>>()),
            importance(&applicants(1.0)),
        );
        let score = |current: &[f64]| gain(&before, current) / gain(&before, &before);
        assert!(score(&same) > 0.98, "{}", score(&same));
        assert!(score(&after) < 0.87, "{} {before:?} {after:?}", score(&after));
    }
}
