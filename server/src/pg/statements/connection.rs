//! The message loop of a connection that is logged in, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::ReadyForQuery;
use pgwire::messages::startup::ParameterStatus;
use pgwire::tokio::server::MaybeTls;

use super::dispatch::Failure;
use crate::pg::activity::{Doing, Present, State};
use crate::pg::resources::connection_limits::ConnectionSlot;
use crate::pg::resources::interrupt::Interrupt;
use crate::pg::resources::signals::Registration;
use crate::pg::session::Session;
use crate::pg::shared::Server;
use crate::pg::wire::framing::{ReadError, Wire};
use crate::pg::wire::frontend::{self, Message};
use rapport_pgsql::error::{PgError, code};

/// How many bytes are read ahead while a statement runs.
const READ_AHEAD: usize = 64 * 1024;

/// A connection that is logged in.
pub(super) struct Connection {
    pub(super) wire: Wire<MaybeTls>,
    pub(super) server: Arc<Server>,
    pub(super) session: Session,
    /// Whether messages are skipped until the next Sync, because one before failed.
    is_skipping: bool,
    /// Whether no message has come since the last ReadyForQuery.
    is_idle: bool,
    /// The activity of the current statement.
    pub(super) doing: Option<Doing>,
    present: Present,
    _registration: Registration,
    _slot: ConnectionSlot,
}

/// Sends a last error and closes the stream.
pub(super) async fn close_with_error(wire: &mut Wire<MaybeTls>, error: PgError) {
    wire.put(&Backend::ErrorResponse(error.into_response()));
    // A client that does not read it is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(5), wire.close()).await;
}

/// Reports the settings that have changed, of those that clients are told about (ParameterStatus).
pub(super) fn put_changed_settings(wire: &mut Wire<MaybeTls>, session: &Session) {
    for (name, value) in session.settings().take_reports() {
        wire.put(&Backend::ParameterStatus(ParameterStatus::new(
            name.to_owned(),
            value,
        )));
    }
}

impl Connection {
    /// Makes a connection of a client that has just logged in.
    pub(super) fn new(
        wire: Wire<MaybeTls>,
        server: Arc<Server>,
        session: Session,
        present: Present,
        registration: Registration,
        slot: ConnectionSlot,
    ) -> Connection {
        Connection {
            wire,
            server,
            session,
            is_skipping: false,
            is_idle: true,
            doing: None,
            present,
            _registration: registration,
            _slot: slot,
        }
    }

    /// Answers messages until the client or the server ends the connection.
    pub(super) async fn run_to_end(mut self) {
        let error = loop {
            match self.next_message().await {
                Ok(Message::Terminate) | Err(Failure::Lost) => return,
                Ok(message) => match self.handle(message).await {
                    Ok(()) => {}
                    Err(Failure::Lost) => return,
                    Err(Failure::Error(error)) => break error,
                },
                Err(Failure::Error(error)) => break error,
            }
        };
        close_with_error(
            &mut self.wire,
            PgError {
                fatal: true,
                ..error
            },
        )
        .await;
    }

    /// Returns the next message to handle. Malformed ones are answered here, and skipped ones dropped.
    async fn next_message(&mut self) -> Result<Message, Failure> {
        loop {
            let (kind, body) = self.next_frame().await?;
            // A skipped message is not decoded: an error in it would be answered, and the client expects no answer.
            if self.is_skipping && frontend::is_skipped(kind) {
                continue;
            }
            match frontend::decode(kind, body) {
                Ok(message) => return Ok(message),
                Err(error) if error.fatal => return Err(error.into()),
                // Only this message is lost: the stream is still in step.
                Err(error) => self.send_error(error, kind == b'Q' || kind == b'F').await?,
            }
        }
    }

    /// Waits for the next frame, as long as the idle timeout allows.
    async fn next_frame(&mut self) -> Result<(u8, Bytes), Failure> {
        let (timeout, error) = self.idle_timeout();
        let idle = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let signals = Arc::clone(&self.session.signals);
        let session = &self.session;
        // A message that does not fit into memory cannot be skipped either, so the connection ends.
        let reserve = |bytes| session.reserve_message(bytes).map_err(PgError::ending);
        let frame = tokio::select! {
            biased;
            error = signals.connection_end(self.is_idle) => Err(error.into()),
            frame = self.wire.read(self.server.options.max_message, reserve) => match frame {
                Ok(frame) => Ok(frame),
                Err(ReadError::Lost) => Err(Failure::Lost),
                Err(ReadError::Invalid(error)) => Err(error.into()),
            },
            () = idle => Err(error.into()),
        };
        self.is_idle = false;
        frame
    }

