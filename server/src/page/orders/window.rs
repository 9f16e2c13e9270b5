//! Draws the time before an order: when the agent and marketing touched the shopper, and which touch won.

use askama::Template;

use super::touches::Touch;
use crate::page::numbers::{duration, length};

const DAY: i64 = 86_400;
/// How many touches are drawn.
const MAX_DOTS: usize = 200;

struct Tick {
    x: String,
    text: String,
    order: bool,
}

struct Dot {
    class: &'static str,
    x: String,
    y: u32,
    radius: &'static str,
}

struct Span {
    x: String,
    text_x: String,
    text: String,
    end: bool,
}

/// Represents the drawing.
#[derive(Template)]
#[template(path = "orders/window.html")]
pub struct Window {
    summary: String,
    ticks: Vec<Tick>,
    span: Option<Span>,
    dots: Vec<Dot>,
}

impl Window {
    /// Draws the touches within the longest of their windows; none if no touch has a window.
    pub fn of(touches: &[Touch], winner: Option<&Touch>) -> Option<Window> {
        let longest = touches.iter().filter_map(|touch| touch.window).max()?;
        let (unit, name) = if longest > 2 * DAY {
            (DAY, "days")
        } else {
            (3_600, "h")
        };
        let steps = (longest + unit - 1) / unit;
        let whole = steps * unit;
        let x = |seconds: i64| length(1.0 - seconds as f64 / whole as f64);
        let every = (steps + 5) / 6;
        let ticks = (0..=steps)
            .rev()
            .filter(|step| step % every == 0 || *step == steps);
        let ticks = ticks.map(|step| Tick {
            x: x(step * unit),
            text: match step {
                0 => "Order".to_owned(),
                first if first == steps => format!("{first} {name}"),
                other => other.to_string(),
            },
            order: step == 0,
        });
        let inside = |touch: &&Touch| (0..=whole).contains(&touch.seconds);
        let shown: Vec<&Touch> = touches.iter().filter(inside).take(MAX_DOTS).collect();
        // The winner is first in the list, and is drawn last, on top.
        let dots = shown.into_iter().rev().map(|touch| {
            let (class, radius) = match touch.outcome.as_str() {
                "won" if touch.by_agent => ("won", "6"),
                "won" | "lost" => ("lost", "4"),
                _ => ("out", "2.5"),
            };
            Dot {
                class,
                x: x(touch.seconds),
                y: if touch.by_agent { 38 } else { 70 },
                radius,
            }
        });
        let span = winner.filter(|touch| touch.seconds <= whole).map(|touch| {
            let at = 1.0 - touch.seconds as f64 / whole as f64;
            Span {
                x: length(at),
                // The text is centred above the line, or ends at the right edge where the line is short.
                end: at > 0.8,
                text_x: length(if at > 0.8 { 0.986 } else { (at + 1.0) / 2.0 }),
                text: duration(touch.seconds),
            }
        });
        let won = match winner {
            Some(winner) => format!(
                "The winning touch came {} before it.",
                duration(winner.seconds)
            ),
            None => "No touch of the agent’s won.".to_owned(),
        };
        Some(Window {
            summary: format!(
                "The {steps} {} before the order. {won} The table below has every touch.",
                if name == "h" { "hours" } else { name }
            ),
            ticks: ticks.collect(),
            span,
            dots: dots.collect(),
        })
    }
}
