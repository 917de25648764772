use std::cell::Cell;
use std::io::{BufWriter, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::super::waiting::scratch_file;
use super::super::{OutputFile, Results, write};
use super::*;

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn file(path: &Path, text: &str, scratch: &Path) -> OutputFile {
    let mut file = OutputFile::create(path, scratch).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// As `file`, where nameless files are refused.
fn refused(path: &Path, text: &str, scratch: &Path) -> OutputFile {
    let writer = BufWriter::new(scratch_file(scratch).unwrap());
    let mut file =
        OutputFile { path: path.into(), scratch: scratch.into(), writer, is_scratch: true, bytes: 0 };
    file.write_all(text.as_bytes()).unwrap();
    file
}

type Create = fn(&Path, &str, &Path) -> OutputFile;

fn no_nameless(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

fn no_link(_: &str, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::PermissionDenied.into())
}

fn no_hard_link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The ways in which files get their names: how their bytes wait, and what the system refuses.
const WAYS: [(Create, System); 7] = [
    (file, SYSTEM),
    (file, System { link: no_link, ..SYSTEM }),
    (refused, System { link: no_link, ..SYSTEM }),
    (file, System { hard_link: no_hard_link, ..SYSTEM }),
    (refused, SYSTEM),
    (refused, System { nameless: no_nameless, ..SYSTEM }),
    (refused, System { nameless: no_nameless, hard_link: no_hard_link, ..SYSTEM }),
];

/// A folder on another file system than that of temporary files, where there is one.
fn elsewhere() -> PathBuf {
    let shared_memory = Path::new("/dev/shm");
    if shared_memory.is_dir() { shared_memory.into() } else { std::env::temp_dir() }
}

#[test]
fn file_has_no_name_before_it_is_committed() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/b/result.json");
    let result = file(&path, "{}", root.path());
    assert!(names(root.path()).is_empty());
    result.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"{}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    write(&path, b"[]", root.path()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"[]");
    assert_eq!((names(root.path()), names(path.parent().unwrap()).len()), (vec!["a".to_string()], 1));
}

#[test]
fn files_are_written_and_replaced_in_every_way_and_leave_no_other_name() {
    for place in [std::env::temp_dir(), elsewhere()] {
        for (create, system) in WAYS {
            let (root, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(&place).unwrap());
            let path = root.path().join("a/result");
            for text in ["first", "second, longer", ""] {
                let mut results = Results::default();
                results.add(create(&path, text, scratch.path())).unwrap();
                publish(results.whole().unwrap(), None, &system).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), text);
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
                assert_eq!((names(path.parent().unwrap()).len(), names(scratch.path()).len()), (1, 0));
            }
        }
    }
}

/// In a container every run has the same process id, and counts from 0.
#[test]
fn second_names_that_an_earlier_run_left_stay_as_they_are() {
    for place in [std::env::temp_dir(), elsewhere()] {
        for (create, system) in WAYS {
            let (root, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(&place).unwrap());
            let folder = root.path().join("a");
            let path = folder.join("result");
            fs::create_dir(&folder).unwrap();
            fs::write(&path, "first").unwrap();
            let next =
                beside(&path).to_str().unwrap().rsplit_once('-').unwrap().1.parse::<u64>().unwrap() + 1;
            let second = (next..next + 100).map(|n| format!(".result.{}-{n}", std::process::id()));
            let left: Vec<PathBuf> = second
                .flat_map(|name| [root.path(), scratch.path(), &folder].map(|at| at.join(&name)))
                .collect();
            left.iter().for_each(|name| fs::write(name, name.to_str().unwrap()).unwrap());
            for text in ["second", "third"] {
                let mut results = Results::default();
                results.add(create(&path, text, scratch.path())).unwrap();
                publish(results.whole().unwrap(), Some(&folder), &system).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), text);
            }
            for name in &left {
                assert_eq!(fs::read_to_string(name).unwrap(), name.to_str().unwrap());
                fs::remove_file(name).unwrap();
            }
            assert_eq!((names(&folder).len(), names(scratch.path()).len()), (1, 0));
        }
    }
}

#[test]
fn failure_takes_back_what_is_new_and_leaves_what_was_there() {
    let too_long = "x".repeat(300);
    for (create, system) in WAYS {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::write(path("earlier"), "good").unwrap();
        fs::create_dir(path("taken")).unwrap();
        fs::write(path("in the way"), "x").unwrap();
        for blocked in ["taken", "in the way/result", too_long.as_str()] {
            let mut results = Results::default();
            for name in ["earlier", "new", "folder/new", blocked] {
                results.add(create(&path(name), "later", root.path())).unwrap();
            }
            assert!(publish(results.whole().unwrap(), None, &system).is_err());
            assert_eq!(names(root.path()), ["earlier", "in the way", "taken"]);
            assert_eq!(fs::read_to_string(path("earlier")).unwrap(), "good");
        }
    }
}

