//! What the two quality monitors share: how they are started, and their rows.

pub mod format;
pub mod plan;
pub mod rows;

pub use plan::{Kind, Plan, kind};
