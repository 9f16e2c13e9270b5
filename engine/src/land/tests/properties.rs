//! Properties over random landings (SPEC E1, E2).

use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::*;

/// Describes an event of few ids, accounts and days, so that duplicates are common.
#[derive(Debug, Clone)]
struct Drawn {
    account: u8,
    id: u8,
    hour: u16,
    kind: u8,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (0..3u8, 0..12u8, 0..72u16, 0..8u8).prop_map(|(account, id, hour, kind)| Drawn {
        account,
        id,
        hour,
        kind,
    })
}

impl Drawn {
    fn at(&self) -> String {
        format!(
            "2026-01-{:02}T{:02}:30:00Z",
            10 + self.hour / 24,
            self.hour % 24
        )
    }

    fn line(&self) -> String {
        let (account, id) = (format!("shop{}", self.account), format!("e{}", self.id));
        match self.kind {
            0 => "rubbish\n".to_owned(),
            1 | 2 => order(&account, &id, &self.at(), "o"),
            kind => message(&account, &id, &self.at(), &format!("c{kind}")),
        }
    }

    /// Returns its identity by E1; `None` for a rejected line.
    fn identity(&self) -> Option<(u8, u8, u16, bool)> {
        let order = matches!(self.kind, 1 | 2);
        (self.kind > 0).then_some((self.account, self.id, self.hour / 24, order))
    }
}

/// Returns the lines that E1 keeps: the first of each identity.
fn first_of_each(events: &[Drawn]) -> Vec<&Drawn> {
    let mut seen = std::collections::HashSet::new();
    events
        .iter()
        .filter(|event| {
            event
                .identity()
                .is_some_and(|identity| seen.insert(identity))
        })
        .collect()
}

/// Returns the rows of the event tables, without the rejected lines, whose line numbers depend on the split.
async fn events(shop: &Shop) -> Vec<Vec<String>> {
    let mut tables = shop.all_rows().await;
    tables.truncate(3);
    tables
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// E2: any split into landings, any number of times, with or without spilling, gives the same tables, and they hold
    /// exactly the first of each identity.
    #[test]
    fn any_split_gives_the_same(
        all in prop::collection::vec(drawn(), 1..150),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        spill: bool,
    ) {
        runtime().block_on(async {
            let whole = Shop::open().await;
            let text: String = all.iter().map(Drawn::line).collect();
            let report = whole.land(text.clone()).await;
            let kept = first_of_each(&all);
            let rejected = all.iter().filter(|e| e.kind == 0).count() as u64;
            prop_assert_eq!(report.landed, kept.len() as u64);
            prop_assert_eq!(report.rejected, rejected);
            prop_assert_eq!(report.landed + report.duplicates + report.rejected, all.len() as u64);

            let mut shop = Shop::open().await;
            if spill {
                shop.budget = 1;
            }
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(all.len())).collect();
            ends.push(all.len());
            ends.sort_unstable();
            let (mut parts, mut reports) = (Vec::new(), Vec::new());
            let mut from = 0;
            for end in ends {
                let part: String = all[from..end].iter().map(Drawn::line).collect();
                reports.push(shop.land(part.clone()).await);
                parts.push(part);
                from = end;
            }
            let landed: u64 = reports.iter().map(|report| report.landed).sum();
            prop_assert_eq!(landed, report.landed);
            let expected = events(&whole).await;
            prop_assert_eq!(&events(&shop).await, &expected);

            // Landing all parts together tells each of them what landing one after the other does.
            let mut together = Shop::open().await;
            together.budget = shop.budget;
            let told = together.land_together(&parts).await;
            prop_assert_eq!(told, reports);
            prop_assert_eq!(&events(&together).await, &expected);

            // Landing all of it again changes nothing.
            let again = shop.land(text).await;
            prop_assert_eq!((again.landed, again.rejected), (0, rejected));
            prop_assert_eq!(&events(&shop).await, &expected);
            Ok(())
        })?;
    }

    /// E2: where no two lines of one identity differ, order does not matter either.
    #[test]
    fn any_order_gives_the_same(
        all in prop::collection::vec(drawn(), 1..100).prop_map(|mut all| {
            let kept: Vec<Drawn> = first_of_each(&all).into_iter().cloned().collect();
            all.clear();
            all.extend(kept.iter().cloned().chain(kept.iter().take(9).cloned()));
            all
        }),
        seed in any::<prop::sample::Index>(),
    ) {
        runtime().block_on(async {
            let (one, two) = (Shop::open().await, Shop::open().await);
            one.land(all.iter().map(Drawn::line).collect::<String>()).await;
            let mut other = all.clone();
            other.reverse();
            other.rotate_left(seed.index(all.len().max(1)).min(all.len()));
            two.land(other.iter().map(Drawn::line).collect::<String>()).await;
            prop_assert_eq!(events(&one).await, events(&two).await);
            Ok(())
        })?;
    }

    /// Landers that overlap in time leave no duplicates, and together land what one alone would.
    #[test]
    fn landers_at_once_leave_no_duplicates(
        parts in prop::collection::vec(prop::collection::vec(drawn(), 1..60), 2..5),
    ) {
        runtime().block_on(async {
            let shop = Shop::open().await;
            let landings = parts.iter().map(|part| {
                shop.land(part.iter().map(Drawn::line).collect::<String>())
            });
            let reports = futures::future::join_all(landings).await;
            let identities: std::collections::HashSet<_> =
                parts.iter().flatten().filter_map(Drawn::identity).collect();
            let landed: u64 = reports.iter().map(|report| report.landed).sum();
            prop_assert_eq!(landed, identities.len() as u64);
            let rows: usize = events(&shop).await.iter().map(Vec::len).sum();
            prop_assert_eq!(rows, identities.len());
            let lines: usize = parts.iter().map(Vec::len).sum();
            let told: u64 = reports.iter().map(|r| r.landed + r.duplicates + r.rejected).sum();
            prop_assert_eq!(told, lines as u64);
            // A rejected line of the same source and number is the same line.
            let rejected: std::collections::HashSet<usize> = parts
                .iter()
                .flat_map(|part| part.iter().enumerate().filter(|(_, e)| e.kind == 0).map(|(i, _)| i))
                .collect();
            prop_assert_eq!(shop.rows(TableId::RejectedEvents).await.len(), rejected.len());
            Ok(())
        })?;
    }
}
