use proptest::prelude::*;
use serde_json::Value as Json;

use super::found::Shape;
use super::*;

/// The result as a JSON value, null for nothing.
fn result(paths: &Paths, json: &str) -> Vec<Json> {
    let mut found = Vec::new();
    paths.find(json, &mut found).unwrap();
    found
        .iter()
        .map(|found| match found.shape {
            Shape::Nothing => Json::Null,
            Shape::Value => serde_json::from_str(&found.source(json)[found.value().unwrap()]).unwrap(),
            Shape::List => found
                .spans
                .iter()
                .map(|span| match &json[span.clone()] {
                    "" => Json::Null,
                    token => serde_json::from_str(token).unwrap(),
                })
                .collect(),
        })
        .collect()
}

#[track_caller]
fn check(json: &str, path: &str, expected: Json) {
    assert_eq!(result(&Paths::compile(&[("features", path)]).unwrap(), json), [expected], "{path}");
}

#[test]
fn values_of_objects_go_to_their_columns_by_key() {
    use serde_json::json;
    let found = |path: &str, names: Option<&[&str]>, documents: &[&str]| -> Vec<Json> {
        let mut paths = Paths::compile(&[("features", path)]).unwrap();
        if let Some(names) = names {
            paths.name_columns(0, &names.iter().map(ToString::to_string).collect::<Vec<_>>(), None);
        }
        documents.iter().map(|json| result(&paths, json).remove(0)).collect()
    };
    let documents = [r#"{"f":{"b":1,"a":2}}"#, r#"{"f":{"a":3,"b":4}}"#];
    for path in ["f.*", "values(f)", "[f][].values(@)[]", "f.* | @"] {
        assert_eq!(found(path, None, &documents), [json!([1, 2]), json!([3, 4])], "{path}");
        assert_eq!(found(path, Some(&[]), &documents), [json!([1, 2]), json!([4, 3])], "{path}");
        let named = found(path, Some(&["a", "b", "y"]), &documents);
        assert_eq!(named, [json!([2, 1]), json!([3, 4])], "{path}");
    }
    assert_eq!(found("keys(f)", Some(&[]), &documents), [json!(["b", "a"]), json!(["b", "a"])]);
    // Rows of one document, and an object of rows, which is no row.
    let rows = r#"{"r":{"2":{"b":1,"a":2},"1":{"a":3,"b":4}}}"#;
    assert_eq!(found("r.*.values(@)", Some(&[]), &[rows]), [json!([[1, 2], [4, 3]])]);
    // Other keys contradict, and so do fewer.
    let others = [documents[0], r#"{"f":{"d":5,"c":6}}"#, r#"{"f":{"a":5}}"#, r#"{"f":{"a":5,"c":6}}"#];
    let expected = [json!([1, 2]), Json::Null, Json::Null, Json::Null];
    for names in [&["x", "z"][..], &[]] {
        assert_eq!(found("f.*", Some(names), &others), expected);
    }
    // Case and blanks make no difference, with names or without.
    let spelled = [documents[0], r#"{"f":{"A":3,"B":4}}"#, r#"{"f":{" b":5,"A ":6}}"#];
    for names in [&["x", "z"][..], &[]] {
        assert_eq!(found("f.*", Some(names), &spelled), [json!([1, 2]), json!([4, 3]), json!([5, 6])]);
    }
}

#[test]
fn paths_find_what_jmespath_finds_and_keep_nulls_of_records() {
    use serde_json::json;
    let text = r#"{"a":{"b":[{"c":1},{"c":null},{"c":"x"},{}]},"n":null,"a":{"b":[{"c":2},{"c":null},{"c":"x"},{}]}}"#;
    check(text, "a.b[*].c", json!([2, null, "x", null]));
    check(text, "a.b[].c", json!([2, null, "x", null]));
    check(text, "a.b[*].c | [1]", json!("x"));
    check(text, "length(a.b[*].c)", json!(2));
    check(text, "a.b[0].c", json!(2));
    check(text, "a.b[9]", json!(null));
    check(text, "a.b[-2].c", json!("x"));
    check(text, "n", json!(null));
    check(text, "a[*]", json!(null));
    check(text, "a.b[?c=='x'].c | [0]", json!("x"));
    check(text, "a.b[?c!=`2`].c", json!([null, "x", null]));
    check(text, "length(a.b)", json!(4));
    check("[3,4]", "[*]", json!([3, 4]));
    check("[3,4]", "@", json!([3, 4]));
    check("[3,[4,null]]", "[]", json!([3, 4, null]));
    check(
        r#"{"a":[],"b":[1,2.5],"c":{"z":1.50,"a":null}}"#,
        "[sum(a), sum(b), avg(a), max(b)]",
        json!([0, 3.5, null, 2.5]),
    );
    check(r#"{"c":{"z":1.50,"a":null}}"#, "to_string(c)", json!(r#"{"z":1.50,"a":null}"#));
    check(r#"{"a b":1}"#, "\"a b\"", json!(1));
    check(r#"{"\u0061":1}"#, "a", json!(1));
    check(r#"[{"a":1,"b":2,"a":null}]"#, "[*].a", json!([null]));
}

#[test]
fn objects_keep_the_order_of_their_text() {
    use serde_json::json;
    let text = r#"{"x":{"weight":78,"age":null,"blood":1},"r":[{"z":1,"a":2},{"z":3,"a":4}]}"#;
    check(text, "x.*", json!([78, null, 1]));
    check(text, "values(x)", json!([78, null, 1]));
    check(text, "keys(x)", json!(["weight", "age", "blood"]));
    check(text, "r[*].*", json!([[1, 2], [3, 4]]));
    check(text, "r[*].values(@)", json!([[1, 2], [3, 4]]));
    check(text, "merge(x, r[0]).keys(@)", json!(["weight", "age", "blood", "z", "a"]));
    check(text, "r[*].[a, z]", json!([[2, 1], [4, 3]]));
}

#[test]
fn words_of_python_are_values() {
    let text = r#"{"a":[{"s":NaN},{"s":Infinity},{"s":-Infinity}],"n":NaN}"#;
    let paths = Paths::compile(&[("p", "a[*].s"), ("p", "n"), ("p", "a[].s")]).unwrap();
    let mut found = Vec::new();
    paths.find(text, &mut found).unwrap();
    let tokens = |found: &Found| {
        let mut spans = Vec::new();
        assert!(found.elements(text, &mut spans));
        spans.into_iter().map(|span| found.source(text)[span].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(tokens(&found[0]), ["", "Infinity", "-Infinity"]);
    assert_eq!(tokens(&found[2]), ["NaN", "Infinity", "-Infinity"]);
    assert!(found[1].is_nothing(text));
}

#[test]
fn an_invalid_path_names_its_setting() {
    for path in ["a-b", "a[", "nosuch(a)", "length(a, b)"] {
        let text = Paths::compile(&[("predictor.label", path)]).err().unwrap().to_string();
        assert!(text.contains("`predictor.label`") && text.contains(&format!("`{path}`")), "{text}");
    }
}

#[test]
fn a_path_that_finds_nothing_tells_the_keys_that_are_there() {
    let text = r#"{"predictions":[{"score":0.5,"l":"x"},{"score":0.25}],"model":"b"}"#;
    for (path, keys) in [
        ("predictions[*].scores", &["score", "l"][..]),
        ("predictions[1].scores", &["score"]),
        ("prediction[*].score", &["predictions", "model"]),
        ("predictions.score", &["score", "l"]),
        ("model.score", &[]),
        ("predictions[].scores", &["predictions", "model"]),
    ] {
        let paths = Paths::compile(&[("p", path)]).unwrap();
        let mut found = Vec::new();
        paths.find(text, &mut found).unwrap();
        assert!(found[0].is_nothing(text), "{path}");
        assert_eq!(paths.keys_there(0, text), keys, "{path}");
    }
}

pub(crate) fn documents() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[a-c\"\\\\]{0,3}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec(("[a-c]", inner), 0..4)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
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

/// What a path finds by its definition: the slow twin.
fn slow(document: &Json, steps: &[Step]) -> Json {
    let Some((step, rest)) = steps.split_first() else { return document.clone() };
    match (step, document) {
        (Step::Field(name), Json::Object(fields)) => fields.get(name).map_or(Json::Null, |at| slow(at, rest)),
        (Step::Index(index), Json::Array(items)) => items.get(*index).map_or(Json::Null, |at| slow(at, rest)),
        (Step::Each, Json::Array(items)) => items.iter().map(|item| slow(item, rest)).collect(),
        _ => Json::Null,
    }
}

proptest! {
    #[test]
    fn one_pass_equals_the_definition(
        document in documents(),
        paths in prop::collection::vec(expressions(), 1..4),
    ) {
        let json = document.to_string();
        let named: Vec<_> = paths.iter().map(|path| ("p", path.as_str())).collect();
        let compiled = Paths::compile(&named).unwrap();
        let expected: Vec<Json> = paths
            .iter()
            .zip(&compiled.steps)
            .map(|(path, steps)| match steps.is_empty() {
                false => slow(&document, steps),
                true => Query::compile(path).unwrap().find(&json).unwrap().0.map_or(Json::Null, |text| {
                    serde_json::from_str(&text).unwrap()
                }),
            })
            .collect();
        prop_assert_eq!(result(&compiled, &json), expected);
        // And the evaluation on the document finds the same.
        for (path, expected) in paths.iter().zip(result(&compiled, &json)) {
            let (found, _) = Query::compile(path).unwrap().find(&json).unwrap();
            let found = found.map_or(Json::Null, |text| serde_json::from_str(&text).unwrap());
            prop_assert_eq!(found, expected, "{}", path);
        }
    }
}
