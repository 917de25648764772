//! Reports on small findings made by hand.

mod directions;
mod markup;
mod surfaces;
mod verdicts;

use std::fs;

use serde_json::{Value as Json, json};

use crate::config::ReportNames;
use crate::results::details::{
    BiasDetails, Check, EarlierRun, ExplanationDetails, FacetDetails, FeatureDetails, Findings,
    MetricDetails, OutputDetails, RunDetails, SelectionRole, Stage,
};
use crate::results::{
    Attributions, BiasSection, Counts, Explanations, FacetResult, MetricResult, Number, PartialDependence,
    Results, VERSION, Violation, Violations,
};
use crate::state::counts::{Group, Groups};
use crate::values::numbers::to_pretty_json;

use super::page::Block;
use super::tables::Cell;
use super::{html, notebook, pdf, report, svg};

fn names() -> ReportNames {
    ReportNames { name: "what_we_found".into(), title: "Our <title>".into() }
}

fn metric(name: &str, value: f64, baseline: Option<f64>) -> MetricDetails {
    MetricDetails {
        stage: if name == "DPL" { Stage::PreTraining } else { Stage::PostTraining },
        name: name.into(),
        value: Some(Number::Float(value)),
        error: None,
        standard_error: None,
        interval: Some([Number::Float(value - 0.05), Number::Float(value + 0.05)]),
        enough_rows: true,
        rows_reason: None,
        baseline: baseline.map(Number::Float),
        chance: None,
        violated: baseline.is_some_and(|baseline| value.abs() > baseline.abs()),
    }
}

/// A group of 800 rows, of which 1 in 16 is predicted positive, against 1,600 with 1 in 4.
fn facet(name: &str, value: &str) -> FacetDetails {
    let groups =
        Groups { d: Group { rows: [[600, 20], [150, 30]] }, a: Group { rows: [[1000, 150], [200, 250]] } };
    let mut undefined = metric("FT", 0.0, None);
    undefined.value = None;
    undefined.interval = None;
    undefined.error = Some("FlipTest does not support non-numeric columns".into());
    FacetDetails {
        facet: name.into(),
        value_or_threshold: value.into(),
        groups,
        predicted: true,
        empty: Vec::new(),
        metrics: vec![
            metric("DI", 0.25, Some(0.2)),
            metric("DPPL", 0.1875, Some(0.1)),
            undefined,
            metric("DPL", 0.05625, Some(0.3)),
        ],
    }
}

