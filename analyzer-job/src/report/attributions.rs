//! What drives the model: global attributions, their drift, the spread of local ones, and partial
//! dependence.

use crate::results::details::{ExplanationDetails, FeatureDetails, OutputDetails};
use crate::results::{Attributions, PartialDependence, Results};

use super::amounts::{self, count, decimal, percent_of, short};
use super::charts;
use super::page::{Block, Figure, Report};
use super::sentences::isolate;
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};

/// Below this the order of attributions counts as changed.
pub(super) const NDCG_LIMIT: f64 = 0.9;
/// Features in the first picture; the long table has all.
const PICTURED: usize = 15;
const STRIPS: usize = 10;

/// One feature of one output, largest attribution first.
pub(super) struct Ranked<'a> {
    pub name: &'a str,
    pub value: f64,
    pub details: Option<&'a FeatureDetails>,
    /// Place in the baseline minus place now: positive has risen.
    pub rise: Option<i64>,
}

/// Features by size of their global attribution, ties in the dataset's order.
pub(super) fn ranked<'a>(
    attributions: &'a Attributions,
    details: Option<&'a OutputDetails>,
) -> Vec<Ranked<'a>> {
    let of_feature =
        |name: &str| details.and_then(|d| d.features.iter().find(|feature| feature.name == name));
    let mut features: Vec<Ranked> = attributions
        .global_shap_values
        .iter()
        .map(|(name, value)| Ranked { name, value: *value, details: of_feature(name), rise: None })
        .collect();
    features.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    let baseline = |feature: &Ranked| feature.details.and_then(|details| details.baseline);
    let mut before: Vec<(&str, f64)> =
        features.iter().filter_map(|feature| Some((feature.name, baseline(feature)?.abs()))).collect();
    before.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (place, feature) in features.iter_mut().enumerate() {
        let was = before.iter().position(|(name, _)| *name == feature.name);
        feature.rise = was.map(|was| was as i64 - place as i64);
    }
    features
}

pub(super) fn sections(report: &mut Report, results: &Results, details: Option<&ExplanationDetails>) {
    let Some(explanations) = &results.explanations else { return };
    let outputs = explanations.kernel_shap.iter().flatten();
    for (position, (label, attributions)) in outputs.enumerate() {
        let output = details.and_then(|d| d.outputs.iter().find(|output| output.label == *label));
        output_section(report, label, attributions, output, details, position);
    }
    if let Some(curves) = explanations.pdp.as_ref().filter(|curves| !curves.is_empty()) {
        dependence(report, curves, details);
    }
}

fn output_section(
    report: &mut Report,
    label: &str,
    attributions: &Attributions,
    output: Option<&OutputDetails>,
    details: Option<&ExplanationDetails>,
    position: usize,
) {
    let features = ranked(attributions, output);
    let id = format!("output-{}", position + 1);
    let total: f64 = features.iter().map(|feature| feature.value.abs()).sum();
    let heading = match features.first() {
        Some(first) if total > 0.0 => {
            format!("Feature attributions of {}: {} first", isolate(label), isolate(first.name))
        }
        _ => format!("Feature attributions of {}: all are 0", isolate(label)),
    };
    let section = report.section(2, &id, heading);
    section.points(facts(attributions, &features, output, details, total));
    let compared =
        features.iter().any(|feature| feature.details.is_some_and(|details| details.baseline.is_some()));
    section.table(bars(label, &features, compared));
    if let Some(table) = strips(label, &features) {
        let section =
            report.section(3, format!("{id}-local"), "Local attributions: how they differ from row to row");
        section.text(
            "A dot is one row of a sample. Right of the line the feature raised the prediction, left of it the feature lowered \
             it. Pale dots are low values of the feature, dark dots high ones, grey dots values without an order.",
        );
        section.table(table);
    }
    let heading =
        format!("All {} of {}", amounts::of(features.len() as u64, "feature", "features"), isolate(label));
    report.section(3, format!("{id}-all"), heading).table(all_features(label, &features, compared));
}

