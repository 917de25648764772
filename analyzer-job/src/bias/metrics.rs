//! The bias metrics: a list, and a short pure function for each.
//!
//! All but the flip test are arithmetic on the counts of two groups: d, the sensitive group, and a, the
//! rest. Formulas, quirks and the texts of errors are those of the hosted service, so that baselines made
//! there go on being comparable. `docs/bias-metrics.md` explains each to users.

use crate::results::Number;
use crate::state::counts::{Group, Groups};

/// A metric's value, or why there is none.
pub(super) type Outcome = Result<Number, &'static str>;

/// How a bias metric is computed; its words stand in `results::metrics`.
#[derive(Debug)]
pub struct Metric {
    pub code: &'static str,
    pub compute: Compute,
    /// What the value rests on; for verdicts and sentences.
    pub evidence: Evidence,
}

impl Metric {
    /// Whether a 95 % interval of the metric means what readers take it for. Distances and the generalized entropy are
    /// never negative: an interval of theirs excludes their parity however alike the groups are.
    pub fn has_interval(&self) -> bool {
        !matches!(self.evidence, Evidence::Distance(_) | Evidence::Errors)
    }
}

/// What a metric is computed from.
#[derive(Debug)]
pub enum Compute {
    /// The counts of both groups.
    Groups(fn(&Groups) -> Outcome),
    /// The counts of both groups over all rows, and for each value of the group variable.
    Strata(fn(&Groups, &[Groups]) -> Outcome),
    /// The rows themselves; `flip` does it.
    FlipTest,
}

/// The numbers that a metric's value rests on, and how it is made of them.
#[derive(Debug)]
pub enum Evidence {
    /// The rows of the two groups.
    Sizes,
    /// The same ratio in each group, and how the two are compared.
    Ratios(fn(&Group) -> Ratio, Contrast),
    /// A distance without direction between the two groups' shares of the positive label.
    Distance(fn(&Group) -> Ratio),
    /// The positive labels of both groups within each value of the group variable.
    Strata(fn(&Group) -> Ratio),
    /// False positives, false negatives and correct predictions over all rows.
    Errors,
    /// The flip test: the rows of the sensitive group, each with its neighbours in the rest.
    Neighbours,
}

/// How the ratios of the two groups make one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contrast {
    RestMinusGroup,
    GroupMinusRest,
    GroupByRest,
}

/// `count` by `of`, two counts of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    pub count: u64,
    pub of: u64,
    pub overlap: Overlap,
    /// Plural nouns: what is counted, and out of what.
    pub count_noun: &'static str,
    pub of_noun: &'static str,
}

/// Which rows the two counts of a ratio have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// The ratio is a share: `count` is part of `of`.
    Part,
    /// This many rows.
    Rows(u64),
    None,
}

impl Ratio {
    fn share(count: u64, count_noun: &'static str, of: u64, of_noun: &'static str) -> Ratio {
        Ratio { count, of, overlap: Overlap::Part, count_noun, of_noun }
    }

    pub fn value(&self) -> f64 {
        div(self.count, self.of)
    }
}

