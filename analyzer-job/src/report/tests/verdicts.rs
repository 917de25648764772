//! What reports say: verdicts, the first screen, sides of the charts.

use super::super::bias::{self, Course, Doubt};
use super::super::page::{Block, State};
use super::super::tables::{Cell, Style};
use super::super::{html, report};
use super::{facet, findings, metric, names, text_of_html};
use crate::paper::drawing::Shape;
use crate::results::details::{Chance, FacetDetails, MetricDetails, Selected, SelectionNote, SelectionRole};
use crate::state::counts::Groups;

#[test]
fn verdict_tells_moved_from_chance_and_from_too_few_rows() {
    let moved = metric("DPPL", 0.2, Some(0.1));
    assert_eq!(bias::state(&moved), State::Moved);
    assert_eq!(bias::state(&metric("DPPL", 0.2, Some(0.18))), State::CannotTell);
    assert_eq!(bias::state(&metric("DPPL", 0.1, Some(0.2))), State::Held);
    assert_eq!(bias::state(&metric("DPPL", 0.1, None)), State::Measured);
    assert_eq!(bias::state(&MetricDetails { enough_rows: false, ..moved.clone() }), State::CannotTell);
    assert_eq!(bias::state(&MetricDetails { value: None, ..moved }), State::Undefined);
}

#[test]
fn a_metric_moved_only_beyond_chance() {
    let chance = |farther| {
        Some(Chance {
            p_value: 0.01,
            farther_from_zero: farther,
            farther_from_parity: farther,
            exact_baseline: false,
            unjudged: false,
        })
    };
    // The interval has no say once both samples were compared.
    let far = MetricDetails { chance: chance(false), ..metric("DPPL", 0.2, Some(0.1)) };
    assert_eq!(bias::state(&far), State::CannotTell);
    let near = MetricDetails { chance: chance(true), ..metric("DPPL", 0.2, Some(0.18)) };
    assert_eq!(bias::state(&near), State::Moved);
    // A check that asks for more than one window changes the violation, not the mark.
    assert_eq!(bias::state(&MetricDetails { violated: false, ..near }), State::Moved);
}

/// However many rows there are, chance cannot judge the flip test. No word speaks of rows.
#[test]
fn the_flip_test_is_not_judged_by_chance() {
    let unjudged = Chance {
        p_value: 1.0,
        farther_from_zero: false,
        farther_from_parity: false,
        exact_baseline: false,
        unjudged: true,
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
    assert_eq!((bias::state(&of_few), Doubt::of(&of_few)), (State::CannotTell, Doubt::TooFewRows));
}

#[test]
fn a_selection_of_nothing_heads_the_report_and_makes_no_statement() {
    let mut findings = findings();
    let details = findings.bias.as_mut().unwrap();
    for facet in &mut details.facets {
        facet.vacuous = true;
        facet.metrics.truncate(2);
    }
    let note = SelectionNote {
        role: SelectionRole::Label,
        column: "Target".into(),
        listed: "yes".into(),
        present: vec!["`No`".into(), "`Yes`".into()],
        selected: Selected::NoRow,
        reason: Some("`yes` is spelled `Yes` in the data".into()),
    };
    details.selections = vec![note];
    findings.violations.clear();
    findings.explanations = None;
    let report = report(&findings, &names(), &[]);
    assert!(report.headline.starts_with("Nothing is compared"), "{}", report.headline);
    assert!(report.lead[0].contains("`Yes`") && report.lead[0].contains("`Target`"), "{}", report.lead[0]);
    let text = text_of_html(&String::from_utf8(html::write(&report).unwrap()).unwrap());
    for statement in ["four fifths", "4 times", "percentage points", ": the same"] {
        assert!(!text.contains(statement), "{statement}");
    }
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
    assert_eq!((bias::course(&nearer), bias::state(&nearer)), (Some(Course::TowardsParity), State::Held));
    let unseen = metric("DI", 0.2, Some(0.5));
    assert_eq!((bias::course(&unseen), bias::state(&unseen)), (Some(Course::AwayUnseen), State::Moved));
    assert_eq!(bias::course(&metric("DI", 1.5, Some(1.2))), None);
    assert_eq!(bias::course(&metric("DPPL", 0.5, Some(0.2))), None);
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
