//! Sets of players, and which of them a budget buys.
//!
//! A Shapley value depends only on the odd part of a game, so coalitions come in pairs: a set and its
//! complement. A pair is never broken and no pair is bought twice. Equations (3), (5) and (6) of docs/estimator.md.

use std::collections::HashSet;

use rand::{Rng, RngExt};

/// Sets of players, each as bits in `words` words of 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Coalitions {
    players: usize,
    words: usize,
    bits: Vec<u64>,
}

impl Coalitions {
    pub(super) fn new(players: usize) -> Coalitions {
        Coalitions { players, words: players.div_ceil(64).max(1), bits: Vec::new() }
    }

    pub(super) fn players(&self) -> usize {
        self.players
    }

    pub(super) fn len(&self) -> usize {
        self.bits.len() / self.words
    }

    /// Memory that they take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.bits.as_slice())
    }

    pub(super) fn contains(&self, coalition: usize, player: usize) -> bool {
        self.bits[coalition * self.words + player / 64] >> (player % 64) & 1 == 1
    }

    /// Number of players in a coalition.
    pub(super) fn size(&self, coalition: usize) -> usize {
        self.words_of(coalition).iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn words_of(&self, coalition: usize) -> &[u64] {
        &self.bits[coalition * self.words..(coalition + 1) * self.words]
    }

    /// Appends the set of the players named.
    pub(super) fn push(&mut self, members: &[usize]) {
        let start = self.bits.len();
        self.bits.resize(start + self.words, 0);
        for &player in members {
            self.bits[start + player / 64] |= 1 << (player % 64);
        }
    }

    /// Appends the set whose members are these bits.
    pub(super) fn push_words(&mut self, words: &[u64]) {
        self.bits.extend_from_slice(words);
    }

    /// Appends the set without the last one's players.
    pub(super) fn push_complement_of_last(&mut self) {
        let last = self.len() - 1;
        for word_idx in 0..self.words {
            let mask = if word_idx + 1 == self.words && !self.players.is_multiple_of(64) {
                (1 << (self.players % 64)) - 1
            } else {
                u64::MAX
            };
            self.bits.push(!self.bits[last * self.words + word_idx] & mask);
        }
    }

    /// Keeps the first `count` sets.
    pub(super) fn truncate(&mut self, count: usize) {
        self.bits.truncate(count * self.words);
    }

    /// Appends the set whose members are the ones of a mask; for at most 64 players.
    pub(super) fn push_mask(&mut self, mask: u64) {
        self.bits.push(mask);
    }
}

/// Pairs of coalitions with the weight of each in least squares: coalition `2 j` and its complement
/// `2 j + 1` are pair `j`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pairs {
    pub coalitions: Coalitions,
    pub weights: Vec<f64>,
}

impl Pairs {
    /// The first so many.
    pub(super) fn first(&self, count: usize) -> Pairs {
        let mut coalitions = self.coalitions.clone();
        coalitions.truncate(2 * count);
        Pairs { coalitions, weights: self.weights[..count].to_vec() }
    }

    /// Puts the pairs in a random order, so that the first ones stand for all.
    pub(super) fn shuffle(&mut self, random: &mut impl Rng) {
        let mut order: Vec<usize> = (0..self.weights.len()).collect();
        shuffle(&mut order, random);
        let mut coalitions = Coalitions::new(self.coalitions.players);
        for &pair in &order {
            coalitions.bits.extend_from_slice(self.coalitions.words_of(2 * pair));
            coalitions.bits.extend_from_slice(self.coalitions.words_of(2 * pair + 1));
        }
        self.weights = order.iter().map(|&pair| self.weights[pair]).collect();
        self.coalitions = coalitions;
    }
}

/// How many coalitions there are beside the empty and the full one; none when more than 2^62.
pub(super) fn all_coalitions(players: usize) -> Option<u64> {
    (players < 62).then(|| (1u64 << players).saturating_sub(2))
}

/// Total kernel weight of the pairs with `size` players on the smaller side:
/// `(M - 1) / (s (M - s))`, for both sizes when they differ.
pub(super) fn kernel_mass(players: usize, size: usize) -> f64 {
    let (m, s) = (players as f64, size as f64);
    (m - 1.0) / (s * (m - s)) * if 2 * size == players { 1.0 } else { 2.0 }
}

/// Number of pairs with `size` players on the smaller side, as a float since it may be huge.
fn pairs_of_size(players: usize, size: usize) -> f64 {
    let mut count = 1.0;
    for k in 0..size {
        count = count * (players - k) as f64 / (k + 1) as f64;
    }
    let count: f64 = count;
    if 2 * size == players { (count / 2.0).round() } else { count.round() }
}

