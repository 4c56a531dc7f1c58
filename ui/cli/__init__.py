"""The command line: `main` names every command and option, the module of a command holds its body.

In: words. Out: plain lines or JSON on standard output, at most three lines on standard error, an exit code
(`output`). Commands import what they need when they run.
"""
