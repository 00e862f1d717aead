"""What a map came to, and what more rows like its would cost."""
