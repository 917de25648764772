//! TLS: a model, S3 and the other services of AWS behind a certificate that is good, and behind ones that are not. The
//! certificates are made by `tests/data/certificates/make.sh`.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::Server;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::program::{Tree, model};
use crate::stops::{DATA, account, in_the_account};

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/certificates").join(name);
    path.to_str().unwrap().into()
}

/// What came to a server so far.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// A server behind TLS with this certificate: its address, and what comes there.
fn behind_tls(server: &Server, certificate: &str) -> (String, Arc<Seen>) {
    let chain = CertificateDer::from_pem_file(file(certificate)).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key);
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let behind = server.url().replace("http://", "");
    let seen = Arc::new(Seen::default());
    let counted = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counted.connections.fetch_add(1, Ordering::Relaxed);
            let (config, behind, counted) = (Arc::clone(&config), behind.clone(), Arc::clone(&counted));
            std::thread::spawn(move || -> io::Result<()> {
                let tls = StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, stream);
                let mut client = BufReader::new(tls);
                let mut server = BufReader::new(TcpStream::connect(behind)?);
                loop {
                    let request = one_message(&mut client)?;
                    counted.requests.fetch_add(1, Ordering::Relaxed);
                    server.get_mut().write_all(&request)?;
                    let response = one_message(&mut server)?;
                    client.get_mut().write_all(&response)?;
                    client.get_mut().flush()?;
                }
            });
        }
    });
    (url, seen)
}

/// The bytes of one request or response, whose body has a length.
fn one_message(reader: &mut BufReader<impl Read>) -> io::Result<Vec<u8>> {
    let (mut message, mut length) = (Vec::new(), 0);
    loop {
        let start = message.len();
        if reader.read_until(b'\n', &mut message)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&message[start..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let head = message.len();
    message.resize(head + length, 0);
    reader.read_exact(&mut message[head..])?;
    Ok(message)
}

/// Everything that a job asks in an account, and a model at an address; the variable, or the argument, that has the address.
const WAYS: [&str; 4] = [
    "--model-url",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SAGEMAKER",
    "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
];

/// A job that finds one of the services at this address.
fn job(way: &str, server: &Server, url: &str) -> Tree {
    if way.starts_with("--") {
        let mut tree =
            Tree::with_dataset(&configs::bias_model_baseline(Format::Csv, &[]), Format::Csv, 60, false);
        tree.set("model_url", url);
        return tree;
    }
    let mut tree = in_the_account(server, DATA);
    tree.set(way, url);
    tree
}

#[test]
fn a_good_certificate_is_accepted_by_every_way() {
    for way in WAYS {
        let server = account(|_| ());
        let (url, seen) = behind_tls(&server, "good.pem");
        let mut tree = job(way, &server, &url);
        tree.set("SSL_CERT_FILE", file("authority.pem"));
        tree.succeed(&[]);
        assert!(seen.requests.load(Ordering::Relaxed) > 0, "{way}");
    }
}

/// Expired, of another host, and of an authority that is not among the trusted ones: nothing is sent, no result is written, and
/// the message names the reason and the way out.
#[test]
fn a_bad_certificate_is_refused_by_every_way() {
    for way in WAYS {
        for certificate in ["expired.pem", "other-host.pem", "stranger.pem"] {
            let server = account(|_| ());
            let (url, seen) = behind_tls(&server, certificate);
            let mut tree = job(way, &server, &url);
            tree.set("SSL_CERT_FILE", file("authority.pem"));
            let run = tree.run(&[]);
            let [connections, requests] =
                [&seen.connections, &seen.requests].map(|count| count.load(Ordering::Relaxed));
            let told = format!("{way}, {certificate}, {connections} connections: {}", run.message);
            assert_eq!(run.code, Some(3), "{told}");
            assert!(run.message.contains("certificate"), "{told}");
            assert!(run.message.contains("SSL_CERT_FILE"), "{told}");
            // Smaller requests are refused as well: none is tried.
            assert!(connections < 15, "{told}");
            assert_eq!(requests, 0, "{told}");
            assert!(tree.results().is_empty() && server.left_behind().is_empty(), "{told}");
        }
    }
}

/// A server of plain HTTP at an address that says `https://`.
#[test]
fn a_server_without_tls_is_told() {
    let server = model(|_| ());
    let mut tree = job("--model-url", &server, &server.url().replace("http://", "https://"));
    tree.set("SSL_CERT_FILE", file("authority.pem"));
    let run = tree.fail(&[], 3, "PL0606");
    assert!(run.message.contains("cannot connect"), "{}", run.message);
}
