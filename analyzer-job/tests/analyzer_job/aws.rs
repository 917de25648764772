//! AWS: whose credentials, and which addresses.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::{ControlFault, Instead, Script, Server};
use serde_json::{Value, json};

use crate::program::{OUTPUT, Tree, model};
use crate::secrets::refusing;
use crate::stops::{DATA, account, in_the_account};

/// A job whose data are in S3, as two objects below a prefix.
pub(crate) fn in_s3(config: Value, predictions: bool) -> (Tree, Server) {
    let tree = Tree::with_dataset(&config, Format::Csv, 300, predictions);
    let text = fs::read_to_string(tree.path("processing/input/data/data")).unwrap();
    fs::remove_dir_all(tree.path("processing/input/data")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let (header, rows) = lines.split_first().unwrap();
    let part = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n")).into_bytes();
    let server = model(|options| {
        options.objects = [
            ("bucket/data set/a.csv".to_string(), part(&rows[..100])),
            ("bucket/data set/more/b.csv".to_string(), part(&rows[100..])),
        ]
        .into();
    });
    let mut config = config;
    config["dataset_uri"] = json!("s3://bucket/data set");
    tree.config(&config);
    (tree, server)
}

#[test]
fn a_prefix_in_s3_equals_the_local_folder() {
    let config = configs::bias_baseline(Format::Csv, &[]);
    let local = Tree::with_dataset(&config, Format::Csv, 300, true);
    local.succeed(&[]);
    let (mut tree, server) = in_s3(config, true);
    tree.aws(&server).succeed(&[]);
    assert!(tree.analysis_bytes() == local.analysis_bytes());
    assert_eq!(server.signers(), ["AKIDENVIRONMENT/eu-west-1/s3"]);

    let mut absent = configs::bias_baseline(Format::Csv, &[]);
    absent["dataset_uri"] = json!("s3://bucket/elsewhere/");
    let mut tree = Tree::new();
    tree.config(&absent);
    let run = tree.aws(&server).fail(&[], 3, "PL0309");
    assert!(run.message.contains("s3://bucket/elsewhere/"), "{}", run.message);
}

/// The console makes an empty object for a folder; other programs may give an object the name of a folder.
#[test]
fn folders_of_the_console_and_objects_named_as_folders_are_read_as_files_are() {
    let config = configs::bias_baseline(Format::Csv, &[]);
    let local = Tree::with_dataset(&config, Format::Csv, 300, true);
    local.succeed(&[]);
    let (mut tree, _plain) = in_s3(config, true);
    let text = fs::read_to_string(local.path("processing/input/data/data")).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let part = |rows: &[&str]| format!("{}\n{}\n", lines[0], rows.join("\n")).into_bytes();
    let server = model(|options| {
        options.objects = [
            ("bucket/data set/", Vec::new()),
            ("bucket/data set/a.csv", part(&lines[1..101])),
            ("bucket/data set/a.csv/b.csv", part(&lines[101..201])),
            ("bucket/data set/more/", Vec::new()),
            ("bucket/data set/more/c.csv", part(&lines[201..])),
        ]
        .map(|(key, bytes)| (key.to_string(), bytes))
        .into();
    });
    tree.aws(&server).succeed(&[]);
    assert!(tree.analysis_bytes() == local.analysis_bytes());
}

/// A list that has one object of 1,000 bytes, which comes with these.
fn changed(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let mut request = String::new();
            let mut lines = BufReader::new(&stream);
            while lines.read_line(&mut request).unwrap() > 2 {}
            let body = if request.contains("list-type") {
                "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>data/a.csv</Key>\
                 <LastModified>2024-01-19T00:00:00.000Z</LastModified><Size>1000</Size></Contents></ListBucketResult>"
            } else {
                body
            };
            let _ = write!(
                &stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nLast-Modified: Fri, 19 Jan 2024 00:00:00 GMT\r\n\
                 ETag: \"e\"\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    url
}

#[test]
fn an_object_that_changes_between_list_and_reading_is_told() {
    let mut config = configs::bias_baseline(Format::Csv, &[]);
    config["dataset_uri"] = json!("s3://bucket/data/");
    let mut tree = Tree::new();
    tree.config(&config);
    tree.set("AWS_REGION", "eu-west-1").set("AWS_ACCESS_KEY_ID", "AKID").set("AWS_SECRET_ACCESS_KEY", "x");
    for (body, found) in [("", "0 bytes"), ("age\n1\n", "6 bytes")] {
        let run = tree.set("AWS_ENDPOINT_URL", changed(body)).fail(&[], 3, "PL0309");
        let is_told = run.message.contains("s3://bucket/data/a.csv") && run.message.contains(found);
        assert!(is_told && run.message.contains("expected 1000"), "{}", run.message);
    }
}

#[test]
fn settings_that_no_request_can_have_are_told_before_they_are_used() {
    let (mut tree, server) = in_s3(configs::bias_model_baseline(Format::Csv, &[]), false);
    let began = Instant::now();
    for (name, value, code, setting) in [
        ("AWS_ENDPOINT_URL", "localhost:4566", "PL0101", "`AWS_ENDPOINT_URL`"),
        ("AWS_ENDPOINT_URL_S3", "s3.us-east-1.amazonaws.com", "PL0101", "`AWS_ENDPOINT_URL_S3`"),
        ("AWS_ENDPOINT_URL_S3", "http://h:99999", "PL0101", "`AWS_ENDPOINT_URL_S3`"),
        ("AWS_ENDPOINT_URL_SAGEMAKER", "htp://h", "PL0101", "`AWS_ENDPOINT_URL_SAGEMAKER`"),
        ("AWS_ENDPOINT_URL_SAGEMAKER", "http://h:port", "PL0101", "`AWS_ENDPOINT_URL_SAGEMAKER`"),
        ("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "h:1", "PL0101", "`AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME`"),
        ("AWS_REGION", "us east", "PL0101", "`AWS_REGION`"),
        ("AWS_REGION", "us-east-1\n", "PL0101", "`AWS_REGION`"),
        ("AWS_ACCESS_KEY_ID", "AK\nID", "PL0610", "`AWS_ACCESS_KEY_ID`"),
        ("AWS_SESSION_TOKEN", "to\u{1}ken", "PL0610", "`AWS_SESSION_TOKEN`"),
    ] {
        let run = tree.aws(&server).set(name, value).fail(&[], 1, code);
        assert!(run.message.contains(setting), "{name}={value:?}: {}", run.message);
        let usual = if name.starts_with("AWS_ENDPOINT") { server.url() } else { "x".into() };
        tree.set(name, usual);
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    // An empty one is not set.
    tree.aws(&server).set("AWS_SESSION_TOKEN", "").set("AWS_ENDPOINT_URL_S3", "").succeed(&[]);
    fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
    fs::create_dir_all(tree.path(OUTPUT)).unwrap();

    let mut config = configs::bias_baseline(Format::Csv, &[]);
    for uri in ["s3://a bucket/data", "s3:///data", "s3://user:word@bucket/data"] {
        config["dataset_uri"] = json!(uri);
        tree.config(&config);
        let run = tree.fail(&[], 3, "PL0309");
        assert!(
            run.message.contains("the bucket `") && !run.message.contains(":word"),
            "{uri}: {}",
            run.message
        );
    }
}

#[test]
fn a_profile_means_the_same_to_s3_and_to_the_endpoint() {
    let (mut tree, server) = in_s3(configs::bias_model_baseline(Format::Csv, &[]), false);
    tree.file(
        "home/.aws/config",
        format!(
            "[profile work]\nregion = ap-south-1\nendpoint_url = {}\ncredential_process = cat {}\n",
            server.url(),
            tree.path("home/credentials.json").display()
        ),
    );
    tree.file(
        "home/credentials.json",
        json!({"Version": 1, "AccessKeyId": "AKIDPROFILE", "SecretAccessKey": "x", "SessionToken": "y"})
            .to_string(),
    );
    // The process of the profile is looked up by the shell.
    tree.set("AWS_PROFILE", "work").set("PATH", "/usr/bin:/bin");
    tree.succeed(&[]);
    assert_eq!(server.signers(), ["AKIDPROFILE/ap-south-1/s3", "AKIDPROFILE/ap-south-1/sagemaker"]);

    tree.file(
        "home/.aws/config",
        format!("[profile work]\nregion = ap-south-1\nendpoint_url = {}\n", server.url()),
    );
    tree.file("home/.aws/credentials", "[work]\naws_access_key_id = AKIDSHARED\naws_secret_access_key = x\n");
    tree.succeed(&[]);
    assert!(server.signers().contains(&"AKIDSHARED/ap-south-1/s3".to_string()), "{:?}", server.signers());
    assert_eq!(server.signers().len(), 4);
}

#[test]
fn the_role_of_a_container_reads_s3() {
    let (mut tree, server) = in_s3(configs::bias_baseline(Format::Csv, &[]), true);
    let role = model(|options| {
        let keys = json!({"AccessKeyId": "AKIDROLE", "SecretAccessKey": "x", "Token": "y",
            "Expiration": "2099-01-01T00:00:00Z"});
        options.objects = [("role".to_string(), keys.to_string().into_bytes())].into();
    });
    tree.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/role", role.url()))
        .set("AWS_REGION", "eu-west-1")
        .set("AWS_ENDPOINT_URL_S3", server.url());
    tree.succeed(&[]);
    assert_eq!(server.signers(), ["AKIDROLE/eu-west-1/s3"]);
}

#[test]
fn missing_credentials_are_told_as_what_they_are() {
    let (mut tree, server) = in_s3(configs::bias_baseline(Format::Csv, &[]), true);
    tree.set("AWS_REGION", "eu-west-1").set("AWS_ENDPOINT_URL", server.url());
    let run = tree.fail(&[], 1, "PL0610");
    assert!(run.message.contains("AWS_PROFILE"), "{}", run.message);
}

/// A machine without CA certificates.
fn bare(tree: &mut Tree) -> &mut Tree {
    tree.set("SSL_CERT_FILE", "/nonexistent").set("SSL_CERT_DIR", "/nonexistent")
}

#[test]
fn without_ca_certificates_plain_addresses_work() {
    let (mut tree, server) = in_s3(configs::bias_model_baseline(Format::Csv, &[]), false);
    tree.set("AWS_REGION", "eu-west-1")
        .set("AWS_ACCESS_KEY_ID", "AKID")
        .set("AWS_SECRET_ACCESS_KEY", "x")
        // Others than these have their public addresses, and are not asked.
        .set("AWS_ENDPOINT_URL_S3", server.url())
        .set("AWS_ENDPOINT_URL_SAGEMAKER", server.url())
        .set("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url());
    bare(&mut tree).succeed(&[]);
    tree.succeed(&["--model-url", &server.url()]);
}

#[test]
fn without_ca_certificates_secure_addresses_are_refused_with_the_way_out() {
    let predicting = configs::bias_model_baseline(Format::Csv, &[]);
    let mut tree = Tree::with_dataset(&predicting, Format::Csv, 50, false);
    tree.set("AWS_REGION", "eu-west-1").set("AWS_ACCESS_KEY_ID", "AKID").set("AWS_SECRET_ACCESS_KEY", "x");
    bare(&mut tree);
    let endpoint = tree.fail(&[], 1, "PL0614");
    assert!(
        endpoint.message.contains("https://api.sagemaker.eu-west-1.amazonaws.com/"),
        "{}",
        endpoint.message
    );
    let server = tree.fail(&["--model-url=https://user:word@127.0.0.1:1"], 1, "PL0614");
    let mut stored = configs::bias_baseline(Format::Csv, &[]);
    stored["dataset_uri"] = json!("s3://bucket/data");
    tree.config(&stored);
    let s3 = tree.fail(&[], 1, "PL0614");
    for run in [endpoint, server, s3] {
        assert!(run.message.contains("SSL_CERT_FILE"), "{}", run.message);
    }
}

/// AWS refuses what was signed at another time than its own: S3, the services that make an endpoint, and the endpoint.
#[test]
fn a_wrong_clock_is_told_with_the_way_out() {
    const CODE: &str = "InvalidSignatureException";
    const SAYS: &str = "Signature expired: 20240501T000000Z is now earlier than 20240501T000500Z (20240501T001000Z - 5 min.)";
    type Make = fn() -> (Server, Option<String>);
    let refused: [(&str, Make); 3] = [
        ("S3", || {
            let error = "<Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message>";
            (account(|_| ()), Some(refusing(403, error)))
        }),
        ("an action", || {
            let says = |_: &str, _| Some(ControlFault::Refuse(403, CODE, SAYS));
            (account(|options| options.faults.script = Script::controlled(says)), None)
        }),
        ("the endpoint", || {
            let says = |_, _| Some(Instead::Refuse(403, CODE, SAYS.into()));
            (account(|options| options.faults.script = Script::invoked(says)), None)
        }),
    ];
    for (what, make) in refused {
        let (server, s3) = make();
        let mut tree = in_the_account(&server, DATA);
        if let Some(url) = s3 {
            tree.set("AWS_ENDPOINT_URL_S3", url);
        }
        let run = tree.run(&[]);
        assert!(matches!(run.code, Some(1 | 3)), "{what}: {}", run.log);
        assert!(run.message.contains("set the clock of this machine"), "{what}: {}", run.message);
        assert_eq!(server.left_behind(), [""; 0], "{what}");
    }
}
