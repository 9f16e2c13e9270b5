//! Questions about what there is none of: indexes, keys, triggers, policies, publications.
//!
//! Tools ask them in the most elaborate SQL that they have (rows of arrays of keys, set functions per row), of which
//! DataFusion takes little. The answer is known without it: no rows.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, GroupByExpr, JoinOperator, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins, Value,
};

use super::names::column_name;
use super::own::holds;

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
pub(super) fn empty_out(query: &mut Query) {
    if matches!(query.body.as_ref(), SetExpr::Select(select) if is_empty(select)) {
        // There is nothing to sort, and perhaps no column of that name any more.
        query.order_by = None;
    }
    empty_body(&mut query.body);
}

fn empty_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) if is_empty(select) => {
            for item in &mut select.projection {
                let alias = match item {
                    SelectItem::ExprWithAlias { alias, .. } => alias.clone(),
                    // Columns that share a name have been marked before, and others are asked for by theirs.
                    SelectItem::UnnamedExpr(expr) => column_name(expr),
                    _ => continue,
                };
                let expr = Expr::Value(Value::Null.into());
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
            select.from.clear();
            select.distinct = None;
            select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
            select.having = None;
            select.named_window.clear();
            select.selection = Some(Expr::Value(Value::Boolean(false).into()));
        }
        SetExpr::SetOperation { left, right, .. } => {
            empty_body(left);
            empty_body(right);
        }
        _ => {}
    }
}

/// It reads of an empty table, and is no sum over what it reads.
fn is_empty(select: &Select) -> bool {
    let named = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            !has_aggregate(expr)
        }
        _ => false,
    };
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
        let name = function.name.0.last().and_then(|part| part.as_ident());
        name.is_some_and(|name| AGGREGATES.contains(&name.value.to_ascii_lowercase().as_str()))
    })
}

/// A CASE without what it says of domains, which there are none of: how tools find a domain's base type is a recursion
/// for each row. Gives what the CASE becomes; none where it stays, with fewer branches.
pub(super) fn without_domains(
    branches: &mut Vec<CaseWhen>,
    otherwise: &mut Option<Box<Expr>>,
) -> Option<Expr> {
    branches.retain(|branch| !asks_for_domain(&branch.condition));
    branches.is_empty().then(|| {
        otherwise
            .take()
            .map_or_else(|| Expr::Value(Value::Null.into()), |expr| *expr)
    })
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
    let is_domain = matches!(right.as_ref(), Expr::Value(value)
        if matches!(&value.value, Value::SingleQuotedString(kind) if kind == "d"));
    is_domain && column.is_some_and(|name| name.value.eq_ignore_ascii_case("typtype"))
}
