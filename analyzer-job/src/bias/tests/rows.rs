//! From columns to counts in the plainest way, row by row: the slow twin of the program's reading.

use serde_json::Value as Json;

use crate::state::counts::{BiasCounts, FacetCounts, Groups};
use crate::values::numbers::repr;
use crate::values::table::{Column, MISSING, Texts, Values};

/// A column with its type by name: `int64`, `float64`, `bool` or `string`; null is missing.
pub(super) fn column(name: &str, dtype: &str, cells: &[Json]) -> Column {
    let values = match dtype {
        "int64" => Values::Int(cells.iter().map(|cell| cell.as_i64().unwrap()).collect()),
        "float64" => Values::Float(cells.iter().map(|cell| cell.as_f64().unwrap_or(f64::NAN)).collect()),
        "bool" => Values::Bool(cells.iter().map(|cell| cell.as_bool().unwrap()).collect()),
        "string" => {
            let mut texts = Texts::default();
            for cell in cells {
                let Some(text) = cell.as_str() else {
                    texts.codes.push(MISSING);
                    continue;
                };
                let code = texts.dictionary.iter().position(|known| known == text).unwrap_or_else(|| {
                    texts.dictionary.push(text.into());
                    texts.dictionary.len() - 1
                });
                texts.codes.push(code as u32);
            }
            Values::Text(texts)
        }
        other => panic!("no such type: {other}"),
    };
    Column { name: name.into(), values }
}

/// The numbers of a column, NaN for missing and for text that is none.
pub(super) fn numbers(values: &Values) -> Vec<f64> {
    match values {
        Values::Int(values) => values.iter().map(|&value| value as f64).collect(),
        Values::Float(values) => values.clone(),
        Values::Bool(values) => values.iter().map(|&value| f64::from(u8::from(value))).collect(),
        Values::Text(texts) => (0..texts.codes.len())
            .map(|row| texts.get(row).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN))
            .collect(),
    }
}

fn cell_text(values: &Values, row: usize) -> Option<String> {
    match values {
        Values::Int(values) => Some(values[row].to_string()),
        Values::Float(values) => Some(repr(values[row])).filter(|text| text != "nan"),
        Values::Bool(values) => Some(if values[row] { "True" } else { "False" }.into()),
        Values::Text(texts) => texts.get(row).map(String::from),
    }
}

fn is_continuous(values: &Values, listed: usize) -> bool {
    let n = values.len();
    let five_percent = || {
        let mut seen: Vec<f64> = numbers(values);
        seen.sort_by(f64::total_cmp);
        seen.dedup();
        seen.len() as f64 / n as f64 >= 0.05
    };
    listed <= 1
        && match values {
            Values::Float(_) => true,
            Values::Int(_) => five_percent(),
            Values::Bool(_) => false,
            Values::Text(texts) => {
                (0..n).all(|row| texts.get(row).is_some_and(|text| text.parse::<i64>().is_ok()))
                    && five_percent()
            }
        }
}

