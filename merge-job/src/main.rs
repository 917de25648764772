//! Starts the merge and tells how it ended.

use std::process::ExitCode;

fn main() -> ExitCode {
    plumbline_common::job::run(merge_job::run)
}
