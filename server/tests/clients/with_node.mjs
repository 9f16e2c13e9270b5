// node-pg with its cursor and its pool, and postgres.js, each by its own ways.

import fs from 'node:fs'
import { createRequire } from 'node:module'

// Modules live in the runner's folder, not beside this file.
const require = createRequire(`${process.env.CLIENTS_NODE}/package.json`)
const pg = require('pg')
const Cursor = require('pg-cursor')
const postgres = require('postgres')

const LARGE = 200_000
const LARGE_SQL = `SELECT i, 'row ' || i AS label FROM generate_series(1, ${LARGE}) AS t(i)`
const UUID = '0f8fad5b-d9cb-469f-a165-70867728950e'
const expected = Object.fromEntries(
  fs.readFileSync(process.env.CLIENTS_EXPECTED, 'utf8').trimEnd().split('\n').map((line) => line.split('\t')),
)
let failed = false

async function operation(name, body) {
  const client = new pg.Client()
  try {
    await client.connect()
    await body(client)
    console.log(`ok ${name}`)
  } catch (error) {
    failed = true
    console.log(`fail ${name}: ${error.code ?? ''} ${error.message}`.replaceAll(/\s+/g, ' '))
  } finally {
    await client.end()
  }
}

function same(found, wanted) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (one !== other) throw new Error(`found ${one}, expected ${other}`)
}

async function fails(state, promise) {
  const error = await promise.then(() => new Error('no error'), (error) => error)
  if (error.code !== state) throw new Error(`${error.code} ${error.message}, expected SQLSTATE ${state}`)
}

const value = async (client, sql, parameters) =>
  Object.values((await client.query({ text: sql, values: parameters })).rows[0])[0]

await operation('connect', async (client) => {
  same(await value(client, 'SELECT 1'), 1)
})

await operation('simple query', async (client) => {
  const { rows } = await client.query('SELECT count(*) AS orders, sum(value) AS value FROM orders')
  same(rows, [{ orders: expected.orders, value: expected['orders.value'] }])
  const both = await client.query('SELECT 1 AS a; SELECT 2 AS b')
  same(both.map((result) => result.rows), [[{ a: 1 }], [{ b: 2 }]])
})

await operation('own account', async (client) => {
  same(await value(client, "SELECT string_agg(DISTINCT account_id, ',') FROM orders"), expected.account)
})

await operation('duplicate column names', async (client) => {
  const { rows, fields } = await client.query({ text: 'SELECT 1 AS a, 2 AS a, 3', rowMode: 'array' })
  same([rows, fields.map((field) => field.name)], [[[1, 2, 3]], ['a', 'a', '?column?']])
})

// node-pg leaves as text what JavaScript's numbers do not hold.
const TYPES = {
  "numeric '123456789012.3456'": '123456789012.3456',
  "cast('1.5' AS numeric(18,4))": '1.5000',
  "timestamptz '2026-01-10 12:00:00.123+01'": new Date('2026-01-10T11:00:00.123Z'),
  "ARRAY['a', 'b c', 'q\"\\', NULL]": ['a', 'b c', 'q"\\', null],
  'ARRAY[]::text[]': [],
  true: true,
  '9007199254740993::int8': '9007199254740993',
  42: 42,
  '0.1::float8': 0.1,
  "'Ünïcode ☃ it''s'::text": "Ünïcode ☃ it's",
  "'\\x00ff'::bytea": Buffer.from([0, 255]),
  [`'${UUID}'::uuid`]: UUID,
  "'{\"a\": [1]}'::json": { a: [1] },
}

await operation('every type', async (client) => {
  for (const [sql, wanted] of Object.entries(TYPES)) {
    same([sql, await value(client, `SELECT ${sql} AS v`)], [sql, wanted])
  }
  const day = await value(client, "SELECT date '2026-01-10'")
  same([day.getFullYear(), day.getMonth(), day.getDate()], [2026, 0, 10])
})

await operation('nulls', async (client) => {
  for (const sql of Object.keys(TYPES).filter((sql) => !sql.endsWith('json'))) {
    same(await value(client, `SELECT nullif(${sql}, ${sql}) AS v`), null)
  }
})

await operation('parameters', async (client) => {
  const sql = `SELECT count(*) FROM orders WHERE order_id = $1 AND value = $2 AND ordered_at = $3 AND ordered_on = $4
    AND cancelled = $5`
  const order = ['id', 'value', 'at', 'on', 'cancelled'].map((name) => expected[`order.${name}`])
  same(await value(client, sql, order), '1')
  same(await value(client, 'SELECT count(*) FROM orders WHERE value > $1', [0.5]), expected['orders.above_half'])
  same(await value(client, 'SELECT count(*) FROM orders WHERE value > $1', [10]), expected['orders.above_ten'])
  same(await value(client, 'SELECT count(*) FROM orders WHERE ordered_at <= $1', [new Date('2100-01-01')]), expected.orders)
})

await operation('null parameters', async (client) => {
  for (const kind of ['text', 'numeric', 'int8', 'date', 'timestamptz', 'bool', 'text[]']) {
    same(await value(client, `SELECT $1::${kind} IS NULL AS v`, [null]), true)
  }
})

await operation('uuid parameters', async (client) => {
  same(await value(client, 'SELECT $1::uuid AS v', [UUID.toUpperCase()]), UUID)
})

