//! Servers that break HTTP, or what it carries.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A server that reads each request and then does as it likes with the connection, which is closed afterwards. Gives its
/// address and the number of requests so far.
fn serving(
    answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    serving_bodies(move |_, stream| answer(stream))
}

/// The same, which also looks at the body of a request.
pub(super) fn serving_bodies(
    answer: impl Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let (counted, answer) = (Arc::clone(&requests), Arc::new(answer));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (counted, answer) = (Arc::clone(&counted), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone()?);
                let (mut length, mut line) = (0, String::new());
                while reader.read_line(&mut line)? > 2 {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body)?;
                counted.fetch_add(1, Ordering::Relaxed);
                // The client may be gone by then.
                answer(&String::from_utf8_lossy(&body), &mut stream)
            });
        }
    });
    (url, requests)
}

/// A model that answers each request with these bytes.
fn answering(bytes: impl Into<Vec<u8>>) -> (String, Arc<AtomicUsize>) {
    let bytes = bytes.into();
    serving(move |stream| stream.write_all(&bytes))
}

pub(super) fn whole(body: &str) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/jsonlines\r\nConnection: close";
    format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// The problem of asking this server for the predictions of so many rows, and the row that it is of.
#[track_caller]
fn problem_of(url: &str, n: usize) -> (Problem, Option<Vec<u32>>) {
    let access = Access { model_url: Some(url.into()), ..Access::default() };
    let stop = Stop::default();
    let (predictor, request) = (predictor(Target::None), request(ContentType::JsonLines));
    let model =
        Model::connect_with(&predictor, request, &access, &stop, false, QUICK, &|| Aws::at(url, &stop))
            .unwrap();
    let began = Instant::now();
    let problem = fails(&model, n);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}: {problem}", began.elapsed());
    (problem, model.refused_row())
}

#[track_caller]
fn problem(url: &str, n: usize) -> Problem {
    problem_of(url, n).0
}

/// Of all rows of a request the one whose answer is of no use is known.
#[test]
fn a_row_whose_answer_is_no_score_is_known() {
    for answer in ["null", "NaN", "\"high\"", "[]", "[1,2]"] {
        let (url, _) =
            answering(whole(&format!("{{\"score\":1}}\n{{\"score\":{answer}}}\n{{\"score\":2}}\n")));
        let (problem, row) = problem_of(&url, 3);
        assert!([&codes::RESPONSE_NUMBER, &codes::RESPONSE_SHAPE].contains(&problem.code()), "{problem}");
        assert_eq!(row, Some(rows(3).1.row(1).to_vec()), "{answer}: {problem}");
    }
}

#[test]
fn broken_answers_are_a_problem_and_no_more() {
    let cut =
        "HTTP/1.1 200 OK\r\nContent-Type: application/jsonlines\r\nContent-Length: 1000\r\n\r\n{\"score\":1}";
    let too_much =
        "HTTP/1.1 200 OK\r\nContent-Type: application/jsonlines\r\nContent-Length: 5\r\n\r\n{\"score\":1}";
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{\"score\":1}";
    let deep = whole(&"[".repeat(200_000));
    let surrogate = whole("{\"score\":\"\\ud800\"}\n");
    for (name, bytes, code) in [
        ("cut", cut, &codes::MODEL_UNREACHABLE),
        ("longer than it says", too_much, &codes::RESPONSE_SHAPE),
        ("a chunk of 16 EiB", chunk, &codes::MODEL_UNREACHABLE),
        ("nothing", "", &codes::MODEL_UNREACHABLE),
        ("TLS", "\x15\x03\x01\x00\x02\x02\x28", &codes::MODEL_UNREACHABLE),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &codes::MODEL_UNREACHABLE),
        ("deep nesting", &deep, &codes::RESPONSE_SHAPE),
        ("half a surrogate pair", &surrogate, &codes::RESPONSE_NUMBER),
    ] {
        let (url, _) = answering(bytes);
        let problem = problem(&url, 1);
        assert_eq!(problem.code(), code, "{name}: {problem}");
    }
}

/// In a failure and in what a dry run shows of an answer.
#[test]
fn a_model_that_repeats_its_address_tells_no_secret_of_it() {
    const SECRET: &str = "token=SECRET-TOKEN";
    for status in ["400 Bad Request", "404 Not Found", "500 Internal Server Error"] {
        let body = format!("cannot serve /m/invocations?{SECRET}");
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}", body.len());
        let (url, _) = answering(format!("{head}\r\n\r\n{body}"));
        let told = problem(&format!("{url}/m?{SECRET}"), 1).to_string();
        assert!(!told.contains("SECRET-TOKEN"), "{told}");
    }
    let (url, _) = answering(whole(&format!("{{\"score\":1,\"asked\":\"/m/invocations?{SECRET}\"}}\n")));
    let url = format!("{url}/m?{SECRET}");
    let access = Access { model_url: Some(url.clone()), ..Access::default() };
    let stop = Stop::default();
    let (predictor, request) = (predictor(Target::None), request(ContentType::JsonLines));
    let model =
        Model::connect_with(&predictor, request, &access, &stop, false, QUICK, &|| Aws::at(&url, &stop))
            .unwrap();
    let (cells, rows, _) = rows(1);
    let shown = model.probe(&cells, &rows, false).unwrap().response;
    assert!(shown.contains("***") && !shown.contains("SECRET-TOKEN"), "{shown}");
}

