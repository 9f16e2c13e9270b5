//! Caches a connection's plans, so that a statement is parsed, planned and analysed once however often it runs.
//!
//! A prepared statement keeps its own plan. Unprepared texts that a client repeats, as dashboards do, keep theirs in
//! [`RepeatedTexts`]. A plan depends on the session's settings and on the account's current day, and is made again when
//! one of them has changed ([`PlanKey`]). It does not depend on the lake's version, because scans list their files when
//! they run. All kept plans are dropped when a connection holds too much memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::scalar::ScalarValue;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use super::portals::Prepared;
use rapport_pgsql::plan::Planned;

/// The number of different texts that a connection is expected to repeat.
const TEXTS: usize = 64;

/// The most bytes that repeated texts and their plans may take.
const TEXT_BYTES: u64 = 2 * 1024 * 1024;

/// The functions whose values are part of a plan's key, so a plan that holds their values can be kept.
const KEYED: [&str; 2] = ["current_date", "today"];

/// Identifies what a plan depends on besides its statement.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanKey {
    /// The number of changes of the session's settings so far.
    generation: u64,
    /// The function `current_date`, which holds the account's current day (T2).
    today: Option<Arc<ScalarUDF>>,
}

impl PlanKey {
    /// Returns the key of plans that are made in a statement's state. `generation` is the number of changes of settings.
    pub fn of(state: &SessionState, generation: u64) -> PlanKey {
        let today = state.scalar_functions().get("current_date").cloned();
        PlanKey { generation, today }
    }
}

/// An optimised plan and the parameter values that it was optimised for.
#[derive(Debug, Clone)]
struct Optimized {
    values: Arc<[ScalarValue]>,
    plan: LogicalPlan,
}

/// A plan, its key, and its optimised form for the values of its last execution.
#[derive(Debug)]
struct Kept {
    key: PlanKey,
    planned: Arc<Planned>,
    size: usize,
    is_immutable: bool,
    optimized: Option<Optimized>,
}

/// Holds the plan of one statement; empty until the statement is planned.
#[derive(Debug, Default)]
pub struct KeptPlan(Mutex<Option<Kept>>);

impl KeptPlan {
    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the kept plan. Does nothing if it is the same plan, or if the plan holds the value of a function that each
    /// execution must evaluate again.
    pub fn keep(&self, key: PlanKey, planned: &Arc<Planned>) {
        let mut folded = planned.folded.iter();
        if !folded.all(|name| KEYED.contains(&name.as_str())) {
            return;
        }
        let mut kept = self.lock();
        let is_same = |kept: &Kept| kept.key == key && Arc::ptr_eq(&kept.planned, planned);
        if !kept.as_ref().is_some_and(is_same) {
            *kept = Some(Kept {
                key,
                planned: Arc::clone(planned),
                size: planned.size(),
                is_immutable: planned.is_immutable().unwrap_or(false),
                optimized: None,
            });
        }
    }

    /// Keeps the optimised form of a plan, for the next execution with the same values. Does nothing if another plan is kept,
    /// or if the plan reads the clock or the session, for then the optimised form is valid only once.
    pub fn keep_optimized(
        &self,
        planned: &Arc<Planned>,
        values: Arc<[ScalarValue]>,
        plan: &LogicalPlan,
    ) {
        let mut kept = self.lock();
        let is_its = |kept: &&mut Kept| kept.is_immutable && Arc::ptr_eq(&kept.planned, planned);
        if let Some(kept) = kept.as_mut().filter(is_its) {
            let plan = plan.clone();
            kept.optimized = Some(Optimized { values, plan });
        }
    }

    /// Returns the plan if it was made for this key.
    pub fn planned(&self, key: &PlanKey) -> Option<Arc<Planned>> {
        let kept = self.lock();
        let kept = kept.as_ref().filter(|kept| kept.key == *key)?;
        Some(Arc::clone(&kept.planned))
    }

    /// Returns the optimised plan if it was made for this key and these values.
    pub fn optimized(
        &self,
        key: &PlanKey,
        values: &[ScalarValue],
    ) -> Option<(Arc<Planned>, LogicalPlan)> {
        let kept = self.lock();
        let kept = kept.as_ref().filter(|kept| kept.key == *key)?;
        let optimized = kept.optimized.as_ref()?;
        let is_same = *optimized.values == *values;
        is_same.then(|| (Arc::clone(&kept.planned), optimized.plan.clone()))
    }

    /// Drops the plan; the statement is planned again when it runs.
    pub fn forget(&self) {
        *self.lock() = None;
    }

    /// Estimates the bytes that the plan takes, with its optimised form where that is or will be kept: a limit must hold
    /// after the first execution too.
    pub fn size(&self) -> usize {
        let kept = self.lock();
        kept.as_ref().map_or(0, |kept| {
            kept.size.saturating_mul(1 + usize::from(kept.is_immutable))
        })
    }
}

/// Caches planned statements by their whole text; the least used are dropped for new ones.
pub struct RepeatedTexts(Cache<Arc<str>, Repeated, Bytes>);

/// A statement and the bytes that it took when it was cached: a cache entry's weight must not change.
#[derive(Clone)]
struct Repeated {
    prepared: Arc<Prepared>,
    bytes: u64,
}

/// Weighs cached statements in bytes.
#[derive(Clone)]
struct Bytes;

impl Weighter<Arc<str>, Repeated> for Bytes {
    fn weight(&self, _text: &Arc<str>, repeated: &Repeated) -> u64 {
        repeated.bytes
    }
}

impl Default for RepeatedTexts {
    fn default() -> RepeatedTexts {
        RepeatedTexts(Cache::with_weighter(TEXTS, TEXT_BYTES, Bytes))
    }
}

impl RepeatedTexts {
    /// Returns the statement of a text that has been kept before.
    pub fn get(&self, text: &str) -> Option<Arc<Prepared>> {
        let repeated = self.0.get(text)?;
        Some(Arc::clone(&repeated.prepared))
    }

    /// Keeps the planned statement of a text.
    pub fn keep(&mut self, text: Arc<str>, prepared: Arc<Prepared>) {
        let bytes = text.len().saturating_add(prepared.size()) as u64;
        self.0.insert(text, Repeated { prepared, bytes });
    }

    /// Drops all statements.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Estimates the bytes that all statements take.
    pub fn size(&self) -> usize {
        usize::try_from(self.0.weight()).unwrap_or(usize::MAX)
    }
}
