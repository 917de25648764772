//! The end of an analysis: judges against the baseline, and makes every result file.

use std::io::{self, Write};

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::output::{self, OutputFile};
use plumbline_common::stop::Stop;
use plumbline_common::words::part_of;
use plumbline_common::{Problem, Result, codes};

use crate::context::{Context, SEED, warn};
use crate::drift::attributions::{self, attribution_drift};
use crate::drift::bias::{self as drift, Rule};
use crate::drift::verdict::{Tally, unseen_by_size};
use crate::drift::windows::{self, Now};
use crate::publish::cloudwatch;
use crate::read::Reading;
use crate::report::{self, Draft};
use crate::results::details::{
    BiasDetails, Check, EarlierRun, ExplanationDetails, FacetDetails, Findings, HeldBack, RunDetails,
    SegmentDetails,
};
use crate::results::{Results, VERSION, Violation, Violations, alone};
use crate::settings::{Settings, Windows};
use crate::stages::attributions::Explanation;
use crate::stages::bias::Bias;
use crate::stages::done::{Done, Message, nothing_checked};
use crate::stages::{manifest, publish, segments};
use crate::values::numbers;

/// Only there when something is violated.
const VIOLATIONS: &str = "constraint_violations.json";

/// What the stages found.
pub(crate) struct Found {
    pub(crate) bias: Option<Bias>,
    pub(crate) explanation: Option<Explanation>,
}

/// Judges, and makes every result.
pub(crate) fn finish(
    run: &Context,
    now: Timestamp,
    reading: &Reading,
    found: Found,
    baseline: Option<Results>,
    history: &[EarlierRun],
    mut files: output::Results,
) -> Result<Done> {
    let Found { mut bias, explanation } = found;
    let mut results = bias.as_mut().map(|bias| std::mem::take(&mut bias.results)).unwrap_or_default();
    results.version = VERSION.into();
    let counts = segments::Counts {
        segments: bias.as_mut().map(|bias| std::mem::take(&mut bias.counted.segments)).unwrap_or_default(),
        methods: &run.plan.analysis.methods,
    };
    let details_of_run = manifest::run_details(run, reading, baseline.is_some());
    let mut bias = bias.map(|bias| bias_details(run, details_of_run.clone(), bias));
    let mut explanations = explanation.map(|explanation| {
        results.explanations = Some(explanation.explanations);
        let mut details = explanation.details;
        let warnings = std::mem::replace(&mut details.run, details_of_run).warnings;
        details.run.warnings.extend(warnings);
        details
    });
    let judged = judge(run, &results, baseline.as_ref(), history, bias.as_mut(), explanations.as_mut())?;
    let mut findings = Findings { results, violations: judged.violations, bias, explanations };
    if let Some(bias) = &mut findings.bias {
        let shown = report::groups_of_segments(&bias.segments);
        counts.fill(&mut bias.segments, &shown);
    }
    let names = &run.plan.analysis.methods.report;
    run.job.stop.check()?;
    let draft = report::draft(&findings, names, history);
    let of_segments =
        findings.bias.as_mut().map(|bias| std::mem::take(&mut bias.segments)).unwrap_or_default();
    add_results(run, &findings, (&of_segments, &counts), &draft, &mut files)?;
    let metrics = publish::metrics(run.settings, run.plan.metric_time.unwrap_or(now), |scope| {
        cloudwatch::metrics(&findings.results, scope)
    });
    Ok(Done {
        files,
        output: run.plan.output.clone(),
        given: run.plan.constraints.clone().into_iter().collect(),
        draft,
        message: message(run, &findings),
        facets: findings.bias.map(|bias| bias.facets).unwrap_or_default(),
        metrics,
        at_end: None,
        failed: judged.failed,
    })
}

/// Violations, then what else is worth knowing.
fn message(run: &Context, findings: &Findings) -> Message {
    let violations = findings.violations.len();
    let mut remarks = String::new();
    if let Some(bias) = &findings.bias {
        if let Some(check) = &bias.check
            && (violations == 0 && check.compared < check.measured
                || bias.facets.iter().any(compares_nothing))
        {
            remarks.push_str(&format!(" Compared {}.", part_of(check.compared, check.measured, "metric")));
        }
        if let Some(check) = &bias.check {
            remarks.push_str(&unseen(check, &bias.facets, violations));
        }
        if let Some(held) = bias.check.as_ref().and_then(|check| check.held_back) {
            remarks.push_str(&format!(
                " Violations held back by drift_windows {}/{}: {}.",
                held.agreeing, held.of, held.metrics
            ));
            if held.missing > 0 {
                remarks.push_str(&format!(" Windows that the history lacks for it: {}.", held.missing));
            }
        }
        for note in &bias.selections {
            remarks.push_str(&format!(" Warning: {note}."));
        }
    }
    // Of several monitors it is said once.
    remarks
        .push_str(nothing_checked(run.settings, run.plan.constraints.is_some() || run.settings.among_others));
    Message::Judged { violations, remarks }
}

