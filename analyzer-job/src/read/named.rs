//! What `headers` tell of the columns that a configuration names, before any data are read.

use std::iter;
use std::path::Path;

use plumbline_common::codes::Code;
use plumbline_common::input::{self, Lines};
use plumbline_common::record::Record;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use super::{layout, payload};
use crate::config::{Analysis, ContentType, DatasetFormat, Location};
use crate::values::names::listed;

/// Names that a configuration gives its columns, and those that the columns which need no name have beside them.
struct Headers<'a> {
    /// The key that lists them.
    key: &'static str,
    names: &'a [String],
    unnamed: &'static [&'static str],
}

impl Headers<'_> {
    fn has(&self, location: &Location) -> bool {
        match location {
            Location::Name(name) => self
                .names
                .iter()
                .map(String::as_str)
                .chain(self.unnamed.iter().copied())
                .any(|mine| mine == name),
            Location::Index(index) => *index < self.names.len() + self.unnamed.len(),
        }
    }

    fn check(&self, setting: &str, location: &Location, code: &'static Code, what: &str) -> Result<()> {
        if self.has(location) {
            return Ok(());
        }
        let names = listed(self.names);
        let problem = Problem::new(code, what).field(setting).found(layout::print(location)).expected(
            format!("one of the {} of `{}`: {names}", counted(self.names.len(), "column"), self.key),
        );
        Err(match location {
            Location::Name(name) if name.parse::<usize>().is_ok_and(|index| index < self.names.len()) => {
                problem.hint("a position is written as a number, without quotes")
            }
            _ => problem.hint(format!("give a name as in `{}`, or a position from 0", self.key)),
        })
    }
}

/// That every column which a configuration names is one of its `headers`, where it has them. Labels of JSON and of captured
/// ground truth may be paths, which need not be headers. `captures`: the data are captured records.
///
/// # Errors
/// `COLUMN_NOT_FOUND`, `FEATURE_UNKNOWN`.
pub(crate) fn check(analysis: &Analysis, captures: bool) -> Result<()> {
    let dataset = &analysis.dataset;
    let is_table = !captures && matches!(dataset.format, Some(DatasetFormat::Csv | DatasetFormat::Parquet));
    // Behind the columns with headers stands the predicted label, which may go unnamed.
    let unnamed: &[&str] = if is_table { &[] } else { &["predicted_label0"] };
    let own = dataset.headers.as_deref().map(|names| Headers { key: "headers", names, unnamed });
    let facet_names = dataset.facet_dataset.as_ref().and_then(|side| side.headers.as_deref());
    let facets = facet_names.map(|names| Headers { key: "facet_headers", names, unnamed: &[] });
    let apart = dataset.facet_dataset.is_some();
    let absent = &codes::COLUMN_NOT_FOUND;

    if let Some(own) = &own {
        let has_bias =
            analysis.methods.pre_training_bias.is_some() || analysis.methods.post_training_bias.is_some();
        let label = analysis.label.as_ref().filter(|location| match location {
            Location::Name(_) => is_table,
            Location::Index(_) => is_table || (captures && has_bias),
        });
        if let Some(location) = label {
            let named = Headers { unnamed: &[], ..*own };
            named.check("label", location, absent, "Headers must contain label")?;
        }
        if is_table
            && let (Some(location), None) = (&analysis.predicted_label, &dataset.predicted_label_dataset)
        {
            own.check("predicted_label", location, absent, "Headers must contain predicted label")?;
        }
        if let Some(location) = &dataset.join_source {
            let what = "the identifier column is not in the dataset";
            own.check("joinsource_name_or_index", location, absent, what)?;
        }
    }
    if let Some(names) = dataset.predicted_label_dataset.as_ref().and_then(|side| side.headers.as_deref()) {
        let own = Headers { key: "predicted_label_headers", names, unnamed: &[] };
        let by_default = Location::Name("predicted_label".into());
        let location = analysis.predicted_label.as_ref().unwrap_or(&by_default);
        own.check("predicted_label", location, absent, "Headers must contain predicted label")?;
    }
    if let Some(headers) = if apart { &facets } else { &own } {
        for (number, facet) in analysis.facets.iter().enumerate() {
            let setting = format!("facet[{number}].name_or_index");
            headers.check(&setting, &facet.column, absent, "Unable to locate the facet")?;
        }
    }
    let Some(own) = own else { return Ok(()) };
    let excluded = dataset.excluded_columns.iter().enumerate().map(|(number, location)| {
        let setting = layout::excluded_setting(analysis, number);
        (setting, location, "the excluded column is not present in the dataset")
    });
    let segments = analysis.segments.iter().enumerate().map(|(number, segment)| {
        let setting = format!("segment_config[{number}].name_or_index");
        (setting, &segment.column, "the segment column is not present in the dataset")
    });
    let group = analysis.group_variable.iter().map(|location| {
        ("group_variable".to_string(), location, "the group variable is not present in the dataset")
    });
    for (setting, location, what) in group.chain(segments).chain(excluded) {
        // Names may also be those of columns that are kept with the facets.
        let elsewhere = match (&facets, location) {
            (Some(facets), Location::Name(_)) => facets.has(location),
            (None, Location::Name(_)) => apart,
            (_, Location::Index(_)) => false,
        };
        if !elsewhere {
            own.check(&setting, location, absent, what)?;
        }
    }
    let methods = &analysis.methods;
    let explained = methods
        .shap
        .iter()
        .flat_map(|shap| iter::repeat("methods.shap.features_to_explain").zip(&shap.features_to_explain));
    let drawn = methods.pdp.iter().flat_map(|pdp| iter::repeat("methods.pdp.features").zip(&pdp.features));
    for (setting, location) in explained.chain(drawn) {
        own.check(setting, location, &codes::FEATURE_UNKNOWN, "Feature names not found.")?;
    }
    Ok(())
}

