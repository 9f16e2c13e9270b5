#!/usr/bin/env bash
# pgbench in its three modes: several connections at once, whose answers the script itself checks.
cd "$(dirname "$0")" && . ./operations.sh

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cat >"$folder/script.sql" <<SQL
\set n random(1, 1000000)
SELECT :n + 1 AS next, count(*) AS orders FROM orders WHERE value > -:n \gset
-- A wrong answer is a division by zero, which ends the client.
\set right 1 / (case when :next = :n + 1 and :orders = $(expected orders) then 1 else 0 end)
SELECT sum(value) > 0 AS sold FROM orders WHERE ordered_on >= '2000-01-01' \gset
\set right 1 / (case when :sold then 1 else 0 end)
SQL
cat >"$folder/transaction.sql" <<SQL
\set n random(1, 1000000)
BEGIN;
SELECT :n::int8 * 2 AS twice \gset
\set right 1 / (case when :twice = :n * 2 then 1 else 0 end)
END;
SQL

bench() {
  local mode=$1 script=$2 output
  output=$(pgbench -n -M "$mode" -c 4 -j 2 -t 25 -f "$folder/$script.sql" 2>&1)
  has "$output" 'number of transactions actually processed: 100/100'
  has "$output" 'number of failed transactions: 0 '
}

check "simple query" bench simple script
check "parameters" bench extended script
check "prepared repeatedly" bench prepared script
check "transaction" bench simple transaction
check "transaction, prepared" bench prepared transaction
exit "$failed"
