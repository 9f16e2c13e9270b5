//! A saved query as a prepared plan, and its call: the plan with arguments in the places of its parameters.
//!
//! A call gives a view over that plan, which the planner inlines behind a [barrier](crate::session::barrier): filters and
//! limits around a call reach the scans, and the parameters of a prepared statement are found and replaced as anywhere
//! else. Invariant: every argument is checked by [`Parameter::convert`], when the statement is planned or, if its value
//! comes later, inside the plan.

use std::sync::{Arc, OnceLock};

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, plan_datafusion_err, plan_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::{Placeholder, ScalarFunction};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, lit};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::SavedQuery;
use super::check::{CheckArgument, CheckRange};
use super::parameter::Parameter;
use crate::session::barrier::{Argument, ViewBody, is_today};
use crate::session::sources::BoundSources;
use crate::session::today::CURRENT_DATE;

/// Holds a saved query that is planned over unbound scans, and analysed.
#[derive(Debug)]
pub(in crate::session) struct Template {
    /// What users may know of it.
    pub query: SavedQuery,
    /// Whether only other saved queries may call it.
    pub private: bool,
    /// Whether it reads rows that belong to no account, so that only operators have it.
    pub operator_only: bool,
    /// Its analysed plan, over unbound scans.
    pub body: Arc<ViewBody>,
    /// The default of each parameter, planned but not evaluated: it may depend on the day.
    pub defaults: Vec<Expr>,
}

impl Template {
    /// Checks the arguments of a call in a user's statement, and takes the defaults of those that are left out.
    fn call(&self, given: &[Expr], state: &SessionState) -> Result<Vec<Argument>> {
        self.refuse_too_many(given)?;
        let name = &self.query.name;
        let mut arguments = vec![];
        for (i, (parameter, default)) in
            std::iter::zip(&self.query.parameters, &self.defaults).enumerate()
        {
            let default = || parameter.convert(name, &constant(state, default.clone())?);
            arguments.push(match given.get(i).map(unaliased) {
                None => Argument::Known(default()?),
                Some(Expr::Literal(value, _)) if value.is_null() => Argument::Known(default()?),
                Some(Expr::Literal(value, _)) => Argument::Known(parameter.convert(name, value)?),
                Some(expr) => Argument::Open(self.with_check(parameter, expr, default()?)?),
            });
        }
        self.check_range(&mut arguments)?;
        Ok(arguments)
    }

    /// Casts the arguments of a call in another saved query's text. That query's own parameters are checked already. None
    /// may be left out, because its default would be evaluated once, when the text is loaded.
    fn nested_call(&self, given: &[Expr]) -> Result<Vec<Argument>> {
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
                Expr::Literal(value, _) => {
                    Argument::Known(parameter.convert(&self.query.name, value)?)
                }
                expr => Argument::Open(
                    expr.clone()
                        .cast_to(&parameter.kind.value_type(), &schema)?,
                ),
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

    /// Wraps an argument, whose value comes when a prepared statement is executed, in a check of that value.
    fn with_check(&self, parameter: &Parameter, expr: &Expr, default: ScalarValue) -> Result<Expr> {
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

    /// Refuses a range of days that ends before it begins, or lets the plan check it where an end is not known yet.
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

/// Returns an expression without its aliases.
pub(in crate::session) fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// Evaluates a constant expression by the clock of a statement and by the calendar of its account (SPEC T2).
///
/// # Errors
/// If it is no constant.
pub(super) fn constant(state: &SessionState, expr: Expr) -> Result<ScalarValue> {
    let text = expr.to_string();
    let schema = DFSchema::empty();
    // The day is all that a default takes from a session: its other functions are the engine's own.
    let today = state.udf(CURRENT_DATE)?;
    let expr = expr.transform_up(|e| match is_today(&e) {
        true => Ok(Transformed::yes(today.call(vec![]))),
        false => Ok(Transformed::no(e)),
    })?;
    let context = SimplifyContext::builder()
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context);
    let expr = simplifier.simplify(simplifier.coerce(expr.data, &schema)?)?;
    match unaliased(&expr) {
        Expr::Literal(value, _) => Ok(value.clone()),
        other => plan_err!("{text:?} is {other}; expected a constant expression"),
    }
}

/// A saved query as the table function of a session.
#[derive(Debug)]
pub(in crate::session) struct SavedQueryFunction {
    template: Arc<Template>,
    /// The session's scans; none where saved queries themselves are planned.
    sources: Option<Arc<BoundSources>>,
    /// The body over the session's scans, since the first call.
    bound: OnceLock<Arc<ViewBody>>,
}

impl SavedQueryFunction {
    pub fn new(template: &Arc<Template>, sources: Option<&Arc<BoundSources>>) -> Self {
        SavedQueryFunction {
            template: Arc::clone(template),
            sources: sources.map(Arc::clone),
            bound: OnceLock::new(),
        }
    }

    fn body(&self) -> Result<Arc<ViewBody>> {
        let Some(sources) = &self.sources else {
            return Ok(Arc::clone(&self.template.body));
        };
        if let Some(bound) = self.bound.get() {
            return Ok(Arc::clone(bound));
        }
        let body = self.template.body.bind(sources)?;
        Ok(Arc::clone(self.bound.get_or_init(|| body)))
    }
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
        Ok(Arc::new(self.body()?.view(arguments)))
    }
}
