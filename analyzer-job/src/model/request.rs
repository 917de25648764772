//! Bodies of requests: CSV, JSON Lines or JSON, made by copying text that was encoded once for each
//! distinct value.

use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use crate::config::templates::{self, Piece};
use crate::config::{ContentType, Predictor};
use crate::values::cells::{Cells, Value, csv_field};
use crate::values::numbers::repr;
use crate::values::scan;

/// Single features by their position.
type Template = templates::Template<usize>;

/// How rows become a body.
#[derive(Debug)]
pub struct Encoder {
    content_type: ContentType,
    /// Of one record; none for CSV.
    record: Template,
    /// Around the records of a request; only for JSON.
    content: Option<Template>,
    /// Names as JSON strings.
    names: Vec<String>,
}

impl Encoder {
    /// # Errors
    /// `REQUEST_TEMPLATE` when the templates are missing or make no JSON.
    pub fn new(
        predictor: &Predictor,
        content_type: ContentType,
        feature_names: &[String],
    ) -> Result<Encoder> {
        let parse = |text: &Option<String>, setting: &str| {
            text.as_deref().map(|text| template(text, setting, feature_names)).transpose()
        };
        let content = parse(&predictor.content_template, "predictor.content_template")?;
        let record = parse(&predictor.record_template, "predictor.record_template")?;
        let names = feature_names.iter().map(|name| Json::from(name.as_str()).to_string()).collect();
        let (record, content) = match content_type {
            ContentType::Csv => (Template { pieces: Vec::new() }, None),
            ContentType::JsonLines => (lines_record(content, record)?, None),
            ContentType::Json => {
                let (record, content) = json_templates(content, record)?;
                (record, Some(content))
            }
        };
        let encoder = Encoder { content_type, record, content, names };
        encoder.check()?;
        Ok(encoder)
    }

    /// One record per request, because the content template says `$record`.
    pub fn single(&self) -> bool {
        self.content.as_ref().is_some_and(|content| content.has(&Piece::Record))
    }

    /// Makes one body of nulls and reads it back, so that a broken template is told before any work.
    fn check(&self) -> Result<()> {
        if self.content_type == ContentType::Csv {
            return Ok(());
        }
        let mut cells = Cells::default();
        let null = cells.intern(&Value::Null);
        let nulls = vec![null; self.names.len().max(1)];
        let mut texts = Texts::new(&cells, self.content_type);
        let mut body = Vec::new();
        self.body(&mut texts, std::iter::once(&nulls[..]), usize::MAX, &mut body)?;
        serde_json::from_slice::<serde::de::IgnoredAny>(&body)
            .map(|_| ())
            .map_err(|error| self.not_json(format!("{error} in `{}`", String::from_utf8_lossy(&body))))
    }

