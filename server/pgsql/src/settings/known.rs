//! The table of all settings, and the checks of their values.

use crate::encode::IntervalStyle;
use crate::error::{PgError, code};
use crate::params::parse_boolean;
use crate::types::zone::Zone;

type Check = fn(&'static str, &str) -> Result<String, PgError>;

/// A setting that there is.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) reported: bool,
    /// Returns the value in the form that is kept, or refuses it.
    pub(super) check: Check,
    pub(super) about: &'static str,
}

impl Setting {
    /// Whether the value is a duration, which is kept in milliseconds.
    pub(super) fn is_duration(&self) -> bool {
        self.name.ends_with("_timeout")
    }
}

/// Makes the table of settings: whether clients are told of changes (`reported`) or not (`kept`), name, default, check, and
/// what SHOW ALL says about the setting. One without a description has no effect.
macro_rules! settings {
    ($($kind:ident $name:literal = $default:literal, $check:ident $(: $about:literal)?;)*) => {
        &[$(Setting {
            name: $name,
            default: $default,
            reported: settings!(@reported $kind),
            check: $check,
            about: settings!(@about $($about)?),
        }),*]
    };
    (@reported reported) => { true };
    (@reported kept) => { false };
    (@about $about:literal) => { $about };
    (@about) => { "Has no effect." };
}

