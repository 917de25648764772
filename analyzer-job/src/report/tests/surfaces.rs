//! Page, notebook and PDF of generated mixtures of verdicts say the same numbers, each reason its own.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::super::page::{Block, Report};
use super::super::tables::{Cell, Style};
use super::super::{html, notebook, pdf, report};
use super::{findings, metric, names, text_of_html};
use crate::paper::document;
use crate::results::Violation;
use crate::results::details::{Chance, Check, FacetDetails, Findings, MetricDetails};
use crate::state::counts::{Group, Groups};

/// What a metric is made to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Moved,
    WithinChance,
    Held,
    /// Farther than in the baseline, or nearer.
    TooFew(bool),
    NotCompared,
    Undefined,
}

fn kind() -> impl Strategy<Value = Kind> {
    use Kind::{Held, Moved, NotCompared, TooFew, Undefined, WithinChance};
    // Of a run each kind may be the only one, or missing.
    prop_oneof![
        2 => Just(Moved), 3 => Just(WithinChance), 3 => Just(Held),
        2 => any::<bool>().prop_map(TooFew), 1 => Just(NotCompared), 1 => Just(Undefined)
    ]
}

fn kinds() -> impl Strategy<Value = Vec<Vec<Kind>>> {
    let some = prop::sample::subsequence(
        vec![
            Kind::Moved,
            Kind::WithinChance,
            Kind::Held,
            Kind::TooFew(true),
            Kind::TooFew(false),
            Kind::NotCompared,
        ],
        1..=6,
    );
    let of_few = some.prop_flat_map(|kinds| {
        prop::collection::vec(prop::collection::vec(prop::sample::select(kinds), 1..9), 1..4)
    });
    prop_oneof![of_few, prop::collection::vec(prop::collection::vec(kind(), 1..9), 1..4)]
}

/// All but the entropy, which counts once for all groups: `results::comparisons` has tests of that.
const CODES: [&str; 8] = ["AD", "DAR", "DI", "DPPL", "FT", "RD", "TE", "DPL"];

fn made(code: &str, kind: Kind) -> MetricDetails {
    let (near, far) = if code == "DI" { (0.9, 0.5) } else { (0.1, 0.3) };
    let [now, then] = match kind {
        Kind::Moved | Kind::WithinChance | Kind::TooFew(true) => [far, near],
        _ => [near, far],
    };
    // The flip test is not judged, whatever the rows are.
    let unjudged = matches!(kind, Kind::TooFew(_)) || code == "FT";
    let mut metric = metric(code, now, (kind != Kind::NotCompared).then_some(then));
    metric.enough_rows = !unjudged;
    metric.violated = false;
    metric.chance = metric.baseline.map(|_| Chance {
        p_value: if kind == Kind::Moved { 0.01 } else { 1.0 },
        farther_from_parity: kind == Kind::Moved && !unjudged,
        exact_baseline: false,
        unjudged,
        empty_baseline: false,
    });
    if kind == Kind::Undefined {
        (metric.value, metric.chance, metric.error) = (None, None, Some("why".into()));
    }
    metric
}

/// The numbers by the definition, read from what was generated.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    compared: usize,
    moved: usize,
    within: usize,
    held: usize,
    too_few: usize,
    not_judged: usize,
}

fn expected(kinds: &[Vec<Kind>]) -> Expected {
    let mut expected = Expected::default();
    for (code, kind) in kinds.iter().flat_map(|kinds| CODES.into_iter().zip(kinds)) {
        let place = match (code, kind) {
            (_, Kind::NotCompared | Kind::Undefined) => continue,
            ("FT", _) => &mut expected.not_judged,
            (_, Kind::Moved) => &mut expected.moved,
            (_, Kind::WithinChance) => &mut expected.within,
            (_, Kind::Held) => &mut expected.held,
            (_, Kind::TooFew(_)) => &mut expected.too_few,
        };
        *place += 1;
        expected.compared += 1;
    }
    expected
}

