//! What the query string says: the arguments of a saved query, whose account, and the form of the result.

use rapport_engine::session::SavedQuery;
use url::form_urlencoded;

use super::problem::Problem;

/// The names that are not a query's parameters.
pub const FORMAT: &str = "format";
/// Names the account, where there are several.
pub const ACCOUNT: &str = "account";

/// A query string that has been read.
#[derive(Debug, Default)]
pub struct Arguments {
    /// The form that it asks for.
    pub form: Option<String>,
    /// The account that it asks about.
    pub account: Option<String>,
    /// All else, in its order.
    given: Vec<(String, String)>,
}

impl Arguments {
    /// Reads a query string.
    ///
    /// # Errors
    /// If it says twice what can be said once.
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
                return Err(Problem::wrong(format!(
                    "parameter {name:?} is given twice; expected it once"
                )));
            }
        }
        Ok(arguments)
    }

    /// The statement that calls a query with these arguments.
    ///
    /// # Errors
    /// If the query has no such parameter, or one is given twice.
    pub fn call(&self, query: &SavedQuery) -> Result<String, Problem> {
        let wrong =
            |error: rapport_engine::session::SessionError| Problem::wrong(error.to_string());
        let argument = |(name, value): &(String, String)| {
            // Else a name that could not be one would make its value the next argument in order.
            query.position(name).map(|_| format!("{name}={value}"))
        };
        let named: Result<Vec<String>, _> = self.given.iter().map(argument).collect();
        query.call_sql(&named.map_err(wrong)?).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_not_for_the_query_is_told_apart() {
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
