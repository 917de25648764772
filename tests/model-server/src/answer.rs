//! The model's answer in the form that the client accepts.

use std::fmt::Write;

use crate::Options;
use crate::rows::Rows;

/// # Errors
/// What is wrong with a row, or that the form is not known, in words.
pub(crate) fn write(rows: &Rows, accept: &str, options: &Options) -> Result<Vec<u8>, String> {
    if rows.outputs(&|row| vec![f64::from(u8::from((options.takes)(row)))])?.concat().contains(&0.0) {
        return Err("a row has a value that this model does not take".into());
    }
    let mut records = Vec::with_capacity(rows.count());
    for outputs in rows.outputs(&*options.model)? {
        let label = (!options.score_only).then(|| label(&outputs));
        records.push(match accept {
            "text/csv" => csv(label, &outputs, options.decimals),
            _ => json(label, &outputs, options.decimals),
        });
    }
    let mut text = match accept {
        "text/csv" | "application/jsonlines" | "application/x-jsonlines" => records.join("\n"),
        "application/json" if rows.single => records.join(""),
        "application/json" => format!("{{\"predictions\":[{}]}}", records.join(",")),
        other => return Err(format!("cannot answer in {other}")),
    };
    text.push('\n');
    Ok(text.into_bytes())
}

/// 1 for a probability above one half, else 0; of several outputs the place of the highest, the first of
/// equals.
fn label(outputs: &[f64]) -> usize {
    match outputs {
        [probability] => usize::from(*probability > 0.5),
        _ => {
            let highest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            outputs.iter().position(|output| *output == highest).unwrap_or(0)
        }
    }
}

/// `decimals`: with a point, also for whole numbers.
fn number(value: f64, decimals: bool) -> String {
    if decimals { format!("{value:?}") } else { value.to_string() }
}

/// `label,score`, or `label,score,score,...`.
fn csv(label: Option<usize>, outputs: &[f64], decimals: bool) -> String {
    let mut line = String::new();
    for (place, cell) in label.map(|label| label as f64).iter().chain(outputs).enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(line, "{}{}", if place > 0 { "," } else { "" }, number(*cell, decimals));
    }
    line
}

/// `{"approved":1,"score":0.7}`; the score is a list when there are several outputs.
fn json(label: Option<usize>, outputs: &[f64], decimals: bool) -> String {
    let label = label.map_or(String::new(), |label| format!("\"approved\":{label},"));
    let scores: Vec<String> = outputs.iter().map(|output| number(*output, decimals)).collect();
    match &scores[..] {
        [score] => format!("{{{label}\"score\":{score}}}"),
        _ => format!("{{{label}\"score\":[{}]}}", scores.join(",")),
    }
}
