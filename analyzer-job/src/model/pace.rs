//! How many requests are in flight and how many rows each holds. Both are found out while working:
//! they grow while the endpoint is quick and shrink when it throttles or fails. Answers never
//! depend on either.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::aws::jitter::Jitter;

/// Requests in flight for each instance at the start.
const START_PER_INSTANCE: usize = 4;
/// And at most, as long as nothing was throttled.
const MOST_PER_INSTANCE: usize = 16;
/// At most, whatever the number of instances.
const MOST_IN_FLIGHT: usize = 64;
/// Good requests for one more in flight, once the endpoint has throttled.
const GOOD_FOR_ONE_MORE: u32 = 100;
/// Good requests until the pace tries again what the model refused: that may have been an accident.
const GOOD_TO_FORGET: u32 = 300;
/// Rows of the first request.
const START_ROWS: usize = 256;
/// More rows in a request gain nothing: the answer takes a second or more by then, or the rows are cheap.
const MOST_ROWS: usize = 8192;
/// A body holds at most 6 MB on a real-time endpoint; a tenth is left free.
const MOST_BYTES: usize = 6 * 1024 * 1024 * 9 / 10;
/// Requests that answer sooner may become larger.
const QUICK: Duration = Duration::from_secs(1);
/// Requests that take longer become smaller: a container is cut off after 60 s.
const SLOW: Duration = Duration::from_secs(20);

/// Pauses between tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) cap: Duration,
}

impl Backoff {
    /// Half a second, doubling, at most 20 s.
    pub(crate) const NORMAL: Backoff =
        Backoff { first: Duration::from_millis(500), cap: Duration::from_secs(20) };

    /// The pause before try `nth` (1 is the first again), full jitter: from nothing to the whole.
    pub(crate) fn pause(&self, nth: u32, jitter: &Jitter) -> Duration {
        self.whole(nth).mul_f64(jitter.next())
    }

    fn whole(&self, nth: u32) -> Duration {
        self.first.saturating_mul(1 << nth.saturating_sub(1).min(16)).min(self.cap)
    }
}

/// Shared by all threads that ask the model.
#[derive(Debug)]
pub(crate) struct Pace {
    state: Mutex<State>,
    freed: Notify,
    jitter: Jitter,
    pub(crate) backoff: Backoff,
}

#[derive(Debug)]
struct State {
    running: usize,
    in_flight: usize,
    most_in_flight: usize,
    good_since_change: u32,
    throttled_once: bool,
    /// When the number in flight was lowered last: requests sent before tell nothing new.
    lowered: Instant,
    throttles_in_a_row: u32,
    paused_until: Option<Instant>,
    rows: usize,
    most_rows: usize,
    /// The fewest rows that the model refused; forgotten by and by.
    refused_rows: usize,
    good_since_refusal: u32,
    bytes: usize,
    /// Retries left; every answer earns one.
    retries_left: u32,
    ever_good: bool,
}

/// Retries that a job may spend before answers have earned any.
const RETRIES_AT_START: u32 = 200;

/// The right to have one request in flight.
pub(crate) struct Permit<'a> {
    pace: &'a Pace,
    pub(crate) sent: Instant,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.pace.state().running -= 1;
        self.pace.freed.notify_one();
    }
}

