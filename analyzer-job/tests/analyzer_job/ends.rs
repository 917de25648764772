//! Ends that nobody wishes for: stops, full disks, places that cannot be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;

use crate::program::{CONFIG, MONITOR, OUTPUT, Run, Tree, await_handler, monitored, signal, traffic};

#[test]
fn stopped_at_any_moment_it_leaves_nothing_or_everything() {
    // Counting alone would be over too soon: the flip test takes its time.
    let config = configs::bias_baseline(Format::Csv, &["FT".into()]);
    let tree = Tree::with_dataset(&config, Format::Csv, 15_000, true);
    let mut interrupted = 0;
    for delay in [0, 40, 100, 200, 400] {
        let child = tree.start(&[]);
        await_handler(&child, 15);
        std::thread::sleep(Duration::from_millis(delay));
        signal(&child, "TERM");
        let run = tree.ended(child.wait_with_output().unwrap());
        match run.code {
            Some(0) => {
                assert!(tree.results().contains_key("analysis.json"));
                fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
                fs::create_dir_all(tree.path(OUTPUT)).unwrap();
            }
            code => {
                interrupted += 1;
                assert!(code == Some(143), "{code:?} {}", run.log);
                assert!(run.message.starts_with("Stopped: PL0904: "), "{}", run.message);
                assert!(tree.results().is_empty(), "{:?}", tree.results().keys());
            }
        }
    }
    assert!(interrupted > 0, "no run was interrupted");
}

#[test]
fn full_disk_leaves_nothing_and_says_so() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 200, true);
    // No file may grow beyond 40 blocks of 512 or 1,024 bytes: reports do not fit.
    let program = tree.command(&[]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 40; exec \"$0\""]).arg(program.get_program());
    limited.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let run = tree.ended(limited.output().unwrap());
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert!(run.message.starts_with("Error: PL0902: "), "{}", run.message);
    assert!(run.message.contains("report"), "{}", run.message);
    assert!(tree.results().is_empty(), "{:?}", tree.results().keys());
}

/// Of several monitors, over earlier results too.
#[test]
fn full_disk_leaves_the_earlier_results_of_all_monitors() {
    let tree = monitored(&traffic(200, 0.0));
    let arguments = [&MONITOR[1..], &["--analysis-type=DATA_QUALITY,MODEL_BIAS"]].concat();
    let run = |limit: &str| {
        let program = tree.command(&arguments);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -f {limit}; exec \"$0\" \"$@\"")]);
        limited.arg(program.get_program()).args(program.get_args()).env_clear();
        limited.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        tree.ended(limited.output().unwrap())
    };
    let is_full = |run: &Run| {
        assert_eq!(run.code, Some(3), "{}", run.log);
        assert!(run.message.starts_with("Error: PL0902: "), "{}", run.message);
    };
    is_full(&run("40"));
    assert!(tree.results().is_empty(), "{:?}", tree.results().keys());
    tree.succeed(&arguments);
    let earlier = tree.results();
    assert!(
        ["report.html", "data-quality/statistics.json", "model-bias/analysis.json"]
            .iter()
            .all(|name| earlier.contains_key(*name))
    );
    fs::remove_dir_all(tree.path("processing/input_data")).unwrap();
    let other = monitored(&traffic(100, 0.5));
    fs::rename(other.path("processing/input_data"), tree.path("processing/input_data")).unwrap();
    is_full(&run("40"));
    assert!(tree.results() == earlier, "new and earlier results lie mixed");
}

/// Also by the dry run; of several monitors in each folder.
#[test]
fn what_has_the_place_of_a_result_is_told_before_the_work() {
    let tree = monitored(&traffic(50, 0.0));
    let several = "--analysis-type=DATA_QUALITY,MODEL_QUALITY,MODEL_BIAS";
    for (kinds, name) in [
        ("--analysis-type=MODEL_BIAS", "analysis.json"),
        ("--analysis-type=MODEL_BIAS", "bias_details.json"),
        ("--analysis-type=MODEL_BIAS", "report.pdf"),
        ("--analysis-type=DATA_QUALITY", "statistics.json"),
        ("--analysis-type=MODEL_QUALITY", "model_quality_details.json"),
        (several, "report.html"),
        (several, "data-quality/report.ipynb"),
        (several, "model-quality/constraints.json"),
        (several, "model-bias/constraint_violations.json"),
    ] {
        for is_folder in [true, false] {
            let path = tree.path(OUTPUT).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match is_folder {
                true => fs::create_dir(&path).unwrap(),
                false => std::os::unix::fs::symlink("/dev/full", &path).unwrap(),
            }
            let problem = "--problem-type=BinaryClassification";
            for first in [&[][..], &["validate"]] {
                let run = tree.run(&[first, &MONITOR[1..], &[kinds, problem]].concat());
                assert_eq!(run.code, Some(3), "{name}: {}{}", run.stdout, run.log);
                let told = if first.is_empty() { &run.message } else { &run.stdout };
                assert!(told.contains("cannot write results to") && told.contains(name), "{name}: {told}");
            }
            match is_folder {
                true => fs::remove_dir(&path).unwrap(),
                false => fs::remove_file(&path).unwrap(),
            }
        }
    }
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_the_work() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 100, true);
    tree.file("processing/blocked", "a file where the output should be");
    let run = tree.fail(&["--output-path=/opt/ml/processing/blocked"], 3, "PL0901");
    assert!(run.message.contains("blocked"), "{}", run.message);

    let mode = |path: &str, mode| fs::set_permissions(tree.path(path), Permissions::from_mode(mode)).unwrap();
    for (path, bits) in [("", 0o755), ("tmp", 0o777), ("output", 0o777), (OUTPUT, 0o555)] {
        mode(path, bits);
    }
    fs::remove_file(tree.path("output/message")).unwrap();
    // Whoever began with the work would miss the data first.
    fs::remove_dir_all(tree.path("processing/input/data")).unwrap();
    let run = tree.ended(as_another_user(&tree).output().unwrap());
    mode(OUTPUT, 0o755);
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert!(run.message.starts_with("Error: PL0901: ") && run.message.contains(OUTPUT), "{}", run.message);
    assert!(run.message.contains("give the folder to its user"), "{}", run.message);
    assert!(tree.results().is_empty());
}

/// A file in the place of the folder, and a folder of somebody else.
#[test]
fn without_a_place_for_the_message_the_work_is_done_all_the_same() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 100, true);
    let check = |command: &mut Command| {
        let run = tree.ended(command.output().unwrap());
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert!(run.log.contains("cannot write the exit message") && run.message.is_empty(), "{}", run.log);
        assert!(tree.results().contains_key("analysis.json"));
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
    };
    fs::remove_dir_all(tree.path("output")).unwrap();
    tree.file("output", "the message cannot be written");
    check(&mut tree.command(&[]));

    fs::remove_file(tree.path("output")).unwrap();
    fs::create_dir(tree.path("output")).unwrap();
    for (path, bits) in [("", 0o755), ("tmp", 0o777), ("output", 0o555), (OUTPUT, 0o777)] {
        fs::set_permissions(tree.path(path), Permissions::from_mode(bits)).unwrap();
    }
    check(&mut as_another_user(&tree));
}

/// The program as a user who may write only where all may; root may write everywhere.
fn as_another_user(tree: &Tree) -> Command {
    let mut command = tree.command(&[]);
    if fs::metadata(tree.path(CONFIG)).unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    command
}
