//! Which bytes of CSV text are commas, line ends and quotes, a bit for each of 64 bytes, the first in the lowest.

/// The bytes of a block that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) commas: u64,
    pub(crate) line_ends: u64,
    pub(crate) quotes: u64,
}

pub(crate) type Block = [u8; 64];

/// Work that looks at many blocks.
pub(crate) trait Look {
    type Found;

    /// Marked `#[inline(always)]`, so that the compiler uses all instructions of the processor for it.
    fn with(self, marker: impl Marker) -> Self::Found;
}

/// Marks blocks by what a processor has.
pub(crate) trait Marker: Copy {
    fn mark(self, block: &Block) -> Marks;
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
}

/// A bit for each byte of a word that is `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let other = word ^ u64::from_le_bytes([byte; 8]);
    let tops = !((other & !TOPS).wrapping_add(!TOPS) | other) & TOPS;
    // Moves the top bit of each byte into the uppermost one.
    tops.wrapping_mul(0x0002_0408_1020_4081) >> 56
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::__m256i;

    use pulp::NullaryFnOnce;
    use pulp::x86::V3;

    use super::{Block, Look, Marker, Marks};

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
        type Found = Marks;

        fn with(self, marker: impl Marker) -> Marks {
            marker.mark(&self.0)
        }
    }

    proptest! {
        #[test]
        fn every_processor_marks_the_same_bytes(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'"')], 64),
        ) {
            let block: Block = bytes.try_into().unwrap();
            let bits = |wanted: &[u8]| (0..64).map(|at| u64::from(wanted.contains(&block[at])) << at).sum();
            let marks = Marks { commas: bits(b","), line_ends: bits(b"\n\r"), quotes: bits(b"\"") };
            prop_assert_eq!(run(One(block)), marks);
            prop_assert_eq!(Plain.mark(&block), marks);
        }
    }
}