fn findings_of(kinds: &[Vec<Kind>], by_chance: bool) -> Findings {
    let mut findings = findings();
    (findings.explanations, findings.results.explanations) = (None, None);
    findings.violations.clear();
    let group = |rows: u64| Group { rows: [[rows, 40], [30, 90]] };
    let facets: Vec<FacetDetails> = (0..)
        .zip(kinds)
        .map(|(place, kinds)| FacetDetails {
            facet: "Race".into(),
            value_or_threshold: format!("v{place}"),
            groups: Groups { d: group(100 + place), a: group(900) },
            predicted: true,
            empty: Vec::new(),
            metrics: CODES.iter().zip(kinds).map(|(code, kind)| made(code, *kind)).collect(),
        })
        .collect();
    let bias = findings.bias.as_mut().unwrap();
    bias.facets = facets;
    for facet in &mut bias.facets {
        for metric in &mut facet.metrics {
            let is_farther = metric.is_farther_from_zero() && metric.value.is_some();
            metric.violated = if by_chance { metric.is_beyond_chance() } else { is_farther };
            if metric.violated {
                findings.violations.push(Violation::Bias {
                    facet: facet.facet.clone(),
                    facet_value: facet.value_or_threshold.clone(),
                    metric_name: metric.name.clone(),
                    constraint_check_type: "bias_drift_check".into(),
                    description: String::new(),
                });
            }
        }
    }
    let numbers = expected(kinds);
    let unjudged = if by_chance { numbers.too_few + numbers.not_judged } else { 0 };
    bias.check = Some(Check {
        compared: numbers.compared as u64,
        measured: kinds.iter().flatten().filter(|kind| **kind != Kind::Undefined).count() as u64,
        confidence: 0.95,
        exact_baselines: 0,
        has_counts: true,
        beyond_chance_only: by_chance,
        held_back: None,
        unjudged: unjudged as u64,
        mute_windows: 0,
        runs_without_baseline: 0,
    });
    findings
}

/// Every number that stands before or behind these words; `#` is its place.
fn numbers(text: &str, words: &str) -> Vec<usize> {
    let (before, behind) = words.split_once('#').unwrap();
    let places = text.match_indices(if before.is_empty() { behind } else { before });
    let found = places.filter_map(|(place, _)| {
        if before.is_empty() {
            let digits = text[..place].chars().rev().take_while(char::is_ascii_digit).count();
            text[place - digits..place].parse().ok()
        } else {
            let rest = &text[place + before.len()..];
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            if rest[digits..].starts_with(behind) { rest[..digits].parse().ok() } else { None }
        }
    });
    found.collect()
}

fn check_first_screen(report: &Report, expected: &Expected, told: &str) {
    let plain = |text: &str| text.replace(['\u{a0}', '\u{202f}'], " ");
    let headline = plain(&report.headline);
    let total = expected.compared;
    if total == 0 {
        return;
    }
    // The reasons of the headline, each with its number or none.
    for (words, number) in [
        ("chance explains #", expected.within),
        ("too few rows for #", expected.too_few),
        ("# not judged by chance", expected.not_judged),
        (": # held", expected.held),
    ] {
        let found = numbers(&headline, words);
        assert!(found.iter().all(|found| *found == number), "{words}: {headline}; {told}");
        assert!(number > 0 || found.is_empty(), "{words}: {headline}; {told}");
    }
    for words in ["# metrics moved", "# metric moved"] {
        for found in numbers(&headline, words) {
            assert_eq!(found, total, "{headline}; {told}");
        }
    }
    let is_named = headline.contains("None of") || headline.contains(" held, ");
    let doubts = [expected.within, expected.too_few, expected.not_judged];
    if expected.moved > 0 {
        assert!(headline.starts_with(&format!("{} of {total} metric", expected.moved)), "{headline}; {told}");
    } else if doubts.contains(&total) {
        assert!(headline.contains(&format!("{total} metric")), "{headline}; {told}");
    } else if is_named {
        let sum: usize = ["chance explains #", "too few rows for #", "# not judged by chance"]
            .iter()
            .flat_map(|words| numbers(&headline, words))
            .sum();
        assert_eq!(sum, doubts.iter().sum::<usize>(), "{headline}; {told}");
    } else {
        assert!(headline.starts_with("No metric moved away") && doubts == [0; 3], "{headline}; {told}");
    }
    // One sentence with all of them, which add up.
    let parts = [
        (expected.moved, "moved"),
        (expected.within, "moved within chance"),
        (expected.held, "held"),
        (expected.too_few, "with too few rows"),
        (expected.not_judged, "not judged by chance"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    let metrics = if total == 1 { "metric" } else { "metrics" };
    let sentence = format!("{total} {metrics} compared: {}.", parts.join(", "));
    assert!(report.lead.contains(&sentence), "{sentence} in {:?}; {told}", report.lead);
    for words in ["# metrics cannot be violations", "# metric cannot be a violation"] {
        for found in numbers(&report.lead.join(" "), words) {
            assert_eq!(found, expected.too_few + expected.not_judged, "{:?}; {told}", report.lead);
        }
    }
}

/// The headings of the groups, and the marks in their tables.
fn check_sections(report: &Report, expected: &Expected, told: &str) {
    let headings: Vec<String> = report
        .sections
        .iter()
        .filter(|section| section.heading.contains("against everyone else"))
        .map(|section| section.heading.replace(['\u{a0}', '\u{202f}'], " "))
        .collect();
    // `1 metric moved, 2 held`, in the words of the sentence that counts all.
    let sum = |verdict: &str| -> usize {
        let parts = headings.iter().filter_map(|text| text.split_once("against everyone else: "));
        let parts = parts.flat_map(|(_, verdicts)| verdicts.split(", "));
        let number = |part: &str| {
            let (number, words) = part.split_once(' ')?;
            let words = words.strip_prefix("metrics ").or(words.strip_prefix("metric ")).unwrap_or(words);
            (words == verdict).then(|| number.parse::<usize>().unwrap())
        };
        parts.filter_map(number).sum()
    };
    for (verdict, number) in [
        ("moved", expected.moved),
        ("moved within chance", expected.within),
        ("held", expected.held),
        ("with too few rows", expected.too_few),
        ("not judged by chance", expected.not_judged),
    ] {
        assert_eq!(sum(verdict), number, "{verdict}: {headings:?}; {told}");
    }
    let words = |wanted: &[&str]| {
        let tables =
            report.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
                Block::Table(table) if table.style == Style::Plot => Some(table),
                _ => None,
            });
        let cells = tables.flat_map(|table| &table.rows).flat_map(|row| &row.cells);
        cells
            .filter(|cell| matches!(cell, Cell::State { text, .. } if wanted.contains(&text.as_str())))
            .count()
    };
    for (wanted, number) in [
        (&["moved", "moved away from parity"][..], expected.moved),
        (&["moved, within chance"], expected.within),
        (&["held", "nearer to parity"], expected.held),
    ] {
        assert_eq!(words(wanted), number, "{wanted:?}; {told}");
    }
    // Too few rows and no test may also be told of what has no baseline.
    assert!(words(&["moved, too few rows", "too few rows"]) >= expected.too_few, "{told}");
    assert!(words(&["moved, not judged by chance", "not judged by chance"]) >= expected.not_judged, "{told}");
}

