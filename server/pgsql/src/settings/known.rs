//! The settings that there are: name, default, what values are accepted, and whether clients are told of changes.

use crate::encode::IntervalStyle;
use crate::error::{PgError, code};
use crate::types::zone::Zone;

type Check = fn(&'static str, &str) -> Result<String, PgError>;

/// A setting.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) default: &'static str,
    pub(super) reported: bool,
    /// Gives the value as it is kept.
    pub(super) check: Check,
    pub(super) about: &'static str,
}

impl Known {
    /// Kept in milliseconds.
    pub(super) fn is_duration(&self) -> bool {
        self.name.ends_with("_timeout")
    }
}

const fn told(
    name: &'static str,
    default: &'static str,
    check: Check,
    about: &'static str,
) -> Known {
    Known {
        name,
        default,
        reported: true,
        check,
        about,
    }
}

const fn kept(
    name: &'static str,
    default: &'static str,
    check: Check,
    about: &'static str,
) -> Known {
    Known {
        name,
        default,
        reported: false,
        check,
        about,
    }
}

/// Settings that clients set and that change nothing here are kept and shown, so that a client finds what it set.
pub(super) const KNOWN: &[Known] = &[
    told(
        "application_name",
        "",
        text,
        "Name of the application, for the logs.",
    ),
    kept(
        "array_nulls",
        "on",
        boolean,
        "NULL in array input means null.",
    ),
    kept("backslash_quote", "safe_encoding", text, "Has no effect."),
    kept("block_size", "8192", fixed, "Has no effect."),
    kept("bytea_output", "hex", bytea, "How bytea is written: hex."),
    kept("check_function_bodies", "on", boolean, "Has no effect."),
    told("client_encoding", "UTF8", utf8, "Encoding of text: UTF8."),
    kept("client_min_messages", "notice", text, "Has no effect."),
    kept("constraint_exclusion", "partition", text, "Has no effect."),
    kept("cursor_tuple_fraction", "0.1", text, "Has no effect."),
    told(
        "DateStyle",
        "ISO, MDY",
        date_style,
        "How dates are written: ISO. The order is kept for clients, and 1/2/2026 is January 2 in any.",
    ),
    kept(
        "default_table_access_method",
        "heap",
        text,
        "Has no effect.",
    ),
    kept("default_tablespace", "", text, "Has no effect."),
    kept(
        "default_text_search_config",
        "pg_catalog.simple",
        text,
        "Has no effect.",
    ),
    kept(
        "default_transaction_deferrable",
        "off",
        boolean,
        "Has no effect.",
    ),
    kept(
        "default_transaction_isolation",
        "read committed",
        isolation,
        "Each statement reads one snapshot.",
    ),
    told(
        "default_transaction_read_only",
        "on",
        read_only,
        "Always on: nobody writes here.",
    ),
    kept("default_with_oids", "off", boolean, "Has no effect."),
    kept("effective_cache_size", "4GB", text, "Has no effect."),
    kept("enable_bitmapscan", "on", boolean, "Has no effect."),
    kept("enable_hashagg", "on", boolean, "Has no effect."),
    kept("enable_hashjoin", "on", boolean, "Has no effect."),
    kept("enable_incremental_sort", "on", boolean, "Has no effect."),
    kept("enable_indexonlyscan", "on", boolean, "Has no effect."),
    kept("enable_indexscan", "on", boolean, "Has no effect."),
    kept("enable_material", "on", boolean, "Has no effect."),
    kept("enable_memoize", "on", boolean, "Has no effect."),
    kept("enable_mergejoin", "on", boolean, "Has no effect."),
    kept("enable_nestloop", "on", boolean, "Has no effect."),
    kept("enable_parallel_hash", "on", boolean, "Has no effect."),
    kept("enable_partition_pruning", "on", boolean, "Has no effect."),
    kept("enable_seqscan", "on", boolean, "Has no effect."),
    kept("enable_sort", "on", boolean, "Has no effect."),
    kept("enable_tidscan", "on", boolean, "Has no effect."),
    kept("escape_string_warning", "on", boolean, "Has no effect."),
    kept(
        "extra_float_digits",
        "1",
        float_digits,
        "Digits of floats: 1 and more write them exactly.",
    ),
    kept("from_collapse_limit", "8", text, "Has no effect."),
    kept("geqo", "on", boolean, "Has no effect."),
    kept("gin_fuzzy_search_limit", "0", text, "Has no effect."),
    kept("hash_mem_multiplier", "2", text, "Has no effect."),
    kept(
        "idle_in_transaction_session_timeout",
        "0",
        duration,
        "Ends a session that leaves a transaction open.",
    ),
    kept(
        "idle_session_timeout",
        "0",
        duration,
        "Ends a session that does nothing.",
    ),
    told(
        "in_hot_standby",
        "off",
        fixed,
        "Whether the server follows another: it does not.",
    ),
    told("integer_datetimes", "on", fixed, "Instants are integers."),
    told(
        "IntervalStyle",
        "postgres",
        interval_style,
        "How intervals are written: postgres, postgres_verbose, sql_standard, iso_8601.",
    ),
    told("is_superuser", "off", fixed, "Nobody is."),
    kept("jit", "off", boolean, "Has no effect."),
    kept("join_collapse_limit", "8", text, "Has no effect."),
    kept("lc_collate", "C", fixed, "Text sorts bytewise."),
    kept("lc_ctype", "C.UTF-8", fixed, "Text is UTF-8."),
    kept("lc_messages", "C", text, "Messages are in English."),
    kept("lc_monetary", "C", text, "Has no effect."),
    kept("lc_numeric", "C", text, "Has no effect."),
    kept("lc_time", "C", text, "Has no effect."),
    kept(
        "lock_timeout",
        "0",
        duration,
        "Has no effect: there are no locks.",
    ),
    kept("maintenance_work_mem", "64MB", text, "Has no effect."),
    kept("max_identifier_length", "63", fixed, "Has no effect."),
    kept("max_index_keys", "32", fixed, "Has no effect."),
    kept(
        "max_parallel_workers_per_gather",
        "2",
        text,
        "Has no effect.",
    ),
    kept(
        "password_encryption",
        "scram-sha-256",
        fixed,
        "How passwords are kept.",
    ),
    kept("plan_cache_mode", "auto", text, "Has no effect."),
    kept("quote_all_identifiers", "off", boolean, "Has no effect."),
    kept("random_page_cost", "4", text, "Has no effect."),
    kept(
        "row_security",
        "on",
        boolean,
        "Rows of other accounts are not in sight, whatever this says.",
    ),
    kept(
        "search_path",
        "\"$user\", public",
        text,
        "Where names without a schema are looked for; pg_catalog is so in any case.",
    ),
    kept("seq_page_cost", "1", text, "Has no effect."),
    told("server_encoding", "UTF8", fixed, "Encoding of text: UTF8."),
    told(
        "server_version",
        "",
        fixed,
        "Version of PostgreSQL that clients may take this for.",
    ),
    kept(
        "server_version_num",
        "160006",
        fixed,
        "The same as a number.",
    ),
    told("session_authorization", "", fixed, "Who is logged in."),
    kept(
        "session_replication_role",
        "origin",
        fixed,
        "Has no effect.",
    ),
    told(
        "standard_conforming_strings",
        "on",
        always_on,
        "Backslashes in strings are themselves.",
    ),
    kept(
        "statement_timeout",
        "0",
        duration,
        "Ends a statement that runs longer.",
    ),
    kept("synchronize_seqscans", "on", boolean, "Has no effect."),
    kept("synchronous_commit", "on", text, "Has no effect."),
    kept("temp_buffers", "8MB", text, "Has no effect."),
    told(
        "TimeZone",
        "UTC",
        zone,
        "The zone in which instants are written and read.",
    ),
    kept("timezone_abbreviations", "Default", text, "Has no effect."),
    kept(
        "timezone_database",
        "",
        fixed,
        "The rules that time zones go by: their version, and where they are.",
    ),
    kept("transaction_deferrable", "off", boolean, "Has no effect."),
    kept(
        "transaction_isolation",
        "read committed",
        isolation,
        "Each statement reads one snapshot.",
    ),
    kept(
        "transaction_read_only",
        "on",
        read_only,
        "Always on: nobody writes here.",
    ),
    kept("transform_null_equals", "off", boolean, "Has no effect."),
    kept("work_mem", "4MB", text, "Has no effect."),
    kept("xmloption", "content", text, "Has no effect."),
];

