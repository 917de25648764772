#![no_main]
//! Any text as an `analysis_config.json`: a checked configuration or a problem. Templates and JMESPaths are parts of it.

use std::path::Path;

use analyzer_job::config::check::{self, Kind};

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    for kind in [Kind::Processing, Kind::Monitoring] {
        if let Err(problem) = check::load(text, Path::new("analysis_config.json"), kind) {
            assert!(!problem.to_string().contains(|character: char| character == '\u{1b}'));
        }
    }
});
