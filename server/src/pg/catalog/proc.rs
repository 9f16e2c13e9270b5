//! `pg_proc`: the functions that tools list and offer for completion.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::Result;

use super::procedures::Procedures;
use super::relations::{PUBLIC, Relations};
use super::system::{OWNER_OID, extended};
use super::table::{V, row};
use rapport_pgsql::types::names::type_oid;

/// Returns `pg_proc`: PostgreSQL's own functions and the saved queries, which are functions in schema `public`.
pub(super) fn pg_proc(
    relations: &Relations,
    procedures: &Procedures,
) -> Result<Arc<dyn TableProvider>> {
    let columns = [
        "oid",
        "proname",
        "pronamespace",
        "proowner",
        "prolang",
        "procost",
        "prorows",
        "provariadic",
        "prosupport",
        "prokind",
        "prosecdef",
        "proleakproof",
        "proisstrict",
        "proretset",
        "provolatile",
        "proparallel",
        "pronargs",
        "pronargdefaults",
        "prorettype",
        "proargtypes",
        "prosrc",
        "proallargtypes",
        "proargmodes",
        "proargnames",
    ];
    let rows = relations
        .functions
        .iter()
        .map(|(oid, function)| {
            let arguments = function.arguments.len() as i64;
            let all = || function.arguments.iter().chain(&function.columns);
            let oids: Vec<i64> = all()
                .map(|(_, kind)| i64::from(type_oid(kind).unwrap_or(25)))
                .collect();
            let types: Vec<String> = oids
                .iter()
                .take(function.arguments.len())
                .map(i64::to_string)
                .collect();
            let modes = all().enumerate().map(|(at, _)| {
                let mode = if at < function.arguments.len() {
                    "i"
                } else {
                    "t"
                };
                mode.to_owned()
            });
            row![
                *oid,
                function.name.as_str(),
                PUBLIC,
                OWNER_OID,
                14,
                100,
                1000,
                0,
                "-",
                "f",
                false,
                false,
                false,
                true,
                "s",
                "s",
                arguments,
                arguments,
                2249,
                types.join(" "),
                function.name.as_str(),
                V::Is(oids),
                V::Ts(modes.collect()),
                V::Ts(all().map(|(name, _)| name.clone()).collect())
            ]
        })
        .collect();
    let own = &procedures.pg_proc;
    extended(&own.schema(), std::slice::from_ref(own), &columns, rows)
}
