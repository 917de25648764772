//! Models whose lists may be a value for each of several rows, or the answer of one.

use std::io::Write as _;

use serde_json::{Value as Json, json};

use super::hostile::{serving_bodies, whole};
use super::*;
use crate::values::table::Values;

/// How a model answers several rows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// Scores of the classes, a line for each row.
    Csv,
    Bracketed,
    Lines,
    /// Names beside the scores.
    NamedLines,
    /// A flat list for one row, lists in a list for several.
    Lists,
    Entries,
    /// A label and a score for each row, in flat lists.
    Columns,
    FlatEntries,
    /// Labels on one line.
    OneLine,
}

/// What a model does with the rows of a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rows {
    All,
    First,
    AllButTheLast,
    OneMore,
}

const ROWS: [Rows; 4] = [Rows::All, Rows::First, Rows::AllButTheLast, Rows::OneMore];

fn class(row: usize, k: usize) -> usize {
    (row * row + row / 3) % k
}

fn scores(row: usize, k: usize) -> Vec<f64> {
    (0..k).map(|at| if at == class(row, k) { 0.75 } else { (row % 8) as f64 / 64.0 }).collect()
}

impl Form {
    const OF_SCORES: [Form; 6] =
        [Form::Csv, Form::Bracketed, Form::Lines, Form::NamedLines, Form::Lists, Form::Entries];
    const FLAT: [Form; 3] = [Form::Columns, Form::FlatEntries, Form::OneLine];

    fn answer(self, rows: &[usize], k: usize) -> String {
        let names: Vec<usize> = (0..k).collect();
        let all: Vec<Vec<f64>> = rows.iter().map(|row| scores(*row, k)).collect();
        let lines =
            |line: &dyn Fn(&Vec<f64>) -> String| all.iter().map(|row| line(row) + "\n").collect::<String>();
        let joined = |scores: &Vec<f64>| scores.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        let named = |scores: &Vec<f64>| json!({"n": names, "p": scores});
        let labels: Vec<usize> = rows.iter().map(|row| class(*row, k)).collect();
        let highest: Vec<f64> = rows.iter().map(|row| 0.5 + (row % 8) as f64 / 64.0).collect();
        match self {
            Form::Csv => lines(&joined),
            Form::Bracketed => lines(&|scores| format!("{scores:?}")),
            Form::Lines => lines(&|scores| json!({"p": scores}).to_string()),
            Form::NamedLines => lines(&|scores| named(scores).to_string()),
            Form::Lists if all.len() == 1 => named(&all[0]).to_string(),
            Form::Lists => json!({"n": vec![&names; all.len()], "p": all}).to_string(),
            Form::Entries => json!({"q": all.iter().map(named).collect::<Vec<_>>()}).to_string(),
            Form::Columns => json!({"l": labels, "s": highest}).to_string(),
            Form::FlatEntries => {
                let entries =
                    labels.iter().zip(&highest).map(|(label, score)| json!({"l": label, "s": score}));
                json!({"q": entries.collect::<Vec<Json>>()}).to_string()
            }
            Form::OneLine => labels.iter().map(usize::to_string).collect::<Vec<_>>().join(","),
        }
    }

    fn accept(self) -> ContentType {
        match self {
            Form::Csv | Form::Bracketed | Form::OneLine => ContentType::Csv,
            Form::Lines | Form::NamedLines => ContentType::JsonLines,
            Form::Lists | Form::Entries | Form::Columns | Form::FlatEntries => ContentType::Json,
        }
    }

    fn predictor(self, k: usize) -> Predictor {
        let name = |text: &str| Some(Location::Name(text.into()));
        let (label, probability) = match self {
            Form::Csv | Form::Bracketed => (None, None),
            Form::Lines => (None, name("p")),
            Form::NamedLines | Form::Lists => (name("n"), name("p")),
            Form::Entries => (name("q[*].n"), name("q[*].p")),
            Form::Columns => (name("l"), name("s")),
            Form::FlatEntries => (name("q[*].l"), name("q[*].s")),
            Form::OneLine => (Some(Location::Index(0)), None),
        };
        let has_headers = matches!(self, Form::Csv | Form::Bracketed | Form::Lines);
        let label_headers = has_headers.then(|| (0..k).map(|class| class.to_string()).collect());
        Predictor { label, probability, label_headers, ..predictor(Target::None) }
    }
}

