//! Every file, message and page of a check says the same numbers: a test over generated checks, by rules of its own.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::program::{OUTPUT, Run, Tree};

/// A check: what is asked for, and what the baseline is.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// Columns with their listed values; none for every value in turn.
    facets: &'static [(&'static str, &'static [&'static str])],
    methods: [&'static [&'static str]; 2],
    /// Few rows are too few for some metrics.
    rows: u32,
    /// How far the groups are apart now.
    gap: u32,
    baseline: Baseline,
    by_chance: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Baseline {
    Whole,
    /// As the hosted service writes it.
    WithoutCounts,
    /// Of the first facet only its last entry is left.
    OfTheLastValue,
    /// Of every entry the first metrics are left.
    OfFewMetrics,
}

const ALL: &[&str] = &["all"];
const NONE: &[&str] = &[];

fn cases() -> Vec<Case> {
    let facets: [&[(&str, &[&str])]; 4] = [
        &[("sex", &["f"])],
        &[("sex", &[])],
        &[("town", &[]), ("sex", &["f"])],
        &[("town", &["a", "b"]), ("sex", &["q"])],
    ];
    let methods: [[&[&str]; 2]; 3] =
        [[ALL, ALL], [NONE, &["GE", "DI", "TE", "FT"]], [&["CI", "KL", "TVD", "DPL"], NONE]];
    let baselines =
        [Baseline::Whole, Baseline::WithoutCounts, Baseline::OfTheLastValue, Baseline::OfFewMetrics];
    let mut cases = Vec::new();
    for (place, facets) in facets.into_iter().enumerate() {
        for (turn, methods) in methods.into_iter().enumerate() {
            for by_chance in [true, false] {
                let at = place + turn + usize::from(by_chance);
                let gap = [0, 25, 90][(place + 2 * turn + usize::from(by_chance)) % 3];
                let rows = [900, 250, 90][(place + turn) % 3];
                cases.push(Case { facets, methods, rows, gap, baseline: baselines[at % 4], by_chance });
            }
        }
    }
    cases
}

/// Rows of two sexes in three towns.
fn write(tree: &Tree, rows: u32, gap: u32, salt: u32) {
    let row = |n: u32| {
        let chance = |of: u32| (n * 16 + of + salt).wrapping_mul(2_654_435_761) >> 16 & 0xff;
        let is_woman = n.is_multiple_of(3);
        let observed = chance(1) < 120;
        let wrong = chance(2) < if is_woman { 40 + gap } else { 40 };
        let predicted = observed != wrong && !(is_woman && chance(4) < gap / 2);
        let (sex, town) = (if is_woman { "f" } else { "m" }, ["a", "b", "c"][(chance(5) % 3) as usize]);
        format!("{},{sex},{town},{},{}\n", chance(3), u8::from(observed), u8::from(predicted))
    };
    let rows: String = (0..rows).map(row).collect();
    tree.file("processing/input/data/d.csv", format!("x,sex,town,y,p\n{rows}"));
}

fn config(case: &Case) -> Value {
    let facets: Vec<Value> = case
        .facets
        .iter()
        .map(|(name, values)| match values {
            [] => json!({"name_or_index": name}),
            values => json!({"name_or_index": name, "value_or_threshold": values}),
        })
        .collect();
    let mut methods = json!({});
    for (stage, codes) in ["pre_training_bias", "post_training_bias"].into_iter().zip(case.methods) {
        match codes {
            [] => {}
            ["all"] => methods[stage] = json!({"methods": "all"}),
            codes => methods[stage] = json!({"methods": codes}),
        }
    }
    json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
        "facet": facets, "group_variable": "town", "methods": methods,
    })
}