impl Pace {
    /// `most_rows`: rows per request that the user allows.
    pub(crate) fn new(instances: usize, most_rows: Option<usize>, backoff: Backoff) -> Pace {
        let instances = instances.max(1);
        let most_rows = most_rows.unwrap_or(MOST_ROWS).max(1);
        Pace {
            state: Mutex::new(State {
                running: 0,
                in_flight: (START_PER_INSTANCE * instances).min(MOST_IN_FLIGHT),
                most_in_flight: (MOST_PER_INSTANCE * instances).min(MOST_IN_FLIGHT),
                good_since_change: 0,
                throttled_once: false,
                lowered: Instant::now(),
                throttles_in_a_row: 0,
                paused_until: None,
                rows: START_ROWS.min(most_rows),
                most_rows,
                refused_rows: usize::MAX,
                good_since_refusal: 0,
                bytes: MOST_BYTES,
                retries_left: RETRIES_AT_START,
                ever_good: false,
            }),
            freed: Notify::new(),
            jitter: Jitter::new(),
            backoff,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit, unless enough requests are in flight or the endpoint asked for a pause.
    pub(crate) fn try_acquire(&self) -> Option<Permit<'_>> {
        let mut state = self.state();
        let now = Instant::now();
        if state.running >= state.in_flight || state.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        state.running += 1;
        Some(Permit { pace: self, sent: now })
    }

    /// Waits until a permit may be free; it may also wake for nothing.
    pub(crate) async fn freed(&self) {
        let until = self.state().paused_until;
        match until {
            Some(until) if until > Instant::now() => tokio::time::sleep_until(until.into()).await,
            _ => self.freed.notified().await,
        }
    }

    /// Most rows and bytes of the next request when `waiting` rows are to be sent. Few rows are
    /// spread over the free places, in portions that are worth a request.
    pub(crate) fn size(&self, waiting: usize) -> (usize, usize) {
        let state = self.state();
        let even = waiting.div_ceil(state.in_flight).max(32);
        (state.rows.min(even).max(1), state.bytes)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    pub(crate) fn ever_good(&self) -> bool {
        self.state().ever_good
    }

    pub(crate) fn pause(&self, nth: u32) -> Duration {
        self.backoff.pause(nth, &self.jitter)
    }

    /// A request was answered well.
    pub(crate) fn good(&self, rows: usize, took: Duration) {
        let mut state = self.state();
        state.ever_good = true;
        state.throttles_in_a_row = 0;
        state.retries_left = (state.retries_left + 1).min(2 * RETRIES_AT_START);
        state.good_since_change += 1;
        state.good_since_refusal += 1;
        let needed = if state.throttled_once { GOOD_FOR_ONE_MORE } else { state.in_flight as u32 };
        let most = if state.throttled_once { MOST_IN_FLIGHT } else { state.most_in_flight };
        if state.good_since_change >= needed && state.in_flight < most && took < QUICK {
            state.in_flight += 1;
            state.good_since_change = 0;
            self.freed.notify_one();
        }
        if state.good_since_refusal >= GOOD_TO_FORGET && state.refused_rows != usize::MAX {
            state.refused_rows = state.refused_rows.saturating_mul(2);
            state.good_since_refusal = 0;
        }
        if took > SLOW {
            state.rows = state.rows.min((rows / 2).max(1));
        } else if took < QUICK && rows * 10 >= state.rows * 9 {
            state.rows = larger(state.rows, state.refused_rows).min(state.most_rows);
        }
    }

    /// The endpoint throttled a request that was sent at `sent`. Gives the number of throttlings in a row.
    pub(crate) fn throttled(&self, sent: Instant) -> u32 {
        let mut state = self.state();
        // Requests that were sent together are throttled together: that counts once.
        if sent >= state.lowered {
            state.throttles_in_a_row += 1;
            state.throttled_once = true;
            state.in_flight = (state.in_flight / 2).max(1);
            state.good_since_change = 0;
            state.lowered = Instant::now();
        }
        let pause = self.backoff.pause(state.throttles_in_a_row, &self.jitter);
        let until = Instant::now() + pause;
        state.paused_until = Some(state.paused_until.map_or(until, |earlier| earlier.max(until)));
        state.throttles_in_a_row
    }

    /// A request failed, but it was not throttled.
    pub(crate) fn admitted(&self) {
        self.state().throttles_in_a_row = 0;
    }

    /// The model did not manage a request of so many rows.
    pub(crate) fn refused(&self, rows: usize) {
        let mut state = self.state();
        state.refused_rows = state.refused_rows.min(rows.max(2));
        state.good_since_refusal = 0;
        state.rows = state.rows.min((rows / 2).max(1));
    }

    /// A request of so many rows failed for reasons that may not be its size.
    pub(crate) fn shrink(&self, rows: usize) {
        let mut state = self.state();
        state.rows = state.rows.min((rows / 2).max(1));
    }

    /// A body of so many bytes was too large.
    pub(crate) fn too_large(&self, bytes: usize) {
        let mut state = self.state();
        state.bytes = state.bytes.min((bytes / 2).max(1));
    }

    /// Takes one from the budget of retries; false when it is spent.
    pub(crate) fn spend_retry(&self) -> bool {
        let mut state = self.state();
        match state.retries_left.checked_sub(1) {
            Some(left) => {
                state.retries_left = left;
                true
            }
            None => false,
        }
    }
}

/// Twice the rows, or half way to what the model refused, until that is near.
fn larger(rows: usize, refused: usize) -> usize {
    if refused == usize::MAX {
        rows * 2
    } else if rows * 5 >= refused * 4 {
        rows
    } else {
        (rows * 2).min(rows.midpoint(refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pace() -> Pace {
        Pace::new(1, None, Backoff { first: Duration::ZERO, cap: Duration::ZERO })
    }

    #[test]
    fn backoff_doubles_up_to_its_cap() {
        let waits: Vec<f64> = (1..=8).map(|nth| Backoff::NORMAL.whole(nth).as_secs_f64()).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]);
        let jitter = Jitter::new();
        assert!((1..100).all(|nth| Backoff::NORMAL.pause(nth, &jitter) <= Duration::from_secs(20)));
    }

    #[test]
    fn permits_are_as_many_as_may_be_in_flight() {
        let pace = pace();
        let held: Vec<_> = std::iter::from_fn(|| pace.try_acquire()).collect();
        assert_eq!(held.len(), 4);
        drop(held);
        assert!(pace.try_acquire().is_some());
    }

    #[test]
    fn throttling_halves_once_for_requests_sent_together() {
        let pace = pace();
        let sent = Instant::now();
        assert_eq!(pace.throttled(sent), 1);
        assert_eq!(pace.throttled(sent), 1);
        assert_eq!(pace.in_flight(), 2);
        assert_eq!(pace.throttled(Instant::now()), 2);
        assert_eq!(pace.in_flight(), 1);
        for _ in 0..99 {
            pace.good(1, MS);
        }
        assert_eq!(pace.in_flight(), 1);
        pace.good(1, MS);
        assert_eq!(pace.in_flight(), 2);
    }

    #[test]
    fn quick_answers_make_requests_larger_up_to_what_the_model_refused() {
        let pace = pace();
        let rows = |pace: &Pace| pace.size(1_000_000).0;
        assert_eq!(rows(&pace), 256);
        pace.good(256, MS);
        assert_eq!(rows(&pace), 512);
        pace.refused(512);
        assert_eq!(rows(&pace), 256);
        pace.good(256, MS);
        assert_eq!(rows(&pace), 384);
        pace.good(384, MS);
        assert_eq!(rows(&pace), 448);
        pace.good(448, MS);
        assert_eq!(rows(&pace), 448);
        pace.good(448, 30 * Duration::from_secs(1));
        assert_eq!(rows(&pace), 224);
        pace.refused(1);
        assert_eq!(rows(&pace), 1);
    }

    #[test]
    fn few_rows_are_spread_over_the_places() {
        assert_eq!(pace().size(400).0, 100);
        assert_eq!(pace().size(40).0, 32);
        assert_eq!(pace().size(100_000).0, 256);
    }
}
