//! `explanations_shap/out.csv` and `explanations_shap/baseline.csv`.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use plumbline_common::output::OutputFile;
use plumbline_common::{Problem, Result};

use crate::values::cells::{Cells, ModelRows, csv_field};
use crate::values::numbers::repr;

/// Writes one line for each explained row: `<feature>_<label>`, the features varying first (`a_0,b_0,a_1,b_1`),
/// then the join column; numbers in the shortest spelling that reads back as the same double. The file appears
/// when it is committed.
pub struct LocalValues<'a> {
    file: OutputFile,
    features: Vec<String>,
    /// Names of the model's outputs, asked for when the first row comes.
    labels: Box<dyn Fn(usize) -> Vec<String> + 'a>,
    /// Header of the join column and its values by row; the last column of the file.
    join: Option<(String, Vec<String>)>,
    line: String,
    rows: u64,
}

impl<'a> LocalValues<'a> {
    /// `labels` is given the number of outputs.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(
        path: &Path,
        scratch: &Path,
        features: Vec<String>,
        labels: impl Fn(usize) -> Vec<String> + 'a,
        join: Option<(String, Vec<String>)>,
    ) -> Result<LocalValues<'a>> {
        let file = OutputFile::create(path, scratch)?;
        Ok(LocalValues { file, features, labels: Box::new(labels), join, line: String::new(), rows: 0 })
    }

    /// Adds a row: output by output, features within.
    ///
    /// # Errors
    /// The file cannot be written to.
    pub fn add(&mut self, values: &[f64]) -> Result<()> {
        self.line.clear();
        if self.rows == 0 {
            let n_outputs = values.len() / self.features.len().max(1);
            let mut fields = Vec::new();
            for label in (self.labels)(n_outputs) {
                fields.extend(self.features.iter().map(|feature| format!("{feature}_{label}")));
            }
            fields.extend(self.join.iter().map(|(name, _)| name.clone()));
            push_fields(&mut self.line, fields.iter().map(|field| csv_field(field)));
        }
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.line.push(',');
            }
            self.line.push_str(&repr(*value));
        }
        if let Some((_, ids)) = &self.join {
            self.line.push(',');
            self.line.push_str(&csv_field(ids.get(self.rows as usize).map_or("", String::as_str)));
        }
        self.line.push('\n');
        self.rows += 1;
        self.file
            .write_all(self.line.as_bytes())
            .map_err(|error| Problem::io("write the local values", self.file.path(), error))
    }

    /// Rows written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The file, to be committed with the other results.
    pub fn finish(self) -> OutputFile {
        self.file
    }
}

/// The content of `baseline.csv`: a header of feature names and the rows as the model is sent them.
pub fn baseline_csv(names: &[String], cells: &Cells, baseline: &ModelRows) -> String {
    let mut text = String::new();
    push_fields(&mut text, names.iter().map(|name| csv_field(name)));
    for row in baseline.rows() {
        push_fields(&mut text, row.iter().map(|id| cells.value(*id).to_csv()));
    }
    text
}

fn push_fields<'f>(line: &mut String, fields: impl ExactSizeIterator<Item = Cow<'f, str>>) {
    let last = fields.len();
    for (place, field) in fields.enumerate() {
        line.push_str(&field);
        line.push(if place + 1 == last { '\n' } else { ',' });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::cells::Value;

    #[test]
    fn columns_go_label_by_label_and_the_join_column_is_last() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("explanations_shap/out.csv");
        let labels = |n: usize| (0..n).map(|k| format!("label{k}")).collect();
        let ids = vec!["7".to_string(), "a,b".to_string()];
        let mut file = LocalValues::create(
            &path,
            root.path(),
            vec!["Age".into(), "Sex".into()],
            labels,
            Some(("id".into(), ids)),
        )
        .unwrap();
        file.add(&[0.5, -1e-7, 1.0, 0.0]).unwrap();
        file.add(&[0.1, 0.2, 0.3, 0.4]).unwrap();
        assert_eq!(file.rows(), 2);
        file.finish().commit().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "Age_label0,Sex_label0,Age_label1,Sex_label1,id\n0.5,-1e-07,1.0,0.0,7\n0.1,0.2,0.3,0.4,\"a,b\"\n"
        );
    }

    #[test]
    fn baseline_has_a_header_and_the_values_as_sent() {
        let mut cells = Cells::default();
        let row = [
            cells.intern(&Value::Int(39)),
            cells.intern(&Value::Float(2.0)),
            cells.intern(&Value::Null),
            cells.intern(&Value::Text("say \"hi\"".into())),
        ];
        let rows = ModelRows { n_features: 4, ids: row.to_vec() };
        let names: Vec<String> = ["a", "b", "c", "d"].map(String::from).to_vec();
        assert_eq!(baseline_csv(&names, &cells, &rows), "a,b,c,d\n39,2.0,,\"say \"\"hi\"\"\"\n");
    }
}
