//! Metric lines for CloudWatch.
