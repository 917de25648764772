//! The data quality monitor: statistics and constraints of the data, and what a baseline says against them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::output::{self, OutputFile};
use plumbline_common::{Problem, Result, codes};
use serde::Serialize;
use serde_json::Value as Json;

use crate::monitor::plan::{self, Plan};
use crate::monitor::rows::{Account, Columns, Settled, settle};
use crate::plan::Rows;
use crate::quality::baseline::{self, Constraints, Distribution};
use crate::quality::checks::{self, Checked, Violation, Violations};
use crate::quality::config::{self, MonitoringConfig};
use crate::quality::details::{self, Details};
use crate::quality::drift::{self, Drift};
use crate::quality::part::Part;
use crate::quality::pass::{self, Profiled};
use crate::quality::shift::{self, Shift};
use crate::quality::statistics::{self, Statistics, Taken};
use crate::quality::{constraints, metrics};
use crate::report::{self, Draft, Quality};
use crate::settings::{DriftRule, Settings, ValueTyping};
use crate::stages::done::{Done, Message};
use crate::stages::publish;
use crate::state::profile::Column;
use crate::values::java;

const VIOLATIONS: &str = "constraint_violations.json";

/// Reads the data; it does not matter yet whether there are any.
///
/// # Errors
/// What cannot be read.
pub(crate) fn gather(job: &Job, settings: &Settings, prepared: &Prepared) -> Result<Part> {
    for warning in &prepared.plan.warnings {
        tracing::warn!("{warning}");
    }
    let profiled = pass::profile(&prepared.plan.source(job, settings))?;
    let inside = inside(job, settings, prepared, &profiled)?;
    Ok(Part::new(profiled, inside))
}

/// Measures what was gathered, judges it, and makes every result. `scratch`: a folder for what has no name yet.
///
/// # Errors
/// No usable row; what cannot be written.
pub(crate) fn finish(
    job: &Job,
    settings: &Settings,
    now: Timestamp,
    prepared: &Prepared,
    gathered: &Part,
    scratch: &Path,
) -> Result<Done> {
    let plan = &prepared.plan;
    let profiled = &gathered.profiled;
    tell(&profiled.account);
    if profiled.account.rows == 0 {
        return Err(plan.no_rows(&profiled.account));
    }
    let named = name(&profiled.columns, plan, prepared.names().as_deref())?;
    for warning in &named.warnings {
        tracing::warn!("{warning}");
    }
    let found = measure(prepared, profiled, &named);
    let violations = judge(prepared, gathered, &named, &found)?;
    let warnings = [profiled.account.warnings.as_slice(), named.warnings.as_slice()].concat();
    let details = Details {
        version: 1,
        program: format!("analyzer-job {}", env!("CARGO_PKG_VERSION")),
        subject: subject(job, settings, plan),
        rows: found.statistics.dataset.item_count,
        baseline: against(plan),
        warnings,
        unseen: found.drifts.iter().filter(|drift| drift.unseen()).count(),
        type_violations: found.spelling.into(),
        columns: found.shifts.clone(),
    };
    let quality = Quality::new(details.clone(), &found.statistics, violations.as_deref());
    let draft = report::draft_quality(&quality);
    let files = results(prepared, &found, &details, violations.as_deref(), &draft, scratch)?;
    let violated = violations.as_ref().map(Vec::len);
    let metrics = publish::metrics(settings, plan.metric_time.unwrap_or(now), |scope| {
        let constraints = prepared.constraints.as_ref();
        metrics::metrics(&found.statistics, &found.drifts, violated, constraints, &prepared.whole, scope)
    });
    Ok(Done {
        files,
        output: plan.output.clone(),
        report_name: report::NAME.into(),
        given: [&plan.constraints, &plan.statistics].into_iter().flatten().cloned().collect(),
        draft,
        message: Message::Judged { violations: violated.unwrap_or(0), remarks: String::new() },
        facets: Vec::new(),
        metrics,
        at_end: plan.postprocessor.clone(),
        failed: None,
    })
}

