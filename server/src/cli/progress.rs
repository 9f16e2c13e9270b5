//! Progress bars of long work, with rate and time left, on standard error if it is a terminal.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rapport_engine::Progress;

/// How often a bar is redrawn while nothing advances it.
const TICK: Duration = Duration::from_millis(200);

/// Shows the steps of long work as bars.
#[derive(Debug, Default)]
pub(super) struct Bars {
    /// The bars of the running steps, the latest last.
    open: Mutex<Vec<ProgressBar>>,
}

impl Bars {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<ProgressBar>) -> T) -> T {
        work(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Returns a bar's template, by the unit and whether the total is known.
fn template(unit: &str, bounded: bool) -> &'static str {
    match (unit, bounded) {
        ("bytes", true) => {
            "{msg:>12} [{bar:30}] {bytes}/{total_bytes}, {binary_bytes_per_sec}, {eta} left"
        }
        ("bytes", false) => "{msg:>12} {spinner} {bytes}, {binary_bytes_per_sec}, {elapsed}",
        (_, true) => "{msg:>12} [{bar:30}] {human_pos}/{human_len} {prefix}, {per_sec}, {eta} left",
        (_, false) => "{msg:>12} {spinner} {human_pos} {prefix}, {per_sec}, {elapsed}",
    }
}

impl Progress for Bars {
    fn begin(&self, step: &str, unit: &'static str, total: Option<u64>) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template(unit, total.is_some())) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(step.to_owned());
        bar.set_prefix(unit);
        bar.enable_steady_tick(TICK);
        self.with(|open| open.push(bar));
    }

    fn advance(&self, units: u64) {
        self.with(|open| {
            if let Some(bar) = open.last() {
                bar.inc(units);
            }
        });
    }

    fn end(&self) {
        if let Some(bar) = self.with(Vec::pop) {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Bars {
    /// Clears the bars that an error leaves.
    fn drop(&mut self) {
        self.with(|open| open.drain(..).for_each(|bar| bar.finish_and_clear()));
    }
}