/// Which rows are selected by each entry, and the entry as printed. An empty list: every value in turn.
/// `with`: a column whose largest value counts too.
pub(super) fn select(values: &Values, listed: &[Json], with: Option<&Values>) -> Vec<(String, Vec<bool>)> {
    let n = values.len();
    if listed.is_empty() {
        let mut seen: Vec<String> = Vec::new();
        for row in 0..n {
            let text = cell_text(values, row).unwrap();
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        let rows_of =
            |text: &String| (0..n).map(|row| cell_text(values, row).as_ref() == Some(text)).collect();
        return seen.iter().map(|text| (text.clone(), rows_of(text))).collect();
    }
    if is_continuous(values, listed.len()) {
        let threshold = match &listed[0] {
            Json::String(text) => text.parse().unwrap(),
            other => other.as_f64().unwrap(),
        };
        let is_float = matches!(values, Values::Float(_)) || !listed[0].is_i64();
        let mut all = numbers(values);
        let own = all.clone();
        all.extend(with.map(numbers).unwrap_or_default());
        let max = all.iter().copied().filter(|value| !value.is_nan()).fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = (threshold.min(max), threshold.max(max));
        let spell = |value: f64| if is_float { repr(value) } else { (value as i64).to_string() };
        let text = if low == high { String::new() } else { format!("({}, {}]", spell(low), spell(high)) };
        return vec![(text, own.iter().map(|&value| low < value && value <= high).collect())];
    }
    let text = listed.iter().map(spell_config).collect::<Vec<_>>().join(",");
    let same = |row: usize, wanted: &Json| match (values, wanted) {
        (Values::Text(texts), Json::String(wanted)) => texts.get(row) == Some(wanted),
        (Values::Text(_), _) | (_, Json::String(_)) => false,
        (_, Json::Bool(wanted)) => numbers(values)[row] == f64::from(u8::from(*wanted)),
        (_, wanted) => wanted.as_f64() == Some(numbers(values)[row]),
    };
    let mask: Vec<bool> = (0..n).map(|row| listed.iter().any(|wanted| same(row, wanted))).collect();
    if mask.contains(&true) {
        return vec![(text, mask)];
    }
    // Once more with the list as the column's type would spell it.
    let spelled: Vec<String> = listed.iter().map(spell_config).collect();
    let mask = (0..n).map(|row| cell_text(values, row).is_some_and(|cell| spelled.contains(&cell))).collect();
    vec![(text, mask)]
}

fn spell_config(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Bool(value) => if *value { "True" } else { "False" }.into(),
        other => match other.as_i64() {
            Some(value) => value.to_string(),
            None => repr(other.as_f64().unwrap()),
        },
    }
}

/// Which rows are in the group, their observed and their predicted labels.
pub(super) fn count(facet: &[bool], observed: &[bool], predicted: Option<&[bool]>) -> Groups {
    let mut groups = Groups::default();
    for row in 0..facet.len() {
        let group = if facet[row] { &mut groups.d } else { &mut groups.a };
        let predicted = predicted.is_some_and(|predicted| predicted[row]);
        group.rows[usize::from(observed[row])][usize::from(predicted)] += 1;
    }
    groups
}

/// The rows of each value of the group variable, ascending.
pub(super) fn strata(group: &Values) -> Vec<Vec<usize>> {
    let n = group.len();
    let by_number = numbers(group);
    let mut rows: Vec<usize> = (0..n).filter(|&row| cell_text(group, row).is_some()).collect();
    let key = |row: usize| (by_number[row], cell_text(group, row).unwrap());
    rows.sort_by(|&x, &y| {
        let ((x, x_text), (y, y_text)) = (key(x), key(y));
        x.total_cmp(&y).then(x_text.cmp(&y_text))
    });
    rows.chunk_by(|&x, &y| cell_text(group, x) == cell_text(group, y)).map(<[usize]>::to_vec).collect()
}

/// One facet's rows and its counts.
pub(super) struct FacetRows {
    pub(super) mask: Vec<bool>,
    pub(super) counts: FacetCounts,
}

pub(super) fn facets(
    facet: &Column,
    listed: &[Json],
    group: Option<&Values>,
    observed: &[bool],
    predicted: Option<&[bool]>,
) -> Vec<FacetRows> {
    let pick = |mask: &[bool], rows: &[usize]| rows.iter().map(|&row| mask[row]).collect::<Vec<_>>();
    select(&facet.values, listed, None)
        .into_iter()
        .map(|(value_or_threshold, mask)| {
            let of_stratum = |rows: &Vec<usize>| {
                count(
                    &pick(&mask, rows),
                    &pick(observed, rows),
                    predicted.map(|predicted| pick(predicted, rows)).as_deref(),
                )
            };
            let counts = FacetCounts {
                facet: facet.name.clone(),
                value_or_threshold,
                total: count(&mask, observed, predicted),
                strata: group.map(|group| strata(group).iter().map(of_stratum).collect()),
            };
            FacetRows { mask, counts }
        })
        .collect()
}

pub(super) fn bias_counts(
    label: &str,
    label_value: &str,
    predicted: bool,
    facets: &[FacetRows],
) -> BiasCounts {
    BiasCounts {
        label: label.into(),
        label_value_or_threshold: label_value.into(),
        predicted,
        facets: facets.iter().map(|facet| facet.counts.clone()).collect(),
        left_out: Vec::new(),
    }
}
