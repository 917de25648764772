//! States as the baseline of a run. They are combined as a run of their own, whose results are then the baseline's files:
//! so it does not matter to a monitor whether a baseline run or a fold made its baseline.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes};

use crate::monitor::{self, Kind};
use crate::plan::{self, baseline_inputs, monitors};
use crate::settings::{AnalysisType, AnalysisTypes, Compat, Settings, Switch};
use crate::stages::analysis;
use crate::stages::combine::{self, Combined, Of};
use crate::stages::states::{self, ANALYSIS, DATA_QUALITY, MODEL_QUALITY};
use crate::state::file::{self, Stored};

/// The settings of a run of one monitor or of an analysis, whose baseline is files. `scratch`: a folder for those that are made
/// here.
///
/// # Errors
/// As `monitors::settings_of_one`, and for states as `combine`.
pub(crate) fn settings_of_one(job: &Job, settings: &Settings, scratch: &Path) -> Result<Settings> {
    settings_of_kind(job, settings, kind_of(job, settings), scratch)
}

/// The same of a run over states, which say of which monitor they are.
///
/// # Errors
/// As `settings_of_one`.
pub(crate) fn settings_of_states(
    job: &Job,
    settings: &Settings,
    states: &[Stored],
    scratch: &Path,
) -> Result<Settings> {
    let of_states = states.first().map(|state| state.head.kind.as_str());
    let known = [DATA_QUALITY, MODEL_QUALITY, ANALYSIS].into_iter().find(|kind| of_states == Some(*kind));
    settings_of_kind(job, settings, known.unwrap_or_else(|| kind_of(job, settings)), scratch)
}

/// `kind`: as states call it.
fn settings_of_kind(job: &Job, settings: &Settings, kind: &'static str, scratch: &Path) -> Result<Settings> {
    let kinds = match (kind, settings.monitor()) {
        (DATA_QUALITY, _) => vec![AnalysisType::DataQuality],
        (MODEL_QUALITY, _) => vec![AnalysisType::ModelQuality],
        (_, Some(kind)) => vec![kind],
        (_, None) => plan::kinds_configured(job, settings),
    };
    of_states(job, monitors::settings_of_one(job, settings, &kinds)?, kind, &scratch.join("baseline"))
}

/// The same for each monitor of a run of several.
///
/// # Errors
/// As `monitors::settings_of_each`, and for states as `combine`.
pub(crate) fn settings_of_each(
    job: &Job,
    settings: &Settings,
    kinds: &AnalysisTypes,
    scratch: &Path,
) -> Result<Vec<(AnalysisType, Settings)>> {
    let each = monitors::settings_of_each(job, settings, kinds)?.into_iter();
    each.map(|(kind, own)| {
        let of = kind_of(job, &own);
        let own = of_states(job, own, of, &scratch.join("baseline").join(kind.folder()));
        own.map(|own| (kind, own))
            .map_err(|problem| problem.hint(format!("the baseline of {}", kind.title())))
    })
    .collect()
}

/// Replaces states among the baseline's settings by the files of a run over them. `kind`: of this run, as states call it.
fn of_states(job: &Job, mut settings: Settings, kind: &'static str, results: &Path) -> Result<Settings> {
    if kind == ANALYSIS && settings.baseline_constraints.is_none() && !settings.among_others {
        settings.baseline_constraints = baseline_inputs(job).filter(|place| file::are_at(place));
    }
    let mut made: Vec<(PathBuf, PathBuf)> = Vec::new();
    let given = settings.clone();
    let places = [
        &mut settings.baseline_constraints,
        &mut settings.baseline_statistics,
        &mut settings.baseline_profile,
    ];
    for place in places {
        let Some(path) = place.as_ref().map(|path| job.tree.resolve(path)).filter(|path| file::are_at(path))
        else {
            continue;
        };
        let known = made.iter().find(|(known, _)| *known == path).map(|(_, folder)| folder.clone());
        let folder = match known {
            Some(folder) => folder,
            None => {
                combine::check_apart(&plan::output(job, &given), std::slice::from_ref(&path))?;
                let folder = results.join(made.len().to_string());
                make(job, &given, kind, &path, &folder)?;
                made.push((path, folder.clone()));
                folder
            }
        };
        *place = Some(folder);
    }
    // As for a folder of results, which has both files.
    let is_made = |path: &Path| made.iter().any(|(_, folder)| folder == path);
    if kind != ANALYSIS
        && settings.baseline_statistics.is_none()
        && settings.baseline_constraints.as_deref().is_some_and(is_made)
    {
        settings.baseline_statistics.clone_from(&settings.baseline_constraints);
    }
    Ok(settings)
}

