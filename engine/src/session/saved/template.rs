//! A saved query as a prepared plan, and its call: the plan with the arguments in the places of the parameters.
//!
//! A call gives a view over that plan, which the planner inlines: filters and limits written around a call reach the
//! scans, and a prepared statement's parameters are found and filled in like anywhere else. Invariant: every argument is
//! checked by [`Parameter::convert`], when the statement is planned or, if its value comes later, inside the plan.

use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{
    DFSchema, Result, ScalarValue, internal_err, plan_datafusion_err, plan_err,
};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{Placeholder, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, ScalarUDF, lit};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::SavedQuery;
use super::check::{CheckArgument, CheckRange};
use super::parameter::Parameter;
use crate::session::sources::BoundSources;

/// A saved query that is planned, over unbound scans.
#[derive(Debug)]
pub(in crate::session) struct Template {
    /// What users are told of it.
    pub query: SavedQuery,
    /// Whether other saved queries alone may call it.
    pub private: bool,
    /// Whether it reads what belongs to no account, so that it exists for operators alone.
    pub operator_only: bool,
    /// Its plan, in which `$1` is the first parameter, each typed.
    pub plan: LogicalPlan,
}

/// An argument: its value, or where its value will come from.
enum Argument {
    Known(ScalarValue),
    Open(Expr),
}

impl Argument {
    fn into_expr(self) -> Expr {
        match self {
            Argument::Known(value) => lit(value),
            Argument::Open(expr) => expr,
        }
    }
}

impl Template {
    /// The plan of a call by a user's statement.
    fn call(&self, given: &[Expr], state: &SessionState) -> Result<Vec<Expr>> {
        self.refuse_too_many(given)?;
        let name = &self.query.name;
        let mut arguments = vec![];
        for (i, parameter) in self.query.parameters.iter().enumerate() {
            let default = || {
                let default = constant(state, &parameter.default)?;
                parameter.convert(name, &default)
            };
            arguments.push(match given.get(i).map(unaliased) {
                None => Argument::Known(default()?),
                Some(Expr::Literal(value, _)) if value.is_null() => Argument::Known(default()?),
                Some(Expr::Literal(value, _)) => Argument::Known(parameter.convert(name, value)?),
                Some(expr) => Argument::Open(self.checked(parameter, expr, default()?)?),
            });
        }
        self.check_range(&mut arguments)?;
        Ok(arguments.into_iter().map(Argument::into_expr).collect())
    }

    /// The arguments of a call inside another saved query's text: its own parameters are checked already, so they go
    /// through as they are. A default would be worked out once, when the text is loaded; so none may be left out.
    fn nested_call(&self, given: &[Expr]) -> Result<Vec<Expr>> {
        self.refuse_too_many(given)?;
        let schema = DFSchema::empty();
        let mut arguments = vec![];
        for (i, parameter) in self.query.parameters.iter().enumerate() {
            let Some(expr) = given.get(i) else {
                return plan_err!(
                    "{}: parameter \"{}\" is left out; expected all of them in a call by another saved query",
                    self.query.name,
                    parameter.name
                );
            };
            arguments.push(match expr {
                Expr::Literal(value, _) => lit(parameter.convert(&self.query.name, value)?),
                expr => expr
                    .clone()
                    .cast_to(&parameter.kind.value_type(), &schema)?,
            });
        }
        Ok(arguments)
    }

    fn refuse_too_many(&self, given: &[Expr]) -> Result<()> {
        let parameters = &self.query.parameters;
        if given.len() <= parameters.len() {
            return Ok(());
        }
        let names: Vec<_> = parameters.iter().map(|p| p.name.as_str()).collect();
        plan_err!(
            "{}: {} arguments; expected at most {}: {}",
            self.query.name,
            given.len(),
            parameters.len(),
            names.join(", ")
        )
    }

    /// An argument whose value comes with the execution of a prepared statement.
    fn checked(&self, parameter: &Parameter, expr: &Expr, default: ScalarValue) -> Result<Expr> {
        let constant = expr.column_refs().is_empty()
            && !expr.exists(|e| {
                Ok(matches!(
                    e,
                    Expr::OuterReferenceColumn(..)
                        | Expr::ScalarSubquery(_)
                        | Expr::InSubquery(_)
                        | Expr::Exists(_)
                ))
            })?;
        let waits = expr.exists(|e| Ok(matches!(e, Expr::Placeholder(_))))?;
        if !constant || !waits {
            return plan_err!(
                "{}: parameter \"{}\" is {expr}, which is no constant; expected {}",
                self.query.name,
                parameter.name,
                parameter.kind
            );
        }
        let expr = match expr {
            Expr::Placeholder(Placeholder { id, field: None }) => {
                let field = arrow::datatypes::Field::new(id, parameter.kind.argument_type(), true);
                Expr::Placeholder(Placeholder::new_with_field(
                    id.clone(),
                    Some(Arc::new(field)),
                ))
            }
            other => other.clone(),
        };
        let check = CheckArgument::new(&self.query.name, parameter, default);
        Ok(function(check, vec![expr]))
    }

