//! The data quality monitor: statistics and constraints of the data, and what a baseline says against them.

mod prepare;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plumbline_common::answer::Answer;
use plumbline_common::job::Job;
use plumbline_common::output;
use plumbline_common::words::{counted, part_of};
use plumbline_common::{Problem, Result};

use crate::monitor::format::PROFILE_NAME;
use crate::monitor::plan::MonitorPlan;
use crate::monitor::rows::Account;
use crate::monitor::rows::shared::Seat;
use crate::quality::checks::{self, Checked, Violation, Violations};
use crate::quality::details::{self, Details};
use crate::quality::drift::{self, Drift};
use crate::quality::naming::{Named, name};
use crate::quality::part::Part;
use crate::quality::pass::{self, Profiled};
use crate::quality::past;
use crate::quality::profile::{self, OfSegment, Written};
use crate::quality::segments::{self, Held, Kept, Limits, Segment, Told};
use crate::quality::shift::{self, Shift};
use crate::quality::statistics::{self, Statistics};
use crate::quality::{constraints, metrics};
use crate::report::{self, Draft, Quality};
use crate::settings::Settings;
use crate::stages::done::{Done, Message, most_unusable};
use crate::stages::written::{VIOLATIONS, write, write_java};
use crate::stages::{publish, states};
use crate::state::profile::Column;
pub(crate) use prepare::{Prepared, prepare};

/// Reads the data; it does not matter yet whether there are any.
///
/// # Errors
/// What cannot be read.
pub(crate) fn gather(
    job: &Job,
    settings: &Settings,
    prepared: &Prepared,
    seat: Option<&Seat>,
) -> Result<Part> {
    for warning in prepared.plan.told() {
        tracing::warn!("{warning}");
    }
    let (profiled, kept) = read(job, settings, prepared, None, seat)?;
    let inside = inside(job, settings, prepared, &profiled)?;
    let (kept, by) = segments(job, settings, prepared, &profiled, kept)?;
    let of_profiles = prepared.plan.reads_profiles()?;
    let mut part = Part::new(profiled, inside);
    (part.segments, part.by, part.of_profiles) = (kept, by, of_profiles);
    Ok(part)
}

/// The segments of the data. Those of a part are all kept: how large they are is known only when all parts are there.
/// `of_profiles`: what profiles have of them. With the columns of the data that rows of a part were grouped by.
fn segments(
    job: &Job,
    settings: &Settings,
    prepared: &Prepared,
    profiled: &Profiled,
    of_profiles: Vec<Segment>,
) -> Result<(Vec<Segment>, Option<Vec<String>>)> {
    if settings.segment_columns.is_none() || profiled.is_empty() || prepared.plan.reads_profiles()? {
        return Ok((of_profiles, None));
    }
    let named = name(profiled, &prepared.plan.exclude, prepared.names().as_deref());
    let by = named.and_then(|named| {
        segments::by(settings.segment_columns.as_deref(), &profiled.columns, &named.columns)
    });
    let width = profiled.profiles.len();
    let (by, limits) = match by {
        // Rows of another part may have the column.
        Err(_) if prepared.folds && profiled.open => {
            (segments::there(settings.segment_columns.as_deref(), profiled), Limits::of_part())
        }
        by if prepared.folds => (by?, Limits::of_part()),
        by => (by?, Limits::of_run(settings.segment_minimum_rows, width)),
    };
    let (chosen, notes) = segments::choose(profiled, &by, limits);
    if prepared.folds {
        // A run says it with its results.
        notes.iter().for_each(|note| tracing::warn!("segments of this part: {note}"));
    }
    let mut source = prepared.plan.source(job, settings);
    source.width = profiled.account.width;
    source.kinds = profiled.account.kinds;
    let names = &profiled.columns.names;
    let by = prepared.folds.then(|| by.iter().map(|(_, at)| names[*at].clone()).collect());
    Ok((segments::gather(&source, &chosen, names, width)?, by))
}

