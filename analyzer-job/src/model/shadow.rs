//! An endpoint that the job makes from a model and deletes again.
//!
//! What may have been made is noted before each call that makes something, and deleted when the value
//! goes: after success, an error, a panic or a signal. The names are drawn at random, so what bears
//! them is ours. Beside it only what earlier jobs of ours left is deleted (`sweep`).

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plumbline_common::contract::Tree;
use plumbline_common::stop::{Held, Stop};
use plumbline_common::{Problem, Result, codes};
use serde_json::{Value as Json, json};

use super::removal::{self, Left, Made, Resource, and_left, is_missing};
use super::{Access, standing, sweep};
use crate::aws::jitter::Jitter;
use crate::aws::{Aws, CallError, Patience, SAGEMAKER};
use crate::config::ShadowEndpoint;
/// How soon the keeper of an endpoint notices that the job was asked to stop.
const STOP_TICK: Duration = Duration::from_millis(50);
/// Longest name of an endpoint.
const NAME_LENGTH: usize = 63;
const MAKE: Patience = Patience { one_try: Duration::from_secs(4), ..Patience::NORMAL };
/// An endpoint of the job's own and its configuration, or what there is of them so far.
#[derive(Debug)]
struct Shadow {
    aws: Aws,
    stop: Stop,
    /// Until everything is deleted.
    _held: Held,
    /// Where the exit message is written.
    tree: Option<Tree>,
    config_name: String,
    config: Made,
    endpoint_name: String,
    endpoint: Made,
}

/// An endpoint of the job's own, in service until nobody needs it: until `finish`, until the job is asked to
/// stop, or until this value goes. It is then deleted at once, whatever else the program is doing.
#[derive(Debug)]
pub(crate) struct Keeper {
    over: Sender<()>,
    removing: Option<JoinHandle<Vec<Left>>>,
}

/// Makes an endpoint and waits until it is in service; gives its name and its keeper. What earlier jobs left
/// is deleted first.
///
/// # Errors
/// `AWS_REFUSED`, `AWS_UNREACHABLE`, `ENDPOINT_NOT_IN_SERVICE`, `NO_MODEL` for a model of many
/// models without `target_model`, `STOPPED`. What was made by then is deleted, or named in the problem.
pub(crate) fn make(
    aws: &Aws,
    wanted: &ShadowEndpoint,
    has_target_model: bool,
    access: &Access,
    stop: &Stop,
    for_people: bool,
) -> Result<(String, Keeper)> {
    check_model(aws, wanted, has_target_model, stop)?;
    sweep::sweep(aws, access.job_name.as_deref(), stop)?;
    let mut tags = tags(aws, access, stop)?;
    let suffix = suffix();
    let mut shadow = Shadow {
        aws: aws.clone(),
        stop: stop.clone(),
        _held: stop.hold(),
        tree: access.tree.clone(),
        config_name: format!("{}-config-{suffix}", wanted.name_prefix),
        config: Made::No,
        endpoint_name: endpoint_name(&wanted.name_prefix, &wanted.model_name, &suffix),
        endpoint: Made::No,
    };
    match shadow.start(wanted, &mut tags, for_people) {
        Ok(()) => Ok((shadow.endpoint_name.clone(), Keeper::of(shadow))),
        Err(problem) => Err(and_left(problem, &shadow.clean())),
    }
}

impl Keeper {
    fn of(mut shadow: Shadow) -> Keeper {
        let (over, told) = mpsc::channel();
        let removing = thread::spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = told.recv_timeout(STOP_TICK) {
                if shadow.stop.requested() {
                    break;
                }
            }
            shadow.clean()
        });
        Keeper { over, removing: Some(removing) }
    }

    /// Begins to delete the endpoint.
    pub(crate) fn finish(&self) {
        // The keeper no longer listens once it deletes.
        let _ = self.over.send(());
    }

    /// Deletes the endpoint unless that is done; gives what stays.
    pub(crate) fn close(mut self) -> Vec<Left> {
        self.end()
    }

    fn end(&mut self) -> Vec<Left> {
        self.finish();
        match self.removing.take().map(JoinHandle::join) {
            Some(Ok(left)) => left,
            // The shadow deletes what it made also when its thread panics.
            Some(Err(_)) | None => Vec::new(),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        log_left(&self.end());
    }
}

fn log_left(left: &[Left]) {
    if let Some(text) = removal::left_text(left) {
        tracing::error!("{text}");
    }
}

impl Shadow {
    fn start(&mut self, wanted: &ShadowEndpoint, tags: &mut Vec<Json>, for_people: bool) -> Result<()> {
        tracing::info!("Spinning up shadow endpoint");
        self.make_config(wanted, tags)?;
        self.make_endpoint(tags)?;
        let began = Instant::now();
        standing::wait(&self.aws, &self.endpoint_name, &self.stop, for_people)?;
        tracing::info!("Endpoint is in service after {:.0} seconds", began.elapsed().as_secs_f64());
        Ok(())
    }

