//! Whether predictions fit the labels: scores that stand for labels, columns of different kinds, predictions of which
//! none is positive. What a few answers of a model show of it is told before all of them are paid for.

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use crate::config::{Analysis, Scalar};
use crate::read::Reading;
use crate::values::raw::Raw;
use crate::values::table::Values;
use crate::values::typing::{self, Cell, Distinct, Type};

use super::cross::Cross;
use super::doubts;
use super::select::{self, Kind};

/// What the observed labels ask of a model's predictions.
pub(crate) struct Expected<'a> {
    analysis: &'a Analysis,
    kind: Kind,
    label: Distinct,
    rows: u64,
}

impl<'a> Expected<'a> {
    /// # Errors
    /// The label was not read.
    pub(crate) fn of(reading: &Reading, analysis: &'a Analysis) -> Result<Expected<'a>> {
        let cross = Cross::of(reading, None)?;
        let label = reading.layout.roles.label.and_then(|label| cross.column(label));
        let label = label.ok_or_else(|| Problem::new(&codes::INTERNAL, "the label column was not read"))?;
        let listed = analysis.label_values_or_threshold.len();
        let kind = select::kind(&label.distinct, label.rows_with_value(&cross.counts), listed);
        Ok(Expected { analysis, kind, label: label.distinct.clone(), rows: cross.rows() })
    }

    /// A model's answers as labels: scores are held against the threshold.
    pub(crate) fn labels(&self, answered: Values) -> Values {
        let (distinct, rows) = typing::distinct(&answered);
        let Some((labels, codes)) = of_scores(&distinct, self.kind, self.analysis) else { return answered };
        let label = |row: u32| &labels.values[codes[row as usize] as usize];
        if labels.values.contains(&Cell::Missing) {
            return Values::Float(rows.into_iter().map(|row| typing::float(label(row))).collect());
        }
        Values::Int(rows.into_iter().map(|row| i64::from(*label(row) == Cell::Int(1))).collect())
    }

    /// That the first answers of a model leave it open whether its predictions fit: nothing is said of what further
    /// answers may still change, such as how many whole numbers there are.
    ///
    /// # Errors
    /// As those of all predictions: they are of another kind than the labels, or none can be positive.
    pub(crate) fn check(&self, answered: &Values) -> Result<()> {
        let list = &self.analysis.label_values_or_threshold;
        let (distinct, _) = typing::distinct(answered);
        let is_score = of_scores(&distinct, self.kind, self.analysis).is_some();
        let has_decimals =
            distinct.values.iter().any(|cell| matches!(cell, Cell::Float(value) if value.fract() != 0.0));
        if can_be_none_of(self.kind, &distinct, list) {
            return Err(none_is_positive(self.kind, &distinct, list));
        }
        let other = match self.kind {
            // A text makes the column one of texts, whatever it says.
            Kind::Continuous if distinct.kind == Type::Text => Some(Kind::Categorical),
            Kind::Categorical if list.len() <= 1 && has_decimals && !is_score => Some(Kind::Continuous),
            _ => None,
        };
        if let Some(other) = other {
            let predicted = Column { kind: other, distinct: &distinct, rows: answered.len() as u64 };
            let label = Column { kind: self.kind, distinct: &self.label, rows: self.rows };
            return Err(kinds_differ(&predicted, &label, self.analysis));
        }
        Ok(())
    }
}

/// Whether predictions are numbers and the listed values of categories words, or the other way round: none can be one of these,
/// whatever else the predictions are.
pub(super) fn can_be_none_of(label_kind: Kind, predicted: &Distinct, list: &[Scalar]) -> bool {
    let spelled = Spelling::of(&predicted.values, print_cell);
    let listed = Spelling::of(list, |value| Some(select::print(value)));
    let never = [(Spelling::Words, Spelling::Numbers), (Spelling::Numbers, Spelling::Words)];
    label_kind == Kind::Categorical && never.contains(&(spelled, listed))
}

/// Whether values are all numbers or all words; truth values are either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Numbers,
    Words,
    Either,
}

impl Spelling {
    fn of<T>(values: &[T], print: impl Fn(&T) -> Option<String>) -> Spelling {
        let mut found = None;
        for text in values.iter().filter_map(print) {
            let own = match typing::parse(Raw::Csv(text.trim())) {
                Cell::Int(_) | Cell::Float(_) => Spelling::Numbers,
                Cell::Bool(_) | Cell::Missing => return Spelling::Either,
                Cell::Text(_) => Spelling::Words,
            };
            if *found.get_or_insert(own) != own {
                return Spelling::Either;
            }
        }
        found.unwrap_or(Spelling::Either)
    }
}

fn print_cell(cell: &Cell) -> Option<String> {
    (*cell != Cell::Missing).then(|| cell.print())
}