thread_local! {
    /// Renames that succeed before one fails, and how many fail then.
    static RENAMES: Cell<(usize, usize)> = const { Cell::new((usize::MAX, 0)) };
}

fn seldom_rename(from: &Path, to: &Path) -> io::Result<()> {
    match RENAMES.get() {
        (0, failures) if failures > 0 => {
            RENAMES.set((0, failures - 1));
            Err(io::ErrorKind::PermissionDenied.into())
        }
        (left, failures) => {
            RENAMES.set((left.saturating_sub(1), failures));
            fs::rename(from, to)
        }
    }
}

/// Publishes three files over earlier ones, and a new one, where renames fail.
fn publish_midway(
    root: &Path,
    scratch: &Path,
    (create, system): (Create, System),
    renames: (usize, usize),
) -> Result<Vec<PathBuf>> {
    let mut results = Results::default();
    for name in ["a", "b", "c", "folder/new"] {
        if name.len() == 1 {
            fs::write(root.join(name), format!("good {name}")).unwrap();
        }
        results.add(create(&root.join(name), "later", scratch)).unwrap();
    }
    let waiting = results.whole().unwrap();
    RENAMES.set(renames);
    publish(waiting, None, &System { rename: seldom_rename, ..system })
}

#[test]
fn a_rename_that_fails_midway_puts_back_the_files_that_were_replaced() {
    for place in [std::env::temp_dir(), elsewhere()] {
        for way in WAYS {
            for succeed in 0.. {
                let (root, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(&place).unwrap());
                if publish_midway(root.path(), scratch.path(), way, (succeed, 1)).is_ok() {
                    assert!(succeed >= 3, "there is a rename for each file that is replaced");
                    break;
                }
                assert_eq!((names(root.path()).join(" "), names(scratch.path()).len()), ("a b c".into(), 0));
                for name in ["a", "b", "c"] {
                    assert_eq!(fs::read_to_string(root.path().join(name)).unwrap(), format!("good {name}"));
                }
            }
        }
    }
}

#[test]
fn an_earlier_file_that_cannot_be_put_back_is_whole_under_the_name_that_is_told() {
    let (root, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(elsewhere()).unwrap());
    let published = publish_midway(root.path(), scratch.path(), (file, SYSTEM), (2, usize::MAX));
    let problem = published.unwrap_err();
    let hint = problem.hint_text().unwrap();
    let kept = hint.split_once("is complete in ").unwrap().1.split_once(';').unwrap().0;
    let text = fs::read_to_string(kept).unwrap();
    assert!(text.starts_with("good "), "{hint}");
    let left = names(root.path()).into_iter().filter(|name| name.starts_with('.')).count();
    let rest = names(scratch.path()).len();
    assert_eq!(left + rest, 2, "a file of each replaced one");
    assert!(hint.ends_with("; another one likewise"), "{hint}");
}

