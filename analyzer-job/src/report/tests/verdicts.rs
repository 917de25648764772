//! What reports say: verdicts, the first screen, sides of the charts.

use super::super::bias;
use super::super::page::{Block, State};
use super::super::tables::{Cell, Style};
use super::super::{html, report};
use super::{facet, findings, metric, names, text_of_html};
use crate::drift::verdict::Verdict;
use crate::paper::drawing::Shape;
use crate::results::details::{
    Chance, FacetDetails, Findings, MetricDetails, SegmentDetails, Selected, SelectionNote, SelectionRole,
    Stage,
};
use crate::results::metrics::{codes_of, reads_any};
use crate::state::counts::Groups;

fn state(metric: &MetricDetails) -> State {
    bias::state(&facet("Sex", "0"), metric)
}

#[test]
fn verdict_tells_moved_from_chance_and_from_too_few_rows() {
    let moved = metric("DPPL", 0.2, Some(0.1));
    assert_eq!(state(&moved), State::Moved);
    assert_eq!(state(&metric("DPPL", 0.2, Some(0.18))), State::CannotTell);
    assert_eq!(state(&metric("DPPL", 0.1, Some(0.2))), State::Held);
    assert_eq!(state(&metric("DPPL", 0.1, None)), State::Measured);
    assert_eq!(state(&MetricDetails { enough_rows: false, ..moved.clone() }), State::CannotTell);
    assert_eq!(state(&MetricDetails { value: None, ..moved }), State::Undefined);
}

#[test]
fn a_metric_moved_only_beyond_chance() {
    let chance = |farther| {
        Some(Chance {
            p_value: 0.01,
            farther_from_parity: farther,
            exact_baseline: false,
            unjudged: false,
            empty_baseline: false,
        })
    };
    // Nor have few rows, which only make the interval unreliable: the test is the verdict, and no word contradicts it.
    for (farther, expected) in [(true, State::Moved), (false, State::CannotTell)] {
        let few = MetricDetails {
            chance: chance(farther),
            enough_rows: false,
            rows_reason: Some("group `0` has 28 rows, fewer than 30".into()),
            ..metric("DPPL", -0.7, Some(0.1))
        };
        assert_eq!(state(&few), expected);
        let verdict = if farther { Verdict::Moved } else { Verdict::WithinChance };
        assert_eq!(Verdict::of(&facet("Sex", "0"), &few), verdict);
        let mut findings = findings();
        findings.explanations = None;
        findings.results.explanations = None;
        let facets = &mut findings.bias.as_mut().unwrap().facets;
        facets.truncate(1);
        facets[0].metrics = vec![few];
        let report = report(&findings, &names(), &[]);
        let html = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
        assert!(html.contains("Too few rows for a reliable interval of the value: group"), "{html}");
        assert!(!html.contains("ot enough rows") && !html.contains("moved, too few rows"), "{html}");
    }
    // The interval has no say once both samples were compared.
    let far = MetricDetails { chance: chance(false), ..metric("DPPL", 0.2, Some(0.1)) };
    assert_eq!(state(&far), State::CannotTell);
    let near = MetricDetails { chance: chance(true), ..metric("DPPL", 0.2, Some(0.18)) };
    assert_eq!(state(&near), State::Moved);
    // A check that asks for more than one window changes the violation, not the mark.
    assert_eq!(state(&MetricDetails { violated: false, ..near }), State::Moved);
}

/// However many rows there are, chance cannot judge the flip test. No word speaks of rows.
#[test]
fn the_flip_test_is_not_judged_by_chance() {
    let unjudged = Chance {
        p_value: 1.0,
        farther_from_parity: false,
        exact_baseline: false,
        unjudged: true,
        empty_baseline: false,
    };
    let flips = |now, baseline| MetricDetails {
        enough_rows: false,
        rows_reason: Some("other rows would give other votes".into()),
        chance: Some(unjudged),
        violated: true,
        ..metric("FT", now, Some(baseline))
    };
    for (now, baseline, word) in
        [(-0.2, 0.1, "moved, not judged by chance"), (-0.1, 0.2, "not judged by chance")]
    {
        let mut findings = findings();
        findings.explanations = None;
        findings.results.explanations = None;
        let facets = &mut findings.bias.as_mut().unwrap().facets;
        facets.truncate(1);
        facets[0].metrics = vec![flips(now, baseline)];
        let report = report(&findings, &names(), &[]);
        let html = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
        assert!(html.contains(word) && html.contains("Not judged by chance: other rows"), "{html}");
        for told in [&html, &report.headline, &report.lead.join(" ")] {
            assert!(!told.contains("too few rows") && !told.contains("ot enough rows"), "{told}");
        }
    }
    // A baseline of few rows is a lack of rows, not what chance explains.
    let of_few = MetricDetails { chance: Some(unjudged), ..metric("DPPL", 0.5, Some(0.1)) };
    assert_eq!(state(&of_few), State::CannotTell);
    assert_eq!(Verdict::of(&facet("Sex", "0"), &of_few), Verdict::TooFewRows);
    // The rows of this run are enough: the reason is named.
    let mut findings = findings();
    let facets = &mut findings.bias.as_mut().unwrap().facets;
    facets.truncate(1);
    facets[0].metrics = vec![of_few.clone(), MetricDetails { name: "TVD".into(), ..of_few }];
    let report = report(&findings, &names(), &[]);
    let html = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
    for words in
        ["Not enough rows in the baseline to say", "Not enough rows of each label, here or in the baseline"]
    {
        assert_eq!(html.matches(words).count(), 1, "{words}: {html}");
    }
}

