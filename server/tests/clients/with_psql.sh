#!/usr/bin/env bash
# psql: its commands about the catalog, its variables and formats, \copy, \gdesc, FETCH_COUNT.
cd "$(dirname "$0")" && . ./operations.sh
export PGOPTIONS= PAGER=cat PSQLRC=/dev/null LC_ALL=C.UTF-8

ask() { psql -XAt -v ON_ERROR_STOP=1 "$@"; }
shown() { psql -X -v ON_ERROR_STOP=1 -c "$1"; }

connect() { same "$(ask -c 'SELECT 1')" 1; has "$(shown '\conninfo')" "as user \"$PGUSER\""; }
simple_query() {
  same "$(ask -c 'SELECT count(*), sum(value) FROM orders')" "$(expected orders)|$(expected orders.value)"
  same "$(ask -c 'SELECT 1; SELECT 2')" $'1\n2'
}
own_account() { same "$(ask -c 'SELECT DISTINCT account_id FROM orders')" "$(expected account)"; }
types() {
  same "$(ask -c "SELECT numeric '123456789012.3456', date '2026-01-10', ARRAY['a', 'b c', 'q\"\\', NULL], true, 0.1::float8,
    '\\x00ff'::bytea, interval '1 day 02:00:00', time '23:59:59.5', '0f8fad5b-d9cb-469f-a165-70867728950e'::uuid")" \
    '123456789012.3456|2026-01-10|{a,"b c","q\"\\",NULL}|t|0.1|\x00ff|1 day 02:00:00|23:59:59.5|0f8fad5b-d9cb-469f-a165-70867728950e'
  same "$(echo 'SELECT value, ordered_at, ordered_on, cancelled FROM orders \gdesc' | ask | tr '\n' ' ')" 'value|numeric(18,4) ordered_at|timestamp with time zone ordered_on|date cancelled|boolean '
}
time_zone() {
  same "$(ask -c "SET TIME ZONE 'America/New_York'" -c "SELECT timestamptz '2026-07-10 12:00:00Z'")" \
    $'SET\n2026-07-10 08:00:00-04'
  same "$(PGTZ=Asia/Kolkata ask -c "SELECT timestamptz '2026-07-10 12:00:00Z'")" '2026-07-10 17:30:00+05:30'
}
cursor() {
  same "$(ask -v FETCH_COUNT=1000 -c 'SELECT i FROM generate_series(1, 5000) AS t(i)' | tail -1)" 5000
  same "$(ask -q -c 'BEGIN' -c 'DECLARE c CURSOR FOR SELECT order_id FROM orders ORDER BY order_id' -c 'MOVE 1 FROM c' \
    -c 'FETCH 3 FROM c' -c 'COMMIT' | paste -sd,)" "$(expected orders.second_to_fourth)"
}
large_result() {
  same "$(ask -c "SELECT i, 'row ' || i FROM generate_series(1, 200000) AS t(i)" | awk -F '|' '{ s += $1 } END { printf "%d %.0f", NR, s }')" \
    '200000 20000100000'
}
prepared() {
  same "$(ask -q -c 'PREPARE p AS SELECT $1::int8 + 1' -c 'EXECUTE p(1)' -c 'EXECUTE p(2)' -c 'DEALLOCATE p' | paste -sd,)" 2,3
}
errors() {
  fails '42601' ask -v VERBOSITY=sqlstate -c 'SELEC 1'
  fails '42P01' ask -v VERBOSITY=sqlstate -c 'SELECT 1 FROM nothing'
  fails '22012' ask -v VERBOSITY=sqlstate -c 'SELECT 1 / 0'
}
read_only() { fails '25006' ask -v VERBOSITY=sqlstate -c 'DELETE FROM orders'; }
failed_transaction() {
  has "$(psql -XAt -v VERBOSITY=sqlstate -c BEGIN -c 'SELECT 1 / 0' -c 'SELECT 1' -c ROLLBACK -c 'SELECT 7' 2>&1 | paste -sd' ')" \
    'ERROR:  22012 ERROR:  25P02 ROLLBACK 7'
}
savepoint() {
  has "$(psql -XAt -v ON_ERROR_ROLLBACK=on -c BEGIN -c 'SELECT 1 / 0' -c 'SELECT 7' -c COMMIT 2>&1 | paste -sd' ')" '7 COMMIT'
}
timeout() { PGOPTIONS='-c statement_timeout=50' fails '57014' ask -v VERBOSITY=sqlstate -c 'SELECT pg_sleep(600)'; }
copy_out() {
  local folder
  folder=$(mktemp -d)
  ask -c "\\copy (SELECT order_id, value FROM orders ORDER BY order_id LIMIT 1) TO '$folder/out.csv' WITH (FORMAT csv, HEADER)" \
    >"$folder/tag"
  same "$(cat "$folder/out.csv" "$folder/tag" | paste -sd' ')" \
    "order_id,value $(expected order.id),$(expected order.value) COPY 1"
  same "$(ask -c 'COPY orders TO STDOUT' | wc -l)" "$(expected orders)"
  rm -r "$folder"
}
tables() {
  for command in '\d' '\dt'; do
    has "$(shown "$command")" ' public | orders '
    has "$(shown "$command")" ' public | conversations '
  done
  has "$(shown '\dt+ orders')" 'One row'
  has "$(shown '\dt *.*')" ' raw '
  has "$(shown '\dv' 2>&1)" 'Did not find any relations.'
  has "$(shown '\di' 2>&1)" 'Did not find any relations.'
  has "$(shown '\ds' 2>&1)" 'Did not find any relations.'
}
columns() {
  local relation column kind
  while IFS=$'\t' read -r relation column kind; do
    [ "$relation" == "${last-}" ] || { described=$(psql -XAt -c "\\d $relation"); last=$relation; }
    has "$described" "$column|$kind|"
  done <relations.tsv
  has "$(shown '\d+ orders')" 'numeric(18,4)'
  has "$(shown '\d+ orders')" 'Description'
  has "$(shown '\d nothing' 2>&1)" 'Did not find any relation named "nothing".'
}
schemas() { has "$(shown '\dn')" ' public '; has "$(shown '\dn+')" 'public'; }
functions() {
  has "$(shown '\df headline_metrics')" ' public | headline_metrics '
  has "$(shown '\df+ headline_metrics')" 'headline_metrics'
  has "$(shown '\da sum')" 'sum'
}
users() { has "$(shown '\du')" " $PGUSER "; has "$(shown '\dp orders')" ' orders '; }
types_by_name() { has "$(shown '\dT numeric')" 'numeric'; has "$(shown '\dT+ pg_catalog.date')" 'date'; }
databases() { has "$(shown '\l')" " $PGDATABASE "; has "$(shown '\l+')" " $PGDATABASE "; }
others() {
  local command
  for command in '\dD' '\dC' '\do' '\dx' '\dF' '\dy' '\dRp' '\dRs' '\des' '\dew' '\det' '\db' '\ddp' '\dA' '\dm' \
    '\dE' '\dP' '\dX' '\drds' '\dconfig TimeZone' '\dl' '\encoding' '\dAc' '\dAf' '\dg' '\dtS' '\dvS' '\z'; do
    shown "$command" >/dev/null || { echo "$command"; return 1; }
  done
}
saved_query() {
  same "$(ask -c "SELECT conversations FROM headline_metrics('$(expected from)', '$(expected to)', 'web_chat,sms')")" \
    "$(expected headline.conversations)"
}
wrong_password() { PGPASSWORD=wrong fails 'password authentication failed' psql -X -c 'SELECT 1'; }

check "connect" connect
check "simple query" simple_query
check "own account" own_account
check "every type" types
check "time zone" time_zone
check "cursor" cursor
check "large result" large_result
check "prepared repeatedly" prepared
check "errors" errors
check "read only" read_only
check "failed transaction" failed_transaction
check "savepoint" savepoint
check "statement timeout" timeout
check "copy out" copy_out
check "saved query" saved_query
check "tables" tables
check "columns" columns
check "schemas" schemas
check "functions" functions
check "users" users
check "types by name" types_by_name
check "databases" databases
check "every other command of \\d" others
check "wrong password" wrong_password
exit "$failed"
