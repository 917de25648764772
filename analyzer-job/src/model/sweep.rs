//! Endpoints that earlier jobs of ours left behind when they were killed.
//!
//! What a job makes bears the tag `made-for-processing-job` with the job's name. Before a job makes an endpoint
//! it deletes those whose job has ended; a job that runs, that is not found or may not be looked at, or no tag:
//! left alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plumbline_common::Result;
use plumbline_common::stop::Stop;
use serde_json::json;

use super::removal::{Left, Resource};
use crate::aws::{Aws, CallError, Patience, SAGEMAKER};

/// The tag that says for which processing job something was made.
pub(super) const TAG: &str = "made-for-processing-job";

/// Time for looking: a job must not wait for an account with many endpoints.
const TIME: Duration = Duration::from_secs(20);
/// Pages of a hundred names.
const MOST_PAGES: usize = 20;

const LOOK: Patience =
    Patience { in_all: Duration::from_secs(10), one_try: Duration::from_secs(5), ..Patience::NORMAL };

/// What stands in the account.
struct Standing {
    resource: Resource,
    name: String,
    arn: String,
}

/// Deletes what ended jobs left. `own_job`: the name of this job, which has not ended.
///
/// # Errors
/// `STOPPED`, or no credentials. That the role may not look, or a deletion that fails, is one line in the log.
pub(super) fn sweep(aws: &Aws, own_job: Option<&str>, stop: &Stop) -> Result<()> {
    match delete_left(aws, own_job, stop) {
        Ok(()) => Ok(()),
        Err(CallError::Problem(problem)) => Err(problem),
        Err(error) => {
            tracing::info!("cannot look for endpoints that earlier jobs left: {}", error.cause());
            Ok(())
        }
    }
}

fn delete_left(aws: &Aws, own_job: Option<&str>, stop: &Stop) -> std::result::Result<(), CallError> {
    let began = Instant::now();
    let mut standing = list(aws, Resource::Endpoint, stop)?;
    standing.extend(list(aws, Resource::Config, stop)?);
    // Names as this program makes them come first, in case there is no time for all.
    standing.sort_by_key(|standing| !is_of_our_form(&standing.name));
    let mut ended: BTreeMap<String, bool> = BTreeMap::new();
    for left in standing.iter().take_while(|_| began.elapsed() < TIME) {
        let Some(job) = job_of(aws, left, stop)?.filter(|job| own_job != Some(job)) else { continue };
        let has_ended = match ended.get(&job) {
            Some(known) => *known,
            None => *ended.entry(job.clone()).or_insert(has_ended(aws, &job, stop)?),
        };
        if has_ended {
            delete(aws, left, &job, stop)?;
        }
    }
    Ok(())
}

fn list(aws: &Aws, resource: Resource, stop: &Stop) -> std::result::Result<Vec<Standing>, CallError> {
    let word = resource.word();
    let mut found = Vec::new();
    let mut body = json!({"MaxResults": 100});
    for _ in 0..MOST_PAGES {
        let answer = aws.post(&SAGEMAKER, &format!("List{word}s"), &body, LOOK, Some(stop))?;
        for item in answer[format!("{word}s")].as_array().into_iter().flatten() {
            let text = |field: &str| item[format!("{word}{field}")].as_str().map(str::to_string);
            if let (Some(name), Some(arn)) = (text("Name"), text("Arn")) {
                found.push(Standing { resource, name, arn });
            }
        }
        match answer["NextToken"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => body["NextToken"] = token.into(),
            None => break,
        }
    }
    Ok(found)
}

/// Ends with `-1650297517-31f2`: seconds since 1970 and four hexadecimal digits.
fn is_of_our_form(name: &str) -> bool {
    let mut parts = name.rsplit('-');
    let is = |part: Option<&str>, length: usize, digit: fn(&u8) -> bool| {
        part.is_some_and(|part| part.len() == length && part.bytes().all(|byte| digit(&byte)))
    };
    is(parts.next(), 4, u8::is_ascii_hexdigit) && is(parts.next(), 10, u8::is_ascii_digit)
}

/// The job that something was made for, by its tag.
fn job_of(aws: &Aws, left: &Standing, stop: &Stop) -> std::result::Result<Option<String>, CallError> {
    let body = json!({"ResourceArn": left.arn});
    let answer = match aws.post(&SAGEMAKER, "ListTags", &body, LOOK, Some(stop)) {
        Ok(answer) => answer,
        // Deleted by somebody else in between.
        Err(error @ CallError::Refused { .. }) if !error.is_denied() => return Ok(None),
        Err(error) => return Err(error),
    };
    let tags = answer["Tags"].as_array().into_iter().flatten();
    let mut values = tags.filter(|tag| tag["Key"] == TAG).filter_map(|tag| tag["Value"].as_str());
    Ok(values.next().map(str::to_string))
}

/// A job that is not found, or may not be looked at, counts as running.
fn has_ended(aws: &Aws, job: &str, stop: &Stop) -> std::result::Result<bool, CallError> {
    let body = json!({"ProcessingJobName": job});
    match aws.post(&SAGEMAKER, "DescribeProcessingJob", &body, LOOK, Some(stop)) {
        Ok(answer) => {
            Ok(matches!(answer["ProcessingJobStatus"].as_str(), Some("Completed" | "Failed" | "Stopped")))
        }
        Err(CallError::Problem(problem)) => Err(CallError::Problem(problem)),
        Err(error) => {
            tracing::debug!("the job `{job}` cannot be looked at: {}", error.cause());
            Ok(false)
        }
    }
}

/// Tries once: what is still being created is left to the next job.
fn delete(aws: &Aws, left: &Standing, job: &str, stop: &Stop) -> std::result::Result<(), CallError> {
    let word = left.resource.word();
    let body = json!({format!("{word}Name"): left.name});
    match aws.post(&SAGEMAKER, &format!("Delete{word}"), &body, LOOK, Some(stop)) {
        Ok(_) => tracing::info!("deleted `{}`, which the ended job `{job}` had left", left.name),
        Err(CallError::Problem(problem)) => return Err(CallError::Problem(problem)),
        Err(error) => {
            let left = Left { resource: left.resource, name: left.name.clone(), why: error.cause() };
            let command = left.command();
            tracing::warn!("`{}` of the ended job `{job}` stays: {} ({command})", left.name, left.why);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_our_form_are_told_by_their_end() {
        for name in ["sm-clarify-m1-1700000000-0a1b", "p-config-1700000000-ffff"] {
            assert!(is_of_our_form(name), "{name}");
        }
        for name in ["sm-clarify-m1-by-hand", "m-170000000-0a1b", "m-1700000000-0a1", "m-1700000000-0g1b", ""]
        {
            assert!(!is_of_our_form(name), "{name}");
        }
    }
}