    /// That a request of each of these rows is what its content type says, as a reader sees it that knows Python's words
    /// for numbers. `whose`: tells which row it is, for the message.
    ///
    /// # Errors
    /// `REQUEST_TEMPLATE`: with the values of a row the template gives no JSON.
    pub fn check_rows<'r>(
        &self,
        cells: &Cells,
        rows: impl Iterator<Item = &'r [u32]>,
        whose: impl Fn(&[u32]) -> String,
    ) -> Result<()> {
        if self.content_type == ContentType::Csv {
            return Ok(());
        }
        let mut texts = Texts::new(cells, self.content_type);
        let mut body = Vec::new();
        for row in rows {
            body.clear();
            self.body(&mut texts, std::iter::once(row), usize::MAX, &mut body)?;
            let text = str::from_utf8(&body).unwrap_or_default();
            if !scan::is_json(text) {
                return Err(self.not_json(format!("no JSON with the values of {}", whose(row))));
            }
        }
        Ok(())
    }

    fn not_json(&self, found: String) -> Problem {
        let setting = match self.content_type {
            ContentType::Json => "predictor.content_template, predictor.record_template",
            _ => "predictor.content_template",
        };
        Problem::new(&codes::REQUEST_TEMPLATE, "the template does not give valid JSON")
            .field(setting)
            .found(found)
            .hint("placeholders for lists and objects stand without quotes")
    }

    /// Appends the body of the first of these rows to `out`, as many as `most_bytes` holds but at least one. Gives the
    /// number of rows.
    ///
    /// # Errors
    /// `REQUEST_TEMPLATE` for more text than one request can have.
    pub fn body<'r>(
        &self,
        texts: &mut Texts<'_>,
        rows: impl Iterator<Item = &'r [u32]>,
        most_bytes: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize> {
        let mut n_rows = 0;
        let separator: &[u8] = if self.content_type == ContentType::Json { b"," } else { b"\n" };
        let (before, after) = match &self.content {
            Some(content) => {
                let at =
                    content.pieces.iter().position(|piece| matches!(piece, Piece::Records | Piece::Record));
                let (before, after) = content.pieces.split_at(at.unwrap_or(0));
                (before, after.get(1..).unwrap_or_default())
            }
            None => (&[][..], &[][..]),
        };
        let list = self.content.as_ref().is_some_and(|content| content.has(&Piece::Records));
        self.fixed(before, out);
        if list {
            out.push(b'[');
        }
        for row in rows {
            let start = out.len();
            if n_rows > 0 {
                out.extend_from_slice(separator);
            }
            self.row(texts, row, out)?;
            if n_rows > 0 && out.len() > most_bytes {
                out.truncate(start);
                break;
            }
            n_rows += 1;
        }
        if list {
            out.push(b']');
        }
        self.fixed(after, out);
        Ok(n_rows)
    }

    fn row(&self, texts: &mut Texts<'_>, row: &[u32], out: &mut Vec<u8>) -> Result<()> {
        if self.content_type == ContentType::Csv {
            let start = out.len();
            for (position, id) in row.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(texts.get(*id)?);
            }
            // A blank line would be no record.
            if out.len() == start {
                out.extend_from_slice(b"\"\"");
            }
            return Ok(());
        }
        for piece in &self.record.pieces {
            match piece {
                Piece::Features => {
                    out.push(b'[');
                    for (position, id) in row.iter().enumerate() {
                        if position > 0 {
                            out.push(b',');
                        }
                        out.extend_from_slice(texts.get(*id)?);
                    }
                    out.push(b']');
                }
                Piece::NamedFeatures => {
                    out.push(b'{');
                    for (position, (name, id)) in self.names.iter().zip(row).enumerate() {
                        if position > 0 {
                            out.push(b',');
                        }
                        out.extend_from_slice(name.as_bytes());
                        out.push(b':');
                        out.extend_from_slice(texts.get(*id)?);
                    }
                    out.push(b'}');
                }
                Piece::Feature(position) => {
                    if let Some(id) = row.get(*position) {
                        out.extend_from_slice(texts.get(*id)?);
                    }
                }
                piece => self.fixed(std::slice::from_ref(piece), out),
            }
        }
        Ok(())
    }

    /// Pieces that are the same for every record.
    fn fixed(&self, pieces: &[Piece<usize>], out: &mut Vec<u8>) {
        for piece in pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::FeatureNames => {
                    out.push(b'[');
                    out.extend_from_slice(self.names.join(",").as_bytes());
                    out.push(b']');
                }
                _ => {}
            }
        }
    }
}

const TIME_SERIES: [&str; 4] =
    ["$start_time", "$target_time_series", "$related_time_series", "$static_covariates"];

/// `setting`: the template's name in the configuration, for messages.
///
/// # Errors
/// `REQUEST_TEMPLATE` for the name of a feature that is not there, and for placeholders of time series.
fn template(text: &str, setting: &str, feature_names: &[String]) -> Result<Template> {
    let refused =
        |what: &str, found: String| Problem::new(&codes::REQUEST_TEMPLATE, what).field(setting).found(found);
    if let Some(name) = TIME_SERIES.iter().find(|name| text.contains(*name)) {
        return Err(refused("placeholders of time series are not supported", format!("`{name}`")));
    }
    let position = |name: &str| {
        let known = |known: &String| known == name || json_text(known) == name;
        feature_names.iter().position(known).ok_or_else(|| {
            refused("the template names an unknown feature", format!("`${{{name}}}`"))
                .expected(format!("one of {}", list(feature_names)))
        })
    };
    templates::Template::parse(text).resolve(position)
}

/// A text as it stands between the quotes of a JSON string.
fn json_text(text: &str) -> String {
    let quoted = Json::from(text).to_string();
    quoted[1..quoted.len() - 1].to_string()
}

fn list(names: &[String]) -> String {
    let mut text = names.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 8 {
        text.push_str(", ...");
    }
    text
}

fn missing(setting: &str, expected: &str) -> Problem {
    Problem::new(&codes::REQUEST_TEMPLATE, "the predictor lacks a part of its request")
        .field(format!("predictor.{setting}"))
        .expected(expected.to_string())
}

