//! Objects whose values are the columns of rows: `x.*` takes them by the names of the columns, or in the order of the first
//! object. Parts of the data that took objects of other keys, or in another order, have the same values in different columns.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use crate::values::key_sets::{KeyRule, KeySets};
use crate::values::names::listed;

/// What the objects at each place show.
pub(super) fn rules(places: &[KeySets]) -> Vec<Option<KeyRule>> {
    places.iter().map(KeySets::rule).collect()
}

/// Adds those of a part behind.
pub(super) fn append(all: &mut Vec<KeySets>, part: &[KeySets]) {
    all.resize(part.len().max(all.len()), KeySets::default());
    all.iter_mut().zip(part).for_each(|(all, part)| all.append(part));
}

/// That each part was read as one run over all of them would read it. Each part has the path of its state, for messages.
///
/// # Errors
/// `STATES_DO_NOT_FIT`.
pub(super) fn check(parts: &[(&Path, &[KeySets])]) -> Result<()> {
    let mut all = Vec::new();
    parts.iter().for_each(|(_, own)| append(&mut all, own));
    for (at, all) in all.iter().enumerate() {
        let rule = all.rule();
        for (path, part) in parts {
            let Some(own) = part.get(at) else { continue };
            match own.read_differently(own.rule().as_ref(), rule.as_ref()) {
                None => {}
                Some([Some(found), Some(expected)]) => {
                    let first = parts.iter().find(|(_, part)| {
                        matches!(part.get(at).and_then(KeySets::rule), Some(KeyRule::Keys(keys)) if keys == expected)
                    });
                    return Err(other_order(
                        (path, found),
                        (first.map_or(*path, |(path, _)| path), expected),
                    ));
                }
                Some(_) => return Err(other_keys(path, own, all)),
            }
        }
    }
    Ok(())
}

fn other_order((two, found): (&Path, &[String]), (one, expected): (&Path, &[String])) -> Problem {
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

fn other_keys(path: &Path, own: &KeySets, all: &KeySets) -> Problem {
    Problem::new(&codes::STATES_DO_NOT_FIT, "parts of the data take objects with different keys for rows")
        .file(path)
        .found(format!("objects: {}", own.told()))
        .expected(format!("as in all parts, objects: {}", all.told()))
        .hint(
            "the keys that most objects have are those of rows, beside the names in `headers`: run over all files at once, or name \
             each value in the path, as in `[x.a, x.b]`",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::path::Paths;

    /// What objects with these keys show; `names` of the columns.
    fn sets(names: &str, objects: &[&str]) -> KeySets {
        let mut paths = Paths::compile(&[("features", "f.*")]).unwrap();
        let names: Vec<String> = names.split_whitespace().map(String::from).collect();
        paths.name_columns(0, &names, None);
        for keys in objects {
            let fields: Vec<String> = keys.split(' ').map(|key| format!("\"{key}\":1")).collect();
            paths.find(&format!("{{\"f\":{{{}}}}}", fields.join(",")), &mut Vec::new()).unwrap();
        }
        paths.key_sets().remove(0)
    }

    fn told(parts: &[KeySets]) -> std::result::Result<(), String> {
        let names: Vec<String> = (0..parts.len()).map(|at| format!("{at}.state")).collect();
        let parts: Vec<_> = names.iter().map(Path::new).zip(parts.iter().map(std::slice::from_ref)).collect();
        check(&parts).map_err(|problem| problem.to_string())
    }

    #[test]
    fn what_most_objects_are_is_what_they_show() {
        let keys = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
        let rule = |objects: &[&str]| sets("id g", objects).rule();
        assert_eq!(rule(&[]), None);
        assert_eq!(rule(&["id g", "g ID", "q p"]), Some(KeyRule::Names));
        // As many.
        assert_eq!(rule(&["q p", "id g"]), Some(KeyRule::Names));
        assert_eq!(rule(&["id g", "q p", "P q"]), Some(KeyRule::Keys(keys("q p"))));
        assert_eq!(rule(&["q p", "x y"]), Some(KeyRule::Tie([keys("q p"), keys("x y")])));
        assert_eq!(rule(&["x y", "q p"]), Some(KeyRule::Tie([keys("q p"), keys("x y")])));
        assert_eq!(rule(&["x y", "q p", "x y"]), Some(KeyRule::Keys(keys("x y"))));
        // A name at another place contradicts; in its own the keys may go by position, in that order.
        assert_eq!(rule(&["g zz", "g zz", "q p"]), Some(KeyRule::Keys(keys("q p"))));
        assert_eq!(rule(&["g zz", "g zz", "q p", "zz g"]), Some(KeyRule::Keys(keys("zz g"))));
        assert_eq!(rule(&["g zz", "g zz"]), Some(KeyRule::Names));
    }

    #[test]
    fn kinds_of_keys_without_end_are_not_kept_and_make_no_rule() {
        let many: Vec<String> = (0..2_000).map(|n| format!("k{n} v")).collect();
        let mut objects: Vec<&str> = many.iter().map(String::as_str).collect();
        objects.extend(["q p"; 5]);
        assert!(matches!(sets("id g", &objects).rule(), Some(KeyRule::Tie(_))));
        objects.extend(["id g"; 5]);
        assert_eq!(sets("id g", &objects).rule(), Some(KeyRule::Names));
    }

    #[test]
    fn parts_fit_if_one_run_would_take_the_same_objects_in_the_same_order() {
        let [by_name, q, mixed, p] = [&["id g", "g id"][..], &["q p"; 3], &["id g", "id g", "q p"], &["p q"]]
            .map(|keys| sets("id g", keys));
        for fitting in [
            &[][..],
            &[by_name.clone(), by_name.clone()],
            &[by_name.clone(), mixed.clone()],
            &[mixed.clone(), mixed.clone()],
            &[q.clone(), by_name.clone()],
            &[q.clone(), sets("id g", &["Q p"])],
        ] {
            let mut swapped = fitting.to_vec();
            swapped.reverse();
            assert_eq!((told(fitting), told(&swapped)), (Ok(()), Ok(())), "{fitting:?}");
        }
        // One run would leave the only object of the second part out.
        for odd in [[mixed.clone(), sets("id g", &["q p"])], [by_name, sets("id g", &["x y"])]] {
            let told = told(&odd).unwrap_err();
            assert!(told.contains("1.state") && told.contains("different keys"), "{told}");
        }
        // And take those that the first one left out.
        let other = told(&[mixed, q.clone()]).unwrap_err();
        assert!(
            other.contains("0.state") && other.contains("2 with names of the columns; 1 with"),
            "{other}"
        );
        let order = told(&[q, p]).unwrap_err();
        assert!(order.contains("1.state") && order.contains("`q`, `p`, as in 0.state"), "{order}");
    }
}
