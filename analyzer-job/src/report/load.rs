//! Findings read back from a run's files, and the results of earlier runs.

use std::fs;
use std::path::{Path, PathBuf};

use plumbline_common::{Problem, Result, codes, input};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::Draft;
use super::quality::Quality;
use super::several::{Chapter, Ended, together};
use super::stored::read;
use crate::config::ReportNames;
use crate::drift::bias as drift;
use crate::performance::details::{self as performance, QualityDetails};
use crate::performance::facets;
use crate::performance::outcomes::ProblemType;
use crate::results::details::{BiasDetails, ExplanationDetails, FacetDetails, Findings, RunDetails};
use crate::results::{Results, Violation, Violations, alone};
use crate::settings::AnalysisType;
use crate::values::numbers::strict_json;

use crate::results::details::EarlierRun;

/// Title of a report when the configuration has none; that of the hosted service.
const DEFAULT_TITLE: &str = "SageMaker Analysis Report";

/// Makes the three files of a run again from `analysis.json` and, where they are there,
/// `bias_details.json`, `explanations_details.json` and `constraint_violations.json` in `folder`; or those of a model
/// quality run from its `model_quality_details.json`; or those of a data quality run from its
/// `data_quality_details.json`, `statistics.json` and violations; or that of a run of several monitors from the folders of
/// those that left results.
///
/// # Errors
/// `analysis.json` is missing, a file cannot be read or is not what its name says, or the reports
/// cannot be written.
pub fn rebuild(folder: &Path, history: &[EarlierRun], scratch: &Path) -> Result<()> {
    if !folder.join("analysis.json").exists() {
        if let Some(details) = read::<QualityDetails>(&folder.join(performance::FILE))? {
            return super::write_files(
                super::draft_performance(&details).files(super::NAME)?,
                folder,
                scratch,
            );
        }
        if let Some(quality) = Quality::read(folder)? {
            return super::write_files(super::draft_quality(&quality).files(super::NAME)?, folder, scratch);
        }
        let monitors = monitors(folder, history)?;
        if !monitors.is_empty() {
            return super::write_files(of_several(&monitors).files(super::NAME)?, folder, scratch);
        }
    }
    let (findings, names) = findings(folder)?;
    super::write(&findings, &names, history, folder, scratch)
}

/// What a monitor left in its folder of a run of several.
struct Stored {
    kind: AnalysisType,
    draft: Draft,
    violations: usize,
    is_binary: bool,
    facets: Vec<FacetDetails>,
}

/// The monitors that have results below the folder of a run of several.
fn monitors(folder: &Path, history: &[EarlierRun]) -> Result<Vec<Stored>> {
    let mut monitors = Vec::new();
    for kind in AnalysisType::ALL {
        let folder = folder.join(kind.folder());
        let (mut is_binary, mut facets) = (false, Vec::new());
        let draft = match kind {
            AnalysisType::DataQuality => {
                Quality::read(&folder)?.map(|quality| super::draft_quality(&quality))
            }
            AnalysisType::ModelQuality => {
                let details = read::<QualityDetails>(&folder.join(performance::FILE))?;
                is_binary = details
                    .as_ref()
                    .is_some_and(|details| details.problem_type == ProblemType::BinaryClassification.name());
                details.map(|details| super::draft_performance(&details))
            }
            _ if !folder.join("analysis.json").exists() => None,
            _ => {
                let (findings, names) = findings(&folder)?;
                facets = findings.bias.iter().flat_map(|bias| bias.facets.clone()).collect();
                Some(super::draft(&findings, &names, history))
            }
        };
        let Some(draft) = draft else { continue };
        let violations = read::<Entries>(&folder.join("constraint_violations.json"))?;
        let violations = violations.map_or(0, |file| file.violations.len());
        monitors.push(Stored { kind, draft, violations, is_binary, facets });
    }
    Ok(monitors)
}

/// The entries of `constraint_violations.json`, of whatever monitor.
#[derive(Deserialize)]
struct Entries {
    violations: Vec<IgnoredAny>,
}

/// The report of a run of several. One that failed has left nothing, so it has no chapter.
fn of_several(monitors: &[Stored]) -> Draft {
    let chapters: Vec<Chapter<'_>> = monitors
        .iter()
        .map(|stored| Chapter {
            title: stored.kind.title(),
            folder: stored.kind.folder(),
            ended: Ended::Found { draft: &stored.draft, violations: stored.violations, failed: None },
        })
        .collect();
    let facets: Vec<FacetDetails> = match monitors.iter().any(|stored| stored.is_binary) {
        true => monitors.iter().flat_map(|stored| stored.facets.clone()).collect(),
        false => Vec::new(),
    };
    together(&chapters, &facets::by_facet(&facets))
}

