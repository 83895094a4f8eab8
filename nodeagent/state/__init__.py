"""The pod state machine: synchronous and pure. Events in, instructions out; no await, no clock, no engine.

`machine.PodMachine` is the door. The neighbours are `nodeagent/pods.py`, which executes instructions and turns results
into events, and tests, which do the same with a script.
"""
