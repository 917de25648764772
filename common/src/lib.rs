//! What both jobs use, in reading order: the contract with SageMaker, how a problem is told,
//! how settings are layered, how files come in and go out, and what a running job shows of itself.

pub mod addresses;
pub mod answer;
pub mod codes;
pub mod contract;
pub mod input;
pub mod job;
pub mod log;
pub mod memory;
pub mod moment;
pub mod output;
pub mod problem;
pub mod progress;
pub mod record;
pub mod settings;
pub mod stop;
pub mod words;

pub use problem::{Problem, Result};

/// Version of both programs, with the revision where the build knew it: `0.1.0 (revision 0123456789ab)`.
pub const VERSION: &str = env!("PLUMBLINE_VERSION");