/// Numbers with decimals at the place of the predicted label, while the observed labels are categories or a
/// threshold is given, are scores: 1 above the threshold, else 0. So are 0.0 and 1.0; other whole numbers may be
/// classes. Gives the labels, and for each value the position of its label; none for predictions that are labels.
pub(super) fn of_scores(
    predicted: &Distinct,
    label_kind: Kind,
    analysis: &Analysis,
) -> Option<(Distinct, Vec<u32>)> {
    if predicted.kind != Type::Float
        || !analysis.label_may_be_score()
        || (label_kind == Kind::Continuous && !analysis.threshold_given)
    {
        return None;
    }
    let numbers = || predicted.values.iter().filter(|cell| **cell != Cell::Missing).map(typing::float);
    let are_scores =
        numbers().any(|value| value.fract() != 0.0) || numbers().all(|value| value == 0.0 || value == 1.0);
    if !are_scores {
        return None;
    }
    let mut labels: Vec<Cell> = Vec::new();
    let codes = predicted.values.iter().map(|value| {
        let label = match value {
            Cell::Float(value) => Cell::Int(i64::from(*value > analysis.probability_threshold)),
            other => other.clone(),
        };
        let at = labels.iter().position(|known| *known == label).unwrap_or_else(|| {
            labels.push(label);
            labels.len() - 1
        });
        // There are three values at most.
        at as u32
    });
    let codes = codes.collect();
    Some((Distinct::new(Type::Int, labels), codes))
}

/// A column as a message tells it.
pub(super) struct Column<'a> {
    pub(super) kind: Kind,
    pub(super) distinct: &'a Distinct,
    pub(super) rows: u64,
}

/// Predictions of another kind than the labels.
pub(super) fn kinds_differ(predicted: &Column, label: &Column, analysis: &Analysis) -> Problem {
    let say = |column: &Column| {
        format!(
            "{} ({}, {} in {})",
            column.kind.name(),
            column.distinct.kind.name(),
            counted(column.distinct.n_distinct, "distinct value"),
            counted(column.rows, "row")
        )
    };
    Problem::new(
        &codes::PREDICTIONS_DO_NOT_FIT,
        "Predicted Label Column series datatype is not the same as Label Column series",
    )
    .found(format!("predictions that are {}", say(predicted)))
    .expected(format!("as the labels: {}", say(label)))
    .hint(other_kind(predicted.kind, predicted.distinct, label.distinct, analysis))
}

/// What to write when predictions and labels are of different kinds.
fn other_kind(kind: Kind, predicted: &Distinct, label: &Distinct, analysis: &Analysis) -> String {
    let values = |column: &Distinct| {
        let values = column.values.iter().filter(|value| **value != Cell::Missing);
        values.take(2).map(|value| format!("`{}`", value.print())).collect::<Vec<_>>().join(", ")
    };
    match kind {
        Kind::Categorical
            if predicted.kind == Type::Text
                && Spelling::of(&predicted.values, print_cell) == Spelling::Numbers =>
        {
            format!(
                "the predictions are numbers in quotes, such as {}, which are texts: let them be written without quotes",
                values(predicted)
            )
        }
        Kind::Continuous if predicted.kind == Type::Float && analysis.predictor.is_some() => {
            "if the predictions are scores, give their place as `predictor.probability`: a score above \
             `probability_threshold` counts as 1; numbers with decimals are continuous always"
                .into()
        }
        _ => format!(
            "list two or more values in `label_values_or_threshold`, and both columns count as categories; labels are \
             such as {}, predictions such as {}; whole numbers are continuous when at least 5 % of them are distinct, \
             numbers with decimals always",
            values(label),
            values(predicted)
        ),
    }
}