/// All settings, in the order of SHOW ALL. Settings that clients set and that have no effect are kept and shown, so that a
/// client finds what it set.
pub(super) const KNOWN: &[Setting] = settings! {
    reported "application_name" = "", text: "Name of the application, for the logs.";
    kept "array_nulls" = "on", boolean: "NULL in array input means null.";
    kept "backslash_quote" = "safe_encoding", text;
    kept "block_size" = "8192", fixed;
    kept "bytea_output" = "hex", bytea: "How bytea is written: hex.";
    kept "check_function_bodies" = "on", boolean;
    reported "client_encoding" = "UTF8", utf8: "Encoding of text: UTF8.";
    kept "client_min_messages" = "notice", text;
    kept "constraint_exclusion" = "partition", text;
    kept "cursor_tuple_fraction" = "0.1", text;
    reported "DateStyle" = "ISO, MDY", date_style: "How dates are written: ISO. The order is kept for clients, and 1/2/2026 is January 2 in any.";
    kept "default_table_access_method" = "heap", text;
    kept "default_tablespace" = "", text;
    kept "default_text_search_config" = "pg_catalog.simple", text;
    kept "default_transaction_deferrable" = "off", boolean;
    kept "default_transaction_isolation" = "read committed", isolation: "Each statement reads one snapshot.";
    reported "default_transaction_read_only" = "on", read_only: "Always on: nobody writes here.";
    kept "default_with_oids" = "off", boolean;
    kept "effective_cache_size" = "4GB", text;
    kept "enable_bitmapscan" = "on", boolean;
    kept "enable_hashagg" = "on", boolean;
    kept "enable_hashjoin" = "on", boolean;
    kept "enable_incremental_sort" = "on", boolean;
    kept "enable_indexonlyscan" = "on", boolean;
    kept "enable_indexscan" = "on", boolean;
    kept "enable_material" = "on", boolean;
    kept "enable_memoize" = "on", boolean;
    kept "enable_mergejoin" = "on", boolean;
    kept "enable_nestloop" = "on", boolean;
    kept "enable_parallel_hash" = "on", boolean;
    kept "enable_partition_pruning" = "on", boolean;
    kept "enable_seqscan" = "on", boolean;
    kept "enable_sort" = "on", boolean;
    kept "enable_tidscan" = "on", boolean;
    kept "escape_string_warning" = "on", boolean;
    kept "extra_float_digits" = "1", float_digits: "Digits of floats: 1 and more write them exactly.";
    kept "from_collapse_limit" = "8", text;
    kept "geqo" = "on", boolean;
    kept "gin_fuzzy_search_limit" = "0", text;
    kept "hash_mem_multiplier" = "2", text;
    kept "idle_in_transaction_session_timeout" = "0", duration: "Ends a session that leaves a transaction open.";
    kept "idle_session_timeout" = "0", duration: "Ends a session that does nothing.";
    reported "in_hot_standby" = "off", fixed: "Whether the server follows another: it does not.";
    reported "integer_datetimes" = "on", fixed: "Instants are integers.";
    reported "IntervalStyle" = "postgres", interval_style: "How intervals are written: postgres, postgres_verbose, sql_standard, iso_8601.";
    reported "is_superuser" = "off", fixed: "Nobody is.";
    kept "jit" = "off", boolean;
    kept "join_collapse_limit" = "8", text;
    kept "lc_collate" = "C", fixed: "Text sorts bytewise.";
    kept "lc_ctype" = "C.UTF-8", fixed: "Text is UTF-8.";
    kept "lc_messages" = "C", text: "Messages are in English.";
    kept "lc_monetary" = "C", text;
    kept "lc_numeric" = "C", text;
    kept "lc_time" = "C", text;
    kept "lock_timeout" = "0", duration: "Has no effect: there are no locks.";
    kept "maintenance_work_mem" = "64MB", text;
    kept "max_identifier_length" = "63", fixed;
    kept "max_index_keys" = "32", fixed;
    kept "max_parallel_workers_per_gather" = "2", text;
    kept "password_encryption" = "scram-sha-256", fixed: "How passwords are kept.";
    kept "plan_cache_mode" = "auto", text;
    kept "quote_all_identifiers" = "off", boolean;
    kept "random_page_cost" = "4", text;
    kept "row_security" = "on", boolean: "Rows of other accounts are not in sight, whatever this says.";
    kept "search_path" = "\"$user\", public", text: "Where names without a schema are looked for; pg_catalog is so in any case.";
    kept "seq_page_cost" = "1", text;
    reported "server_encoding" = "UTF8", fixed: "Encoding of text: UTF8.";
    reported "server_version" = "", fixed: "Version of PostgreSQL that clients may take this for.";
    kept "server_version_num" = "160006", fixed: "The same as a number.";
    reported "session_authorization" = "", fixed: "Who is logged in.";
    kept "session_replication_role" = "origin", fixed;
    reported "standard_conforming_strings" = "on", always_on: "Backslashes in strings are themselves.";
    kept "statement_timeout" = "0", duration: "Ends a statement that runs longer.";
    kept "synchronize_seqscans" = "on", boolean;
    kept "synchronous_commit" = "on", text;
    kept "temp_buffers" = "8MB", text;
    reported "TimeZone" = "UTC", zone: "The zone in which instants are written and read.";
    kept "timezone_abbreviations" = "Default", text;
    kept "timezone_database" = "", fixed: "The rules that time zones go by: their version, and where they are.";
    kept "transaction_deferrable" = "off", boolean;
    kept "transaction_isolation" = "read committed", isolation: "Each statement reads one snapshot.";
    kept "transaction_read_only" = "on", read_only: "Always on: nobody writes here.";
    kept "transform_null_equals" = "off", boolean;
    kept "work_mem" = "4MB", text;
    kept "xmloption" = "content", text;
};

fn invalid_value(name: &str, value: &str, accepted: &str) -> PgError {
    PgError::invalid_parameter(format!(
        "invalid value for parameter \"{name}\": \"{value}\""
    ))
    .hint(format!("accepted: {accepted}"))
}

fn text(name: &'static str, value: &str) -> Result<String, PgError> {
    if value.len() > 8192 || value.contains('\0') {
        return Err(invalid_value(name, "…", "at most 8192 bytes"));
    }
    Ok(value.to_owned())
}

fn fixed(name: &'static str, _value: &str) -> Result<String, PgError> {
    Err(PgError::new(
        "55P02",
        format!("parameter \"{name}\" cannot be changed"),
    ))
}

fn boolean(name: &'static str, value: &str) -> Result<String, PgError> {
    match parse_boolean(value.trim()) {
        Some(true) => Ok("on".to_owned()),
        Some(false) => Ok("off".to_owned()),
        None => Err(invalid_value(name, value, "on, off")),
    }
}

fn always_on(name: &'static str, value: &str) -> Result<String, PgError> {
    match parse_boolean(value.trim()) {
        Some(true) => Ok("on".to_owned()),
        _ => Err(invalid_value(name, value, "on")),
    }
}

