//! A browser of its own for each test: no cookies or settings of another's, and no way out to other hosts.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::time::Duration;

use axum::http::Method;
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::{ParseError, Url};

use super::driver::Driver;
use crate::http::Http;

/// Whether pages may run scripts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

/// How light a page is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

impl Scheme {
    pub const ALL: [Scheme; 2] = [Scheme::Light, Scheme::Dark];

    pub fn name(self) -> &'static str {
        match self {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        }
    }
}

/// A browser without a window; it ends with its driver.
pub struct Browser {
    client: Client,
    /// Where the page is served, without a slash at the end.
    origin: String,
}

impl Deref for Browser {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Browser {
    /// Opens a browser that looks at a server.
    pub async fn open(driver: &Driver, origin: String, scripts: Scripts) -> Self {
        let mut prefs = json!({});
        if scripts == Scripts::Off {
            prefs["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        let capabilities = json!({
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            // A dialog is found by the test that it breaks.
            "unhandledPromptBehavior": "ignore",
            "goog:chromeOptions": {
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                    "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
                    "--disable-component-update", "--disable-sync", "--disable-breakpad",
                    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
                    "--lang=en-US", "--force-device-scale-factor=1", "--window-size=1280,900",
                ],
                "prefs": prefs,
            },
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(serde_json::from_value(capabilities).unwrap())
            .connect(&driver.url())
            .await
            .unwrap();
        let browser = Self { client, origin };
        browser.resize(1280).await;
        browser
    }

    /// Makes the page as wide as this.
    pub async fn resize(&self, width: u32) {
        self.show(width, 900).await;
    }

    async fn show(&self, width: u32, height: u64) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Asks pages to be light or dark.
    pub async fn scheme(&self, scheme: Scheme) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme.name()});
        self.devtools("Emulation.setEmulatedMedia", json!({"features": [feature]}))
            .await;
    }

    /// Gives a command of Chromium's developer tools.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.own(
            "goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        )
        .await
    }

    /// Gives a command that is the driver's own.
    async fn own(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Own { path, body }).await.unwrap()
    }

    /// Goes to a path of the server.
    pub async fn to(&self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.goto(&url)
            .await
            .unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// The path and query that it is at.
    pub async fn at(&self) -> String {
        let url = self.current_url().await.unwrap();
        let url = url.as_str();
        let path = url.strip_prefix(&self.origin);
        path.unwrap_or_else(|| panic!("it left the server for {url}"))
            .to_owned()
    }

    /// Clicks the only element of this kind.
    pub async fn press(&self, css: &str) {
        let found = self.find_all(Locator::Css(css)).await.unwrap();
        assert_eq!(found.len(), 1, "{css} at {}", self.at().await);
        found[0]
            .click()
            .await
            .unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Clicks a link or a button, and waits for the page that it leads to, whether a script or the browser brings it.
    pub async fn follow(&self, element: &Element) {
        // In the middle, where nothing that sticks to the top covers it.
        let script = "document.getElementById('main').dataset.left = 1; \
                      arguments[0].scrollIntoView({block: 'center'})";
        self.say(script, vec![serde_json::to_value(element).unwrap()])
            .await;
        element.click().await.unwrap();
        self.arrived().await;
    }

    /// Waits for another page than that which was left.
    pub async fn arrived(&self) {
        let there = "main:not([data-left]):not([aria-busy])";
        self.wait()
            .every(Duration::from_millis(20))
            .for_element(Locator::Css(there))
            .await
            .unwrap_or_else(|error| panic!("nothing came: {error}"));
    }

    /// Follows the link or button of this kind that has this text.
    pub async fn choose(&self, css: &str, text: &str) {
        for element in self.find_all(Locator::Css(css)).await.unwrap() {
            let told = element.prop("textContent").await.unwrap().unwrap();
            if told
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .starts_with(text)
            {
                return self.follow(&element).await;
            }
        }
        panic!("no {css} with {text:?} at {}", self.at().await);
    }

    /// What a script says of the page.
    pub async fn say(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.execute(script, arguments)
            .await
            .unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// The texts of the elements of this kind, hidden ones too, with their white space as one space.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let script = "return Array.from(document.querySelectorAll(arguments[0]), \
                      element => element.textContent.replace(/\\s+/g, ' ').trim())";
        strings(self.say(script, vec![json!(css)]).await)
    }

    /// The text of the only element of this kind.
    pub async fn text_of(&self, css: &str) -> String {
        let texts = self.texts(css).await;
        assert_eq!(texts.len(), 1, "{css} at {}: {texts:?}", self.at().await);
        texts.concat()
    }

    /// An attribute of each element of this kind, "" where it has none.
    pub async fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let script = "return Array.from(document.querySelectorAll(arguments[0]), \
                      element => element.getAttribute(arguments[1]) ?? '')";
        strings(self.say(script, vec![json!(css), json!(name)]).await)
    }

    /// The paths and queries that the page's links within the server lead to.
    pub async fn links(&self) -> BTreeSet<String> {
        let script = "return Array.from(document.querySelectorAll('a[href], area[href]'), link => link.href)";
        strings(self.say(script, vec![]).await)
            .into_iter()
            .filter_map(|url| Some(url.strip_prefix(&self.origin)?.to_owned()))
            .map(|path| path.split('#').next().unwrap_or_default().to_owned())
            .collect()
    }

    /// What went wrong on pages since the last look: errors of scripts, refusals of the content policy, failed requests.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.own("se/log", json!({"type": "browser"})).await;
        entries
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG")
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What pages asked for since the last look, and the status that each answer had.
    pub async fn traffic(&self) -> Vec<Traffic> {
        let entries = self.own("se/log", json!({"type": "performance"})).await;
        let mut traffic = Vec::new();
        for entry in entries.as_array().unwrap() {
            let entry: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let (method, told) = (&entry["message"]["method"], &entry["message"]["params"]);
            let (of, status) = match method.as_str().unwrap() {
                "Network.requestWillBeSent" => (&told["request"], None),
                "Network.responseReceived" => {
                    (&told["response"], told["response"]["status"].as_u64())
                }
                _ => continue,
            };
            traffic.push(Traffic {
                url: of["url"].as_str().unwrap().to_owned(),
                status,
                document: told["type"] == "Document",
            });
        }
        traffic
    }

    /// Asserts that since the last look no page complained, and none asked for anything of another host.
    pub async fn assert_harmless(&self, what: &str) {
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{what}: {complaints:#?}");
        for request in self.traffic().await {
            let url = &request.url;
            assert!(
                url.starts_with(&self.origin) || url.starts_with("data:"),
                "{what} asked for {url}"
            );
        }
    }

    /// Asks the server with the browser's cookies, and without the browser.
    pub async fn http(&self) -> Http {
        let cookies = self.get_all_cookies().await.unwrap();
        let cookies: Vec<String> = cookies
            .iter()
            .map(|cookie| format!("{}={}", cookie.name(), cookie.value()))
            .collect();
        let address = self.origin.trim_start_matches("http://").parse().unwrap();
        Http::new(address).saying("cookie", &cookies.join("; "))
    }

    /// A picture of the whole page, as PNG.
    pub async fn picture(&self, width: u32) -> Vec<u8> {
        let height = self
            .say("return document.documentElement.scrollHeight", vec![])
            .await;
        self.picture_of(width, height.as_u64().unwrap()).await
    }

    /// A picture of what a window of that size shows, as PNG.
    pub async fn picture_of(&self, width: u32, height: u64) -> Vec<u8> {
        self.show(width, height).await;
        let picture = self.screenshot().await.unwrap();
        self.resize(width).await;
        picture
    }
}

/// A request of a page's, or the answer to one.
pub struct Traffic {
    pub url: String,
    /// None for a request.
    pub status: Option<u64>,
    /// Whether it is the page itself.
    pub document: bool,
}

/// Strings of a list.
pub fn strings(value: Value) -> Vec<String> {
    serde_json::from_value(value).unwrap()
}

/// A command that is the driver's own.
#[derive(Debug)]
struct Own {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