/// The template of a line: the content template, with the record template in the place of `$record`.
fn lines_record(content: Option<Template>, record: Option<Template>) -> Result<Template> {
    const EXPECTED: &str = "`$features`, as in `{\"features\":$features}`";
    let content = content.ok_or_else(|| missing("content_template", EXPECTED))?;
    let mut pieces = Vec::new();
    for piece in content.pieces {
        match (piece, &record) {
            (Piece::Record, Some(record)) => pieces.extend(record.pieces.iter().cloned()),
            (Piece::Record | Piece::Records, _) => {
                return Err(missing("content_template", EXPECTED)
                    .found("`$record` or `$records`")
                    .hint("each line of JSON Lines is one record"));
            }
            (piece, _) => pieces.push(piece),
        }
    }
    let template = Template { pieces };
    if template.holds_features() { Ok(template) } else { Err(missing("content_template", EXPECTED)) }
}

fn json_templates(content: Option<Template>, record: Option<Template>) -> Result<(Template, Template)> {
    let content = content
        .filter(|content| content.has(&Piece::Records) != content.has(&Piece::Record))
        .ok_or_else(|| {
            missing("content_template", "either `$records` or `$record`, as in `{\"instances\":$records}`")
        })?;
    if content.holds_features() {
        return Err(missing("content_template", "no placeholder for values beside the records")
            .hint("the values of a record stand in `record_template`"));
    }
    let record = record.filter(Template::holds_features).ok_or_else(|| {
        missing(
            "record_template",
            "`$features`, `$features_kvp` or `\"${name}\"`, as in `{\"features\":$features}`",
        )
    })?;
    if record.has(&Piece::Records) || record.has(&Piece::Record) {
        return Err(missing("record_template", "no `$record` or `$records`"));
    }
    Ok((record, content))
}

/// The texts of values, each made when it is first needed.
#[derive(Debug)]
pub struct Texts<'a> {
    cells: &'a Cells,
    content_type: ContentType,
    /// By value number: where its text ends in `bytes`, plus one; 0 while there is none.
    places: Vec<(u32, u32)>,
    bytes: Vec<u8>,
}

