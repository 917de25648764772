//! What is known and checked before data are read.

use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;
use plumbline_common::Result;
use plumbline_common::job::Job;
use plumbline_common::words::counted;
use serde_json::Value as Json;

use crate::monitor::format::PROFILE_NAME;
use crate::monitor::plan::{self, MonitorPlan};
use crate::plan::{NOTHING_CHECKED, RowsFrom};
use crate::quality::baseline::{self, Constraints, Distribution};
use crate::quality::config::{self, MonitoringConfig};
use crate::quality::naming::Named;
use crate::quality::statistics::Taken;
use crate::quality::{past, segments};
use crate::settings::{DriftRule, Settings, ValueTyping};
use crate::stages::written;

/// Everything that is known and checked before data are read.
pub(crate) struct Prepared {
    pub(crate) plan: MonitorPlan,
    pub(super) constraints: Option<Constraints>,
    pub(super) distributions: Option<IndexMap<String, Distribution>>,
    /// The configuration of the checks where a column has none of its own.
    pub(super) whole: MonitoringConfig,
    /// The configuration that the new constraints get.
    pub(super) written: MonitoringConfig,
    pub(super) rule: DriftRule,
    pub(super) taken: Taken,
    /// Segments of the baseline's profile.
    pub(super) segments: Option<past::Segments>,
    /// What is to be said of the baseline's files.
    pub(super) doubts: Vec<String>,
    /// Columns whose constraints, and whose distribution, cannot all be read.
    pub(super) unread: [IndexSet<String>; 2],
    /// Columns for which the baseline's statistics have null in place of a distribution.
    pub(super) without: IndexSet<String>,
    /// The data are a part of all data.
    pub(super) folds: bool,
    /// By column its share of the model's attributions.
    pub(super) attributions: Option<IndexMap<String, f64>>,
}

/// Checks the settings and loads the baseline.
///
/// # Errors
/// What cannot be used, named.
pub(crate) fn prepare(
    job: &Job,
    settings: &Settings,
    now: Timestamp,
    rows: RowsFrom<'_>,
) -> Result<Prepared> {
    let plan = plan::plan(job, settings, now, rows)?;
    let layers: Vec<Json> = config::layers(
        settings.data_quality_monitoring_config.as_deref(),
        settings.categorical_drift_method.as_deref(),
    )?;
    segments::check(settings.segment_columns.as_deref())?;
    written::check_output(&plan, &["constraints.json", "statistics.json", PROFILE_NAME])?;
    let taken = Taken { by_value: settings.value_typing == ValueTyping::Value, strict: plan.strict };
    let constraints =
        plan.constraints.as_deref().map(|path| baseline::constraints(path, &layers)).transpose()?;
    let distributions = plan.statistics.as_deref().map(baseline::statistics).transpose()?;
    let (mut constraints, of_constraints) = constraints.unzip();
    let (mut distributions, of_distributions) = distributions.unzip();
    let both = [of_constraints, of_distributions].map(Option::unwrap_or_default);
    let mut doubts: Vec<String> = both.iter().flat_map(|doubts| doubts.told.clone()).collect();
    let without = both[1].without.clone();
    let mut unread = both.map(|doubts| doubts.unchecked);
    if let (Some(constraints), Some(distributions)) = (&constraints, &distributions) {
        let lacks = baseline::lacking(constraints, distributions);
        doubts.extend(baseline::told_lacking(&lacks));
        unread[1].extend(lacks);
    }
    let mut segments = None;
    if let Some(path) = &plan.profile {
        let then = past::of_profile(path, taken, &layers)?;
        constraints = constraints.or(Some(then.constraints));
        distributions = distributions.or(Some(then.distributions));
        segments = Some(then.segments);
    }
    let attributions = settings
        .attributions
        .as_deref()
        .map(|path| past::attributions(&job.tree.resolve(path)))
        .transpose()?;
    let whole = match &constraints {
        Some(constraints) => constraints.config.clone(),
        None => MonitoringConfig::of(&layers, false)?,
    };
    let mut prepared = Prepared {
        written: MonitoringConfig::of(&layers, true)?,
        taken,
        segments,
        folds: rows == RowsFrom::Part,
        attributions,
        rule: settings.drift_rule,
        doubts,
        unread,
        without,
        plan,
        constraints,
        distributions,
        whole,
    };
    prepared.plan.known = prepared.names().unwrap_or_default();
    Ok(prepared)
}

