//! Which bytes of text are commas, line ends, quotes and the like, a bit for each of 64 bytes, the first in the lowest.

/// The bytes of a block of CSV that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) commas: u64,
    pub(crate) line_ends: u64,
    pub(crate) quotes: u64,
}

/// The bytes of a block of JSON that mean something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct JsonMarks {
    pub(crate) commas: u64,
    pub(crate) line_feeds: u64,
    pub(crate) quotes: u64,
    pub(crate) digits: u64,
    /// Those of the digits that are zero.
    pub(crate) zeros: u64,
    pub(crate) points: u64,
    pub(crate) minuses: u64,
    /// Backslashes, and control characters but for line feeds and a carriage return right before one in this block.
    pub(crate) odd: u64,
}

pub(crate) type Block = [u8; 64];

/// A text in blocks.
pub(crate) struct Blocks<'a> {
    whole: &'a [Block],
    /// The end of the text, and line ends behind it.
    last: Option<Block>,
}

impl<'a> Blocks<'a> {
    /// The first `length` bytes of a text, a multiple of 64; all of a shorter text, behind which line ends are added.
    #[inline(always)]
    pub(crate) fn of(text: &'a [u8], length: usize) -> Blocks<'a> {
        let (whole, rest) = text[..length.min(text.len())].as_chunks();
        let mut last: Block = [b'\n'; _];
        last[..rest.len()].copy_from_slice(rest);
        Blocks { whole, last: (text.len() <= length).then_some(last) }
    }

    #[inline(always)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Block> {
        self.whole.iter().chain(&self.last)
    }

    pub(crate) fn reach_the_end(&self) -> bool {
        self.last.is_some()
    }
}

/// Room for the places in `length` bytes of a text.
pub(crate) fn make_room(places: &mut Vec<u32>, length: usize) {
    places.resize(length + 2 * size_of::<Block>(), 0);
}

/// Puts down the places of the bits of a block behind the first `n` places, and gives their number then. `at`: where the block
/// begins.
#[inline(always)]
pub(crate) fn put_down(places: &mut [u32], n: usize, at: u32, mut bits: u64) -> usize {
    let behind = n + bits.count_ones() as usize;
    // Eight at once: a branch for each costs more than what is put down in vain.
    for first in (n..behind).step_by(8) {
        for slot in &mut places[first..first + 8] {
            *slot = at + bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
        }
    }
    behind
}

/// Work that looks at many blocks.
pub(crate) trait Look {
    type Found;

    /// Marked `#[inline(always)]`, so that the compiler uses all instructions of the processor for it.
    fn with(self, marker: impl Marker) -> Self::Found;
}

/// Marks blocks by what a processor has.
pub(crate) trait Marker: Copy {
    fn mark(self, block: &Block) -> Marks;

    fn mark_json(self, block: &Block) -> JsonMarks;
}

/// Does the work by the best instructions that the processor has.
pub(crate) fn run<L: Look>(look: L) -> L::Found {
    #[cfg(target_arch = "x86_64")]
    if let Some(processor) = pulp::x86::V3::try_new() {
        return processor.vectorize(wide::Run(look, processor));
    }
    look.with(Plain)
}

/// Any processor: eight bytes at a time.
#[derive(Debug, Clone, Copy)]
struct Plain;

impl Marker for Plain {
    fn mark(self, block: &Block) -> Marks {
        let mut marks = Marks { commas: 0, line_ends: 0, quotes: 0 };
        for (at, bytes) in block.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*bytes);
            marks.commas |= equal(word, b',') << (8 * at);
            marks.line_ends |= (equal(word, b'\n') | equal(word, b'\r')) << (8 * at);
            marks.quotes |= equal(word, b'"') << (8 * at);
        }
        marks
    }

    fn mark_json(self, block: &Block) -> JsonMarks {
        let (mut marks, mut returns, mut controls) = (JsonMarks::default(), 0, 0);
        for (at, bytes) in block.as_chunks::<8>().0.iter().enumerate() {
            let word = u64::from_le_bytes(*bytes);
            let is = |byte: u8| equal(word, byte) << (8 * at);
            marks.commas |= is(b',');
            marks.line_feeds |= is(b'\n');
            marks.quotes |= is(b'"');
            marks.digits |= digits(word) << (8 * at);
            marks.zeros |= is(b'0');
            marks.points |= is(b'.');
            marks.minuses |= is(b'-');
            marks.odd |= is(b'\\');
            returns |= is(b'\r');
            // Below a space no upper bit is set.
            controls |= equal(word & u64::from_le_bytes([0xe0; 8]), 0) << (8 * at);
        }
        marks.with_controls(controls, returns)
    }
}

impl JsonMarks {
    #[inline(always)]
    fn with_controls(self, controls: u64, returns: u64) -> JsonMarks {
        let odd = self.odd | controls & !self.line_feeds & !(returns & self.line_feeds >> 1);
        JsonMarks { odd, ..self }
    }
}

const TOPS: u64 = 0x8080_8080_8080_8080;

/// A bit for each byte of a word that is `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    let other = word ^ u64::from_le_bytes([byte; 8]);
    gathered(!((other & !TOPS).wrapping_add(!TOPS) | other))
}

