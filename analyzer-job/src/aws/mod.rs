//! Signed JSON posts to AWS, for the few calls of SageMaker's control plane and for CloudWatch: the
//! generated client of the control plane alone would cost more to build than all the rest.

pub(crate) mod given;
pub(crate) mod http;
pub(crate) mod identity;
pub(crate) mod jitter;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_config::SdkConfig;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;
use tokio::runtime::{Builder, Runtime};

use http::{Http, causes, short, way_out, without_request};
use identity::Identity;
use jitter::Jitter;

/// Tries to connect to a service: about ten seconds, or half a minute when nothing answers at all.
const CONNECT_TRIES: u32 = 6;
/// How soon a wait notices the stop flag.
const STOP_TICK: Duration = Duration::from_millis(50);

/// How a service is spoken to.
#[derive(Debug)]
pub struct Service {
    /// Name in the signature.
    signing_name: &'static str,
    /// The host's first part: `HOST.REGION.amazonaws.com`.
    host: &'static str,
    /// Suffix of `AWS_ENDPOINT_URL_...`.
    variable: &'static str,
    /// What stands before the action in `X-Amz-Target`.
    target: &'static str,
    content_type: &'static str,
}

/// SageMaker's control plane.
pub static SAGEMAKER: Service = Service {
    signing_name: "sagemaker",
    host: "api.sagemaker",
    variable: "SAGEMAKER",
    target: "SageMaker",
    content_type: "application/x-amz-json-1.1",
};

/// CloudWatch metrics (`PutMetricData`).
pub static CLOUDWATCH: Service = Service {
    signing_name: "monitoring",
    host: "monitoring",
    variable: "CLOUDWATCH",
    target: "GraniteServiceVersion20100801",
    content_type: "application/x-amz-json-1.0",
};

impl Service {
    /// The given address, else the public one.
    fn url(&self, config: &SdkConfig, region: &str) -> Result<String> {
        Ok(match given::endpoint(self.variable, config)? {
            Some(url) => format!("{url}/"),
            None => {
                let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{}.{region}.{domain}/", self.host)
            }
        })
    }
}

/// How long a call is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// No new try after this time.
    pub in_all: Duration,
    /// Longest time for one try.
    pub one_try: Duration,
    /// First pause between tries; doubles up to `pause_cap`.
    pub pause: Duration,
    pub pause_cap: Duration,
}

impl Patience {
    /// For ordinary calls.
    pub const NORMAL: Patience = Patience {
        in_all: Duration::from_secs(90),
        one_try: Duration::from_secs(30),
        pause: Duration::from_millis(250),
        pause_cap: Duration::from_secs(8),
    };
}

/// Why a call has no answer to use.
#[derive(Debug)]
pub enum CallError {
    /// AWS answered with an error.
    Refused {
        /// Such as `AccessDeniedException`.
        code: String,
        message: String,
        /// An earlier try of the same call got no answer, so it may have had its effect.
        lost: bool,
    },
    /// No answer came; the call may have had its effect.
    Unanswered(String),
    /// No connection came about: the call had no effect.
    Unreachable(String),
    /// The job was asked to stop, or there are no credentials.
    Problem(Problem),
}

impl CallError {
    /// Whether AWS says that the caller lacks a permission.
    pub fn is_denied(&self) -> bool {
        matches!(self, CallError::Refused { code, .. } if code.contains("AccessDenied") || code.contains("UnauthorizedOperation"))
    }

    /// What went wrong, on one line.
    pub fn cause(&self) -> String {
        match self {
            CallError::Refused { code, message, .. } => format!("{code}: {}", short(message)),
            CallError::Unanswered(cause) | CallError::Unreachable(cause) => format!("no answer: {cause}"),
            CallError::Problem(problem) => problem.to_string(),
        }
    }

    pub fn into_problem(self, action: &str) -> Problem {
        match self {
            CallError::Problem(problem) => problem,
            CallError::Unanswered(cause) | CallError::Unreachable(cause) => {
                let route =
                    "without network isolation the job needs a route to the service: docs/permissions.md";
                let hint = way_out(&cause).unwrap_or(route);
                Problem::new(&codes::AWS_UNREACHABLE, format!("no answer to `{action}` from AWS"))
                    .found(cause)
                    .hint(hint)
            }
            CallError::Refused { .. } => {
                let problem =
                    Problem::new(&codes::AWS_REFUSED, format!("AWS refused `{action}`")).found(self.cause());
                if self.is_denied() {
                    problem.hint("give the job's role this permission: docs/permissions.md")
                } else if let Some(hint) = way_out(&self.cause()) {
                    problem.hint(hint)
                } else {
                    problem
                }
            }
        }
    }
}

