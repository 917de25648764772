//! Names of columns: when two of them are the same, and what the names that something gives its values say of the known
//! columns. One rule for header rows, schemas of Parquet, and keys of objects in data, captures, baselines and answers.

use plumbline_common::{Problem, codes};
use serde::{Deserialize, Serialize};

/// Whether two names are the same, blanks around them and case aside.
pub(crate) fn same(one: &str, two: &str) -> bool {
    let (one, two) = (one.trim(), two.trim());
    match one.is_ascii() && two.is_ascii() {
        true => one.eq_ignore_ascii_case(two),
        false => one.to_lowercase() == two.to_lowercase(),
    }
}

/// Whether two lists name the same columns in the same order. Case and blanks count only where they tell columns of one list apart.
pub(crate) fn are_alike(one: &[String], two: &[String]) -> bool {
    let are_apart =
        || one.iter().enumerate().all(|(at, name)| !one[at + 1..].iter().any(|other| same(name, other)));
    let are_same = || one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two));
    one == two || are_same() && are_apart()
}

/// The position of a name among others: as it is spelled, else the only one that differs in blanks around it, else the
/// only one that differs in case too.
pub(crate) fn position(name: &str, among: &[String]) -> Option<usize> {
    let only = |is_it: &dyn Fn(&str) -> bool| {
        let mut found = among.iter().enumerate().filter(|(_, other)| is_it(other));
        let (position, _) = found.next()?;
        found.next().is_none().then_some(position)
    };
    among
        .iter()
        .position(|other| other == name)
        .or_else(|| only(&|other| other.trim() == name.trim()))
        .or_else(|| only(&|other| same(other, name)))
}

/// What names say of the known columns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// They are the first of the known ones in some order: for each its position among the known.
    ByName(Vec<usize>),
    /// They are others, and values go by their positions. Where some are known, each of these stands where it belongs.
    ByPosition,
    /// The one at this position, counted from 0, is known, and belongs at another position.
    Contradiction(usize),
}

/// What `names` say of the columns that are `known`.
pub(crate) fn meaning(known: &[String], names: &[impl AsRef<str>]) -> Meaning {
    let positions: Vec<Option<usize>> = names.iter().map(|name| position(name.as_ref(), known)).collect();
    let mut is_there = vec![false; names.len()];
    for position in positions.iter().flatten() {
        if let Some(is_there) = is_there.get_mut(*position) {
            *is_there = true;
        }
    }
    if !names.is_empty() && is_there.into_iter().all(|is_there| is_there) {
        return Meaning::ByName(positions.into_iter().flatten().collect());
    }
    let moved = |(at, position): (usize, &Option<usize>)| position.is_some_and(|position| position != at);
    match positions.iter().enumerate().position(moved) {
        Some(at) => Meaning::Contradiction(at),
        None => Meaning::ByPosition,
    }
}

/// An object whose keys contradict the names of the columns, or the keys of other objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contradiction {
    keys: Vec<String>,
    known: Vec<String>,
    whose: Whose,
    /// The object's number, from 1, in a list of objects.
    element: Option<usize>,
}

/// Whose keys or names are contradicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Whose {
    Columns,
    ObjectsBefore,
    MostObjects,
    /// The same, where what is known of them is that no others than names of the columns are rows.
    MostObjectsOrNames,
    /// None are those of most objects.
    AsManyObjects,
}

