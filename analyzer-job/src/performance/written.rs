//! What a file `statistics.json` alone tells of a baseline, also the hosted service's: its values, its classes, and how much the
//! values vary.
//!
//! The matrix and the points of the curves tell how many rows of each class have each prediction and each score, so classifications
//! have the errors and intervals that their rows had. Of a regression only the standard deviation of five draws stands there.

use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result, codes};
use serde_json::{Map, Value as Json};

use super::classes::{Sides, order, same};
use super::details;
use super::fit::Classes;
use super::intervals::{self, MOST_DRAWN, Spread};
use super::metrics::{self, Counts};
use super::moved::Side;
use super::outcomes::{Binary, MatrixCell, Multiclass, ProblemType, Question, ScoreCell};
use crate::monitor::plan::baseline_json;

/// From the standard deviation of five draws to a standard error. A sample of 80 % without replacement varies half as much as the
/// rows themselves (`sqrt(1 / 0.8 - 1)`); the squares are divided by five, not by four (`sqrt(5 / 4)`); and of so few draws the
/// deviation itself varies so much that a change beyond chance is 1.5 times as large (Student's t with four degrees of freedom beside
/// the normal distribution, at 5 % over the three metrics of a regression).
const OF_DEVIATION: f64 = 2.0 * 1.118_033_988_749_895 * 1.5;

/// Errors of metrics that are computed from the file are those of its values only if both agree so far.
const ROUNDING: f64 = 1e-6;

/// What the file tells.
#[derive(Debug)]
pub(super) struct Written {
    /// By metric.
    pub(super) sides: IndexMap<String, Side>,
    pub(super) classes: Classes,
    /// Binary problems: the share of the labels that are positive.
    pub(super) positive_share: Option<f64>,
    /// What is said where the file does not tell how much the values vary.
    pub(super) doubt: Option<String>,
}

/// Reads the file.
///
/// # Errors
/// It cannot be read, or has no block of this kind of problem.
pub(super) fn load(path: &Path, question: &Question) -> Result<Written> {
    let document = baseline_json("baseline_statistics", path)?;
    let name = format!("{}_metrics", question.problem.block());
    let bad = |found: String| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "the statistics of the baseline cannot be used")
            .file(path)
            .field("baseline_statistics")
            .found(found)
            .expected(format!("a block `{name}` with `dataset.item_count`"))
    };
    let (Some(block), Some(rows)) =
        (document.get(&name).and_then(Json::as_object), document["dataset"]["item_count"].as_u64())
    else {
        return Err(bad("none".into()));
    };
    let matrix = block.get("confusion_matrix");
    let counts = matrix.and_then(|matrix| match question.problem {
        ProblemType::BinaryClassification => binary(matrix, question).map(Counts::Binary),
        ProblemType::MulticlassClassification => multiclass(matrix).map(Counts::Multiclass),
        ProblemType::Regression => None,
    });
    let curves = match &counts {
        Some(Counts::Binary(binary)) => scored(block, binary).map(Counts::Binary),
        _ => None,
    };
    let known: IndexMap<&str, (f64, Spread)> = [counts.as_ref(), curves.as_ref()]
        .into_iter()
        .flatten()
        .flat_map(|counts| {
            // Of predictions alone the areas are those of other curves.
            let is_of = |name: &str| {
                ["auc", "au_prc"].contains(&name)
                    == matches!(counts, Counts::Binary(binary) if binary.has_scores)
            };
            let of_binary = matches!(counts, Counts::Binary(_));
            let scalars: Vec<_> =
                counts.scalars().into_iter().filter(|scalar| !of_binary || is_of(scalar.0)).collect();
            let spreads = intervals::spreads(counts, &scalars, MOST_DRAWN);
            scalars
                .into_iter()
                .zip(spreads)
                .filter_map(|((name, value), spread)| Some((name, (value?, spread))))
        })
        .collect();
    let mut vague: Vec<&str> = Vec::new();
    let mut sides = IndexMap::new();
    for (metric, entry) in block {
        let Some(value) = entry.get("value").and_then(Json::as_f64) else { continue };
        let computed = known.get(metric.as_str()).filter(|known| (known.0 - value).abs() <= ROUNDING);
        let spread = computed.map_or_else(
            || {
                vague.push(metric);
                let deviation = entry.get("standard_deviation").and_then(Json::as_f64);
                Spread { standard_error: deviation.map(|of| OF_DEVIATION * of), ..Spread::default() }
            },
            |known| known.1,
        );
        sides.insert(metric.clone(), Side { value, spread, rows });
    }
    let (classes, positive_share) = match &counts {
        Some(Counts::Binary(Binary { sides: Sides { names, positive }, cells, .. })) => {
            let [negatives, positives] = metrics::confusion(cells).map(|row| row[0] + row[1]);
            let share = positives as f64 / (negatives + positives) as f64;
            (
                Classes::Binary([names[1 - positive].clone(), names[*positive].clone()]),
                Some(share).filter(|share| share.is_finite()),
            )
        }
        Some(Counts::Multiclass(_)) => (matrix.map(several).unwrap_or_default(), None),
        _ => (Classes::Unknown, None),
    };
    let doubt = doubt(path, question.problem, &vague, &sides);
    Ok(Written { sides, classes, positive_share, doubt })
}

