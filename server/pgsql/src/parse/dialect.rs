//! PostgreSQL's dialect for the parser, with a limit to how often the parser may start anew.
//!
//! The parser tries one reading and, where that fails, another; in nested calls, each level doubles the work of those inside.
//! Forty levels would keep a thread busy for days, and nothing could stop it.

use std::any::TypeId;
use std::cell::Cell;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::operators;

/// The steps that any statement may take.
const STEPS: usize = 50_000;
/// The further steps that it may take for each token.
const STEPS_OF_TOKEN: usize = 20;

/// PostgreSQL's dialect for the parsing of one statement.
#[derive(Debug)]
pub(super) struct PgDialect {
    left: Cell<usize>,
}

impl PgDialect {
    /// Makes the dialect for a statement of so many tokens.
    pub fn of(tokens: usize) -> PgDialect {
        PgDialect {
            left: Cell::new(STEPS + STEPS_OF_TOKEN * tokens),
        }
    }

    /// Whether all steps are used.
    pub fn is_used_up(&self) -> bool {
        self.left.get() == 0
    }

    /// Takes one step. Where none is left, it fails with the one error after which the parser tries no other reading.
    fn step(&self) -> Result<(), ParserError> {
        self.left.set(self.left.get().saturating_sub(1));
        if self.is_used_up() {
            return Err(ParserError::RecursionLimitExceeded);
        }
        Ok(())
    }
}

/// Writes methods that answer as `sqlparser`'s dialect of PostgreSQL does.
macro_rules! as_in_postgresql {
    ($($name:ident($($arg:ident: $type:ty)?) -> $returns:ty;)*) => {
        $(fn $name(&self $(, $arg: $type)?) -> $returns {
            PostgreSqlDialect {}.$name($($arg)?)
        })*
    };
}

impl Dialect for PgDialect {
    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        match self.step() {
            Ok(()) => operators::prefix(parser),
            Err(error) => Some(Err(error)),
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        operators::infix(parser, expr)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match self.step() {
            Ok(()) => operators::precedence(parser)
                .map(|precedence| Ok(self.prec_value(precedence)))
                .or_else(|| PostgreSqlDialect {}.get_next_precedence(parser)),
            Err(error) => Some(Err(error)),
        }
    }

    /// `json_object('label': value)` is not supported here, and to look for such labels makes the parser read each argument of
    /// each call twice.
    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        false
    }

    as_in_postgresql! {
        identifier_quote_style(identifier: &str) -> Option<char>;
        is_delimited_identifier_start(ch: char) -> bool;
        is_identifier_start(ch: char) -> bool;
        is_identifier_part(ch: char) -> bool;
        is_reserved_for_identifier(keyword: Keyword) -> bool;
        is_custom_operator_part(ch: char) -> bool;
        dialect() -> TypeId;
        prec_value(precedence: Precedence) -> u8;
        supports_unicode_string_literal() -> bool;
        supports_filter_during_aggregation() -> bool;
        supports_group_by_expr() -> bool;
        allow_extract_custom() -> bool;
        allow_extract_single_quotes() -> bool;
        supports_create_index_with_clause() -> bool;
        supports_explain_with_utility_options() -> bool;
        supports_listen_notify() -> bool;
        supports_factorial_operator() -> bool;
        supports_bitwise_shift_operators() -> bool;
        supports_comment_on() -> bool;
        supports_load_extension() -> bool;
        supports_named_fn_args_with_colon_operator() -> bool;
        supports_empty_projections() -> bool;
        supports_nested_comments() -> bool;
        supports_string_escape_constant() -> bool;
        supports_numeric_literal_underscores() -> bool;
        supports_array_typedef_with_brackets() -> bool;
        supports_geometric_types() -> bool;
        supports_set_names() -> bool;
        supports_alter_column_type_using() -> bool;
        supports_notnull_operator() -> bool;
        supports_interval_options() -> bool;
        supports_insert_table_alias() -> bool;
        supports_create_table_like_parenthesized() -> bool;
        supports_select_wildcard_with_alias() -> bool;
        supports_comma_separated_trim() -> bool;
        supports_xml_expressions() -> bool;
        supports_comment_optimizer_hint() -> bool;
    }
}
