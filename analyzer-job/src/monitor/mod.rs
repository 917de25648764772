//! What the two quality monitors share: how they are started, and their rows.

pub mod format;
pub mod plan;
pub mod rows;

use plumbline_common::{Problem, codes};

pub use plan::{Kind, Plan, kind};

/// Until the stage is there.
pub(crate) fn model_quality_is_missing() -> Problem {
    Problem::new(&codes::CONFIG_NOT_SUPPORTED, "this kind of analysis is not supported yet")
        .field("analysis_type")
        .found("MODEL_QUALITY")
        .expected("MODEL_BIAS, MODEL_EXPLAINABILITY or DATA_QUALITY")
}
