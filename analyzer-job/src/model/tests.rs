//! The whole way to a model and back, against a server in this process.

mod hostile;
mod lists;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use plumbline_model_server::{Cell, ControlFault, Faults, Instead, Options, Script, Server};

use super::*;
use crate::config::{Location, ShadowEndpoint};
use crate::values::cells::Value;

pub(super) const QUICK: Backoff = Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(4) };

fn predictor(target: Target) -> Predictor {
    Predictor {
        target,
        content_template: Some(r#"{"features":$features}"#.into()),
        probability: Some(Location::Name("score".into())),
        ..Predictor::default()
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

/// A server whose model adds the cells of a row up, with one thing or another changed.
fn started(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options {
        model: Arc::new(|row| vec![sum(row)]),
        score_only: true,
        endpoints: vec!["there".into()],
        missing_models: vec!["no-such-model".into()],
        job_tags: vec![("team".into(), "7".into()), ("aws:x".into(), "y".into())],
        remember: true,
        ..Options::default()
    };
    change(&mut options);
    plumbline_model_server::start(options).unwrap()
}

fn sum(row: &[Cell]) -> f64 {
    row.iter().map(|cell| if let Cell::Number(number) = cell { *number } else { 0.0 }).sum()
}

fn invoked(script: impl Fn(u64, usize) -> Option<Instead> + Send + Sync + 'static) -> Server {
    started(|options| options.faults.script = Script::invoked(script))
}

fn controlled(script: impl Fn(&str, u64) -> Option<ControlFault> + Send + Sync + 'static) -> Server {
    started(|options| options.faults.script = Script::controlled(script))
}

fn count(server: &Server, action: &str) -> usize {
    server.control_calls().iter().filter(|call| *call == action).count()
}

fn connect(
    fake: &Server,
    predictor: &Predictor,
    request: Request,
    access: &Access,
    stop: &Stop,
) -> Result<Model> {
    Model::connect_with(predictor, request, access, stop, false, QUICK, &|| Aws::at(&fake.url(), stop))
}

/// By `model_url`, JSON Lines.
fn server(fake: &Server) -> Model {
    let access = Access { model_url: Some(fake.url()), ..Access::default() };
    let request = request(ContentType::JsonLines);
    connect(fake, &predictor(Target::None), request, &access, &Stop::default()).unwrap()
}

fn endpoint(fake: &Server) -> Model {
    let predictor = predictor(Target::Endpoint("there".into()));
    connect(fake, &predictor, request(ContentType::JsonLines), &Access::default(), &Stop::default()).unwrap()
}

fn access_of_job() -> Access {
    Access {
        job_arn: Some("arn:aws:sagemaker:eu-west-1:0:processing-job/j".into()),
        job_name: Some("j".into()),
        ..Access::default()
    }
}

fn shadow(fake: &Server, stop: &Stop) -> Result<Model> {
    shadow_with(fake, stop, &access_of_job())
}

fn shadow_with(fake: &Server, stop: &Stop, access: &Access) -> Result<Model> {
    let target = Target::Model(ShadowEndpoint {
        model_name: "m".into(),
        instance_type: "ml.m5.large".into(),
        initial_instance_count: 1,
        accelerator_type: None,
        name_prefix: "sm-clarify".into(),
    });
    connect(fake, &predictor(target), request(ContentType::JsonLines), access, stop)
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
    let fake = started(|_| ());
    let by_url = server(&fake);
    check(&by_url, 1500);
    assert_eq!(by_url.output_labels(), ["label0"]);
    assert_eq!(by_url.usage().rows, 1500);
    assert_eq!(fake.counts().records, 1500);
    check(&endpoint(&fake), 700);
    assert_eq!(count(&fake, "CreateEndpoint") + count(&fake, "DeleteEndpoint"), 0);
    let model = shadow(&fake, &Stop::default()).unwrap();
    check(&model, 10);
    assert_eq!(model.close(), []);
    assert_eq!(fake.left_behind(), [""; 0]);
    let signed = fake.seen().headers.last().unwrap()["authorization"].clone();
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signed}");
}

#[test]
fn several_threads_ask_one_model() {
    let fake = started(|options| options.latency = Duration::from_millis(5));
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
    let fake = started(|options| options.latency = Duration::from_millis(30));
    let model = server(&fake);
    let (cells, rows, _) = rows(128);
    let before = Instant::now();
    model.predict(&cells, &rows).unwrap();
    assert!(before.elapsed() >= Duration::from_millis(60));
}

#[test]
fn csv_has_a_column_for_each_output_and_headers_fit() {
    let fake = started(|options| options.model = Arc::new(|row| vec![sum(row), 1.0 - sum(row)]));
    let access = Access { model_url: Some(format!("{}/invocations", fake.url())), ..Access::default() };
    let both = Predictor { probability: None, ..csv() };
    let model = connect(&fake, &both, request(ContentType::Csv), &access, &Stop::default()).unwrap();
    let (cells, rows, _) = rows(3);
    let scores = model.predict(&cells, &rows).unwrap();
    assert_eq!(scores.row(2).to_vec(), [3.0, -2.0]);
    assert_eq!(model.output_labels(), ["label0", "label1"]);
    assert_eq!(fake.seen().bodies[0], "0.0,1\n1.0,1\n2.0,1");
    let named = Predictor { label_headers: Some(vec!["no".into(), "yes".into()]), ..both };
    let model = connect(&fake, &named, request(ContentType::Csv), &access, &Stop::default()).unwrap();
    let labels = model.predicted_labels(&cells, &rows, &|_| Ok(())).unwrap();
    assert!((0..3).all(|row| labels.text(row) == "no"), "{labels:?}");
}

#[test]
fn attributes_target_and_types_are_sent() {
    let fake = started(|_| ());
    let predictor = Predictor {
        custom_attributes: Some("tenant=7".into()),
        target_model: Some("m1.tar.gz".into()),
        ..predictor(Target::Endpoint("there".into()))
    };
    let access = Access::default();
    let by_url = Access { model_url: Some(fake.url()), ..Access::default() };
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
    let throttled = || Instead::Refuse(400, "ThrottlingException", "Rate exceeded".into());
    let fake = invoked(move |call, _| (call <= 2 || call.is_multiple_of(3)).then(throttled));
    let model = endpoint(&fake);
    check(&model, 3000);
    let usage = model.usage();
    assert!(usage.throttled >= 3 && usage.failed == 0, "{usage:?}");
    // Throttling tells nothing about the size of requests.
    assert!(*fake.seen().rows.iter().max().unwrap() >= 256);
}

#[test]
fn endless_throttling_ends() {
    let fake = invoked(|_, _| Some(Instead::Refuse(429, "ThrottlingException", "Rate exceeded".into())));
    assert_eq!(fails(&endpoint(&fake), 5).code(), &codes::MODEL_THROTTLED);
    assert_eq!(fake.counts().requests, 25);
}

#[test]
fn outages_resets_and_short_answers_lose_nothing() {
    let scripts: [fn(u64, usize) -> Option<Instead>; 3] = [
        |call, _| call.is_multiple_of(4).then(|| Instead::Refuse(503, "ServiceUnavailable", "down".into())),
        |call, _| (call == 1 || call.is_multiple_of(5)).then_some(Instead::Reset),
        |call, rows| (rows > 1 && (call == 1 || call.is_multiple_of(4))).then_some(Instead::Short),
    ];
    for script in scripts {
        let fake = invoked(script);
        check(&server(&fake), 4000);
        let model = endpoint(&fake);
        check(&model, 4000);
        assert!(model.usage().failed > 0);
    }
}

#[test]
fn requests_become_as_small_as_the_model_manages() {
    let fake = invoked(|_, rows| (rows > 20).then(|| Instead::Fail(500, "too many".into())));
    let model = endpoint(&fake);
    check(&model, 2000);
    assert!(fake.seen().rows.iter().all(|rows| *rows <= 20));
    let failed = model.usage().failed;
    assert!(failed < 40, "{failed} requests failed");
}

#[test]
fn too_large_bodies_are_halved_and_remembered() {
    let fake =
        invoked(|_, rows| (rows > 50).then(|| Instead::Refuse(413, "PayloadTooLarge", "large".into())));
    let model = server(&fake);
    check(&model, 2000);
    assert!(model.usage().failed < 20, "{:?}", model.usage());
    let fake = invoked(|_, _| Some(Instead::Refuse(413, "PayloadTooLarge", "large".into())));
    assert_eq!(fails(&server(&fake), 5).code(), &codes::RECORD_TOO_LARGE);
}

#[test]
fn model_that_always_fails_is_given_up_with_what_it_said() {
    let fake = invoked(|_, _| Some(Instead::Fail(500, "<h1>Internal Server Error</h1>".into())));
    let model = endpoint(&fake);
    let problem = fails(&model, 600);
    assert_eq!(problem.code(), &codes::MODEL_FAILED);
    assert!(problem.to_string().contains("500 Internal Server Error"), "{problem}");
    assert!(fake.counts().requests < 40);
    // The row that it failed on alone is the first one sent.
    assert_eq!(model.refused_row(), Some(rows(600).1.row(0).to_vec()));
}

#[test]
fn refusals_end_at_once() {
    let fake = invoked(|_, _| Some(Instead::Refuse(403, "AccessDeniedException", "not authorized".into())));
    let problem = fails(&endpoint(&fake), 5);
    assert_eq!(problem.code(), &codes::AWS_REFUSED);
    assert!(problem.to_string().contains("AccessDeniedException: not authorized"), "{problem}");
    assert_eq!(fake.counts().requests, 1);
}

#[test]
fn nobody_at_the_address_is_told_soon() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let fake = started(|_| ());
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
    let fake = started(|_| ());
    let predictor = predictor(Target::Endpoint("nowhere".into()));
    let request = request(ContentType::JsonLines);
    let problem = connect(&fake, &predictor, request, &Access::default(), &Stop::default()).unwrap_err();
    assert!(problem.to_string().contains("there is no endpoint `nowhere`"), "{problem}");
}

#[test]
fn stop_ends_slow_work_quickly() {
    let fake = started(|options| options.latency = Duration::from_secs(5));
    let access = Access { model_url: Some(fake.url()), ..Access::default() };
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
    let fake = started(|options| options.creating_polls = 1);
    assert_eq!(shadow(&fake, &Stop::default()).unwrap().close(), []);
    let tags =
        serde_json::json!([{"Key": "team", "Value": "7"}, {"Key": "made-for-processing-job", "Value": "j"}]);
    let config = fake.control_request("CreateEndpointConfig");
    assert_eq!(config["Tags"], tags);
    let variant = serde_json::json!([{"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1, "InitialVariantWeight": 1.0}]);
    assert_eq!(config["ProductionVariants"], variant);
    let made = fake.control_request("CreateEndpoint");
    assert_eq!(made["EndpointConfigName"], config["EndpointConfigName"]);
    assert_eq!(fake.control_request("DeleteEndpoint")["EndpointName"], made["EndpointName"]);
    assert_eq!(fake.standing(), ["there"]);
}

/// Whatever happens, nothing is left.
#[track_caller]
fn leaves_nothing(
    control: impl Fn(&str, u64) -> Option<ControlFault> + Send + Sync + 'static,
    works: bool,
) -> Server {
    let fake = controlled(control);
    let made = shadow(&fake, &Stop::default());
    assert_eq!(made.is_ok(), works, "{made:?}");
    drop(made);
    assert_eq!(fake.left_behind(), [""; 0]);
    fake
}

const DENIED: ControlFault = ControlFault::Refuse(400, "AccessDeniedException", "not authorized");

#[test]
fn throttled_control_plane_leaves_nothing() {
    let throttled = ControlFault::Refuse(400, "ThrottlingException", "Rate exceeded");
    leaves_nothing(move |_, call| (call % 3 != 0).then_some(throttled), true);
}

#[test]
fn denied_endpoint_leaves_no_configuration() {
    let fake = leaves_nothing(|action, _| (action == "CreateEndpoint").then_some(DENIED), false);
    assert_eq!(count(&fake, "DeleteEndpoint"), 0);
    assert_eq!(count(&fake, "DeleteEndpointConfig"), 1);
}

#[test]
fn lost_answers_of_creations_leave_nothing() {
    let first = AtomicBool::new(true);
    leaves_nothing(
        move |action, _| {
            (action == "CreateEndpoint" && first.swap(false, Ordering::SeqCst)).then_some(ControlFault::Lost)
        },
        true,
    );
}

#[test]
fn missing_permission_for_tags_is_no_obstacle() {
    let refused = AtomicBool::new(false);
    let fake = leaves_nothing(
        move |action, _| match action {
            "ListTags" => Some(DENIED),
            "CreateEndpointConfig" if !refused.swap(true, Ordering::SeqCst) => Some(ControlFault::Refuse(
                400,
                "AccessDeniedException",
                "not authorized to perform: sagemaker:AddTags",
            )),
            _ => None,
        },
        true,
    );
    assert_eq!(count(&fake, "CreateEndpointConfig"), 2);
}

/// The jobs of endpoints that stand in the account, on more than one page of names: they failed, run, were stopped, are
/// not known; and this one.
const JOBS: [&str; 5] = ["failed", "running", "stopped", "unknown", "j"];

fn with_leftovers(control: impl Fn(&str, u64) -> Option<ControlFault> + Send + Sync + 'static) -> Server {
    started(|options| {
        let of = |job: &str| (format!("sm-clarify-{job}-1700000000-0a1b"), job.to_string());
        options.leftovers = JOBS.map(of).to_vec();
        options.jobs = BTreeMap::from([
            ("failed".to_string(), "Failed"),
            ("running".to_string(), "InProgress"),
            ("stopped".to_string(), "Stopped"),
            // This job, whatever the account says of it.
            ("j".to_string(), "Stopped"),
        ]);
        options.faults.script = Script::controlled(control);
    })
}

fn is_swept(fake: &Server) -> Vec<bool> {
    let standing = fake.standing();
    let stays = |job: &str| {
        let name = format!("sm-clarify-{job}-1700000000-0a1b");
        let both = [name.clone(), format!("{name}-config")].map(|name| standing.contains(&name));
        assert_eq!(both[0], both[1], "{standing:?}");
        both[0]
    };
    JOBS.map(|job| !stays(job)).to_vec()
}

#[test]
fn what_ended_jobs_left_is_deleted_before_an_endpoint_is_made() {
    let fake = with_leftovers(|_, _| None);
    shadow(&fake, &Stop::default()).unwrap();
    assert_eq!(is_swept(&fake), [true, false, true, false, false]);
    let calls = fake.control_calls();
    let place = |action: &str| calls.iter().position(|call| call == action).unwrap();
    assert!(place("DeleteEndpoint") < place("CreateEndpointConfig"), "{calls:?}");
    assert!(fake.standing().contains(&"there".to_string()));
}

#[test]
fn a_role_that_may_not_sweep_goes_on() {
    for denied in ["ListEndpoints", "ListEndpointConfigs", "DescribeProcessingJob", "ListTags"] {
        let fake = with_leftovers(move |action, _| (action == denied).then_some(DENIED));
        shadow(&fake, &Stop::default()).unwrap();
        assert_eq!(is_swept(&fake), [false; 5], "{denied}");
        assert_eq!(fake.left_behind(), [""; 0]);
    }
}

#[test]
fn unknown_model_is_named_and_nothing_is_made() {
    let fake = started(|_| ());
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
    assert_eq!(count(&fake, "CreateEndpointConfig"), 0);
}

#[test]
fn panic_deletes_the_endpoint() {
    let fake = started(|_| ());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let model = shadow(&fake, &Stop::default()).unwrap();
        check(&model, 3);
        panic!("a defect");
    }));
    assert!(panicked.is_err());
    assert_eq!(fake.left_behind(), [""; 0]);
    assert_eq!(count(&fake, "DeleteEndpoint"), 1);
}

#[test]
fn stop_while_waiting_deletes_the_endpoint_once_aws_allows() {
    let fake = started(|options| options.creating = Duration::from_millis(2500));
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let making = scope.spawn(|| shadow(&fake, &stop).unwrap_err());
        while count(&fake, "DescribeEndpoint") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let began = Instant::now();
        stop.request();
        while count(&fake, "DeleteEndpoint") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(began.elapsed() < Duration::from_secs(1));
        assert_eq!(making.join().unwrap().code(), &codes::STOPPED);
    });
    assert_eq!(fake.left_behind(), [""; 0]);
    assert!(count(&fake, "DeleteEndpoint") > 1);
}

