//! What a captured payload is: its text and how it is written. Pure functions; the caller knows files and lines.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use plumbline_common::record::{Encoding, Payload};

use crate::config::ContentType;
use crate::values::scan::{self, Kind, Scanner, is_json, unescaped};

/// The text of a payload and how it is written. BASE64 is decoded; the content type tells the kind, else the
/// encoding, else the text itself. An object is JSON, whatever its tags say.
///
/// # Errors
/// Why the payload cannot be used.
pub fn text<'a>(payload: &'a Payload<'_>) -> Result<(Cow<'a, str>, ContentType), String> {
    let Some(data) = &payload.data else { return Err("`data` is missing".into()) };
    let text = data.as_text();
    let text = if payload.encoding == Some(Encoding::Base64) {
        let bytes =
            STANDARD.decode(text.trim_ascii()).map_err(|error| format!("`data` is not BASE64: {error}"))?;
        Cow::Owned(String::from_utf8(bytes).map_err(|_| "`data` is not UTF-8 text".to_string())?)
    } else {
        text
    };
    // A mark of the byte order is no part of the text.
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Cow::Owned(text) if text.starts_with('\u{feff}') => Cow::Owned(text['\u{feff}'.len_utf8()..].into()),
        text => text,
    };
    if payload.encoding == Some(Encoding::Csv) && looks_like_base64(&text) {
        return Err("`data` looks like BASE64, and `encoding` is CSV".into());
    }
    let kind = kind(payload.observed_content_type.as_deref(), payload.encoding, &text);
    Ok((text, kind))
}

/// How a text is written, from its content type (parameters such as `charset` aside), its encoding tag, or
/// its look.
pub fn kind(content_type: Option<&str>, encoding: Option<Encoding>, text: &str) -> ContentType {
    let named = content_type.and_then(|kind| kind.split(';').next()).map(str::trim);
    let is_named =
        |kinds: &[&str]| named.is_some_and(|named| kinds.iter().any(|kind| named.eq_ignore_ascii_case(kind)));
    let names_lines = is_named(&[
        "application/jsonlines",
        "application/x-jsonlines",
        "application/jsonl",
        "application/x-ndjson",
    ]);
    if text.trim_ascii_start().starts_with('{') {
        // A single line is JSON Lines where the content type says so; over many lines the look decides.
        let single = memchr::memchr(b'\n', text.trim_ascii().as_bytes()).is_none();
        return if names_lines && single { ContentType::JsonLines } else { json_or_lines(text) };
    }
    match encoding {
        _ if is_named(&["text/csv", "application/csv"]) => ContentType::Csv,
        _ if names_lines => ContentType::JsonLines,
        _ if is_named(&["application/json"]) => json_or_lines(text),
        Some(Encoding::Csv) => ContentType::Csv,
        Some(Encoding::Json) => json_or_lines(text),
        _ if text.trim_ascii_start().starts_with(['{', '[', '"']) => json_or_lines(text),
        _ => ContentType::Csv,
    }
}

/// Whether a payload is called CSV by its content type, or where there is none by its encoding.
pub(crate) fn is_csv(payload: &Payload<'_>) -> bool {
    match payload.observed_content_type.as_deref().and_then(|kind| kind.split(';').next()).map(str::trim) {
        Some(named) => ["text/csv", "application/csv"].iter().any(|kind| named.eq_ignore_ascii_case(kind)),
        None => payload.encoding == Some(Encoding::Csv),
    }
}

/// As `kind`, where a list in square brackets is JSON: in requests and in ground truth it is, while an answer
/// may be a CSV list of scores.
pub fn kind_of_rows(kind: ContentType, text: &str) -> ContentType {
    match kind {
        ContentType::Csv if text.trim_ascii_start().starts_with('[') => match json_or_lines(text) {
            ContentType::Json if !is_json(text) => ContentType::Csv,
            json => json,
        },
        kind => kind,
    }
}

/// One document, or one for each line: told by whether the first line is a document while more follow.
fn json_or_lines(text: &str) -> ContentType {
    let text = text.trim_ascii();
    match memchr::memchr(b'\n', text.as_bytes()) {
        Some(end) if is_json(&text[..end]) => ContentType::JsonLines,
        _ => ContentType::Json,
    }
}