fn refused(name: &str, value: &str, accepted: &str) -> PgError {
    PgError::new(
        code::INVALID_PARAMETER,
        format!("invalid value for parameter \"{name}\": \"{value}\""),
    )
    .hint(format!("accepted: {accepted}"))
}

fn text(name: &'static str, value: &str) -> Result<String, PgError> {
    if value.len() > 8192 || value.contains('\0') {
        return Err(refused(name, "…", "at most 8192 bytes"));
    }
    Ok(value.to_owned())
}

fn fixed(name: &'static str, _value: &str) -> Result<String, PgError> {
    Err(PgError::new(
        "55P02",
        format!("parameter \"{name}\" cannot be changed"),
    ))
}

fn parse_boolean(value: &str) -> Option<bool> {
    let value = value.trim().to_ascii_lowercase();
    match value.as_str() {
        "1" | "on" => Some(true),
        "0" | "off" | "of" => Some(false),
        "" => None,
        other if "true".starts_with(other) || "yes".starts_with(other) => Some(true),
        other if "false".starts_with(other) || "no".starts_with(other) => Some(false),
        _ => None,
    }
}

fn boolean(name: &'static str, value: &str) -> Result<String, PgError> {
    match parse_boolean(value) {
        Some(true) => Ok("on".to_owned()),
        Some(false) => Ok("off".to_owned()),
        None => Err(refused(name, value, "on, off")),
    }
}

