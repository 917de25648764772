//! A facet of thousands of values: every group is in the results, and the reports stay small. `tests/bench.sh` has the time
//! and the memory of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::program::Tree;

const VALUES: usize = 3000;
const MB: usize = 1_000_000;

/// Six rows of each value, and up to 99 more of each of the last hundred.
fn data() -> String {
    let mut text = String::from("region,age,label,predicted\n");
    for value in 0..VALUES {
        for row in 0..6 + value.saturating_sub(VALUES - 100) {
            let (label, predicted) = ((value + row).is_multiple_of(3), (value * 7 + row).is_multiple_of(2));
            let age = 18 + (value * 13 + row * 5) % 50;
            text.push_str(&format!("region-{value},{age},{},{}\n", u8::from(label), u8::from(predicted)));
        }
    }
    text
}

#[test]
fn a_facet_of_3000_values_has_all_groups_and_small_reports() {
    let tree = Tree::new();
    tree.file("processing/input/data/data.csv", data());
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "label", "predicted_label": "predicted", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "region"}], "group_variable": "age",
        "methods": {
            "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "DI", "AD", "TE", "CDDPL"]},
            "report": {"name": "report", "title": "Analysis Report"},
        },
    }));
    tree.succeed(&[]);
    let results = tree.results();
    let analysis = tree.result("analysis.json");
    let details = tree.result("bias_details.json");
    for section in ["pre_training_bias_metrics", "post_training_bias_metrics"] {
        let groups = analysis[section]["facets"]["region"].as_array().unwrap();
        let names: BTreeSet<&str> =
            groups.iter().map(|group| group["value_or_threshold"].as_str().unwrap()).collect();
        assert_eq!(names.len(), VALUES);
        let has_all = |group: &Value| group["metrics"].as_array().is_some_and(|metrics| metrics.len() >= 5);
        assert!(groups.iter().all(has_all));
    }
    assert_eq!(details["facets"].as_array().unwrap().len(), VALUES);
    let html = &results["report.html"];
    assert!(html.len() < 2 * MB, "{} bytes of HTML", html.len());
    assert!(results["report.pdf"].len() < 2 * MB, "{} bytes of PDF", results["report.pdf"].len());
    assert!(results["report.ipynb"].len() < 4 * MB, "{} bytes of notebook", results["report.ipynb"].len());
    // The largest groups have a chapter each, the next ones a line of a table.
    let html = String::from_utf8_lossy(html);
    let chapters = html.matches(" against everyone else").count();
    assert!((12..200).contains(&chapters), "{chapters}");
    assert!(html.contains("The 12 largest groups have a chapter each"));
    assert!(
        html.contains("region-2999 against everyone else") && !html.contains("region-17 against everyone")
    );
}
