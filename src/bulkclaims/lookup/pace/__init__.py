"""How fast a payer is asked, how many times at a time, how persistently, and when it is left alone."""
