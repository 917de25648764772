//! The whole job, one stage after the other.

use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use plumbline_common::job::{Job, JobResult, Outcome};
use plumbline_common::output::{self, OutputFile};
use plumbline_common::{Problem, Result, codes, settings};

use crate::asking;
use crate::attribution_drift::{self, attribution_drift};
use crate::bias::{self, FlipOutcome};
use crate::counts::BiasCounts;
use crate::details::{BiasDetails, ExplanationDetails, FacetDetails, Findings, RunDetails, SegmentDetails};
use crate::drift::{self, Check};
use crate::explaining::{self, Explanation};
use crate::inputs;
use crate::model::Model;
use crate::plan::{self, Plan};
use crate::publish;
use crate::read::{Reading, Rows};
use crate::report::EarlierRun;
use crate::results::{Results, VERSION, Violation, Violations};
use crate::roles::{self, Counted};
use crate::settings::{Cli, Command, DriftCheck, OnBadRecord, Settings};
use crate::{compare, numbers, report, validate};

/// Resampling for the intervals is seeded, so that a repeated run writes the same bytes.
pub(crate) const BOOTSTRAP_SEED: u64 = 0;

/// Only there when something is violated.
const VIOLATIONS: &str = "constraint_violations.json";

/// Runs what the command line asks for.
///
/// # Errors
/// Everything that stops a job, and the answers to `--help` and `--version`.
pub fn run(job: &Job) -> JobResult {
    let cli: Cli = settings::parse(&job.config)?;
    let settings = &cli.settings;
    match &cli.command {
        None => Ok(Outcome::Completed(analyse(job, settings)?)),
        Some(Command::Validate) => Ok(validate::validate(job, settings)?),
        Some(Command::Compare { old, new, tolerance }) => {
            let (text, equal) = compare::run(old, new, *tolerance)?;
            Ok(Outcome::Answered { text, exit_code: u8::from(!equal) })
        }
        Some(Command::Report { folder }) => {
            let history = history(job, settings)?;
            report::rebuild(folder, &history, &job.tree.scratch())?;
            let text = format!("The reports in {} were written again.", folder.display());
            Ok(Outcome::Answered { text, exit_code: 0 })
        }
    }
}

/// What the stages share.
pub(crate) struct Run<'a> {
    pub(crate) job: &'a Job,
    pub(crate) settings: &'a Settings,
    pub(crate) plan: Plan,
    pub(crate) scratch: PathBuf,
}

fn analyse(job: &Job, settings: &Settings) -> Result<String> {
    if job.hosts.several() && !job.hosts.is_leader() {
        return Ok("Completed: the first host of this job does the work".into());
    }
    inputs::refuse_shards(job)?;
    let now = Timestamp::now();
    let plan = plan::plan(job, settings, now)?;
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    // Before the long part: what cannot be written, or a baseline that cannot be read, stops the job at once.
    output::check_folder(&plan.output)?;
    let baseline = plan.constraints.as_deref().map(drift::load_constraints).transpose()?;
    let scratch = scratch(job)?;
    let run = Run { job, settings, plan, scratch: scratch.path().to_path_buf() };
    let reading = inputs::read(&run)?;
    for warning in &reading.warnings {
        tracing::warn!("{warning}");
    }
    let mut files = output::Results::default();
    let model = asking::connect(&run, &reading)?;
    let bias = if run.plan.bias() { Some(run.bias(&reading, model.as_ref(), &mut files)?) } else { None };
    let explanation = match &model {
        Some(model) if run.plan.explains() => Some(explaining::explain(&run, &reading, model, &mut files)?),
        _ => None,
    };
    if let Some(model) = model {
        model.close()?;
    }
    run.finish(now, &reading, Found { bias, explanation }, baseline, files)
}

/// Logs warnings and hands them on.
fn warn(warnings: Vec<String>) -> Vec<String> {
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    warnings
}

fn history(job: &Job, settings: &Settings) -> Result<Vec<EarlierRun>> {
    match &settings.history {
        Some(folder) => report::history(&job.tree.resolve(folder)),
        None => Ok(Vec::new()),
    }
}

