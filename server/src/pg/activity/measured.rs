//! Metrics of the endpoint, for `/metrics`. None has an account as a label, because whoever may read the metrics need not
//! be allowed to know the accounts.

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::statement::Told;

const SESSIONS: &str = "rapport_pg_sessions";
const LOGINS: &str = "rapport_pg_logins_total";
const REFUSED: &str = "rapport_pg_connections_refused_total";
const STATEMENTS: &str = "rapport_pg_statements_total";
const SECONDS: &str = "rapport_pg_statement_seconds";
const WAITED: &str = "rapport_pg_statement_queue_seconds";
const ROWS: &str = "rapport_pg_rows_sent_total";
const PEAK: &str = "rapport_pg_statement_peak_memory_bytes";

/// Registers a description of each metric.
pub fn describe() {
    describe_gauge!(SESSIONS, "Sessions that are logged in");
    describe_counter!(LOGINS, "Logins by outcome: accepted or refused");
    describe_counter!(
        REFUSED,
        "Connections refused because there were too many of them"
    );
    describe_counter!(
        STATEMENTS,
        "Statements that ended, by how: finished, failed or canceled"
    );
    describe_histogram!(
        SECONDS,
        Unit::Seconds,
        "From a statement's beginning to its end, without the time that it waited for its client"
    );
    describe_histogram!(
        WAITED,
        Unit::Seconds,
        "How long statements waited for their account's turn"
    );
    describe_counter!(ROWS, "Rows sent to clients");
    describe_histogram!(
        PEAK,
        Unit::Bytes,
        "The most memory that a statement's operators held at a time"
    );
}

/// Counts a session as open.
pub(super) fn session_began() {
    gauge!(SESSIONS).increment(1);
}

/// Counts a session as closed.
pub(super) fn session_ended() {
    gauge!(SESSIONS).decrement(1);
}

/// Counts an accepted login.
pub fn logged_in() {
    counter!(LOGINS, "outcome" => "accepted").increment(1);
}

/// Counts a refused login.
pub fn login_refused() {
    counter!(LOGINS, "outcome" => "refused").increment(1);
}

/// Counts a connection refused because there were too many.
pub fn connection_refused() {
    counter!(REFUSED).increment(1);
}

/// Records the metrics of a statement that has ended.
pub(super) fn statement_ended(told: &Told) {
    counter!(STATEMENTS, "state" => told.state.name()).increment(1);
    histogram!(SECONDS).record(told.queued + told.planning + told.running);
    histogram!(WAITED).record(told.queued);
    counter!(ROWS).increment(told.rows);
    histogram!(PEAK).record(told.peak_memory as f64);
}
