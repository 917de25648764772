//! From the text of `analysis_config.json` to a checked `Analysis`.

use std::path::Path;

use plumbline_common::codes;
use plumbline_common::{Problem, Result};
use serde_json::{Map, Value as Json};

use super::faults::{self, Fault, nearest, shown};
use super::schema::{self, TOP};
use super::{
    Aggregation, Analysis, Baseline, ContentType, Dataset, DatasetFormat, Facet, Location, Methods, Pdp,
    Predictor, ReportNames, Scalar, Segments, ShadowEndpoint, Shap, SideDataset, Target,
};
use super::{document, rules};

pub use super::Kind;

/// Codes as `methods.pre_training_bias` takes them, in the order of the error text.
pub const PRE_TRAINING: &[&str] = &["CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"];
/// Codes as `methods.post_training_bias` takes them, in the order of the error text.
pub const POST_TRAINING: &[&str] =
    &["DPPL", "DI", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD", "CDDPL", "TE", "FT", "GE"];

/// Checks the configuration and fills in every default. `file` is for messages only.
///
/// # Errors
/// `CONFIG_NOT_JSON`, `CONFIG_SCHEMA` (unknown keys, types, ranges, combinations),
/// `METRIC_NAME_UNKNOWN`, `CONFIG_NOT_SUPPORTED`. The first problem is returned, the others are logged.
pub fn load(text: &[u8], file: &Path, kind: Kind) -> Result<Analysis> {
    let text = std::str::from_utf8(text)
        .map_err(|error| not_json(file).found(error.to_string()).expected("text in UTF-8").because(error))?;
    // Editors on Windows put a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let given = document::parse(text).map_err(|error| {
        let problem = not_json(file).found(format!("{error}"));
        match error.line() {
            0 => problem,
            line => problem.line(line as u64),
        }
        .hint("check the file with any JSON tool; comments and trailing commas are not JSON")
        .because(error)
    })?;
    let Json::Object(map) = &given else {
        return Err(not_json(file).found(shown(&given)).expected("one JSON object"));
    };
    let relaxed: &[&str] = match kind {
        Kind::Processing => &[],
        Kind::Monitoring => &["dataset_type", "methods"],
    };
    stop_at(&faults::walk(map, TOP, relaxed), text, file)?;
    stop_at(&rules::unsupported(map), text, file)?;
    let mut faults = Vec::new();
    let analysis = build(&given, map, &mut faults);
    faults.extend(rules::combinations(&analysis, map, kind));
    stop_at(&faults, text, file)?;
    Ok(analysis)
}

/// `headers` and `label` of a configuration of which nothing else is asked, nor checked.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn columns(text: &[u8]) -> std::result::Result<(Option<Vec<String>>, Option<Location>), String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let given = document::parse(text.strip_prefix('\u{feff}').unwrap_or(text));
    let Json::Object(map) = given.map_err(|error| error.to_string())? else {
        return Err("no JSON object".into());
    };
    let headers = texts(&map, "headers");
    let n = map.get("headers").map_or(0, |given| given.as_array().map_or(usize::MAX, Vec::len));
    match headers.as_ref().map_or(0, Vec::len) == n {
        true => Ok((headers, location(&map, "label"))),
        false => Err("`headers` is no list of names".into()),
    }
}

