//! Derives conversations and orders: one row per key, folded from the events that name it, stored at the day of its start.
//!
//! Deriving some days again reads the events between the first and the last event of their rows. A derived file has those
//! instants in its statistics, so the days to read follow without reading anything. Keys that start on other days may have
//! events there too; they are folded along and left out.

use std::sync::Arc;

use super::account::{Account, Changed, Found, Rewritten};
use super::days::{Days, days_of};
use super::entity::Entity;
use crate::EngineError;
use crate::lake::{DataFile, TableId};

/// The part of an account to derive again.
enum Scope {
    /// All of it.
    Whole,
    /// The keys that start on the days `starts`, replacing the files `replaced`. `reach` are the days whose events are read;
    /// `None`: all, because derived rows are not trusted.
    Part {
        starts: Days,
        reach: Option<Days>,
        replaced: Vec<Arc<DataFile>>,
    },
}

impl Account {
    /// Derives the account's conversations or orders that changed events affect.
    pub(super) async fn derive_entities(
        &mut self,
        entity: Entity,
    ) -> Result<Rewritten, EngineError> {
        let scope = match self.changes.of(entity.raw) {
            Changed::Everything => Scope::Whole,
            Changed::Nothing if self.changes.forced.is_empty() => return Ok(Rewritten::default()),
            Changed::Nothing => self.part(entity, self.changes.forced.clone(), Days::default()),
            Changed::Files(files) => {
                let mut starts = self.changes.forced.clone();
                let mut reach = Days::default();
                for key in self.changed_keys(entity, files).await?.iter() {
                    let mut days = key.start_days().peekable();
                    if days.peek().is_some() {
                        let (first, last) = key.reach();
                        reach.cover(first, last);
                    }
                    starts.extend(days);
                }
                if starts.is_empty() {
                    return Ok(Rewritten::default());
                }
                self.part(entity, starts, reach)
            }
        };
        self.fold(entity, scope).await
    }

    /// Widens the days of starts to whole files, and the days to read to those of the files' events.
    fn part(&self, entity: Entity, mut starts: Days, mut reach: Days) -> Scope {
        let mut replaced = Vec::new();
        let mut pending = self.files(entity.derived);
        // A replaced file adds its own days, which may overlap another file: repeat until none does.
        loop {
            let (overlapping, apart): (Vec<_>, Vec<_>) = pending.into_iter().partition(|file| {
                days_of(file, entity.started_at).is_none_or(|days| starts.touches(days))
            });
            if overlapping.is_empty() {
                break;
            }
            for file in &overlapping {
                match days_of(file, entity.started_at) {
                    Some(days) => starts.extend(days),
                    None => return Scope::Whole,
                }
                match (
                    days_of(file, "first_event_at"),
                    days_of(file, "last_event_at"),
                ) {
                    (Some(first), Some(last)) => reach.extend(*first.start()..=*last.end()),
                    _ => return Scope::Whole,
                }
            }
            replaced.extend(overlapping);
            pending = apart;
        }
        // A backfill trusts no derived row, not even for the days of its events.
        let reach = self.changes.forced.is_empty().then_some(reach);
        Scope::Part {
            starts,
            reach,
            replaced,
        }
    }

    async fn fold(&mut self, entity: Entity, scope: Scope) -> Result<Rewritten, EngineError> {
        let context = self.context()?;
        let whole = matches!(scope, Scope::Whole);
        let (files, removes, filter) = match scope {
            Scope::Whole => (
                self.files(entity.raw),
                self.files(entity.derived),
                "true".to_owned(),
            ),
            Scope::Part {
                starts,
                reach,
                replaced,
            } => {
                let started_on = format!("CAST({} AS DATE)", entity.started_at);
                let mut filter = format!(
                    "{} IS NOT NULL AND {}",
                    entity.started_at,
                    starts.sql(&started_on)
                );
                let files = match &reach {
                    None => self.files(entity.raw),
                    Some(reach) => {
                        // The days that are read may hold a later start of a key whose row is in a file that stays.
                        let kept = self.kept(entity, &replaced, reach);
                        context.register_table("kept", self.scan(entity.derived, kept))?;
                        filter.push_str(&format!(
                            " AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.{key} = folded.{key})",
                            key = entity.key
                        ));
                        self.files_on(entity.raw, reach)
                    }
                };
                (files, replaced, filter)
            }
        };
        let mut events = self.scan(entity.raw, files);
        if let Some(part) = entity.kept_events.filter(|_| whole) {
            events = self.carried.copying(part, events, &context)?;
        }
        context.register_table("events", events)?;
        let fold = match entity.derived {
            TableId::Orders => self.rules.orders_sql(),
            _ => self.rules.conversations_sql(),
        };
        let sql = format!(
            "SELECT * FROM ({fold}) folded WHERE {filter} ORDER BY {started} NULLS LAST, {key}",
            started = entity.started_at,
            key = entity.key,
        );
        let kept = whole.then_some(entity.kept);
        let written = self.write_started(entity, &context, &sql, kept).await?;
        Ok(Rewritten {
            adds: written.files,
            removes,
            waiting: whole.then(|| Found {
                kind: entity.kind,
                keys: Arc::new(written.waiting),
            }),
        })
    }
}

impl Account {
    /// Returns the derived files that stay and whose rows may have events on one of the days.
    fn kept(&self, entity: Entity, replaced: &[Arc<DataFile>], reach: &Days) -> Vec<Arc<DataFile>> {
        let mut files = self.files(entity.derived);
        files.retain(|file| {
            !replaced.iter().any(|gone| gone.path == file.path) && reaches(file, reach)
        });
        files
    }
}

/// Returns whether rows of a derived file may have events on one of the days.
fn reaches(file: &DataFile, days: &Days) -> bool {
    match (
        days_of(file, "first_event_at"),
        days_of(file, "last_event_at"),
    ) {
        (Some(first), Some(last)) => days.touches(*first.start()..=*last.end()),
        _ => true,
    }
}
