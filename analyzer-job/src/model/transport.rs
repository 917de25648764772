//! One request to the model and what may come back: an answer, or a failure by what helps against it.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_sagemakerruntime::Client;
use aws_sdk_sagemakerruntime::config::retry::RetryConfig;
use aws_sdk_sagemakerruntime::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_sagemakerruntime::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_sagemakerruntime::operation::invoke_endpoint::InvokeEndpointError;
use aws_sdk_sagemakerruntime::primitives::Blob;
use plumbline_common::{Problem, Result, addresses, codes};
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use serde_json::Value as Json;

use super::bounded::{Bounded, is_too_long};
use crate::aws::Aws;
use crate::aws::http::{CONNECT_TIMEOUT, Http, causes, short, way_out};

/// The platform cuts a container off after 60 s; an answer may come up to that late.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(70);

/// More than an endpoint may answer (25 MB): a server whose answer never ends must not fill the memory.
const MOST_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Where requests go.
#[derive(Debug)]
pub(crate) enum Transport {
    /// InvokeEndpoint.
    Endpoint { client: Client, name: String },
    /// A server that speaks the container protocol.
    Server { http: Http, url: String },
}

/// What is the same in every request.
#[derive(Debug, Clone)]
pub(crate) struct Envelope {
    pub(crate) content_type: &'static str,
    pub(crate) accept: &'static str,
    pub(crate) custom_attributes: Option<String>,
    pub(crate) target_model: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) body: Vec<u8>,
    pub(crate) content_type: Option<String>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Throttled(String),
    /// The body is larger than the endpoint takes, or the answer larger than we take.
    TooLarge(String),
    /// The model's container answered with an error.
    Model {
        status: u16,
        message: String,
    },
    Timeout,
    /// The service is down for the moment.
    Unavailable(String),
    /// The connection broke before the answer was there.
    Broken(String),
    /// No connection came about.
    Unreachable(String),
    /// Trying again cannot help.
    Fatal(Problem),
}

impl Failure {
    /// Whether the model refuses what it was sent, so that the same request fails again. A request that came too early or
    /// too late may be answered another time; fewer rows may be taken too.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Failure::Fatal(_) | Failure::TooLarge(_) => true,
            Failure::Model { status, .. } => (400..500).contains(status) && !matches!(status, 408 | 425),
            _ => false,
        }
    }
}

