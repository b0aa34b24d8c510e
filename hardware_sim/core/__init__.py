"""The simulated timing core: from timelines to what channels put out, what that does to ions, and clicks."""
