//! Templates of requests: text with placeholders for a record's values. The one parser of them, and the checks
//! that need no data.
//!
//! Some placeholders begin like others (`$features_kvp`, `$features`), so the longer name is looked for first.

use serde_json::Value as Json;

use super::faults::{Fault, shown};

/// A template cut into what is copied and what is filled in. `F`: how single features are told, by name as the
/// template has them or by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template<F = String> {
    pub(crate) pieces: Vec<Piece<F>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<F = String> {
    Text(String),
    /// `$features`: the values as a list.
    Features,
    /// `$features_kvp`: an object of names and values.
    NamedFeatures,
    /// `$feature_names`: the names as a list.
    FeatureNames,
    /// `"${name}"`: one value.
    Feature(F),
    /// `$records`: the list of all records of the request.
    Records,
    /// `$record`: the only record of the request.
    Record,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Template {
        // Longest first among those that begin alike.
        let placeholders = [
            ("$features_kvp", Piece::NamedFeatures),
            ("$feature_names", Piece::FeatureNames),
            ("$features", Piece::Features),
            ("$records", Piece::Records),
            ("$record", Piece::Record),
        ];
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('$') {
            let (before, from) = rest.split_at(start);
            if let Some((name, piece)) = placeholders.iter().find(|(name, _)| from.starts_with(name)) {
                literal.push_str(before);
                push_text(&mut pieces, &mut literal);
                pieces.push(piece.clone());
                rest = &from[name.len()..];
            } else if let Some((name, after)) = feature_name(before, from) {
                // The quotes around `${name}` belong to the placeholder.
                literal.push_str(&before[..before.len() - 1]);
                push_text(&mut pieces, &mut literal);
                pieces.push(Piece::Feature(name.to_string()));
                rest = after;
            } else {
                literal.push_str(before);
                literal.push('$');
                rest = &from[1..];
            }
        }
        literal.push_str(rest);
        push_text(&mut pieces, &mut literal);
        Template { pieces }
    }

    /// The same with each single feature as `position` tells it.
    ///
    /// # Errors
    /// Those of `position`.
    pub(crate) fn resolve<F, E>(self, position: impl Fn(&str) -> Result<F, E>) -> Result<Template<F>, E> {
        let resolved = self.pieces.into_iter().map(|piece| {
            Ok(match piece {
                Piece::Text(text) => Piece::Text(text),
                Piece::Features => Piece::Features,
                Piece::NamedFeatures => Piece::NamedFeatures,
                Piece::FeatureNames => Piece::FeatureNames,
                Piece::Feature(name) => Piece::Feature(position(&name)?),
                Piece::Records => Piece::Records,
                Piece::Record => Piece::Record,
            })
        });
        Ok(Template { pieces: resolved.collect::<Result<_, E>>()? })
    }

    /// The template with empty values in place of the placeholders.
    fn filled(&self) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Features | Piece::FeatureNames | Piece::Records => "[]",
                Piece::NamedFeatures | Piece::Record => "{}",
                Piece::Feature(_) => "null",
            })
            .collect()
    }
}

impl<F: PartialEq> Template<F> {
    pub(crate) fn has(&self, wanted: &Piece<F>) -> bool {
        self.pieces.contains(wanted)
    }

