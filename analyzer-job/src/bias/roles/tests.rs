use serde_json::{Value as Json, json};

use super::*;
use crate::config::{DatasetFormat, Location, Predictor, Scalar, Segments};
use crate::read::Options;
use crate::read::fixture::{self, keep_rows, name};
use crate::state::counts::{Group, Groups};

use golden::{CASES, Case, Column};

#[path = "golden.rs"]
mod golden;

fn tokens((kind, cells): Column) -> Vec<String> {
    cells
        .split(' ')
        .map(|cell| match (kind, cell) {
            (_, "-") => "null".into(),
            ("string", text) => Json::from(text).to_string(),
            (_, cell) => cell.into(),
        })
        .collect()
}

fn scalars(json: &str) -> Vec<Scalar> {
    let list: Vec<Json> = serde_json::from_str(json).unwrap();
    list.into_iter()
        .map(|value| match value {
            Json::String(text) => Scalar::Text(text),
            Json::Number(number) if number.is_i64() => Scalar::Int(number.as_i64().unwrap()),
            value => Scalar::Float(value.as_f64().unwrap()),
        })
        .collect()
}

/// A case as JSON Lines with its analysis.
fn input(case: &Case) -> (String, Analysis) {
    let facet = tokens(case.facet);
    let group = case.group.map_or_else(|| facet.clone(), tokens);
    let (label, predicted) = (tokens(case.label), tokens(case.predicted));
    let mut text = String::new();
    for row in 0..label.len() {
        text.push_str(&format!(
            "{{\"features\": [{}, {}], \"y\": {}, \"pred\": {}}}\n",
            facet[row], group[row], label[row], predicted[row]
        ));
    }
    let mut analysis = fixture::analysis(DatasetFormat::JsonLines);
    analysis.dataset.headers = Some(["f", "g", "y", "pred"].map(String::from).to_vec());
    analysis.facets = vec![fixture::facet("f", &scalars(case.facet_list))];
    analysis.label_values_or_threshold = scalars(case.label_list);
    analysis.group_variable = case.group.map(|_| name("g"));
    (text, analysis)
}

/// The metrics of the cases, written out from their formulas.
fn metric(code: &str, facet: &FacetCounts) -> f64 {
    let Groups { d, a } = &facet.total;
    let share = |part: u64, whole: u64| part as f64 / whole as f64;
    let disparity = |positive: fn(&Group) -> u64| {
        let mut sum = 0.0;
        let mut rows = 0;
        for stratum in facet.strata.as_ref().unwrap() {
            let n = stratum.d.n() + stratum.a.n();
            let (d, a) = (positive(&stratum.d), positive(&stratum.a));
            let (not_d, not_a) = (stratum.d.n() - d, stratum.a.n() - a);
            let part = |mine: u64, all: u64| if all == 0 { 0.0 } else { share(mine, all) };
            sum += n as f64 * (part(not_d, not_d + not_a) - part(d, d + a));
            rows += n;
        }
        sum / rows as f64
    };
    match code {
        "CI" => (a.n() as f64 - d.n() as f64) / (a.n() + d.n()) as f64,
        "DPL" => share(a.observed_positive(), a.n()) - share(d.observed_positive(), d.n()),
        "DPPL" => share(a.predicted_positive(), a.n()) - share(d.predicted_positive(), d.n()),
        "AD" => {
            let right = |group: &Group| share(group.true_positive() + group.true_negative(), group.n());
            right(a) - right(d)
        }
        "RD" => {
            let recall = |group: &Group| match group.observed_positive() {
                0 => 0.0,
                positive => share(group.true_positive(), positive),
            };
            recall(a) - recall(d)
        }
        "CDDL" => disparity(Group::observed_positive),
        "CDDPL" => disparity(Group::predicted_positive),
        other => panic!("no formula for {other}"),
    }
}

#[test]
fn counts_equal_the_reference_package() {
    for case in CASES {
        let (text, mut analysis) = input(case);
        let files = [("rows.jsonl", text.as_bytes())];
        if case.no_positive_prediction {
            let reading = fixture::read(&files, &analysis, &Options::default()).unwrap();
            let error = count(&reading, None, &analysis, false).unwrap_err();
            assert!(error.what().starts_with("No Label values are present in the predicted"), "{error}");
            analysis.methods.post_training_bias = None;
        }
        let tallied = fixture::read(&files, &analysis, &Options::default()).unwrap();
        let kept = fixture::read(&files, &analysis, &keep_rows()).unwrap();
        let counted = count(&tallied, None, &analysis, false).unwrap();
        assert_eq!(count(&kept, None, &analysis, false).unwrap().counts, counted.counts, "{}", case.id);
        let counts = counted.counts;
        if !case.printed_label.is_empty() {
            assert_eq!(counts.label_value_or_threshold, case.printed_label, "{}", case.id);
        }
        assert_eq!(counts.facets.len(), case.entries.len(), "{}", case.id);
        for (facet, (printed, metrics)) in counts.facets.iter().zip(case.entries) {
            assert_eq!(facet.value_or_threshold, *printed, "{}", case.id);
            for (code, expected) in *metrics {
                let found = metric(code, facet);
                assert!((found - expected).abs() < 1e-12, "{} {code}: {found}, expected {expected}", case.id);
            }
        }
    }
}

