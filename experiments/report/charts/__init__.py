"""The report's charts, one file each: from a run's numbers to a Plotly figure."""
