//! `plumbline-generator`: datasets, traffic and configurations for demo, tests and benchmarks.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use plumbline_generator::dataset::{self, Dataset, Format};
use plumbline_generator::reshape::{Shape, reshape};
use plumbline_generator::traffic::{self, Payload, Traffic};
use plumbline_generator::{configs, measure};

/// Credit applications, captured traffic and labels, the same bytes for the same arguments
#[derive(Debug, Parser)]
#[command(name = "plumbline-generator", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a training dataset to a file
    Dataset {
        /// File to write
        out: PathBuf,
        #[arg(long, value_enum, default_value = "csv")]
        format: Format,
        #[arg(long, default_value_t = 10_000)]
        rows: u64,
        /// Leave out the model's label and score
        #[arg(long)]
        without_predictions: bool,
        #[command(flatten)]
        choice: Choice,
    },
    /// Write captured requests to OUT/captures and their labels to OUT/ground-truth; print the counts as JSON
    Traffic {
        /// Folder to write to
        out: PathBuf,
        #[arg(long, value_enum, default_value = "jsonlines")]
        payload: Payload,
        #[arg(long, default_value_t = 10_000)]
        rows: u64,
        /// Size of the captures instead of rows, such as 200MB or 1GB
        #[arg(long, value_parser = bytes, conflicts_with = "rows")]
        bytes: Option<u64>,
        /// Hours of requests; labels come later still
        #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=8760))]
        hours: u32,
        /// First hour
        #[arg(long, default_value = "2024-05-01T00:00:00Z")]
        start: Timestamp,
        #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
        rows_per_file: u64,
        /// Share of requests with 2 to 8 rows
        #[arg(long, default_value_t = 0.1)]
        several: f64,
        /// Share of requests with an inference id
        #[arg(long, default_value_t = 0.25)]
        inference_ids: f64,
        /// Labels come up to so many hours after the request
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=720))]
        late_hours: u32,
        /// Share of requests without labels
        #[arg(long, default_value_t = 0.05)]
        missing: f64,
        /// Labels without a request, per request
        #[arg(long, default_value_t = 0.02)]
        orphaned: f64,
        /// Share of labels delivered twice
        #[arg(long, default_value_t = 0.01)]
        repeated: f64,
        #[command(flatten)]
        choice: Choice,
    },
    /// Write the analysis configurations that fit a format to a folder
    Configs {
        /// Folder to write to
        out: PathBuf,
        #[arg(long, value_enum, default_value = "csv")]
        format: Format,
        /// Post-training metrics, separated by commas [default: all]
        #[arg(long, value_delimiter = ',')]
        metrics: Vec<String>,
    },
    /// Write all JSON Lines files below a folder as one file of another shape
    Reshape {
        #[arg(value_enum)]
        shape: Shape,
        /// Folder to read
        from: PathBuf,
        /// File to write
        to: PathBuf,
    },
    /// Run a program; print seconds, processor seconds and peak memory in MB, separated by tabs
    Measure {
        #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
        program: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Choice {
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// 0: as in training; 1: more women apply, pay back better than the model thinks, and a feature's feed
    /// is broken
    #[arg(long, default_value_t = 0.0)]
    drift: f64,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "plumbline-generator: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Dataset { out, format, rows, without_predictions, choice } => {
            let Choice { seed, drift } = choice;
            dataset::write(&Dataset { rows, seed, drift, format, predictions: !without_predictions }, &out)?;
        }
        Command::Traffic {
            out,
            payload,
            rows,
            bytes,
            hours,
            start,
            rows_per_file,
            several,
            inference_ids,
            late_hours,
            missing,
            orphaned,
            repeated,
            choice: Choice { seed, drift },
        } => {
            let mut traffic = Traffic {
                rows,
                seed,
                drift,
                payload,
                start,
                hours,
                rows_per_file,
                several,
                inference_ids,
                late_hours,
                missing,
                orphaned,
                repeated,
            };
            if let Some(bytes) = bytes {
                traffic.rows = traffic::rows_for(&traffic, bytes);
            }
            let account = traffic::write(&traffic, &out)?;
            writeln!(io::stdout(), "{:#}", account.to_json())?;
        }
        Command::Reshape { shape, from, to } => reshape(shape, &from, &to)?,
        Command::Configs { out, format, metrics } => configs::write(format, &metrics, &out)?,
        Command::Measure { program } => {
            let measured = measure::measure(&program)?;
            let megabytes = measured.peak_bytes as f64 / 1e6;
            writeln!(io::stdout(), "{:.3}\t{:.3}\t{megabytes:.1}", measured.seconds, measured.cpu_seconds)?;
            return Ok(ExitCode::from(u8::try_from(measured.exit_code).context("odd exit code")?));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `1500`, `20kB`, `200MB`, `1GB`: decimal units.
fn bytes(text: &str) -> std::result::Result<u64, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return Err("a size such as 200MB or 1GB".into()),
    };
    let number: u64 = number.parse().map_err(|_| "a size such as 200MB or 1GB".to_string())?;
    number.checked_mul(unit).ok_or_else(|| "a smaller size".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_decimal_units() {
        assert_eq!(bytes("1500"), Ok(1500));
        assert_eq!(bytes("2GB"), Ok(2_000_000_000));
        assert_eq!(bytes("7mb"), Ok(7_000_000));
        assert!(bytes("x").is_err() && bytes("1TiB").is_err() && bytes("99999999999GB").is_err());
    }
}
