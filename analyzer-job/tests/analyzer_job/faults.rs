//! What a machine and a file system may do to a job: kills at random moments, odd files, few resources.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;

use crate::program::{OUTPUT, Run, RunTime, Tree, files_below, signal};
use crate::runs::{await_open, gzip};

const DATA: &str = "processing/input/data";

/// A file of a dataset with so many rows.
fn part(format: Format, rows: u64) -> Vec<u8> {
    let tree = Tree::with_dataset(&configs::bias_baseline(format, &[]), format, rows, true);
    fs::read(tree.path(DATA).join("data")).unwrap()
}

/// The lines of a dataset of so many rows, the header first.
fn lines(rows: u64) -> Vec<String> {
    String::from_utf8(part(Format::Csv, rows)).unwrap().lines().map(str::to_string).collect()
}

fn write(tree: &Tree, name: &OsStr, header: &str, rows: &[String]) {
    fs::create_dir_all(tree.path(DATA)).unwrap();
    fs::write(tree.path(DATA).join(name), format!("{header}\n{}\n", rows.join("\n"))).unwrap();
}

/// The program under a limit of the shell, such as `ulimit -n 256`.
fn limited(tree: &Tree, limit: &str) -> Run {
    let program = tree.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limit} && exec \"$0\"")]).arg(program.get_program());
    shell.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    tree.ended(shell.stdin(Stdio::null()).output().unwrap())
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Numbers that look random, the same in every run (xorshift).
struct Moments(u64);