/// Whether a text under the tag CSV was sent as BASE64: it decodes to CSV or JSON that can be printed.
fn looks_like_base64(text: &str) -> bool {
    let text = text.trim_ascii();
    // Most text shows at once that it is none.
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !text.len().is_multiple_of(4) || !text.bytes().all(may_stand) {
        return false;
    }
    let Ok(bytes) = STANDARD.decode(text) else { return false };
    let Ok(decoded) = String::from_utf8(bytes) else { return false };
    let printable = decoded.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    // A word may happen to be BASE64 of something; it is unlikely to be that of numbers.
    let speaks =
        text.ends_with('=') || decoded.contains([',', '{', '[']) || decoded.trim().parse::<f64>().is_ok();
    !decoded.is_empty() && printable && speaks
}

/// The documents of a payload: its lines for JSON Lines, else the whole.
pub fn documents(text: &str, kind: ContentType) -> impl Iterator<Item = &str> {
    let lines = kind == ContentType::JsonLines;
    let whole = (!lines).then_some(text);
    let lines = lines.then(|| scan::lines(text).filter(|line| !line.trim_ascii().is_empty()));
    whole.into_iter().chain(lines.into_iter().flatten())
}

/// The answer in a document of a batch transform that was joined with its input.
///
/// # Errors
/// Why there is none.
pub fn joined_output(document: &str) -> Result<&str, String> {
    let mut output = None;
    let mut scanner = Scanner::new(document);
    let walked = match scanner.kind() {
        Ok(Kind::Object) => scanner.object(|scanner, key| {
            let value = scanner.value()?;
            if unescaped(&document[key]) == "SageMakerOutput" {
                output = Some(&document[value]);
            }
            Ok(())
        }),
        Ok(_) => return Err("not a JSON object".into()),
        Err(fault) => Err(fault),
    };
    walked.and_then(|()| scanner.end()).map_err(|fault| format!("not JSON: {fault}"))?;
    output
        .ok_or_else(|| "`SageMakerOutput` is missing; let the transform join its input (`JoinSource`)".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_comes_from_content_type_then_encoding_then_the_text() {
        use ContentType::*;
        for (content_type, encoding, text, expected) in [
            (Some("text/csv; charset=utf-8"), Some(Encoding::Base64), "1,2", Csv),
            (Some("text/csv"), Some(Encoding::Csv), "{\"a\":1}", Json),
            (Some("text/csv"), Some(Encoding::Csv), "{\"a\":1}\n{\"a\":2}", JsonLines),
            (Some("text/csv"), Some(Encoding::Csv), "[0.1, 0.9]", Csv),
            (Some("Application/JSONLines"), Some(Encoding::Json), "1\n2", JsonLines),
            (Some("application/json"), Some(Encoding::Csv), "[1,2]", Json),
            (Some("text/html"), Some(Encoding::Base64), "0.1", Csv),
            (Some("text/html"), Some(Encoding::Base64), " {\"a\":1}", Json),
            (Some("application/jsonlines"), Some(Encoding::Json), "{\"a\":1}\n", JsonLines),
            (Some("application/jsonlines"), Some(Encoding::Json), "{\n\"a\":1}", Json),
            (None, Some(Encoding::Json), "{\"a\":1}\n{\"a\":2}\n", JsonLines),
            (None, Some(Encoding::Json), "{\n\"a\":1}\n", Json),
            (None, Some(Encoding::Csv), "1,2", Csv),
            (None, None, "[1,2]", Json),
        ] {
            assert_eq!(kind(content_type, encoding, text), expected, "{content_type:?} {text}");
        }
        assert_eq!(kind_of_rows(Csv, "[1,2]"), Json);
        assert_eq!(kind_of_rows(Csv, "[1,2]\n[3,4]"), JsonLines);
        assert_eq!(kind_of_rows(Csv, "[a],2"), Csv);
    }

    #[test]
    fn base64_under_the_tag_of_csv_is_noticed_and_words_are_not() {
        for text in ["28,1,98", "1", "yes", "{\"a\":1}", "0.25", "a,b\nc,d", "Ünlü, 1"] {
            assert!(looks_like_base64(&STANDARD.encode(text)) || text == "yes", "{text}");
            assert!(!looks_like_base64(text), "{text}");
        }
        for text in
            ["category", "benign01", "12345678", "", "abcd", "ABCD", "true", "20260102", "high risk", "none"]
        {
            assert!(!looks_like_base64(text), "{text}");
        }
    }
}
