//! Makes the pictures of the page that the README and docs/page.md show.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::session::Scheme;
use super::stage::Stage;
use super::views;

/// Widths of a phone, a laptop and a large screen.
const WIDTHS: [u32; 3] = [390, 1280, 1920];
/// What the README shows.
const FIRST_SCREEN: (u32, u64) = (1280, 1000);
const VIEWS: [&str; 5] = ["performance", "conversation", "sales", "login", "empty"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes docs/images anew"]
async fn pictures() {
    let Some(stage) = Stage::set() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&folder).unwrap();
    let all = views::all(&stage).await;
    for view in all.iter().filter(|view| VIEWS.contains(&view.name)) {
        let browser = stage.viewer(view.user).await;
        browser.to(&view.path).await;
        for width in WIDTHS {
            browser.resize(width).await;
            for scheme in Scheme::ALL {
                browser.scheme(scheme).await;
                let name = format!("{}-{width}-{}.png", view.name, scheme.name());
                write_small(&folder.join(name), &browser.picture(width).await);
            }
        }
    }
    let (width, height) = FIRST_SCREEN;
    let first = all.iter().find(|view| view.name == VIEWS[0]).unwrap();
    let browser = stage.viewer(first.user).await;
    browser.to(&first.path).await;
    for scheme in Scheme::ALL {
        browser.scheme(scheme).await;
        let picture = browser.picture_of(width, height).await;
        write_small(
            &folder.join(format!("page-{}.png", scheme.name())),
            &picture,
        );
    }
}

/// Writes a picture with as few colours as look the same.
fn write_small(path: &Path, picture: &[u8]) {
    let mut small = Command::new("pngquant")
        .args([
            "--force", "--strip", "--nofs", "--speed", "1", "128", "--output",
        ])
        .args([path.as_os_str(), "-".as_ref()])
        .stdin(Stdio::piped())
        .spawn()
        .expect("pngquant, of Debian's package of that name");
    small.stdin.take().unwrap().write_all(picture).unwrap();
    assert!(
        small.wait().unwrap().success(),
        "pngquant: {}",
        path.display()
    );
}
