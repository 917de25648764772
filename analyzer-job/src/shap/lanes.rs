//! Blocks of rows on their way: the model answers for the next ones while the values of one are worked out,
//! and for one while the questions about another are prepared.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, mpsc};
use std::thread;

use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};

use super::budget::Players;
use super::play::{Block, Designs, Run};

/// Threads that ask the model about blocks, in turns.
const LANES: usize = 2;

/// Gives each block, its values worked out, to `take`, in the order of the rows.
///
/// # Errors
/// Those of the model and of `take`, whichever comes first in that order; being stopped.
pub(super) fn for_each_block(
    run: &Run,
    first_places: &[u32],
    players: &Players,
    stop: &Stop,
    mut take: impl FnMut(&Block) -> Result<()>,
) -> Result<()> {
    let blocks = run.blocks(first_places, players);
    let designs = Mutex::new(Designs::new());
    thread::scope(|scope| {
        let mut lanes = Vec::new();
        for lane in 0..LANES {
            let (sender, answered) = mpsc::sync_channel(1);
            let mut own = blocks.iter().skip(lane).step_by(LANES).cloned();
            let designs = &designs;
            let asking = scope.spawn(move || {
                own.try_for_each(|rows| {
                    let block = run.ask(rows, first_places, players, designs);
                    let go_on = block.is_ok();
                    sender.send(block).ok().filter(|()| go_on)
                })
            });
            lanes.push((asking, answered));
        }
        let mut work = || {
            for (_, answered) in lanes.iter().cycle().take(blocks.len()) {
                let mut block = answered.recv().map_err(|_| lane_ended())??;
                stop.check()?;
                block.solve();
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
