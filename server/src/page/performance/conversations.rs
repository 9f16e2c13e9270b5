//! The card with the list of conversations: filtered, sorted, and paged by key.

use askama::Template;

use super::totals::Statuses;
use super::{Days, Export, PATH, SortHead};
use crate::page::chrome::clip;
use crate::page::filter::{Filter, SORTS, STATUSES, channel_name, fits_in_address, status_name};
use crate::page::links;
use crate::page::numbers::count;
use crate::page::paging::List;
use crate::page::rows::{Row, Rows};
use crate::page::visit::Visit;
use crate::pg::PgError;

const LIST: List = List {
    path: PATH,
    id: "conversation_id",
};
/// How many tags the filter offers; any other can be given in the address.
const TAGS: usize = 50;

/// Reads the page of conversations at the filter's cursor.
pub async fn ask(visit: &Visit, days: Days) -> Result<Rows, PgError> {
    let filter = &visit.filter;
    let mut call = days.call("conversations_page", filter);
    for (name, value) in parameters(filter) {
        call = call.with(name, value);
    }
    LIST.ask(visit, call, filter.ascending).await
}

/// Returns the filter of the list as parameters of `conversations_page`.
fn parameters(filter: &Filter) -> Vec<(&'static str, String)> {
    let mut parameters = Vec::new();
    let mut put = |name, value: Option<String>| parameters.extend(value.map(|value| (name, value)));
    let flag = |on: bool, value: &str| on.then(|| value.to_owned());
    put(
        "status",
        (!filter.statuses.is_empty()).then(|| filter.statuses.join(",")),
    );
    put("search", filter.search.clone());
    put("procedure", filter.procedure.clone());
    put("unassigned", flag(filter.unassigned, "true"));
    put("tag", filter.tag.clone());
    put("escalated", flag(filter.escalated, "true"));
    put("reason", filter.reason.clone());
    put("category", filter.category.clone());
    put("escalated_by", filter.escalated_by.clone());
    put("clicked", flag(filter.unclicked, "false"));
    put("sort", Some(filter.sort.to_owned()));
    parameters
}

/// Makes the export of all conversations that match the filter.
fn export_of(visit: &Visit) -> Export {
    let mut all = Export::common_parameters(visit);
    all.extend(parameters(&visit.filter));
    all.push(("ascending", visit.filter.ascending.to_string()));
    Export::of(
        visit,
        "export-conversations",
        "All conversations, as filtered",
        "conversations_page",
        &all,
    )
}

/// Reads the most frequent tags.
pub async fn tags(visit: &Visit, days: Days) -> Result<Vec<String>, PgError> {
    let sql = days.call("tag_counts", &visit.filter).limit(TAGS).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let tags = rows.iter().map(|row| Ok(row.word("tag")?.to_owned()));
    let tags: Vec<String> = tags.collect::<Result<_, PgError>>()?;
    Ok(tags
        .into_iter()
        .filter(|tag| fits_in_address(Some(tag)))
        .collect())
}

struct TableRow {
    href: String,
    question: Option<String>,
    profile: Option<String>,
    channel: String,
    status: String,
    status_name: String,
    tags: String,
    messages: String,
    time: String,
    machine: String,
}

struct StatusChoice {
    name: &'static str,
    href: String,
    count: Option<String>,
    on: bool,
}

/// Represents a procedure or tag that the list can be filtered by.
struct Offered {
    name: String,
    shown: String,
    on: bool,
}

/// Represents an active filter that has no field of its own, with the address without it.
struct Narrowed {
    words: String,
    href: String,
}

