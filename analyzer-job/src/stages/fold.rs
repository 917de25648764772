//! `fold`: a part of the data becomes a state file, and nothing is judged.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, output};
use serde_json::Value as Json;

use crate::context;
use crate::monitor::{self, Kind, columns};
use crate::plan::{Rows, monitors};
use crate::settings::{OnBadRecord, Settings};
use crate::stages::joins::Joins;
use crate::stages::{analysis, data_quality, model_quality};
use crate::state::file::{self, ENDING, FORMAT, Head};

/// Which part it is, and where its state goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Names of all parts, where they are known.
    pub(crate) all: Option<Vec<String>>,
    /// The state file; else one in the folder `states` of the output.
    pub(crate) out: Option<PathBuf>,
    /// A list of the files of the part, relative to the folder of the data; else all of them.
    pub(crate) files: Option<PathBuf>,
}

/// How kinds of analyses are called in a state.
pub(crate) const DATA_QUALITY: &str = "data quality";
pub(crate) const MODEL_QUALITY: &str = "model quality";
pub(crate) const ANALYSIS: &str = "bias and attributions";

/// Folds a part of the data and gives the exit message.
///
/// # Errors
/// What cannot be used, read or written.
pub(crate) fn run(job: &Job, settings: &Settings, part: &Part) -> Result<String> {
    if settings.analysis_type.as_ref().is_some_and(|kinds| kinds.single().is_none()) {
        return Err(Problem::new(
            &codes::SETTING_INVALID,
            "a part of the data is folded for one monitor at a time",
        )
        .field("analysis_type")
        .expected("one monitor")
        .hint("fold once for each monitor of the list"));
    }
    let settings = &monitors::settings_of_one(job, settings)?;
    let now = Timestamp::now();
    let staged = part.files.as_deref().map(|list| Staged::read(job, list)).transpose()?;
    let stage = |dataset: &Path| match &staged {
        Some(staged) => staged.stage(dataset).map(Some),
        None => Ok(None),
    };
    let scratch = context::scratch(job)?;
    let joins = Joins::new(job, scratch.path(), true);
    let (path, rows) = match monitor::kind(job, settings) {
        Some(Kind::DataQuality) => {
            let mut prepared = data_quality::prepare(job, settings, now, Rows::Part)?;
            let path = place(part, &prepared.plan.output)?;
            if let Some(folder) = stage(&prepared.plan.dataset)? {
                prepared.plan.dataset = folder;
            }
            let gathered = data_quality::gather(job, settings, &prepared, None)?;
            let rows = gathered.profiled.account.rows;
            let head = head(job, settings, part, DATA_QUALITY, prepared.plan.window, None, rows);
            file::write(&path, &head, &gathered, scratch.path())?;
            (path, rows)
        }
        Some(Kind::ModelQuality) => {
            let mut prepared = model_quality::prepare(job, settings, now, Rows::Part)?;
            let path = place(part, &prepared.plan.output)?;
            if let Some(folder) = stage(&prepared.plan.dataset)? {
                prepared.plan.dataset = folder;
            }
            let gathered = model_quality::gather(job, settings, &prepared, &joins, None)?;
            let rows = gathered.outcomes.rows();
            let head = head(job, settings, part, MODEL_QUALITY, prepared.plan.window, None, rows);
            file::write(&path, &head, &gathered, scratch.path())?;
            (path, rows)
        }
        None => {
            let mut prepared = analysis::prepare(job, settings, now, scratch.path(), Rows::Part)?;
            let plan = &mut prepared.run.plan;
            let path = place(part, &plan.output)?;
            if staged.is_some() && plan.dataset.contains("://") {
                return Err(Problem::new(&codes::SETTING_INVALID, "files are chosen from a folder only")
                    .field("--files")
                    .found(format!("`dataset_uri` `{}`", plan.dataset))
                    .hint("name the folder in `dataset_source`"));
            }
            if let Some(folder) = stage(Path::new(&plan.dataset))? {
                plan.dataset = folder.display().to_string();
            }
            let (folded, files) = analysis::fold(&prepared, &joins, &part.name)?;
            let plan = &prepared.run.plan;
            let rows = folded.part.rows();
            let head = head(job, settings, part, ANALYSIS, plan.window, Some(&plan.analysis.given), rows);
            job.stop.check()?;
            files.publish()?;
            file::write(&path, &head, &folded, scratch.path())?;
            (path, rows)
        }
    };
    job.stop.check()?;
    Ok(format!("Completed: folded {rows} rows of part {} into {}", part.name, path.display()))
}

