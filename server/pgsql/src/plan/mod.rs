//! Plans a parsed query, and describes the types of its parameters and the columns of its result.

mod folded;
mod inference;
mod oids;
pub mod origins;
mod planned;

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::logical_expr::{LogicalPlan, Statement as PlanStatement};
use datafusion::sql::parser::Statement as ParsedStatement;
use datafusion::sql::sqlparser::ast::{self, Ident, ObjectName};
use datafusion_pg_catalog::pg_catalog::oid_type_planner::PgOidTypePlanner;
use pgwire::api::Type;

use crate::analyze::{apply, resolve_calls};
use crate::desugar::{is_single, mark_columns};
use crate::encode::{Column, canonical, pg_type};
use crate::error::{PgError, code};
use crate::params::arrow_type;
use crate::parse::Query;
use crate::plan::folded::folded_functions;
use crate::plan::inference::parameter_types;
use crate::plan::oids::{columns_of, parameters_cast};
use crate::plan::origins::{SessionTables, origins as origins_of};
use crate::plan::planned::analyze;

pub use planned::Planned;

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The PostgreSQL type that clients send it as.
    pub pg: Type,
    /// The Arrow type that it is planned as.
    pub arrow: DataType,
}

/// Describes a query to a client: its columns and parameters.
#[derive(Debug, Clone)]
pub struct Described {
    /// The columns of its result.
    pub columns: Arc<[Column]>,
    /// The parameters, `$1` first.
    pub parameters: Vec<Parameter>,
}

/// Plans a query; the types of its parameters are declared or, where `None` or missing, inferred.
///
/// # Errors
/// If the query cannot be planned, or does more than read.
pub async fn plan(
    state: &SessionState,
    query: &Query,
    declared: &[Option<Type>],
) -> Result<Planned, PgError> {
    let declared: Vec<Option<Parameter>> = (0..query.parameters)
        .map(|at| {
            let pg = declared.get(at).cloned().flatten()?;
            let arrow = arrow_type(&pg);
            Some(Parameter { pg, arrow })
        })
        .collect();
    let parameters = if declared.iter().all(Option::is_some) {
        declared.into_iter().flatten().collect()
    } else {
        infer(state, query, declared).await?
    };
    plan_with(state, query, parameters).await
}

/// Plans a query whose parameters' types are all known.
///
/// # Errors
/// If the query cannot be planned, or does more than read.
pub async fn plan_with(
    state: &SessionState,
    query: &Query,
    parameters: Vec<Parameter>,
) -> Result<Planned, PgError> {
    let known = Some(parameters.as_slice()).filter(|known| !known.is_empty());
    let plan = plan_query(state, query, known).await?;
    let mut planned = finish(state, plan, parameters)?;
    planned.folded = folded_functions(state, &query.ast);
    Ok(planned)
}

/// Checks that a plan only reads, analyses it, and describes its columns and parameters.
fn finish(
    state: &SessionState,
    plan: LogicalPlan,
    parameters: Vec<Parameter>,
) -> Result<Planned, PgError> {
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    let origins = state.config().get_extension::<SessionTables>();
    let origins = origins.map(|tables| origins_of(&plan, tables.0.as_ref()));
    let plan = apply(plan, state)?;
    // Only the analysed plan has the rows' final types: analysis gives the branches of a CASE or a UNION one type.
    let (plan, is_analyzed) = match analyze(state, plan.clone()) {
        Ok(analyzed) => (analyzed, true),
        // Some parameters can be analysed only once they have values; `Planned::optimize` does it then.
        Err(_) if !parameters.is_empty() => (plan, false),
        Err(error) => return Err(error.into()),
    };
    let mut columns = columns_of(&plan)?;
    for (column, origin) in columns.iter_mut().zip(origins.unwrap_or_default()) {
        column.origin = origin;
    }
    let columns = columns.into();
    Ok(Planned {
        plan,
        described: Described {
            columns,
            parameters,
        },
        is_analyzed,
        folded: BTreeSet::new(),
    })
}

