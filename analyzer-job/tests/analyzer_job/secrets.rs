//! What nobody may read: keys, tokens and passwords stand in nothing that a run says or writes, whatever kind of run it is and
//! however it ends.

use std::io::{BufRead as _, BufReader, Cursor, Read as _, Write as _};
use std::net::TcpListener;

use plumbline_common::input;
use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::{ControlFault, Instead, Script, Server};
use serde_json::json;

use crate::aws::in_s3;
use crate::program::{Tree, files_below, model, monitored};
use crate::several;
use crate::stops::{DATA, account, in_the_account};

const TOKEN: &str = "token-of-the-environment";
/// All that `given` hands to a run.
const SECRETS: [&str; 8] = [
    "secret-of-the-environment",
    TOKEN,
    "password-of-the-url",
    "query-of-the-url",
    "secret-of-the-profile",
    "password-of-the-proxy",
    "key-of-the-job",
    "token-of-the-requests",
];

/// With credentials wherever a run looks for them, and the most that a log can have.
fn given(mut tree: Tree, server: &Server) -> Tree {
    tree.aws(server).set("AWS_SESSION_TOKEN", TOKEN).set("log_level", "debug");
    tree.file(
        "home/.aws/credentials",
        "[default]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret-of-the-profile\n",
    );
    let job = json!({"ProcessingJobName": "secrets", "Environment": {"API_KEY": "key-of-the-job"}});
    tree.file("config/processingjobconfig.json", job.to_string());
    tree
}

/// What is sent with each request.
const ATTRIBUTES: &str = "tenant=7; token=token-of-the-requests";

/// The server by an address with a login and a token.
fn with_login(server: &Server) -> String {
    let login = server.url().replace("http://", "http://somebody:password-of-the-url@");
    format!("{login}/?token=query-of-the-url")
}

/// Nothing that a run says, and no file that it writes anywhere, has one of the secrets. Gives the exit message and the log.
#[track_caller]
fn check(tree: &Tree, arguments: &[&str], works: bool) -> String {
    let before = files_below(&tree.path(""));
    let run = tree.run(arguments);
    assert_eq!(run.code == Some(0), works, "{arguments:?}: {}{}", run.stdout, run.log);
    let said = [("message", &run.message), ("log", &run.log), ("stdout", &run.stdout)];
    let mut told: Vec<_> = said.into_iter().map(|(name, text)| (name.to_string(), text.clone())).collect();
    for (name, bytes) in files_below(&tree.path("")) {
        if before.get(&name) != Some(&bytes) {
            let mut plain = Vec::new();
            input::unpacked(Cursor::new(bytes)).unwrap().read_to_end(&mut plain).unwrap();
            told.push((name, String::from_utf8_lossy(&plain).into_owned()));
        }
    }
    for (name, text) in &told {
        let line = text.lines().find(|line| SECRETS.iter().any(|secret| line.contains(secret)));
        assert_eq!(line, None, "{arguments:?}: {name}");
    }
    run.message + &run.log
}

#[test]
fn an_analysis_of_data_in_s3_tells_no_secret() {
    let (tree, server) = in_s3(configs::bias_model_baseline(Format::Csv, &[]), false);
    let tree = given(tree, &server);
    let login = server.url().replace("http://", "http://somebody:password-of-the-url@");
    let token = with_login(&server);
    let gone = "http://somebody:password-of-the-url@127.0.0.1:9/m?token=query-of-the-url";
    for arguments in [
        vec![],
        vec!["validate"],
        vec!["--model-url", &login],
        vec!["--model-url", &token, "--save-predictions=Enabled"],
        vec!["--model-url", gone],
        vec!["validate", "--model-url", gone],
    ] {
        check(&tree, &arguments, !arguments.contains(&gone));
    }
    check(&tree, &["report", tree.path(crate::program::OUTPUT).to_str().unwrap()], true);
}