/// That a label which is a name is one of `headers`, where the first records of ground truth show that labels come in CSV,
/// which has no names. `truths`: the folder of the records. What is wrong with records is for their reader to tell.
///
/// # Errors
/// `COLUMN_NOT_FOUND`.
pub(crate) fn check_truth(analysis: &Analysis, truths: &Path) -> Result<()> {
    let (Some(location @ Location::Name(_)), Some(names)) = (&analysis.label, &analysis.dataset.headers)
    else {
        return Ok(());
    };
    let headers = Headers { key: "headers", names, unnamed: &[] };
    if headers.has(location) || first_truth(truths) != Some(ContentType::Csv) {
        return Ok(());
    }
    headers.check("label", location, &codes::COLUMN_NOT_FOUND, "Headers must contain label")
}

/// How the first label of a folder is written, looked for in the first lines of each file.
fn first_truth(folder: &Path) -> Option<ContentType> {
    const LOOKED_AT: usize = 100;
    for file in input::files(folder).ok()? {
        let Ok(mut lines) = Lines::open(&file) else { continue };
        for _ in 0..LOOKED_AT {
            let Ok(Some((_, line))) = lines.next_line() else { break };
            let Ok(record) = serde_json::from_slice::<Record>(line) else { continue };
            let Some(truth) = &record.ground_truth_data else { continue };
            if let Ok((text, kind)) = payload::text(truth) {
                return Some(payload::kind_of_rows(kind, &text));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::check::{self, Kind};

    /// A configuration in which every column that it names is one of its headers.
    fn sound() -> Value {
        json!({
            "dataset_type": "text/csv", "headers": ["id", "sex", "age", "y", "p", "town"], "label": "y", "predicted_label": "p",
            "joinsource_name_or_index": "id", "label_values_or_threshold": [1], "excluded_columns": ["town"],
            "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}], "group_variable": "town",
            "segment_config": [{"name_or_index": "town", "segments": [["a"]]}],
            "methods": {
                "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"},
                "shap": {"features_to_explain": ["age"]}, "pdp": {"grid_resolution": 3, "features": ["age"]},
            },
            "predictor": {"endpoint_name": "e"},
        })
    }

    fn checked(config: &Value, captures: bool) -> Result<()> {
        let analysis = check::load(config.to_string().as_bytes(), Path::new("c.json"), Kind::Processing)?;
        check(&analysis, captures)
    }

    /// Every field that names a column, and whether it does in captured records, where labels may be paths.
    const FIELDS: [(&str, &str, bool); 9] = [
        ("label", "/label", false),
        ("predicted_label", "/predicted_label", false),
        ("joinsource_name_or_index", "/joinsource_name_or_index", true),
        ("facet[0].name_or_index", "/facet/0/name_or_index", true),
        ("group_variable", "/group_variable", true),
        ("segment_config[0].name_or_index", "/segment_config/0/name_or_index", true),
        ("excluded_columns[0]", "/excluded_columns/0", true),
        ("methods.shap.features_to_explain", "/methods/shap/features_to_explain/0", true),
        ("methods.pdp.features", "/methods/pdp/features/0", true),
    ];

    #[test]
    fn columns_that_are_none_of_the_headers_are_told_by_their_field() {
        for captures in [false, true] {
            checked(&sound(), captures).unwrap();
            for (field, pointer, always) in FIELDS {
                for (wrong, found) in [(json!("nowhere"), "`nowhere`"), (json!(7), "position 7")] {
                    let mut config = sound();
                    *config.pointer_mut(pointer).unwrap() = wrong.clone();
                    let refused = always || !captures || (field == "label" && wrong.is_number());
                    match checked(&config, captures) {
                        Ok(()) => assert!(!refused, "{field} {wrong} {captures}"),
                        Err(problem) => {
                            assert!(refused, "{field} {wrong} {captures}");
                            assert_eq!(problem.place().field.as_deref(), Some(field));
                            let told = problem.to_string();
                            assert!(told.contains(found) && told.contains("`headers`"), "{told}");
                        }
                    }
                    config.as_object_mut().unwrap().remove("headers");
                    checked(&config, captures).unwrap();
                }
            }
        }
    }

    #[test]
    fn columns_that_stand_apart_are_looked_for_in_their_own_headers() {
        let mut config = sound();
        config["facet_dataset_uri"] = json!("f.csv");
        config["predicted_label_dataset_uri"] = json!("p.csv");
        config["headers"] = json!(["id", "age", "y"]);
        // What the files call their columns is not known yet.
        checked(&config, false).unwrap();
        config["facet_headers"] = json!(["id", "sex", "town"]);
        config["predicted_label_headers"] = json!(["id", "p"]);
        checked(&config, false).unwrap();
        for (field, key, names) in [
            ("facet[0].name_or_index", "facet_headers", json!(["id", "town"])),
            ("group_variable", "facet_headers", json!(["id", "sex"])),
            ("predicted_label", "predicted_label_headers", json!(["id", "q"])),
        ] {
            let mut config = config.clone();
            config[key] = names;
            let problem = checked(&config, false).unwrap_err();
            assert_eq!(problem.place().field.as_deref(), Some(field));
        }
    }
}
