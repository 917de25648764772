//! Whether the classes of the rows are those of the baseline, also where rows spell them otherwise.
//!
//! In a binary problem the positive class of the baseline is the positive class, and a class that is neither of its two has no
//! side. With several classes those of the rows may be others in part; where none is the baseline's, nothing can be compared.

use plumbline_common::{Problem, Result, codes};

use super::classes::{alike, same};

/// What is known of the classes of a baseline.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Classes {
    #[default]
    Unknown,
    /// The negative and the positive class.
    Binary([String; 2]),
    /// All, each with its share of the labels.
    Several(Vec<(String, f64)>),
}

impl Classes {
    /// Those that are known.
    fn in_words(&self) -> String {
        match self {
            Classes::Unknown => "not known".into(),
            Classes::Binary([negative, positive]) => {
                format!("`{positive}`, its positive class, and `{negative}`")
            }
            Classes::Several(classes) => {
                format!("one of its classes: {}", listed(classes.iter().map(|class| class.0.as_str())))
            }
        }
    }
}

/// The first names of a list.
pub fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 10;
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    let names: Vec<String> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
    names.join(", ") + more
}

/// How the classes of the rows belong to those of the baseline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fit {
    pub baseline: Classes,
    /// Those of the baseline as the rows spell them, where some row has them: binary problems have the negative and the positive
    /// one.
    pub known: Vec<String>,
    /// Classes that are spelled otherwise than in the baseline: there, and here.
    pub spelled: Vec<[String; 2]>,
    /// Classes of rows with a label that are none of the baseline's, where nothing can be compared for it.
    pub foreign: Vec<String>,
}

/// `named`: the run names its positive class itself. `labelled`, `waiting`: classes of the rows with a label, as label or
/// prediction, and those predicted in the rows without.
pub fn fit(classes: &Classes, named: bool, labelled: &[&str], waiting: &[&str]) -> Fit {
    let baseline: Vec<String> = match classes {
        Classes::Unknown => Vec::new(),
        Classes::Binary(both) => both.to_vec(),
        Classes::Several(all) => all.iter().map(|class| class.0.clone()).collect(),
    };
    let mut found = Fit { baseline: classes.clone(), known: baseline.clone(), ..Fit::default() };
    let is_binary = matches!(classes, Classes::Binary(_));
    if baseline.is_empty() || (named && is_binary) {
        return found;
    }
    let is_of = |classes: &[String], name: &str| classes.iter().any(|class| same(class, name));
    let mut others: Vec<&str> = Vec::new();
    for &name in labelled.iter().chain(waiting).filter(|name| !is_of(&baseline, name)) {
        if !others.iter().any(|other| same(other, name)) {
            others.push(name);
        }
    }
    let is_there = |class: &str| labelled.iter().chain(waiting).any(|name| same(name, class));
    for (side, class) in baseline.iter().enumerate() {
        let is_ambiguous =
            || baseline.iter().enumerate().any(|(at, other)| at != side && alike(other, class));
        if is_there(class) || is_ambiguous() {
            continue;
        }
        let mut candidates = others.iter().filter(|name| alike(name, class));
        if let (Some(only), None) = (candidates.next(), candidates.next()) {
            found.known[side] = only.to_string();
            found.spelled.push([class.clone(), only.to_string()]);
        }
    }
    let foreign: Vec<&str> = labelled.iter().copied().filter(|name| !is_of(&found.known, name)).collect();
    if is_binary || foreign.len() == labelled.len() {
        found.foreign = foreign.into_iter().map(Into::into).collect();
    }
    found
}

