//! The subcommands that work on results.

use std::fs;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;

use crate::program::{OUTPUT, Tree};

#[test]
fn compare_tells_what_differs_by_text_and_exit_code() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 400, true);
    tree.succeed(&[]);
    let analysis = tree.analysis_bytes();
    let mut other: serde_json::Value = serde_json::from_str(&analysis).unwrap();
    let value = other.pointer_mut("/pre_training_bias_metrics/facets/sex/0/metrics/0/value").unwrap();
    *value = serde_json::json!(value.as_f64().unwrap() + 0.25);
    tree.file("old.json", &analysis).file("other.json", other.to_string()).file("odd.json", "[1]");
    let path = |name: &str| tree.path(name).display().to_string();
    let compare = |old: &str, new: &str, more: &[&str]| {
        tree.run(&[&["compare", path(old).as_str(), path(new).as_str()], more].concat())
    };
    fs::write(tree.path("output/message"), "an earlier message").unwrap();
    assert_eq!(compare("old.json", "old.json", &[]).code, Some(0));
    let differs = compare("old.json", "other.json", &[]);
    assert_eq!(differs.code, Some(1), "{}", differs.stdout);
    assert!(
        differs.stdout.contains("pre-training") && differs.stdout.contains("+2.500e-1"),
        "{}",
        differs.stdout
    );
    assert_eq!(compare("old.json", "other.json", &["--tolerance=10"]).code, Some(0));
    assert_eq!(differs.message, "an earlier message");
    let odd = compare("old.json", "odd.json", &[]);
    assert_eq!(odd.code, Some(3), "{}", odd.log);
    assert!(odd.log.contains("PL0905"), "{}", odd.log);
}

#[test]
fn reports_are_rebuilt_to_the_byte() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 400, true);
    tree.succeed(&[]);
    let before = tree.results();
    for name in ["report.html", "report.ipynb", "report.pdf"] {
        fs::remove_file(tree.path(OUTPUT).join(name)).unwrap();
    }
    fs::remove_dir_all(tree.path("processing/input")).unwrap();
    tree.succeed(&["report", tree.path(OUTPUT).to_str().unwrap()]);
    let after = tree.results();
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (name, bytes) in after {
        assert!(before[&name] == bytes, "{name} differs");
    }
    let nothing = tree.run(&["report", tree.path("home").to_str().unwrap()]);
    assert_eq!(nothing.code, Some(2), "{}", nothing.log);
    assert!(nothing.log.contains("PL0906"), "{}", nothing.log);
}
