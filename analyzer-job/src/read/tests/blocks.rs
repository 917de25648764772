use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::*;

const BLOCKS: usize = 200;

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