/// What was run and on what, for the head of the report.
fn subject(job: &Job, settings: &Settings, plan: &Plan) -> Vec<String> {
    let mut out =
        vec![if plan.monitoring { "Data quality monitor" } else { "Data quality baseline" }.to_string()];
    out.extend(settings.sagemaker_endpoint_name.clone());
    if let Some((start, end)) = plan.window {
        out.push(format!("{start} to {end}"));
    }
    out.push(job.config.processing_job_name.clone());
    out.retain(|part| !part.is_empty());
    out
}

/// What the data were held against, in words.
fn against(plan: &Plan) -> Vec<String> {
    let named = |what: &str, path: &Option<PathBuf>| {
        let name = path.as_ref()?.file_name()?;
        Some(format!("{what}: {}.", name.to_string_lossy()))
    };
    let constraints = named("Constraints of the baseline", &plan.constraints);
    let statistics = named("Distributions of the baseline", &plan.statistics);
    [constraints, statistics].into_iter().flatten().collect()
}

/// The dry run: everything up to the first records, told as text.
///
/// # Errors
/// What the job would stop with.
pub(crate) fn look(
    job: &Job,
    settings: &Settings,
    prepared: &Prepared,
    records: u64,
    text: &mut String,
) -> Result<()> {
    let plan = &prepared.plan;
    let mut line = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key:<14} {value}");
    };
    line("kind", if plan.monitoring { "data quality monitor" } else { "data quality baseline" });
    line("data", &plan.dataset.display().to_string());
    line("output", &plan.output.display().to_string());
    for (key, path) in [("constraints", &plan.constraints), ("statistics", &plan.statistics)] {
        if let Some(path) = path {
            line(key, &path.display().to_string());
        }
    }
    if let Some(preparation) = &plan.preparation {
        let n = preparation.entries;
        line("columns", &format!("prepared by {n} {}", if n == 1 { "entry" } else { "entries" }));
    }
    for script in [&plan.preprocessor, &plan.postprocessor].into_iter().flatten() {
        line("script", &script.path().display().to_string());
    }
    plan.warnings.iter().for_each(|warning| line("warning", warning));
    let mut source = plan.source(job, settings);
    source.limit = Some(records);
    let profiled = pass::profile(&source)?;
    let account = &profiled.account;
    if account.rows == 0 {
        return Err(plan.no_rows(account));
    }
    let named = name(&profiled.columns, plan, prepared.names().as_deref())?;
    line("looked at", &format!("{} rows from {} records", account.rows, account.records));
    if account.left_out > 0 {
        line("left out", &format!("{} by `columns` or the script", account.left_out));
    }
    account.warnings.iter().chain(&named.warnings).for_each(|warning| line("warning", warning));
    if let Some(constraints) = &prepared.constraints {
        line("columns", &format!("{}, the baseline has {}", named.columns.len(), constraints.columns.len()));
    } else {
        line("columns", &named.columns.len().to_string());
    }
    for (name, column) in columns(&profiled, &named).take(COLUMNS_SHOWN) {
        let kind = column.spellings.kind(prepared.taken.by_value).name();
        let _ =
            writeln!(text, "  {name}: {kind}, {} of {} rows have a value", column.present(), account.rows);
    }
    if named.columns.len() > COLUMNS_SHOWN {
        let _ = writeln!(text, "  and {} more", named.columns.len() - COLUMNS_SHOWN);
    }
    Ok(())
}

/// Columns that the dry run lists before the rest is only counted.
const COLUMNS_SHOWN: usize = 40;

/// Everything that is known and checked before data are read.
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    constraints: Option<Constraints>,
    distributions: Option<IndexMap<String, Distribution>>,
    /// The configuration of the checks where a column has none of its own.
    whole: MonitoringConfig,
    /// The configuration that the new constraints get.
    written: MonitoringConfig,
    rule: DriftRule,
    taken: Taken,
}