#[test]
fn addresses_of_services_and_data_are_told_without_their_secrets() {
    const LOGIN: &str = "somebody:password-of-the-url@";
    let (tree, server) = in_s3(configs::bias_model_baseline(Format::Csv, &[]), false);
    let mut tree = given(tree, &server);
    for url in [
        format!("http://{LOGIN}127.0.0.1:9"),
        format!("{LOGIN}127.0.0.1:9"),
        format!("http://{LOGIN}h:x"),
        format!("htp://{LOGIN}h"),
        "http://127.0.0.1:9/?k=query-of-the-url".into(),
    ] {
        for name in ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL"] {
            tree.set("AWS_ENDPOINT_URL_S3", "").aws(&server).set(name, url.clone());
            check(&tree, &[], false);
        }
    }
    tree.aws(&server).set("AWS_ENDPOINT_URL_S3", "").set("AWS_ENDPOINT_URL_SAGEMAKER", "");
    let mut config = configs::bias_baseline(Format::Csv, &[]);
    for uri in [
        format!("s3://{LOGIN}bucket/data"),
        "s3://bucket/data?X-Amz-Signature=query-of-the-url".into(),
        "https://bucket.s3.amazonaws.com/data?X-Amz-Signature=query-of-the-url".into(),
        format!("http://{LOGIN}h/data"),
    ] {
        config["dataset_uri"] = json!(uri);
        tree.config(&config);
        check(&tree, &[], false);
        check(&tree, &["validate"], false);
        check(&tree, &["--dataset-source", &uri], false);
    }
}

#[test]
fn the_output_of_a_credential_process_is_not_told() {
    let (tree, server) = in_s3(configs::bias_baseline(Format::Csv, &[]), true);
    let mut tree = given(tree, &server);
    tree.set("AWS_ACCESS_KEY_ID", "").set("AWS_SECRET_ACCESS_KEY", "").set("PATH", "/usr/bin:/bin");
    tree.file("home/.aws/credentials", "");
    tree.file(
        "home/.aws/config",
        "[default]\ncredential_process = sh -c \"echo 'no \\\"secret-of-the-profile\\\"' >&2; exit 3\"\n",
    );
    for level in ["info", "debug"] {
        let told = check(tree.set("log_level", level), &[], false);
        assert!(told.contains("external process exited with code"), "{told}");
    }
}

#[test]
fn a_job_that_makes_an_endpoint_and_publishes_tells_no_secret() {
    let server = account(|_| ());
    let tree = given(in_the_account(&server, DATA), &server);
    for arguments in [&[][..], &["validate"], &["validate", "--ask-model"]] {
        check(&tree, arguments, true);
    }
    assert_eq!(server.published().len(), 1);
}

#[test]
fn attributions_and_parts_tell_no_secret() {
    let server = model(|_| ());
    let mut config = configs::explainability_baseline(Format::Csv);
    config["methods"]["shap"]["num_samples"] = json!(20);
    config["predictor"]["custom_attributes"] = json!(ATTRIBUTES);
    let tree = given(Tree::with_dataset(&config, Format::Csv, 30, false), &server);
    let url = format!("--model-url={}", with_login(&server));
    check(&tree, &[&url], true);
    check(&tree, &["baseline", "--out=/opt/ml/made/baseline.json", &url], true);
    check(&tree, &["fold", "--out=/opt/ml/states/a.state", &url], true);
    check(&tree, &["combine", "/opt/ml/states", &url], true);
    let shown = &tree.result("explanations_details.json")["run"]["configuration"]["predictor"];
    assert_eq!(shown["custom_attributes"], "***");

    let refusing = model(|options| {
        options.faults.script = Script::invoked(|_, _| {
            Some(Instead::Fail(400, format!("headers: {ATTRIBUTES}, accept: text/csv")))
        });
    });
    let url = format!("--model-url={}", with_login(&refusing));
    let told = check(&tree, &[&url], false);
    assert!(told.contains("headers: ***, accept: text/csv"), "{told}");
    check(&tree, &["validate", &url], false);
    config["predictor"]["custom_attributes"] = json!(["token-of-the-requests"]);
    tree.config(&config);
    let told = check(&tree, &[&url], false);
    assert!(told.contains("predictor.custom_attributes"), "{told}");
}

