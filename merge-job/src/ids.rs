//! Ids as numbers, so that tables of them are small and compared fast.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use uuid::Uuid;

/// An id, as good as its text: two ids are the same number exactly when they are the same text. For
/// longer texts than `SHORT_BYTES` that are no UUIDs, and between the forms, that holds as far as 128 bits of a random
/// key can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id {
    pub number: u128,
    pub form: Form,
}

/// How the number of an id was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A UUID as SageMaker writes it.
    Uuid,
    /// The bytes of a short text, such as a counter.
    Short,
    /// A hash: the text cannot be had back.
    Hashed,
}

/// Texts up to this length are their own number.
const SHORT_BYTES: usize = 15;

impl Id {
    /// The id that a text is.
    pub fn of(text: &[u8]) -> Id {
        if text.len() <= SHORT_BYTES {
            return Id { number: short(text), form: Form::Short };
        }
        // Capital letters and other forms of a UUID make another text, so another id.
        let own = text.len() == 36 && !text.iter().any(u8::is_ascii_uppercase);
        match if own { Uuid::try_parse_ascii(text).ok() } else { None } {
            Some(uuid) => Id { number: uuid.as_u128(), form: Form::Uuid },
            None => Id { number: hashed(text), form: Form::Hashed },
        }
    }
}

/// The text of a number that is a UUID.
pub(crate) fn uuid_text(number: u128, buffer: &mut [u8; 36]) -> &[u8] {
    Uuid::from_u128(number).hyphenated().encode_lower(buffer).as_bytes()
}

/// The text of a number that is a short text.
pub(crate) fn short_text(number: u128, buffer: &mut [u8; 16]) -> &[u8] {
    *buffer = (number ^ short_key()).to_le_bytes();
    let [text @ .., len] = buffer;
    text.get(..usize::from(*len)).unwrap_or_default()
}

/// The text's bytes, then its length.
fn short(text: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..text.len()].copy_from_slice(text);
    bytes[SHORT_BYTES] = text.len() as u8;
    u128::from_le_bytes(bytes) ^ short_key()
}

/// Random in every run, so nobody can make a UUID that is the number of a short text.
fn short_key() -> u128 {
    static KEY: LazyLock<u128> = LazyLock::new(|| hashed(b"short texts"));
    *KEY
}

/// The keys are random in every run, so nobody can make texts that collide.
fn hashed(text: &[u8]) -> u128 {
    static HASHERS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
    let [high, low] = &*HASHERS;
    u128::from(high.hash_one(text)) << 64 | u128::from(low.hash_one(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "64fe4988-6b9f-45ef-9a5d-99faa6470af6";

    #[test]
    fn uuid_is_its_own_number_and_back() {
        let id = Id::of(UUID.as_bytes());
        assert_eq!(id, Id { number: 0x64fe4988_6b9f_45ef_9a5d_99faa6470af6, form: Form::Uuid });
        assert_eq!(uuid_text(id.number, &mut [0; 36]), UUID.as_bytes());
    }

    #[test]
    fn short_text_is_its_own_number_and_back() {
        let texts = ["", "0", "00", "7", "1239357", "\u{e9}", "fifteen letters"];
        for (n, text) in texts.iter().enumerate() {
            let id = Id::of(text.as_bytes());
            assert_eq!(id.form, Form::Short, "{text}");
            assert_eq!(short_text(id.number, &mut [0; 16]), text.as_bytes());
            assert!(texts[..n].iter().all(|other| Id::of(other.as_bytes()).number != id.number), "{text}");
        }
        assert_eq!(Id::of(b"sixteen letters!").form, Form::Hashed);
    }

    #[test]
    fn other_texts_are_other_ids_even_of_the_same_uuid() {
        let texts = [
            UUID.to_string(),
            UUID.to_uppercase(),
            UUID.replace('-', ""),
            format!("{{{UUID}}}"),
            String::new(),
        ];
        for (n, text) in texts.iter().enumerate() {
            let id = Id::of(text.as_bytes());
            assert_eq!(id, Id::of(text.as_bytes()));
            assert_eq!(id.form == Form::Uuid, n == 0, "{text}");
            assert!(texts[..n].iter().all(|other| Id::of(other.as_bytes()).number != id.number), "{text}");
        }
    }
}