/// Checks the settings and loads the baseline.
///
/// # Errors
/// What cannot be used, named.
pub(crate) fn prepare(job: &Job, settings: &Settings, now: Timestamp, rows: Rows<'_>) -> Result<Prepared> {
    let plan = plan::plan(job, settings, now, rows)?;
    let layers: Vec<Json> = config::layers(
        settings.data_quality_monitoring_config.as_deref(),
        settings.categorical_drift_method.as_deref(),
    )?;
    output::check_folder(&plan.output)?;
    output::check_apart(&plan.output, "dataset_source", &plan.dataset)?;
    let constraints =
        plan.constraints.as_deref().map(|path| baseline::constraints(path, &layers)).transpose()?;
    let distributions = plan.statistics.as_deref().map(baseline::statistics).transpose()?;
    let whole = match &constraints {
        Some(constraints) => constraints.config.clone(),
        None => MonitoringConfig::of(&layers, false)?,
    };
    Ok(Prepared {
        written: MonitoringConfig::of(&layers, true)?,
        taken: Taken { by_value: settings.value_typing == ValueTyping::Value, strict: plan.strict },
        rule: settings.drift_rule,
        plan,
        constraints,
        distributions,
        whole,
    })
}

impl Prepared {
    /// The configuration of a column's checks.
    fn config(&self, name: &str) -> &MonitoringConfig {
        let own = self.constraints.as_ref().and_then(|constraints| constraints.columns.get(name));
        own.map_or(&self.whole, |constraint| &constraint.config)
    }

    /// The names of the baseline's columns, in its order.
    fn names(&self) -> Option<Vec<String>> {
        let names = |keys: &mut dyn Iterator<Item = &String>| keys.cloned().collect::<Vec<_>>();
        match (&self.constraints, &self.distributions) {
            (Some(constraints), _) => Some(names(&mut constraints.columns.keys())),
            (None, Some(distributions)) => Some(names(&mut distributions.keys())),
            (None, None) => None,
        }
    }
}

fn tell(account: &Account) {
    for warning in &account.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!("read {} rows from {} records", account.rows, account.records);
    if account.outside > 0 {
        tracing::info!("{} records lie outside of the window", account.outside);
    }
    if account.left_out > 0 {
        tracing::info!("{} records or rows are left out by `columns` or the script", account.left_out);
    }
}

/// The columns of the run under their names, without those that are left out.
struct Named {
    columns: Vec<(String, usize)>,
    /// The baseline says something of these columns.
    comparable: bool,
    /// Columns that the baseline does not count either.
    excluded: Vec<String>,
    warnings: Vec<String>,
}

/// Names the columns and leaves out those of `exclude_features_attribute`. A baseline that was made without them
/// has fewer columns than the data: then they are left out first.
fn name(found: &Columns, plan: &Plan, baseline: Option<&[String]>) -> Result<Named> {
    let place = |names: &[(String, usize)], wanted: &str| {
        names
            .iter()
            .position(|(name, _)| name == wanted)
            .or_else(|| wanted.parse().ok().filter(|&at| at < names.len()))
    };
    let own: Vec<(String, usize)> = found.names.iter().cloned().zip(0..).collect();
    let early: Option<Vec<usize>> = plan.exclude.iter().map(|wanted| place(&own, wanted)).collect();
    if let (Some(baseline), Some(early)) = (baseline, &early)
        && !early.is_empty()
        && own.len() != baseline.len()
        && own.len() - early.len() == baseline.len()
    {
        let kept: Vec<usize> = (0..own.len()).filter(|at| !early.contains(at)).collect();
        let names = kept.iter().map(|&at| own[at].0.clone()).collect();
        let settled = settle(&Columns { names, named: found.named, order: found.order }, Some(baseline));
        let columns = settled.columns.into_iter().map(|(name, at)| (name, kept[at])).collect();
        let Settled { comparable, warnings, .. } = settled;
        return Ok(Named { columns, comparable, excluded: Vec::new(), warnings });
    }
    let Settled { columns, comparable, warnings } = settle(found, baseline);
    let mut excluded = Vec::new();
    for wanted in &plan.exclude {
        let at = place(&columns, wanted)
            .or_else(|| place(&own, wanted).and_then(|at| columns.iter().position(|c| c.1 == at)));
        match at {
            Some(at) => excluded.push(columns[at].0.clone()),
            None if baseline.is_some_and(|baseline| baseline.contains(wanted)) => {
                excluded.push(wanted.clone())
            }
            None => {
                let names: Vec<String> = columns.iter().map(|(name, _)| format!("`{name}`")).collect();
                return Err(Problem::new(
                    &codes::COLUMN_NOT_FOUND,
                    "a column to leave out is not in the data",
                )
                .field("exclude_features_attribute")
                .found(format!("`{wanted}`"))
                .expected(format!("a position from 0, or one of {}", names.join(", "))));
            }
        }
    }
    let columns = columns.into_iter().filter(|(name, _)| !excluded.contains(name)).collect();
    Ok(Named { columns, comparable, excluded, warnings })
}