fn facts(
    attributions: &Attributions,
    features: &[Ranked],
    output: Option<&OutputDetails>,
    details: Option<&ExplanationDetails>,
    total: f64,
) -> Vec<String> {
    let mut facts = Vec::new();
    let top: f64 = features.iter().take(3).map(|feature| feature.value.abs()).sum();
    if features.len() > 3 && total > 0.0 {
        let names: Vec<String> = features.iter().take(3).map(|feature| isolate(feature.name)).collect();
        facts.push(format!(
            "{} have {} of the sum of all attributions.",
            names.join(", "),
            percent_of(top / total)
        ));
    }
    facts.push(format!("The prediction for the baseline is {}.", decimal(attributions.expected_value, 3)));
    if let Some(ndcg) = output.and_then(|output| output.ndcg) {
        facts.push(order_in_words("The order", ndcg, features));
    }
    if let Some(details) = details {
        let how = match details.aggregation.as_str() {
            "mean_sq" => "the mean of the squared attributions",
            "median" => "the median of the attributions",
            _ => "the mean size of the attributions",
        };
        facts.push(format!("A bar is {how} over {}.", amounts::of(details.rows_explained, "row", "rows")));
    }
    facts
}

/// The drift score in words: how much the order changed, and where.
pub(super) fn order_in_words(what: &str, ndcg: f64, features: &[Ranked]) -> String {
    let mut movers: Vec<(i64, i64, &str)> = features
        .iter()
        .enumerate()
        .filter(|(place, feature)| {
            feature.rise.is_some_and(|rise| {
                rise != 0 && (*place < PICTURED || *place as i64 + rise < PICTURED as i64)
            })
        })
        .filter_map(|(place, feature)| Some((place as i64 + 1, feature.rise?, feature.name)))
        .collect();
    movers.sort_by_key(|(_, rise, _)| std::cmp::Reverse(rise.abs()));
    let moves: Vec<String> = movers
        .iter()
        .take(3)
        .map(|(place, rise, name)| format!("{} from place {} to {place}", isolate(name), place + rise))
        .collect();
    let how = match ndcg {
        n if n >= 0.999_999 => "is that of the baseline",
        n if n >= NDCG_LIMIT => "is close to that of the baseline",
        _ => "changed",
    };
    let moves = if moves.is_empty() { String::new() } else { format!(": {}", moves.join(", ")) };
    format!("{what} {how} (nDCG {}, limit {NDCG_LIMIT:.2}){moves}.", decimal(ndcg, 3))
}

fn rise_in_words(rise: i64) -> String {
    match rise {
        0 => "same".into(),
        rise if rise > 0 => format!("up {rise}"),
        rise => format!("down {}", -rise),
    }
}

fn rise_cell(feature: &Ranked) -> Cell {
    match feature.rise {
        Some(rise) if rise != 0 => {
            let arrow = if rise > 0 { "↑" } else { "↓" };
            Cell::number(format!("{arrow} {}", rise_in_words(rise)), rise)
        }
        Some(_) => Cell::number("same", 0),
        None => Cell::number("new", ""),
    }
}

fn bars(label: &str, features: &[Ranked], compared: bool) -> Table {
    let shown = &features[..features.len().min(PICTURED)];
    let range = charts::range(shown.iter().flat_map(|feature| {
        let error = feature.details.and_then(|details| details.standard_error).unwrap_or(0.0);
        let baseline = feature.details.and_then(|details| details.baseline);
        [feature.value - error, feature.value + error].into_iter().chain(baseline)
    }));
    // A whisker past zero needs no room of its own: sizes are never below it.
    let range = if shown.iter().all(|feature| feature.value >= 0.0) { [0.0, range[1]] } else { range };
    let mut columns = vec![
        Column::new(ColumnKind::Name, "Feature"),
        Column::picture("Global attribution", charts::plain_head(range, "Global attribution")),
        Column::new(ColumnKind::Number, "Now"),
        Column::new(ColumnKind::Number, "Standard error"),
    ];
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
        columns.push(Column::new(ColumnKind::Number, "Place"));
    }
    let rows = shown
        .iter()
        .map(|feature| {
            let error = feature.details.and_then(|details| details.standard_error);
            let baseline = feature.details.and_then(|details| details.baseline);
            let mut cells = vec![
                Cell::text(isolate(feature.name)),
                Cell::picture(charts::attribution_bar(range, feature.value, error, baseline)),
                Cell::number(decimal(feature.value, 4), feature.value),
                error_cell(error),
            ];
            if compared {
                cells.push(optional(baseline));
                cells.push(rise_cell(feature));
            }
            Row::new(cells)
        })
        .collect();
    let rings = if compared { "; rings are the baseline" } else { "" };
    Table::new(
        Style::Plot,
        format!(
            "The {} largest global attributions of {}; whiskers are one standard error{rings}",
            shown.len(),
            isolate(label)
        ),
        columns,
        rows,
    )
    .coded(format!("attribution_chart({})", super::notebook::literal(label)))
}