impl Transport {
    pub(crate) fn endpoint(aws: &Aws, name: String) -> Transport {
        let config = Builder::from(aws.sdk_config())
            // What helps against a failure depends on it; see `ask`.
            .retry_config(RetryConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .interceptor(Bounded { most_bytes: MOST_ANSWER_BYTES })
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ANSWER_TIMEOUT)
                    .build(),
            )
            .build();
        Transport::Endpoint { client: Client::from_conf(config), name }
    }

    /// # Errors
    /// `NO_MODEL` for an address that is not `http://` or `https://`, `NO_CERTIFICATES`.
    pub(crate) fn server(address: &str) -> Result<Transport> {
        let parsed = reqwest::Url::parse(address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
        let Some(mut url) = parsed else {
            return Err(Problem::new(&codes::NO_MODEL, "cannot use the address of the model")
                .field("model_url")
                .found(format!("`{}`", addresses::shown(address)))
                .expected("an address such as `http://localhost:8080`"));
        };
        let path = url.path().trim_end_matches('/').to_string();
        url.set_path(&if path.ends_with("/invocations") { path } else { format!("{path}/invocations") });
        url.set_fragment(None);
        let url = url.to_string();
        let http = Http::new()?;
        http.check(&addresses::shown(&url))?;
        Ok(Transport::Server { http, url })
    }

    /// What a model answered, for a person, without the secrets of the request.
    pub(crate) fn shown(&self, envelope: &Envelope, answer: &[u8]) -> String {
        masked(&String::from_utf8_lossy(answer), &self.secrets(envelope))
    }

    /// What a model may repeat of its request and nobody is to read in a log, the longest first.
    fn secrets(&self, envelope: &Envelope) -> Vec<String> {
        let mut secrets = match self {
            Transport::Endpoint { .. } => Vec::new(),
            Transport::Server { url, .. } => secrets_of_address(url),
        };
        secrets.extend(envelope.custom_attributes.as_deref().into_iter().flat_map(secrets_of_attributes));
        secrets.retain(|secret| secret.chars().count() >= SHORTEST_SECRET);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }

    /// The endpoint or the address, for messages.
    pub(crate) fn name(&self) -> String {
        match self {
            Transport::Endpoint { name, .. } => format!("endpoint {name}"),
            Transport::Server { url, .. } => addresses::shown(url),
        }
    }

    pub(crate) async fn send(
        &self,
        envelope: &Envelope,
        body: Vec<u8>,
    ) -> std::result::Result<Response, Failure> {
        match self {
            Transport::Endpoint { client, name } => {
                let sent = client
                    .invoke_endpoint()
                    .endpoint_name(name)
                    .content_type(envelope.content_type)
                    .accept(envelope.accept)
                    .set_custom_attributes(envelope.custom_attributes.clone())
                    .set_target_model(envelope.target_model.clone())
                    .body(Blob::new(body))
                    .send()
                    .await;
                match sent {
                    Ok(output) => Ok(Response {
                        content_type: output.content_type,
                        body: output.body.map(Blob::into_inner).unwrap_or_default(),
                    }),
                    Err(error) => Err(endpoint_failure(name, error, &self.secrets(envelope))),
                }
            }
            Transport::Server { http, url } => {
                let mut post = http
                    .post(url)
                    .map_err(Failure::Fatal)?
                    .timeout(ANSWER_TIMEOUT)
                    .header("content-type", envelope.content_type)
                    .header("accept", envelope.accept);
                if let Some(attributes) = &envelope.custom_attributes {
                    post = post.header("x-amzn-sagemaker-custom-attributes", attributes);
                }
                if let Some(model) = &envelope.target_model {
                    post = post.header("x-amzn-sagemaker-target-model", model);
                }
                let mut answer = post.body(body).send().await.map_err(connection_failure)?;
                let status = answer.status();
                if status.is_redirection() {
                    return Err(redirected(
                        status,
                        answer.headers().get("location"),
                        &self.secrets(envelope),
                    ));
                }
                let content_type = answer
                    .headers()
                    .get("content-type")
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_string);
                let mut body = Vec::new();
                while let Some(part) = answer.chunk().await.map_err(connection_failure)? {
                    if body.len() + part.len() > MOST_ANSWER_BYTES {
                        return Err(too_long());
                    }
                    body.extend_from_slice(&part);
                }
                if status.is_success() {
                    Ok(Response { body, content_type })
                } else {
                    Err(server_failure(status, &body, &self.secrets(envelope)))
                }
            }
        }
    }
}

fn too_long() -> Failure {
    Failure::TooLarge(format!("an answer of more than {MOST_ANSWER_BYTES} bytes"))
}

fn endpoint_failure(name: &str, error: SdkError<InvokeEndpointError>, secrets: &[String]) -> Failure {
    if is_too_long(&error) {
        return too_long();
    }
    match &error {
        SdkError::TimeoutError(_) => return Failure::Timeout,
        SdkError::DispatchFailure(dispatch) => {
            let text = causes(&error);
            // A connector's timeout is that of connecting: an answer has the timeout above.
            return if dispatch.is_timeout() || text.contains("client error (Connect)") {
                Failure::Unreachable(text)
            } else {
                Failure::Broken(text)
            };
        }
        SdkError::ResponseError(_) if error.raw_response().is_none_or(|raw| raw.status().is_success()) => {
            return Failure::Broken(causes(&error));
        }
        _ => {}
    }
    let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
    let service = error.as_service_error();
    let code = service.and_then(|service| service.code()).unwrap_or_default().to_string();
    let message = service.and_then(|service| service.message()).unwrap_or_default();
    let text = short(&format!("{code}: {}", masked(message, secrets)));
    if let Some(InvokeEndpointError::ModelError(model)) = service {
        let status = model.original_status_code.and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
        let message = model.original_message.as_deref().or(model.message.as_deref()).unwrap_or_default();
        return by_container_status(status, &masked(message, secrets));
    }
    match status {
        413 => Failure::TooLarge(text),
        429 => Failure::Throttled(text),
        _ if code.contains("Throttl") || code.contains("TooManyRequests") => Failure::Throttled(text),
        500.. => Failure::Unavailable(text),
        _ => {
            let what = format!("AWS refused `InvokeEndpoint` on endpoint `{name}`");
            let found = if service.is_some() { text } else { causes(&error) };
            let hint = way_out(&found);
            let problem = Problem::new(&codes::AWS_REFUSED, what).found(found);
            Failure::Fatal(match hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            })
        }
    }
}

