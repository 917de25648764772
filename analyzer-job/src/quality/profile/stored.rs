//! The file of a profile as it is read: one segment at a time, so that who needs them one by one never holds them all.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};

use flate2::bufread::GzDecoder;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Named, Profile, VERSION};
use crate::quality::segments::Segment;

/// Text of a profile that is read at most, so that a hostile file cannot fill the memory.
const MOST_BYTES: u64 = 1 << 30;

/// Takes a segment, with what the file says of the whole, in whose order its columns are.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Profile, Segment);

/// Reads a file, packed or not. Everything is checked, and each segment given to `each`; the profile has none of them.
///
/// # Errors
/// Why it is no profile: a damaged one, or one of another version.
pub(super) fn read(from: impl Read, each: Each<'_>) -> Result<Profile, String> {
    let mut from = BufReader::new(from);
    let start = from.fill_buf().map_err(|error| error.to_string())?;
    if start.starts_with(&[0x1f, 0x8b]) {
        of_text(BufReader::new(GzDecoder::new(from).take(MOST_BYTES)), each)
    } else {
        of_text(from.take(MOST_BYTES), each)
    }
}

fn of_text(text: impl Read, each: Each<'_>) -> Result<Profile, String> {
    let mut version = None;
    let mut json = serde_json::Deserializer::from_reader(text);
    let found = Whole { version: &mut version, each }.deserialize(&mut json);
    let found = found.and_then(|found| json.end().map(|()| found));
    match version {
        Some(version) if version != VERSION => Err(format!("version {version}, expected {VERSION}")),
        _ => found.map_err(|error| match error.is_io() {
            true => format!("a damaged file: {error}"),
            false => format!("no profile: {error}"),
        }),
    }
}

struct Whole<'a> {
    version: &'a mut Option<u32>,
    each: Each<'a>,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Profile;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Profile, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Profile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a profile")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Profile, A::Error> {
        let mut head = Head::default();
        let mut whole = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "version" => {
                    let version = map.next_value()?;
                    *self.version = Some(version);
                    if version != VERSION {
                        // What else stands there may mean something else.
                        return Err(A::Error::custom("another version"));
                    }
                }
                "records" => head.records = Some(map.next_value()?),
                "rows" => head.rows = Some(map.next_value()?),
                "named" => head.named = Some(map.next_value()?),
                "columns" => head.columns = Some(map.next_value()?),
                "made_of" => {
                    let made_of = map.next_value()?;
                    match &mut whole {
                        Some(Profile { made_of: known, .. }) => *known = made_of,
                        None => head.made_of = made_of,
                    }
                }
                "segments" if head.columns.is_none() => {
                    return Err(A::Error::custom("segments in front of the columns"));
                }
                "segments" => {
                    let whole = whole.insert(std::mem::take(&mut head).whole()?);
                    map.next_value_seed(Segments { whole, each: &mut *self.each })?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if self.version.is_none() {
            return Err(A::Error::missing_field("version"));
        }
        whole.map_or_else(|| head.whole(), Ok)
    }
}

/// What a file says of the whole.
#[derive(Default)]
struct Head {
    records: Option<u64>,
    rows: Option<u64>,
    named: Option<bool>,
    columns: Option<Vec<Named>>,
    made_of: Vec<String>,
}

impl Head {
    fn whole<E: Error>(self) -> Result<Profile, E> {
        let whole = Profile {
            records: self.records.ok_or_else(|| E::missing_field("records"))?,
            rows: self.rows.ok_or_else(|| E::missing_field("rows"))?,
            named: self.named.ok_or_else(|| E::missing_field("named"))?,
            columns: self.columns.ok_or_else(|| E::missing_field("columns"))?,
            segments: Vec::new(),
            made_of: self.made_of,
        };
        whole.check().map_err(E::custom)?;
        Ok(whole)
    }
}

struct Segments<'a> {
    whole: &'a Profile,
    each: Each<'a>,
}

impl<'de> DeserializeSeed<'de> for Segments<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Segments<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of segments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut segments: A) -> Result<(), A::Error> {
        while let Some(segment) = segments.next_element::<Segment>()? {
            self.whole.check_segment(&segment).map_err(A::Error::custom)?;
            (self.each)(self.whole, segment);
        }
        Ok(())
    }
}
