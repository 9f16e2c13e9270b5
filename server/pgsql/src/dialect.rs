//! PostgreSQL's dialect without a connection: its functions and rules in a context, and queries planned by them.
//!
//! What tells of a session (who asks, its settings, the catalog) is not here: a server has it.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionContext;
use datafusion_pg_catalog::pg_catalog::generate_series_arg_coercion::CoerceIntArgsToBigInt;
use datafusion_pg_catalog::pg_catalog::{array_bounds_udf, quote_ident_udf};
use pgwire::api::Type;

use crate::analyze::{ColumnAliases, MixedValues, PgOperators};
use crate::encode::{canonical, pg_type};
use crate::error::{PgError, code};
use crate::functions;
use crate::parse::{self, Statement};
use crate::plan::{Parameter, PgTypes, Planned, plan_with};

/// Puts the dialect's functions and rules into a context.
///
/// # Errors
/// If the context lacks a function of DataFusion's.
pub fn install(context: &SessionContext) -> Result<()> {
    for function in [
        quote_ident_udf::create_quote_ident_udf(),
        quote_ident_udf::create_parse_ident_udf(),
        array_bounds_udf::create_array_upper_udf(),
        array_bounds_udf::create_array_lower_udf(),
    ] {
        context.register_udf(function);
    }
    functions::register_all(context)?;
    CoerceIntArgsToBigInt::widen(context);
    numbers(context);

    let operators = PgOperators::of(context)?;
    let state = context.state_ref();
    let mut builder = SessionStateBuilder::new_from_existing(state.read().clone())
        .with_type_planner(Arc::new(PgTypes));
    // The first that has an answer is taken, so ours comes before DataFusion's.
    let planners = builder.expr_planners().get_or_insert_default();
    planners.insert(0, Arc::new(operators));
    let mut ours = builder.build();
    ours.register_relation_planner(Arc::new(MixedValues))?;
    ours.register_relation_planner(Arc::new(ColumnAliases))?;
    // A number with a point is numeric.
    let options = ours.config_mut().options_mut();
    options.sql_parser.parse_float_as_decimal = true;
    *state.write() = ours;
    Ok(())
}

/// `generate_series` of numbers under the name that the SQL layer calls it by.
fn numbers(context: &SessionContext) {
    let state = context.state_ref();
    let series = state
        .read()
        .table_functions()
        .get("generate_series")
        .map(|series| Arc::clone(series.function()));
    if let Some(series) = series {
        context.register_udtf("pg_numbers", series);
    }
}

/// Plans a text that is one query, whose parameters are of these types.
///
/// # Errors
/// If it is something else, or cannot be planned.
pub async fn plan_query(
    state: &SessionState,
    text: &str,
    parameters: &[DataType],
) -> std::result::Result<Planned, PgError> {
    let mut statements = parse::parse(text)?;
    let query = match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => query,
        (Some(Statement::Refused(error)), true) => return Err(error),
        _ => return Err(PgError::new(code::SYNTAX, "expected one query")),
    };
    if query.parameters > parameters.len() {
        return Err(PgError::new(
            "42P02",
            format!("there is no parameter ${}", query.parameters),
        ));
    }
    let parameters = parameters.iter().map(|arrow| Parameter {
        pg: pg_type(&canonical(arrow)).unwrap_or(Type::TEXT),
        arrow: arrow.clone(),
    });
    plan_with(state, &query, parameters.collect()).await
}
