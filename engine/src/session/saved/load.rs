//! Loads the files of saved queries and plans them.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, Statement};
use datafusion::prelude::SessionContext;

use super::file::QueryFile;
use super::template::{SavedQueryFunction, Template, constant};
use super::{SavedColumn, SavedQuery};
use crate::session::barrier::{self, ViewBody};
use crate::session::dialect::QueryDialect;
use crate::session::relations::RELATIONS;
use crate::session::sources::{Stored, stored_relations};
use crate::session::{SessionError, read_only};

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../../queries/", $name, ".sql")))),+]
    };
}

const BUILT_IN: [(&str, &str); 32] = built_in![
    "internal/channel_days",
    "internal/currency_sales",
    "internal/headline_rows",
    "internal/attribution_under",
    "headline_metrics",
    "headline_comparison",
    "daily_series",
    "daily_statuses",
    "status_counts",
    "channel_counts",
    "procedures_performance",
    "procedures_table",
    "conversations_page",
    "conversations_table",
    "tag_counts",
    "escalations",
    "sales_by_currency",
    "sales_summary",
    "sales_page",
    "opportunities",
    "service_quality",
    "commerce",
    "recommendation_results",
    "attribution_comparison",
    "savings",
    "freshness",
    "coverage",
    "activity_span",
    "conversation_events",
    "explain_conversation",
    "conversation_orders",
    "explain_order",
];

/// Plans the built-in queries and those of a team's folder, in a context that has the relations and the functions. The
/// team's queries are in the dialect, if there is one.
///
/// # Errors
/// If the folder cannot be read, or a file is wrong.
pub(in crate::session) async fn load(
    folder: Option<&Path>,
    context: &SessionContext,
    dialect: Option<Arc<dyn QueryDialect>>,
) -> Result<Vec<Arc<Template>>, SessionError> {
    let mut files = vec![];
    for (path, text) in BUILT_IN {
        let name = path.rsplit('/').next().unwrap_or(path);
        files.push(QueryFile::parse(
            name,
            &format!("queries/{path}.sql"),
            text,
        )?);
    }
    if let Some(folder) = folder {
        for own in read_folder(folder)? {
            refuse_taken_name(&own, &files)?;
            files.retain(|built_in| built_in.name != own.name);
            files.push(own);
        }
    }
    let planner = Planner::new(context, dialect)?;
    let mut planned = planner.plan_all(files).await?;
    planned.sort_by(|a, b| a.query.name.cmp(&b.query.name));
    Ok(planned)
}

fn read_folder(folder: &Path) -> Result<Vec<QueryFile>, SessionError> {
    let failed = |source| SessionError::Folder {
        folder: folder.to_owned(),
        source,
    };
    let mut paths = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let text = std::fs::read_to_string(path).map_err(failed)?;
            let file = QueryFile::parse(&name, &path.to_string_lossy(), &text)?;
            Ok(QueryFile { own: true, ..file })
        })
        .collect()
}

/// Refuses a name that a team's query may not take. It may replace a built-in query, but no private one, which other
/// queries call, no relation and no table function of SQL.
fn refuse_taken_name(own: &QueryFile, files: &[QueryFile]) -> Result<(), SessionError> {
    let mut public = RELATIONS
        .iter()
        .filter(|relation| relation.schema == "public");
    let relation = public.any(|relation| relation.name == own.name);
    let private = files
        .iter()
        .any(|file| file.private && file.name == own.name);
    if relation || private || ["generate_series", "range", "unnest"].contains(&own.name.as_str()) {
        return Err(own.refuse(
            1,
            format!("the name {:?} is taken; expected another", own.name),
        ));
    }
    Ok(())
}

/// Plans the files of saved queries.
struct Planner<'a> {
    context: &'a SessionContext,
    /// The dialect of a team's own queries, and a context with its functions and rules.
    own: Option<(Arc<dyn QueryDialect>, SessionContext)>,
}

