//! The settings of the merge, and the folders it takes when none are given.

use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::{Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use plumbline_common::contract::{Mount, Tree};
use plumbline_common::settings::EXIT_CODES;
use plumbline_common::{Problem, Result, codes, moment};

/// How the summary is called in a folder.
pub const SUMMARY_NAME: &str = "merge_summary.json";

const AFTER: &str = "\
Examples:
  merge-job validate --dataset-source captures --ground-truth-source labels --output-path merged
  merge-job --dataset-source captures --ground-truth-source labels --output-path merged

";

/// Joins captured requests with ground truth that arrived later.
///
/// Reads the JSON Lines that SageMaker endpoints and batch transforms capture, finds the label of each record by its
/// inference id (or its event id, if it was sent without one), and writes merged records, one folder for each
/// folder of captures. Records without a partner are counted, with the reason.
///
/// Every setting is an argument, an environment variable, or an entry in the Environment of the processing
/// job, in this order of precedence; the variable of --dataset-source is dataset_source. Paths below /opt/ml mean
/// the folder named by SAGEMAKER_BASE_DIR, if it is set.
#[derive(Debug, Clone, Parser)]
#[command(name = "merge-job", version = plumbline_common::VERSION, args_override_self = true,
          after_long_help = format!("{AFTER}{EXIT_CODES}"))]
pub struct Settings {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Folder with the captured requests and all its subfolders; the output has the same subfolders.
    ///
    /// Default: the first of /opt/ml/processing/input/endpoint and /opt/ml/processing/input_data that is an input
    /// of the job, else the first that exists and is not empty.
    #[arg(long, env = "dataset_source", value_name = "FOLDER", global = true)]
    pub dataset_source: Option<PathBuf>,

    /// Folder with the ground truth and all its subfolders.
    ///
    /// Default: the first of /opt/ml/processing/input/groundtruth and /opt/ml/processing/groundtruth that is an
    /// input of the job, else the first that exists and is not empty.
    #[arg(long, env = "ground_truth_source", value_name = "FOLDER", global = true)]
    pub ground_truth_source: Option<PathBuf>,

    /// Folder for the merged records.
    #[arg(
        long,
        env = "output_path",
        value_name = "FOLDER",
        global = true,
        default_value = "/opt/ml/processing/output"
    )]
    pub output_path: PathBuf,

    /// Leave out captures whose inferenceTime is earlier: a time, or an offset from now such as -PT6H.
    #[arg(long, env = "start_time", value_name = "TIME", global = true, allow_hyphen_values = true)]
    pub start_time: Option<String>,

    /// Leave out captures whose inferenceTime is this or later: a time, or an offset such as -PT0H.
    #[arg(long, env = "end_time", value_name = "TIME", global = true, allow_hyphen_values = true)]
    pub end_time: Option<String>,

    /// Set in jobs that a monitoring schedule starts: the mounted folders then define the window. Captures outside
    /// start_time and end_time are counted, but not left out.
    #[arg(long, env = "monitoring_input_type", value_name = "TYPE", global = true)]
    pub monitoring_input_type: Option<String>,

    /// What to do if no capture has a label, or there are no captures.
    #[arg(long, env = "on_no_match", value_enum, default_value = "fail", global = true)]
    pub on_no_match: OnNoMatch,

    /// What to do with a record that cannot be used.
    #[arg(long, env = "on_bad_record", value_enum, default_value = "skip", global = true)]
    pub on_bad_record: OnBadRecord,

    /// Fail if more than this share of the records of one side cannot be used.
    #[arg(long, env = "max_bad_fraction", value_name = "SHARE", default_value = "0.5", global = true,
          value_parser = share)]
    pub max_bad_fraction: f64,

    /// Which label to use if one id has different ones. Equal labels are always used once.
    #[arg(long, env = "duplicate_ground_truth", value_enum, default_value = "last", global = true)]
    pub duplicate_ground_truth: DuplicateGroundTruth,

    /// Keep every copy of a capture that was delivered twice (equal eventId and inferenceId), not only the first.
    #[arg(long, env = "keep_duplicate_captures", value_name = "true|false", default_value = "false",
          value_parser = BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", global = true)]
    pub keep_duplicate_captures: bool,

    /// File for the summary, or a folder for a file merge_summary.json.
    ///
    /// Default: /opt/ml/output/merge_summary.json, beside the exit message and outside every uploaded output.
    #[arg(long, env = "summary_path", value_name = "PATH", global = true)]
    pub summary_path: Option<PathBuf>,

    /// Memory that the job may use, such as 512m or 4g. Ids and labels that do not fit go to scratch files.
    ///
    /// Default: the limit of the container, else the memory of the machine.
    #[arg(long, env = "memory_limit", value_name = "BYTES", value_parser = bytes, global = true)]
    pub memory_limit: Option<u64>,

    /// Existing folder for scratch files. They are needed if labels and ids do not fit in memory, if the file system of
    /// the output does not support files without a name, and while earlier results are replaced. Default: the system's
    /// folder for temporary files.
    #[arg(long, env = "scratch_path", value_name = "FOLDER", global = true)]
    pub scratch_path: Option<PathBuf>,

    /// Number of threads; the result is the same for any number. Default: one for each processor, at most 8.
    #[arg(long, env = "threads", value_name = "NUMBER", global = true, value_parser = threads)]
    pub threads: Option<usize>,

    /// How much is logged: error, warn, info, debug. Default: info.
    #[arg(long, env = "log_level", value_name = "LEVEL", value_parser = plumbline_common::log::LEVELS,
          ignore_case = true, global = true)]
    pub log_level: Option<String>,
}

