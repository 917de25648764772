//! The end of a monitor: its results get their names, files of an earlier run go, its metrics are published.

use std::path::{Path, PathBuf};

use plumbline_common::{Problem, Result, log, output};

use crate::monitor::script::Script;
use crate::publish::cloudwatch::Metric;
use crate::report::Draft;
use crate::results::details::FacetDetails;
use crate::settings::Settings;
use crate::stages::earlier;

/// What a monitor found, complete and not yet visible.
pub(crate) struct Done {
    pub(crate) files: output::Results,
    /// The folder of the results.
    pub(crate) output: PathBuf,
    /// Files that the run was given, such as a baseline in the folder of the results: they stay.
    pub(crate) given: Vec<PathBuf>,
    /// The report, for a report of several monitors.
    pub(crate) draft: Draft,
    pub(crate) message: Message,
    /// The groups of a bias analysis.
    pub(crate) facets: Vec<FacetDetails>,
    /// Empty when nothing is published.
    pub(crate) metrics: Vec<Metric>,
    /// Runs once the results are written.
    pub(crate) at_end: Option<Script>,
    /// What went wrong although there are results: they are written first.
    pub(crate) failed: Option<Problem>,
}

/// How a monitor ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// `remarks`: sentences, each with a blank before it.
    Judged { violations: usize, remarks: String },
    /// There was nothing to judge, for this reason.
    NotJudged(String),
}

impl Message {
    pub(crate) fn violations(&self) -> usize {
        match self {
            Message::Judged { violations, .. } => *violations,
            Message::NotJudged(_) => 0,
        }
    }

    /// The exit message of a run of this monitor.
    pub(crate) fn text(&self) -> String {
        match self {
            Message::Judged { violations, remarks } => format!("{}{remarks}", sentence(*violations)),
            Message::NotJudged(reason) => format!("Completed: {reason}"),
        }
    }
}

/// What the exit message of bias and attributions says of a run of a monitoring schedule that is held against nothing: it must not
/// look as if nothing had been found. Those of the quality monitors are the hosted service's own. `baselines`: whether there is one.
pub(crate) fn nothing_checked(settings: &Settings, baselines: bool) -> &'static str {
    match settings.sagemaker_monitoring_schedule_name {
        Some(_) if !baselines => " Nothing is checked: no baseline is given.",
        _ => "",
    }
}

/// The fixed first sentence of an exit message.
pub(crate) fn sentence(violations: usize) -> String {
    match violations {
        0 => "Completed: Job completed successfully with no violations.".into(),
        n => format!("CompletedWithViolations: Job completed successfully with {n} violations."),
    }
}

/// The end of a run whose results are written, together with that of the script that ran last: what failed before the script
/// is what the run says.
pub(crate) fn with_last_script(ended: Result<String>, script: Result<()>) -> Result<String> {
    match (ended, script) {
        (Ok(message), script) => script.map(|()| message),
        (Err(problem), script) => {
            if let Err(also) = script {
                log::problem(&also);
            }
            Err(problem)
        }
    }
}

impl Done {
    /// Problems with the baseline, told of the setting that named it.
    ///
    /// # Errors
    /// That of `done`.
    pub(crate) fn told(done: Result<Done>, settings: &Settings) -> Result<Done> {
        let names = &settings.baseline_names;
        let done = names.told(done)?;
        Ok(Done { failed: done.failed.map(|problem| names.of(problem)), ..done })
    }

    /// Gives the results their names, and removes what an earlier run left beside them. It looks at no stop flag: the
    /// results of a run come all or none, also those of several monitors.
    ///
    /// # Errors
    /// `FILE_OPERATION_FAILED`.
    pub(crate) fn write(&mut self) -> Result<()> {
        self.write_untold()?;
        self.tell_place();
        Ok(())
    }

    /// The same in a folder that nobody is to look into.
    ///
    /// # Errors
    /// As `write`.
    pub(crate) fn write_untold(&mut self) -> Result<()> {
        let (files, reports) = self.take_files();
        let written = files.publish_below(&self.output)?;
        self.remove_earlier(&reports, &written)
    }

    /// Takes the results, to be given their names with those of others, and the base names of reports of an earlier run.
    pub(crate) fn take_files(&mut self) -> (output::Results, Vec<String>) {
        (std::mem::take(&mut self.files), earlier::report_names(&self.output))
    }

    /// Removes what an earlier run left beside the results, which have their names.
    ///
    /// # Errors
    /// `FILE_OPERATION_FAILED`.
    pub(crate) fn remove_earlier(&self, reports: &[String], written: &[PathBuf]) -> Result<()> {
        let given: Vec<&Path> = self.given.iter().map(PathBuf::as_path).collect();
        earlier::remove(&self.output, reports, written, &given, &[])
    }

    pub(crate) fn tell_place(&self) {
        tracing::info!("results and reports are in {}", self.output.display());
    }
}

/// What the exit message says where more than half of the records cannot be used: what is said of the others speaks of few.
pub(crate) fn most_unusable(bad: u64, records: u64) -> String {
    match bad > records / 2 {
        true => format!(" Warning: {bad} of {records} records cannot be used and are left out."),
        false => String::new(),
    }
}

#[cfg(test)]
impl Done {
    /// Without files and violations.
    pub(crate) fn clean() -> Done {
        Done {
            files: output::Results::default(),
            output: PathBuf::new(),
            given: Vec::new(),
            draft: Draft::empty(),
            message: Message::Judged { violations: 0, remarks: String::new() },
            facets: Vec::new(),
            metrics: Vec::new(),
            at_end: None,
            failed: None,
        }
    }
}
