//! The control plane of SageMaker, as far as a shadow endpoint needs it.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};

use crate::Options;
use crate::faults::ControlFault;
use crate::http::Reply;

#[derive(Debug)]
pub(crate) struct Plane {
    configs: BTreeMap<String, Config>,
    endpoints: BTreeMap<String, Endpoint>,
    options: Options,
    /// The calls so far, with what was asked.
    pub(crate) calls: Vec<(String, Value)>,
}

#[derive(Debug)]
struct Config {
    request: Value,
    made_here: bool,
}

#[derive(Debug)]
struct Endpoint {
    config: String,
    tags: Value,
    /// Looks that still find it being created, and until when they do.
    looks_left: u32,
    ready: Instant,
    /// When one that is being deleted is gone.
    gone: Option<Instant>,
    /// Where it stays the same.
    status: Option<&'static str>,
    fails: bool,
    made_here: bool,
}

impl Endpoint {
    fn standing(config: &str, tags: Value) -> Endpoint {
        let ready = Instant::now();
        Endpoint {
            config: config.into(),
            tags,
            looks_left: 0,
            ready,
            gone: None,
            status: None,
            fails: false,
            made_here: false,
        }
    }

    fn is_there(&self) -> bool {
        self.gone.is_none_or(|gone| Instant::now() < gone)
    }

    fn status(&self) -> &'static str {
        if let Some(status) = self.status {
            status
        } else if self.gone.is_some() {
            "Deleting"
        } else if self.looks_left > 0 || Instant::now() < self.ready {
            "Creating"
        } else if self.fails {
            "Failed"
        } else {
            "InService"
        }
    }
}

const TAG: &str = "made-for-processing-job";

impl Plane {
    pub(crate) fn new(options: &Options) -> Plane {
        let mut endpoints: BTreeMap<String, Endpoint> = BTreeMap::new();
        let mut configs = BTreeMap::new();
        for name in &options.endpoints {
            let status = options.statuses.get(name).copied();
            let endpoint = Endpoint { status, ..Endpoint::standing("standing", json!([])) };
            endpoints.insert(name.clone(), endpoint);
        }
        for (name, job) in &options.leftovers {
            let tags = json!([{"Key": TAG, "Value": job}]);
            let config = format!("{name}-config");
            let request = json!({"EndpointConfigName": config, "ProductionVariants": [], "Tags": tags});
            configs.insert(config.clone(), Config { request, made_here: false });
            endpoints.insert(name.clone(), Endpoint::standing(&config, tags));
        }
        Plane { configs, endpoints, options: options.clone(), calls: Vec::new() }
    }

    /// Endpoints and configurations that were made and not deleted.
    pub(crate) fn left_behind(&self) -> Vec<String> {
        let stays = |endpoint: &Endpoint| endpoint.made_here && endpoint.gone.is_none();
        let endpoints = self.endpoints.iter().filter(|(_, endpoint)| stays(endpoint));
        let configs = self.configs.iter().filter(|(_, config)| config.made_here);
        endpoints.map(|(name, _)| name.clone()).chain(configs.map(|(name, _)| name.clone())).collect()
    }

    /// Everything that stands in the account.
    pub(crate) fn standing(&self) -> Vec<String> {
        let endpoints = self.endpoints.iter().filter(|(_, endpoint)| endpoint.is_there());
        endpoints.map(|(name, _)| name).chain(self.configs.keys()).cloned().collect()
    }

    /// Why this endpoint cannot be asked, if so.
    pub(crate) fn refuse_invocation(&self, name: &str) -> Option<Reply> {
        match self.endpoints.get(name).map(Endpoint::status) {
            Some("InService" | "Updating" | "SystemUpdating" | "RollingBack") => None,
            Some(_) => {
                Some(Reply::error(400, "ValidationError", &format!("Endpoint {name} is not in service.")))
            }
            None => Some(Reply::error(400, "ValidationError", &format!("Endpoint {name} not found."))),
        }
    }

