//! How long a program takes and how much memory it has at most.

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Clock ticks per second in `/proc/PID/stat`: 100 on every Linux that people use (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    pub seconds: f64,
    /// Processor time in user and system mode, that of programs it started included.
    pub cpu_seconds: f64,
    /// Most resident memory, as the kernel keeps it; looked up every 2 ms, so what happens in the last
    /// moment of the program may be missed.
    pub peak_bytes: u64,
    pub exit_code: i32,
}

/// Runs a program to its end and watches it in `/proc`. What it prints goes to standard error.
///
/// # Errors
/// The program cannot be started, or was ended by a signal.
pub fn measure(program: &[String]) -> Result<Measured> {
    let [name, arguments @ ..] = program else { bail!("no program to measure") };
    let started = Instant::now();
    let mut child = Command::new(name)
        .args(arguments)
        .stdout(Stdio::from(io::stderr()))
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let folder = format!("/proc/{}", child.id());
    let mut peak_bytes = 0;
    let mut cpu_seconds = 0.0;
    // A program that has ended keeps its entry until it is waited for, with its times but no memory.
    while let Some((ended, ticks)) = state(&fs::read_to_string(format!("{folder}/stat")).unwrap_or_default())
    {
        cpu_seconds = ticks as f64 / TICKS_PER_SECOND;
        if ended {
            break;
        }
        if let Some(bytes) = peak(&fs::read_to_string(format!("{folder}/status")).unwrap_or_default()) {
            peak_bytes = peak_bytes.max(bytes);
        }
        thread::sleep(PAUSE);
    }
    let status = child.wait().with_context(|| format!("cannot wait for {name}"))?;
    let seconds = started.elapsed().as_secs_f64();
    let exit_code = status.code().with_context(|| format!("{name} was ended by a signal: {status}"))?;
    Ok(Measured { seconds, cpu_seconds, peak_bytes, exit_code })
}

/// Whether the program has ended, and its ticks so far.
fn state(stat: &str) -> Option<(bool, u64)> {
    // The second field is the name in parentheses, which may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // User and system time of the program, then of its own programs that have ended.
    let all = ticks(11)? + ticks(12)? + ticks(13)? + ticks(14)?;
    Some((matches!(*fields.first()?, "Z" | "X"), all))
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "12 (a) b) Z 1 1 1 0 -1 4 1 0 0 0 30 10 1 1 20 0";
        assert_eq!(state(stat), Some((true, 42)));
        assert_eq!(state("12 (a) R 1 1 1 0 -1 4 1 0 0 0 3 4 0 0"), Some((false, 7)));
        assert_eq!(state(""), None);
        assert_eq!(peak("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\n"), Some(2_097_152));
    }

    #[test]
    fn time_and_exit_code_of_a_program_are_told() {
        let shell = |script: &str| measure(&["sh".into(), "-c".into(), script.into()]);
        let measured = shell("sleep 0.1; exit 3").unwrap();
        assert_eq!(measured.exit_code, 3);
        assert!(measured.seconds >= 0.1 && measured.seconds < 5.0);
        assert!(shell("kill -9 $$").is_err());
        assert!(measure(&["/no/such/program".into()]).is_err());
    }
}