/// Whether a selection of a facet's metrics holds no row or every row, here or in the baseline.
fn compares_nothing(facet: &FacetDetails) -> bool {
    !facet.empty.is_empty() || facet.metrics.iter().any(|metric| facet.compares_nothing(metric))
}

/// What a check could not see: metrics that cannot be violations, if these are most of them (a metric or two, such as the flip test, are
/// in the log and the report); ratios that fell, where no violation makes people read on; windows that cannot agree.
fn unseen(check: &Check, facets: &[FacetDetails], violations: usize) -> String {
    let mut text = String::new();
    if check.unjudged * 2 > check.compared {
        text.push_str(&format!(
            " Cannot be violations: {} ({}).",
            part_of(check.unjudged, check.compared, "metric"),
            Tally::of(facets).unjudged_in_words()
        ));
    }
    let groups = if check.beyond_chance_only || violations > 0 { Vec::new() } else { fallen_ratios(facets) };
    if !groups.is_empty() {
        text.push_str(&format!(
            " Disparate Impact (DI) fell away from 1 beyond chance, which `bias_drift_check=value` does not count: {}.",
            groups.join(", ")
        ));
    }
    if check.mute_windows > 0 {
        text.push_str(&format!(" Windows of the history that cannot agree: {}.", check.mute_windows));
    }
    text
}

/// Groups whose ratio is farther from 1 beyond chance, and which the hosted rule does not see: the first three, and how many more.
fn fallen_ratios(facets: &[FacetDetails]) -> Vec<String> {
    const NAMED: usize = 3;
    let found = unseen_by_size(facets);
    let name =
        |(facet, _): &(&FacetDetails, _)| format!("`{}` = `{}`", facet.facet, facet.value_or_threshold);
    let mut named: Vec<String> = found.iter().take(NAMED).map(name).collect();
    if found.len() > NAMED {
        named.push(format!("{} more", found.len() - NAMED));
    }
    named
}

fn bias_details(run: &Context, manifest: RunDetails, bias: Bias) -> BiasDetails {
    let counts = bias.counted.counts;
    let group = run.plan.analysis.group_variable.as_ref();
    BiasDetails {
        run: manifest,
        label: counts.label,
        label_value_or_threshold: counts.label_value_or_threshold,
        group_variable: group.map(ToString::to_string),
        facets: bias.facets,
        check: None,
        selections: bias.counted.selections,
        left_out: counts.left_out,
        intersections: bias.intersections,
        segments: bias.segments,
    }
}

/// What the check against a baseline came to.
#[derive(Default)]
struct Judged {
    violations: Vec<Violation>,
    /// The check could not be made. The results are written first.
    failed: Option<Problem>,
}

/// Compares with the baseline; marks in the details what is violated.
fn judge(
    run: &Context,
    results: &Results,
    baseline: Option<&Results>,
    history: &[EarlierRun],
    bias: Option<&mut BiasDetails>,
    explanations: Option<&mut ExplanationDetails>,
) -> Result<Judged> {
    let mut judged = Judged::default();
    let Some(baseline) = baseline else { return Ok(judged) };
    if let Some(bias) = bias {
        judge_bias(run, results, baseline, history, bias, &mut judged)?;
    }
    if let Some(explanations) = explanations {
        match attribution_drift(results, baseline) {
            Ok(drift) => {
                for output in &mut explanations.outputs {
                    output.ndcg = drift.scores.get(&output.label).copied();
                    output.violated = output.ndcg.is_some_and(|score| score < attributions::THRESHOLD);
                    for feature in &mut output.features {
                        feature.baseline = attributions::value(baseline, &output.label, &feature.name);
                    }
                }
                explanations.run.warnings.extend(warn(drift.warnings));
                judged.violations.extend(drift.violations);
            }
            Err(problem) => judged.failed = Some(problem),
        }
    }
    // A check that failed leaves results, but no verdict.
    if judged.failed.is_some() {
        judged.violations.clear();
    }
    Ok(judged)
}

