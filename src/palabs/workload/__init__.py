"""The ancestry workload: a folder for `confide workload build`, and the code that the rest of palabs shares."""
