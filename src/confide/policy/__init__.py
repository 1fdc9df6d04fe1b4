"""Is it what the owner wants? The typed policy file and the appraisal of verified evidence."""
