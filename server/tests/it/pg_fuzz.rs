//! Sessions of messages that are wrong in every way: the server answers or hangs up, nothing panics, nobody else is hurt.
//!
//! A run is drawn from a seed, so that one that fails can be had again. Some hundred sessions are tried each time;
//! `RAPPORT_FUZZ_SECONDS` tries for that long, from a seed that is drawn and told, or that `RAPPORT_FUZZ_SEED` gives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::support::raw::{self, Raw};
use crate::support::{PASSWORD, TestServer, value};

/// Sessions of a run that nobody asked to be longer.
const SESSIONS: u64 = 150;
/// Nothing that is sent takes the server longer to answer.
const PATIENCE: Duration = Duration::from_secs(60);

static PANICS: AtomicUsize = AtomicUsize::new(0);

const TEXTS: &[&str] = &[
    "SELECT 1",
    "SELECT $1::int8, $2::text",
    "SELECT * FROM orders WHERE order_id = $1",
    "SELECT * FROM generate_series(1, 300)",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "ROLLBACK TO s",
    "DECLARE c CURSOR FOR SELECT * FROM generate_series(1, 100)",
    "FETCH 3 FROM c",
    "MOVE ALL IN c",
    "CLOSE c",
    "COPY (SELECT * FROM orders) TO STDOUT (FORMAT binary)",
    "PREPARE p AS SELECT $1::text",
    "EXECUTE p('x')",
    "DEALLOCATE ALL",
    "DISCARD ALL",
    "SET statement_timeout = 1",
    "SET TimeZone = 'Asia/Tokyo'",
    "SHOW ALL",
    "EXPLAIN ANALYZE SELECT * FROM orders",
    "SELECT 1; SELECT 2; SELECT 1/0; SELECT 3",
    "SELECT '",
    "/* /* */",
    "",
    ";;;",
    "SELECT \u{0}",
    "SELECT ((((((((((1))))))))))",
    "SELECT CASE WHEN true THEN 1 END FROM orders GROUP BY 1 ORDER BY 1 LIMIT 0",
];

const NAMES: &[&str] = &["", "a", "b", "c", "p", "\u{e9}"];

struct Fuzz {
    random: SmallRng,
}

