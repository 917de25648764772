//! JMESPath over JSON text. Simple paths (`a.b[0].c`, `a[*].b`) of one text are all found in one pass
//! without building the document; every other expression goes through the `jmespath` crate. Both give
//! the same result, which a test shows on random paths and documents.

use std::fmt;
use std::ops::Range;

use plumbline_common::{Problem, Result, codes};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a path found in a text; reused from text to text.
#[derive(Debug, Clone, Default)]
pub struct Found {
    shape: Shape,
    spans: Vec<Range<usize>>,
    /// Text of a result that does not stand in the input as such.
    made: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Shape {
    /// JMESPath's null.
    #[default]
    Nothing,
    /// One span.
    Value,
    /// A span for each element.
    List,
}

impl Found {
    pub fn is_nothing(&self) -> bool {
        self.shape == Shape::Nothing
    }

    /// The text that the spans of this result point into; `json` is the text searched.
    pub fn source<'a>(&'a self, json: &'a str) -> &'a str {
        self.made.as_deref().unwrap_or(json)
    }

    /// The span of a single value; none for nothing and for a projected list.
    pub fn value(&self) -> Option<Range<usize>> {
        match self.shape {
            Shape::Value => self.spans.first().cloned(),
            _ => None,
        }
    }

    /// The elements when the result is a list, into `elements`; false when it is none.
    pub fn elements(&self, json: &str, elements: &mut Vec<Range<usize>>) -> bool {
        elements.clear();
        match self.shape {
            Shape::Nothing => false,
            Shape::List => {
                elements.extend_from_slice(&self.spans);
                true
            }
            Shape::Value => {
                self.spans.first().is_some_and(|span| split(self.source(json), span.clone(), elements))
            }
        }
    }

    fn clear(&mut self) {
        self.shape = Shape::Nothing;
        self.spans.clear();
        self.made = None;
    }
}

/// Appends the elements of the JSON array at `span`; false when there is no array. The text is valid JSON.
pub fn split(json: &str, span: Range<usize>, elements: &mut Vec<Range<usize>>) -> bool {
    let bytes = json.as_bytes();
    let mut at = span.start;
    if bytes.get(at) != Some(&b'[') {
        return false;
    }
    at += 1;
    let mut start = at;
    let mut depth = 0;
    let mut push = |start: usize, end: usize| {
        let text = &json[start..end];
        let trimmed = text.trim_ascii_start();
        let start = end - trimmed.len();
        let trimmed = trimmed.trim_ascii_end();
        if !trimmed.is_empty() {
            elements.push(start..start + trimmed.len());
        }
    };
    while at < span.end {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < span.end && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
            }
            b'[' | b'{' => depth += 1,
            b']' | b'}' if depth > 0 => depth -= 1,
            b']' => {
                push(start, at);
                break;
            }
            b',' if depth == 0 => {
                push(start, at);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    true
}

/// Paths that are looked up together in each text.
pub struct Paths {
    root: Node,
    /// By number of the path; none for a path of `root`.
    expressions: Vec<Option<jmespath::Expression<'static>>>,
    n_simple: usize,
}

/// A step of the simple paths: what to do with the value that stands here.
#[derive(Debug, Default)]
struct Node {
    /// Paths that end here.
    ends: Vec<usize>,
    /// All paths through this node or ending in it.
    below: Vec<usize>,
    fields: Vec<(String, Node)>,
    indexes: Vec<(usize, Node)>,
    each: Option<Box<Node>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
    Each,
}

impl Paths {
    /// `settings` names the setting each expression is from; results come in this order.
    ///
    /// # Errors
    /// `PATH_INVALID` for an expression that is no JMESPath.
    pub fn compile(expressions: &[(&str, &str)]) -> Result<Paths> {
        let mut paths = Paths { root: Node::default(), expressions: Vec::new(), n_simple: 0 };
        for (number, (setting, expression)) in expressions.iter().enumerate() {
            let compiled = jmespath::compile(expression).map_err(|error| {
                Problem::new(&codes::PATH_INVALID, "cannot read a JMESPath")
                    .field(*setting)
                    .found(format!("`{expression}`"))
                    .expected("a JMESPath such as `features` or `instances[*].features`")
                    .hint("names with other characters than letters, digits and `_` stand in double quotes")
                    .because(error)
            })?;
            match simple(expression) {
                Some(steps) => {
                    paths.root.insert(&steps, number);
                    paths.expressions.push(None);
                    paths.n_simple += 1;
                }
                None => paths.expressions.push(Some(compiled)),
            }
        }
        Ok(paths)
    }

    /// Looks every path up in one text.
    ///
    /// # Errors
    /// The text is not one JSON document; the error has its line and column in the text.
    pub fn find(&self, json: &str, found: &mut Vec<Found>) -> serde_json::Result<()> {
        found.resize_with(self.expressions.len(), Found::default);
        found.iter_mut().for_each(Found::clear);
        let mut deserializer = serde_json::Deserializer::from_str(json);
        Walk { node: &self.root, json, found, each: false }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        if self.n_simple == self.expressions.len() {
            return Ok(());
        }
        let document: jmespath::Variable = serde_json::from_str(json)?;
        let document = jmespath::Rcvar::new(document);
        for (expression, found) in self.expressions.iter().zip(found) {
            let Some(expression) = expression else { continue };
            // A run-time error, such as a function given the wrong type, finds nothing.
            let Ok(value) = expression.search(&document) else { continue };
            if !value.is_null() {
                let text = serde_json::to_string(&*value)?;
                found.shape = Shape::Value;
                found.spans.push(0..text.len());
                found.made = Some(text);
            }
        }
        Ok(())
    }
}

/// The steps of a simple path; none when the expression is anything else.
fn simple(expression: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = expression;
    if rest == "@" {
        return Some(steps);
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']')?;
            match inside {
                "*" if !steps.contains(&Step::Each) => steps.push(Step::Each),
                _ if !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit()) => {
                    steps.push(Step::Index(inside.parse().ok()?));
                }
                _ => return None,
            }
            rest = after;
            continue;
        }
        if !steps.is_empty() {
            rest = rest.strip_prefix('.')?;
        }
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if length == 0 || rest.as_bytes()[0].is_ascii_digit() {
            return None;
        }
        steps.push(Step::Field(rest[..length].into()));
        rest = &rest[length..];
    }
    (!steps.is_empty()).then_some(steps)
}

