//! The one place that knows SageMaker Processing: paths, environment names, the job and resource
//! configuration files, the exit message.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::Deserialize;

use crate::addresses::hidden;
use crate::problem::visible;
use crate::{Problem, Result, codes, input};

/// Names of environment variables. Settings of the jobs keep the hosted services' names.
pub mod names {
    pub const BASE_DIR: &str = "SAGEMAKER_BASE_DIR";
    pub const LOG_LEVEL: &str = "log_level";
    pub const AWS_REGION: &str = "AWS_REGION";
    pub const AWS_DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";
    pub const AWS_ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";
    pub const AWS_ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
    pub const AWS_SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
}

/// An environment variable, absent when empty. With `variables` the only reader of the environment beside `clap`.
#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The environment variables whose names begin so, without empty ones.
pub fn variables(beginning: &str) -> Vec<(String, String)> {
    let texts = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    texts.filter(|(name, value)| name.starts_with(beginning) && !value.is_empty()).collect()
}

/// The folder tree of a processing job.
#[derive(Debug, Clone)]
pub struct Tree {
    base: PathBuf,
}

const STANDARD_BASE: &str = "/opt/ml";

impl Tree {
    /// The tree at `SAGEMAKER_BASE_DIR`, by default `/opt/ml`.
    pub fn from_environment() -> Tree {
        Tree::at(variable(names::BASE_DIR).unwrap_or_else(|| STANDARD_BASE.into()))
    }

    pub fn at(base: impl Into<PathBuf>) -> Tree {
        Tree { base: base.into() }
    }

    /// Whether anybody looks into this tree: it was named, or the standard one is there. On a laptop neither
    /// is the case, and a job leaves nothing outside of the folders that it was given.
    pub fn is_expected(&self) -> bool {
        self.base != Path::new(STANDARD_BASE) || self.base.is_dir()
    }

    /// A path as settings and configurations write it: `/opt/ml/...` means this tree.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        match path.strip_prefix(STANDARD_BASE) {
            Ok(rest) => self.base.join(rest),
            Err(_) => path.to_path_buf(),
        }
    }

    /// Below `processing/`: the only part of the tree that a job's inputs and outputs may use.
    pub fn processing(&self, path: &str) -> PathBuf {
        self.base.join("processing").join(path)
    }

    pub fn message_path(&self) -> PathBuf {
        self.base.join("output/message")
    }

    /// The file that the platform turns into CloudWatch metrics.
    pub fn cloudwatch_path(&self) -> PathBuf {
        self.base.join("output/metrics/cloudwatch/cloudwatch_metrics.jsonl")
    }

    /// Folder for scratch files, outside every output.
    pub fn scratch(&self) -> PathBuf {
        std::env::temp_dir()
    }

    /// Writes the exit message: one line of at most 1,000 bytes, cut on a character boundary.
    /// The platform shows it as `ExitMessage`. Failing to write it is only worth a warning.
    pub fn write_message(&self, message: &str) -> io::Result<()> {
        let path = self.message_path();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // Nothing waits for a reader where somebody has put a pipe.
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let mut file = options.custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
        file.write_all(message_line(&hidden(message)).as_bytes())
    }
}

const MESSAGE_BYTES: usize = 1000;

fn message_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    let line = visible(&words.join(" ")).into_owned();
    if line.len() <= MESSAGE_BYTES {
        return line;
    }
    let end = line.floor_char_boundary(MESSAGE_BYTES - "...".len());
    format!("{}...", &line[..end])
}

