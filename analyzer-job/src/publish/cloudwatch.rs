//! Metrics for CloudWatch, under the names and dimensions that the hosted monitors use, so that alarms
//! go on working: as lines of a file that the platform publishes, and as requests of PutMetricData for a
//! namespace of the user's choice.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::results::{Attributions, BiasSection, Results};

/// CloudWatch takes no magnitude above 2^360; infinite values are published as this.
/// Source: SageMaker developer guide, "CloudWatch metrics for bias drift analysis".
const LARGEST: f64 = 2.348543e108;

/// Limits of one PutMetricData request: metrics, and bytes below the 1 MB of the API.
const METRICS_PER_REQUEST: usize = 1000;
const BYTES_PER_REQUEST: usize = 900_000;

/// What all metrics of a run have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub endpoint: Option<String>,
    pub schedule: Option<String>,
    pub timestamp: Timestamp,
}

/// One value in CloudWatch, finite and within its limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub name: String,
    pub timestamp: Timestamp,
    pub dimensions: Vec<Dimension>,
    pub value: Measure,
}

/// What a metric says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    Value(f64),
    /// Of many values at once.
    Statistics {
        count: f64,
        sum: f64,
        minimum: f64,
        maximum: f64,
    },
}

impl Measure {
    /// `None` for what is not a number; infinite values are the largest that CloudWatch takes.
    fn accepted(self) -> Option<Measure> {
        let within = |value: f64| (!value.is_nan()).then(|| value.clamp(-LARGEST, LARGEST));
        Some(match self {
            Measure::Value(value) => Measure::Value(within(value)?),
            Measure::Statistics { count, sum, minimum, maximum } => Measure::Statistics {
                count: within(count)?,
                sum: within(sum)?,
                minimum: within(minimum)?,
                maximum: within(maximum)?,
            },
        })
    }

