//! Operators on JSON: `->`, `->>`, `#>`, `#>>`, of `json`, `jsonb`, and of texts that hold such.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::planner::{PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, lit};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::encode::{SHOWN_AS_KEY, type_name};
use crate::error::{PgError, code};
use crate::functions::raise;
use crate::params::array_elements;

/// The functions that the operators stand for.
#[derive(Debug)]
pub(super) struct Functions {
    of_json: [Arc<ScalarUDF>; 2],
    of_jsonb: [Arc<ScalarUDF>; 2],
    as_text: [Arc<ScalarUDF>; 2],
}

impl Functions {
    pub fn of(context: &SessionContext) -> Result<Functions> {
        Ok(Functions {
            of_json: [context.udf("json_get")?, context.udf("json_get_path")?],
            of_jsonb: [context.udf("jsonb_get")?, context.udf("jsonb_get_path")?],
            as_text: [
                context.udf("pg_json_text")?,
                context.udf("pg_json_path_text")?,
            ],
        })
    }
}

fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(
        expr.get_type(schema),
        Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
    )
}

fn shown_as(expr: &Expr, schema: &DFSchema) -> Option<String> {
    let (_, field) = expr.to_field(schema).ok()?;
    field.metadata().get(SHOWN_AS_KEY).cloned()
}

/// Whether an expression is of `json` or `jsonb`.
pub(super) fn is_json(expr: &Expr, schema: &DFSchema) -> bool {
    let kind = shown_as(expr, schema);
    matches!(kind.as_deref(), Some("json" | "jsonb"))
}

/// What an operator stands for.
pub(super) fn planned(
    raw: RawBinaryExpr,
    schema: &DFSchema,
    functions: &Functions,
) -> Result<PlannerResult<RawBinaryExpr>> {
    if !is_text(&raw.left, schema) {
        let left = raw.left.get_type(schema)?;
        if left.is_null() {
            return Ok(PlannerResult::Original(raw));
        }
        let error = PgError::new(
            code::UNDEFINED_FUNCTION,
            format!("operator does not exist: {} {} …", type_name(&left), raw.op),
        )
        .hint("it is there for json, jsonb, and text that holds such");
        return Err(raise(error));
    }
    let by_path = matches!(
        raw.op,
        BinaryOperator::HashArrow | BinaryOperator::HashLongArrow
    );
    let as_text = matches!(
        raw.op,
        BinaryOperator::LongArrow | BinaryOperator::HashLongArrow
    );
    let is_jsonb = shown_as(&raw.left, schema).as_deref() == Some("jsonb");
    let [step, path] = if as_text {
        &functions.as_text
    } else if is_jsonb {
        &functions.of_jsonb
    } else {
        &functions.of_json
    };
    let RawBinaryExpr { left, right, .. } = raw;
    let planned = if by_path {
        path.call(vec![left, as_path(right)])
    } else {
        step.call(vec![left, right])
    };
    Ok(PlannerResult::Planned(planned))
}

/// `'{a,0}'` as an array.
fn as_path(expr: Expr) -> Expr {
    let elements = match &expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().and_then(array_elements),
        _ => None,
    };
    match elements {
        Some(elements) => {
            let elements: Vec<_> = elements.into_iter().map(ScalarValue::Utf8).collect();
            let list = ScalarValue::new_list_nullable(&elements, &DataType::Utf8);
            lit(ScalarValue::List(list))
        }
        None => expr,
    }
}