/// Two facets whose names try to break out of every format.
fn findings() -> Findings {
    let facets = vec![facet("Sex", "0"), facet("</script><b>$x$ #set page(fill: red) *y*", "`\"'\\")];
    let section = |stage: Stage| BiasSection {
        label: "Target".into(),
        facets: facets
            .iter()
            .map(|facet| {
                let metrics = facet
                    .metrics
                    .iter()
                    .filter(|metric| metric.stage == stage)
                    .map(|metric| MetricResult {
                        name: metric.name.clone(),
                        description: String::new(),
                        value: metric.value,
                        error: metric.error.clone(),
                    })
                    .collect();
                let result = FacetResult {
                    value_or_threshold: facet.value_or_threshold.clone(),
                    metrics,
                    counts: None,
                };
                (facet.facet.clone(), vec![result])
            })
            .collect(),
        label_value_or_threshold: "1".into(),
    };
    let configuration = json!({"methods": {"report": {"name": "what_we_found", "title": "Our <title>"}}});
    let run = RunDetails {
        program: "analyzer-job 0".into(),
        kind: "Bias monitor".into(),
        window: Some(["2031-03-08T18:00:00Z".into(), "2031-03-08T19:00:00Z".into()]),
        configuration,
        ..RunDetails::default()
    };
    let feature = |name: &str, baseline: f64| FeatureDetails {
        name: name.into(),
        standard_error: Some(0.01),
        local_standard_error: None,
        baseline: Some(baseline),
        quantiles: Some([-0.2, -0.1, 0.0, 0.0, 0.1, 0.2, 0.3]),
        sample: vec![(-0.2, Some(0.0)), (0.3, None)],
    };
    let explanations = ExplanationDetails {
        run: run.clone(),
        rows_explained: 2400,
        num_samples: 100,
        baseline_rows: 1,
        seed: Some(1),
        use_logit: false,
        aggregation: "mean_abs".into(),
        estimators: Vec::new(),
        model_rows: 10,
        clipped_predictions: 0,
        stopped_early: None,
        outputs: vec![OutputDetails {
            label: "label0".into(),
            features: vec![feature("Age", 0.1), feature("Income", 0.4)],
            ndcg: Some(0.76),
            violated: true,
        }],
        pdp_rows: Some(2400),
    };
    let attributions = Attributions {
        global_shap_values: [("Age".to_owned(), 0.3), ("Income".to_owned(), 0.2)].into_iter().collect(),
        expected_value: 0.25,
    };
    let curve = PartialDependence {
        feature_name: "Age".into(),
        data_type: "numerical".into(),
        error: None,
        data_distribution: Some(vec![0.5, 0.5]),
        feature_values: Some(vec![json!(20), json!(40)]),
        model_predictions: Some(vec![vec![0.2, 0.4]]),
        label_headers: vec!["label0".into()],
    };
    let violations = facets
        .iter()
        .flat_map(|facet| ["DI", "DPPL"].map(|metric| (facet, metric)))
        .map(|(facet, metric)| Violation::Bias {
            facet: facet.facet.clone(),
            facet_value: facet.value_or_threshold.clone(),
            metric_name: metric.into(),
            constraint_check_type: "bias_drift_check".into(),
            description: "Metric value 1 doesn't meet the baseline constraint requirement 0".into(),
        })
        .collect();
    Findings {
        results: Results {
            post_training_bias_metrics: Some(section(Stage::PostTraining)),
            pre_training_bias_metrics: Some(section(Stage::PreTraining)),
            explanations: Some(Explanations {
                kernel_shap: Some([("label0".to_owned(), attributions)].into_iter().collect()),
                pdp: Some(vec![curve]),
            }),
            ..Results::default()
        },
        violations,
        bias: Some(BiasDetails {
            run,
            label: "Target".into(),
            label_value_or_threshold: "1".into(),
            group_variable: None,
            facets,
            check: None,
            selections: Vec::new(),
            left_out: Vec::new(),
            intersections: Vec::new(),
            segments: Vec::new(),
        }),
        explanations: Some(explanations),
    }
}

/// The text between tags, entities resolved.
fn text_of_html(page: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in page.chars() {
        match letter {
            '<' => inside = true,
            '>' => inside = false,
            letter if !inside => text.push(letter),
            _ => {}
        }
    }
    for (entity, letter) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, letter);
    }
    text.replace('\u{a0}', " ")
}

#[test]
fn page_and_notebook_name_every_group_metric_and_feature() {
    let report = report(&findings(), &names(), &[]);
    let page = String::from_utf8(html::write(&report).unwrap()).unwrap();
    let text = text_of_html(&page);
    let notebook: Json = serde_json::from_slice(&notebook::write(&report).unwrap()).unwrap();
    let notebook = notebook.to_string();
    for name in [
        "Sex = 0",
        "DI",
        "DPPL",
        "FT",
        "DPL",
        "FlipTest does not support",
        "Age",
        "Income",
        "label0",
        "2031-03-08 18:00 to 19:00 UTC",
    ] {
        assert!(text.contains(name), "{name}");
        assert!(notebook.replace('\u{a0}', " ").contains(name), "{name}");
    }
    assert!(text.contains("</script><b>$x$ #set page(fill: red) *y* = `\"'\\"), "{text}");
}