/// Represents the card.
#[derive(Template)]
#[template(path = "performance/conversations.html")]
pub struct Conversations {
    statuses: Vec<StatusChoice>,
    hidden: Vec<(&'static str, String)>,
    search: String,
    procedures: Vec<Offered>,
    tags: Vec<Offered>,
    narrowed: Vec<Narrowed>,
    messages: SortHead,
    started: SortHead,
    updated: SortHead,
    shows_started: bool,
    rows: Vec<TableRow>,
    total: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    first: String,
    export: Export,
}

/// Makes the card.
pub fn make(
    visit: &Visit,
    rows: Rows,
    statuses: Option<Statuses>,
    procedures: Vec<String>,
    tags: Vec<String>,
) -> Result<Conversations, PgError> {
    let filter = &visit.filter;
    let page = LIST.page(filter, &rows)?;
    let listed = page.rows.iter().map(|row| table_row(visit, *row));
    let listed = listed.collect::<Result<Vec<_>, PgError>>()?;
    let all = StatusChoice {
        name: "All",
        href: filter.url_with(PATH, |f| f.statuses.clear()),
        count: statuses.map(|statuses| count(statuses.all)),
        on: filter.statuses.is_empty(),
    };
    let each = STATUSES.map(|(status, name)| StatusChoice {
        name,
        href: filter.url_with(PATH, |f| f.statuses = vec![status]),
        count: statuses.map(|statuses| count(statuses.of(status))),
        on: filter.statuses == [status],
    });
    let without = Filter {
        search: None,
        procedure: None,
        unassigned: false,
        tag: None,
        cursor: None,
        ..filter.clone()
    };
    let plain = !filter.is_narrowed();
    let offer = |offered: Vec<String>, chosen: &Option<String>| {
        let missing = chosen
            .iter()
            .filter(|chosen| !offered.contains(chosen))
            .cloned();
        let all: Vec<String> = missing.chain(offered.iter().cloned()).collect();
        let marked = all.into_iter().map(|name| {
            let (on, shown) = (chosen.as_ref() == Some(&name), clip(&name));
            Offered { name, shown, on }
        });
        marked.collect::<Vec<_>>()
    };
    let head = |sort: &'static str, name| {
        let on = filter.sort == sort;
        // A click on the current sort column reverses it; another column begins in descending order.
        let ascending = on && !filter.ascending;
        SortHead {
            name,
            href: filter.url_with(PATH, |f| {
                f.sort = sort;
                f.ascending = ascending;
            }),
            on,
            ascending: filter.ascending,
        }
    };
    Ok(Conversations {
        statuses: std::iter::once(all).chain(each).collect(),
        hidden: without.pairs(),
        search: filter.search.clone().unwrap_or_default(),
        procedures: offer(procedures, &filter.procedure),
        tags: offer(tags, &filter.tag),
        narrowed: narrowed(filter),
        messages: head(SORTS[2], "Messages"),
        started: head(SORTS[1], "Started"),
        updated: head(SORTS[0], "Last updated"),
        shows_started: filter.sort == SORTS[1],
        rows: listed,
        total: statuses
            .filter(|_| plain)
            .map(|statuses| count(statuses.all)),
        newer: page.newer,
        older: page.older,
        first: filter.url(PATH),
        export: export_of(visit),
    })
}

fn table_row(visit: &Visit, row: Row<'_>) -> Result<TableRow, PgError> {
    let id = row.word("conversation_id")?;
    let status = row.word("status")?;
    let time = match visit.filter.sort {
        "started_at" => row.instant("started_at")?,
        _ => row.instant("last_updated")?,
    };
    let time = time.map(|time| visit.shop.local(time));
    let question = row.text("first_question")?;
    Ok(TableRow {
        href: links::conversation(visit, id),
        question: question.map(clip),
        profile: row.text("profile_id")?.map(clip),
        channel: channel_name(row.word("channel")?).to_owned(),
        status: status.to_owned(),
        status_name: status_name(status).to_owned(),
        tags: clip(&row.texts("tags")?.join(" · ")),
        messages: count(row.count("messages")?),
        time: time
            .map(|time| time.minute(visit.shop.today))
            .unwrap_or_default(),
        machine: time.map(|time| time.machine()).unwrap_or_default(),
    })
}

/// Lists the active filters that have no field of their own.
fn narrowed(filter: &Filter) -> Vec<Narrowed> {
    let mut narrowed = Vec::new();
    let mut put = |words: String, change: fn(&mut Filter)| {
        narrowed.push(Narrowed {
            words,
            href: filter.url_with(PATH, change),
        });
    };
    let said = [
        (&filter.reason, "no reason given"),
        (&filter.category, "no category"),
        (&filter.escalated_by, "no procedure"),
    ];
    let said: Vec<String> = said
        .into_iter()
        .filter_map(|(said, nothing)| {
            let said = said.as_deref()?;
            Some(if said.is_empty() {
                nothing.to_owned()
            } else {
                clip(said)
            })
        })
        .collect();
    if filter.escalated || !said.is_empty() {
        let words = match said.as_slice() {
            [] => "Escalated".to_owned(),
            said => format!("Escalated: {}", said.join(", ")),
        };
        put(words, |f| {
            f.escalated = false;
            f.reason = None;
            f.category = None;
            f.escalated_by = None;
        });
    }
    if filter.unclicked {
        put("Without a link click".to_owned(), |f| f.unclicked = false);
    }
    if filter.unassigned {
        put("Without a procedure".to_owned(), |f| f.unassigned = false);
    }
    if filter.statuses.len() > 1 {
        let names: Vec<&str> = filter
            .statuses
            .iter()
            .map(|status| status_name(status))
            .collect();
        put(names.join(" or "), |f| f.statuses.clear());
    }
    narrowed
}