/// A kill may come while AWS still refuses: the exit message is there before.
#[test]
fn while_an_endpoint_cannot_be_deleted_the_exit_message_names_it() {
    let fake = started(|options| options.creating = Duration::from_millis(2500));
    let stop = Stop::default();
    let root = tempfile::tempdir().unwrap();
    let tree = Tree::at(root.path());
    let access = Access { tree: Some(tree.clone()), ..access_of_job() };
    std::thread::scope(|scope| {
        let making = scope.spawn(|| shadow_with(&fake, &stop, &access).unwrap_err());
        while count(&fake, "DescribeEndpoint") == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!tree.message_path().exists());
        stop.request();
        while count(&fake, "DeleteEndpoint") < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        // It is written again at each refusal, and may be looked at in between.
        let began = Instant::now();
        let mut message = String::new();
        while message.is_empty() && began.elapsed() < Duration::from_secs(2) {
            message = std::fs::read_to_string(tree.message_path()).unwrap();
        }
        assert!(message.starts_with("Stopped: PL0904: "), "{message}");
        assert!(message.contains("aws sagemaker delete-endpoint --endpoint-name sm-clarify-m-"), "{message}");
        making.join().unwrap();
    });
}

/// Whatever the program does meanwhile: here it does not look at the stop flag at all.
#[test]
fn a_stop_deletes_an_endpoint_in_use_at_once() {
    let fake = started(|_| ());
    let stop = Stop::default();
    let model = shadow(&fake, &stop).unwrap();
    stop.request();
    let began = Instant::now();
    while !fake.left_behind().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(2));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(model.close(), []);
}

