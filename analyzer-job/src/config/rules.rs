//! Rules that join several keys of the configuration, checked once every single value is known to be
//! of its type.

use std::collections::HashSet;

use plumbline_common::Result;
use plumbline_common::codes;
use plumbline_common::words::counted;
use serde_json::{Map, Value as Json};

use super::Kind;
use super::faults::{self, Fault, shown};
use super::templates;
use super::{Analysis, Baseline, ContentType, DatasetFormat, Location, Predictor, Segments, Target};
use crate::values::path::Paths;

/// Methods and settings that the schema knows and this program does not do.
pub(super) fn unsupported(map: &Map<String, Json>) -> Vec<Fault> {
    const PLACES: &[(&str, &str)] = &[
        ("/time_series_data_config", "time series"),
        ("/methods/asymmetric_shapley_value", "time series"),
        ("/predictor/time_series_predictor_config", "time series"),
        ("/methods/shap/text_config", "text"),
        ("/methods/shap/image_config", "images"),
    ];
    let root = Json::Object(map.clone());
    let mut faults: Vec<Fault> = PLACES
        .iter()
        .filter(|(pointer, _)| root.pointer(pointer).is_some())
        .map(|(pointer, what)| not_supported(pointer, format!("{what} cannot be analysed yet")))
        .collect();
    for pointer in ["/dataset_type", "/predictor/content_type"] {
        let value = root.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_lowercase();
        if value.starts_with("image/") || value == super::schema::IMAGE || value == "application/x-npy" {
            let fault = not_supported(pointer, "images cannot be analysed yet".into());
            faults.push(Fault { found: Some(format!("`{value}`")), ..fault });
        }
    }
    if root.pointer("/predictor/content_template").is_some_and(Json::is_object) {
        let fault =
            not_supported("/predictor/content_template", "several templates cannot be used yet".into());
        faults.push(fault.hint("give one template as a string"));
    }
    faults
}

fn not_supported(pointer: &str, what: String) -> Fault {
    let path = pointer.trim_start_matches('/').replace('/', ".");
    let mut fault = Fault::missing(&path, "tabular data in CSV, JSON Lines, JSON or Parquet can be analysed");
    fault = fault.named(&codes::CONFIG_NOT_SUPPORTED, what);
    fault
}

/// Everything that the keys ask of each other, except what depends on how the model is reached
/// (see [`model`]).
pub(super) fn combinations(analysis: &Analysis, map: &Map<String, Json>, kind: Kind) -> Vec<Fault> {
    let mut faults = Vec::new();
    some_method(analysis, kind, &mut faults);
    // In monitoring the kind of job decides which methods run, so `monitoring::complete` asks later.
    if kind == Kind::Processing {
        faults.extend(bias(analysis, map));
    }
    dataset(analysis, map, &mut faults);
    faults.extend(facets_of_labels(analysis));
    // What a monitor's data are, its configuration need not know.
    let format = if kind == Kind::Processing { analysis.dataset.format } else { None };
    faults.extend(places(analysis, format));
    for (idx, segments) in analysis.segments.iter().enumerate() {
        self::segments(idx, segments, &mut faults);
    }
    shap(analysis, map, format, &mut faults);
    if let Some(predictor) = &analysis.predictor {
        self::predictor(predictor, map, &mut faults);
    }
    report_name(analysis, &mut faults);
    faults
}

fn some_method(analysis: &Analysis, kind: Kind, faults: &mut Vec<Fault>) {
    let methods = &analysis.methods;
    let any = methods.pre_training_bias.is_some()
        || methods.post_training_bias.is_some()
        || methods.shap.is_some()
        || methods.pdp.is_some();
    if !any && kind == Kind::Processing {
        faults.push(Fault::value(
            "methods",
            "none",
            "at least one method: pre_training_bias, post_training_bias, shap or pdp",
            "for instance {\"pre_training_bias\": {\"methods\": \"all\"}}",
        ));
    }
}

