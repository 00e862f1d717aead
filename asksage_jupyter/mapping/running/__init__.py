"""The sending itself: workers side by side, a sample first, repairs and a better model after."""