await operation('array parameters', async (client) => {
  const ids = expected['orders.second_to_fourth'].split(',')
  same(await value(client, 'SELECT count(*) FROM orders WHERE order_id = ANY($1)', [ids]), '3')
  same(await value(client, 'SELECT $1::text[] AS v', [['a', 'q"\\', null]]), ['a', 'q"\\', null])
})

await operation('limit as a parameter', async (client) => {
  const { rows } = await client.query('SELECT order_id FROM orders ORDER BY order_id LIMIT $1 OFFSET $2', [3, 1])
  same(rows.map((row) => row.order_id).join(','), expected['orders.second_to_fourth'])
})

await operation('saved query', async (client) => {
  const { rows } = await client.query('SELECT conversations, ai_generated_sales FROM headline_metrics($1, $2, $3)', [
    expected.from,
    expected.to,
    'web_chat,sms',
  ])
  same(rows, [
    { conversations: expected['headline.conversations'], ai_generated_sales: expected['headline.sales'] },
  ])
})

await operation('prepared repeatedly', async (client) => {
  for (let round = 0; round < 10; round++) {
    const { rows } = await client.query({ name: 'p', text: 'SELECT $1::int4 + 1 AS n', values: [round] })
    same(rows, [{ n: round + 1 }])
  }
})

await operation('cursor', async (client) => {
  const cursor = client.query(new Cursor(LARGE_SQL))
  let [count, total] = [0, 0]
  for (let rows = await cursor.read(1000); rows.length > 0; rows = await cursor.read(1000)) {
    count += rows.length
    total += rows.reduce((sum, row) => sum + Number(row.i), 0)
  }
  same([count, total], [LARGE, (LARGE * (LARGE + 1)) / 2])
  const early = client.query(new Cursor('SELECT order_id FROM orders ORDER BY order_id LIMIT $1', [4]))
  same((await early.read(1))[0].order_id, expected['order.id'])
  await early.close()
  same(await value(client, 'SELECT 1'), 1)
})

await operation('large result', async (client) => {
  same((await client.query(LARGE_SQL)).rows.length, LARGE)
})

const ERRORS = {
  'SELEC 1': '42601',
  'SELECT nothing FROM orders': '42703',
  'SELECT 1 FROM nothing': '42P01',
  'SELECT nothing(1)': '42883',
  'SELECT 1 / 0': '22012',
  "SELECT 'x'::int8": '22P02',
}

await operation('errors', async (client) => {
  for (const [sql, state] of Object.entries(ERRORS)) {
    await fails(state, client.query(sql))
    await fails(state, client.query({ text: sql, values: [], name: `n${state}` }))
  }
})

await operation('read only', (client) => fails('25006', client.query('DELETE FROM orders')))

await operation('failed transaction', async (client) => {
  await client.query('BEGIN')
  await fails('22012', client.query('SELECT 1 / 0'))
  await fails('25P02', client.query('SELECT 1'))
  await client.query('ROLLBACK')
  same(await value(client, 'SELECT 1'), 1)
})

await operation('savepoint', async (client) => {
  await client.query('BEGIN')
  await client.query('SAVEPOINT s')
  await fails('22012', client.query('SELECT 1 / 0'))
  await client.query('ROLLBACK TO s')
  same(await value(client, 'SELECT 1'), 1)
  await client.query('COMMIT')
})

await operation('statement timeout', async () => {
  const client = new pg.Client({ statement_timeout: 50 })
  await client.connect()
  try {
    await fails('57014', client.query('SELECT pg_sleep(600)'))
  } finally {
    await client.end()
  }
})

await operation('time zone', async (client) => {
  await client.query("SET TIME ZONE 'America/New_York'")
  const shown = await value(client, "SELECT (timestamptz '2026-07-10 12:00:00Z')::text AS v")
  same(shown, '2026-07-10 08:00:00-04')
})

await operation('pool reset', async () => {
  const pool = new pg.Pool({ max: 2 })
  const counts = await Promise.all(Array.from({ length: 8 }, () => value(pool, 'SELECT count(*) FROM orders')))
  same(counts, Array(8).fill(expected.orders))
  await pool.end()
})

await operation('postgres.js', async () => {
  const { PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE } = process.env
  const sql = postgres({
    host: PGHOST,
    port: Number(PGPORT),
    user: PGUSER,
    password: PGPASSWORD,
    database: PGDATABASE,
    max: 2,
  })
  try {
    const ids = expected['orders.second_to_fourth'].split(',')
    const [row] = await sql`SELECT count(*) AS n FROM orders WHERE order_id IN ${sql(ids)} AND ordered_at < ${new Date()}
      OR value < ${'-1'}`
    same(Number(row.n) > 0, true)
    const [back] = await sql`SELECT ${['a', 'b c']}::text[] AS texts, ${true}::bool AS truth, ${null}::text AS nothing`
    same({ ...back }, { texts: ['a', 'b c'], truth: true, nothing: null })
    let total = 0
    await sql.unsafe(LARGE_SQL).cursor(1000, (rows) => {
      total += rows.length
    })
    same(total, LARGE)
    await fails('22012', sql`SELECT 1 / 0`)
    same(await sql.begin('read only', async (sql) => (await sql`SELECT 7 AS n`)[0].n), 7)
  } finally {
    await sql.end()
  }
})

process.exit(failed ? 1 : 0)
