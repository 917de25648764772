//! Hundreds of lists in one scratch file.
//!
//! The join by way of scratch files divides labels and ids into lists that are written side by side. As files of their
//! own they would need as many open files as there are lists; so all of them share one, page by page, and a page that was
//! read is used again. A list may be of any length; what does not fill a page stays in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::vec;

use plumbline_common::{Problem, Result};

/// Bytes of a page; each list that is being written or read has one in memory.
const PAGE_BYTES: usize = 32 << 10;

/// A scratch file without a name, cut into pages.
#[derive(Debug)]
pub(crate) struct Pages {
    folder: PathBuf,
    file: File,
    /// How many there are, and those of them that nobody needs.
    count: u64,
    free: Vec<u64>,
}

impl Pages {
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn new(folder: &Path) -> Result<Pages> {
        let file = tempfile::tempfile_in(folder)
            .map_err(|error| Problem::io("create a scratch file in", folder, error))?;
        Ok(Pages { folder: folder.into(), file, count: 0, free: Vec::new() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<u64> {
        let page = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        let written = self.file.write_all_at(bytes, page * PAGE_BYTES as u64);
        written.map_err(|error| Problem::io("write scratch files in", &self.folder, error))?;
        Ok(page)
    }

    fn read(&self, page: u64, bytes: &mut [u8]) -> Result<()> {
        let read = self.file.read_exact_at(bytes, page * PAGE_BYTES as u64);
        read.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> Problem {
        Problem::io("read scratch files in", &self.folder, error)
    }
}

/// Bytes that are written from end to end, and then read so. All calls take the `Pages` that the list is in.
#[derive(Debug, Default)]
pub(crate) struct List {
    pages: Vec<u64>,
    /// What fills no page yet.
    tail: Vec<u8>,
}

impl List {
    pub(crate) fn many(count: usize) -> Vec<List> {
        (0..count).map(|_| List::default()).collect()
    }

    /// # Errors
    /// The scratch file cannot be written.
    pub(crate) fn write(&mut self, pages: &mut Pages, parts: &[&[u8]]) -> Result<()> {
        for part in parts {
            let mut rest = *part;
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(PAGE_BYTES - self.tail.len()));
                self.tail.extend_from_slice(now);
                rest = later;
                if self.tail.len() == PAGE_BYTES {
                    self.pages.push(pages.write(&self.tail)?);
                    self.tail.clear();
                }
            }
        }
        Ok(())
    }

    /// Reads the list; its pages are free as soon as they were read.
    pub(crate) fn read(self) -> ListReader {
        ListReader::new(self.pages, self.tail, true)
    }

    /// Reads the list, which stays.
    pub(crate) fn look(&self) -> ListReader {
        ListReader::new(self.pages.clone(), self.tail.clone(), false)
    }
}

/// Reads a list.
#[derive(Debug)]
pub(crate) struct ListReader {
    /// The pages behind the one in memory.
    pages: vec::IntoIter<u64>,
    tail: Vec<u8>,
    frees: bool,
    page: Vec<u8>,
    at: usize,
    text: Vec<u8>,
}

impl ListReader {
    fn new(pages: Vec<u64>, tail: Vec<u8>, frees: bool) -> ListReader {
        ListReader { pages: pages.into_iter(), tail, frees, page: Vec::new(), at: 0, text: Vec::new() }
    }

    /// Reads into `bytes` what there is; returns how many bytes that are.
    fn fill(&mut self, pages: &mut Pages, bytes: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < bytes.len() {
            if self.at == self.page.len() {
                self.at = 0;
                if let Some(number) = self.pages.next() {
                    self.page.resize(PAGE_BYTES, 0);
                    pages.read(number, &mut self.page)?;
                    if self.frees {
                        pages.free.push(number);
                    }
                } else {
                    self.page = std::mem::take(&mut self.tail);
                    if self.page.is_empty() {
                        break;
                    }
                }
            }
            let there = self.page.get(self.at..).unwrap_or_default();
            let n = there.len().min(bytes.len() - filled);
            bytes[filled..filled + n].copy_from_slice(&there[..n]);
            self.at += n;
            filled += n;
        }
        Ok(filled)
    }

    /// The next bytes; none at the end of the list.
    ///
    /// # Errors
    /// The scratch file cannot be read.
    pub(crate) fn bytes<const N: usize>(&mut self, pages: &mut Pages) -> Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        Ok((self.fill(pages, &mut bytes)? == N).then_some(bytes))
    }

    /// As `bytes`, where the list cannot end.
    ///
    /// # Errors
    /// As `bytes`.
    pub(crate) fn whole<const N: usize>(&mut self, pages: &mut Pages) -> Result<[u8; N]> {
        self.bytes(pages)?.ok_or_else(|| pages.failed(io::ErrorKind::UnexpectedEof.into()))
    }

    /// A number, where the list cannot end.
    ///
    /// # Errors
    /// As `bytes`.
    pub(crate) fn number(&mut self, pages: &mut Pages) -> Result<u64> {
        Ok(u64::from_le_bytes(self.whole(pages)?))
    }

    /// As `whole`, for a length that is known only now.
    ///
    /// # Errors
    /// As `bytes`.
    pub(crate) fn text(&mut self, length: u64, pages: &mut Pages) -> Result<&[u8]> {
        let mut text = std::mem::take(&mut self.text);
        text.resize(length as usize, 0);
        let filled = self.fill(pages, &mut text)?;
        self.text = text;
        if filled < self.text.len() {
            return Err(pages.failed(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pages_that_were_read_are_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut pages = Pages::new(folder.path()).unwrap();
        for round in 0u8..5 {
            let mut list = List::default();
            list.write(&mut pages, &[&vec![round; 3 * PAGE_BYTES + 7]]).unwrap();
            for mut reader in [list.look(), list.read()] {
                let text = reader.text(3 * PAGE_BYTES as u64 + 7, &mut pages).unwrap();
                assert!(text.iter().all(|byte| *byte == round));
                assert_eq!(reader.bytes::<1>(&mut pages).unwrap(), None);
            }
        }
        assert_eq!((pages.count, pages.free.len()), (3, 3));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn each_list_reads_as_it_was_written(
            writes in prop::collection::vec((0usize..4, 0usize..40_000), 0..40),
            ends in prop::collection::vec(any::<bool>(), 4),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut pages = Pages::new(folder.path()).unwrap();
            let mut lists = List::many(4);
            let mut expected = vec![Vec::new(); 4];
            for (n, (which, length)) in writes.iter().enumerate() {
                let bytes = vec![n as u8; *length];
                lists[*which].write(&mut pages, &[&bytes[..length / 2], &bytes[length / 2..]]).unwrap();
                expected[*which].extend(bytes);
            }
            for ((list, expected), looks) in lists.into_iter().zip(expected).zip(ends) {
                let mut reader = if looks { list.look() } else { list.read() };
                prop_assert_eq!(reader.text(expected.len() as u64, &mut pages).unwrap(), &expected[..]);
                prop_assert!(reader.bytes::<1>(&mut pages).unwrap().is_none());
                prop_assert!(reader.whole::<1>(&mut pages).is_err());
            }
        }
    }
}
