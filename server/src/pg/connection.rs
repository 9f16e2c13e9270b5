//! One connection from accept to end: login, then message after message, and the ways in which it ends.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::response::{ReadyForQuery, TransactionStatus};
use pgwire::messages::startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey};
use pgwire::tokio::server::MaybeTls;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::activity::{self, Doing, Peer, Present, State};
use super::catalog;
use super::control::{Control, Registration};
use super::frontend::{self, Message};
use super::greeting::{Greeting, encrypt, greet};
use super::login;
use super::places::{Entrance, Place};
use super::run::Failure;
use super::server::Server;
use super::session::Session;
use super::watch::Watch;
use super::wire::{ReadError, Wire};
use rapport_pgsql::error::{PgError, code, logged};
use rapport_pgsql::settings::Settings;
use rapport_pgsql::types::zone::Zone;

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

/// Serves a client to its end.
pub(super) async fn serve(
    socket: TcpStream,
    peer: IpAddr,
    server: Arc<Server>,
    entrance: Entrance,
) {
    let deadline = Instant::now() + server.options.login_timeout;
    let mut wire = Wire::new(MaybeTls::Plain(socket));
    let mut client = Peer {
        address: Some(peer),
        encrypted: false,
    };
    let mut greeting = timeout_at(deadline, greet(&mut wire, &server, false)).await;
    if let Ok(Ok(Greeting::Tls(acceptor))) = &greeting {
        wire = match timeout_at(deadline, encrypt(wire, acceptor)).await {
            Ok(Ok(wire)) => wire,
            // There is no stream left on which to say why.
            Ok(Err(error)) => return tracing::info!(peer = ?peer, "TLS failed: {error}"),
            Err(_) => return tracing::info!(peer = ?peer, "TLS took too long"),
        };
        client.encrypted = true;
        greeting = timeout_at(deadline, greet(&mut wire, &server, true)).await;
    }
    let opened = match greeting {
        Ok(Ok(Greeting::Startup { minor, parameters })) => {
            timeout_at(
                deadline,
                open(&mut wire, &server, client, minor, parameters),
            )
            .await
        }
        Ok(Ok(Greeting::Done | Greeting::Tls(_))) => return,
        Ok(Err(error)) => Ok(Err(error)),
        Err(late) => Err(late),
    };
    let parts = match opened {
        Ok(Ok(parts)) => {
            activity::logged_in();
            drop(entrance);
            parts
        }
        Ok(Err(ReadError::Lost)) => return,
        Ok(Err(ReadError::Invalid(error))) => {
            tracing::info!(peer = ?peer, "login refused: {}", logged(&error.to_string()));
            match error.code {
                code::TOO_MANY => activity::connection_refused(),
                _ => activity::login_refused(),
            }
            return part(
                &mut wire,
                PgError {
                    fatal: true,
                    ..error
                },
            )
            .await;
        }
        Err(_) => {
            let error = PgError::fatal(
                code::NOT_AUTHORIZED,
                "canceling authentication due to timeout",
            );
            return part(&mut wire, error).await;
        }
    };
    let connection = Connection {
        wire,
        server,
        session: parts.session,
        skipping: false,
        at_rest: true,
        doing: None,
        present: parts.present,
        _registration: parts.registration,
        _place: parts.place,
    };
    connection.run_to_end().await;
}

/// The last word.
async fn part(wire: &mut Wire<MaybeTls>, error: PgError) {
    wire.put(&Backend::ErrorResponse(error.into_response()));
    // A client that does not even read this is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(5), wire.close()).await;
}

struct Opened {
    session: Session,
    present: Present,
    registration: Registration,
    place: Place,
}

/// The login.
async fn open(
    wire: &mut Wire<MaybeTls>,
    server: &Arc<Server>,
    peer: Peer,
    minor: u16,
    parameters: Vec<(String, String)>,
) -> Result<Opened, ReadError> {
    let login = login::log_in(wire, server, peer.address, minor, parameters).await?;

    // Only who is known takes a place, so that nobody can take them all without a password.
    let place = server.places.take(login.user.info.account.as_deref())?;
    let control = Arc::new(Control::default());
    let key = Bytes::from(
        (0..login.key_length)
            .map(|_| rand::random::<u8>())
            .collect::<Vec<_>>(),
    );
    let (pid, registration) =
        server
            .connections
            .register(key.clone(), Arc::clone(&login.user), Arc::clone(&control));

    let account = login.user.info.account.as_deref();
    let runtime = server.runtimes.of(account).map_err(PgError::internal)?;
    let backend = server
        .backend
        .open(&login.user.info.name, account)
        .await
        .map_err(PgError::from)?;
    let zone = backend
        .time_zone()
        .and_then(|zone| Zone::parse(&zone))
        .unwrap_or(Zone::UTC);
    let timeout = server.options.statement_timeout;
    let mut settings = Settings::new(
        &login.user.info.name,
        catalog::SERVER_VERSION,
        zone,
        timeout,
    );
    for (name, value) in &login.settings {
        settings.set_initial(name, value)?;
    }
    let settings = Arc::new(Mutex::new(settings));
    let identity = catalog::Identity {
        user: login.user.info.clone(),
        pid,
        address: peer.address,
    };
    catalog::install(
        backend.context(),
        &identity,
        &server.catalogs,
        || backend.table_functions(),
        &settings,
        &server.activity,
    )
    .await
    .map_err(PgError::from)?;

    let present = server.activity.enter(
        pid,
        Arc::clone(&login.user),
        peer,
        Arc::clone(&settings),
        Arc::clone(&control),
    );
    let memory = server
        .memory
        .session(account, &backend.context().runtime_env().memory_pool);
    let session = Session::new(backend, login.user, runtime, memory, control, settings);
    wire.put(&Backend::Authentication(Authentication::Ok));
    put_reports(wire, &session);
    let secret = match <[u8; 4]>::try_from(&key[..]) {
        Ok(four) => SecretKey::I32(i32::from_be_bytes(four)),
        Err(_) => SecretKey::Bytes(key),
    };
    wire.put(&Backend::BackendKeyData(BackendKeyData::new(pid, secret)));
    wire.put(&Backend::ReadyForQuery(ReadyForQuery::new(
        TransactionStatus::Idle,
    )));
    wire.flush().await?;
    Ok(Opened {
        session,
        present,
        registration,
        place,
    })
}

/// Tells the client of the settings that it shall know and that have changed.
fn put_reports(wire: &mut Wire<MaybeTls>, session: &Session) {
    for (name, value) in session.settings().take_reports() {
        wire.put(&Backend::ParameterStatus(ParameterStatus::new(
            name.to_owned(),
            value,
        )));
    }
}

impl Connection {
    async fn run_to_end(mut self) {
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