/// The text of the pages, as it is before they are set.
fn text_of_pdf(document: &document::Document) -> String {
    let mut text = String::new();
    let mut add = |spans: &[document::Span]| {
        text.extend(spans.iter().map(|span| span.text.as_str()));
        text.push('\n');
    };
    for block in &document.blocks {
        match block {
            document::Block::Heading { spans, .. } | document::Block::Note { spans, .. } => add(spans),
            document::Block::Paragraph(paragraph) => add(&paragraph.spans),
            document::Block::List { items } => items.iter().for_each(|item| add(item)),
            document::Block::Figures(figures) => figures.iter().for_each(|figure| add(&figure.caption)),
            document::Block::Table(table) => {
                add(&table.caption);
                table.rows.iter().flatten().flat_map(|cell| &cell.paragraphs).for_each(|cell| add(cell));
            }
        }
    }
    text
}

fn text_of_notebook(report: &Report) -> String {
    let notebook: Json = serde_json::from_slice(&notebook::write(report).unwrap()).unwrap();
    let cells = notebook["cells"].as_array().unwrap().iter();
    let lines = |value: &Json| -> String {
        value.as_array().into_iter().flatten().filter_map(Json::as_str).collect()
    };
    let texts = cells.map(|cell| {
        let outputs = cell["outputs"].as_array().into_iter().flatten();
        let outputs: String = outputs.map(|output| lines(&output["data"]["text/plain"])).collect();
        format!("{}\n{outputs}\n", lines(&cell["source"]))
    });
    text_of_html(&texts.collect::<String>()).replace('\\', "")
}

