//! Decompresses gzip and zstd inputs that have several frames, or zeros after a frame.
//!
//! A file that a program preallocates, or that was being written when the power failed, ends in zeros, as some rotated logs do.
//! The zeros hold nothing, so they are skipped, also between two concatenated frames. Any other bytes after a frame are an
//! error of the decoder.

use std::io::{self, BufRead, Read};
use std::mem::replace;

use flate2::bufread::GzDecoder;

/// The largest window of zstd over HTTP, as a power of two: 8 MiB (RFC 9659).
const HTTP_WINDOW: u32 = 23;

/// Decodes one gzip member or zstd frame, and leaves the bytes after it unread.
pub(super) trait Frame<R>: Read + Sized {
    /// Starts a decoder at the first byte of a frame.
    fn begin(source: R) -> io::Result<Self>;
    /// Returns the source, whose next byte is the first one after the frame.
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

/// Decodes a zstd frame with a window of at most 8 MiB, so that a request cannot take more memory than it should.
struct HttpZstd<R: BufRead>(zstd::Decoder<'static, R>);

impl<R: BufRead> Read for HttpZstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: BufRead> Frame<R> for HttpZstd<R> {
    fn begin(source: R) -> io::Result<Self> {
        let mut decoder: zstd::Decoder<R> = Frame::begin(source)?;
        decoder.window_log_max(HTTP_WINDOW)?;
        Ok(Self(decoder))
    }

    fn into_rest(self) -> R {
        self.0.into_rest()
    }
}

/// Decompresses the gzip of an HTTP request.
///
/// # Errors
/// None: what is no gzip fails to be read.
pub fn gunzipped(body: impl BufRead) -> io::Result<impl Read> {
    Frames::<_, GzDecoder<_>>::new(body)
}

/// Decompresses the zstd of an HTTP request.
///
/// # Errors
/// If there is no memory for a decoder.
pub fn unzstd(body: impl BufRead) -> io::Result<impl Read> {
    Frames::<_, HttpZstd<_>>::new(body)
}

/// Reads all frames of a source, one after the other.
pub(super) struct Frames<R, F>(State<R, F>);

enum State<R, F> {
    Within(F),
    Between(R),
    Ended,
}

impl<R: BufRead, F: Frame<R>> Frames<R, F> {
    /// Starts at the first byte of the first frame.
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

/// Skips zeros, and tells whether other bytes follow.
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