/// Not one positive prediction.
pub(super) fn none_is_positive(kind: Kind, predicted: &Distinct, list: &[Scalar]) -> Problem {
    let shown: Vec<String> =
        predicted.values.iter().take(5).map(|value| format!("`{}`", value.print())).collect();
    let problem = Problem::new(
        &codes::NO_POSITIVE_PREDICTION,
        "No Label values are present in the predicted Label Column,Positive Predicted Index Series contains all False values",
    )
    .field("label_values_or_threshold")
    .found(format!("predictions such as {}", shown.join(", ")));
    let expected = list.iter().map(select::print).collect::<Vec<_>>().join(",");
    match kind {
        Kind::Categorical => {
            let reason = doubts::other_spelling(predicted, list).map(|reason| format!("{reason}; "));
            problem.expected(format!("`{expected}`")).hint(format!(
                "{}list in `label_values_or_threshold` the values that mean the positive outcome, as labels and predictions \
                 both spell them; a model's numbers become such values by `probability` or `label_headers`",
                reason.unwrap_or_default()
            ))
        }
        Kind::Continuous => problem.expected(format!("a prediction above {expected}")).hint(
            "the labels count as continuous, so the positive ones lie above the threshold; whole numbers are \
             continuous when at least 5 % of them are distinct, as 0 and 1 are in up to 40 rows",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DatasetFormat, Location, Predictor};
    use crate::read::fixture;

    fn analysis(listed: &[Scalar]) -> Analysis {
        let mut analysis = fixture::analysis(DatasetFormat::Csv);
        analysis.predicted_label = None;
        analysis.label_values_or_threshold = listed.to_vec();
        analysis.predictor = Some(Predictor { label: Some(Location::Index(0)), ..Predictor::default() });
        analysis
    }

    fn expected(analysis: &Analysis, kind: Kind) -> Expected<'_> {
        let label = Distinct::new(Type::Int, vec![Cell::Int(0), Cell::Int(1)]);
        Expected { analysis, kind, label, rows: 100 }
    }

    fn texts(values: &[&str]) -> Values {
        let mut dictionary = crate::values::raw::Dictionary::default();
        let rows: Vec<u32> = values.iter().map(|value| dictionary.intern(Raw::Csv(value))).collect();
        typing::column(String::new(), &dictionary, &rows).values
    }

    #[test]
    fn numbers_with_decimals_are_scores_unless_they_may_be_classes() {
        let mut analysis = analysis(&[Scalar::Int(1)]);
        analysis.probability_threshold = 0.4;
        let labels =
            |analysis: &Analysis, kind, values: &[&str]| expected(analysis, kind).labels(texts(values));
        let categorical = |values: &[&str]| labels(&analysis, Kind::Categorical, values);
        assert_eq!(categorical(&["0.4", "0.5", "0.400001"]), Values::Int(vec![0, 1, 1]));
        assert_eq!(categorical(&["1.0", "0.0"]), Values::Int(vec![1, 0]));
        let Values::Float(missing) = categorical(&["0.9", "", "0.1"]) else { panic!() };
        assert!(missing[0] == 1.0 && missing[1].is_nan() && missing[2] == 0.0);
        for classes in [&["1.0", "2.0"][..], &["1", "0"], &["a", "0.5"]] {
            assert_eq!(categorical(classes), texts(classes));
        }
        let regression = ["0.5", "7.25"];
        assert_eq!(labels(&analysis, Kind::Continuous, &regression), texts(&regression));
        let with_threshold = Analysis { threshold_given: true, ..analysis.clone() };
        assert_eq!(labels(&with_threshold, Kind::Continuous, &regression), Values::Int(vec![1, 1]));
    }

    #[test]
    fn first_answers_that_leave_no_hope_are_refused_and_no_others() {
        let text = |text: &str| Scalar::Text(text.into());
        let (one, yes) = (vec![Scalar::Int(1)], vec![text("yes")]);
        let check = |list: &[Scalar], kind, values: &[&str], place: bool| {
            let mut analysis = analysis(list);
            if place {
                analysis.predictor.as_mut().unwrap().probability = Some(Location::Index(1));
            }
            expected(&analysis, kind).check(&texts(values)).map_err(|problem| problem.what().to_owned())
        };
        use Kind::{Categorical, Continuous};
        for (list, kind, values, place, refused) in [
            (&one, Categorical, &["yes", "no"][..], false, "No Label values"),
            (&yes, Categorical, &["1", "0"], false, "No Label values"),
            (&yes, Categorical, &["0.7"], false, "No Label values"),
            (&yes, Categorical, &["0.7"], true, "No Label values"),
            (&one, Continuous, &["yes"], false, "datatype is not the same"),
            (&one, Categorical, &["0.7"], true, "datatype is not the same"),
        ] {
            let found = check(list, kind, values, place);
            assert!(
                found.as_ref().is_err_and(|found| found.contains(refused)),
                "{list:?} {values:?} {found:?}"
            );
        }
        for (list, kind, values, place) in [
            // Others may be positive, or of another kind once more of them are there.
            (&one, Categorical, &["0"][..], false),
            (&one, Categorical, &["no", "1"], false),
            (&one, Categorical, &["2.0"], false),
            (&one, Categorical, &["0.7"], false),
            (&one, Categorical, &["True"], false),
            (&one, Categorical, &[""], false),
            (&yes, Categorical, &["no"], false),
            (&yes, Categorical, &["True"], false),
            (&one, Continuous, &["0.7", "12"], false),
        ] {
            assert_eq!(check(list, kind, values, place), Ok(()), "{list:?} {values:?}");
        }
        // A number in quotes is a text, in any company.
        let analysis = analysis(&[Scalar::Float(4.5)]);
        for tokens in [&["\"3.25\""][..], &["\"3\"", "4.5"], &["\"low\"", "\"3\""], &["null", "\"5.5\""]] {
            let mut dictionary = crate::values::raw::Dictionary::default();
            let rows: Vec<u32> = tokens.iter().map(|token| dictionary.intern(Raw::Json(token))).collect();
            let answered = typing::column(String::new(), &dictionary, &rows).values;
            let told = expected(&analysis, Continuous).check(&answered).unwrap_err().to_string();
            assert!(told.starts_with("PL0311") && !told.contains("1 distinct values"), "{told}");
            assert_eq!(
                told.contains("numbers in quotes"),
                !tokens.contains(&"\"low\""),
                "{tokens:?}: {told}"
            );
        }
        let two = [Scalar::Int(1), Scalar::Int(2)];
        assert_eq!(check(&two, Categorical, &["1.5"], true), Ok(()));
    }
}