fn judge_bias(
    run: &Context,
    results: &Results,
    baseline: &Results,
    history: &[EarlierRun],
    bias: &mut BiasDetails,
    judged: &mut Judged,
) -> Result<()> {
    let comparison = drift::compare(results, &bias.facets, baseline);
    let rule = Rule { beyond_chance_only: run.by_interval(), windows: run.settings.drift_windows };
    let most = rule.windows.of - 1;
    let now = Now { run: &bias.run, results, baseline };
    let history = if rule.beyond_chance_only {
        let test = (run.settings.drift_confidence, SEED);
        windows::by_chance(history, now, most, test, &run.job.stop)?
    } else {
        windows::by_value(history, now, most)
    };
    let before = history.windows;
    let found = drift::violations(&comparison, &bias.facets, &rule, &before);
    drift::mark(&mut bias.facets, &found);
    let alone = Rule { windows: Windows { agreeing: 1, of: 1 }, ..rule };
    let of_this_window = drift::violations(&comparison, &bias.facets, &alone, &[]).len();
    let held_back = Some(of_this_window - found.len()).filter(|held| *held > 0).map(|held| HeldBack {
        metrics: held as u64,
        agreeing: rule.windows.agreeing as u64,
        of: rule.windows.of as u64,
        missing: rule.windows.agreeing.saturating_sub(1 + before.len()) as u64,
    });
    let tally = Tally::of(&bias.facets);
    let check = Check {
        compared: tally.compared as u64,
        measured: tally.measured as u64,
        confidence: run.settings.drift_confidence,
        exact_baselines: tally.exact as u64,
        beyond_chance_only: rule.beyond_chance_only,
        held_back,
        unjudged: if rule.beyond_chance_only { tally.unjudged() as u64 } else { 0 },
        mute_windows: before.iter().filter(|before| before.is_mute()).count() as u64,
        runs_without_baseline: history.without_baseline as u64,
        has_counts: alone::has_counts(baseline),
    };
    let nothing_compared = comparison
        .is_of_nothing()
        .then(|| (comparison.nothing_compared(results, &bias.facets, baseline), comparison.way_out()));
    let mut warnings = comparison.warnings;
    if let Some(held) = held_back {
        tracing::info!(
            "violations of this window that are held back, because `drift_windows` needs {} windows: {}",
            held.windows_in_words(),
            held.metrics
        );
        if held.missing > 0 {
            warnings.push(format!(
                "earlier windows that `history` lacks for `drift_windows` {}/{}, so nothing can be a violation yet: {}",
                held.agreeing, held.of, held.missing
            ));
        }
    }
    if check.runs_without_baseline > 0 {
        warnings.push(format!(
            "runs in `history` that had no baseline, so `drift_windows` passes over them: {}",
            check.runs_without_baseline
        ));
    }
    if check.mute_windows > 0 {
        warnings.push(format!(
            "windows of the history that cannot agree, as `bias_drift_check=interval` needs counts in their `analysis.json`, or \
             verdicts in a `bias_details.json` beside it: {}",
            check.mute_windows
        ));
    }
    if check.unjudged > 0 {
        warnings.push(format!(
            "metrics that cannot be violations: {} of {} compared ({})",
            check.unjudged,
            check.compared,
            tally.unjudged_in_words()
        ));
    }
    let groups = if check.beyond_chance_only { Vec::new() } else { fallen_ratios(&bias.facets) };
    if !groups.is_empty() {
        warnings.push(format!(
            "Disparate Impact (DI) is farther from 1 than in the baseline beyond chance, and is no violation, as \
             `bias_drift_check=value` compares sizes and the ratio fell: {}; see DPPL beside it, or set `bias_drift_check` to `interval`",
            groups.join(", ")
        ));
    }
    if tally.of_nothing > 0 {
        warnings.push(format!(
            "metrics that compare nothing, as they read a selection of no row or every row here or in the baseline: {} of {}{}",
            tally.of_nothing,
            tally.of_nothing + tally.compared,
            drift::empty_in_baseline(&bias.facets, baseline)
        ));
    }
    if check.exact_baselines > 0 && check.has_counts {
        warnings.push(format!(
            "the baseline is taken as exact for {}, as its counts do not give these values: they are taken as limits that a person chose",
            part_of(check.exact_baselines, check.compared, "metric")
        ));
    } else if check.exact_baselines > 0 {
        warnings.push(format!(
            "the baseline is taken as exact for {}, as the counts behind its values are not at hand; if nothing \
             has changed, up to two in three runs then call a metric changed: make the baseline with this program, whose \
             analysis.json has the counts",
            part_of(check.exact_baselines, check.compared, "metric")
        ));
    }
    tracing::info!(
        "metrics compared with the baseline, each comparison once: {} of {} with a value; chance judges {} of them; entries of the \
         violations file: {}; {}",
        tally.compared,
        tally.measured,
        tally.judged(),
        found.len(),
        tally.in_words()
    );
    if let Some((problem, way_out)) = nothing_compared {
        if run.settings.on_nothing_compared.is_allowed() {
            warnings.push(problem.hint(way_out).to_string());
        } else {
            judged.failed = Some(problem);
            // A check that failed leaves results, but no verdict.
            drift::mark(&mut bias.facets, &[]);
        }
    }
    bias.check = Some(check);
    bias.run.warnings.extend(warn(warnings));
    judged.violations.extend(found);
    Ok(())
}

