"""The screens: tables, text, logs, rollout, why, dialogs."""
