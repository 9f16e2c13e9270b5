-- The settings in force (section 3): a row for each account that has settings or a landed event (E6, S1).
SELECT *
FROM stored.accounts
