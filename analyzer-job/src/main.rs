//! Starts the analysis and tells how it ended.

use std::process::ExitCode;

fn main() -> ExitCode {
    plumbline_common::job::run(analyzer_job::run::run)
}
