//! An endpoint as it stands in the account: whether it serves, and waiting until it does.

use std::time::{Duration, Instant};

use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};
use serde_json::json;

use super::removal::is_missing;
use crate::aws::http::short;
use crate::aws::{Aws, CallError, Patience, SAGEMAKER, pause};

/// Longest wait for an endpoint to come into service.
const WAIT_LIMIT: Duration = Duration::from_secs(3600);
/// Between two looks at an endpoint: grows from the first to the last.
const FIRST_POLL: Duration = Duration::from_secs(1);
const LAST_POLL: Duration = Duration::from_secs(15);
/// Between two log lines while waiting.
const BETWEEN_LINES: Duration = Duration::from_secs(30);

const LEGEND: &str =
    "OutOfService: x, Creating: -, Updating: -, InService: !, RollingBack: <, Deleting: o, Failed: *";

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
                "the role may not describe the endpoint (sagemaker:DescribeEndpoint); continuing without the check"
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

pub(super) struct State {
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
pub(super) fn wait(aws: &Aws, name: &str, stop: &Stop, for_people: bool) -> Result<State> {
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