fn add_results(
    run: &Context,
    findings: &Findings,
    (of_segments, counts): (&[SegmentDetails], &segments::Counts<'_>),
    draft: &Draft,
    files: &mut output::Results,
) -> Result<()> {
    run.job.stop.check()?;
    for (name, bytes) in draft.files(&run.plan.analysis.methods.report.name)? {
        run.add(files, &name, &bytes)?;
    }
    if let Some(bias) = &findings.bias {
        let complete = segments::Complete::new(bias, of_segments, counts);
        add_json_to_depth(run, files, "bias_details.json", &complete, DETAILS_DEPTH)?;
    }
    if let Some(explanations) = &findings.explanations {
        add_json(run, files, "explanations_details.json", explanations)?;
    }
    if !findings.violations.is_empty() {
        let violations = Violations { version: VERSION.into(), violations: findings.violations.clone() };
        add_json(run, files, VIOLATIONS, &violations)?;
    }
    add_json(run, files, "analysis.json", &findings.results)
}

/// Lists and objects that are nested deeper stand on one line each in `bias_details.json`, where they are most of the bytes: the
/// counts of two groups, an interval, the metrics of a group within a segment.
const DETAILS_DEPTH: usize = 5;

fn add_json(
    run: &Context,
    files: &mut output::Results,
    name: &str,
    value: &impl serde::Serialize,
) -> Result<()> {
    add_json_to_depth(run, files, name, value, usize::MAX)
}

fn add_json_to_depth(
    run: &Context,
    files: &mut output::Results,
    name: &str,
    value: &impl serde::Serialize,
    depth: usize,
) -> Result<()> {
    run.job.stop.check()?;
    let path = run.plan.output.join(name);
    let mut file = OutputFile::create(&path, &run.scratch)?;
    let written =
        numbers::write_pretty_json(value, depth, &mut Looking { file: &mut file, stop: &run.job.stop });
    // A writer can only say that it failed.
    run.job.stop.check()?;
    written.map_err(|error| {
        if error.is_io() {
            return Problem::io("write the result", &path, error.into());
        }
        Problem::new(&codes::INTERNAL, format!("{name} cannot be written as JSON")).found(error.to_string())
    })?;
    files.add(file)
}

/// Looks at the stop flag with each write: the details of many outputs take seconds.
struct Looking<'a> {
    file: &'a mut OutputFile,
    stop: &'a Stop,
}

impl Write for Looking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.requested() {
            return Err(io::Error::other("the job was asked to stop"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Earlier runs, for the trends of the report.
///
/// # Errors
/// The folder of `history` is not there (`SETTING_INVALID`) or cannot be read.
pub(crate) fn history(job: &Job, settings: &Settings) -> Result<Vec<EarlierRun>> {
    match &settings.history {
        Some(folder) => {
            let folder = job.tree.resolve(folder);
            if !folder.is_dir() {
                return Err(Problem::new(
                    &codes::SETTING_INVALID,
                    "the folder of earlier results does not exist",
                )
                .field("history")
                .found(folder.display().to_string())
                .hint("make the folder before the first run; it may be empty"));
            }
            report::history(&folder)
        }
        None => Ok(Vec::new()),
    }
}
