"""Where a call comes from, and what it is booked under."""