fn optional(value: Option<f64>) -> Cell {
    value.map_or_else(Cell::none, |value| Cell::number(decimal(value, 4), value))
}

fn error_cell(error: Option<f64>) -> Cell {
    error.map_or_else(Cell::none, |error| Cell::number(format!("± {}", decimal(error, 4)), error))
}

/// Local values of the ten largest features that have a sample.
fn strips(label: &str, features: &[Ranked]) -> Option<Table> {
    let shown: Vec<(&Ranked, &FeatureDetails)> = features
        .iter()
        .filter_map(|feature| Some((feature, feature.details?)))
        .filter(|(_, details)| !details.sample.is_empty())
        .take(STRIPS)
        .collect();
    if shown.is_empty() {
        return None;
    }
    let range =
        charts::range(shown.iter().flat_map(|(_, details)| details.sample.iter().map(|(value, _)| *value)));
    let rows = shown
        .iter()
        .map(|(feature, details)| {
            let between = details.quantiles.map_or_else(Cell::none, |q| {
                let text = format!("{} to {}", decimal(q[1], 3), decimal(q[5], 3));
                Cell::number(text, format!("{} to {}", q[1], q[5]))
            });
            let median = optional(details.quantiles.map(|q| q[3]));
            Row::new(vec![
                Cell::text(isolate(feature.name)),
                Cell::picture(charts::strip(range, &details.sample)),
                median,
                between,
            ])
        })
        .collect();
    Some(Table::new(
        Style::Plot,
        format!("Local attributions of {}", isolate(label)),
        vec![
            Column::new(ColumnKind::Name, "Feature"),
            Column::picture(
                "Local attribution, one dot a row",
                charts::plain_head(range, "Local attribution, one dot a row"),
            ),
            Column::new(ColumnKind::Number, "Median"),
            Column::new(ColumnKind::Number, "9 rows in 10 lie in"),
        ],
        rows,
    ))
}

fn all_features(label: &str, features: &[Ranked], compared: bool) -> Table {
    let mut columns = columns([
        (ColumnKind::Number, "Place"),
        (ColumnKind::Name, "Feature"),
        (ColumnKind::Number, "Global attribution"),
        (ColumnKind::Number, "Standard error"),
    ]);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
        columns.push(Column::new(ColumnKind::Number, "Change of place"));
    }
    columns.push(Column::new(ColumnKind::Number, "Smallest local"));
    columns.push(Column::new(ColumnKind::Number, "Largest local"));
    let rows = features
        .iter()
        .enumerate()
        .map(|(place, feature)| {
            let details = feature.details;
            let mut cells = vec![
                Cell::count(place as u64 + 1),
                Cell::text(isolate(feature.name)),
                Cell::number(decimal(feature.value, 4), feature.value),
                optional(details.and_then(|details| details.standard_error)),
            ];
            if compared {
                cells.push(optional(details.and_then(|details| details.baseline)));
                cells.push(rise_cell(feature));
            }
            cells.push(optional(details.and_then(|details| details.quantiles).map(|q| q[0])));
            cells.push(optional(details.and_then(|details| details.quantiles).map(|q| q[6])));
            Row::new(cells)
        })
        .collect();
    Table::new(
        if features.len() > 20 { Style::Folded } else { Style::Long },
        format!("Global attributions of {}", isolate(label)),
        columns,
        rows,
    )
    .coded(format!("attributions_of({})", super::notebook::literal(label)))
}

