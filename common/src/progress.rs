//! Progress of long work: a bar on a terminal, otherwise a log record every ten seconds.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const BETWEEN_RECORDS: Duration = Duration::from_secs(10);

/// How far a piece of work is. `total` may be zero when nobody knows.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    unit: &'static str,
    total: u64,
    done: u64,
    began: Instant,
    told: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `what`: the work as a gerund, "merging"; `unit`: what is counted, "bytes".
    pub fn start(what: &'static str, unit: &'static str, total: u64, for_people: bool) -> Progress {
        let now = Instant::now();
        let bar = for_people.then(|| {
            let style =
                ProgressStyle::with_template("{msg} [{bar:30}] {human_pos}/{human_len} {prefix} {eta} left")
                    .unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(total).with_style(style).with_message(what).with_prefix(unit)
        });
        Progress { what, unit, total, done: 0, began: now, told: now, bar }
    }

    /// Cheap enough for once per block of work, not for once per record.
    pub fn advance(&mut self, by: u64) {
        self.advance_with(by, String::new);
    }

    /// As `advance`, with more to tell beside the numbers; `more` is only called when it is told.
    pub fn advance_with(&mut self, by: u64, more: impl FnOnce() -> String) {
        self.done += by;
        if let Some(bar) = &self.bar {
            bar.set_position(self.done);
            return;
        }
        let now = Instant::now();
        if now - self.told < BETWEEN_RECORDS {
            return;
        }
        self.told = now;
        let seconds = (now - self.began).as_secs_f64();
        let rate = self.done as f64 / seconds;
        let left = self.total.saturating_sub(self.done) as f64 / rate;
        tracing::info!(
            done = self.done,
            total = self.total,
            unit = self.unit,
            per_second = rate.round(),
            seconds_left = left.round(),
            more = more(),
            "{}: {} of {} {}",
            self.what,
            self.done,
            self.total,
            self.unit
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
