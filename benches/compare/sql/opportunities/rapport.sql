SELECT account_id, opportunity, procedure, channel, conversations, measured, threshold FROM opportunities({from}, {to})