/// A folder for what must not lie in an output; it goes with the run.
pub(crate) fn scratch(job: &Job) -> Result<tempfile::TempDir> {
    let place = job.tree.scratch();
    tempfile::Builder::new()
        .prefix("analyzer-job-")
        .tempdir_in(&place)
        .map_err(|error| Problem::io("create a scratch folder in", &place, error))
}

/// What the stages found.
struct Found {
    bias: Option<Bias>,
    explanation: Option<Explanation>,
}

/// What the bias stage found.
struct Bias {
    results: Results,
    counted: Counted,
    facets: Vec<FacetDetails>,
    intersections: Vec<FacetDetails>,
    segments: Vec<SegmentDetails>,
}

impl Run<'_> {
    fn bias(&self, reading: &Reading, model: Option<&Model>, files: &mut output::Results) -> Result<Bias> {
        let methods = &self.plan.analysis.methods;
        let predicted = match model {
            Some(model) if self.plan.predicts() => {
                Some(asking::predicted_labels(self, reading, model, files)?)
            }
            _ => None,
        };
        let crossed = self.settings.intersections.on();
        let counted = roles::count(reading, predicted.as_ref(), &self.plan.analysis, crossed)?;
        for warning in &counted.warnings {
            tracing::warn!("{warning}");
        }
        if methods.post_training_bias.is_some() {
            bias::check(&counted.counts)?;
        }
        let flips = self.flips(reading.rows(), &counted)?;
        let results = bias::results(&counted.counts, &flips, methods);
        let stop = &self.job.stop;
        let facets = bias::details(&counted.counts, &flips, methods, BOOTSTRAP_SEED, stop)?;
        let crossed = BiasCounts { facets: counted.intersections.clone(), ..counted.counts.clone() };
        let intersections = bias::details(&crossed, &[], methods, BOOTSTRAP_SEED, stop)?;
        let segments = counted.segments.iter().map(|segment| {
            Ok(SegmentDetails {
                segmentation: segment.segmentation.clone(),
                segment: segment.segment.clone(),
                rows: segment.rows,
                facets: bias::details(&segment.counts, &[], methods, BOOTSTRAP_SEED, stop)?,
            })
        });
        let segments = segments.collect::<Result<_>>()?;
        Ok(Bias { results, counted, facets, intersections, segments })
    }

    /// The flip test of every facet entry, when it was asked for.
    fn flips(&self, rows: Option<&Rows>, counted: &Counted) -> Result<Vec<FlipOutcome>> {
        let asked = self.plan.analysis.methods.post_training_bias.as_ref();
        let (Some(rows), Some(row_roles)) = (rows, &counted.rows) else { return Ok(Vec::new()) };
        if !asked.is_some_and(|codes| codes.contains(&"FT")) {
            return Ok(Vec::new());
        }
        let mut flips = Vec::new();
        for (facet, columns) in row_roles.facets.iter().zip(&row_roles.flip_features) {
            let features: Vec<_> = columns.iter().map(|&column| &rows.table.columns[column]).collect();
            flips.push(bias::flip_test(&features, facet, &row_roles.predicted, &self.job.stop)?);
        }
        Ok(flips)
    }
}

