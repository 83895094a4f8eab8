"""The command line: one module per family of commands, each with `add_parsers`. Modules that draw or serve are
imported by the command that needs them, so that `quarterdeck get` starts without Textual or aiohttp."""
