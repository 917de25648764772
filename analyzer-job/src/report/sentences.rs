//! One sentence for each metric, made from the counts: who is better off, by how much, in units a
//! person feels. The sign of the metric is turned into words here, so that nobody has to remember it.

use crate::state::counts::{Group, Groups};

use super::amounts::{count, felt, of, percent, percent_of, points, times};
use super::four_fifths::Impact;
pub(super) use super::letters::isolate;

/// The words of the configuration's owner.
#[derive(Debug, Clone)]
pub(super) struct Words {
    /// `Sex = 0`, `Age in (40, 80]`.
    pub facet: String,
    /// `Target = 1`.
    pub positive: String,
    pub group_variable: Option<String>,
}

/// A condition in words: intervals and values differ. Short ones stay on one line.
pub(super) fn condition(column: &str, value: &str) -> String {
    let short = column.chars().count() + value.chars().count() < 28;
    let blank = if short { '\u{a0}' } else { ' ' };
    let column = isolate(column);
    match value {
        "" => format!("{column} in the empty interval"),
        value if value.starts_with('(') && value.ends_with(']') => {
            format!("{column}{blank}in{blank}{}", isolate(value))
        }
        value => format!("{column}{blank}={blank}{}", isolate(value)),
    }
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
            let (with, without) = if code == "CDDL" {
                ("observed as", "observed otherwise")
            } else {
                ("predicted as", "predicted otherwise")
            };
            let within = match &words.group_variable {
                Some(variable) => format!("among rows alike in {}", isolate(variable)),
                None => "among like rows".into(),
            };
            if value == 0.0 {
                return Some(format!(
                    "{within}, {facet} makes up the same share of those {with} {positive} as of those {without}"
                ));
            }
            let side = if value > 0.0 { "less" } else { "more" };
            Some(format!(
                "{within}, {facet} makes up {} {side} of those {with} {positive} than of those {without}",
                points(value)
            ))
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
        "RD" => rates(&format!("of rows observed as {positive}, the model finds"), d, a, facet, |g| {
            (g.true_positive(), g.observed_positive())
        }),
        "SD" => {
            rates(&format!("of rows not observed as {positive}, the model is right for"), d, a, facet, |g| {
                (g.true_negative(), g.observed_negative())
            })
        }
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
            "{} and {} for {facet}, {} and {} for everyone else",
            of(d.false_negative(), "false negative", "false negatives"),
            of(d.false_positive(), "false positive", "false positives"),
            count(a.false_negative()),
            count(a.false_positive())
        )),
        "DCA" => {
            let observed = format!("{positive} was");
            conditional(value, d, a, words, ["of", &observed], |g| {
                (g.observed_positive(), g.predicted_positive())
            })
        }
        "DCR" => conditional(value, d, a, words, ["other than", "other labels were"], |g| {
            (g.observed_negative(), g.predicted_negative())
        }),
        "GE" => Some(format!(
            "{} of {} predictions are wrong, whatever the group; with none wrong the value would be 0",
            count([d, a].iter().map(|g| g.false_positive() + g.false_negative()).sum()),
            count(d.n() + a.n())
        )),
        _ => None,
    }
}

/// `Target = 1 is predicted for 1 in 16 of Sex = 0 and 1 in 4 of everyone else: 4 times less often, a gap of 19 percentage points`.
fn gap(lead: &str, facet: &str, of: impl Fn(&Group) -> (u64, u64), groups: &Groups) -> Option<String> {
    let ((part_d, whole_d), (part_a, whole_a)) = (of(&groups.d), of(&groups.a));
    let difference = share(part_d, whole_d)? - share(part_a, whole_a)?;
    let mut shares = felt((part_d, whole_d), (part_a, whole_a))?;
    if shares[0] == shares[1] {
        shares = [percent(part_d, whole_d)?, percent(part_a, whole_a)?];
    }
    let [share_d, share_a] = shares;
    let text = format!("{lead} {share_d} of {facet} and {share_a} of everyone else");
    let ratio = share(part_d, whole_d)? / share(part_a, whole_a)?;
    let often =
        times(ratio).filter(|_| !(0.87..1.15).contains(&ratio)).map(|(times, _)| format!("{times}, "));
    let often = often.unwrap_or_default();
    Some(match difference {
        d if d.abs() < 5e-4 => format!("{text}: the same"),
        d => format!("{text}: {often}a gap of {}", points(d)),
    })
}

