//! Who may see what: sessions, forms of other sites, and other accounts' addresses (SPEC 8).

use fantoccini::Locator;

use super::session::{Browser, Scripts};
use super::stage::{Stage, log_in};
use super::views::escaped;
use super::world::{CLOCKS, EMPTY, EUROS, LARGE, OPERATOR, add_user};
use crate::support::{PASSWORD, value};

/// The status that the page itself had when it was last loaded.
async fn status(browser: &Browser) -> u64 {
    let traffic = browser.traffic().await;
    let pages = traffic.iter().filter(|answer| answer.document);
    pages
        .filter_map(|answer| answer.status)
        .next_back()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_log_in_sees_nothing_and_who_does_comes_where_they_wanted() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.browser().await;
    for path in [
        "/",
        "/performance",
        "/sales?range=7-days",
        "/conversations/none",
        "/orders/none",
    ] {
        browser.to(path).await;
        assert!(browser.at().await.starts_with("/login"), "{path}");
    }
    browser.to("/sales?range=7-days").await;
    for (name, password) in [
        (LARGE, "wrong horse"),
        ("nobody", PASSWORD),
        ("<script>", "'\"&"),
    ] {
        log_in(&browser, name, password).await;
        assert_eq!(status(&browser).await, 401, "{name}");
        let told = browser.text_of("[role=alert]").await;
        assert!(
            told.starts_with("That name and password do not match."),
            "{told}"
        );
        let kept = browser
            .find(Locator::Css("input[name=user]"))
            .await
            .unwrap();
        assert_eq!(kept.prop("value").await.unwrap().unwrap(), name);
    }
    log_in(&browser, LARGE, PASSWORD).await;
    assert_eq!(browser.at().await, "/sales?range=7-days");
    for cookie in browser.get_all_cookies().await.unwrap() {
        assert_eq!(cookie.http_only(), Some(true), "{cookie}");
        assert_eq!(
            cookie.same_site().map(|site| site.is_lax()),
            Some(true),
            "{cookie}"
        );
    }
    browser.to("/login").await;
    assert_eq!(browser.at().await, "/performance");
    browser.press("button[popovertarget=user]").await;
    let told = browser.text_of("#user p").await;
    assert_eq!(told, "Owner of Aurora Outdoors");
    let before = browser.http().await;
    browser.choose("#user button", "Log out").await;
    assert_eq!(browser.at().await, "/login");
    // What the browser had before is worth nothing now, and going back shows nothing that was kept.
    assert_eq!(before.get("/performance").await.status, 303);
    assert_eq!(before.get("/v1/queries/headline_metrics").await.status, 401);
    browser.back().await.unwrap();
    assert!(browser.at().await.starts_with("/login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_its_user_is_removed_or_has_another_password() {
    let Some(stage) = Stage::set() else { return };
    let program = &stage.world.program;
    for (name, end) in [
        ("leaver", &["users", "remove", "leaver"][..]),
        (
            "changer",
            &["users", "passwd", "changer", "--password-stdin"],
        ),
    ] {
        add_user(program, name, "manager", Some(CLOCKS));
        let browser = stage.user(name).await;
        browser.to("/sales").await;
        assert_eq!(browser.at().await, "/sales");
        program.ok_with_input(end, "another horse");
        let cookies = browser.http().await;
        assert_eq!(
            cookies.get("/v1/queries/headline_metrics").await.status,
            401,
            "{name}"
        );
        browser.refresh().await.unwrap();
        assert_eq!(browser.at().await, "/login?next=%2Fsales", "{name}");
        // An added user of the same name is another one.
        if name == "leaver" {
            add_user(program, name, "manager", Some(EUROS));
            browser.to("/sales").await;
            assert!(browser.at().await.starts_with("/login"));
        } else {
            log_in(&browser, name, "another horse").await;
            assert_eq!(browser.at().await, "/sales");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_the_right_token_does_nothing() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.user(LARGE).await;
    let spoilt = [
        "field.value = ''",
        "field.remove()",
        "field.value = '0'.repeat(field.value.length)",
        "field.value = field.value.replace(/./g, digit => digit === '0' ? '1' : '0')",
        // That of somebody else's browser, who is logged in too.
        "field.value = arguments[0]",
    ];
    let other = stage.user(EUROS).await;
    let others = other.attributes("#user [name=csrf]", "value").await;
    for spoil in spoilt {
        browser.to("/performance").await;
        let script = format!("const field = document.querySelector('#user [name=csrf]'); {spoil}");
        browser.say(&script, vec![others[0].clone().into()]).await;
        browser.press("button[popovertarget=user]").await;
        browser.choose("#user button", "Log out").await;
        assert_eq!(status(&browser).await, 403, "{spoil}");
        assert_eq!(browser.text_of("h1").await, "This form is no longer valid");
    }
    // It is still logged in, and the way out leads back.
    browser.choose("main a", "Start again").await;
    assert_eq!(browser.at().await, "/performance");
    let fresh = stage.browser().await;
    fresh.to("/login").await;
    fresh
        .say(
            "document.querySelector('[name=csrf]').value = arguments[0]",
            vec![others[0].clone().into()],
        )
        .await;
    log_in(&fresh, LARGE, PASSWORD).await;
    assert_eq!(status(&fresh).await, 403);
    fresh.to("/performance").await;
    assert!(fresh.at().await.starts_with("/login"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_anothers_is_answered_as_what_is_not() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.user(EUROS).await;
    let large = stage.world.client(LARGE).await;
    let conversation = value(&large, "SELECT min(conversation_id) FROM conversations").await;
    let order = value(&large, "SELECT min(order_id) FROM attributed_orders").await;
    let cookies = browser.http().await;
    for (path, status) in [
        (format!("/performance?account={EUROS}"), 200),
        (format!("/conversations/{}", escaped(&conversation)), 404),
        ("/conversations/none".to_owned(), 404),
        (format!("/orders/{}", escaped(&order)), 404),
        ("/orders/none".to_owned(), 404),
        (format!("/performance?account={LARGE}"), 404),
        ("/performance?account=none".to_owned(), 404),
        (format!("/sales?account={LARGE}"), 404),
        (format!("/v1/queries/headline_metrics?account={LARGE}"), 404),
        ("/v1/queries/headline_metrics?account=none".to_owned(), 404),
    ] {
        let reply = cookies.get(&path).await;
        assert_eq!(reply.status, status, "{path}");
    }
    // Word for word: nothing tells one that is another's from one that is not.
    for (of, none) in [
        (
            format!("/conversations/{}", escaped(&conversation)),
            "/conversations/none",
        ),
        (format!("/orders/{}", escaped(&order)), "/orders/none"),
        (
            format!("/performance?account={LARGE}"),
            "/performance?account=none",
        ),
        (
            format!("/v1/queries/headline_metrics?account={LARGE}"),
            "/v1/queries/headline_metrics?account=none",
        ),
    ] {
        let (of, none) = (cookies.get(&of).await, cookies.get(none).await);
        let told = of.text().replace(LARGE, "none");
        assert_eq!(told, none.text());
    }
    browser.to(&format!("/performance?account={LARGE}")).await;
    assert_eq!(browser.text_of("h1").await, "There is nothing here");
    browser.choose("main a", "Go to Performance").await;
    assert_eq!(browser.at().await, "/performance");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_goes_from_account_to_account() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.user(OPERATOR).await;
    let operator = stage.world.client(OPERATOR).await;
    let accounts = crate::support::column(&operator, "SELECT account_id FROM accounts").await;
    let mut offered = browser.attributes("#account-list option", "value").await;
    let mut accounts: Vec<String> = accounts.into_iter().flatten().collect();
    offered.sort();
    accounts.sort();
    assert_eq!(offered, accounts);
    for (account, title) in [
        (EUROS, "Performance"),
        (EMPTY, "No events yet"),
        ("none", "There is nothing here"),
    ] {
        browser.to("/performance?range=7-days").await;
        browser.press("button[popovertarget=accounts]").await;
        let input = browser.find(Locator::Css("#accounts input")).await.unwrap();
        input.clear().await.unwrap();
        input.send_keys(account).await.unwrap();
        browser.choose("#accounts button", "Open").await;
        assert_eq!(browser.text_of("h1").await, title, "{account}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_works_without_scripts() {
    let Some(stage) = Stage::set() else { return };
    let browser = Browser::open(&stage.driver, stage.world.origin(), Scripts::Off).await;
    browser.to("/performance").await;
    log_in(&browser, LARGE, PASSWORD).await;
    let mut at = vec![browser.at().await];
    for (css, text) in [
        ("nav[aria-label=Dates] a", "90 days"),
        ("nav[aria-label=Channels] a", "Web chat"),
        ("nav[aria-label=Status] a", "Resolved"),
        ("[rel=next]", "Older"),
        ("[rel=prev]", "Newer"),
        (".procs thead a", "Escalated"),
        (".procs tbody a", ""),
        (".convs tbody a", ""),
        (".back a", "← Conversations"),
        ("nav[aria-label=Pages] a", "Sales"),
        (".ords tbody th a", ""),
    ] {
        browser.choose(css, text).await;
        assert_eq!(status(&browser).await, 200, "{text} {at:?}");
        at.push(browser.at().await);
    }
    assert_eq!(
        at[3],
        "/performance?range=90-days&channel=web_chat&status=resolved#conversations"
    );
    browser.to("/performance").await;
    let form = browser
        .form(Locator::Css("form[role=search]"))
        .await
        .unwrap();
    form.set_by_name("search", "return").await.unwrap();
    browser.choose("form[role=search] button", "Apply").await;
    assert!(browser.at().await.contains("search=return"));
    browser.press("button[popovertarget=user]").await;
    browser.choose("#user button", "Log out").await;
    assert_eq!(browser.at().await, "/login");
}