const EVERY_ROLE: [SelectionRole; 3] =
    [SelectionRole::Label, SelectionRole::Prediction, SelectionRole::Facet];

/// By the selection that is empty, the metrics that say something, of DI, DPPL, GE and DPL, three of which are 0.2 against 0.1. The
/// same if the selection was empty in the baseline.
#[test]
fn the_headline_counts_the_metrics_that_read_no_empty_selection() {
    use SelectionRole::{Facet, Label, Prediction};
    let sentence = |told: &str| format!("{told} moved away from");
    for (empty, headline, nothing) in [
        (vec![], sentence("3 of 4 metrics"), None),
        (vec![Label], sentence("1 of 2 metrics"), Some("2 metrics compare nothing")),
        (vec![Prediction], sentence("1 of 1 metric"), Some("3 metrics compare nothing")),
        (vec![Label, Prediction], "Nothing is compared for Sex = 0: a selection".into(), None),
        (
            vec![Facet],
            "Only the Generalized Entropy (GE), the same for every facet, is compared, and it moved away from".into(),
            Some("3 metrics compare nothing"),
        ),
    ] {
        for in_baseline in [false, true] {
            let mut findings = findings();
            findings.explanations = None;
            findings.results.explanations = None;
            let facets = &mut findings.bias.as_mut().unwrap().facets;
            facets.truncate(1);
            let mut metrics: Vec<MetricDetails> =
                [("DI", 0.2, 0.2), ("DPPL", 0.2, 0.1), ("GE", 0.2, 0.1), ("DPL", 0.2, 0.1)]
                    .map(|(code, now, then)| metric(code, now, Some(then)))
                    .to_vec();
            if in_baseline {
                for metric in metrics.iter_mut().filter(|metric| reads_any(&metric.name, &empty)) {
                    metric.chance = Some(UNJUDGED_FOR_THE_BASELINE);
                }
            } else {
                facets[0].empty = empty.clone();
            }
            facets[0].metrics = metrics;
            let report = report(&findings, &names(), &[]);
            let plain = |text: &str| text.replace('\u{a0}', " ");
            let told = plain(&report.headline);
            assert!(told.starts_with(&headline), "{empty:?} {in_baseline}: {told}");
            let lead = plain(&report.lead.join(" "));
            let place = if in_baseline { "of the baseline holds no row" } else { "a selection holds no row" };
            match nothing {
                Some(nothing) => assert!(lead.contains(nothing) && lead.contains(place), "{empty:?}: {lead}"),
                None => assert!(!lead.contains("nothing: "), "{empty:?}: {lead}"),
            }
            let text = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
            let cells = text.matches("compares nothing").count();
            assert_eq!(cells > 0, !empty.is_empty(), "{empty:?}: {text}");
        }
    }
}

const UNJUDGED_FOR_THE_BASELINE: Chance = Chance {
    p_value: 1.0,
    farther_from_parity: false,
    exact_baseline: false,
    unjudged: true,
    empty_baseline: true,
};