fn ratio(d: &Group, a: &Group, words: &Words) -> Option<String> {
    let (share_d, share_a) = (share(d.predicted_positive(), d.n())?, share(a.predicted_positive(), a.n())?);
    let Words { facet, positive, .. } = words;
    if share_a == 0.0 {
        return Some(format!("{positive} is predicted for nobody outside {facet}"));
    }
    let ratio = share_d / share_a;
    let rule = match Impact::of(d, a, true)? {
        impact if !impact.is_below() => "",
        impact if impact.is_unsure() => "; below four fifths, but the interval includes that line",
        _ => "; below four fifths",
    };
    Some(match compared(ratio, facet) {
        Some(compared) => format!("{positive} is predicted {compared}{rule}"),
        None => format!("{positive} is never predicted for {facet}{rule}"),
    })
}

/// `4 times less often for Sex = 0 than for everyone else`.
pub(super) fn compared(ratio: f64, facet: &str) -> Option<String> {
    let (often, then) = times(ratio)?;
    Some(format!("{often} for {facet} {then} for everyone else"))
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
    [kind, labels]: [&str; 2],
    of: impl Fn(&Group) -> (u64, u64),
) -> Option<String> {
    let Words { facet, positive, .. } = words;
    for (group, name) in [(d, facet.as_str()), (a, "everyone else")] {
        if let (observed, 0) = of(group) {
            return (observed > 0).then(|| {
                format!(
                    "no prediction {kind} {positive} for {name}, though {} such rows were observed",
                    count(observed)
                )
            });
        }
    }
    let per = |group: &Group| {
        let (part, whole) = of(group);
        share(part, whole).map(|ratio| count((ratio * 100.0).round() as u64))
    };
    // Positive values of both metrics mean that the model is more generous with the facet.
    let manner = match value {
        v if v > 0.0 => "more generous",
        v if v < 0.0 => "stricter",
        _ => "neither stricter nor more generous",
    };
    Some(format!(
        "for every 100 predictions {kind} {positive}, {labels} observed {} times in {facet} and {} times among everyone \
         else: the model is {manner} with {facet}",
        per(d)?,
        per(a)?
    ))
}

