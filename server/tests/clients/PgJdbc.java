import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.TreeSet;
import java.util.UUID;
import org.postgresql.PGConnection;

/** pgjdbc, which Metabase, DBeaver and Tableau bring: its metadata, fetch size, server-prepared statements, timeouts. */
public class PgJdbc {
  static final int LARGE = 200_000;
  static final String LARGE_SQL = "SELECT i, 'row ' || i AS label FROM generate_series(1, " + LARGE + ") AS t(i)";
  static final Map<String, String> EXPECTED = new HashMap<>();
  static boolean failed = false;

  interface Body {
    void run(Connection connection) throws Exception;
  }

  static class Unexpected extends Exception {
    Unexpected(String message) {
      super(message);
    }
  }

  static void same(Object found, Object expected) throws Unexpected {
    if (!Objects.equals(found, expected)) {
      String kind = found == null ? "" : " of " + found.getClass().getSimpleName();
      throw new Unexpected("found " + found + kind + ", expected " + expected);
    }
  }

  static void operation(String name, Map<String, String> options, Body body) {
    try (Connection connection = connect(options)) {
      body.run(connection);
      System.out.println("ok " + name);
    } catch (Throwable error) {
      failed = true;
      String state = error instanceof SQLException ? ((SQLException) error).getSQLState() + " " : "";
      System.out.println("fail " + name + ": " + state + String.valueOf(error.getMessage()).replaceAll("\\s+", " "));
    }
  }

  static void operation(String name, Body body) {
    operation(name, Map.of(), body);
  }

  static Connection connect(Map<String, String> options) throws SQLException {
    Map<String, String> env = System.getenv();
    Properties properties = new Properties();
    properties.putAll(options);
    properties.put("user", env.get("PGUSER"));
    properties.put("password", env.get("PGPASSWORD"));
    String url = "jdbc:postgresql://" + env.get("PGHOST") + ":" + env.get("PGPORT") + "/" + env.get("PGDATABASE");
    return DriverManager.getConnection(url, properties);
  }