impl<'a> Texts<'a> {
    pub fn new(cells: &'a Cells, content_type: ContentType) -> Texts<'a> {
        Texts { cells, content_type, places: vec![(0, 0); cells.len()], bytes: vec![0] }
    }

    fn get(&mut self, id: u32) -> Result<&[u8]> {
        let place = self.places[id as usize];
        if place.0 != 0 {
            return Ok(&self.bytes[place.0 as usize..place.1 as usize]);
        }
        let start = self.bytes.len();
        encode(self.cells.value(id), self.content_type, &mut self.bytes);
        let place = (offset(start)?, offset(self.bytes.len())?);
        self.places[id as usize] = place;
        Ok(&self.bytes[start..])
    }
}

fn offset(position: usize) -> Result<u32> {
    u32::try_from(position).map_err(|_| {
        Problem::new(&codes::REQUEST_TEMPLATE, "cannot encode more than 4 GB of distinct values at once")
    })
}

/// CSV: nulls are empty fields, truth values `True` and `False`, text is quoted where RFC 4180 asks for it.
/// JSON: missing numbers are null, infinite ones `Infinity` and `-Infinity` as in Python. Doubles have the shortest
/// text that reads back as the same double.
fn encode(value: &Value, content_type: ContentType, out: &mut Vec<u8>) {
    let csv = content_type == ContentType::Csv;
    match value {
        Value::Null => out.extend_from_slice(if csv { b"" } else { b"null" }),
        Value::Float(number) if number.is_nan() => out.extend_from_slice(if csv { b"" } else { b"null" }),
        Value::Float(number) if number.is_infinite() && !csv => {
            out.extend_from_slice(if *number > 0.0 { b"Infinity" } else { b"-Infinity" });
        }
        Value::Float(number) => out.extend_from_slice(repr(*number).as_bytes()),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Bool(truth) if csv => out.extend_from_slice(if *truth { b"True" } else { b"False" }),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Value::Text(text) if csv => out.extend_from_slice(csv_field(text).as_bytes()),
        Value::Text(text) => out.extend_from_slice(Json::from(text.as_str()).to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::cells::ModelRows;

    fn predictor(content: Option<&str>, record: Option<&str>) -> Predictor {
        Predictor {
            content_template: content.map(str::to_string),
            record_template: record.map(str::to_string),
            ..Predictor::default()
        }
    }

    fn rows(values: &[&[Value]]) -> (Cells, ModelRows) {
        let mut cells = Cells::default();
        let mut rows = ModelRows::new(values[0].len());
        for row in values {
            let ids: Vec<u32> = row.iter().map(|value| cells.intern(value)).collect();
            rows.push(&ids);
        }
        (cells, rows)
    }

    fn make(
        kind: ContentType,
        content: Option<&str>,
        record: Option<&str>,
        values: &[&[Value]],
        most_bytes: usize,
    ) -> Result<(String, usize)> {
        let names: Vec<String> =
            ["a", "b \"2\"", "c"][..values[0].len()].iter().map(|s| s.to_string()).collect();
        let encoder = Encoder::new(&predictor(content, record), kind, &names)?;
        let (cells, rows) = rows(values);
        let mut out = Vec::new();
        let n = encoder.body(&mut Texts::new(&cells, kind), rows.rows(), most_bytes, &mut out)?;
        Ok((String::from_utf8(out).unwrap(), n))
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[track_caller]
    fn check(
        kind: ContentType,
        content: Option<&str>,
        record: Option<&str>,
        values: &[&[Value]],
        expected: &str,
    ) {
        assert_eq!(
            make(kind, content, record, values, usize::MAX).unwrap(),
            (expected.to_string(), values.len())
        );
    }

    #[test]
    fn csv_rows_are_joined_by_line_ends_and_quoted_where_needed() {
        check(
            ContentType::Csv,
            None,
            None,
            &[
                &[text("This is a good product"), Value::Int(5), Value::Float(1.0)],
                &[text("say \"hi\", you"), Value::Null, Value::Float(1e-7)],
                &[text("two\nlines"), Value::Bool(true), Value::Float(f64::NAN)],
            ],
            "This is a good product,5,1.0\n\"say \"\"hi\"\", you\",,1e-07\n\"two\nlines\",True,",
        );
        check(ContentType::Csv, None, None, &[&[Value::Null], &[Value::Int(1)]], "\"\"\n1");
    }

    #[test]
    fn json_lines_fill_the_content_template_line_by_line() {
        check(
            ContentType::JsonLines,
            Some(r#"{"features":$features}"#),
            None,
            &[
                &[Value::Int(1), text("x\"y"), Value::Float(0.5)],
                &[Value::Null, Value::Bool(false), Value::Float(f64::NAN)],
            ],
            "{\"features\":[1,\"x\\\"y\",0.5]}\n{\"features\":[null,false,null]}",
        );
        check(
            ContentType::JsonLines,
            Some(r#"{"in":$record}"#),
            Some("$features_kvp"),
            &[&[Value::Int(1), Value::Int(2)]],
            r#"{"in":{"a":1,"b \"2\"":2}}"#,
        );
    }

    #[test]
    fn json_lists_all_records_or_sends_the_only_one() {
        let two: &[&[Value]] = &[&[Value::Int(1), Value::Int(2)], &[Value::Int(3), Value::Int(4)]];
        check(
            ContentType::Json,
            Some(r#"{"names":$feature_names,"instances":$records}"#),
            Some(r#"{"features":$features}"#),
            two,
            r#"{"names":["a","b \"2\""],"instances":[{"features":[1,2]},{"features":[3,4]}]}"#,
        );
        check(
            ContentType::Json,
            Some("$record"),
            Some(r#"{"first":"${a}","second":["${b \"2\"}"]}"#),
            &two[..1],
            r#"{"first":1,"second":[2]}"#,
        );
    }

    #[test]
    fn body_holds_as_many_rows_as_its_bytes_and_at_least_one() {
        let values: &[&[Value]] = &[&[Value::Int(1111)], &[Value::Int(2222)], &[Value::Int(3333)]];
        let cut = |most| make(ContentType::Csv, None, None, values, most).unwrap();
        assert_eq!(cut(9), ("1111\n2222".into(), 2));
        assert_eq!(cut(8), ("1111".into(), 1));
        assert_eq!(cut(1), ("1111".into(), 1));
    }

    #[test]
    fn templates_that_make_no_request_are_told_at_once() {
        let one: &[&[Value]] = &[&[Value::Int(1)]];
        for (kind, content, record, expected) in [
            (ContentType::JsonLines, None, None, "predictor.content_template"),
            (ContentType::JsonLines, Some(r#"{"x":1}"#), None, "$features"),
            (ContentType::JsonLines, Some(r#"{"x":$records}"#), None, "each line of JSON Lines"),
            (ContentType::JsonLines, Some(r#"{"x":$features"#), None, "does not give valid JSON"),
            (ContentType::Json, Some(r#"{"x":$features}"#), None, "either `$records` or `$record`"),
            (ContentType::Json, Some(r#"{"x":$records}"#), None, "predictor.record_template"),
            (ContentType::Json, Some(r#"{"x":$records}"#), Some(r#"{"y":1}"#), "$features_kvp"),
            (
                ContentType::Json,
                Some(r#"{"x":$records}"#),
                Some(r#"{"y" $features}"#),
                "does not give valid JSON",
            ),
        ] {
            let problem = make(kind, content, record, one, usize::MAX).unwrap_err().to_string();
            assert!(problem.contains(expected), "{content:?}: {problem}");
        }
    }

    #[test]
    fn unknown_feature_is_named_with_those_there_are() {
        let one: &[&[Value]] = &[&[Value::Int(1)]];
        let told = |record: &str| {
            let made = make(ContentType::Json, Some("$record"), Some(record), one, usize::MAX);
            made.unwrap_err().to_string()
        };
        let unknown = told(r#"{"x":"${Z}"}"#);
        assert!(unknown.contains("found `${Z}`, expected one of `a`"), "{unknown}");
        let time = told(r#"{"x":$start_time,"y":$features}"#);
        assert!(time.contains("time series"), "{time}");
    }

    /// What a template gives is JSON for every kind of value, or it is told for which row it is none.
    #[test]
    fn templates_that_give_json_for_some_values_only_are_told() {
        let texts = ["red", "say \"hi\"", "a\\b", "a\nb", "\u{1}", "é", "", "12", "],[", "\",\""];
        let checked = |kind, content: &str, record: Option<&str>, value: Value| {
            let names = ["a".to_string(), "b".to_string()];
            let encoder = Encoder::new(&predictor(Some(content), record), kind, &names)?;
            let (cells, rows) = rows(&[&[Value::Int(1), Value::Int(2)], &[Value::Float(0.5), value]]);
            encoder.check_rows(&cells, rows.rows(), |row| format!("row {row:?}"))
        };
        let values = || {
            let numbers = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300];
            let others = [Value::Null, Value::Bool(true), Value::Int(-3)];
            texts.map(text).into_iter().chain(numbers.map(Value::Float)).chain(others)
        };
        for value in values() {
            for (kind, content, record) in [
                (ContentType::JsonLines, r#"{"x":$features}"#, None),
                (ContentType::JsonLines, r#"{"x":$record}"#, Some("$features_kvp")),
                (ContentType::Json, r#"{"x":$records}"#, Some(r#"{"y":$features}"#)),
                (ContentType::Json, "$records", Some("$features_kvp")),
                (ContentType::Json, "$record", Some(r#"{"y":"${a}","z":["${b}"]}"#)),
            ] {
                checked(kind, content, record, value.clone()).unwrap();
            }
        }
        for value in texts.map(text) {
            for (kind, content, record) in [
                (ContentType::JsonLines, r#"{"x":"$features"}"#, None),
                (ContentType::JsonLines, r#"{"x":$record}"#, Some(r#"{"y":"$features"}"#)),
                (ContentType::Json, r#"{"x":$records}"#, Some(r#"{"y":"$features"}"#)),
                (ContentType::Json, r#"{"x":"$records"}"#, Some("$features")),
                (ContentType::Json, r#"{"x":"$record"}"#, Some("$features")),
            ] {
                let problem = checked(kind, content, record, value.clone()).unwrap_err();
                assert_eq!(problem.code(), &codes::REQUEST_TEMPLATE);
                let told = problem.to_string();
                assert!(told.contains("row [2, 3]") && told.contains("without quotes"), "{told}");
            }
        }
        // Of numbers alone it is a text, which a model may want.
        checked(ContentType::JsonLines, r#"{"x":"$features"}"#, None, Value::Float(0.5)).unwrap();
    }

    #[test]
    fn infinite_numbers_are_spelled_as_python_does() {
        let values: &[&[Value]] =
            &[&[Value::Float(f64::INFINITY), Value::Float(f64::NEG_INFINITY), text("Infinity")]];
        check(ContentType::Csv, None, None, values, "inf,-inf,Infinity");
        let list = r#"[Infinity,-Infinity,"Infinity"]"#;
        check(ContentType::JsonLines, Some("$features"), None, values, list);
        check(ContentType::Json, Some("$record"), Some("$features"), values, list);
        let named = r#"{"x":Infinity}"#;
        check(ContentType::Json, Some("$record"), Some(r#"{"x":"${a}"}"#), values, named);
    }
}
