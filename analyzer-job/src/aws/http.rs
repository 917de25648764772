//! Connections for plain posts, and what a failed one tells.

use std::borrow::Cow;
use std::time::Duration;

use plumbline_common::{Problem, Result, codes};

/// Longest time for a connection to come about.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const CERTIFICATES: &str = "name a file with CA certificates in SSL_CERT_FILE";

/// A client that serves `http://` addresses on every machine, and `https://` ones where there are CA
/// certificates to trust them by: a minimal host has none.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    /// Why no `https://` address can be trusted.
    distrust: Option<String>,
}

impl Http {
    /// # Errors
    /// `INTERNAL` when not even connections without certificates can be prepared.
    pub(crate) fn new() -> Result<Http> {
        // Fails when a provider is there already, which is then as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .redirect(reqwest::redirect::Policy::none())
                .tcp_nodelay(true)
        };
        match builder().build() {
            Ok(client) => Ok(Http { client, distrust: None }),
            Err(error) => {
                let client = builder().tls_certs_only(std::iter::empty()).build().map_err(|error| {
                    Problem::new(&codes::INTERNAL, "cannot prepare connections").found(causes(&error))
                })?;
                Ok(Http { client, distrust: Some(causes(&error)) })
            }
        }
    }

    /// Whether `https://` addresses can be spoken to.
    pub(crate) fn is_secure(&self) -> bool {
        self.distrust.is_none()
    }

    /// # Errors
    /// `NO_CERTIFICATES` for an `https://` address on a machine without CA certificates.
    pub(crate) fn check(&self, url: &str) -> Result<()> {
        match &self.distrust {
            Some(why) if !url.starts_with("http://") => Err(Problem::new(
                &codes::NO_CERTIFICATES,
                "there are no CA certificates to verify an address",
            )
            .field(url)
            .found(why.clone())
            .hint(CERTIFICATES)),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// As `check`.
    pub(crate) fn post(&self, url: &str) -> Result<reqwest::RequestBuilder> {
        self.check(url)?;
        Ok(self.client.post(url))
    }
}

/// The way out of a failure that comes from this machine: it does not trust a server's certificate, or its clock is wrong.
pub(crate) fn way_out(failure: &str) -> Option<&'static str> {
    const CLOCK: [&str; 4] =
        ["RequestTimeTooSkewed", "Signature expired", "Signature not yet current", "RequestExpired"];
    if failure.contains("invalid peer certificate") {
        Some(CERTIFICATES)
    } else if CLOCK.iter().any(|said| failure.contains(said)) {
        Some(
            "set the clock of this machine: AWS refuses a request whose time is off by more than five minutes",
        )
    } else {
        None
    }
}

/// What AWS says of a request, without the request: of one whose signature or token it does not accept it repeats the
/// headers, the session token among them. Of a document of S3, code and message stay.
pub(crate) fn without_request(text: &str) -> Cow<'_, str> {
    const REPEATED: &str = "The Canonical String for this request";
    if let Some(start) = text.find(REPEATED) {
        return Cow::Borrowed(text[..start].trim_end());
    }
    let Some((before, document)) = text.split_once("<Error>") else { return Cow::Borrowed(text) };
    let before = before.split("<?xml").next().unwrap_or_default();
    let said = ["Code", "Message"].into_iter().filter_map(|name| {
        let (_, rest) = document.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0)
    });
    Cow::Owned(format!("{before}{}", said.collect::<Vec<_>>().join(": ")))
}

/// A text from a remote party, cut to 300 characters on one line.
pub(crate) fn short(text: &str) -> String {
    let line: String = without_request(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// An error with its causes on one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    short(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_strangers_are_cut_and_stand_on_one_line() {
        assert_eq!(short("a\n b"), "a b");
        let cut = short(&"é".repeat(500));
        assert_eq!(cut.chars().count(), 303);
    }
    /// Documents as S3 answers them, and the message of the other services.
    #[test]
    fn of_a_refused_request_nothing_is_repeated() {
        let expired = "403 Forbidden: <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>ExpiredToken</Code>\
            <Message>The provided token has expired.</Message><Token-0>SECRET</Token-0></Error>";
        let signature = "403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code><Message>It does not match.</Message>\
            <CanonicalRequest>GET\nx-amz-security-token:SECRET\n</CanonicalRequest></Error>";
        let canonical = "It does not match.\n\nThe Canonical String for this request should have been\n'POST\n\
            x-amz-security-token:SECRET\n'";
        for (said, shown) in [
            (expired, "403 Forbidden: ExpiredToken: The provided token has expired."),
            (signature, "403 Forbidden: SignatureDoesNotMatch: It does not match."),
            ("<Error><Code>Odd</Code></Error>", "Odd"),
            ("<Error>SECRET", ""),
            (canonical, "It does not match."),
            ("not authorized", "not authorized"),
        ] {
            assert_eq!(short(said), shown);
        }
    }
}
