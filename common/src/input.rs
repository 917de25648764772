//! Input folders: files in a fixed order, plain or gzip, read line by line with their position.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::bufread::GzDecoder;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::{Problem, Result, codes};

/// A file below an input folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    pub path: PathBuf,
    /// Path relative to the input folder, which names the file to users and orders files.
    pub relative: PathBuf,
    pub bytes: u64,
}

impl InputFile {
    /// The folder relative to the input folder; empty for a file right in it.
    pub fn folder(&self) -> &Path {
        self.relative.parent().unwrap_or(Path::new(""))
    }

    pub fn is_gzip(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
    }

    /// Opens it as the function `open`, as long as it was when it was listed.
    ///
    /// # Errors
    /// As `open`. Reading fails where the file has become shorter.
    pub fn open(&self) -> Result<Box<dyn Read + Send>> {
        unpacked(self.as_listed()?).map_err(|error| Problem::io("open the input", &self.path, error))
    }

    /// Its bytes, packed or not, as long as it was when it was listed. What is added later is for the next run.
    ///
    /// # Errors
    /// It cannot be opened. Reading fails where the file has become shorter.
    pub fn as_listed(&self) -> Result<AsListed> {
        let file = open_file(&self.path).map_err(|error| Problem::io("open the input", &self.path, error))?;
        Ok(AsListed(file.take(self.bytes)))
    }

    /// For formats whose index stands at the end.
    ///
    /// # Errors
    /// It cannot be opened, or its length is not that of the listing.
    pub fn open_unchanged(&self) -> Result<File> {
        let failed = |error| Problem::io("open the input", &self.path, error);
        let file = open_file(&self.path).map_err(failed)?;
        match file.metadata().map_err(failed)?.len().cmp(&self.bytes) {
            Ordering::Less => Err(failed(shorter())),
            Ordering::Equal => Ok(file),
            Ordering::Greater => {
                Err(failed(io::Error::other("the file has become longer since it was listed")))
            }
        }
    }
}

/// A file as long as it was when it was listed.
#[derive(Debug)]
pub struct AsListed(io::Take<File>);

impl Read for AsListed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buffer)?;
        if n == 0 && self.0.limit() > 0 && !buffer.is_empty() {
            return Err(shorter());
        }
        Ok(n)
    }
}

fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter since it was listed")
}

/// What lies below an input folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// Ordered by folder, then name.
    pub files: Vec<InputFile>,
    /// Links that lead nowhere, folders that may not be read and the like, relative to the folder, with what the system
    /// says.
    pub unreadable: Vec<(PathBuf, io::Error)>,
    /// Files without a byte, relative to the folder.
    pub empty: Vec<PathBuf>,
    /// Files and folders whose names begin with `.` or `_`, relative to the folder.
    pub hidden: Vec<PathBuf>,
    /// Device and number of the folders that were read, also by way of links.
    pub folders: HashSet<(u64, u64)>,
}

/// Refuses a source that a setting names and that is not there. `named`: as the setting has it; `path`: where that is.
///
/// # Errors
/// `SETTING_INVALID`.
pub fn check_source(setting: &str, named: &Path, path: &Path) -> Result<()> {
    let problem = |what: &str| {
        Problem::new(&codes::SETTING_INVALID, what).field(setting).found(format!("`{}`", named.display()))
    };
    if named.starts_with("s3:") {
        return Err(problem("a source is a folder, not an address in S3")
            .expected("a folder")
            .hint("give the address as an input of the processing job, or copy it with `aws s3 sync`"));
    }
    if !path.exists() {
        return Err(problem("a source does not exist").expected("a folder that exists, which may be empty"));
    }
    Ok(())
}

/// All files below a folder, of any depth, ordered by folder, then name. Names that begin with `.`
/// or `_` and empty files are left out. A missing folder has no files; a file stands for itself.
///
/// # Errors
/// A folder or file that cannot be read.
pub fn files(root: &Path) -> Result<Vec<InputFile>> {
    complete(root).map(|listing| listing.files)
}

/// As `list`, where everything below can be read.
///
/// # Errors
/// As `files`.
pub fn complete(root: &Path) -> Result<Listing> {
    let mut listing = list(root)?;
    match listing.unreadable.pop() {
        Some((path, error)) => Err(Problem::io("read the input", &root.join(path), error)),
        None => Ok(listing),
    }
}

