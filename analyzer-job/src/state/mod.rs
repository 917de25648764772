//! What one pass over the rows leaves behind.

pub mod counts;
pub mod file;
mod fold;
pub mod hll;
pub mod joined;
pub mod kll;
pub mod order;
pub mod profile;
pub mod tally;
