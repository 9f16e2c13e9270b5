//! Views of `pg_catalog` that have no row where nobody writes, with PostgreSQL's columns.

/// Their names, and their columns: each a name, and a type where it is not text.
pub const EMPTY_VIEWS: &[(&str, &str)] = &[
    (
        "pg_available_extension_versions",
        "name version installed:bool superuser:bool trusted:bool relocatable:bool schema requires:texts \
         comment",
    ),
    (
        "pg_available_extensions",
        "name default_version installed_version comment",
    ),
    (
        "pg_backend_memory_contexts",
        "name ident parent level:int4 total_bytes:int8 total_nblocks:int8 free_bytes:int8 \
         free_chunks:int8 used_bytes:int8",
    ),
    ("pg_config", "name setting"),
    (
        "pg_file_settings",
        "sourcefile sourceline:int4 seqno:int4 name setting applied:bool error",
    ),
    (
        "pg_hba_file_rules",
        "line_number:int4 type database:texts user_name:texts address netmask auth_method options:texts \
         error",
    ),
    (
        "pg_ident_file_mappings",
        "line_number:int4 map_name sys_name pg_username error",
    ),
    (
        "pg_locks",
        "locktype database:oid relation:oid page:int4 tuple:int2 virtualxid transactionid:int4 \
         classid:oid objid:oid objsubid:int2 virtualtransaction pid:int4 mode granted:bool fastpath:bool \
         waitstart:timestamptz",
    ),
    (
        "pg_publication_tables",
        "pubname schemaname tablename attnames:texts rowfilter",
    ),
    (
        "pg_replication_origin_status",
        "local_id:oid external_id remote_lsn local_lsn",
    ),
    (
        "pg_seclabels",
        "objoid:oid classoid:oid objsubid:int4 objtype objnamespace:oid objname provider label",
    ),
    (
        "pg_shadow",
        "usename usesysid:oid usecreatedb:bool usesuper:bool userepl:bool usebypassrls:bool passwd \
         valuntil:timestamptz useconfig:texts",
    ),
    (
        "pg_shmem_allocations",
        "name off:int8 size:int8 allocated_size:int8",
    ),
    (
        "pg_stat_all_indexes",
        "relid:oid indexrelid:oid schemaname relname indexrelname idx_scan:int8 idx_tup_read:int8 \
         idx_tup_fetch:int8",
    ),
    (
        "pg_stat_all_tables",
        "relid:oid schemaname relname seq_scan:int8 seq_tup_read:int8 idx_scan:int8 idx_tup_fetch:int8 \
         n_tup_ins:int8 n_tup_upd:int8 n_tup_del:int8 n_tup_hot_upd:int8 n_live_tup:int8 n_dead_tup:int8 \
         n_mod_since_analyze:int8 n_ins_since_vacuum:int8 last_vacuum:timestamptz \
         last_autovacuum:timestamptz last_analyze:timestamptz last_autoanalyze:timestamptz \
         vacuum_count:int8 autovacuum_count:int8 analyze_count:int8 autoanalyze_count:int8",
    ),
    (
        "pg_stat_archiver",
        "archived_count:int8 last_archived_wal last_archived_time:timestamptz failed_count:int8 \
         last_failed_wal last_failed_time:timestamptz stats_reset:timestamptz",
    ),
    (
        "pg_stat_bgwriter",
        "checkpoints_timed:int8 checkpoints_req:int8 checkpoint_write_time:float8 \
         checkpoint_sync_time:float8 buffers_checkpoint:int8 buffers_clean:int8 maxwritten_clean:int8 \
         buffers_backend:int8 buffers_backend_fsync:int8 buffers_alloc:int8 stats_reset:timestamptz",
    ),
    (
        "pg_stat_database",
        "datid:oid datname numbackends:int4 xact_commit:int8 xact_rollback:int8 blks_read:int8 \
         blks_hit:int8 tup_returned:int8 tup_fetched:int8 tup_inserted:int8 tup_updated:int8 \
         tup_deleted:int8 conflicts:int8 temp_files:int8 temp_bytes:int8 deadlocks:int8 \
         checksum_failures:int8 checksum_last_failure:timestamptz blk_read_time:float8 \
         blk_write_time:float8 session_time:float8 active_time:float8 idle_in_transaction_time:float8 \
         sessions:int8 sessions_abandoned:int8 sessions_fatal:int8 sessions_killed:int8 \
         stats_reset:timestamptz",
    ),
    (
        "pg_stat_database_conflicts",
        "datid:oid datname confl_tablespace:int8 confl_lock:int8 confl_snapshot:int8 confl_bufferpin:int8 \
         confl_deadlock:int8",
    ),
    (
        "pg_stat_progress_analyze",
        "pid:int4 datid:oid datname relid:oid phase sample_blks_total:int8 sample_blks_scanned:int8 \
         ext_stats_total:int8 ext_stats_computed:int8 child_tables_total:int8 child_tables_done:int8 \
         current_child_table_relid:oid",
    ),
    (
        "pg_stat_progress_basebackup",
        "pid:int4 phase backup_total:int8 backup_streamed:int8 tablespaces_total:int8 \
         tablespaces_streamed:int8",
    ),
    (
        "pg_stat_progress_cluster",
        "pid:int4 datid:oid datname relid:oid command phase cluster_index_relid:oid \
         heap_tuples_scanned:int8 heap_tuples_written:int8 heap_blks_total:int8 heap_blks_scanned:int8 \
         index_rebuild_count:int8",
    ),
    (
        "pg_stat_progress_copy",
        "pid:int4 datid:oid datname relid:oid command type bytes_processed:int8 bytes_total:int8 \
         tuples_processed:int8 tuples_excluded:int8",
    ),
    (
        "pg_stat_progress_create_index",
        "pid:int4 datid:oid datname relid:oid index_relid:oid command phase lockers_total:int8 \
         lockers_done:int8 current_locker_pid:int8 blocks_total:int8 blocks_done:int8 tuples_total:int8 \
         tuples_done:int8 partitions_total:int8 partitions_done:int8",
    ),
    (
        "pg_stat_progress_vacuum",
        "pid:int4 datid:oid datname relid:oid phase heap_blks_total:int8 heap_blks_scanned:int8 \
         heap_blks_vacuumed:int8 index_vacuum_count:int8 max_dead_tuples:int8 num_dead_tuples:int8",
    ),
    (
        "pg_stat_recovery_prefetch",
        "stats_reset:timestamptz prefetch:int8 hit:int8 skip_init:int8 skip_new:int8 skip_fpw:int8 \
         skip_rep:int8 wal_distance:int4 block_distance:int4 io_depth:int4",
    ),
    (
        "pg_stat_replication",
        "pid:int4 usesysid:oid usename application_name client_addr client_hostname client_port:int4 \
         backend_start:timestamptz backend_xmin:int4 state sent_lsn write_lsn flush_lsn replay_lsn \
         write_lag flush_lag replay_lag sync_priority:int4 sync_state reply_time:timestamptz",
    ),
    (
        "pg_stat_replication_slots",
        "slot_name spill_txns:int8 spill_count:int8 spill_bytes:int8 stream_txns:int8 stream_count:int8 \
         stream_bytes:int8 total_txns:int8 total_bytes:int8 stats_reset:timestamptz",
    ),
    (
        "pg_stat_slru",
        "name blks_zeroed:int8 blks_hit:int8 blks_read:int8 blks_written:int8 blks_exists:int8 \
         flushes:int8 truncates:int8 stats_reset:timestamptz",
    ),
    (
        "pg_stat_ssl",
        "pid:int4 ssl:bool version cipher bits:int4 client_dn client_serial issuer_dn",
    ),
    (
        "pg_stat_subscription",
        "subid:oid subname pid:int4 relid:oid received_lsn last_msg_send_time:timestamptz \
         last_msg_receipt_time:timestamptz latest_end_lsn latest_end_time:timestamptz",
    ),
    (
        "pg_stat_subscription_stats",
        "subid:oid subname apply_error_count:int8 sync_error_count:int8 stats_reset:timestamptz",
    ),
    (
        "pg_stat_sys_indexes",
        "relid:oid indexrelid:oid schemaname relname indexrelname idx_scan:int8 idx_tup_read:int8 \
         idx_tup_fetch:int8",
    ),
    (
        "pg_stat_sys_tables",
        "relid:oid schemaname relname seq_scan:int8 seq_tup_read:int8 idx_scan:int8 idx_tup_fetch:int8 \
         n_tup_ins:int8 n_tup_upd:int8 n_tup_del:int8 n_tup_hot_upd:int8 n_live_tup:int8 n_dead_tup:int8 \
         n_mod_since_analyze:int8 n_ins_since_vacuum:int8 last_vacuum:timestamptz \
         last_autovacuum:timestamptz last_analyze:timestamptz last_autoanalyze:timestamptz \
         vacuum_count:int8 autovacuum_count:int8 analyze_count:int8 autoanalyze_count:int8",
    ),
    (
        "pg_stat_user_functions",
        "funcid:oid schemaname funcname calls:int8 total_time:float8 self_time:float8",
    ),
    (
        "pg_stat_user_indexes",
        "relid:oid indexrelid:oid schemaname relname indexrelname idx_scan:int8 idx_tup_read:int8 \
         idx_tup_fetch:int8",
    ),
    (
        "pg_stat_wal",
        "wal_records:int8 wal_fpi:int8 wal_bytes wal_buffers_full:int8 wal_write:int8 wal_sync:int8 \
         wal_write_time:float8 wal_sync_time:float8 stats_reset:timestamptz",
    ),
    (
        "pg_stat_wal_receiver",
        "pid:int4 status receive_start_lsn receive_start_tli:int4 written_lsn flushed_lsn \
         received_tli:int4 last_msg_send_time:timestamptz last_msg_receipt_time:timestamptz \
         latest_end_lsn latest_end_time:timestamptz slot_name sender_host sender_port:int4 conninfo",
    ),
    (
        "pg_stat_xact_all_tables",
        "relid:oid schemaname relname seq_scan:int8 seq_tup_read:int8 idx_scan:int8 idx_tup_fetch:int8 \
         n_tup_ins:int8 n_tup_upd:int8 n_tup_del:int8 n_tup_hot_upd:int8",
    ),
    (
        "pg_stat_xact_sys_tables",
        "relid:oid schemaname relname seq_scan:int8 seq_tup_read:int8 idx_scan:int8 idx_tup_fetch:int8 \
         n_tup_ins:int8 n_tup_upd:int8 n_tup_del:int8 n_tup_hot_upd:int8",
    ),
    (
        "pg_stat_xact_user_functions",
        "funcid:oid schemaname funcname calls:int8 total_time:float8 self_time:float8",
    ),
    (
        "pg_stat_xact_user_tables",
        "relid:oid schemaname relname seq_scan:int8 seq_tup_read:int8 idx_scan:int8 idx_tup_fetch:int8 \
         n_tup_ins:int8 n_tup_upd:int8 n_tup_del:int8 n_tup_hot_upd:int8",
    ),
    (
        "pg_statio_all_indexes",
        "relid:oid indexrelid:oid schemaname relname indexrelname idx_blks_read:int8 idx_blks_hit:int8",
    ),
    (
        "pg_statio_all_sequences",
        "relid:oid schemaname relname blks_read:int8 blks_hit:int8",
    ),
    (
        "pg_statio_all_tables",
        "relid:oid schemaname relname heap_blks_read:int8 heap_blks_hit:int8 idx_blks_read:int8 \
         idx_blks_hit:int8 toast_blks_read:int8 toast_blks_hit:int8 tidx_blks_read:int8 \
         tidx_blks_hit:int8",
    ),
    (
        "pg_statio_sys_indexes",
        "relid:oid indexrelid:oid schemaname relname indexrelname idx_blks_read:int8 idx_blks_hit:int8",
    ),
    (
        "pg_statio_sys_sequences",
        "relid:oid schemaname relname blks_read:int8 blks_hit:int8",
    ),
    (
        "pg_statio_sys_tables",
        "relid:oid schemaname relname heap_blks_read:int8 heap_blks_hit:int8 idx_blks_read:int8 \
         idx_blks_hit:int8 toast_blks_read:int8 toast_blks_hit:int8 tidx_blks_read:int8 \
         tidx_blks_hit:int8",
    ),
    (
        "pg_statio_user_indexes",
        "relid:oid indexrelid:oid schemaname relname indexrelname idx_blks_read:int8 idx_blks_hit:int8",
    ),
    (
        "pg_statio_user_sequences",
        "relid:oid schemaname relname blks_read:int8 blks_hit:int8",
    ),
    (
        "pg_statio_user_tables",
        "relid:oid schemaname relname heap_blks_read:int8 heap_blks_hit:int8 idx_blks_read:int8 \
         idx_blks_hit:int8 toast_blks_read:int8 toast_blks_hit:int8 tidx_blks_read:int8 \
         tidx_blks_hit:int8",
    ),
    (
        "pg_stats_ext",
        "schemaname tablename statistics_schemaname statistics_name statistics_owner attnames:texts \
         exprs:texts kinds inherited:bool n_distinct dependencies most_common_vals:texts \
         most_common_val_nulls most_common_freqs most_common_base_freqs",
    ),
    (
        "pg_stats_ext_exprs",
        "schemaname tablename statistics_schemaname statistics_name statistics_owner expr inherited:bool \
         null_frac:float4 avg_width:int4 n_distinct:float4 most_common_vals most_common_freqs \
         histogram_bounds correlation:float4 most_common_elems most_common_elem_freqs \
         elem_count_histogram",
    ),
    ("pg_timezone_abbrevs", "abbrev utc_offset is_dst:bool"),
    (
        "pg_user_mappings",
        "umid:oid srvid:oid srvname umuser:oid usename umoptions:texts",
    ),
];

/// Whether there is one of that name.
pub fn is_empty_view(name: &str) -> bool {
    EMPTY_VIEWS.iter().any(|(known, _)| *known == name)
}