/// Every metric, in the order of `results::metrics`.
pub const METRICS: &[Metric] = &[
    Metric {
        code: "AD",
        compute: Compute::Groups(ad),
        evidence: Evidence::Ratios(correct, Contrast::RestMinusGroup),
    },
    Metric { code: "CDDPL", compute: Compute::Strata(cddpl), evidence: Evidence::Strata(predicted_positive) },
    Metric {
        code: "DAR",
        compute: Compute::Groups(dar),
        evidence: Evidence::Ratios(precision, Contrast::RestMinusGroup),
    },
    Metric {
        code: "DCA",
        compute: Compute::Groups(dca),
        evidence: Evidence::Ratios(observed_per_predicted_positive, Contrast::RestMinusGroup),
    },
    Metric {
        code: "DCR",
        compute: Compute::Groups(dcr),
        evidence: Evidence::Ratios(observed_per_predicted_negative, Contrast::GroupMinusRest),
    },
    Metric {
        code: "DI",
        compute: Compute::Groups(di),
        evidence: Evidence::Ratios(predicted_positive, Contrast::GroupByRest),
    },
    Metric {
        code: "DPPL",
        compute: Compute::Groups(dppl),
        evidence: Evidence::Ratios(predicted_positive, Contrast::RestMinusGroup),
    },
    Metric {
        code: "DRR",
        compute: Compute::Groups(drr),
        evidence: Evidence::Ratios(negative_precision, Contrast::GroupMinusRest),
    },
    Metric { code: "FT", compute: Compute::FlipTest, evidence: Evidence::Neighbours },
    Metric { code: "GE", compute: Compute::Groups(ge), evidence: Evidence::Errors },
    Metric {
        code: "RD",
        compute: Compute::Groups(rd),
        evidence: Evidence::Ratios(recall, Contrast::RestMinusGroup),
    },
    Metric {
        code: "SD",
        compute: Compute::Groups(sd),
        evidence: Evidence::Ratios(specificity, Contrast::GroupMinusRest),
    },
    Metric {
        code: "TE",
        compute: Compute::Groups(te),
        evidence: Evidence::Ratios(false_negatives_per_false_positive, Contrast::GroupMinusRest),
    },
    Metric { code: "CDDL", compute: Compute::Strata(cddl), evidence: Evidence::Strata(observed_positive) },
    Metric { code: "CI", compute: Compute::Groups(ci), evidence: Evidence::Sizes },
    Metric {
        code: "DPL",
        compute: Compute::Groups(dpl),
        evidence: Evidence::Ratios(observed_positive, Contrast::RestMinusGroup),
    },
    Metric { code: "JS", compute: Compute::Groups(js), evidence: Evidence::Distance(observed_positive) },
    Metric { code: "KL", compute: Compute::Groups(kl), evidence: Evidence::Distance(observed_positive) },
    Metric { code: "KS", compute: Compute::Groups(ks), evidence: Evidence::Distance(observed_positive) },
    Metric { code: "LP", compute: Compute::Groups(lp), evidence: Evidence::Distance(observed_positive) },
    Metric { code: "TVD", compute: Compute::Groups(tvd), evidence: Evidence::Distance(observed_positive) },
];

/// The metric of a code, none for a code that there is not.
pub fn metric(code: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.code == code)
}

/// `x / y` with 0 for 0/0 and infinity for x/0.
fn div(x: u64, y: u64) -> f64 {
    match (x, y) {
        (0, 0) => 0.0,
        // Counts are far below 2^53, so the quotient of the doubles is the rounded quotient.
        _ => x as f64 / y as f64,
    }
}

/// `x - y`, with the integer 0 where two infinities cancel, as the hosted service prints it.
fn difference(x: f64, y: f64) -> Number {
    if x.is_infinite() && y.is_infinite() { Number::Int(0) } else { Number::Float(x - y) }
}

/// Checks that both groups have rows; the texts differ by metric.
fn need_rows(groups: &Groups, no_facet: &'static str, no_rest: &'static str) -> Result<(), &'static str> {
    if groups.d.n() == 0 {
        return Err(no_facet);
    }
    if groups.a.n() == 0 {
        return Err(no_rest);
    }
    Ok(())
}

fn observed_positive(group: &Group) -> Ratio {
    Ratio::share(group.observed_positive(), "observed positives", group.n(), "rows")
}

fn predicted_positive(group: &Group) -> Ratio {
    Ratio::share(group.predicted_positive(), "predicted positives", group.n(), "rows")
}

fn correct(group: &Group) -> Ratio {
    Ratio::share(group.true_positive() + group.true_negative(), "correct predictions", group.n(), "rows")
}

fn recall(group: &Group) -> Ratio {
    Ratio::share(group.true_positive(), "true positives", group.observed_positive(), "observed positives")
}

fn specificity(group: &Group) -> Ratio {
    Ratio::share(group.true_negative(), "true negatives", group.observed_negative(), "observed negatives")
}

fn precision(group: &Group) -> Ratio {
    Ratio::share(group.true_positive(), "true positives", group.predicted_positive(), "predicted positives")
}

