//! Tests of the whole: golden values and laws. Those of a single file stand beside these.

mod golden;
mod laws;
mod rows;

use crate::config::{Methods, ReportNames};
use crate::results::details::Stage;

/// Every bias metric.
pub(super) fn all_metrics() -> Methods {
    Methods {
        pre_training_bias: Some(super::codes_of(Stage::PreTraining).collect()),
        post_training_bias: Some(super::codes_of(Stage::PostTraining).collect()),
        shap: None,
        pdp: None,
        report: ReportNames { name: "report".into(), title: "Report".into() },
    }
}
