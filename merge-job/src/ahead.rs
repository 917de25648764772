//! Packed files are unpacked by threads of their own, a little ahead of whoever reads them.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Bytes that are handed over at a time, and how many of these wait at most: bounds the memory for each file.
const CHUNK_BYTES: usize = 256 << 10;
const MOST_CHUNKS: usize = 14;

/// Bytes that are handed over; those behind `filled` are of no meaning, but need not be zeroed again.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    filled: usize,
}

/// Text that another thread reads in advance. The thread ends with the text, or when this is dropped.
pub(crate) struct Ahead {
    chunks: Receiver<io::Result<Chunk>>,
    /// Chunks that were read go back.
    back: Sender<Chunk>,
    chunk: Chunk,
    at: usize,
    ended: bool,
}

impl Ahead {
    /// Begins to read; where the system has no thread more, `reader` is given back.
    pub(crate) fn of(reader: Box<dyn Read + Send>) -> Result<Ahead, Box<dyn Read + Send>> {
        let (to, chunks) = sync_channel(MOST_CHUNKS);
        let (back, used) = channel();
        let waiting = Arc::new(Mutex::new(Some(reader)));
        let take = |waiting: &Mutex<Option<Box<dyn Read + Send>>>| {
            waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        let of_thread = Arc::clone(&waiting);
        let work = move || {
            if let Some(reader) = take(&of_thread) {
                read(reader, &to, &used);
            }
        };
        let ahead = Ahead { chunks, back, chunk: Chunk::default(), at: 0, ended: false };
        match thread::Builder::new().spawn(work) {
            Ok(_) => Ok(ahead),
            Err(_) => take(&waiting).map_or(Ok(ahead), Err),
        }
    }
}

/// Reads to the end; an empty chunk says so.
fn read(mut reader: Box<dyn Read + Send>, to: &SyncSender<io::Result<Chunk>>, used: &Receiver<Chunk>) {
    loop {
        let mut chunk = used.try_recv().unwrap_or_default();
        chunk.bytes.resize(CHUNK_BYTES, 0);
        chunk.filled = 0;
        let read = loop {
            if chunk.filled == CHUNK_BYTES {
                break Ok(());
            }
            match reader.read(&mut chunk.bytes[chunk.filled..]) {
                Ok(0) => break Ok(()),
                Ok(n) => chunk.filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        let ended = chunk.filled == 0;
        if (!ended || read.is_ok()) && to.send(Ok(chunk)).is_err() {
            return;
        }
        match read {
            Ok(()) if ended => return,
            Ok(()) => {}
            Err(error) => return drop(to.send(Err(error))),
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.chunk.filled && !self.ended {
            let next = self.chunks.recv().unwrap_or_else(|_| Err(io::Error::other("its reader failed")));
            // After an error nothing follows.
            self.ended = !next.as_ref().is_ok_and(|chunk| chunk.filled > 0);
            let used = std::mem::replace(&mut self.chunk, next?);
            // Nobody takes it back when the thread has ended.
            let _ = self.back.send(used);
            self.at = 0;
        }
        let rest = self.chunk.bytes.get(self.at..self.chunk.filled).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `left` bytes, then fails or ends.
    struct Source {
        left: usize,
        fails: bool,
        dropped: Sender<usize>,
    }

    impl Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.left.min(buffer.len()).min(10_007);
            for byte in &mut buffer[..n] {
                *byte = (self.left % 251) as u8;
                self.left -= 1;
            }
            if n == 0 && self.fails { Err(io::ErrorKind::InvalidData.into()) } else { Ok(n) }
        }
    }

    impl Drop for Source {
        fn drop(&mut self) {
            let _ = self.dropped.send(self.left);
        }
    }

    fn ahead(left: usize, fails: bool) -> (Ahead, Receiver<usize>) {
        let (dropped, end) = channel();
        (Ahead::of(Box::new(Source { left, fails, dropped })).ok().unwrap(), end)
    }

    #[test]
    fn the_text_and_its_end_are_those_of_the_reader() {
        for left in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 5 * CHUNK_BYTES + 3] {
            for fails in [false, true] {
                let (mut ahead, _end) = ahead(left, fails);
                let mut text = Vec::new();
                let read = ahead.read_to_end(&mut text);
                assert_eq!(read.err().map(|error| error.kind()), fails.then_some(io::ErrorKind::InvalidData));
                let expected: Vec<u8> = (0..left).map(|n| ((left - n) % 251) as u8).collect();
                assert!(text == expected, "{left}");
                assert_eq!(ahead.read(&mut [0]).unwrap(), 0);
            }
        }
    }

    #[test]
    fn no_more_is_read_in_advance_than_memory_may_hold_and_nothing_when_it_is_dropped() {
        let (mut ahead, end) = ahead(usize::MAX, false);
        ahead.read_exact(&mut [0; 10]).unwrap();
        thread::sleep(std::time::Duration::from_millis(50));
        drop(ahead);
        let read = usize::MAX - end.recv().unwrap();
        assert!(read <= (MOST_CHUNKS + 4) * CHUNK_BYTES, "{read}");
    }
}