    /// `None`: the answer is lost.
    pub(crate) fn call(&mut self, action: &str, body: &[u8]) -> Option<Reply> {
        let request = serde_json::from_slice::<Value>(body);
        self.calls.push((action.to_string(), request.as_ref().map_or(Value::Null, Value::clone)));
        let fault = self.options.faults.script.control(action, self.calls.len() as u64);
        if let Some(ControlFault::Refuse(status, kind, message)) = fault {
            return Some(Reply::error(status, kind, message));
        }
        let answer = request
            .map_err(|error| ("SerializationException", error.to_string()))
            .and_then(|request| self.answer(action, &request));
        if fault == Some(ControlFault::Lost) {
            return None;
        }
        Some(match answer {
            Ok(value) => Reply::ok("application/x-amz-json-1.1", value.to_string().into_bytes()),
            Err((kind, message)) => Reply::error(400, kind, &message),
        })
    }

    fn tags_of(&self, arn_asked: &str) -> Value {
        let endpoint = self.endpoints.iter().find(|(name, _)| arn("endpoint", name) == arn_asked);
        let config = self.configs.iter().find(|(name, _)| arn("endpoint-config", name) == arn_asked);
        match (endpoint, config) {
            (Some((_, endpoint)), _) => endpoint.tags.clone(),
            (None, Some((_, config))) => config.request.get("Tags").cloned().unwrap_or(json!([])),
            (None, None) => {
                let tag = |(key, value): &(String, String)| json!({"Key": key, "Value": value});
                self.options.job_tags.iter().map(tag).collect()
            }
        }
    }

    fn answer(&mut self, action: &str, request: &Value) -> Result<Value, (&'static str, String)> {
        self.endpoints.retain(|_, endpoint| endpoint.is_there());
        let invalid = |message: String| ("ValidationException", message);
        let missing =
            |what: &str, name: &str| invalid(format!("Could not find {what} \"{}\".", arn(what, name)));
        let field = |name: &str| {
            let text = request.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_string).ok_or_else(|| invalid(format!("{name} is missing")))
        };
        let new_name = |name: &str| field(name).and_then(|name| good_name(&name).map_err(invalid));
        match action {
            "DescribeModel" => {
                let name = field("ModelName")?;
                if self.options.missing_models.contains(&name) {
                    return Err(missing("model", &name));
                }
                Ok(json!({
                    "ModelName": name, "ModelArn": arn("model", &name), "CreationTime": 1_705_000_000.0,
                    "EnableNetworkIsolation": false, "PrimaryContainer": {"Image": "image", "Mode": "SingleModel"},
                }))
            }
            "ListTags" => Ok(json!({"Tags": self.tags_of(&field("ResourceArn")?)})),
            "ListEndpoints" => {
                let endpoint =
                    |name: &String| json!({"EndpointName": name, "EndpointArn": arn("endpoint", name)});
                Ok(page("Endpoints", self.endpoints.keys(), endpoint, request))
            }
            "ListEndpointConfigs" => {
                let config = |name: &String| json!({"EndpointConfigName": name, "EndpointConfigArn": arn("endpoint-config", name)});
                Ok(page("EndpointConfigs", self.configs.keys(), config, request))
            }
            "DescribeProcessingJob" => {
                let name = field("ProcessingJobName")?;
                match self.options.jobs.get(&name) {
                    Some(status) => Ok(json!({"ProcessingJobName": name, "ProcessingJobStatus": status})),
                    None => {
                        Err(("ResourceNotFound", format!("Could not find requested job with name: {name}")))
                    }
                }
            }
            "AddTags" => Ok(json!({"Tags": request.get("Tags")})),
            "CreateEndpointConfig" => {
                let name = new_name("EndpointConfigName")?;
                let variants = request.get("ProductionVariants").and_then(Value::as_array);
                let variants = variants.filter(|variants| !variants.is_empty());
                let variants = variants.ok_or_else(|| invalid("ProductionVariants is missing".into()))?;
                for (variant, field) in variants.iter().flat_map(|variant| {
                    ["VariantName", "ModelName", "InstanceType", "InitialInstanceCount"]
                        .map(|field| (variant, field))
                }) {
                    if variant.get(field).is_none_or(Value::is_null) {
                        return Err(invalid(format!("{field} of a variant is missing")));
                    }
                }
                let model = |variant: &Value| variant["ModelName"].as_str().unwrap_or_default().to_string();
                let unknown = |name: &String| self.options.missing_models.contains(name);
                if let Some(model) = variants.iter().map(model).find(unknown) {
                    return Err(missing("model", &model));
                }
                if self.configs.contains_key(&name) {
                    return Err(invalid("Cannot create already existing endpoint configuration".into()));
                }
                self.configs.insert(name.clone(), Config { request: request.clone(), made_here: true });
                Ok(json!({"EndpointConfigArn": arn("endpoint-config", &name)}))
            }
            "CreateEndpoint" => {
                let (name, config) = (new_name("EndpointName")?, field("EndpointConfigName")?);
                if !self.configs.contains_key(&config) {
                    return Err(missing("endpoint-config", &config));
                }
                if self.endpoints.contains_key(&name) {
                    return Err(invalid("Cannot create already existing endpoint".into()));
                }
                let endpoint = Endpoint {
                    config,
                    tags: request.get("Tags").cloned().unwrap_or(json!([])),
                    looks_left: self.options.creating_polls,
                    ready: Instant::now() + self.options.creating,
                    gone: None,
                    status: None,
                    fails: self.options.faults.endpoint_fails,
                    made_here: true,
                };
                self.endpoints.insert(name.clone(), endpoint);
                Ok(json!({"EndpointArn": arn("endpoint", &name)}))
            }
            "DescribeEndpoint" => {
                let name = field("EndpointName")?;
                let endpoint = self.endpoints.get_mut(&name).ok_or_else(|| missing("endpoint", &name))?;
                let status = endpoint.status();
                endpoint.looks_left = endpoint.looks_left.saturating_sub(1);
                let mut answer = json!({
                    "EndpointName": name, "EndpointArn": arn("endpoint", &name), "EndpointConfigName": endpoint.config,
                    "EndpointStatus": status, "CreationTime": 1_705_000_000.0, "LastModifiedTime": 1_705_000_000.0,
                });
                match status {
                    "Failed" => {
                        answer["FailureReason"] =
                            json!("The primary container did not pass the ping health check.");
                    }
                    "InService" => {
                        answer["ProductionVariants"] =
                            json!([{"VariantName": "AllTraffic", "CurrentInstanceCount": 1}]);
                    }
                    _ => {}
                }
                Ok(answer)
            }
            "DeleteEndpoint" => {
                let name = field("EndpointName")?;
                let endpoint = self.endpoints.get_mut(&name).ok_or_else(|| missing("endpoint", &name))?;
                if ["Creating", "Updating", "Deleting"].contains(&endpoint.status()) {
                    endpoint.looks_left = endpoint.looks_left.saturating_sub(1);
                    let arn = arn("endpoint", &name);
                    return Err(invalid(format!("Cannot update in-progress endpoint \"{arn}\".")));
                }
                endpoint.gone = Some(Instant::now() + self.options.deleting);
                Ok(json!({}))
            }
            "DescribeEndpointConfig" => {
                let name = field("EndpointConfigName")?;
                let config = self.configs.get(&name).ok_or_else(|| missing("endpoint-config", &name))?;
                Ok(config.request.clone())
            }
            "DeleteEndpointConfig" => {
                let name = field("EndpointConfigName")?;
                self.configs.remove(&name).map(|_| json!({})).ok_or_else(|| missing("endpoint-config", &name))
            }
            _ => Err(("UnknownOperationException", format!("{action} is not served"))),
        }
    }
}

