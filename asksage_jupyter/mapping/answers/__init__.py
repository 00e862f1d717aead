"""How replies are read: what an answer is to be, and the values it may hold."""
