//! `statistics.json`: what is known of every column. The form and each number are the hosted service's.

use serde::{Serialize, Serializer};

use crate::state::kll::Kll;
use crate::state::profile::{Column, Kind};
use crate::values::java::Double;

#[derive(Debug, Clone, Serialize)]
pub struct Statistics<'a> {
    pub version: f64,
    pub dataset: Dataset,
    pub features: Vec<Feature<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Dataset {
    /// Rows.
    pub item_count: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Feature<'a> {
    pub name: String,
    pub inferred_type: &'static str,
    #[serde(flatten)]
    pub statistics: Measured<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub enum Measured<'a> {
    #[serde(rename = "numerical_statistics")]
    Numbers(Numbers<'a>),
    #[serde(rename = "string_statistics")]
    Texts(Texts),
}

#[derive(Debug, Clone, Serialize)]
pub struct Numbers<'a> {
    pub common: Common,
    pub mean: Double,
    pub sum: Double,
    pub std_dev: Double,
    pub min: f64,
    pub max: f64,
    pub approximate_num_distinct_values: u64,
    pub completeness: f64,
    pub distribution: NumberDistribution<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct NumberDistribution<'a> {
    pub kll: Quantiles<'a>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Quantiles<'a> {
    pub buckets: Vec<Bucket>,
    pub sketch: Sketch<'a>,
}

/// Rows from the lower bound (included) to the upper (included in the last bucket only), by the sketch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bucket {
    pub lower_bound: f64,
    pub upper_bound: f64,
    pub count: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Sketch<'a> {
    pub parameters: Parameters,
    /// The items of each level.
    #[serde(serialize_with = "levels")]
    pub data: &'a Kll,
}

fn levels<S: Serializer>(sketch: &Kll, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(sketch.data())
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Parameters {
    pub c: f64,
    pub k: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Texts {
    pub common: Common,
    pub distinct_count: f64,
    pub completeness: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<TextDistribution>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TextDistribution {
    pub categorical: Categories,
}

#[derive(Debug, Clone, Serialize)]
pub struct Categories {
    pub buckets: Vec<Category>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Category {
    pub value: String,
    pub count: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Common {
    pub num_present: u64,
    pub num_missing: u64,
}

impl Feature<'_> {
    pub fn completeness(&self) -> f64 {
        match &self.statistics {
            Measured::Numbers(numbers) => numbers.completeness,
            Measured::Texts(texts) => texts.completeness,
        }
    }
}

/// How the numbers are to be taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// `1.0` counts as a whole number.
    pub by_value: bool,
    /// Bucket bounds as in the hosted service, which loses numbers beyond 32 bits.
    pub strict: bool,
}

/// The statistics of columns in their order. `rows` is the number of rows of the dataset.
pub fn statistics<'a>(
    columns: impl Iterator<Item = (&'a str, &'a Column)>,
    rows: u64,
    taken: Taken,
) -> Statistics<'a> {
    Statistics {
        version: 0.0,
        dataset: Dataset { item_count: rows },
        features: columns.map(|(name, column)| feature(name, column, rows, taken)).collect(),
    }
}

fn feature<'a>(name: &str, column: &'a Column, rows: u64, taken: Taken) -> Feature<'a> {
    let kind = column.spellings.kind(taken.by_value);
    let present = column.present();
    // A column that came late has no cells in the rows before it.
    let common = Common { num_present: present, num_missing: rows - present };
    let completeness = present as f64 / rows as f64;
    let statistics = if kind.is_numeric() {
        Measured::Numbers(numbers(column, common, completeness, taken))
    } else {
        let categories = column.categories().filter(|_| kind == Kind::String);
        Measured::Texts(Texts {
            common,
            distinct_count: column.distinct(),
            completeness,
            distribution: categories.map(|categories| TextDistribution {
                categorical: Categories {
                    buckets: categories
                        .into_iter()
                        .map(|(value, count)| Category { value: value.into(), count })
                        .collect(),
                },
            }),
        })
    };
    Feature { name: name.into(), inferred_type: kind.name(), statistics }
}

fn numbers(column: &Column, common: Common, completeness: f64, taken: Taken) -> Numbers<'_> {
    let moments = &column.moments;
    // The hosted sketch starts with the largest and smallest numbers of 32 bits as its bounds.
    let (low, high) = if taken.strict {
        (moments.min.min(f64::from(i32::MAX)), moments.max.max(f64::from(i32::MIN)))
    } else {
        (moments.min, moments.max)
    };
    Numbers {
        common,
        mean: Double(moments.mean()),
        sum: Double(moments.sum),
        std_dev: Double(moments.standard_deviation()),
        min: moments.min,
        max: moments.max,
        // A whole number of at most 2^53.
        approximate_num_distinct_values: column.distinct() as u64,
        completeness,
        distribution: NumberDistribution {
            kll: Quantiles {
                buckets: buckets(column, low, high),
                sketch: Sketch { parameters: Parameters { c: 0.64, k: 2048.0 }, data: &column.sketch },
            },
        },
    }
}

