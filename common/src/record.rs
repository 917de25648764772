//! Wire types: records as they stand in capture, ground truth and merged files.
//!
//! Unknown fields are ignored here. Whoever must keep them copies the line itself.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// A captured or merged record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'a> {
    #[serde(borrow)]
    pub capture_data: Option<CaptureData<'a>>,
    #[serde(borrow)]
    pub ground_truth_data: Option<Payload<'a>>,
    #[serde(borrow)]
    pub event_metadata: Option<EventMetadata<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptureData<'a> {
    #[serde(borrow)]
    pub endpoint_input: Option<Payload<'a>>,
    #[serde(borrow)]
    pub endpoint_output: Option<Payload<'a>>,
    #[serde(borrow)]
    pub batch_transform_output: Option<Payload<'a>>,
}

/// One side of a request, or its labels.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload<'a> {
    /// The payload as text: as sent for CSV and JSON, base64 text for BASE64. A JSON number stands
    /// for its own text.
    #[serde(borrow)]
    pub data: Option<Text<'a>>,
    pub encoding: Option<Encoding>,
    #[serde(borrow)]
    pub observed_content_type: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Encoding {
    Csv,
    Json,
    Base64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventMetadata<'a> {
    #[serde(borrow)]
    pub event_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub inference_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub inference_time: Option<Cow<'a, str>>,
}

/// A JSON string, or a number as its text.
#[derive(Debug)]
pub enum Text<'a> {
    Borrowed(&'a str),
    Owned(String),
    Number(serde_json::Number),
}

// By hand, because serde's untagged enums copy every payload once more.
impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct Either<'a>(PhantomData<&'a str>);

        impl<'de: 'a, 'a> Visitor<'de> for Either<'a> {
            type Value = Text<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
                Ok(Text::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
                Ok(Text::Owned(text.into()))
            }

            fn visit_string<E>(self, text: String) -> Result<Text<'a>, E> {
                Ok(Text::Owned(text))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text<'a>, E> {
                Ok(Text::Number(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text<'a>, E> {
                Ok(Text::Number(number.into()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Text<'a>, E> {
                serde_json::Number::from_f64(number)
                    .map(Text::Number)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl Text<'_> {
    pub fn as_text(&self) -> Cow<'_, str> {
        match self {
            Text::Borrowed(text) => Cow::Borrowed(text),
            Text::Owned(text) => Cow::Borrowed(text),
            Text::Number(number) => Cow::Owned(number.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_may_be_a_number_and_text_may_hold_escapes() {
        let line = r#"{"groundTruthData":{"data":1,"encoding":"CSV"},"eventMetadata":{"eventId":"a\"b"},"extra":{}}"#;
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(record.ground_truth_data.unwrap().data.unwrap().as_text(), "1");
        assert_eq!(record.event_metadata.unwrap().event_id.unwrap().as_text(), "a\"b");
        for (data, text) in [("-2", "-2"), ("0.5", "0.5"), ("\"plain\"", "plain")] {
            let line = format!(r#"{{"data":{data}}}"#);
            let payload: Payload = serde_json::from_str(&line).unwrap();
            assert_eq!(payload.data.unwrap().as_text(), text);
        }
        assert!(serde_json::from_str::<Payload>(r#"{"data":[1]}"#).is_err());
    }
}