/// What a model of `n` rows comes to: its labels, or the code of its problem, and the number of requests.
fn asked(
    form: Form,
    answered: Rows,
    k: usize,
    n: usize,
    most_rows: Option<usize>,
) -> (std::result::Result<Vec<i64>, String>, usize) {
    let (url, requests) = serving_bodies(move |body, stream| {
        let row = |line: &str| {
            serde_json::from_str::<Json>(line).unwrap()["features"][0].as_f64().unwrap() as usize
        };
        let mut rows: Vec<usize> = body.lines().map(row).collect();
        match answered {
            Rows::First => rows.truncate(1),
            Rows::AllButTheLast if rows.len() > 1 => rows.truncate(rows.len() - 1),
            Rows::OneMore => rows.push(rows[0] + 1),
            Rows::All | Rows::AllButTheLast => {}
        }
        stream.write_all(whole(&form.answer(&rows, k)).as_bytes())
    });
    let access = Access { model_url: Some(url.clone()), most_rows, ..Access::default() };
    let stop = Stop::default();
    let request = Request { accept_type: form.accept(), ..request(ContentType::JsonLines) };
    let model = Model::connect_with(&form.predictor(k), request, &access, &stop, false, QUICK, &|| {
        Aws::at(&url, &stop)
    })
    .unwrap();
    let (cells, rows, _) = rows(n);
    let labels = match model.predicted_labels(&cells, &rows, &|_| Ok(())) {
        Ok(Values::Int(labels)) => Ok(labels),
        Ok(other) => panic!("{other:?}"),
        Err(problem) => Err(problem.code().to_string()),
    };
    if form.predictor(k).label_headers.is_some() && labels.is_ok() {
        let found = model.predict(&cells, &rows).unwrap();
        let expected: Vec<f64> = (0..n).flat_map(|row| scores(row, k)).collect();
        assert_eq!(found.into_raw_vec_and_offset().0, expected, "{form:?} {answered:?} {k} {n}");
    }
    (labels, requests.load(std::sync::atomic::Ordering::Relaxed))
}

/// A model that answers some of the rows gives the right labels, row by row, or an error: never those of other rows.
#[test]
fn lists_of_one_row_are_never_taken_for_values_of_several() {
    for form in Form::OF_SCORES.into_iter().chain(Form::FLAT) {
        for answered in ROWS {
            for k in [2, 3] {
                for n in [2, 3, 4, 9] {
                    let expected: Vec<i64> = (0..n).map(|row| class(row, k) as i64).collect();
                    for most_rows in [None, Some(4)] {
                        let (found, _) = asked(form, answered, k, n, most_rows);
                        let case = format!("{form:?} {answered:?} {k} {n} {most_rows:?}");
                        match (answered, found) {
                            (Rows::OneMore, found) => {
                                assert!(found.unwrap_err().starts_with("PL060"), "{case}");
                            }
                            (_, found) => assert_eq!(found, Ok(expected.clone()), "{case}"),
                        }
                    }
                }
            }
        }
    }
}

/// One request more, once in a run, and only where nothing else tells what a list is.
#[test]
fn one_row_is_asked_for_by_itself_where_lists_go_over_rows() {
    for form in Form::OF_SCORES.into_iter().chain(Form::FLAT) {
        // Scores are asked for too where their names are known.
        let times = 1 + usize::from(form.predictor(2).label_headers.is_some());
        let looks = usize::from(Form::FLAT.contains(&form));
        for (most_rows, requests) in [(20, 1 + looks), (10, 2 + looks), (1, 20)] {
            let (labels, found) = asked(form, Rows::All, 2, 20, Some(most_rows));
            assert!(labels.is_ok());
            assert_eq!(found, requests + (times - 1) * 20 / most_rows, "{form:?} {most_rows}");
        }
    }
}