/// One pass over the data, or the sum of profiles. `limit`: only so many records.
fn read(
    job: &Job,
    settings: &Settings,
    prepared: &Prepared,
    limit: Option<u64>,
    seat: Option<&Seat>,
) -> Result<(Profiled, Vec<Segment>)> {
    let plan = &prepared.plan;
    if plan.reads_profiles()? {
        return profile::gather(&plan.dataset, &job.stop);
    }
    let mut source = plan.source(job, settings);
    source.limit = limit;
    source.folds = prepared.folds;
    source.seat = seat;
    Ok((pass::profile(&source)?, Vec::new()))
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
    if profiled.is_empty() {
        return Err(plan.no_rows(&profiled.account));
    }
    let named = name(profiled, &plan.exclude, prepared.names().as_deref())?;
    for warning in &named.warnings {
        tracing::warn!("{warning}");
    }
    let (kept, mut notes) = kept(settings, gathered, &named)?;
    notes.extend(prepared.doubts.iter().cloned());
    notes.extend(other_features(job, settings, prepared, &named));
    let mut found = measure(prepared, profiled, &named);
    notes.extend(prepared.not_held(&named));
    notes.extend(prepared.without_constraints());
    notes.extend(prepared.without_drift().or_else(|| {
        let is_sought = prepared.distributions.is_some() && named.comparable && prepared.compares();
        (is_sought && found.shifts.is_empty()).then(|| NOTHING_TO_COMPARE.into())
    }));
    for warning in &notes {
        tracing::warn!("{warning}");
    }
    found.segments = segmented(prepared, &kept, profiled.account.rows, &named)?;
    let violations = judge(prepared, gathered, &named, &found)?;
    let warnings = [&profiled.account.warnings[..], &named.warnings, &notes].concat();
    let details = Details {
        version: 1,
        program: format!("analyzer-job {}", env!("CARGO_PKG_VERSION")),
        subject: subject(job, settings, plan),
        rows: found.statistics.dataset.item_count,
        baseline: against(plan),
        warnings,
        unseen: found.drifts.iter().filter(|drift| drift.unseen()).count(),
        type_violations: found.spelling.into(),
        segments: found.segments.clone(),
        unchecked: prepared.unchecked(&named),
        columns: found.shifts.clone(),
    };
    let account = &profiled.account;
    let remarks = not_checked(&details.unchecked)
        + &not_compared(prepared.not_compared(&named))
        + &most_unusable(account.bad, account.records.saturating_sub(account.outside));
    let has_names = profiled.columns.named || (prepared.names().is_some() && named.comparable);
    let segments =
        kept.iter().map(|kept| OfSegment::new(kept.segment, kept.column, &named.columns)).collect();
    let profile = Written::new(columns(profiled, &named), segments, &profiled.account, has_names)
        .made_of(&profiled.made_of);
    let quality = Quality::new(details.clone(), &found.statistics, violations.as_deref());
    let draft = report::draft_quality(&quality);
    let files = results(prepared, &found, &details, violations.as_deref(), &draft, &profile, scratch)?;
    let violated = violations.as_ref().map(Vec::len);
    let metrics = publish::metrics(settings, plan.metric_time.unwrap_or(now), |scope| {
        let constraints = prepared.constraints.as_ref();
        metrics::metrics(&found.statistics, &found.drifts, violated, constraints, &prepared.whole, scope)
    });
    Ok(Done {
        files,
        output: plan.output.clone(),
        given: plan.baseline_files().cloned().collect(),
        draft,
        message: Message::Judged { violations: violated.unwrap_or(0), remarks },
        facets: Vec::new(),
        metrics,
        at_end: plan.postprocessor.clone(),
        failed: None,
    })
}

/// What the exit message says of columns that the baseline leaves unchecked.
fn not_checked(columns: &[String]) -> String {
    match columns.len() {
        0 => String::new(),
        n => format!(
            " Warning: {} not fully checked, since the baseline's files cannot be read there.",
            if n == 1 { "1 column is".into() } else { format!("{n} columns are") }
        ),
    }
}

/// What the exit message says of columns for which the baseline has null in place of a distribution.
fn not_compared(columns: usize) -> String {
    let whose = match columns {
        0 => return String::new(),
        1 => "1 column".into(),
        n => format!("{n} columns"),
    };
    format!(" Warning: the drift of {whose} is not checked, since the baseline's statistics have null there.")
}