/// The rows of a group's table of all metrics, cells joined: in the page's text and in the notebook's
/// stored output.
#[test]
fn every_metric_of_every_group_has_value_interval_and_baseline_in_page_and_notebook() {
    let findings = findings();
    let report = report(&findings, &names(), &[]);
    let page = String::from_utf8(html::write(&report).unwrap()).unwrap();
    let notebook: Json = serde_json::from_slice(&notebook::write(&report).unwrap()).unwrap();
    let stored = |code: &str| {
        let cells = notebook["cells"].as_array().unwrap();
        let text = |lines: &Json| {
            lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect::<String>()
        };
        let cell = cells.iter().find(|cell| cell["cell_type"] == "code" && text(&cell["source"]) == code);
        text(&cell.unwrap_or_else(|| panic!("no cell {code}"))["outputs"][0]["data"]["text/plain"])
    };
    for (place, facet) in findings.bias.as_ref().unwrap().facets.iter().enumerate() {
        let start = page.find(&format!("id=\"group-{}-all\"", place + 1)).unwrap();
        let html = &page[start..start + page[start..].find("</table>").unwrap()];
        let literal = notebook::literal;
        let plain =
            stored(&format!("metrics_of({}, {})", literal(&facet.facet), literal(&facet.value_or_threshold)));
        let rows = [
            (r#"title="0.25">0.25<"#, r#"title="0.2 to 0.3">0.20 to 0.30<"#, r#"title="0.2">0.20<"#, "+0.05"),
            (r#"title="0.1875">0.19<"#, "0.14 to 0.24<", r#"title="0.1">0.10<"#, "+0.09"),
            ("FlipTest does not support", "FlipTest", "FlipTest", "FlipTest"),
            (r#"title="0.05625">0.06<"#, "0.01 to 0.11<", r#"title="0.3">0.30<"#, "−0.24"),
        ];
        for (value, interval, baseline, change) in rows {
            for part in [value, interval, baseline, change] {
                assert!(html.contains(part), "{part} in {html}");
            }
        }
        for row in [
            "(DI)  0.25  0.20 to 0.30  0.20  +0.05",
            "(DPPL)  0.19  0.14 to 0.24  0.10  +0.09",
            "(FT)  –  –  –  –  Undefined: FlipTest",
            "(DPL)  0.06  0.01 to 0.11  0.30  −0.24",
        ] {
            assert!(plain.contains(row), "{row} in {plain}");
        }
    }
}

/// By hand: 50 of 800 rows against 400 of 1,600 are shares of 6.25 % and 25 %, a ratio of 0.25; and 500 of
/// 1,000 against 450 of 1,000 are a ratio of 1.11.
#[test]
fn the_largest_groups_have_chapters_and_the_others_share_a_table() {
    let mut findings = findings();
    let bias = findings.bias.as_mut().unwrap();
    bias.facets = (0..400)
        .map(|size| {
            let mut facet = facet("City", &format!("c{size}"));
            facet.groups.d.rows = [[size, 0], [0, 1]];
            facet
        })
        .collect();
    let report = report(&findings, &names(), &[]);
    let groups = report.sections.iter().filter(|section| section.id.starts_with("group-"));
    assert_eq!(groups.filter(|section| !section.id[6..].contains('-')).count(), super::MOST_GROUPS);
    let data = report.data.to_string();
    assert!(data.contains("\"c399\"") && data.contains("\"c388\"") && !data.contains("\"c387\""));
    let page = String::from_utf8(html::write(&report).unwrap()).unwrap();
    assert!(page.contains("388 smaller ones follow, the first 300 of them here"));
    assert!(page.contains("c387") && !page.contains("City = c5<"));
}

#[test]
fn impact_ratios_follow_from_the_counts() {
    let mut findings = findings();
    let bias = findings.bias.as_mut().unwrap();
    bias.facets[1].value_or_threshold = "other".into();
    bias.facets[1].groups =
        Groups { d: Group { rows: [[300, 200], [200, 300]] }, a: Group { rows: [[350, 150], [200, 300]] } };
    let report = report(&findings, &names(), &[]);
    let section = report.sections.iter().find(|section| section.id == "impact-ratios").unwrap();
    assert_eq!(section.heading, "Disparate impact ratio: below four fifths for 1 of 2 groups");
    let [.., Block::Table(table)] = section.blocks.as_slice() else { panic!("{section:?}") };
    let told = |row: usize| -> Vec<String> {
        let cells = table.rows[row].cells.iter();
        cells
            .filter_map(|cell| match cell {
                Cell::Text { text } | Cell::Number { text, .. } => Some(text.replace('\u{202f}', " ")),
                _ => None,
            })
            .skip(1)
            .collect()
    };
    assert_eq!(told(0), ["800", "6.2 %", "25 %", "0.25", "0.19 to 0.33", "below four fifths", "1 of 3"]);
    assert_eq!(told(1), ["1 000", "50 %", "45 %", "1.11", "1.01 to 1.22", "within four fifths", "1 of 3"]);
    // The bar reaches to 1.25 on 110 units, so the line at 0.8 stands at 70.4 and the first bar ends at 22.
    let Some(Cell::Picture { drawing }) =
        table.rows[0].cells.iter().find(|c| matches!(c, Cell::Picture { .. }))
    else {
        panic!("no bar")
    };
    let shapes = svg::body(drawing);
    assert!(shapes.contains("M70.4 0V14") && shapes.contains("width=\"22\""), "{shapes}");
}

#[test]
fn a_check_of_nothing_has_no_green_head() {
    let mut findings = findings();
    let bias = findings.bias.as_mut().unwrap();
    bias.check = Some(Check {
        compared: 0,
        measured: 8,
        confidence: 0.95,
        exact_baselines: 0,
        has_counts: false,
        beyond_chance_only: false,
        held_back: None,
        unjudged: 0,
        mute_windows: 0,
        runs_without_baseline: 0,
    });
    let metrics = bias.facets.iter_mut().flat_map(|facet| &mut facet.metrics);
    metrics.for_each(|metric| metric.baseline = None);
    let page = String::from_utf8(html::write(&report(&findings, &names(), &[])).unwrap()).unwrap();
    assert!(page.contains("No metric has a value in the baseline") && !page.contains("0 comparisons"));
}

#[test]
fn groups_of_few_rows_pass_no_four_fifths_line() {
    for (few, heading, says) in [
        (&[1][..], "below four fifths for 1 of 2 groups", ["below four fifths", "too few rows to say"]),
        (&[0], "within four fifths for 1 of 2 groups", ["too few rows to say", "within four fifths"]),
        (&[0, 1], "cannot be said", ["too few rows to say"; 2]),
    ] {
        let mut findings = findings();
        let facets = &mut findings.bias.as_mut().unwrap().facets;
        facets[1].value_or_threshold = "other".into();
        facets[1].groups = Groups {
            d: Group { rows: [[300, 200], [200, 300]] },
            a: Group { rows: [[350, 150], [200, 300]] },
        };
        for (at, facet) in facets.iter_mut().enumerate().filter(|(at, _)| few.contains(at)) {
            let metric =
                facet.metrics.iter_mut().find(|metric| ["DI", "DPPL"].contains(&metric.name.as_str()));
            metric.unwrap_or_else(|| panic!("no ratio of facet {at}")).enough_rows = false;
        }
        let report = report(&findings, &names(), &[]);
        let section = report.sections.iter().find(|section| section.id == "impact-ratios").unwrap();
        assert_eq!(section.heading, format!("Disparate impact ratio: {heading}"));
        let page = String::from_utf8(html::write(&report).unwrap()).unwrap();
        assert!(says.iter().all(|says| page.contains(says)), "{says:?}");
    }
}

#[test]
fn many_violations_are_told_by_group_and_none_is_lost() {
    let mut findings = findings();
    let violations = findings.violations.clone();
    findings.violations = violations.iter().cycle().take(violations.len() * 8).cloned().collect();
    assert_eq!(findings.violations.len(), 32);
    let report = report(&findings, &names(), &[]);
    let section = report.sections.iter().find(|section| section.id == "violations").unwrap();
    assert_eq!(section.heading, "32 violations of the baseline");
    let [Block::Table(table)] = section.blocks.as_slice() else { panic!("{section:?}") };
    let codes: usize = table
        .rows
        .iter()
        .flat_map(|row| &row.cells[2..])
        .map(|cell| match cell {
            Cell::Text { text } => text.matches("D").count(),
            _ => 0,
        })
        .sum();
    assert_eq!((table.rows.len(), codes), (2, 32));
}

#[test]
fn texts_of_the_data_cannot_become_markup() {
    let report = report(&findings(), &names(), &[]);
    let page = String::from_utf8(html::write(&report).unwrap()).unwrap();
    // Our two scripts, one of them data; the name's own end tag is escaped.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<b>$x$"));
    assert!(page.contains("<title>") && !page.contains("Our <title>"));
    let start = page.find("id=\"report-data\">").unwrap() + "id=\"report-data\">".len();
    let island = &page[start..start + page[start..].find("</script>").unwrap()];
    let data: Json = serde_json::from_str(island).unwrap();
    assert_eq!(data["bias_details"]["facets"][1]["value_or_threshold"], "`\"'\\");
    assert_eq!(data["analysis"]["version"], VERSION);
}

#[test]
fn page_loads_nothing() {
    let page = String::from_utf8(html::write(&report(&findings(), &names(), &[])).unwrap()).unwrap();
    for sign in ["http:", "https:", " src=", "url(", "@import", "<link", "<iframe", "<object"] {
        assert!(!page.contains(sign), "{sign}");
    }
}

#[test]
fn notebook_keeps_the_rules_of_its_format() {
    let bytes = notebook::write(&report(&findings(), &names(), &[])).unwrap();
    let notebook: Json = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&notebook["nbformat"], &notebook["nbformat_minor"]), (&json!(4), &json!(5)));
    let cells = notebook["cells"].as_array().unwrap();
    // The functions are folded away, nothing else is.
    let is_folded = |cell: &&Json| cell["metadata"]["jupyter"]["source_hidden"] == true;
    assert_eq!(cells.iter().filter(is_folded).count(), 1);
    let mut ids: Vec<&str> = cells.iter().map(|cell| cell["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), cells.len());
    let code: Vec<&Json> = cells.iter().filter(|cell| cell["cell_type"] == "code").collect();
    assert!(code.len() > 6);
    assert!(code[1..].iter().all(|cell| cell["outputs"][0]["data"]["text/html"].is_array()));
    assert!(cells.iter().all(|cell| cell["cell_type"] != "markdown" || cell.get("outputs").is_none()));
}

#[test]
fn pdf_is_whole_and_two_runs_write_the_same_bytes() {
    let report = report(&findings(), &names(), &[]);
    let first = pdf::write(&report).unwrap();
    assert!(first.starts_with(b"%PDF-") && first.ends_with(b"%%EOF"));
    assert_eq!(first, pdf::write(&report).unwrap());
    assert_eq!(html::write(&report).unwrap(), html::write(&report).unwrap());
}

#[test]
fn reports_made_again_from_the_files_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (first, again) = (folder.path().join("first"), folder.path().join("again"));
    let findings = findings();
    fs::create_dir(&again).unwrap();
    super::write(&findings, &names(), &[], &first, folder.path()).unwrap();
    let violations = Violations { version: VERSION.into(), violations: findings.violations.clone() };
    fs::write(again.join("analysis.json"), to_pretty_json(&findings.results).unwrap()).unwrap();
    fs::write(again.join("constraint_violations.json"), to_pretty_json(&violations).unwrap()).unwrap();
    fs::write(again.join("bias_details.json"), to_pretty_json(&findings.bias).unwrap()).unwrap();
    fs::write(again.join("explanations_details.json"), to_pretty_json(&findings.explanations).unwrap())
        .unwrap();
    super::rebuild(&again, &[], folder.path()).unwrap();
    for kind in ["html", "pdf", "ipynb"] {
        let name = format!("what_we_found.{kind}");
        assert_eq!(fs::read(first.join(&name)).unwrap(), fs::read(again.join(&name)).unwrap(), "{kind}");
    }
}

#[test]
fn reports_can_be_made_from_results_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("analysis.json"), to_pretty_json(&findings().results).unwrap()).unwrap();
    super::rebuild(folder.path(), &[], folder.path()).unwrap();
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(text_of_html(&page).contains("Sex = 0"));
    let empty = tempfile::tempdir().unwrap();
    let problem = super::rebuild(empty.path(), &[], empty.path()).unwrap_err();
    assert!(problem.to_string().starts_with("PL0906"), "{problem}");
    fs::write(empty.path().join("analysis.json"), "{\n 1").unwrap();
    let problem = super::rebuild(empty.path(), &[], empty.path()).unwrap_err();
    assert!(problem.to_string().starts_with("PL0907") && problem.to_string().contains("line 2"), "{problem}");
}