fn stop_at(faults: &[Fault], text: &str, file: &Path) -> Result<()> {
    match faults::problem(faults, Some((text, file))) {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

fn not_json(file: &Path) -> Problem {
    Problem::new(&codes::CONFIG_NOT_JSON, "Unable to load analysis configuration as JSON.").file(file)
}

type Object = Map<String, Json>;

/// Takes the values out of an object whose types have been checked.
fn build(given: &Json, map: &Object, faults: &mut Vec<Fault>) -> Analysis {
    let side =
        |uri: &str, headers: &str| Some(SideDataset { uri: text(map, uri)?, headers: texts(map, headers) });
    let predicted_label_dataset = side("predicted_label_dataset_uri", "predicted_label_headers");
    let predicted_label = location(map, "predicted_label")
        .or_else(|| predicted_label_dataset.as_ref().map(|_| Location::Name("predicted_label".into())));
    let dataset_format = text(map, "dataset_type").and_then(|name| format(&name));
    Analysis {
        dataset: Dataset {
            format: dataset_format,
            uri: text(map, "dataset_uri"),
            headers: texts(map, "headers"),
            features: text(map, "features"),
            facet_dataset: side("facet_dataset_uri", "facet_headers"),
            predicted_label_dataset,
            join_source: location(map, "joinsource_name_or_index"),
            excluded_columns: locations(map, "excluded_columns"),
            names_in_any_case: false,
        },
        label: location(map, "label"),
        truth_position: None,
        predicted_label,
        label_values_or_threshold: scalars(map, "label_values_or_threshold"),
        probability_threshold: number(map, "probability_threshold").unwrap_or(0.5),
        threshold_given: map.contains_key("probability_threshold"),
        facets: objects(map, "facet").filter_map(facet).collect(),
        group_variable: location(map, "group_variable"),
        segments: objects(map, "segment_config").filter_map(segments).collect(),
        methods: methods(map.get("methods").and_then(Json::as_object), faults),
        predictor: map.get("predictor").and_then(Json::as_object).map(|map| predictor(map, dataset_format)),
        given: given.clone(),
    }
}

fn format(name: &str) -> Option<DatasetFormat> {
    let name = name.to_lowercase();
    let formats = [
        (schema::CSV, DatasetFormat::Csv),
        (schema::JSON_LINES, DatasetFormat::JsonLines),
        (schema::JSON, DatasetFormat::Json),
        (schema::PARQUET, DatasetFormat::Parquet),
        (schema::CAPTURE, DatasetFormat::Capture),
    ];
    formats.into_iter().find(|(mime, _)| *mime == name).map(|(_, format)| format)
}

fn facet(map: &Object) -> Option<Facet> {
    Some(Facet { column: location(map, "name_or_index")?, values: scalars(map, "value_or_threshold") })
}

fn segments(map: &Object) -> Option<Segments> {
    let lists = map.get("segments").and_then(Json::as_array)?;
    Some(Segments {
        name: text(map, "config_name"),
        column: location(map, "name_or_index")?,
        segments: lists
            .iter()
            .filter_map(Json::as_array)
            .map(|list| list.iter().filter_map(scalar).collect())
            .collect(),
        aliases: texts(map, "display_aliases"),
    })
}

fn methods(map: Option<&Object>, faults: &mut Vec<Fault>) -> Methods {
    let object = |name: &str| map.and_then(|map| map.get(name)).and_then(Json::as_object);
    let report = object("report");
    Methods {
        pre_training_bias: object("pre_training_bias")
            .map(|map| metrics(map, "pre_training_bias", PRE_TRAINING, faults)),
        post_training_bias: object("post_training_bias")
            .map(|map| metrics(map, "post_training_bias", POST_TRAINING, faults)),
        shap: object("shap").map(shap),
        pdp: object("pdp").map(|map| Pdp {
            grid_resolution: whole(map, "grid_resolution").unwrap_or(1),
            features: locations(map, "features"),
            top_k_features: whole(map, "top_k_features").unwrap_or(10),
        }),
        report: ReportNames {
            name: report.and_then(|map| text(map, "name")).unwrap_or_else(|| "report".into()),
            title: report
                .and_then(|map| text(map, "title"))
                .unwrap_or_else(|| "SageMaker Analysis Report".into()),
        },
    }
}

/// The metrics asked for, in report order, which is that of their codes.
pub(super) fn all_metrics(known: &'static [&'static str]) -> Vec<&'static str> {
    let mut codes = known.to_vec();
    codes.sort_unstable();
    codes
}

fn metrics(
    map: &Object,
    method: &str,
    known: &'static [&'static str],
    faults: &mut Vec<Fault>,
) -> Vec<&'static str> {
    let path = format!("methods.{method}.methods");
    let names: Vec<(String, &str)> = match map.get("methods") {
        Some(Json::String(name)) if name == "all" => return all_metrics(known),
        Some(Json::String(name)) => vec![(path.clone(), name)],
        Some(Json::Array(names)) => (0..)
            .zip(names.iter().filter_map(Json::as_str))
            .map(|(idx, name): (usize, _)| (format!("{path}[{idx}]"), name))
            .collect(),
        _ => Vec::new(),
    };
    if names.is_empty() {
        faults.push(Fault::value(
            &path,
            "`[]`",
            "\"all\" or at least one metric name",
            "leave the method out",
        ));
    }
    let mut codes: Vec<&'static str> = Vec::new();
    for (path, name) in names {
        match known.iter().find(|code| **code == name) {
            Some(code) if codes.contains(code) => {}
            Some(code) => codes.push(code),
            None => {
                let list = known.iter().map(|code| format!("'{code}'")).collect::<Vec<_>>().join(", ");
                let what =
                    format!("Invalid metric_name: metrics should be one of the registered metrics[{list}]");
                let hint = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "\"all\" computes every metric".into(),
                };
                let fault = Fault::value(&path, shown(&Json::from(name)), "a metric name", hint);
                faults.push(fault.named(&codes::METRIC_NAME_UNKNOWN, what));
            }
        }
    }
    codes.sort_unstable();
    codes
}

