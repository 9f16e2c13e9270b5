//! Days of a time zone (SPEC T2): `local_date(instant, zone)` and `day_start(date, zone)`.
//!
//! Both read one table per zone ([`Zone`]), built once a process, in which a day and its start are each other's inverse:
//! `local_date(t) >= d` exactly where `t >= day_start(d)`. So a filter on a day can be turned into one on the instant,
//! which file statistics can answer.

mod day_start;
mod local_date;
mod zone;

pub use day_start::DayStart;
pub use local_date::LocalDate;
pub use zone::{UnknownZone, Zone};

use crate::columns::TextColumn;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};

/// The zone of each row of a batch; neighbouring rows mostly share it.
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
        let zone = named(function, name)?;
        self.last = Some((name, zone));
        Ok(Some(zone))
    }
}

fn named(function: &str, name: &str) -> Result<&'static Zone> {
    Zone::named(name).map_err(|error| exec_datafusion_err!("{function}: {error}"))
}

/// Both functions never decrease with their first argument where the zone stays the same.
fn ordered_by_first(inputs: &[ExprProperties]) -> SortProperties {
    match inputs {
        [first, zone] if zone.sort_properties == SortProperties::Singleton => first.sort_properties,
        _ => SortProperties::Unordered,
    }
}
