SELECT * FROM conversations WHERE status = 'routed' ORDER BY last_updated DESC LIMIT 50