/// What was run and on what, for the head of the report.
fn subject(job: &Job, settings: &Settings, plan: &MonitorPlan) -> Vec<String> {
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
fn against(plan: &MonitorPlan) -> Vec<String> {
    let named = |what: &str, path: &Option<PathBuf>| {
        let name = path.as_ref()?.file_name()?;
        Some(format!("{what}: {}.", name.to_string_lossy()))
    };
    let constraints = named("Constraints of the baseline", &plan.constraints);
    let statistics = named(details::DISTRIBUTIONS, &plan.statistics);
    let profile = named("Profile of the baseline", &plan.profile);
    [constraints, statistics, profile].into_iter().flatten().collect()
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
    text: &mut Answer,
) -> Result<()> {
    let plan = &prepared.plan;
    let mut line = |key: &str, value: &str| text.line(format_args!("{key:<14} {value}"));
    line("kind", if plan.monitoring { "data quality monitor" } else { "data quality baseline" });
    line("data", &plan.dataset.display().to_string());
    line("output", &plan.output.display().to_string());
    for (key, path) in
        [("constraints", &plan.constraints), ("statistics", &plan.statistics), ("profile", &plan.profile)]
    {
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
    let without = [prepared.without_constraints(), prepared.without_drift()];
    plan.told().chain(without.iter().flatten()).for_each(|warning| line("warning", warning));
    prepared.doubts.iter().for_each(|doubt| line("warning", doubt));
    let (profiled, _) = read(job, settings, prepared, Some(records), None)?;
    let account = &profiled.account;
    let later = |waits: bool, problem: Problem, text: &mut Answer| {
        states::later(prepared.folds && waits, problem, |warning| {
            text.line(format_args!("{:<14} {warning}", "warning"));
        })
    };
    if profiled.is_empty() {
        return later(true, plan.no_rows(account), text);
    }
    let wanted = settings.segment_columns.as_deref();
    // As a part of the data leaves it to the whole.
    let (names_wait, columns_wait) = (wanted.is_none() || profiled.open, profiled.open);
    let named = match name(&profiled, &plan.exclude, prepared.names().as_deref()) {
        Err(problem) => return later(names_wait, problem, text),
        Ok(named) => named,
    };
    let by = match segments::by(wanted, &profiled.columns, &named.columns) {
        Err(problem) => {
            later(columns_wait, problem, text)?;
            Vec::new()
        }
        Ok(by) => by,
    };
    let mut line = |key: &str, value: &str| text.line(format_args!("{key:<14} {value}"));
    line(
        "looked at",
        &format!("{} from {}", counted(account.rows, "row"), counted(account.records, "record")),
    );
    if account.left_out > 0 {
        line("left out", &format!("{} by `columns` or the script", account.left_out));
    }
    let not_held = prepared.not_held(&named);
    account.warnings.iter().chain(&named.warnings).chain(&not_held).for_each(|told| line("warning", told));
    if let Some(constraints) = &prepared.constraints {
        line("columns", &format!("{}, the baseline has {}", named.columns.len(), constraints.columns.len()));
    } else {
        line("columns", &named.columns.len().to_string());
    }
    if !by.is_empty() {
        let names: Vec<String> = by.iter().map(|(name, _)| format!("`{name}`")).collect();
        let least = settings.segment_minimum_rows;
        line("segments", &format!("by {}, of at least {}", names.join(", "), counted(least, "row")));
    }
    if let Some(path) = &settings.attributions {
        line("attributions", &job.tree.resolve(path).display().to_string());
    }
    if let Some(warning) = other_features(job, settings, prepared, &named) {
        line("warning", &warning);
    }
    for (name, column) in columns(&profiled, &named).take(COLUMNS_SHOWN) {
        let kind = column.spellings.kind(prepared.taken.by_value).name();
        let share = part_of(column.present(), account.rows, "row");
        text.line(format_args!("  {name}: {kind}, a value in {share}"));
    }
    if named.columns.len() > COLUMNS_SHOWN {
        text.line(format_args!("  and {} more", named.columns.len() - COLUMNS_SHOWN));
    }
    Ok(())
}

/// Columns that the dry run lists before the rest is only counted.
const COLUMNS_SHOWN: usize = 40;

const NOTHING_TO_COMPARE: &str = "no column is compared with the baseline's statistics, so drift is not checked: no column has \
                                  distributions in both of the same kind";

/// What is said of attributions that have none of the columns.
fn other_features(job: &Job, settings: &Settings, prepared: &Prepared, named: &Named) -> Option<String> {
    let path = job.tree.resolve(settings.attributions.as_ref()?);
    past::of_other_features(prepared.attributions.as_ref()?, &named.columns, &path)
}

fn tell(account: &Account) {
    for warning in &account.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!("read {} from {}", counted(account.rows, "row"), counted(account.records, "record"));
    if account.outside > 0 {
        tracing::info!("outside of the window: {}", counted(account.outside, "record"));
    }
    if account.left_out > 0 {
        tracing::info!("records or rows left out by `columns` or the script: {}", account.left_out);
    }
}

/// What was found of the data, and of its drift.
struct Found<'a> {
    statistics: Statistics<'a>,
    drifts: Vec<Drift>,
    shifts: Vec<Shift>,
    segments: Vec<Told>,
    /// Type violations, and those of them that are a matter of spelling.
    spelling: (usize, usize),
}

fn columns<'a>(profiled: &'a Profiled, named: &'a Named) -> impl Iterator<Item = (&'a str, &'a Column)> {
    named.columns.iter().map(|(name, at)| (name.as_str(), &profiled.profiles[*at]))
}

