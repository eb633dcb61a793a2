"""The machinery: study -> plan -> runs -> executors -> tracking, and the command line.

It runs any `Experiment`: a typed configuration and a function that takes it and returns metrics.
"""