/// Plans a query; tries again with its columns marked if DataFusion finds a name ambiguous that PostgreSQL accepts.
async fn plan_query(
    state: &SessionState,
    query: &Query,
    parameters: Option<&[Parameter]>,
) -> Result<LogicalPlan, PgError> {
    let copy = || {
        let mut ast = Box::new(query.ast.as_ref().clone());
        resolve_calls(state, &mut ast).map(|()| ast)
    };
    match plan_ast(state, copy()?, parameters)
        .await
        .map_err(PgError::from)
    {
        Err(error) if matches!(error.code, "42701" | "42702" | "42712") => {
            // The select list may name a column that a wildcard includes too, which PostgreSQL allows.
            let mut ast = copy()?;
            mark_columns(&mut ast);
            plan_ast(state, ast, parameters).await.map_err(|_| error)
        }
        result => result,
    }
}

/// Plans a syntax tree; the parameters' types are given by a PREPARE around it.
async fn plan_ast(
    state: &SessionState,
    ast: Box<ast::Query>,
    parameters: Option<&[Parameter]>,
) -> Result<LogicalPlan, DataFusionError> {
    let query = ast::Statement::Query(ast);
    let Some(parameters) = parameters else {
        return state
            .statement_to_plan(ParsedStatement::Statement(Box::new(query)))
            .await;
    };
    // DataFusion's planner takes the types of parameters only from a PREPARE.
    let prepare = ast::Statement::Prepare {
        name: Ident::new("p"),
        data_types: parameters
            .iter()
            .map(|parameter| any_type(&parameter.arrow))
            .collect(),
        statement: Box::new(query),
    };
    let plan = state
        .statement_to_plan(ParsedStatement::Statement(Box::new(prepare)))
        .await?;
    match plan {
        LogicalPlan::Statement(PlanStatement::Prepare(prepare)) => {
            Ok(Arc::unwrap_or_clone(prepare.input))
        }
        other => Ok(other),
    }
}

/// Infers the types of the parameters that are not declared, from the expressions around them.
async fn infer(
    state: &SessionState,
    query: &Query,
    declared: Vec<Option<Parameter>>,
) -> Result<Vec<Parameter>, PgError> {
    let written = parameters_cast(&query.ast);
    let inferred = match plan_query(state, query, None).await {
        Ok(plan) => parameter_types(&plan)?,
        // The query cannot be planned without the types: its parameters are text then, as PostgreSQL resolves `unknown`.
        Err(_) => HashMap::new(),
    };
    Ok(declared
        .into_iter()
        .enumerate()
        .map(|(at, declared)| {
            declared.unwrap_or_else(|| {
                if let Some(pg) = written.get(&format!("${}", at + 1)) {
                    let (pg, arrow) = (pg.clone(), arrow_type(pg));
                    return Parameter { pg, arrow };
                }
                let arrow = inferred.get(&format!("${}", at + 1)).map(canonical);
                let known = arrow.and_then(|arrow| Some((pg_type(&arrow)?, arrow)));
                let (pg, arrow) = known.unwrap_or((Type::TEXT, DataType::Utf8));
                Parameter { pg, arrow }
            })
        })
        .collect())
}

/// Returns the PostgreSQL type that PREPARE declares, or `None` if the type is to be inferred.
///
/// # Errors
/// If there is no such type.
pub fn declared_type(written: &ast::DataType) -> Result<Option<Type>, PgError> {
    use ast::ArrayElemTypeDef as Items;
    use ast::DataType as T;
    Ok(Some(match written {
        T::Int(_) | T::Integer(_) | T::Int4(_) => Type::INT4,
        T::BigInt(_) | T::Int8(_) => Type::INT8,
        T::SmallInt(_) | T::Int2(_) => Type::INT2,
        single if is_single(single) => Type::FLOAT4,
        T::DoublePrecision | T::Float8 | T::Double(_) | T::Float(_) => Type::FLOAT8,
        T::Numeric(_) | T::Decimal(_) | T::Dec(_) => Type::NUMERIC,
        T::Boolean | T::Bool => Type::BOOL,
        T::Text | T::Varchar(_) | T::CharacterVarying(_) | T::CharVarying(_) => Type::TEXT,
        T::Date => Type::DATE,
        T::Timestamp(_, ast::TimezoneInfo::Tz | ast::TimezoneInfo::WithTimeZone) => {
            Type::TIMESTAMPTZ
        }
        T::Timestamp(..) => Type::TIMESTAMP,
        T::Interval { .. } => Type::INTERVAL,
        T::Uuid => Type::UUID,
        T::JSON => Type::JSON,
        T::JSONB => Type::JSONB,
        T::Time(..) => Type::TIME,
        T::Bytea => Type::BYTEA,
        T::Array(Items::SquareBracket(item, _) | Items::AngleBracket(item)) => {
            let item = declared_type(item)?.map_or(DataType::Utf8, |item| arrow_type(&item));
            return Ok(pg_type(&DataType::new_list(item, true)));
        }
        T::Custom(name, _) if is_named(name, "unknown") => return Ok(None),
        other => {
            let Some(field) = PgTypes.plan_type_field(other)? else {
                return Ok(None);
            };
            return Ok(pg_type(&canonical(field.data_type())));
        }
    }))
}

