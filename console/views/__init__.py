"""What people see of an object, as pure functions: ages, statuses, table columns, descriptions, rollouts.

The console and its command-line twins share these modules, so a word or a figure is the same in both. Nothing here
does I/O, reads a clock or knows a terminal.
"""
