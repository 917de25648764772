//! The last lines of `.ci/run`, with programs in the place of `make` and `docker` that only say what the real ones would.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const PARTS: [&str; 11] = [
    "build",
    "lint",
    "demo",
    "test",
    "test-docs",
    "test-browser",
    "bench",
    "bench-instructions",
    "check-fuzz",
    "test-spark",
    "dependencies",
];
const WITH_DOCKER: [&str; 3] = ["test-images", "test-hosts", "test-clients"];

/// Lines behind the one with the minutes, and whether the script succeeded. `docker`: an engine answers; `fails`: a target
/// that does.
fn ended(docker: bool, fails: &str, require: &str) -> (Vec<String>, bool) {
    let folder = tempfile::tempdir().unwrap();
    let program = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/run");
    let script = program("project/.ci/run", &fs::read_to_string(script).unwrap());
    program(
        "bin/make",
        &format!(
            "#!/bin/sh\ncase $1 in\n\
             lint) echo 'left out: shellcheck: not installed' ;;\n\
             test) echo 'test result: ok. 7 passed; 0 failed; 0 ignored'; echo 'test result: ok. 4 passed; 0 failed' ;;\n\
             test-docs) echo '5 passed, 0 failed' ;;\n\
             esac\n\
             [ \"$1\" != \"{fails}\" ] || {{ echo 'test result: FAILED. 1 passed; 2 failed; 0 ignored'; exit 1; }}\n"
        ),
    );
    program("bin/docker", if docker { "#!/bin/sh\necho 28.0\n" } else { "#!/bin/sh\nexit 1\n" });
    for name in ["cargo", "rustc", "shellcheck"] {
        program(&format!("bin/{name}"), "#!/bin/sh\n");
    }
    let output = Command::new(script)
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().join("bin").display()))
        .env("REQUIRE", require)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, last) = text.rsplit_once(" minutes\n").unwrap_or_else(|| panic!("{text}"));
    (last.lines().map(Into::into).collect(), output.status.success())
}

/// Whether a line begins so.
#[track_caller]
fn says(lines: &[String], expected: &str) {
    assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected}: {lines:#?}");
}

/// The script asks for more than the tests do: Bash.
fn has_bash() -> bool {
    Command::new("bash").arg("--version").output().is_ok()
}

#[test]
fn the_last_lines_say_what_ran_what_was_left_out_and_what_failed() {
    if !has_bash() {
        return;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (lines, is_success) = ended(false, "", "");
            assert!(is_success, "{lines:#?}");
            for part in PARTS {
                says(&lines, &format!("ran       {part} ("));
            }
            says(&lines, "left out  shellcheck: not installed");
            for part in WITH_DOCKER {
                says(&lines, &format!("left out  docker: no engine answers, so no {part}"));
            }
            says(&lines, "left out  acceptance: ");
            says(&lines, "tests of the crates: 11 passed");
            assert_eq!(lines.last().unwrap(), "16 passed, 0 failed");
        });
        scope.spawn(|| {
            let (lines, is_success) = ended(true, "", "docker");
            assert!(is_success, "{lines:#?}");
            for part in WITH_DOCKER {
                says(&lines, &format!("ran       {part} ("));
            }
            assert!(!lines.iter().any(|line| line.contains("docker")), "{lines:#?}");
        });
        scope.spawn(|| {
            let (lines, is_success) = ended(false, "demo", "docker shellcheck");
            assert!(!is_success, "{lines:#?}");
            says(&lines, "FAILED    shellcheck: not installed (required)");
            says(&lines, "FAILED    docker: no engine answers, so no test-images (required)");
            says(&lines, "FAILED    demo");
            says(&lines, "ran       test-spark (");
            assert_eq!(lines.last().unwrap(), "17 passed, 2 failed");
        });
        scope.spawn(|| {
            let (lines, is_success) = ended(true, "build", "");
            assert!(!is_success, "{lines:#?}");
            says(&lines, "FAILED    build");
            says(&lines, "left out  all other parts: ");
            assert!(!lines.iter().any(|line| line.starts_with("ran")), "{lines:#?}");
        });
    });
}
