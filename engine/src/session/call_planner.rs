//! Calls of table functions as PostgreSQL's clients write them.
//!
//! DataFusion takes a table function's name as it is spelled and its arguments by position alone. Before it sees a call,
//! this brings it to that form: `PUBLIC."headline_metrics"(channel => 'sms')` becomes
//! `headline_metrics(NULL, NULL, 'sms')`, null being the default.

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

/// Brings calls of table functions to the form that DataFusion takes.
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

    fn by_position(&self, name: &str, args: Vec<FunctionArg>) -> Result<Vec<FunctionArg>> {
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

fn position(query: &super::SavedQuery, name: &str) -> Result<usize> {
    let found = query.position(&name.to_ascii_lowercase());
    found.or_else(|error| plan_err!("{error}"))
}

impl RelationPlanner for CallPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Table {
            name,
            args: Some(mut call),
            alias,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = relation
        else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let reference = context.object_name_to_table_reference(name.clone())?;
        if reference
            .schema()
            .is_some_and(|schema| !schema.eq_ignore_ascii_case("public"))
        {
            return plan_err!("table function '{name}' not found");
        }
        let function = reference.table().to_owned();
        call.args = self.by_position(&function, call.args)?;
        Ok(RelationPlanning::Original(Box::new(TableFactor::Table {
            name: ObjectName::from(vec![Ident::new(function)]),
            args: Some(call),
            alias,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        })))
    }
}
