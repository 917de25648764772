//! A SageMaker and a model container for tests, in this process: a linear model over CSV or JSON
//! Lines, endpoints that come and go, and faults on demand.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value as Json, json};

type Invoke = Box<dyn Fn(usize, usize) -> Option<(u16, &'static str, String)> + Send + Sync>;
type Controlled = Box<dyn Fn(&str, usize) -> Option<Control> + Send + Sync>;

/// What goes wrong, by the number of the call (from 1).
#[derive(Default)]
pub(crate) struct Faults {
    /// An answer instead of the model's, by number of the call and of its records: status, `__type`, text.
    pub(crate) invoke: Option<Invoke>,
    /// The connection is closed without an answer.
    pub(crate) reset: Option<Box<dyn Fn(usize) -> bool + Send + Sync>>,
    /// The last prediction is left out; of calls with several records.
    pub(crate) short: Option<Box<dyn Fn(usize) -> bool + Send + Sync>>,
    pub(crate) delay: Duration,
    /// Of the control plane: an answer instead, by action and number of the call.
    pub(crate) control: Option<Controlled>,
    /// Looks that find `Creating`.
    pub(crate) creating: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Control {
    Error(u16, &'static str, &'static str),
    /// The call has its effect, its answer is lost.
    Lost,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// Actions in order; `InvokeEndpoint` and `Invocations` too.
    pub(crate) actions: Vec<String>,
    /// Records of each answered request.
    pub(crate) records: Vec<usize>,
    pub(crate) bodies: Vec<String>,
    pub(crate) headers: Vec<HashMap<String, String>>,
    pub(crate) endpoints: Vec<String>,
    pub(crate) configs: Vec<String>,
    pub(crate) requests: Vec<(String, Json)>,
    looks: usize,
    pub(crate) most_running: usize,
}

pub(crate) struct Fake {
    pub(crate) url: String,
    state: Arc<State>,
}

struct State {
    faults: Faults,
    seen: Mutex<Seen>,
    invoked: AtomicUsize,
    controlled: AtomicUsize,
    running: AtomicUsize,
}

impl Fake {
    /// Listens until the test process ends.
    pub(crate) fn start(faults: Faults) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Seen { endpoints: vec!["there".into()], ..Seen::default() };
        let state = Arc::new(State {
            faults,
            seen: Mutex::new(seen),
            invoked: AtomicUsize::new(0),
            controlled: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let _ = serve(stream, &state);
                });
            }
        });
        Fake { url, state }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.state.seen.lock().unwrap()
    }

    pub(crate) fn count(&self, action: &str) -> usize {
        self.seen().actions.iter().filter(|seen| *seen == action).count()
    }

    /// Endpoints and configurations that tests did not begin with.
    pub(crate) fn left(&self) -> Vec<String> {
        let seen = self.seen();
        seen.endpoints.iter().filter(|name| *name != "there").chain(&seen.configs).cloned().collect()
    }
}

fn serve(stream: TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_string();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_string());
        }
        let mut body = vec![0; headers.get("content-length").map_or(0, |n| n.parse().unwrap())];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8(body).unwrap();
        let running = state.running.fetch_add(1, Ordering::SeqCst) + 1;
        {
            let mut seen = state.seen.lock().unwrap();
            seen.most_running = seen.most_running.max(running);
        }
        let answer = answer(state, &path, &headers, &body);
        state.running.fetch_sub(1, Ordering::SeqCst);
        let Some((status, kind, text)) = answer else { return Ok(()) };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nx-amzn-errortype: {kind}\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        out.write_all(head.as_bytes())?;
        out.write_all(text.as_bytes())?;
    }
}