#[test]
fn findings_without_anything_still_make_reports() {
    let findings =
        Findings { results: Results::default(), violations: Vec::new(), bias: None, explanations: None };
    let report = report(&findings, &names(), &[]);
    assert_eq!(report.headline, "Nothing was measured");
    assert!(pdf::write(&report).is_ok() && html::write(&report).is_ok() && notebook::write(&report).is_ok());
}

#[test]
fn history_takes_results_in_order_and_passes_over_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = folder.path().join("2031-03-07");
    fs::create_dir(&earlier).unwrap();
    fs::write(earlier.join("analysis.json"), to_pretty_json(&findings().results).unwrap()).unwrap();
    fs::write(earlier.join("bias_details.json"), to_pretty_json(&findings().bias).unwrap()).unwrap();
    // As the hosted service writes it: infinities bare.
    let mut results = findings().results;
    for entry in results.post_training_bias_metrics.iter_mut().flat_map(|s| s.facets.values_mut()).flatten() {
        entry.metrics[0].value = Some(Number::Float(f64::INFINITY));
    }
    let hosted = String::from_utf8(to_pretty_json(&results).unwrap()).unwrap();
    assert!(hosted.contains("\"Infinity\""));
    fs::write(folder.path().join("2031-03-06.json"), hosted.replace("\"Infinity\"", "Infinity")).unwrap();
    fs::write(folder.path().join("notes.txt"), "x").unwrap();
    let history = super::history(folder.path()).unwrap();
    let names: Vec<&str> = history.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(names, ["2031-03-06.json", "2031-03-07"]);
    assert_eq!(history[0].results, results);
    assert!(history[0].bias.is_none() && history[1].bias == findings().bias);
    let page =
        String::from_utf8(html::write(&report(&findings(), &self::names(), &history)).unwrap()).unwrap();
    assert!(text_of_html(&page).contains("Over 3 runs"));
    // Two runs left their intervals: a band for each of three metrics of two groups, none for attributions.
    assert_eq!(
        (
            page.matches("z\" fill=\"#0069a6\" class=\"f-held\" fill-opacity=\"0.2\"").count(),
            page.matches("runs ago").count()
        ),
        (6, 8)
    );
}