fn change(baseline: Baseline, results: &mut Value) {
    for section in ["pre_training_bias_metrics", "post_training_bias_metrics"] {
        let section = results.get_mut(section);
        let Some(facets) = section.and_then(|section| section["facets"].as_object_mut()) else { continue };
        for (place, entries) in facets.values_mut().enumerate() {
            let entries = entries.as_array_mut().unwrap();
            if baseline == Baseline::OfTheLastValue && place == 0 {
                entries.drain(..entries.len() - 1);
            }
            for entry in entries {
                match baseline {
                    Baseline::WithoutCounts => drop(entry.as_object_mut().unwrap().remove("counts")),
                    Baseline::OfFewMetrics => entry["metrics"].as_array_mut().unwrap().truncate(3),
                    Baseline::Whole | Baseline::OfTheLastValue => {}
                }
            }
        }
    }
}

/// Numbers of a check, by the definition: each comparison once.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    measured: usize,
    compared: usize,
    judged: usize,
    moved: usize,
    within_chance: usize,
    held: usize,
    too_few_rows: usize,
    not_judged: usize,
}

impl Expected {
    fn add(&mut self, numbers: [bool; 8]) {
        let fields = [
            &mut self.measured,
            &mut self.compared,
            &mut self.judged,
            &mut self.moved,
            &mut self.within_chance,
            &mut self.held,
            &mut self.too_few_rows,
            &mut self.not_judged,
        ];
        fields.into_iter().zip(numbers).for_each(|(field, number)| *field += usize::from(number));
    }

    /// What the compared metrics came to, and why those of which nobody can tell.
    fn in_words(&self) -> [String; 3] {
        let listed = |parts: &[(usize, String)]| {
            let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(_, text)| text.as_str());
            parts.collect::<Vec<_>>().join(", ")
        };
        let numbers = [
            (self.moved, "moved"),
            (self.within_chance, "moved within chance"),
            (self.held, "held"),
            (self.too_few_rows, "with too few rows"),
            (self.not_judged, "not judged by chance"),
        ]
        .map(|(number, what)| (number, format!("{number} {what}")));
        let doubts = [
            (self.within_chance, format!("chance explains {}", self.within_chance)),
            (self.too_few_rows, format!("too few rows for {}", self.too_few_rows)),
            (self.not_judged, format!("{} not judged by chance", self.not_judged)),
        ];
        let metrics = if self.compared == 1 { "metric" } else { "metrics" };
        let all = match self.compared {
            0 => format!("0 {metrics} compared"),
            compared => format!("{compared} {metrics} compared: {}", listed(&numbers)),
        };
        [all, listed(&doubts), listed(&doubts[1..])]
    }
}

fn size(code: &str, value: &Value) -> f64 {
    let value = match value.as_str() {
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap(),
    };
    if code == "DI" { value.ln().abs() } else { value.abs() }
}

fn expected(details: &Value) -> Expected {
    let empty = |facet: &Value| facet["empty"].as_array().cloned().unwrap_or_default();
    let facets: Vec<&Value> = details["facets"].as_array().unwrap().iter().collect();
    let with_baseline = |facet: &Value| {
        facet["metrics"].as_array().unwrap().iter().filter(|metric| !metric["baseline"].is_null()).count()
    };
    // Of two entries of one comparison the other is left out.
    let is_told = |place: usize| {
        let one = facets[place];
        !facets.iter().enumerate().any(|(at, other)| {
            let is_twin = at != place
                && one["facet"] == other["facet"]
                && one["groups"]["d"] == other["groups"]["a"]
                && one["groups"]["a"] == other["groups"]["d"]
                && !empty(one).contains(&json!("facet"));
            is_twin && (with_baseline(other), place) > (with_baseline(one), at)
        })
    };
    let mut expected = Expected::default();
    // The Generalized Entropy of any entry will do, one that is compared before another.
    let mut entropy: Option<(bool, [bool; 8])> = None;
    for place in (0..facets.len()).filter(|place| is_told(*place)) {
        for metric in facets[place]["metrics"].as_array().unwrap() {
            let (code, chance) = (metric["name"].as_str().unwrap(), &metric["chance"]);
            let is_measured = !metric["value"].is_null();
            let has_empty = !empty(facets[place]).is_empty() && code != "GE";
            let is_compared = is_measured && !metric["baseline"].is_null() && !has_empty;
            let is_judged = is_compared && !chance.is_null() && chance["unjudged"] != true;
            let is_away = is_compared && size(code, &metric["value"]) > size(code, &metric["baseline"]);
            let is_moved = is_judged && is_away && chance["farther_from_parity"] == true;
            let numbers = [
                is_measured,
                is_compared,
                is_judged,
                is_moved,
                is_judged && is_away && !is_moved,
                is_judged && !is_away,
                is_compared && !is_judged && code != "FT",
                is_compared && !is_judged && code == "FT",
            ];
            if code == "GE" {
                let has_rows = empty(facets[place]).is_empty();
                if entropy.is_none_or(|(known, found)| (has_rows, numbers[1]) > (known, found[1])) {
                    entropy = Some((has_rows, numbers));
                }
                continue;
            }
            expected.add(numbers);
        }
    }
    expected.add(entropy.map_or([false; 8], |(_, numbers)| numbers));
    expected
}

