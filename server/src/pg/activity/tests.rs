#![allow(clippy::unwrap_used)]

use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};

use super::super::resources::memory::{MemoryShares, Share};
use super::super::resources::process_memory::ProcessMemory;
use super::super::resources::signals::Signals;
use super::history::{History, OF_ACCOUNT};
use super::*;
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::settings::Settings;
use rapport_pgsql::types::zone::Zone;

fn user(name: &str, account: Option<&str>) -> Arc<User> {
    Arc::new(User {
        info: UserInfo {
            name: name.to_owned(),
            role: if account.is_some() {
                "owner"
            } else {
                "operator"
            }
            .to_owned(),
            account: account.map(str::to_owned),
        },
        salt: vec![],
        iterations: 1,
        salted_password: vec![],
    })
}

fn enter(activity: &Arc<Activity>, pid: i32, user: &Arc<User>) -> Present {
    let settings = Settings::new(&user.info.name, "16", Zone::UTC, Duration::ZERO);
    let peer = Peer {
        address: None,
        encrypted: false,
    };
    let control = Arc::new(Signals::default());
    activity.enter(
        pid,
        Arc::clone(user),
        peer,
        Arc::new(Mutex::new(settings)),
        control,
    )
}

fn texts(activity: &Activity, viewer: &Arc<User>) -> Vec<String> {
    let seen = activity.statements_of(&viewer.info);
    seen.iter()
        .map(|statement| statement.text.to_string())
        .collect()
}

#[test]
fn operators_see_all_statements_and_other_users_their_own() {
    let activity = Arc::new(Activity::new(None));
    let [ann, bob, ops] =
        [("ann", Some("acme")), ("bob", Some("acme")), ("ops", None)].map(|(n, a)| user(n, a));
    let presences = [enter(&activity, 1, &ann), enter(&activity, 2, &bob)];
    presences[0].begin("SELECT 'ann'").finished();
    presences[1].begin("SELECT 'bob'").finished();
    assert_eq!(texts(&activity, &ann), ["SELECT 'ann'"]);
    assert_eq!(texts(&activity, &ops), ["SELECT 'bob'", "SELECT 'ann'"]);
    assert_eq!(activity.sessions_of(&bob.info).len(), 1);
    assert_eq!(activity.sessions_of(&ops.info).len(), 2);
    // A new user sees nothing of a deleted user of the same name.
    let another = user("ann", Some("bolt"));
    assert_eq!(texts(&activity, &another), Vec::<String>::new());
    drop(presences);
    assert!(activity.sessions_of(&ops.info).is_empty());
}

#[test]
fn a_statement_ends_once_and_keeps_its_first_final_state() {
    let activity = Arc::new(Activity::new(None));
    let ann = user("ann", Some("acme"));
    let present = enter(&activity, 1, &ann);
    let state = |at: usize| activity.statements_of(&ann.info)[at].told().state;

    let doing = present.begin("SELECT 1");
    assert_eq!(activity.sessions_of(&ann.info)[0].state(), "active");
    doing.statement().enter(State::Queued);
    assert_eq!(state(0), State::Queued);
    doing.statement().enter(State::Running);
    doing.finished();
    assert_eq!(state(0), State::Finished);
    assert_eq!(activity.sessions_of(&ann.info)[0].state(), "idle");

    present
        .begin("SELECT 1/0")
        .failed(&PgError::new("22012", "division by zero"));
    let told = activity.statements_of(&ann.info)[0].told();
    assert_eq!(told.state, State::Failed);
    assert_eq!(told.error, Some(("22012", "division by zero".to_owned())));

    present
        .begin("SELECT pg_sleep(9)")
        .failed(&PgError::new(code::CANCELED, "canceling"));
    assert_eq!(state(0), State::Canceled);

    // The client disconnected.
    drop(present.begin("SELECT 2"));
    assert_eq!(state(0), State::Canceled);

    // The client closed the portal before its last row.
    let doing = present.begin("SELECT 3");
    doing.statement().enter(State::Suspended);
    assert_eq!(activity.sessions_of(&ann.info)[0].state(), "idle");
    drop(doing);
    assert_eq!(state(0), State::Finished);

    let before = activity.statements_of(&ann.info).len();
    present.begin("SELECT 4").forgotten();
    assert_eq!(activity.statements_of(&ann.info).len(), before);
}

