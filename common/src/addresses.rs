//! Addresses as people may read them: a login and a query may hold a password, a token or a signature.

use std::borrow::Cow;

/// An address as messages may show it: scheme, host, port and path, without `user:password@`, query and fragment.
pub fn shown(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    let host = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let is_whole =
        host.contains('@') || host.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit());
    // A password may hold what ends a host: then no port is there, and what stands before the last `@` is not shown.
    let login = if is_whole { host.rfind('@') } else { rest.rfind('@') };
    let rest = &rest[login.map_or(0, |at| at + 1)..];
    // A query that was taken for a part of the path is escaped.
    let ends = [rest.find(['?', '#']), rest.find("%3F"), rest.find("%3f")];
    let end = ends.into_iter().flatten().min().unwrap_or(rest.len());
    format!("{scheme}{separator}{}", &rest[..end])
}

/// A text whose addresses are `shown`. A question mark in a name, as in `s3://bucket/what?.csv`, stays.
pub fn hidden(text: &str) -> Cow<'_, str> {
    const SEPARATOR: &str = "://";
    let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '`' | '<' | '>' | '\\');
    if !text.contains(SEPARATOR) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(SEPARATOR) {
        let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let start = at - rest.as_bytes()[..at].iter().rev().take_while(|byte| is_scheme(byte)).count();
        let behind = &rest[at + SEPARATOR.len()..];
        let end = at + SEPARATOR.len() + behind.find(ends).unwrap_or(behind.len());
        let address = rest[start..end].trim_end_matches(['.', ',', ';', ':', ')', '\'']);
        out.push_str(&rest[..start]);
        if address.contains(['=', '@']) || address.contains("%3D") {
            out.push_str(&shown(address));
        } else {
            out.push_str(address);
        }
        rest = &rest[start + address.len()..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_login_and_query() {
        for (address, expected) in [
            ("http://h:1/a@b", "http://h:1/a@b"),
            ("http://user:p@ss@h/x", "http://h/x"),
            ("https://h/m/invocations?token=t#u@v", "https://h/m/invocations"),
            ("http://h?k=a/b@c", "http://h"),
            ("http://h/k%3FX-Amz-Signature%3Dword", "http://h/k"),
            ("http://user:p/ss@h/x", "http://h/x"),
            ("http://user:p?ss@h/x", "http://h/x"),
            ("http://user:p#s/s@h:8080/x?k=v", "http://h:8080/x"),
            ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
            ("http://[::1]/a@b", "http://[::1]/a@b"),
            ("user:word@h:8080/m?k=v", "h:8080/m"),
            ("s3://user:word@bucket/key?X-Amz-Signature=word", "s3://bucket/key"),
            ("ftp://user@h", "ftp://h"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(shown(address), expected, "{address}");
        }
    }

    #[test]
    fn addresses_in_a_text_are_shown_so_too() {
        for (text, expected) in [
            ("no answer (http://u:word@h:1/a), again", "no answer (http://h:1/a), again"),
            ("url (http://h/?k=word): refused", "url (http://h/): refused"),
            ("{\"file\":\"s3://b/k?X-Amz-Signature=word\",\"n\":1}\n", "{\"file\":\"s3://b/k\",\"n\":1}\n"),
            ("Err(\\\"http://u:word@h\\\") at `https://u:word@g/`", "Err(\\\"http://h\\\") at `https://g/`"),
            ("s3://b/what?.csv and s3://b/day=1/a@b.csv", "s3://b/what?.csv and s3://b/day=1/a@b.csv"),
            (":// and x://", ":// and x://"),
            ("GET http://h/k%3FX-Amz-Signature%3Dword in 2 s", "GET http://h/k in 2 s"),
            ("http://h/what%3F.csv", "http://h/what%3F.csv"),
            ("a: b", "a: b"),
        ] {
            assert_eq!(hidden(text), expected, "{text}");
        }
    }
}