/// As `files`, where one file or folder below that cannot be read does not stop the rest.
///
/// # Errors
/// The folder itself cannot be read; the process has no file or memory left.
pub fn list(root: &Path) -> Result<Listing> {
    let mut found = Listing::default();
    match fs::metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(Problem::io("read the input", root, error)),
        Ok(metadata) if metadata.is_file() => {
            if metadata.len() > 0 {
                let relative = PathBuf::from(root.file_name().unwrap_or_default());
                found.files.push(InputFile { path: root.into(), relative, bytes: metadata.len() });
            }
            return Ok(found);
        }
        Ok(_) => {}
    }
    walk(root, &mut found)?;
    found
        .files
        .sort_by(|a, b| (a.folder(), a.relative.file_name()).cmp(&(b.folder(), b.relative.file_name())));
    found.unreadable.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// Whether a name marks a file or folder that is no data, such as `_SUCCESS` and the checksums of Spark.
pub fn is_hidden(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(['.', '_'])
}

/// Adds what lies below a folder to `found`. Depth costs neither open files nor stack.
fn walk(root: &Path, found: &mut Listing) -> Result<()> {
    // Folders that are still to be read, each with the number of those that lead to it.
    let mut folders = vec![(PathBuf::new(), 0)];
    // Device and number of those that lead to the one at hand, since a link may lead back to one.
    let mut above = Vec::new();
    while let Some((below, depth)) = folders.pop() {
        let folder = root.join(&below);
        let (identity, names) = match read_folder(&folder) {
            Ok(read) => read,
            Err(error) if depth == 0 || is_of_process(&error) => {
                return Err(Problem::io("read the input folder", &folder, error));
            }
            Err(error) => {
                found.unreadable.push((below, error));
                continue;
            }
        };
        above.truncate(depth);
        if above.contains(&identity) {
            continue;
        }
        above.push(identity);
        found.folders.insert(identity);
        for name in names {
            if is_hidden(&name) {
                found.hidden.push(below.join(name));
                continue;
            }
            let (path, relative) = (folder.join(&name), below.join(&name));
            match fs::metadata(&path) {
                Err(error) => found.unreadable.push((relative, error)),
                Ok(metadata) if metadata.is_dir() => folders.push((relative, depth + 1)),
                Ok(metadata) if metadata.is_file() && metadata.len() > 0 => {
                    found.files.push(InputFile { path, relative, bytes: metadata.len() });
                }
                Ok(metadata) if metadata.is_file() => found.empty.push(relative),
                Ok(_) => {}
            }
        }
    }
    Ok(())
}

/// Device and number of a folder, and the names in it.
fn read_folder(folder: &Path) -> io::Result<((u64, u64), Vec<OsString>)> {
    let metadata = fs::metadata(folder)?;
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
    Ok(((metadata.dev(), metadata.ino()), names.collect::<io::Result<_>>()?))
}

/// What the system refuses for want of open files or memory says nothing of the file.
pub fn is_of_process(error: &io::Error) -> bool {
    let of_process = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    error.raw_os_error().is_some_and(|code| of_process.iter().any(|known| known.raw_os_error() == code))
}

/// Opens a file for reading. Whatever else has its name is refused, also when it came there a moment ago: the other end of a
/// pipe may never come, and a device may have no end.
///
/// # Errors
/// It cannot be opened, or is no file.
pub fn open_file(path: &Path) -> io::Result<File> {
    // A pipe is opened at once, whether or not somebody writes to it.
    let file =
        OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(match () {
        () if kind.is_dir() => Errno::ISDIR.into(),
        () if kind.is_fifo() => io::Error::other("it is a pipe, not a file"),
        () => io::Error::other("it is a device, not a file"),
    })
}

/// As `fs::read`, of a file.
///
/// # Errors
/// As `open_file`; it cannot be read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As `fs::read_to_string`, of a file.
///
/// # Errors
/// As `read`; it is no UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_file(path)?.read_to_string(&mut text)?;
    Ok(text)
}

/// How often a file may have been packed: some pipelines compress what is compressed already.
const MOST_PACKED: usize = 4;

