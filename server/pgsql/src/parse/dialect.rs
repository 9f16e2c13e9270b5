//! PostgreSQL's dialect as the parser is given it: with a bound to how often it may start anew.
//!
//! The parser tries one reading and, where that fails, another; nested, each level doubles the work of those inside.
//! Forty calls in one another would keep a thread for days, and nothing could stop it.

use std::any::TypeId;
use std::cell::Cell;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use super::operators;

/// So many steps are taken however short a statement is.
const STEPS: usize = 50_000;
/// So many more for each of its tokens.
const STEPS_OF_TOKEN: usize = 20;

/// PostgreSQL's dialect for the parsing of one statement.
#[derive(Debug)]
pub(super) struct PgDialect {
    left: Cell<usize>,
}

impl PgDialect {
    /// For a statement of so many tokens.
    pub fn of(tokens: usize) -> PgDialect {
        PgDialect {
            left: Cell::new(STEPS + STEPS_OF_TOKEN * tokens),
        }
    }

    /// Whether there was no step left.
    pub fn is_used_up(&self) -> bool {
        self.left.get() == 0
    }

    /// One step; where there is none left, the one error that no other reading is tried after.
    fn step(&self) -> Result<(), ParserError> {
        self.left.set(self.left.get().saturating_sub(1));
        if self.is_used_up() {
            return Err(ParserError::RecursionLimitExceeded);
        }
        Ok(())
    }
}

macro_rules! as_in_postgresql {
    ($($name:ident)*) => {
        $(fn $name(&self) -> bool {
            PostgreSqlDialect {}.$name()
        })*
    };
}

impl Dialect for PgDialect {
    fn dialect(&self) -> TypeId {
        PostgreSqlDialect {}.dialect()
    }

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

    /// `json_object('label': value)` has no function behind it here, and to look for such labels makes the parser read
    /// each argument of each call twice.
    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        false
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        PostgreSqlDialect {}.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        PostgreSqlDialect {}.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_custom_operator_part(ch)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        PostgreSqlDialect {}.prec_value(precedence)
    }

    as_in_postgresql! {
        supports_unicode_string_literal
        supports_filter_during_aggregation
        supports_group_by_expr
        allow_extract_custom
        allow_extract_single_quotes
        supports_create_index_with_clause
        supports_explain_with_utility_options
        supports_listen_notify
        supports_factorial_operator
        supports_bitwise_shift_operators
        supports_comment_on
        supports_load_extension
        supports_named_fn_args_with_colon_operator
        supports_empty_projections
        supports_nested_comments
        supports_string_escape_constant
        supports_numeric_literal_underscores
        supports_array_typedef_with_brackets
        supports_geometric_types
        supports_set_names
        supports_alter_column_type_using
        supports_notnull_operator
        supports_interval_options
        supports_insert_table_alias
        supports_create_table_like_parenthesized
        supports_select_wildcard_with_alias
        supports_comma_separated_trim
        supports_xml_expressions
        supports_comment_optimizer_hint
    }
}