/// The numbers before and after some words, such as `3 of 12 metrics moved`.
fn numbers_before(text: &str, words: &str) -> Vec<usize> {
    let Some(place) = text.find(words) else { return Vec::new() };
    let before: Vec<&str> = text[..place].split_whitespace().rev().take(3).collect();
    before.into_iter().rev().filter_map(|word| word.parse().ok()).collect()
}

/// A page as text, with ordinary blanks.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for letter in html.chars() {
        match letter {
            '<' => is_tag = true,
            '>' => (is_tag, text) = (false, text + " "),
            letter if !is_tag => text.push(letter),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(tree: &Tree, run: &Run, case: &Case) {
    let told = |what: &str| format!("{case:?}: {what}; {}", run.message);
    let details = tree.result("bias_details.json");
    let expected = expected(&details);
    let check = &details["check"];
    assert_eq!(check["compared"], expected.compared, "{}", told("compared in the details"));
    assert_eq!(check["measured"], expected.measured, "{}", told("measured in the details"));

    // One number of violations: file, marks, message, heading of the page and of the notebook, log.
    let violations = match tree.results().get("constraint_violations.json") {
        Some(bytes) => {
            let file: Value = serde_json::from_slice(bytes).unwrap();
            file["violations"].as_array().unwrap().len()
        }
        None => 0,
    };
    let metrics =
        details["facets"].as_array().unwrap().iter().flat_map(|facet| facet["metrics"].as_array().unwrap());
    assert_eq!(metrics.filter(|metric| metric["violated"] == true).count(), violations, "{}", told("marks"));
    let number = if violations == 0 { "no".to_owned() } else { violations.to_string() };
    assert!(run.message.contains(&format!("with {number} violations.")), "{}", told("message"));
    let [all, doubts, unjudged] = expected.in_words();
    let line = format!(
        "each comparison once: {} of {} with a value; chance judges {} of them; entries of the violations file: {violations}; {all}",
        expected.compared, expected.measured, expected.judged
    );
    assert!(run.log.contains(&line), "{}\n{line}\n{}", told("log"), run.log);
    let page = plain(&fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap());
    let notebook: Value = serde_json::from_slice(&tree.results()["report.ipynb"]).unwrap();
    let sources = notebook["cells"].as_array().unwrap().iter().map(|cell| {
        let lines = cell["source"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
        lines.collect::<String>().replace('\\', "")
    });
    let notebook = plain(&sources.collect::<Vec<_>>().join("\n"));
    for text in [&page, &notebook] {
        let of = if violations == 1 {
            "1 violation of the baseline".into()
        } else {
            format!("{violations} violations of the baseline")
        };
        let has_heading = ["violation of the baseline", "violations of the baseline"]
            .iter()
            .any(|words| text.contains(words));
        assert_eq!(has_heading, violations > 0, "{}", told("heading"));
        assert!(violations == 0 || text.contains(&of), "{}", told(&of));
        // The sentence on the file, where there is one, and its parts.
        for words in
            [" violations are in constraint_violations.json", " violation is in constraint_violations.json"]
        {
            let found = numbers_before(text, words);
            assert!(found.last().is_none_or(|found| *found == violations), "{}", told("sentence"));
        }
        assert!(
            violations == expected.moved || violations == 0 || text.contains("in constraint_violations.json"),
            "{}",
            told("two numbers that no sentence explains")
        );
        // What all came to, and why nobody can tell of some.
        assert!(expected.compared == 0 || text.contains(&format!(" {all}. ")), "{}", told(&all));
        if let Some(place) = text.find("None of ") {
            assert!(text[place..].contains(&format!(": {doubts} ")), "{}", told(&doubts));
        }
        let number = expected.too_few_rows + expected.not_judged;
        for words in
            [" metrics cannot be violations of this check: ", " metric cannot be a violation of this check: "]
        {
            let found = numbers_before(text, words);
            assert!(found.last().is_none_or(|found| *found == number), "{}", told(words));
            assert!(found.is_empty() || text.contains(&format!("{words}{unjudged}.")), "{}", told(&unjudged));
        }
        // The headline.
        for words in ["metrics moved away from", "metric moved away from"] {
            if let [.., moved, compared] = numbers_before(text, words)[..] {
                assert_eq!((moved, compared), (expected.moved, expected.compared), "{}", told("headline"));
            }
        }
        let moved = text.replace("No metric moved away from its baseline", "");
        assert_eq!(
            moved.contains(" moved away from their baseline")
                || moved.contains(" moved away from its baseline in")
                || moved.contains(" moved away from its baseline for")
                || moved.contains(" moved away from its baseline: ")
                || moved.contains(", and it moved away from its baseline"),
            expected.moved > 0,
            "{}",
            told("headline")
        );
        let corrected = numbers_before(text, "metrics that chance can judge)");
        let corrected = if corrected.is_empty() {
            numbers_before(text, "metric that chance can judge)")
        } else {
            corrected
        };
        assert_eq!(corrected.last().copied().unwrap_or(0), expected.judged, "{}", told("corrected for"));
    }
    // What is said on the first screen is said in both.
    let headline = |text: &str, end: &str| text.split(end).next().unwrap_or_default().len();
    assert!(headline(&page, "rows analysed") > 0 && headline(&notebook, "rows analysed") > 0);
    let cannot = format!(
        " Cannot be violations: {} of {} metric",
        expected.too_few_rows + expected.not_judged,
        expected.compared
    );
    let is_told = case.by_chance && 2 * (expected.compared - expected.judged) > expected.compared;
    assert_eq!(run.message.contains(&cannot), is_told, "{}", told(&cannot));
    assert!(!is_told || run.message.contains(&format!("({unjudged}).")), "{}", told(&unjudged));
    if let Some(place) = run.message.find(" Compared ") {
        let words = format!(" Compared {} of {} metric", expected.compared, expected.measured);
        assert!(run.message[place..].starts_with(&words), "{}", told("message"));
    } else if violations == 0 {
        assert_eq!(expected.compared, expected.measured, "{}", told("message"));
    }
    // Entries of analysis.json are those of the details.
    let results = tree.result("analysis.json");
    let sections = ["post_training_bias_metrics", "pre_training_bias_metrics"];
    let entries = sections.iter().filter_map(|section| results[section]["facets"].as_object());
    let of_results = entries.flat_map(|facets| facets.iter()).flat_map(|(facet, entries)| {
        entries.as_array().unwrap().iter().flat_map(move |entry| {
            let metrics = entry["metrics"].as_array().unwrap().iter();
            metrics.map(move |metric| {
                format!("{facet} {} {} {}", entry["value_or_threshold"], metric["name"], metric["value"])
            })
        })
    });
    let of_details = details["facets"].as_array().unwrap().iter().flat_map(|facet| {
        let metrics = facet["metrics"].as_array().unwrap().iter();
        metrics.map(move |metric| {
            let facet_name = facet["facet"].as_str().unwrap();
            format!("{facet_name} {} {} {}", facet["value_or_threshold"], metric["name"], metric["value"])
        })
    });
    assert_eq!(of_results.collect::<BTreeSet<_>>(), of_details.collect(), "{}", told("analysis.json"));
}

#[test]
fn every_surface_says_the_same_numbers() {
    for case in cases() {
        let tree = Tree::new();
        tree.config(&config(&case));
        write(&tree, case.rows, 0, 0);
        tree.succeed(&[]);
        let mut constraints = tree.result("analysis.json");
        change(case.baseline, &mut constraints);
        tree.file("baseline/analysis.json", constraints.to_string());
        write(&tree, case.rows, case.gap, 5);
        let path = format!("--baseline-constraints={}", tree.path("baseline").display());
        let rule = format!("--bias-drift-check={}", if case.by_chance { "interval" } else { "value" });
        // Of a check of nothing too the numbers are told.
        let run = tree.succeed(&[&path, &rule, "--on-nothing-compared=succeed"]);
        check(&tree, &run, &case);
    }
}

/// Women are predicted positive less often than in the baseline: the ratio of women fell, that of men rose. By chance either is one
/// violation. By size only the one that rose is; where nobody lists it, log, message and report say what is missed.
#[test]
fn a_ratio_is_a_violation_by_chance_whichever_value_is_listed_and_by_size_what_is_missed_is_told() {
    const WOMEN: &[(&str, &[&str])] = &[("sex", &["f"])];
    const MEN: &[(&str, &[&str])] = &[("sex", &["m"])];
    const BOTH: &[(&str, &[&str])] = &[("sex", &[])];
    for (facets, by_size, by_chance) in [(WOMEN, 0, 1), (MEN, 1, 1), (BOTH, 1, 2)] {
        for is_by_chance in [false, true] {
            let case = Case {
                facets,
                methods: [NONE, &["DI"]],
                rows: 900,
                gap: 90,
                baseline: Baseline::Whole,
                by_chance: is_by_chance,
            };
            let tree = Tree::new();
            tree.config(&config(&case));
            write(&tree, case.rows, 0, 0);
            tree.succeed(&[]);
            tree.file("baseline/analysis.json", tree.analysis_bytes());
            write(&tree, case.rows, case.gap, 5);
            let path = format!("--baseline-constraints={}", tree.path("baseline").display());
            let rule = format!("--bias-drift-check={}", if is_by_chance { "interval" } else { "value" });
            let run = tree.succeed(&[&path, &rule]);
            check(&tree, &run, &case);
            let number = if is_by_chance { by_chance } else { by_size };
            let told = format!("{case:?}: {}", run.message);
            let words = match number {
                0 => "no violations".into(),
                1 => "1 violations".into(),
                number => format!("{number} violations"),
            };
            assert!(run.message.contains(&format!("with {words}.")), "{told}");
            let is_missed = !is_by_chance && by_size == 0;
            let fell = " Disparate Impact (DI) fell away from 1 beyond chance, which `bias_drift_check=value` does not count: `sex` = `f`.";
            assert_eq!(run.message.contains(fell), is_missed, "{told}");
            let line = "Disparate Impact (DI) is farther from 1 than in the baseline beyond chance, and is no violation";
            assert_eq!(run.log.contains(line), is_missed, "{told}: {}", run.log);
            let page = plain(&fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap());
            assert_eq!(
                page.contains("This is not a violation, because the rule compares sizes only"),
                is_missed,
                "{told}"
            );
        }
    }
}