/// Opens a file for reading, unpacking gzip (known by its first bytes, also gzip in gzip).
///
/// # Errors
/// The file cannot be opened or its first bytes not be read.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let failed = |error| Problem::io("open the input", path, error);
    unpacked(open_file(path).map_err(failed)?).map_err(failed)
}

/// The plain text of a file that may be packed.
///
/// # Errors
/// Its first bytes cannot be read or unpacked.
pub fn unpacked(file: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut reader: Box<dyn Read + Send> = Box::new(file);
    for _ in 0..MOST_PACKED {
        let mut magic = [0; 2];
        let n = read_up_to(&mut reader, &mut magic)?;
        let is_packed = magic[..n] == GZIP;
        let whole = io::Cursor::new(magic).take(n as u64).chain(reader);
        if !is_packed {
            return Ok(Box::new(whole));
        }
        let buffered = BufReader::with_capacity(1 << 16, whole);
        reader = Box::new(Members { decoder: Some(GzDecoder::new(buffered)) });
    }
    Ok(reader)
}

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Whether a file begins as gzip does.
pub fn begins_as_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP)
}

/// The members of a gzip file one after the other. Zero bytes behind a member are padding.
struct Members<R: BufRead> {
    /// None behind the last member.
    decoder: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let n = decoder.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            self.decoder = match self.decoder.take() {
                Some(decoder) => next_member(decoder.into_inner())?,
                None => None,
            };
        }
        Ok(0)
    }
}

fn next_member<R: BufRead>(mut reader: R) -> io::Result<Option<GzDecoder<R>>> {
    loop {
        let bytes = reader.fill_buf()?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        match bytes.get(zeros) {
            Some(&first) if first == GZIP[0] => {
                reader.consume(zeros);
                return Ok(Some(GzDecoder::new(reader)));
            }
            Some(_) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "other bytes behind the gzip data"));
            }
            None if zeros == 0 => return Ok(None),
            None => reader.consume(zeros),
        }
    }
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A longer record is damage: a file of another kind is not read into memory whole.
pub const LONGEST_RECORD: usize = 256 << 20;

/// Lines of one file into a reused buffer.
pub struct Lines {
    path: PathBuf,
    reader: BufReader<Box<dyn Read + Send>>,
    buffer: Vec<u8>,
    number: u64,
    longest: usize,
}

/// What is said of a line or row that is longer than a record may be.
pub fn too_long(what: &str) -> Problem {
    Problem::new(&codes::BAD_RECORD, format!("a {what} is longer than a record may be"))
        .found("no end after 256 MiB")
        .hint("is it a file of another kind, or one without line ends?")
}

impl Lines {
    /// # Errors
    /// As `InputFile::open`.
    pub fn open(file: &InputFile) -> Result<Lines> {
        Lines::open_within(file, LONGEST_RECORD)
    }