    fn count(&self, wanted: &Piece<F>) -> usize {
        self.pieces.iter().filter(|piece| *piece == wanted).count()
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

/// The content template of a JSON Lines request: one record, with the features once.
pub(super) fn json_lines(text: &str) -> Option<Fault> {
    let path = "predictor.content_template";
    let template = Template::parse(text);
    if template.count(&Piece::Features) != 1 {
        let hint = match template.count(&Piece::Record) + template.count(&Piece::Records) {
            0 => "for instance {\"features\":$features}",
            _ => "$record and $records belong to a content_type of application/json",
        };
        return Some(Fault::value(path, found(text), "one placeholder $features", hint));
    }
    not_json(path, text, &template)
}

/// The content template of a JSON request: all records of a request, or its one record.
pub(super) fn json_content(text: &str) -> Option<Fault> {
    let path = "predictor.content_template";
    let template = Template::parse(text);
    if template.count(&Piece::Record) + template.count(&Piece::Records) != 1 {
        let expected = "one placeholder, $records or $record";
        let hint = "for instance {\"instances\":$records}, with record_template for each record";
        return Some(Fault::value(path, found(text), expected, hint));
    }
    not_json(path, text, &template)
}

/// The record template of a JSON request: the features of one record.
pub(super) fn json_record(text: &str) -> Option<Fault> {
    let path = "predictor.record_template";
    let template = Template::parse(text);
    if !template.holds_features() {
        let expected = "$features, $features_kvp or \"${name}\" of single features";
        return Some(Fault::value(path, found(text), expected, "for instance {\"features\":$features}"));
    }
    not_json(path, text, &template)
}

fn not_json(path: &str, text: &str, template: &Template) -> Option<Fault> {
    let hint = "placeholders bring their own brackets and quotes; every other bracket and quote must close";
    serde_json::from_str::<Json>(&template.filled())
        .is_err()
        .then(|| Fault::value(path, found(text), "JSON once the placeholders are filled in", hint))
}

fn found(text: &str) -> String {
    shown(&Json::from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fault: Option<Fault>, expected: Option<&str>) {
        match (&fault, expected) {
            (None, None) => {}
            (Some(fault), Some(part)) => {
                let text = fault.expected.clone().unwrap_or_default();
                assert!(text.contains(part), "{fault:?}");
            }
            _ => panic!("{fault:?}, expected {expected:?}"),
        }
    }

    #[track_caller]
    fn parses(text: &str, expected: &[Piece]) {
        assert_eq!(Template::parse(text).pieces, expected);
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn feature(name: &str) -> Piece {
        Piece::Feature(name.into())
    }

    #[test]
    fn longer_placeholders_win_over_their_prefixes() {
        parses(r#"{"f":$features}"#, &[text(r#"{"f":"#), Piece::Features, text("}")]);
        parses("$features_kvp", &[Piece::NamedFeatures]);
        parses("$feature_names$features", &[Piece::FeatureNames, Piece::Features]);
        parses("[$records,$record]", &[text("["), Piece::Records, text(","), Piece::Record, text("]")]);
    }

    #[test]
    fn quotes_belong_to_the_placeholder_of_one_feature() {
        parses(
            r#"{"a":"${A}","b":"${B b}"}"#,
            &[text(r#"{"a":"#), feature("A"), text(r#","b":"#), feature("B b"), text("}")],
        );
        parses(r#"["${say \"C\"}"]"#, &[text("["), feature(r#"say \"C\""#), text("]")]);
    }

    #[test]
    fn other_dollar_signs_stay() {
        parses(r#"{"price in $":"${A}"}"#, &[text(r#"{"price in $":"#), feature("A"), text("}")]);
        parses("{\n\"x\": $features\n}", &[text("{ \"x\": "), Piece::Features, text(" }")]);
    }

    #[test]
    fn json_lines_needs_the_features_once() {
        check(json_lines("{\"features\":$features}"), None);
        check(json_lines("$features"), None);
        check(json_lines("{\"features\":1}"), Some("one placeholder $features"));
        check(json_lines("{\"a\":$features,\"b\":$features}"), Some("one placeholder $features"));
        check(json_lines("{\"a\":$features_kvp}"), Some("one placeholder $features"));
        check(json_lines("{\"features\":$features"), Some("JSON"));
    }

    #[test]
    fn records_is_not_taken_for_record() {
        check(json_content("{\"instances\":$records}"), None);
        check(json_content("$record"), None);
        check(json_content("{\"a\":$record,\"b\":$records}"), Some("$records or $record"));
        check(json_content("{\"names\":$feature_names,\"rows\":$records}"), None);
        check(json_content("{\"rows\":$features}"), Some("$records or $record"));
    }

    #[test]
    fn a_record_holds_features_in_one_of_three_ways() {
        check(json_record("{\"features\":$features,\"names\":$feature_names}"), None);
        check(json_record("$features_kvp"), None);
        check(json_record("{\"age\":\"${Age}\",\"sex\":\"${Sex}\"}"), None);
        check(json_record("{\"names\":$feature_names}"), Some("$features"));
        check(json_record("{\"age\":\"${Age}}"), Some("$features"));
    }
}
