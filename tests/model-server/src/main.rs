//! `plumbline-model-server`: the server as a program and as a container.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use plumbline_common::stop::Stop;
use plumbline_model_server::{Faults, Model, Options, credit, start};

/// A small credit model behind the SageMaker container protocol
#[derive(Debug, Parser)]
#[command(name = "plumbline-model-server", version)]
struct Cli {
    /// SageMaker starts a model's container with the word `serve`
    #[arg(value_parser = ["serve"], default_value = "serve", hide = true)]
    _serve: String,
    /// Where to listen; port 0 takes a free port
    #[arg(long, default_value = "0.0.0.0:8080")]
    address: SocketAddr,
    #[arg(long, value_enum, default_value = "linear")]
    model: ModelKind,
    /// Answer the score without the label
    #[arg(long)]
    score_only: bool,
    /// Milliseconds that every invocation takes on top
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Fail when a request holds more records
    #[arg(long)]
    fail_above_records: Option<usize>,
    /// Refuse larger bodies with 413
    #[arg(long)]
    payload_limit_bytes: Option<usize>,
    /// Throttle every n-th invocation
    #[arg(long)]
    throttle_every: Option<u64>,
    /// Answer every n-th invocation with 503
    #[arg(long)]
    unavailable_every: Option<u64>,
    /// Break the connection at every n-th invocation
    #[arg(long)]
    reset_every: Option<u64>,
    /// A name that `/endpoints/NAME/invocations` answers to from the start
    #[arg(long = "endpoint", default_value = "credit-endpoint")]
    endpoints: Vec<String>,
    /// So many looks at a new endpoint find it still being created
    #[arg(long, default_value_t = 0)]
    creating_polls: u32,
    /// New endpoints fail to start
    #[arg(long)]
    endpoint_fails: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModelKind {
    /// Logistic regression
    Linear,
    /// Three small trees
    Trees,
}

fn main() -> ExitCode {
    // First of all: process 1 of a container ignores signals without a handler.
    let stop = Stop::install();
    match run(Cli::parse(), &stop) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "plumbline-model-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli, stop: &Stop) -> Result<()> {
    let model: Model = match cli.model {
        ModelKind::Linear => Arc::new(|row| vec![credit::linear(row)]),
        ModelKind::Trees => Arc::new(|row| vec![credit::trees(row)]),
    };
    let server = start(Options {
        address: cli.address,
        model,
        score_only: cli.score_only,
        latency: Duration::from_millis(cli.latency_ms),
        faults: Faults {
            throttle_every: cli.throttle_every,
            unavailable_every: cli.unavailable_every,
            reset_every: cli.reset_every,
            above_records: cli.fail_above_records,
            payload_limit: cli.payload_limit_bytes,
            endpoint_fails: cli.endpoint_fails,
            ..Faults::default()
        },
        endpoints: cli.endpoints,
        creating_polls: cli.creating_polls,
        ..Options::default()
    })
    .with_context(|| format!("cannot listen on {}", cli.address))?;
    // Whoever started the server on port 0 waits for this line.
    writeln!(io::stdout(), "listening on {}", server.url())?;
    io::stdout().flush()?;
    while !stop.requested() {
        thread::sleep(Duration::from_millis(50));
    }
    let counts = server.counts();
    let busy = counts.busy.as_secs_f64();
    writeln!(io::stdout(), "{} requests, {} records, busy {busy:.3} s", counts.requests, counts.records)?;
    Ok(())
}