    /// Its key and value in a metric line and in a request.
    fn json(self) -> (&'static str, Json) {
        match self {
            Measure::Value(value) => ("Value", value.into()),
            Measure::Statistics { count, sum, minimum, maximum } => (
                "StatisticValues",
                json!({"SampleCount": count, "Sum": sum, "Minimum": minimum, "Maximum": maximum}),
            ),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dimension {
    pub name: &'static str,
    pub value: String,
}

/// All metrics of the results. Undefined ones are left out.
pub fn metrics(results: &Results, scope: &Scope) -> Vec<Metric> {
    let mut out = Vec::new();
    let sections = [
        ("Post-Training", &results.post_training_bias_metrics),
        ("Pre-training", &results.pre_training_bias_metrics),
    ];
    for (stage, section) in sections {
        if let Some(section) = section {
            bias(stage, section, scope, &mut out);
        }
    }
    let shap = results.explanations.as_ref().and_then(|explanations| explanations.kernel_shap.as_ref());
    for (label, attributions) in shap.into_iter().flatten() {
        self::attributions(label, attributions, scope, &mut out);
    }
    out
}

fn bias(stage: &str, section: &BiasSection, scope: &Scope, out: &mut Vec<Metric>) {
    for (facet, entries) in &section.facets {
        for entry in entries {
            let dimensions = [
                ("BiasStage", stage),
                ("Label", &section.label),
                ("LabelValue", &section.label_value_or_threshold),
                ("Facet", facet),
                ("FacetValue", &entry.value_or_threshold),
            ];
            for metric in &entry.metrics {
                if let (Some(value), None) = (metric.value, &metric.error) {
                    let name = format!("bias_metric_{}", metric.name);
                    out.extend(scope.metric(name, &dimensions, value.value()));
                }
            }
        }
    }
}

fn attributions(label: &str, attributions: &Attributions, scope: &Scope, out: &mut Vec<Metric>) {
    let dimensions = |kind| [("ExplainabilityMethod", "KernelShap"), ("Label", label), ("ValueType", kind)];
    for (feature, value) in &attributions.global_shap_values {
        out.extend(scope.metric(format!("feature_{feature}"), &dimensions("GlobalShapValues"), *value));
    }
    let expected = attributions.expected_value;
    out.extend(scope.metric("ExpectedValue".into(), &dimensions("ExpectedValue"), expected));
}

impl Scope {
    /// None for a value that is not a number.
    fn metric(&self, name: String, dimensions: &[(&'static str, &str)], value: f64) -> Option<Metric> {
        self.measure(name, dimensions, Measure::Value(value))
    }

    /// A metric with the dimensions of the run and its own. `None` for what is not a number.
    pub fn measure(
        &self,
        name: String,
        dimensions: &[(&'static str, &str)],
        value: Measure,
    ) -> Option<Metric> {
        let common = [("Endpoint", &self.endpoint), ("MonitoringSchedule", &self.schedule)];
        let dimensions = common
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .chain(dimensions.iter().copied())
            .map(|(name, value)| Dimension { name, value: value.into() })
            .collect();
        Some(Metric { name, timestamp: self.timestamp, dimensions, value: value.accepted()? })
    }
}

/// The content of `cloudwatch_metrics.jsonl`: one object for each metric.
pub fn json_lines(metrics: &[Metric]) -> String {
    let mut out = String::new();
    for metric in metrics {
        let (key, value) = metric.value.json();
        let line = json!({
            "MetricName": metric.name,
            "Timestamp": metric.timestamp.to_string(),
            "Dimensions": metric.dimensions,
            key: value,
        });
        out.push_str(&line.to_string());
        out.push('\n');
    }
    out
}

/// The bodies of the PutMetricData requests that publish the metrics, each within the limits of the API.
/// Texts that CloudWatch refuses are made acceptable: it takes ASCII only, and no empty dimension.
pub fn put_metric_data_bodies(namespace: &str, metrics: &[Metric]) -> Vec<Json> {
    let body = |data: Vec<Json>| json!({"Namespace": namespace, "MetricData": data});
    let mut bodies = Vec::new();
    let mut batch = Vec::new();
    let mut bytes = 0;
    for metric in metrics {
        let dimensions: Vec<Json> = metric
            .dimensions
            .iter()
            .map(|dimension| json!({"Name": dimension.name, "Value": accepted(&dimension.value, 1024)}))
            .collect();
        let (key, value) = metric.value.json();
        let datum = json!({
            "MetricName": accepted(&metric.name, 255),
            "Timestamp": metric.timestamp.as_millisecond() as f64 / 1000.0,
            "Dimensions": dimensions,
            key: value,
        });
        let size = datum.to_string().len() + 1;
        if batch.len() == METRICS_PER_REQUEST || bytes + size > BYTES_PER_REQUEST {
            bodies.push(body(std::mem::take(&mut batch)));
            bytes = 0;
        }
        bytes += size;
        batch.push(datum);
    }
    if !batch.is_empty() {
        bodies.push(body(batch));
    }
    bodies
}

/// Printable ASCII of at most this length, not blank.
fn accepted(text: &str, length: usize) -> String {
    let out: String = text
        .chars()
        .map(|character| if matches!(character, ' '..='~') { character } else { '?' })
        .take(length)
        .collect();
    if out.trim().is_empty() { "-".into() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            endpoint: Some("ep".into()),
            schedule: Some("sch".into()),
            timestamp: "2024-01-19T18:30:00Z".parse().unwrap(),
        }
    }

    fn results() -> Results {
        serde_json::from_value(json!({
            "version": "1.0",
            "post_training_bias_metrics": {
                "label": "Target", "label_value_or_threshold": "1",
                "facets": {"Sex": [{"value_or_threshold": "0", "metrics": [
                    {"name": "DCA", "description": "", "value": 0},
                    {"name": "DI", "description": "", "value": 0.25},
                    {"name": "FT", "description": "", "value": null, "error": "no"},
                    {"name": "TE", "description": "", "value": "-Infinity"}]}]}},
            "explanations": {"kernel_shap": {"label0": {
                "global_shap_values": {"Age": 0.5, "Größe": 1e-7}, "expected_value": 0.25}}}
        }))
        .unwrap()
    }

    #[test]
    fn lines_have_the_hosted_names_and_dimensions() {
        let text = json_lines(&metrics(&results(), &scope()));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "{\"MetricName\":\"bias_metric_DI\",\"Timestamp\":\"2024-01-19T18:30:00Z\",\"Dimensions\":[\
             {\"Name\":\"Endpoint\",\"Value\":\"ep\"},{\"Name\":\"MonitoringSchedule\",\"Value\":\"sch\"},\
             {\"Name\":\"BiasStage\",\"Value\":\"Post-Training\"},{\"Name\":\"Label\",\"Value\":\"Target\"},\
             {\"Name\":\"LabelValue\",\"Value\":\"1\"},{\"Name\":\"Facet\",\"Value\":\"Sex\"},\
             {\"Name\":\"FacetValue\",\"Value\":\"0\"}],\"Value\":0.25}"
        );
        let last: Json = serde_json::from_str(lines.last().unwrap()).unwrap();
        assert_eq!(last["MetricName"], "ExpectedValue");
        assert_eq!(last["Dimensions"][2], json!({"Name": "ExplainabilityMethod", "Value": "KernelShap"}));
        assert_eq!(last["Dimensions"][4], json!({"Name": "ValueType", "Value": "ExpectedValue"}));
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn infinite_values_become_the_largest_and_undefined_ones_are_left_out() {
        let metrics = metrics(&results(), &scope());
        let value = |name: &str| metrics.iter().find(|metric| metric.name == name).map(|m| m.value);
        assert_eq!(value("bias_metric_TE"), Some(Measure::Value(-2.348543e108)));
        assert_eq!(value("bias_metric_DCA"), Some(Measure::Value(0.0)));
        assert_eq!(value("bias_metric_FT"), None);
    }

    #[test]
    fn dimensions_of_a_run_without_endpoint_and_schedule_are_only_its_own() {
        let scope = Scope { endpoint: None, schedule: None, ..scope() };
        assert_eq!(metrics(&results(), &scope)[0].dimensions.len(), 5);
    }

    #[test]
    fn requests_stay_within_the_limits_and_lose_nothing() {
        let one = scope().metric("m".into(), &[("Facet", "")], 1.0).unwrap();
        let long = scope().metric("é".repeat(300), &[("Facet", &"x".repeat(2000))], 1.0).unwrap();
        for (metric, count, requests) in [(one, 2001, 3), (long, 1000, 2)] {
            let bodies = put_metric_data_bodies("team/bias", &vec![metric; count]);
            assert_eq!(bodies.len(), requests);
            let mut total = 0;
            for body in &bodies {
                let text = body.to_string();
                assert!(text.len() <= 1_000_000 && text.is_ascii());
                assert_eq!(body["Namespace"], "team/bias");
                let data = body["MetricData"].as_array().unwrap();
                total += data.len();
                assert!(data.len() <= 1000);
                for datum in data {
                    assert_eq!(datum["Timestamp"], 1705689000.0);
                    assert!(datum["MetricName"].as_str().unwrap().len() <= 255);
                    for dimension in datum["Dimensions"].as_array().unwrap() {
                        assert!((1..=1024).contains(&dimension["Value"].as_str().unwrap().len()));
                    }
                }
            }
            assert_eq!(total, count);
        }
        assert!(put_metric_data_bodies("n", &[]).is_empty());
    }
}
