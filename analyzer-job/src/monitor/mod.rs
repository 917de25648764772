//! What the two quality monitors share: how they are started, and their rows.

pub mod columns;
mod first_lines;
pub mod format;
pub mod plan;
pub mod rows;
pub mod script;

pub use plan::{Kind, MonitorPlan, kind};