#[test]
fn a_selection_of_nothing_heads_the_report_and_makes_no_statement() {
    let mut findings = findings();
    let details = findings.bias.as_mut().unwrap();
    for facet in &mut details.facets {
        facet.empty = EVERY_ROLE.to_vec();
        facet.metrics.truncate(2);
    }
    let note = SelectionNote {
        role: SelectionRole::Label,
        column: "Target".into(),
        listed: "yes".into(),
        present: vec!["`No`".into(), "`Yes`".into()],
        selected: Selected::NoRow,
        read_as: None,
        reason: Some("`yes` is spelled `Yes` in the data".into()),
    };
    details.selections = vec![note];
    findings.violations.clear();
    findings.explanations = None;
    let report = report(&findings, &names(), &[]);
    assert!(report.headline.starts_with("Nothing is compared"), "{}", report.headline);
    assert!(report.lead[0].contains("`Yes`") && report.lead[0].contains("`Target`"), "{}", report.lead[0]);
    check_no_statement(&findings);
    // Whatever the metrics are: also a ratio that fell away from its parity beyond chance, groups combined, and one group of two.
    let details = findings.bias.as_mut().unwrap();
    details.intersections = vec![details.facets[0].clone()];
    check_no_statement(&findings);
    let every: Vec<MetricDetails> =
        codes_of(Stage::PostTraining).map(|code| metric(code, 0.2, Some(0.5))).collect();
    let details = findings.bias.as_mut().unwrap();
    details.facets[0].metrics = every;
    check_no_statement(&findings);
    findings.bias.as_mut().unwrap().facets[1] = FacetDetails {
        metrics: vec![metric("KL", 0.1, Some(0.1))],
        ..findings.bias.as_ref().unwrap().facets[1].clone()
    };
    check_no_statement(&findings);
}

#[track_caller]
fn check_no_statement(findings: &Findings) {
    let report = report(findings, &names(), &[]);
    let text = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
    let lead = report.lead.join(" ");
    for statement in
        ["four fifths", "4 times", "percentage points", ": the same", "is right for", "stricter with"]
    {
        assert!(!text.contains(statement) && !lead.contains(statement), "{statement}: {lead}");
    }
}

/// `[0.5]` for whole numbers selects the rows of 0: the report is about these, says so, and says why.
#[test]
fn a_selection_that_reading_changed_is_called_what_it_became() {
    let mut findings = findings();
    findings.explanations = None;
    findings.results.explanations = None;
    findings.violations.clear();
    let details = findings.bias.as_mut().unwrap();
    details.facets.truncate(1);
    for metric in &mut details.facets[0].metrics {
        metric.baseline = None;
    }
    details.label_value_or_threshold = "0.5".into();
    details.facets[0].value_or_threshold = "false".into();
    let note = |role, column: &str, listed: &str, read_as: &str| SelectionNote {
        role,
        column: column.into(),
        listed: listed.into(),
        present: Vec::new(),
        selected: Selected::Some,
        read_as: Some(read_as.into()),
        reason: Some(format!("{listed} is read as {read_as}")),
    };
    details.selections = vec![
        note(SelectionRole::Label, "Target", "0.5", "0"),
        note(SelectionRole::Facet, "Sex", "false", "True"),
        note(SelectionRole::Facet, "Other", "false", "3"),
    ];
    let report = report(&findings, &names(), &[]);
    let plain = |text: &str| text.replace('\u{a0}', " ");
    assert_eq!(
        plain(&report.headline),
        "Target = 0 is predicted 4 times less often for Sex = True than for everyone else, if the selection is right"
    );
    let text = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
    for wrong in ["Target = 0.5", "Sex = false"] {
        assert!(!text.contains(wrong), "{wrong}");
    }
    assert!(text.contains("positive is 0 (listed as 0.5)"));
    // Each section with a statement on fairness has the warning.
    for id in ["group-1", "impact-ratios"] {
        let section = report.sections.iter().find(|section| section.id == id).unwrap();
        let is_note =
            |block: &&Block| matches!(block, Block::Note { text } if text.contains("0.5 is read as 0"));
        assert!(section.blocks.iter().any(|block| is_note(&block)), "{id}");
    }
}

/// The share of the group fell from above that of the rest to 0.8 of it, and chance explains that: nothing held.
#[test]
fn a_ratio_that_moved_away_within_chance_did_not_hold() {
    let chance = Chance {
        p_value: 0.9,
        farther_from_parity: false,
        exact_baseline: false,
        unjudged: false,
        empty_baseline: false,
    };
    let fell = MetricDetails { chance: Some(chance), ..metric("DI", 0.8, Some(1.07)) };
    assert_eq!(state(&fell), State::CannotTell);
    let nearer = MetricDetails { chance: Some(chance), ..metric("DI", 0.98, Some(1.07)) };
    assert_eq!(state(&nearer), State::Held);
    let mut findings = findings();
    findings.explanations = None;
    findings.results.explanations = None;
    let facets = &mut findings.bias.as_mut().unwrap().facets;
    facets.truncate(1);
    facets[0].metrics = vec![fell, metric("DPPL", 0.01, Some(0.02))];
    let report = report(&findings, &names(), &[]);
    let plain = |text: &str| text.replace('\u{a0}', " ");
    assert_eq!(
        plain(&report.headline),
        "None of 2 metrics moved beyond chance for Sex = 0: chance explains 1"
    );
    assert!(
        plain(&report.lead[0]).contains("(DI 0.80, baseline 1.07; chance explains that)"),
        "{:?}",
        report.lead
    );
    let text = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
    assert!(
        text.contains("moved, within chance") && text.contains("1 metric moved within chance, 1 held"),
        "{text}"
    );
}