fn negative_precision(group: &Group) -> Ratio {
    Ratio::share(group.true_negative(), "true negatives", group.predicted_negative(), "predicted negatives")
}

fn observed_per_predicted_positive(group: &Group) -> Ratio {
    Ratio {
        overlap: Overlap::Rows(group.true_positive()),
        ..Ratio::share(
            group.observed_positive(),
            "observed positives",
            group.predicted_positive(),
            "predicted positives",
        )
    }
}

fn observed_per_predicted_negative(group: &Group) -> Ratio {
    Ratio {
        overlap: Overlap::Rows(group.true_negative()),
        ..Ratio::share(
            group.observed_negative(),
            "observed negatives",
            group.predicted_negative(),
            "predicted negatives",
        )
    }
}

fn false_negatives_per_false_positive(group: &Group) -> Ratio {
    Ratio {
        overlap: Overlap::None,
        ..Ratio::share(group.false_negative(), "false negatives", group.false_positive(), "false positives")
    }
}

/// Class imbalance (CI): `(n_a - n_d) / (n_a + n_d)`.
///
/// `n` is the number of rows. Range [-1, 1], 0 for groups of equal size, positive when the sensitive group
/// is the smaller one.
fn ci(groups: &Groups) -> Outcome {
    need_rows(
        groups,
        "CI: facet set is empty. Check that x[facet] has non-zero length.",
        "CI: negated facet set is empty. Check that x[~facet] has non-zero length.",
    )?;
    let (n_a, n_d) = (groups.a.n() as f64, groups.d.n() as f64);
    Ok(Number::Float((n_a - n_d) / (n_a + n_d)))
}

/// Difference in positive proportions in labels (DPL): `q_a - q_d`.
///
/// `q` is the share of a group's rows whose observed label is positive. Range [-1, 1], 0 is parity,
/// positive when the sensitive group has fewer positive labels.
fn dpl(groups: &Groups) -> Outcome {
    proportion_difference(groups, observed_positive)
}

/// Difference in positive proportions in predicted labels (DPPL): as `dpl`, on predictions.
fn dppl(groups: &Groups) -> Outcome {
    proportion_difference(groups, predicted_positive)
}

fn proportion_difference(groups: &Groups, share: fn(&Group) -> Ratio) -> Outcome {
    need_rows(groups, "Facet set is empty.", "Negative facet set is empty.")?;
    Ok(Number::Float(share(&groups.a).value() - share(&groups.d).value()))
}

/// Shares of the observed label values in a and in d: first the negative value, then the positive. A value
/// that one of the groups lacks is none: the hosted service drops it from every divergence.
fn label_shares(groups: &Groups) -> Result<[Option<(f64, f64)>; 2], &'static str> {
    const NONE: &str = "No instance of common facet found, dataset may be too small";
    need_rows(groups, NONE, NONE)?;
    let shares = [Group::observed_negative, Group::observed_positive].map(|count| {
        let (of_a, of_d) = (count(&groups.a), count(&groups.d));
        (of_a > 0 && of_d > 0).then(|| (div(of_a, groups.a.n()), div(of_d, groups.d.n())))
    });
    if shares == [None, None] { Err(NONE) } else { Ok(shares) }
}

/// Kullback-Leibler divergence (KL): sum of `P_a ln(P_a / P_d)` over the label values that both groups have.
///
/// `P` is a label value's share of its group. At least 0 when both values occur in both groups; a dropped
/// value can make it negative.
fn kl(groups: &Groups) -> Outcome {
    let shares = label_shares(groups)?;
    Ok(Number::Float(shares.iter().flatten().map(|(a, d)| a * (a / d).ln()).sum()))
}

/// Jensen-Shannon divergence (JS): half of KL(P_a, P) + KL(P_d, P) with P the mean of both. Range [0, ln 2).
fn js(groups: &Groups) -> Outcome {
    let shares = label_shares(groups)?;
    let (mut from_a, mut from_d) = (0.0, 0.0);
    for (a, d) in shares.iter().flatten() {
        let mean = 0.5 * (a + d);
        from_a += a * (a / mean).ln();
        from_d += d * (d / mean).ln();
    }
    Ok(Number::Float(0.5 * (from_a + from_d)))
}

