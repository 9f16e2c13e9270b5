//! Compressed lines whose file is padded with zeros after its end.
//!
//! A file that a program preallocates, or a machine loses power under, ends in zeros; rotated logs do. They hold nothing, so
//! they are read over, also between two files that were put one after the other. Any other bytes after the end are an error,
//! as they are to the decoders.

use std::io::{self, BufRead, Read};
use std::mem::replace;

use flate2::bufread::GzDecoder;

/// A decoder of one gzip member or zstd frame, which leaves what follows it unread.
pub(super) trait Frame<R>: Read + Sized {
    /// Begins at the frame's first byte.
    fn begin(source: R) -> io::Result<Self>;
    /// Gives back what follows the frame.
    fn into_rest(self) -> R;
}

impl<R: BufRead> Frame<R> for GzDecoder<R> {
    fn begin(source: R) -> io::Result<Self> {
        Ok(GzDecoder::new(source))
    }

    fn into_rest(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Frame<R> for zstd::Decoder<'static, R> {
    fn begin(source: R) -> io::Result<Self> {
        Ok(zstd::Decoder::with_buffer(source)?.single_frame())
    }

    fn into_rest(self) -> R {
        self.finish()
    }
}

/// All frames of a source, one after the other.
pub(super) struct Frames<R, F>(State<R, F>);

enum State<R, F> {
    Within(F),
    Between(R),
    Ended,
}

impl<R: BufRead, F: Frame<R>> Frames<R, F> {
    /// Begins with the first frame, before which nothing stands.
    pub fn new(source: R) -> io::Result<Self> {
        Ok(Self(State::Within(F::begin(source)?)))
    }
}

impl<R: BufRead, F: Frame<R>> Read for Frames<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match &mut self.0 {
                State::Within(frame) => match frame.read(buffer)? {
                    0 => {}
                    read => return Ok(read),
                },
                State::Between(rest) => {
                    let more = skip_zeros(rest)?;
                    if !more {
                        self.0 = State::Ended;
                    }
                }
                State::Ended => return Ok(0),
            }
            self.0 = match replace(&mut self.0, State::Ended) {
                State::Within(frame) => State::Between(frame.into_rest()),
                State::Between(rest) => State::Within(F::begin(rest)?),
                State::Ended => State::Ended,
            };
        }
    }
}

/// Reads over zeros, and says whether anything follows.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let ahead = source.fill_buf()?;
        if ahead.is_empty() {
            return Ok(false);
        }
        let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
        let more = zeros < ahead.len();
        source.consume(zeros);
        if more {
            return Ok(true);
        }
    }
}
