//! Templates of requests: text with placeholders for a record's values.
//!
//! Some placeholders begin like others (`$features_kvp`, `$features`), so the longer name is looked
//! for first.

use plumbline_common::{Problem, Result, codes};

/// A template cut into what is copied and what is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// `$features`: the values as a list.
    Features,
    /// `$features_kvp`: an object of names and values.
    NamedFeatures,
    /// `$feature_names`: the names as a list.
    FeatureNames,
    /// `"${name}"`: one value, by the feature's position.
    Feature(usize),
    /// `$records`: the list of all records of the request.
    Records,
    /// `$record`: the only record of the request.
    Record,
}

/// Longest first among those that begin alike.
const PLACEHOLDERS: [(&str, Piece); 5] = [
    ("$features_kvp", Piece::NamedFeatures),
    ("$feature_names", Piece::FeatureNames),
    ("$features", Piece::Features),
    ("$records", Piece::Records),
    ("$record", Piece::Record),
];

const TIME_SERIES: [&str; 4] =
    ["$start_time", "$target_time_series", "$related_time_series", "$static_covariates"];

impl Template {
    /// `setting`: the template's name in the configuration, for messages.
    ///
    /// # Errors
    /// `REQUEST_TEMPLATE` for the name of a feature that is not there, and for placeholders of time series.
    pub(crate) fn parse(text: &str, setting: &str, feature_names: &[String]) -> Result<Template> {
        if let Some(name) = TIME_SERIES.iter().find(|name| text.contains(*name)) {
            return Err(Problem::new(
                &codes::REQUEST_TEMPLATE,
                "placeholders of time series are not supported",
            )
            .field(setting)
            .found(format!("`{name}`")));
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('$') {
            let (before, from) = rest.split_at(start);
            let named = PLACEHOLDERS.iter().find(|(name, _)| from.starts_with(name));
            if let Some((name, piece)) = named {
                literal.push_str(before);
                push_text(&mut pieces, &mut literal);
                pieces.push(piece.clone());
                rest = &from[name.len()..];
            } else if let Some((name, after)) = feature_name(before, from) {
                let Some(feature) =
                    feature_names.iter().position(|known| known == name || json_text(known) == name)
                else {
                    return Err(Problem::new(
                        &codes::REQUEST_TEMPLATE,
                        "the template names a feature that is not there",
                    )
                    .field(setting)
                    .found(format!("`${{{name}}}`"))
                    .expected(format!("one of {}", list(feature_names))));
                };
                // The quotes around `${name}` belong to the placeholder.
                literal.push_str(&before[..before.len() - 1]);
                push_text(&mut pieces, &mut literal);
                pieces.push(Piece::Feature(feature));
                rest = after;
            } else {
                literal.push_str(before);
                literal.push('$');
                rest = &from[1..];
            }
        }
        literal.push_str(rest);
        push_text(&mut pieces, &mut literal);
        Ok(Template { pieces })
    }

    pub(crate) fn has(&self, wanted: &Piece) -> bool {
        self.pieces.contains(wanted)
    }

    /// Whether a record's values stand in it.
    pub(crate) fn holds_features(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Features | Piece::NamedFeatures | Piece::Feature(_)))
    }
}

/// Line ends in a template are blanks of JSON; JSON Lines cannot have them inside a record.
fn push_text(pieces: &mut Vec<Piece>, literal: &mut String) {
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal.replace(['\r', '\n'], " ")));
        literal.clear();
    }
}

/// The name in `"${name}"` when `from` begins at its dollar sign, and what follows the closing quote.
fn feature_name<'a>(before: &str, from: &'a str) -> Option<(&'a str, &'a str)> {
    let inside = from.strip_prefix("${")?;
    let end = inside.find("}\"")?;
    before.ends_with('"').then(|| (&inside[..end], &inside[end + 2..]))
}

/// A text as it stands between the quotes of a JSON string.
fn json_text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_string()
}

fn list(names: &[String]) -> String {
    let mut text = names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        text.push_str(", ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["A".into(), "B b".into(), "say \"C\"".into()]
    }

    #[track_caller]
    fn check(text: &str, expected: &[Piece]) {
        assert_eq!(Template::parse(text, "content_template", &names()).unwrap().pieces, expected);
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    #[test]
    fn longer_placeholders_win_over_their_prefixes() {
        check(r#"{"f":$features}"#, &[text(r#"{"f":"#), Piece::Features, text("}")]);
        check("$features_kvp", &[Piece::NamedFeatures]);
        check("$feature_names$features", &[Piece::FeatureNames, Piece::Features]);
        check("[$records,$record]", &[text("["), Piece::Records, text(","), Piece::Record, text("]")]);
    }

    #[test]
    fn quotes_belong_to_the_placeholder_of_one_feature() {
        check(
            r#"{"a":"${A}","b":"${B b}"}"#,
            &[text(r#"{"a":"#), Piece::Feature(0), text(r#","b":"#), Piece::Feature(1), text("}")],
        );
        check(r#"["${say \"C\"}"]"#, &[text("["), Piece::Feature(2), text("]")]);
    }

    #[test]
    fn other_dollar_signs_stay() {
        check(r#"{"price in $":"${A}"}"#, &[text(r#"{"price in $":"#), Piece::Feature(0), text("}")]);
        check("{\n\"x\": $features\n}", &[text("{ \"x\": "), Piece::Features, text(" }")]);
    }

    #[test]
    fn unknown_feature_is_named_with_those_there_are() {
        let problem = Template::parse(r#"{"x":"${Z}"}"#, "record_template", &names()).unwrap_err();
        assert!(problem.to_string().contains("found `${Z}`, expected one of `A`, `B b`"), "{problem}");
        let problem = Template::parse("$start_time", "record_template", &names()).unwrap_err();
        assert_eq!(problem.code(), &codes::REQUEST_TEMPLATE);
    }
}
