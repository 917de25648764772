use std::io::Write as _;
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::config::DatasetFormat;
use crate::read::fixture::analysis;
use crate::read::{Options, Source, capture, lines, paired};

fn packed(text: &[u8], members: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in text.chunks(text.len().div_ceil(members).max(1)) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part).unwrap();
        bytes.extend(encoder.finish().unwrap());
    }
    bytes
}

fn file(root: &tempfile::TempDir, name: &str, bytes: &[u8]) -> InputFile {
    let path = root.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    InputFile { path, relative: name.into(), bytes: bytes.len() as u64 }
}

fn of(digests: &Arc<Digests>, files: &[InputFile]) -> Result<Vec<InputDigest>> {
    digests.of(&[("dataset", files.to_vec())], &Stop::default())
}

/// By the definition, at once.
fn expected(file: &InputFile) -> InputDigest {
    let bytes = std::fs::read(&file.path).unwrap();
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    InputDigest {
        role: "dataset".into(),
        name: file.relative.display().to_string(),
        bytes: bytes.len() as u64,
        sha256,
    }
}

proptest! {
    /// A file that is read in any pieces, up to any place, plain or packed, whole or damaged.
    #[test]
    fn digests_are_those_of_the_bytes_however_far_a_file_is_read(
        text in proptest::collection::vec(any::<u8>(), 0..5000),
        members in 0_usize..4,
        cut in prop_oneof![3 => Just(0_usize), 1 => 1_usize..40],
        behind in prop_oneof![3 => Just(&b""[..]), 1 => Just(&b"\0\0"[..]), 1 => Just(&b"more"[..])],
        pieces in proptest::collection::vec(0_usize..2000, 0..12),
        to_the_end in any::<bool>(),
        beside in any::<bool>(),
    ) {
        let mut bytes = if members == 0 { text } else { packed(&text, members) };
        bytes.truncate(bytes.len().saturating_sub(cut));
        bytes.extend(behind);
        let root = tempfile::tempdir().unwrap();
        let file = file(&root, "a", &bytes);
        let expected = expected(&file);
        let beside_from = if beside { 0 } else { u64::MAX };
        let digests = Arc::new(Digests { beside_from, ..Digests::default() });
        // Damage may show in the first bytes.
        let is_read = digests.open(&file).is_ok_and(|mut reader| {
            let is_readable = pieces.into_iter().all(|piece| reader.read(&mut vec![0; piece]).is_ok());
            is_readable && to_the_end && reader.read_to_end(&mut Vec::new()).is_ok()
        });
        if is_read {
            std::fs::remove_file(&file.path).unwrap();
        }
        prop_assert_eq!(of(&digests, &[file]).unwrap(), [expected]);
    }
}

/// Every format that is counted in blocks, plain and packed.
#[test]
fn who_reads_a_file_to_its_end_leaves_its_digest() {
    let record = r#"{"captureData":{"endpointInput":{"data":"{\"features\":[1,2]}","encoding":"JSON"},"endpointOutput":{"data":"1","encoding":"CSV"}},"groundTruthData":{"data":"1","encoding":"CSV"},"eventMetadata":{"eventId":"1","inferenceTime":"2024-05-01T00:00:00Z"}}"#;
    let line = r#"{"features":[1,2],"y":1,"pred":0}"#;
    for (format, head, row) in [
        (DatasetFormat::Csv, "a,b,y,pred\n", "1,2,1,0"),
        (DatasetFormat::JsonLines, "", line),
        (DatasetFormat::Capture, "", record),
    ] {
        let text = format!("{head}{}", format!("{row}\n").repeat(3000)).into_bytes();
        let analysis = analysis(format);
        let root = tempfile::tempdir().unwrap();
        let files = [
            file(&root, "a", &text),
            file(&root, "b", text.trim_ascii_end()),
            file(&root, "c", &packed(&text, 1)),
            file(&root, "d", &packed(&packed(&text, 3), 2)),
        ];
        let expected: Vec<InputDigest> = files.iter().map(expected).collect();
        let options = Options::default();
        let mut source = Source::new(&options, 0);
        let read = match format {
            DatasetFormat::Csv => paired::read(&files, &mut [None, None], &analysis, &mut source),
            DatasetFormat::JsonLines => lines::read(&files, &analysis, &mut source),
            _ => capture::read(&files, &analysis, &mut source),
        };
        assert_eq!(read.unwrap().unwrap().1.rows(), 4 * 3000, "{format:?}");
        drop(root);
        assert_eq!(of(&options.digests, &files).unwrap(), expected, "{format:?}");
    }
}

#[test]
fn who_wants_the_digest_of_a_file_that_is_being_read_waits() {
    let root = tempfile::tempdir().unwrap();
    let file = file(&root, "a", &[7; 100_000]);
    let expected = expected(&file);
    for to_the_end in [true, false] {
        let digests = Arc::new(Digests::default());
        let mut reader = digests.open(&file).unwrap();
        reader.read_exact(&mut [0; 10]).unwrap();
        // A second one reads as anybody.
        assert_eq!(digests.open(&file).unwrap().read_to_end(&mut Vec::new()).unwrap(), 100_000);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| of(&digests, std::slice::from_ref(&file)).unwrap());
            thread::sleep(std::time::Duration::from_millis(20));
            assert!(!waiting.is_finished());
            if to_the_end {
                reader.read_to_end(&mut Vec::new()).unwrap();
            }
            drop(reader);
            assert_eq!(waiting.join().unwrap(), std::slice::from_ref(&expected));
        });
    }
}

#[test]
fn a_file_that_cannot_be_read_has_no_digest() {
    let gone = InputFile { path: "/nowhere/x".into(), relative: "x".into(), bytes: 7 };
    let digests = Arc::new(Digests::default());
    for _ in 0..2 {
        let told = digests.open(&gone).err().unwrap().to_string();
        assert_eq!(told, gone.open().err().unwrap().to_string());
        assert!(of(&digests, std::slice::from_ref(&gone)).is_err());
    }
}