/// What bias metrics need: a facet, positive labels, and outside monitoring the label itself.
pub(super) fn bias(analysis: &Analysis, map: &Map<String, Json>) -> Vec<Fault> {
    let mut faults = needs_of_bias(analysis, map);
    let methods = &analysis.methods;
    if methods.pre_training_bias.is_none() && methods.post_training_bias.is_none() {
        faults.clear();
    } else if analysis.label.is_none() {
        faults.insert(
            0,
            Fault::missing("label", "bias metrics need the column or JMESPath of the observed label"),
        );
    }
    faults
}

/// The part of [`bias`] that holds in monitoring too, where a label may come without a location.
pub(super) fn needs_of_bias(analysis: &Analysis, map: &Map<String, Json>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let key = "label_values_or_threshold";
    if !map.contains_key(key) {
        faults.push(Fault::missing(key, "bias metrics need the positive label values, for instance [1]"));
    } else if analysis.label_values_or_threshold.is_empty() {
        let fault = Fault::value(key, "`[]`", "at least one value or threshold", "for instance [1]");
        let what = "Positive label values or thresholds are empty for Label column";
        faults.push(fault.named(&codes::CONFIG_SCHEMA, what));
    }
    let example = "for instance [{\"name_or_index\": \"sex\", \"value_or_threshold\": [\"f\"]}]";
    if !map.contains_key("facet") {
        faults.push(Fault::missing("facet", format!("bias metrics need a sensitive column, {example}")));
    } else if analysis.facets.is_empty() {
        faults.push(Fault::value("facet", "`[]`", "at least one facet", example));
    }
    faults
}

/// What the kind of data asks of a configuration; for monitors, whose data say what they are.
pub(super) fn of_format(analysis: &Analysis) -> Vec<Fault> {
    let format = analysis.dataset.format;
    let mut faults = places(analysis, format);
    if let Some(Baseline::Inline(rows)) = analysis.methods.shap.as_ref().map(|shap| &shap.baseline) {
        faults.extend(baseline(rows, format));
    }
    faults
}

/// Where features and labels stand in data of a format.
fn places(analysis: &Analysis, format: Option<DatasetFormat>) -> Vec<Fault> {
    let dataset = &analysis.dataset;
    let mut faults = Vec::new();
    let json = matches!(format, Some(DatasetFormat::JsonLines | DatasetFormat::Json));
    if json && dataset.features.is_none() {
        faults.push(Fault::missing(
            "features",
            "JSON and JSON Lines need a JMESPath of the features, for instance `features` or `instances[*].features`",
        ));
    }
    if json {
        let paths = [("label", &analysis.label), ("predicted_label", &analysis.predicted_label)];
        for (key, location) in paths {
            match location {
                Some(Location::Index(idx)) => faults.push(Fault::value(
                    key,
                    format!("`{idx}`"),
                    "a JMESPath",
                    "JSON records have no positions; name the field",
                )),
                Some(Location::Name(path)) => faults.extend(jmespath(key, path)),
                None => {}
            }
        }
        faults.extend(dataset.features.as_deref().and_then(|path| jmespath("features", path)));
    }
    faults
}

fn dataset(analysis: &Analysis, map: &Map<String, Json>, faults: &mut Vec<Fault>) {
    let dataset = &analysis.dataset;
    let format = dataset.format;
    let sides = [
        ("facet_dataset_uri", "facet_headers", dataset.facet_dataset.is_some()),
        ("predicted_label_dataset_uri", "predicted_label_headers", dataset.predicted_label_dataset.is_some()),
    ];
    for (key, headers, given) in sides {
        if given && format.is_some_and(|format| format != DatasetFormat::Csv) {
            let found = map.get("dataset_type").map(shown).unwrap_or_default();
            faults.push(Fault::value(
                key,
                format!("a dataset of type {found}"),
                "a dataset of type text/csv",
                "only CSV datasets can have a second dataset beside them",
            ));
        }
        if !given && map.contains_key(headers) {
            tracing::warn!("`{headers}` has no effect without `{key}`");
        }
    }
    for key in ["headers", "facet_headers", "predicted_label_headers"] {
        let mut seen = HashSet::new();
        let names = map.get(key).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for (idx, name) in names.enumerate() {
            if !seen.insert(name) {
                faults.push(Fault::value(
                    &format!("{key}[{idx}]"),
                    format!("{} a second time", shown(&Json::from(name))),
                    "names that differ",
                    "columns are found by name",
                ));
            }
        }
    }
}

