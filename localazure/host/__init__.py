"""The Azure Functions host on one machine: triggers and bindings around Microsoft's own Python worker library.

It plays what a Python v2 app of HTTP, Event Grid, timer and Storage queue functions uses, and refuses anything else at
start. Its behaviour follows the public sources of the Functions host and its extensions.
"""
