//! Puts the version, with the revision where the build knows it, into the programs.

#[expect(clippy::disallowed_methods, reason = "the build's own environment, not a job's")]
fn main() {
    println!("cargo:rerun-if-env-changed=PLUMBLINE_REVISION");
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let text = match std::env::var("PLUMBLINE_REVISION") {
        Ok(revision) if !revision.is_empty() => format!("{version} (revision {revision})"),
        _ => version,
    };
    println!("cargo:rustc-env=PLUMBLINE_VERSION={text}");
}
