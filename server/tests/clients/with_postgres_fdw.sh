#!/usr/bin/env bash
# postgres_fdw: a real PostgreSQL whose foreign tables are the endpoint's relations.
cd "$(dirname "$0")" && . ./operations.sh

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
folder=$(mktemp -d)
# PostgreSQL does not run as root.
as() { if [ "$(id -u)" == 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
if [ "$(id -u)" == 0 ]; then chown postgres "$folder"; fi
trap 'as "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1; rm -rf "$folder"' EXIT
as "$bin/initdb" -D "$folder/data" -A trust -U postgres >"$folder/log" 2>&1
# It is reached by its socket alone, so that no port is taken.
as "$bin/pg_ctl" -D "$folder/data" -w -o "-p 5432 -k $folder -c listen_addresses=''" -l "$folder/data/log" start >/dev/null 2>&1

ask() {
  env -u PGPASSWORD -u PGOPTIONS PGPORT=5432 PGHOST="$folder" PGUSER=postgres PGDATABASE=postgres TZ=UTC \
    psql -XAtq -v ON_ERROR_STOP=1 "$@"
}
direct() { psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
both() { same "$(ask -c "$1")" "$(direct -c "$1")"; }
plan() { ask -c "EXPLAIN (VERBOSE, COSTS OFF) $1" | tr -s ' \n' ' '; }

connect() {
  ask -c 'CREATE EXTENSION postgres_fdw' -c "CREATE SERVER lake FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '$PGHOST', port '$PGPORT', dbname '$PGDATABASE', fetch_size '50', extensions 'postgres_fdw')" \
    -c "CREATE USER MAPPING FOR postgres SERVER lake OPTIONS (user '$PGUSER', password '$PGPASSWORD')"
}
import() {
  ask -c 'IMPORT FOREIGN SCHEMA public FROM SERVER lake INTO public'
  local relation column kind
  while IFS=$'\t' read -r relation column kind; do
    same "$(ask -c "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '$relation'::regclass
      AND attname = '$column'")" "$kind"
  done <relations.tsv
}
simple_query() {
  same "$(ask -c 'SELECT count(*), sum(value) FROM orders')" "$(expected orders)|$(expected orders.value)"
}
rows() { both "SET TIME ZONE 'UTC'; SELECT * FROM orders ORDER BY order_id COLLATE \"C\" LIMIT 120"; }
conditions() {
  both "SELECT count(*) FROM orders WHERE value > 10.5 AND ordered_at >= '2026-01-12 00:00+00' AND ordered_on < '2026-01-30'
    AND NOT cancelled AND order_id = ANY('{$(expected orders.second_to_fourth)}') OR order_id LIKE '%9'"
  has "$(plan "SELECT order_id FROM orders WHERE value > 10.5 AND order_id LIKE '%9'")" "Remote SQL: SELECT order_id FROM public.orders WHERE ((value > 10.5)) AND ((order_id ~~ '%9'"
  both "SELECT count(*) FROM conversations WHERE procedures @> ARRAY['$(expected conversation.procedures | cut -d, -f1)']"
}
join() {
  local sql='SELECT count(*), sum(a.attributed_value) FROM attributed_orders a
    JOIN conversations c ON c.account_id = a.account_id AND c.conversation_id = a.conversation_id'
  has "$(plan "$sql")" 'Relations: Aggregate on ((public.attributed_orders a) INNER JOIN (public.conversations c))'
  both "$sql"
  both 'SELECT count(*), count(o.order_id) FROM conversations c LEFT JOIN orders o ON o.conversation_id = c.conversation_id'
}
aggregates() {
  local sql='SELECT channel, count(*), min(started_at), max(messages), sum(messages), avg(messages) FROM conversations
    GROUP BY channel HAVING count(*) > 1 ORDER BY channel'
  has "$(plan "$sql")" 'Relations: Aggregate on (public.conversations)'
  both "SET TIME ZONE 'UTC'; $sql"
}
limits() {
  local sql='SELECT order_id FROM orders ORDER BY value DESC, order_id LIMIT 3'
  has "$(plan "$sql")" 'LIMIT 3'
  both "$sql"
}
remote_estimate() {
  ask -c "ALTER SERVER lake OPTIONS (ADD use_remote_estimate 'true')"
  both 'SELECT o.order_id, a.credit FROM orders o JOIN attributed_orders a ON a.order_id = o.order_id ORDER BY 1, 2 LIMIT 20'
  ask -c "ALTER SERVER lake OPTIONS (SET use_remote_estimate 'false')"
}
analyze() {
  ask -c 'ANALYZE orders'
  same "$(ask -c "SELECT reltuples FROM pg_class WHERE relname = 'orders'")" "$(expected orders)"
}
savepoint() {
  same "$(ask -c "DO \$\$ BEGIN PERFORM count(*) FROM orders; BEGIN PERFORM value / 0 FROM orders WHERE value / 0 > 1;
    EXCEPTION WHEN division_by_zero THEN NULL; END; PERFORM count(*) FROM conversations; END \$\$" -c 'SELECT 1')" 1
}
read_only() { fails 'read-only transaction' ask -c "DELETE FROM orders"; }

check "connect" connect
check "import" import
check "simple query" simple_query
check "every type" rows
check "conditions pushed down" conditions
check "joins pushed down" join
check "aggregates pushed down" aggregates
check "limits pushed down" limits
check "remote estimates" remote_estimate
check "analyze" analyze
check "savepoint" savepoint
check "read only" read_only
exit "$failed"
