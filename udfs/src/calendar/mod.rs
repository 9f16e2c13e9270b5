//! Days of a time zone (SPEC T2): `local_date(instant, zone)` and `day_start(date, zone)`.
//!
//! Both read one table per zone ([`Zone`]), built once per process. What always holds: `local_date(t) >= d` exactly where
//! `t >= day_start(d)`. So the planner can turn a filter on a day into a filter on the instant, which prunes files by
//! their statistics.

mod day_start;
mod local_date;
mod zone;

pub(crate) use day_start::DayStart;
pub(crate) use local_date::LocalDate;
pub use zone::{UnknownZone, Zone};

use crate::columns::TextColumn;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};

/// Looks up the zone of each row of a batch, caching the last one since neighbouring rows mostly share it.
struct RowZones<'a> {
    names: TextColumn<'a>,
    last: Option<(&'a str, &'static Zone)>,
}

impl<'a> RowZones<'a> {
    fn new(names: TextColumn<'a>) -> Self {
        Self { names, last: None }
    }

    fn get(&mut self, row: usize, function: &str) -> Result<Option<&'static Zone>> {
        let Some(name) = self.names.get(row) else {
            return Ok(None);
        };
        if let Some((last, zone)) = self.last
            && last == name
        {
            return Ok(Some(zone));
        }
        let zone = find_zone(function, name)?;
        self.last = Some((name, zone));
        Ok(Some(zone))
    }
}

/// Returns the zone with an IANA name, or an error that names the function.
fn find_zone(function: &str, name: &str) -> Result<&'static Zone> {
    Zone::named(name).map_err(|error| exec_datafusion_err!("{function}: {error}"))
}

/// Returns the output ordering: that of the first argument, where the zone is constant. Neither function decreases with it.
fn first_argument_ordering(inputs: &[ExprProperties]) -> SortProperties {
    match inputs {
        [first, zone] if zone.sort_properties == SortProperties::Singleton => first.sort_properties,
        _ => SortProperties::Unordered,
    }
}
