//! Operators on dates, times and numbers, by the types of their operands.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::utils::list_ndims;
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_nested::expr_fn::{array_has_all, array_has_any};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr,
};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, GetFieldAccess, Operator, ScalarUDF, cast, lit,
};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::case_types::with_case_types;
use super::chains;
use super::json;
use super::kinds::{Kind, kind};
use super::operator_functions::Functions;
use super::units::{days, local_micros, micros, of_micros, with_doubles};
use super::unknown_literals::{Side, not_unique, with_lists, with_truths};
use crate::error::{PgError, code};
use crate::functions::raise;

/// Operators on dates, times and numbers.
#[derive(Debug)]
pub struct PgOperators {
    pub(super) functions: Functions,
}

impl PgOperators {
    /// Those of a context.
    ///
    /// # Errors
    /// If it lacks a function that an operator stands for.
    pub fn of(context: &SessionContext) -> Result<PgOperators> {
        let functions = Functions::of(context)?;
        Ok(PgOperators { functions })
    }
}

pub(super) fn call(function: &Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), args))
}

impl PgOperators {
    /// The function of numbers or lengths of time that an operator stands for.
    fn arithmetic(&self, operator: Operator, kinds: (Kind, Kind)) -> Option<&Arc<ScalarUDF>> {
        let functions = &self.functions;
        Some(match (operator, kinds) {
            (Operator::Plus, (Kind::Integer, Kind::Integer)) => &functions.add,
            (Operator::Minus, (Kind::Integer, Kind::Integer)) => &functions.subtract,
            (Operator::Multiply, (Kind::Integer, Kind::Integer)) => &functions.multiply,
            // Whole numbers are divided to whole numbers, as DataFusion does it.
            (Operator::Divide, (Kind::Integer, Kind::Integer)) => return None,
            (Operator::Divide, (a, b)) if a.is_number() && b.is_number() => &functions.quotient,
            (Operator::Multiply, (Kind::Interval, b)) if b.is_number() => &functions.times,
            (Operator::Divide, (Kind::Interval, b)) if b.is_number() => &functions.parts,
            (Operator::Plus, (Kind::Date | Kind::Local, Kind::Time)) => &functions.at_time,
            _ => return None,
        })
    }

    /// The operands, with a literal that is written as a text as what it is taken for beside the other one.
    fn with_types(
        &self,
        raw: RawBinaryExpr,
        operator: Operator,
        schema: &DFSchema,
    ) -> Result<RawBinaryExpr> {
        let RawBinaryExpr { op, left, right } = raw;
        let (a, b) = (kind(&left, schema), kind(&right, schema));
        let meant = match (a, b) {
            (Kind::Text, Kind::Text) if !is_comparison(operator) => {
                let unknown = ("unknown", "unknown");
                return Err(not_unique(operator, unknown, Side::Left));
            }
            (Kind::Text, other) if other != Kind::Text => {
                let other = (other, &right.get_type(schema)?);
                let left = self.meant(&left, Side::Left, operator, other)?;
                left.map(|left| (left, right.clone()))
            }
            (other, Kind::Text) if other != Kind::Text => {
                let other = (other, &left.get_type(schema)?);
                let right = self.meant(&right, Side::Right, operator, other)?;
                right.map(|right| (left.clone(), right))
            }
            _ => None,
        };
        let (left, right) = meant.unwrap_or((left, right));
        Ok(RawBinaryExpr { op, left, right })
    }

