#!/usr/bin/env bash
# pgbouncer in transaction mode: many clients share few connections, which are reset between them.
cd "$(dirname "$0")" && . ./operations.sh

folder=$(mktemp -d)
# pgbouncer does not run as root.
as() { if [ "$(id -u)" == 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
cat >"$folder/pgbouncer.ini" <<INI
[databases]
pooled = host=$PGHOST port=$PGPORT dbname=$PGDATABASE user=$PGUSER password='$PGPASSWORD'
[pgbouncer]
; It is reached by its socket alone, so that no port is taken.
listen_addr =
listen_port = 6432
unix_socket_dir = $folder
auth_type = any
admin_users = admin
pool_mode = transaction
default_pool_size = 2
server_reset_query = DISCARD ALL
server_reset_query_always = 1
logfile = $folder/log
pidfile = $folder/pid
INI
if [ "$(id -u)" == 0 ]; then chown -R postgres "$folder"; fi
as "$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v pgbouncer)" -q "$folder/pgbouncer.ini" >/dev/null 2>&1 &
pooler=$!
trap 'kill "$(cat "$folder/pid")"; wait "$pooler"; rm -rf "$folder"' EXIT
export PGHOST=$folder PGPORT=6432 PGDATABASE=pooled
unset PGPASSWORD
until pg_isready -q; do
  kill -0 "$pooler" 2>/dev/null || { echo "fail connect: $(cat "$folder/log")"; exit 1; }
done

ask() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }

connect() { same "$(ask -c 'SELECT 1')" 1; }
simple_query() { same "$(ask -c 'SELECT count(*), sum(value) FROM orders')" "$(expected orders)|$(expected orders.value)"; }
startup() {
  same "$(PGAPPNAME=mine PGTZ=Asia/Kolkata ask -c 'SHOW application_name' -c "SELECT timestamptz '2026-07-10 12:00:00Z'" |
    paste -sd,)" 'mine,2026-07-10 17:30:00+05:30'
}
shared() {
  local output script=$folder/script.sql
  printf '%s\n' '\set n random(1, 1000000)' 'BEGIN;' 'SELECT :n + 1 AS next \gset' \
    '\set right 1 / (case when :next = :n + 1 then 1 else 0 end)' 'END;' >"$script"
  output=$(pgbench -n -c 8 -j 2 -t 20 -f "$script" 2>&1)
  has "$output" 'number of transactions actually processed: 160/160'
  has "$(psql -XAt -U admin -d pgbouncer -c 'SHOW POOLS')" "pooled|$PGUSER|"
  same "$(psql -XAt -U admin -d pgbouncer -c 'SHOW SERVERS' | grep -c '|pooled|')" 2
}
reset() {
  local each
  for each in 1 2 3; do
    ask -c 'SET statement_timeout = 4321' >/dev/null
  done
  [ "$(ask -c 'SHOW statement_timeout')" != 4321ms ]
}
failed_transaction() {
  has "$(psql -XAt -v VERBOSITY=sqlstate -c BEGIN -c 'SELECT 1 / 0' -c 'SELECT 1' -c ROLLBACK -c 'SELECT 7' 2>&1 | paste -sd' ')" \
    'ERROR:  22012 ERROR:  25P02 ROLLBACK 7'
}
large_result() {
  same "$(ask -c "SELECT i, 'row ' || i FROM generate_series(1, 200000) AS t(i)" | awk -F '|' '{ s += $1 } END { printf "%d %.0f", NR, s }')" \
    '200000 20000100000'
}
copy_out() { same "$(ask -c 'COPY orders TO STDOUT' | wc -l)" "$(expected orders)"; }

check "connect" connect
check "simple query" simple_query
check "parameters at startup" startup
check "shared connections" shared
check "pool reset" reset
check "failed transaction" failed_transaction
check "large result" large_result
check "copy out" copy_out
exit "$failed"