/// L-p norm (LP): Euclidean length of `P_a - P_d`. Range [0, sqrt 2).
fn lp(groups: &Groups) -> Outcome {
    let shares = label_shares(groups)?;
    Ok(Number::Float(shares.iter().flatten().map(|(a, d)| (a - d) * (a - d)).sum::<f64>().sqrt()))
}

/// Total variation distance (TVD): half of the sum of `|P_a - P_d|`. Range [0, 1).
fn tvd(groups: &Groups) -> Outcome {
    let shares = label_shares(groups)?;
    Ok(Number::Float(0.5 * shares.iter().flatten().map(|(a, d)| (a - d).abs()).sum::<f64>()))
}

/// Kolmogorov-Smirnov distance (KS): the largest `|P_a - P_d|`. Range [0, 1].
fn ks(groups: &Groups) -> Outcome {
    let shares = label_shares(groups)?;
    Ok(Number::Float(shares.iter().flatten().map(|(a, d)| (a - d).abs()).fold(0.0, f64::max)))
}

/// Conditional demographic disparity in labels (CDDL): the mean over the strata i, weighted by their rows,
/// of `D_i - A_i`.
///
/// `D_i` is the sensitive group's share of the stratum's negative labels, `A_i` its share of the positive
/// ones, 0 where there are none. Range [-1, 1], positive when the sensitive group has more of the rejections
/// than of the acceptances. Rows without a stratum count only in the check that both labels occur.
fn cddl(total: &Groups, strata: &[Groups]) -> Outcome {
    conditional_disparity(total, strata, Group::observed_positive, Group::observed_negative)
}

/// Conditional demographic disparity in predicted labels (CDDPL): as `cddl`, on predictions.
fn cddpl(total: &Groups, strata: &[Groups]) -> Outcome {
    conditional_disparity(total, strata, Group::predicted_positive, Group::predicted_negative)
}

fn conditional_disparity(
    total: &Groups,
    strata: &[Groups],
    positive: fn(&Group) -> u64,
    negative: fn(&Group) -> u64,
) -> Outcome {
    if positive(&total.a) + positive(&total.d) == 0 {
        return Err("No positive labels in set");
    }
    if negative(&total.a) + negative(&total.d) == 0 {
        return Err("No negative labels in set");
    }
    let (mut weighted, mut rows) = (0.0, 0);
    for Groups { d, a } in strata {
        let n = d.n() + a.n();
        let rejected = div(negative(d), negative(d) + negative(a));
        let accepted = div(positive(d), positive(d) + positive(a));
        weighted += n as f64 * (rejected - accepted);
        rows += n;
    }
    Ok(Number::Float(if rows == 0 { 0.0 } else { weighted / rows as f64 }))
}

/// Disparate impact (DI): `q_d / q_a`, with `q` the share of a group's rows that is predicted positive.
///
/// Range [0, inf], 1 is parity, below 1 when the sensitive group is predicted positive less often. 0/0 is 0.
fn di(groups: &Groups) -> Outcome {
    need_rows(groups, "Facet set is empty", "Negated facet set is empty")?;
    let (of_d, of_a) = (predicted_positive(&groups.d).value(), predicted_positive(&groups.a).value());
    Ok(Number::Float(if of_d == 0.0 { 0.0 } else { of_d / of_a }))
}

/// Difference in conditional acceptance (DCA): `c_a - c_d`, with `c` observed by predicted positives.
///
/// Range (-inf, inf), 0 is parity. Above 1, a group's `c` says that it got more positive labels than the
/// model would have given it.
fn dca(groups: &Groups) -> Outcome {
    conditional_difference(groups, &groups.a, &groups.d, observed_per_predicted_positive)
}

/// Difference in conditional rejection (DCR): `r_d - r_a`, with `r` observed by predicted negatives.
fn dcr(groups: &Groups) -> Outcome {
    conditional_difference(groups, &groups.d, &groups.a, observed_per_predicted_negative)
}