    /// `||`: with a text it makes a text of the other side, spelled as a cast does. By functions that bound what they make.
    fn concatenated(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<Expr> {
        let RawBinaryExpr { left, right, .. } = raw;
        let kinds = (kind(&left, schema), kind(&right, schema));
        let depths = (
            depth(&left, kinds.0, schema)?,
            depth(&right, kinds.1, schema)?,
        );
        let is_chain = |expr: &Expr| matches!(expr, Expr::ScalarFunction(call) if chains::kind(call).is_some());
        let is_json = |expr| !is_chain(expr) && json::is_json(expr, schema);
        if is_json(&left) || is_json(&right) {
            let error = PgError::unsupported("|| of jsonb is not supported");
            return Err(raise(error));
        }
        let functions = &self.functions;
        // A null beside an array is an array that is not there.
        match depths {
            (1.., 0) if is_null(&right) => return Ok(left),
            (0, 1..) if is_null(&left) => return Ok(right),
            _ => {}
        }
        if depths != (0, 0) {
            let function = match depths.0.cmp(&depths.1) {
                Ordering::Equal => &functions.concatenated,
                Ordering::Greater => &functions.appended,
                Ordering::Less => &functions.prepended,
            };
            return Ok(call(function, vec![left, right]));
        }
        let is_text = |kind| matches!(kind, Kind::Text | Kind::Column);
        let spelled = |expr: Expr, kind: Kind, beside: Kind| {
            if is_text(beside) && !is_text(kind) {
                call(&functions.text, vec![expr])
            } else {
                expr
            }
        };
        let left = spelled(left, kinds.0, kinds.1);
        let right = spelled(right, kinds.1, kinds.0);
        Ok(chains::chained(&functions.joined, left, right))
    }
}

impl PgOperators {
    /// `~` and its like: of one pattern for all rows they are DataFusion's, which knows to make them simpler. Of patterns by
    /// row it would keep each, so then they are ours.
    fn matched(&self, raw: RawBinaryExpr) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = raw;
        let by_row = right.exists(|part| {
            Ok(matches!(
                part,
                Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::ScalarSubquery(_)
            ))
        })?;
        if !by_row {
            let right = call(&self.functions.regex, vec![right]);
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        }
        let mut args = vec![left, right];
        if matches!(
            op,
            BinaryOperator::PGRegexIMatch | BinaryOperator::PGRegexNotIMatch
        ) {
            args.push(lit("i"));
        }
        let found = call(&self.functions.like, args);
        let negated = matches!(
            op,
            BinaryOperator::PGRegexNotMatch | BinaryOperator::PGRegexNotIMatch
        );
        Ok(PlannerResult::Planned(if negated {
            Expr::Not(Box::new(found))
        } else {
            found
        }))
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(ScalarValue::Null, _))
}

fn is_comparison(operator: Operator) -> bool {
    use Operator as O;
    !matches!(
        operator,
        O::Plus | O::Minus | O::Multiply | O::Divide | O::Modulo
    )
}

/// How many lists lie in one another.
fn depth(expr: &Expr, kind: Kind, schema: &DFSchema) -> Result<u64> {
    match kind {
        Kind::List => Ok(list_ndims(&expr.get_type(schema)?)),
        _ => Ok(0),
    }
}