impl Run<'_> {
    /// Judges, writes everything, and gives the exit message.
    fn finish(
        &self,
        now: Timestamp,
        reading: &Reading,
        found: Found,
        baseline: Option<Results>,
        mut files: output::Results,
    ) -> Result<String> {
        let Found { bias, explanation } = found;
        let mut results = bias.as_ref().map(|bias| bias.results.clone()).unwrap_or_default();
        results.version = VERSION.into();
        let run = asking::run_details(self, reading, baseline.is_some())?;
        let mut bias = bias.map(|bias| self.bias_details(run.clone(), bias));
        let mut explanations = explanation.map(|explanation| {
            results.explanations = Some(explanation.explanations);
            let mut details = explanation.details;
            let warnings = std::mem::replace(&mut details.run, run).warnings;
            details.run.warnings.extend(warnings);
            details
        });
        let violations = self.judge(&results, baseline.as_ref(), bias.as_mut(), explanations.as_mut())?;
        let findings = Findings { results, violations, bias, explanations };
        self.write(&findings, &mut files)?;
        self.job.stop.check()?;
        files.publish()?;
        if findings.violations.is_empty() {
            self.remove_earlier(VIOLATIONS)?;
        }
        tracing::info!("results and reports are in {}", self.plan.output.display());
        publish::publish(self, &findings.results, now);
        Ok(match findings.violations.len() {
            0 => "Completed: Job completed successfully with no violations.".into(),
            n => format!("CompletedWithViolations: Job completed successfully with {n} violations."),
        })
    }

    fn bias_details(&self, run: RunDetails, bias: Bias) -> BiasDetails {
        let counts = bias.counted.counts;
        let group = self.plan.analysis.group_variable.as_ref();
        BiasDetails {
            run,
            label: counts.label,
            label_value_or_threshold: counts.label_value_or_threshold,
            group_variable: group.map(ToString::to_string),
            facets: bias.facets,
            left_out: counts.left_out,
            intersections: bias.intersections,
            segments: bias.segments,
        }
    }

    /// Compares with the baseline; marks in the details what is violated.
    fn judge(
        &self,
        results: &Results,
        baseline: Option<&Results>,
        bias: Option<&mut BiasDetails>,
        explanations: Option<&mut ExplanationDetails>,
    ) -> Result<Vec<Violation>> {
        let mut violations = Vec::new();
        let Some(baseline) = baseline else { return Ok(violations) };
        if let Some(bias) = bias {
            let check = if self.by_interval() { Check::Intervals(&bias.facets) } else { Check::Values };
            let (found, warnings) = drift::bias_violations(results, baseline, check);
            drift::mark(&mut bias.facets, baseline, &found);
            bias.run.warnings.extend(warn(warnings));
            violations.extend(found);
        }
        if let Some(explanations) = explanations {
            let drift = attribution_drift(results, baseline)?;
            for output in &mut explanations.outputs {
                output.ndcg = drift.scores.get(&output.label).copied();
                output.violated = output.ndcg.is_some_and(|score| score < attribution_drift::THRESHOLD);
                for feature in &mut output.features {
                    feature.baseline = attribution_drift::value(baseline, &output.label, &feature.name);
                }
            }
            explanations.run.warnings.extend(warn(drift.warnings));
            violations.extend(drift.violations);
        }
        Ok(violations)
    }

    fn write(&self, findings: &Findings, files: &mut output::Results) -> Result<()> {
        let names = &self.plan.analysis.methods.report;
        let history = history(self.job, self.settings)?;
        for (name, bytes) in report::render(findings, names, &history)? {
            self.add(files, &name, &bytes)?;
        }
        if let Some(bias) = &findings.bias {
            self.add_json(files, "bias_details.json", bias)?;
        }
        if let Some(explanations) = &findings.explanations {
            self.add_json(files, "explanations_details.json", explanations)?;
        }
        if !findings.violations.is_empty() {
            let violations = Violations { version: VERSION.into(), violations: findings.violations.clone() };
            self.add_json(files, VIOLATIONS, &violations)?;
        }
        self.add_json(files, "analysis.json", &findings.results)
    }

    fn add_json(&self, files: &mut output::Results, name: &str, value: &impl serde::Serialize) -> Result<()> {
        let bytes = numbers::to_pretty_json(value).map_err(|error| {
            Problem::new(&codes::INTERNAL, format!("{name} cannot be written as JSON"))
                .found(error.to_string())
        })?;
        self.add(files, name, &bytes)
    }

    /// A file of an earlier run into the same folder that would speak of this one.
    fn remove_earlier(&self, name: &str) -> Result<()> {
        let path = self.plan.output.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Problem::io("remove the file of an earlier run", &path, error))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn strict(&self) -> bool {
        self.settings.on_bad_record == OnBadRecord::Fail
    }

    pub(crate) fn by_interval(&self) -> bool {
        self.settings.bias_drift_check == DriftCheck::Interval
    }

    /// A result file that gets its name at the end of the run.
    pub(crate) fn add(&self, files: &mut output::Results, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.plan.output.join(name);
        let mut file = OutputFile::create(&path, &self.scratch)?;
        file.write_all(bytes).map_err(|error| Problem::io("write the result", &path, error))?;
        files.add(file)
    }
}
