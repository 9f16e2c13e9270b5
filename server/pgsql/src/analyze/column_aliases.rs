//! Names for columns of a table in FROM: `accounts AS a (id)` names the first, and the others keep theirs.

use std::fmt::Debug;

use datafusion::error::Result;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::sql::sqlparser::ast::{Ident, TableAlias, TableAliasColumnDef, TableFactor};

use crate::error::PgError;
use crate::functions::raise;

/// Gives a name to each column of a table whose columns are named in part.
#[derive(Debug)]
pub struct ColumnAliases;

impl RelationPlanner for ColumnAliases {
    fn plan_relation(
        &self,
        mut relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let Some(mut alias) = named_columns(&mut relation) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let plan = context.plan(relation)?;
        let fields = plan.schema().fields();
        if alias.columns.len() > fields.len() {
            let message = format!(
                "table \"{}\" has {} columns available but {} columns specified",
                alias.name.value,
                fields.len(),
                alias.columns.len()
            );
            let error = PgError::new("42P10", message);
            return Err(raise(error));
        }
        for field in fields.iter().skip(alias.columns.len()) {
            let name = Ident::with_quote('"', field.name());
            alias.columns.push(TableAliasColumnDef {
                name,
                data_type: None,
            });
        }
        let planned = PlannedRelation::new(plan, Some(alias));
        Ok(RelationPlanning::Planned(Box::new(planned)))
    }
}

/// Takes the alias of a table that names columns.
fn named_columns(relation: &mut TableFactor) -> Option<TableAlias> {
    match relation {
        TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => {
            alias.take_if(|alias| !alias.columns.is_empty())
        }
        _ => None,
    }
}