impl Fuzz {
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *from.choose(&mut self.random).unwrap()
    }

    fn chance(&mut self, of_a_hundred: u32) -> bool {
        self.random.random_ratio(of_a_hundred, 100)
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.random.random_range(0..=most);
        (0..length).map(|_| self.random.random()).collect()
    }

    fn name(&mut self) -> Vec<u8> {
        [self.pick(NAMES).as_bytes(), b"\0"].concat()
    }

    fn text(&mut self) -> Vec<u8> {
        let mut text = self.pick(TEXTS).as_bytes().to_vec();
        if self.chance(20) {
            self.spoil(&mut text);
        }
        text.push(0);
        text
    }

    /// A number as counts and lengths are sent, mostly one that could be.
    fn count(&mut self) -> i16 {
        let any = self.random.random();
        let few = self.random.random_range(0..4);
        if self.chance(90) { few } else { any }
    }

    fn length(&mut self) -> i32 {
        let any = self.random.random();
        let odd = self.pick(&[-1, -2, 0, 1, i32::MAX, i32::MIN]);
        match self.random.random_range(0..10) {
            0 => any,
            1 | 2 => odd,
            _ => self.random.random_range(0..20),
        }
    }

    /// A message's kind and body, of the form that the protocol has for it.
    fn message(&mut self) -> (char, Vec<u8>) {
        let kind = self.pick(&[
            'Q', 'P', 'B', 'D', 'E', 'C', 'H', 'S', 'F', 'd', 'c', 'f', 'p', 'z',
        ]);
        let body = match kind {
            'Q' => self.text(),
            'P' => {
                let mut body = [self.name(), self.text()].concat();
                let types = self.count();
                body.extend(types.to_be_bytes());
                for _ in 0..types.clamp(0, 8) {
                    let oid = self.pick(&[0_u32, 20, 25, 1009, 1184, 1700, 2950, 4_000_000_000]);
                    body.extend(oid.to_be_bytes());
                }
                body
            }
            'B' => {
                let mut body = [self.name(), self.name()].concat();
                for part in 0..3 {
                    let count = self.count();
                    body.extend(count.to_be_bytes());
                    for _ in 0..count.clamp(0, 8) {
                        if part == 1 {
                            let length = self.length();
                            body.extend(length.to_be_bytes());
                            body.extend(self.bytes(usize::try_from(length).unwrap_or(0).min(20)));
                        } else {
                            let format = self.count();
                            body.extend(format.to_be_bytes());
                        }
                    }
                }
                body
            }
            'D' | 'C' => [vec![self.pick(b"SPx")], self.name()].concat(),
            'E' => {
                let rows = self.length();
                [self.name(), rows.to_be_bytes().to_vec()].concat()
            }
            'H' | 'S' | 'c' => Vec::new(),
            _ => self.bytes(40),
        };
        (kind, body)
    }

    /// Changes bytes here and there, cuts or repeats.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let at = self.random.random_range(0..bytes.len());
        match self.random.random_range(0..4) {
            0 => bytes[at] = self.random.random(),
            1 => bytes.truncate(at),
            2 => {
                let rest = bytes[at..].to_vec();
                bytes.extend(rest);
            }
            _ => {
                let more = self.bytes(8);
                bytes.splice(at..at, more);
            }
        }
    }

    /// All that a client says once it is logged in.
    fn session(&mut self) -> Vec<u8> {
        let mut said = Vec::new();
        for _ in 0..self.random.random_range(1..30) {
            let (kind, mut body) = self.message();
            if self.chance(15) {
                self.spoil(&mut body);
            }
            let mut message = raw::message(kind, &body).to_vec();
            // Then the frame itself is wrong, and what follows is read as something else.
            if self.chance(3) {
                self.spoil(&mut message);
            }
            said.extend(message);
        }
        said
    }

    /// All that a client says instead of logging in.
    fn opening(&mut self) -> Vec<u8> {
        let version = self.pick(&[
            3 << 16,
            (3 << 16) | 2,
            80_877_103,
            80_877_104,
            80_877_102,
            2 << 16,
            0,
        ]);
        let mut said = raw::startup(version, &[("user", "ann"), ("options", "-c a=b")]).to_vec();
        if self.chance(70) {
            self.spoil(&mut said);
        }
        said.extend(self.bytes(60));
        said
    }
}

/// Says it all and reads what comes of it; hangs up if the server waits for more, because a length was wrong.
async fn say(mut raw: Raw, said: &[u8]) {
    raw.send_bytes(said).await;
    raw.send('S', b"").await;
    raw.send('X', b"").await;
    let answered = tokio::time::timeout(Duration::from_millis(500), raw.read_to_end()).await;
    if answered.is_err() {
        raw.hang_up().await;
        raw.read_to_end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_said_the_server_stays_up() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        hook(panic);
    }));
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let seconds = number("RAPPORT_FUZZ_SECONDS");
    let first = number("RAPPORT_FUZZ_SEED")
        .unwrap_or_else(|| seconds.map_or(4711, |_| rand::random::<u32>().into()));
    let begin = Instant::now();
    let server = TestServer::start().await;
    let mut seed = first;
    while match seconds {
        Some(seconds) => begin.elapsed() < Duration::from_secs(seconds),
        None => seed < first + SESSIONS,
    } {
        let mut fuzz = Fuzz {
            random: SmallRng::seed_from_u64(seed),
        };
        let mut raw = Raw::connect(server.address).await;
        let said = if seed % 4 == 0 {
            fuzz.opening()
        } else {
            raw.log_in("ann", PASSWORD).await;
            fuzz.session()
        };
        let answered = tokio::time::timeout(PATIENCE, say(raw, &said)).await;
        assert!(answered.is_ok(), "RAPPORT_FUZZ_SEED={seed}: no answer");
        assert_eq!(PANICS.load(Ordering::SeqCst), 0, "RAPPORT_FUZZ_SEED={seed}");
        seed += 1;
    }
    let client = server.client("bob").await;
    assert_eq!(value(&client, "SELECT 1").await, "1");
    let gone = "SELECT count(*) FROM system.sessions";
    let operator = server.client("ops").await;
    while value(&operator, gone).await != "2" {
        tokio::task::yield_now().await;
    }
    println!("{} sessions from seed {first}", seed - first);
}
