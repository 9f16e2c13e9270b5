//! Rapport's DataFusion functions.
//!
//! | function | what it returns |
//! |---|---|
//! | `conversation_status(type, sender, occurred_at, event_id)` | aggregate: the status of a conversation (SPEC C3) |
//! | `conversation_ruling(type, sender, occurred_at, event_id)` | aggregate: the rule of C3 that gave the status, and the event that decided it |
//! | `conversation_fold(type, occurred_at, event_id, …)` | aggregate: the conversation as a struct, from its events (SPEC C1 to C11) |
//! | `order_fold(type, occurred_at, event_id, …)` | aggregate: the order as a struct, from its events (SPEC A9) |
//! | `attribute(model, windows, …)` | aggregate: the conversations that each order is credited to (SPEC section 5) |
//! | `touch_outcome(model, windows, …) OVER (…)` | window function: whether each touch of an order won, lost or was left out, and why (SPEC section 5) |
//! | `touch_kind(type, sender)`, `touch_class(channel, kind)`, `touch_exclusion(kind, is_bot, …)` | whether an event is a touch, its class, and the reason that excludes it (SPEC A1, A2) |
//! | `longest_window(windows)` | the longest attribution window in seconds (SPEC A3) |
//! | `local_date(instant, zone)`, `day_start(date, zone)` | the day of an instant, the first instant of a day (SPEC T2) |
//! | `exact_credit(units)`, `round_credit(sum)` | credits as decimals that sum exactly, and a sum of them as a float (SPEC A7) |
//! | `average_order_value(sales, credits)`, `net_value(attributed, refunded, units)` | money, rounded once (SPEC M4, A9) |
//! | `list_or_null(list)` | the list, or a list of one null, so that `unnest` keeps the row (SPEC M6) |
//! | `wilson_low(successes, trials)`, `wilson_high(successes, trials)` | the confidence interval of a rate (SPEC M6) |
//!
//! [`register`] adds all of them to a session. They are ordinary DataFusion functions: they accept any Arrow string type
//! (dictionaries too) and nulls, and support `FILTER`, windows and partial aggregation.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod attribution;
pub mod calendar;
mod columns;
mod grouped;
mod lists;
mod money;
mod orders;
mod rates;
mod resolution;
mod scalar;

#[cfg(test)]
mod testing;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::prelude::SessionContext;

use scalar::scalar_udf;

/// Returns every scalar function of this crate.
pub fn all_udfs() -> Vec<Arc<ScalarUDF>> {
    vec![
        scalar_udf(calendar::LocalDate),
        scalar_udf(calendar::DayStart),
        scalar_udf(attribution::TouchKind),
        scalar_udf(attribution::TouchClass),
        scalar_udf(attribution::TouchExclusion),
        scalar_udf(attribution::LongestWindow),
        scalar_udf(money::ExactCredit),
        scalar_udf(money::RoundCredit),
        scalar_udf(money::AverageOrderValue),
        scalar_udf(money::NetValue),
        Arc::new(lists::ListOrNull::default().into()),
        scalar_udf(rates::WilsonBound::Low),
        scalar_udf(rates::WilsonBound::High),
    ]
}

/// Returns every aggregate function of this crate.
pub fn all_udafs() -> Vec<Arc<AggregateUDF>> {
    vec![
        resolution::conversation_status_udaf(),
        resolution::conversation_ruling_udaf(),
        resolution::conversation_fold_udaf(),
        orders::order_fold_udaf(),
        attribution::attribute_udaf(),
    ]
}

/// Returns every window function of this crate.
pub fn all_udwfs() -> Vec<Arc<WindowUDF>> {
    vec![attribution::touch_outcome_udwf()]
}

/// Registers every function of this crate with a session.
pub fn register(context: &SessionContext) {
    for function in all_udfs() {
        context.register_udf(function.as_ref().clone());
    }
    for function in all_udafs() {
        context.register_udaf(function.as_ref().clone());
    }
    for function in all_udwfs() {
        context.register_udwf(function.as_ref().clone());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_function_is_documented_with_an_example() {
        let scalars = all_udfs();
        let aggregates = all_udafs();
        let windows = all_udwfs();
        let documented = scalars
            .iter()
            .map(|function| (function.name(), function.documentation()))
            .chain(
                aggregates
                    .iter()
                    .map(|function| (function.name(), function.documentation())),
            )
            .chain(
                windows
                    .iter()
                    .map(|function| (function.name(), function.documentation())),
            );
        let mut names = HashSet::new();
        for (name, documentation) in documented {
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            let documentation = documentation.unwrap_or_else(|| panic!("{name} has no docs"));
            assert!(documentation.sql_example.is_some(), "{name} has no example");
        }
    }

    #[test]
    fn every_function_is_registered() {
        let context = testing::context(1);
        let state = context.state();
        for function in all_udfs() {
            assert!(state.scalar_functions().contains_key(function.name()));
        }
        for function in all_udafs() {
            assert!(state.aggregate_functions().contains_key(function.name()));
        }
        for function in all_udwfs() {
            assert!(state.window_functions().contains_key(function.name()));
        }
    }
}
