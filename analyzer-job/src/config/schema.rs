//! Every key of the analysis configuration: the one table that the checker walks and that
//! `docs/configuration.md` is held against.

/// One key of an object.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub required: bool,
    pub shape: Shape,
}

/// What may stand as the value of a key.
#[derive(Debug)]
pub enum Shape {
    Text,
    Flag,
    /// A whole number of at least this; `1.0` is none.
    Whole(i64),
    Number,
    /// A column's name, a JMESPath, or a zero-based position.
    Location,
    /// A whole number, a number with decimals, or a string.
    Scalar,
    /// One of these, in any case.
    Choice(&'static [&'static str]),
    List(&'static Shape),
    Object(&'static [Key]),
    /// `"all"`, one name, or a list of names.
    Metrics,
    /// A string, or an object of strings.
    Template,
    /// An address, a list of rows or records, or one document.
    Rows,
    /// An address or an object of the keys.
    TextOr(&'static [Key]),
    /// An object whose keys are the user's own.
    AnyObject,
}

impl Shape {
    /// For messages: what would be right here.
    pub fn expected(&self) -> String {
        match self {
            Shape::Text => "a string".into(),
            Shape::Flag => "true or false".into(),
            Shape::Whole(0) => "a whole number of 0 or more".into(),
            Shape::Whole(least) => format!("a whole number of at least {least}"),
            Shape::Number => "a number".into(),
            Shape::Location => "a string or a whole number of 0 or more".into(),
            Shape::Scalar => "a number or a string".into(),
            Shape::Choice(names) => match names {
                [name] => format!("\"{name}\""),
                _ => format!("one of {}", names.join(", ")),
            },
            Shape::List(item) => format!("a list, each item {}", item.expected()),
            Shape::Object(_) | Shape::AnyObject => "an object".into(),
            Shape::Metrics => "\"all\" or a list of metric names".into(),
            Shape::Template => "a string or an object of strings".into(),
            Shape::Rows => "an address, a list of rows or records, or an object".into(),
            Shape::TextOr(_) => "an address or an object".into(),
        }
    }
}

const fn optional(name: &'static str, shape: Shape) -> Key {
    Key { name, required: false, shape }
}

const fn required(name: &'static str, shape: Shape) -> Key {
    Key { name, required: true, shape }
}

pub static CSV: &str = "text/csv";
pub static JSON_LINES: &str = "application/jsonlines";
pub static JSON: &str = "application/json";
pub static PARQUET: &str = "application/x-parquet";
pub static IMAGE: &str = "application/x-image";
pub static CAPTURE: &str = "application/sagemakercapturejson";

/// The top level. `dataset_type` and `methods` may be absent in monitoring.
pub static TOP: &[Key] = &[
    optional("version", Shape::Choice(&["1.0"])),
    required("dataset_type", Shape::Choice(&[CSV, JSON_LINES, JSON, PARQUET, IMAGE, CAPTURE])),
    optional("dataset_uri", Shape::Text),
    optional("headers", Shape::List(&Shape::Text)),
    optional("label", Shape::Location),
    optional("features", Shape::Text),
    optional("predicted_label", Shape::Location),
    optional("label_values_or_threshold", Shape::List(&Shape::Scalar)),
    optional("probability_threshold", Shape::Number),
    optional("facet", Shape::List(&Shape::Object(FACET))),
    optional("facet_dataset_uri", Shape::Text),
    optional("facet_headers", Shape::List(&Shape::Text)),
    optional("predicted_label_dataset_uri", Shape::Text),
    optional("predicted_label_headers", Shape::List(&Shape::Text)),
    optional("joinsource_name_or_index", Shape::Location),
    optional("excluded_columns", Shape::List(&Shape::Location)),
    optional("group_variable", Shape::Location),
    optional("segment_config", Shape::List(&Shape::Object(SEGMENTS))),
    optional("time_series_data_config", Shape::Object(TIME_SERIES_DATA)),
    required("methods", Shape::Object(METHODS)),
    optional("predictor", Shape::Object(PREDICTOR)),
];

pub static FACET: &[Key] = &[
    required("name_or_index", Shape::Location),
    optional("value_or_threshold", Shape::List(&Shape::Scalar)),
];

pub static SEGMENTS: &[Key] = &[
    optional("config_name", Shape::Text),
    required("name_or_index", Shape::Location),
    required("segments", Shape::List(&Shape::List(&Shape::Scalar))),
    optional("display_aliases", Shape::List(&Shape::Text)),
];

pub static TIME_SERIES_DATA: &[Key] = &[
    required("target_time_series", Shape::Location),
    required("item_id", Shape::Location),
    required("timestamp", Shape::Location),
    optional("related_time_series", Shape::List(&Shape::Location)),
    optional("static_covariates", Shape::List(&Shape::Location)),
    optional("dataset_format", Shape::Choice(&["columns", "item_records", "timestamp_records"])),
];

pub static METHODS: &[Key] = &[
    optional("pre_training_bias", Shape::Object(BIAS)),
    optional("post_training_bias", Shape::Object(BIAS)),
    optional("shap", Shape::Object(SHAP)),
    optional("pdp", Shape::Object(PDP)),
    optional("asymmetric_shapley_value", Shape::Object(ASYMMETRIC)),
    optional("report", Shape::Object(REPORT)),
];

pub static BIAS: &[Key] = &[required("methods", Shape::Metrics)];

pub static REPORT: &[Key] = &[required("name", Shape::Text), optional("title", Shape::Text)];

pub static SHAP: &[Key] = &[
    optional("baseline", Shape::Rows),
    optional("num_clusters", Shape::Whole(1)),
    optional("num_samples", Shape::Whole(1)),
    optional("agg_method", Shape::Choice(&["mean_abs", "mean_sq", "median"])),
    optional("use_logit", Shape::Flag),
    optional("save_local_shap_values", Shape::Flag),
    optional("seed", Shape::Whole(0)),
    optional("features_to_explain", Shape::List(&Shape::Location)),
    optional("text_config", Shape::Object(TEXT)),
    optional("image_config", Shape::Object(IMAGES)),
];

pub static TEXT: &[Key] = &[
    required("granularity", Shape::Choice(&["token", "sentence", "paragraph"])),
    required("language", Shape::Text),
    optional("max_top_tokens", Shape::Whole(1)),
];

pub static IMAGES: &[Key] = &[
    required("model_type", Shape::Choice(&["image_classification", "object_detection"])),
    optional("num_segments", Shape::Whole(1)),
    optional("segment_compactness", Shape::Number),
    optional("feature_extraction_method", Shape::Text),
    optional("max_objects", Shape::Whole(1)),
    optional("iou_threshold", Shape::Number),
    optional("context", Shape::Number),
    optional("debug", Shape::Object(IMAGE_DEBUG)),
];

pub static IMAGE_DEBUG: &[Key] = &[
    optional("image_names", Shape::List(&Shape::Text)),
    optional("class_ids", Shape::List(&Shape::Whole(0))),
    optional("sample_from", Shape::Whole(0)),
    optional("sample_to", Shape::Whole(0)),
];

pub static PDP: &[Key] = &[
    required("grid_resolution", Shape::Whole(1)),
    optional("features", Shape::List(&Shape::Location)),
    optional("top_k_features", Shape::Whole(1)),
];

pub static ASYMMETRIC: &[Key] = &[
    required("direction", Shape::Choice(&["chronological", "anti_chronological", "bidirectional"])),
    required("granularity", Shape::Choice(&["timewise", "fine_grained"])),
    optional("num_samples", Shape::Whole(1)),
    optional("baseline", Shape::TextOr(ASYMMETRIC_BASELINE)),
];

pub static ASYMMETRIC_BASELINE: &[Key] = &[
    optional("target_time_series", Shape::Choice(&["zero", "mean"])),
    optional("related_time_series", Shape::Choice(&["zero", "mean"])),
    optional("static_covariates", Shape::AnyObject),
];

pub static PREDICTOR: &[Key] = &[
    optional("model_name", Shape::Text),
    optional("instance_type", Shape::Text),
    optional("initial_instance_count", Shape::Whole(1)),
    optional("endpoint_name", Shape::Text),
    optional("endpoint_name_prefix", Shape::Text),
    optional("target_model", Shape::Text),
    optional("accelerator_type", Shape::Text),
    optional("custom_attributes", Shape::Text),
    optional(
        "content_type",
        Shape::Choice(&[CSV, JSON_LINES, JSON, "image/jpeg", "image/png", "application/x-npy"]),
    ),
    optional("accept_type", Shape::Choice(&[CSV, JSON_LINES, JSON])),
    optional("content_template", Shape::Template),
    optional("record_template", Shape::Text),
    optional("label", Shape::Location),
    optional("probability", Shape::Location),
    optional("label_headers", Shape::List(&Shape::Scalar)),
    optional("time_series_predictor_config", Shape::Object(TIME_SERIES_PREDICTOR)),
];

pub static TIME_SERIES_PREDICTOR: &[Key] = &[required("forecast", Shape::Text)];

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Every object of the configuration with the heading of its section in the page.
    fn objects() -> Vec<(String, &'static [Key])> {
        fn below(path: &str, keys: &'static [Key], out: &mut Vec<(String, &'static [Key])>) {
            out.push((path.to_string(), keys));
            for key in keys {
                let shape = match &key.shape {
                    Shape::List(item) => item,
                    shape => shape,
                };
                if let Shape::Object(keys) | Shape::TextOr(keys) = shape {
                    let path =
                        if path.is_empty() { key.name.to_string() } else { format!("{path}.{}", key.name) };
                    below(&path, keys, out);
                }
            }
        }
        let mut out = Vec::new();
        below("", TOP, &mut out);
        out
    }

    #[test]
    fn the_page_explains_every_key() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = fs::read_to_string(page).unwrap();
        let mut missing = Vec::new();
        for (path, keys) in objects() {
            for key in keys {
                let full =
                    if path.is_empty() { key.name.to_string() } else { format!("{path}.{}", key.name) };
                if !page.contains(&format!("| `{full}` |")) {
                    missing.push(full);
                }
            }
        }
        assert!(missing.is_empty(), "docs/configuration.md has no row for {missing:?}");
    }

    #[test]
    fn the_page_explains_no_key_that_is_gone() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let page = fs::read_to_string(page).unwrap();
        let reference = page.split("## Settings of the job").next().unwrap();
        let known: Vec<String> = objects()
            .into_iter()
            .flat_map(|(path, keys)| {
                keys.iter().map(move |key| {
                    if path.is_empty() { key.name.to_string() } else { format!("{path}.{}", key.name) }
                })
            })
            .collect();
        for line in reference.lines().filter_map(|line| line.strip_prefix("| `")) {
            let key = line.split('`').next().unwrap();
            assert!(known.iter().any(|name| name == key), "`{key}` is in the page only");
        }
    }
}