fn counted(text: &str, change: impl FnOnce(&mut Analysis)) -> Result<Counted> {
    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
    change(&mut analysis);
    let reading = fixture::read(&[("rows.csv", text.as_bytes())], &analysis, &keep_rows())?;
    count(&reading, None, &analysis, true)
}

/// 42 rows: enough for 0 and 1 to be categories.
fn rows(sex: &[&str], town: &[&str], y: &[&str], pred: &[&str]) -> String {
    let mut text = String::from("sex,town,y,pred\n");
    for row in 0..42 {
        let of = |values: &[&str]| values[row % values.len()].to_string();
        text.push_str(&format!("{},{},{},{}\n", of(sex), of(town), of(y), of(pred)));
    }
    text
}

#[test]
fn labels_and_predictions_of_different_kinds_are_refused() {
    let text = rows(&["f", "m"], &["a"], &["0", "1"], &["0.0", "1.0"]);
    let error = counted(&text, |_| ()).unwrap_err();
    assert_eq!(error.what(), "Predicted Label Column series datatype is not the same as Label Column series");
    let text = rows(&["f", "m"], &["a"], &["yes", "no"], &["yes", "no", "no"]);
    let counted =
        counted(&text, |analysis| analysis.label_values_or_threshold = vec![Scalar::Text("yes".into())]);
    assert_eq!(counted.unwrap().counts.facets[0].total.d.true_positive(), 7);
}

/// No further row would change that none is positive, so that it is not told as columns of different kinds, wherever the
/// predictions stand.
#[test]
fn words_and_numbers_that_can_never_be_equal_have_one_code_in_datasets_and_captures() {
    let whole: Vec<String> = (0..42).map(|n| n.to_string()).collect();
    let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
    let yes = Scalar::Text("yes".into());
    let cases = [
        (["yes", "no"], &whole[..], &yes),
        (["yes", "no"], &["0.7", "0.2"], &yes),
        (["yes", "no"], &["1", "0"], &yes),
        (["1", "0"], &["yes", "no", "no"], &Scalar::Int(1)),
    ];
    for (labels, predictions, positive) in cases {
        let text = rows(&["f", "m"], &["a"], &labels, predictions);
        let of_dataset =
            counted(&text, |analysis| analysis.label_values_or_threshold = vec![positive.clone()]);
        let mut analysis = fixture::analysis(DatasetFormat::Capture);
        analysis.dataset.headers = Some(["sex", "y"].map(String::from).to_vec());
        analysis.predicted_label = None;
        analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
        analysis.label_values_or_threshold = vec![positive.clone()];
        // Beside a place of scores, numbers at that of the label are no scores.
        analysis.predictor = Some(Predictor {
            label: Some(Location::Index(0)),
            probability: Some(Location::Index(1)),
            ..Predictor::default()
        });
        let part = |data: String| json!({"data": data, "encoding": "CSV"});
        let record = |row: usize| {
            let capture = json!({
                "endpointInput": part(["f", "m"][row % 2].into()),
                "endpointOutput": part(format!("{},0.5", predictions[row % predictions.len()])),
            });
            json!({"captureData": capture, "groundTruthData": part(labels[row % 2].into())}).to_string()
                + "\n"
        };
        let records: String = (0..42).map(record).collect();
        let reading = fixture::read(&[("a.jsonl", records.as_bytes())], &analysis, &Options::default());
        let of_captures = count(&reading.unwrap(), None, &analysis, true);
        for (of, counted) in [("dataset", of_dataset), ("captures", of_captures)] {
            let problem = counted.unwrap_err();
            assert_eq!(
                problem.code(),
                &codes::NO_POSITIVE_PREDICTION,
                "{of}, {labels:?}, {predictions:?}: {problem}"
            );
        }
    }
}

