"""Faults on demand: small objects that are hung into the simulated bench at defined places.

``Bench(setup, die, faults=[...])`` builds a bench with them; nothing on the command line does.
Each fault says where it strikes and, by its `When`, at which moment:

`flex`     what travels between a program and the mainframe: replies, lines, the error queue
`calls`    what the C functions of the WGFMU library answer
`modules`  modules that are missing, of another model or failed, and RSUs
`pads`     the chip and its probes: open and shorted pads, address lines, stuck devices, contacts
"""