fn dependence(report: &mut Report, curves: &[PartialDependence], details: Option<&ExplanationDetails>) {
    let section = report.section(2, "dependence", "Partial dependence: the mean prediction by feature value");
    let rows = details.and_then(|details| details.pdp_rows);
    let over = rows.map(|rows| format!(" of {}", amounts::of(rows, "row", "rows"))).unwrap_or_default();
    section.text(format!(
        "Each point is the mean prediction when the feature is set to one value in all rows{over}. The grey bars show \
         where the data lie. The vertical axis of an output is the same for all features: a flat line means little influence."
    ));
    let outputs = curves.iter().map(|curve| curve.label_headers.len()).max().unwrap_or(0);
    let spans: Vec<[f64; 2]> = (0..outputs)
        .map(|output| {
            charts::span(
                curves
                    .iter()
                    .filter_map(|curve| curve.model_predictions.as_ref()?.get(output))
                    .flatten()
                    .copied(),
            )
        })
        .collect();
    let mut figures = Vec::new();
    let mut tables = Vec::new();
    let mut missing = Vec::new();
    for curve in curves {
        let (Some(values), Some(predictions)) = (&curve.feature_values, &curve.model_predictions) else {
            let reason = curve.error.as_deref().unwrap_or("not computed");
            missing.push(format!("{}: {reason}", isolate(&curve.feature_name)));
            continue;
        };
        let shares = curve.data_distribution.clone().unwrap_or_default();
        for (output, answers) in predictions.iter().enumerate() {
            let label = curve.label_headers.get(output).map_or("output", String::as_str);
            let span = spans.get(output).copied().unwrap_or([0.0, 1.0]);
            let name = match outputs {
                1 => isolate(&curve.feature_name),
                _ => format!("{} → {}", isolate(&curve.feature_name), isolate(label)),
            };
            let numbers: Option<Vec<f64>> = if curve.data_type == "numerical" {
                values.iter().map(|v| v.as_f64()).collect()
            } else {
                None
            };
            match numbers {
                Some(xs) => {
                    let alt = curve_in_words(&name, &xs, answers);
                    figures.push(Figure {
                        caption: name,
                        alt,
                        drawing: charts::curve(&xs, &shares, answers, span, ""),
                    });
                }
                None => tables.push(categories(&name, values, &shares, answers, span)),
            }
        }
    }
    if !figures.is_empty() {
        section.blocks.push(Block::Figures { figures, code: Some("dependence_charts()".into()) });
    }
    for table in tables {
        section.table(table);
    }
    section.points(missing);
}

fn curve_in_words(name: &str, xs: &[f64], answers: &[f64]) -> String {
    match (xs.first(), xs.last(), answers.first(), answers.last()) {
        (Some(low), Some(high), Some(first), Some(last)) => format!(
            "{name}: the mean prediction goes from {} at {} to {} at {}",
            short(*first),
            short(*low),
            short(*last),
            short(*high)
        ),
        _ => name.to_owned(),
    }
}

/// A category a row, as dots that are not joined.
fn categories(
    name: &str,
    values: &[serde_json::Value],
    shares: &[f64],
    answers: &[f64],
    span: [f64; 2],
) -> Table {
    const SHOWN: usize = 15;
    let axis = charts::positions_head(span, "Mean prediction");
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => isolate(text),
        other => other.to_string(),
    };
    let rows: Vec<Row> = values
        .iter()
        .zip(answers)
        .enumerate()
        .take(SHOWN)
        .map(|(place, (value, answer))| {
            let share = shares.get(place).copied();
            Row::new(vec![
                Cell::text(text(value)),
                Cell::picture(charts::position(span, *answer)),
                Cell::number(decimal(*answer, 3), answer),
                share.map_or_else(Cell::none, Cell::share),
            ])
        })
        .collect();
    let more = values.len().saturating_sub(SHOWN);
    let rest = if more > 0 {
        format!("; the {SHOWN} most frequent of {}", count(values.len() as u64))
    } else {
        String::new()
    };
    Table::new(
        Style::Plot,
        format!("{name}{rest}"),
        vec![
            Column::new(ColumnKind::Name, "Value"),
            Column::picture("Mean prediction", axis),
            Column::new(ColumnKind::Number, "Mean prediction"),
            Column::new(ColumnKind::Number, "Share of rows"),
        ],
        rows,
    )
}
