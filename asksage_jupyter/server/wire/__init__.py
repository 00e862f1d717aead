"""What goes over the wire, as figures and in words; pure."""
