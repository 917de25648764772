//! Ids as numbers, so that tables of them are small and compared fast.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use uuid::Uuid;

/// An id, as good as its text: two ids are the same number exactly when they are the same text. For
/// other texts than UUIDs that holds as far as 128 bits of a keyed hash can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id {
    pub number: u128,
    /// The text is that of the number: a UUID as SageMaker writes it.
    pub is_uuid: bool,
}

impl Id {
    /// The id that a text is.
    pub fn of(text: &[u8]) -> Id {
        // Capital letters and other forms of a UUID make another text, so another id.
        let own = text.len() == 36 && !text.iter().any(u8::is_ascii_uppercase);
        match if own { Uuid::try_parse_ascii(text).ok() } else { None } {
            Some(uuid) => Id { number: uuid.as_u128(), is_uuid: true },
            None => Id { number: hashed(text), is_uuid: false },
        }
    }
}

/// The text of a number that is a UUID.
pub(crate) fn uuid_text(number: u128, buffer: &mut [u8; 36]) -> &[u8] {
    Uuid::from_u128(number).hyphenated().encode_lower(buffer).as_bytes()
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
        assert_eq!(id, Id { number: 0x64fe4988_6b9f_45ef_9a5d_99faa6470af6, is_uuid: true });
        assert_eq!(uuid_text(id.number, &mut [0; 36]), UUID.as_bytes());
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
            assert_eq!(id.is_uuid, n == 0, "{text}");
            assert!(texts[..n].iter().all(|other| Id::of(other.as_bytes()).number != id.number), "{text}");
        }
    }
}
