//! Values of several types where there must be one: the branches of a CASE, the arguments of coalesce, what is among
//! the list of IN, the sides of a UNION.
//!
//! DataFusion casts them, and to its casts a date begins at UTC's midnight and a literal is a text. PostgreSQL takes the
//! session's midnight, and a literal that is written as a text for a value of the type that the others have.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::expr::{Case, InList, ScalarFunction};
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ScalarUDF, Union, cast, lit,
};
use datafusion::scalar::ScalarValue;

use super::PlanPass;
use super::node_exprs::rewrite_exprs;
use super::operators::call;
use super::type_check::{check, column, is_unknown, known};
use super::unknown_literals::{list_of, number_type, truth, written};
use crate::functions::{Alternatives, common_type};

pub(super) const PASS: PlanPass = PlanPass {
    name: "coerce-to-common-type",
    bridges: "DataFusion's casts begin a date at UTC's midnight, and take a literal for a text",
    run: |plan, state| coerce_to_common_type(plan, state),
};

/// Casts the branches of a CASE, the arguments of coalesce, the list of IN and the sides of a UNION to one type.
fn coerce_to_common_type(
    plan: LogicalPlan,
    functions: &dyn FunctionRegistry,
) -> Result<LogicalPlan> {
    if !has_candidate(&plan)? {
        return Ok(plan);
    }
    let coercion = Coercion {
        function: &|name| functions.udf(name),
    };
    let plan = plan.transform_up_with_subqueries(|node| {
        let node = match node {
            LogicalPlan::Union(union) => LogicalPlan::Union(coercion.union(union)?),
            other => other,
        };
        let schema = inputs(&node);
        let node = rewrite_exprs(node, |expr| coercion.expr(expr, &schema))?;
        node.data.recompute_schema().map(Transformed::yes)
    })?;
    Ok(plan.data)
}

/// The columns of a node's inputs.
pub(super) fn inputs(node: &LogicalPlan) -> DFSchema {
    let mut schema = DFSchema::empty();
    for input in node.inputs() {
        schema.merge(input.schema());
    }
    schema
}

fn alternatives(call: &ScalarFunction) -> Option<&Alternatives> {
    call.func.inner().downcast_ref::<Alternatives>()
}

/// The function that a literal is a list by, of values like another.
const LIST_LIKE: &str = "pg_array_like";

/// A list that is written as a text, of the type of what it stands beside; not of its values, so that it is one for all rows.
fn list_of_type(mut call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if call.name() != LIST_LIKE {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    }
    if let [_, beside] = call.args.as_mut_slice() {
        *beside = lit(ScalarValue::try_from(&beside.get_type(schema)?)?);
    }
    Ok(Transformed::yes(Expr::ScalarFunction(call)))
}

fn has_candidate(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Union(_));
        node.apply_expressions(|expr| {
            found |= expr.exists(|expr| {
                Ok(match expr {
                    Expr::Case(_) | Expr::InList(_) => true,
                    Expr::ScalarFunction(call) => {
                        alternatives(call).is_some() || call.name() == LIST_LIKE
                    }
                    _ => false,
                })
            })?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })?;
    Ok(found)
}

/// Finds a function by its name.
pub(super) type Find<'a> = &'a dyn Fn(&str) -> Result<Arc<ScalarUDF>>;

/// Casts values to the type that they have in common.
pub(super) struct Coercion<'a> {
    pub(super) function: Find<'a>,
}

