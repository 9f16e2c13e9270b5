SELECT * FROM procedures_performance({from}, {to})
