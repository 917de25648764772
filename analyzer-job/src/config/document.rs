//! The text of the configuration as JSON: duplicate keys are refused, and the line of any key path can
//! be found again, so that messages can name it.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

/// Parses JSON. Unlike `serde_json::Value`, a key that stands twice in one object is an error, because
/// one of its values would be lost silently.
///
/// # Errors
/// `serde_json`'s, with line and column.
pub(super) fn parse(text: &str) -> serde_json::Result<Json> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("key `{key}` stands twice in one object")));
            }
            let value = entries.next_value_seed(Strict)?;
            map.insert(key, value);
        }
        Ok(Json::Object(map))
    }
}

/// One step of a key path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// A key path as messages print it: `facet[0].name_or_index`.
pub(super) fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Item(idx) => text.push_str(&format!("[{idx}]")),
        }
    }
    text
}

/// Line (from 1) on which the last step of the path begins that exists in the text, which must be
/// valid JSON.
pub(super) fn line_of(text: &str, path: &[Step]) -> u64 {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0 };
    let mut found = scanner.blank();
    for step in path {
        let Some(at) = scanner.enter(step) else { break };
        found = at;
    }
    1 + text.as_bytes().iter().take(found).filter(|byte| **byte == b'\n').count() as u64
}

/// Walks valid JSON by bytes. On anything unexpected it stops early; it never fails.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Moves over blanks; gives the place of the next token.
    fn blank(&mut self) -> usize {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || byte == b',' || byte == b':') {
            self.at += 1;
        }
        self.at
    }

    /// Moves to the value of the step inside the value that begins here; gives the place of the key or item.
    fn enter(&mut self, step: &Step) -> Option<usize> {
        self.blank();
        let open = self.peek()?;
        let right = match step {
            Step::Key(_) => b'{',
            Step::Item(_) => b'[',
        };
        if open != right {
            return None;
        }
        self.at += 1;
        let mut idx = 0;
        loop {
            let start = self.blank();
            if matches!(self.peek()?, b'}' | b']') {
                return None;
            }
            match step {
                Step::Item(wanted) if idx == *wanted => return Some(start),
                Step::Item(_) => self.skip_value(),
                Step::Key(wanted) => {
                    self.skip_value();
                    let key = self.text.get(start..self.at)?;
                    self.blank();
                    if serde_json::from_slice::<String>(key).is_ok_and(|key| key == *wanted) {
                        return Some(start);
                    }
                    self.skip_value();
                }
            }
            idx += 1;
        }
    }

    fn skip_value(&mut self) {
        let mut depth = 0usize;
        self.blank();
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    while let Some(byte) = self.peek() {
                        self.at += if byte == b'\\' { 2 } else { 1 };
                        if byte == b'"' {
                            break;
                        }
                    }
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' if depth == 0 => return,
                _ => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.into())
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error_with_its_line() {
        let error = parse("{\"a\": 1,\n \"b\": {\"c\": 1,\n \"c\": 2}}").unwrap_err();
        assert!(error.to_string().contains("`c` stands twice"), "{error}");
        assert_eq!(error.line(), 3);
    }

    #[test]
    fn values_equal_those_of_serde_json() {
        for text in
            ["{\"a\":[1,-2,1.5,1e400]}", "[true,null,\"\\u00e9\",18446744073709551615,{}]", "1.0", "nope"]
        {
            let (ours, theirs) = (parse(text), serde_json::from_str::<Json>(text));
            assert_eq!(ours.ok(), theirs.ok(), "{text}");
        }
    }

    #[test]
    fn line_of_finds_keys_items_and_stops_at_what_is_absent() {
        let text = "{\n \"x\": \"a\\\"}{\",\n \"facet\": [\n  {\"n\": 1},\n  {\"m\": [1, {}],\n   \"n\": 2}\n ],\n \"z\": -1.5e3,\n \"last\": true}";
        assert_eq!(line_of(text, &[]), 1);
        assert_eq!(line_of(text, &[key("x")]), 2);
        assert_eq!(line_of(text, &[key("facet"), Step::Item(1)]), 5);
        assert_eq!(line_of(text, &[key("facet"), Step::Item(1), key("n")]), 6);
        assert_eq!(line_of(text, &[key("facet"), Step::Item(0), key("gone")]), 4);
        assert_eq!(line_of(text, &[key("last")]), 9);
        assert_eq!(line_of(text, &[key("x"), key("deeper")]), 2);
    }
}
