//! Sends the rows of a query to its client, as fast as the client reads.

use super::connection::Connection;
use super::dispatch::Failure;
use crate::pg::execution::row_stream::RowStream;
use crate::pg::resources::interrupt::Interrupt;
use rapport_pgsql::encode::RowEncoder;

impl Connection {
    /// Sends at most `limit` rows. Returns how many were sent, and whether the stream has ended.
    pub(super) async fn send_rows(
        &mut self,
        stream: &mut RowStream,
        limit: u64,
        encoder: Option<&RowEncoder>,
        interrupt: &Interrupt,
    ) -> Result<(u64, bool), Failure> {
        if !stream.resume() {
            let permit = self.admit(interrupt).await?;
            stream.resume_with(permit);
        }
        let mut sent = 0;
        while sent < limit {
            let Some(chunk) = self
                .wait_for(interrupt, stream.next(limit - sent, encoder))
                .await??
            else {
                return Ok((sent, true));
            };
            sent += chunk.rows;
            if let Some(doing) = &self.doing {
                doing.statement().sent(chunk.rows);
            }
            self.wire.put_encoded(&chunk.data);
            if self.wire.is_full() {
                self.send_buffered(interrupt).await?;
            }
        }
        Ok((sent, false))
    }

    /// Skips at most `limit` rows. Returns how many were skipped, and whether the stream has ended.
    pub(super) async fn skip_rows(
        &mut self,
        stream: &mut RowStream,
        limit: u64,
        interrupt: &Interrupt,
    ) -> Result<(u64, bool), Failure> {
        if !stream.resume() {
            let permit = self.admit(interrupt).await?;
            stream.resume_with(permit);
        }
        let mut skipped = 0;
        while skipped < limit {
            let Some(chunk) = self
                .wait_for(interrupt, stream.next(limit - skipped, None))
                .await??
            else {
                return Ok((skipped, true));
            };
            skipped += chunk.rows;
        }
        Ok((skipped, false))
    }

    /// Sends what is buffered, until an interrupt.
    async fn send_buffered(&mut self, interrupt: &Interrupt) -> Result<(), Failure> {
        tokio::select! {
            biased;
            error = interrupt.raised() => Err(error.into()),
            sent = tokio::time::timeout(self.server.options.write_timeout, self.wire.flush()) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(Failure::Lost),
            },
        }
    }
}