/// A stop at any call of the control plane, in every state that the endpoint goes through, whether the call is answered, loses its
/// answer or is refused for a time: nothing stays.
#[test]
fn a_stop_at_any_call_leaves_nothing() {
    const THROTTLED: ControlFault = ControlFault::Refuse(400, "ThrottlingException", "Rate exceeded");
    for (fails, creating_polls) in [(false, 0), (false, 1), (true, 0)] {
        for fault in [None, Some(ControlFault::Lost), Some(THROTTLED)] {
            let stopped_at = |at: u64| {
                let stop = Stop::default();
                let fake = started(|options| {
                    (options.creating_polls, options.faults.endpoint_fails) = (creating_polls, fails);
                    options.deleting = Duration::from_millis(300);
                    let stop = stop.clone();
                    options.faults.script = Script::controlled(move |_, call| {
                        if call == at {
                            stop.request();
                        }
                        fault.filter(|_| call == at)
                    });
                });
                let made = shadow(&fake, &stop);
                let told = format!("call {at}, {fault:?}: {made:?}, {:?}", fake.control_calls());
                match made {
                    Ok(model) => assert_eq!(model.close(), [], "{told}"),
                    Err(problem) => {
                        let expected = [&codes::STOPPED, &codes::ENDPOINT_NOT_IN_SERVICE];
                        assert!(expected[..1 + usize::from(fails)].contains(&problem.code()), "{told}");
                        assert!(!problem.to_string().contains("could not be deleted"), "{told}");
                    }
                }
                assert_eq!(fake.left_behind(), [""; 0], "{told}");
                fake.control_calls().len() as u64 >= at
            };
            assert!((1..).take_while(|at| stopped_at(*at)).count() >= 10);
        }
    }
}

