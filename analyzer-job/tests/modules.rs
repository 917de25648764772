//! No module imports itself by way of others: the `use` lines of the programs form no circle, neither between
//! files nor between the top modules. `cargo test -p analyzer-job --test modules -- --nocapture` prints the graph.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The source of a crate: text by module path, such as `["bias", "flip"]`; the crate itself is `[]`.
type Modules = BTreeMap<Vec<String>, String>;
/// Who imports whom.
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_module_of_the_analyzer_imports_itself_by_way_of_others() {
    check(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
}

#[test]
fn no_module_of_the_merge_imports_itself_by_way_of_others() {
    check(Path::new(env!("CARGO_MANIFEST_DIR")).join("../merge-job/src"));
}

#[test]
fn no_module_of_the_common_crate_imports_itself_by_way_of_others() {
    check(Path::new(env!("CARGO_MANIFEST_DIR")).join("../common/src"));
}

#[track_caller]
#[expect(clippy::print_stdout, reason = "the graph is for people who ask for it")]
fn check(folder: PathBuf) {
    let modules = read(&folder);
    let files = graph(&modules);
    let tops = by_top(&files);
    for (name, imports) in &tops {
        println!("{name:14} -> {}", imports.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    assert_eq!(circles(&files), Vec::<String>::new(), "files of {}", folder.display());
    assert_eq!(circles(&tops), Vec::<String>::new(), "top modules of {}", folder.display());
}

/// A clock that is set while a job runs changes neither its results nor how long it waits: the wall clock is read only where a
/// time of day is needed, for the window of a schedule, for what is signed and for names; how long something takes is measured
/// by a clock that nobody sets.
#[test]
fn the_wall_clock_is_read_only_where_a_time_of_day_is_needed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for program in ["src", "../merge-job/src", "../common/src"] {
        for (path, text) in read(&root.join(program)) {
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let is_read = ["SystemTime::now()", "Timestamp::now()", "Zoned::now()", "UNIX_EPOCH.elapsed()"];
            if is_read.iter().any(|call| text.contains(call)) {
                found.insert(path.join("::"));
            }
        }
    }
    let needed = [
        "aws",
        "aws::identity",
        "commands::validate",
        "model::shadow",
        "run",
        "stages::baselines",
        "stages::combine",
        "stages::fold",
        "stages::several",
        "task",
    ];
    assert_eq!(found, BTreeSet::from(needed.map(String::from)));
}

/// Whatever is read whole or to its end is opened by `input::open_file`, which takes nothing but files. `commands::compare` and the
/// list of `--files` may be pipes: they are read once, and a stop ends the program under it.
#[test]
fn files_are_opened_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for program in ["src", "../merge-job/src", "../common/src"] {
        for (path, text) in read(&root.join(program)) {
            let is_of_tests = path.iter().any(|part| part.contains("tests"));
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            // The file of CSV is a type of its own, which is opened as an input.
            let text = text.replace("File::open(file, ", "");
            let opens = ["fs::read(", "fs::read_to_string(", "File::open(", "OpenOptions::new()"];
            if !is_of_tests && opens.iter().any(|call| text.contains(call)) {
                found.insert(path.join("::"));
            }
        }
    }
    let of_system = ["job", "memory", "output::waiting"];
    let needed = ["commands::compare", "contract", "input", "stages::fold"].into_iter().chain(of_system);
    assert_eq!(found, needed.map(String::from).collect());
}

/// What is printed goes through the places that keep names and values of strangers from steering a terminal.
#[test]
fn standard_output_and_error_are_written_in_one_place_each() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for program in ["src", "../merge-job/src", "../common/src"] {
        for (path, text) in read(&root.join(program)) {
            if path.iter().any(|part| part.contains("tests")) {
                continue;
            }
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for stream in ["stdout()", "stderr()", "println!(", "print!(", "dbg!("] {
                if text.contains(stream) {
                    found.insert((path.join("::"), stream));
                }
            }
        }
    }
    assert_eq!(found, BTreeSet::from([("job".to_string(), "stdout()"), ("log".to_string(), "stderr()")]));
}

#[test]
fn a_circle_is_found_through_braces_reexports_and_super() {
    let modules: Modules = [
        ("", "mod a;\nmod b;\n"),
        ("a", "mod deep;\npub use deep::Thing;\n"),
        ("a::deep", "use crate::{b::{self, Other as Renamed}};\npub struct Thing;\n"),
        ("b", "use super::a::Thing;\n#[cfg(test)]\nmod tests {\n    use crate::c::Nothing;\n}\n"),
    ]
    .map(|(path, text)| {
        (path.split("::").filter(|part| !part.is_empty()).map(String::from).collect(), text.into())
    })
    .into();
    let files = graph(&modules);
    assert_eq!(circles(&files), ["a::deep, b"]);
    assert_eq!(circles(&by_top(&files)), ["a, b"]);
    assert!(!files["b"].contains("c"), "imports of tests do not count");
}

/// Every source file but those of tests.
fn read(folder: &Path) -> Modules {
    let mut modules = Modules::new();
    let mut folders = vec![(folder.to_path_buf(), Vec::new())];
    while let Some((folder, path)) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap().path();
            let name = entry.file_stem().unwrap().to_str().unwrap().to_string();
            let inner = || path.iter().cloned().chain([name.clone()]).collect::<Vec<_>>();
            if entry.is_dir() {
                folders.push((entry, inner()));
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let path =
                    if ["lib", "mod", "main"].contains(&name.as_str()) { path.clone() } else { inner() };
                if name != "main" {
                    modules.insert(path, fs::read_to_string(&entry).unwrap());
                }
            }
        }
    }
    let tests: Vec<Vec<String>> = modules.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    modules.retain(|path, _| !tests.iter().any(|test| path.starts_with(test)));
    modules
}