    fn make_config(&mut self, wanted: &ShadowEndpoint, tags: &mut Vec<Json>) -> Result<()> {
        tracing::info!("Creating endpoint-config with name {}", self.config_name);
        let mut variant = json!({
            "VariantName": "AllTraffic",
            "ModelName": wanted.model_name,
            "InstanceType": wanted.instance_type,
            "InitialInstanceCount": wanted.initial_instance_count,
            "InitialVariantWeight": 1.0,
        });
        if let Some(accelerator) = &wanted.accelerator_type {
            variant["AcceleratorType"] = json!(accelerator);
        }
        loop {
            self.stop.check()?;
            let body = with_tags(
                json!({"EndpointConfigName": self.config_name, "ProductionVariants": [variant]}),
                tags,
            );
            self.config = Made::Perhaps;
            let answer = self.create("CreateEndpointConfig", &body);
            self.config = made(&answer);
            match answer {
                Err(error)
                    if error.is_denied()
                        && self.config == Made::No
                        && !tags.is_empty()
                        && mentions_tags(&error) =>
                {
                    tracing::warn!("the role may not add tags (sagemaker:AddTags); the endpoint has none");
                    tags.clear();
                }
                answer => return self.settle(answer, self.config, "CreateEndpointConfig"),
            }
        }
    }

    fn make_endpoint(&mut self, tags: &[Json]) -> Result<()> {
        self.stop.check()?;
        tracing::info!("Creating endpoint: '{}'", self.endpoint_name);
        let body = with_tags(
            json!({"EndpointName": self.endpoint_name, "EndpointConfigName": self.config_name}),
            tags,
        );
        self.endpoint = Made::Perhaps;
        let answer = self.create("CreateEndpoint", &body);
        self.endpoint = made(&answer);
        self.settle(answer, self.endpoint, "CreateEndpoint")
    }

    fn create(&self, action: &str, body: &Json) -> std::result::Result<Json, CallError> {
        self.aws.runtime.block_on(self.aws.post_again(
            &SAGEMAKER,
            action,
            body,
            MAKE,
            Some(&self.stop),
            &|_| (),
        ))
    }

    /// What an answer to a creation means for the job; one that was not waited for means that the job was asked to stop.
    fn settle(&self, answer: std::result::Result<Json, CallError>, made: Made, action: &str) -> Result<()> {
        match answer {
            Ok(_) => Ok(()),
            Err(_) if made == Made::Yes => Ok(()),
            Err(error) => self.stop.check().and_then(|()| Err(error.into_problem(action))),
        }
    }

    /// Deletes what was made; gives what stays.
    fn clean(&mut self) -> Vec<Left> {
        let (config, endpoint) = (self.config, self.endpoint);
        (self.config, self.endpoint) = (Made::No, Made::No);
        if config == Made::No && endpoint == Made::No {
            return Vec::new();
        }
        tracing::info!("Stop using endpoint: {}", self.endpoint_name);
        if config != Made::No {
            tracing::info!("Deleting endpoint configuration with name: {}", self.config_name);
        }
        if endpoint != Made::No {
            tracing::info!("Deleting endpoint with name: {}", self.endpoint_name);
        }
        let (aws, refused) = (&self.aws, |left: &Left| self.say_before_a_kill(left));
        let (config, endpoint) = aws.runtime.block_on(async {
            tokio::join!(
                removal::delete(aws, Resource::Config, &self.config_name, config, &refused),
                removal::delete(aws, Resource::Endpoint, &self.endpoint_name, endpoint, &refused),
            )
        });
        let left: Vec<Left> = endpoint.into_iter().chain(config).collect();
        if !left.is_empty() {
            // The exit message must name it.
            self.stop.hold_to_the_end();
        }
        left
    }

    /// A job that was asked to stop and cannot delete its endpoint yet may be killed meanwhile: the exit message
    /// names what would stay.
    fn say_before_a_kill(&self, left: &Left) {
        let Some(tree) = self.tree.as_ref().filter(|tree| self.stop.requested() && tree.is_expected()) else {
            return;
        };
        if let Err(problem) = self.stop.check() {
            let problem = and_left(problem, std::slice::from_ref(left));
            // The message at the end of the job is written again, with a warning where that fails.
            let _ = tree.write_message(&format!("Stopped: {problem}"));
        }
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        log_left(&self.clean());
    }
}

/// What an answer to a creation tells about what is there.
fn made(answer: &std::result::Result<Json, CallError>) -> Made {
    match answer {
        Ok(_) => Made::Yes,
        // An earlier try had its effect and its answer was lost.
        Err(CallError::Refused { message, lost: true, .. }) if message.contains("already existing") => {
            Made::Yes
        }
        Err(CallError::Refused { lost: false, .. } | CallError::Unreachable(_)) => Made::No,
        Err(_) => Made::Perhaps,
    }
}

fn mentions_tags(error: &CallError) -> bool {
    matches!(error, CallError::Refused { message, .. } if message.contains("AddTags"))
}