fn is_named(name: &ObjectName, word: &str) -> bool {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.is_some_and(|ident| ident.value.eq_ignore_ascii_case(word))
}

/// The name of a custom SQL type whose argument names an Arrow type. No user's SQL is likely to contain it.
const ANY_TYPE: &str = "rapport.arrow_type";

/// Returns an SQL type that [`PgTypes`] plans as this Arrow type.
fn any_type(arrow: &DataType) -> ast::DataType {
    let name = ObjectName::from(vec![Ident::with_quote('"', ANY_TYPE)]);
    ast::DataType::Custom(name, vec![arrow.to_string()])
}

/// Plans SQL types as PostgreSQL defines them where DataFusion's defaults differ, and any Arrow type by its name.
#[derive(Debug)]
pub struct PgTypes;

impl TypePlanner for PgTypes {
    fn plan_type_field(
        &self,
        sql_type: &ast::DataType,
    ) -> datafusion::error::Result<Option<Arc<Field>>> {
        if let ast::DataType::Custom(name, arguments) = sql_type
            && let [part] = name.0.as_slice()
            && part.as_ident().is_some_and(|ident| ident.value == ANY_TYPE)
            && let [arrow] = arguments.as_slice()
        {
            return Ok(Some(Arc::new(Field::new(
                "",
                DataType::from_str(arrow)?,
                true,
            ))));
        }
        if let Some(field) = PgOidTypePlanner.plan_type_field(sql_type)? {
            return Ok(Some(field));
        }
        use ast::TimezoneInfo as Zoned;
        let arrow = match sql_type {
            // PostgreSQL's timestamps count microseconds; DataFusion's count nanoseconds, with a smaller range.
            ast::DataType::Timestamp(None | Some(4..=6), Zoned::None | Zoned::WithoutTimeZone) => {
                DataType::Timestamp(TimeUnit::Microsecond, None)
            }
            single if is_single(single) => DataType::Float32,
            ast::DataType::Float(_) => DataType::Float64,
            ast::DataType::Uuid | ast::DataType::JSON | ast::DataType::JSONB => DataType::Utf8,
            ast::DataType::Custom(name, arguments) => custom_type(name, arguments)?,
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", arrow, true))))
    }
}

/// Returns the Arrow type of a type that the parser knows only by name: `pg_catalog.timestamptz`, `name`, `citext`.
fn custom_type(name: &ObjectName, arguments: &[String]) -> datafusion::error::Result<DataType> {
    let last = name.0.last().and_then(|part| part.as_ident());
    let last = last
        .map(|ident| ident.value.to_lowercase())
        .unwrap_or_default();
    Ok(match last.as_str() {
        "bool" | "boolean" => DataType::Boolean,
        "int2" | "smallint" => DataType::Int16,
        "int4" | "integer" | "int" => DataType::Int32,
        "int8" | "bigint" | "xid8" => DataType::Int64,
        "float4" | "real" => DataType::Float32,
        "float8" => DataType::Float64,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "time" => DataType::Time64(TimeUnit::Microsecond),
        "interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        "numeric" | "decimal" => match arguments {
            [precision, scale] => {
                let precision = precision.parse().unwrap_or(38);
                DataType::Decimal128(precision, scale.parse().unwrap_or(10))
            }
            _ => DataType::Decimal128(38, 10),
        },
        "bytea" => DataType::Binary,
        "text" | "varchar" | "bpchar" | "char" | "name" | "uuid" | "json" | "jsonb" | "citext"
        | "cstring" | "xml" | "inet" | "unknown" | "refcursor" | "aclitem" => DataType::Utf8,
        "int2vector" => DataType::new_list(DataType::Int16, true),
        "oidvector" => DataType::new_list(DataType::Int32, true),
        "xid" | "cid" => DataType::Int32,
        _ => {
            let error = PgError::new(
                code::UNDEFINED_OBJECT,
                format!("type \"{last}\" does not exist"),
            );
            return Err(DataFusionError::External(Box::new(error)));
        }
    })
}
