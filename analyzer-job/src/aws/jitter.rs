//! Random shares for the pauses between retries.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// Random shares that differ between processes, so that hosts do not retry in step.
#[derive(Debug)]
pub(crate) struct Jitter {
    keys: RandomState,
    count: AtomicU64,
}

impl Jitter {
    pub(crate) fn new() -> Jitter {
        Jitter { keys: RandomState::new(), count: AtomicU64::new(0) }
    }

    pub(crate) fn bits(&self) -> u64 {
        self.keys.hash_one(self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// From 0 to below 1.
    pub(crate) fn next(&self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