fn conditional_difference(
    groups: &Groups,
    first: &Group,
    second: &Group,
    ratio: fn(&Group) -> Ratio,
) -> Outcome {
    need_rows(groups, "DCO: Facet set is empty", "DCO: Negated Facet set is empty")?;
    Ok(difference(ratio(first).value(), ratio(second).value()))
}

/// Recall difference (RD): `recall_a - recall_d`, with recall the share of observed positives that is
/// predicted positive. Range [-1, 1], 0 is parity, positive when the model misses more positives of the
/// sensitive group.
fn rd(groups: &Groups) -> Outcome {
    need_rows(groups, "DLA: Facet set is empty", "DLA: Negated Facet set is empty")?;
    Ok(Number::Float(recall(&groups.a).value() - recall(&groups.d).value()))
}

/// Specificity difference (SD): `specificity_d - specificity_a`, with specificity the share of observed
/// negatives that is predicted negative. Range [-1, 1], 0 is parity.
fn sd(groups: &Groups) -> Outcome {
    need_rows(groups, "DLA: Facet set is empty", "DLA: Negated Facet set is empty")?;
    Ok(Number::Float(specificity(&groups.d).value() - specificity(&groups.a).value()))
}

/// Difference in acceptance rates (DAR): `precision_a - precision_d`, with precision the share of predicted
/// positives that is observed positive. Range [-1, 1], 0 is parity.
fn dar(groups: &Groups) -> Outcome {
    need_rows(groups, "DLR: Facet set is empty", "DLR: Negated Facet set is empty")?;
    Ok(Number::Float(precision(&groups.a).value() - precision(&groups.d).value()))
}

/// Difference in rejection rates (DRR): `rr_d - rr_a`, with rr the share of predicted negatives that is
/// observed negative. Range [-1, 1], 0 is parity.
fn drr(groups: &Groups) -> Outcome {
    need_rows(groups, "DLR: Facet set is empty", "DLR: Negated Facet set is empty")?;
    Ok(Number::Float(negative_precision(&groups.d).value() - negative_precision(&groups.a).value()))
}

/// Accuracy difference (AD): `accuracy_a - accuracy_d`. Range [-1, 1], 0 is parity, positive when the model
/// is wrong more often in the sensitive group.
fn ad(groups: &Groups) -> Outcome {
    need_rows(groups, "Facet set is empty", "Negated Facet set is empty")?;
    Ok(Number::Float(correct(&groups.a).value() - correct(&groups.d).value()))
}

/// Treatment equality (TE): `t_d - t_a`, with `t` false negatives by false positives. Range [-inf, inf],
/// 0 is parity, also where both are infinite.
fn te(groups: &Groups) -> Outcome {
    need_rows(groups, "Facet set is empty", "Negated Facet set is empty")?;
    let [of_d, of_a] = [&groups.d, &groups.a].map(|group| false_negatives_per_false_positive(group).value());
    // Unlike DCA and DCR, this one prints a float where infinities cancel.
    Ok(Number::Float(difference(of_d, of_a).value()))
}

/// Generalized entropy (GE, order 2): mean of `((b / m)^2 - 1) / 2` over all rows, with the benefit `b` 2 for
/// a false positive, 0 for a false negative, 1 for a right prediction, and `m` the mean benefit.
///
/// At least 0, 0 when every row has the same benefit. Does not look at the groups.
fn ge(groups: &Groups) -> Outcome {
    let mut all = groups.d;
    all.add(&groups.a);
    let (n, twice) = (all.n() as f64, all.false_positive() as f64);
    let once = (all.true_positive() + all.true_negative()) as f64;
    let mean = (2.0 * twice + once) / n;
    if mean.is_nan() || mean == 0.0 {
        return Err("All predicted labels are false negatives. \
                    There should be at least one prediction that is not false negative.");
    }
    // Sum over the rows of (b / m)^2 - 1, collected by benefit.
    let sum = twice * ((2.0 / mean).powi(2) - 1.0) + once * ((1.0 / mean).powi(2) - 1.0)
        - all.false_negative() as f64;
    Ok(Number::Float(sum / (2.0 * n)))
}
