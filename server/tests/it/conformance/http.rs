//! The cases over the HTTP API, with a token of each account and one of all.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use url::form_urlencoded;

use super::case::Case;
use super::compare::check_call;
use super::process::parse;
use crate::http::Http;
use crate::program::Program;

/// Tokens, of which one reaches all accounts.
pub struct Asking {
    of_all: String,
    of_accounts: BTreeMap<String, String>,
}

impl Asking {
    /// Makes the tokens.
    pub fn prepare(case: &Case, program: &Program) -> Asking {
        let of_accounts = case
            .accounts_in_calls()
            .into_iter()
            .map(|account| {
                let token = add_token(program, account, &["--account", account]);
                (account.to_owned(), token)
            })
            .collect();
        Asking {
            of_all: add_token(program, "everything", &["--all-accounts"]),
            of_accounts,
        }
    }

    /// Asks for every call: as its account, and as one who sees all and names it. Who names an account that is not there is
    /// told so.
    pub async fn check(&self, case: &Case, address: SocketAddr) {
        let all = Http::bearing(address, &self.of_all);
        for call in case.some_calls(5) {
            let names = ["from", "to", "channel", "preset", "model"];
            let given = names.iter().zip(&call.args);
            let given = given.filter_map(|(name, value)| Some((*name, value.as_deref()?)));
            let arguments = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(given)
                .finish();
            let path = format!("/v1/queries/{}?{arguments}", call.query);
            let own = Http::bearing(address, &self.of_accounts[&call.account_id]);
            let reply = own.good(&path).await;
            check_call(case, "http", call, parse(&reply.body));
            let reply = all
                .get(&format!("{path}&account={}", call.account_id))
                .await;
            match reply.status {
                404 => assert!(call.rows.is_empty(), "{path}: {reply:?}"),
                _ => check_call(case, "http, all", call, parse(&reply.body)),
            }
        }
    }
}

fn add_token(program: &Program, name: &str, reach: &[&str]) -> String {
    let mut arguments = vec!["tokens", "add", name];
    arguments.extend(reach);
    let token = String::from_utf8(program.ok(&arguments)).unwrap();
    token.trim_end().to_owned()
}
