//! Conversations and orders: each row the fold of the events that name it, kept at the day on which it starts.
//!
//! To derive some days again takes the events of the days that their rows' events reach, and no others: a derived file
//! states that reach in its statistics, and so does each new event of a key. What those days also hold of keys that start
//! elsewhere is folded too, and left out.

use std::sync::Arc;

use super::account::{Account, Changed, Found, Rewritten};
use super::days::{Days, days_of};
use super::entity::Entity;
use crate::EngineError;
use crate::lake::{DataFile, TableId};

/// What has to be derived again.
enum Scope {
    /// All of the account.
    Whole,
    /// The keys that start on some days, in place of some files; from the events of the days that those keys reach, or, if
    /// nothing derived is to be trusted, from all.
    Part {
        starts: Days,
        reach: Option<Days>,
        replaced: Vec<Arc<DataFile>>,
    },
}

impl Account {
    /// Derives the account's conversations or orders, as far as they are not what the changed events make of them.
    pub(super) async fn derive_entities(&self, entity: Entity) -> Result<Rewritten, EngineError> {
        let scope = match self.changes.of(entity.raw) {
            Changed::Everything => Scope::Whole,
            Changed::Nothing if self.changes.forced.is_empty() => return Ok(Rewritten::default()),
            Changed::Nothing => self.part(entity, self.changes.forced.clone(), Days::default()),
            Changed::Files(files) => {
                let mut starts = self.changes.forced.clone();
                let mut reach = Days::default();
                for key in self.changed_keys(entity, files).await? {
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

    /// Widens days of starts to whole files, and the days to read to what those files' rows reach.
    fn part(&self, entity: Entity, mut starts: Days, mut reach: Days) -> Scope {
        let mut replaced = Vec::new();
        let mut pending = self.files(entity.derived);
        // A replaced file brings days of its own, which may lie in another file: until nothing more comes.
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
        // A backfill trusts no derived row, not even for what its events reach.
        let reach = self.changes.forced.is_empty().then_some(reach);
        Scope::Part {
            starts,
            reach,
            replaced,
        }
    }

    async fn fold(&self, entity: Entity, scope: Scope) -> Result<Rewritten, EngineError> {
        let context = self.context();
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
                        // The days that are read may hold a later start of a key that has its row elsewhere.
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
        context.register_table("events", self.scan(entity.raw, files))?;
        let fold = match entity.derived {
            TableId::Orders => self.rules.orders_sql(),
            _ => self.rules.conversations_sql(),
        };
        let sql = format!(
            "SELECT * FROM ({fold}) folded WHERE {filter} ORDER BY {started} NULLS LAST, {key}",
            started = entity.started_at,
            key = entity.key,
        );
        let rows = context.sql(&sql).await?;
        let written = self.write_started(entity, rows).await?;
        Ok(Rewritten {
            adds: written.files,
            removes,
            waiting: whole.then(|| Found {
                account: Arc::clone(&self.name),
                kind: entity.kind,
                keys: Arc::new(written.waiting),
            }),
        })
    }
}

impl Account {
    /// The derived files that stay, as far as events of their rows may lie on one of the days.
    fn kept(&self, entity: Entity, replaced: &[Arc<DataFile>], reach: &Days) -> Vec<Arc<DataFile>> {
        let mut files = self.files(entity.derived);
        files.retain(|file| {
            !replaced.iter().any(|gone| gone.path == file.path) && reaches(file, reach)
        });
        files
    }
}

/// Whether events of a derived file's rows may lie on one of the days.
fn reaches(file: &DataFile, days: &Days) -> bool {
    match (
        days_of(file, "first_event_at"),
        days_of(file, "last_event_at"),
    ) {
        (Some(first), Some(last)) => days.touches(*first.start()..=*last.end()),
        _ => true,
    }
}
