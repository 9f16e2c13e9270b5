//! A lake that is served, and the driver of the browsers that look at it.

use fantoccini::Locator;

use super::driver::Driver;
use super::session::{Browser, Scripts};
use super::world::World;
use crate::support::PASSWORD;

/// What a test plays on.
pub struct Stage {
    // The driver ends first: browsers see a server as long as they run.
    pub driver: Driver,
    pub world: World,
}

impl Stage {
    /// None where the machine has no browser.
    pub fn set() -> Option<Self> {
        let driver = Driver::start()?;
        Some(Self {
            driver,
            world: World::make(),
        })
    }

    /// A browser that nobody is logged in with.
    pub async fn browser(&self) -> Browser {
        Browser::open(&self.driver, self.world.origin(), Scripts::On).await
    }

    /// A browser that a user is logged in with.
    pub async fn user(&self, name: &str) -> Browser {
        let browser = self.browser().await;
        // To a view that asks little.
        browser.to("/login?next=/sales").await;
        log_in(&browser, name, PASSWORD).await;
        browser
    }

    /// A browser that this user is logged in with, or nobody.
    pub async fn viewer(&self, user: Option<&str>) -> Browser {
        match user {
            Some(user) => self.user(user).await,
            None => self.browser().await,
        }
    }
}

/// Fills in the form of the page, and sends it.
pub async fn log_in(browser: &Browser, name: &str, password: &str) {
    for (field, value) in [("user", name), ("password", password)] {
        let css = format!("main form input[name={field}]");
        let input = browser.find(Locator::Css(&css)).await.unwrap();
        input.clear().await.unwrap();
        input.send_keys(value).await.unwrap();
    }
    browser.choose("main form button", "Log in").await;
}
