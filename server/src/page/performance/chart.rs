//! Bars and lines as SVG paths: geometry alone, no numbers for people.

use std::fmt::Write;

/// A bar is so wide, of a day's width of 1.
const BAR: f64 = 0.7;
const MARGIN: f64 = 0.15;
/// Between the segments of a bar, in pixels.
const BETWEEN: f64 = 1.0;

/// Writes a coordinate without more decimals than are seen.
pub fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Stacks series of values on one another; gives a path for each, within `height`, where `top` is the scale's end.
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
                let seen = (size - BETWEEN).max(0.5);
                // Writing to a text does not fail.
                let _ = write!(
                    path,
                    "M{:.2} {}v-{}h{BAR}v{}z",
                    day as f64 + MARGIN,
                    short(*base),
                    short(seen),
                    short(seen)
                );
                *base -= size;
            }
            path
        })
        .collect()
}

/// A small line of a metric's days.
#[derive(Debug, PartialEq)]
pub struct Spark {
    /// How many steps it is wide.
    pub width: usize,
    /// The line, with gaps where there is no value.
    pub line: String,
    /// What is under it.
    pub area: String,
    /// Its last point.
    pub end: String,
}

const SPARK_HEIGHT: f64 = 80.0;
/// What stays free above the highest value, so that the line is whole.
const SPARK_FREE: f64 = 3.0;

impl Spark {
    /// Draws values; none where less than two days have one. `top` is the scale's end, if not the greatest value.
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
            (SPARK_HEIGHT - part * (SPARK_HEIGHT - SPARK_FREE)).round()
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

/// Days with a value that follow one another.
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