/// Region, credentials and a connection to AWS.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(crate) runtime: Arc<Runtime>,
    identity: Arc<Identity>,
    http: Http,
    region: String,
}

impl Aws {
    /// Region: the given one, else that of the profile. Credentials: the SDK's standard chain, the
    /// container's role included.
    ///
    /// # Errors
    /// `AWS_IDENTITY` without a region or credentials, `SETTING_INVALID` for a region or an address that cannot be used,
    /// `STOPPED`.
    pub fn connect(region: Option<&str>, stop: &Stop) -> Result<Aws> {
        let runtime = runtime()?;
        let http = Http::new()?;
        let identity = runtime.block_on(unless_stopped(stop, Identity::load(region, &http)))??;
        Aws::with_identity(runtime, http, identity, stop)
    }

    fn with_identity(runtime: Runtime, http: Http, identity: Identity, stop: &Stop) -> Result<Aws> {
        let Some(region) = identity.region().map(str::to_string) else {
            return Err(Problem::new(&codes::AWS_IDENTITY, "the AWS region is not set")
                .hint("set AWS_REGION, or give `model_url` for a model without AWS"));
        };
        for service in [SAGEMAKER.variable, "SAGEMAKER_RUNTIME"] {
            given::endpoint(service, identity.config())?;
        }
        runtime.block_on(unless_stopped(stop, identity.credentials()))??;
        Ok(Aws { runtime: Arc::new(runtime), identity: Arc::new(identity), http, region })
    }

    /// All services at one address, with credentials that open nothing.
    #[cfg(test)]
    pub(crate) fn at(url: &str, stop: &Stop) -> Result<Aws> {
        use aws_config::{BehaviorVersion, Region};
        use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
        let sdk_http = aws_smithy_http_client::Builder::new().build_http();
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "tests");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(sdk_http)
            .region(Region::new("eu-west-1"))
            .endpoint_url(url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Aws::with_identity(runtime()?, Http::new()?, Identity::of(config), stop)
    }

    /// What the generated clients are made from.
    pub(crate) fn sdk_config(&self) -> &SdkConfig {
        self.identity.config()
    }

    /// Posts `body` as `action` of `service`, signed; tries again while AWS throttles or fails.
    ///
    /// # Errors
    /// See `CallError`. With `stop` it gives up as soon as the job is asked to stop.
    pub fn post(
        &self,
        service: &Service,
        action: &str,
        body: &Json,
        patience: Patience,
        stop: Option<&Stop>,
    ) -> std::result::Result<Json, CallError> {
        self.runtime.block_on(async {
            let work = self.post_again(service, action, body, patience, None, &|_| ());
            match stop {
                Some(stop) => unless_stopped(stop, work).await.map_err(CallError::Problem)?,
                None => work.await,
            }
        })
    }

