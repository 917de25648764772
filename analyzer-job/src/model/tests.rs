//! The whole way to a model and back, against a server in this process.

mod hostile;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::fake::{Control, Fake, Faults};
use super::*;
use crate::config::{Location, ShadowEndpoint};

const QUICK: Backoff = Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(4) };

fn predictor(target: Target) -> Predictor {
    Predictor {
        target,
        target_model: None,
        custom_attributes: None,
        content_type: None,
        accept_type: None,
        content_template: Some(r#"{"features":$features}"#.into()),
        record_template: None,
        label: None,
        probability: Some(Location::Name("score".into())),
        label_headers: None,
    }
}

fn csv() -> Predictor {
    Predictor { content_template: None, probability: Some(Location::Index(0)), ..predictor(Target::None) }
}

fn request(content_type: ContentType) -> Request {
    Request {
        content_type,
        accept_type: content_type,
        feature_names: vec!["a".into(), "b".into()],
        probability_threshold: 0.5,
    }
}

fn connect(
    fake: &Fake,
    predictor: &Predictor,
    request: Request,
    access: &Access,
    stop: &Stop,
) -> Result<Model> {
    Model::connect_with(predictor, request, access, stop, false, QUICK, &|| Aws::at(&fake.url, stop))
}

/// By `model_url`, JSON Lines.
fn server(fake: &Fake) -> Model {
    let access = Access { model_url: Some(fake.url.clone()), ..Access::default() };
    let request = request(ContentType::JsonLines);
    connect(fake, &predictor(Target::None), request, &access, &Stop::default()).unwrap()
}

fn endpoint(fake: &Fake) -> Model {
    let predictor = predictor(Target::Endpoint("there".into()));
    connect(fake, &predictor, request(ContentType::JsonLines), &Access::default(), &Stop::default()).unwrap()
}

fn shadow(fake: &Fake, stop: &Stop) -> Result<Model> {
    let target = Target::Model(ShadowEndpoint {
        model_name: "m".into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: 1,
        accelerator_type: None,
        name_prefix: "sm-clarify".into(),
    });
    let access = Access {
        job_arn: Some("arn:aws:sagemaker:eu-west-1:0:processing-job/j".into()),
        job_name: Some("j".into()),
        ..Access::default()
    };
    connect(fake, &predictor(target), request(ContentType::JsonLines), &access, stop)
}

/// `n` rows (i, 1) with the expected scores i + 1.
fn rows(n: usize) -> (Cells, ModelRows, Vec<f64>) {
    let mut cells = Cells::default();
    let mut rows = ModelRows::new(2);
    let one = cells.intern(&Value::Int(1));
    for i in 0..n {
        let value = cells.intern(&Value::Float(i as f64));
        rows.push(&[value, one]);
    }
    (cells, rows, (0..n).map(|i| i as f64 + 1.0).collect())
}

#[track_caller]
fn check(model: &Model, n: usize) {
    let (cells, rows, expected) = rows(n);
    let scores = model.predict(&cells, &rows).unwrap();
    assert_eq!(scores.dim(), (n, 1));
    assert_eq!(scores.into_raw_vec_and_offset().0, expected);
}

fn fails(model: &Model, n: usize) -> Problem {
    let (cells, rows, _) = rows(n);
    model.predict(&cells, &rows).unwrap_err()
}

#[test]
fn rows_come_back_in_order_by_every_way() {
    let fake = Fake::start(Faults::default());
    let by_url = server(&fake);
    check(&by_url, 1500);
    assert_eq!(by_url.output_labels(), ["label0"]);
    assert_eq!(by_url.usage().rows, 1500);
    assert_eq!(fake.seen().records.iter().sum::<usize>(), 1500);
    check(&endpoint(&fake), 700);
    assert_eq!(fake.count("CreateEndpoint") + fake.count("DeleteEndpoint"), 0);
    let model = shadow(&fake, &Stop::default()).unwrap();
    check(&model, 10);
    model.close().unwrap();
    assert_eq!(fake.left(), [""; 0]);
    let signed = fake.seen().headers.last().unwrap()["authorization"].clone();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signed}");
}

