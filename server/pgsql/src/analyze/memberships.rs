//! `x IN (SELECT …)`, `x <> ALL (SELECT …)` and their kin with three answers: true, false, and unknown.
//!
//! DataFusion makes a join of such a condition, whose mark is true or false: a null among the rows, or for `x`, is lost
//! wherever it matters, which is everywhere but in a condition that must be true as a whole. There its join stays, for a
//! row that is unknown is left out as one that is false is. Everywhere else the condition becomes what it means:
//!
//! ```text
//! CASE WHEN (SELECT count(*) FROM rows WHERE x = value) > 0                                        THEN true
//!      WHEN (SELECT count(*) FROM rows WHERE value IS NULL) > 0 OR x IS NULL AND there are rows    THEN NULL
//!      ELSE false END
//! ```
//!
//! These counts are joined like any other correlated subquery (see [`super::scalar_subqueries`]). What cannot be null is not asked
//! for. Rows of several values, `(a, b) IN (SELECT x, y …)`, come as calls of `struct`.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
    ident, lit, when,
};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::PlanPass;
use super::common_types::inputs;
use super::membership_rows::{Set, values_of};
use super::node_exprs::rewrite_exprs;
use super::nullable_subqueries::is_one_row;

pub(super) const PASS: PlanPass = PlanPass {
    name: "three-valued-memberships",
    bridges: "DataFusion makes a join of `x IN (SELECT …)` whose mark is true or false, and never unknown",
    run: |plan, state| {
        let mut memberships = Memberships {
            functions: state,
            number: 0,
        };
        let plan = plan.transform_down_with_subqueries(|node| memberships.node(node))?;
        Ok(plan.data)
    },
};

fn is_membership(expr: &Expr) -> bool {
    matches!(expr, Expr::InSubquery(_) | Expr::SetComparison(_))
}

