//! `statistics.json` and `constraints.json` of this monitor as values; the layout of the files is the writer's.

use serde_json::{Map, Value as Json, json};

use super::curves;
use super::metrics::{self, Counts, Scalar};
use super::outcomes::{Binary, Multiclass, ProblemType};

/// Everything that goes into the two files.
#[derive(Debug, Clone)]
pub struct Statistics {
    pub problem: ProblemType,
    pub counts: Counts,
    pub scalars: Vec<Scalar>,
    /// In the order of the scalars.
    pub deviations: Vec<Option<f64>>,
}

impl Statistics {
    pub fn value(&self, name: &str) -> Option<f64> {
        metrics::value(&self.scalars, name)
    }

    pub fn deviation(&self, name: &str) -> Option<f64> {
        let at = self.scalars.iter().position(|scalar| scalar.0 == name)?;
        self.deviations.get(at).copied().flatten()
    }

    /// What is published: every metric of the hosted service that has a value.
    pub fn published(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.scalars
            .iter()
            .filter(|scalar| scalar.0 != metrics::BASELINE_MAJORITY)
            .filter_map(|&(name, value)| Some((name, value?)))
    }

    /// The content of `statistics.json`.
    pub fn document(&self) -> Json {
        let mut block = Map::new();
        match &self.counts {
            Counts::Binary(counts) => {
                block.insert("confusion_matrix".into(), binary_matrix(counts));
            }
            Counts::Multiclass(counts) => {
                block.insert("confusion_matrix".into(), matrix(counts));
            }
            Counts::Regression(_) => {}
        }
        for ((name, value), deviation) in self.scalars.iter().zip(&self.deviations) {
            if let (Counts::Binary(counts), "auc") = (&self.counts, *name) {
                curves(&mut block, counts);
            }
            block.insert((*name).into(), json!({"value": value, "standard_deviation": deviation}));
        }
        json!({
            "version": 0.0,
            "dataset": {"item_count": self.counts.rows()},
            (format!("{}_metrics", self.problem.block())): block,
        })
    }
}

fn binary_matrix(counts: &Binary) -> Json {
    let confusion = metrics::confusion(&counts.cells);
    let role = |side: usize| usize::from(side == counts.sides.positive);
    let names = &counts.sides.names;
    let row = |actual: usize| -> Json {
        let cells = (0..2).map(|side| (names[side].clone(), json!(confusion[role(actual)][role(side)])));
        Json::Object(cells.collect())
    };
    Json::Object((0..2).map(|actual| (names[actual].clone(), row(actual))).collect())
}

fn matrix(counts: &Multiclass) -> Json {
    let empty: Map<String, Json> = counts.names.iter().map(|name| (name.clone(), json!(0))).collect();
    let mut rows = vec![empty; counts.names.len()];
    for cell in &counts.cells {
        rows[cell.actual][&counts.names[cell.predicted]] = json!(cell.times);
    }
    Json::Object(counts.names.iter().cloned().zip(rows.into_iter().map(Json::Object)).collect())
}

fn curves(block: &mut Map<String, Json>, counts: &Binary) {
    let roc = curves::roc(&counts.cells);
    let curve = json!({
        "false_positive_rates": roc.false_positive_rates,
        "true_positive_rates": roc.true_positive_rates,
    });
    block.insert("receiver_operating_characteristic_curve".into(), curve);
    let curve = curves::precision_recall(&counts.cells);
    let curve = json!({"precisions": curve.precisions, "recalls": curve.recalls});
    block.insert("precision_recall_curve".into(), curve);
}

#[cfg(test)]
mod tests {
    use super::super::deviations::deviations;
    use super::super::outcomes::tests::{outcomes, question};
    use super::*;

    fn statistics(counts: Counts, problem: ProblemType) -> Statistics {
        let scalars = counts.scalars();
        let deviations = deviations(&counts);
        Statistics { problem, counts, scalars, deviations }
    }

    #[test]
    fn binary_keys_stand_in_the_order_of_the_hosted_file() {
        let mut question = question(ProblemType::BinaryClassification, true, true);
        question.positive_label = Some("no".into());
        let rows = [
            ["yes", "yes", "0.9"],
            ["no", "no", "0.2"],
            ["no", "yes", "0.7"],
            ["yes", "no", "0.4"],
            ["no", "no", "0.1"],
        ];
        let binary = outcomes(question, &rows).binary().unwrap();
        let document = statistics(Counts::Binary(binary), ProblemType::BinaryClassification).document();
        let block = document["binary_classification_metrics"].as_object().unwrap();
        let keys: Vec<&str> = block.keys().map(String::as_str).collect();
        assert_eq!(keys[0], "confusion_matrix");
        assert_eq!(keys[1..11], metrics::BINARY[..10]);
        assert_eq!(keys[11..13], ["receiver_operating_characteristic_curve", "precision_recall_curve"]);
        assert_eq!(keys[13..21], metrics::BINARY[10..]);
        assert_eq!(keys[21..], [metrics::BASELINE_MAJORITY]);
        assert_eq!(
            block["confusion_matrix"].to_string(),
            r#"{"no":{"no":2,"yes":1},"yes":{"no":1,"yes":1}}"#
        );
        assert_eq!(block["recall"].to_string(), r#"{"value":0.6666666666666666,"standard_deviation":null}"#);
        assert_eq!(document["dataset"].to_string(), r#"{"item_count":5}"#);
    }

    #[test]
    fn a_matrix_has_every_class_on_both_sides() {
        let rows = [["a", "b", ""], ["10", "ghost", ""], ["9", "9", ""]];
        let counts =
            outcomes(question(ProblemType::MulticlassClassification, true, false), &rows).multiclass();
        let document =
            statistics(Counts::Multiclass(counts), ProblemType::MulticlassClassification).document();
        let matrix = document["multiclass_classification_metrics"]["confusion_matrix"].as_object().unwrap();
        let keys: Vec<&String> = matrix.keys().collect();
        assert_eq!(keys, ["9", "10", "a", "b", "ghost"]);
        assert_eq!(matrix["10"].to_string(), r#"{"9":0,"10":0,"a":0,"b":0,"ghost":1}"#);
        assert_eq!(matrix["ghost"].to_string(), r#"{"9":0,"10":0,"a":0,"b":0,"ghost":0}"#);
    }

    #[test]
    fn the_published_metrics_are_those_with_a_value_and_not_our_own() {
        let rows = [["2", "1", ""], ["2", "2", ""]];
        let counts = outcomes(question(ProblemType::Regression, true, false), &rows).regression();
        let statistics = statistics(Counts::Regression(counts), ProblemType::Regression);
        let names: Vec<&str> = statistics.published().map(|(name, _)| name).collect();
        assert_eq!(names, ["mae", "mse", "rmse"]);
        assert_eq!(
            statistics.document()["regression_metrics"]["r2"].to_string(),
            r#"{"value":null,"standard_deviation":null}"#
        );
    }
}