/// `processingjobconfig.json`, as far as the jobs use it. Absent parts are empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobConfig {
    #[serde(deserialize_with = "null_is_default")]
    pub processing_job_name: String,
    #[serde(deserialize_with = "null_is_default")]
    pub processing_job_arn: String,
    #[serde(deserialize_with = "null_is_default")]
    pub environment: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "null_is_default")]
    processing_inputs: Vec<RawInput>,
    #[serde(deserialize_with = "null_is_default")]
    processing_output_config: RawOutputs,
    /// Whether there was a configuration file: false on a laptop.
    #[serde(skip)]
    pub present: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawInput {
    #[serde(deserialize_with = "null_is_default")]
    input_name: String,
    s3_input: Option<RawPlace>,
    dataset_definition: Option<RawPlace>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawOutputs {
    #[serde(deserialize_with = "null_is_default")]
    outputs: Vec<RawOutput>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawOutput {
    #[serde(deserialize_with = "null_is_default")]
    output_name: String,
    s3_output: Option<RawPlace>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RawPlace {
    local_path: Option<String>,
    s3_uri: Option<String>,
    s3_data_distribution_type: Option<String>,
    s3_input_mode: Option<String>,
}

/// An input or output folder of the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    pub name: String,
    pub path: PathBuf,
    pub s3_uri: Option<String>,
    /// The host sees only its shard of the input.
    pub sharded: bool,
    /// The input is a named pipe, not files.
    pub piped: bool,
}

impl JobConfig {
    /// Reads the job configuration; absence is not an error.
    ///
    /// # Errors
    /// `JOB_CONFIG_UNREADABLE` when the file is there and is no JSON object of the known shape.
    pub fn load(tree: &Tree) -> Result<JobConfig> {
        let places =
            [tree.base.join("config/processingjobconfig.json"), tree.processing("processingjobconfig.json")];
        for path in places {
            let bytes = match input::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Problem::io("read the job configuration", &path, error)),
            };
            let mut config: JobConfig = serde_json::from_slice(&bytes).map_err(|error| {
                Problem::new(&codes::JOB_CONFIG_UNREADABLE, "cannot read the job configuration")
                    .file(&path)
                    .found(error.to_string())
                    .hint("the platform writes this file; a local run may leave it out")
            })?;
            config.present = true;
            return Ok(config);
        }
        Ok(JobConfig::default())
    }

    /// A setting from the job's `Environment` map, absent when empty.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.environment.get(name)?.as_deref().filter(|value| !value.is_empty())
    }

    pub fn inputs(&self, tree: &Tree) -> Vec<Mount> {
        let mount = |input: &RawInput| {
            let place = input.s3_input.as_ref().or(input.dataset_definition.as_ref())?;
            Some(Mount {
                name: input.input_name.clone(),
                path: tree.resolve(place.local_path.as_deref()?),
                s3_uri: place.s3_uri.clone(),
                sharded: place.s3_data_distribution_type.as_deref() == Some("ShardedByS3Key"),
                piped: place.s3_input_mode.as_deref() == Some("Pipe"),
            })
        };
        self.processing_inputs.iter().filter_map(mount).collect()
    }

    pub fn input(&self, tree: &Tree, name: &str) -> Option<Mount> {
        self.inputs(tree).into_iter().find(|mount| mount.name == name)
    }

    pub fn outputs(&self, tree: &Tree) -> Vec<Mount> {
        let mount = |output: &RawOutput| {
            let place = output.s3_output.as_ref()?;
            Some(Mount {
                name: output.output_name.clone(),
                path: tree.resolve(place.local_path.as_deref()?),
                s3_uri: place.s3_uri.clone(),
                sharded: false,
                piped: false,
            })
        };
        self.processing_output_config.outputs.iter().filter_map(mount).collect()
    }

    /// Region for AWS calls: environment, else the job's own ARN; none when nothing tells.
    pub fn region(&self) -> Option<String> {
        variable(names::AWS_REGION).or_else(|| variable(names::AWS_DEFAULT_REGION)).or_else(|| {
            let part = self.processing_job_arn.strip_prefix("arn:")?.split(':').nth(2)?;
            (!part.is_empty()).then(|| part.to_string())
        })
    }
}

/// `resourceconfig.json`: the hosts of the job. A single nameless host when there is no file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Hosts {
    #[serde(deserialize_with = "null_is_default")]
    pub current_host: String,
    #[serde(deserialize_with = "null_is_default")]
    pub hosts: Vec<String>,
}