/// Facets that are the label's own column, as far as the configuration tells; `read::layout` knows the rest. In JSON the label is
/// a path, which may have the name of another column.
fn facets_of_labels(analysis: &Analysis) -> Vec<Fault> {
    let dataset = &analysis.dataset;
    let is_json = matches!(dataset.format, Some(DatasetFormat::JsonLines | DatasetFormat::Json));
    if is_json || dataset.facet_dataset.is_some() {
        return Vec::new();
    }
    let column = |location: &Location| match (location, &dataset.headers) {
        (Location::Name(name), Some(headers)) => {
            headers.iter().position(|header| header == name).map(Location::Index)
        }
        (location, _) => Some(location.clone()),
    };
    let predicted = analysis.predicted_label.as_ref().filter(|_| dataset.predicted_label_dataset.is_none());
    let labels = [("label", analysis.label.as_ref()), ("predicted_label", predicted)];
    let mut faults = Vec::new();
    for (number, facet) in analysis.facets.iter().enumerate() {
        let Some(own) = column(&facet.column) else { continue };
        for (key, label) in labels {
            if label.and_then(column).is_some_and(|label| label == own) {
                let path = format!("facet[{number}].name_or_index");
                faults.push(Fault::value(&path, format!("the column of `{key}`"), FACET, FACET_HINT));
            }
        }
    }
    faults
}

/// What a facet must be.
pub(crate) const FACET: &str = "a column that is neither the label nor the predicted label";
pub(crate) const FACET_HINT: &str = "name the column of the sensitive attribute, such as sex: of the label's own column every group has one label";

/// Whether the text is a JMESPath.
pub(super) fn jmespath(key: &str, path: &str) -> Option<Fault> {
    let reason = Paths::check(path).err()?;
    let hint = "names with blanks or signs stand in double quotes, as in \"my field\"";
    Some(Fault::value(key, shown(&Json::from(path)), format!("a JMESPath ({reason})"), hint))
}

fn segments(idx: usize, segments: &Segments, faults: &mut Vec<Fault>) {
    let count = segments.segments.len();
    let path = |key: &str| format!("segment_config[{idx}].{key}");
    if count == 0 {
        faults.push(Fault::value(
            &path("segments"),
            "`[]`",
            "at least one segment",
            "for instance [[\"[0, 30]\"]]",
        ));
    }
    if let Some(aliases) = &segments.aliases
        && aliases.len() != count
        && aliases.len() != count + 1
    {
        faults.push(Fault::value(
            &path("display_aliases"),
            counted(aliases.len(), "name"),
            format!("{}, or {} with one for the rest of the rows", counted(count, "name"), count + 1),
            "one name for each segment, in their order",
        ));
    }
    for (n, values) in segments.segments.iter().enumerate() {
        let path = format!("{}[{n}]", path("segments"));
        if values.is_empty() {
            faults.push(Fault::value(
                &path,
                "`[]`",
                "at least one value or interval",
                "leave the segment out",
            ));
        }
        for value in values {
            if let super::Scalar::Text(text) = value
                && interval(text).is_some_and(|(low, high)| low > high)
            {
                faults.push(Fault::value(
                    &path,
                    format!("`{text}`"),
                    "an interval whose first number is not above its second",
                    "a round bracket leaves the bound out, a square one takes it in",
                ));
            }
        }
    }
}

/// The bounds of an interval such as `(2, 5]`; none for any other text.
fn interval(text: &str) -> Option<(f64, f64)> {
    let inner = text.trim().strip_prefix(['[', '('])?.strip_suffix([']', ')'])?;
    let (low, high) = inner.split_once(',')?;
    Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
}

