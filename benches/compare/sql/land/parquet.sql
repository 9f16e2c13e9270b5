CREATE VIEW events AS SELECT * FROM read_parquet('{events}/*.parquet');
