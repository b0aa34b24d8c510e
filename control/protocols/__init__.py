"""What instruments say and how they frame it, one language a file; drivers of several makers share them."""