impl Contradiction {
    pub(super) fn new<'k>(
        keys: impl IntoIterator<Item = &'k String>,
        whose: Whose,
        known: &[String],
    ) -> Contradiction {
        let keys = keys.into_iter().cloned().collect();
        Contradiction { keys, known: known.to_vec(), whose, element: None }
    }

    /// Of the object at this position, counted from 0, of a list.
    pub(super) fn at(self, position: usize) -> Contradiction {
        Contradiction { element: Some(position + 1), ..self }
    }

    fn found(&self) -> String {
        let element =
            self.element.map_or(String::new(), |element| format!(" in record {element} (counted from 1)"));
        format!("the keys {}{element}", listed(&self.keys))
    }

    /// For a message on one record.
    pub(crate) fn told(&self) -> String {
        let known = match self.whose {
            Whose::Columns => "the names",
            Whose::ObjectsBefore => "the keys of the objects before,",
            Whose::MostObjects => "the keys of most objects,",
            // A part does not know which keys those are that most objects of the others have.
            Whose::MostObjectsOrNames => return format!("{} contradict those of most objects", self.found()),
            Whose::AsManyObjects => "the keys of as many objects,",
        };
        format!("{} contradict {known} {}", self.found(), listed(&self.known))
    }

    /// `setting`: the one that names the columns.
    pub(crate) fn problem(&self, setting: &str) -> Problem {
        let of_others = match self.whose {
            Whose::Columns => {
                return Problem::new(
                    &codes::HEADERS_DO_NOT_FIT,
                    "the keys of an object contradict the names of the columns",
                )
                .field(setting)
                .found(self.found())
                .expected(format!("the keys {} in any order, or others in their places", listed(&self.known)))
                .hint(format!(
                    "name in `{setting}` each key as it is; or leave `{setting}` out, so that values go by the order of the first \
                     object"
                ));
            }
            Whose::ObjectsBefore => "the keys of an object contradict those of the objects before",
            Whose::MostObjects | Whose::MostObjectsOrNames => {
                "the keys of an object contradict those of most objects"
            }
            Whose::AsManyObjects => "the keys of an object contradict those of as many objects",
        };
        Problem::new(&codes::HEADERS_DO_NOT_FIT, of_others)
            .found(self.found())
            .expected(format!("the keys {} in any order", listed(&self.known)))
            .hint(format!(
                "write every object with the same keys; or name each value in the path, as in `[x.a, x.b]`, or each key in `{setting}`"
            ))
    }
}

/// Names for a message, at most twenty.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut listed = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        listed.push_str(", ...");
    }
    listed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split(',').map(Into::into).collect()
    }

    #[test]
    fn lists_are_alike_unless_case_tells_their_columns_apart() {
        for (one, two, expected) in [
            ("a,b", "a,b", true),
            ("a,b", "A, b ", true),
            ("é,b", "É,B", true),
            ("a,b", "b,a", false),
            ("a,b", "a", false),
            ("a,A", "a,A", true),
            ("a,A", "A,a", false),
            ("a,b", "a,c", false),
        ] {
            assert_eq!(are_alike(&names(one), &names(two)), expected, "{one} {two}");
            assert_eq!(are_alike(&names(two), &names(one)), expected, "{two} {one}");
        }
    }

    #[track_caller]
    fn check(known: &str, found: &str, expected: Meaning) {
        assert_eq!(meaning(&names(known), &names(found)), expected, "{found} of {known}");
    }

    #[test]
    fn names_are_all_known_or_stand_where_they_belong() {
        use Meaning::{ByName, ByPosition, Contradiction};
        check("a,b,c", "a,b,c", ByName(vec![0, 1, 2]));
        check("a,b,c", "C , A,b", ByName(vec![2, 0, 1]));
        // Fewer, and the rest is for others.
        check("a,b,c", "b,a", ByName(vec![1, 0]));
        check("a,b,c", "a,c", Contradiction(1));
        check("a,b,c", "b,c", Contradiction(0));
        check("a,b,c", "x,y,z", ByPosition);
        check("a,b,c", "a,y,c", ByPosition);
        check("a,b,c", "x,y,b", Contradiction(2));
        check("a,b,c", "x,B,a", Contradiction(2));
        check("a,b,c", "a,b,c,d", ByPosition);
        check("a,b,c", "d,a,b,c", Contradiction(1));
        // One column twice.
        check("a,b", "a,A", Contradiction(1));
        check("x,X", "X,x", ByName(vec![1, 0]));
        check("x,X", "x ,X", ByName(vec![0, 1]));
        check("straße,b", "B,STRAẞE", ByName(vec![1, 0]));
        assert_eq!(meaning(&[], &names("a")), ByPosition);
        assert_eq!(meaning(&names("a"), &[] as &[String]), ByPosition);
    }

    proptest! {
        /// Whatever the names, a known one never gives its value to another column.
        #[test]
        fn no_value_moves(known in prop::collection::vec("[a-e]", 0..5), found in prop::collection::vec("[a-gA-B]", 0..5)) {
            match meaning(&known, &found) {
                Meaning::ByName(positions) => {
                    let mut sorted = positions.clone();
                    sorted.sort_unstable();
                    prop_assert!(sorted.into_iter().eq(0..found.len()));
                    for (name, position) in found.iter().zip(positions) {
                        prop_assert!(same(name, &known[position]));
                    }
                }
                Meaning::ByPosition => {
                    for (at, name) in found.iter().enumerate() {
                        prop_assert!(position(name, &known).is_none_or(|position| position == at));
                    }
                }
                Meaning::Contradiction(at) => prop_assert!(position(&found[at], &known).is_some_and(|position| position != at)),
            }
        }
    }
}