fn measure<'a>(prepared: &Prepared, profiled: &'a Profiled, named: &'a Named) -> Found<'a> {
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
        if let Some(attributions) = &prepared.attributions {
            shift::weigh(&mut shifts, attributions);
        }
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
    Found { statistics, drifts, shifts, segments: Vec::new(), spelling }
}

/// The segments to tell, and what is to be said of the others.
fn kept<'a>(
    settings: &Settings,
    gathered: &'a Part,
    named: &'a Named,
) -> Result<(Vec<Kept<'a>>, Vec<String>)> {
    let (profiled, segments) = (&gathered.profiled, &gathered.segments);
    if settings.segment_columns.is_none() {
        return Ok((segments::as_they_are(segments, profiled, &named.columns), Vec::new()));
    }
    let by = segments::by(settings.segment_columns.as_deref(), &profiled.columns, &named.columns)?;
    gathered.check_grouped(&by)?;
    let limits = Limits::of_run(settings.segment_minimum_rows, profiled.profiles.len());
    Ok(segments::kept(segments, profiled, &by, &named.columns, limits))
}

/// The segments, each held against the baseline's rows of the same value where the baseline has them.
fn segmented(prepared: &Prepared, kept: &[Kept<'_>], rows: u64, named: &Named) -> Result<Vec<Told>> {
    let mut held: Vec<Held<'_>> =
        kept.iter().map(|&kept| Held { kept, baseline_rows: None, shifts: Vec::new() }).collect();
    if let Some(segments) = prepared.segments.as_ref().filter(|_| named.comparable && !held.is_empty()) {
        let is_of =
            |kept: &Kept<'_>, then: &Segment| then.column == kept.column && then.value == kept.segment.value;
        let is_wanted = |then: &Segment| kept.iter().any(|kept| is_of(kept, then));
        segments.each(is_wanted, |then, distributions| {
            let held = held.iter_mut().filter(|held| held.baseline_rows.is_none());
            for held in held.filter(|held| is_of(&held.kept, then)) {
                let Kept { column, segment } = held.kept;
                let own = named.columns.iter().filter(|(name, _)| name != column);
                let columns = own.map(|(name, at)| (name.as_str(), &segment.columns[*at]));
                held.baseline_rows = Some(then.rows);
                held.shifts = shift::unjudged(columns, distributions, &[], |name| prepared.config(name));
            }
        })?;
    }
    Ok(segments::told(held, &named.columns, rows, prepared.taken.by_value))
}

/// The violations of a monitoring run; `None` for a baseline.
fn judge(
    prepared: &Prepared,
    gathered: &Part,
    named: &Named,
    found: &Found<'_>,
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
                    let inside = domain.map(|domain| gathered.inside(*at, domain)).transpose()?.flatten();
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
    let Ok(named) = name(profiled, &prepared.plan.exclude, prepared.names().as_deref()) else {
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
    if prepared.plan.reads_profiles()? {
        tracing::warn!(
            "profiles do not keep the values of {} with a domain, as there are too many: they are not held against it",
            counted(open.len(), "column")
        );
        return Ok(out);
    }
    tracing::info!(
        "too many values to keep in {} with a domain: the data are read once more",
        counted(open.len(), "column")
    );
    let mut source = prepared.plan.source(job, settings);
    source.width = profiled.account.width;
    source.kinds = profiled.account.kinds;
    let counts = pass::inside(&source, &open)?;
    out.extend(open.iter().zip(counts).map(|(&(at, domain), rows)| (at, domain, rows)));
    Ok(out)
}

/// All result files, the violations last.
fn results(
    prepared: &Prepared,
    found: &Found<'_>,
    details: &Details,
    violations: Option<&[Violation]>,
    draft: &Draft,
    profile: &Written<'_>,
    scratch: &Path,
) -> Result<output::Results> {
    let folder = &prepared.plan.output;
    let mut files = output::Results::default();
    for (name, bytes) in draft.files(report::NAME)? {
        files.write(&folder.join(name), &bytes, scratch)?;
    }
    write(&mut files, &folder.join(details::FILE), scratch, |out| out.write_all(&details.to_json()?))?;
    write(&mut files, &folder.join(PROFILE_NAME), scratch, |out| profile.write(out))?;
    let suggested = constraints::suggest(&found.statistics, prepared.written.clone());
    write_java(&mut files, &folder.join("constraints.json"), scratch, &suggested)?;
    write_java(&mut files, &folder.join("statistics.json"), scratch, &found.statistics)?;
    if let Some(violations) = violations {
        let violations = Violations { violations: violations.to_vec() };
        write_java(&mut files, &folder.join(VIOLATIONS), scratch, &violations)?;
    }
    Ok(files)
}