fn read_only(name: &'static str, value: &str) -> Result<String, PgError> {
    match parse_boolean(value.trim()) {
        Some(true) => Ok("on".to_owned()),
        Some(false) => Err(PgError::new(
            code::READ_ONLY,
            format!("cannot set \"{name}\" to off: this server is read-only"),
        )),
        None => Err(invalid_value(name, value, "on")),
    }
}

fn utf8(name: &'static str, value: &str) -> Result<String, PgError> {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    if plain.eq_ignore_ascii_case("utf8") || plain.eq_ignore_ascii_case("unicode") {
        return Ok("UTF8".to_owned());
    }
    Err(invalid_value(name, value, "UTF8"))
}

fn bytea(name: &'static str, value: &str) -> Result<String, PgError> {
    if value.eq_ignore_ascii_case("hex") {
        Ok("hex".to_owned())
    } else {
        Err(invalid_value(name, value, "hex"))
    }
}

fn interval_style(name: &'static str, value: &str) -> Result<String, PgError> {
    match IntervalStyle::parse(value) {
        Some(style) => Ok(style.to_string()),
        None => {
            let all = IntervalStyle::ALL.map(|style| style.to_string());
            Err(invalid_value(name, value, &all.join(", ")))
        }
    }
}

fn date_style(name: &'static str, value: &str) -> Result<String, PgError> {
    let mut order = "MDY";
    for word in value.split([',', ' ']).filter(|word| !word.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "iso" | "default" => {}
            "mdy" | "us" | "noneuropean" => order = "MDY",
            "dmy" | "euro" | "european" => order = "DMY",
            "ymd" => order = "YMD",
            _ => return Err(invalid_value(name, value, "ISO, with MDY, DMY or YMD")),
        }
    }
    Ok(format!("ISO, {order}"))
}

fn isolation(name: &'static str, value: &str) -> Result<String, PgError> {
    let value = value.to_ascii_lowercase();
    match value.as_str() {
        "read committed" | "read uncommitted" | "repeatable read" | "serializable" => Ok(value),
        _ => Err(invalid_value(
            name,
            &value,
            "serializable, repeatable read, read committed, read uncommitted",
        )),
    }
}

fn float_digits(name: &'static str, value: &str) -> Result<String, PgError> {
    match value.trim().parse::<i32>() {
        Ok(digits) if (-15..=3).contains(&digits) => Ok(digits.to_string()),
        _ => Err(invalid_value(name, value, "-15 to 3")),
    }
}

fn zone(name: &'static str, value: &str) -> Result<String, PgError> {
    let accepted =
        "an IANA name such as Europe/Berlin, UTC, or hours east of UTC such as -7 or +05:30";
    Zone::parse(value)
        .map(|zone| zone.to_string())
        .ok_or_else(|| invalid_value(name, value, accepted))
}

/// Accepts milliseconds, or a number with a unit.
fn duration(name: &'static str, value: &str) -> Result<String, PgError> {
    let accepted =
        "0 (off) or a number with ms, s, min, h or d (ms where none is given), up to 24 days";
    let value = value.trim();
    let unit_at = value
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_at);
    let factor = match unit.trim() {
        "" | "ms" => 1.0,
        "us" => 0.001,
        "s" => 1000.0,
        "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return Err(invalid_value(name, value, accepted)),
    };
    match number
        .parse::<f64>()
        .map(|number| (number * factor).round())
    {
        Ok(milliseconds) if (0.0..=f64::from(i32::MAX)).contains(&milliseconds) => {
            Ok(format!("{}", milliseconds as i64))
        }
        _ => Err(invalid_value(name, value, accepted)),
    }
}

/// Writes milliseconds in the largest unit of which they are a whole number.
pub(super) fn show_duration(milliseconds: &str) -> String {
    match milliseconds.parse::<u64>() {
        Ok(0) | Err(_) => "0".to_owned(),
        Ok(ms) if ms % 86_400_000 == 0 => format!("{}d", ms / 86_400_000),
        Ok(ms) if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        Ok(ms) if ms % 60_000 == 0 => format!("{}min", ms / 60_000),
        Ok(ms) if ms % 1000 == 0 => format!("{}s", ms / 1000),
        Ok(ms) => format!("{ms}ms"),
    }
}
