//! Extractors with which every view begins: who is logged in, which account they see, the filter, and the session that the
//! view's queries run in.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use chrono::{DateTime, NaiveDate, Utc};
use rapport_zones::Tz;
use tower_sessions::Session;

use super::Site;
use super::error::PageError;
use super::filter::Filter;
use super::numbers::{Currency, Local};
use super::rows::Rows;
use crate::http::csrf::Token;
use crate::http::{Client, logins};
use crate::pg::{Asker, Inquiry};
use crate::users::User;

/// How long a query of the page may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many accounts an operator can choose by name; any other can be typed.
const OFFERED: usize = 200;
/// The page's application name in `system.sessions`.
const APPLICATION: &str = "rapport page";

/// Describes an account for its views.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The account's id.
    pub id: String,
    /// The account's name, or its id if it has none.
    pub name: String,
    /// The time zone of the account's days (SPEC T2).
    pub zone: Tz,
    /// The account's currency (SPEC A10).
    pub currency: Currency,
    /// The attribution model: `last_touch` or `linear`.
    pub model: String,
    /// Whether bots' clicks are left out (SPEC C9).
    pub excludes_bots: bool,
    /// Today's date in the account's time zone.
    pub today: NaiveDate,
    /// The instant that the view's queries see as `now()`.
    pub now: DateTime<Utc>,
}

impl Shop {
    /// Converts an instant to the account's time zone.
    pub fn local(&self, instant: DateTime<Utc>) -> Local {
        Local::of(instant, self.zone)
    }
}

/// Holds what a view of an account needs.
pub struct Visit {
    /// The viewer.
    pub user: Arc<User>,
    /// The account.
    pub shop: Shop,
    /// The view's parameters.
    pub filter: Filter,
    /// The session that sees this account alone.
    pub inquiry: Inquiry,
    /// The token of the forms.
    pub token: Token,
    /// The accounts that an operator can choose, by id and name.
    pub accounts: Vec<(String, String)>,
}

/// Represents a user who is logged in.
pub struct Viewer {
    /// The user.
    pub user: Arc<User>,
    /// The client of the connection.
    pub client: Client,
    /// The token of the forms.
    pub token: Token,
}

/// Returns the client, which the HTTP server puts into every request's extensions.
pub fn client(parts: &Parts) -> Result<Client, PageError> {
    let client = parts.extensions.get::<Client>().copied();
    client.ok_or(PageError::NotFound)
}

impl FromRequestParts<Site> for Viewer {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Viewer, PageError> {
        let client = client(parts)?;
        let session = parts.extensions.get::<Session>().cloned();
        let user = match &session {
            Some(session) => logins::user_of(session, &site.users).await,
            None => None,
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let user = user.ok_or_else(|| PageError::LoggedOut(path.to_owned()))?;
        let token = Token::of(&parts.headers, client.encrypted);
        Ok(Viewer {
            user,
            client,
            token,
        })
    }
}

impl Viewer {
    /// Opens a session that sees one account, or, for an operator, all.
    pub async fn inquiry(&self, site: &Site, account: Option<&str>) -> Result<Inquiry, PageError> {
        let asker = Asker {
            user: Arc::clone(&self.user),
            account: account.map(str::to_owned),
            application: APPLICATION,
            peer: self.client.peer(),
            timeout: Some(TIMEOUT),
        };
        Ok(site.inquirer.open(asker).await?)
    }
}

impl FromRequestParts<Site> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Visit, PageError> {
        let viewer = Viewer::from_request_parts(parts, site).await?;
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|_| PageError::NotFound)?;
        let mut filter = Filter::parse(&pairs)?;
        let own = viewer.user.info.account.clone();
        let accounts = match own {
            Some(_) => Vec::new(),
            None => accounts(&viewer.inquiry(site, None).await?).await?,
        };
        let account = match (own.clone(), filter.account.take()) {
            // Another account is answered as one that does not exist (SPEC 8).
            (Some(own), Some(asked)) if own != asked => return Err(PageError::NotFound),
            (Some(own), _) | (None, Some(own)) => own,
            (None, None) => match accounts.first() {
                Some((first, _)) => first.clone(),
                None => return Err(PageError::NotFound),
            },
        };
        if own.is_none() {
            filter.account = Some(account.clone());
        }
        let inquiry = viewer.inquiry(site, Some(&account)).await?;
        let shop = match shop(&inquiry, &account).await? {
            Some(shop) => shop,
            // A shop's users may log in before its first event has landed.
            None if own.is_some() => default_shop(&account),
            None => return Err(PageError::NotFound),
        };
        Ok(Visit {
            user: viewer.user,
            shop,
            filter,
            inquiry,
            token: viewer.token,
            accounts,
        })
    }
}

/// Lists the accounts that an operator can choose, sorted by name, or by id if they have none.
async fn accounts(inquiry: &Inquiry) -> Result<Vec<(String, String)>, PageError> {
    let sql = format!(
        "SELECT account_id, coalesce(name, account_id) AS name FROM accounts \
        ORDER BY lower(coalesce(name, account_id)), account_id LIMIT {OFFERED}"
    );
    let rows = Rows::ask(inquiry, &sql).await?;
    let mut accounts = Vec::new();
    for row in rows.iter() {
        accounts.push((
            row.word("account_id")?.to_owned(),
            row.word("name")?.to_owned(),
        ));
    }
    Ok(accounts)
}

async fn shop(inquiry: &Inquiry, account: &str) -> Result<Option<Shop>, PageError> {
    const SQL: &str = "SELECT account_id, name, timezone, currency, attribution_model, exclude_bot_clicks, \
        current_date AS today, now() AS now FROM accounts";
    let rows = Rows::ask(inquiry, SQL).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let fallback = default_shop(account);
    Ok(Some(Shop {
        name: row.text("name")?.unwrap_or(account).to_owned(),
        zone: row.word("timezone")?.parse().unwrap_or(Tz::UTC),
        currency: Currency::of(row.word("currency")?),
        model: row.word("attribution_model")?.to_owned(),
        excludes_bots: row.flag("exclude_bot_clicks")?,
        today: row.date("today")?.unwrap_or(fallback.today),
        now: row.instant("now")?.unwrap_or(fallback.now),
        ..fallback
    }))
}

/// Makes an account without settings or events, with the defaults of SPEC 3.
fn default_shop(account: &str) -> Shop {
    let now = Utc::now();
    Shop {
        id: account.to_owned(),
        name: account.to_owned(),
        zone: Tz::UTC,
        currency: Currency::of("USD"),
        model: "last_touch".to_owned(),
        excludes_bots: true,
        today: now.date_naive(),
        now,
    }
}
