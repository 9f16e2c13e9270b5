//! How long work tells of itself.

/// Told of the steps of long work, from any thread.
pub trait Progress: Send + Sync {
    /// A step begins; `total` is how many units it has, where that is known, and `unit` what they are.
    fn begin(&self, step: &str, unit: &'static str, total: Option<u64>);
    /// So many units more are done.
    fn advance(&self, units: u64);
    /// The step is done.
    fn end(&self);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _step: &str, _unit: &'static str, _total: Option<u64>) {}
    fn advance(&self, _units: u64) {}
    fn end(&self) {}
}
