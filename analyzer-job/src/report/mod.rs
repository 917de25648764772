//! Reports for people: HTML, PDF, notebook.
//!
//! One value, the `Report`, is made from the findings; three writers show it. What it says is in
//! `verdict`, `violations`, `bias`, `parts`, `attributions`, `trends` and `method`; pictures are drawn once, in `charts`.

mod amounts;
mod attributions;
mod bias;
mod charts;
mod four_fifths;
mod html;
mod letters;
mod load;
mod method;
mod notebook;
mod page;
mod parts;
mod pdf;
mod performance;
mod quality;
mod sentences;
mod several;
mod shown;
mod state;
mod stored;
mod svg;
mod tables;
#[cfg(test)]
mod tests;
mod trends;
mod verdict;
mod violations;

use std::path::Path;

use plumbline_common::{Result, output};
use serde_json::{Value as Json, json};

use crate::config::ReportNames;
use crate::drift::verdict::Tally;
use crate::performance::details::QualityDetails;
use crate::results::details::{BiasDetails, EarlierRun, ExplanationDetails, Findings, OUTPUTS_WITH_CHAPTER};
use crate::results::{BiasSection, Results, Violation};

pub use load::{history, name_in, rebuild};
use page::{Report, State};
pub(crate) use parts::largest_of_segments as groups_of_segments;
pub use quality::Quality;
pub use several::{Chapter, Ended, together};

/// Base name of the reports, where no configuration names them.
pub const NAME: &str = "report";

/// A report that no file holds yet.
#[derive(Debug)]
pub struct Draft(Report);

/// The report of an analysis of bias and attributions. `history` is in order of time, oldest first.
pub fn draft(findings: &Findings, names: &ReportNames, history: &[EarlierRun]) -> Draft {
    Draft(report(findings, names, history))
}

/// The report of model quality.
pub fn draft_performance(details: &QualityDetails) -> Draft {
    Draft(performance::report(details, PERFORMANCE_TITLE))
}

/// The report on data quality.
pub fn draft_quality(quality: &Quality) -> Draft {
    Draft(quality::report(quality))
}

/// Title of the report of model quality, which has no configuration to name it.
const PERFORMANCE_TITLE: &str = "Model quality report";

impl Draft {
    /// The reports as names and bytes: `NAME.ipynb`, `NAME.html`, `NAME.pdf`.
    ///
    /// # Errors
    /// The PDF cannot be set, which is a defect of the program.
    pub fn files(&self, name: &str) -> Result<Vec<(String, Vec<u8>)>> {
        let shown = shown::shown(&self.0);
        let pages = || -> Result<_> { Ok([notebook::write(&shown)?, html::write(&shown)?]) };
        let (pages, pdf) = rayon::join(pages, || pdf::write(&shown));
        let [notebook, html] = pages?;
        let files = [("ipynb", notebook), ("html", html), ("pdf", pdf?)];
        Ok(files.map(|(kind, bytes)| (format!("{name}.{kind}"), bytes)).into())
    }
}

#[cfg(test)]
impl Draft {
    /// Says nothing.
    pub(crate) fn empty() -> Draft {
        let findings =
            Findings { results: Default::default(), violations: Vec::new(), bias: None, explanations: None };
        Draft(report(&findings, &ReportNames { name: NAME.into(), title: String::new() }, &[]))
    }
}

/// Writes the reports into `folder`, all or none. `scratch` is only used where the folder's file system
/// needs it.
///
/// # Errors
/// As `Draft::files`; a file cannot be written.
pub fn write(
    findings: &Findings,
    names: &ReportNames,
    history: &[EarlierRun],
    folder: &Path,
    scratch: &Path,
) -> Result<()> {
    write_files(draft(findings, names, history).files(&names.name)?, folder, scratch)
}

fn write_files(files: Vec<(String, Vec<u8>)>, folder: &Path, scratch: &Path) -> Result<()> {
    let mut ready = output::Results::default();
    for (name, bytes) in files {
        let path = folder.join(name);
        let mut file = output::OutputFile::create(&path, scratch)?;
        std::io::Write::write_all(&mut file, &bytes)
            .map_err(|error| plumbline_common::Problem::io("write the report", &path, error))?;
        ready.add(file)?;
    }
    ready.publish().map(drop)
}

