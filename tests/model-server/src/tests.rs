use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Condvar;

use serde_json::{Value, json};

use super::*;

/// A client on one connection: status and body of each answer.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(server: &Server) -> Client {
        Client(BufReader::new(TcpStream::connect(server.address()).unwrap()))
    }

    fn send(&mut self, text: &str) -> Option<(u16, String)> {
        self.0.get_mut().write_all(text.as_bytes()).ok()?;
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line).ok()?;
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        Some((status, String::from_utf8(body).unwrap()))
    }

    fn post(&mut self, path: &str, headers: &str, body: &str) -> Option<(u16, String)> {
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn invoke(&mut self, content_type: &str, body: &str) -> (u16, String) {
        self.post("/invocations", &format!("Content-Type: {content_type}\r\n"), body).unwrap()
    }

    fn control(&mut self, action: &str, request: &Value) -> (u16, Value) {
        let (status, body) =
            self.post("/", &format!("X-Amz-Target: SageMaker.{action}\r\n"), &request.to_string()).unwrap();
        (status, serde_json::from_str(&body).unwrap())
    }
}

fn server(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options { model: Arc::new(double), ..Options::default() };
    change(&mut options);
    start(options).unwrap()
}

/// Twice the first cell.
fn double(row: &[Cell]) -> Vec<f64> {
    match row.first() {
        Some(Cell::Number(number)) => vec![2.0 * number],
        _ => vec![0.0],
    }
}