/// How the states of this run's monitor are called.
fn kind_of(job: &Job, settings: &Settings) -> &'static str {
    match monitor::kind(job, settings) {
        Some(Kind::DataQuality) => DATA_QUALITY,
        Some(Kind::ModelQuality) => MODEL_QUALITY,
        None => ANALYSIS,
    }
}

/// Makes the results of a run over states in a folder.
fn make(job: &Job, settings: &Settings, kind: &str, place: &Path, folder: &Path) -> Result<()> {
    // Lines of its log are not to be taken for those of the window.
    let _inside = tracing::error_span!("baseline").entered();
    tracing::info!("the baseline is made of the states in {}", place.display());
    fs::create_dir_all(folder).map_err(|error| Problem::io("create the scratch folder", folder, error))?;
    let states = states::read(job, &[place.to_path_buf()], None)?;
    let monitors = combine::monitors_of(&states);
    let states = combine::of_one(states, settings)?;
    let Some(first) = states.first() else {
        return Err(Problem::new(&codes::INTERNAL, "there is not one state"));
    };
    if first.head.kind != kind {
        return Err(Problem::new(
            &codes::STATES_DO_NOT_FIT,
            "the state of the baseline is of another monitor",
        )
        .file(&first.path)
        .found(format!("a state of {}", first.head.kind))
        .expected(format!("one of {kind}")));
    }
    states::fits(&states, &first.head.settings)?;
    let own = settings_of(settings, first, monitors.as_ref(), folder)?;
    let scratch = folder.join("scratch");
    fs::create_dir_all(&scratch)
        .map_err(|error| Problem::io("create the scratch folder", &scratch, error))?;
    let mut done = Combined::new(job, &own, Timestamp::now(), &states, &scratch, Of::States)?.finish()?;
    job.stop.check()?;
    done.write_untold()?;
    match done.failed {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// The settings with which the states were folded, for several `monitors` or one. What only `combine` is asked is that of
/// this run.
fn settings_of(
    settings: &Settings,
    state: &Stored,
    monitors: Option<&AnalysisTypes>,
    output: &Path,
) -> Result<Settings> {
    let text = |name: &str| state.head.settings.get(name).cloned();
    let monitor = |name: String| {
        let mut all = AnalysisType::ALL.into_iter();
        all.find(|kind| kind.name() == name)
    };
    let monitor = match state.head.kind.as_str() {
        DATA_QUALITY => Some(AnalysisType::DataQuality),
        MODEL_QUALITY => Some(AnalysisType::ModelQuality),
        _ => text("analysis_type").and_then(monitor),
    };
    let is_shared = state.head.kind == ANALYSIS && state.body::<analysis::Folded>()?.shared_configuration;
    let mut own = Settings {
        analysis_type: monitor.map(AnalysisTypes::of),
        dataset_source: None,
        ground_truth_source: None,
        output_path: Some(output.into()),
        start_time: None,
        end_time: None,
        columns: None,
        record_preprocessor_script: None,
        post_analytics_processor_script: None,
        compat: text("compat").map(|_| Compat::Strict),
        baseline_constraints: None,
        baseline_statistics: None,
        baseline_profile: None,
        baseline_names: Default::default(),
        unused_baselines: Vec::new(),
        attributions: None,
        history: None,
        drift_windows: Default::default(),
        publish_cloudwatch_metrics: Switch::Disabled,
        cloudwatch_namespace: None,
        metric_time: None,
        sagemaker_monitoring_schedule_name: None,
        among_others: true,
        beside_data_quality: monitors.is_some_and(|kinds| kinds.all().contains(&AnalysisType::DataQuality)),
        shared_configuration: is_shared,
        ..settings.clone()
    };
    for (name, value) in states::texts(&mut own) {
        *value = text(name);
    }
    Ok(own)
}
