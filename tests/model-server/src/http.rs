//! As much of HTTP/1.1 as clients of a model use: one connection, requests one after the other.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};

/// Larger heads and bodies are refused; SageMaker itself stops at 6 MB or, for some accounts, 25 MB.
const MOST_HEAD_BYTES: u64 = 64 * 1024;
const MOST_BODY_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The client wants the connection closed afterwards.
    pub(crate) last: bool,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn headers(&self) -> std::collections::BTreeMap<String, String> {
        self.headers.iter().cloned().collect()
    }

    /// The media type of the body without parameters; CSV when nothing is said.
    pub(crate) fn content_type(&self) -> &str {
        self.header("content-type").map_or("text/csv", plain_type)
    }

    /// The media type that is wanted, when the client minds.
    pub(crate) fn accept(&self) -> Option<&str> {
        self.header("accept").map(plain_type).filter(|accept| !accept.is_empty() && *accept != "*/*")
    }
}

fn plain_type(text: &str) -> &str {
    text.split([';', ',']).next().unwrap_or_default().trim()
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
    pub(crate) error_type: Option<&'static str>,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: Vec<u8>) -> Reply {
        Reply { status, content_type: content_type.into(), body, error_type: None, headers: Vec::new() }
    }

    pub(crate) fn ok(content_type: &str, body: Vec<u8>) -> Reply {
        Reply::new(200, content_type, body)
    }

    /// An error the way AWS services tell it.
    pub(crate) fn error(status: u16, kind: &'static str, message: &str) -> Reply {
        let body = serde_json::json!({"__type": kind, "message": message}).to_string().into_bytes();
        Reply { error_type: Some(kind), ..Reply::new(status, "application/json", body) }
    }
}

pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Connection> {
        stream.set_nodelay(true)?;
        Ok(Connection { writer: stream.try_clone()?, reader: BufReader::with_capacity(1 << 16, stream) })
    }

    /// The next request, none when the client is done.
    pub(crate) fn read(&mut self) -> io::Result<Option<Request>> {
        let mut head = (&mut self.reader).take(MOST_HEAD_BYTES);
        let Some(first) = line(&mut head)? else { return Ok(None) };
        let mut words = first.split_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(invalid("no request line"));
        };
        let old = words.next() == Some("HTTP/1.0");
        let mut headers = Vec::new();
        loop {
            let text = line(&mut head)?.ok_or_else(|| invalid("the head ends early"))?;
            if text.is_empty() {
                break;
            }
            let (name, value) = text.split_once(':').ok_or_else(|| invalid("a header without a colon"))?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_string()));
        }
        let mut request =
            Request { method: method.into(), path: path.into(), headers, body: Vec::new(), last: old };
        request.last |= request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            self.writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let chunked = request
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        request.body = if chunked { self.chunks()? } else { self.counted(request.header("content-length"))? };
        Ok(Some(request))
    }

    fn counted(&mut self, length: Option<&str>) -> io::Result<Vec<u8>> {
        let length = length.unwrap_or("0").parse().map_err(|_| invalid("the content length is no number"))?;
        let mut body = Vec::new();
        self.exactly(length, &mut body)?;
        Ok(body)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = line(&mut self.reader)?.ok_or_else(|| invalid("a chunk is missing"))?;
            let size = size.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| invalid("the chunk size is no number"))?;
            if size == 0 {
                // Trailers, then an empty line.
                while line(&mut self.reader)?.is_some_and(|text| !text.is_empty()) {}
                return Ok(body);
            }
            self.exactly(size, &mut body)?;
            line(&mut self.reader)?;
        }
    }

    fn exactly(&mut self, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
        if length.saturating_add(body.len() as u64) > MOST_BODY_BYTES {
            return Err(invalid("the body is too large"));
        }
        let read = (&mut self.reader).take(length).read_to_end(body)?;
        if read as u64 == length { Ok(()) } else { Err(invalid("the body ends early")) }
    }

    /// `head_only`: the request was HEAD, whose answer tells the length of a body that does not come.
    pub(crate) fn write(&mut self, reply: &Reply, head_only: bool) -> io::Result<()> {
        let mut out = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nx-amzn-RequestId: local\r\n",
            reply.status,
            if reply.status < 400 { "OK" } else { "Error" },
            reply.content_type,
            reply.body.len(),
        );
        if let Some(kind) = reply.error_type {
            out.push_str("x-amzn-ErrorType: ");
            out.push_str(kind);
            out.push_str("\r\n");
        }
        for (name, value) in &reply.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
        let mut bytes = out.into_bytes();
        if !head_only {
            bytes.extend_from_slice(&reply.body);
        }
        self.writer.write_all(&bytes)
    }

    /// Ends the connection without an answer.
    pub(crate) fn reset(self) {
        // Already gone is as good.
        let _ = self.writer.shutdown(Shutdown::Both);
    }
}

/// A line without its end; none at the end of the stream.
fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut text = String::new();
    if reader.read_line(&mut text)? == 0 {
        return Ok(None);
    }
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(Some(text))
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