    /// Lines of at most `longest` bytes.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_within(file: &InputFile, longest: usize) -> Result<Lines> {
        Ok(Lines {
            path: file.path.clone(),
            reader: BufReader::with_capacity(1 << 18, file.open()?),
            buffer: Vec::new(),
            number: 0,
            longest,
        })
    }

    /// The next line without its line end, and its number from 1. Blank lines are left out, and a
    /// byte order mark at the start of the file.
    ///
    /// # Errors
    /// Reading failed, for instance a damaged gzip file (`FILE_OPERATION_FAILED`). A line of more than
    /// `LONGEST_RECORD` bytes (`BAD_RECORD`): it is passed over, and the next call gives the line behind it.
    pub fn next_line(&mut self) -> Result<Option<(u64, &[u8])>> {
        loop {
            self.buffer.clear();
            let failed = |error| Problem::io("read the input", &self.path, error).line(self.number + 1);
            let limit = self.longest as u64 + 1;
            let n = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.buffer).map_err(failed)?;
            if n == 0 {
                return Ok(None);
            }
            if n > self.longest && !self.buffer.ends_with(b"\n") {
                self.reader.skip_until(b'\n').map_err(failed)?;
                self.number += 1;
                self.buffer = Vec::new();
                return Err(too_long("line").file(&self.path).line(self.number));
            }
            self.number += 1;
            let mut start = 0;
            if self.number == 1 && self.buffer.starts_with(b"\xef\xbb\xbf") {
                start = 3;
            }
            let line = self.buffer[start..].trim_ascii_end();
            if !line.is_empty() {
                let end = start + line.len();
                return Ok(Some((self.number, &self.buffer[start..end])));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, bytes) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        root
    }

    /// A file as it is listed.
    fn one(path: &Path) -> InputFile {
        files(path).unwrap().remove(0)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_line_that_is_too_long_is_named_and_passed_over() {
        let long = "x".repeat(30);
        for (text, at) in [
            (format!("{long}\na\nb"), 1),
            (format!("a\n{long}\nb\n"), 2),
            (format!("a\n\nb\n{long}\n"), 4),
            (format!("a\nb\n{long}"), 3),
        ] {
            let root = folder(&[("x", text.as_bytes())]);
            let mut lines = Lines::open_within(&one(&root.path().join("x")), 20).unwrap();
            let (mut read, mut named) = (Vec::new(), Vec::new());
            loop {
                match lines.next_line() {
                    Ok(Some((_, line))) => read.push(line[0]),
                    Ok(None) => break,
                    Err(problem) => named.push(problem.place().line.unwrap_or(0)),
                }
            }
            assert_eq!((read.as_slice(), named), (&b"ab"[..], vec![at]), "{text}");
        }
        let root = folder(&[("x", format!("{}\n", &long[..20]).as_bytes())]);
        let mut lines = Lines::open_within(&one(&root.path().join("x")), 20).unwrap();
        assert_eq!(lines.next_line().unwrap().map(|(_, line)| line.len()), Some(20));
    }

    #[test]
    fn files_come_by_folder_then_name_without_hidden_and_empty_ones() {
        let root = folder(&[
            ("b/2.jsonl", b"x"),
            ("b/10.jsonl", b"x"),
            ("a/c/1", b"x"),
            ("z", b"x"),
            (".hidden/1", b"x"),
            ("_SUCCESS", b"x"),
            ("empty", b""),
        ]);
        let names: Vec<_> =
            files(root.path()).unwrap().iter().map(|file| file.relative.display().to_string()).collect();
        assert_eq!(names, ["z", "a/c/1", "b/10.jsonl", "b/2.jsonl"]);
        assert!(files(&root.path().join("nowhere")).unwrap().is_empty());
    }

    #[test]
    fn lines_have_positions_and_gzip_is_unpacked() {
        let text = b"\xef\xbb\xbf{}\r\n\n  \nlast";
        let two = [gzip(b"\xef\xbb\xbf{}\r\n\n"), gzip(b"  \nlast")].concat();
        let root = folder(&[("plain", text), ("packed.gz", &two), ("one", b"1")]);
        for name in ["plain", "packed.gz"] {
            let mut lines = Lines::open(&one(&root.path().join(name))).unwrap();
            assert_eq!(lines.next_line().unwrap(), Some((1, &b"{}"[..])));
            assert_eq!(lines.next_line().unwrap(), Some((4, &b"last"[..])));
            assert_eq!(lines.next_line().unwrap(), None);
        }
        assert_eq!(
            Lines::open(&one(&root.path().join("one"))).unwrap().next_line().unwrap(),
            Some((1, &b"1"[..]))
        );
    }

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let root = folder(&[("a/x", b"x")]);
        std::os::unix::fs::symlink(root.path(), root.path().join("a/back")).unwrap();
        std::os::unix::fs::symlink(root.path().join("a/x"), root.path().join("link")).unwrap();
        let names: Vec<_> =
            files(root.path()).unwrap().iter().map(|file| file.relative.display().to_string()).collect();
        assert_eq!(names, ["link", "a/x"]);
    }

    #[test]
    fn gzip_in_gzip_is_unpacked() {
        let root = folder(&[("x", &gzip(&gzip(b"hello")))]);
        let mut text = String::new();
        open(&root.path().join("x")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
    }

    #[test]
    fn a_file_is_read_as_long_as_it_was_or_told_to_be_shorter() {
        let text = b"a\nb\nc\n".as_slice();
        // Each member of the packed file is a line.
        let packed = [gzip(b"a\n"), gzip(b"b\n"), gzip(b"c\n")].concat();
        for bytes in [text, &packed] {
            let root = folder(&[("x", bytes)]);
            let path = root.path().join("x");
            let listed = one(&path);
            let read = || {
                let mut found = Vec::new();
                listed.open()?.read_to_end(&mut found).map_err(|error| Problem::io("read", &path, error))?;
                Ok::<_, Problem>(found)
            };
            for len in 0..bytes.len() {
                fs::write(&path, &bytes[..len]).unwrap();
                let told = read().unwrap_err().to_string();
                assert!(told.contains("PL0901") && told.contains("shorter"), "{len}: {told}");
                let told = listed.open_unchanged().unwrap_err().to_string();
                assert!(told.contains("PL0901") && told.contains("shorter"), "{len}: {told}");
            }
            fs::write(&path, bytes).unwrap();
            assert_eq!(read().unwrap(), text);
            assert!(listed.open_unchanged().is_ok());
            fs::write(&path, [bytes, bytes].concat()).unwrap();
            assert_eq!(read().unwrap(), text);
            assert!(listed.open_unchanged().unwrap_err().to_string().contains("longer"));
        }
    }

    #[test]
    fn one_link_that_leads_nowhere_leaves_the_others() {
        let root = folder(&[("a/x", b"x")]);
        std::os::unix::fs::symlink("nowhere", root.path().join("a/link")).unwrap();
        let listing = list(root.path()).unwrap();
        assert_eq!((listing.files.len(), listing.unreadable.len()), (1, 1));
        assert_eq!(listing.unreadable[0].0, Path::new("a/link"));
        assert!(files(root.path()).unwrap_err().to_string().contains("a/link"));
    }

    #[test]
    fn depth_costs_no_stack() {
        let depth = 1_500;
        let root = folder(&[(&format!("{}x", "d/".repeat(depth)), b"x")]);
        assert_eq!(list(root.path()).unwrap().files.len(), 1);
    }

    #[test]
    fn zeros_behind_gzip_are_padding_and_other_bytes_are_not() {
        let read = |bytes: Vec<u8>| {
            let mut text = String::new();
            unpacked(io::Cursor::new(bytes))
                .and_then(|mut reader| reader.read_to_string(&mut text))
                .map(|_| text)
        };
        let (one, two) = (gzip(b"hello "), gzip(b"world"));
        assert_eq!(read([&one[..], &two].concat()).unwrap(), "hello world");
        for zeros in [1, 512, 200_000] {
            assert_eq!(read([&one[..], &vec![0; zeros]].concat()).unwrap(), "hello ");
            assert_eq!(read([&one[..], &vec![0; zeros], &two].concat()).unwrap(), "hello world");
        }
        assert!(read([&one[..], b"\0x"].concat()).is_err());
        assert!(read(one[..one.len() - 1].to_vec()).is_err());
    }

    #[test]
    fn what_is_no_file_is_not_opened_and_nothing_is_waited_for() {
        let root = folder(&[("file", b"x")]);
        let path = |name: &str| root.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RWXU).unwrap();
        for (link, target) in [("of a file", "file"), ("of a pipe", "pipe"), ("of a device", "/dev/zero")] {
            std::os::unix::fs::symlink(target, path(link)).unwrap();
        }
        for name in ["file", "of a file"] {
            assert_eq!(
                (read(&path(name)).unwrap(), read_text(&path(name)).unwrap()),
                (b"x".to_vec(), "x".into())
            );
        }
        for (name, told) in [
            ("pipe", "it is a pipe, not a file"),
            ("of a pipe", "it is a pipe, not a file"),
            ("of a device", "it is a device, not a file"),
            (".", "Is a directory"),
            ("none", "No such file"),
        ] {
            let found = [
                read(&path(name)).unwrap_err().to_string(),
                read_text(&path(name)).unwrap_err().to_string(),
                open(&path(name)).err().unwrap().to_string(),
            ];
            assert!(found.iter().all(|found| found.contains(told)), "{name}: {found:?}");
        }
    }

    #[test]
    fn damaged_gzip_names_the_file() {
        let mut packed = gzip(b"hello hello hello");
        packed.truncate(12);
        let root = folder(&[("x.gz", &packed)]);
        let read = Lines::open(&one(&root.path().join("x.gz")))
            .and_then(|mut lines| Ok(lines.next_line()?.is_some()));
        let text = read.unwrap_err().to_string();
        assert!(text.contains("x.gz"), "{text}");
    }
}
