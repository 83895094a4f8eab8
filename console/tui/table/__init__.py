"""The table of the console: a pure model (rows, filter, order, cursor, marks), a pure layout, and the widget."""