/// Pairs to ask the model about, `n_pairs` of them or all there are.
///
/// With `chain`, the prefixes of one random order come first: they alone determine every game without
/// interactions of three or more. The rest is spread over the sizes in proportion to
/// `1 / sqrt(s (M - s))`, without repeats; a size that fits is taken whole.
pub(super) fn draw_pairs(players: usize, n_pairs: usize, chain: bool, random: &mut impl Rng) -> Pairs {
    let mut drawn = Drawn::new(players);
    let mut order: Vec<usize> = (0..players).collect();
    let n_sizes = players / 2;
    let mut expected = vec![0.0; n_sizes + 1];
    let mut left = n_pairs;
    if chain && n_pairs + 1 >= players {
        shuffle(&mut order, random);
        for size in 1..players {
            drawn.add(&order[..size]);
            expected[size.min(players - size)] += 1.0;
        }
        left -= players - 1;
    }
    let shares = shares(players, &expected, left as f64);
    let counts = whole_numbers(&shares, random);
    for size in 1..=n_sizes {
        drawn.add_of_size(size, counts[size], &mut order, random);
        expected[size] += shares[size];
    }
    let weights =
        drawn.sizes.iter().map(|&size| kernel_mass(players, size) / expected[size].max(1e-9)).collect();
    Pairs { coalitions: drawn.coalitions, weights }
}

/// Pairs to choose among, about `most` of them or all there are, in a random order: a set and its complement each.
///
/// Every single player, halves of the players, and as many of all sizes in proportion to `1 / sqrt(s (M - s))`.
pub(super) fn candidates(players: usize, most: usize, random: &mut impl Rng) -> Coalitions {
    let all = all_coalitions(players).map_or(u64::MAX, |all| all / 2);
    let most = usize::try_from(all).unwrap_or(usize::MAX).min(most);
    let mut order: Vec<usize> = (0..players).collect();
    let spread = if all == most as u64 { most } else { most / 2 };
    let mut drawn = draw_pairs(players, spread, false, random);
    if spread < most {
        let mut more = Drawn::new(players);
        for pair in 0..spread {
            let members = order.iter().copied().filter(|&i| drawn.coalitions.contains(2 * pair, i));
            more.add(&members.collect::<Vec<_>>());
        }
        for player in 0..players {
            more.add(&[player]);
        }
        more.add_of_size(players / 2, most - spread, &mut order, random);
        drawn = Pairs { weights: vec![1.0; more.sizes.len()], coalitions: more.coalitions };
    }
    drawn.shuffle(random);
    drawn.coalitions
}

/// Pairs per size: `1 / sqrt(s (M - s))` of what is left, never more than there are.
fn shares(players: usize, taken: &[f64], left: f64) -> Vec<f64> {
    let n_sizes = players / 2;
    let available: Vec<f64> =
        (0..=n_sizes).map(|s| if s == 0 { 0.0 } else { pairs_of_size(players, s) - taken[s] }).collect();
    let law: Vec<f64> = (0..=n_sizes)
        .map(|s| if s == 0 { 0.0 } else { kernel_mass(players, s) * ((s * (players - s)) as f64).sqrt() })
        .collect();
    let mut shares = vec![0.0; n_sizes + 1];
    let mut whole = vec![false; n_sizes + 1];
    loop {
        let rest = left - (1..=n_sizes).filter(|&s| whole[s]).map(|s| available[s]).sum::<f64>();
        let mass: f64 = (1..=n_sizes).filter(|&s| !whole[s]).map(|s| law[s]).sum();
        if mass == 0.0 {
            return shares;
        }
        let mut again = false;
        for s in 1..=n_sizes {
            if whole[s] {
                continue;
            }
            shares[s] = rest.max(0.0) * law[s] / mass;
            if shares[s] >= available[s] {
                shares[s] = available[s];
                whole[s] = true;
                again = true;
            }
        }
        if !again {
            return shares;
        }
    }
}

/// Whole numbers next to the shares, with the same sum: one random offset, so that each size is drawn
/// as often as its share says in the mean.
fn whole_numbers(shares: &[f64], random: &mut impl Rng) -> Vec<usize> {
    let offset: f64 = random.random();
    let mut sum = 0.0;
    let mut before = 0;
    shares
        .iter()
        .map(|share| {
            sum += share;
            // The sum of all shares is whole but for rounding, which must not cost a pair.
            let now = (sum + offset + 1e-9).floor() as usize;
            let count = now - before;
            before = now;
            count
        })
        .collect()
}

struct Drawn {
    coalitions: Coalitions,
    /// Players on the smaller side, by pair.
    sizes: Vec<usize>,
    /// The side of each pair that holds player 0.
    seen: HashSet<Vec<u64>>,
}

impl Drawn {
    fn new(players: usize) -> Drawn {
        Drawn { coalitions: Coalitions::new(players), sizes: Vec::new(), seen: HashSet::new() }
    }