fn by_container_status(status: u16, message: &str) -> Failure {
    match status {
        413 => Failure::TooLarge(cut(message)),
        429 => Failure::Throttled(cut(message)),
        _ => Failure::Model { status, message: cut(message) },
    }
}

/// A shorter text is no secret, and masking it would make others unreadable.
const SHORTEST_SECRET: usize = 4;

/// The query of an address, its values, and its login.
fn secrets_of_address(address: &str) -> Vec<String> {
    let Ok(url) = reqwest::Url::parse(address) else { return Vec::new() };
    let mut secrets: Vec<String> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
    let query = url.query().unwrap_or_default();
    secrets.push(query.into());
    secrets.extend(query.split('&').filter_map(|pair| Some(pair.split_once('=')?.1.to_string())));
    for login in [url.username(), url.password().unwrap_or_default()] {
        // As it is written, and without its escapes.
        secrets.push(login.into());
        let plain = reqwest::Url::parse(&format!("http://host/?login={}", login.replace('+', "%2B")));
        secrets.extend(plain.iter().flat_map(reqwest::Url::query_pairs).map(|(_, value)| value.into_owned()));
    }
    secrets
}

/// The attributes as they are sent, and each value: they have no format, but `name=value` with commas or semicolons is usual.
fn secrets_of_attributes(attributes: &str) -> Vec<String> {
    let parts = attributes.split(|c: char| matches!(c, ';' | ',' | '&') || c.is_whitespace());
    let values = parts.map(|part| part.split_once(['=', ':']).map_or(part, |(_, value)| value));
    let plain = values.map(|value| value.trim_matches(['"', '\'', '{', '}', '[', ']']));
    std::iter::once(attributes.trim()).chain(plain).map(str::to_string).collect()
}

/// Data are not sent to another address than the one that was given.
fn redirected(status: StatusCode, to: Option<&HeaderValue>, secrets: &[String]) -> Failure {
    let to = to.and_then(|to| to.to_str().ok()).unwrap_or("no address");
    let shown = short(&masked(&addresses::shown(to), secrets));
    Failure::Fatal(
        Problem::new(&codes::NO_MODEL, "the server of the model points to another address")
            .field("model_url")
            .found(format!("HTTP {} to `{shown}`", status.as_u16()))
            .expected("an answer to `POST /invocations`")
            .hint("if the model answers there, give that address as `model_url`"),
    )
}

fn masked(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_string(), |text, secret| text.replace(secret.as_str(), "***"))
}

fn server_failure(status: StatusCode, body: &[u8], secrets: &[String]) -> Failure {
    let text = String::from_utf8_lossy(body);
    let json: Json = serde_json::from_slice(body).unwrap_or(Json::Null);
    let said = ["OriginalMessage", "message", "Message", "error", "detail"]
        .iter()
        .find_map(|name| json.get(name)?.as_str())
        .unwrap_or(&text);
    // A model may repeat the address that it was asked by, and the headers.
    let said = &masked(&said[..said.floor_char_boundary(MOST_SAID)], secrets);
    match status.as_u16() {
        502..=504 => Failure::Unavailable(format!("HTTP {}: {}", status.as_u16(), cut(said))),
        404 | 405 => Failure::Fatal(
            Problem::new(&codes::NO_MODEL, "the server has no `POST /invocations`")
                .field("model_url")
                .found(format!("HTTP {}", status.as_u16())),
        ),
        status => by_container_status(status, said),
    }
}

/// Bytes of what a model said that are looked at.
const MOST_SAID: usize = 20_000;

/// What a model said, as at most 200 characters of plain text on one line: it may hold data, or a page of HTML.
fn cut(message: &str) -> String {
    let beginning = &message[..message.floor_char_boundary(MOST_SAID)];
    short(&plain(beginning)).chars().take(200).collect()
}

