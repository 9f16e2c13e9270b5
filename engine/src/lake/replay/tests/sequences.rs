//! Whatever was committed, and whatever has become of the checkpoints: a version is read as deltalake read it.

use proptest::prelude::*;

use super::*;

/// A commit of some sequence.
#[derive(Debug, Clone)]
struct Step {
    adds: Vec<(usize, u8)>,
    /// Which of the files are removed, and which is added again with other statistics.
    removes: Vec<prop::sample::Index>,
    again: Option<(prop::sample::Index, u8)>,
    transactions: Vec<(usize, i64)>,
    compacts: bool,
    renames: bool,
    checkpoint: bool,
}

prop_compose! {
    fn step()(
        adds in prop::collection::vec((0..ACCOUNTS.len(), any::<u8>()), 0..6),
        removes in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        again in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        transactions in prop::collection::vec((0..APPLICATIONS.len(), any::<i64>()), 0..3),
        compacts in any::<bool>(),
        renames in prop::bool::weighted(0.2),
        checkpoint in prop::bool::weighted(0.3),
    ) -> Step {
        Step { adds, removes, again, transactions, compacts, renames, checkpoint }
    }
}

impl Step {
    fn change(self, base: &TableSnapshot) -> Change {
        let files = base.all_files();
        let mut change = Change::new(match self.compacts {
            true => Operation::Compact,
            false => Operation::Derive,
        });
        let adds = self.adds.into_iter();
        change.adds = adds
            .map(|(account, seed)| file(account, seed, None))
            .collect();
        if !files.is_empty() {
            let mut removed: Vec<usize> =
                self.removes.iter().map(|i| i.index(files.len())).collect();
            removed.sort_unstable();
            removed.dedup();
            if let Some((index, seed)) = self.again {
                let again = index.index(files.len());
                removed.retain(|index| *index != again);
                let known = &files[again];
                let mut other = file(0, seed, Some(known.path.clone()));
                other.partition = known.partition.clone();
                change.adds.push(other);
            }
            change.removes = removed
                .into_iter()
                .map(|index| Arc::clone(&files[index]))
                .collect();
        }
        let transactions: BTreeMap<_, _> = self.transactions.into_iter().collect();
        let transactions = transactions.into_iter();
        change.transactions = transactions
            .map(|(name, version)| (APPLICATIONS[name].to_owned(), version))
            .collect();
        if self.renames {
            let metadata = base.metadata().unwrap().clone();
            let name = format!("renamed at {}", base.version());
            change.metadata = Some(metadata.with_name(name).unwrap());
        }
        change
    }
}

fn hinted() -> impl Strategy<Value = Hinted> {
    prop_oneof![
        Just(Hinted::AsWritten),
        Just(Hinted::Nothing),
        Just(Hinted::Nonsense),
        (0_i64..12).prop_map(Hinted::Version),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_version_that_is_read_is_what_was_committed(
        steps in prop::collection::vec(step(), 1..10),
        hinted in hinted(),
        torn in any::<bool>(),
        expired in any::<Option<prop::sample::Index>>(),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let log = table().await;
            let mut versions = vec![State::of(&newest(&log).await)];
            let mut checkpoints = Vec::new();
            for step in steps {
                let (base, checkpoint) = (newest(&log).await, step.checkpoint);
                let committed = commit(&log, step.change(&base)).await;
                let version = committed.version();
                if checkpoint {
                    log.checkpoint(version).await;
                    checkpoints.push(version);
                }
                let state = State::by_deltalake(&log, version).await;
                assert_eq!(State::of(&committed), state, "advanced to {version}");
                versions.push(state);
            }
            hint(&log, hinted).await;
            if torn && let Some(last) = checkpoints.pop() {
                tear(&log, last).await;
            }
            let first = expired.filter(|_| !checkpoints.is_empty());
            let first = first.map_or(0, |index| *index.get(&checkpoints));
            expire_before(&log, first).await;

            for (version, state) in versions.iter().enumerate() {
                match log.load_version(version as i64).await {
                    Ok(read) => assert_eq!(&State::of(&read), state, "{version}"),
                    Err(error) => assert!((version as i64) < first, "{version}: {error}"),
                }
            }
            let read = newest(&log).await;
            assert_eq!(read.version() as usize, versions.len() - 1);
            assert_eq!(&State::of(&read), versions.last().unwrap());
            for file in read.all_files() {
                // Compacted files count as old ones.
                let added = file.version;
                assert!(added == 0 || added > read.read_from(), "{file:?}");
                if added > 0 {
                    let changes = log.changes(added).await.unwrap().unwrap();
                    assert!(changes.adds.iter().any(|add| add.path == file.path), "{file:?}");
                }
            }
        });
    }
}