/// What PostgreSQL has no operator for, though DataFusion would make something of it.
fn incomparable(operator: Operator, kinds: (Kind, Kind)) -> Option<DataFusionError> {
    let timed = |kind| matches!(kind, Kind::Instant | Kind::Local | Kind::Date);
    let compared = is_comparison(operator);
    let wrong = match kinds {
        (a, b) if timed(a) && b.is_number() => compared,
        (a, b) if a.is_number() && timed(b) => compared,
        (Kind::Column, b) if b.is_number() => true,
        (a, Kind::Column) if a.is_number() => true,
        _ => false,
    };
    wrong.then(|| {
        let error = PgError::new(
            code::UNDEFINED_FUNCTION,
            format!("operator does not exist: {:?} {operator} {:?}", kinds.0, kinds.1).to_lowercase(),
        )
        .hint("No operator matches the given name and argument types. You might need to add explicit type casts.");
        raise(error)
    })
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

impl PgOperators {
    /// What an operator stands for.
    fn planned(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator as B;
        let instant = |expr| call(&self.functions.instant, vec![expr]);
        let local = |expr| call(&self.functions.local, vec![expr]);
        let raw = RawBinaryExpr {
            left: with_case_types(raw.left, schema)?,
            right: with_case_types(raw.right, schema)?,
            op: raw.op,
        };
        let operator = match raw.op {
            B::Eq => Operator::Eq,
            B::NotEq => Operator::NotEq,
            B::Lt => Operator::Lt,
            B::LtEq => Operator::LtEq,
            B::Gt => Operator::Gt,
            B::GtEq => Operator::GtEq,
            B::Plus => Operator::Plus,
            B::Minus => Operator::Minus,
            B::Multiply => Operator::Multiply,
            B::Divide => Operator::Divide,
            B::Modulo => Operator::Modulo,
            B::StringConcat => {
                return self.concatenated(raw, schema).map(PlannerResult::Planned);
            }
            B::PGRegexMatch | B::PGRegexIMatch | B::PGRegexNotMatch | B::PGRegexNotIMatch => {
                return self.matched(raw);
            }
            B::Arrow | B::LongArrow | B::HashArrow | B::HashLongArrow => {
                return json::planned(raw, schema, &self.functions.json);
            }
            B::AtArrow | B::ArrowAt | B::PGOverlap => return Ok(contained(raw, schema)),
            _ => return Ok(PlannerResult::Original(raw)),
        };
        let raw = self.with_types(raw, operator, schema)?;
        let kinds = (kind(&raw.left, schema), kind(&raw.right, schema));
        if let Some(error) = incomparable(operator, kinds) {
            return Err(error);
        }
        let RawBinaryExpr { op, left, right } = raw;
        if let Some(function) = self.arithmetic(operator, kinds) {
            let planned = chains::chained(function, left, right);
            return Ok(PlannerResult::Planned(planned));
        }
        let compared = is_comparison(operator);
        if compared && let Some((left, right)) = with_lists(&left, &right, schema) {
            return Ok(PlannerResult::Planned(binary(left, operator, right)));
        }
        if compared && let Some((left, right)) = with_truths(&left, &right, schema)? {
            return Ok(PlannerResult::Planned(binary(left, operator, right)));
        }
        if let Some((left, right)) = with_doubles(&left, &right, schema)? {
            return Ok(PlannerResult::Planned(binary(left, operator, right)));
        }
        let planned = match kinds {
            // What an instant is compared with is an instant of the session's zone.
            (Kind::Instant, Kind::Text | Kind::Date | Kind::Local) if compared => {
                binary(of_micros(left, schema)?, operator, instant(right))
            }
            (Kind::Text | Kind::Date | Kind::Local, Kind::Instant) if compared => {
                binary(instant(left), operator, of_micros(right, schema)?)
            }
            (Kind::Instant, Kind::Instant) if compared => binary(
                of_micros(left, schema)?,
                operator,
                of_micros(right, schema)?,
            ),
            // Days are added by the calendar of the session's zone.
            (Kind::Interval, Kind::Interval) if compared => binary(
                call(&self.functions.span, vec![left]),
                operator,
                call(&self.functions.span, vec![right]),
            ),
            (number, Kind::Interval) if number.is_number() && operator == Operator::Multiply => {
                call(&self.functions.times, vec![right, left])
            }
            (Kind::Time, Kind::Date) if operator == Operator::Plus => {
                call(&self.functions.at_time, vec![right, left])
            }
            // A time is so much since midnight.
            (Kind::Instant, Kind::Time) | (Kind::Local | Kind::Date, Kind::Time)
                if matches!(operator, Operator::Plus | Operator::Minus) =>
            {
                let right = call(&self.functions.interval, vec![right]);
                let op = op.clone();
                return self.planned(RawBinaryExpr { op, left, right }, schema);
            }
            (Kind::Instant, Kind::Interval) if !compared => {
                let function = if operator == Operator::Plus {
                    &self.functions.later
                } else {
                    &self.functions.earlier
                };
                call(function, vec![left, right])
            }
            (Kind::Interval, Kind::Instant) if operator == Operator::Plus => {
                call(&self.functions.later, vec![right, left])
            }
            (Kind::Local, Kind::Local) | (Kind::Local, Kind::Date) | (Kind::Date, Kind::Local)
                if operator == Operator::Minus =>
            {
                binary(local_micros(left), operator, local_micros(right))
            }
            (Kind::Date, Kind::Interval) if !compared => binary(local(left), operator, right),
            (Kind::Interval, Kind::Date) if operator == Operator::Plus => {
                binary(local(right), operator, left)
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
            (Kind::Instant, Kind::Date | Kind::Local) if operator == Operator::Minus => {
                binary(micros(left), operator, instant(right))
            }
            (Kind::Date | Kind::Local, Kind::Instant) if operator == Operator::Minus => {
                binary(instant(left), operator, micros(right))
            }
            _ => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
        };
        Ok(PlannerResult::Planned(planned))
    }
}

impl ExprPlanner for PgOperators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let planned = self.planned(raw, schema)?;
        if let PlannerResult::Planned(expr) = &planned {
            chains::check(expr)?;
        }
        Ok(planned)
    }

    /// `list[at]` by a function of ours: DataFusion counts from the end where a place is below zero.
    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let is_list = kind(&raw.expr, schema) == Kind::List;
        Ok(match raw.field_access {
            GetFieldAccess::ListIndex { key } if is_list => {
                PlannerResult::Planned(call(&self.functions.element, vec![raw.expr, *key]))
            }
            _ => PlannerResult::Original(raw),
        })
    }

    fn plan_array_literal(
        &self,
        items: Vec<Expr>,
        _: &DFSchema,
    ) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call(&self.functions.array, items)))
    }
}

/// `tags @> '{a,b}'`, `tags && '{a,b}'`: the literal is a list, as the column is.
fn contained(raw: RawBinaryExpr, schema: &DFSchema) -> PlannerResult<RawBinaryExpr> {
    let lists = with_lists(&raw.left, &raw.right, schema);
    let (left, right) = match (lists, &raw.op) {
        (Some(lists), _) => lists,
        // There is no operator of DataFusion's.
        (None, BinaryOperator::PGOverlap) => (raw.left, raw.right),
        (None, _) => return PlannerResult::Original(raw),
    };
    PlannerResult::Planned(match raw.op {
        BinaryOperator::ArrowAt => array_has_all(right, left),
        BinaryOperator::PGOverlap => array_has_any(left, right),
        _ => array_has_all(left, right),
    })
}
