//! What one pass over the rows leaves behind.

pub mod counts;
mod fold;
pub mod hll;
pub mod kll;
pub mod profile;
pub mod tally;