impl Prepared {
    /// Whether drift is to be checked for some column.
    pub(super) fn compares(&self) -> bool {
        let own = self.constraints.iter().flat_map(|constraints| constraints.columns.values());
        own.map(|constraint| &constraint.config)
            .chain([&self.whole])
            .any(|config| config.distribution_constraints.perform_comparison.on())
    }

    /// What is said of a monitoring run that has nothing to check drift against: it must not look as if there were none.
    pub(super) fn without_drift(&self) -> Option<String> {
        let statistics = "name the baseline's statistics.json in `baseline_statistics`";
        match (&self.constraints, &self.distributions) {
            _ if !self.plan.monitoring => None,
            (None, None) => Some(NOTHING_CHECKED.into()),
            (Some(_), None) if self.compares() => {
                Some(format!("drift is not checked: the baseline has constraints only; {statistics}"))
            }
            _ => None,
        }
    }

    /// What is said of a monitoring run that checks drift alone: it must not look as if every column held its constraints.
    pub(super) fn without_constraints(&self) -> Option<String> {
        let is_without = self.plan.monitoring && self.constraints.is_none() && self.distributions.is_some();
        is_without.then(|| {
            "no constraint is checked, such as types, completeness, domains and the columns: the baseline has statistics only; \
             name the baseline's constraints.json in `baseline_constraints`"
                .into()
        })
    }

    /// What is said of columns without names that are not as many as the baseline's: no position tells which is which.
    pub(super) fn not_held(&self, named: &Named) -> Option<String> {
        let names = self.names().filter(|_| self.plan.monitoring && !named.comparable)?;
        let expected = names.iter().filter(|name| !named.excluded.contains(name)).count();
        let constraints = self.constraints.as_ref();
        let is_counted = constraints.is_some_and(|found| found.config.evaluate_constraints.on());
        Some(format!(
            "{} is checked: the data have {} without names, the baseline has {expected}, so no position tells which is which",
            if is_counted { "only their number" } else { "nothing" },
            counted(named.columns.len() as u64, "column"),
        ))
    }

    /// The configuration of a column's checks.
    pub(super) fn config(&self, name: &str) -> &MonitoringConfig {
        let own = self.constraints.as_ref().and_then(|constraints| constraints.columns.get(name));
        own.map_or(&self.whole, |constraint| &constraint.config)
    }

    /// The columns of the run of which the baseline says something that cannot be read and would be checked.
    pub(super) fn unchecked(&self, named: &Named) -> Vec<String> {
        let [constraints, distributions] = &self.unread;
        let is_unchecked = |name: &&String| {
            let config = self.config(name);
            (constraints.contains(*name) && config.evaluate_constraints.on())
                || (distributions.contains(*name) && config.distribution_constraints.perform_comparison.on())
        };
        let is_sought = self.plan.monitoring && named.comparable;
        let names = named.columns.iter().map(|(name, _)| name).filter(|_| is_sought);
        names.filter(is_unchecked).cloned().collect()
    }

    /// Number of the columns of the run whose drift would be checked if the baseline did not have null there.
    pub(super) fn not_compared(&self, named: &Named) -> usize {
        let is_sought = |name: &String| self.config(name).distribution_constraints.perform_comparison.on();
        let names = named.columns.iter().map(|(name, _)| name);
        let names =
            names.filter(|name| self.plan.monitoring && named.comparable && self.without.contains(*name));
        names.filter(|name| is_sought(name)).count()
    }

    /// The names of the baseline's columns, in its order.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        let names = |keys: &mut dyn Iterator<Item = &String>| keys.cloned().collect::<Vec<_>>();
        match (&self.constraints, &self.distributions) {
            (Some(constraints), _) => Some(names(&mut constraints.columns.keys())),
            (None, Some(distributions)) => Some(names(&mut distributions.keys())),
            (None, None) => None,
        }
    }
}
