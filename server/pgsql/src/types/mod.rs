//! What types are beside Arrow's: their names, the zones and intervals of PostgreSQL, and the digits that numbers are shown
//! with. It uses no other module.

pub mod digits;
pub mod interval;
pub mod names;
pub mod zone;
