//! Whoever sees, hears or moves otherwise can use each view, at each width, light and dark: `axe-core` finds nothing, and
//! nothing has to be scrolled sideways.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::driver::lacking;
use super::session::{Browser, Scheme};
use super::stage::Stage;
use super::views;

/// The script of axe-core, as it was brought; none where it was not.
fn axe() -> Option<String> {
    let run = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/run");
    let told = Command::new(run).arg("--node").output().unwrap();
    let folder = String::from_utf8(told.stdout).unwrap();
    let path = PathBuf::from(folder.trim()).join("node_modules/axe-core/axe.min.js");
    let script = std::fs::read_to_string(&path).ok();
    if script.is_none() {
        lacking("axe-core: run server/tests/clients/run --install");
    }
    script
}

/// What axe-core finds in a part of the page: a line for each rule and element.
async fn violations(browser: &Browser, part: &str) -> Vec<String> {
    let script = "const [part, done] = arguments; axe.run(part, {resultTypes: ['violations']}).then(\
                    found => done(found.violations), error => done(String(error)))";
    let found = browser
        .execute_async(script, vec![json!(part)])
        .await
        .unwrap();
    let rules = found
        .as_array()
        .unwrap_or_else(|| panic!("axe-core: {found}"));
    let of = |rule: &Value| -> Vec<String> {
        let nodes = rule["nodes"].as_array().unwrap();
        nodes
            .iter()
            .map(|node| {
                format!(
                    "{} ({}): {} {}",
                    rule["id"], rule["impact"], node["html"], node["failureSummary"]
                )
            })
            .collect()
    };
    rules.iter().flat_map(of).collect()
}

/// What sticks out of the page at its side.
async fn sticking_out(browser: &Browser) -> Vec<Value> {
    let script = "const width = document.documentElement.clientWidth; \
        if (document.documentElement.scrollWidth <= width) return []; \
        const out = [document.documentElement.scrollWidth]; \
        for (const element of document.body.querySelectorAll('*')) \
          if (element.getBoundingClientRect().right > width + 0.5) out.push(element.outerHTML.slice(0, 200)); \
        return out.slice(0, 5)";
    browser
        .say(script, vec![])
        .await
        .as_array()
        .unwrap()
        .clone()
}

/// Opens everything that floats or folds, so that it is looked at too.
const OPEN: &str =
    "for (const details of document.querySelectorAll('details')) details.open = true;";
const POPOVERS: &str =
    "return Array.from(document.querySelectorAll('[popover]'), popover => popover.id)";

#[tokio::test(flavor = "multi_thread")]
async fn each_view_is_accessible_and_as_wide_as_its_window() {
    let (Some(stage), Some(axe)) = (Stage::set(), axe()) else {
        return;
    };
    let mut users: HashMap<Option<&str>, Browser> = HashMap::new();
    let mut found = Vec::new();
    for view in views::all(&stage).await {
        if !users.contains_key(&view.user) {
            let browser = match view.user {
                Some(user) => stage.user(user).await,
                None => stage.browser().await,
            };
            users.insert(view.user, browser);
        }
        let browser = &users[&view.user];
        browser.to(&view.path).await;
        browser.say(&axe, vec![]).await;
        browser.say(OPEN, vec![]).await;
        for width in [390, 768, 1280, 1920] {
            browser.resize(width).await;
            let out = sticking_out(browser).await;
            if !out.is_empty() {
                found.push(format!("{} at {width}: sticks out: {out:#?}", view.name));
            }
            if width != 390 && width != 1280 {
                continue;
            }
            for scheme in Scheme::ALL {
                browser.scheme(scheme).await;
                for violation in violations(browser, "html").await {
                    found.push(format!("{} at {width}, {scheme:?}: {violation}", view.name));
                }
            }
            // What floats: each by itself, since one closes the other.
            let popovers = browser.say(POPOVERS, vec![]).await;
            for id in popovers.as_array().unwrap() {
                let show = "document.getElementById(arguments[0]).showPopover()";
                browser.say(show, vec![id.clone()]).await;
                let part = format!("#{}", id.as_str().unwrap());
                for violation in violations(browser, &part).await {
                    found.push(format!(
                        "{} at {width} with {id} open: {violation}",
                        view.name
                    ));
                }
                let hide = "document.getElementById(arguments[0]).hidePopover()";
                browser.say(hide, vec![id.clone()]).await;
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
