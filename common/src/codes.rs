//! Every error code in one table. `docs/errors.md` has a paragraph on each; a test keeps them in step.
//!
//! Ranges: 01 settings and contract, 02 analysis configuration, 03 input data, 04 merge, 05 bias,
//! 06 model access, 07 explainability, 08 baseline and drift, 09 output and the rest.

use std::fmt;

/// A kind of problem. The number never changes its meaning.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    pub number: u16,
    pub class: Class,
    /// The heading of its paragraph in `docs/errors.md`.
    pub title: &'static str,
}

/// What a problem means for the exit code of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Configuration,
    NoData,
    InputOutput,
    Internal,
    Stopped,
}

impl Class {
    /// Exit codes: 1 configuration, 2 no data, 3 input or output, 4 internal, 143 stopped by a signal.
    pub fn exit_code(self) -> u8 {
        match self {
            Class::Configuration => 1,
            Class::NoData => 2,
            Class::InputOutput => 3,
            Class::Internal => 4,
            Class::Stopped => 143,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PL{:04}", self.number)
    }
}

macro_rules! codes {
    ($($name:ident = $number:literal, $class:ident, $title:literal;)*) => {
        $(pub static $name: Code = Code { number: $number, class: Class::$class, title: $title };)*
        /// All codes, by number.
        pub static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    // Settings and contract.
    SETTING_INVALID = 101, Configuration, "a setting has a value that cannot be used";
    JOB_CONFIG_UNREADABLE = 102, Configuration, "the job configuration file cannot be read";
    SHARDED_INPUT = 103, Configuration, "an input is sharded that every host needs whole";

    // Analysis configuration.
    CONFIG_MISSING = 201, Configuration, "there is no analysis configuration";
    CONFIG_NOT_JSON = 202, Configuration, "the analysis configuration is not a JSON object";
    CONFIG_SCHEMA = 203, Configuration, "the analysis configuration breaks the schema";
    CONFIG_NOT_SUPPORTED = 204, Configuration, "a method or setting is not supported yet";
    METRIC_NAME_UNKNOWN = 205, Configuration, "a bias metric's name is not known";

    // Input data.
    BAD_RECORD = 301, InputOutput, "a record cannot be used";
    NO_DATA = 302, NoData, "there is no data";
    HEADERS_DO_NOT_FIT = 303, Configuration, "the headers do not fit the dataset";
    COLUMN_NOT_FOUND = 304, Configuration, "a column named in the configuration is not in the dataset";
    FEATURES_NOT_FOUND = 305, Configuration, "no features are found in the dataset";
    PATH_INVALID = 306, Configuration, "a JMESPath cannot be used";
    DATASETS_DO_NOT_FIT = 307, InputOutput, "datasets cannot be paired row by row";
    MOST_RECORDS_BAD = 308, InputOutput, "most records cannot be used";
    OBJECT_UNREADABLE = 309, InputOutput, "an object in S3 cannot be read";
    VALUE_DOES_NOT_FIT = 310, Configuration, "a value or threshold does not fit its column";
    PREDICTIONS_DO_NOT_FIT = 311, InputOutput, "the predictions do not fit the labels";
    SCRIPT_FAILED = 312, Configuration, "a script cannot be used or failed";

    // Merge.
    NOTHING_MATCHES = 401, NoData, "no capture has a label";
    TOO_MANY_BAD_RECORDS = 402, InputOutput, "too many records cannot be used";
    CONFLICTING_LABELS = 403, InputOutput, "two labels of one id differ";
    PIPE_INPUT = 404, Configuration, "an input is given as a pipe";

    // Bias: 501 and up.
    NO_POSITIVE_PREDICTION = 501, Configuration, "no row is predicted positive";

    // Model access: 601 and up.
    NO_MODEL = 601, Configuration, "the settings name no usable model";
    REQUEST_TEMPLATE = 602, Configuration, "no request can be made from the predictor's settings";
    RESPONSE_SHAPE = 603, Configuration, "the model's response is not what the predictor says";
    RESPONSE_NUMBER = 604, Configuration, "a score in the model's response is not a number";
    MODEL_FAILED = 605, InputOutput, "the model failed";
    MODEL_UNREACHABLE = 606, InputOutput, "the model cannot be reached";
    MODEL_THROTTLED = 607, InputOutput, "the endpoint throttles every request";
    RESPONSE_COUNT = 608, InputOutput, "the model gave a wrong number of predictions";
    RECORD_TOO_LARGE = 609, InputOutput, "a single record is larger than the endpoint takes";
    AWS_IDENTITY = 610, Configuration, "there is no AWS region or no credentials";
    AWS_REFUSED = 611, Configuration, "AWS refused a call";
    AWS_UNREACHABLE = 612, InputOutput, "AWS cannot be reached";
    ENDPOINT_NOT_IN_SERVICE = 613, InputOutput, "the endpoint is not in service";
    NO_CERTIFICATES = 614, Configuration, "there are no CA certificates";

    // Explainability: 701 and up.
    LOGIT_OUT_OF_RANGE = 701, Configuration, "a prediction is not a probability, but `use_logit` needs one";
    PREDICTION_NOT_FINITE = 702, InputOutput, "a prediction is not a finite number";
    BUDGET_TOO_SMALL = 703, Configuration, "the budget of model rows is too small";
    FEATURE_UNKNOWN = 704, Configuration, "a feature to explain is not among the features";
    BASELINE_INVALID = 705, Configuration, "the baseline cannot be used";
    LABELS_DO_NOT_MATCH = 706, Configuration, "the constraints and this run have no label in common";
    OUTPUTS_CHANGED = 707, InputOutput, "the model's number of outputs changed during the job";
    FEATURES_DO_NOT_MATCH = 708, Configuration, "the constraints and this run have no feature in common";

    // Baseline and drift: 801 and up.
    CONSTRAINTS_UNREADABLE = 801, Configuration, "the baseline constraints cannot be read";
    NOTHING_COMPARED = 802, Configuration, "no metric could be compared with the baseline";

    // Output and the rest.
    FILE_OPERATION_FAILED = 901, InputOutput, "a file operation failed";
    DISK_FULL = 902, InputOutput, "the disk is full";
    INTERNAL = 903, Internal, "a defect of the program";
    STOPPED = 904, Stopped, "the job was stopped";
    RESULT_UNREADABLE = 905, InputOutput, "a result file cannot be compared";
    REPORT_NEEDS_RESULTS = 906, NoData, "there are no results to make reports from";
    RESULTS_UNREADABLE = 907, InputOutput, "a result file cannot be read back";
    STATE_UNUSABLE = 908, InputOutput, "a state file cannot be used";
    STATES_DO_NOT_FIT = 909, InputOutput, "states do not belong together";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_ascending() {
        assert!(ALL.windows(2).all(|pair| pair[0].number < pair[1].number));
    }

    #[test]
    fn the_page_has_a_paragraph_on_each_and_no_other() {
        let page = include_str!("../../docs/errors.md");
        let mut lines = page.lines();
        let mut told = Vec::new();
        while let Some(line) = lines.next() {
            if let Some(heading) = line.strip_prefix("### ") {
                let text = lines.next().unwrap_or_default();
                assert!(!text.trim().is_empty() && !text.starts_with('#'), "{heading} has no text");
                told.push(heading.to_string());
            }
        }
        let known: Vec<_> = ALL.iter().map(|code| format!("{code}: {}", code.title)).collect();
        assert_eq!(told, known);
    }
}