#[test]
fn several_threads_ask_one_model() {
    let fake = Fake::start(Faults { delay: Duration::from_millis(5), ..Faults::default() });
    let model = server(&fake);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let model = &model;
            scope.spawn(move || check(model, 300 + n));
        }
    });
    assert!(fake.seen().most_running > 1);
}

#[test]
fn first_answer_comes_before_other_requests() {
    let fake = Fake::start(Faults { delay: Duration::from_millis(30), ..Faults::default() });
    let model = server(&fake);
    let (cells, rows, _) = rows(128);
    let before = Instant::now();
    model.predict(&cells, &rows).unwrap();
    assert!(before.elapsed() >= Duration::from_millis(60));
}

#[test]
fn csv_has_a_column_for_each_output_and_headers_fit() {
    let fake = Fake::start(Faults::default());
    let access = Access { model_url: Some(format!("{}/invocations", fake.url)), ..Access::default() };
    let both = Predictor { probability: None, ..csv() };
    let model = connect(&fake, &both, request(ContentType::Csv), &access, &Stop::default()).unwrap();
    let (cells, rows, _) = rows(3);
    let scores = model.predict(&cells, &rows).unwrap();
    assert_eq!(scores.row(2).to_vec(), [3.0, -2.0]);
    assert_eq!(model.output_labels(), ["label0", "label1"]);
    assert_eq!(fake.seen().bodies[0], "0.0,1\n1.0,1\n2.0,1");
    let named = Predictor { label_headers: Some(vec!["no".into(), "yes".into()]), ..both };
    let model = connect(&fake, &named, request(ContentType::Csv), &access, &Stop::default()).unwrap();
    let labels = model.predicted_labels(&cells, &rows).unwrap();
    assert_eq!(labels, [Value::Text("no".into()), Value::Text("no".into()), Value::Text("no".into())]);
}

#[test]
fn attributes_target_and_types_are_sent() {
    let fake = Fake::start(Faults::default());
    let predictor = Predictor {
        custom_attributes: Some("tenant=7".into()),
        target_model: Some("m1.tar.gz".into()),
        ..predictor(Target::Endpoint("there".into()))
    };
    let access = Access::default();
    let by_url = Access { model_url: Some(fake.url.clone()), ..Access::default() };
    for access in [access, by_url] {
        let request = request(ContentType::JsonLines);
        check(&connect(&fake, &predictor, request, &access, &Stop::default()).unwrap(), 1);
        let seen = fake.seen();
        let headers = seen.headers.last().unwrap();
        assert_eq!(headers["x-amzn-sagemaker-custom-attributes"], "tenant=7");
        assert_eq!(headers["x-amzn-sagemaker-target-model"], "m1.tar.gz");
        assert_eq!(headers["content-type"], "application/jsonlines");
        assert_eq!(headers["accept"], "application/jsonlines");
    }
}

#[test]
fn throttled_requests_are_sent_again_without_loss() {
    let invoke = |call: usize, _: usize| {
        (call <= 2 || call.is_multiple_of(3)).then(|| (400, "ThrottlingException", "Rate exceeded".into()))
    };
    let fake = Fake::start(Faults { invoke: Some(Box::new(invoke)), ..Faults::default() });
    let model = endpoint(&fake);
    check(&model, 3000);
    let usage = model.usage();
    assert!(usage.throttled >= 3 && usage.failed == 0, "{usage:?}");
    // Throttling tells nothing about the size of requests.
    assert!(*fake.seen().records.iter().max().unwrap() >= 256);
}

#[test]
fn endless_throttling_ends() {
    let invoke = |_: usize, _: usize| Some((429, "ThrottlingException", "Rate exceeded".into()));
    let fake = Fake::start(Faults { invoke: Some(Box::new(invoke)), ..Faults::default() });
    assert_eq!(fails(&endpoint(&fake), 5).code(), &codes::MODEL_THROTTLED);
    assert_eq!(fake.seen().actions.len(), 26);
}

