"""What `make run`, `make down` and `make purge` do to this machine.

`plan` decides from facts (pure), `host` and `cluster` act, `journal` remembers what was started and made so that
`down` removes exactly that, however the work was cut off."""
