SELECT * FROM conversations_table({from}, {to}) LIMIT 50
