//! Geometry of bars and lines as SVG paths; it formats no numbers for people.

use std::fmt::Write;

use crate::page::numbers::trimmed;

/// The width of a bar, where a day is 1 wide.
const BAR: f64 = 0.7;
/// The space on either side of a bar.
const MARGIN: f64 = 0.15;
/// The gap between the segments of a bar, in pixels.
const GAP: f64 = 1.0;

/// Writes a coordinate with the one decimal that can be seen.
pub fn coordinate(value: f64) -> String {
    trimmed(value, 1)
}

/// Stacks series of values on one another; returns a path for each. A value of `top` is `height` high.
pub fn stacked(series: &[Vec<f64>], height: f64, top: f64) -> Vec<String> {
    let days = series.first().map_or(0, Vec::len);
    let mut bases = vec![height; days];
    series
        .iter()
        .map(|values| {
            let mut path = String::new();
            for (day, (value, base)) in values.iter().zip(&mut bases).enumerate() {
                let size = value / top * height;
                if size <= 0.0 {
                    continue;
                }
                let visible = (size - GAP).max(0.5);
                // Writing to a string does not fail.
                let _ = write!(
                    path,
                    "M{:.2} {}v-{}h{BAR}v{}z",
                    day as f64 + MARGIN,
                    coordinate(*base),
                    coordinate(visible),
                    coordinate(visible)
                );
                *base -= size;
            }
            path
        })
        .collect()
}

/// Represents a sparkline of a metric's daily values.
#[derive(Debug, PartialEq)]
pub struct Spark {
    /// The width: one less than the number of days.
    pub width: usize,
    /// The line's path, with gaps at days without a value.
    pub line: String,
    /// The path of the area under the line.
    pub area: String,
    /// The path of the last point.
    pub end: String,
}

const SPARK_HEIGHT: f64 = 80.0;
/// The space above the highest value, so that the line's stroke is not cut off.
const SPARK_PADDING: f64 = 3.0;

impl Spark {
    /// Draws daily values; none if fewer than two days have one. The scale ends at `top`, or at the greatest value.
    pub fn of(values: &[Option<f64>], top: Option<f64>) -> Option<Spark> {
        let known = values.iter().flatten().count();
        let greatest = values
            .iter()
            .flatten()
            .fold(0.0_f64, |most, value| most.max(*value));
        let top = top.unwrap_or(greatest);
        if known < 2 {
            return None;
        }
        let y = |value: f64| {
            let part = if top > 0.0 { value / top } else { 0.0 };
            (SPARK_HEIGHT - part * (SPARK_HEIGHT - SPARK_PADDING)).round()
        };
        let (mut line, mut area, mut end) = (String::new(), String::new(), String::new());
        for run in runs(values) {
            let points: Vec<String> = run
                .iter()
                .map(|(x, value)| format!("{x} {}", y(*value)))
                .collect();
            let (Some((first, _)), Some((last, _)), Some(point)) =
                (run.first(), run.last(), points.last())
            else {
                continue;
            };
            let points_text = points.join(" ");
            let dot = if run.len() == 1 { "h0" } else { "" };
            let _ = write!(line, "M{points_text}{dot}");
            let _ = write!(
                area,
                "M{first} {SPARK_HEIGHT} {points_text} {last} {SPARK_HEIGHT}Z"
            );
            end = format!("M{point}h0");
        }
        Some(Spark {
            width: values.len().saturating_sub(1).max(1),
            line,
            area,
            end,
        })
    }
}

/// Splits the days with a value into runs of consecutive days.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for (day, value) in values.iter().enumerate() {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((day, *value)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_on_one_another() {
        let paths = stacked(&[vec![3.0, 0.0], vec![1.0, 2.0]], 100.0, 10.0);
        assert_eq!(paths[0], "M0.15 100v-29h0.7v29z");
        assert_eq!(paths[1], "M0.15 70v-9h0.7v9zM1.15 100v-19h0.7v19z");
    }

    #[test]
    fn a_spark_has_gaps_where_a_day_has_no_value() {
        let spark = Spark::of(&[Some(0.5), Some(1.0), None, Some(0.0)], Some(1.0)).unwrap();
        assert_eq!(spark.line, "M0 42 1 3M3 80h0");
        assert_eq!(spark.area, "M0 80 0 42 1 3 1 80ZM3 80 3 80 3 80Z");
        assert_eq!((spark.width, spark.end.as_str()), (3, "M3 80h0"));
        assert_eq!(Spark::of(&[None, Some(1.0)], None), None);
        assert!(
            Spark::of(&[Some(0.0), Some(0.0)], None)
                .unwrap()
                .line
                .contains("80")
        );
    }
}
