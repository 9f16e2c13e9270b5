//! Chunks hold whole lines with the right numbers, in bounded memory.

use super::*;
use proptest::prelude::*;
use std::io;

/// A stream that returns a few bytes at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = buffer.len().min(3);
        self.0.read(&mut buffer[..step])
    }
}

fn chunks(reader: impl Read, chunk_bytes: usize) -> Vec<Chunk> {
    LineChunker::new(reader, chunk_bytes)
        .collect::<Result<_, _>>()
        .unwrap()
}

#[test]
fn an_empty_input_gives_no_chunk() {
    assert_eq!(chunks(io::empty(), 10), []);
}

#[test]
fn a_line_longer_than_a_chunk_stays_whole() {
    let found = chunks(&b"a\nlonger than that\nb"[..], 4);
    let found: Vec<_> = found
        .iter()
        .map(|chunk| (chunk.first_line, &chunk.bytes[..]))
        .collect();
    assert_eq!(
        found,
        [(1, &b"a\n"[..]), (2, b"longer than that\n"), (3, b"b")]
    );
}

#[test]
fn a_line_that_cannot_be_kept_ends_the_input() {
    let endless = io::Read::chain(&b"a\nb\n"[..], io::repeat(b'x'));
    let mut chunker = LineChunker::new(endless, 1 << 20);
    assert_eq!(chunker.next().unwrap().unwrap().bytes, b"a\nb\n");
    let error = chunker.next().unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            InputError::LineTooLong {
                line: 3,
                limit: MAX_LINE_KEPT
            }
        ),
        "{error}"
    );
    assert!(chunker.next().is_none());
}

#[test]
fn a_failing_stream_ends_with_its_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let mut chunker = LineChunker::new(Broken, 10);
    assert_eq!(
        chunker.next().unwrap().unwrap_err().to_string(),
        "the input cannot be read: unplugged"
    );
    assert!(chunker.next().is_none());
}

proptest! {
    #[test]
    fn chunks_are_the_input_cut_at_ends_of_lines(text in "([a-z]{0,20}\n){0,20}[a-z]{0,20}", chunk_bytes in 1..64_usize) {
        for found in [chunks(text.as_bytes(), chunk_bytes), chunks(Trickle(text.as_bytes()), chunk_bytes)] {
            let mut line = 1;
            for chunk in &found {
                prop_assert_eq!(chunk.first_line, line);
                line += chunk.bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            }
            if let Some((_, all_but_last)) = found.split_last() {
                prop_assert!(all_but_last.iter().all(|chunk| chunk.bytes.ends_with(b"\n")));
            }
            prop_assert_eq!(found.into_iter().flat_map(|chunk| chunk.bytes).collect::<Vec<_>>(), text.as_bytes());
        }
    }
}
