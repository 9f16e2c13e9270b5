//! From files to planned saved queries.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, Statement};
use datafusion::prelude::SessionContext;

use super::file::QueryFile;
use super::template::{SavedQueryFunction, Template, constant};
use super::{SavedColumn, SavedQuery};
use crate::session::dialect::QueryDialect;
use crate::session::relations::RELATIONS;
use crate::session::sources::{Stored, stored_of};
use crate::session::{SessionError, read_only};

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../../../queries/", $name, ".sql")))),+]
    };
}

const BUILT_IN: [(&str, &str); 26] = built_in![
    "internal/channel_days",
    "internal/currency_sales",
    "internal/headline_rows",
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
    "freshness",
    "coverage",
    "activity_span",
    "conversation_events",
    "explain_conversation",
    "conversation_orders",
    "explain_order",
];

/// The built-in queries and those of a team's folder, planned; `context` knows the relations and the functions. The team's
/// are in the dialect, if there is one.
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

/// A team's query may replace a built-in one, but not what others are built on, nor pass for something else.
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

/// Plans files of saved queries.
struct Planner<'a> {
    context: &'a SessionContext,
    /// The dialect of a team's own queries, and a context with its functions.
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

    /// Plans every file. One that calls others waits until they are planned.
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

    /// Lets the files that are yet to be planned call this one.
    fn register(&self, template: &Arc<Template>) {
        let contexts = std::iter::once(self.context).chain(self.own.as_ref().map(|(_, own)| own));
        for context in contexts {
            let function = SavedQueryFunction {
                template: Arc::clone(template),
                sources: None,
            };
            context.register_udtf(&template.query.name, Arc::new(function));
        }
    }

    async fn plan(&self, file: &QueryFile) -> Result<LogicalPlan> {
        // Without a start time, `now()` in an argument of a nested call stays what it is.
        let timeless = |context: &SessionContext| {
            let mut state = context.state();
            state.execution_props_mut().query_execution_start_time = None;
            state
        };
        let plan = match &self.own {
            Some((dialect, context)) if file.own => {
                let kinds = file.parameters.iter().map(|p| p.kind.value_type());
                let types: Vec<DataType> = kinds.collect();
                dialect.plan(&timeless(context), &file.body, &types).await?
            }
            _ => plan_here(file, &timeless(self.context)).await?,
        };
        if matches!(
            plan,
            LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_)
        ) {
            return plan_err!("expected one SELECT");
        }
        read_only().verify_plan(&plan)?;
        Ok(plan)
    }
}

/// Plans a file in DataFusion's own dialect.
async fn plan_here(file: &QueryFile, state: &SessionState) -> Result<LogicalPlan> {
    let types: Vec<_> = file.parameters.iter().map(|p| p.kind.sql_type()).collect();
    let sql = match types.is_empty() {
        true => file.body.clone(),
        // What gives `$1` its type.
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

fn template(
    file: QueryFile,
    plan: LogicalPlan,
    state: &SessionState,
) -> Result<Template, SessionError> {
    for (parameter, line) in file.parameters.iter().zip(&file.parameter_lines) {
        constant(state, &parameter.default)
            .and_then(|default| parameter.convert(&file.name, &default))
            .map_err(|error| file.refuse(*line, error.strip_backtrace()))?;
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
    let operator_only = !stored_of(&plan)?.into_iter().all(Stored::is_of_accounts);
    Ok(Template {
        operator_only,
        private: file.private,
        query: SavedQuery {
            name: file.name,
            purpose: file.purpose,
            parameters: file.parameters,
            columns,
        },
        plan,
    })
}
