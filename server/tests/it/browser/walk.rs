//! A walk through the page: every filter, sort and page of the lists says what the queries say, every link leads somewhere,
//! and every export is the query's answer.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use fantoccini::Locator;
use futures::StreamExt;
use serde_json::json;
use tokio_postgres::Client;

use super::session::Browser;
use super::stage::Stage;
use super::views::{self, escaped};
use super::wire::Asked;
use super::world::{EAST, LARGE};

/// The ids of the conversations that the page lists.
async fn conversations(browser: &Browser) -> Vec<String> {
    browser.attributes(".convs tbody th a", "href").await
}

/// What it should list: the first ones of a query's answer.
async fn expected(client: &Client, arguments: &[(&str, &str)], most: usize) -> Vec<String> {
    let rows = Asked::of("conversations_page", arguments)
        .rows(client, "conversation_id")
        .await;
    let ids = rows.into_iter().map(|mut row| row[0].take().unwrap());
    ids.take(most)
        .map(|id| format!("/conversations/{}", escaped(&id)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_and_sort_lists_what_its_query_does() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.user(LARGE).await;
    let client = stage.world.client(LARGE).await;
    let october: &[(&str, &str)] = &[("from", "2026-10-01"), ("to", "2026-10-31")];
    let month: &[(&str, &str)] = &[("from", "2026-10-17"), ("to", "2026-11-15")];
    let week: &[(&str, &str)] = &[("from", "2026-11-09"), ("to", "2026-11-15")];
    let quarter: &[(&str, &str)] = &[("from", "2026-08-18"), ("to", "2026-11-15")];
    let november: &[(&str, &str)] = &[("from", "2026-11-01"), ("to", "2026-11-15")];
    // What is clicked, what of the address that changes, and what the list then is.
    let dates = "nav[aria-label=Dates] a";
    let channels = "nav[aria-label=Channels] a";
    let statuses = "nav[aria-label=Status] a";
    let sorts = ".convs thead a";
    let steps = [
        (dates, "90 days", "?range=90-days", quarter, &[][..]),
        (dates, "This month", "?range=this-month", november, &[]),
        (dates, "Last month", "?range=last-month", october, &[]),
        (dates, "7 days", "?range=7-days", week, &[]),
        (dates, "30 days", "", month, &[]),
        (
            channels,
            "Email",
            "?channel=email",
            month,
            &[("channel", "email")],
        ),
        (
            channels,
            "SMS",
            "?channel=email%2Csms",
            month,
            &[("channel", "email,sms")],
        ),
        (
            channels,
            "Email",
            "?channel=sms",
            month,
            &[("channel", "sms")],
        ),
        (channels, "All", "", month, &[]),
        (
            statuses,
            "Resolved",
            "?status=resolved",
            month,
            &[("status", "resolved")],
        ),
        (
            statuses,
            "Routed",
            "?status=routed",
            month,
            &[("status", "routed")],
        ),
        (
            statuses,
            "Closed",
            "?status=closed",
            month,
            &[("status", "closed")],
        ),
        (
            statuses,
            "Open",
            "?status=open",
            month,
            &[("status", "open")],
        ),
        (statuses, "All", "", month, &[]),
        (
            sorts,
            "Last updated",
            "?order=ascending",
            month,
            &[("ascending", "true")],
        ),
        (
            sorts,
            "Messages",
            "?sort=messages",
            month,
            &[("sort", "messages")],
        ),
        (
            sorts,
            "Messages",
            "?sort=messages&order=ascending",
            month,
            &[("sort", "messages"), ("ascending", "true")],
        ),
        (
            "[aria-label='Pages of conversations'] a",
            "Sort by start",
            "?sort=started_at",
            month,
            &[("sort", "started_at")],
        ),
        (
            sorts,
            "Started",
            "?sort=started_at&order=ascending",
            month,
            &[("sort", "started_at"), ("ascending", "true")],
        ),
    ];
    browser.to("/performance").await;
    for (css, text, query, range, more) in steps {
        browser.choose(css, text).await;
        let at = browser.at().await;
        assert_eq!(
            at.split('#').next(),
            Some(format!("/performance{query}").as_str()),
            "{text}"
        );
        let listed = conversations(&browser).await;
        assert_eq!(
            listed,
            expected(&client, &[range, more].concat(), 50).await,
            "{at}"
        );
        assert!(!listed.is_empty(), "{at}");
        if css != sorts && !css.contains("Pages") {
            let chosen = browser.texts(&format!("{css}[aria-current=true]")).await;
            assert!(
                chosen.iter().any(|chosen| chosen.starts_with(text)) || query.contains("sms"),
                "{at}: {chosen:?}"
            );
        }
    }
    // The custom range, and the form of the list.
    browser.press("button[popovertarget=custom]").await;
    for (field, keys) in [("from", "10202026"), ("to", "10252026")] {
        let input = browser
            .find(Locator::Css(&format!("#custom [name={field}]")))
            .await
            .unwrap();
        input.send_keys(keys).await.unwrap();
    }
    browser.choose("#custom button", "Show").await;
    assert!(browser.at().await.contains("from=2026-10-20&to=2026-10-25"));
    let range = [
        ("from", "2026-10-20"),
        ("to", "2026-10-25"),
        ("sort", "started_at"),
        ("ascending", "true"),
    ];
    assert_eq!(
        conversations(&browser).await,
        expected(&client, &range, 50).await
    );
    browser.to("/performance").await;
    let option = |name| format!("[role=search] select[name={name}] option:nth-child(3)");
    let procedure = browser
        .attributes(&option("procedure"), "value")
        .await
        .concat();
    let tag = browser.attributes(&option("tag"), "value").await.concat();
    for (field, value) in [
        ("procedure", procedure.as_str()),
        ("tag", &tag),
        ("search", "Jacket"),
        ("search", "100%_'\""),
    ] {
        browser.to("/performance").await;
        let form = browser
            .form(Locator::Css("form[role=search]"))
            .await
            .unwrap();
        if field == "search" {
            form.set_by_name(field, value).await.unwrap();
        } else {
            let select = browser
                .find(Locator::Css(&format!("select[name={field}]")))
                .await
                .unwrap();
            select.select_by_value(value).await.unwrap();
        }
        browser.choose("[role=search] button", "Apply").await;
        let found = conversations(&browser).await;
        assert_eq!(
            found,
            expected(&client, &[month, &[(field, value)]].concat(), 50).await,
            "{field} {value}"
        );
        assert_eq!(found.is_empty(), value.contains('%'), "{field} {value}");
    }
    // Procedures: their sorts, and a row that filters the list.
    browser.to("/performance").await;
    for (head, by, order) in [
        (
            "Procedure",
            "procedure",
            "procedure IS NULL, procedure COLLATE \"C\"",
        ),
        (
            "Share",
            "share",
            "share DESC, conversations DESC, procedure",
        ),
        (
            "Resolution rate",
            "resolution-rate",
            "resolution_rate DESC, conversations DESC, procedure",
        ),
        (
            "Escalated",
            "escalated",
            "escalated DESC, conversations DESC, procedure",
        ),
        (
            "Escalation rate",
            "escalation-rate",
            "escalation_rate DESC, conversations DESC, procedure",
        ),
    ] {
        browser.choose(".procs thead a", head).await;
        assert!(browser.at().await.contains(&format!("procedures={by}")));
        let sql = format!(
            "SELECT coalesce(procedure, 'Unassigned') FROM procedures_table('2026-10-17', '2026-11-15') ORDER BY {order}"
        );
        let rows = crate::support::column(&client, &sql).await;
        let rows: Vec<String> = rows.into_iter().flatten().collect();
        assert_eq!(browser.texts(".procs tbody th").await, rows, "{by}");
    }
    let name = browser.texts(".procs tbody th").await.remove(0);
    browser.choose(".procs tbody a", &name).await;
    let found = conversations(&browser).await;
    assert_eq!(
        found,
        expected(
            &client,
            &[month, &[("procedure", name.as_str())]].concat(),
            50
        )
        .await
    );
    browser.assert_harmless("filters").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_have_each_row_once_forward_and_back() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.user(LARGE).await;
    let client = stage.world.client(LARGE).await;
    let quarter = [("from", "2026-08-18"), ("to", "2026-11-15")];
    let month = [("from", "2026-10-17"), ("to", "2026-11-15")];
    let week = [("from", "2026-11-09"), ("to", "2026-11-15")];
    let ascending = [&week[..], &[("sort", "messages"), ("ascending", "true")]].concat();
    let orders = Asked::of("sales_page", &quarter)
        .rows(&client, "order_id")
        .await;
    let orders = orders
        .into_iter()
        .map(|mut row| format!("/orders/{}", escaped(&row[0].take().unwrap())));
    for (path, rows, all) in [
        (
            "/performance",
            ".convs tbody th a",
            expected(&client, &month, usize::MAX).await,
        ),
        (
            "/performance?range=7-days&sort=messages&order=ascending",
            ".convs tbody th a",
            expected(&client, &ascending, usize::MAX).await,
        ),
        ("/sales?range=90-days", ".ords tbody th a", orders.collect()),
    ] {
        assert!(all.len() > 100, "{path} has {}", all.len());
        browser.to(path).await;
        let mut pages = vec![browser.attributes(rows, "href").await];
        while !browser.texts("a[rel=next]").await.is_empty() {
            browser.choose("a[rel=next]", "Older").await;
            pages.push(browser.attributes(rows, "href").await);
        }
        assert_eq!(pages.concat(), all, "{path}");
        for page in pages.iter().rev().skip(1) {
            browser.choose("a[rel=prev]", "Newer").await;
            assert_eq!(&browser.attributes(rows, "href").await, page, "{path}");
        }
        assert!(browser.texts("a[rel=prev]").await.is_empty(), "{path}");
        // Back and forward are those of any page.
        browser.choose("a[rel=next]", "Older").await;
        browser.back().await.unwrap();
        browser.arrived().await;
        assert_eq!(browser.attributes(rows, "href").await, pages[0], "{path}");
    }
    browser.assert_harmless("pages").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_leads_somewhere() {
    let Some(stage) = Stage::set() else { return };
    let mut users = HashMap::new();
    for view in views::all(&stage).await {
        let (browser, seen) = match users.entry(view.user) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let browser = stage.viewer(view.user).await;
                new.insert((browser, HashMap::<String, BTreeSet<String>>::new()))
            }
        };
        browser.to(&view.path).await;
        let complaints = browser.complaints().await;
        // The browser itself tells of a page that is not there.
        let expected = match view.name {
            "unknown" => 1,
            "unreadable" => 1,
            _ => 0,
        };
        assert_eq!(complaints.len(), expected, "{view:?}: {complaints:#?}");
        browser.assert_harmless(view.name).await;
        let cookies = browser.http().await;
        let mut links = browser.links().await;
        links.retain(|link| {
            // Those of a list differ in a value alone: some of them are enough.
            let alike = seen.entry(shape(link)).or_default();
            alike.len() < 2 && alike.insert(link.clone())
        });
        let cookies = &cookies;
        let replies = links
            .iter()
            .map(|link| async move { (link, cookies.get(link).await.status) });
        let replies: Vec<(&String, u16)> = futures::stream::iter(replies)
            .buffer_unordered(4)
            .collect()
            .await;
        for (link, status) in replies {
            // To see the page nobody logs in who has.
            let expected = if link == "/performance" && view.user.is_none() {
                303
            } else {
                200
            };
            assert_eq!(status, expected, "{link} of {view:?}");
        }
    }
}

/// What names procedures, reasons and findings leads to as many conversations as stand beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_lists_as_many_conversations_as_it_says() {
    let Some(stage) = Stage::set() else { return };
    for (user, range) in [
        (LARGE, [("from", "2026-10-17"), ("to", "2026-11-15")]),
        (EAST, [("from", "2026-10-18"), ("to", "2026-11-16")]),
    ] {
        let browser = stage.user(user).await;
        let client = stage.world.client(user).await;
        browser.to("/performance").await;
        for (row, count) in [
            (".procs tbody tr", "td"),
            (".escs tbody tr", "td:nth-of-type(3)"),
            ("[aria-label=Status] a:has(.n)", ".n"),
        ] {
            let script = "return Array.from(document.querySelectorAll(arguments[0]), row => \
                [(row.matches('a') ? row : row.querySelector('a'))?.search ?? '', row.querySelector(arguments[1]).textContent])";
            let told = browser.say(script, vec![json!(row), json!(count)]).await;
            let told: Vec<(String, String)> = serde_json::from_value(told).unwrap();
            assert!(told.len() > 1, "{row}");
            for (query, count) in told {
                let is_linked = !query.is_empty() || row.contains("Status");
                assert!(is_linked, "{row}: {count} without a link");
                let pairs = url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes());
                let arguments: Vec<(String, String)> = pairs
                    .map(|(name, value)| match (name.as_ref(), value.as_ref()) {
                        ("unassigned" | "escalated", "1") => (name.into_owned(), "true".to_owned()),
                        _ => (name.into_owned(), value.into_owned()),
                    })
                    .chain(range.map(|(name, value)| (name.to_owned(), value.to_owned())))
                    .collect();
                let asked = Asked {
                    query: "conversations_page".to_owned(),
                    arguments,
                };
                let listed = asked.row(&client, "count(*)").await;
                assert_eq!(
                    listed[0].as_deref(),
                    Some(count.replace(',', "").as_str()),
                    "{row}: {query}"
                );
            }
        }
    }
}

/// An address without what rows of a list differ in: ids, and the values of parameters but for an export's form.
fn shape(link: &str) -> String {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let listed = ["/conversations/", "/orders/"];
    let path = listed
        .into_iter()
        .find(|list| path.starts_with(list))
        .unwrap_or(path);
    let names = query
        .split('&')
        .map(|pair| match pair.starts_with("format=") {
            true => pair,
            false => pair.split('=').next().unwrap_or_default(),
        });
    format!("{path}?{}", names.collect::<Vec<_>>().join("&"))
}
