"""The lab as it changes by itself: what drifts, what fails, and how fast its time runs."""