/// A sentence begins with a capital, unless with a name of the configuration's owner.
pub(super) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first)
            if first.is_ascii_lowercase()
                && !sentence
                    .split([' ', '\u{a0}'])
                    .nth(1)
                    .is_some_and(|word| word == "=" || word == "in") =>
        {
            first.to_uppercase().collect::<String>() + letters.as_str()
        }
        _ => sentence.to_owned(),
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 rows against 200, with every kind of right and wrong.
    fn groups() -> Groups {
        Groups { d: Group { rows: [[50, 10], [30, 10]] }, a: Group { rows: [[80, 20], [20, 80]] } }
    }

    fn said(code: &str, value: f64, groups: &Groups) -> String {
        let words = Words { facet: "F".into(), positive: "P".into(), group_variable: Some("region".into()) };
        meaning(code, value, groups, &words).unwrap_or_default()
    }

    #[test]
    fn two_shares_that_are_not_the_same_are_not_told_alike() {
        let groups =
            Groups { d: Group { rows: [[680, 0], [320, 0]] }, a: Group { rows: [[670, 0], [330, 0]] } };
        let sentence = said("DPL", 0.01, &groups);
        assert!(sentence.contains("for 32\u{202f}% of F and 33\u{202f}% of everyone else"), "{sentence}");
        let one = Groups { d: Group { rows: [[50, 1], [30, 10]] }, a: groups.a };
        assert!(said("TE", 30.0, &one).starts_with("30 false negatives and 1 false positive for F"));
    }

    #[test]
    fn every_metric_says_the_counts_it_is_made_of() {
        for (code, value, parts) in [
            ("CI", 1.0 / 3.0, &["F makes up 33"][..]),
            ("DPL", 0.1, &["40", "50", "gap of 10 percentage points"]),
            ("DPPL", 0.3, &["20", "50", "2.5 times less often", "gap of 30"]),
            ("DI", 0.4, &["2.5 times less often", "below four fifths"]),
            ("TVD", 0.1, &["10 percentage points apart"]),
            (
                "CDDL",
                0.1,
                &[
                    "region",
                    "F makes up 10 percentage points less of those observed as P than of those observed otherwise",
                ],
            ),
            (
                "CDDPL",
                -0.1,
                &[
                    "F makes up 10 percentage points more of those predicted as P than of those predicted otherwise",
                ],
            ),
            ("FT", -0.1, &["10", "of F get a worse prediction"]),
            ("RD", 0.55, &["25", "of F", "80"]),
            ("SD", 0.03, &["83", "of F", "80"]),
            ("DAR", 0.3, &["50", "of F", "80"]),
            ("DRR", -0.2, &["62", "of F", "80"]),
            ("AD", 0.2, &["60", "of F", "80"]),
            ("TE", 2.0, &["30 false negatives and 10 false positives for F, 20 and 20"]),
            ("GE", 0.1, &["80 of 300 predictions are wrong"]),
            (
                "DCA",
                -1.0,
                &["predictions of P, P was observed 200 times in F and 100 times", "stricter with F"],
            ),
            (
                "DCR",
                -0.25,
                &[
                    "predictions other than P, other labels were observed 75 times in F and 100",
                    "stricter with F",
                ],
            ),
        ] {
            let sentence = said(code, value, &groups());
            for part in parts {
                assert!(sentence.contains(part), "{code}: {sentence} lacks {part}");
            }
        }
    }

    /// 9 of 25 against 30 of 60, and the same shares of many rows.
    #[test]
    fn a_ratio_below_four_fifths_by_few_rows_says_so() {
        let groups = |by: u64| Groups {
            d: Group { rows: [[16 * by, 9 * by], [0, 0]] },
            a: Group { rows: [[30 * by, 30 * by], [0, 0]] },
        };
        assert!(
            said("DI", 0.72, &groups(1))
                .ends_with("; below four fifths, but the interval includes that line")
        );
        assert!(said("DI", 0.72, &groups(100)).ends_with("; below four fifths"));
    }

    #[test]
    fn sides_change_with_the_sign() {
        assert!(said("FT", 0.1, &groups()).contains("a better prediction"));
        assert!(said("DCA", 0.5, &groups()).contains("more generous"));
        assert!(said("CDDL", -0.1, &groups()).contains("points more of those"));
    }

    #[test]
    fn groups_without_rows_or_positives_say_nothing_false() {
        let empty = Groups { d: Group::default(), a: groups().a };
        for code in ["DPL", "DPPL", "DI", "RD", "SD", "DAR", "DRR", "AD", "DCA", "DCR", "KL"] {
            assert_eq!(said(code, 0.0, &empty), "", "{code}");
        }
        let never = Groups { d: Group { rows: [[10, 0], [10, 0]] }, a: groups().a };
        assert!(said("DI", 0.0, &never).contains("never predicted for F"));
        assert!(said("DCA", f64::INFINITY, &never).contains("no prediction of P for F, though 10 such rows"));
        assert!(said("DPPL", 0.5, &never).contains("none of F"));
    }

    #[test]
    fn intervals_and_values_read_as_conditions() {
        assert_eq!(condition("Age", "(40, 80]").replace('\u{a0}', " "), "Age in (40, 80]");
        assert_eq!(condition("Sex", "0").replace('\u{a0}', " "), "Sex = 0");
        assert_eq!(condition("Age", ""), "Age in the empty interval");
        assert_eq!(isolate("Sex"), "Sex");
        assert_eq!(isolate("النوع"), "\u{2068}النوع\u{2069}");
    }
}