fn with_tags(mut body: Json, tags: &[Json]) -> Json {
    if !tags.is_empty() {
        body["Tags"] = Json::from(tags.to_vec());
    }
    body
}

/// `1650297517-31f2`: seconds since 1970 and four random hexadecimal digits.
fn suffix() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    format!("{seconds}-{:04x}", Jitter::new().bits() & 0xffff)
}

fn endpoint_name(prefix: &str, model_name: &str, suffix: &str) -> String {
    let mut name = format!("{prefix}-{model_name}");
    name.truncate(name.floor_char_boundary(NAME_LENGTH - 1 - suffix.len()));
    format!("{name}-{suffix}")
}

/// Looks whether the model is there, before anything is made.
pub(super) fn check_model(
    aws: &Aws,
    wanted: &ShadowEndpoint,
    has_target_model: bool,
    stop: &Stop,
) -> Result<()> {
    let body = json!({"ModelName": wanted.model_name});
    let model = match aws.post(&SAGEMAKER, "DescribeModel", &body, Patience::NORMAL, Some(stop)) {
        Ok(model) => model,
        Err(error) if error.is_denied() => {
            tracing::warn!(
                "the role may not describe the model (sagemaker:DescribeModel); continuing without the check"
            );
            return Ok(());
        }
        Err(error) => {
            let problem = error.into_problem("DescribeModel");
            return Err(match problem.found_text() {
                Some(found) if is_missing(found) => {
                    let found = found.to_string();
                    Problem::new(&codes::AWS_REFUSED, format!("there is no model `{}`", wanted.model_name))
                        .field("predictor.model_name")
                        .found(found)
                        .hint("the name is that of CreateModel, in the region of the job")
                }
                _ => problem,
            });
        }
    };
    let several = model["PrimaryContainer"]["Mode"] == "MultiModel";
    if several && !has_target_model {
        return Err(Problem::new(&codes::NO_MODEL, "a multi-model endpoint needs `target_model`")
            .field("predictor.target_model")
            .expected("the file name of one of them"));
    }
    if let Some(subnets) = model["VpcConfig"]["Subnets"].as_array()
        && subnets.len() < 2
    {
        tracing::warn!(
            "the model's VPC configuration has fewer than two subnets: an endpoint needs two, in different zones"
        );
    }
    Ok(())
}

/// The tags of the job, for what it makes, and one that tells where it comes from.
fn tags(aws: &Aws, access: &Access, stop: &Stop) -> Result<Vec<Json>> {
    let mut tags = Vec::new();
    if let Some(arn) = access.job_arn.as_deref().filter(|arn| arn.starts_with("arn:")) {
        match aws.post(&SAGEMAKER, "ListTags", &json!({"ResourceArn": arn}), Patience::NORMAL, Some(stop)) {
            Ok(answer) => {
                let own = |tag: &&Json| tag["Key"].as_str().is_some_and(|key| !key.starts_with("aws:"));
                tags.extend(answer["Tags"].as_array().into_iter().flatten().filter(own).cloned());
            }
            Err(CallError::Problem(problem)) => return Err(problem),
            Err(error) => {
                let problem = error.into_problem("ListTags");
                tracing::debug!("the job's tags cannot be read, the endpoint has none: {problem}");
            }
        }
    }
    let text = access.job_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("analyzer-job");
    // The job may bear the tag of another one, which its copy must not pass on.
    tags.retain(|tag| tag["Key"] != sweep::TAG);
    tags.truncate(49);
    tags.push(json!({"Key": sweep::TAG, "Value": text}));
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoint_names_fill_63_characters_and_keep_their_suffix() {
        let suffix = "1650297517-f947";
        let name = endpoint_name("sm-clarify", "DEMO-clarify-model-18-04-2022-15-45-31", suffix);
        assert_eq!(name, "sm-clarify-DEMO-clarify-model-18-04-2022-15-45--1650297517-f947");
        assert_eq!(name.len(), NAME_LENGTH);
        assert_eq!(endpoint_name("p", "m", suffix), "p-m-1650297517-f947");
    }

    #[test]
    fn suffix_is_seconds_and_four_hexadecimal_digits() {
        let suffix = suffix();
        let (seconds, hex) = suffix.split_once('-').unwrap();
        assert!(seconds.len() == 10 && seconds.parse::<u64>().is_ok());
        assert!(hex.len() == 4 && u16::from_str_radix(hex, 16).is_ok());
    }

    #[test]
    fn lost_answers_count_as_perhaps_made() {
        let refused = |message: &str, lost| {
            Err(CallError::Refused { code: "ValidationException".into(), message: message.into(), lost })
        };
        assert_eq!(made(&refused("Cannot create already existing endpoint", true)), Made::Yes);
        assert_eq!(made(&refused("Cannot create already existing endpoint", false)), Made::No);
        assert_eq!(made(&refused("Rate exceeded", true)), Made::Perhaps);
        assert_eq!(made(&Err(CallError::Unanswered("reset".into()))), Made::Perhaps);
    }
}
