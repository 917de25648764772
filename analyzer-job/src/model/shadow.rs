//! An endpoint that the job makes from a model and deletes again.
//!
//! What may have been made is noted before each call that makes something, and deleted when the value
//! goes: after success, an error, a panic or a signal. The names are drawn at random, so what bears
//! them is ours, and nothing else is ever deleted.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};
use serde_json::{Value as Json, json};

use super::Access;
use crate::aws::http::short;
use crate::aws::jitter::Jitter;
use crate::aws::{Aws, CallError, Patience, SAGEMAKER, pause};
use crate::config::ShadowEndpoint;

/// Longest name of an endpoint.
const NAME_LENGTH: usize = 63;
/// Longest wait for an endpoint to come into service.
const WAIT_LIMIT: Duration = Duration::from_secs(3600);
/// Between two looks at an endpoint: grows from the first to the last.
const FIRST_POLL: Duration = Duration::from_secs(1);
const LAST_POLL: Duration = Duration::from_secs(15);
/// Between two log lines while waiting.
const BETWEEN_LINES: Duration = Duration::from_secs(30);
/// For deleting, when nothing presses, and once the job was asked to stop: it must be gone in 10 s,
/// of which a creation that is on its way may take `MAKE.one_try`.
const DELETE_TIME: Duration = Duration::from_secs(120);
const DELETE_TIME_STOPPED: Duration = Duration::from_secs(5);

const MAKE: Patience = Patience { one_try: Duration::from_secs(4), ..Patience::NORMAL };
const DELETE: Patience = Patience {
    in_all: DELETE_TIME,
    one_try: Duration::from_secs(3),
    pause: Duration::from_millis(100),
    pause_cap: Duration::from_secs(1),
};

const LEGEND: &str =
    "OutOfService: x, Creating: -, Updating: -, InService: !, RollingBack: <, Deleting: o, Failed: *";

/// Whether something stands in the account under our name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    No,
    /// The answer was lost.
    Perhaps,
    Yes,
}

/// An endpoint of the job's own, in service.
#[derive(Debug)]
pub(crate) struct Shadow {
    aws: Aws,
    stop: Stop,
    config_name: String,
    config: Made,
    endpoint_name: String,
    endpoint: Made,
}

impl Shadow {
    /// Makes the endpoint and waits until it is in service.
    ///
    /// # Errors
    /// `AWS_REFUSED`, `AWS_UNREACHABLE`, `ENDPOINT_NOT_IN_SERVICE`, `NO_MODEL` for a model of many
    /// models without `target_model`, `STOPPED`. What was made by then is deleted.
    pub(crate) fn make(
        aws: &Aws,
        wanted: &ShadowEndpoint,
        has_target_model: bool,
        access: &Access,
        stop: &Stop,
        for_people: bool,
    ) -> Result<Shadow> {
        check_model(aws, wanted, has_target_model, stop)?;
        let mut tags = tags(aws, access, stop)?;
        tracing::info!("Spinning up shadow endpoint");
        let suffix = suffix();
        let mut shadow = Shadow {
            aws: aws.clone(),
            stop: stop.clone(),
            config_name: format!("{}-config-{suffix}", wanted.name_prefix),
            config: Made::No,
            endpoint_name: endpoint_name(&wanted.name_prefix, &wanted.model_name, &suffix),
            endpoint: Made::No,
        };
        shadow.make_config(wanted, &mut tags)?;
        shadow.make_endpoint(&tags)?;
        let began = Instant::now();
        wait(aws, &shadow.endpoint_name, stop, for_people)?;
        tracing::info!("Endpoint is in service after {:.0} seconds", began.elapsed().as_secs_f64());
        Ok(shadow)
    }