fn findings(folder: &Path) -> Result<(Findings, ReportNames)> {
    let path = folder.join("analysis.json");
    let results: Results = read(&path)?.ok_or_else(|| {
        Problem::new(
            &codes::REPORT_NEEDS_RESULTS,
            "cannot make the reports again: there is no `analysis.json` and no details file of a monitor",
        )
        .file(folder)
        .hint("name the folder that an earlier run wrote its results to")
    })?;
    let violations: Option<Violations> = read(&folder.join("constraint_violations.json"))?;
    let violations = violations.map(|file| file.violations).unwrap_or_default();
    let bias: Option<BiasDetails> = read(&folder.join("bias_details.json"))?;
    let explanations: Option<ExplanationDetails> = read(&folder.join("explanations_details.json"))?;
    let configuration = bias
        .as_ref()
        .map(|bias| &bias.run.configuration)
        .or(explanations.as_ref().map(|details| &details.run.configuration));
    let names = names(configuration);
    let bias = bias.or_else(|| without_details(&results, &violations));
    Ok((Findings { results, violations, bias, explanations }, names))
}

/// The base name of the reports of a run of bias or attributions, by the details that it left in a folder; none where it
/// left none that can be read.
pub fn name_in(folder: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct Details {
        run: Run,
    }
    #[derive(Deserialize)]
    struct Run {
        configuration: Json,
    }
    let details = ["bias_details.json", "explanations_details.json"]
        .into_iter()
        .find_map(|name| read::<Details>(&folder.join(name)).ok().flatten())?;
    Some(names(Some(&details.run.configuration)).name)
}

fn names(configuration: Option<&Json>) -> ReportNames {
    let text = |key: &str| {
        let value = configuration?.get("methods")?.get("report")?.get(key)?.as_str()?;
        // A name is a file's: nothing that leads out of the folder.
        (!value.is_empty() && !value.contains(['/', '\0'])).then(|| value.to_owned())
    };
    ReportNames {
        name: text("name").unwrap_or_else(|| super::NAME.into()),
        title: text("title").unwrap_or_else(|| DEFAULT_TITLE.into()),
    }
}

/// What `analysis.json` alone tells, when a run of another program left no details.
fn without_details(results: &Results, violations: &[Violation]) -> Option<BiasDetails> {
    let first = results.post_training_bias_metrics.as_ref().or(results.pre_training_bias_metrics.as_ref())?;
    let mut facets = alone::facets(results);
    drift::mark(&mut facets, violations);
    Some(BiasDetails {
        run: RunDetails { kind: "Bias".into(), ..RunDetails::default() },
        label: first.label.clone(),
        label_value_or_threshold: first.label_value_or_threshold.clone(),
        group_variable: None,
        facets,
        check: None,
        selections: Vec::new(),
        left_out: Vec::new(),
        intersections: Vec::new(),
        segments: Vec::new(),
    })
}

/// Earlier runs below `folder`: each `.json` file that holds results, in order of path, which is
/// order of time where folders are named by it. `bias_details.json` beside an `analysis.json` gives its
/// intervals; whatever else lies there is passed over, and named in the log if it is damaged.
///
/// # Errors
/// The folder or a file in it cannot be read.
pub fn history(folder: &Path) -> Result<Vec<EarlierRun>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut runs = Vec::new();
    // Details are read with the results beside them.
    for path in files.into_iter().filter(|path| !path.ends_with("bias_details.json")) {
        let text = input::read(&path).map_err(|error| Problem::io("read", &path, error))?;
        let json = strict_json(&text);
        let Ok(results) = serde_json::from_slice::<Results>(&json) else {
            // Other files may lie there, but a damaged one is a window that is missed.
            if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&json) {
                tracing::warn!("{} of the history is not JSON and is skipped: {error}", path.display());
            }
            continue;
        };
        let empty = results.post_training_bias_metrics.is_none()
            && results.pre_training_bias_metrics.is_none()
            && results.explanations.is_none();
        if !empty {
            let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let name = name.strip_suffix("/analysis.json").map_or(name.clone(), str::to_owned);
            runs.push(EarlierRun { name, results, bias: details_beside(&path) });
        }
    }
    Ok(runs)
}

/// A run's details, where it left any; without them a trend has no intervals, and nothing else is lost.
fn details_beside(path: &Path) -> Option<BiasDetails> {
    if path.file_name()? != "analysis.json" {
        return None;
    }
    let details = read(&path.with_file_name("bias_details.json"));
    let details: Option<BiasDetails> = details.unwrap_or_else(|problem| {
        tracing::warn!("details of an earlier run are skipped: {problem}");
        None
    });
    // Of parts of the rows there are no trends, and there may be far more of them than groups.
    details.map(|details| BiasDetails { intersections: Vec::new(), segments: Vec::new(), ..details })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |error| Problem::io("list the folder", folder, error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}
