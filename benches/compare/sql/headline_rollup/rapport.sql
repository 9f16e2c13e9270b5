SELECT * FROM headline_metrics({from}, {to})
