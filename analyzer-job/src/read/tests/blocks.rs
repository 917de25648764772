use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::*;

const BLOCKS: usize = 200;

impl Held for usize {
    fn bytes(&self) -> usize {
        0
    }
}

/// Reads numbers as blocks on so many threads; `read` is given each of them. In which order they are taken.
fn order(threads: usize, read: impl Fn(usize) + Sync, last: usize) -> Vec<usize> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let mut taken = Vec::new();
    let mut blocks = 0..BLOCKS;
    pool.install(|| {
        in_order(
            |_| blocks.next(),
            || |block: &usize| read(*block),
            |block, ()| {
                taken.push(*block);
                Ok(*block < last)
            },
        )
    })
    .unwrap();
    taken
}

#[test]
fn blocks_are_taken_in_their_order_and_no_more_than_wanted() {
    for threads in 1..5 {
        // Each is slower or faster than the one before.
        let read = |block: usize| sleep(Duration::from_micros((block * 7919 % 13 * 20) as u64));
        assert!(order(threads, read, BLOCKS).into_iter().eq(0..BLOCKS));
        assert!(order(threads, read, 50).into_iter().eq(0..=50));
    }
}

/// What was read must be kept until the blocks before it are there.
#[test]
fn few_blocks_are_read_ahead_of_one_that_takes_long() {
    for threads in 2..5 {
        for slow in [0, 100] {
            let read = AtomicUsize::new(0);
            let taken = order(
                threads,
                |block| {
                    if block == slow {
                        // The others have done what they may; they are given time for more.
                        while read.load(Ordering::Relaxed) < slow + threads * WAITING {
                            sleep(Duration::from_millis(1));
                        }
                        sleep(Duration::from_millis(50));
                        assert!(read.load(Ordering::Relaxed) <= slow + threads * (WAITING + 1));
                    }
                    read.fetch_add(1, Ordering::Relaxed);
                },
                BLOCKS,
            );
            assert!(taken.into_iter().eq(0..BLOCKS), "{threads} threads, slow {slow}");
        }
    }
}

/// Threads that have rested go on with blocks that are done with.
#[test]
fn no_more_blocks_are_made_than_are_in_use_at_a_time() {
    for threads in 2..5 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (mut made, mut blocks) = (0, 0..BLOCKS);
        let next = |spent: Option<usize>| {
            let block = blocks.next();
            made += usize::from(spent.is_none() && block.is_some());
            block
        };
        let slow_at_times =
            |block: &usize| sleep(Duration::from_millis(if block.is_multiple_of(8) { 3 } else { 0 }));
        pool.install(|| in_order(next, || slow_at_times, |_, ()| Ok(true))).unwrap();
        // Those that wait, and for each thread one that it reads and one that it has just read.
        assert!(made <= threads * (WAITING + 2), "{threads} threads: {made}");
    }
}

/// A block by its number, and the memory that it takes.
struct Long(usize, usize);

impl Held for Long {
    fn bytes(&self) -> usize {
        self.1
    }
}

/// Blocks of long records, alone and among short ones.
#[test]
fn long_blocks_are_held_in_a_window_of_bytes() {
    for threads in 1..6 {
        let most = HELD_BYTES.max(threads * (WAITING + 2) * BLOCK_BYTES);
        for (long, every) in
            [(100 << 20, 1), (100 << 20, 5), (HELD_BYTES / 2, 1), (HELD_BYTES / 4, 2), (1, 1)]
        {
            let (held, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let bytes = |block: usize| if block.is_multiple_of(every) { long } else { BLOCK_BYTES };
            let (mut blocks, mut taken) = (0..BLOCKS, Vec::new());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                in_order(
                    |spent: Option<Long>| {
                        assert!(spent.is_none_or(|spent| spent.bytes() <= 2 * BLOCK_BYTES));
                        let block = blocks.next()?;
                        let now = held.fetch_add(bytes(block), Ordering::Relaxed) + bytes(block);
                        peak.fetch_max(now, Ordering::Relaxed);
                        Some(Long(block, bytes(block)))
                    },
                    || |Long(block, _): &Long| sleep(Duration::from_micros((block * 7919 % 13 * 20) as u64)),
                    |Long(block, bytes), ()| {
                        held.fetch_sub(*bytes, Ordering::Relaxed);
                        taken.push(*block);
                        Ok(true)
                    },
                )
            })
            .unwrap();
            assert!(taken.into_iter().eq(0..BLOCKS));
            let peak = peak.into_inner();
            assert!(peak <= most + long.max(BLOCK_BYTES), "{threads} threads, {long} bytes: {peak}");
            // Those that fit are read at a time all the same.
            assert!(
                long > most / 2 || threads == 1 || peak > long,
                "{threads} threads, {long} bytes: {peak}"
            );
        }
    }
}

#[test]
fn a_panic_ends_the_reading_of_all() {
    let read = AtomicUsize::new(0);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        order(
            3,
            |block| {
                while block == 0 && read.load(Ordering::Relaxed) < 3 * WAITING {
                    sleep(Duration::from_millis(1));
                }
                read.fetch_add(1, Ordering::Relaxed);
                assert!(block > 0, "the first");
            },
            BLOCKS,
        )
    }));
    let panic = ended.unwrap_err();
    assert!(panic.downcast_ref::<&str>().is_some_and(|text| text.contains("the first")));
}