/// Most names in an answer: AWS may give fewer than it is asked for.
const PAGE: usize = 3;

/// The names behind those of the pages before.
fn page<'a>(
    what: &str,
    names: impl Iterator<Item = &'a String>,
    shown: impl Fn(&String) -> Value,
    request: &Value,
) -> Value {
    let before = request.get("NextToken").and_then(Value::as_str).unwrap_or_default();
    let mut names = names.filter(|name| name.as_str() > before).peekable();
    let here: Vec<&String> = names.by_ref().take(PAGE).collect();
    let mut answer = json!({what: here.iter().map(|name| shown(name)).collect::<Vec<_>>()});
    if let (Some(last), Some(_)) = (here.last(), names.peek()) {
        answer["NextToken"] = json!(last);
    }
    answer
}

/// At most 63 letters, digits and single hyphens within.
fn good_name(name: &str) -> Result<String, String> {
    let parts = name.split('-').filter(|part| !part.is_empty());
    let plain = parts.flat_map(str::bytes).all(|byte| byte.is_ascii_alphanumeric());
    let ends = name.starts_with('-') || name.ends_with('-');
    if plain && !ends && !name.is_empty() && name.len() <= 63 {
        return Ok(name.into());
    }
    Err(format!("Value '{name}' failed to satisfy constraint: at most 63 letters, digits and hyphens"))
}

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:sagemaker:us-east-1:000000000000:{kind}/{}", name.to_ascii_lowercase())
}