    /// As `post`, but a try that is on its way is never abandoned: `stop` counts only between tries.
    /// So the caller knows whether the call had its effect. `failed` hears of each try that is followed by
    /// another.
    pub(crate) async fn post_again(
        &self,
        service: &Service,
        action: &str,
        body: &Json,
        patience: Patience,
        stop: Option<&Stop>,
        failed: &(dyn Fn(&CallError) + Sync),
    ) -> std::result::Result<Json, CallError> {
        let began = Instant::now();
        let jitter = Jitter::new();
        let mut pause = patience.pause;
        let mut unanswered = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let mut error = match self.post_once(service, action, body, patience.one_try).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let again = match &mut error {
                CallError::Unanswered(_) => {
                    unanswered = true;
                    true
                }
                CallError::Refused { code, lost, .. } => {
                    *lost = unanswered;
                    is_passing(code)
                }
                CallError::Unreachable(_) => tries < CONNECT_TRIES,
                CallError::Problem(_) => false,
            };
            // Half of the pause is fixed, so that a short patience still spreads its tries.
            let wait = pause.mul_f64(0.5 + 0.5 * jitter.next());
            if !again || began.elapsed() + wait > patience.in_all {
                return Err(error);
            }
            tracing::debug!(action, "{action} failed, trying again: {error:?}");
            failed(&error);
            match stop {
                Some(stop) => {
                    if unless_stopped(stop, tokio::time::sleep(wait)).await.is_err() {
                        return Err(error);
                    }
                }
                None => tokio::time::sleep(wait).await,
            }
            pause = (pause * 2).min(patience.pause_cap);
        }
    }

    async fn post_once(
        &self,
        service: &Service,
        action: &str,
        body: &Json,
        timeout: Duration,
    ) -> std::result::Result<Json, CallError> {
        let internal = |what: String| {
            CallError::Problem(Problem::new(&codes::INTERNAL, "cannot sign a request to AWS").found(what))
        };
        let url = service.url(self.sdk_config(), &self.region).map_err(CallError::Problem)?;
        let post = self.http.post(&url).map_err(CallError::Problem)?;
        let credentials = self.identity.credentials().await.map_err(CallError::Problem)?;
        let body = body.to_string();
        let target = format!("{}.{action}", service.target);
        let headers = [("content-type", service.content_type), ("x-amz-target", target.as_str())];
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service.signing_name)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| internal(error.to_string()))?
            .into();
        let request =
            SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))
                .map_err(|error| internal(error.to_string()))?;
        let (instructions, _) =
            sign(request, &parameters).map_err(|error| internal(error.to_string()))?.into_parts();
        let mut post = post.timeout(timeout);
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            post = post.header(name, value);
        }
        let answer = post.body(body.clone()).send().await.map_err(|error| {
            let text = causes(&error);
            if error.is_connect() { CallError::Unreachable(text) } else { CallError::Unanswered(text) }
        })?;
        let status = answer.status();
        let header_code = answer
            .headers()
            .get("x-amzn-errortype")
            .and_then(|value| value.to_str().ok())
            .map(str::to_string);
        let bytes = answer.bytes().await.map_err(|error| CallError::Unanswered(causes(&error)))?;
        let json: Json = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
        if status.is_success() {
            return Ok(json);
        }
        let text =
            |names: &[&str]| names.iter().find_map(|name| json.get(name)?.as_str()).map(str::to_string);
        let code = text(&["__type", "code", "Code"]).or(header_code).unwrap_or_default();
        // `prefix#Code:more` is how some services write it.
        let code = code.rsplit('#').next().unwrap_or_default();
        let code = code.split(':').next().unwrap_or_default().to_string();
        Err(CallError::Refused {
            code: if code.is_empty() || status.is_server_error() || status.as_u16() == 429 {
                format!("HTTP {} {code}", status.as_u16()).trim_end().to_string()
            } else {
                code
            },
            message: without_request(&text(&["message", "Message"]).unwrap_or_default()).into_owned(),
            lost: false,
        })
    }
}

/// Errors that pass by themselves: throttling and failures of the service.
fn is_passing(code: &str) -> bool {
    code.contains("Throttl")
        || code.contains("TooManyRequests")
        || code.contains("RequestLimitExceeded")
        || code.contains("ServiceUnavailable")
        || code.contains("InternalFailure")
        || code.starts_with("HTTP 5")
        || code.starts_with("HTTP 429")
}

/// Runs `work`, or ends it as soon as the job is asked to stop.
///
/// # Errors
/// `STOPPED`.
pub(crate) async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T> {
    tokio::pin!(work);
    let mut tick = tokio::time::interval(STOP_TICK);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            _ = tick.tick() => stop.check()?,
        }
    }
}

/// Waits on the caller's thread.
///
/// # Errors
/// `STOPPED`.
pub(crate) fn pause(runtime: &Runtime, stop: &Stop, time: Duration) -> Result<()> {
    // A timer can only be made inside the runtime.
    runtime.block_on(async { unless_stopped(stop, tokio::time::sleep(time)).await })
}

/// The threads that wait for sockets; the work itself happens on the caller's thread.
pub(crate) fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).thread_name("model-io").enable_all().build().map_err(
        |error| Problem::new(&codes::INTERNAL, "cannot start the network threads").found(error.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use aws_config::BehaviorVersion;

    use super::*;

    #[test]
    fn addresses_are_public_ones_unless_one_is_given() {
        let config = || SdkConfig::builder().behavior_version(BehaviorVersion::latest());
        let given = config().endpoint_url("http://localhost:1/").build();
        assert_eq!(SAGEMAKER.url(&given, "eu-west-1").unwrap(), "http://localhost:1/");
        let public = config().build();
        assert_eq!(
            SAGEMAKER.url(&public, "eu-west-1").unwrap(),
            "https://api.sagemaker.eu-west-1.amazonaws.com/"
        );
        assert_eq!(
            CLOUDWATCH.url(&public, "cn-north-1").unwrap(),
            "https://monitoring.cn-north-1.amazonaws.com.cn/"
        );
    }

    #[test]
    fn throttling_and_outages_pass_and_denials_do_not() {
        for code in ["ThrottlingException", "Throttling", "HTTP 503", "HTTP 429 X", "InternalFailure"] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["AccessDeniedException", "ValidationException", "ResourceLimitExceeded"] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