    /// Where a query has a range of days, its end must not be before its beginning.
    fn check_range(&self, arguments: &mut [Argument]) -> Result<()> {
        let position = |name: &str| {
            self.query
                .parameters
                .iter()
                .position(|p| p.name == name && p.kind == super::ParameterKind::Date)
        };
        let (Some(from), Some(to)) = (position("from"), position("to")) else {
            return Ok(());
        };
        let name = &self.query.name;
        let range = match (&arguments[from], &arguments[to]) {
            (Argument::Known(first), Argument::Known(last)) => {
                return CheckRange::check(name, first, last);
            }
            (Argument::Known(first), Argument::Open(last)) => {
                vec![lit(first.clone()), last.clone()]
            }
            (Argument::Open(first), Argument::Known(last)) => {
                vec![first.clone(), lit(last.clone())]
            }
            (Argument::Open(first), Argument::Open(last)) => vec![first.clone(), last.clone()],
        };
        arguments[to] = Argument::Open(function(CheckRange::new(name), range));
        Ok(())
    }

    /// The plan with arguments for parameters, its scans bound if there is something to bind them to.
    fn with_arguments(
        &self,
        arguments: &[Expr],
        sources: Option<&BoundSources>,
    ) -> Result<LogicalPlan> {
        let plan = self.plan.clone();
        let filled = plan.transform_up_with_subqueries(|node| {
            let node = match sources {
                Some(sources) => sources.bind_node(node)?.data,
                None => node,
            };
            fill(node, arguments)
        })?;
        Ok(filled.data)
    }
}

/// One node of a template with the arguments in the places of the parameters; columns keep their names.
fn fill(node: LogicalPlan, arguments: &[Expr]) -> Result<Transformed<LogicalPlan>> {
    let mut has_parameter = false;
    node.apply_expressions(|expr| {
        has_parameter |= expr.exists(|e| Ok(matches!(e, Expr::Placeholder(_))))?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    if !has_parameter {
        return Ok(Transformed::yes(node));
    }
    let names = NamePreserver::new(&node);
    let node = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let filled = expr.transform_up(|e| match e {
            Expr::Placeholder(placeholder) => {
                let position = placeholder
                    .id
                    .get(1..)
                    .and_then(|n| n.parse::<usize>().ok());
                match position.and_then(|n| arguments.get(n.checked_sub(1)?)) {
                    Some(argument) => Ok(Transformed::yes(argument.clone())),
                    None => internal_err!("a saved query has no parameter {}", placeholder.id),
                }
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(filled.update_data(|e| name.restore(e)))
    })?;
    Ok(Transformed::yes(node.data.recompute_schema()?))
}

fn function(
    function: impl datafusion::logical_expr::ScalarUDFImpl + 'static,
    args: Vec<Expr>,
) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::from(function)),
        args,
    ))
}

/// An expression without the names that it was given.
pub(in crate::session) fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// The value of a constant SQL expression, by the clock and the calendar of a statement.
pub(super) fn constant(state: &SessionState, sql: &str) -> Result<ScalarValue> {
    let schema = DFSchema::empty();
    let expr = state.create_logical_expr(sql, &schema)?;
    let context = SimplifyContext::builder()
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context);
    let expr = simplifier.simplify(simplifier.coerce(expr, &schema)?)?;
    match unaliased(&expr) {
        Expr::Literal(value, _) => Ok(value.clone()),
        other => plan_err!("{sql:?} is {other}; expected a constant expression"),
    }
}

/// A saved query as a session's table function.
#[derive(Debug)]
pub(in crate::session) struct SavedQueryFunction {
    pub template: Arc<Template>,
    /// The session's scans; none where saved queries themselves are planned.
    pub sources: Option<Arc<BoundSources>>,
}

impl TableFunctionImpl for SavedQueryFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let arguments = match self.sources {
            None => self.template.nested_call(args.exprs())?,
            Some(_) => {
                let state = args.session().as_any().downcast_ref::<SessionState>();
                let state = state
                    .ok_or_else(|| plan_datafusion_err!("saved queries need a Rapport session"))?;
                self.template.call(args.exprs(), state)?
            }
        };
        let plan = self
            .template
            .with_arguments(&arguments, self.sources.as_deref())?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}