/// What was found of the data, and of its drift.
struct Found {
    statistics: Statistics,
    drifts: Vec<Drift>,
    shifts: Vec<Shift>,
    /// Type violations, and those of them that are a matter of spelling.
    spelling: (usize, usize),
}

fn columns<'a>(profiled: &'a Profiled, named: &'a Named) -> impl Iterator<Item = (&'a str, &'a Column)> {
    named.columns.iter().map(|(name, at)| (name.as_str(), &profiled.profiles[*at]))
}

fn measure(prepared: &Prepared, profiled: &Profiled, named: &Named) -> Found {
    let rows = profiled.account.rows;
    let statistics = statistics::statistics(columns(profiled, named), rows, prepared.taken);
    let (mut drifts, mut shifts) = (Vec::new(), Vec::new());
    if let Some(then) = prepared.distributions.as_ref().filter(|_| named.comparable) {
        let (found, notes) = drift::drifts(
            columns(profiled, named),
            then,
            prepared.constraints.as_ref(),
            &prepared.whole,
            prepared.rule,
            prepared.taken.by_value,
        );
        drifts = found;
        shifts = shift::shifts(columns(profiled, named), then, &drifts, |name| prepared.config(name));
        notes.iter().for_each(|note| tracing::info!("{note}"));
    }
    let unseen: Vec<String> = drifts
        .iter()
        .filter(|drift| drift.unseen())
        .map(|drift| format!("{} ({:.2})", drift.name, drift.by_rows.unwrap_or_default().0))
        .collect();
    if !unseen.is_empty() {
        let noun = if unseen.len() == 1 { "column" } else { "columns" };
        tracing::warn!(
            "{} {noun} moved that the hosted rule cannot see: {}; `drift_rule=weighted` makes violations of them",
            unseen.len(),
            unseen.join(", ")
        );
    }
    let constraints = prepared.constraints.as_ref().filter(|_| named.comparable && !prepared.taken.by_value);
    let spelling = constraints.map_or((0, 0), |found| checks::by_spelling(columns(profiled, named), found));
    tell_spelling(spelling);
    Found { statistics, drifts, shifts, spelling }
}

/// The violations of a monitoring run; `None` for a baseline.
fn judge(
    prepared: &Prepared,
    gathered: &Part,
    named: &Named,
    found: &Found,
) -> Result<Option<Vec<Violation>>> {
    if !prepared.plan.monitoring {
        return Ok(None);
    }
    let profiled = &gathered.profiled;
    let mut out = Vec::new();
    if let Some(constraints) = &prepared.constraints {
        let mut counted = constraints.clone();
        counted.columns.retain(|name, _| !named.excluded.contains(name));
        out.extend(checks::count(named.columns.len(), &counted));
        if named.comparable {
            let checked: Vec<Checked> = named
                .columns
                .iter()
                .map(|(name, at)| {
                    let domain = constraints.columns.get(name).and_then(|found| found.domains.as_deref());
                    let inside = domain.map(|domain| gathered.inside(*at, domain)).transpose()?;
                    Ok(Checked { name, column: &profiled.profiles[*at], inside })
                })
                .collect::<Result<_>>()?;
            out.extend(checks::constraints(
                checked.into_iter(),
                profiled.account.rows,
                constraints,
                prepared.taken.by_value,
            ));
        }
    }
    out.extend(found.drifts.iter().filter_map(Drift::violation));
    Ok(Some(out))
}

