"""Experiments: what to measure, and how; the framework, and those that come with ionloom."""