/// Modules that `text` declares for tests only.
fn test_modules(path: &[String], text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut for_tests = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[cfg(test)]") {
            for_tests = true;
        } else if !line.starts_with("#[") {
            let declared = line.strip_suffix(';').and_then(|line| line.rsplit_once("mod "));
            if let Some((_, name)) = declared.filter(|_| for_tests) {
                found.push(path.iter().cloned().chain([name.to_string()]).collect());
                // A file of tests beside the module that declares it, named by a path attribute.
                found.push(path.iter().rev().skip(1).rev().cloned().chain([name.to_string()]).collect());
            }
            for_tests = false;
        }
    }
    found
}

/// Which file imports which, by the `use` lines outside of tests.
fn graph(modules: &Modules) -> Graph {
    let mut graph = Graph::new();
    for (path, text) in modules {
        let imports = graph.entry(path.join("::")).or_default();
        for used in uses(text) {
            let Some(full) = absolute(path, &used, modules) else { continue };
            let target = defined_in(modules, &full, 0);
            // A module and its children make one another known; only what a child takes from others counts.
            if !path.starts_with(&target) && !target.starts_with(path) {
                imports.insert(target.join("::"));
            }
        }
    }
    graph.remove("");
    graph
}

/// The paths of all `use` declarations before the tests, one for each name.
fn uses(text: &str) -> Vec<Vec<String>> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    for (start, _) in text.match_indices("use ") {
        let line = &text[text[..start].rfind('\n').map_or(0, |end| end + 1)..start];
        if !["", "pub ", "pub(crate) ", "pub(super) "].contains(&line.trim_start()) {
            continue;
        }
        let Some(end) = text[start..].find(';') else { continue };
        expand(&[], &text[start + "use ".len()..start + end], &mut found);
    }
    found
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expand(prefix: &[String], text: &str, found: &mut Vec<Vec<String>>) {
    let mut depth = 0;
    let mut start = 0;
    let mut parts = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        let (head, inner) = match part.split_once('{') {
            Some((head, inner)) => (head, inner.rsplit_once('}').map(|(inner, _)| inner)),
            None => (part.split(" as ").next().unwrap_or(part), None),
        };
        let names = head.split("::").map(str::trim).filter(|name| !name.is_empty() && *name != "self");
        let path: Vec<String> = prefix.iter().cloned().chain(names.map(String::from)).collect();
        match inner {
            Some(inner) => expand(&path, inner, found),
            None => found.push(path),
        }
    }
}

/// A used path from the root of the crate; none for other crates.
fn absolute(module: &[String], used: &[String], modules: &Modules) -> Option<Vec<String>> {
    let first = used.first()?;
    let (base, rest): (Vec<String>, &[String]) = match first.as_str() {
        "crate" => (Vec::new(), &used[1..]),
        "super" => {
            let ups = used.iter().take_while(|name| *name == "super").count();
            (module[..module.len().checked_sub(ups)?].to_vec(), &used[ups..])
        }
        _ => {
            let child: Vec<String> = module.iter().cloned().chain([first.clone()]).collect();
            modules.contains_key(&child).then_some((module.to_vec(), used))?
        }
    };
    Some(base.into_iter().chain(rest.iter().cloned()).collect())
}

/// The module that a path leads to, through re-exports.
fn defined_in(modules: &Modules, full: &[String], steps: usize) -> Vec<String> {
    let module = (0..=full.len()).rev().map(|n| &full[..n]).find(|path| modules.contains_key(*path));
    let module = module.unwrap_or_default().to_vec();
    let Some(name) = full.get(module.len()).filter(|_| steps < 8) else { return module };
    for used in uses(&modules[&module]) {
        if used.last() == Some(name)
            && let Some(next) = absolute(&module, &used, modules)
            && next != full
        {
            return defined_in(modules, &next, steps + 1);
        }
    }
    module
}

/// The same between the modules at the top.
fn by_top(files: &Graph) -> Graph {
    let top = |name: &str| name.split("::").next().unwrap_or_default().to_string();
    let mut tops = Graph::new();
    for (file, imports) in files {
        let others = imports.iter().map(|import| top(import)).filter(|other| *other != top(file));
        tops.entry(top(file)).or_default().extend(others);
    }
    tops
}

/// Groups of nodes that reach one another, each as its names.
fn circles(graph: &Graph) -> Vec<String> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|node| (node, reachable(graph, node))).collect();
    let mut found = BTreeSet::new();
    for node in graph.keys() {
        let circle: Vec<&str> = graph
            .keys()
            .filter(|other| reached[node].contains(other) && reached[other].contains(node))
            .map(String::as_str)
            .collect();
        if circle.len() > 1 {
            found.insert(circle.join(", "));
        }
    }
    found.into_iter().collect()
}

fn reachable<'a>(graph: &'a Graph, start: &str) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&String> = graph.get(start).into_iter().flatten().collect();
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            open.extend(graph.get(node).into_iter().flatten());
        }
    }
    seen
}