#[test]
fn outages_resets_and_short_answers_lose_nothing() {
    let down =
        |call: usize, _: usize| (call.is_multiple_of(4)).then(|| (503, "ServiceUnavailable", "down".into()));
    for faults in [
        Faults { invoke: Some(Box::new(down)), ..Faults::default() },
        Faults { reset: Some(Box::new(|call| call == 1 || call.is_multiple_of(5))), ..Faults::default() },
        Faults { short: Some(Box::new(|call| call == 1 || call.is_multiple_of(4))), ..Faults::default() },
    ] {
        let fake = Fake::start(faults);
        check(&server(&fake), 4000);
        let model = endpoint(&fake);
        check(&model, 4000);
        assert!(model.usage().failed > 0);
    }
}

#[test]
fn requests_become_as_small_as_the_model_manages() {
    let most = |_: usize, records: usize| (records > 20).then(|| (424, "ModelError", "too many".into()));
    let fake = Fake::start(Faults { invoke: Some(Box::new(most)), ..Faults::default() });
    let model = endpoint(&fake);
    check(&model, 2000);
    let seen = fake.seen();
    assert!(seen.records.iter().all(|records| *records <= 20));
    let failed = model.usage().failed;
    assert!(failed < 40, "{failed} requests failed");
}

#[test]
fn too_large_bodies_are_halved_and_remembered() {
    let most =
        |_: usize, records: usize| (records > 50).then(|| (413, "PayloadTooLarge", "too large".into()));
    let fake = Fake::start(Faults { invoke: Some(Box::new(most)), ..Faults::default() });
    let model = server(&fake);
    check(&model, 2000);
    assert!(model.usage().failed < 20, "{:?}", model.usage());
    let one = |_: usize, _: usize| Some((413, "PayloadTooLarge", "too large".into()));
    let fake = Fake::start(Faults { invoke: Some(Box::new(one)), ..Faults::default() });
    assert_eq!(fails(&server(&fake), 5).code(), &codes::RECORD_TOO_LARGE);
}

#[test]
fn model_that_always_fails_is_given_up_with_what_it_said() {
    let always = |_: usize, _: usize| Some((424, "ModelError", "Internal Server Error".into()));
    let fake = Fake::start(Faults { invoke: Some(Box::new(always)), ..Faults::default() });
    let problem = fails(&endpoint(&fake), 600);
    assert_eq!(problem.code(), &codes::MODEL_FAILED);
    assert!(problem.to_string().contains("500 Internal Server Error"), "{problem}");
    assert!(fake.seen().actions.len() < 40);
}

#[test]
fn refusals_end_at_once() {
    let denied = |_: usize, _: usize| Some((403, "AccessDeniedException", "not authorized".into()));
    let fake = Fake::start(Faults { invoke: Some(Box::new(denied)), ..Faults::default() });
    let problem = fails(&endpoint(&fake), 5);
    assert_eq!(problem.code(), &codes::AWS_REFUSED);
    assert!(problem.to_string().contains("AccessDeniedException: not authorized"), "{problem}");
    assert_eq!(fake.count("InvokeEndpoint"), 1);
}

#[test]
fn nobody_at_the_address_is_told_soon() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let fake = Fake::start(Faults::default());
    let access = Access { model_url: Some(url), ..Access::default() };
    let request = request(ContentType::JsonLines);
    let model = connect(&fake, &predictor(Target::None), request, &access, &Stop::default()).unwrap();
    let began = Instant::now();
    let problem = fails(&model, 5);
    assert_eq!(problem.code(), &codes::MODEL_UNREACHABLE, "{problem}");
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[test]
fn unknown_endpoint_is_named() {
    let fake = Fake::start(Faults::default());
    let predictor = predictor(Target::Endpoint("nowhere".into()));
    let request = request(ContentType::JsonLines);
    let problem = connect(&fake, &predictor, request, &Access::default(), &Stop::default()).unwrap_err();
    assert!(problem.to_string().contains("there is no endpoint `nowhere`"), "{problem}");
}

