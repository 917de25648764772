//! A run of several monitors: the settings of each, as if it ran alone. Its results go to a folder of its own, and its
//! baseline and configuration come from one.

use std::path::{Path, PathBuf};

use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, input};

use super::baselines::{self, own_setting};
use super::{baseline_inputs, config_source, output};
use crate::settings::{AnalysisType, AnalysisTypes, Settings};
use crate::state::file;

/// The settings of a run of one monitor, or of an analysis: its own baseline setting wins over `baseline_constraints`. `kinds`: the
/// monitor; those whose work an analysis without `analysis_type` does; none where that is not known.
///
/// # Errors
/// `SETTING_INVALID` when the baseline that it names is not there, when it names two, or when it names only baselines that it
/// cannot use.
pub fn settings_of_one(job: &Job, settings: &Settings, kinds: &[AnalysisType]) -> Result<Settings> {
    let mut own = settings.clone();
    let mut named: Vec<(AnalysisType, PathBuf)> = Vec::new();
    for &kind in kinds {
        named.extend(own_baseline(job, settings, kind)?.map(|path| (kind, path)));
    }
    let mut without = None;
    if let Some((kind, path)) = named.first() {
        let setting = own_setting(settings, *kind).0;
        if let Some((other, two)) = named.iter().find(|(_, other)| other != path) {
            return Err(Problem::new(&codes::SETTING_INVALID, "one analysis has two baselines")
                .field(own_setting(settings, *other).0)
                .found(two.display().to_string())
                .expected(format!("that of `{setting}`, {}", path.display()))
                .hint("name the one file that holds both in `baseline_constraints`, or one monitor in `analysis_type`"));
        }
        let other = settings.baseline_constraints.as_ref().filter(|other| job.tree.resolve(other) != *path);
        without = other.map(|_| ("baseline_constraints", format!("`{setting}` is the baseline")));
        take_baseline(&mut own, *kind, path.clone(), setting);
    }
    if kinds.is_empty() {
        return Ok(own);
    }
    let is_analysis = !kinds.iter().copied().any(is_quality);
    let of_input = is_analysis && baseline_inputs(job).is_some();
    let without = without.as_ref().map(|(name, why)| (*name, why.as_str()));
    own.unused_baselines = baselines::unused(settings, kinds, without, of_input)?;
    if !kinds.contains(&AnalysisType::DataQuality) {
        own.baseline_profile = None;
    }
    Ok(own)
}

fn is_quality(kind: AnalysisType) -> bool {
    matches!(kind, AnalysisType::DataQuality | AnalysisType::ModelQuality)
}

/// The settings of each monitor of a run of several.
///
/// # Errors
/// `SETTING_INVALID`: a baseline that is named is not there, or the baseline folder has a folder for none of them.
pub fn settings_of_each(
    job: &Job,
    settings: &Settings,
    kinds: &AnalysisTypes,
) -> Result<Vec<(AnalysisType, Settings)>> {
    let folder = baseline_folder(job, settings, kinds)?;
    let each = kinds.all().iter().map(|&kind| {
        let mut own = among(job, settings, kinds, kind);
        own.baseline_constraints = None;
        own.baseline_statistics = statistics(job, settings, kind);
        if kind != AnalysisType::DataQuality {
            own.baseline_profile = None;
        }
        let of_folder = || match folder.as_ref()? {
            // States of several monitors hold that of each.
            states if file::are_at(states) => Some(states.clone()),
            folder => Some(folder.join(kind.folder())).filter(|folder| folder.is_dir()),
        };
        let named = own_baseline(job, settings, kind)?.map(|path| (path, own_setting(settings, kind).0));
        match named.or_else(|| Some((of_folder()?, "baseline_constraints"))) {
            Some((path, setting)) => take_baseline(&mut own, kind, path, setting),
            None => tracing::info!("{}: no baseline is given", kind.title()),
        }
        Ok((kind, own))
    });
    let mut each = each.collect::<Result<Vec<_>>>()?;
    let is_without = settings.baseline_statistics.is_some()
        && each.iter().all(|(kind, _)| statistics(job, settings, *kind).is_none());
    let why = "it has a folder for none of the monitors that use it";
    let without = is_without.then_some(("baseline_statistics", why));
    let unused = baselines::unused(settings, kinds.all(), without, folder.is_some())?;
    if let Some((_, first)) = each.first_mut() {
        // Of the whole run, so told once.
        first.unused_baselines = unused;
    }
    Ok(each)
}

/// The settings with which the rows to explain are read: those of the monitor that explains, of one or of several. It is
/// compared with nothing.
///
/// # Errors
/// `SETTING_INVALID`: none of the monitors explains.
pub fn settings_of_explaining(job: &Job, settings: &Settings) -> Result<Settings> {
    // The paths of baselines that a run takes by default are not those of one among several.
    let uncompared = |settings: Settings| Settings {
        baseline_constraints: None,
        baseline_statistics: None,
        baseline_profile: None,
        baseline_names: Default::default(),
        sagemaker_monitoring_schedule_name: None,
        among_others: true,
        ..settings
    };
    let Some(kinds) = &settings.analysis_type else { return Ok(uncompared(settings.clone())) };
    // A configuration of bias may ask for attributions too, which its monitor computes where no other does.
    let mut explaining = [AnalysisType::ModelExplainability, AnalysisType::ModelBias].into_iter();
    let Some(kind) = explaining.find(|kind| kinds.all().contains(kind)) else {
        return Err(Problem::new(
            &codes::SETTING_INVALID,
            "no monitor explains, so there is no baseline to make",
        )
        .field("analysis_type")
        .found(format!("`{}`", kinds.names()))
        .expected(format!("{} among the monitors", AnalysisType::ModelExplainability.name()))
        .hint("leave the setting out for an analysis of a dataset"));
    };
    Ok(uncompared(match kinds.single() {
        Some(_) => settings.clone(),
        None => among(job, settings, kinds, kind),
    }))
}