/// Most type violations that people see come from a client that writes `1.0` for `1`.
fn tell_spelling((all, spelling): (usize, usize)) {
    if spelling > 0 {
        let noun = if all == 1 { "type violation is" } else { "type violations are" };
        tracing::warn!(
            "{spelling} of {all} {noun} a matter of spelling (`1.0` for `1`); `value_typing=value` takes such numbers \
             as whole"
        );
    }
}

/// The columns with a domain in the baseline, by their place, and the number of their values inside of it. A column that
/// keeps its values needs no count today, but may have too many of them together with other parts of the data.
fn inside<'a>(
    job: &Job,
    settings: &Settings,
    prepared: &'a Prepared,
    profiled: &Profiled,
) -> Result<Vec<(usize, &'a [String], u64)>> {
    let Some(constraints) = prepared.constraints.as_ref().filter(|_| prepared.plan.monitoring) else {
        return Ok(Vec::new());
    };
    // Names that do not fit are told when everything was read.
    let Ok(named) = name(&profiled.columns, &prepared.plan, prepared.names().as_deref()) else {
        return Ok(Vec::new());
    };
    let (mut out, mut open) = (Vec::new(), Vec::new());
    for (name, at) in named.columns.iter().filter(|_| named.comparable) {
        let constraint = constraints.columns.get(name);
        let Some(domain) = constraint.and_then(|constraint| constraint.domains.as_deref()) else { continue };
        match checks::inside(&profiled.profiles[*at], domain) {
            Some(rows) => out.push((*at, domain, rows)),
            None => open.push((*at, domain)),
        }
    }
    if open.is_empty() {
        return Ok(out);
    }
    tracing::info!(
        "{} columns with a domain have too many values to keep: the data are read once more",
        open.len()
    );
    let mut source = prepared.plan.source(job, settings);
    source.width = profiled.account.width;
    let counts = pass::inside(&source, &open)?;
    out.extend(open.iter().zip(counts).map(|(&(at, domain), rows)| (at, domain, rows)));
    Ok(out)
}

/// All result files, the violations last.
fn results(
    prepared: &Prepared,
    found: &Found,
    details: &Details,
    violations: Option<&[Violation]>,
    draft: &Draft,
    scratch: &Path,
) -> Result<output::Results> {
    let folder = &prepared.plan.output;
    let mut files = output::Results::default();
    for (name, bytes) in draft.files(report::NAME)? {
        add_bytes(&mut files, &folder.join(name), Ok(bytes), scratch)?;
    }
    add_bytes(&mut files, &folder.join(details::FILE), details.to_json(), scratch)?;
    let suggested = constraints::suggest(&found.statistics, prepared.written.clone());
    add(&mut files, &folder.join("constraints.json"), &suggested, scratch)?;
    add(&mut files, &folder.join("statistics.json"), &found.statistics, scratch)?;
    if let Some(violations) = violations {
        let violations = Violations { violations: violations.to_vec() };
        add(&mut files, &folder.join(VIOLATIONS), &violations, scratch)?;
    }
    Ok(files)
}

fn add(files: &mut output::Results, path: &Path, value: &impl Serialize, scratch: &Path) -> Result<()> {
    add_bytes(files, path, java::to_json(value), scratch)
}

fn add_bytes(
    files: &mut output::Results,
    path: &Path,
    bytes: serde_json::Result<Vec<u8>>,
    scratch: &Path,
) -> Result<()> {
    let bytes = bytes.map_err(|error| {
        Problem::new(&codes::INTERNAL, "a result cannot be written as JSON")
            .file(path)
            .found(error.to_string())
    })?;
    let mut file = OutputFile::create(path, scratch)?;
    file.write_all(&bytes).map_err(|error| Problem::io("write the result", path, error))?;
    files.add(file)
}