fn shap(
    analysis: &Analysis,
    map: &Map<String, Json>,
    format: Option<DatasetFormat>,
    faults: &mut Vec<Fault>,
) {
    let methods = map.get("methods").and_then(Json::as_object);
    let given = methods.and_then(|methods| methods.get("shap")).and_then(Json::as_object);
    if let (Some(shap), Some(given)) = (&analysis.methods.shap, given) {
        if given.contains_key("baseline") && given.contains_key("num_clusters") {
            faults.push(Fault::value(
                "methods.shap.num_clusters",
                "both `baseline` and `num_clusters`",
                "only one of them",
                "`num_clusters` is for a baseline that the job makes",
            ));
        }
        if let Baseline::Inline(rows) = &shap.baseline {
            faults.extend(baseline(rows, format));
        }
    }
    if let Some(pdp) = &analysis.methods.pdp
        && pdp.features.is_empty()
        && analysis.methods.shap.is_none()
    {
        faults.push(Fault::missing(
            "methods.pdp.features",
            "name the features, or add `shap`: then the most important ones are taken",
        ));
    }
}

fn baseline(rows: &Json, format: Option<DatasetFormat>) -> Option<Fault> {
    let path = "methods.shap.baseline";
    let fault = |expected: &str, hint: &str| Some(Fault::value(path, shown(rows), expected, hint));
    match rows {
        Json::Array(list) if list.is_empty() => fault("at least one row", "leave it out to have it computed"),
        Json::Array(list) if list.iter().all(Json::is_array) => {
            let width = list.first().and_then(Json::as_array).map(Vec::len).unwrap_or_default();
            for (idx, row) in list.iter().enumerate() {
                let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
                if cells.len() != width || width == 0 {
                    return Some(Fault::value(
                        &format!("{path}[{idx}]"),
                        counted(cells.len(), "value"),
                        if width == 0 {
                            "at least one value".into()
                        } else {
                            format!("{width}, as in the first row")
                        },
                        "a baseline row has one value for each feature",
                    ));
                }
                if cells.iter().any(|cell| cell.is_array() || cell.is_object()) {
                    return Some(Fault::value(
                        &format!("{path}[{idx}]"),
                        shown(row),
                        "numbers, strings or null",
                        "a baseline row has one value for each feature",
                    ));
                }
            }
            match format {
                Some(DatasetFormat::JsonLines) => fault(
                    "a list of records",
                    "records as the dataset has them, such as [{\"features\": [0, 1]}]",
                ),
                _ => None,
            }
        }
        Json::Array(_) if matches!(format, Some(DatasetFormat::Csv | DatasetFormat::Parquet)) => {
            fault("a list of rows", "rows of feature values, such as [[0, 1]]")
        }
        Json::Object(_) if matches!(format, Some(DatasetFormat::Csv | DatasetFormat::Parquet)) => {
            fault("a list of rows", "rows of feature values, such as [[0, 1]]")
        }
        _ => None,
    }
}

/// What an endpoint is made from.
const OWN_ENDPOINT: [&str; 3] = ["model_name", "instance_type", "initial_instance_count"];

