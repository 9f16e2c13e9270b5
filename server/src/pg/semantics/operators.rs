//! Operators on dates and times, by the types of their operands.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, cast, lit};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::super::params::array_elements;

/// Operators on dates and times.
#[derive(Debug)]
pub struct PgOperators {
    /// `pg_timestamptz`
    pub to_instant: Arc<ScalarUDF>,
    /// `pg_timestamp`
    pub to_local: Arc<ScalarUDF>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Instant,
    Local,
    Date,
    Interval,
    Integer,
    Text,
    Other,
}

fn kind(expr: &Expr, schema: &DFSchema) -> Kind {
    match expr.get_type(schema) {
        Ok(DataType::Timestamp(_, Some(_))) => Kind::Instant,
        Ok(DataType::Timestamp(_, None)) => Kind::Local,
        Ok(DataType::Date32 | DataType::Date64) => Kind::Date,
        Ok(DataType::Interval(_) | DataType::Duration(_)) => Kind::Interval,
        Ok(data_type) if data_type.is_integer() => Kind::Integer,
        Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
            if matches!(expr, Expr::Literal(..)) =>
        {
            Kind::Text
        }
        _ => Kind::Other,
    }
}

impl PgOperators {
    fn instant(&self, expr: Expr) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::clone(&self.to_instant),
            vec![expr],
        ))
    }

    fn local(&self, expr: Expr) -> Expr {
        Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::clone(&self.to_local),
            vec![expr],
        ))
    }
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn days(expr: Expr) -> Expr {
    cast(expr, DataType::Int32)
}

impl ExprPlanner for PgOperators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator as B;
        let kinds = (kind(&raw.left, schema), kind(&raw.right, schema));
        let operator = match raw.op {
            B::Eq => Operator::Eq,
            B::NotEq => Operator::NotEq,
            B::Lt => Operator::Lt,
            B::LtEq => Operator::LtEq,
            B::Gt => Operator::Gt,
            B::GtEq => Operator::GtEq,
            B::Plus => Operator::Plus,
            B::Minus => Operator::Minus,
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let RawBinaryExpr { op, left, right } = raw;
        let compared = !matches!(operator, Operator::Plus | Operator::Minus);
        if compared && let Some((left, right)) = with_lists(&left, &right, schema) {
            return Ok(PlannerResult::Planned(binary(left, operator, right)));
        }
        let planned = match kinds {
            // What an instant is compared with is an instant of the session's zone.
            (Kind::Instant, Kind::Text | Kind::Date | Kind::Local) if compared => {
                binary(left, operator, self.instant(right))
            }
            (Kind::Text | Kind::Date | Kind::Local, Kind::Instant) if compared => {
                binary(self.instant(left), operator, right)
            }
            // Days are added by the calendar of the session's zone.
            (Kind::Instant, Kind::Interval) if !compared => {
                self.instant(binary(self.local(left), operator, right))
            }
            (Kind::Interval, Kind::Instant) if operator == Operator::Plus => {
                self.instant(binary(self.local(right), operator, left))
            }
            (Kind::Date, Kind::Interval) if !compared => binary(self.local(left), operator, right),
            (Kind::Interval, Kind::Date) if operator == Operator::Plus => {
                binary(self.local(right), operator, left)
            }
            (Kind::Date, Kind::Date) if operator == Operator::Minus => {
                binary(days(left), operator, days(right))
            }
            (Kind::Date, Kind::Integer) if !compared => {
                cast(binary(days(left), operator, days(right)), DataType::Date32)
            }
            (Kind::Integer, Kind::Date) if operator == Operator::Plus => {
                cast(binary(days(left), operator, days(right)), DataType::Date32)
            }
            (Kind::Instant, Kind::Instant) if operator == Operator::Minus => {
                binary(micros(left), operator, micros(right))
            }
            _ => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
        };
        Ok(PlannerResult::Planned(planned))
    }
}

/// Differences are exact to the microsecond, whatever the units of the operands.
fn micros(expr: Expr) -> Expr {
    cast(
        expr,
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    )
}

/// A list that is compared with `'{…}'`, and that as a list.
fn with_lists(left: &Expr, right: &Expr, schema: &DFSchema) -> Option<(Expr, Expr)> {
    if let Some(list) = as_list(right, left, schema) {
        return Some((left.clone(), list));
    }
    as_list(left, right, schema).map(|list| (list, right.clone()))
}

fn as_list(literal: &Expr, list: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::Literal(value, _) = literal else {
        return None;
    };
    let text = value.try_as_str().flatten()?;
    let DataType::List(item) = list.get_type(schema).ok()? else {
        return None;
    };
    let elements = array_elements(text)?
        .into_iter()
        .map(|element| ScalarValue::Utf8(element).cast_to(item.data_type()).ok())
        .collect::<Option<Vec<_>>>()?;
    let list = ScalarValue::new_list_nullable(&elements, item.data_type());
    Some(lit(ScalarValue::List(list)))
}