    /// Returns how long the client may be idle now, and the error when it was.
    fn idle_timeout(&self) -> (Option<Duration>, PgError) {
        let settings = self.session.settings();
        // The server's limit holds whatever the session sets.
        let most = Some(self.server.options.idle_timeout).filter(|most| !most.is_zero());
        let within = |wanted: Option<Duration>| match (wanted, most) {
            (Some(wanted), Some(most)) => Some(wanted.min(most)),
            (wanted, most) => wanted.or(most),
        };
        if self.session.in_transaction() {
            let error = PgError::fatal(
                "25P03",
                "terminating connection due to idle-in-transaction timeout",
            );
            (within(settings.idle_in_transaction_timeout()), error)
        } else {
            let error = PgError::fatal(
                "57P05",
                "terminating connection due to idle-session timeout",
            );
            (within(settings.idle_timeout()), error)
        }
    }

    /// Handles a message. Errors of statements are sent here; a returned one ends the connection.
    async fn handle(&mut self, message: Message) -> Result<(), Failure> {
        let simple = matches!(message, Message::Query(_) | Message::FunctionCall);
        let result = match message {
            Message::Query(text) => self.simple_query(&text).await,
            Message::Parse { name, query, types } => self.parse(&name, &query, &types).await,
            Message::Bind(bind) => self.bind(bind),
            Message::Describe(target, name) => self.describe(target, &name),
            Message::Execute { portal, max_rows } => self.execute(&portal, max_rows).await,
            Message::Close(target, name) => self.close(target, &name),
            Message::Flush => self.flush().await,
            Message::Sync => return self.sync().await,
            Message::FunctionCall => {
                Err(PgError::new(code::NOT_SUPPORTED, "function calls are not supported").into())
            }
            Message::Password(_) => {
                Err(PgError::fatal(code::PROTOCOL, "unexpected password message").into())
            }
            Message::Copy | Message::Terminate => Ok(()),
        };
        if let Some(doing) = self.doing.take() {
            match &result {
                Ok(()) => doing.finished(),
                Err(Failure::Error(error)) => doing.failed(error),
                // Cancelled with its connection.
                Err(Failure::Lost) => drop(doing),
            }
        }
        match result {
            Ok(()) if self.wire.is_full() => self.flush().await,
            Ok(()) => Ok(()),
            Err(Failure::Error(error)) if !error.fatal => self.send_error(error, simple).await,
            Err(failure) => Err(failure),
        }
    }

    /// Sends an error, then ReadyForQuery for a simple message, or skips up to the next Sync.
    async fn send_error(&mut self, error: PgError, simple: bool) -> Result<(), Failure> {
        self.wire
            .put(&Backend::ErrorResponse(error.into_response()));
        self.session.fail();
        if simple {
            self.send_ready().await
        } else {
            self.is_skipping = true;
            self.flush().await
        }
    }

    /// Ends a group of extended messages.
    async fn sync(&mut self) -> Result<(), Failure> {
        self.is_skipping = false;
        self.send_ready().await
    }

    /// Ends a group of messages: sends the changed settings and ReadyForQuery.
    pub(super) async fn send_ready(&mut self) -> Result<(), Failure> {
        self.session.end_group();
        put_changed_settings(&mut self.wire, &self.session);
        self.present.transaction(self.session.status());
        self.wire.put(&Backend::ReadyForQuery(ReadyForQuery::new(
            self.session.status(),
        )));
        self.is_idle = true;
        self.flush().await
    }

    /// Sends what is buffered, within the write timeout.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        match tokio::time::timeout(self.server.options.write_timeout, self.wire.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Failure::Lost),
        }
    }

    /// Starts the activity of a statement, and finishes that of the one before.
    pub(super) fn track_statement(&mut self, text: &str) {
        if let Some(before) = self.doing.take() {
            before.finished();
        }
        self.doing = Some(self.present.begin(text));
    }

    /// Sets the state of the current statement's activity.
    pub(super) fn set_state(&self, state: State) {
        if let Some(doing) = &self.doing {
            doing.statement().enter(state);
        }
    }

    /// Begins a statement, and returns what interrupts it.
    ///
    /// # Errors
    /// A fatal one if the user was removed or changed since the login.
    pub(super) fn begin_statement(&mut self) -> Result<Interrupt, Failure> {
        let user = &self.session.user;
        match self.server.users.is_current(user) {
            Ok(true) => {}
            Ok(false) => {
                return Err(PgError::fatal(
                    code::SHUTDOWN,
                    "terminating connection due to administrator command",
                )
                .into());
            }
            // While the file of users cannot be read, open sessions stay and new logins are refused.
            Err(error) => tracing::error!("{error}"),
        }
        let timeout = self.session.settings().statement_timeout();
        Ok(Interrupt::begin(&self.session.signals, timeout))
    }

    /// Waits for a part of a statement, until an interrupt or the end of the client. Reads ahead meanwhile.
    pub(super) async fn wait_for<T>(
        &mut self,
        interrupt: &Interrupt,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                error = interrupt.raised() => return Err(error.into()),
                done = &mut work => return Ok(done),
                read = self.wire.fill(), if self.wire.buffered() < READ_AHEAD => {
                    if read.is_err() {
                        return Err(Failure::Lost);
                    }
                }
            }
        }
    }
}