fn predictor(predictor: &Predictor, map: &Map<String, Json>, faults: &mut Vec<Fault>) {
    let given = |key: &str| map.get("predictor").and_then(|predictor| predictor.get(key));
    if given("endpoint_name").is_some() && given("model_name").is_some() {
        tracing::warn!("`predictor.endpoint_name` is used; `predictor.model_name` beside it has no effect");
    }
    for key in ["endpoint_name", "model_name", "instance_type"] {
        if given(key).and_then(Json::as_str) == Some("") {
            faults.push(Fault::value(&format!("predictor.{key}"), "`\"\"`", "a name", "leave the key out"));
        }
    }
    if given("initial_instance_count")
        .and_then(Json::as_u64)
        .is_some_and(|count| u32::try_from(count).is_err())
    {
        let path = "predictor.initial_instance_count";
        faults.push(Fault::value(path, "a very large number", "a number of instances", "for instance 1"));
    }
    if let Some(prefix) = given("endpoint_name_prefix").and_then(Json::as_str) {
        let path = "predictor.endpoint_name_prefix";
        if OWN_ENDPOINT.iter().all(|key| given(key).is_none()) {
            faults.push(Fault::value(
                path,
                "no `model_name`",
                "`model_name` beside it",
                "the prefix names the endpoint that is made from a model",
            ));
        } else if !is_prefix(prefix) {
            faults.push(Fault::value(
                path,
                shown(&Json::from(prefix)),
                "2 to 23 letters, digits and hyphens, a letter or digit first",
                "for instance sm-clarify",
            ));
        }
    }
    if let Some(attributes) = &predictor.custom_attributes
        && (attributes.len() > 1024 || attributes.bytes().any(|byte| !(0x20..=0x7e).contains(&byte)))
    {
        faults.push(Fault::value(
            "predictor.custom_attributes",
            format!("{} bytes", attributes.len()),
            "at most 1,024 visible ASCII characters",
            "they travel in a header of each request",
        ));
    }
    match predictor.content_type {
        Some(ContentType::JsonLines) => {
            faults.extend(predictor.content_template.as_deref().and_then(templates::json_lines));
        }
        Some(ContentType::Json) => {
            faults.extend(predictor.content_template.as_deref().and_then(templates::json_content));
            faults.extend(predictor.record_template.as_deref().and_then(templates::json_record));
        }
        Some(ContentType::Csv) | None => {}
    }
    if matches!(predictor.accept_type, Some(ContentType::JsonLines | ContentType::Json)) {
        for (key, location) in [("label", &predictor.label), ("probability", &predictor.probability)] {
            if let Some(Location::Name(path)) = location {
                faults.extend(jmespath(&format!("predictor.{key}"), path));
            }
        }
    }
    if predictor.label_headers.as_ref().is_some_and(Vec::is_empty) {
        let path = "predictor.label_headers";
        faults.push(Fault::value(path, "`[]`", "a name for each output", "leave the key out"));
    }
}

/// As the schema has it: hyphens between letters and digits, a second letter or digit somewhere.
fn is_prefix(prefix: &str) -> bool {
    let mut letters = prefix.bytes().filter(u8::is_ascii_alphanumeric);
    prefix.len() <= 23
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && prefix.starts_with(|first: char| first.is_ascii_alphanumeric())
        && letters.nth(1).is_some()
}

fn report_name(analysis: &Analysis, faults: &mut Vec<Fault>) {
    let name = &analysis.methods.report.name;
    let odd = name.is_empty()
        || name.len() > 200
        || name.starts_with('.')
        || name.chars().any(|character| matches!(character, '/' | '\\') || character.is_control());
    if odd {
        faults.push(Fault::value(
            "methods.report.name",
            shown(&Json::from(name.as_str())),
            "a file name without its ending",
            "for instance report, which gives report.html, report.pdf and report.ipynb",
        ));
    }
}

