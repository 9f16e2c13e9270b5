//! Windows that are named: `OVER w`, `OVER (w ORDER BY x)`, `WINDOW w2 AS (w1 ORDER BY x)`.
//!
//! DataFusion looks for `OVER w` among the columns alone, and takes nothing of the window that another one begins with.
//! So every call gets the whole of its window, and the names are gone before it is planned.

use std::collections::HashMap;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, Query, SetExpr, VisitMut, WindowSpec,
    WindowType,
};

use super::ast::{each_select, normalized};
use super::own::each_expr;
use super::{AstPass, Step};
use crate::error::{PgError, code};

pub(super) const PASS: AstPass = AstPass {
    name: "named-windows",
    bridges: "DataFusion takes nothing of the window that another one begins with, and looks for `OVER w` in ORDER BY in vain",
    run: &[Step::Query(inherit)],
};

/// Windows by their names.
type Windows = HashMap<String, WindowSpec>;

/// Gives every window of a query's own SELECTs what it inherits.
fn inherit(query: &mut Query) -> Result<(), PgError> {
    let mut known = Windows::new();
    each_select(&mut query.body, &mut |select| {
        known = windows(std::mem::take(&mut select.named_window))?;
        put_in(select, &known)
    })?;
    // The windows of a query that is one SELECT are those of its ORDER BY too.
    if matches!(*query.body, SetExpr::SetOperation { .. }) {
        known.clear();
    }
    match &mut query.order_by {
        Some(order) => put_in(order, &known),
        None => Ok(()),
    }
}

/// Puts windows into the calls of one SELECT, and not of those inside it.
fn put_in(node: &mut impl VisitMut, known: &Windows) -> Result<(), PgError> {
    each_expr(node, |expr, depth| {
        if depth == 0
            && let Expr::Function(function) = expr
        {
            function.over = match function.over.take() {
                None => None,
                Some(WindowType::NamedWindow(name)) => Some(named(&name, known)?.clone()),
                Some(WindowType::WindowSpec(window)) => Some(whole(window, known)?),
            }
            .map(WindowType::WindowSpec);
        }
        Ok(())
    })
}

/// The windows of a WINDOW clause, each of which may begin with one before it.
fn windows(definitions: Vec<NamedWindowDefinition>) -> Result<Windows, PgError> {
    let mut known = Windows::new();
    for NamedWindowDefinition(name, definition) in definitions {
        let window = match definition {
            NamedWindowExpr::WindowSpec(window) => whole(window, &known)?,
            NamedWindowExpr::NamedWindow(other) => named(&other, &known)?.clone(),
        };
        let name = normalized(&name);
        if known.contains_key(&name) {
            return Err(wrong(format!("window \"{name}\" is already defined")));
        }
        known.insert(name, window);
    }
    Ok(known)
}

/// A window with what it inherits of the one that it begins with.
fn whole(mut window: WindowSpec, known: &Windows) -> Result<WindowSpec, PgError> {
    let Some(name) = window.window_name.take() else {
        return Ok(window);
    };
    let inherited = named(&name, known)?;
    let name = normalized(&name);
    if !window.partition_by.is_empty() {
        return Err(wrong(format!(
            "cannot override PARTITION BY clause of window \"{name}\""
        )));
    }
    if !window.order_by.is_empty() && !inherited.order_by.is_empty() {
        return Err(wrong(format!(
            "cannot override ORDER BY clause of window \"{name}\""
        )));
    }
    if inherited.window_frame.is_some() {
        return Err(wrong(format!(
            "cannot copy window \"{name}\" because it has a frame clause"
        )));
    }
    window.partition_by.clone_from(&inherited.partition_by);
    if window.order_by.is_empty() {
        window.order_by.clone_from(&inherited.order_by);
    }
    Ok(window)
}

fn named<'a>(name: &Ident, known: &'a Windows) -> Result<&'a WindowSpec, PgError> {
    let name = normalized(name);
    known.get(&name).ok_or_else(|| {
        PgError::new(
            code::UNDEFINED_OBJECT,
            format!("window \"{name}\" does not exist"),
        )
    })
}

fn wrong(message: String) -> PgError {
    PgError::new("42P20", message)
}

#[cfg(test)]
rewrites! {
    PASS windows_are_whole r"
        SELECT sum(x) OVER w FROM t WINDOW w AS (PARTITION BY a) ~> SELECT sum(x) OVER (PARTITION BY a) FROM t
        SELECT sum(x) OVER (w ORDER BY b) FROM t WINDOW w AS (PARTITION BY a) ~> SELECT sum(x) OVER (PARTITION BY a ORDER BY b) FROM t
        SELECT x FROM t WINDOW w AS (ORDER BY a) ORDER BY rank() OVER w ~> SELECT x FROM t ORDER BY rank() OVER (ORDER BY a)
    "
}