impl Moments {
    /// A share of the whole.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[test]
fn killed_or_stopped_at_random_moments_it_leaves_whole_files_or_none() {
    let config = configs::bias_baseline(Format::Csv, &["FT".into()]);
    let tree = Tree::with_dataset(&config, Format::Csv, 2_000, true);
    let mut run_time = RunTime::measured(|| drop(tree.succeed(&[])));
    let expected = tree.results();
    let empty = || {
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
    };
    empty();
    let mut moments = Moments(20_260_501);
    let (mut ended, mut done) = (0, 0);
    for n in 0..60 {
        let name = if n % 2 == 0 { "KILL" } else { "TERM" };
        let share = moments.next();
        let mut child = tree.command(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        run_time.sleep(share);
        signal(&child, name);
        let began = Instant::now();
        let status = child.wait().unwrap();
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{name} after {share} of a run took {:?}",
            began.elapsed()
        );
        let found = tree.results();
        for (file, bytes) in &found {
            assert!(
                expected.get(file) == Some(bytes),
                "{name} after {share} of a run: {file} is not what a whole run writes"
            );
        }
        run_time.learn(status.success());
        if status.success() {
            assert_eq!(found.len(), expected.len(), "{name} after {share} of a run");
            done += 1;
        } else {
            assert!(found.is_empty() || name == "KILL", "{name} after {share} of a run: {:?}", found.keys());
            ended += 1;
        }
        // Nobody tidies up after `kill -9`: an empty folder may stay.
        assert_eq!(
            files_below(&tree.path("tmp")).len(),
            0,
            "{name} after {share} of a run: scratch files stay"
        );
        for folder in fs::read_dir(tree.path("tmp")).unwrap() {
            assert_eq!(name, "KILL", "after {share} of a run a scratch folder stays");
            fs::remove_dir_all(folder.unwrap().path()).unwrap();
        }
        if !found.is_empty() {
            empty();
        }
    }
    assert!(ended > 10, "{ended} runs were ended, {done} were done before");
    // Nothing of all this hinders the next run.
    tree.succeed(&[]);
    assert!(tree.results() == expected);
}

#[test]
fn circles_pipes_sockets_and_odd_names_are_read_or_passed_over() {
    let lines = lines(300);
    let (header, rows) = lines.split_first().unwrap();
    let plain = Tree::new();
    let odd = Tree::new();
    for tree in [&plain, &odd] {
        tree.config(&configs::bias_baseline(Format::Csv, &[]));
    }
    for (n, part) in rows.chunks(100).enumerate() {
        write(&plain, OsStr::new(&format!("{n}.csv")), header, part);
    }
    write(&odd, OsStr::new("0\nnew\tline\u{1b}[2J.csv"), header, &rows[..100]);
    write(&odd, OsStr::from_bytes(b"1-\xff\xfe.csv"), header, &rows[100..200]);
    write(&odd, OsStr::new("2 $(touch x) 'é' \u{202e}.csv"), header, &rows[200..]);
    let data = odd.path(DATA);
    fs::create_dir(data.join("below")).unwrap();
    std::os::unix::fs::symlink(&data, data.join("below/circle")).unwrap();
    pipe(&data.join("pipe.csv"));
    let _socket = UnixListener::bind(data.join("socket")).unwrap();
    plain.succeed(&[]);
    odd.succeed(&[]);
    assert!(odd.analysis_bytes() == plain.analysis_bytes());

    // A file of such a name that cannot be read is named on one line, and steers no terminal.
    write(&odd, OsStr::from_bytes(b"3\n\x1b[31m\xff.csv"), "other,columns", &["1,2".to_string()]);
    fs::remove_dir_all(odd.path(OUTPUT)).unwrap();
    fs::create_dir_all(odd.path(OUTPUT)).unwrap();
    let run = odd.run(&[]);
    assert_ne!(run.code, Some(0), "{}", run.message);
    for text in [&run.message, &run.log] {
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    assert!(!run.message.contains('\n'), "{:?}", run.message);
    assert!(run.log.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{}", run.log);
}

#[test]
fn a_link_to_nowhere_is_named() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 50, true);
    std::os::unix::fs::symlink("gone.csv", tree.path(DATA).join("z.csv")).unwrap();
    let run = tree.succeed(&[]);
    assert!(run.log.contains("left out 1 unreadable file") && run.log.contains("z.csv"), "{}", run.log);
}

/// Many files, more than may be open at once.
#[test]
fn thousands_of_small_files_need_few_open_ones() {
    let lines = lines(40);
    let (header, rows) = lines.split_first().unwrap();
    let tree = Tree::new();
    tree.config(&configs::bias_baseline(Format::Csv, &["DI".into()]));
    for n in 0..2_000 {
        let row = std::slice::from_ref(&rows[n % rows.len()]);
        write(&tree, OsStr::new(&format!("{n}.csv")), header, row);
    }
    let run = limited(&tree, "ulimit -n 256");
    assert_eq!(run.code, Some(0), "{}", run.log);
    // The report does not list them all; the configuration is one of them.
    let page = String::from_utf8(tree.results()["report.html"].clone()).unwrap();
    assert!(page.contains("The first 200 of 2\u{202f}001 inputs"), "{} bytes", page.len());
    assert!(page.contains(".csv") && page.matches(".csv").count() <= 2 * 200, "{} bytes", page.len());
    assert_eq!(tree.result("bias_details.json")["run"]["inputs"].as_array().unwrap().len(), 2_001);
    let few = Tree::new();
    few.config(&configs::bias_baseline(Format::Csv, &["DI".into()]));
    let all: Vec<_> = rows.iter().cycle().take(2_000).cloned().collect();
    write(&few, OsStr::new("all.csv"), header, &all);
    few.succeed(&[]);
    assert_eq!(
        tree.result("analysis.json")["post_training_bias_metrics"],
        few.result("analysis.json")["post_training_bias_metrics"]
    );
}

#[test]
fn a_file_that_opens_and_cannot_be_read_is_named() {
    // Reading this one fails with EINVAL, wherever a machine has it.
    let unreadable = Path::new("/sys/class/net/lo/speed");
    if !unreadable.exists() || fs::read(unreadable).is_ok() {
        return;
    }
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 50, true);
    std::os::unix::fs::symlink(unreadable, tree.path(DATA).join("z.csv")).unwrap();
    let run = tree.fail(&[], 3, "PL0901");
    assert!(run.message.contains("z.csv"), "{}", run.message);
}

/// Of everything that a run reads besides its data.
#[test]
fn a_pipe_in_the_place_of_a_file_is_told_and_not_waited_for() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, 50, true);
    pipe(&tree.path("pipe"));
    let path = tree.path("pipe");
    let path = path.to_str().unwrap();
    for arguments in [
        &["--analysis-config"][..],
        &["--baseline-constraints"],
        &["combine"],
        &["--analysis-type=DATA_QUALITY", "--dataset-format={\"csv\": {\"header\": true}}", "--columns"],
        &[
            "--analysis-type=DATA_QUALITY",
            "--dataset-format={\"csv\": {\"header\": true}}",
            "--baseline-statistics",
        ],
    ] {
        let run = tree.run(&[arguments, &[path]].concat());
        assert!(matches!(run.code, Some(1..=3)), "{arguments:?}: {}", run.log);
        assert!(run.message.contains(path) && run.message.contains("it is a pipe"), "{}", run.message);
        assert!(tree.results().is_empty());
    }
    fs::create_dir(tree.path("config")).unwrap();
    pipe(&tree.path("config/processingjobconfig.json"));
    assert!(tree.fail(&[], 3, "PL0901").message.contains("it is a pipe"));
    fs::remove_dir_all(tree.path("config")).unwrap();

    fs::remove_file(tree.path("output/message")).unwrap();
    pipe(&tree.path("output/message"));
    let ended = tree.command(&[]).output().unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success() && log.contains("cannot write the exit message"), "{log}");
    assert!(tree.results().contains_key("analysis.json"));
}