/// What a run that asks a model needs of the configuration. Call it once it is known whether the model is
/// reached by `model_url` and whether predictions stand in captured data.
///
/// # Errors
/// `CONFIG_SCHEMA` with the missing key of the predictor.
pub fn model(analysis: &Analysis, has_model_url: bool, predictions_captured: bool) -> Result<()> {
    if !analysis.needs_model(predictions_captured) {
        return Ok(());
    }
    let mut faults = Vec::new();
    match &analysis.predictor {
        None => faults.push(Fault::missing(
            "predictor",
            "explanations, and post-training bias without `predicted_label`, ask a model: name an endpoint or a \
             model, or set `model_url`",
        )),
        Some(predictor) => {
            let given = |key: &&&str| analysis.given.pointer(&format!("/predictor/{key}")).is_some();
            let own = OWN_ENDPOINT.iter().filter(given).count();
            let is_own = !has_model_url && own > 0 && !matches!(predictor.target, Target::Endpoint(_));
            if is_own {
                for key in OWN_ENDPOINT.iter().filter(|key| !given(key)) {
                    faults.push(Fault::missing(
                        &format!("predictor.{key}"),
                        "`model_name`, `instance_type` and `initial_instance_count` belong together; \
                         `endpoint_name` and the setting `model_url` need none of them",
                    ));
                }
            } else if predictor.target == Target::None && !has_model_url {
                faults.push(Fault::missing(
                    "predictor.endpoint_name",
                    "name an endpoint, or `model_name`, `instance_type` and `initial_instance_count`, \
                     or set `model_url`",
                ));
            }
            request(predictor, analysis.dataset.format, predictions_captured, &mut faults);
        }
    }
    match faults::problem(&faults, None) {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}

/// The content type of requests: the predictor's, else the dataset's; none when only a capture can tell.
fn content_type(predictor: &Predictor, format: Option<DatasetFormat>) -> Option<ContentType> {
    predictor.content_type.or(match format {
        Some(DatasetFormat::Csv) => Some(ContentType::Csv),
        Some(DatasetFormat::JsonLines) => Some(ContentType::JsonLines),
        Some(DatasetFormat::Json) => Some(ContentType::Json),
        Some(DatasetFormat::Parquet | DatasetFormat::Capture) | None => None,
    })
}

fn request(
    predictor: &Predictor,
    format: Option<DatasetFormat>,
    predictions_captured: bool,
    faults: &mut Vec<Fault>,
) {
    let content = content_type(predictor, format);
    let template = |faults: &mut Vec<Fault>,
                    given: &Option<String>,
                    key: &str,
                    check: fn(&str) -> Option<Fault>,
                    example: &str| {
        match given {
            None => {
                faults.push(Fault::missing(&format!("predictor.{key}"), format!("for instance {example}")))
            }
            Some(template) => faults.extend(check(template)),
        }
    };
    match content {
        Some(ContentType::JsonLines) => template(
            faults,
            &predictor.content_template,
            "content_template",
            templates::json_lines,
            "{\"features\":$features}",
        ),
        Some(ContentType::Json) => {
            let key = "content_template";
            let example = "{\"instances\":$records}";
            template(faults, &predictor.content_template, key, templates::json_content, example);
            let key = "record_template";
            let example = "{\"features\":$features}";
            template(faults, &predictor.record_template, key, templates::json_record, example);
        }
        Some(ContentType::Csv) => {}
        None if format == Some(DatasetFormat::Parquet) => {
            faults.push(Fault::missing(
                "predictor.content_type",
                "a model cannot be sent Parquet; text/csv is usual",
            ));
        }
        None => {}
    }
    // What was captured tells its type itself.
    let accept = predictor.accept_type.or(if predictions_captured { None } else { content });
    for (key, location) in [("label", &predictor.label), ("probability", &predictor.probability)] {
        let path = format!("predictor.{key}");
        match (accept, location) {
            (Some(ContentType::Csv), Some(Location::Name(name))) => {
                let hint = "responses in CSV have no names";
                faults.push(Fault::value(
                    &path,
                    shown(&Json::from(name.as_str())),
                    "a zero-based position",
                    hint,
                ));
            }
            (Some(ContentType::JsonLines | ContentType::Json), Some(Location::Index(idx))) => {
                let hint = "responses in JSON have no positions; name the field";
                faults.push(Fault::value(&path, format!("`{idx}`"), "a JMESPath", hint));
            }
            (Some(ContentType::JsonLines | ContentType::Json), Some(Location::Name(name))) => {
                faults.extend(jmespath(&path, name));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_told_from_other_texts() {
        assert_eq!(interval("(2, 5]"), Some((2.0, 5.0)));
        assert_eq!(interval("[-inf, 1e3)"), Some((f64::NEG_INFINITY, 1000.0)));
        for text in ["2, 5", "(a, b)", "(2)", "[]", ""] {
            assert_eq!(interval(text), None, "{text}");
        }
    }

    #[test]
    fn prefixes_follow_the_schema() {
        for (prefix, right) in [
            ("sm-clarify", true),
            ("a1", true),
            ("a--b-", true),
            ("a", false),
            ("-ab", false),
            ("a_b", false),
            ("abcdefghijklmnopqrstuvw", true),
            ("abcdefghijklmnopqrstuvwx", false),
            ("", false),
        ] {
            assert_eq!(is_prefix(prefix), right, "{prefix}");
        }
    }
}
