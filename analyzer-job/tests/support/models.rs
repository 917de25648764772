//! Models as expressions, with known Shapley values: the ones in `data/shapley.json`.

use std::collections::HashMap;

use analyzer_job::config::Aggregation;
use analyzer_job::shap::{Estimator, Task};
use analyzer_job::values::cells::{Cells, ModelRows, Value};
use ndarray::Array2;
use plumbline_common::Result;
use plumbline_common::stop::Stop;
use serde::Deserialize;

/// A model, its rows and what is known of them.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub id: String,
    pub link: String,
    pub model: Model,
    pub baseline: Vec<Vec<Cell>>,
    pub instances: Vec<Vec<Cell>>,
    pub predictions_instances: Vec<Vec<f64>>,
    pub expected_value: Vec<f64>,
    /// `[instance][output][feature]`.
    pub shap_values: Vec<Vec<Vec<f64>>>,
    pub global_mean_abs: Vec<Vec<f64>>,
    pub global_mean_sq: Vec<Vec<f64>>,
    pub global_median: Vec<Vec<f64>>,
    pub tolerance: f64,
    /// Errors of the `shap` library 0.51 for the same calls, by feature selection.
    #[serde(default)]
    pub library: Vec<LibraryErrors>,
}

#[derive(Deserialize)]
pub(crate) struct LibraryErrors {
    pub num_samples: u64,
    /// By `none`, `aic` and `ten` (`l1_reg`).
    pub relative_mse: HashMap<String, f64>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Cell {
    Number(f64),
    Text(String),
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Model {
    /// One expression for each output.
    Outputs(Vec<Expression>),
    /// Outputs are exp(e) / sum of exp(e).
    Softmax(Vec<Expression>),
}

#[derive(Clone, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(crate) enum Expression {
    Const { value: f64 },
    Feature { index: usize },
    Linear { intercept: f64, coef: Vec<f64>, features: Option<Vec<usize>> },
    Sum { args: Vec<Expression> },
    Product { args: Vec<Expression> },
    Max { args: Vec<Expression> },
    Sigmoid { arg: Box<Expression> },
    Tanh { arg: Box<Expression> },
    Sin { arg: Box<Expression> },
    Abs { arg: Box<Expression> },
    Scale { factor: f64, arg: Box<Expression> },
    Stump { feature: usize, threshold: f64, left: f64, right: f64 },
    Lookup { feature: usize, table: HashMap<String, f64>, default: f64 },
    Forest { intercept: f64, trees: Vec<Tree> },
}

/// Node 0 is the root; a node whose `left` is -1 is a leaf.
#[derive(Clone, Deserialize)]
pub(crate) struct Tree {
    pub feature: Vec<i64>,
    pub threshold: Vec<f64>,
    pub left: Vec<i64>,
    pub right: Vec<i64>,
    pub value: Vec<f64>,
}

impl Cell {
    pub(crate) fn value(&self) -> Value {
        match self {
            Cell::Number(number) => Value::Float(*number),
            Cell::Text(text) => Value::Text(text.clone()),
        }
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Float(value) => *value,
        Value::Int(value) => *value as f64,
        _ => f64::NAN,
    }
}

impl Expression {
    pub(crate) fn at(&self, row: &[&Value]) -> f64 {
        match self {
            Expression::Const { value } => *value,
            Expression::Feature { index } => number(row[*index]),
            Expression::Linear { intercept, coef, features } => {
                let feature = |k: usize| features.as_ref().map_or(k, |features| features[k]);
                intercept + coef.iter().enumerate().map(|(k, c)| c * number(row[feature(k)])).sum::<f64>()
            }
            Expression::Sum { args } => args.iter().map(|arg| arg.at(row)).sum(),
            Expression::Product { args } => args.iter().map(|arg| arg.at(row)).product(),
            Expression::Max { args } => args.iter().map(|arg| arg.at(row)).fold(f64::NEG_INFINITY, f64::max),
            Expression::Sigmoid { arg } => 1.0 / (1.0 + (-arg.at(row)).exp()),
            Expression::Tanh { arg } => arg.at(row).tanh(),
            Expression::Sin { arg } => arg.at(row).sin(),
            Expression::Abs { arg } => arg.at(row).abs(),
            Expression::Scale { factor, arg } => factor * arg.at(row),
            Expression::Stump { feature, threshold, left, right } => {
                if number(row[*feature]) <= *threshold {
                    *left
                } else {
                    *right
                }
            }
            Expression::Lookup { feature, table, default } => match row[*feature] {
                Value::Text(text) => table.get(text).copied().unwrap_or(*default),
                _ => *default,
            },
            Expression::Forest { intercept, trees } => {
                intercept + trees.iter().map(|tree| tree.at(row)).sum::<f64>()
            }
        }
    }
}

impl Tree {
    fn at(&self, row: &[&Value]) -> f64 {
        let mut node = 0;
        while self.left[node] >= 0 {
            let goes_left = number(row[self.feature[node] as usize]) <= self.threshold[node];
            node = if goes_left { self.left[node] } else { self.right[node] } as usize;
        }
        self.value[node]
    }
}

impl Model {
    pub(crate) fn at(&self, row: &[&Value]) -> Vec<f64> {
        match self {
            Model::Outputs(expressions) => expressions.iter().map(|e| e.at(row)).collect(),
            Model::Softmax(expressions) => {
                let terms: Vec<f64> = expressions.iter().map(|e| e.at(row).exp()).collect();
                let sum: f64 = terms.iter().sum();
                terms.iter().map(|term| term / sum).collect()
            }
        }
    }