/// One request tells that scores would get names of others.
#[test]
fn keys_that_contradict_the_headers_are_told_after_one_request() {
    let ask = |keys: [&str; 2]| {
        let line = format!("{{\"{}\":0.25,\"{}\":0.75}}\n", keys[0], keys[1]);
        let (url, requests) = serving(move |stream| stream.write_all(whole(&line).as_bytes()));
        let access = Access { model_url: Some(url.clone()), most_rows: Some(1), ..Access::default() };
        let stop = Stop::default();
        let named = Predictor {
            label_headers: Some(vec!["no".into(), "yes".into()]),
            probability: Some(Location::Name("values(@)".into())),
            ..predictor(Target::None)
        };
        let request = request(ContentType::JsonLines);
        let model =
            Model::connect_with(&named, request, &access, &stop, false, QUICK, &|| Aws::at(&url, &stop))
                .unwrap();
        let (cells, rows, _) = rows(9);
        (model.predict(&cells, &rows), requests.load(Ordering::Relaxed))
    };
    for keys in [["yes", "other"], ["other", "NO"]] {
        let (answers, requests) = ask(keys);
        let problem = answers.unwrap_err();
        assert_eq!((problem.code(), requests), (&codes::HEADERS_DO_NOT_FIT, 1), "{problem}");
    }
    for (keys, expected) in [(["yes", "no"], [0.75, 0.25]), (["0", "1"], [0.25, 0.75])] {
        let (answers, requests) = ask(keys);
        assert_eq!((answers.unwrap().row(8).to_vec(), requests), (expected.to_vec(), 9));
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let (elsewhere, asked) = answering(whole("{\"score\":1}\n"));
    let location = format!(
        "HTTP/1.1 307 Moved\r\nLocation: {elsewhere}/invocations?token=SECRET\r\nContent-Length: 0\r\n\r\n"
    );
    let (url, requests) = answering(location);
    let problem = problem(&format!("{url}/m?token=SECRET"), 300);
    let told = problem.to_string();
    assert!(told.contains("307") && told.contains(&elsewhere) && !told.contains("SECRET"), "{told}");
    assert_eq!(requests.load(Ordering::Relaxed), 1, "asking again cannot help");
    assert_eq!(asked.load(Ordering::Relaxed), 0, "data went to another server");
}

#[test]
fn an_answer_or_a_head_without_end_is_refused() {
    let (url, requests) = serving(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let chunk = [b"10000\r\n".as_slice(), &[b'1'; 0x10000], b"\r\n"].concat();
        loop {
            stream.write_all(&chunk)?;
        }
    });
    let endless = problem(&url, 2);
    assert_eq!(endless.code(), &codes::RECORD_TOO_LARGE, "{endless}");
    // Two rows, then one.
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    let stop = Stop::default();
    let aws = Aws::at(&url, &stop).unwrap();
    let endpoint = Transport::endpoint(&aws, "there".into());
    let envelope = Envelope {
        content_type: "text/csv",
        accept: "text/csv",
        custom_attributes: None,
        target_model: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sent = runtime.block_on(endpoint.send(&envelope, b"1".to_vec()));
    assert!(
        matches!(&sent, Err(transport::Failure::TooLarge(text)) if text.contains("33554432")),
        "{sent:?}"
    );
    let (url, _) = serving(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(b"x-more: and more and more and more and more and more and more\r\n")?;
        }
    });
    let endless = problem(&url, 1);
    assert_eq!(endless.code(), &codes::MODEL_UNREACHABLE, "{endless}");
}

#[test]
fn what_a_failing_model_says_steers_no_terminal() {
    let said = "\u{1b}]0;title\u{7}\u{1b}[2J\r\nError: forged\u{202e}";
    let (url, _) = answering(format!("HTTP/1.1 500 No\r\nContent-Length: {}\r\n\r\n{said}", said.len()));
    let text = problem(&url, 1).to_string();
    assert!(
        text.contains("title") && !text.contains(['\u{1b}', '\u{7}', '\u{202e}', '\n', '\r']),
        "{text:?}"
    );
}