impl Hosts {
    /// # Errors
    /// `JOB_CONFIG_UNREADABLE` when the file is there and cannot be parsed.
    pub fn load(tree: &Tree) -> Result<Hosts> {
        let path = tree.base.join("config/resourceconfig.json");
        match input::read(&path) {
            Ok(bytes) => Hosts::parse(&bytes).map_err(|found| {
                Problem::new(&codes::JOB_CONFIG_UNREADABLE, "cannot read the resource configuration")
                    .file(&path)
                    .found(found)
                    .expected(
                        "an object with `hosts`, the name of each host once, and `current_host`, one of them",
                    )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Hosts::default()),
            Err(error) => Err(Problem::io("read the resource configuration", &path, error)),
        }
    }

    /// A host that took itself for the only one, or for another, would do work that is not its own.
    fn parse(bytes: &[u8]) -> std::result::Result<Hosts, String> {
        // A struct can also be read from a list.
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let hosts: Hosts = serde_json::from_value(object.into()).map_err(|error| error.to_string())?;
        let twice = (1..hosts.hosts.len()).find(|&at| hosts.hosts[..at].contains(&hosts.hosts[at]));
        match twice {
            Some(at) => Err(format!("the host `{}` twice", hosts.hosts[at])),
            None if hosts.several() && !hosts.hosts.contains(&hosts.current_host) => {
                Err(format!("current_host `{}`, hosts {}", hosts.current_host, hosts.hosts.join(", ")))
            }
            None => Ok(hosts),
        }
    }

    pub fn several(&self) -> bool {
        self.hosts.len() > 1
    }

    /// The first host by name leads. The order of the list in the file is not defined.
    pub fn is_leader(&self) -> bool {
        self.hosts.iter().min().is_none_or(|first| *first == self.current_host)
    }
}

fn null_is_default<'de, D, T>(deserializer: D) -> std::result::Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The arguments of the process, the program's name first.
pub(crate) fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_one_line_cut_on_a_character_boundary() {
        assert_eq!(message_line("Error: a\n  b"), "Error: a b");
        assert_eq!(message_line("Completed: \u{1b}[2J"), "Completed: \\u{1b}[2J");
        let long = "é".repeat(800);
        let line = message_line(&long);
        assert!(line.len() <= MESSAGE_BYTES && line.ends_with("é..."));
    }

    #[test]
    fn job_configuration_bears_nulls_and_unknown_keys() {
        let text = r#"{"ProcessingJobArn": "arn:aws:sagemaker:eu-west-1:1:processing-job/j", "Environment": null,
            "ProcessingInputs": [{"InputName": "a", "AppManaged": false, "DatasetDefinition": null,
              "S3Input": {"LocalPath": "/opt/ml/processing/x", "S3Uri": "s3://b/k", "S3DataDistributionType": "ShardedByS3Key", "S3DownloadMode": "StartOfJob"}}],
            "ProcessingOutputConfig": {"Outputs": null, "KmsKeyId": null}, "Odd": 1}"#;
        let config: JobConfig = serde_json::from_str(text).unwrap();
        let tree = Tree::at("/base");
        let input = config.input(&tree, "a").unwrap();
        assert_eq!(input.path, Path::new("/base/processing/x"));
        assert!(input.sharded);
        assert!(config.outputs(&tree).is_empty());
    }

    #[test]
    fn leader_is_the_first_host_by_name() {
        let hosts = |current: &str| Hosts {
            current_host: current.into(),
            hosts: vec!["algo-2".into(), "algo-1".into()],
        };
        assert!(hosts("algo-1").is_leader());
        assert!(!hosts("algo-2").is_leader());
        assert!(Hosts::default().is_leader());
    }

    #[test]
    fn hosts_that_are_not_told_apart_are_no_configuration() {
        for text in [r#"{"current_host": "a", "hosts": ["b", "a"]}"#, r#"{"hosts": ["a"]}"#, "{}"] {
            assert!(Hosts::parse(text.as_bytes()).is_ok(), "{text}");
        }
        for (text, found) in [
            ("[]", "sequence"),
            (r#"["a", ["a", "b"]]"#, "sequence"),
            (r#"{"hosts": ["a", "b"]}"#, "current_host ``, hosts a, b"),
            (r#"{"current_host": "c", "hosts": ["a", "b"]}"#, "current_host `c`, hosts a, b"),
            (r#"{"current_host": "a", "hosts": ["a", "b", "a"]}"#, "the host `a` twice"),
            (r#"{"current_host": "a", "hosts": ["a", "a"]}"#, "the host `a` twice"),
        ] {
            let told = Hosts::parse(text.as_bytes()).unwrap_err();
            assert!(told.contains(found), "{text}: {told}");
        }
    }
}