/// The settings of one monitor whose rows were read beside those of others: only its results and its baseline are as if it had
/// been alone.
pub fn settings_of_one_among(job: &Job, settings: &Settings, kinds: &AnalysisTypes) -> Settings {
    let Some(kind) = settings.monitor() else { return settings.clone() };
    Settings {
        output_path: settings.output_path.clone(),
        among_others: settings.among_others,
        ..among(job, settings, kinds, kind)
    }
}

/// The settings of a monitor of several, but for its baseline.
fn among(job: &Job, settings: &Settings, kinds: &AnalysisTypes, kind: AnalysisType) -> Settings {
    let configs = config_source(job, settings);
    let own_config = |kind: AnalysisType| Some(configs.join(kind.folder())).filter(|folder| folder.is_dir());
    let shared_configuration = [AnalysisType::ModelBias, AnalysisType::ModelExplainability]
        .into_iter()
        .all(|kind| kinds.all().contains(&kind) && own_config(kind).is_none());
    Settings {
        analysis_type: Some(AnalysisTypes::of(kind)),
        output_path: Some(output(job, settings).join(kind.folder())),
        analysis_config: own_config(kind).or_else(|| settings.analysis_config.clone()),
        among_others: true,
        beside_data_quality: kinds.all().contains(&AnalysisType::DataQuality),
        shared_configuration,
        ..settings.clone()
    }
}

fn own_baseline(job: &Job, settings: &Settings, kind: AnalysisType) -> Result<Option<PathBuf>> {
    let (name, Some(path)) = own_setting(settings, kind) else { return Ok(None) };
    let path = job.tree.resolve(path);
    if path.exists() {
        return Ok(Some(path));
    }
    Err(Problem::new(&codes::SETTING_INVALID, "the baseline does not exist")
        .field(name)
        .found(path.display().to_string())
        .expected("the results of the baseline job, or their folder"))
}

/// Both files of a quality monitor lie in one folder, whichever of the three is named: the folder, its `constraints.json` or its
/// `statistics.json`. `setting`: the one that names it.
fn take_baseline(own: &mut Settings, kind: AnalysisType, mut path: PathBuf, setting: &'static str) {
    if is_quality(kind) && path.is_file() && path.file_name() == Some("statistics.json".as_ref()) {
        path.pop();
    }
    if is_quality(kind) && own.baseline_statistics.is_none() && !file::are_at(&path) {
        let folder = if path.is_dir() { Some(path.as_path()) } else { path.parent() };
        own.baseline_statistics =
            folder.map(|folder| folder.join("statistics.json")).filter(|statistics| statistics.is_file());
        own.baseline_names.statistics = own.baseline_statistics.is_some().then_some(setting);
    }
    own.baseline_constraints = Some(path);
    own.baseline_names.constraints = Some(setting);
}

/// `baseline_statistics` of a run of several: a folder with a folder for each monitor, else what data quality compares
/// with.
fn statistics(job: &Job, settings: &Settings, kind: AnalysisType) -> Option<PathBuf> {
    let given = settings.baseline_statistics.as_ref()?;
    let folder = job.tree.resolve(given).join(kind.folder());
    let is_one_monitors =
        |path: &Path| !AnalysisType::ALL.iter().any(|kind| path.join(kind.folder()).is_dir());
    match kind {
        AnalysisType::DataQuality | AnalysisType::ModelQuality if folder.is_dir() => Some(folder),
        AnalysisType::DataQuality if is_one_monitors(&job.tree.resolve(given)) => Some(given.clone()),
        _ => None,
    }
}

/// The folder that has a folder for each monitor's baseline.
fn baseline_folder(job: &Job, settings: &Settings, kinds: &AnalysisTypes) -> Result<Option<PathBuf>> {
    let (name, folder) = match &settings.baseline_constraints {
        Some(path) => ("baseline_constraints", job.tree.resolve(path)),
        None => match baseline_inputs(job) {
            Some(path) => ("constraints", path),
            None => return Ok(None),
        },
    };
    if file::are_at(&folder) || kinds.all().iter().any(|kind| folder.join(kind.folder()).is_dir()) {
        return Ok(Some(folder));
    }
    let folders: Vec<&str> = kinds.all().iter().map(|kind| kind.folder()).collect();
    let found = match input::files(&folder) {
        _ if folder.is_file() => "a file".to_owned(),
        Ok(files) if !files.is_empty() => format!("files such as {}", files[0].relative.display()),
        _ => "nothing".into(),
    };
    let own: Vec<&str> = kinds.all().iter().map(|&kind| own_setting(settings, kind).0).collect();
    Err(Problem::new(
        &codes::SETTING_INVALID,
        "the baseline of several monitors has a folder for each of them",
    )
    .file(&folder)
    .field(name)
    .found(found)
    .expected(format!("one or more of the folders {}", folders.join(", ")))
    .hint(format!("name the folder of a baseline run of these monitors, or use {}", own.join(", "))))
}
