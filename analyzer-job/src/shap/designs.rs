//! The designs of a run, and their solvers for as long as there is room for them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use plumbline_common::stop::Stop;

use super::design::{Design, Key, SHARED_PAIRS};
use super::shared_gaussian::Rooms;
use super::solver::Solver;
use super::task::{Estimator, Task};

/// Solvers, and as many bytes of designs as a tenth of it, are kept up to so many bytes. Beyond that those used
/// longest ago go, but never those of rows with as many players as the one at hand: they take turns, and each
/// would be made again for every row.
const KEPT_BYTES: usize = 24 << 20;
/// The same beside a large solver: they are of rows with many players, whose number differs from row to row, so that few
/// are used again before they go.
const KEPT_BESIDE_LARGE: usize = 8 << 20;
const LARGE: usize = 2 << 20;
/// Solvers are made ahead for a block with at most so many different designs, or any number that take turns: more
/// would be gone again before they are used.
const MOST_AHEAD: usize = 4;

/// A solver, or the place for one that is being made.
type SolverSlot = Arc<OnceLock<Solver>>;

/// Designs by what they depend on. Each is made once; it may be asked for by several threads.
#[derive(Debug)]
pub(super) struct Designs {
    estimator: Estimator,
    seed: u64,
    in_stages: bool,
    designs: Mutex<Kept<Key, Arc<Design>>>,
    /// By design and stage. Made by the thread that comes first, while others wait.
    solvers: Mutex<Kept<(Key, usize), SolverSlot>>,
    /// How many rows are still to be solved by the design; empty when that is not known.
    left: Mutex<HashMap<Key, usize>>,
    rooms: Arc<Rooms>,
    stop: Stop,
}

impl Designs {
    /// Says for how many rows each design will be used once, so that it goes with the last of them. Rows that are asked
    /// about in stages may be done with any.
    pub(super) fn expect(&self, keys: impl Iterator<Item = Key>) {
        let mut left = lock(&self.left);
        keys.filter(|_| !self.in_stages).for_each(|key| *left.entry(key).or_default() += 1);
    }

    /// `largest_budget`: the most coalitions that a row may cost.
    pub(super) fn of(task: &Task, largest_budget: u64) -> Designs {
        let in_stages = task.target_standard_error.is_some();
        Designs::new(task.estimator, task.seed, in_stages, largest_budget, task.stop)
    }

    fn new(estimator: Estimator, seed: u64, in_stages: bool, largest_budget: u64, stop: &Stop) -> Designs {
        let n_pairs = usize::try_from(largest_budget / 2).unwrap_or(usize::MAX).min(SHARED_PAIRS);
        Designs {
            estimator,
            seed,
            in_stages,
            designs: Mutex::default(),
            solvers: Mutex::default(),
            left: Mutex::default(),
            rooms: Arc::new(Rooms::new(n_pairs)),
            stop: stop.clone(),
        }
    }