#[test]
fn what_was_never_replaced_needs_no_putting_back() {
    for way in WAYS {
        let (root, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let problem = publish_midway(root.path(), scratch.path(), way, (0, usize::MAX)).unwrap_err();
        assert!(problem.hint_text().is_none_or(|hint| !hint.contains("put back")), "{problem}");
        assert_eq!((names(root.path()).join(" "), names(scratch.path()).len()), ("a b c".into(), 0));
    }
}

const FILES: [&str; 5] = ["a", "b", "c", "folder/d", "folder/e"];
const BYTES: usize = 200_000;

/// Names below a folder that begin with a dot.
fn hidden(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_hidden = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    let own = files.into_iter().filter(is_hidden);
    own.chain(folders.iter().flat_map(|folder| hidden(folder))).collect()
}

thread_local! {
    static OUTPUT: Cell<Option<&'static Path>> = const { Cell::new(None) };
}

fn watched_rename(from: &Path, to: &Path) -> io::Result<()> {
    let output = OUTPUT.get().unwrap();
    assert!(!from.starts_with(output), "{} lies in the output", from.display());
    assert_eq!(hidden(output), [] as [PathBuf; 0]);
    fs::rename(from, to)
}

/// Second names stand in the scratch folder or, when that is on another file system, above the output.
#[test]
fn no_other_name_ever_stands_in_an_output_that_lies_in_a_folder() {
    for place in [std::env::temp_dir(), elsewhere()] {
        for (create, system) in WAYS {
            let (root, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in(&place).unwrap());
            let output = root.path().canonicalize().unwrap().join("deep/output");
            OUTPUT.set(Some(Box::leak(output.clone().into_boxed_path())));
            for text in ["first", "second"] {
                let mut results = Results::default();
                for name in FILES {
                    results.add(create(&output.join(name), text, scratch.path())).unwrap();
                }
                let waiting = results.whole().unwrap();
                let system = System { rename: watched_rename, ..system };
                publish(waiting, Some(&output), &system).unwrap();
                for name in FILES {
                    assert_eq!(fs::read_to_string(output.join(name)).unwrap(), text);
                }
            }
            assert_eq!(
                (names(&root.path().join("deep")), names(scratch.path()).len()),
                (vec!["output".into()], 0)
            );
        }
    }
}

/// The scratch folder is on the device of the output and yet over the border of a mount.
#[test]
fn a_rename_over_the_border_of_a_mount_goes_by_way_of_a_copy() {
    fn bordered(from: &Path, to: &Path) -> io::Result<()> {
        if from.parent() == to.parent() {
            fs::rename(from, to)
        } else {
            Err(io::ErrorKind::CrossesDevices.into())
        }
    }
    for (create, system) in WAYS {
        let system = System { rename: bordered, ..system };
        if (system.nameless)(Path::new("/tmp")).is_ok() {
            continue;
        }
        let root = tempfile::tempdir().unwrap();
        for text in ["first", "second"] {
            let mut results = Results::default();
            results.add(create(&root.path().join("out/x"), text, root.path())).unwrap();
            publish(results.whole().unwrap(), None, &system).unwrap();
            assert_eq!(fs::read_to_string(root.path().join("out/x")).unwrap(), text);
            assert_eq!((names(root.path()).len(), names(&root.path().join("out")).len()), (1, 1));
        }
    }
}

/// Publishes whole generations of files, one over the other, without end.
fn publish_without_end(output: &Path, scratch: &Path, (create, system): (Create, System)) {
    for generation in b'b'..=u8::MAX {
        let text = char::from(b'b' + generation % 20).to_string().repeat(BYTES);
        let mut results = Results::default();
        for name in FILES {
            results.add(create(&output.join(name), &text, scratch)).unwrap();
        }
        publish(results.whole().unwrap(), Some(output), &system).unwrap();
    }
}

/// The test is its own child, which publishes until it is killed.
#[test]
fn killed_at_any_moment_it_leaves_whole_files_only_and_loses_no_earlier_one() {
    const WAY: &str = "PLUMBLINE_TEST_WAY";
    const FOLDERS: [&str; 2] = ["PLUMBLINE_TEST_OUTPUT", "PLUMBLINE_TEST_SCRATCH"];
    if let Some(way) = crate::contract::variable(WAY) {
        let [output, scratch] = FOLDERS.map(|name| crate::contract::variable(name).unwrap());
        return publish_without_end(
            Path::new(&output),
            Path::new(&scratch),
            WAYS[way.parse::<usize>().unwrap()],
        );
    }
    let name =
        "output::publish::tests::killed_at_any_moment_it_leaves_whole_files_only_and_loses_no_earlier_one";
    let mut later = 0;
    for moment in 0..45 {
        let way = moment % WAYS.len();
        let place = if moment % 2 == 0 { elsewhere() } else { std::env::temp_dir() };
        let (root, scratch) = (tempfile::tempdir_in(place).unwrap(), tempfile::tempdir().unwrap());
        let output = root.path().join("output");
        for name in FILES {
            fs::create_dir_all(output.join("folder")).unwrap();
            fs::write(output.join(name), "a".repeat(BYTES)).unwrap();
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(WAY, way.to_string())
            .env(FOLDERS[0], &output)
            .env(FOLDERS[1], scratch.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Steps that share no factor with the ways and places, so that each is killed early and late.
        thread::sleep(Duration::from_micros(4_000 + moment as u64 * 7_919 % 40_000));
        child.kill().unwrap();
        child.wait().unwrap();
        for name in FILES {
            let text = fs::read(output.join(name)).unwrap();
            assert_eq!(text.len(), BYTES, "{name}, way {way}, moment {moment}");
            assert!(text.iter().all(|byte| *byte == text[0]), "{name} is of two runs, way {way}");
            later += usize::from(text[0] != b'a');
        }
        assert_eq!(hidden(&output), [] as [PathBuf; 0], "way {way}, moment {moment}");
    }
    assert!(later > 0, "no kill came late enough to see a file replaced");
}
