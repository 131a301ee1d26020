"""The report of a plan of experiments: statistics, pictures and tables from the metrics of all runs. See experiments/README.md."""
