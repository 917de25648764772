//! The merge program as a user runs it: on a folder tree shaped like that of a processing job.

mod changes;
mod dry_run;
mod faults;
mod hints;
mod order;
mod records;
mod results;
mod rules;
#[path = "../support/runs.rs"]
mod runs;
mod tree;
