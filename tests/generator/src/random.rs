//! Random numbers by position: the numbers of a row depend on seed, stream and row number alone.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// What the numbers are for; streams of one seed do not resemble each other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Applicants = 1,
    Requests = 2,
    Labels = 3,
}

/// SplitMix64 (Steele, Lea, Flood 2014), started at a mixed position.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn at(seed: u64, stream: Stream, position: u64) -> Random {
        let start = mix(seed.wrapping_mul(GOLDEN) ^ (stream as u64));
        Random(mix(start ^ position.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Four independent numbers, uniform over their range.
    pub(crate) fn lanes(&mut self) -> [u16; 4] {
        let bits = self.next();
        [bits as u16, (bits >> 16) as u16, (bits >> 32) as u16, (bits >> 48) as u16]
    }

    /// Uniform in [0, 1).
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Mean 0, variance 1, within 3.5 standard deviations: the sum of four uniform numbers.
    pub(crate) fn bell(&mut self) -> f64 {
        let sum: f64 = self.lanes().iter().map(|&lane| f64::from(lane)).sum();
        (sum - 131_070.0) / 37_837.2
    }
}

fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fill_the_unit_interval_and_bells_have_unit_variance() {
        let rows = 20_000;
        let (mut share, mut bell, mut square) = (0.0, 0.0, 0.0);
        for row in 0..rows {
            let mut random = Random::at(7, Stream::Applicants, row);
            share += random.share();
            let value = random.bell();
            bell += value;
            square += value * value;
        }
        let mean = |sum: f64| sum / rows as f64;
        assert!((mean(share) - 0.5).abs() < 0.01, "{}", mean(share));
        assert!(mean(bell).abs() < 0.03, "{}", mean(bell));
        assert!((mean(square) - 1.0).abs() < 0.03, "{}", mean(square));
    }

    #[test]
    fn position_seed_and_stream_all_matter() {
        let first = |seed, stream, position| Random::at(seed, stream, position).next();
        let base = first(1, Stream::Applicants, 0);
        assert_eq!(base, first(1, Stream::Applicants, 0));
        assert_ne!(base, first(2, Stream::Applicants, 0));
        assert_ne!(base, first(1, Stream::Labels, 0));
        assert_ne!(base, first(1, Stream::Applicants, 1));
    }
}
