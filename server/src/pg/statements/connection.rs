//! The message loop of a connection that is logged in, and the ways in which it ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::ReadyForQuery;
use pgwire::messages::startup::ParameterStatus;
use pgwire::tokio::server::MaybeTls;

use super::dispatch::Failure;
use crate::pg::activity::{Doing, Present, State};
use crate::pg::resources::connection_limits::Place;
use crate::pg::resources::interrupt::Watch;
use crate::pg::resources::signals::Registration;
use crate::pg::session::Session;
use crate::pg::shared::Server;
use crate::pg::wire::framing::{ReadError, Wire};
use crate::pg::wire::frontend::{self, Message};
use rapport_pgsql::error::{PgError, code};

/// How much a client may send ahead of the answer to what it has sent.
const READ_AHEAD: usize = 64 * 1024;

/// A connection that is logged in.
pub(super) struct Connection {
    pub(super) wire: Wire<MaybeTls>,
    pub(super) server: Arc<Server>,
    pub(super) session: Session,
    /// Messages are ignored until the next Sync, for one before has failed.
    skipping: bool,
    /// Nothing has come since the last ReadyForQuery.
    at_rest: bool,
    /// The statement in hand.
    pub(super) doing: Option<Doing>,
    present: Present,
    _registration: Registration,
    _place: Place,
}

/// The last word.
pub(super) async fn part(wire: &mut Wire<MaybeTls>, error: PgError) {
    wire.put(&Backend::ErrorResponse(error.into_response()));
    // A client that does not even read this is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(5), wire.close()).await;
}

/// Tells the client of the settings that it shall know and that have changed.
pub(super) fn put_reports(wire: &mut Wire<MaybeTls>, session: &Session) {
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
        place: Place,
    ) -> Connection {
        Connection {
            wire,
            server,
            session,
            skipping: false,
            at_rest: true,
            doing: None,
            present,
            _registration: registration,
            _place: place,
        }
    }

    /// Answers messages until the client or the server ends the connection.
    pub(super) async fn run_to_end(mut self) {
        let last_word = loop {
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
        part(
            &mut self.wire,
            PgError {
                fatal: true,
                ..last_word
            },
        )
        .await;
    }

    /// The next message that counts. Malformed ones are answered here, in a loop: a client may send as many as it likes.
    async fn next_message(&mut self) -> Result<Message, Failure> {
        loop {
            let (kind, body) = self.next_frame().await?;
            // What is skipped is not even read: an error in it would be answered, and the client would lose count.
            if self.skipping && frontend::is_skipped(kind) {
                continue;
            }
            match frontend::message(kind, body) {
                Ok(message) => return Ok(message),
                Err(error) if error.fatal => return Err(error.into()),
                // The message is lost, the step is kept.
                Err(error) => self.fail(error, kind == b'Q' || kind == b'F').await?,
            }
        }
    }

    /// The next frame of a client that may take its time, though not more than its settings say.
    async fn next_frame(&mut self) -> Result<(u8, Bytes), Failure> {
        let (timeout, error) = self.idle_timeout();
        let idle = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let control = Arc::clone(&self.session.control);
        let session = &self.session;
        // What does not fit cannot be skipped either.
        let hold = |bytes| session.hold_message(bytes).map_err(PgError::ending);
        let frame = tokio::select! {
            biased;
            error = control.finished(self.at_rest) => Err(error.into()),
            frame = self.wire.read(self.server.options.max_message, hold) => match frame {
                Ok(frame) => Ok(frame),
                Err(ReadError::Lost) => Err(Failure::Lost),
                Err(ReadError::Invalid(error)) => Err(error.into()),
            },
            () = idle => Err(error.into()),
        };
        self.at_rest = false;
        frame
    }

    fn idle_timeout(&self) -> (Option<Duration>, PgError) {
        let settings = self.session.settings();
        // However long a session wants to stand idle, the server has the last word.
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

    /// Does what a message asks. An error ends the connection; failures of statements are told here.
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
                // Given up with its connection.
                Err(Failure::Lost) => drop(doing),
            }
        }
        match result {
            Ok(()) if self.wire.is_full() => self.flush().await,
            Ok(()) => Ok(()),
            Err(Failure::Error(error)) if !error.fatal => self.fail(error, simple).await,
            Err(failure) => Err(failure),
        }
    }

    /// Tells an error, and goes on after it as the protocol says.
    async fn fail(&mut self, error: PgError, simple: bool) -> Result<(), Failure> {
        self.wire
            .put(&Backend::ErrorResponse(error.into_response()));
        self.session.fail();
        if simple {
            self.ready().await
        } else {
            self.skipping = true;
            self.flush().await
        }
    }

    async fn sync(&mut self) -> Result<(), Failure> {
        self.skipping = false;
        self.ready().await
    }

    /// The end of a group of messages.
    pub(super) async fn ready(&mut self) -> Result<(), Failure> {
        self.session.group_ended();
        put_reports(&mut self.wire, &self.session);
        self.present.transaction(self.session.status());
        self.wire.put(&Backend::ReadyForQuery(ReadyForQuery::new(
            self.session.status(),
        )));
        self.at_rest = true;
        self.flush().await
    }

    /// Sends what is buffered, to a client that reads.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        match tokio::time::timeout(self.server.options.write_timeout, self.wire.flush()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Failure::Lost),
        }
    }

    /// A statement is in hand from now on; the one before has come to its end.
    pub(super) fn begin(&mut self, text: &str) {
        if let Some(before) = self.doing.take() {
            before.finished();
        }
        self.doing = Some(self.present.begin(text));
    }

    /// The statement in hand goes on to another state.
    pub(super) fn enter(&self, state: State) {
        if let Some(doing) = &self.doing {
            doing.statement().enter(state);
        }
    }

    /// A statement begins: its user must still be who logged in.
    pub(super) fn begin_statement(&mut self) -> Result<Watch, Failure> {
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
            // Who is in stays in while the file cannot be read; nobody else gets in.
            Err(error) => tracing::error!("{error}"),
        }
        let timeout = self.session.settings().statement_timeout();
        Ok(Watch::begin(&self.session.control, timeout))
    }

    /// Waits for a part of a statement, which the client can cancel, or give up by going away.
    pub(super) async fn wait<T>(
        &mut self,
        watch: &Watch,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                error = watch.stopped() => return Err(error.into()),
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
