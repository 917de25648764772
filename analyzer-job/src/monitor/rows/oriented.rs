//! Tables in one JSON object, as `to_json` of pandas writes them unless it is told to write records: read as it stands, the
//! object would be a single row.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What an object looks like that holds a whole table, and the way out. `is_only`: its file holds nothing else.
pub(super) fn told(json: &[u8], is_only: bool) -> Option<String> {
    let orientation = orientation(json, is_only)?;
    Some(format!(
        "one object is one row, and this one looks like a table that pandas wrote with `orient=\"{orientation}\"`; if it is, \
         write it with `to_json(orient=\"records\")`"
    ))
}

fn orientation(json: &[u8], is_only: bool) -> Option<&'static str> {
    let object: HashMap<String, &RawValue> = serde_json::from_slice(json).ok()?;
    let begins = |key: &str, with: &str| object.get(key).is_some_and(|value| value.get().starts_with(with));
    if begins("data", "[") {
        return match () {
            () if begins("columns", "[") => Some("split"),
            () if begins("schema", "{") => Some("table"),
            () => None,
        };
    }
    // Rows by number, or columns whose cells stand by the numbers of rows; records have names.
    let number = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    if object.is_empty() || !object.values().all(|value| value.get().starts_with('{')) {
        return None;
    }
    if object.keys().all(|key| number(key)) {
        return Some("index");
    }
    let columns: Vec<HashMap<String, &RawValue>> = object
        .values()
        .map(|value| HashMap::deserialize(&mut serde_json::Deserializer::from_str(value.get())).ok())
        .collect::<Option<_>>()?;
    // Where rows have names as columns have, only two columns with the same ones and nothing else in the file tell.
    let may_be_named = is_only && columns.len() > 1 && columns[0].len() > 1;
    let are_cells = |column: &HashMap<String, &RawValue>| {
        let is_cell = |value: &RawValue| !value.get().starts_with(['{', '[']);
        column.len() == columns[0].len()
            && !column.is_empty()
            && column.iter().all(|(key, value)| {
                columns[0].contains_key(key) && (number(key) || may_be_named && is_cell(value))
            })
    };
    columns.iter().all(are_cells).then_some("columns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_in_one_object_is_known_by_its_shape() {
        for (json, expected) in [
            (r#"{"a":{"0":1,"1":null},"b":{"0":"x","1":"y"}}"#, Some("columns")),
            (r#"{"a":{"1704067200000":1}}"#, Some("columns")),
            (r#"{"0":{"a":1,"b":2},"1":{"a":3}}"#, Some("index")),
            (r#"{"columns":["a"],"index":[0,1],"data":[[1],[2]]}"#, Some("split")),
            (r#"{"schema":{"fields":[]},"data":[{"index":0,"a":1}]}"#, Some("table")),
            (r#"{"a":{"0":1,"1":2},"b":{"0":3}}"#, None),
            (r#"{"a":{"0":1},"b":2}"#, None),
            (r#"{"a":{"x":1,"y":2}}"#, None),
            (r#"{"a":{"x":1,"y":2},"b":{"x":1,"y":2,"z":3}}"#, None),
            (r#"{"a":{"x":1},"b":{"x":1}}"#, None),
            (r#"{"a":{"x":[1],"y":2},"b":{"x":1,"y":2}}"#, None),
            (r#"{"data":[1,2],"a":1}"#, None),
            (r#"{"a":{}}"#, None),
            ("{}", None),
            ("{", None),
        ] {
            assert_eq!(orientation(json.as_bytes(), true), expected, "{json}");
            assert_eq!(orientation(json.as_bytes(), false), expected, "{json}");
        }
        // An index of texts.
        let json = br#"{"a":{"r1":1,"r2":null},"b":{"r1":"x","r2":"y"}}"#;
        assert_eq!((orientation(json, true), orientation(json, false)), (Some("columns"), None));
    }
}
