//! As much of S3 as reading takes: objects by path-style address, and the list of those below a prefix.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::http::{Reply, Request};

/// Objects by `bucket/key`.
pub(crate) type Objects = BTreeMap<String, Vec<u8>>;

const MODIFIED: &str = "Fri, 19 Jan 2024 00:00:00 GMT";

pub(crate) fn answer(objects: &Objects, request: &Request) -> Reply {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let path = decoded(path.trim_start_matches('/'));
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| decoded(&value.replace('+', " ")))
    };
    if parameter("list-type").is_some() {
        return list(objects, path.trim_end_matches('/'), &parameter("prefix").unwrap_or_default());
    }
    match objects.get(&path) {
        Some(bytes) => Reply {
            headers: vec![("ETag", "\"e\""), ("Last-Modified", MODIFIED)],
            ..Reply::ok("application/octet-stream", bytes.clone())
        },
        None => Reply::new(404, "application/xml", b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
    }
}

fn list(objects: &Objects, bucket: &str, prefix: &str) -> Reply {
    let mut items = String::new();
    for (name, bytes) in objects {
        let Some((holder, key)) = name.split_once('/') else { continue };
        if holder == bucket && key.starts_with(prefix) {
            let key = key.replace('&', "&amp;").replace('<', "&lt;");
            let _ = write!(
                items,
                "<Contents><Key>{key}</Key><LastModified>2024-01-19T00:00:00.000Z</LastModified>\
                 <ETag>\"e\"</ETag><Size>{}</Size></Contents>",
                bytes.len()
            );
        }
    }
    let body = format!(
        "<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
    );
    Reply::ok("application/xml", body.into_bytes())
}

/// Text of an address without its `%XX`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &rest[3..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
