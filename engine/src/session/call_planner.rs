//! Rewrites calls of saved queries to the form that DataFusion accepts.
//!
//! DataFusion takes the name of a table function as it is spelled, and its arguments by position only. PostgreSQL's clients
//! may write a schema, quotes, other letter case and named arguments: `PUBLIC."headline_metrics"(channel => 'sms')` becomes
//! `headline_metrics(NULL, NULL, 'sms')`, where null stands for a parameter's default.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::planner::{
    RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, TableFactor, Value,
};

use super::saved::Template;

/// Rewrites calls of saved queries before DataFusion plans them.
#[derive(Debug)]
pub(super) struct CallPlanner {
    queries: HashMap<String, Arc<Template>>,
}

impl CallPlanner {
    pub fn new(queries: &[Arc<Template>]) -> CallPlanner {
        let named = |template: &Arc<Template>| (template.query.name.clone(), Arc::clone(template));
        CallPlanner {
            queries: queries.iter().map(named).collect(),
        }
    }

    /// Puts named arguments into the positions of their parameters.
    fn positional(&self, name: &str, args: Vec<FunctionArg>) -> Result<Vec<FunctionArg>> {
        let Some(template) = self.queries.get(name) else {
            return Ok(args);
        };
        let query = &template.query;
        let mut placed: Vec<Option<FunctionArgExpr>> = vec![];
        for (i, arg) in args.into_iter().enumerate() {
            let (position, arg) = match arg {
                FunctionArg::Unnamed(arg) if placed.len() == i => (i, arg),
                FunctionArg::Unnamed(arg) => {
                    return plan_err!(
                        "{name}: argument {arg} has no name; expected arguments by position before those by name"
                    );
                }
                FunctionArg::Named { name, arg, .. } => (position(query, &name.value)?, arg),
                FunctionArg::ExprNamed {
                    name: Expr::Identifier(name),
                    arg,
                    ..
                } => (position(query, &name.value)?, arg),
                other => return plan_err!("{name}: argument {other}; expected a constant"),
            };
            if placed.len() <= position {
                placed.resize(position + 1, None);
            }
            if placed[position].replace(arg).is_some() {
                let parameter = &query.parameters[position].name;
                return plan_err!("{name}: parameter \"{parameter}\" is given twice");
            }
        }
        let null = || FunctionArgExpr::Expr(Expr::Value(Value::Null.into()));
        let filled = placed.into_iter().map(|arg| arg.unwrap_or_else(null));
        Ok(filled.map(FunctionArg::Unnamed).collect())
    }
}

/// Returns the position of a parameter, whose name may be in any letter case.
fn position(query: &super::SavedQuery, name: &str) -> Result<usize> {
    let found = query.position(&name.to_ascii_lowercase());
    found.or_else(|error| plan_err!("{error}"))
}

impl RelationPlanner for CallPlanner {
    fn plan_relation(
        &self,
        mut relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if let TableFactor::Table {
            name,
            args: Some(call),
            ..
        } = &mut relation
        {
            let reference = context.object_name_to_table_reference(name.clone())?;
            if reference
                .schema()
                .is_some_and(|schema| !schema.eq_ignore_ascii_case("public"))
            {
                return plan_err!("table function '{name}' not found");
            }
            let function = reference.table();
            call.args = self.positional(function, std::mem::take(&mut call.args))?;
            *name = ObjectName::from(vec![Ident::new(function)]);
        }
        Ok(RelationPlanning::Original(Box::new(relation)))
    }
}
