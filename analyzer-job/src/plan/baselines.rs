//! Which settings name a baseline, and of which monitors. Every baseline that is named is used, or told, or refused: a run that
//! checks nothing against it would look as if nothing had been found.

use std::path::{Path, PathBuf};

use plumbline_common::{Problem, Result, codes};

use crate::settings::{AnalysisType, Settings};

/// A setting that names a baseline.
struct Named<'a> {
    name: &'static str,
    path: Option<&'a Path>,
    /// The monitors that can use it.
    of: &'static [AnalysisType],
}

/// The setting for the baseline of one monitor.
pub(super) fn own_setting(settings: &Settings, kind: AnalysisType) -> (&'static str, Option<&PathBuf>) {
    let (name, path) = match kind {
        AnalysisType::DataQuality => ("data_quality_baseline", &settings.data_quality_baseline),
        AnalysisType::ModelQuality => ("model_quality_baseline", &settings.model_quality_baseline),
        AnalysisType::ModelBias => ("model_bias_baseline", &settings.model_bias_baseline),
        AnalysisType::ModelExplainability => {
            ("model_explainability_baseline", &settings.model_explainability_baseline)
        }
    };
    (name, path.as_ref())
}

fn all(settings: &Settings) -> impl Iterator<Item = Named<'_>> {
    use AnalysisType::{DataQuality, ModelBias, ModelExplainability, ModelQuality};
    let own = |kind: AnalysisType, of: &'static [AnalysisType]| {
        let (name, path) = own_setting(settings, kind);
        (name, path, of)
    };
    let named = [
        ("baseline_constraints", settings.baseline_constraints.as_ref(), &AnalysisType::ALL[..]),
        ("baseline_statistics", settings.baseline_statistics.as_ref(), &[DataQuality, ModelQuality]),
        ("baseline_profile", settings.baseline_profile.as_ref(), &[DataQuality]),
        own(DataQuality, &[DataQuality]),
        own(ModelQuality, &[ModelQuality]),
        own(ModelBias, &[ModelBias]),
        own(ModelExplainability, &[ModelExplainability]),
    ];
    named.into_iter().map(|(name, path, of)| Named { name, path: path.map(PathBuf::as_path), of })
}

/// What is said of the baselines that none of the monitors `kinds` can use. `without`: a setting that is of no use for another
/// reason, and this. `of_input`: the job has an input that is the baseline.
///
/// # Errors
/// `SETTING_INVALID`: such a baseline is the only one that is named.
pub(super) fn unused(
    settings: &Settings,
    kinds: &[AnalysisType],
    without: Option<(&str, &str)>,
    of_input: bool,
) -> Result<Vec<String>> {
    let given = all(settings).filter(|named| named.path.is_some());
    let is_used = |named: &Named<'_>| {
        named.of.iter().any(|kind| kinds.contains(kind)) && without.is_none_or(|(name, _)| name != named.name)
    };
    let (used, unused): (Vec<_>, Vec<_>) = given.partition(is_used);
    if let (true, false, Some(Named { name, path: Some(path), of })) =
        (used.is_empty(), of_input, unused.first())
    {
        let titles = |kinds: &[AnalysisType]| {
            kinds.iter().map(|kind| kind.title().to_lowercase()).collect::<Vec<_>>().join(" or ")
        };
        let found = match without {
            Some((of, why)) if of == *name => format!("{}: {why}", path.display()),
            _ => format!("{}, a baseline of {}, in a run of {}", path.display(), titles(of), titles(kinds)),
        };
        let own: Vec<String> =
            kinds.iter().map(|&kind| format!("`{}`", own_setting(settings, kind).0)).collect();
        return Err(Problem::new(
            &codes::SETTING_INVALID,
            "a baseline is named that this run does not use, and no other, so nothing would be checked",
        )
        .field(*name)
        .found(found)
        .expected(format!("`baseline_constraints` or {}", own.join(" or ")))
        .hint("name the monitor of the baseline in `analysis_type`, or leave the setting out to run without checks"));
    }
    let told = unused.iter().map(|named| match without {
        Some((name, why)) if name == named.name => format!("the setting `{name}` has no effect: {why}"),
        _ => {
            let of: Vec<&str> = named.of.iter().map(|kind| kind.name()).collect();
            format!(
                "the setting `{}` has no effect: it is for {}, which this run does not do",
                named.name,
                of.join(" and ")
            )
        }
    });
    Ok(told.collect())
}
