//! Whether the classes of a binary problem are those of the baseline: its positive class is the positive class, also where
//! rows spell it otherwise, and a class that is neither of its two has no side.

use super::classes::{alike, same};

/// How the classes of the rows belong to those of the baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fit {
    /// The negative and the positive class, as the rows spell them where some row has them.
    pub known: [String; 2],
    /// Classes that are spelled otherwise than in the baseline: there, and here.
    pub spelled: Vec<[String; 2]>,
    /// Classes of rows with a label that are none of the baseline's.
    pub foreign: Vec<String>,
}

/// `baseline`: its negative and its positive class. `named`: the run names its positive class itself. `labelled`, `waiting`:
/// classes of the rows with a label, as label or prediction, and those predicted in the rows without.
pub fn fit(baseline: &[String; 2], named: bool, labelled: &[&str], waiting: &[&str]) -> Fit {
    let mut found = Fit { known: baseline.clone(), ..Fit::default() };
    if named {
        return found;
    }
    let is_of = |classes: &[String; 2], name: &str| classes.iter().any(|class| same(class, name));
    let mut others: Vec<&str> = Vec::new();
    for &name in labelled.iter().chain(waiting).filter(|name| !is_of(baseline, name)) {
        if !others.iter().any(|other| same(other, name)) {
            others.push(name);
        }
    }
    let is_there = |class: &str| labelled.iter().chain(waiting).any(|name| same(name, class));
    for (side, class) in baseline.iter().enumerate() {
        if is_there(class) || alike(&baseline[0], &baseline[1]) {
            continue;
        }
        let mut candidates = others.iter().filter(|name| alike(name, class));
        if let (Some(only), None) = (candidates.next(), candidates.next()) {
            found.known[side] = only.to_string();
            found.spelled.push([class.clone(), only.to_string()]);
        }
    }
    let foreign = labelled.iter().filter(|name| !is_of(&found.known, name));
    found.foreign = foreign.map(|name| name.to_string()).collect();
    found
}

impl Fit {
    /// What is said where the classes are not those of the baseline as they are spelled there.
    pub fn doubt(&self, baseline: &[String; 2]) -> Option<String> {
        let [negative, positive] = baseline;
        if !self.foreign.is_empty() {
            return Some(format!(
                "Nothing is compared with the baseline, whose positive class is `{positive}` and whose negative class is \
                 `{negative}`: rows have {}. Probably they are spelled otherwise; spelled `{positive}` and `{negative}` they would \
                 match, or `positive_label` tells which one is positive.",
                self.foreign_in_words()
            ));
        }
        let pairs: Vec<String> =
            self.spelled.iter().map(|[then, now]| format!("`{now}` is taken as its `{then}`")).collect();
        (!pairs.is_empty()).then(|| {
            format!(
                "The classes are spelled otherwise than in the baseline, whose positive class is `{positive}`: {}. Spelled as there \
                 they match without this guess.",
                pairs.join(", ")
            )
        })
    }

    pub fn foreign_in_words(&self) -> String {
        let names: Vec<String> = self.foreign.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(baseline: [&str; 2], labelled: &[&str], waiting: &[&str]) -> Fit {
        fit(&baseline.map(String::from), false, labelled, waiting)
    }

    #[test]
    fn the_positive_class_is_that_of_the_baseline_however_it_is_spelled() {
        for (baseline, here, known) in [
            (["deny", "approve"], &["APPROVE", "DENY"][..], ["DENY", "APPROVE"]),
            (["deny", "approve"], &["Approve!"], ["deny", "Approve!"]),
            (["deny", "approve"], &["deny", "APPROVE"], ["deny", "APPROVE"]),
            (["0", "1"], &["True", "False"], ["False", "True"]),
            (["0", "1"], &["'1'", "'0'"], ["'0'", "'1'"]),
            (["-1", "1"], &["\"1\"", "\"-1\""], ["\"-1\"", "\"1\""]),
            (["0", "1"], &["1.0", "0.0"], ["0", "1"]),
        ] {
            let found = of(baseline, here, &[]);
            assert_eq!((found.known.each_ref().map(String::as_str), &found.foreign[..]), (known, &[][..]));
            let otherwise = baseline.iter().zip(known).filter(|(then, now)| *then != now).count();
            assert_eq!(found.spelled.len(), otherwise, "{here:?}");
            assert_eq!(found.doubt(&baseline.map(String::from)).is_some(), otherwise > 0);
        }
    }

    #[test]
    fn classes_without_a_side_are_named() {
        for (baseline, here, foreign) in [
            (["0", "1"], &["approved", "rejected"][..], &["approved", "rejected"][..]),
            (["deny", "approve"], &["accept", "deny"], &["accept"]),
            // Two spellings of one class, or classes that differ by their spelling alone.
            (["deny", "approve"], &["APPROVE", "Approve"], &["APPROVE", "Approve"]),
            (["a", "A"], &["a.", "A"], &["a."]),
            (["+", "-"], &["*"], &["*"]),
        ] {
            let found = of(baseline, here, &[]);
            assert_eq!(found.foreign, foreign, "{baseline:?}");
            let told = found.doubt(&baseline.map(String::from)).unwrap();
            assert!(told.contains(&format!("positive class is `{}`", baseline[1])), "{told}");
        }
        // Rows without a label cost the others nothing.
        assert_eq!(of(["0", "1"], &["0", "1"], &["zzz"]).foreign, [""; 0]);
    }

    /// A run that names its positive class needs no guess.
    #[test]
    fn a_class_that_is_named_is_taken() {
        let found = fit(&["0", "1"].map(String::from), true, &["rejected", "approved"], &[]);
        assert_eq!((found.foreign.len(), found.spelled.len()), (0, 0));
    }
}
