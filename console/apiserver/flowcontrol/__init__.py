"""API priority and fairness: which flow a request belongs to, and how many of each are served at once."""