/// Perfect parity of a segment where nobody is positive is none, and a segment without rows is told.
#[test]
fn metrics_that_compare_nothing_within_a_segment_claim_no_parity() {
    let mut findings = findings();
    let mut vacuous = facet("Sex", "0");
    vacuous.empty = vec![SelectionRole::Prediction];
    vacuous.metrics = vec![metric("DI", 1.0, None), metric("DPPL", 0.0, None)];
    let part = |segment: &str, rows, facets| SegmentDetails {
        segmentation: "town".into(),
        segment: segment.into(),
        rows,
        facets,
    };
    let bias = findings.bias.as_mut().unwrap();
    bias.segments = vec![part("a", 2400, vec![vacuous]), part("zz", 0, Vec::new())];
    let report = report(&findings, &names(), &[]);
    let page = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
    let of_segments =
        page.rsplit("By segment").next().and_then(|page| page.split("The data").next()).unwrap();
    assert!(of_segments.contains("No row is in the segment"), "{of_segments}");
    assert_eq!(
        of_segments.matches("compares nothing").count(),
        3,
        "two cells and what they mean: {of_segments}"
    );
}

/// A ratio is a violation, though nearer to its parity: nothing is said of its distance from 0.
#[test]
fn a_ratio_that_rose_to_its_parity_is_no_farther_from_it() {
    let mut findings = findings();
    findings.explanations = None;
    findings.results.explanations = None;
    let facets = &mut findings.bias.as_mut().unwrap().facets;
    facets.truncate(1);
    facets[0].metrics = vec![metric("DI", 0.91, Some(0.18))];
    let lead = report(&findings, &names(), &[]).lead.join(" ").replace('\u{a0}', " ");
    assert!(lead.contains("1 metric compared: 1 held."), "{lead}");
    // With the groups exchanged it fell to its parity and is no violation: verdict and headline are the same.
    let mut exchanged = findings.clone();
    let metrics = &mut exchanged.bias.as_mut().unwrap().facets[0].metrics;
    metrics[0] = MetricDetails { violated: false, ..metric("DI", 1.0 / 0.91, Some(1.0 / 0.18)) };
    let heads = [&findings, &exchanged].map(|findings| {
        let report = report(findings, &names(), &[]);
        (report.state, report.headline)
    });
    assert_eq!(heads[0], heads[1]);
    assert!(!lead.contains("farther from 0"), "{lead}");
}

#[test]
fn a_gap_that_turned_round_says_so() {
    let mut findings = findings();
    findings.explanations = None;
    findings.results.explanations = None;
    let facets = &mut findings.bias.as_mut().unwrap().facets;
    facets.truncate(1);
    facets[0].metrics = vec![metric("DPPL", 0.1875, Some(-0.1))];
    let report = report(&findings, &names(), &[]);
    let end = "a gap of 19 percentage points; in the baseline 10 in the opposite direction (DPPL 0.19).";
    assert!(report.lead[0].ends_with(end), "{}", report.lead[0]);
}

#[test]
fn first_screen_says_what_moved_for_whom_and_how_much() {
    let mut findings = findings();
    findings.explanations = None;
    findings.results.explanations = None;
    let facets = &mut findings.bias.as_mut().unwrap().facets;
    facets.truncate(1);
    let report = report(&findings, &names(), &[]);
    // DI rose from 0.2 to 0.25: a violation by the rule, though nearer to its parity at 1.
    let plain = |text: &str| text.replace('\u{a0}', " ");
    assert_eq!(plain(&report.headline), "1 of 3 metrics moved away from its baseline for Sex = 0");
    assert_eq!(
        plain(&report.lead[0]),
        "Target = 1 is predicted for 1 in 16 of Sex = 0 and 1 in 4 of everyone else: 4 times less often, \
         a gap of 19 percentage points, 10 in the baseline (DPPL 0.19)."
    );
    assert_eq!(report.state, State::Moved);
}

