"""The dashboard: reads the reports, works out who uses the tool and who left, and shows it."""
