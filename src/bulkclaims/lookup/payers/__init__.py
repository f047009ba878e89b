"""The APIs of payers and clearinghouses: for each a connector, what it asks, and how it reads the answer."""
