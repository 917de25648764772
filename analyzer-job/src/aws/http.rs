//! Connections for plain posts, and what a failed one tells.

use std::time::Duration;

use plumbline_common::{Problem, Result, codes};

/// Longest time for a connection to come about.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const WAY_OUT: &str = "name a file with CA certificates in SSL_CERT_FILE";

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
            .hint(WAY_OUT)),
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

/// The way out where a server's certificate was the reason of a failure.
pub(crate) fn certificate_hint(failure: &str) -> Option<&'static str> {
    failure.contains("invalid peer certificate").then_some(WAY_OUT)
}

/// A text from a remote party, cut to 300 characters on one line.
pub(crate) fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
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
}
