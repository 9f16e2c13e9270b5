-- The settings in force (section 3): a row for each account that has settings or a landed event (E6, S1).
SELECT account_id,
       name,
       timezone,
       currency,
       idle_timeout,
       attribution_model,
       exclude_bot_clicks,
       exclude_machine_opens,
       exclude_transactional,
       email_clicked,
       email_opened,
       sms_clicked,
       sms_opened,
       sms_delivered,
       whatsapp_clicked,
       whatsapp_opened,
       push_opened
FROM stored.accounts
