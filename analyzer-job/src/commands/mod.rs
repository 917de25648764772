//! Subcommands that answer a question instead of running a job.

pub mod compare;
pub(crate) mod validate;