#[test]
fn trends_leave_out_metrics_of_a_single_run() {
    let bare = EarlierRun { name: "before".into(), results: Results::default(), bias: None };
    let report = report(&findings(), &names(), &[bare]);
    assert!(report.sections.iter().all(|section| section.id != "trends"));
}

/// A run that listed other positive labels is no point of the series, one that spelled the facet's value as `0.0` is.
#[test]
fn trends_are_of_the_same_labels_and_groups() {
    let now = findings();
    let mut same = now.results.clone();
    let mut other = now.results.clone();
    for section in
        [&mut same.post_training_bias_metrics, &mut same.pre_training_bias_metrics].into_iter().flatten()
    {
        for entry in section.facets.values_mut().flatten().filter(|entry| entry.value_or_threshold == "0") {
            entry.value_or_threshold = "0.0".into();
        }
    }
    for section in
        [&mut other.post_training_bias_metrics, &mut other.pre_training_bias_metrics].into_iter().flatten()
    {
        section.label_value_or_threshold = "another".into();
    }
    same.explanations = None;
    other.explanations = None;
    let run = |name: &str, results: &Results| EarlierRun {
        name: name.into(),
        results: results.clone(),
        bias: None,
    };
    let of = |history: &[EarlierRun]| {
        let report = report(&now, &names(), history);
        report.sections.iter().find(|section| section.id == "trends").map(|section| {
            let texts = section.blocks.iter().filter_map(|block| match block {
                Block::Text { text } => Some(text.as_str()),
                _ => None,
            });
            (section.heading.clone(), texts.collect::<Vec<_>>().join(" "))
        })
    };
    assert_eq!(of(&[run("other", &other)]), None);
    let (heading, text) = of(&[run("other", &other), run("same", &same)]).unwrap();
    assert_eq!(heading, "Over 2 runs");
    assert!(text.contains("The oldest run (same)") && text.contains("1 earlier run is left out"), "{text}");
}

