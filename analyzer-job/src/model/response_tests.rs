//! Answers of a live model as scores of rows and as labels; how they are read is tested with the reader.

use super::*;
use crate::config::Location;
use crate::values::typing::{self, Cell};

fn reader(accept: ContentType, label: &str, probability: &str, headers: &[&str]) -> Reader {
    let at = |path: &str| (!path.is_empty()).then(|| Location::Name(path.into()));
    let predictor = Predictor {
        label: at(label),
        probability: at(probability),
        label_headers: (!headers.is_empty()).then(|| headers.iter().map(|name| name.to_string()).collect()),
        ..Predictor::default()
    };
    Reader::new(&predictor, accept, 0.5, false).unwrap()
}

fn problem<T: std::fmt::Debug>(result: Usable<T>) -> String {
    match result {
        Err(Unusable::Problem(problem) | Unusable::Row(_, problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

use ContentType::{Csv, Json, JsonLines};

#[test]
fn names_of_a_record_bring_its_scores_into_the_first_order() {
    let reader = reader(JsonLines, "labels", "scores", &[]);
    let body = br#"{"labels":["a","b"],"scores":[0.1,0.9]}
{"labels":["b","a"],"scores":[0.7,0.3]}"#;
    let read = reader.scores(body, 2, None).unwrap();
    assert_eq!((read.values, read.names.unwrap()), (vec![0.1, 0.9, 0.3, 0.7], vec!["a".into(), "b".into()]));
    let known = ["b".to_string(), "a".to_string()];
    assert_eq!(reader.scores(body, 2, Some(&known)).unwrap().values, [0.9, 0.1, 0.7, 0.3]);
    let other = br#"{"labels":["a","b"],"scores":[0.1,0.9]}
{"labels":["b","c"],"scores":[0.7,0.3]}"#;
    assert!(problem(reader.scores(other, 2, None)).contains("different labels"));
}

#[test]
fn records_have_equally_many_scores_and_as_many_as_headers() {
    let read = reader(Csv, "", "", &[]).scores(b"[0.1, 0.7, 0.2],[0.5, 0.25, 0.25]", 2, None).unwrap();
    assert_eq!((read.width, read.values), (3, vec![0.1, 0.7, 0.2, 0.5, 0.25, 0.25]));
    assert!(
        problem(reader(Csv, "", "", &[]).scores(b"1,2\n3\n", 2, None))
            .contains("different numbers of scores")
    );
    let headers = reader(Csv, "", "", &["a", "b", "c"]);
    assert!(problem(headers.scores(b"1,2\n", 1, None)).contains("found 2 scores for a record, expected 3"));
    assert!(matches!(headers.scores(b"1,2,3\n", 2, None), Err(Unusable::Count(_))));
    assert!(problem(headers.scores(&[0xff], 1, None)).contains("UTF-8"));
}

#[test]
fn labels_mean_what_they_mean_in_a_dataset() {
    let cells = |reader: Reader, body: &str, n: usize| -> Vec<Cell> {
        let labels = reader.labels(body.as_bytes(), n).unwrap();
        labels.iter().map(|label| typing::parse(label.raw())).collect()
    };
    let text = |text: &str| Cell::Text(text.into());
    let expected = [Cell::Bool(true), Cell::Float(1000.0), text("007x")];
    assert_eq!(cells(reader(Csv, "0", "", &[]), "True\n1e3\n007x\n", 3), expected);
    let expected = [Cell::Int(1), text("1"), Cell::Bool(true)];
    assert_eq!(cells(reader(JsonLines, "l", "", &[]), "{\"l\":1}\n{\"l\":\"1\"}\n{\"l\":true}", 3), expected);
    assert_eq!(cells(reader(Csv, "", "", &["no", "3"]), "0.1,0.9\n0.8,0.2", 2), [Cell::Int(3), text("no")]);
    assert_eq!(cells(reader(Csv, "", "", &[]), "0.5\n0.51", 2), [Cell::Int(0), Cell::Int(1)]);
}

#[test]
fn places_that_do_not_fit_are_told() {
    let below = reader(Json, "", "p[*].scores", &[]);
    let told = problem(below.scores(br#"{"p":[{"score":1},{"score":1}]}"#, 2, None));
    assert!(told.starts_with("PL0603") && told.contains("score"), "{told}");
    let once = reader(Json, "labels", "p", &[]);
    let told = problem(once.labels(br#"{"p":[[0.1,0.9],[0.2,0.8]],"labels":["no","yes","maybe"]}"#, 2));
    assert!(told.contains("`predictor.label`") && told.contains("`label_headers`"), "{told}");
}
