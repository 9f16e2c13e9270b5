//! Rapport's engine: the lake, landing events into it, deriving metrics from it, and the sessions that query it.
//!
//! ```text
//! events ─▶ land ─▶ raw tables ─▶ derive ─▶ derived tables ─▶ session ─▶ SQL
//! ```
//!
//! The lake is the only state. Landing marks by committing; deriving reads from the log what has come since the versions
//! that its own last commit recorded, so nothing else has to be kept, locked or repaired.

pub mod derive;
mod engine;
mod error;
pub mod lake;
pub mod land;
pub mod maintain;
mod progress;
pub mod session;
pub mod settings;

pub use derive::{AccountFailure, DeriveReport, Include, TableReport};
pub use engine::{Engine, EngineOptions};
pub use error::EngineError;
pub use land::{LandReport, LandSource};
pub use progress::{NoProgress, Progress};