    /// Adds so many sets of a size that are not there yet, or all of them.
    fn add_of_size(&mut self, size: usize, count: usize, order: &mut [usize], random: &mut impl Rng) {
        let there = self.sizes.iter().filter(|&&other| other == size).count();
        let available = pairs_of_size(self.coalitions.players, size) - there as f64;
        if count as f64 >= available {
            self.add_all_of_size(size, order);
        } else if (count as f64) * 3.0 > available {
            self.add_some_of_few(size, count, random);
        } else {
            self.add_random(size, count, order, random);
        }
    }

    /// Adds a set and its complement, unless the pair is there already.
    fn add(&mut self, members: &[usize]) -> bool {
        self.coalitions.push(members);
        self.coalitions.push_complement_of_last();
        let set = self.coalitions.len() - 2;
        let key = if self.coalitions.contains(set, 0) { set } else { set + 1 };
        let is_new = self.seen.insert(self.coalitions.words_of(key).to_vec());
        if is_new {
            self.sizes.push(members.len().min(self.coalitions.players - members.len()));
        } else {
            self.coalitions.truncate(set);
        }
        is_new
    }

    fn add_random(&mut self, size: usize, count: usize, order: &mut [usize], random: &mut impl Rng) {
        let mut added = 0;
        while added < count {
            shuffle(order, random);
            added += usize::from(self.add(&order[..size]));
        }
    }

    fn add_all_of_size(&mut self, size: usize, order: &[usize]) {
        for members in combinations(order.len(), size) {
            self.add(&members);
        }
    }

    /// When a third or more of all pairs of a size are wanted, drawing blindly would hit old ones.
    fn add_some_of_few(&mut self, size: usize, count: usize, random: &mut impl Rng) {
        let mut all = combinations(self.coalitions.players, size);
        let mut added = 0;
        let mut start = 0;
        while added < count && start < all.len() {
            let pick = random.random_range(start..all.len());
            all.swap(start, pick);
            if self.add(&all[start]) {
                added += 1;
            }
            start += 1;
        }
    }
}

/// All sets of `size` out of `players`, in lexicographic order.
pub(super) fn combinations(players: usize, size: usize) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    let mut members: Vec<usize> = (0..size).collect();
    loop {
        all.push(members.clone());
        let Some(place) = (0..size).rev().find(|&place| members[place] < players - size + place) else {
            return all;
        };
        members[place] += 1;
        for later in place + 1..size {
            members[later] = members[later - 1] + 1;
        }
    }
}

pub(super) fn shuffle(order: &mut [usize], random: &mut impl Rng) {
    for last in (1..order.len()).rev() {
        order.swap(last, random.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn pairs_are_complete_distinct_and_as_many_as_asked() {
        for players in [2, 3, 4, 5, 6, 7, 12, 30, 64, 65, 130] {
            let all = all_coalitions(players).map_or(u64::MAX, |all| all / 2);
            for n_pairs in [0, 1, 2, players - 1, 2 * players, 40, 500] {
                let n_pairs = n_pairs.min(usize::try_from(all).unwrap_or(usize::MAX));
                for seed in 0..3 {
                    let mut random = ChaCha8Rng::seed_from_u64(seed);
                    let pairs = draw_pairs(players, n_pairs, seed == 1, &mut random);
                    let sets = &pairs.coalitions;
                    assert_eq!(sets.len(), 2 * n_pairs, "{players} players, {n_pairs} pairs");
                    assert_eq!(pairs.weights.len(), n_pairs);
                    let distinct: HashSet<&[u64]> = (0..sets.len()).map(|c| sets.words_of(c)).collect();
                    assert_eq!(distinct.len(), sets.len());
                    for pair in 0..n_pairs {
                        assert_eq!(sets.size(2 * pair) + sets.size(2 * pair + 1), players);
                        assert!(
                            (0..players)
                                .all(|i| sets.contains(2 * pair, i) != sets.contains(2 * pair + 1, i))
                        );
                    }
                    assert!(pairs.weights.iter().all(|weight| weight.is_finite() && *weight > 0.0));
                }
            }
        }
    }

    #[test]
    fn chain_holds_every_size() {
        let pairs = draw_pairs(9, 8, true, &mut ChaCha8Rng::seed_from_u64(1));
        let sizes: Vec<usize> = (0..8).map(|pair| pairs.coalitions.size(2 * pair)).collect();
        assert_eq!(sizes, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn all_pairs_carry_the_kernel_weight() {
        // M = 5: 5 pairs of size 1 share 2 * 4 / (1 * 4), 10 of size 2 share 2 * 4 / (2 * 3).
        let pairs = draw_pairs(5, 15, false, &mut ChaCha8Rng::seed_from_u64(1));
        for pair in 0..15 {
            let smaller = pairs.coalitions.size(2 * pair).min(pairs.coalitions.size(2 * pair + 1));
            let want = if smaller == 1 { 2.0 / 5.0 } else { 8.0 / 6.0 / 10.0 };
            assert!((pairs.weights[pair] - want).abs() < 1e-12);
        }
    }
}
