//! Records with more or fewer features than the others: `headers` are to fit most of them, wherever the others stand.

use super::*;

/// How records with these features are written.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Form {
    Captures,
    Lines,
    Document,
}

fn analysis_of(form: Form, features: &str) -> Analysis {
    let format = match form {
        Form::Captures => DatasetFormat::Capture,
        Form::Lines => DatasetFormat::JsonLines,
        Form::Document => DatasetFormat::Json,
    };
    let mut analysis = if form == Form::Captures { monitor() } else { fixture::analysis(format) };
    let root = if form == Form::Document { "[*]." } else { "" };
    analysis.dataset.features = Some(format!("{root}{features}"));
    analysis.label = Some(name(&format!("{root}y")));
    if form != Form::Captures {
        analysis.predicted_label = None;
        analysis.methods.post_training_bias = None;
    }
    headers(&mut analysis, &["id", "g", "y"]);
    analysis.facets = vec![fixture::facet("g", &[Scalar::Int(1)])];
    analysis
}

/// The rows and the records left out, or the problem.
type End = std::result::Result<(u64, u64), String>;

fn end(reading: Result<Reading>) -> End {
    let reading = reading.map_err(|problem| problem.to_string())?;
    Ok((reading.row_counts.rows, reading.row_counts.records_skipped.iter().map(|of| of.records).sum()))
}

/// What records come to, in one file and in two, and as two parts.
fn ends(form: Form, features: &str, records: &[String]) -> (Vec<End>, End) {
    let analysis = analysis_of(form, features);
    let text = |records: &[String]| match form {
        Form::Captures => records.iter().map(|record| record_of(record)).collect(),
        Form::Lines => records.join("\n"),
        Form::Document => format!("[{}]", records.join(",")),
    };
    let (one, two) = records.split_at(1);
    let (all, one, two) = (text(records), text(one), text(two));
    let whole = [vec![("a", all.as_bytes())], vec![("a", one.as_bytes()), ("b", two.as_bytes())]];
    let mut ends: Vec<_> =
        whole.iter().map(|files| end(fixture::read(files, &analysis, &keep_rows()))).collect();
    ends.push(end(fixture::read(&whole[0], &analysis, &Options::default())));
    let parts = [("a".into(), one.clone()), ("b".into(), two.clone())];
    (ends, end(fixture::combined(&parts, &analysis, &keep_rows())))
}

/// What parts and one run over their files agree in: the record that is named, and of objects, which may contradict each other too, the
/// code.
fn of_parts(features: &str, end: End) -> End {
    end.map_err(|problem| if features == "f" { problem } else { problem.chars().take(6).collect() })
}

/// The features of most records, and odd ones.
const CASES: [(&str, &str, &[&str]); 3] = [
    (
        "f.*",
        r#"{"a":2,"b":1}"#,
        &[r#"{"id":2}"#, r#"{"q":2}"#, r#"{"id":2,"g":1,"z":3}"#, r#"{"q":2,"r":1,"s":3}"#],
    ),
    (
        "f.*",
        r#"{"id":2,"g":1}"#,
        &[r#"{"id":2}"#, r#"{"q":2}"#, r#"{"id":2,"g":1,"z":3}"#, r#"{"q":2,"r":1,"s":3}"#],
    ),
    ("f", "[2,1]", &["[2]", "[2,1,3]"]),
];

fn records(usual: &str, odd: &str, is_odd: impl Fn(usize) -> bool) -> Vec<String> {
    (0..5).map(|at| format!("{{\"f\":{},\"y\":1}}", if is_odd(at) { odd } else { usual })).collect()
}

#[test]
fn one_odd_record_is_what_is_wrong_wherever_it_stands() {
    for (features, usual, odds) in CASES {
        for odd in odds {
            for form in [Form::Captures, Form::Lines, Form::Document] {
                let mut codes: Vec<String> = Vec::new();
                for place in 0..5 {
                    let (ends, combined) = ends(form, features, &records(usual, odd, |at| at == place));
                    let told = format!("{form:?} {usual} {odd} {place}");
                    let whole_of_two = ends[1].clone();
                    for end in ends {
                        match end {
                            Ok(end) => {
                                assert_eq!((form, end), (Form::Captures, (4, 1)), "{told}");
                            }
                            Err(problem) => {
                                assert_ne!(form, Form::Captures, "{told}: {problem}");
                                assert!(!problem.contains("Headers"), "{told}: {problem}");
                                codes.push(problem.chars().take(6).collect());
                            }
                        }
                    }
                    assert_eq!(
                        of_parts(features, combined),
                        of_parts(features, whole_of_two),
                        "parts: {told}"
                    );
                }
                codes.dedup();
                assert!(codes.len() <= 1, "{form:?} {usual} {odd}: {codes:?}");
            }
        }
    }
}

#[test]
fn headers_that_do_not_fit_most_records_are_what_is_wrong_wherever_the_others_stand() {
    for (features, usual, odds) in CASES {
        for odd in odds {
            for form in [Form::Captures, Form::Lines, Form::Document] {
                let mut found: Vec<String> = Vec::new();
                for place in 0..5 {
                    let (ends, combined) = ends(form, features, &records(usual, odd, |at| at != place));
                    let told = format!("{form:?} {usual} {odd} {place}");
                    let is_told = form == Form::Lines || form == Form::Document && features == "f";
                    if is_told {
                        let whole_of_two = ends[1].clone();
                        let combined = of_parts(features, combined.clone());
                        assert_eq!(combined, of_parts(features, whole_of_two), "parts: {told}");
                    }
                    assert!(combined.is_err(), "{told}");
                    for end in ends {
                        let problem = end.unwrap_err();
                        // A document in which objects contradict each other is told of these.
                        assert!(!is_told || problem.contains("Headers"), "{told}: {problem}");
                        found.push(problem.chars().take(6).collect());
                    }
                }
                found.dedup();
                assert_eq!(found.len(), 1, "{form:?} {usual} {odd}: {found:?}");
                assert!(form == Form::Captures || found[0] == "PL0303", "{form:?} {usual} {odd}: {found:?}");
            }
        }
    }
}
