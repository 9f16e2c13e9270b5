//! Makes the pictures of the page that the README and docs/page.md show.

use std::path::Path;

use super::session::Scheme;
use super::stage::Stage;
use super::views;

/// Widths of a phone, a laptop and a large screen.
const WIDTHS: [u32; 3] = [390, 1280, 1920];
const VIEWS: [&str; 5] = ["performance", "conversation", "sales", "login", "empty"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes docs/images anew"]
async fn pictures() {
    let Some(stage) = Stage::set() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&folder).unwrap();
    let all = views::all(&stage).await;
    for view in all.iter().filter(|view| VIEWS.contains(&view.name)) {
        let browser = match view.user {
            Some(user) => stage.user(user).await,
            None => stage.browser().await,
        };
        browser.to(&view.path).await;
        for width in WIDTHS {
            browser.resize(width).await;
            for scheme in Scheme::ALL {
                browser.scheme(scheme).await;
                let name = format!("{}-{width}-{}.png", view.name, scheme.name());
                std::fs::write(folder.join(name), browser.picture(width).await).unwrap();
            }
        }
    }
}
