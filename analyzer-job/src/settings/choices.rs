//! The values that settings choose from.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnalysisType {
    #[value(name = "MODEL_BIAS")]
    ModelBias,
    #[value(name = "MODEL_EXPLAINABILITY")]
    ModelExplainability,
    #[value(name = "MODEL_QUALITY")]
    ModelQuality,
    #[value(name = "DATA_QUALITY")]
    DataQuality,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnBadRecord {
    /// Leave it out, count it, name the first five
    Skip,
    /// Stop the job
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    Enabled,
    Disabled,
}

impl Switch {
    pub fn on(self) -> bool {
        self == Switch::Enabled
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EstimatorChoice {
    /// The best one for the number of samples
    Auto,
    /// The classic sampling of the shap library, without feature selection
    Kernel,
    /// Every coalition; an error where num_samples allows fewer
    Exact,
    /// Random orders of the features and their reverses
    Permutation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnNothingCompared {
    /// Stop the job
    Fail,
    /// Go on, with a warning
    Succeed,
}

impl OnNothingCompared {
    pub fn is_allowed(self) -> bool {
        self == OnNothingCompared::Succeed
    }
}

/// In how many of the last windows, this one included, a metric must be farther from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    pub agreeing: usize,
    pub of: usize,
}

impl Default for Windows {
    fn default() -> Windows {
        Windows { agreeing: 1, of: 1 }
    }
}

impl std::str::FromStr for Windows {
    type Err = String;

    /// Reads `2/3`: two of the last three windows.
    fn from_str(text: &str) -> std::result::Result<Windows, String> {
        let parts = text.split_once('/').and_then(|(agreeing, of)| {
            Some(Windows { agreeing: agreeing.trim().parse().ok()?, of: of.trim().parse().ok()? })
        });
        parts
            .filter(|windows| (1..=windows.of).contains(&windows.agreeing))
            .ok_or_else(|| "expected two whole numbers such as 2/3: two of the last three windows".into())
    }
}

impl std::fmt::Display for Windows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.agreeing, self.of)
    }
}

/// A level of confidence: a number from 0.5 to below 1.
pub(super) fn confidence(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number from 0.5 to below 1".to_owned())?;
    if (0.5..1.0).contains(&number) {
        Ok(number)
    } else {
        Err("expected a number from 0.5 to below 1".into())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DriftCheck {
    Value,
    Interval,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DriftRule {
    /// The hosted service's: each distinct value of a sketch counts once
    #[default]
    Deequ,
    /// Kolmogorov-Smirnov on rows
    Weighted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ValueTyping {
    Spelling,
    Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    Strict,
}