/// The text of a page: tags, comments, scripts and styles taken out, the usual entities read. Other text stays.
fn plain(message: &str) -> String {
    let mut text = String::new();
    let mut rest = message;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let tag = &rest[start..];
        if !tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            text.push('<');
            rest = &tag[1..];
            continue;
        }
        text.push(' ');
        let named = |name: &str| tag.get(1..=name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name));
        let end = if tag.starts_with("<!--") {
            "-->"
        } else if named("script") {
            "</script>"
        } else if named("style") {
            "</style>"
        } else {
            ">"
        };
        // A page that is cut off ends inside a tag.
        let lower = tag.to_ascii_lowercase();
        rest = lower.find(end).map_or("", |place| &tag[place + end.len()..]);
    }
    text.push_str(rest);
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, character)| text.replace(entity, character))
}

fn connection_failure(error: reqwest::Error) -> Failure {
    // The address may hold a password or a token.
    let error = error.without_url();
    if error.is_connect() {
        Failure::Unreachable(causes(&error))
    } else if error.is_timeout() {
        Failure::Timeout
    } else {
        Failure::Broken(causes(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_invocations_stands_behind_the_path_of_the_address() {
        for (address, expected) in [
            ("http://h:1", "http://h:1/invocations"),
            ("http://h:1/", "http://h:1/invocations"),
            ("http://h/invocations", "http://h/invocations"),
            ("http://h/m?k=v", "http://h/m/invocations?k=v"),
            ("http://h/m/?k=v&l=w", "http://h/m/invocations?k=v&l=w"),
            ("http://h/m/invocations/?k=v", "http://h/m/invocations?k=v"),
            ("http://u:p@h/m#part", "http://u:p@h/m/invocations"),
        ] {
            let Transport::Server { url, .. } = Transport::server(address).unwrap() else { panic!() };
            assert_eq!(url, expected);
        }
        let problem = Transport::server("user:word@h:8080?token=t").unwrap_err().to_string();
        assert!(
            problem.contains("h:8080") && !problem.contains("word") && !problem.contains("token"),
            "{problem}"
        );
    }

    fn secrets(address: &str, attributes: Option<&str>) -> Vec<String> {
        let envelope = Envelope {
            content_type: "text/csv",
            accept: "text/csv",
            custom_attributes: attributes.map(str::to_string),
            target_model: None,
        };
        Transport::server(address).unwrap().secrets(&envelope)
    }

    /// Wherever it stands, in every way in which it may be written.
    #[test]
    fn secrets_of_the_request_are_masked_in_what_a_model_says() {
        let secrets = secrets(
            "http://someone:pass%2Bword@h:1/m?token=SECRET%2FTOK&v=1&other=long+one",
            Some("tenant=7; key=ATTRIBUTE==,Bearer:\"QUOTED\" plain"),
        );
        for secret in [
            "SECRET%2FTOK",
            "SECRET/TOK",
            "someone",
            "pass%2Bword",
            "pass+word",
            "long one",
            "long+one",
            "tenant=7; key=ATTRIBUTE==,Bearer:\"QUOTED\" plain",
            "ATTRIBUTE==",
            "QUOTED",
            "plain",
        ] {
            for said in [
                format!("bad request to /invocations?token={secret}"),
                format!("{{\"message\":\"no {secret}\"}}"),
                format!("<h1>404</h1><p>{}{secret}</p>", "x".repeat(150)),
                secret.to_string(),
            ] {
                for status in
                    [StatusCode::BAD_REQUEST, StatusCode::BAD_GATEWAY, StatusCode::TOO_MANY_REQUESTS]
                {
                    let told = format!("{:?}", server_failure(status, said.as_bytes(), &secrets));
                    assert!(!told.contains(secret) && told.contains("***"), "{said}: {told}");
                }
            }
        }
        assert_eq!(masked("v=1 is short", &secrets), "v=1 is short");
        assert!(self::secrets("http://h/m", None).is_empty());
    }

    #[test]
    fn what_a_model_says_is_plain_text() {
        for (said, shown) in [
            ("a < b and <= c", "a < b and <= c"),
            ("line\n  two", "line two"),
            (
                "<!DOCTYPE HTML PUBLIC \"x\">\n<title>500 Error</title>\n<h1>Internal &amp; bad</h1><p>x &lt; y</p>",
                "500 Error Internal & bad x < y",
            ),
            ("<html><style>p { color: red }</style><SCRIPT>if (a<b) {}</SCRIPT>ok<!-- <b> --> it", "ok it"),
            ("cut <a hre", "cut"),
        ] {
            assert_eq!(cut(said), shown, "{said}");
        }
        assert_eq!(cut(&format!("<p>{}</p>", "é".repeat(500))).chars().count(), 200);
    }
}