#[test]
fn predictions_without_a_positive_one_are_refused_with_the_spelling() {
    let text = rows(&["f", "m"], &["a"], &["Yes", "No"], &["No", "Yes"]);
    let error =
        counted(&text, |analysis| analysis.label_values_or_threshold = vec![Scalar::Text("yes".into())]);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`yes` is spelled `Yes` in the data; list in"), "{error}");
}

#[test]
fn missing_values_match_nothing_and_come_last_in_their_own_entry() {
    let text = rows(&["f", "", "m"], &["b", "", "a"], &["0", "1"], &["1", "0"]);
    let found = counted(&text, |analysis| {
        analysis.facets[0].values.clear();
        analysis.group_variable = Some(name("town"));
    })
    .unwrap();
    let entries: Vec<_> = found
        .counts
        .facets
        .iter()
        .map(|facet| (facet.value_or_threshold.as_str(), facet.total.d.n()))
        .collect();
    assert_eq!(entries, [("f", 14), ("nan", 0), ("m", 14)]);
    // Rows without a town are in no stratum; strata ascend, `a` first.
    let strata = found.counts.facets[0].strata.as_ref().unwrap();
    assert_eq!(
        strata.iter().map(|groups| (groups.d.n(), groups.a.n())).collect::<Vec<_>>(),
        [(0, 14), (14, 0)]
    );
    let reasons: Vec<_> = found.counts.left_out.iter().map(|left| (left.what.as_str(), left.rows)).collect();
    assert_eq!(
        reasons,
        [("sex nan", 0), ("rows without sex", 14), ("rows without a value of the group variable", 14)]
    );
}

/// As in the reference package; a person who counts has to know it.
#[test]
fn rows_without_a_label_or_a_prediction_are_negative_and_told_with_their_number() {
    let yes = |analysis: &mut Analysis| analysis.label_values_or_threshold = vec![Scalar::Text("yes".into())];
    for (y, pred, missing) in [
        (&["yes", "no", ""][..], &["yes", "no"][..], [14, 0]),
        (&["yes", "no"], &["yes", ""], [0, 21]),
        (&["yes", "", "no"], &["no", "", "yes"], [14, 14]),
        (&["yes", "no"], &["yes", "no"], [0, 0]),
    ] {
        for post in [true, false] {
            let text = rows(&["f", "m"], &["a"], y, pred);
            let found = counted(&text, |analysis| {
                yes(analysis);
                if !post {
                    analysis.methods.post_training_bias = None;
                }
            })
            .unwrap();
            let missing = [missing[0], if post { missing[1] } else { 0 }];
            let told = |name: &str, rows: u64, what: &str| {
                format!("`{name}` has no value in {rows} of 42 rows: a missing {what} counts as negative")
            };
            let columns = [("y", missing[0], "label"), ("pred", missing[1], "prediction")];
            for (name, rows, what) in columns {
                assert_eq!(
                    found.warnings.contains(&told(name, rows, what)),
                    rows > 0,
                    "{:?}",
                    found.warnings
                );
            }
            let of_missing = found.warnings.iter().filter(|warning| warning.contains("a missing ")).count();
            assert_eq!(of_missing, missing.iter().filter(|rows| **rows > 0).count(), "{:?}", found.warnings);
            let left_out: Vec<_> =
                found.counts.left_out.iter().map(|left| (left.what.clone(), left.rows)).collect();
            let expected = columns.iter().filter(|(_, rows, _)| *rows > 0);
            let expected: Vec<_> =
                expected.map(|(name, rows, _)| (format!("rows without {name}"), *rows)).collect();
            assert_eq!(left_out, expected);
            let Groups { d, a } = &found.counts.facets[0].total;
            let positive =
                |values: &[&str]| (0..42).filter(|row| values[row % values.len()] == "yes").count() as u64;
            assert_eq!(d.n() + a.n(), 42);
            assert_eq!(d.observed_positive() + a.observed_positive(), positive(y));
            if post {
                assert_eq!(d.predicted_positive() + a.predicted_positive(), positive(pred));
            }
        }
    }
}

#[test]
fn a_continuous_facet_needs_a_threshold() {
    let text = rows(&["1.5", "2.5"], &["a"], &["0", "1"], &["1", "0"]);
    let error = counted(&text, |analysis| analysis.facets[0].values.clear()).unwrap_err();
    assert_eq!(error.what(), "Threshold values must be provided for continuous features");
}

