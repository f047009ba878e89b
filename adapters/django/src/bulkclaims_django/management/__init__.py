"""What operators do by hand or by cron."""
