//! Windows that are named: `OVER w`, `OVER (w ORDER BY x)`, `WINDOW w2 AS (w1 ORDER BY x)`.
//!
//! DataFusion looks for `OVER w` among the columns alone, and takes nothing of the window that another one begins with.
//! So every call gets the whole of its window, and the names are gone before it is planned.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, Query, Select, SetExpr, VisitMut,
    VisitorMut, WindowSpec, WindowType,
};

use super::normalized;
use crate::error::{PgError, code};

/// Gives every window of a query's own SELECTs what it inherits.
pub(super) fn inherit(query: &mut Query) -> Result<(), PgError> {
    let mut last = HashMap::new();
    inherit_in(&mut query.body, &mut last)?;
    match &mut query.order_by {
        Some(order) => finished(order.visit(&mut Inherit::of(&last))),
        None => Ok(()),
    }
}

/// Windows by their names.
type Windows = HashMap<String, WindowSpec>;

/// The windows of a query that is one SELECT are those of its ORDER BY too.
fn inherit_in(body: &mut SetExpr, last: &mut Windows) -> Result<(), PgError> {
    match body {
        SetExpr::Select(select) => {
            *last = windows(std::mem::take(&mut select.named_window))?;
            inherit_in_select(select, last)
        }
        SetExpr::SetOperation { left, right, .. } => {
            inherit_in(left, last)?;
            inherit_in(right, last)?;
            last.clear();
            Ok(())
        }
        _ => Ok(()),
    }
}

fn inherit_in_select(select: &mut Select, windows: &Windows) -> Result<(), PgError> {
    finished(select.visit(&mut Inherit::of(windows)))
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

fn finished(flow: ControlFlow<PgError>) -> Result<(), PgError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Puts windows into the calls of one SELECT, and not of those inside it.
struct Inherit<'a> {
    windows: &'a Windows,
    depth: usize,
}

impl Inherit<'_> {
    fn of(windows: &Windows) -> Inherit<'_> {
        Inherit { windows, depth: 0 }
    }
}

impl VisitorMut for Inherit<'_> {
    type Break = PgError;

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<PgError> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<PgError> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<PgError> {
        let Expr::Function(function) = expr else {
            return ControlFlow::Continue(());
        };
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        let window = match function.over.take() {
            None => return ControlFlow::Continue(()),
            Some(WindowType::NamedWindow(name)) => named(&name, self.windows).cloned(),
            Some(WindowType::WindowSpec(window)) => whole(window, self.windows),
        };
        match window {
            Ok(window) => {
                function.over = Some(WindowType::WindowSpec(window));
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}