/// What to do instead of merging.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Command {
    /// Check the settings and the first records of each side, show what was found and what share would match;
    /// write nothing.
    Validate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnNoMatch {
    /// The job fails with exit code 2.
    Fail,
    /// The job succeeds and writes no file.
    Succeed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnBadRecord {
    /// The record is left out and counted.
    Skip,
    /// The job fails and names the record.
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DuplicateGroundTruth {
    /// The one of the latest hour folder counts (labels outside of one are the earliest); in an hour by path, then
    /// line.
    Last,
    /// The one of the earliest hour folder counts.
    First,
    /// The job fails.
    Fail,
    /// Each label makes a merged record.
    All,
}

fn threads(text: &str) -> std::result::Result<usize, String> {
    Ok(plumbline_common::settings::whole_number(text, 1, 256)? as usize)
}

fn share(text: &str) -> std::result::Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("a number from 0 to 1".to_string())
}

/// A number of bytes, with `k`, `m`, `g` for powers of 1,024.
fn bytes(text: &str) -> std::result::Result<u64, String> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_suffix('b').unwrap_or(&text);
    let text = text.strip_suffix('i').unwrap_or(text);
    let (number, factor) = match text.as_bytes().last() {
        Some(b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'm') => (&text[..text.len() - 1], 1 << 20),
        Some(b'g') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let expected = || "a number of bytes such as 512m or 4g".to_string();
    number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(expected)
}

/// The time window of the captures, start in, end out; seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    pub start: Option<i64>,
    pub end: Option<i64>,
    /// Captures outside are left out, not only counted.
    pub filters: bool,
}

impl Settings {
    /// The window of the captures.
    ///
    /// # Errors
    /// A time cannot be read, or the window ends before it starts.
    pub fn window(&self, now: Timestamp) -> Result<Window> {
        let read = |name: &str, text: &Option<String>| -> Result<Option<i64>> {
            let Some(text) = text else { return Ok(None) };
            let moment = moment::parse(text, now).map_err(|expected| {
                Problem::new(&codes::SETTING_INVALID, "cannot read the job's settings")
                    .field(name)
                    .found(if text.is_empty() { "no value".into() } else { format!("`{text}`") })
                    .expected(expected)
            })?;
            Ok(Some(moment.as_second() + i64::from(moment.subsec_nanosecond() > 0)))
        };
        let (start, end) = (read("start_time", &self.start_time)?, read("end_time", &self.end_time)?);
        if let (Some(start), Some(end)) = (start, end)
            && start >= end
        {
            return Err(Problem::new(&codes::SETTING_INVALID, "the time window is empty")
                .field("end_time")
                .found(format!("`{}`", self.end_time.as_deref().unwrap_or_default()))
                .expected("a time after `start_time`"));
        }
        let filters = self.monitoring_input_type.is_none() && (start.is_some() || end.is_some());
        Ok(Window { start, end, filters })
    }

