//! Blocks of rows on their way: the model answers for the next ones while the values of one are worked out,
//! and for one while the questions about another are prepared.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use plumbline_common::{Problem, Result, codes};

use super::budget::Players;
use super::game::Block;
use super::play::{Call, Run};
use super::task::Task;

/// Threads that ask the model about blocks, in turns.
const LANES: usize = 2;

/// Gives each block, its values worked out, to `take`, in the order of the rows. `task.answered` is called when
/// the model has answered for the last time, before the last values are worked out where that is known.
///
/// # Errors
/// Those of the model and of `take`, whichever comes first in that order; being stopped.
pub(super) fn for_each_block(
    run: &Run,
    first_places: &[u32],
    players: &Players,
    task: &Task,
    mut take: impl FnMut(&Block) -> Result<()>,
) -> Result<()> {
    let blocks = run.blocks(first_places, players);
    let left = AtomicUsize::new(blocks.len());
    thread::scope(|scope| {
        let mut lanes = Vec::new();
        for lane in 0..LANES {
            let (sender, answered) = mpsc::sync_channel(1);
            let mut own = blocks.iter().skip(lane).step_by(LANES).cloned();
            let left = &left;
            let asking = scope.spawn(move || {
                let mut call = Call::new(task);
                own.try_for_each(|rows| {
                    let block = run.ask(rows, first_places, players, &mut call);
                    let go_on = block.is_ok();
                    let is_last = go_on && left.fetch_sub(1, Ordering::Relaxed) == 1;
                    if is_last && !run.in_stages() {
                        (task.answered)();
                    }
                    sender.send(block).ok().filter(|()| go_on)
                })
            });
            lanes.push((asking, answered));
        }
        let mut work = || {
            for (_, answered) in lanes.iter().cycle().take(blocks.len()) {
                let mut block = answered.recv().map_err(|_| lane_ended())??;
                block.solve(&run.designs, task.stop);
                task.stop.check()?;
                run.finish(&mut block)?;
                take(&block)?;
            }
            Ok(())
        };
        let outcome = work();
        // After a failure nobody needs more answers.
        run.given_up.store(true, Ordering::Relaxed);
        for (asking, answered) in lanes {
            drop(answered);
            if let Err(panic) = asking.join() {
                std::panic::resume_unwind(panic);
            }
        }
        outcome
    })
}

fn lane_ended() -> Problem {
    Problem::new(&codes::INTERNAL, "a thread that asks the model has ended")
}