#[test]
fn float_predictions_are_cut_to_whole_labels() {
    // Labels 0..41 are continuous; 20.9 becomes 20, which is not above 20.
    let mut text = String::from("sex,y,pred\n");
    for row in 0..42 {
        text.push_str(&format!(
            "{},{row},{}\n",
            if row % 2 == 0 { "f" } else { "m" },
            if row == 3 { 21.2 } else { 20.9 }
        ));
    }
    let found =
        counted(&text, |analysis| analysis.label_values_or_threshold = vec![Scalar::Int(20)]).unwrap();
    assert_eq!(found.counts.label_value_or_threshold, "(20, 41]");
    assert_eq!(found.rows.unwrap().predicted.iter().filter(|&&row| row).count(), 1);
}

#[test]
fn crossed_facets_and_segments_count_their_rows() {
    let text = rows(&["f", "m"], &["a", "b", "c"], &["0", "1"], &["1", "0", "1"]);
    let found = counted(&text, |analysis| {
        analysis.facets.push(fixture::facet("town", &[]));
        analysis.segments = vec![Segments {
            name: None,
            column: name("town"),
            segments: vec![vec![Scalar::Text("a".into())], vec![Scalar::Text("A".into())]],
            aliases: None,
        }];
    })
    .unwrap();
    let crossed: Vec<_> = found
        .intersections
        .iter()
        .map(|facet| {
            (facet.facet.as_str(), facet.value_or_threshold.as_str(), facet.total.d.n(), facet.total.a.n())
        })
        .collect();
    assert_eq!(
        crossed,
        [("sex x town", "f x a", 7, 35), ("sex x town", "f x b", 7, 35), ("sex x town", "f x c", 7, 35)]
    );
    let segments: Vec<_> = found
        .segments
        .iter()
        .map(|segment| {
            let groups = segment.counts.facets[0].total;
            (
                segment.segmentation.as_str(),
                segment.segment.as_str(),
                segment.rows,
                groups.d.n(),
                groups.a.n(),
            )
        })
        .collect();
    assert_eq!(
        segments,
        [("town", "a", 14, 7, 7), ("town", "A", 0, 0, 0), ("town", "__default__", 28, 14, 14)]
    );
    assert_eq!(
        found.warnings,
        [
            "segment `a` of `town`: no row or every row has a positive predicted label: metrics that read it compare nothing there",
            "segment `a` of `town`: no row is in `town` = `b`, `town` = `c`, every row is in `town` = `a`: nothing is compared with \
             these groups there; put segments together until each has rows of both sides",
            "segment `A` of `town`: no row has one of its values: check their spelling",
            "segment `__default__` of `town`: no row is in `town` = `a`: nothing is compared with these groups there; put segments \
             together until each has rows of both sides"
        ]
    );
    let roles = found.rows.unwrap();
    let groups: Vec<usize> = roles.facets.iter().map(|facet| facet.groups.len()).collect();
    let features: Vec<&[usize]> = roles.facets.iter().map(|facet| facet.flip_features.as_slice()).collect();
    assert_eq!(
        (groups.as_slice(), features.as_slice()),
        ([1, 3].as_slice(), [[1].as_slice(), &[0]].as_slice())
    );
}

#[test]
fn a_selection_that_is_empty_within_a_segment_only_is_told() {
    let mut text = rows(&["f", "m"], &["a"], &["0", "1"], &["1", "0"]);
    let refused = rows(&["f", "m"], &["b"], &["0"], &["0", "1"]);
    text.push_str(refused.split_once('\n').unwrap().1);
    let found = counted(&text, |analysis| {
        analysis.segments = vec![Segments {
            name: Some("by town".into()),
            column: name("town"),
            segments: vec![vec![Scalar::Text("a".into())], vec![Scalar::Text("b".into())]],
            aliases: None,
        }];
    });
    assert_eq!(
        found.unwrap().warnings,
        [
            "segment `b` of `by town`: no row or every row has a positive label: metrics that read it compare nothing there"
        ]
    );
}

#[test]
fn predictions_of_a_model_stand_in_for_the_column() {
    let text = rows(&["f", "m"], &["a"], &["0", "1"], &["1", "0"]);
    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.facets = vec![fixture::facet("sex", &[])];
    let with_column = fixture::read(&[("rows.csv", text.as_bytes())], &analysis, &keep_rows()).unwrap();
    let expected = count(&with_column, None, &analysis, false).unwrap().counts;
    analysis.predicted_label = None;
    let reading = fixture::read(&[("rows.csv", text.as_bytes())], &analysis, &keep_rows()).unwrap();
    let predicted = Values::Int((0..42).map(|row| 1 - row % 2).collect());
    assert_eq!(count(&reading, Some(&predicted), &analysis, false).unwrap().counts, expected);
    let error = count(&reading, Some(&Values::Int(vec![1])), &analysis, false).unwrap_err();
    assert_eq!(error.what(), "predictions and rows differ in number");
}