#[test]
fn stop_ends_slow_work_quickly() {
    let fake = Fake::start(Faults { delay: Duration::from_secs(5), ..Faults::default() });
    let access = Access { model_url: Some(fake.url.clone()), ..Access::default() };
    let stop = Stop::default();
    let request = request(ContentType::JsonLines);
    let model = connect(&fake, &predictor(Target::None), request, &access, &stop).unwrap();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| fails(&model, 5));
        std::thread::sleep(Duration::from_millis(100));
        let began = Instant::now();
        stop.request();
        assert_eq!(asking.join().unwrap().code(), &codes::STOPPED);
        assert!(began.elapsed() < Duration::from_millis(500));
    });
}

#[test]
fn shadow_endpoint_is_made_with_tags_and_deleted() {
    let fake = Fake::start(Faults { creating: 1, ..Faults::default() });
    shadow(&fake, &Stop::default()).unwrap().close().unwrap();
    let seen = fake.seen();
    let of = |action: &str| seen.requests.iter().find(|(name, _)| name == action).unwrap().1.clone();
    let tags =
        serde_json::json!([{"Key": "team", "Value": "7"}, {"Key": "made-for-processing-job", "Value": "j"}]);
    let config = of("CreateEndpointConfig");
    assert_eq!(config["Tags"], tags);
    let variant = serde_json::json!([{"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1, "InitialVariantWeight": 1.0}]);
    assert_eq!(config["ProductionVariants"], variant);
    let made = of("CreateEndpoint");
    assert_eq!(made["EndpointConfigName"], config["EndpointConfigName"]);
    assert_eq!(of("DeleteEndpoint")["EndpointName"], made["EndpointName"]);
    assert_eq!(seen.endpoints, ["there"]);
}

/// Whatever happens, nothing is left.
#[track_caller]
fn leaves_nothing(
    control: impl Fn(&str, usize) -> Option<Control> + Send + Sync + 'static,
    works: bool,
) -> Fake {
    let fake = Fake::start(Faults { control: Some(Box::new(control)), ..Faults::default() });
    let made = shadow(&fake, &Stop::default());
    assert_eq!(made.is_ok(), works, "{made:?}");
    drop(made);
    assert_eq!(fake.left(), [""; 0]);
    fake
}

#[test]
fn throttled_control_plane_leaves_nothing() {
    leaves_nothing(
        |_, call| (call % 3 != 0).then_some(Control::Error(400, "ThrottlingException", "Rate exceeded")),
        true,
    );
}

#[test]
fn denied_endpoint_leaves_no_configuration() {
    let fake = leaves_nothing(
        |action, _| {
            (action == "CreateEndpoint").then_some(Control::Error(
                400,
                "AccessDeniedException",
                "not authorized",
            ))
        },
        false,
    );
    assert_eq!(fake.count("DeleteEndpoint"), 0);
    assert_eq!(fake.count("DeleteEndpointConfig"), 1);
}

#[test]
fn lost_answers_of_creations_leave_nothing() {
    let first = std::sync::atomic::AtomicBool::new(true);
    leaves_nothing(
        move |action, _| {
            (action == "CreateEndpoint" && first.swap(false, Ordering::SeqCst)).then_some(Control::Lost)
        },
        true,
    );
}

#[test]
fn missing_permission_for_tags_is_no_obstacle() {
    let refused = std::sync::atomic::AtomicBool::new(false);
    let fake = leaves_nothing(
        move |action, _| match action {
            "ListTags" => Some(Control::Error(400, "AccessDeniedException", "no")),
            "CreateEndpointConfig" if !refused.swap(true, Ordering::SeqCst) => Some(Control::Error(
                400,
                "AccessDeniedException",
                "not authorized to perform: sagemaker:AddTags",
            )),
            _ => None,
        },
        true,
    );
    assert_eq!(fake.count("CreateEndpointConfig"), 2);
}

#[test]
fn unknown_model_is_named_and_nothing_is_made() {
    let fake = Fake::start(Faults::default());
    let target = Target::Model(ShadowEndpoint {
        model_name: "no-such-model".into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: 1,
        accelerator_type: None,
        name_prefix: "p".into(),
    });
    let request = request(ContentType::JsonLines);
    let problem =
        connect(&fake, &predictor(target), request, &Access::default(), &Stop::default()).unwrap_err();
    assert!(problem.to_string().contains("no-such-model"), "{problem}");
    assert_eq!(fake.count("CreateEndpointConfig"), 0);
}

#[test]
fn panic_deletes_the_endpoint() {
    let fake = Fake::start(Faults::default());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let model = shadow(&fake, &Stop::default()).unwrap();
        check(&model, 3);
        panic!("a defect");
    }));
    assert!(panicked.is_err());
    assert_eq!(fake.left(), [""; 0]);
    assert_eq!(fake.count("DeleteEndpoint"), 1);
}

