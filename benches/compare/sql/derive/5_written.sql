-- The four tables as Parquet, a file each, which is the least that DuckDB can be asked to write.
COPY conversations TO '{out}/conversations.parquet' (COMPRESSION zstd);
COPY orders TO '{out}/orders.parquet' (COMPRESSION zstd);
COPY attributed_orders TO '{out}/attributed_orders.parquet' (COMPRESSION zstd);
COPY daily_metrics TO '{out}/daily_metrics.parquet' (COMPRESSION zstd);
