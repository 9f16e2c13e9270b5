//! Whoever sees, hears or moves otherwise can use each view, at each width, light and dark: `axe-core` finds nothing, and
//! nothing has to be scrolled sideways.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::process::Command;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use rstest::rstest;
use serde_json::{Value, json};

use super::session::{Browser, Scheme, strings};
use super::stage::Stage;
use super::views;
use super::world::LARGE;
use crate::needs::skipped;

/// The script of axe-core, as it was brought; none where it was not.
fn axe() -> Option<String> {
    let run = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/run");
    let told = Command::new(run).arg("--node").output();
    let script = told.ok().and_then(|told| {
        let folder = PathBuf::from(String::from_utf8(told.stdout).ok()?.trim());
        std::fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js")).ok()
    });
    if script.is_none() {
        skipped("axe-core: server/tests/clients/run --install brings it");
    }
    script
}

/// What axe-core finds in a part of the page: a line for each rule and element.
async fn violations(browser: &Browser, part: &str, rules: &[&str]) -> Vec<String> {
    let script = "const [part, rules, done] = arguments; const options = {resultTypes: ['violations']}; \
                  if (rules.length) options.runOnly = rules; \
                  axe.run(part, options).then(found => done(found.violations), error => done(String(error)))";
    let found = browser
        .execute_async(script, vec![json!(part), json!(rules)])
        .await
        .unwrap();
    let rules = found
        .as_array()
        .unwrap_or_else(|| panic!("axe-core: {found}"));
    let of = |rule: &Value| -> Vec<String> {
        let nodes = rule["nodes"].as_array().unwrap();
        let told = |node: &Value| {
            let words = [
                &rule["id"],
                &rule["impact"],
                &node["html"],
                &node["failureSummary"],
            ];
            words
                .map(|word| word.as_str().unwrap_or_default())
                .join(": ")
        };
        nodes.iter().map(told).collect()
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

/// Opens what folds, and tells what floats.
const OPEN: &str = "for (const details of document.querySelectorAll('details')) details.open = true; \
    return Array.from(document.querySelectorAll('[popover]'), popover => popover.id)";
const SHOW: &str = "document.getElementById(arguments[0]).showPopover()";
const HIDE: &str = "document.getElementById(arguments[0]).hidePopover()";
/// What depends on how light the page is.
const OF_SCHEME: [&str; 2] = ["color-contrast", "link-in-text-block"];

/// What is wrong with a view, at each width, light and dark, with all that folds and floats.
async fn faults(browser: &Browser, axe: &str, path: &str) -> Vec<String> {
    browser.to(path).await;
    browser.say(axe, vec![]).await;
    let popovers = browser.say(OPEN, vec![]).await;
    let mut faults = Vec::new();
    for width in [390, 768, 1280, 1920] {
        browser.resize(width).await;
        let out = sticking_out(browser).await;
        if !out.is_empty() {
            faults.push(format!("at {width} it sticks out: {out:#?}"));
        }
        if ![390, 1280].contains(&width) {
            continue;
        }
        for (scheme, rules) in [(Scheme::Dark, &OF_SCHEME[..]), (Scheme::Light, &[])] {
            browser.scheme(scheme).await;
            let found = violations(browser, "html", rules).await;
            faults.extend(
                found
                    .iter()
                    .map(|fault| format!("at {width}, {scheme:?}: {fault}")),
            );
        }
        for id in popovers.as_array().unwrap() {
            browser.say(SHOW, vec![id.clone()]).await;
            let part = format!("#{}", id.as_str().unwrap());
            let found = violations(browser, &part, &[]).await;
            faults.extend(
                found
                    .iter()
                    .map(|fault| format!("at {width}, {part} shown: {fault}")),
            );
            browser.say(HIDE, vec![id.clone()]).await;
        }
    }
    faults
}

#[rstest]
#[case::of_one_user_after_the_other(0)]
#[case::of_the_others(1)]
#[tokio::test(flavor = "multi_thread")]
async fn each_view_is_accessible_and_as_wide_as_its_window(#[case] half: usize) {
    let (Some(stage), Some(axe)) = (Stage::set(), axe()) else {
        return;
    };
    let mut users: HashMap<Option<&str>, Browser> = HashMap::new();
    let mut found = Vec::new();
    let views = views::all(&stage).await;
    for view in views.iter().skip(half).step_by(2) {
        let browser = match users.entry(view.user) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(stage.viewer(view.user).await),
        };
        let faults = faults(browser, &axe, &view.path).await;
        found.extend(faults.iter().map(|fault| format!("{} {fault}", view.name)));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_found() {
    let (Some(stage), Some(axe)) = (Stage::set(), axe()) else {
        return;
    };
    let browser = stage.browser().await;
    assert_eq!(faults(&browser, &axe, "/login").await, Vec::<String>::new());
    let plant = "document.querySelector('main').insertAdjacentHTML('beforeend', \
        '<img src=\"/none.png\"><svg width=\"3000\" height=\"9\"></svg>')";
    browser.say(plant, vec![]).await;
    let found = violations(&browser, "html", &[]).await;
    assert!(
        found.iter().any(|fault| fault.starts_with("image-alt")),
        "{found:#?}"
    );
    browser.resize(1280).await;
    assert!(!sticking_out(&browser).await.is_empty());
}

/// What has the focus: null for nothing; else what it is, whether it is seen there, and whether it has a ring.
const FOCUSED: &str = "const at = document.activeElement; if (!at || at === document.body) return null; \
    const box = at.getClientRects()[0] ?? at.getBoundingClientRect(); \
    const clamp = (value, most) => Math.max(0, Math.min(most - 1, value)); \
    const top = document.elementFromPoint(clamp(box.x + box.width / 2, innerWidth), clamp(box.y + box.height / 2, innerHeight)); \
    const style = getComputedStyle(at); \
    return [at.outerHTML.slice(0, 150), !!top && (at.contains(top) || top.contains(at)), \
        style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]";
/// What keys must come to.
const REACHABLE: &str = "return Array.from(document.querySelectorAll( \
    'a[href], button, input:not([type=hidden]), select, summary, [tabindex]')) \
    .filter(element => element.checkVisibility()).map(element => element.outerHTML.slice(0, 150))";

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_to_everything_in_order_and_where_they_are_is_seen() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.user(LARGE).await;
    for path in [
        "/performance?range=7-days&search=jacket",
        "/sales?range=7-days&channel=email",
        "/service?range=7-days",
        "/commerce?range=7-days",
    ] {
        browser.to(path).await;
        let mut faults = Vec::new();
        let mut stops = Vec::new();
        loop {
            press(&browser, Key::Tab).await;
            let at = browser.say(FOCUSED, vec![]).await;
            if at.is_null() {
                break;
            }
            let (what, seen, ring): (String, bool, bool) = serde_json::from_value(at).unwrap();
            if !seen || !ring {
                faults.push(format!("seen {seen}, ring {ring}: {what}"));
            }
            stops.push(what);
        }
        assert!(faults.is_empty(), "{path}: {faults:#?}");
        assert_eq!(
            stops,
            strings(browser.say(REACHABLE, vec![]).await),
            "{path}"
        );
    }
    // The days of the chart, one after the other, are told as they are shown.
    browser.to("/performance?range=7-days").await;
    browser
        .say("document.querySelector('.chart').focus()", vec![])
        .await;
    let days = browser.texts(".chart .day text:first-of-type").await;
    let mut told = Vec::new();
    for _ in &days {
        press(&browser, Key::Right).await;
        told.push(browser.text_of("#live").await);
    }
    assert!(
        days.len() == 7
            && told
                .iter()
                .zip(&days)
                .all(|(told, day)| told.starts_with(day.as_str())),
        "{told:#?}"
    );
}

async fn press(browser: &Browser, key: Key) {
    let value = key.into();
    let keys = KeyActions::new("keys".to_owned())
        .then(KeyAction::Down { value })
        .then(KeyAction::Up { value });
    browser.perform_actions(keys).await.unwrap();
}