impl<'a> Planner<'a> {
    fn new(
        context: &'a SessionContext,
        dialect: Option<Arc<dyn QueryDialect>>,
    ) -> Result<Planner<'a>> {
        let own = match dialect {
            Some(dialect) => {
                let own = SessionContext::new_with_state(context.state());
                dialect.install(&own)?;
                Some((dialect, own))
            }
            None => None,
        };
        Ok(Planner { context, own })
    }

    /// Plans all files. A file that calls other queries is planned after them.
    async fn plan_all(
        &self,
        mut files: Vec<QueryFile>,
    ) -> Result<Vec<Arc<Template>>, SessionError> {
        let mut planned = vec![];
        loop {
            let mut waiting = vec![];
            let mut reason = None;
            let before = planned.len();
            for file in files {
                match self.plan(&file).await {
                    Ok(plan) => {
                        // Defaults are in the engine's dialect, in a team's files too.
                        let template = Arc::new(template(file, plan, &self.context.state())?);
                        self.register(&template);
                        planned.push(template);
                    }
                    Err(error) => {
                        reason.get_or_insert_with(|| {
                            file.refuse(file.body_line, error.strip_backtrace())
                        });
                        waiting.push(file);
                    }
                }
            }
            match reason {
                None => return Ok(planned),
                Some(reason) if planned.len() == before => return Err(reason),
                Some(_) => files = waiting,
            }
        }
    }

    /// Lets the files that are not planned yet call this query.
    fn register(&self, template: &Arc<Template>) {
        let contexts = std::iter::once(self.context).chain(self.own.as_ref().map(|(_, own)| own));
        for context in contexts {
            let function = SavedQueryFunction::new(template, None);
            context.register_udtf(&template.query.name, Arc::new(function));
        }
    }

    /// Plans and analyses the query of a file.
    async fn plan(&self, file: &QueryFile) -> Result<LogicalPlan> {
        // Without a start time, `now()` in an argument of a nested call is not evaluated.
        let timeless = |context: &SessionContext| {
            let mut state = context.state();
            state.execution_props_mut().query_execution_start_time = None;
            state
        };
        let (plan, state) = match &self.own {
            Some((dialect, context)) if file.own => {
                let kinds = file.parameters.iter().map(|p| p.kind.value_type());
                let types: Vec<DataType> = kinds.collect();
                let state = timeless(context);
                (dialect.plan(&state, &file.body, &types).await?, state)
            }
            _ => {
                let state = timeless(self.context);
                (plan_builtin_dialect(file, &state).await?, state)
            }
        };
        if matches!(
            plan,
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)
        ) {
            return plan_err!("expected one SELECT");
        }
        read_only().verify_plan(&plan)?;
        barrier::analyze(plan, &state)
    }
}

/// Plans the query of a file in DataFusion's own dialect.
async fn plan_builtin_dialect(file: &QueryFile, state: &SessionState) -> Result<LogicalPlan> {
    let types: Vec<_> = file.parameters.iter().map(|p| p.kind.sql_type()).collect();
    let sql = match types.is_empty() {
        true => file.body.clone(),
        // PREPARE declares the types of `$1` and so on.
        false => format!(
            "PREPARE saved_query ({}) AS {}",
            types.join(", "),
            file.body
        ),
    };
    Ok(match state.create_logical_plan(&sql).await? {
        LogicalPlan::Statement(Statement::Prepare(prepare)) => Arc::unwrap_or_clone(prepare.input),
        plan => plan,
    })
}

/// Checks the defaults and documented columns of a file against its plan.
fn template(
    file: QueryFile,
    plan: LogicalPlan,
    state: &SessionState,
) -> Result<Template, SessionError> {
    let mut defaults = vec![];
    for (parameter, line) in file.parameters.iter().zip(&file.parameter_lines) {
        let default = state
            .create_logical_expr(&parameter.default, &DFSchema::empty())
            .and_then(|default| {
                let value = constant(state, default.clone())?;
                parameter.convert(&file.name, &value)?;
                Ok(default)
            });
        defaults.push(default.map_err(|error| file.refuse(*line, error.strip_backtrace()))?);
    }
    for (column, _, line) in &file.columns {
        if plan
            .schema()
            .index_of_column_by_name(None, column)
            .is_none()
        {
            return Err(file.refuse(*line, format!("the query has no column {column:?}")));
        }
    }
    let described = |name: &str| {
        let column = file.columns.iter().find(|(column, ..)| column == name);
        column.map(|(_, what, _)| what.clone()).unwrap_or_default()
    };
    let columns = plan
        .schema()
        .fields()
        .iter()
        .map(|field| SavedColumn {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
            description: described(field.name()),
        })
        .collect();
    let operator_only = !stored_relations(&plan)?
        .into_iter()
        .all(Stored::has_accounts);
    Ok(Template {
        operator_only,
        private: file.private,
        query: SavedQuery {
            name: file.name,
            purpose: file.purpose,
            parameters: file.parameters,
            columns,
        },
        body: ViewBody::new(plan)?,
        defaults,
    })
}
