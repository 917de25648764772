//! Deleting endpoints and their configurations, and what is said when one stays.

use std::time::{Duration, Instant};

use plumbline_common::Problem;
use serde_json::json;

use crate::aws::{Aws, CallError, Patience, SAGEMAKER};

/// How long a deletion is tried again while AWS does not answer or throttles.
const DELETE_TIME: Duration = Duration::from_secs(120);
/// Between two tries while AWS refuses because an endpoint is still being created.
const BETWEEN_TRIES: Duration = Duration::from_millis(700);

const DELETE: Patience = Patience {
    in_all: DELETE_TIME,
    one_try: Duration::from_secs(3),
    pause: Duration::from_millis(100),
    pause_cap: Duration::from_secs(1),
};

/// What a job makes in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    Endpoint,
    Config,
}

impl Resource {
    /// As it stands in the names of actions and fields: `Delete...`, `...Name`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Resource::Endpoint => "Endpoint",
            Resource::Config => "EndpointConfig",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Resource::Endpoint => "endpoint",
            Resource::Config => "endpoint configuration",
        }
    }
}

/// Whether something stands in the account under our name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    No,
    /// The answer was lost.
    Perhaps,
    Yes,
}

/// Something that the job made and could not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub resource: Resource,
    pub name: String,
    /// What AWS said, or that it did not answer.
    pub why: String,
}

impl Left {
    /// The command that removes it.
    pub fn command(&self) -> String {
        match self.resource {
            Resource::Endpoint => format!("aws sagemaker delete-endpoint --endpoint-name {}", self.name),
            Resource::Config => {
                format!("aws sagemaker delete-endpoint-config --endpoint-config-name {}", self.name)
            }
        }
    }
}

/// One sentence for all that is left, with the commands; `None` for nothing.
pub fn left_text(left: &[Left]) -> Option<String> {
    let texts: Vec<String> = left
        .iter()
        .map(|left| {
            let noun = left.resource.noun();
            format!("the {noun} `{}` could not be deleted: {} ({})", left.name, left.command(), left.why)
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// A problem that also says what is left in the account: before its own hint, so that a cut message keeps it.
pub fn and_left(problem: Problem, left: &[Left]) -> Problem {
    match (left_text(left), problem.hint_text().map(str::to_string)) {
        (None, _) => problem,
        (Some(text), None) => problem.hint(text),
        (Some(text), Some(hint)) => problem.hint(format!("{text}; {hint}")),
    }
}

/// Deletes one thing and gives it back when it stays.
///
/// While AWS refuses because an endpoint is in progress it can still be deleted, so the tries do not end;
/// throttling and missing answers are tried again for two minutes; any other refusal is final. `refused`
/// hears of every try that failed and is followed by another.
pub(super) async fn delete(
    aws: &Aws,
    resource: Resource,
    name: &str,
    made: Made,
    refused: &(dyn Fn(&Left) + Sync),
) -> Option<Left> {
    if made == Made::No {
        return None;
    }
    let action = format!("Delete{}", resource.word());
    let body = json!({format!("{}Name", resource.word()): name});
    let began = Instant::now();
    // A creation whose answer was lost may still be on its way when we look first.
    let mut looks_left = if made == Made::Perhaps { 2 } else { 0 };
    loop {
        let on_failure = |error: &CallError| refused(&left(resource, name, error));
        let answer = aws.post_again(&SAGEMAKER, &action, &body, DELETE, None, &on_failure).await;
        let error = match answer {
            Ok(_) => return None,
            Err(error) => error,
        };
        match &error {
            CallError::Refused { message, .. } if is_missing(message) => {
                if looks_left == 0 {
                    return None;
                }
                looks_left -= 1;
            }
            CallError::Refused { message, .. } if is_in_progress(message) => {
                refused(&left(resource, name, &error));
            }
            CallError::Unanswered(_) | CallError::Unreachable(_) if began.elapsed() < DELETE_TIME => {}
            _ => return Some(left(resource, name, &error)),
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

fn left(resource: Resource, name: &str, error: &CallError) -> Left {
    Left { resource, name: name.into(), why: error.cause() }
}

/// AWS knows nothing of that name.
pub(super) fn is_missing(message: &str) -> bool {
    message.contains("Could not find")
}

/// An endpoint that is being created or updated can only be deleted afterwards.
fn is_in_progress(message: &str) -> bool {
    message.contains("in-progress") || message.contains("in progress")
}

#[cfg(test)]
mod tests {
    use plumbline_common::codes;

    use super::*;

    #[test]
    fn a_problem_names_what_is_left_before_its_own_hint() {
        let left = [
            Left { resource: Resource::Endpoint, name: "e".into(), why: "AccessDenied: no".into() },
            Left { resource: Resource::Config, name: "c".into(), why: "no answer".into() },
        ];
        let problem = Problem::new(&codes::STOPPED, "stopped").hint("start it again");
        assert_eq!(and_left(problem, &[]).to_string(), "PL0904: stopped; hint: start it again");
        let text =
            and_left(Problem::new(&codes::STOPPED, "stopped").hint("start it again"), &left).to_string();
        let endpoint = text.find("aws sagemaker delete-endpoint --endpoint-name e").unwrap();
        let config = text.find("aws sagemaker delete-endpoint-config --endpoint-config-name c").unwrap();
        assert!(endpoint < config && config < text.find("start it again").unwrap(), "{text}");
        assert!(text.contains("`e`") && text.contains("AccessDenied: no"), "{text}");
    }
}