    /// The designs of these rows, none for fewer than two players; those that are not there yet are made, several
    /// at once.
    pub(super) fn get(&self, keys: &[Key]) -> Vec<Option<Arc<Design>>> {
        let mut designs = lock(&self.designs);
        let mut found: HashMap<Key, Arc<Design>> = HashMap::new();
        let mut missing: Vec<Key> = Vec::new();
        for &key in keys.iter().filter(|key| key.players >= 2) {
            match designs.get(&key) {
                Some(design) => {
                    found.insert(key, design);
                }
                None => missing.push(key),
            }
        }
        missing.sort_unstable();
        missing.dedup();
        let make = |&key: &Key| (key, Arc::new(Design::new(key, self.estimator, self.seed, self.in_stages)));
        // On threads of their own: those of the pool are busy with the values of the block before.
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = missing.len().div_ceil(threads).max(1);
        thread::scope(|scope| {
            let makers: Vec<_> = missing
                .chunks(share)
                .map(|share| {
                    let wanted = share.iter().take_while(|_| !self.stop.requested());
                    scope.spawn(move || wanted.map(make).collect::<Vec<_>>())
                })
                .collect();
            for maker in makers {
                for (key, design) in maker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                    designs.insert(key, Arc::clone(&design));
                    found.insert(key, design);
                }
            }
        });
        if let Some(newest) = missing.last() {
            designs.shrink(KEPT_BYTES / 10, |design| design.bytes(), |key| newest.is_kin(*key));
        }
        keys.iter().map(|key| found.get(key).map(Arc::clone)).collect()
    }

    /// Makes the first solvers of these designs while the model is still asked, when they are few.
    pub(super) fn prepare(&self, keys: &[Key], designs: &[Option<Arc<Design>>]) {
        let mut wanted: Vec<(Key, &Arc<Design>)> =
            keys.iter().zip(designs).filter_map(|(key, design)| Some((*key, design.as_ref()?))).collect();
        wanted.sort_unstable_by_key(|(key, _)| *key);
        wanted.dedup_by_key(|(key, _)| *key);
        let take_turns =
            wanted.first().is_some_and(|first| wanted.iter().all(|other| first.0.is_kin(other.0)));
        if wanted.len() <= MOST_AHEAD || take_turns {
            for (key, design) in wanted.into_iter().take_while(|_| !self.stop.requested()) {
                self.solver(key, design, 0);
            }
        }
    }

    /// Hands the solver of a design's stage to `with`, for one row.
    pub(super) fn with_solver<T>(
        &self,
        key: Key,
        design: &Design,
        stage: usize,
        with: impl FnOnce(&Solver) -> T,
    ) -> T {
        let solver = self.solver(key, design, stage);
        let found = with(solver.get_or_init(|| Solver::new(design, stage, &self.rooms, &self.stop)));
        let is_last = lock(&self.left).get_mut(&key).is_some_and(|left| {
            *left = left.saturating_sub(1);
            *left == 0
        });
        if is_last {
            lock(&self.solvers).entries.remove(&(key, stage));
            lock(&self.designs).entries.remove(&key);
        }
        found
    }

    /// The solver of a design's stage, made when it is not there.
    fn solver(&self, key: Key, design: &Design, stage: usize) -> SolverSlot {
        let place = (key, stage);
        let solver = {
            let mut solvers = lock(&self.solvers);
            solvers.get(&place).unwrap_or_else(|| {
                let new = Arc::default();
                solvers.insert(place, Arc::clone(&new));
                new
            })
        };
        let mut is_new = false;
        solver.get_or_init(|| {
            is_new = true;
            Solver::new(design, stage, &self.rooms, &self.stop)
        });
        if is_new {
            let bytes = |solver: &SolverSlot| solver.get().map_or(0, Solver::bytes);
            let most = if bytes(&solver) > LARGE { KEPT_BESIDE_LARGE } else { KEPT_BYTES };
            lock(&self.solvers).shrink(most, bytes, |(other, of)| key.is_kin(*other) && *of == stage);
        }
        solver
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Values with the order in which they were used.
#[derive(Debug)]
struct Kept<K, V> {
    entries: HashMap<K, (V, u64)>,
    uses: u64,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Kept<K, V> {
        Kept { entries: HashMap::new(), uses: 0 }
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Kept<K, V> {
    fn get(&mut self, key: &K) -> Option<V> {
        self.uses += 1;
        let (value, last_used) = self.entries.get_mut(key)?;
        *last_used = self.uses;
        Some(value.clone())
    }

    fn insert(&mut self, key: K, value: V) {
        self.uses += 1;
        self.entries.insert(key, (value, self.uses));
    }

    /// Lets values go, those used longest ago first, until all take no more than `limit` bytes; `is_kin` stay.
    fn shrink(&mut self, limit: usize, bytes: impl Fn(&V) -> usize, is_kin: impl Fn(&K) -> bool) {
        let mut sum: usize = self.entries.values().map(|(value, _)| bytes(value)).sum();
        while sum > limit {
            let others = self.entries.iter().filter(|(key, _)| !is_kin(key));
            let Some((&key, (value, _))) = others.min_by_key(|(_, (_, last_used))| *last_used) else {
                return;
            };
            sum -= bytes(value);
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn designs() -> Designs {
        Designs::new(Estimator::Auto, 1, false, 1000, &Stop::default())
    }

    fn use_all(designs: &Designs, keys: &[Key]) -> usize {
        let mut most = 0;
        for (key, design) in keys.iter().zip(designs.get(keys)) {
            designs.with_solver(*key, &design.unwrap(), 0, |_| ());
            let solvers = lock(&designs.solvers);
            most = most.max(solvers.entries.values().map(|(solver, _)| solver.get().unwrap().bytes()).sum());
        }
        most
    }

    #[test]
    fn solvers_of_many_numbers_of_players_are_bounded_by_bytes() {
        let designs = designs();
        let keys: Vec<Key> =
            (30..60).step_by(2).map(|players| Key { players, budget: 1000, turn: players % 4 }).collect();
        let one = use_all(&designs, &keys[keys.len() - 1..]);
        let most = use_all(&designs, &keys);
        assert!(keys.len() * one > 2 * KEPT_BYTES, "{one} bytes: the test needs more designs");
        assert!(most <= KEPT_BYTES + 2 * one, "{most}");
    }

    #[test]
    fn designs_of_many_numbers_of_players_are_bounded_by_bytes() {
        let designs = designs();
        let (mut made, mut most, mut largest) = (0, 0, 0);
        for players in 12..60 {
            let keys: Vec<Key> = (0..4).map(|turn| Key { players, budget: 1000, turn }).collect();
            let own: usize = designs.get(&keys).iter().flatten().map(|design| design.bytes()).sum();
            made += own;
            largest = largest.max(own);
            let kept = lock(&designs.designs);
            most = most.max(kept.entries.values().map(|(design, _)| design.bytes()).sum());
        }
        assert!(made > KEPT_BYTES / 10 + 2 * largest, "{made} bytes: the test needs more designs");
        assert!(most <= KEPT_BYTES / 10 + largest, "{most}");
    }

    #[test]
    fn a_design_goes_with_the_last_row_that_it_is_for() {
        let designs = designs();
        let key = |turn| Key { players: 40, budget: 120, turn };
        let keys = [key(0), key(1), key(0)];
        designs.expect(keys.into_iter());
        for (at, kept) in [(0, 1), (1, 1), (2, 0)] {
            use_all(&designs, &keys[at..=at]);
            assert_eq!(lock(&designs.solvers).entries.len(), kept);
            assert_eq!(lock(&designs.designs).entries.len(), kept);
        }
    }

    #[test]
    fn solvers_of_the_same_rows_are_made_once() {
        let designs = designs();
        let keys: Vec<Key> = (0..8).map(|row| Key { players: 40, budget: 120, turn: row % 4 }).collect();
        for _ in 0..2 {
            use_all(&designs, &keys);
            assert_eq!(lock(&designs.solvers).entries.len(), 4);
        }
    }
}