/// Where the state goes. A folder that cannot be written to is found before the data are read.
fn place(part: &Part, output: &Path) -> Result<PathBuf> {
    let path = match &part.out {
        Some(path) => path.clone(),
        None => output.join("states").join(format!("{}.{ENDING}", part.name)),
    };
    output::check_file(&path)?;
    Ok(path)
}

fn head(
    job: &Job,
    settings: &Settings,
    part: &Part,
    kind: &str,
    window: Option<(Timestamp, Timestamp)>,
    configuration: Option<&Json>,
    rows: u64,
) -> Head {
    Head {
        format: FORMAT,
        program: format!("analyzer-job {}", env!("CARGO_PKG_VERSION")),
        kind: kind.into(),
        settings: bearing(job, settings, configuration),
        part: part.name.clone(),
        parts: part.all.clone(),
        window: window.map(|(start, end)| [start.to_string(), end.to_string()]),
        rows,
    }
}

/// The settings that bear on what is gathered, by name; those that were not given are left out. Where the data stand, the
/// window, and everything that is only asked of the finished counts may differ from part to part.
pub(crate) fn bearing(
    job: &Job,
    settings: &Settings,
    configuration: Option<&Json>,
) -> IndexMap<String, String> {
    let mut bearing = IndexMap::new();
    let texts = [
        ("dataset_format", &settings.dataset_format),
        ("features_attribute", &settings.features_attribute),
        ("inference_attribute", &settings.inference_attribute),
        ("probability_attribute", &settings.probability_attribute),
        ("probability_threshold_attribute", &settings.probability_threshold_attribute),
        ("ground_truth_attribute", &settings.ground_truth_attribute),
        ("exclude_features_attribute", &settings.exclude_features_attribute),
        ("problem_type", &settings.problem_type),
        ("positive_label", &settings.positive_label),
        ("segment_columns", &settings.segment_columns),
        ("segment_attributes", &settings.segment_attributes),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            bearing.insert(name.to_string(), value.clone());
        }
    }
    // A file may have another path, or another content, where another part is folded.
    if let Some(columns) = &settings.columns {
        let text = columns::text(job, columns).map_or_else(|_| columns.clone(), |(text, _)| text);
        bearing.insert("columns".into(), text);
    }
    if let Some(script) = &settings.record_preprocessor_script {
        let text = fs::read_to_string(job.tree.resolve(script))
            .map_or_else(|_| script.display().to_string(), |text| file::checksum(&text));
        bearing.insert("record_preprocessor_script".into(), text);
    }
    if let Some(compat) = settings.compat {
        bearing.insert("compat".into(), format!("{compat:?}"));
    }
    if settings.on_bad_record == OnBadRecord::Fail {
        bearing.insert("on_bad_record".into(), "fail".into());
    }
    if let Some(configuration) = configuration {
        if let Some(kinds) = &settings.analysis_type {
            bearing.insert("analysis_type".into(), format!("{kinds:?}"));
        }
        let mut configuration = configuration.clone();
        if let Json::Object(keys) = &mut configuration {
            keys.shift_remove("dataset_uri");
        }
        bearing.insert("the configuration".into(), file::checksum(&configuration.to_string()));
    }
    bearing
}

/// The files of a part as a folder of links, so that they keep the names that they have among all files.
struct Staged {
    names: Vec<PathBuf>,
    folder: tempfile::TempDir,
}

impl Staged {
    fn read(job: &Job, list: &Path) -> Result<Staged> {
        let text =
            fs::read_to_string(list).map_err(|error| Problem::io("read the list of files", list, error))?;
        let names: Vec<PathBuf> = text.lines().filter(|line| !line.is_empty()).map(PathBuf::from).collect();
        let outside =
            |name: &&PathBuf| !name.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if let Some(name) = names.iter().find(outside) {
            return Err(Problem::new(
                &codes::SETTING_INVALID,
                "a list of files names one outside of the data",
            )
            .file(list)
            .field("--files")
            .found(format!("`{}`", name.display()))
            .expected("paths below the folder of the data, one a line"));
        }
        Ok(Staged { names, folder: context::scratch(job)? })
    }

    fn stage(&self, dataset: &Path) -> Result<PathBuf> {
        let dataset = std::path::absolute(dataset).unwrap_or_else(|_| dataset.into());
        for name in &self.names {
            let (from, to) = (dataset.join(name), self.folder.path().join(name));
            if !from.is_file() {
                return Err(Problem::new(
                    &codes::SETTING_INVALID,
                    "a list of files names one that is not there",
                )
                .field("--files")
                .found(format!("`{}`", name.display()))
                .expected(format!("a file below {}", dataset.display())));
            }
            let made = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| symlink(&from, &to));
            made.map_err(|error| Problem::io("link to a file of the data", &to, error))?;
        }
        Ok(self.folder.path().into())
    }
}
