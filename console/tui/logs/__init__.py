"""What the log screen shows: which containers it reads, what of their lines it keeps and which of these it shows."""