fn report(findings: &Findings, names: &ReportNames, history: &[EarlierRun]) -> Report {
    let run = verdict::run(findings);
    let shown = shown(findings);
    let mut subject = Vec::new();
    if let Some(run) = run {
        subject.push(run.kind.clone());
        subject.extend(run.endpoint.clone());
        if let Some([start, end]) = &run.window {
            subject.push(amounts::window(start, end));
        }
        subject.extend(run.job_name.clone());
    }
    subject.retain(|part| !part.is_empty());
    let mut report = Report {
        title: names.title.clone(),
        subject,
        headline: String::new(),
        state: State::Measured,
        lead: Vec::new(),
        facts: Vec::new(),
        sections: Vec::new(),
        program: run.map(|run| run.program.clone()).unwrap_or_default(),
        data: island(&shown),
    };
    verdict::fill(&mut report, findings);
    if let (Some(all), Some(bias)) = (&findings.bias, &shown.bias) {
        bias::sections(&mut report, bias, &Tally::of(&all.facets));
        parts::others(&mut report, all, bias.facets.len());
        parts::crossed(&mut report, all, bias);
        parts::segments(&mut report, all, bias);
    }
    attributions::sections(&mut report, &shown.results, shown.explanations.as_ref());
    if let Some(left) = outputs(findings).checked_sub(outputs(&shown)).filter(|&left| left > 0) {
        let section = report.section(2, "more-outputs", "More outputs");
        section.text(format!(
            "analysis.json has the attributions of {}; the first {OUTPUTS_WITH_CHAPTER} stand here.",
            amounts::of(left as u64, "more output of the model", "more outputs of the model")
        ));
    }
    if !history.is_empty() {
        trends::sections(&mut report, &shown, history);
    }
    method::data(&mut report, &shown);
    method::method(&mut report, &shown);
    method::glossary(&mut report, &shown);
    report
}

/// Groups with a chapter of their own, the largest; the others share a table.
const MOST_GROUPS: usize = 12;

fn outputs(findings: &Findings) -> usize {
    let shap = findings.results.explanations.as_ref().and_then(|found| found.kernel_shap.as_ref());
    shap.map_or(0, |outputs| outputs.len())
}

/// The findings with a chapter of their own: a report of thousands of groups or outputs is read by nobody.
fn shown(findings: &Findings) -> Findings {
    let all = findings.bias.iter().flat_map(|bias| &bias.facets).count();
    let explanations = findings.explanations.as_ref().map(|details| ExplanationDetails {
        outputs: details.outputs.iter().take(OUTPUTS_WITH_CHAPTER).cloned().collect(),
        ..details.clone()
    });
    let mut results = Results { explanations: findings.results.explanations.clone(), ..Results::default() };
    results.version.clone_from(&findings.results.version);
    if let Some(outputs) = results.explanations.as_mut().and_then(|found| found.kernel_shap.as_mut()) {
        outputs.truncate(OUTPUTS_WITH_CHAPTER);
    }
    let with_groups = |bias: &BiasDetails, facets| {
        bias.with_groups(facets, parts::shown_of_crossed(bias), parts::shown_of_segments(bias))
    };
    let Some(bias) = findings.bias.as_ref().filter(|_| all > MOST_GROUPS) else {
        results.post_training_bias_metrics.clone_from(&findings.results.post_training_bias_metrics);
        results.pre_training_bias_metrics.clone_from(&findings.results.pre_training_bias_metrics);
        return Findings {
            results,
            violations: findings.violations.clone(),
            bias: findings.bias.as_ref().map(|bias| with_groups(bias, bias.facets.clone())),
            explanations,
        };
    };
    let facets = parts::largest(&bias.facets, MOST_GROUPS);
    let has_chapter = |name: &str, value: &str| {
        facets.iter().any(|facet| facet.facet == name && facet.value_or_threshold == value)
    };
    let section = |section: &Option<BiasSection>| {
        let section = section.as_ref()?;
        let facets = section.facets.iter().map(|(name, values)| {
            let shown = values.iter().filter(|value| has_chapter(name, &value.value_or_threshold));
            (name.clone(), shown.cloned().collect())
        });
        Some(BiasSection {
            label: section.label.clone(),
            label_value_or_threshold: section.label_value_or_threshold.clone(),
            facets: facets.collect(),
        })
    };
    results.post_training_bias_metrics = section(&findings.results.post_training_bias_metrics);
    results.pre_training_bias_metrics = section(&findings.results.pre_training_bias_metrics);
    let is_shown = |violation: &&Violation| match violation {
        Violation::Bias { facet, facet_value, .. } => has_chapter(facet, facet_value),
        Violation::Attribution { .. } => true,
    };
    Findings {
        results,
        violations: findings.violations.iter().filter(is_shown).cloned().collect(),
        bias: Some(with_groups(bias, facets)),
        explanations,
    }
}

/// Everything in full precision but the dots of the pictures, which are most of the bytes.
fn island(findings: &Findings) -> Json {
    let (mut bias, mut explanations) = (findings.bias.clone(), findings.explanations.clone());
    for feature in
        explanations.iter_mut().flat_map(|e| &mut e.outputs).flat_map(|output| &mut output.features)
    {
        feature.sample.clear();
    }
    let runs = [bias.as_mut().map(|bias| &mut bias.run), explanations.as_mut().map(|e| &mut e.run)];
    for run in runs.into_iter().flatten() {
        run.inputs.truncate(method::MOST_INPUTS);
    }
    json!({
        "analysis": findings.results,
        "violations": findings.violations,
        "bias_details": bias,
        "explanations_details": explanations,
    })
}
