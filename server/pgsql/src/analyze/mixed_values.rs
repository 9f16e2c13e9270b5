//! VALUES with literals that are written as texts beside values of other types: `VALUES (date '2026-01-01'), ('2026-01-02')`.
//!
//! DataFusion finds no type that both have, or makes texts of the others. PostgreSQL takes such a literal, and a parameter,
//! for a value of the type that the others of its column have. The SQL layer puts such VALUES into a FROM of their own
//! (see `desugar::values`), where they can be planned here.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlanBuilder};
use datafusion::sql::sqlparser::ast::{self, SetExpr, TableFactor};

use super::common_types::Coercion;
use super::type_check::{check, is_unknown, known};
use crate::desugar::mixes_unknown;
use crate::functions::common_type;

/// Plans VALUES whose columns have literals of unknown types among others.
#[derive(Debug)]
pub struct MixedValues;

impl RelationPlanner for MixedValues {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (values, alias) = match &relation {
            TableFactor::Derived {
                subquery, alias, ..
            } => match subquery.body.as_ref() {
                SetExpr::Values(values) if is_bare(subquery) && mixes_unknown(values) => {
                    (values.clone(), alias.clone())
                }
                _ => return Ok(RelationPlanning::Original(Box::new(relation))),
            },
            _ => return Ok(RelationPlanning::Original(Box::new(relation))),
        };
        let schema = DFSchema::empty();
        let mut rows = Vec::with_capacity(values.rows.len());
        for row in values.rows {
            let row = row.content.into_iter();
            let row = row.map(|value| context.sql_to_expr(value, &schema));
            rows.push(row.collect::<Result<Vec<_>>>()?);
        }
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().all(|row| row.len() == width) {
            for at in 0..width {
                let column = rows.iter_mut().map(|row| std::mem::take(&mut row[at]));
                let column = to_common_type(column.collect(), &schema, context)?;
                for (row, value) in rows.iter_mut().zip(column) {
                    row[at] = value;
                }
            }
        }
        let plan = LogicalPlanBuilder::values(rows)?.build()?;
        let planned = PlannedRelation::new(plan, alias);
        Ok(RelationPlanning::Planned(Box::new(planned)))
    }
}

/// Nothing but its body.
fn is_bare(query: &ast::Query) -> bool {
    query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
}

/// A column's values, literals and parameters as values of the type that the others have.
fn to_common_type(
    mut column: Vec<Expr>,
    schema: &DFSchema,
    context: &dyn RelationPlannerContext,
) -> Result<Vec<Expr>> {
    let types: Vec<DataType> = column
        .iter()
        .filter_map(|value| known(value, schema))
        .collect();
    if !column.iter().any(is_unknown) {
        return Ok(column);
    }
    check("VALUES", types.iter().cloned())?;
    let Some(of) = common_type(&types) else {
        return Ok(column);
    };
    for value in &mut column {
        if let Expr::Placeholder(Placeholder { id, field }) = value
            && field.is_none()
        {
            *field = Some(Arc::new(Field::new(id.as_str(), of.clone(), true)));
        }
    }
    let provider = context.context_provider();
    let coercion = Coercion {
        function: &|name| {
            let missing = || DataFusionError::Internal(format!("there is no function {name}"));
            provider.get_function_meta(name).ok_or_else(missing)
        },
    };
    let values = coercion.to_common_type(column, schema)?;
    // What is left of another type is cast as DataFusion does it.
    let cast = |value: Expr| match value {
        Expr::Literal(ref literal, _) if literal.is_null() => Ok(value),
        value => value.cast_to(&of, schema),
    };
    match of {
        // A literal may have more digits than the others.
        DataType::Decimal128(..) => Ok(values),
        _ => values.into_iter().map(cast).collect(),
    }
}
