//! Sending the rows of a query to its client, as fast as it reads them.

use super::connection::Connection;
use super::dispatch::Failure;
use crate::pg::execution::row_stream::RowStream;
use crate::pg::resources::interrupt::Watch;
use rapport_pgsql::encode::RowEncoder;

impl Connection {
    /// Sends rows until there are no more, or so many; tells how many, and whether that was all.
    pub(super) async fn send_rows(
        &mut self,
        stream: &mut RowStream,
        limit: u64,
        late: Option<&RowEncoder>,
        watch: &Watch,
    ) -> Result<(u64, bool), Failure> {
        if !stream.resume() {
            let permit = self.admit(watch).await?;
            stream.resume_with(permit);
        }
        let mut sent = 0;
        while sent < limit {
            let Some(taken) = self.wait(watch, stream.next(limit - sent, late)).await?? else {
                return Ok((sent, true));
            };
            sent += taken.rows;
            if let Some(doing) = &self.doing {
                doing.statement().sent(taken.rows);
            }
            self.wire.put_encoded(&taken.data);
            if self.wire.is_full() {
                self.send_buffered(watch).await?;
            }
        }
        Ok((sent, false))
    }

    /// Passes rows over until there are no more, or so many; as [`Connection::send_rows`] tells.
    pub(super) async fn skip_rows(
        &mut self,
        stream: &mut RowStream,
        limit: u64,
        watch: &Watch,
    ) -> Result<(u64, bool), Failure> {
        if !stream.resume() {
            let permit = self.admit(watch).await?;
            stream.resume_with(permit);
        }
        let mut passed = 0;
        while passed < limit {
            let Some(taken) = self
                .wait(watch, stream.next(limit - passed, None))
                .await??
            else {
                return Ok((passed, true));
            };
            passed += taken.rows;
        }
        Ok((passed, false))
    }

    /// Sends what is buffered, though a cancel comes between.
    async fn send_buffered(&mut self, watch: &Watch) -> Result<(), Failure> {
        tokio::select! {
            biased;
            error = watch.stopped() => Err(error.into()),
            sent = tokio::time::timeout(self.server.options.write_timeout, self.wire.flush()) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(Failure::Lost),
            },
        }
    }
}
