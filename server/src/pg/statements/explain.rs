//! EXPLAIN: the physical plan of a query, without the paths of its files.

use std::iter::Peekable;
use std::sync::Arc;

use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::scalar::ScalarValue;
use futures::StreamExt;

use super::connection::Connection;
use super::dispatch::{Failure, Outcome};
use crate::pg::execution::cancellation::with_cancellable_joins;
use crate::pg::execution::tasks;
use crate::pg::resources::interrupt::Interrupt;
use crate::pg::resources::stop_flag::{StopCheck, StopOnDrop};
use crate::pg::session::portals::Prepared;
use rapport_pgsql::encode::{Column, Formats};
use rapport_pgsql::error::PgError;
use rapport_pgsql::parse::Explain;

impl Connection {
    /// Answers EXPLAIN, and runs the query for EXPLAIN ANALYZE.
    pub(super) async fn explain(
        &mut self,
        explain: &Explain,
        prepared: &Prepared,
        values: Arc<[ScalarValue]>,
        formats: &Formats,
        interrupt: &Interrupt,
    ) -> Result<Outcome, Failure> {
        let permit = self.admit(interrupt).await?;
        let (state, plan, _) = self
            .plan_now(&explain.query, Some(prepared), values, interrupt)
            .await?;
        let (analyze, verbose, json) = (explain.analyze, explain.verbose, explain.json);
        let memory = self.statement_memory();
        let context = tasks::task_context(&state, Arc::clone(&memory));
        let stop = StopOnDrop::default();
        let should_stop = memory.stop_check(stop.check());
        let work = async move {
            let _permit = permit;
            let lines = explain_lines(&state, &plan, context, analyze, verbose, json, should_stop);
            memory.run_unless_killed(lines).await
        };
        let runtime = Arc::clone(&self.session.runtime);
        let lines = self
            .wait_for(interrupt, tasks::run_on(runtime.handle(), work))
            .await??;
        let lines: Vec<_> = lines.into_iter().map(|line| vec![Some(line)]).collect();
        self.text_rows(
            [Column::text("QUERY PLAN")].into(),
            &lines,
            formats,
            "EXPLAIN",
        )
    }
}

/// Returns the lines of a plan, after running it for `analyze`.
///
/// # Errors
/// If the query fails.
async fn explain_lines(
    state: &SessionState,
    plan: &LogicalPlan,
    context: Arc<TaskContext>,
    analyze: bool,
    verbose: bool,
    json: bool,
    should_stop: StopCheck,
) -> Result<Vec<String>, PgError> {
    let physical = tasks::physical_plan(state, plan).await?;
    let physical = with_cancellable_joins(physical, &should_stop)?;
    let start = std::time::Instant::now();
    let mut rows = 0;
    if analyze {
        let mut stream = execute_stream(physical.clone(), context)?;
        while let Some(batch) = stream.next().await {
            rows += batch?.num_rows();
        }
    }
    let elapsed = start.elapsed();
    let shown = if analyze {
        DisplayableExecutionPlan::with_metrics(physical.as_ref())
    } else {
        DisplayableExecutionPlan::new(physical.as_ref())
    };
    let text = shown.indent(verbose).to_string();
    let mut lines: Vec<String> = text.lines().map(hide_file_paths).collect();
    let milliseconds = elapsed.as_secs_f64() * 1000.0;
    if json {
        let mut document = serde_json::json!({ "Plan": plan_tree(&mut lines.iter().peekable()) });
        if analyze {
            document["Actual Rows"] = rows.into();
            document["Execution Time"] = milliseconds.into();
        }
        let document = serde_json::Value::from(vec![document]);
        return Ok(vec![format!("{document:#}")]);
    }
    if analyze {
        lines.push(format!("Rows: {rows}"));
        lines.push(format!("Execution Time: {milliseconds:.3} ms"));
    }
    Ok(lines)
}

/// Parses the indented lines of a plan into a tree, in the form of PostgreSQL's `FORMAT JSON`.
fn plan_tree<'a>(lines: &mut Peekable<impl Iterator<Item = &'a String>>) -> serde_json::Value {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let Some(line) = lines.next() else {
        return serde_json::Value::Null;
    };
    let (name, details) = line
        .trim()
        .split_once(": ")
        .unwrap_or((line.trim().trim_end_matches(':'), ""));
    let mut node = serde_json::json!({ "Node Type": name });
    if !details.is_empty() {
        node["Details"] = details.into();
    }
    let mut below = Vec::new();
    while lines.peek().is_some_and(|next| depth(next) > depth(line)) {
        below.push(plan_tree(lines));
    }
    if !below.is_empty() {
        node["Plans"] = below.into();
    }
    node
}

/// Removes the paths of a scan's files from a line: they hold names of accounts and of the server's folders.
fn hide_file_paths(line: &str) -> String {
    let Some(start) = line.find("file_groups={") else {
        return line.to_owned();
    };
    let list = &line[start..];
    let mut depth = 0;
    let mut end = list.len();
    for (at, c) in list.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth -= 1;
                if depth == 0 {
                    end = at + 1;
                    break;
                }
            }
            _ => {}
        }
    }
    // "file_groups={2 groups: [[…" keeps its number.
    let groups = list["file_groups={".len()..]
        .split(':')
        .next()
        .unwrap_or_default();
    let groups = if groups.ends_with("group") || groups.ends_with("groups") {
        groups
    } else {
        ""
    };
    format!("{}file_groups={{{groups}}}{}", &line[..start], &list[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_explain_nests_nodes_by_indentation() {
        let lines = ["A: x=1: y", "  B", "    C: z", "  D:", "    E"].map(str::to_owned);
        let expected = serde_json::json!({
            "Node Type": "A", "Details": "x=1: y", "Plans": [
                { "Node Type": "B", "Plans": [{ "Node Type": "C", "Details": "z" }] },
                { "Node Type": "D", "Plans": [{ "Node Type": "E" }] },
            ],
        });
        assert_eq!(plan_tree(&mut lines.iter().peekable()), expected);
    }

    #[test]
    fn paths_of_files_are_removed() {
        let line = "  DataSourceExec: file_groups={2 groups: [[lake/account_id=a/x.parquet], [y}]]}, projection=[a], file_type=parquet";
        let shown = hide_file_paths(line);
        assert!(!shown.contains("parquet]"), "{shown}");
        assert!(!shown.contains("account_id=a"), "{shown}");
        assert!(
            shown.starts_with("  DataSourceExec: file_groups={2 groups}"),
            "{shown}"
        );
    }
}
