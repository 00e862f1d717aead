"""What the service answers, decoded: words, figures and failures, whatever their shape."""