/// The manifest has the digest of the configuration that the results come from.
#[test]
fn a_configuration_that_is_replaced_under_way_is_not_the_one_that_is_named() {
    let config = configs::bias_baseline(Format::Csv, &["DI".into()]);
    let tree = Tree::with_dataset(&config, Format::Csv, 20_000, true);
    tree.succeed(&[]);
    let expected = tree.results();
    let other = configs::bias_baseline(Format::Csv, &["AD".into()]);
    let folder = fs::canonicalize(tree.path(DATA)).unwrap();
    for _ in 0..30 {
        tree.config(&config);
        let mut child = tree.start(&[]);
        let is_reading = await_open(&mut child, &folder);
        if is_reading {
            signal(&child, "STOP");
            tree.config(&other);
            signal(&child, "CONT");
        }
        let run = tree.ended(child.wait_with_output().unwrap());
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert!(tree.results() == expected, "the manifest names another configuration");
        if is_reading {
            return;
        }
    }
    panic!("every run was over before");
}

/// Hundreds of files of ten rows that are changed between the list of them and their turn: the program stands still meanwhile,
/// once it has opened the first one.
fn check_changed(what: &str, format: Format, whole: &[u8], change: impl Fn(&Path)) {
    const FILES: u64 = 300;
    let tree = Tree::new();
    tree.config(&configs::bias_baseline(format, &["DI".into()]));
    fs::create_dir_all(tree.path(DATA)).unwrap();
    let folder = fs::canonicalize(tree.path(DATA)).unwrap();
    let files: Vec<_> = (0..FILES).map(|n| folder.join(format!("{n}.data"))).collect();
    let mut is_seen = false;
    for round in 0..30 {
        for file in &files {
            // A pipe cannot be written over: nobody reads it.
            if file.exists() {
                fs::remove_file(file).unwrap();
            }
            fs::write(file, whole).unwrap();
        }
        let mut child = tree.start(&[]);
        if await_open(&mut child, &folder) {
            signal(&child, "STOP");
            files.iter().for_each(|file| change(file));
            signal(&child, "CONT");
        }
        let run = tree.ended(child.wait_with_output().unwrap());
        if run.code == Some(0) {
            let counted = tree.result("bias_details.json")["run"]["rows"]["rows"].as_u64().unwrap();
            assert_eq!(counted, 10 * FILES, "{format:?}, {what}");
            fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
            fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        } else {
            assert_eq!(run.code, Some(3), "{format:?}, {what}: {}", run.log);
            assert!(run.message.contains("PL0901"), "{format:?}, {what}: {}", run.message);
            assert!(run.message.contains(".data"), "{format:?}, {what}: {}", run.message);
            assert!(tree.results().is_empty(), "{format:?}, {what}: {:?}", tree.results().keys());
            is_seen = true;
        }
        if is_seen && round >= 2 {
            return;
        }
    }
    panic!("{format:?}, {what}: every run was over before");
}

#[test]
fn files_that_vanish_or_shrink_under_way_are_named_or_were_read_before() {
    for format in [Format::Csv, Format::JsonLines, Format::Json, Format::Parquet] {
        let (whole, fewer) = (part(format, 10), part(format, 5));
        check_changed("gone", format, &whole, |file| fs::remove_file(file).unwrap());
        check_changed("a pipe", format, &whole, |file| {
            fs::remove_file(file).unwrap();
            pipe(file);
        });
        check_changed("empty", format, &whole, |file| fs::write(file, "").unwrap());
        check_changed("within a row", format, &whole, |file| {
            fs::write(file, &whole[..whole.len() - 40]).unwrap();
        });
        check_changed("behind a row", format, &whole, |file| fs::write(file, &fewer).unwrap());
        if let Some(others) = whole.strip_prefix(fewer.as_slice()) {
            let packed = gzip(&fewer);
            let members = [packed.as_slice(), &gzip(others)].concat();
            check_changed("behind a member", format, &members, |file| fs::write(file, &packed).unwrap());
        }
    }
}
