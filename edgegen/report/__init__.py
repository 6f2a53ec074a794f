"""Reports: `report.json` and what the commands print."""