impl Fit {
    /// What is said where the classes are not those of the baseline as they are spelled there.
    pub fn doubt(&self) -> Option<String> {
        let (whose, would_match) = match &self.baseline {
            Classes::Unknown => return None,
            Classes::Binary([negative, positive]) => (
                format!("positive class is `{positive}` and whose negative class is `{negative}`"),
                format!(
                    "spelled `{positive}` and `{negative}` they would match, or `positive_label` tells which one is positive"
                ),
            ),
            Classes::Several(all) => (
                format!("classes are {}", listed(all.iter().map(|class| class.0.as_str()))),
                "spelled as there they would match".into(),
            ),
        };
        if !self.foreign.is_empty() {
            return Some(format!(
                "Nothing is compared with the baseline, whose {whose}: rows have {}. Probably they are spelled otherwise; \
                 {would_match}.",
                self.foreign_in_words()
            ));
        }
        let positive = match &self.baseline {
            Classes::Binary([_, positive]) => format!(", whose positive class is `{positive}`"),
            _ => String::new(),
        };
        let pairs: Vec<String> =
            self.spelled.iter().map(|[then, now]| format!("`{now}` is taken as its `{then}`")).collect();
        (!pairs.is_empty()).then(|| {
            format!(
                "The classes are spelled otherwise than in the baseline{positive}: {}. Spelled as there \
                 they match without this guess.",
                pairs.join(", ")
            )
        })
    }

    pub fn foreign_in_words(&self) -> String {
        listed(self.foreign.iter().map(String::as_str))
    }

    /// That something can be compared, as far as the classes go.
    ///
    /// # Errors
    /// `NOTHING_COMPARED`.
    pub fn check(&self) -> Result<()> {
        if self.foreign.is_empty() {
            return Ok(());
        }
        let named = match self.baseline {
            Classes::Binary(_) => ", name the one that is positive in `positive_label`",
            _ => "",
        };
        Err(Problem::new(
            &codes::NOTHING_COMPARED,
            "model quality cannot be checked: the classes are not those of the baseline",
        )
        .field("baseline_constraints")
        .found(self.foreign_in_words())
        .expected(self.baseline.in_words())
        .hint(format!(
            "spell the classes as in the baseline{named}, or set `on_nothing_compared` to `succeed`"
        )))
    }

    /// How a class of the baseline is called in the rows.
    pub fn here<'a>(&'a self, name: &'a str) -> &'a str {
        let spelled = self.spelled.iter().find(|[then, _]| same(then, name)).map(|[_, now]| now.as_str());
        spelled.unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(baseline: [&str; 2], labelled: &[&str], waiting: &[&str]) -> Fit {
        fit(&Classes::Binary(baseline.map(String::from)), false, labelled, waiting)
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
            assert_eq!(found.known, known);
            assert_eq!(found.foreign, [""; 0]);
            let otherwise = baseline.iter().zip(known).filter(|(then, now)| *then != now).count();
            assert_eq!(found.spelled.len(), otherwise, "{here:?}");
            assert_eq!(found.doubt().is_some(), otherwise > 0);
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
            let told = found.doubt().unwrap();
            assert!(told.contains(&format!("positive class is `{}`", baseline[1])), "{told}");
        }
        // Rows without a label cost the others nothing.
        assert_eq!(of(["0", "1"], &["0", "1"], &["zzz"]).foreign, [""; 0]);
    }

    /// Of several classes some may be others; none in common is no comparison.
    #[test]
    fn of_several_classes_one_in_common_is_enough() {
        let baseline = Classes::Several(["cat", "dog", "Cow", "cow"].map(|name| (name.into(), 0.25)).into());
        for (here, foreign, spelled) in [
            (&["zcat", "zdog"][..], &["zcat", "zdog"][..], 0),
            (&["cat", "dog"], &[], 0),
            (&["cat", "zebra"], &[], 0),
            (&["CAT", "Dog"], &[], 2),
            (&["CAT", "zdog"], &[], 1),
            // Two of the baseline's are alike: either may be meant.
            (&["COW"], &["COW"], 0),
            (&["CAT", "Cat"], &["CAT", "Cat"], 0),
        ] {
            let found = fit(&baseline, false, here, &[]);
            assert_eq!(found.foreign, foreign, "{here:?}");
            assert_eq!(found.spelled.len(), spelled, "{here:?}");
            assert_eq!(found.check().is_err(), !foreign.is_empty());
            assert_eq!(found.doubt().is_some(), spelled > 0 || !foreign.is_empty());
        }
        assert!(fit(&Classes::Several(Vec::new()), false, &["a"], &[]).check().is_ok());
    }

    /// A run that names its positive class needs no guess.
    #[test]
    fn a_class_that_is_named_is_taken() {
        let found = fit(&Classes::Binary(["0", "1"].map(String::from)), true, &["rejected", "approved"], &[]);
        assert_eq!((found.foreign.len(), found.spelled.len()), (0, 0));
    }
}
