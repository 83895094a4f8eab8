"""The pod state machine: synchronous and pure. Events in, instructions out; no await, no clock, no engine."""