    /// As the program calls a model.
    pub(crate) fn predict(&self, cells: &Cells, rows: &ModelRows) -> Result<Array2<f64>> {
        let answers: Vec<Vec<f64>> = rows
            .rows()
            .map(|row| self.at(&row.iter().map(|id| cells.value(*id)).collect::<Vec<_>>()))
            .collect();
        let n_outputs = answers.first().map_or(0, Vec::len);
        Ok(Array2::from_shape_fn((answers.len(), n_outputs), |(row, k)| answers[row][k]))
    }
}

/// Rows for the model.
pub(crate) fn model_rows(rows: &[Vec<Cell>], cells: &mut Cells) -> ModelRows {
    let mut out = ModelRows::new(rows.first().map_or(0, Vec::len));
    for row in rows {
        let ids: Vec<u32> = row.iter().map(|cell| cells.intern(&cell.value())).collect();
        out.push(&ids);
    }
    out
}

/// Rows to explain with all that a task needs.
pub(crate) struct Data {
    pub cells: Cells,
    pub rows: ModelRows,
    pub baseline: ModelRows,
    pub names: Vec<String>,
    pub stop: Stop,
}

impl Data {
    pub(crate) fn of(rows: &[Vec<Cell>], baseline: &[Vec<Cell>]) -> Data {
        let mut cells = Cells::default();
        let (baseline, rows) = (model_rows(baseline, &mut cells), model_rows(rows, &mut cells));
        let names = (0..rows.n_features).map(|i| format!("f{i}")).collect();
        Data { cells, rows, baseline, names, stop: Stop::default() }
    }

    pub(crate) fn numbers(rows: &[Vec<f64>], baseline: &[Vec<f64>]) -> Data {
        let cells = |rows: &[Vec<f64>]| -> Vec<Vec<Cell>> {
            rows.iter().map(|row| row.iter().map(|value| Cell::Number(*value)).collect()).collect()
        };
        Data::of(&cells(rows), &cells(baseline))
    }

    pub(crate) fn task(&self) -> Task<'_> {
        Task {
            cells: &self.cells,
            rows: &self.rows,
            baseline: &self.baseline,
            names: &self.names,
            explained: &[],
            num_samples: None,
            estimator: Estimator::Auto,
            aggregation: Aggregation::MeanAbs,
            use_logit: false,
            seed: 7,
            max_model_rows: None,
            target_standard_error: None,
            answered: &|| (),
            stop: &self.stop,
            for_people: false,
        }
    }
}

pub(crate) fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../data/shapley.json")).expect("the test data is JSON of this shape")
}