/// Status, error type and body; none: the connection is closed.
fn answer(
    state: &State,
    path: &str,
    headers: &HashMap<String, String>,
    body: &str,
) -> Option<(u16, String, String)> {
    if let Some(target) = headers.get("x-amz-target") {
        let action = target.split('.').nth(1).unwrap_or_default();
        return control(state, action, &serde_json::from_str(body).unwrap());
    }
    let call = state.invoked.fetch_add(1, Ordering::SeqCst) + 1;
    {
        let mut seen = state.seen.lock().unwrap();
        seen.actions.push(if path == "/invocations" { "Invocations" } else { "InvokeEndpoint" }.into());
        seen.headers.push(headers.clone());
    }
    std::thread::sleep(state.faults.delay);
    let faults = &state.faults;
    if faults.reset.as_ref().is_some_and(|reset| reset(call)) {
        return None;
    }
    let lines: Vec<&str> = body.lines().collect();
    if let Some((status, kind, text)) = faults.invoke.as_ref().and_then(|invoke| invoke(call, lines.len())) {
        return Some((status, kind.into(), error(kind, &text, status)));
    }
    let jsonl = headers.get("content-type").is_some_and(|kind| kind.contains("jsonlines"));
    let mut predictions: Vec<String> = lines
        .iter()
        .map(|line| {
            let sum: f64 = if jsonl {
                let record: Json = serde_json::from_str(line).unwrap();
                record["features"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(0.0)).sum()
            } else {
                line.split(',').map(|cell| cell.parse::<f64>().unwrap_or(0.0)).sum()
            };
            if jsonl { format!("{{\"score\":{sum:?}}}") } else { format!("{sum:?},{:?}", 1.0 - sum) }
        })
        .collect();
    if lines.len() > 1 && faults.short.as_ref().is_some_and(|short| short(call)) {
        predictions.pop();
    }
    let mut seen = state.seen.lock().unwrap();
    seen.records.push(lines.len());
    seen.bodies.push(body.to_string());
    Some((200, String::new(), predictions.join("\n")))
}

fn error(kind: &str, text: &str, status: u16) -> String {
    let mut error = json!({"__type": kind, "message": text, "Message": text});
    if status == 424 {
        error["OriginalStatusCode"] = json!(500);
        error["OriginalMessage"] = json!(text);
    }
    error.to_string()
}

fn control(state: &State, action: &str, request: &Json) -> Option<(u16, String, String)> {
    let call = state.controlled.fetch_add(1, Ordering::SeqCst) + 1;
    let fault = state.faults.control.as_ref().and_then(|control| control(action, call));
    let mut seen = state.seen.lock().unwrap();
    seen.actions.push(action.to_string());
    seen.requests.push((action.to_string(), request.clone()));
    if let Some(Control::Error(status, kind, text)) = fault {
        return Some((status, kind.into(), error(kind, text, status)));
    }
    let name = |field: &str| request[field].as_str().unwrap_or_default().to_string();
    let refuse = |text: &str| Err(text.to_string());
    let missing = || refuse("Could not find what was named.");
    let remove = |names: &mut Vec<String>, name: &str| {
        let before = names.len();
        names.retain(|known| known != name);
        names.len() < before
    };
    let done = match action {
        "DescribeModel" if request["ModelName"] == "no-such-model" => missing(),
        "DescribeModel" => Ok(json!({"PrimaryContainer": {"Mode": "SingleModel"}})),
        "ListTags" => Ok(json!({"Tags": [{"Key": "team", "Value": "7"}, {"Key": "aws:x", "Value": "y"}]})),
        "CreateEndpointConfig" if seen.configs.contains(&name("EndpointConfigName")) => {
            refuse("Cannot create already existing endpoint configuration")
        }
        "CreateEndpointConfig" => {
            seen.configs.push(name("EndpointConfigName"));
            Ok(json!({}))
        }
        "CreateEndpoint" if seen.endpoints.contains(&name("EndpointName")) => {
            refuse("Cannot create already existing endpoint")
        }
        "CreateEndpoint" => {
            seen.endpoints.push(name("EndpointName"));
            Ok(json!({}))
        }
        "DescribeEndpoint" if !seen.endpoints.contains(&name("EndpointName")) => missing(),
        "DescribeEndpoint" => {
            seen.looks += 1;
            let status = if seen.looks > state.faults.creating { "InService" } else { "Creating" };
            Ok(json!({"EndpointStatus": status, "ProductionVariants": [{"CurrentInstanceCount": 2}]}))
        }
        "DeleteEndpoint" if remove(&mut seen.endpoints, &name("EndpointName")) => Ok(json!({})),
        "DeleteEndpointConfig" if remove(&mut seen.configs, &name("EndpointConfigName")) => Ok(json!({})),
        "PutMetricData" => Ok(json!({})),
        _ => missing(),
    };
    if fault == Some(Control::Lost) {
        return None;
    }
    Some(match done {
        Ok(answer) => (200, String::new(), answer.to_string()),
        Err(text) => (400, "ValidationException".into(), error("ValidationException", &text, 400)),
    })
}
