//! One dialect by every path: a statement on the command line and a team's saved query mean what they mean over the
//! endpoint (SPEC M7).

use tokio_postgres::Config;

use super::*;
use crate::support::{connect, rows};

/// A lake, with a folder of a team's queries.
struct Team {
    home: Home,
}

impl Team {
    fn new(queries: &[(&str, &str)]) -> Team {
        let home = Home::filled();
        std::fs::create_dir(home.path("queries")).unwrap();
        for (name, text) in queries {
            home.file(&format!("queries/{name}.sql"), text);
        }
        let password = "correct horse";
        let user = ["users", "add", "ops", "--role", "operator"];
        let user = [&user[..], &["--password-stdin"]].concat();
        home.program.ok_with_input(&user, password);
        Team { home }
    }

    fn csv(&self, arguments: &[&str]) -> Output {
        let mut command = self.home.program.command(&["query", "--format", "csv"]);
        command.args(arguments);
        command.env("RAPPORT_QUERIES", self.home.path("queries"));
        command.output().unwrap()
    }

    /// The rows of a statement as the endpoint sends them.
    async fn over_the_endpoint(&self, statements: &[&str]) -> Vec<Vec<Vec<Option<String>>>> {
        let serve = ["serve", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        let mut command = self.home.program.command(&serve);
        command.env("RAPPORT_QUERIES", self.home.path("queries"));
        let served = tokio::task::spawn_blocking(|| crate::program::Served::start(command));
        let served = served.await.unwrap();
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(served.pg.port())
            .user("ops")
            .password("correct horse")
            .dbname("rapport");
        let client = connect(&config).await.unwrap();
        let mut answers = Vec::new();
        for sql in statements {
            answers.push(rows(&client, sql).await);
        }
        answers
    }
}

const BY_MONTH: &str = "-- Conversations by month.
-- param from date = current_date - 400 : first day
-- param to date = current_date : last day
-- param least integer = 1 : so many at least
-- column month : the month
SELECT to_char(started_on, 'YYYY-MM') AS month, count(*) AS conversations, round(avg(messages), 1) AS messages,
       '2 days'::interval AS lasted
FROM conversations
WHERE started_on BETWEEN $from AND $to
GROUP BY 1
HAVING count(*) >= $least AND (7 NOT IN (SELECT NULL::int)) IS NULL
";

#[tokio::test(flavor = "multi_thread")]
async fn a_teams_query_is_in_the_dialect_of_the_endpoint_by_every_path() {
    let team = Team::new(&[
        ("by_month", BY_MONTH),
        (
            "months",
            "-- Months.\nSELECT month, headline.conversations FROM by_month(DATE '2026-01-01', DATE '2026-01-31', 1), \
             headline_metrics(DATE '2026-01-01', DATE '2026-01-31', NULL::text[]) AS headline",
        ),
    ]);
    let printed = team.csv(&["by_month", "2026-01-01", "2026-01-31"]);
    assert!(printed.status.success(), "{}", stderr(&printed));
    let printed = stdout(&printed);
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("month,conversations,messages,lasted"));
    let line = lines.next().unwrap();
    assert!(line.starts_with("2026-01,1,1.0,"), "{line}");
    assert_eq!(lines.next(), None);
    let printed = stdout(&team.csv(&["months"]));
    assert_eq!(printed, "month,conversations\r\n2026-01,1\r\n");

    let called =
        "SELECT month, conversations, messages, lasted FROM by_month('2026-01-01', '2026-01-31')";
    let months = "SELECT * FROM months()";
    let answers = team.over_the_endpoint(&[called, months]).await;
    let row = ["2026-01", "1", "1.0", "2 days"].map(|text| Some(text.to_owned()));
    assert_eq!(answers[0], [row.to_vec()]);
    let row = ["2026-01", "1"].map(|text| Some(text.to_owned()));
    assert_eq!(answers[1], [row.to_vec()]);
}

#[test]
fn a_wrong_query_of_a_team_is_told_by_file_and_line() {
    let team = Team::new(&[(
        "lost",
        "-- Lost.\nSELECT to_chart(started_on, 'YYYY') AS y FROM conversations",
    )]);
    let output = team.csv(&["--sql", "SELECT 1"]);
    fails(&output, 1, &["lost.sql:2", "to_chart"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_means_what_it_means_over_the_endpoint() {
    let team = Team::new(&[]);
    let statements = [
        (
            "SELECT round(2.5::float8), round(-2.5::float8), round(0.5::float8)",
            "2,-2,0",
        ),
        (
            "SELECT date '2026-01-31' + interval '1 month'",
            "2026-02-28 00:00:00",
        ),
        ("SELECT count(*), count(*) FROM orders", "1,1"),
        (
            "SELECT 1 / 3.0, interval '26 hours', to_char(date '2026-01-31', 'YYYY-MM')",
            "0.33333333333333333333,26:00:00,2026-01",
        ),
        ("SELECT 7 / 2, 'a' || 1, current_schema", "3,a1,public"),
        ("SELECT tableoid::regclass::text FROM orders", "orders"),
    ];
    let sql: Vec<&str> = statements.iter().map(|(sql, _)| *sql).collect();
    let answers = team.over_the_endpoint(&sql).await;
    for ((sql, expected), answer) in statements.iter().zip(answers) {
        let printed = team.csv(&["--sql", sql]);
        assert!(printed.status.success(), "{sql}: {}", stderr(&printed));
        let printed = stdout(&printed);
        assert_eq!(printed.lines().nth(1), Some(*expected), "{sql}");
        let sent: Vec<String> = answer[0].iter().flatten().cloned().collect();
        assert_eq!(sent.join(","), *expected, "{sql}");
    }
    let header = stdout(&team.csv(&["--sql", "SELECT count(*), count(*) FROM orders"]));
    assert_eq!(header.lines().next(), Some("count,count"));
    let output = team.csv(&["--sql", "SELECT 10000000000 * 10000000000"]);
    fails(&output, 1, &["bigint out of range"]);
    let output = team.csv(&["--sql", "SET timezone = 'UTC'"]);
    fails(&output, 1, &["expected one query"]);
}

#[test]
fn a_result_with_a_name_twice_can_be_a_file() {
    let home = Home::filled();
    let sql =
        "SELECT order_id, order_id, date '2026-01-31' + interval '1 month' AS due FROM orders";
    let json = home
        .program
        .ok(&["query", "--sql", sql, "--format", "json"]);
    let json = String::from_utf8(json).unwrap();
    assert!(
        json.contains(r#"{"order_id": "o1", "order_id": "o1", "due": "2026-02-28 00:00:00"}"#),
        "{json}"
    );
    let file = home.path("r.parquet");
    home.program.ok(&["query", "--sql", sql, "--output", &file]);
    assert!(std::fs::read(&file).unwrap().starts_with(b"PAR1"));
}
