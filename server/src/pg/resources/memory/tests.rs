//! Tests of the limits of shares and of all statements together.

#![allow(clippy::unwrap_used)]

use datafusion::execution::memory_pool::{FairSpillPool, GreedyMemoryPool};

use super::*;

fn unlimited() -> Arc<ProcessMemory> {
    Arc::new(ProcessMemory::new(usize::MAX))
}

fn reservation(share: &Arc<Share>) -> MemoryReservation {
    let pool: Arc<dyn MemoryPool> = share.statement();
    MemoryConsumer::new("test").register(&pool)
}

#[test]
fn an_account_uses_its_own_memory_only() {
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1200));
    let shares = MemoryShares::new(600, 400, unlimited());
    let first = reservation(&shares.session(Some("a"), &pool));
    first.try_grow(400).unwrap();
    assert!(first.try_grow(1).is_err(), "its session's limit");
    let second_session = shares.session(Some("a"), &pool);
    let second = reservation(&second_session);
    second.try_grow(200).unwrap();
    let error = second.try_grow(1).unwrap_err();
    assert!(error.to_string().contains("one account"), "{error}");
    let other = reservation(&shares.session(Some("b"), &pool));
    other.try_grow(300).unwrap();
    let error = other.try_grow(1).unwrap_err();
    assert!(error.to_string().contains("all statements"), "{error}");
    drop(first);
    assert_eq!(pool.reserved(), 500);
    second.try_grow(200).unwrap();
    other.try_grow(100).unwrap();
    assert!(other.try_grow(1).is_err(), "its session's limit");
}

#[test]
fn statements_leave_memory_to_derive_and_are_one_consumer() {
    let pool: Arc<dyn MemoryPool> = Arc::new(FairSpillPool::new(1000));
    let shares = MemoryShares::new(1000, 1000, unlimited());
    let session = shares.session(Some("a"), &pool);
    let statement: Arc<dyn MemoryPool> = session.statement();
    let sort = |pool: &Arc<dyn MemoryPool>| {
        MemoryConsumer::new("sort")
            .with_can_spill(true)
            .register(pool)
    };
    // Like the sorts of cursors that nobody fetches from.
    let _idle: Vec<_> = (0..100).map(|_| sort(&statement)).collect();
    let derive = sort(&pool);
    derive.try_grow(1000).unwrap();
    derive.shrink(1000);
    let held = MemoryConsumer::new("join").register(&statement);
    held.try_grow(750).unwrap();
    assert!(held.try_grow(1).is_err());
    derive.try_grow(250).unwrap();
}

#[test]
fn large_statements_leave_room_for_small_ones() {
    let all = 16 * SMALL;
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(all));
    let shares = MemoryShares::new(all, all, unlimited());
    let large: Vec<_> = ["a", "b"]
        .map(|account| reservation(&shares.session(Some(account), &pool)))
        .into();
    // Large statements may hold seven eighths of three quarters of the pool.
    large[0].try_grow(7 * SMALL).unwrap();
    large[1].try_grow(7 * SMALL / 2).unwrap();
    let error = large[1].try_grow(1).unwrap_err();
    assert!(error.to_string().contains("all large"), "{error}");
    assert_eq!(pool.reserved(), 21 * SMALL / 2);
    let small = reservation(&shares.session(Some("c"), &pool));
    small.try_grow(SMALL).unwrap();
    assert!(small.try_grow(1).is_err(), "it is large from there on");
    drop(large);
    small.try_grow(1).unwrap();
}