#[test]
fn three_forms_over_one_connection() {
    let server = server(|_| ());
    let mut client = Client::new(&server);
    assert_eq!(client.send("GET /ping HTTP/1.1\r\n\r\n").unwrap().0, 200);
    assert_eq!(client.invoke("text/csv; charset=utf-8", "0.1,x\n0.4,y"), (200, "0,0.2\n1,0.8\n".into()));
    assert_eq!(
        client.invoke("application/jsonlines", "{\"features\":[0.1]}\n{\"features\":[0.4]}\n"),
        (200, "{\"approved\":0,\"score\":0.2}\n{\"approved\":1,\"score\":0.8}\n".into())
    );
    assert_eq!(
        client.invoke("application/json", r#"{"instances":[[0.4]]}"#),
        (200, "{\"predictions\":[{\"approved\":1,\"score\":0.8}]}\n".into())
    );
    let accept = "Content-Type: application/json\r\nAccept: text/csv\r\n";
    assert_eq!(client.post("/invocations", accept, r#"{"features":[0.4]}"#), Some((200, "1,0.8\n".into())));
    assert_eq!(client.invoke("image/png", "x").0, 400);
    let Counts { requests, records, busy } = server.counts();
    assert_eq!((requests, records), (5, 6));
    assert!(busy > Duration::ZERO && busy < Duration::from_secs(60));
}

#[test]
fn chunked_bodies_are_put_together() {
    let server = server(|options| options.score_only = true);
    let request = "POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n0.1\r\n2;x=y\r\n\n1\r\n0\r\n\r\n";
    assert_eq!(Client::new(&server).send(request), Some((200, "0.2\n2\n".into())));
}

#[test]
fn several_outputs_give_the_place_of_the_highest() {
    let server = server(|options| options.model = Arc::new(|_| vec![0.2, 0.5, 0.3]));
    let mut client = Client::new(&server);
    assert_eq!(client.invoke("text/csv", "1"), (200, "1,0.2,0.5,0.3\n".into()));
    assert_eq!(
        client.invoke("application/jsonlines", "[1]"),
        (200, "{\"approved\":1,\"score\":[0.2,0.5,0.3]}\n".into())
    );
}

#[test]
fn faults_come_when_asked_for() {
    let server = server(|options| {
        options.faults = Faults {
            throttle_every: Some(2),
            unavailable_every: Some(3),
            reset_every: Some(7),
            above_records: Some(1),
            payload_limit: Some(10),
            ..Faults::default()
        };
    });
    let mut client = Client::new(&server);
    let mut status = |body: &str| client.post("/invocations", "", body).map(|(status, _)| status);
    let found = ["1", "1", "1", "1", "1\n2", "1", "1"].map(&mut status);
    assert_eq!(found, [Some(200), Some(429), Some(503), Some(429), Some(400), Some(429), None]);
    let mut client = Client::new(&server);
    assert_eq!(client.post("/invocations", "", "1").unwrap().0, 429);
    assert_eq!(client.post("/invocations", "", "1").unwrap().0, 503);
    assert_eq!(client.post("/endpoints/credit-endpoint/invocations", "", "1").unwrap().0, 400);
    let (status, body) = client.post("/endpoints/credit-endpoint/invocations", "", "1\n2").unwrap();
    assert_eq!(status, 424);
    assert!(body.contains("\"OriginalStatusCode\":400"), "{body}");
    client.post("/invocations", "", "1");
    assert_eq!(client.post("/invocations", "", "12345678901").unwrap().0, 413);
}

fn variant() -> Value {
    json!({"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1})
}

#[test]
fn what_aws_refuses_is_refused() {
    let server = server(|options| {
        options.creating_polls = 1;
        options.missing_models = vec!["gone".into()];
        options.leftovers = vec![("old-1700000000-0a1b".into(), "j".into())];
        options.jobs = [("j".to_string(), "Failed")].into();
    });
    let mut client = Client::new(&server);
    let mut refused = |action: &str, request: Value, words: &str| {
        let (status, answer) = client.control(action, &request);
        assert_eq!(status, 400, "{action} {request}");
        assert!(answer["message"].as_str().unwrap().contains(words), "{answer}");
    };
    let config =
        |name: &str, variant: Value| json!({"EndpointConfigName": name, "ProductionVariants": [variant]});
    refused("DescribeModel", json!({"ModelName": "gone"}), "Could not find");
    let mut of_no_model = variant();
    of_no_model["ModelName"] = json!("gone");
    refused("CreateEndpointConfig", config("c", of_no_model), "Could not find");
    refused("CreateEndpointConfig", config("c", json!({"ModelName": "m"})), "VariantName");
    refused("CreateEndpointConfig", json!({"EndpointConfigName": "c"}), "ProductionVariants");
    refused("CreateEndpointConfig", config(&"x".repeat(64), variant()), "63");
    refused("CreateEndpointConfig", config("a_b", variant()), "63");
    refused("DescribeProcessingJob", json!({"ProcessingJobName": "k"}), "Could not find");
    assert_eq!(client.control("CreateEndpointConfig", &config("c", variant())).0, 200);
    let endpoint =
        json!({"EndpointName": "e", "EndpointConfigName": "c", "Tags": [{"Key": "k", "Value": "v"}]});
    assert_eq!(client.control("CreateEndpoint", &endpoint).0, 200);
    let (status, answer) = client.control("DeleteEndpoint", &endpoint);
    assert!(status == 400 && answer["message"].as_str().unwrap().contains("in-progress"), "{answer}");
    assert_eq!(client.control("DeleteEndpoint", &endpoint).0, 200);
    let (_, endpoints) = client.control("ListEndpoints", &json!({}));
    let left = endpoints["Endpoints"].as_array().unwrap().last().unwrap();
    let tags = client.control("ListTags", &json!({"ResourceArn": left["EndpointArn"]})).1;
    assert_eq!(tags["Tags"], json!([{"Key": "made-for-processing-job", "Value": "j"}]));
}

#[test]
fn shadow_endpoint_lives_and_is_deleted() {
    let server = server(|options| options.creating_polls = 1);
    let mut client = Client::new(&server);
    let path = "/endpoints/shadow/invocations";
    assert_eq!(client.post(path, "", "1").unwrap().0, 400);
    let config = json!({"EndpointConfigName": "c", "ProductionVariants": [variant()]});
    assert_eq!(
        client.control("CreateEndpoint", &json!({"EndpointName": "shadow", "EndpointConfigName": "c"})).0,
        400
    );
    assert_eq!(client.control("CreateEndpointConfig", &config).0, 200);
    assert_eq!(
        client.control("CreateEndpoint", &json!({"EndpointName": "shadow", "EndpointConfigName": "c"})).0,
        200
    );
    assert_eq!(server.left_behind(), ["shadow", "c"]);
    let name = json!({"EndpointName": "shadow"});
    assert_eq!(client.control("DescribeEndpoint", &name).1["EndpointStatus"], "Creating");
    assert_eq!(client.control("DescribeEndpoint", &name).1["EndpointStatus"], "InService");
    assert_eq!(client.post(path, "", "0.4"), Some((200, "1,0.8\n".into())));
    assert_eq!(client.control("DeleteEndpointConfig", &json!({"EndpointConfigName": "c"})).0, 200);
    assert_eq!(client.control("DeleteEndpoint", &name).0, 200);
    assert_eq!(client.control("DeleteEndpoint", &name).1["__type"], "ValidationException");
    assert!(server.left_behind().is_empty());
    assert_eq!(server.control_calls().len(), 8);
}

#[test]
fn endpoint_that_fails_says_why() {
    let server = server(|options| options.faults.endpoint_fails = true);
    let mut client = Client::new(&server);
    client.control(
        "CreateEndpointConfig",
        &json!({"EndpointConfigName": "c", "ProductionVariants": [variant()]}),
    );
    client.control("CreateEndpoint", &json!({"EndpointName": "e", "EndpointConfigName": "c"}));
    let (_, answer) = client.control("DescribeEndpoint", &json!({"EndpointName": "e"}));
    assert_eq!(answer["EndpointStatus"], "Failed");
    assert!(answer["FailureReason"].as_str().unwrap().contains("ping"));
}

#[test]
fn served_scores_are_those_of_the_generated_traffic() {
    let server = start(Options::default()).unwrap();
    let mut client = Client::new(&server);
    for row in 0..50 {
        let applicant = credit::Applicant::draw(1, row, 0.0);
        let mut line = Vec::new();
        applicant.write_features(&mut line, b"");
        let (_, answer) = client.invoke("text/csv", &String::from_utf8(line).unwrap());
        let (label, score) = answer.trim().split_once(',').unwrap();
        assert_eq!(label, if applicant.approved() { "1" } else { "0" });
        let expected = f64::from(applicant.score_millionths) / 1e6;
        assert!((score.parse::<f64>().unwrap() - expected).abs() < 1e-6);
    }
}

/// Who waits for an answer would wait until its own patience ends.
#[test]
fn a_model_that_panics_ends_its_connection_and_no_other() {
    let server = server(|options| {
        options.model = Arc::new(|row| match row {
            [Cell::Word(_)] => panic!("on purpose"),
            _ => vec![0.5],
        });
    });
    let mut other = Client::new(&server);
    for path in ["/invocations", "/endpoints/credit-endpoint/invocations"] {
        let mut client = Client::new(&server);
        client.0.get_ref().set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let began = Instant::now();
        assert_eq!(client.post(path, "", "x"), None);
        assert!(began.elapsed() < Duration::from_secs(30), "the connection stays open");
        assert_eq!(other.post(path, "", "1").unwrap().0, 200);
    }
    assert_eq!(lock(&server.shared.work).running, 0);
}

/// As real endpoints do, which the client counts on: it keeps several requests in flight.
#[test]
fn an_endpoint_answers_several_requests_at_once() {
    let both = Arc::new((Mutex::new(0), Condvar::new()));
    let server = server(|options| {
        options.model = Arc::new(move |_| {
            let (inside, changed) = &*both;
            let mut inside = lock(inside);
            *inside += 1;
            changed.notify_all();
            let (inside, _) = changed
                .wait_timeout_while(inside, Duration::from_secs(60), |inside| *inside < 2)
                .unwrap_or_else(PoisonError::into_inner);
            vec![f64::from(u8::from(*inside >= 2))]
        });
    });
    let ask = || Client::new(&server).post("/endpoints/credit-endpoint/invocations", "", "1").unwrap();
    let answers =
        thread::scope(|scope| [scope.spawn(ask), scope.spawn(ask)].map(|asking| asking.join().unwrap()));
    assert!(answers.iter().all(|(status, body)| *status == 200 && body.ends_with(",1\n")), "{answers:?}");
}

#[test]
fn dropped_server_ends_its_connections() {
    let server = server(|_| ());
    let mut client = Client::new(&server);
    assert_eq!(client.invoke("text/csv", "1").0, 200);
    let address = server.address();
    drop(server);
    assert_eq!(client.post("/invocations", "", "1"), None);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn objects_are_listed_and_read_and_signers_remembered() {
    let objects = [("bucket/a b/1.csv", "x"), ("bucket/a b/2.csv", "yz"), ("bucket/c", "")];
    let objects = objects.map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()));
    let server = server(|options| options.objects = objects.into());
    let mut client = Client::new(&server);
    let (_, list) = client.send("GET /bucket?list-type=2&prefix=a%20b%2F HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(list.matches("<Key>").count(), 2, "{list}");
    let signed =
        "Authorization: AWS4-HMAC-SHA256 Credential=K/20240119/eu-west-1/s3/aws4_request, Signature=0\r\n";
    let read = client.send(&format!("GET /bucket/a%20b/2.csv HTTP/1.1\r\n{signed}\r\n"));
    assert_eq!(read, Some((200, "yz".into())));
    assert_eq!(client.send("GET /bucket/d HTTP/1.1\r\n\r\n").unwrap().0, 404);
    assert_eq!(server.signers(), ["K/eu-west-1/s3"]);
}
