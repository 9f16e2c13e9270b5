//! Questions about what there is none of: indexes, keys, triggers, policies, publications.
//!
//! Tools ask them in the most elaborate SQL that they have (rows of arrays of keys, set functions per row), of which
//! DataFusion takes little. The answer is known without it: no rows.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, GroupByExpr, JoinOperator, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins,
};

use super::ast::{boolean, each_select, item_expr, last, null, string};
use super::names::column_name;
use super::own::holds;
use super::{AstPass, Step};
use crate::error::PgError;

pub(super) const PASS: AstPass = AstPass {
    name: "empty-tables",
    bridges: "DataFusion cannot plan what tools ask of tables that never have a row here",
    run: &[Step::Query(empty_out)],
};

pub(super) const DOMAINS: AstPass = AstPass {
    name: "domains",
    bridges: "DataFusion cannot plan the recursion for each row by which tools find a domain's base type",
    run: &[Step::Expr(|expr| match expr {
        Expr::Case {
            operand: None,
            conditions,
            else_result,
            ..
        } => without_domains(conditions, else_result),
        _ => None,
    })],
};

/// Tables of `pg_catalog` and `information_schema` that never have a row here.
const EMPTY: &[&str] = &[
    "check_constraints",
    "constraint_column_usage",
    "constraint_table_usage",
    "key_column_usage",
    "pg_attrdef",
    "pg_auth_members",
    "pg_constraint",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_event_trigger",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_index",
    "pg_indexes",
    "pg_inherits",
    "pg_partitioned_table",
    "pg_policies",
    "pg_policy",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_rewrite",
    "pg_rules",
    "pg_seclabel",
    "pg_sequence",
    "pg_sequences",
    "pg_statistic_ext",
    "pg_stats",
    "pg_subscription",
    "pg_trigger",
    "pg_user_mapping",
    "referential_constraints",
    "table_constraints",
    "triggers",
];

/// Makes a query that can have no rows one that is seen to have none.
fn empty_out(query: &mut Query) -> Result<(), PgError> {
    if matches!(query.body.as_ref(), SetExpr::Select(select) if is_empty(select)) {
        // There is nothing to sort, and perhaps no column of that name any more.
        query.order_by = None;
    }
    each_select(&mut query.body, &mut |select| {
        if is_empty(select) {
            empty_select(select);
        }
        Ok(())
    })
}

fn empty_select(select: &mut Select) {
    for item in &mut select.projection {
        let alias = match item {
            SelectItem::ExprWithAlias { alias, .. } => alias.clone(),
            // Columns that share a name have been marked before, and others are asked for by theirs.
            SelectItem::UnnamedExpr(expr) => column_name(expr),
            _ => continue,
        };
        *item = SelectItem::ExprWithAlias {
            expr: null(),
            alias,
        };
    }
    select.from.clear();
    select.distinct = None;
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select.having = None;
    select.named_window.clear();
    select.selection = Some(boolean(false));
}

/// It reads of an empty table, and is no sum over what it reads.
fn is_empty(select: &Select) -> bool {
    let named = |item: &SelectItem| item_expr(item).is_some_and(|expr| !has_aggregate(expr));
    select.from.iter().any(reads_nothing) && select.projection.iter().all(named)
}

fn reads_nothing(from: &TableWithJoins) -> bool {
    let keeps_left = from.joins.iter().all(|join| {
        !matches!(
            join.join_operator,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::FullOuter(_)
        )
    });
    let joined = from.joins.iter().any(|join| {
        matches!(
            join.join_operator,
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
        ) && is_empty_table(&join.relation)
    });
    keeps_left && (is_empty_table(&from.relation) || joined)
}

fn is_empty_table(relation: &TableFactor) -> bool {
    match relation {
        TableFactor::Table {
            name, args: None, ..
        } => {
            let mut parts = name.0.iter().rev().filter_map(|part| part.as_ident());
            let table = parts
                .next()
                .map(|ident| ident.value.to_ascii_lowercase())
                .unwrap_or_default();
            let schema = parts.next().map(|ident| ident.value.to_ascii_lowercase());
            let system = match schema.as_deref() {
                Some("pg_catalog") => table.starts_with("pg_"),
                Some("information_schema") => !table.starts_with("pg_"),
                None => table.starts_with("pg_"),
                Some(_) => false,
            };
            system && EMPTY.contains(&table.as_str())
        }
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => reads_nothing(table_with_joins),
        TableFactor::Derived { subquery, .. } => match subquery.body.as_ref() {
            SetExpr::Select(select) => subquery.with.is_none() && is_empty(select),
            _ => false,
        },
        _ => false,
    }
}

/// The aggregates that tools ask for.
const AGGREGATES: [&str; 12] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
    "every",
    "json_agg",
    "jsonb_agg",
];

/// Whether an expression has an aggregate; those of queries inside it are theirs.
fn has_aggregate(expr: &Expr) -> bool {
    holds(expr, |expr| {
        let Expr::Function(function) = expr else {
            return false;
        };
        last(&function.name)
            .is_some_and(|name| AGGREGATES.contains(&name.value.to_ascii_lowercase().as_str()))
    })
}

/// A CASE without what it says of domains, which there are none of: how tools find a domain's base type is a recursion
/// for each row. Gives what the CASE becomes; none where it stays, with fewer branches.
fn without_domains(
    branches: &mut Vec<CaseWhen>,
    otherwise: &mut Option<Box<Expr>>,
) -> Option<Expr> {
    branches.retain(|branch| !asks_for_domain(&branch.condition));
    let otherwise = || otherwise.take().map_or_else(null, |expr| *expr);
    branches.is_empty().then(otherwise)
}

/// `t.typtype = 'd'`
fn asks_for_domain(condition: &Expr) -> bool {
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::Eq,
        right,
    } = condition
    else {
        return false;
    };
    let column = match left.as_ref() {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    string(right) == Some("d")
        && column.is_some_and(|name| name.value.eq_ignore_ascii_case("typtype"))
}

#[cfg(test)]
rewrites! {
    PASS queries_of_empty_tables_have_no_rows r#"
        SELECT conname FROM pg_constraint c JOIN pg_class ON true ORDER BY 1 ~> SELECT NULL AS "conname" WHERE false
        SELECT count(*) FROM pg_constraint ~> SELECT count(*) FROM pg_constraint
        SELECT x FROM t LEFT JOIN pg_index ON true ~> SELECT x FROM t LEFT JOIN pg_index ON true
    "#
    DOMAINS branches_of_domains_are_left_out r"
        CASE WHEN t.typtype = 'd' THEN 1 WHEN x THEN 2 END ~> CASE WHEN x THEN 2 END
        CASE WHEN typtype = 'd' THEN 1 ELSE 2 END ~> 2
    "
}
