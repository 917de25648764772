//! JMESPath over a response. The plain paths that nearly everybody writes are walked directly; the
//! rest is left to the `jmespath` crate.

use std::borrow::Cow;

use serde_json::Value as Json;

/// A checked path.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    text: String,
    /// None for what is not plain.
    steps: Option<Vec<Step>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    /// From the end when negative.
    Index(i64),
    /// `[*]`: the rest applies to every element, absent results are left out.
    Every,
}

static NULL: Json = Json::Null;

impl Path {
    /// # Errors
    /// What is wrong with the path.
    pub(crate) fn parse(text: &str) -> Result<Path, String> {
        if text.trim() == "*" {
            return Err("`*` alone tells no place".into());
        }
        let steps = plain(text);
        if steps.is_none() {
            jmespath::compile(text).map_err(|error| error.reason.to_string())?;
        }
        Ok(Path { text: text.to_string(), steps })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The records that the path goes through, `a.b` of `a.b[*].c`; none within for no list there. `None` for a
    /// path that does not go through a list of records.
    pub(crate) fn records<'a>(&self, document: &'a Json) -> Option<Option<&'a Vec<Json>>> {
        let steps = self.steps.as_ref()?;
        let every = steps.iter().position(|step| *step == Step::Every)?;
        Some(match walk(document, &steps[..every]) {
            Cow::Borrowed(Json::Array(records)) => Some(records),
            _ => None,
        })
    }

    /// What the rest of the path finds in one of the records; `None` when nothing stands there, not even null.
    pub(crate) fn of_record(&self, record: &Json) -> Option<Json> {
        let steps = self.steps.as_deref().unwrap_or_default();
        let every = steps.iter().position(|step| *step == Step::Every)?;
        present(record, &steps[every + 1..]).map(Cow::into_owned)
    }

    /// As `find`, but `None` when nothing stands there, not even null.
    ///
    /// # Errors
    /// As `find`.
    pub(crate) fn find_present<'a>(&self, document: &'a Json) -> Result<Option<Cow<'a, Json>>, String> {
        match &self.steps {
            Some(steps) => Ok(present(document, steps)),
            None => self.find(document).map(|found| Some(found).filter(|found| !found.is_null())),
        }
    }

    /// What stands there; null when nothing does.
    ///
    /// # Errors
    /// What the evaluation says, for functions on values of a wrong type.
    pub(crate) fn find<'a>(&self, document: &'a Json) -> Result<Cow<'a, Json>, String> {
        match &self.steps {
            Some(steps) => Ok(walk(document, steps)),
            // Compiled anew each time: compiled expressions cannot be shared between threads.
            None => jmespath::compile(&self.text)
                .and_then(|path| path.search(document))
                .map_err(|error| error.reason.to_string())
                .and_then(|found| serde_json::to_value(&*found).map_err(|error| error.to_string()))
                .map(Cow::Owned),
        }
    }
}

/// What the steps find, unless nothing stands there.
fn present<'a>(document: &'a Json, steps: &[Step]) -> Option<Cow<'a, Json>> {
    let found = walk(document, steps);
    if !found.is_null() {
        return Some(found);
    }
    let stands = match steps.split_last() {
        None => true,
        Some((Step::Field(name), before)) => walk(document, before).get(name).is_some(),
        Some((Step::Index(_) | Step::Every, _)) => false,
    };
    stands.then_some(found)
}

fn walk<'a>(document: &'a Json, steps: &[Step]) -> Cow<'a, Json> {
    let mut here = document;
    for (position, step) in steps.iter().enumerate() {
        let next = match (step, here) {
            (Step::Field(name), Json::Object(fields)) => fields.get(name),
            (Step::Index(index), Json::Array(items)) => {
                let index = if *index < 0 { *index + items.len() as i64 } else { *index };
                usize::try_from(index).ok().and_then(|index| items.get(index))
            }
            (Step::Every, Json::Array(items)) => {
                let rest = &steps[position + 1..];
                let found = items.iter().map(|item| walk(item, rest).into_owned());
                return Cow::Owned(found.filter(|found| !found.is_null()).collect());
            }
            _ => None,
        };
        match next {
            Some(next) => here = next,
            None => return Cow::Borrowed(&NULL),
        }
    }
    Cow::Borrowed(here)
}

/// The steps of `a.b[0].c` and `a[*].b`; none for anything else.
fn plain(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    let mut dotted = true;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            if dotted && !steps.is_empty() {
                return None;
            }
            let (index, after) = inside.split_once(']')?;
            steps.push(if index == "*" { Step::Every } else { Step::Index(index.parse().ok()?) });
            rest = after;
        } else {
            if !dotted {
                return None;
            }
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            steps.push(Step::Field(name.to_string()));
            rest = after;
        }
        dotted = match rest.strip_prefix('.') {
            Some(after) if !after.is_empty() => {
                rest = after;
                true
            }
            Some(_) => return None,
            None => false,
        };
    }
    (!steps.is_empty()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn plain_paths_are_walked_and_others_are_left_to_the_crate() {
        let document = json!({"predictions": [{"s": [1, 2]}, {"s": [3, 4]}, {"t": 5}], "a-b": 1});
        for (text, is_plain, expected) in [
            ("predictions[*].s[1]", true, json!([2, 4])),
            ("predictions[-1].t", true, json!(5)),
            ("predictions[9].t", true, Json::Null),
            ("nothing.there", true, Json::Null),
            ("\"a-b\"", false, json!(1)),
            ("predictions[].s[]", false, json!([1, 2, 3, 4])),
            ("predictions[?t].t | [0]", false, json!(5)),
        ] {
            let path = Path::parse(text).unwrap();
            assert_eq!(path.steps.is_some(), is_plain, "{text}");
            assert_eq!(*path.find(&document).unwrap(), expected, "{text}");
        }
        assert!(Path::parse("*").is_err());
        assert!(Path::parse("a[").is_err());
        assert!(Path::parse("a.").is_err());
    }

    fn document() -> impl Strategy<Value = Json> {
        let leaf =
            prop_oneof![Just(Json::Null), any::<bool>().prop_map(Json::from), (0..9).prop_map(Json::from)];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::vec(("[abc]", inner), 0..3).prop_map(|pairs| pairs.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn walking_equals_the_crate(
            document in document(),
            steps in prop::collection::vec(prop_oneof![Just(".a"), Just(".b"), Just(".c"), Just("[0]"), Just("[-1]"), Just("[*]")], 1..5),
        ) {
            let text = steps.concat();
            let text = text.trim_start_matches('.');
            let path = Path::parse(text).unwrap();
            prop_assert!(path.steps.is_some());
            let expected = jmespath::compile(text).unwrap().search(&document).unwrap();
            prop_assert_eq!(&*path.find(&document).unwrap(), &serde_json::to_value(&*expected).unwrap());
        }
    }
}