#[test]
fn operators_that_can_spill_leave_room_for_others_of_their_statement() {
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(10_000));
    let session = MemoryShares::new(1600, 800, unlimited()).session(Some("a"), &pool);
    let statement: Arc<dyn MemoryPool> = session.statement();
    let sort = |name: &str| {
        MemoryConsumer::new(name)
            .with_can_spill(true)
            .register(&statement)
    };
    let hog = sort("first partition");
    hog.try_grow(600).unwrap();
    assert!(hog.try_grow(1).is_err(), "a quarter is for merging");
    hog.shrink(200);
    let late = sort("second partition");
    assert!(
        hog.try_grow(1).is_err(),
        "more than its half of three quarters"
    );
    late.try_grow(300).unwrap();
    assert!(late.try_grow(1).is_err());
    let merge = MemoryConsumer::new("merge").register(&statement);
    merge.try_grow(100).unwrap();
    drop((hog, merge));
    assert!(
        late.try_grow(101).is_ok(),
        "while there is enough it may have more"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn large_statements_get_no_more_while_the_process_is_full() {
    let all = 16 * SMALL;
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(all));
    // A limit below what the process holds already.
    let shares = MemoryShares::new(all, all, Arc::new(ProcessMemory::new(1 << 20)));
    let session = shares.session(Some("a"), &pool);
    let large = reservation(&session);
    large.try_grow(all / 4 * 3 / LEFT_TO_ALL).unwrap();
    let error = large.try_grow(1).unwrap_err();
    assert!(error.to_string().contains("1024.0 KB"), "{error}");
    let small = reservation(&session);
    small.try_grow(SMALL).unwrap();
}

#[tokio::test]
async fn a_killed_statement_ends_and_frees_its_memory() {
    let all = 16 * SMALL;
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(all));
    let shares = MemoryShares::new(all, all, unlimited());
    let session = shares.session(Some("a"), &pool);
    let statements = [session.statement(), session.statement()];
    let hold = |share: &Arc<Share>, bytes| {
        let pool: Arc<dyn MemoryPool> = Arc::<Share>::clone(share);
        let held = MemoryConsumer::new("test").register(&pool);
        held.try_grow(bytes).map(|()| held).unwrap()
    };
    let derive = MemoryConsumer::new("derive").register(&pool);
    derive.try_grow(all / 2).unwrap();
    let small = hold(&statements[0], NEGLIGIBLE);
    let large = hold(&statements[1], all / 4 * 3 / LEFT_TO_ALL - NEGLIGIBLE);
    assert_eq!(statements[1].reclaimable(), None, "statements hold little");
    large.try_grow(1).unwrap();
    assert_eq!(statements[0].reclaimable(), None);
    assert_eq!(statements[1].reclaimable(), Some(large.size()));

    let work = async {
        let _held = large;
        std::future::pending::<Result<(), PgError>>().await
    };
    let is_stopped = statements[1].stop_check(Arc::new(|| false));
    assert!(!is_stopped());
    statements[1].kill();
    assert!(is_stopped());
    let error = statements[1].run_unless_killed(work).await.unwrap_err();
    assert_eq!(error.code, "53200");
    assert_eq!(pool.reserved(), small.size() + derive.size());
    // The work may end with the error of a stop check first.
    let told = std::future::ready(Err::<(), _>(PgError::internal("told")));
    let error = statements[1].run_unless_killed(told).await.unwrap_err();
    assert_eq!(error.code, "53200");
    let other = statements[0].run_unless_killed(std::future::ready(Ok(1)));
    assert_eq!(other.await.unwrap(), 1);
}

#[test]
fn a_refused_growth_changes_neither_reserved_nor_peak() {
    let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(134));
    let session = MemoryShares::new(1000, 1000, unlimited()).session(None, &pool);
    let statement = session.statement();
    let shared: Arc<dyn MemoryPool> = Arc::<Share>::clone(&statement);
    let held = MemoryConsumer::new("test").register(&shared);
    held.try_grow(70).unwrap();
    held.shrink(50);
    assert!(held.try_grow(90).is_err(), "what all may hold");
    assert_eq!((statement.reserved(), statement.peak()), (20, 70));
    drop(held);
    assert_eq!((session.reserved(), pool.reserved()), (0, 0));
    assert_eq!(session.global.all.reserved(), 0);
}
