//! The control plane of SageMaker, as far as a shadow endpoint needs it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Options;
use crate::http::Reply;

#[derive(Debug)]
pub(crate) struct Plane {
    configs: BTreeMap<String, Value>,
    endpoints: BTreeMap<String, Endpoint>,
    creating_polls: u32,
    endpoint_fails: bool,
    /// Names of the calls so far.
    pub(crate) calls: Vec<String>,
}

#[derive(Debug)]
struct Endpoint {
    config: String,
    polls_left: u32,
    fails: bool,
    made_here: bool,
}

impl Endpoint {
    fn status(&self) -> &'static str {
        match (self.polls_left, self.fails) {
            (1.., _) => "Creating",
            (0, true) => "Failed",
            (0, false) => "InService",
        }
    }
}

impl Plane {
    pub(crate) fn new(options: &Options) -> Plane {
        let standing = |name: &String| {
            let endpoint =
                Endpoint { config: "standing".into(), polls_left: 0, fails: false, made_here: false };
            (name.clone(), endpoint)
        };
        Plane {
            configs: BTreeMap::new(),
            endpoints: options.endpoints.iter().map(standing).collect(),
            creating_polls: options.creating_polls,
            endpoint_fails: options.faults.endpoint_fails,
            calls: Vec::new(),
        }
    }

    pub(crate) fn left_behind(&self) -> Vec<String> {
        let made = self.endpoints.iter().filter(|(_, endpoint)| endpoint.made_here);
        made.map(|(name, _)| name.clone()).chain(self.configs.keys().cloned()).collect()
    }

    /// Why this endpoint cannot be asked, if so.
    pub(crate) fn refuse_invocation(&self, name: &str) -> Option<Reply> {
        match self.endpoints.get(name).map(Endpoint::status) {
            Some("InService") => None,
            Some(_) => {
                Some(Reply::error(400, "ValidationError", &format!("Endpoint {name} is not in service.")))
            }
            None => Some(Reply::error(400, "ValidationError", &format!("Endpoint {name} not found."))),
        }
    }

    pub(crate) fn call(&mut self, action: &str, body: &[u8]) -> Reply {
        self.calls.push(action.to_string());
        let answer = serde_json::from_slice(body)
            .map_err(|error| ("SerializationException", error.to_string()))
            .and_then(|request: Value| self.answer(action, &request));
        match answer {
            Ok(value) => Reply::ok("application/x-amz-json-1.1", value.to_string().into_bytes()),
            Err((kind, message)) => Reply::error(400, kind, &message),
        }
    }

    fn answer(&mut self, action: &str, request: &Value) -> Result<Value, (&'static str, String)> {
        let invalid = |message: String| ("ValidationException", message);
        let missing =
            |what: &str, name: &str| invalid(format!("Could not find {what} \"{}\".", arn(what, name)));
        let field = |name: &str| {
            let text = request.get(name).and_then(Value::as_str);
            text.map(str::to_string).ok_or_else(|| invalid(format!("{name} is missing")))
        };
        match action {
            "DescribeModel" => {
                let name = field("ModelName")?;
                Ok(json!({
                    "ModelName": name, "ModelArn": arn("model", &name), "CreationTime": 1_705_000_000.0,
                    "EnableNetworkIsolation": false, "PrimaryContainer": {"Image": "image", "Mode": "SingleModel"},
                }))
            }
            "ListTags" => Ok(json!({"Tags": []})),
            "AddTags" => Ok(json!({"Tags": request.get("Tags")})),
            "CreateEndpointConfig" => {
                let name = field("EndpointConfigName")?;
                let config = request.clone();
                if self.configs.insert(name.clone(), config).is_some() {
                    return Err(invalid("Cannot create already existing endpoint configuration".into()));
                }
                Ok(json!({"EndpointConfigArn": arn("endpoint-config", &name)}))
            }
            "CreateEndpoint" => {
                let (name, config) = (field("EndpointName")?, field("EndpointConfigName")?);
                if !self.configs.contains_key(&config) {
                    return Err(missing("endpoint-config", &config));
                }
                if self.endpoints.contains_key(&name) {
                    return Err(invalid("Cannot create already existing endpoint".into()));
                }
                let (polls_left, fails) = (self.creating_polls, self.endpoint_fails);
                self.endpoints.insert(name.clone(), Endpoint { config, polls_left, fails, made_here: true });
                Ok(json!({"EndpointArn": arn("endpoint", &name)}))
            }
            "DescribeEndpoint" => {
                let name = field("EndpointName")?;
                let endpoint = self.endpoints.get_mut(&name).ok_or_else(|| missing("endpoint", &name))?;
                let status = endpoint.status();
                endpoint.polls_left = endpoint.polls_left.saturating_sub(1);
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
                self.endpoints.remove(&name).map(|_| json!({})).ok_or_else(|| missing("endpoint", &name))
            }
            "DescribeEndpointConfig" => {
                let name = field("EndpointConfigName")?;
                self.configs.get(&name).cloned().ok_or_else(|| missing("endpoint-config", &name))
            }
            "DeleteEndpointConfig" => {
                let name = field("EndpointConfigName")?;
                self.configs.remove(&name).map(|_| json!({})).ok_or_else(|| missing("endpoint-config", &name))
            }
            _ => Err(("UnknownOperationException", format!("{action} is not served"))),
        }
    }
}

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:sagemaker:us-east-1:000000000000:{kind}/{}", name.to_ascii_lowercase())
}