/// What is said of metrics of which the file does not tell how much they vary, and of the way out.
fn doubt(
    path: &Path,
    problem: ProblemType,
    vague: &[&str],
    sides: &IndexMap<String, Side>,
) -> Option<String> {
    let checked = super::constraints::constrained(problem);
    let vague: Vec<&str> =
        vague.iter().copied().filter(|name| checked.contains(name) || *name == "au_prc").collect();
    if vague.is_empty() {
        return None;
    }
    let drawn = vague.iter().any(|name| sides[*name].spread.standard_error.is_some());
    let names: Vec<String> = vague.iter().map(|name| format!("`{name}`")).collect();
    let (names, place) = (names.join(", "), path.display());
    let known = if drawn {
        format!(
            "The baseline {place} gives only the standard deviation of five draws for {names}: a change of these must be one and a \
             half times as large to be told from chance"
        )
    } else {
        format!(
            "The baseline {place} does not say how much {names} vary: a change of these cannot be told from chance"
        )
    };
    let missing = match problem {
        ProblemType::BinaryClassification => {
            "a `confusion_matrix` of two classes and a `receiver_operating_characteristic_curve` with a point for each score that fit \
             these values"
        }
        ProblemType::MulticlassClassification => "a `confusion_matrix` that fits these values",
        ProblemType::Regression => {
            "the spread of the errors, which the layout of the hosted service has no place for"
        }
    };
    Some(format!(
        "{known}. It lacks {missing}. Make the baseline with this program and leave its `{}` beside `constraints.json`.",
        details::FILE
    ))
}

/// The counts of a matrix of rows by actual and predicted class: names, and cells by their places among these.
fn cells(matrix: &Json) -> Option<(Vec<String>, Vec<MatrixCell>)> {
    let mut names: Vec<String> = Vec::new();
    let mut place = |name: &str| match names.iter().position(|known| same(known, name)) {
        Some(at) => at,
        None => {
            names.push(name.to_owned());
            names.len() - 1
        }
    };
    let mut cells = Vec::new();
    for (actual, row) in matrix.as_object()? {
        let actual = place(actual);
        for (predicted, times) in row.as_object()? {
            cells.push(MatrixCell { actual, predicted: place(predicted), times: times.as_u64()? });
        }
    }
    cells.retain(|cell| cell.times > 0);
    Some((names, cells))
}

/// None when the matrix has other than two classes.
fn binary(matrix: &Json, question: &Question) -> Option<Binary> {
    let (names, cells) = cells(matrix)?;
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_by(|a, b| order(a, b));
    let sides = Sides::of(&sorted, question.positive_label.as_deref()).ok()?;
    let side = |class: usize| usize::from(same(&names[class], &sides.names[sides.positive]));
    let mut counts = [[0; 2]; 2];
    cells.iter().for_each(|cell| counts[side(cell.actual)][side(cell.predicted)] += cell.times);
    let cells = vec![ScoreCell { score: 0.0, counts }];
    Some(Binary { sides, cells, waiting: Vec::new(), unknown: Vec::new(), has_scores: false })
}

fn multiclass(matrix: &Json) -> Option<Multiclass> {
    let (names, mut cells) = cells(matrix)?;
    let mut sorted: Vec<usize> = (0..names.len()).collect();
    sorted.sort_by(|&a, &b| order(&names[a], &names[b]));
    let mut place = vec![0; names.len()];
    sorted.iter().enumerate().for_each(|(at, &class)| place[class] = at);
    for cell in &mut cells {
        (cell.actual, cell.predicted) = (place[cell.actual], place[cell.predicted]);
    }
    cells.sort_by_key(|cell| (cell.actual, cell.predicted));
    let is_label = (0..names.len()).map(|class| cells.iter().any(|cell| cell.actual == class)).collect();
    Some(Multiclass {
        names: sorted.into_iter().map(|class| names[class].clone()).collect(),
        is_label,
        cells,
    })
}

/// Rows of each score: what both classes gain from one point of the ROC curve to the next. None where these are no whole rows. The
/// scores themselves are not known, their order is.
fn scored(block: &Map<String, Json>, of_matrix: &Binary) -> Option<Binary> {
    let totals = metrics::confusion(&of_matrix.cells).map(|row| row[0] + row[1]);
    let curve = block.get("receiver_operating_characteristic_curve")?;
    let counts = |name: &str, total: u64| -> Option<Vec<u64>> {
        let rate = |rate: &Json| {
            let rows = rate.as_f64()? * total as f64;
            ((rows - rows.round()).abs() < 1e-3 && rows > -0.5).then_some(rows.round() as u64)
        };
        curve.get(name)?.as_array()?.iter().map(rate).collect()
    };
    let negatives = counts("false_positive_rates", totals[0])?;
    let positives = counts("true_positive_rates", totals[1])?;
    if negatives.len() != positives.len() {
        return None;
    }
    let mut cells = Vec::new();
    let mut last = [0, 0];
    for (negatives, positives) in negatives.into_iter().zip(positives) {
        let gained = [negatives.checked_sub(last[0])?, positives.checked_sub(last[1])?];
        last = [negatives, positives];
        if gained != [0, 0] {
            cells.push(ScoreCell { score: -(cells.len() as f64), counts: gained.map(|rows| [rows, 0]) });
        }
    }
    (last == totals).then(|| Binary { cells, has_scores: true, ..of_matrix.empty() })
}

