//! One sentence for each metric, made from the counts: who is better off, by how much, in units a
//! person feels. The sign of the metric is turned into words here, so that nobody has to remember it.

use crate::counts::{Group, Groups};

use super::amounts::{felt, number, percent, percent_of, points, times};

/// The words of the configuration's owner.
#[derive(Debug, Clone)]
pub(super) struct Words {
    /// `Sex = 0`, `Age in (40, 80]`.
    pub facet: String,
    /// `Target = 1`.
    pub positive: String,
    pub group_variable: Option<String>,
}

/// A condition in words: intervals and values differ.
pub(super) fn condition(column: &str, value: &str) -> String {
    let column = isolate(column);
    match value {
        "" => format!("{column} in the empty interval"),
        value if value.starts_with('(') && value.ends_with(']') => format!("{column} in {}", isolate(value)),
        value => format!("{column} = {}", isolate(value)),
    }
}

/// Keeps text that runs from right to left from turning the sentence around it.
pub(super) fn isolate(text: &str) -> String {
    let right_to_left = text
        .chars()
        .any(|c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'));
    if right_to_left { format!("\u{2068}{text}\u{2069}") } else { text.to_owned() }
}

/// What the metric's value means here. None when the counts cannot carry the sentence (an empty
/// group, no prediction of a kind), where the value's own error or the table says more.
pub(super) fn meaning(code: &str, value: f64, groups: &Groups, words: &Words) -> Option<String> {
    let Words { facet, positive, .. } = words;
    let (d, a) = (&groups.d, &groups.a);
    match code {
        "CI" => Some(format!("{facet} makes up {} of the rows", percent(d.n(), d.n() + a.n())?)),
        "DPL" => Some(gap(
            &format!("{positive} was observed for"),
            facet,
            |g| (g.observed_positive(), g.n()),
            groups,
        )?),
        "DPPL" => Some(gap(
            &format!("{positive} is predicted for"),
            facet,
            |g| (g.predicted_positive(), g.n()),
            groups,
        )?),
        "DI" => ratio(d, a, words),
        "KL" | "JS" | "LP" | "TVD" | "KS" => {
            let difference = share(d.observed_positive(), d.n())? - share(a.observed_positive(), a.n())?;
            Some(format!("the shares of {positive} in both groups are {} apart", points(difference)))
        }
        "CDDL" | "CDDPL" => {
            let (negative, given) = if code == "CDDL" {
                ("rows without it", "rows that have it")
            } else {
                ("rows denied it", "rows predicted it")
            };
            let within = match &words.group_variable {
                Some(variable) => format!("among rows alike in {}", isolate(variable)),
                None => "among like rows".into(),
            };
            let side = if value > 0.0 { negative } else { given };
            if value == 0.0 {
                return Some(format!("{within}, {facet} has an even part in {positive}"));
            }
            Some(format!("{within}, {facet} has a part {} larger in {side}, of {positive}", points(value)))
        }
        "FT" => {
            let rows = (value.abs() * d.n() as f64).round() as u64;
            if rows == 0 {
                return Some(format!(
                    "{facet} gets the same predictions as the most similar rows of everyone else"
                ));
            }
            let better = if value > 0.0 { "a better" } else { "a worse" };
            Some(format!(
                "on balance {} of {facet} get {better} prediction than the most similar rows of everyone else",
                percent_of(value.abs())
            ))
        }
        "RD" => rates(&format!("of rows that truly are {positive}, the model finds"), d, a, facet, |g| {
            (g.true_positive(), g.observed_positive())
        }),
        "SD" => rates(&format!("of rows that are not {positive}, the model says so for"), d, a, facet, |g| {
            (g.true_negative(), g.observed_negative())
        }),
        "DAR" => rates(&format!("a prediction of {positive} is right for"), d, a, facet, |g| {
            (g.true_positive(), g.predicted_positive())
        }),
        "DRR" => rates(&format!("a prediction other than {positive} is right for"), d, a, facet, |g| {
            (g.true_negative(), g.predicted_negative())
        }),
        "AD" => {
            rates("the model is right for", d, a, facet, |g| (g.true_positive() + g.true_negative(), g.n()))
        }
        "TE" => Some(format!(
            "{} missed and {} wrongly given {positive} for {facet}, {} and {} for everyone else",
            d.false_negative(),
            d.false_positive(),
            a.false_negative(),
            a.false_positive()
        )),
        "DCA" => {
            conditional(value, d, a, words, "predicted", |g| (g.observed_positive(), g.predicted_positive()))
        }
        "DCR" => conditional(value, d, a, words, "predicted other than", |g| {
            (g.observed_negative(), g.predicted_negative())
        }),
        "GE" => Some(format!(
            "over all rows, whatever the group; 0 would be even, {} wrong of {}",
            [d, a].iter().map(|g| g.false_positive() + g.false_negative()).sum::<u64>(),
            d.n() + a.n()
        )),
        _ => None,
    }
}

/// `Target = 1 is predicted for 1 in 16 of Sex = 0 and 1 in 4 of everyone else: 19 points fewer`.
fn gap(lead: &str, facet: &str, of: impl Fn(&Group) -> (u64, u64), groups: &Groups) -> Option<String> {
    let ((part_d, whole_d), (part_a, whole_a)) = (of(&groups.d), of(&groups.a));
    let difference = share(part_d, whole_d)? - share(part_a, whole_a)?;
    let text = format!(
        "{lead} {} of {facet} and {} of everyone else",
        felt(part_d, whole_d)?,
        felt(part_a, whole_a)?
    );
    Some(match difference {
        d if d.abs() < 5e-4 => format!("{text}: the same"),
        d if d < 0.0 => format!("{text}: {} less", points(d)),
        d => format!("{text}: {} more", points(d)),
    })
}

fn ratio(d: &Group, a: &Group, words: &Words) -> Option<String> {
    let (share_d, share_a) = (share(d.predicted_positive(), d.n())?, share(a.predicted_positive(), a.n())?);
    let Words { facet, positive, .. } = words;
    if share_a == 0.0 {
        return Some(format!("{positive} is predicted for nobody outside {facet}"));
    }
    let ratio = share_d / share_a;
    let rule = if ratio < 0.8 { "; below four fifths" } else { "" };
    let than = if ratio <= 0.87 { "than" } else { "as" };
    Some(match times(ratio) {
        Some(times) => format!("{positive} is predicted {times} for {facet} {than} for everyone else{rule}"),
        None => format!("{positive} is never predicted for {facet}{rule}"),
    })
}

fn rates(lead: &str, d: &Group, a: &Group, facet: &str, of: impl Fn(&Group) -> (u64, u64)) -> Option<String> {
    let ((part_d, whole_d), (part_a, whole_a)) = (of(d), of(a));
    Some(format!(
        "{lead} {} of {facet}, {} of everyone else",
        percent(part_d, whole_d)?,
        percent(part_a, whole_a)?
    ))
}

fn conditional(
    value: f64,
    d: &Group,
    a: &Group,
    words: &Words,
    predicted: &str,
    of: impl Fn(&Group) -> (u64, u64),
) -> Option<String> {
    let Words { facet, positive, .. } = words;
    let per = |group: &Group| {
        let (part, whole) = of(group);
        share(part, whole).map(|ratio| number(ratio, Some([0.0, 0.1])))
    };
    // Positive values of both metrics mean that the model is more generous with the facet.
    let manner = match value {
        v if v > 0.0 => "more generous",
        v if v < 0.0 => "stricter",
        _ => "neither stricter nor more generous",
    };
    Some(format!(
        "for each row {predicted} {positive}, {} were observed so in {facet}, {} elsewhere: the model is {manner} with {facet}",
        per(d)?,
        per(a)?
    ))
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