/// A bit for each byte of a word that is a digit.
fn digits(word: u64) -> u64 {
    // What digits differ from 0 in is at most 9, and with this number added below 128.
    let other = word ^ u64::from_le_bytes([b'0'; 8]);
    gathered(!((other & !TOPS).wrapping_add(u64::from_le_bytes([0x76; 8])) | other))
}

/// The top bits of the bytes of a word.
fn gathered(word: u64) -> u64 {
    // Moves the top bit of each byte into the uppermost one.
    (word & TOPS).wrapping_mul(0x0002_0408_1020_4081) >> 56
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::__m256i;

    use pulp::NullaryFnOnce;
    use pulp::x86::V3;

    use super::{Block, JsonMarks, Look, Marker, Marks};

    pub(super) struct Run<L>(pub(super) L, pub(super) V3);

    impl<L: Look> NullaryFnOnce for Run<L> {
        type Output = L::Found;

        #[inline(always)]
        fn call(self) -> L::Found {
            self.0.with(self.1)
        }
    }

    impl Marker for V3 {
        #[inline(always)]
        fn mark(self, block: &Block) -> Marks {
            let halves: [__m256i; 2] = pulp::cast(*block);
            Marks {
                commas: bits(self, equal(self, halves[0], b','), equal(self, halves[1], b',')),
                line_ends: bits(self, line_ends(self, halves[0]), line_ends(self, halves[1])),
                quotes: bits(self, equal(self, halves[0], b'"'), equal(self, halves[1], b'"')),
            }
        }

        #[inline(always)]
        fn mark_json(self, block: &Block) -> JsonMarks {
            let [low, high]: [__m256i; 2] = pulp::cast(*block);
            let is = |byte| bits(self, equal(self, low, byte), equal(self, high, byte));
            let at_most =
                |most: u8, low, high| bits(self, at_most(self, low, most), at_most(self, high, most));
            let zero = self.avx._mm256_set1_epi8(b'0' as i8);
            let above_zero = |half| self.avx2._mm256_sub_epi8(half, zero);
            JsonMarks {
                commas: is(b','),
                line_feeds: is(b'\n'),
                quotes: is(b'"'),
                digits: at_most(9, above_zero(low), above_zero(high)),
                zeros: is(b'0'),
                points: is(b'.'),
                minuses: is(b'-'),
                odd: is(b'\\'),
            }
            .with_controls(at_most(0x1f, low, high), is(b'\r'))
        }
    }

    /// Bytes without a sign.
    #[inline(always)]
    fn at_most(processor: V3, half: __m256i, most: u8) -> __m256i {
        let most = processor.avx._mm256_set1_epi8(most as i8);
        processor.avx2._mm256_cmpeq_epi8(processor.avx2._mm256_min_epu8(half, most), half)
    }

    #[inline(always)]
    fn equal(processor: V3, half: __m256i, byte: u8) -> __m256i {
        processor.avx2._mm256_cmpeq_epi8(half, processor.avx._mm256_set1_epi8(byte as i8))
    }

    #[inline(always)]
    fn line_ends(processor: V3, half: __m256i) -> __m256i {
        processor.avx2._mm256_or_si256(equal(processor, half, b'\n'), equal(processor, half, b'\r'))
    }

    #[inline(always)]
    fn bits(processor: V3, low: __m256i, high: __m256i) -> u64 {
        let bits = |half| u64::from(processor.avx2._mm256_movemask_epi8(half) as u32);
        bits(low) | bits(high) << 32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is marked in the block.
    struct One(Block);

    impl Look for One {
        type Found = (Marks, JsonMarks);

        fn with(self, marker: impl Marker) -> (Marks, JsonMarks) {
            (marker.mark(&self.0), marker.mark_json(&self.0))
        }
    }

    proptest! {
        #[test]
        fn every_processor_marks_the_same_bytes(
            bytes in proptest::collection::vec(
                prop_oneof![3 => any::<u8>(), 3 => proptest::sample::select(&b",\n\r\"0123456789/:.-\\\x1f "[..])],
                64,
            ),
        ) {
            let block: Block = bytes.try_into().unwrap();
            let bits = |wanted: &[u8]| (0..64).map(|at| u64::from(wanted.contains(&block[at])) << at).sum();
            let marks = Marks { commas: bits(b","), line_ends: bits(b"\n\r"), quotes: bits(b"\"") };
            let odd = |at: &usize| match block[*at] {
                b'\\' => true,
                b'\n' => false,
                b'\r' => block.get(at + 1) != Some(&b'\n'),
                byte => byte < b' ',
            };
            let of_json = JsonMarks {
                commas: bits(b","),
                line_feeds: bits(b"\n"),
                quotes: bits(b"\""),
                digits: bits(b"0123456789"),
                zeros: bits(b"0"),
                points: bits(b"."),
                minuses: bits(b"-"),
                odd: (0..64).filter(odd).map(|at| 1 << at).sum(),
            };
            prop_assert_eq!(run(One(block)), (marks, of_json));
            prop_assert_eq!((Plain.mark(&block), Plain.mark_json(&block)), (marks, of_json));
        }
    }
}