/// The classes of a matrix of rows by actual and predicted class.
fn several(matrix: &Json) -> Classes {
    let mut classes: Vec<(String, f64)> = Vec::new();
    for (actual, row) in matrix.as_object().into_iter().flatten() {
        let row = row.as_object();
        let rows: f64 = row.into_iter().flatten().filter_map(|(_, rows)| rows.as_f64()).sum();
        let predicted = row.into_iter().flatten().map(|(name, _)| (name, 0.0));
        for (name, rows) in std::iter::once((actual, rows)).chain(predicted) {
            match classes.iter_mut().find(|class| same(&class.0, name)) {
                Some(class) => class.1 += rows,
                None => classes.push((name.clone(), rows)),
            }
        }
    }
    let whole: f64 = classes.iter().map(|class| class.1).sum();
    classes.iter_mut().for_each(|class| class.1 /= whole.max(f64::MIN_POSITIVE));
    if classes.is_empty() { Classes::Unknown } else { Classes::Several(classes) }
}

#[cfg(test)]
mod tests {
    use super::super::outcomes::tests::{outcomes, question};
    use super::super::statistics::Statistics;
    use super::*;

    fn load_text(text: &str, question: &Question) -> Result<Written> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("statistics.json");
        std::fs::write(&path, text).unwrap();
        load(&path, question)
    }

    fn statistics(counts: Counts, problem: ProblemType) -> Statistics {
        let scalars = counts.scalars();
        let deviations = super::super::deviations::deviations(&counts);
        Statistics { problem, counts, scalars, deviations }
    }

    /// The file of a baseline says as much of classifications as its rows do.
    #[test]
    fn a_file_of_a_classification_gives_the_errors_of_its_rows() {
        let rows: Vec<[String; 3]> = (0_u32..400)
            .map(|row| {
                let (label, score) = (row * 7919 % 5, row * 104_729 % 97);
                let (label, score) = (u32::from(label > 3), score + 30 * u32::from(label > 3));
                [label.to_string(), u32::from(score > 60).to_string(), format!("0.{score:03}")]
            })
            .collect();
        let rows: Vec<[&str; 3]> = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect();
        for (problem, score) in
            [(ProblemType::BinaryClassification, true), (ProblemType::MulticlassClassification, false)]
        {
            let question = question(problem, true, score);
            let counts = super::super::findings::counts(&outcomes(question.clone(), &rows)).unwrap();
            let found = statistics(counts, problem);
            let document = serde_json::to_string(&found.document()).unwrap();
            let baseline = load_text(&document, &question).unwrap();
            assert_eq!(baseline.doubt, None);
            let spreads = intervals::spreads(&found.counts, &found.scalars, MOST_DRAWN);
            for (&(name, value), spread) in found.scalars.iter().zip(spreads) {
                let side = baseline.sides[name];
                assert_eq!((Some(side.value), side.spread), (value, spread), "{name}");
            }
        }
    }

    #[test]
    fn a_file_that_tells_too_little_says_what_is_missing() {
        let question = question(ProblemType::BinaryClassification, false, true);
        // The matrix of the file, no curve.
        let text = r#"{"version": 0.0, "dataset": {"item_count": 201}, "binary_classification_metrics": {
            "confusion_matrix": {"0": {"0": 173, "1": 0}, "1": {"0": 12, "1": 16}},
            "recall": {"value": 0.5714285714285714, "standard_deviation": 0.039},
            "auc": {"value": 0.9395, "standard_deviation": 0.01},
            "f1": {"value": 0.7, "standard_deviation": "NaN"}}}"#;
        let baseline = load_text(text, &question).unwrap();
        assert_eq!(baseline.sides["recall"].spread.share, Some([16, 28]));
        assert_eq!(baseline.positive_share, Some(28.0 / 201.0));
        // 2 sqrt(5 / 4) 1.5
        let error = baseline.sides["auc"].spread.standard_error.unwrap();
        assert!((error - 0.033_541).abs() < 1e-6, "{error}");
        // Not that of the matrix.
        assert_eq!(baseline.sides["f1"].spread.standard_error, None);
        let doubt = baseline.doubt.unwrap();
        for part in ["`auc`, `f1`", "five draws", "receiver_operating_characteristic_curve", details::FILE] {
            assert!(doubt.contains(part), "{part}: {doubt}");
        }
        let text = load_text("{}", &question).unwrap_err().to_string();
        assert!(text.contains("statistics.json") && text.contains("binary_classification_metrics"), "{text}");
    }
}