#[test]
fn ratio_is_judged_by_its_own_parity() {
    let nearer = metric("DI", 0.5, Some(0.2));
    assert_eq!(state(&nearer), State::Held);
    let unseen = metric("DI", 0.2, Some(0.5));
    assert_eq!(state(&unseen), State::Moved);
    let mut findings = findings();
    for facet in &mut findings.bias.as_mut().unwrap().facets {
        facet.metrics = vec![unseen.clone()];
    }
    let report = report(&findings, &names(), &[]);
    assert!(
        report
            .lead
            .iter()
            .any(|sentence| sentence.starts_with("Note: ") && sentence.contains("DI 0.20, baseline 0.50"))
    );
    assert!(report.headline.contains(" moved away from "), "{}", report.headline);
    assert_eq!(report.state, State::Moved);
}

/// Where the mark of a metric stands, as a share of the picture's width.
fn place(code: &str, value: f64) -> f64 {
    let mut findings = findings();
    let facets = &mut findings.bias.as_mut().unwrap().facets;
    facets.truncate(1);
    facets[0].metrics = vec![metric(code, value, None)];
    let report = report(&findings, &names(), &[]);
    let tables = report.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
        Block::Table(table) if table.style == Style::Plot => Some(table),
        _ => None,
    });
    let pictures =
        tables.flat_map(|table| &table.rows).flat_map(|row| &row.cells).filter_map(|cell| match cell {
            Cell::Picture { drawing } => Some(drawing),
            _ => None,
        });
    let drawing = pictures.into_iter().next().unwrap();
    let mark = drawing.shapes.iter().find_map(|shape| match shape {
        Shape::Circle { x, .. } => Some(x),
        _ => None,
    });
    mark.unwrap() / drawing.width
}

#[test]
fn left_is_the_worse_side_whatever_the_sign() {
    // A positive value is against the facet for some metrics and for it in others; a ratio turns at 1.
    for code in ["DPPL", "CDDPL", "DPL", "CDDL", "CI", "RD", "DAR", "AD", "TE"] {
        assert!(place(code, 0.2) < 0.5 && place(code, -0.2) > 0.5, "{code}");
    }
    for code in ["FT", "SD", "DRR", "DCA", "DCR"] {
        assert!(place(code, 0.2) > 0.5 && place(code, -0.2) < 0.5, "{code}");
    }
    assert!(place("DI", 0.5) < 0.5 && place("DI", 2.0) > 0.5);
}

#[test]
fn two_values_of_a_facet_are_told_once() {
    let mut findings = findings();
    findings.explanations = None;
    findings.results.explanations = None;
    let bias = findings.bias.as_mut().unwrap();
    let groups = bias.facets[0].groups;
    bias.facets[1] = FacetDetails { groups: Groups { d: groups.a, a: groups.d }, ..facet("Sex", "1") };
    let plain = |text: &str| text.replace('\u{a0}', " ");
    let told = report(&findings, &names(), &[]);
    assert_eq!(plain(&told.headline), "1 of 3 metrics moved away from its baseline for Sex = 0");
    let headings: Vec<String> = told.sections.iter().map(|section| plain(&section.heading)).collect();
    assert_eq!(headings.iter().filter(|heading| heading.contains("against everyone else")).count(), 1);
    let text = plain(&text_of_html(&String::from_utf8(html::write(&told).unwrap()).unwrap()));
    assert!(text.contains("Sex = 1 against everyone else is the same comparison from the other side"));
    // Every violation of the file stays.
    assert!(headings.iter().any(|heading| heading == "4 violations of the baseline"), "{headings:?}");
    // A third value makes them two comparisons.
    findings.bias.as_mut().unwrap().facets[1].groups.a.rows[0][0] += 1;
    let told = report(&findings, &names(), &[]);
    assert!(told.sections.iter().any(|section| plain(&section.heading).starts_with("Sex = 1 against")));
}

#[test]
fn the_lowest_ratio_is_one_of_enough_rows() {
    let mut findings = findings();
    let bias = findings.bias.as_mut().unwrap();
    for metric in bias.facets.iter_mut().flat_map(|facet| &mut facet.metrics) {
        metric.baseline = None;
    }
    let few = &mut bias.facets[1];
    (few.facet, few.value_or_threshold) = ("Sex".into(), "2".into());
    few.groups.d = crate::state::counts::Group { rows: [[7, 0], [2, 0]] };
    few.metrics.iter_mut().for_each(|metric| metric.enough_rows = false);
    let plain = |findings: &_| report(findings, &names(), &[]).headline.replace('\u{a0}', " ");
    let mut alone = findings.clone();
    alone.explanations = None;
    alone.results.explanations = None;
    assert_eq!(
        plain(&alone),
        "Target = 1 is predicted 4 times less often for Sex = 0 than for everyone else"
    );
}
