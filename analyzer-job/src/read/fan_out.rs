//! One reading for several readers: who wants the same gets it from one thread that reads.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A reading of `K`, in pieces of `T`. It begins when every seat is taken or given up.
pub(crate) struct FanOut<K, T> {
    state: Mutex<State<K, T>>,
    settled: Condvar,
}

struct State<K, T> {
    /// Seats that are neither taken nor given up.
    open: usize,
    /// What the first who took a seat wants.
    wanted: Option<K>,
    takers: Vec<SyncSender<Arc<T>>>,
}

/// The place of one reader; it can be taken once, and is given up when it is dropped.
pub(crate) struct Seat<K, T> {
    reading: Arc<FanOut<K, T>>,
    open: AtomicBool,
}

/// Pieces that wait for a reader. What is read ahead of the slowest reader stays in memory.
const AHEAD: usize = 2;

impl<K, T> FanOut<K, T> {
    pub(crate) fn new() -> Arc<FanOut<K, T>> {
        let state = State { open: 0, wanted: None, takers: Vec::new() };
        Arc::new(FanOut { state: Mutex::new(state), settled: Condvar::new() })
    }

    /// So many seats; all are given out before the reading is run.
    pub(crate) fn seats(self: &Arc<Self>, n: usize) -> Vec<Seat<K, T>> {
        self.state().open += n;
        (0..n).map(|_| Seat { reading: self.clone(), open: AtomicBool::new(true) }).collect()
    }

    /// Waits for the seats, then calls `read` with what is wanted, unless nobody wants anything. The function that `read`
    /// gets hands a piece to every reader; it says false when none is left.
    pub(crate) fn run(&self, read: impl FnOnce(K, &mut dyn FnMut(&Arc<T>) -> bool)) {
        let mut state = self.state();
        while state.open > 0 {
            state = self.settled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let wanted = state.wanted.take();
        let mut takers = std::mem::take(&mut state.takers);
        drop(state);
        if let Some(wanted) = wanted {
            read(wanted, &mut |piece| {
                takers.retain(|taker| taker.send(piece.clone()).is_ok());
                !takers.is_empty()
            });
        }
    }

    /// After a panic the state is as it was: each change is one statement.
    fn state(&self) -> MutexGuard<'_, State<K, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, mut state: MutexGuard<'_, State<K, T>>) {
        state.open -= 1;
        drop(state);
        self.settled.notify_all();
    }
}

impl<K: PartialEq, T> Seat<K, T> {
    /// The pieces of what is wanted; none when others read something else, or the seat was taken before: then the caller
    /// reads by itself.
    pub(crate) fn take(&self, wanted: K) -> Option<Receiver<Arc<T>>> {
        if !self.open.swap(false, Ordering::Relaxed) {
            return None;
        }
        let mut state = self.reading.state();
        let is_same = state.wanted.as_ref().is_none_or(|known| *known == wanted);
        state.wanted.get_or_insert(wanted);
        let pieces = is_same.then(|| {
            let (taker, pieces) = mpsc::sync_channel(AHEAD);
            state.takers.push(taker);
            pieces
        });
        self.reading.settle(state);
        pieces
    }
}

impl<K, T> fmt::Debug for Seat<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("open", &self.open).finish_non_exhaustive()
    }
}

impl<K, T> Drop for Seat<K, T> {
    fn drop(&mut self) {
        if self.open.swap(false, Ordering::Relaxed) {
            self.reading.settle(self.reading.state());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn readers_of_the_same_get_every_piece_and_others_read_by_themselves() {
        for gone in 0..4 {
            let reading = FanOut::<&str, u32>::new();
            let seats = reading.seats(4);
            let mut reads = 0;
            let got: Vec<Option<Vec<u32>>> = thread::scope(|scope| {
                let readers: Vec<_> = seats
                    .into_iter()
                    .enumerate()
                    .map(|(at, seat)| {
                        scope.spawn(move || {
                            if at < gone {
                                return None;
                            }
                            let pieces = seat.take("a")?;
                            assert!(seat.take("a").is_none(), "a seat is taken once");
                            Some(pieces.iter().map(|piece| *piece).collect())
                        })
                    })
                    .collect();
                reading.run(|wanted, hand_on| {
                    assert_eq!(wanted, "a");
                    reads += 1;
                    assert!((0..20).all(|piece| hand_on(&Arc::new(piece))));
                });
                readers.into_iter().map(|reader| reader.join().unwrap()).collect()
            });
            assert_eq!(reads, 1);
            let all: Vec<u32> = (0..20).collect();
            assert!(
                got.iter()
                    .enumerate()
                    .all(|(at, got)| (at < gone && got.is_none()) || got.as_ref() == Some(&all))
            );
        }
    }

    #[test]
    fn who_wants_something_else_gets_nothing() {
        let reading = FanOut::<&str, u32>::new();
        let seats = reading.seats(2);
        assert!(seats[0].take("a").is_some());
        assert!(seats[1].take("b").is_none());
    }

    #[test]
    fn reading_ends_when_nobody_listens() {
        let reading = FanOut::<(), u32>::new();
        let seats = reading.seats(2);
        let pieces = seats[0].take(());
        drop((pieces, seats));
        let mut handed = 0;
        reading.run(|(), hand_on| {
            while hand_on(&Arc::new(1)) {
                handed += 1;
                assert!(handed < 3);
            }
        });
        let reading = FanOut::<(), u32>::new();
        let seats = reading.seats(2);
        drop(seats);
        reading.run(|(), _| panic!("nobody wants it"));
    }
}