#[test]
fn stop_while_waiting_deletes_the_endpoint() {
    let fake = Fake::start(Faults { creating: usize::MAX, ..Faults::default() });
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let making = scope.spawn(|| shadow(&fake, &stop).unwrap_err());
        while fake.count("DescribeEndpoint") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let began = Instant::now();
        stop.request();
        assert_eq!(making.join().unwrap().code(), &codes::STOPPED);
        assert!(began.elapsed() < Duration::from_secs(2));
    });
    assert_eq!(fake.left(), [""; 0]);
}

#[test]
fn undeletable_endpoint_is_named_with_the_command() {
    let deny = |action: &str, _: usize| {
        (action == "DeleteEndpoint").then_some(Control::Error(400, "AccessDeniedException", "not authorized"))
    };
    let fake = Fake::start(Faults { control: Some(Box::new(deny)), ..Faults::default() });
    let problem = shadow(&fake, &Stop::default()).unwrap().close().unwrap_err();
    assert!(
        problem.to_string().contains("aws sagemaker delete-endpoint --endpoint-name sm-clarify-m-"),
        "{problem}"
    );
    assert_eq!(fake.left().len(), 1);
}

#[test]
fn metrics_are_posted_signed() {
    let fake = Fake::start(Faults::default());
    let stop = Stop::default();
    let aws = Aws::at(&fake.url, &stop).unwrap();
    let body = serde_json::json!({"Namespace": "n"});
    aws.post(&aws::CLOUDWATCH, "PutMetricData", &body, aws::Patience::NORMAL, Some(&stop)).unwrap();
    assert_eq!(fake.seen().requests, [("PutMetricData".to_string(), body)]);
}

#[test]
fn probe_shows_one_request_and_estimates() {
    let fake = Fake::start(Faults::default());
    let model = server(&fake);
    let (cells, rows, _) = rows(150);
    let probe = model.probe(&cells, &rows).unwrap();
    assert_eq!(probe.request, r#"{"features":[0.0,1]}"#);
    assert_eq!(probe.response, r#"{"score":1.0}"#);
    assert_eq!(probe.scores.as_ref().unwrap(), &[1.0]);
    assert_eq!(probe.label.as_ref().unwrap(), &Value::Int(1));
    assert_eq!(probe.several.unwrap().0, 100);
    let estimate = Probe {
        latency: Duration::from_millis(110),
        several: Some((11, Duration::from_millis(210))),
        ..probe
    }
    .estimate(9000);
    // 0.1 s for a request and 0.01 s for a row: 90 rows in a second, 100 requests, 4 at a time.
    assert_eq!(estimate.requests, 100);
    assert!((estimate.minutes - (100.0 * 0.1 + 9000.0 * 0.01) / 4.0 / 60.0).abs() < 1e-9);
}

#[test]
fn no_way_to_a_model_is_told() {
    let fake = Fake::start(Faults::default());
    let request = || request(ContentType::JsonLines);
    let none = connect(&fake, &predictor(Target::None), request(), &Access::default(), &Stop::default());
    assert!(none.unwrap_err().to_string().contains("`model_url`"));
    let access = Access { model_url: Some("localhost:8080".into()), ..Access::default() };
    let bad = connect(&fake, &predictor(Target::None), request(), &access, &Stop::default());
    assert!(bad.unwrap_err().to_string().contains("`model_url`: found `localhost:8080`"));
}
