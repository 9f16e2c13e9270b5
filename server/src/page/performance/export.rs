//! Where a view's answers can be had as files: the API's addresses, with the view's filter.

use super::Days;
use crate::page::filter::url;
use crate::page::visit::Visit;

/// Addresses of an answer in each form.
pub struct Export {
    /// The id of its menu.
    pub id: &'static str,
    /// What it holds, in words.
    pub what: &'static str,
    /// Form and address.
    pub forms: Vec<(&'static str, String)>,
}

impl Export {
    /// Makes the addresses of a saved query's answer.
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

    /// Lists days and channels as parameters.
    pub fn frame(visit: &Visit) -> Vec<(&'static str, String)> {
        let days = Days::of(visit);
        let mut parameters = vec![("from", days.from.to_string()), ("to", days.to.to_string())];
        parameters.extend(visit.filter.channel().map(|channel| ("channel", channel)));
        parameters
    }
}