impl Node {
    fn insert(&mut self, steps: &[Step], number: usize) {
        self.below.push(number);
        let Some((step, rest)) = steps.split_first() else {
            self.ends.push(number);
            return;
        };
        let next = match step {
            Step::Field(name) => child(&mut self.fields, name),
            Step::Index(index) => child(&mut self.indexes, index),
            Step::Each => self.each.get_or_insert_default(),
        };
        next.insert(rest, number);
    }

    fn has_steps(&self) -> bool {
        !self.fields.is_empty() || !self.indexes.is_empty() || self.each.is_some()
    }
}

fn child<'a, K: PartialEq + Clone>(children: &'a mut Vec<(K, Node)>, key: &K) -> &'a mut Node {
    let at = children.iter().position(|(name, _)| name == key).unwrap_or_else(|| {
        children.push((key.clone(), Node::default()));
        children.len() - 1
    });
    &mut children[at].1
}

/// Walks a value with the node that stands for it.
struct Walk<'p, 'a> {
    node: &'p Node,
    json: &'a str,
    found: &'p mut Vec<Found>,
    /// Below `[*]`: results are collected in a list.
    each: bool,
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Walk<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<(), D::Error> {
        if self.node.ends.is_empty() {
            if self.node.has_steps() {
                return deserializer.deserialize_any(self);
            }
            return serde::Deserialize::deserialize(deserializer).map(|_: IgnoredAny| ());
        }
        let raw: &RawValue = serde::Deserialize::deserialize(deserializer)?;
        let start = raw.get().as_ptr() as usize - self.json.as_ptr() as usize;
        if raw.get() != "null" {
            for &end in &self.node.ends {
                let found = &mut self.found[end];
                found.shape = if self.each { Shape::List } else { Shape::Value };
                found.spans.push(start..start + raw.get().len());
            }
        }
        if self.node.has_steps() {
            use serde::de::Error;
            let mut inner = serde_json::Deserializer::from_str(raw.get());
            return inner.deserialize_any(self).map_err(D::Error::custom);
        }
        Ok(())
    }
}

macro_rules! scalars {
    ($($name:ident: $kind:ty),*) => {
        $(fn $name<E>(self, _: $kind) -> std::result::Result<(), E> {
            Ok(())
        })*
    };
}

