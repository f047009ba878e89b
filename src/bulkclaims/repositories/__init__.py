"""Where jobs live without a database: the reference members of `JobRepository` and `Limiter`."""
