//! What one pass over the rows leaves behind.

pub mod counts;
mod fold;
pub mod tally;