#[test]
fn the_state_of_a_session_names_its_transaction() {
    let activity = Arc::new(Activity::new(None));
    let ann = user("ann", Some("acme"));
    let present = enter(&activity, 1, &ann);
    for (status, shown) in [
        (TransactionStatus::Transaction, "idle in transaction"),
        (TransactionStatus::Error, "idle in transaction (aborted)"),
        (TransactionStatus::Idle, "idle"),
    ] {
        present.transaction(status);
        assert_eq!(activity.sessions_of(&ann.info)[0].state(), shown);
    }
}

#[test]
fn a_long_text_is_cut_at_a_whole_character() {
    let activity = Arc::new(Activity::new(None));
    let ann = user("ann", Some("acme"));
    let long = format!("SELECT '{}'", "é".repeat(8 * 1024));
    enter(&activity, 1, &ann).begin(&long).finished();
    let kept = &texts(&activity, &ann)[0];
    assert!(kept.len() <= 8 * 1024 + '…'.len_utf8(), "{}", kept.len());
    assert!(kept.ends_with("é…"));
}

#[test]
fn a_running_statement_stays_listed_however_many_others_end() {
    let activity = Arc::new(Activity::new(None));
    let [ann, ops] = [("ann", Some("acme")), ("ops", None)].map(|(n, a)| user(n, a));
    let present = enter(&activity, 1, &ann);
    let bytes = 64 << 20;
    let all: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(bytes));
    let process = Arc::new(ProcessMemory::new(usize::MAX));
    let share = MemoryShares::new(bytes, bytes, process)
        .session(Some("acme"), &all)
        .statement();
    let hog = present.begin("SELECT 'hog'");
    hog.statement().measure(&share);
    let pool: Arc<dyn MemoryPool> = Arc::<Share>::clone(&share);
    let held = MemoryConsumer::new("test").register(&pool);
    held.try_grow(bytes / 2).unwrap();

    let short = || {
        for _ in 0..OF_ACCOUNT {
            present.begin("SELECT 1").finished();
        }
    };
    short();
    short();
    let largest = activity.largest().unwrap();
    assert!(Arc::ptr_eq(&largest, hog.statement()));
    for viewer in [&ann, &ops] {
        let seen = texts(&activity, viewer);
        assert_eq!(seen.len(), OF_ACCOUNT + 1);
        assert!(seen.contains(&"SELECT 'hog'".to_owned()));
    }
    // Once ended it is part of the history, as its newest statement.
    hog.finished();
    assert_eq!(texts(&activity, &ann).len(), OF_ACCOUNT);
    assert!(texts(&activity, &ann).contains(&"SELECT 'hog'".to_owned()));
    short();
    assert!(!texts(&activity, &ann).contains(&"SELECT 'hog'".to_owned()));
}

#[test]
fn a_busy_account_does_not_displace_the_statements_of_a_quiet_one() {
    let statement = |account: &str, id: u64| {
        let user = user("u", Some(account));
        Arc::new(Statement::new(
            id,
            1,
            user,
            String::new(),
            &"x".repeat(1000),
        ))
    };
    let mut history = History::within(3, 6000);
    let end = |history: &mut History, account: &str, id: u64| {
        let statement = statement(account, id);
        history.begin(Arc::clone(&statement));
        history.end(&statement);
    };
    end(&mut history, "quiet", 1);
    for id in 2..100 {
        end(&mut history, "loud", id);
    }
    let count = |history: &History, account: &str| {
        let all = history.all();
        let of = |s: &&Arc<Statement>| s.user.info.account.as_deref() == Some(account);
        all.iter().filter(of).count()
    };
    assert_eq!(count(&history, "quiet"), 1);
    assert_eq!(count(&history, "loud"), 3);
    // All accounts together stay within the limit.
    for account in ["a", "b", "c", "d", "e"] {
        for id in 0..3 {
            end(&mut history, account, id);
        }
    }
    let bytes: usize = history.all().iter().map(|s| s.text.len()).sum();
    assert!(bytes < 6000, "{bytes}");
}