const BUCKETS: u8 = 10;

/// Ten buckets of equal width; in these operations, so that the bounds are the hosted ones to the last digit.
fn buckets(column: &Column, low: f64, high: f64) -> Vec<Bucket> {
    let weights = column.sketch.weights();
    let width = high - low;
    let bound = |at: u8| {
        if width.is_finite() {
            low + width * f64::from(at) / 10.0
        } else {
            // The width is beyond the range of doubles, the bounds are not.
            low * (1.0 - f64::from(at) / 10.0) + high * (f64::from(at) / 10.0)
        }
    };
    (0..BUCKETS)
        .map(|at| {
            let (lower, upper) = (bound(at), bound(at + 1));
            let up_to = if at + 1 == BUCKETS { weights.at_most(upper) } else { weights.below(upper) };
            Bucket { lower_bound: lower, upper_bound: upper, count: up_to - weights.below(lower) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::values::java;

    fn column(cells: &[&str]) -> Column {
        let mut column = Column::new();
        column.update(cells.iter().map(|cell| (!cell.is_empty()).then_some(*cell)));
        column
    }

    fn of(cells: &[&str], taken: Taken) -> serde_json::Value {
        let column = column(cells);
        serde_json::to_value(statistics([("x", &column)].into_iter(), cells.len() as u64, taken)).unwrap()
    }

    #[test]
    fn a_column_of_each_kind_has_the_keys_of_its_kind() {
        let found = of(&["34", "28", "", "52"], Taken::default());
        let feature = &found["features"][0];
        assert_eq!(found["dataset"], json!({"item_count": 4}));
        assert_eq!(feature["inferred_type"], "Integral");
        let numbers = &feature["numerical_statistics"];
        assert_eq!(numbers["common"], json!({"num_present": 3, "num_missing": 1}));
        assert_eq!(numbers["completeness"], 0.75);
        assert_eq!(numbers["distribution"]["kll"]["sketch"]["data"], json!([[34.0, 28.0, 52.0]]));
        let counts: Vec<f64> = numbers["distribution"]["kll"]["buckets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|bucket| bucket["count"].as_f64().unwrap())
            .collect();
        // 28 is in the first of ten buckets from 28 to 52, 34 in the third, 52 in the last.
        assert_eq!(counts, [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let texts = of(&["b", "a", "b"], Taken::default());
        let buckets = &texts["features"][0]["string_statistics"]["distribution"]["categorical"]["buckets"];
        assert_eq!(*buckets, json!([{"value": "b", "count": 2}, {"value": "a", "count": 1}]));
        let nothing = of(&["", ""], Taken::default());
        assert_eq!(
            nothing["features"][0],
            json!({"name": "x", "inferred_type": "Unknown", "string_statistics": {
                "common": {"num_present": 0, "num_missing": 2}, "distinct_count": 0.0, "completeness": 0.0}})
        );
    }

    #[test]
    fn by_value_a_whole_number_is_one() {
        assert_eq!(of(&["1.0", "2"], Taken::default())["features"][0]["inferred_type"], "Fractional");
        let taken = Taken { by_value: true, strict: false };
        assert_eq!(of(&["1.0", "2"], taken)["features"][0]["inferred_type"], "Integral");
    }

    #[test]
    fn bounds_of_large_numbers_are_right_unless_they_must_be_as_hosted() {
        let cells = ["1700000000000", "1700000000010"];
        let bounds = |taken| {
            let found = of(&cells, taken);
            let buckets = &found["features"][0]["numerical_statistics"]["distribution"]["kll"]["buckets"];
            (buckets[0]["lower_bound"].as_f64().unwrap(), buckets[9]["upper_bound"].as_f64().unwrap())
        };
        assert_eq!(bounds(Taken::default()), (1.7e12, 1_700_000_000_010.0));
        assert_eq!(bounds(Taken { by_value: false, strict: true }), (2_147_483_647.0, 1_700_000_000_010.0));
        // A width beyond the range of doubles, and a sum beyond it.
        let column = column(&["-1e308", "1e308", "1e308", "1e308"]);
        let text = java::to_json(&statistics([("x", &column)].into_iter(), 4, Taken::default())).unwrap();
        let found: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let numbers = &found["features"][0]["numerical_statistics"];
        // -1e308 + 1e308 + 1e308 + 1e308 is beyond the range of doubles.
        assert_eq!(numbers["sum"], "Infinity");
        assert!(numbers["distribution"]["kll"]["buckets"][4]["upper_bound"].is_f64());
    }
}