/// What others made is waited for or refused, as its status says, and never deleted.
#[test]
fn an_endpoint_of_others_stays_whatever_its_status() {
    for (status, serves) in [
        ("Updating", true),
        ("SystemUpdating", true),
        ("RollingBack", true),
        ("Failed", false),
        ("Deleting", false),
        ("OutOfService", false),
        ("Creating", false),
    ] {
        let fake = started(|options| options.statuses = [("there".to_string(), status)].into());
        let stop = Stop::default();
        let there = predictor(Target::Endpoint("there".into()));
        let made = std::thread::scope(|scope| {
            let request = request(ContentType::JsonLines);
            let making = scope.spawn(|| connect(&fake, &there, request, &Access::default(), &stop));
            if status == "Creating" {
                while count(&fake, "DescribeEndpoint") == 0 {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let began = Instant::now();
                stop.request();
                while !making.is_finished() {
                    assert!(began.elapsed() < Duration::from_secs(1));
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            making.join().unwrap()
        });
        match made {
            Ok(model) => {
                assert!(serves, "{status}");
                check(&model, 3);
            }
            Err(problem) if status == "Creating" => assert_eq!(problem.code(), &codes::STOPPED),
            Err(problem) => {
                assert_eq!(problem.code(), &codes::ENDPOINT_NOT_IN_SERVICE, "{problem}");
                assert!(!serves && problem.to_string().contains(status), "{problem}");
            }
        }
        assert_eq!(count(&fake, "DeleteEndpoint"), 0, "{status}");
        assert_eq!(fake.standing(), ["there"]);
    }
}

#[test]
fn an_endpoint_is_deleted_while_the_program_goes_on() {
    let fake = started(|_| ());
    let model = shadow(&fake, &Stop::default()).unwrap();
    check(&model, 10);
    model.finish();
    let began = Instant::now();
    while !fake.left_behind().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(2));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(model.output_labels(), ["label0"]);
    assert_eq!(model.close(), []);
}

#[test]
fn what_cannot_be_deleted_is_named_with_the_command() {
    let fake = controlled(|action, _| (action == "DeleteEndpoint").then_some(DENIED));
    let left = shadow(&fake, &Stop::default()).unwrap().close();
    let command = left[0].command();
    assert!(command.starts_with("aws sagemaker delete-endpoint --endpoint-name sm-clarify-m-"), "{command}");
    assert!(left[0].why.contains("AccessDeniedException"), "{left:?}");
    assert_eq!((left.len(), fake.left_behind().len()), (1, 1));
    // A refusal that no trying ends is final at once.
    assert_eq!(count(&fake, "DeleteEndpoint"), 1);

    // Also when the endpoint never came into service.
    let fake = started(|options| {
        options.faults = Faults { endpoint_fails: true, ..Faults::default() };
        options.faults.script =
            Script::controlled(|action, _| (action == "DeleteEndpointConfig").then_some(DENIED));
    });
    let problem = shadow(&fake, &Stop::default()).unwrap_err();
    assert_eq!(problem.code(), &codes::ENDPOINT_NOT_IN_SERVICE);
    let text = problem.to_string();
    assert!(text.contains("delete-endpoint-config --endpoint-config-name sm-clarify-config-"), "{text}");
}

#[test]
fn metrics_are_posted_signed() {
    let fake = started(|_| ());
    let stop = Stop::default();
    let aws = Aws::at(&fake.url(), &stop).unwrap();
    let body = serde_json::json!({"Namespace": "n"});
    aws.post(&aws::CLOUDWATCH, "PutMetricData", &body, aws::Patience::NORMAL, Some(&stop)).unwrap();
    assert_eq!(fake.published(), [body]);
}

#[test]
fn probe_shows_one_request_and_estimates() {
    let fake = started(|_| ());
    let model = server(&fake);
    let (cells, rows, _) = rows(150);
    assert_eq!(model.probe(&cells, &rows, false).unwrap().several, None);
    model.predict(&cells, &rows).unwrap();
    let probe = model.probe(&cells, &rows, false).unwrap();
    assert_eq!(probe.request, r#"{"features":[0.0,1]}"#);
    assert_eq!(probe.response, "{\"score\":1}\n");
    assert_eq!(probe.scores.as_ref().unwrap(), &[1.0]);
    assert_eq!(probe.label.as_ref().unwrap(), "1");
    assert_eq!(probe.several.unwrap().0, 38);
    let estimate = Probe {
        latency: Duration::from_millis(110),
        several: Some((11, Duration::from_millis(210))),
        in_flight: 4,
        ..probe
    }
    .estimate(9000);
    // 0.1 s for a request and 0.01 s for a row: 90 rows in a second, 100 requests, 4 at a time.
    assert_eq!(estimate.requests, 100);
    assert!((estimate.minutes - (100.0 * 0.1 + 9000.0 * 0.01) / 4.0 / 60.0).abs() < 1e-9);
}

#[test]
fn no_way_to_a_model_is_told() {
    let fake = started(|_| ());
    let request = || request(ContentType::JsonLines);
    let none = connect(&fake, &predictor(Target::None), request(), &Access::default(), &Stop::default());
    assert!(none.unwrap_err().to_string().contains("`model_url`"));
    let access = Access { model_url: Some("localhost:8080".into()), ..Access::default() };
    let bad = connect(&fake, &predictor(Target::None), request(), &access, &Stop::default());
    assert!(bad.unwrap_err().to_string().contains("`model_url`: found `localhost:8080`"));
}
