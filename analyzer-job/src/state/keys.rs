//! In which order a path took the values of objects: `x.*` takes those of the first object that it meets in the order of the
//! text, and all others in the same. Parts of the data that met their first objects in different orders have the same values in
//! different columns.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use crate::values::names::{listed, same};

/// For each place of a path at which columns are made of an object: the keys that decide about their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys(pub Vec<Option<Vec<String>>>);

impl Keys {
    /// Adds those of another part, which fit.
    pub fn extend(&mut self, other: Keys) {
        self.0.resize(other.0.len().max(self.0.len()), None);
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = own.take().or(other);
        }
    }
}

/// That all parts took the values in one order. Each part has the path of its state, for messages.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub fn check<'a>(parts: impl IntoIterator<Item = (&'a Path, &'a Keys)>) -> Result<()> {
    let mut known: Vec<Option<(&Path, &[String])>> = Vec::new();
    for (path, Keys(keys)) in parts {
        known.resize(keys.len().max(known.len()), None);
        for (known, own) in known.iter_mut().zip(keys) {
            let Some(own) = own.as_deref() else { continue };
            match *known {
                Some((first, expected)) if !are_same(own, expected) => {
                    return Err(differ((first, expected), (path, own)));
                }
                Some(_) => {}
                None => *known = Some((path, own)),
            }
        }
    }
    Ok(())
}

/// Case and blanks around a key make no difference, as in the objects of one part.
fn are_same(keys: &[String], others: &[String]) -> bool {
    keys.len() == others.len() && keys.iter().zip(others).all(|(one, other)| same(one, other))
}

fn differ((one, expected): (&Path, &[String]), (two, found): (&Path, &[String])) -> Problem {
    Problem::new(
        &codes::STATES_DO_NOT_FIT,
        "parts of the data take the values of objects in different orders of their keys",
    )
    .file(two)
    .found(format!("the keys {}", listed(found)))
    .expected(format!("{}, as in {}", listed(expected), one.display()))
    .hint(
        "a path such as `x.*` takes the values in the order of the first object of its part: name each value, as in `[x.a, x.b]`, \
         or give the keys as names of columns in `headers`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_met_no_object_fit_all_and_others_need_the_same_order() {
        let keys = |lists: &[Option<&str>]| {
            let of = |list: &str| list.split(' ').map(String::from).collect();
            Keys(lists.iter().map(|list| list.map(of)).collect())
        };
        let check = |parts: &[Keys]| {
            let names: Vec<String> = (0..parts.len()).map(|at| format!("{at}.state")).collect();
            check(names.iter().map(Path::new).zip(parts)).map_err(|problem| problem.to_string())
        };
        let none = Keys::default();
        assert!(check(&[]).is_ok());
        assert!(check(&[none.clone(), keys(&[None, Some("a b")]), keys(&[Some("x"), Some("a b")])]).is_ok());
        assert!(check(&[keys(&[Some("a b")]), keys(&[Some("A B")])]).is_ok());
        assert!(check(&[keys(&[Some("a b")]), keys(&[Some("a")])]).is_err());
        let told = check(&[none, keys(&[None, Some("a b")]), keys(&[Some("x"), Some("b a")])]).unwrap_err();
        for part in ["2.state", "`b`, `a`", "`a`, `b`, as in 1.state"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
