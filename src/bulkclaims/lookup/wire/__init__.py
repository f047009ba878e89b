"""What connectors are made of: the line to a payer, tokens, and the values that payers write alike."""