/// Of a run in which nobody was predicted positive a difference of 0 is no parity: such a run has no point, whether it left details or the
/// counts in its analysis.json, or both.
#[test]
fn trends_have_no_point_where_a_metric_compares_nothing() {
    let now = findings();
    let points = |has_details: bool, has_counts: bool, is_empty: bool| {
        let (mut results, mut bias) = (now.results.clone(), now.bias.clone().unwrap());
        let positive = u64::from(!is_empty) * 30;
        let empty = Groups {
            d: Group { rows: [[600, positive], [180, positive]] },
            a: Group { rows: [[1150, 2 * positive], [450, positive]] },
        };
        for facet in &mut bias.facets {
            facet.groups = empty;
            facet.empty = if is_empty { vec![SelectionRole::Prediction] } else { Vec::new() };
        }
        for entry in
            results.post_training_bias_metrics.iter_mut().flat_map(|s| s.facets.values_mut()).flatten()
        {
            entry.counts = has_counts.then(|| Counts::new(&empty, Default::default()));
        }
        let earlier = |name: &str, results: &Results, bias: Option<BiasDetails>| EarlierRun {
            name: name.into(),
            results: results.clone(),
            bias,
        };
        let history = [
            earlier("1", &now.results, now.bias.clone()),
            earlier("2", &results, has_details.then_some(bias)),
        ];
        let report = report(&now, &names(), &history);
        let figures = report.sections.iter().filter(|section| section.id.starts_with("trend-"));
        let figures = figures.flat_map(|section| &section.blocks).filter_map(|block| match block {
            Block::Figures { figures, .. } => Some(figures),
            _ => None,
        });
        let alts = figures.flatten().map(|figure| figure.alt.clone());
        alts.filter(|alt| alt.contains("(DPPL)")).collect::<Vec<_>>().join("; ")
    };
    for (has_details, has_counts) in [(true, false), (false, true), (true, true)] {
        for (is_empty, runs) in [(true, "over 2 runs"), (false, "over 3 runs")] {
            let found = points(has_details, has_counts, is_empty);
            assert_eq!(found.matches(runs).count(), 2, "{has_details} {has_counts} {is_empty}: {found}");
        }
    }
}