fn shap(map: &Object) -> Shap {
    Shap {
        baseline: match map.get("baseline") {
            Some(Json::String(uri)) => Baseline::Uri(uri.clone()),
            Some(rows) => Baseline::Inline(rows.clone()),
            None => Baseline::Clusters(whole(map, "num_clusters")),
        },
        num_samples: map.get("num_samples").and_then(Json::as_u64),
        aggregation: match text(map, "agg_method").map(|name| name.to_lowercase()).as_deref() {
            Some("mean_sq") => Aggregation::MeanSq,
            Some("median") => Aggregation::Median,
            _ => Aggregation::MeanAbs,
        },
        use_logit: flag(map, "use_logit"),
        save_local_values: flag(map, "save_local_shap_values"),
        seed: map.get("seed").and_then(Json::as_u64),
        features_to_explain: locations(map, "features_to_explain"),
    }
}

fn predictor(map: &Object, format: Option<DatasetFormat>) -> Predictor {
    let content_type = |key: &str| match text(map, key)?.to_lowercase() {
        name if name == schema::CSV => Some(ContentType::Csv),
        name if name == schema::JSON_LINES => Some(ContentType::JsonLines),
        name if name == schema::JSON => Some(ContentType::Json),
        _ => None,
    };
    let target = match (text(map, "endpoint_name"), text(map, "model_name")) {
        (Some(endpoint), _) => Target::Endpoint(endpoint),
        (None, Some(model_name)) => Target::Model(ShadowEndpoint {
            model_name,
            instance_type: text(map, "instance_type").unwrap_or_default(),
            initial_instance_count: whole(map, "initial_instance_count").unwrap_or(1),
            accelerator_type: text(map, "accelerator_type"),
            name_prefix: text(map, "endpoint_name_prefix").unwrap_or_else(|| "sm-clarify".into()),
        }),
        (None, None) => Target::None,
    };
    let sent = content_type("content_type");
    let accepted = content_type("accept_type");
    let csv = match accepted.or(sent) {
        Some(content_type) => content_type == ContentType::Csv,
        None => format == Some(DatasetFormat::Csv),
    };
    // Responses in CSV have positions only, so "0" can only mean 0.
    let answer = |key: &str| match location(map, key)? {
        Location::Name(name) if csv => Some(name.parse().map_or(Location::Name(name), Location::Index)),
        location => Some(location),
    };
    Predictor {
        target,
        target_model: text(map, "target_model"),
        custom_attributes: text(map, "custom_attributes"),
        content_type: sent,
        accept_type: accepted,
        content_template: text(map, "content_template"),
        record_template: text(map, "record_template"),
        label: answer("label"),
        probability: answer("probability"),
        label_headers: map
            .get("label_headers")
            .and_then(Json::as_array)
            .map(|names| names.iter().filter_map(scalar).map(|name| name.to_string()).collect()),
    }
}

fn text(map: &Object, key: &str) -> Option<String> {
    map.get(key).and_then(Json::as_str).map(str::to_string)
}

fn texts(map: &Object, key: &str) -> Option<Vec<String>> {
    let list = map.get(key).and_then(Json::as_array)?;
    Some(list.iter().filter_map(Json::as_str).map(str::to_string).collect())
}

fn number(map: &Object, key: &str) -> Option<f64> {
    map.get(key).and_then(Json::as_f64)
}

fn whole<N: TryFrom<u64>>(map: &Object, key: &str) -> Option<N> {
    map.get(key).and_then(Json::as_u64).and_then(|value| N::try_from(value).ok())
}

fn flag(map: &Object, key: &str) -> bool {
    map.get(key).and_then(Json::as_bool).unwrap_or(false)
}

fn location(map: &Object, key: &str) -> Option<Location> {
    map.get(key).and_then(as_location)
}

fn as_location(value: &Json) -> Option<Location> {
    match value {
        Json::String(name) => Some(Location::Name(name.clone())),
        value => value.as_u64().and_then(|idx| usize::try_from(idx).ok()).map(Location::Index),
    }
}

fn locations(map: &Object, key: &str) -> Vec<Location> {
    let list = map.get(key).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(as_location).collect()
}

fn scalar(value: &Json) -> Option<Scalar> {
    match value {
        Json::String(text) => Some(Scalar::Text(text.clone())),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Some(Scalar::Int(value)),
            None => number.as_f64().map(Scalar::Float),
        },
        _ => None,
    }
}

fn scalars(map: &Object, key: &str) -> Vec<Scalar> {
    map.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(scalar).collect()
}

fn objects<'a>(map: &'a Object, key: &str) -> impl Iterator<Item = &'a Object> {
    map.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_object)
}