impl Coercion<'_> {
    fn expr(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::Case(case) => self.case(case, schema)?,
            Expr::InList(InList {
                expr,
                list,
                negated,
            }) => {
                let mut all = vec![*expr];
                all.extend(list);
                let mut all = self.to_common_type(all, schema)?;
                let first = all.remove(0);
                Transformed::yes(Expr::InList(InList::new(Box::new(first), all, negated)))
            }
            Expr::ScalarFunction(call) => match alternatives(&call) {
                Some(alternatives) => {
                    let inner = Arc::clone(alternatives.inner());
                    if inner.name() != "nullif" {
                        let known = call.args.iter().filter_map(|arg| known(arg, schema));
                        check(&inner.name().to_uppercase(), known)?;
                    }
                    let args = self.to_common_type(call.args, schema)?;
                    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(inner, args)))
                }
                None => list_of_type(call, schema)?,
            },
            other => Transformed::no(other),
        })
    }

    fn case(&self, case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
        let (mut whens, mut branches): (Vec<Expr>, Vec<Expr>) = case
            .when_then_expr
            .into_iter()
            .map(|(when, then)| (*when, *then))
            .unzip();
        let operand = match case.expr {
            Some(operand) => {
                whens.insert(0, *operand);
                whens = self.to_common_type(whens, schema)?;
                Some(Box::new(whens.remove(0)))
            }
            None => None,
        };
        let has_else = case.else_expr.is_some();
        branches.extend(case.else_expr.map(|otherwise| *otherwise));
        let mut branches = self.to_common_type(branches, schema)?;
        let otherwise = if has_else { branches.pop() } else { None };
        let whens = whens.into_iter().map(Box::new);
        Ok(Transformed::yes(Expr::Case(Case {
            expr: operand,
            when_then_expr: whens.zip(branches.into_iter().map(Box::new)).collect(),
            else_expr: otherwise.map(Box::new),
        })))
    }

    /// Values as values of the type that they have in common, if there is one.
    pub(super) fn to_common_type(&self, values: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
        let mut types = Vec::with_capacity(values.len());
        for value in &values {
            types.push(if is_unknown(value) {
                DataType::Null
            } else {
                value.get_type(schema)?
            });
        }
        let Some(mut of) = common_type(&types) else {
            return Ok(values);
        };
        if of.is_decimal() {
            // A literal has the digits that it is written with.
            let literals = values
                .iter()
                .filter(|value| written(value).is_some())
                .map(|value| number_type(value, &of));
            types.extend(literals);
            of = common_type(&types).unwrap_or(of);
        }
        let cast = |(value, from)| self.cast(value, from, &of);
        values.into_iter().zip(&types).map(cast).collect()
    }

    /// A value as one of another type, where DataFusion would make something else of it.
    fn cast(&self, value: Expr, from: &DataType, to: &DataType) -> Result<Expr> {
        if from == to {
            return Ok(value);
        }
        let text = written(&value);
        let is_day = matches!(
            from,
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)
        );
        let function = match to {
            DataType::Timestamp(_, Some(_)) if is_day || text.is_some() => "pg_timestamptz",
            DataType::Timestamp(_, None) if is_day || text.is_some() => "pg_timestamp",
            float if float.is_floating() && from.is_numeric() => {
                return Ok(cast(value, to.clone()));
            }
            _ if text.is_none() => return Ok(value),
            DataType::Date32 => "pg_date",
            DataType::Interval(_) | DataType::Duration(_) => "pg_interval",
            DataType::Time64(_) => "pg_time",
            number if number.is_numeric() => return Ok(cast(value, to.clone())),
            DataType::Boolean => return truth(text.unwrap_or_default()),
            DataType::List(item) => {
                let list = list_of(text.unwrap_or_default(), item.data_type());
                return Ok(list.unwrap_or(value));
            }
            _ => return Ok(value),
        };
        Ok(call(&(self.function)(function)?, vec![value]))
    }

    /// The sides of a UNION, whose columns are of one type each.
    fn union(&self, union: Union) -> Result<Union> {
        let columns = union.schema.fields().len();
        let mut to: Vec<Option<DataType>> = Vec::with_capacity(columns);
        for at in 0..columns {
            let sides = union.inputs.iter();
            let types: Vec<DataType> = sides.filter_map(|side| column(side, at)).collect();
            to.push(common_type(&types));
        }
        let mut inputs = Vec::with_capacity(union.inputs.len());
        for input in union.inputs {
            inputs.push(self.side(input, &to)?);
        }
        Ok(Union { inputs, ..union })
    }

    fn side(&self, input: Arc<LogicalPlan>, to: &[Option<DataType>]) -> Result<Arc<LogicalPlan>> {
        let schema: DFSchemaRef = Arc::clone(input.schema());
        let mut changed = false;
        let mut exprs = Vec::with_capacity(to.len());
        for (at, ((table, field), to)) in schema.iter().zip(to).enumerate() {
            let as_it_is = Expr::from((table, field));
            let literal = constant(&input, at);
            let unknown = literal.as_ref().is_some_and(is_unknown);
            let from = if unknown {
                DataType::Null
            } else {
                field.data_type().clone()
            };
            let Some(to) = to else {
                exprs.push(as_it_is);
                continue;
            };
            let value = literal.filter(|_| unknown).unwrap_or(as_it_is.clone());
            let cast = self.cast(value.clone(), &from, to)?;
            if cast == value {
                exprs.push(as_it_is);
            } else {
                changed = true;
                exprs.push(cast.alias_qualified(table.cloned(), field.name()));
            }
        }
        if !changed {
            return Ok(input);
        }
        let input = LogicalPlanBuilder::new(Arc::unwrap_or_clone(input));
        input.project(exprs)?.build().map(Arc::new)
    }
}

/// The literal that a column is, without the name that it has.
fn constant(plan: &LogicalPlan, at: usize) -> Option<Expr> {
    let LogicalPlan::Projection(node) = plan else {
        return None;
    };
    match node.expr.get(at)?.clone().unalias() {
        Expr::Literal(value, _) => Some(lit(value)),
        _ => None,
    }
}