fn always_on(name: &'static str, value: &str) -> Result<String, PgError> {
    match parse_boolean(value) {
        Some(true) => Ok("on".to_owned()),
        _ => Err(refused(name, value, "on")),
    }
}

fn read_only(name: &'static str, value: &str) -> Result<String, PgError> {
    match parse_boolean(value) {
        Some(true) => Ok("on".to_owned()),
        Some(false) => Err(PgError::new(
            code::READ_ONLY,
            format!("cannot set \"{name}\" to off: this server is read-only"),
        )),
        None => Err(refused(name, value, "on")),
    }
}

fn utf8(name: &'static str, value: &str) -> Result<String, PgError> {
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    if plain.eq_ignore_ascii_case("utf8") || plain.eq_ignore_ascii_case("unicode") {
        return Ok("UTF8".to_owned());
    }
    Err(refused(name, value, "UTF8"))
}

fn bytea(name: &'static str, value: &str) -> Result<String, PgError> {
    if value.eq_ignore_ascii_case("hex") {
        Ok("hex".to_owned())
    } else {
        Err(refused(name, value, "hex"))
    }
}

fn interval_style(name: &'static str, value: &str) -> Result<String, PgError> {
    match IntervalStyle::parse(value) {
        Some(style) => Ok(style.to_string()),
        None => {
            let all = IntervalStyle::ALL.map(|style| style.to_string());
            Err(refused(name, value, &all.join(", ")))
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
            _ => return Err(refused(name, value, "ISO, with MDY, DMY or YMD")),
        }
    }
    Ok(format!("ISO, {order}"))
}

fn isolation(name: &'static str, value: &str) -> Result<String, PgError> {
    let value = value.to_ascii_lowercase();
    match value.as_str() {
        "read committed" | "read uncommitted" | "repeatable read" | "serializable" => Ok(value),
        _ => Err(refused(
            name,
            &value,
            "serializable, repeatable read, read committed, read uncommitted",
        )),
    }
}

fn float_digits(name: &'static str, value: &str) -> Result<String, PgError> {
    match value.trim().parse::<i32>() {
        Ok(digits) if (-15..=3).contains(&digits) => Ok(digits.to_string()),
        _ => Err(refused(name, value, "-15 to 3")),
    }
}

fn zone(name: &'static str, value: &str) -> Result<String, PgError> {
    let accepted =
        "an IANA name such as Europe/Berlin, UTC, or hours east of UTC such as -7 or +05:30";
    Zone::parse(value)
        .map(|zone| zone.to_string())
        .ok_or_else(|| refused(name, value, accepted))
}

/// Milliseconds, or a number with a unit.
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
        _ => return Err(refused(name, value, accepted)),
    };
    match number
        .parse::<f64>()
        .map(|number| (number * factor).round())
    {
        Ok(milliseconds) if (0.0..=f64::from(i32::MAX)).contains(&milliseconds) => {
            Ok(format!("{}", milliseconds as i64))
        }
        _ => Err(refused(name, value, accepted)),
    }
}

/// In the largest unit that it is a whole number of.
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
