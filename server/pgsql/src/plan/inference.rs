//! Infers the types of undeclared parameters from the expressions around them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};

use crate::encode::canonical;
use crate::error::PgError;
use crate::functions::common_type;

/// Returns the types, by parameter name (`$1`), of the parameters whose type follows from the expression around them.
///
/// # Errors
/// If an expression cannot be walked.
pub fn parameter_types(plan: &LogicalPlan) -> Result<HashMap<String, DataType>, PgError> {
    let mut types = HashMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for expr in [&limit.skip, &limit.fetch].into_iter().flatten() {
                expr.apply(|expr| {
                    if let Expr::Placeholder(placeholder) = expr {
                        types.insert(placeholder.id.clone(), DataType::Int64);
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                match expr {
                    Expr::Placeholder(placeholder) => {
                        if let Some(field) = &placeholder.field
                            && field.data_type() != &DataType::Null
                        {
                            types
                                .entry(placeholder.id.clone())
                                .or_insert_with(|| field.data_type().clone());
                        }
                    }
                    Expr::ScalarFunction(function) => match function.name() {
                        "array_has" => infer_membership(&function.args, &schema, &mut types),
                        "array_has_any" | "array_has_all" | "pg_coalesce" | "pg_nullif"
                        | "pg_greatest" | "pg_least" => {
                            infer_from_siblings(&function.args, &schema, &mut types);
                        }
                        name => infer_integers(name, &function.args, &mut types),
                    },
                    Expr::Cast(cast) => {
                        if let Expr::Placeholder(placeholder) = cast.expr.as_ref() {
                            types
                                .entry(placeholder.id.clone())
                                .or_insert_with(|| cast.field.data_type().clone());
                        }
                    }
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(types)
}

/// Infers the type of the parameter in `x = ANY($1)` and `$1 = ANY(xs)`, which are `array_has` here.
fn infer_membership(args: &[Expr], schema: &DFSchema, types: &mut HashMap<String, DataType>) {
    match args {
        [Expr::Placeholder(array), element] => {
            if let Ok(element) = element.get_type(schema)
                && element != DataType::Null
            {
                let list =
                    DataType::List(Arc::new(Field::new_list_field(canonical(&element), true)));
                types.insert(array.id.clone(), list);
            }
        }
        [array, Expr::Placeholder(element)] => {
            if let Ok(DataType::List(item)) = array.get_type(schema).map(|array| canonical(&array))
            {
                types.insert(element.id.clone(), item.data_type().clone());
            }
        }
        _ => {}
    }
}

/// Infers the types of parameters from the other arguments, for a function whose arguments all have one type.
fn infer_from_siblings(args: &[Expr], schema: &DFSchema, types: &mut HashMap<String, DataType>) {
    let known: Vec<DataType> = args
        .iter()
        .filter(|arg| !matches!(arg, Expr::Placeholder(_) | Expr::Literal(..)))
        .filter_map(|arg| arg.get_type(schema).ok())
        .collect();
    let Some(of) = common_type(&known) else {
        return;
    };
    for arg in args {
        if let Expr::Placeholder(placeholder) = arg {
            types
                .entry(placeholder.id.clone())
                .or_insert_with(|| canonical(&of));
        }
    }
}

/// The positions, from zero, of functions' integer arguments.
const INTEGER_ARGUMENTS: &[(&str, &[usize])] = &[
    ("chr", &[0]),
    ("left", &[1]),
    ("lpad", &[1]),
    ("make_date", &[0, 1, 2]),
    ("overlay", &[2, 3]),
    ("round", &[1]),
    ("trunc", &[1]),
    ("repeat", &[1]),
    ("right", &[1]),
    ("rpad", &[1]),
    ("split_part", &[2]),
    ("substr", &[1, 2]),
    ("substring", &[1, 2]),
];

/// Infers the types of parameters that are a function's integer arguments.
fn infer_integers(name: &str, args: &[Expr], types: &mut HashMap<String, DataType>) {
    let positions = INTEGER_ARGUMENTS.iter().find(|(known, _)| *known == name);
    let Some((_, positions)) = positions else {
        return;
    };
    for position in *positions {
        if let Some(Expr::Placeholder(placeholder)) = args.get(*position) {
            types
                .entry(placeholder.id.clone())
                .or_insert(DataType::Int32);
        }
    }
}
