//! Reads a request's query string: the arguments of a saved query, the account, and the form of the result.

use rapport_engine::session::SavedQuery;
use url::form_urlencoded;

use super::problem::Problem;

/// The parameter of the result's form.
pub const FORMAT: &str = "format";
/// The parameter of the account, for callers who see several.
pub const ACCOUNT: &str = "account";

/// Holds a parsed query string.
#[derive(Debug, Default)]
pub struct Arguments {
    /// The form of the result, if one is given.
    pub form: Option<String>,
    /// The account, if one is given.
    pub account: Option<String>,
    /// The saved query's arguments, in their order.
    given: Vec<(String, String)>,
}

impl Arguments {
    /// Parses a query string.
    ///
    /// # Errors
    /// If the form or the account is given twice.
    pub fn parse(text: &str) -> Result<Arguments, Problem> {
        let mut arguments = Arguments::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let once = match name.as_ref() {
                FORMAT => &mut arguments.form,
                ACCOUNT => &mut arguments.account,
                _ => {
                    arguments
                        .given
                        .push((name.into_owned(), value.into_owned()));
                    continue;
                }
            };
            if once.replace(value.into_owned()).is_some() {
                return Err(Problem::bad_request(format!(
                    "parameter {name:?} is given twice; expected it once"
                )));
            }
        }
        Ok(arguments)
    }

    /// Writes the statement that calls a saved query with these arguments.
    ///
    /// # Errors
    /// If the query has no such parameter, or one is given twice.
    pub fn call_sql(&self, query: &SavedQuery) -> Result<String, Problem> {
        let bad_request =
            |error: rapport_engine::session::SessionError| Problem::bad_request(error.to_string());
        let argument = |(name, value): &(String, String)| {
            // `call_sql` would take an argument whose name is no identifier for a positional one.
            query.position(name).map(|_| format!("{name}={value}"))
        };
        let named: Result<Vec<String>, _> = self.given.iter().map(argument).collect();
        query
            .call_sql(&named.map_err(bad_request)?)
            .map_err(bad_request)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn format_and_account_are_not_arguments_of_the_query() {
        let text = "from=2026-01-01&format=csv&search=a%3Db+%26+%C3%A9&account=acme";
        let arguments = Arguments::parse(text).unwrap();
        assert_eq!(arguments.form.as_deref(), Some("csv"));
        assert_eq!(arguments.account.as_deref(), Some("acme"));
        let given = [("from", "2026-01-01"), ("search", "a=b & é")];
        assert_eq!(
            arguments.given,
            given.map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
        for twice in ["format=csv&format=csv", "account=a&account=b"] {
            assert!(Arguments::parse(twice).is_err(), "{twice}");
        }
    }
}