    /// The file for the summary, if one is named.
    pub fn summary_path(&self, tree: &Tree) -> Option<PathBuf> {
        let path = self.summary_path.as_ref()?;
        let file = tree.resolve(path);
        let is_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/") || file.is_dir();
        Some(if is_folder { file.join(SUMMARY_NAME) } else { file })
    }

    /// The folder of the captures.
    pub fn captures(&self, tree: &Tree, inputs: &[Mount]) -> PathBuf {
        chosen(&self.dataset_source, tree, inputs, ["input/endpoint", "input_data"])
    }

    /// The folder of the ground truth.
    pub fn ground_truth(&self, tree: &Tree, inputs: &[Mount]) -> PathBuf {
        chosen(&self.ground_truth_source, tree, inputs, ["input/groundtruth", "groundtruth"])
    }
}

/// The folder that was set, else the first of the usual ones that is an input of the job: a host whose shard is empty
/// must choose as the others do. Without a job's configuration, the first that holds something, else the first that is
/// there, else the last.
fn chosen(set: &Option<PathBuf>, tree: &Tree, inputs: &[Mount], usual: [&str; 2]) -> PathBuf {
    if let Some(path) = set {
        return tree.resolve(path);
    }
    let holds_something =
        |path: &Path| std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    let [first, second] = usual.map(|path| tree.processing(path));
    let is_input = |path: &Path| inputs.iter().any(|mount| mount.path.starts_with(path));
    for is_chosen in [&is_input as &dyn Fn(&Path) -> bool, &holds_something, &Path::is_dir] {
        match (is_chosen(&first), is_chosen(&second)) {
            (true, _) => return first,
            (false, true) => return second,
            (false, false) => {}
        }
    }
    second
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_setting_has_a_variable_of_its_own_name() {
        let mut command = Settings::command();
        command.build();
        for argument in command.get_arguments().filter(|argument| argument.get_long().is_some()) {
            let long = argument.get_long().unwrap_or_default();
            if !["help", "version"].contains(&long) {
                assert_eq!(argument.get_env().unwrap().to_str().unwrap(), long.replace('-', "_"));
            }
        }
    }

    #[test]
    fn bytes_have_units() {
        for (text, expected) in
            [("1", 1), ("2k", 2048), ("3M", 3 << 20), ("4GiB", 4 << 30), ("5 mb", 5 << 20)]
        {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        assert!(["", "x", "-1", "1t", "99999999999g"].iter().all(|text| bytes(text).is_err()));
    }

    #[test]
    fn window_is_only_counted_in_jobs_of_a_schedule() {
        let now = "2024-01-19T18:00:00Z".parse().unwrap();
        let settings = |arguments: &[&str]| Settings::parse_from([&["merge-job"], arguments].concat());
        let window =
            settings(&["--start-time", "-PT6H", "--end-time=2024-01-19T18:00:00Z"]).window(now).unwrap();
        let expected = |text: &str| Some(text.parse::<Timestamp>().unwrap().as_second());
        assert_eq!(window.start, expected("2024-01-19T12:00:00Z"));
        assert_eq!(window.end, expected("2024-01-19T18:00:00Z"));
        assert!(window.filters);
        let scheduled = ["--start-time=-PT6H", "--monitoring-input-type=ENDPOINT_INPUT"];
        assert!(!settings(&scheduled).window(now).unwrap().filters);
        assert_eq!(settings(&[]).window(now).unwrap(), Window::default());
        for bad in [["--start-time=soon"].as_slice(), &["--start-time=-PT0H", "--end-time=-PT1H"]] {
            assert!(settings(bad).window(now).is_err());
        }
    }
}
