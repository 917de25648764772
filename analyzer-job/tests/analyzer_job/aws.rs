//! AWS: whose credentials, which addresses, and what never reaches a log.

use std::fs;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::Server;
use serde_json::{Value, json};

use crate::program::{Tree, model};

/// A job whose data are in S3, as two objects below a prefix.
fn in_s3(config: Value, predictions: bool) -> (Tree, Server) {
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

#[test]
fn secrets_stand_in_no_log_message_or_result() {
    let (mut tree, server) = in_s3(configs::bias_model_baseline(Format::Csv, &[]), false);
    tree.aws(&server).set("AWS_SESSION_TOKEN", "token-of-the-environment").set("log_level", "debug");
    let login = server.url().replace("http://", "http://somebody:password-of-the-url@");
    let token = format!("{login}/?token=query-of-the-url");
    let gone = "http://somebody:password-of-the-url@127.0.0.1:9/m?token=query-of-the-url";
    for arguments in [
        vec![],
        vec!["validate"],
        vec!["--model-url", &login],
        vec!["--model-url", &token],
        vec!["--model-url", gone],
        vec!["validate", "--model-url", gone],
    ] {
        let run = tree.run(&arguments);
        assert_eq!(run.code == Some(0), !arguments.contains(&gone), "{}", run.log);
        let mut told = vec![run.message, run.log, run.stdout];
        told.extend(tree.results().into_values().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        for secret in [
            "secret-of-the-environment",
            "token-of-the-environment",
            "password-of-the-url",
            "query-of-the-url",
        ] {
            let place = told.iter().find_map(|text| text.lines().find(|line| line.contains(secret)));
            assert_eq!(place, None, "{arguments:?} tells {secret}");
        }
    }
}