/// Every sentence of the first screen, every heading and every verdict of a table stands in each of the three.
fn check_writers(report: &Report, told: &str) {
    let plain = |text: &str| text.replace(['\u{a0}', '\u{202f}', '\\'], " ");
    let page = plain(&text_of_html(&String::from_utf8(html::write(report).unwrap()).unwrap()));
    let pdf = plain(&text_of_pdf(&pdf::document(report)));
    let notebook = plain(&text_of_notebook(report));
    let texts = [&report.headline].into_iter().chain(&report.lead).chain(&report.facts);
    let headings = report.sections.iter().map(|section| &section.heading);
    for text in texts.chain(headings) {
        let text = plain(text);
        for (writer, written) in [("page", &page), ("PDF", &pdf), ("notebook", &notebook)] {
            assert!(written.contains(&text), "{writer} lacks {text:?}; {told}");
        }
    }
    for words in [
        "moved, within chance",
        "moved, too few rows",
        "moved away from parity",
        "moved, not judged by chance",
    ] {
        let numbers = [&page, &pdf].map(|text| text.matches(words).count());
        assert_eq!(numbers[0], numbers[1], "{words}; {told}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_surface_counts_each_reason_by_itself(kinds in kinds(), by_chance in any::<bool>()) {
        let told = format!("{kinds:?} {by_chance}");
        let findings = findings_of(&kinds, by_chance);
        let report = report(&findings, &names(), &[]);
        let expected = expected(&kinds);
        check_first_screen(&report, &expected, &told);
        check_sections(&report, &expected, &told);
        check_writers(&report, &told);
    }
}

/// Three with too few rows and two that chance explains are no five of one reason.
#[test]
fn the_headline_gives_each_reason_its_own_number() {
    use Kind::{Held, TooFew, WithinChance};
    let of = |kinds: &[Kind]| {
        let findings = findings_of(&[kinds.to_vec()], true);
        report(&findings, &names(), &[]).headline.replace('\u{a0}', " ")
    };
    assert_eq!(
        of(&[TooFew(true), TooFew(true), WithinChance, WithinChance, Held, TooFew(false)]),
        "None of 6 metrics moved beyond chance for Race = v0: chance explains 2, too few rows for 3, 1 not judged by chance"
    );
    assert_eq!(
        of(&[Held, Held, Held, TooFew(false)]),
        "No metric moved away from its baseline for Race = v0: 3 held, too few rows for 1"
    );
    assert_eq!(
        of(&[TooFew(true), TooFew(false)]),
        "Not enough rows to say whether 2 metrics moved for Race = v0"
    );
    assert_eq!(of(&[WithinChance]), "1 metric moved for Race = v0, no more than chance explains");
    assert_eq!(of(&[Held, Held]), "No metric moved away from its baseline for Race = v0");
    assert_eq!(
        of(&[Kind::Moved, Held, TooFew(true)]),
        "1 of 3 metrics moved away from its baseline for Race = v0"
    );
}

/// Of 30 groups twelve have a chapter: what is said of the run is said of all 30.
#[test]
fn numbers_of_many_groups_are_those_of_all() {
    let kinds: Vec<Vec<Kind>> = vec![vec![Kind::Moved, Kind::WithinChance, Kind::Held]; 30];
    let report = report(&findings_of(&kinds, true), &names(), &[]);
    let text = text_of_pdf(&pdf::document(&report));
    assert!(text.contains("corrected for the 90 metrics that chance can judge"), "{text}");
    assert!(
        report.lead.contains(&"90 metrics compared: 30 moved, 30 moved within chance, 30 held.".to_owned()),
        "{:?}",
        report.lead
    );
}

/// The entropy is the same for every group, and none is named for it.
#[test]
fn a_headline_on_the_entropy_alone_names_no_group() {
    for groups in [1, 3] {
        for (kind, others, expected) in [
            (
                Kind::Moved,
                None,
                "1 of 1 metric moved away from its baseline: the Generalized Entropy (GE), the same for every group",
            ),
            (Kind::TooFew(true), None, "Not enough rows to say whether 1 metric moved"),
            (Kind::WithinChance, None, "1 metric moved, no more than chance explains"),
            (Kind::Held, None, "No metric moved away from its baseline"),
            (Kind::NotCompared, None, "No metric has a value in the baseline: nothing is compared"),
            (Kind::Undefined, None, "No bias metric could be computed"),
            (
                Kind::Moved,
                Some(Kind::Held),
                "metrics moved away from its baseline: the Generalized Entropy (GE), the same for every group",
            ),
        ] {
            let mut findings = findings_of(&vec![vec![others.unwrap_or(Kind::Held)]; groups], true);
            for facet in &mut findings.bias.as_mut().unwrap().facets {
                if others.is_none() {
                    facet.metrics.clear();
                }
                facet.metrics.push(made("GE", kind));
            }
            let headline = report(&findings, &names(), &[]).headline.replace('\u{a0}', " ");
            let is_expected =
                if others.is_some() { headline.ends_with(expected) } else { headline == expected };
            assert!(is_expected, "{groups} {kind:?}: {headline}");
        }
    }
}
