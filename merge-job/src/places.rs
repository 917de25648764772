//! The places of entries in a list, by the hash of what an entry is found by.
//!
//! Such a table is larger than the processor's caches, so what a lookup costs is the lines of memory that it touches. Here a
//! line has all that is kept of twelve entries: mostly one is touched to find an entry, to find that there is none, and to
//! add it.

/// Entries in a line.
const SLOTS: usize = 12;

/// Slots of which some are free, so that few entries stand behind their own line.
#[derive(Debug, Default)]
pub(crate) struct Places {
    lines: Vec<Line>,
    len: usize,
}

/// Slots are taken one after the other. A tag is a byte of the hash; a free slot has none, which is 0.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Line {
    places: [u32; SLOTS],
    /// Of the first eight slots, and of the others.
    tags: u64,
    more_tags: u32,
}

impl Line {
    /// The slots with a tag, a bit for each.
    fn slots_with(&self, tag: u8) -> u64 {
        equal(self.tags, tag) | (equal(u64::from(self.more_tags), tag) & 0xf) << 8
    }

    fn is_full(&self) -> bool {
        self.more_tags >> 24 != 0
    }
}

/// A bit for each byte of a word that is `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let other = word ^ u64::from_le_bytes([byte; 8]);
    let zeros = !((other & !TOPS).wrapping_add(!TOPS) | other) & TOPS;
    // Moves the top bit of each byte into the uppermost one.
    zeros.wrapping_mul(0x0002_0408_1020_4081) >> 56
}

fn tag(hash: u64) -> u8 {
    (hash as u8).max(1)
}

impl Places {
    /// Most entries without growing.
    pub(crate) fn room(&self) -> usize {
        self.lines.len() * SLOTS * 4 / 5
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.room()
    }

    /// Bytes in use.
    pub(crate) fn memory(&self) -> usize {
        size_of_val(&self.lines[..])
    }

    /// Forgets all places, and has room for so many.
    pub(crate) fn clear(&mut self, room: usize) {
        // What there was is given back first.
        *self = Places::default();
        self.lines = vec![Line::default(); (room + room / 4 + 8).div_ceil(SLOTS)];
    }

    /// By the upper bits of the hash; tags are the lower ones.
    fn line_of(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.lines.len() as u128) >> 64) as usize
    }

    fn behind(&self, line: usize) -> usize {
        if line + 1 < self.lines.len() { line + 1 } else { 0 }
    }

    /// Adds a place, for which there must be room.
    pub(crate) fn insert(&mut self, hash: u64, place: u32) {
        let mut at = self.line_of(hash);
        while self.lines.get(at).is_some_and(Line::is_full) {
            at = self.behind(at);
        }
        if let Some(line) = self.lines.get_mut(at) {
            let slot = line.slots_with(0).trailing_zeros() as usize;
            line.places[slot] = place;
            if slot < 8 {
                line.tags |= u64::from(tag(hash)) << (8 * slot);
            } else {
                line.more_tags |= u32::from(tag(hash)) << (8 * (slot - 8));
            }
            self.len += 1;
        }
    }

    /// Places with a hash, and a few with another one.
    pub(crate) fn find(&self, hash: u64) -> impl Iterator<Item = u32> {
        let tag = tag(hash);
        let mut at = self.line_of(hash);
        let mut slots = self.lines.get(at).map_or(0, |line| line.slots_with(tag));
        std::iter::from_fn(move || {
            loop {
                let line = self.lines.get(at)?;
                if slots != 0 {
                    let slot = slots.trailing_zeros() as usize;
                    slots &= slots - 1;
                    return line.places.get(slot).copied();
                }
                // A line with free slots is the last one.
                if !line.is_full() {
                    return None;
                }
                at = self.behind(at);
                slots = self.lines.get(at)?.slots_with(tag);
            }
        })
    }

    /// Puts a place where another one of the same hash is.
    pub(crate) fn replace(&mut self, hash: u64, old: u32, new: u32) {
        let mut at = self.line_of(hash);
        loop {
            let behind = self.behind(at);
            let Some(line) = self.lines.get_mut(at) else { return };
            let mut slots = line.slots_with(tag(hash));
            while slots != 0 {
                let place = &mut line.places[slots.trailing_zeros() as usize];
                if *place == old {
                    *place = new;
                    return;
                }
                slots &= slots - 1;
            }
            if !line.is_full() {
                return;
            }
            at = behind;
        }
    }

    /// Touches the line of a hash.
    pub(crate) fn touch(&self, hash: u64) -> bool {
        self.lines.get(self.line_of(hash)).is_some_and(|line| line.tags != 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Many are the same, and many are of the last line.
    fn hash() -> impl Strategy<Value = u64> {
        prop_oneof![any::<u64>(), (0u64..4).prop_map(|n| n << 62), Just(u64::MAX)]
    }

    proptest! {
        #[test]
        fn places_are_found_as_in_a_list(
            room in 0usize..200,
            hashes in prop::collection::vec(hash(), 0..200),
            replaced in any::<prop::sample::Index>(),
        ) {
            let mut places = Places::default();
            prop_assert!(places.is_full() && places.find(7).next().is_none() && !places.touch(7));
            places.clear(room);
            prop_assert!(places.room() >= room);
            let mut list = Vec::new();
            for (place, &hash) in hashes.iter().enumerate().take(places.room()) {
                prop_assert!(!places.is_full());
                places.insert(hash, place as u32);
                list.push((hash, place as u32));
            }
            if !list.is_empty() {
                let (hash, place) = &mut list[replaced.index(hashes.len().min(places.room()))];
                places.replace(*hash, *place, 1000);
                *place = 1000;
            }
            for &(hash, place) in &list {
                prop_assert!(places.find(hash).any(|found| found == place));
                // What else is found has the same tag.
                let has_tag = |found: u32| {
                    list.iter().any(|(other, place)| *place == found && tag(*other) == tag(hash))
                };
                prop_assert!(places.find(hash).all(has_tag));
            }
            prop_assert_eq!(places.len, list.len());
        }
    }
}
