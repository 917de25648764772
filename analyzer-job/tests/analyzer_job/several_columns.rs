//! Two quality monitors that share a reading: what is wrong with a column is told by the one that has it, as alone.

use crate::program::Tree;
use crate::several::quality_together;

/// A column that is not there, in a dataset whose first row may be another than most: then it is judged by the columns of most
/// rows.
#[test]
fn a_problem_of_a_column_is_told_by_the_monitor_that_has_it() {
    let lines: String =
        (0..6).map(|n| format!("{{\"label\":{},\"answer\":{}}}\n", n % 2, n / 2 % 2)).collect();
    let cells: String = (0..6).map(|n| format!("{n},{},{}\n", n / 2 % 2, n % 2)).collect();
    let (csv, jsonl) = ("{\"csv\":{\"header\":true}}", "{\"json\":{\"lines\":true}}");
    let unnamed = "{\"csv\":{\"header\":false}}";
    let rows = format!("age,answer,label\n{cells}");
    for (name, text, format, label, columns, fails) in [
        ("a.csv", rows.clone(), csv, "label", "", ""),
        ("a.csv", rows.clone(), csv, "nothing", "", "`nothing`"),
        ("a.csv", rows, csv, "label", "--columns=[{\"keep\":[\"nowhere\"]}]", "`nowhere`"),
        ("a.jsonl", lines.clone(), jsonl, "nothing", "", "`nothing`"),
        ("a.jsonl", format!("[1,2]\n{lines}"), jsonl, "label", "", ""),
        ("a.jsonl", format!("[1,2]\n{lines}"), jsonl, "nothing", "", "`nothing`"),
        ("a.csv", format!("1,2\n{cells}"), unnamed, "2", "", ""),
        ("a.csv", format!("1,2\n{cells}"), unnamed, "7", "", "7"),
    ] {
        let mut tree = Tree::new();
        tree.file(&format!("data/{name}"), &text);
        tree.set("dataset_source", "/opt/ml/data").set("dataset_format", format);
        tree.set("problem_type", "BinaryClassification").set("metric_time", "2024-05-01T00:00:00Z");
        let answer = if format == unnamed { "1" } else { "answer" };
        tree.set("inference_attribute", answer).set("ground_truth_attribute", label);
        let settings: Vec<&str> = Some(columns).into_iter().filter(|text| !text.is_empty()).collect();
        let what = format!("{text} {label} {columns}");
        let run = quality_together(&tree, &settings, true, &what);
        let is_told = run.message.contains("monitors failed") && run.message.contains(fails);
        assert_eq!(is_told, !fails.is_empty(), "{what}: {}", run.message);
    }
}