    pub(crate) fn endpoint_name(&self) -> &str {
        &self.endpoint_name
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
                    tracing::warn!(
                        "the role may not add tags (sagemaker:AddTags); the endpoint goes without them"
                    );
                    tags.clear();
                }
                answer => return settle(answer, self.config, "CreateEndpointConfig"),
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
        settle(answer, self.endpoint, "CreateEndpoint")
    }

    fn create(&self, action: &str, body: &Json) -> std::result::Result<Json, CallError> {
        self.aws.runtime.block_on(self.aws.post_again(&SAGEMAKER, action, body, MAKE, Some(&self.stop)))
    }

    /// Deletes what was made.
    ///
    /// # Errors
    /// `AWS_REFUSED` or `AWS_UNREACHABLE`, with the name of what may be left.
    pub(crate) fn delete(mut self) -> Result<()> {
        self.clean()
    }

    fn clean(&mut self) -> Result<()> {
        let (config, endpoint) = (self.config, self.endpoint);
        (self.config, self.endpoint) = (Made::No, Made::No);
        if config == Made::No && endpoint == Made::No {
            return Ok(());
        }
        tracing::info!("Stop using endpoint: {}", self.endpoint_name);
        let shadow = &*self;
        let work = async {
            tokio::join!(
                shadow.delete_one("DeleteEndpointConfig", "EndpointConfigName", &shadow.config_name, config),
                shadow.delete_one("DeleteEndpoint", "EndpointName", &shadow.endpoint_name, endpoint),
            )
        };
        let (config, endpoint) = self.aws.runtime.block_on(async {
            tokio::select! {
                done = work => done,
                () = shadow.time_is_up() => {
                    let late = || Some(CallError::Unanswered("no answer in time".into()));
                    (late(), late())
                }
            }
        });
        let left = |error: CallError, what: &str, name: &str| {
            let problem = error.into_problem(&format!("Delete{what}"));
            Problem::new(
                problem.code(),
                format!("cannot delete what the job made: `{name}` may still be there"),
            )
            .found(problem.found_text().unwrap_or_default().to_string())
            .hint(match what {
                "Endpoint" => format!("aws sagemaker delete-endpoint --endpoint-name {name}"),
                _ => format!("aws sagemaker delete-endpoint-config --endpoint-config-name {name}"),
            })
        };
        if let Some(error) = endpoint {
            return Err(left(error, "Endpoint", &self.endpoint_name));
        }
        match config {
            Some(error) => Err(left(error, "EndpointConfig", &self.config_name)),
            None => Ok(()),
        }
    }

    /// Ends when deleting has had its time, which is short once the job was asked to stop.
    async fn time_is_up(&self) {
        let began = Instant::now();
        let mut stopped: Option<Instant> = None;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if self.stop.requested() {
                stopped.get_or_insert_with(Instant::now);
            }
            if began.elapsed() > DELETE_TIME
                || stopped.is_some_and(|since| since.elapsed() > DELETE_TIME_STOPPED)
            {
                return;
            }
        }
    }

    /// Gives what went wrong, if it did.
    async fn delete_one(&self, action: &str, field: &str, name: &str, made: Made) -> Option<CallError> {
        if made == Made::No {
            return None;
        }
        match action {
            "DeleteEndpoint" => tracing::info!("Deleting endpoint with name: {name}"),
            _ => tracing::info!("Deleting endpoint configuration with name: {name}"),
        }
        let began = Instant::now();
        // A creation whose answer was lost may still be on its way when we look first.
        let mut looks_left = if made == Made::Perhaps { 2 } else { 0 };
        loop {
            let answer = self.aws.post_again(&SAGEMAKER, action, &json!({field: name}), DELETE, None).await;
            let error = match answer {
                Ok(_) => return None,
                Err(error) => error,
            };
            let again = match &error {
                CallError::Refused { message, .. } if is_missing(message) => {
                    if looks_left == 0 {
                        return None;
                    }
                    looks_left -= 1;
                    true
                }
                // An endpoint that is being created cannot be deleted yet.
                CallError::Refused { message, .. } => {
                    message.contains("in-progress") || message.contains("in progress")
                }
                _ => false,
            };
            if !again || began.elapsed() > DELETE_TIME {
                return Some(error);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        if let Err(problem) = self.clean() {
            plumbline_common::log::problem(&problem);
        }
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

fn settle(answer: std::result::Result<Json, CallError>, made: Made, action: &str) -> Result<()> {
    match answer {
        Ok(_) => Ok(()),
        Err(_) if made == Made::Yes => Ok(()),
        Err(error) => Err(error.into_problem(action)),
    }
}

fn mentions_tags(error: &CallError) -> bool {
    matches!(error, CallError::Refused { message, .. } if message.contains("AddTags"))
}

fn is_missing(message: &str) -> bool {
    message.contains("Could not find")
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
fn check_model(aws: &Aws, wanted: &ShadowEndpoint, has_target_model: bool, stop: &Stop) -> Result<()> {
    let body = json!({"ModelName": wanted.model_name});
    let model = match aws.post(&SAGEMAKER, "DescribeModel", &body, Patience::NORMAL, Some(stop)) {
        Ok(model) => model,
        Err(error) if error.is_denied() => {
            tracing::warn!("the role may not look at the model (sagemaker:DescribeModel); going on without");
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
        return Err(Problem::new(
            &codes::NO_MODEL,
            "the model holds many models, and nothing tells which to ask",
        )
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
                tracing::debug!("the job's tags cannot be read, the endpoint goes without them: {problem}");
            }
        }
    }
    let text = access.job_name.as_deref().filter(|name| !name.is_empty()).unwrap_or("analyzer-job");
    let key = "made-for-processing-job";
    if tags.iter().all(|tag| tag["Key"] != key) && tags.len() < 50 {
        tags.push(json!({"Key": key, "Value": text}));
    }
    Ok(tags)
}

/// Checks an endpoint that is there, waits if it is just being made, and gives its number of instances.
///
/// # Errors
/// `AWS_REFUSED` when there is none, `ENDPOINT_NOT_IN_SERVICE`, `STOPPED`.
pub(crate) fn existing(aws: &Aws, name: &str, stop: &Stop) -> Result<usize> {
    tracing::info!("Using endpoint {name}");
    match describe(aws, name, stop) {
        Ok(state) if state.serves() => Ok(state.instances),
        Ok(state) if state.status == "Creating" => wait(aws, name, stop, false).map(|state| state.instances),
        Ok(state) => Err(state.problem(name)),
        Err(error) if error.is_denied() => {
            tracing::warn!(
                "the role may not look at the endpoint (sagemaker:DescribeEndpoint); going on without"
            );
            Ok(1)
        }
        Err(CallError::Refused { message, .. }) if is_missing(&message) => {
            Err(Problem::new(&codes::AWS_REFUSED, format!("there is no endpoint `{name}`"))
                .field("predictor.endpoint_name")
                .found(short(&message)))
        }
        Err(error) => Err(error.into_problem("DescribeEndpoint")),
    }
}

struct State {
    status: String,
    reason: Option<String>,
    instances: usize,
}

impl State {
    fn serves(&self) -> bool {
        matches!(self.status.as_str(), "InService" | "Updating" | "SystemUpdating" | "RollingBack")
    }

    fn problem(&self, name: &str) -> Problem {
        let found = match &self.reason {
            Some(reason) => format!("{}: {}", self.status, short(reason)),
            None => self.status.clone(),
        };
        Problem::new(&codes::ENDPOINT_NOT_IN_SERVICE, format!("the endpoint `{name}` is not in service"))
            .found(found)
            .expected("InService")
            .hint("see the log group /aws/sagemaker/Endpoints of the endpoint")
    }
}

fn describe(aws: &Aws, name: &str, stop: &Stop) -> std::result::Result<State, CallError> {
    let body = json!({"EndpointName": name});
    let answer = aws.post(&SAGEMAKER, "DescribeEndpoint", &body, Patience::NORMAL, Some(stop))?;
    let variants = answer["ProductionVariants"].as_array();
    let instances: u64 =
        variants.into_iter().flatten().filter_map(|variant| variant["CurrentInstanceCount"].as_u64()).sum();
    Ok(State {
        status: answer["EndpointStatus"].as_str().unwrap_or_default().to_string(),
        reason: answer["FailureReason"].as_str().map(str::to_string),
        instances: usize::try_from(instances).unwrap_or(1).max(1),
    })
}

/// Waits until an endpoint serves.
fn wait(aws: &Aws, name: &str, stop: &Stop, for_people: bool) -> Result<State> {
    tracing::info!("Waiting for endpoint {name}");
    let began = Instant::now();
    let mut told = began;
    let mut poll = FIRST_POLL;
    // A new endpoint may take a moment to be known everywhere.
    let mut unknown_left = 3;
    loop {
        match describe(aws, name, stop) {
            Ok(state) if state.serves() => return Ok(state),
            Ok(state) if state.status != "Creating" => return Err(state.problem(name)),
            Ok(_) => {}
            Err(CallError::Refused { message, .. }) if is_missing(&message) && unknown_left > 0 => {
                unknown_left -= 1;
            }
            Err(error) => return Err(error.into_problem("DescribeEndpoint")),
        }
        if began.elapsed() > WAIT_LIMIT {
            let state = State { status: "Creating".into(), reason: None, instances: 1 };
            return Err(state.problem(name).hint("an endpoint takes some minutes; this one took an hour"));
        }
        if told.elapsed() > BETWEEN_LINES || told == began {
            told = Instant::now();
            let seconds = began.elapsed().as_secs();
            let legend = if for_people { String::new() } else { format!(" ({LEGEND})") };
            tracing::info!(seconds, "- Creating, {seconds} seconds{legend}");
        }
        pause(&aws.runtime, stop, poll)?;
        poll = poll.mul_f64(1.5).min(LAST_POLL);
    }
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