  static List<Object> row(Connection connection, String sql, Object... parameters) throws Exception {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int at = 0; at < parameters.length; at++) {
        statement.setObject(at + 1, parameters[at]);
      }
      try (ResultSet rows = statement.executeQuery()) {
        if (!rows.next()) {
          throw new Unexpected("no row");
        }
        List<Object> values = new ArrayList<>();
        for (int at = 1; at <= rows.getMetaData().getColumnCount(); at++) {
          values.add(rows.getObject(at));
        }
        same(rows.next(), false);
        return values;
      }
    }
  }

  static Object value(Connection connection, String sql, Object... parameters) throws Exception {
    return row(connection, sql, parameters).get(0);
  }

  static void fails(String state, Connection connection, String sql) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException error) {
      same(error.getSQLState(), state);
      return;
    }
    throw new Unexpected("no error, expected SQLSTATE " + state);
  }

  static List<String> column(ResultSet rows, String name) throws Exception {
    List<String> values = new ArrayList<>();
    while (rows.next()) {
      values.add(rows.getString(name));
    }
    return values;
  }

  static Map<String, List<String[]>> relations() throws Exception {
    Map<String, List<String[]>> relations = new LinkedHashMap<>();
    for (String line : Files.readAllLines(Path.of("relations.tsv"))) {
      String[] parts = line.split("\t");
      relations.computeIfAbsent(parts[0], name -> new ArrayList<>()).add(parts);
    }
    return relations;
  }

  public static void main(String[] arguments) throws Exception {
    for (String line : Files.readAllLines(Path.of(System.getenv("CLIENTS_EXPECTED")))) {
      String[] parts = line.split("\t", 2);
      EXPECTED.put(parts[0], parts[1]);
    }
    reading();
    typed();
    parameters();
    results();
    transactions();
    metadata();
    System.exit(failed ? 1 : 0);
  }

  static void reading() {
    operation("connect", connection -> {
      same(value(connection, "SELECT 1"), 1);
      same(connection.isValid(5), true);
      same(connection.getMetaData().getDatabaseProductName(), "PostgreSQL");
    });
    operation("simple query", Map.of("preferQueryMode", "simple"), connection -> {
      same(value(connection, "SELECT count(*) FROM orders"), Long.valueOf(EXPECTED.get("orders")));
      same(value(connection, "SELECT sum(value) FROM orders"), new BigDecimal(EXPECTED.get("orders.value")));
    });
    operation("own account", connection ->
        same(value(connection, "SELECT string_agg(DISTINCT account_id, ',') FROM orders"), EXPECTED.get("account")));
    operation("duplicate column names", connection -> {
      try (Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("SELECT 1 AS a, 2 AS a, 3")) {
        rows.next();
        same(Arrays.asList(rows.getInt(1), rows.getInt(2), rows.getInt(3)), Arrays.asList(1, 2, 3));
        same(rows.getMetaData().getColumnLabel(3), "?column?");
      }
    });
  }

  static void typed() {
    Map<String, Object> types = new LinkedHashMap<>();
    types.put("numeric '123456789012.3456'", new BigDecimal("123456789012.3456"));
    types.put("cast('1.5' AS numeric(18,4))", new BigDecimal("1.5000"));
    types.put("date '2026-01-10'", Date.valueOf("2026-01-10"));
    types.put("true", true);
    types.put("9007199254740993::int8", 9007199254740993L);
    types.put("42", 42);
    types.put("0.1::float8", 0.1);
    types.put("1.5::float4", 1.5f);
    types.put("'Ünïcode ☃ it''s'::text", "Ünïcode ☃ it's");
    types.put("'0f8fad5b-d9cb-469f-a165-70867728950e'::uuid", UUID.fromString("0f8fad5b-d9cb-469f-a165-70867728950e"));
    Body all = connection -> {
      for (Map.Entry<String, Object> type : types.entrySet()) {
        try {
          // Five runs make pgjdbc prepare on the server and take its results in binary.
          try (PreparedStatement statement = connection.prepareStatement("SELECT " + type.getKey())) {
            for (int round = 0; round < 7; round++) {
              ResultSet rows = statement.executeQuery();
              rows.next();
              same(rows.getObject(1), type.getValue());
            }
          }
        } catch (Exception error) {
          throw new Unexpected(type.getKey() + ": " + error.getMessage());
        }
      }
      try (PreparedStatement statement =
          connection.prepareStatement("SELECT timestamptz '2026-01-10 12:00:00.123456+01', ARRAY['a', 'q\"\\', NULL]")) {
        for (int round = 0; round < 7; round++) {
          ResultSet rows = statement.executeQuery();
          rows.next();
          same(
              rows.getObject(1, OffsetDateTime.class).toInstant(),
              OffsetDateTime.parse("2026-01-10T11:00:00.123456Z").toInstant());
          same(Arrays.asList((String[]) rows.getArray(2).getArray()), Arrays.asList("a", "q\"\\", null));
        }
      }
    };
    operation("every type", all);
    operation("every type, binary", Map.of("prepareThreshold", "-1"), all);
    operation("nulls", connection -> {
      for (String sql : types.keySet()) {
        same(row(connection, "SELECT nullif(" + sql + ", " + sql + "), 1"), Arrays.asList(null, 1));
      }
    });
  }

  static void parameters() {
    operation("parameters", connection -> {
      String sql =
          "SELECT count(*) FROM orders WHERE order_id = ? AND value = ? AND ordered_at = ? AND ordered_on = ? "
              + "AND cancelled = ?";
      Object[] order = {
        EXPECTED.get("order.id"),
        new BigDecimal(EXPECTED.get("order.value")),
        OffsetDateTime.parse(EXPECTED.get("order.at")),
        Date.valueOf(EXPECTED.get("order.on")),
        Boolean.valueOf(EXPECTED.get("order.cancelled"))
      };
      same(value(connection, sql, order), 1L);
      String above = "SELECT count(*) FROM orders WHERE value > ?";
      same(value(connection, above, 0.5), Long.valueOf(EXPECTED.get("orders.above_half")));
      same(value(connection, above, 10), Long.valueOf(EXPECTED.get("orders.above_ten")));
      same(value(connection, above, 10L), Long.valueOf(EXPECTED.get("orders.above_ten")));
      same(row(connection, "SELECT CAST(? AS float8), CAST(? AS text)", 1e100, "a'b"), Arrays.asList(1e100, "a'b"));
    });
    operation("null parameters", connection -> {
      try (PreparedStatement statement = connection.prepareStatement("SELECT CAST(? AS numeric), CAST(? AS date)")) {
        statement.setNull(1, Types.NUMERIC);
        statement.setNull(2, Types.DATE);
        ResultSet rows = statement.executeQuery();
        rows.next();
        same(Arrays.asList(rows.getObject(1), rows.getObject(2)), Arrays.asList(null, null));
      }
    });
    operation("uuid parameters", connection -> {
      UUID uuid = UUID.fromString("0f8fad5b-d9cb-469f-a165-70867728950e");
      same(value(connection, "SELECT CAST(? AS uuid)", uuid), uuid);
    });
    operation("array parameters", connection -> {
      Array ids = connection.createArrayOf("text", EXPECTED.get("orders.second_to_fourth").split(","));
      same(value(connection, "SELECT count(*) FROM orders WHERE order_id = ANY(?)", ids), 3L);
    });
    operation("limit as a parameter", connection -> {
      try (PreparedStatement statement =
          connection.prepareStatement("SELECT order_id FROM orders ORDER BY order_id LIMIT ? OFFSET ?")) {
        statement.setInt(1, 3);
        statement.setLong(2, 1);
        String found = String.join(",", column(statement.executeQuery(), "order_id"));
        same(found, EXPECTED.get("orders.second_to_fourth"));
      }
    });
    operation("saved query", connection -> {
      String sql = "SELECT conversations, ai_generated_sales FROM headline_metrics(?, ?, ?)";
      Object[] given = {Date.valueOf(EXPECTED.get("from")), Date.valueOf(EXPECTED.get("to")), "web_chat,sms"};
      List<Object> headline = Arrays.asList(
          Long.valueOf(EXPECTED.get("headline.conversations")), new BigDecimal(EXPECTED.get("headline.sales")));
      same(row(connection, sql, given), headline);
    });
    operation("prepared repeatedly", connection -> {
      try (PreparedStatement statement =
          connection.prepareStatement("SELECT CAST(? AS int4) + 1, count(*) FROM orders WHERE value > ?")) {
        for (int round = 0; round < 7; round++) {
          statement.setInt(1, round);
          statement.setBigDecimal(2, new BigDecimal(-round));
          ResultSet rows = statement.executeQuery();
          rows.next();
          same(rows.getInt(1), round + 1);
          same(rows.getString(2), EXPECTED.get("orders"));
        }
      }
    });
  }

  static void results() {
    operation("cursor", connection -> {
      connection.setAutoCommit(false);
      try (Statement statement = connection.createStatement()) {
        statement.setFetchSize(1000);
        ResultSet rows = statement.executeQuery(LARGE_SQL);
        long count = 0;
        long total = 0;
        while (rows.next()) {
          count++;
          total += rows.getLong(1);
        }
        same(Arrays.asList(count, total), Arrays.asList((long) LARGE, LARGE * (LARGE + 1L) / 2));
      }
      connection.commit();
    });
    operation("large result", connection -> {
      try (Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery(LARGE_SQL)) {
        same(column(rows, "i").size(), LARGE);
      }
    });
    operation("maximum of rows", connection -> {
      try (Statement statement = connection.createStatement()) {
        statement.setMaxRows(5);
        same(column(statement.executeQuery(LARGE_SQL + " ORDER BY i"), "i"), Arrays.asList("1", "2", "3", "4", "5"));
      }
    });
    operation("copy out", connection -> {
      java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
      String sql = "COPY (SELECT order_id, value FROM orders ORDER BY order_id LIMIT 1) TO STDOUT (FORMAT csv)";
      long rows = ((PGConnection) connection).getCopyAPI().copyOut(sql, out);
      same(out.toString("UTF-8"), EXPECTED.get("order.id") + "," + EXPECTED.get("order.value") + "\n");
      same(rows, 1L);
    });
  }

  static void transactions() {
    operation("errors", connection -> {
      fails("42601", connection, "SELEC 1");
      fails("42703", connection, "SELECT nothing FROM orders");
      fails("42P01", connection, "SELECT 1 FROM nothing");
      fails("42883", connection, "SELECT nothing(1)");
      fails("22012", connection, "SELECT 1 / 0");
      fails("22P02", connection, "SELECT 'x'::int8");
    });
    operation("read only", connection -> {
      fails("25006", connection, "DELETE FROM orders");
      same(connection.getMetaData().getDefaultTransactionIsolation(), Connection.TRANSACTION_READ_COMMITTED);
    });
    operation("transaction", connection -> {
      connection.setAutoCommit(false);
      connection.setReadOnly(true);
      connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
      same(connection.getTransactionIsolation(), Connection.TRANSACTION_REPEATABLE_READ);
      same(value(connection, "SELECT 1"), 1);
      connection.commit();
      connection.rollback();
    });
    operation("failed transaction", connection -> {
      connection.setAutoCommit(false);
      fails("22012", connection, "SELECT 1 / 0");
      fails("25P02", connection, "SELECT 1");
      connection.rollback();
      same(value(connection, "SELECT 1"), 1);
    });
    operation("savepoint", connection -> {
      connection.setAutoCommit(false);
      Savepoint savepoint = connection.setSavepoint("before it");
      fails("22012", connection, "SELECT 1 / 0");
      connection.rollback(savepoint);
      same(value(connection, "SELECT 1"), 1);
      connection.releaseSavepoint(savepoint);
      connection.commit();
    });
    operation("statement rollback", Map.of("autosave", "always"), connection -> {
      connection.setAutoCommit(false);
      fails("22012", connection, "SELECT 1 / 0");
      same(value(connection, "SELECT 1"), 1);
    });
    operation("statement timeout", Map.of("options", "-c statement_timeout=50"), connection ->
        fails("57014", connection, "SELECT pg_sleep(600)"));
    operation("cancel", connection -> {
      try (Statement statement = connection.createStatement()) {
        // The driver sends a cancel request on another connection when the time is over.
        statement.setQueryTimeout(1);
        statement.execute("SELECT pg_sleep(600)");
        throw new Unexpected("the statement ran to its end");
      } catch (SQLException error) {
        same(error.getSQLState(), "57014");
      }
      same(value(connection, "SELECT 1"), 1);
    });
  }

  static final Map<String, Object[]> KINDS = Map.of(
      "text", new Object[] {Types.VARCHAR, "text"},
      "bigint", new Object[] {Types.BIGINT, "int8"},
      "boolean", new Object[] {Types.BIT, "bool"},
      "date", new Object[] {Types.DATE, "date"},
      "numeric(18,4)", new Object[] {Types.NUMERIC, "numeric"},
      "timestamp with time zone", new Object[] {Types.TIMESTAMP, "timestamptz"},
      "text[]", new Object[] {Types.ARRAY, "_text"},
      "double precision", new Object[] {Types.DOUBLE, "float8"});

  static void metadata() {
    operation("schemas", connection -> {
      DatabaseMetaData about = connection.getMetaData();
      same(column(about.getSchemas(), "TABLE_SCHEM").contains("public"), true);
      same(column(about.getCatalogs(), "TABLE_CAT").contains("rapport"), true);
      same(connection.getSchema(), "public");
      same(column(about.getTableTypes(), "TABLE_TYPE").contains("TABLE"), true);
    });
    operation("tables", connection -> {
      DatabaseMetaData about = connection.getMetaData();
      ResultSet found = about.getTables(null, "public", "%", new String[] {"TABLE"});
      same(new TreeSet<>(column(found, "TABLE_NAME")).containsAll(relations().keySet()), true);
      same(column(about.getTables(null, null, "link\\_cl%", null), "TABLE_NAME"), List.of("link_clicks"));
      ResultSet orders = about.getTables("rapport", "public", "orders", null);
      same(column(orders, "REMARKS").get(0).startsWith("One row"), true);
    });
    operation("columns", connection -> {
      for (Map.Entry<String, List<String[]>> relation : relations().entrySet()) {
        ResultSet found = connection.getMetaData().getColumns(null, "public", relation.getKey(), "%");
        for (String[] column : relation.getValue()) {
          same(found.next(), true);
          same(found.getString("COLUMN_NAME"), column[1]);
          Object[] kind = KINDS.get(column[2]);
          same(found.getInt("DATA_TYPE"), kind[0]);
          same(found.getString("TYPE_NAME"), kind[1]);
          if (column[2].equals("numeric(18,4)")) {
            same(found.getInt("COLUMN_SIZE"), 18);
            same(found.getInt("DECIMAL_DIGITS"), 4);
          }
          same(found.getString("IS_AUTOINCREMENT"), "NO");
        }
        same(found.next(), false);
      }
    });
    operation("keys and indexes", connection -> {
      DatabaseMetaData about = connection.getMetaData();
      same(about.getPrimaryKeys(null, "public", "orders").next(), false);
      same(about.getImportedKeys(null, "public", "orders").next(), false);
      same(about.getExportedKeys(null, "public", "orders").next(), false);
      same(about.getCrossReference(null, "public", "orders", null, "public", "conversations").next(), false);
      same(about.getIndexInfo(null, "public", "orders", false, true).next(), false);
      same(about.getBestRowIdentifier(null, "public", "orders", 1, true).next(), false);
    });
    operation("privileges", connection -> {
      DatabaseMetaData about = connection.getMetaData();
      about.getTablePrivileges(null, "public", "orders").next();
      about.getColumnPrivileges(null, "public", "orders", "%").next();
    });
    operation("functions", connection -> {
      DatabaseMetaData about = connection.getMetaData();
      same(column(about.getFunctions(null, "public", "headline\\_metrics"), "FUNCTION_NAME"), List.of("headline_metrics"));
      List<String> columns = column(about.getFunctionColumns(null, "public", "headline\\_metrics", "%"), "COLUMN_NAME");
      same(columns.subList(0, 3), List.of("from", "to", "channel"));
      about.getProcedures(null, "public", "%").next();
    });
    operation("types by name", connection -> {
      List<String> names = column(connection.getMetaData().getTypeInfo(), "TYPE_NAME");
      same(names.containsAll(List.of("int8", "text", "numeric", "timestamptz", "bool", "_text")), true);
    });
    operation("columns of a result", connection -> {
      try (PreparedStatement statement =
          connection.prepareStatement("SELECT order_id, value AS v, ordered_at FROM orders WHERE order_id = ?")) {
        ResultSetMetaData columns = statement.getMetaData();
        same(columns.getColumnTypeName(2), "numeric");
        same(columns.getPrecision(2), 18);
        same(columns.getScale(2), 4);
        same(columns.getColumnClassName(3), "java.sql.Timestamp");
        same(columns.isNullable(2) >= 0, true);
        same(statement.getParameterMetaData().getParameterType(1), Types.VARCHAR);
      }
    });
  }
}
