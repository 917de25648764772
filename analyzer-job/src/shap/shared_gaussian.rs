//! The Gaussian process for many pairs, whose covariances serve every row.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use faer::Mat;
use plumbline_common::stop::Stop;

use super::gaussian::{COMMON, Estimate, Gaussian};
use super::process::{Operator, Process};

/// Pairs that tell the common relevance of many; they must determine the main effects.
pub(super) const PART_PAIRS: usize = 250;

/// The process for many pairs: one relevance for all players, whose operators are made when first needed
/// and serve every row. A part of the pairs tells which relevance is likely.
#[derive(Debug)]
pub(super) struct SharedGaussian {
    all: Process,
    part: Gaussian,
    /// Every so many pairs are in `part`.
    every: usize,
    operators: [OnceLock<Option<Operator>>; COMMON.len()],
    rooms: Arc<Rooms>,
}

/// Memory for the large matrices of a run, kept until the run ends. Memory of a part of a megabyte and more that is given
/// back and taken again leaves the C library with as much unused memory for each thread.
#[derive(Debug)]
pub(super) struct Rooms {
    rows: usize,
    /// For covariances of all pairs: one for each thread that makes an operator.
    free: Mutex<Vec<Mat<f64>>>,
    /// For those of a part of the pairs.
    free_for_parts: Mutex<Vec<Mat<f64>>>,
}

impl Rooms {
    /// `n_pairs`: the most pairs that a process of this run has.
    pub(super) fn new(n_pairs: usize) -> Rooms {
        Rooms { rows: n_pairs + 1, free: Mutex::default(), free_for_parts: Mutex::default() }
    }

    fn for_part(&self) -> Mat<f64> {
        lock(&self.free_for_parts).pop().unwrap_or_else(Mat::new)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Mat<f64>) -> T) -> T {
        let free = lock(&self.free).pop();
        let mut room = free.unwrap_or_else(|| Mat::with_capacity(self.rows, self.rows));
        let result = work(&mut room);
        lock(&self.free).push(room);
        result
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for SharedGaussian {
    fn drop(&mut self) {
        lock(&self.rooms.free_for_parts).extend(self.part.take_rooms());
    }
}

impl SharedGaussian {
    /// `signs`: rows of +1 and -1, one for each pair, which must determine main effects.
    pub(super) fn new(signs: &Mat<f64>, rooms: Arc<Rooms>, stop: &Stop) -> SharedGaussian {
        let every = signs.nrows().div_ceil(PART_PAIRS).max(1);
        let part =
            Mat::from_fn(signs.nrows().div_ceil(every), signs.ncols(), |row, i| signs[(row * every, i)]);
        SharedGaussian {
            all: Process::new(signs, true),
            part: Gaussian::in_rooms(&part, true, || rooms.for_part(), stop),
            every,
            operators: Default::default(),
            rooms,
        }
    }

    /// Memory that it takes, with the operators of two relevances: rows of one data set hardly need more.
    pub(super) fn bytes(&self) -> usize {
        self.all.bytes() + 2 * self.all.bytes_of_operator() + self.part.bytes()
    }

    /// Values from what least squares leave of the pairs; they add up to 0. None when no covariance could be
    /// factorised, or when the job was asked to stop.
    pub(super) fn estimate(&self, residuals: &[f64], stop: &Stop) -> Option<Estimate> {
        let observed: Vec<f64> = residuals.iter().step_by(self.every).copied().chain([0.0]).collect();
        let (_, place, fit) = self.part.most_likely(&observed)?;
        let make = || self.rooms.with(|room| self.all.operator(COMMON[place], room, stop));
        let operator = self.operators[place].get_or_init(make).as_ref()?;
        let players = operator.unit_errors.len();
        let mut values = vec![0.0; players];
        for (residual, factors) in residuals.iter().zip(operator.by_pair.chunks_exact(players)) {
            for (value, factor) in values.iter_mut().zip(factors) {
                *value += factor * residual;
            }
        }
        let surplus = values.iter().sum::<f64>() / players as f64;
        values.iter_mut().for_each(|value| *value -= surplus);
        let deviation = fit.deviation(&observed);
        let standard_errors = operator.unit_errors.iter().map(|error| error * deviation).collect();
        Some(Estimate { values, standard_errors })
    }
}