impl<'de: 'a, 'a> Visitor<'de> for Walk<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(FieldName(&self.node.fields))? {
            let Some((_, node)) = field.and_then(|field| self.node.fields.get(field)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            // Of a key given twice the last value counts. Below `[*]` the list has what came before.
            if !self.each {
                node.below.iter().for_each(|&path| self.found[path].clear());
            }
            map.next_value_seed(Walk { node, json: self.json, found: self.found, each: self.each })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        if let Some(each) = &self.node.each {
            each.below.iter().for_each(|&path| self.found[path].shape = Shape::List);
        }
        for index in 0.. {
            let indexed = self.node.indexes.iter().find(|(wanted, _)| *wanted == index);
            let more = match (indexed, &self.node.each) {
                (None, None) => seq.next_element::<IgnoredAny>()?.is_some(),
                (Some((_, node)), None) => seq
                    .next_element_seed(Walk { node, json: self.json, found: self.found, each: self.each })?
                    .is_some(),
                (None, Some(node)) => seq
                    .next_element_seed(Walk { node, json: self.json, found: self.found, each: true })?
                    .is_some(),
                (Some((_, node)), Some(each)) => {
                    use serde::de::Error;
                    // Two paths want this element in different ways: take its text and walk it twice.
                    let Some(raw) = seq.next_element::<&RawValue>()? else { break };
                    for (node, each) in [(node, self.each), (&**each, true)] {
                        let mut inner = serde_json::Deserializer::from_str(raw.get());
                        Walk { node, json: self.json, found: self.found, each }
                            .deserialize(&mut inner)
                            .map_err(A::Error::custom)?;
                    }
                    true
                }
            };
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// The number of a key among the wanted fields.
struct FieldName<'p>(&'p [(String, Node)]);

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> std::result::Result<Option<usize>, E> {
        Ok(self.0.iter().position(|(name, _)| name == key))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The result as a JSON value, null for nothing.
    fn result(paths: &Paths, json: &str) -> Vec<serde_json::Value> {
        let mut found = Vec::new();
        paths.find(json, &mut found).unwrap();
        found
            .iter()
            .map(|found| match found.shape {
                Shape::Nothing => serde_json::Value::Null,
                Shape::Value => serde_json::from_str(&found.source(json)[found.value().unwrap()]).unwrap(),
                Shape::List => found
                    .spans
                    .iter()
                    .map(|span| serde_json::from_str::<serde_json::Value>(&json[span.clone()]).unwrap())
                    .collect(),
            })
            .collect()
    }

    #[track_caller]
    fn check(json: &str, path: &str, expected: serde_json::Value) {
        assert_eq!(result(&Paths::compile(&[("features", path)]).unwrap(), json), [expected]);
    }

    #[test]
    fn paths_find_what_jmespath_finds() {
        use serde_json::json;
        let text = r#"{"a":{"b":[{"c":1},{"c":null},{"c":"x"},{}]},"n":null,"a":{"b":[{"c":2},{"c":null},{"c":"x"},{}]}}"#;
        check(text, "a.b[*].c", json!([2, "x"]));
        check(text, "a.b[0].c", json!(2));
        check(text, "a.b[9]", json!(null));
        check(text, "a.b[-2].c", json!("x"));
        check(text, "n", json!(null));
        check(text, "a[*]", json!(null));
        check(text, "a.b[?c=='x'].c | [0]", json!("x"));
        check(text, "length(a.b)", json!(4));
        check("[3,4]", "[*]", json!([3, 4]));
        check("[3,4]", "@", json!([3, 4]));
        check(r#"{"a b":1}"#, "\"a b\"", json!(1));
    }

    #[test]
    fn an_invalid_path_names_its_setting() {
        let text = Paths::compile(&[("predictor.label", "a-b")]).err().unwrap().to_string();
        assert!(text.contains("`predictor.label`") && text.contains("`a-b`"), "{text}");
    }

    #[test]
    fn elements_of_a_list_are_its_tokens() {
        let json = r#" [1 , "a,]\"" , [2,3],{"x":[1]}, null ] "#;
        let mut spans = Vec::new();
        assert!(split(json, 1..json.len() - 1, &mut spans));
        let tokens: Vec<&str> = spans.into_iter().map(|span| &json[span]).collect();
        assert_eq!(tokens, ["1", r#""a,]\"""#, "[2,3]", r#"{"x":[1]}"#, "null"]);
        let mut none = Vec::new();
        assert!(split("[ ]", 0..3, &mut none) && none.is_empty());
        assert!(!split("{}", 0..2, &mut none));
    }

    fn documents() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            "[a-c\"\\\\]{0,3}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::vec(("[a-c]", inner), 0..4)
                    .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn expressions() -> impl Strategy<Value = String> {
        let step = prop_oneof![
            3 => "[a-c]".prop_map(|name| format!(".{name}")),
            1 => (0..3).prop_map(|index| format!("[{index}]")),
            1 => Just("[*]".to_string()),
        ];
        prop::collection::vec(step, 1..4).prop_map(|steps| steps.concat().trim_start_matches('.').to_string())
    }

    proptest! {
        #[test]
        fn one_pass_equals_the_jmespath_crate(
            document in documents(),
            paths in prop::collection::vec(expressions(), 1..4),
        ) {
            let json = document.to_string();
            let named: Vec<_> = paths.iter().map(|path| ("p", path.as_str())).collect();
            let expected: Vec<serde_json::Value> = paths
                .iter()
                .map(|path| {
                    let variable = jmespath::Variable::from_json(&json).unwrap();
                    let value = jmespath::compile(path).unwrap().search(variable).unwrap();
                    serde_json::to_value(&*value).unwrap()
                })
                .collect();
            prop_assert_eq!(result(&Paths::compile(&named).unwrap(), &json), expected);
        }
    }
}
