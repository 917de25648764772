//! What the settings with a fixed set of values can be.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnalysisType {
    DataQuality,
    ModelQuality,
    ModelBias,
    ModelExplainability,
}

impl AnalysisType {
    /// In the order in which they are run and reported.
    pub const ALL: [AnalysisType; 4] = [
        AnalysisType::DataQuality,
        AnalysisType::ModelQuality,
        AnalysisType::ModelBias,
        AnalysisType::ModelExplainability,
    ];

    /// As the setting has it.
    pub fn name(self) -> &'static str {
        match self {
            AnalysisType::DataQuality => "DATA_QUALITY",
            AnalysisType::ModelQuality => "MODEL_QUALITY",
            AnalysisType::ModelBias => "MODEL_BIAS",
            AnalysisType::ModelExplainability => "MODEL_EXPLAINABILITY",
        }
    }

    /// Its folder among those of a run of several monitors.
    pub fn folder(self) -> &'static str {
        match self {
            AnalysisType::DataQuality => "data-quality",
            AnalysisType::ModelQuality => "model-quality",
            AnalysisType::ModelBias => "model-bias",
            AnalysisType::ModelExplainability => "model-explainability",
        }
    }

    /// In words: `Model quality`.
    pub fn title(self) -> &'static str {
        match self {
            AnalysisType::DataQuality => "Data quality",
            AnalysisType::ModelQuality => "Model quality",
            AnalysisType::ModelBias => "Model bias",
            AnalysisType::ModelExplainability => "Model explainability",
        }
    }

    /// What lines of the log that are written in it carry beside others, at every level: the name of its folder.
    pub(crate) fn span(self) -> tracing::Span {
        match self {
            AnalysisType::DataQuality => tracing::error_span!("data-quality"),
            AnalysisType::ModelQuality => tracing::error_span!("model-quality"),
            AnalysisType::ModelBias => tracing::error_span!("model-bias"),
            AnalysisType::ModelExplainability => tracing::error_span!("model-explainability"),
        }
    }
}

/// The monitors of a run, each once, in the order of `AnalysisType::ALL`; never none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisTypes(Vec<AnalysisType>);

impl AnalysisTypes {
    pub fn of(only: AnalysisType) -> AnalysisTypes {
        AnalysisTypes(vec![only])
    }

    /// The one monitor of the run; `None` when there are several.
    pub fn single(&self) -> Option<AnalysisType> {
        if let [only] = self.0[..] { Some(only) } else { None }
    }

    pub fn all(&self) -> &[AnalysisType] {
        &self.0
    }

    /// As the setting has them.
    pub fn names(&self) -> String {
        self.0.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(",")
    }
}

impl std::str::FromStr for AnalysisTypes {
    type Err = String;

    /// Reads names separated by commas, in any order and case, with blanks around them.
    fn from_str(text: &str) -> std::result::Result<AnalysisTypes, String> {
        let names = AnalysisType::ALL.map(AnalysisType::name).join(", ");
        let mut found = Vec::new();
        for name in text.split(',').map(str::trim) {
            let known = AnalysisType::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name));
            let known = known.ok_or_else(|| {
                format!("one or several of {names}, separated by commas; `{name}` is none of them")
            })?;
            if found.contains(&known) {
                return Err(format!("each of {names} at most once; {} stands twice", known.name()));
            }
            found.push(known);
        }
        found.sort_unstable();
        Ok(AnalysisTypes(found))
    }
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
            .ok_or_else(|| "two whole numbers such as 2/3: two of the last three windows".into())
    }
}

impl std::fmt::Display for Windows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.agreeing, self.of)
    }
}

/// A level of confidence: a number from 0.5 to below 1.
pub(super) fn confidence(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "a number from 0.5 to below 1".to_owned())?;
    if (0.5..1.0).contains(&number) { Ok(number) } else { Err("a number from 0.5 to below 1".into()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_monitors_are_a_list_in_any_order_each_once() {
        let names = |text: &str| {
            let kinds: AnalysisTypes = text.parse()?;
            Ok::<_, String>(kinds.all().iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(names("MODEL_BIAS").unwrap(), "MODEL_BIAS");
        assert_eq!(
            names(" model_explainability,MODEL_BIAS , Model_Quality,DATA_QUALITY").unwrap(),
            "DATA_QUALITY MODEL_QUALITY MODEL_BIAS MODEL_EXPLAINABILITY"
        );
        for bad in
            ["", ",", "MODEL_BIAS,", "MODEL_BIAS,DATA_QUALITY,MODEL_BIAS", "BIAS", "MODEL_BIAS MODEL_QUALITY"]
        {
            let told = names(bad).unwrap_err();
            let all = "DATA_QUALITY, MODEL_QUALITY, MODEL_BIAS, MODEL_EXPLAINABILITY";
            assert!(told.contains(all), "{bad}: {told}");
        }
        assert_eq!("DATA_QUALITY,MODEL_BIAS".parse::<AnalysisTypes>().unwrap().single(), None);
    }
}
