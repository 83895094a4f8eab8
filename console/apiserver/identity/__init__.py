"""Who is who: ServiceAccounts and their tokens, impersonation, and reviews that say so to others."""