fn has_membership(node: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    node.apply_expressions(|expr| {
        found |= expr.exists(|expr| Ok(is_membership(expr)))?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Its value is not found by a join itself.
fn is_plain(expr: &Expr) -> bool {
    let joined = |expr: &Expr| {
        matches!(
            expr,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
        )
    };
    !expr.exists(|expr| Ok(joined(expr))).unwrap_or(true)
}

struct Memberships<'a> {
    functions: &'a dyn FunctionRegistry,
    /// Columns that have been made.
    number: usize,
}

impl Memberships<'_> {
    fn node(&mut self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        if !has_membership(&node)? {
            return Ok(Transformed::no(node));
        }
        let columns = node.schema().columns();
        let is_filter = matches!(node, LogicalPlan::Filter(_));
        let (node, projected) = self.with_plain_values(node)?;
        let schema = inputs(&node);
        let node = match node {
            LogicalPlan::Filter(filter) => {
                let mut kept = Vec::new();
                for condition in split_conjunction_owned(filter.predicate) {
                    kept.push(self.condition(condition, &schema)?);
                }
                let predicate = conjunction(kept).unwrap_or(lit(true));
                LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)
            }
            other => {
                let names = NamePreserver::new(&other);
                let node = other.map_expressions(|expr| {
                    let name = names.save(&expr);
                    let expr = self.answered(expr, &schema)?;
                    Ok(Transformed::yes(name.restore(expr)))
                })?;
                node.data
            }
        };
        if projected && is_filter {
            let columns = columns.into_iter().map(Expr::Column);
            let node = LogicalPlanBuilder::from(node).project(columns)?.build()?;
            return Ok(Transformed::yes(node));
        }
        Ok(Transformed::yes(node))
    }

    /// A node whose memberships ask for columns: a value that is itself a subquery's becomes one below it.
    fn with_plain_values(&mut self, node: LogicalPlan) -> Result<(LogicalPlan, bool)> {
        if !matches!(node, LogicalPlan::Filter(_) | LogicalPlan::Projection(_)) {
            return Ok((node, false));
        }
        let input = node.inputs()[0].clone();
        let mut made = Vec::new();
        let changed = rewrite_exprs(node.clone(), |expr| {
            Ok(match expr {
                Expr::InSubquery(mut found) if !is_plain(&found.expr) => {
                    self.number += 1;
                    let column = format!("\u{1f}member{}", self.number);
                    let value = std::mem::replace(&mut *found.expr, ident(&column));
                    made.push(value.alias(column));
                    Transformed::yes(Expr::InSubquery(found))
                }
                other => Transformed::no(other),
            })
        })?;
        if made.is_empty() {
            return Ok((node, false));
        }
        let all = input.schema().columns().into_iter().map(Expr::Column);
        let below = LogicalPlanBuilder::from(input.clone())
            .project(all.chain(made))?
            .build()?;
        let expressions = changed.data.expressions();
        Ok((node.with_new_exprs(expressions, vec![below])?, true))
    }

    /// A condition that rows must meet: one that is unknown may be false.
    fn condition(&mut self, condition: Expr, schema: &DFSchema) -> Result<Expr> {
        let (membership, negated) = match condition {
            Expr::InSubquery(InSubquery {
                expr,
                subquery,
                negated,
            }) => ((*expr, subquery), negated),
            Expr::Not(inner) => match *inner {
                Expr::InSubquery(InSubquery {
                    expr,
                    subquery,
                    negated,
                }) => ((*expr, subquery), !negated),
                other => return self.answered(Expr::Not(Box::new(other)), schema),
            },
            other => return self.answered(other, schema),
        };
        let (value, subquery) = membership;
        let values = values_of(value.clone());
        let is_joined = match values.as_slice() {
            [_] if is_one_row(&subquery.subquery) => false,
            [single] if negated => {
                // A null on neither side: there is nothing to be unknown.
                let fields = subquery.subquery.schema().fields();
                subquery.outer_ref_columns.is_empty()
                    && !single.column_refs().is_empty()
                    && !single.nullable(schema)?
                    && fields.first().is_some_and(|field| !field.is_nullable())
            }
            [_] => true,
            _ if !negated => {
                let set = Set::of(&subquery, values.len())?;
                let equal = self.compared(&values, Operator::Eq, &set, schema)?;
                let rows = set.rows(Some(equal))?.build()?;
                return Ok(Expr::Exists(Exists::new(tied(rows, &subquery)?, false)));
            }
            _ => false,
        };
        let membership = InSubquery::new(Box::new(value), subquery, negated);
        if is_joined {
            return Ok(Expr::InSubquery(membership));
        }
        self.answered(Expr::InSubquery(membership), schema)
    }

    /// An expression with the answers of its memberships.
    fn answered(&mut self, expr: Expr, schema: &DFSchema) -> Result<Expr> {
        let answered = expr.transform_up(|expr| {
            Ok(match expr {
                Expr::InSubquery(InSubquery {
                    expr,
                    subquery,
                    negated,
                }) => {
                    let answer = self.any(*expr, Operator::Eq, subquery, schema)?;
                    Transformed::yes(if negated { !answer } else { answer })
                }
                Expr::SetComparison(SetComparison {
                    expr,
                    subquery,
                    op,
                    quantifier,
                }) => Transformed::yes(match (quantifier, op.negate()) {
                    (SetQuantifier::Any, _) => self.any(*expr, op, subquery, schema)?,
                    (SetQuantifier::All, Some(op)) => !self.any(*expr, op, subquery, schema)?,
                    (SetQuantifier::All, None) => Expr::SetComparison(SetComparison {
                        expr,
                        subquery,
                        op,
                        quantifier,
                    }),
                }),
                other => Transformed::no(other),
            })
        })?;
        Ok(answered.data)
    }

    /// Whether a value is so compared with any row: true, false or unknown.
    fn any(
        &self,
        value: Expr,
        operator: Operator,
        subquery: Subquery,
        schema: &DFSchema,
    ) -> Result<Expr> {
        let values = values_of(value);
        if let [single] = values.as_slice()
            && is_one_row(&subquery.subquery)
        {
            let row = Expr::ScalarSubquery(subquery);
            return self.compared_pair(single.clone(), operator, row, schema);
        }
        let set = Set::of(&subquery, values.len())?;
        let compared = self.compared(&values, operator, &set, schema)?;
        let counted = |condition: Option<Expr>| -> Result<Expr> {
            let rows = set
                .rows(condition)?
                .aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64))])?
                .build()?;
            Ok(Expr::ScalarSubquery(tied(rows, &subquery)?).gt(lit(0_i64)))
        };
        let mut unknown = Vec::new();
        let rows = set.rows.schema();
        match (values.as_slice(), set.values.as_slice()) {
            ([single], [of_row]) => {
                if of_row.nullable(rows)? {
                    unknown.push(counted(Some(of_row.clone().is_null()))?);
                }
                if single.nullable(schema)? {
                    unknown.push(single.clone().is_null().and(counted(None)?));
                }
            }
            _ => {
                let mut nullable = false;
                for value in &values {
                    nullable |= value.nullable(schema)?;
                }
                for value in &set.values {
                    nullable |= value.nullable(rows)?;
                }
                if nullable {
                    unknown.push(counted(Some(compared.clone().is_null()))?);
                }
            }
        }
        let mut answer = when(counted(Some(compared))?, lit(true));
        if let Some(unknown) = unknown.into_iter().reduce(Expr::or) {
            answer = answer.when(unknown, lit(ScalarValue::Boolean(None)));
        }
        answer.otherwise(lit(false))
    }

    /// The values of a row around compared with those of the rows of a set, as a condition on these.
    fn compared(
        &self,
        values: &[Expr],
        operator: Operator,
        set: &Set,
        around: &DFSchema,
    ) -> Result<Expr> {
        let schema = set.rows.schema();
        let mut all = Vec::with_capacity(values.len());
        for (value, of_row) in values.iter().zip(&set.values) {
            let value = outer(value.clone(), around)?;
            all.push(self.compared_pair(value, operator, of_row.clone(), schema)?);
        }
        Ok(conjunction(all).unwrap_or(lit(true)))
    }

    /// Two values compared as an operator between them would.
    fn compared_pair(
        &self,
        left: Expr,
        operator: Operator,
        right: Expr,
        schema: &DFSchema,
    ) -> Result<Expr> {
        let op = match operator {
            Operator::Eq => BinaryOperator::Eq,
            Operator::NotEq => BinaryOperator::NotEq,
            Operator::Lt => BinaryOperator::Lt,
            Operator::LtEq => BinaryOperator::LtEq,
            Operator::Gt => BinaryOperator::Gt,
            Operator::GtEq => BinaryOperator::GtEq,
            _ => {
                let binary = BinaryExpr::new(Box::new(left), operator, Box::new(right));
                return Ok(Expr::BinaryExpr(binary));
            }
        };
        let mut raw = RawBinaryExpr { op, left, right };
        for planner in self.functions.expr_planners() {
            match planner.plan_binary_op(raw, schema)? {
                PlannerResult::Planned(expr) => return Ok(expr),
                PlannerResult::Original(original) => raw = original,
            }
        }
        let binary = BinaryExpr::new(Box::new(raw.left), operator, Box::new(raw.right));
        Ok(Expr::BinaryExpr(binary))
    }
}

/// An expression of the rows around as one inside of a subquery.
fn outer(expr: Expr, around: &DFSchema) -> Result<Expr> {
    let placed = expr.transform_up(|expr| {
        Ok(match expr {
            Expr::Column(column) => {
                let field = Arc::clone(around.field_from_column(&column)?);
                Transformed::yes(Expr::OuterReferenceColumn(field, column))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(placed.data)
}

/// A plan made of a subquery's as a subquery, with all that it takes of the rows around.
fn tied(rows: LogicalPlan, of: &Subquery) -> Result<Subquery> {
    let mut outer_ref_columns = of.outer_ref_columns.clone();
    rows.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if matches!(expr, Expr::OuterReferenceColumn(..))
                    && !outer_ref_columns.contains(expr)
                {
                    outer_ref_columns.push(expr.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(Subquery {
        subquery: Arc::new(rows),
        outer_ref_columns,
        spans: of.spans.clone(),
    })
}
