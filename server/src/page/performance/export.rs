//! Links to a view's data as files: addresses of the API with the view's filter.

use super::Days;
use crate::page::filter::url;
use crate::page::visit::Visit;

/// Holds the links to a query's result in each form.
pub struct Export {
    /// The HTML id of the menu.
    pub id: &'static str,
    /// The content, in words.
    pub what: &'static str,
    /// The forms' names and addresses.
    pub forms: Vec<(&'static str, String)>,
}

impl Export {
    /// Makes the links to a saved query's result.
    pub fn of(
        visit: &Visit,
        id: &'static str,
        what: &'static str,
        query: &str,
        parameters: &[(&'static str, String)],
    ) -> Export {
        let forms = [("CSV", "csv"), ("JSON", "json"), ("Parquet", "parquet")];
        let address = |form: &str| {
            let mut pairs = vec![("format", form.to_owned())];
            pairs.extend(
                visit
                    .filter
                    .account
                    .clone()
                    .map(|account| ("account", account)),
            );
            pairs.extend(parameters.iter().cloned());
            url(&format!("/v1/queries/{query}"), &pairs)
        };
        Export {
            id,
            what,
            forms: forms.map(|(name, form)| (name, address(form))).into(),
        }
    }

    /// Returns the view's days and channels as the queries' parameters.
    pub fn common_parameters(visit: &Visit) -> Vec<(&'static str, String)> {
        let days = Days::of(visit);
        let mut parameters = vec![("from", days.from.to_string()), ("to", days.to.to_string())];
        parameters.extend(visit.filter.channel().map(|channel| ("channel", channel)));
        parameters
    }
}
