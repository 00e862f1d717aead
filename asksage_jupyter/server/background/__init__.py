"""What goes on beside the requests: hints, comparisons, renamed notebooks, gauges."""
