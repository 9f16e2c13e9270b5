//! Stores rows that do not fit into memory on disk: blocks of Arrow IPC in one nameless temporary file.
//!
//! The file has no name, so it disappears with the process, however that ends. Blocks are compressed with LZ4, because
//! writing bytes costs more than compressing them. Inputs that have to be copied get files of their own in the same folder.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};

use super::error::LandError;

/// The number of bytes of a stream that are copied at a time.
const COPY_BYTES: usize = 256 * 1024;

/// Holds the temporary file of one landing, which is created by the first write.
#[derive(Debug)]
pub(super) struct SpillFile {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    end: u64,
}

/// Names the position of a block in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    offset: u64,
    bytes: usize,
}

impl SpillFile {
    /// Creates a spill file in `folder`, or in the system's temporary folder.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder: folder.unwrap_or_else(std::env::temp_dir),
            state: Mutex::default(),
        }
    }

    fn error(&self, source: io::Error) -> LandError {
        LandError::Spill {
            folder: self.folder.display().to_string(),
            source,
        }
    }

    /// Copies a stream to a nameless file of its own. `unreadable` wraps an error of the stream.
    pub fn copy(
        &self,
        stream: &mut dyn Read,
        unreadable: impl Fn(io::Error) -> LandError,
    ) -> Result<File, LandError> {
        let mut copy = tempfile::tempfile_in(&self.folder).map_err(|e| self.error(e))?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = match stream.read(&mut buffer) {
                Ok(0) => return Ok(copy),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(error)),
            };
            copy.write_all(&buffer[..read]).map_err(|e| self.error(e))?;
        }
    }

    /// Writes a batch as one block.
    pub fn write(&self, batch: &RecordBatch) -> Result<Place, LandError> {
        let options =
            IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        // A compressed block is smaller than its batch in memory, so the vector never has to grow.
        let mut bytes = Vec::with_capacity(batch.get_array_memory_size());
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &batch.schema(), options)?;
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        self.append(&bytes).map_err(|e| self.error(e))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<Place> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = state.end;
        let file = match &mut state.file {
            Some(file) => file,
            empty => empty.insert(tempfile::tempfile_in(&self.folder)?),
        };
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        state.end += bytes.len() as u64;
        Ok(Place {
            offset,
            bytes: bytes.len(),
        })
    }

    /// Reads the batch of a block.
    pub fn read(&self, place: Place) -> Result<RecordBatch, LandError> {
        let mut bytes = Buffer::from_vec(self.bytes(place).map_err(|e| self.error(e))?);
        // Unlike a stream reader, a decoder does not copy the bytes.
        StreamDecoder::new().decode(&mut bytes)?.ok_or_else(|| {
            self.error(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "a block holds no rows",
            ))
        })
    }

    fn bytes(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(place.bytes);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let file = state.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(place.offset))?;
        match file.take(place.bytes as u64).read_to_end(&mut bytes)? {
            read if read == place.bytes => Ok(bytes),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
