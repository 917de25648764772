//! The names of the columns of captured requests, for a monitor that needs no more of an analysis configuration.

use std::path::PathBuf;

use plumbline_common::input;
use plumbline_common::job::Job;

use super::{CONFIG_NAME, config_place, config_source};
use crate::config::{Location, check};
use crate::settings::{AnalysisType, Settings};

/// What a configuration says of the columns.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) headers: Option<Vec<String>>,
    pub(crate) label: Option<Location>,
    /// Why a configuration that is there says nothing.
    pub(crate) warning: Option<String>,
}

/// The columns by the configuration that `analysis_config` names or that stands at its default place, else by that of the bias or
/// explainability monitor in the same folder. Other monitors check it.
pub(crate) fn columns(job: &Job, settings: &Settings) -> Columns {
    let folder = config_source(job, settings);
    let of_others = [AnalysisType::ModelBias, AnalysisType::ModelExplainability];
    let mut places: Vec<PathBuf> = vec![config_place(job, settings)];
    places.extend(of_others.map(|kind| folder.join(kind.folder()).join(CONFIG_NAME)));
    let Some(path) = places.into_iter().find(|path| path.is_file()) else { return Columns::default() };
    let text = input::read(&path).map_err(|error| error.to_string());
    match text.and_then(|text| check::columns(&text)) {
        Ok((headers, label)) => Columns { headers, label, warning: None },
        Err(why) => {
            let told = "it is not known whether requests have header rows of its names";
            let warning =
                format!("{}: the analysis configuration cannot be read ({why}): {told}", path.display());
            Columns { warning: Some(warning), ..Columns::default() }
        }
    }
}