/// A baseline of all monitors, then a run of all of them against it.
#[test]
fn monitors_tell_no_secret() {
    let server = model(|_| ());
    let url = with_login(&server);
    let with_secrets = |drift| {
        let mut tree = given(several::set_up(monitored(&several::csv(60, drift)), &server), &server);
        tree.set("model_url", url.clone()).set("cloudwatch_namespace", "secrets");
        tree
    };
    let baseline = with_secrets(0.0);
    check(&baseline, &[several::LIST], true);
    let monitor = with_secrets(1.0);
    for (name, bytes) in baseline.results() {
        monitor.file(&format!("processing/baseline/{name}"), bytes);
    }
    let of = |what: &str| format!("--baseline-{what}=/opt/ml/processing/baseline");
    check(&monitor, &[several::LIST, &of("constraints"), &of("statistics")], true);
    assert!(monitor.results().keys().any(|name| name.ends_with("constraint_violations.json")));
    assert!(!server.published().is_empty());
}

/// A proxy that nobody listens at.
#[test]
fn a_proxy_is_told_without_its_login() {
    let server = model(|_| ());
    let config = configs::bias_model_baseline(Format::Csv, &[]);
    let mut tree = given(Tree::with_dataset(&config, Format::Csv, 50, false), &server);
    for name in ["http_proxy", "https_proxy"] {
        tree.set(name, "http://somebody:password-of-the-proxy@127.0.0.1:9");
    }
    for url in ["http://model.invalid", "https://model.invalid"] {
        check(&tree, &["--model-url", url], false);
    }
}

/// What AWS says of a token that it does not accept, with all that it repeats of the request.
fn canonical() -> String {
    format!(
        "The request signature we calculated does not match the signature you provided.\n\n\
         The Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:{TOKEN}\n'"
    )
}

#[test]
fn a_refused_request_is_told_without_its_token() {
    const REFUSED: &str = "does not match the signature you provided";
    let says: &'static str = canonical().leak();
    let server = account(|options| {
        options.faults.script = Script::controlled(move |_, _| {
            Some(ControlFault::Refuse(403, "InvalidSignatureException", says))
        });
    });
    let told = check(&given(in_the_account(&server, DATA), &server), &[], false);
    assert!(told.contains(REFUSED), "{told}");

    let server = account(|options| {
        options.faults.script =
            Script::invoked(move |_, _| Some(Instead::Refuse(403, "InvalidSignatureException", says.into())));
    });
    let told = check(&given(in_the_account(&server, DATA), &server), &[], false);
    assert!(told.contains(REFUSED), "{told}");
}

#[test]
fn a_token_that_s3_refuses_is_not_told() {
    for (status, code, rest) in [
        (400, "ExpiredToken", format!("<Token-0>{TOKEN}</Token-0>")),
        (
            403,
            "SignatureDoesNotMatch",
            format!("<CanonicalRequest>GET\nx-amz-security-token:{TOKEN}\n</CanonicalRequest>"),
        ),
    ] {
        let url = refusing(status, &format!("<Code>{code}</Code><Message>Not accepted.</Message>{rest}"));
        let server = account(|_| ());
        let mut tree = given(in_the_account(&server, DATA), &server);
        tree.set("AWS_ENDPOINT_URL_S3", url);
        let told = check(&tree, &[], false);
        assert!(told.contains("PL0309") && told.contains(&format!("{code}: Not accepted.")), "{told}");
    }
}

/// An S3 that refuses every request with this error. Gives its address.
pub(crate) fn refusing(status: u16, error: &str) -> String {
    let body = format!("<Error>{error}</Error>");
    let answer =
        format!("HTTP/1.1 {status} No\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The client may be gone by then.
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            lines.find(String::is_empty);
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    url
}
