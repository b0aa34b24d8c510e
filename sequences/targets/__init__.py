"""What a program becomes for one kind of hardware, file or viewer."""
