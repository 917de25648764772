//! `make version TO=...` in a copy of the project: an upgrade changes every place that names the version, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::runs::{files_below, write};

const OLD: &str = env!("CARGO_PKG_VERSION");
const NEW: &str = "99.0.1";

/// A copy without what was built.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new() -> Copy {
        let copy = Copy(tempfile::tempdir().unwrap());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut open = vec![PathBuf::new()];
        while let Some(below) = open.pop() {
            for entry in fs::read_dir(root.join(&below)).unwrap() {
                let entry = entry.unwrap();
                let path = below.join(entry.file_name());
                match entry.file_type().unwrap() {
                    _ if path.ends_with(".git") || path.ends_with("target") => {}
                    kind if kind.is_dir() => open.push(path),
                    _ => {
                        write(&copy.0.path().join(&path), "");
                        fs::copy(entry.path(), copy.0.path().join(&path)).unwrap();
                    }
                }
            }
        }
        copy
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(self.0.path())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        // Under `make test` these would be those of the outer make.
        for variable in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "TO"] {
            command.env_remove(variable);
        }
        command.args(arguments).current_dir(self.0.path()).output().unwrap()
    }
}

/// As the project should be after the upgrade.
fn upgraded(name: &str, text: &str) -> String {
    let of = |pattern: &str| text.replace(&pattern.replace('?', OLD), &pattern.replace('?', NEW));
    match name {
        "Cargo.toml" => of("\nversion = \"?\""),
        "docker/Dockerfile" => of("ARG VERSION=?\n"),
        "README.md" => of("-job:?"),
        _ if name.starts_with("docs/") && name.ends_with(".md") => of("-job:?"),
        "CHANGELOG.md" => text.replacen("\n## ", &format!("\n## {NEW}\n\nWhat changed for users:\n\n## "), 1),
        // Packages without a source are those of the project.
        "Cargo.lock" => {
            let package = |package: &str| match package.contains("\nsource = ") {
                true => package.to_string(),
                false => {
                    package.replace(&format!("\nversion = \"{OLD}\""), &format!("\nversion = \"{NEW}\""))
                }
            };
            text.split("\n\n").map(package).collect::<Vec<_>>().join("\n\n")
        }
        _ => text.to_string(),
    }
}

#[test]
fn an_upgrade_changes_every_place_of_the_version_and_nothing_else() {
    let copy = Copy::new();
    let before = copy.files();
    let text = |files: &BTreeMap<String, Vec<u8>>, name: &str| {
        String::from_utf8_lossy(files.get(name).unwrap_or_else(|| panic!("{name} is gone"))).into_owned()
    };
    let run = copy.run("make", &["version", &format!("TO={NEW}")]);
    assert!(run.status.success(), "{run:?}");
    let after = copy.files();
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (name, bytes) in &before {
        if let Ok(old) = str::from_utf8(bytes) {
            let (expected, found) = (upgraded(name, old), text(&after, name));
            let differs = expected.lines().zip(found.lines()).find(|(one, two)| one != two);
            assert!(expected == found, "{name}: {differs:?}");
        } else {
            assert!(&after[name] == bytes, "{name}");
        }
    }
    for (name, least) in [
        ("Cargo.toml", 1),
        ("Cargo.lock", 5),
        ("docker/Dockerfile", 3),
        ("docs/ecr.md", 1),
        ("CHANGELOG.md", 1),
    ] {
        assert!(text(&after, name).matches(NEW).count() >= least, "{name}");
    }
    let check = copy.run("docker/check.sh", &[]);
    assert!(check.status.success(), "{check:?}");

    // Once more changes nothing.
    let run = copy.run("make", &["version", &format!("TO={NEW}")]);
    assert!(run.status.success(), "{run:?}");
    assert!(copy.files() == after);
}

#[test]
fn what_is_no_version_changes_nothing() {
    let copy = Copy::new();
    let before = copy.files();
    for wrong in ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.x", "1..2", ".1.2", "1.2.", "1.2.3-rc1", "1 2 3"]
    {
        let run = copy.run("docker/version.sh", &[OLD, wrong]);
        let told = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success() && told.contains("make version TO=0.2.0"), "{wrong}: {run:?}");
    }
    assert!(copy.files() == before);
}
